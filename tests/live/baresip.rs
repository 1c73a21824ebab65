//! baresip calls baresip through ringtag: each side's tone is in its own channel of the recording and at the other end.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::harness::{CONFIG, NUMBER, Net, Ringtag, find, wait_for};
use crate::sound::{assert_tone, channels, write_tone};

pub(crate) const CALLER_HZ: u32 = 440;
pub(crate) const CALLEE_HZ: u32 = 1_000;

/// One baresip with its own folder and ports; baresip takes no loopback address but 127.0.0.1.
pub(crate) struct Baresip {
    child: Child,
    folder: PathBuf,
    pub(crate) sip: u16,
    control: TcpStream,
    heard: String,
}

impl Baresip {
    pub(crate) fn start(folder: &Path, hz: u32, answers: bool) -> Self {
        Self::start_as(folder, hz, answers, "pcma", "")
    }

    /// The same with this codec (`pcma`, `G722/16000/1`), and this word for how it encrypts (`srtp`, `srtp-mand`).
    pub(crate) fn start_as(folder: &Path, hz: u32, answers: bool, codec: &str, srtp: &str) -> Self {
        fs::create_dir_all(folder).unwrap();
        let tone = folder.join("tone.wav");
        write_tone(&tone, hz, 60);
        let sip = free_pair();
        let control_port = free_tcp();
        let rtp = free_pair();
        let shown = folder.display();
        let config = format!(
            "poll_method poll\nsip_listen 127.0.0.1:{sip}\nnet_interface 127.0.0.1\n\
             audio_source aufile,{tone}\naudio_player aufile,{shown}/played.wav\n\
             ausrc_srate 8000\nauplay_srate 8000\nausrc_channels 1\nauplay_channels 1\naudio_level no\n\
             ringback_disabled yes\nstatmode_default off\nrtp_ports {rtp}-{rtp_max}\njitter_buffer_delay 5-10\n\
             module_path {modules}\nmodule g711.so\nmodule g722.so\nmodule opus.so\nmodule aufile.so\nmodule sndfile.so\nmodule srtp.so\n\
             module_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\nmodule_app debug_cmd.so\n\
             ctrl_tcp_listen 127.0.0.1:{control_port}\nsnd_path {shown}\n",
            tone = tone.display(),
            rtp_max = rtp + 1,
            modules = modules().display(),
        );
        fs::write(folder.join("config"), config).unwrap();
        let (user, mode) = if answers {
            ("101", "auto")
        } else {
            ("+79161234567", "manual")
        };
        let srtp = match srtp {
            "" => String::new(),
            word => format!(";mediaenc={word}"),
        };
        fs::write(
            folder.join("accounts"),
            format!(
                "<sip:{user}@127.0.0.1>;regint=0;answermode={mode};audio_codecs={codec}{srtp}\n"
            ),
        )
        .unwrap();
        fs::write(folder.join("contacts"), "").unwrap();
        let output = fs::File::create(folder.join("output")).unwrap();
        let child = Command::new("baresip")
            .arg("-f")
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .expect("baresip is installed (Debian: baresip-core)");
        let control = wait_for(|| TcpStream::connect(("127.0.0.1", control_port)).ok())
            .expect("baresip opens its control port");
        control
            .set_read_timeout(Some(std::time::Duration::from_millis(50)))
            .unwrap();
        Self {
            child,
            folder: folder.to_owned(),
            sip,
            control,
            heard: String::new(),
        }
    }

    pub(crate) fn command(&mut self, command: &str, parameters: &str) {
        let json = serde_json::json!({ "command": command, "params": parameters }).to_string();
        write!(self.control, "{}:{json},", json.len()).unwrap();
    }

    /// Waits for an event of the call.
    pub(crate) fn wait_for_event(&mut self, event: &str) {
        let found = wait_for(|| {
            let mut piece = [0; 4_096];
            if let Ok(length) = self.control.read(&mut piece) {
                self.heard
                    .push_str(&String::from_utf8_lossy(&piece[..length]));
            }
            self.heard.contains(event).then_some(())
        });
        found.unwrap_or_else(|| panic!("{event} never came: {}\n{}", self.heard, self.output()));
    }

    /// Ends baresip, so that its dump is complete, and returns what it heard.
    pub(crate) fn quit(mut self) -> Vec<i16> {
        self.command("quit", "");
        wait_for(|| self.child.try_wait().unwrap()).expect("baresip quits");
        let dump = fs::read_dir(&self.folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.to_string_lossy().ends_with("-dec.wav"))
            .unwrap_or_else(|| panic!("no dump: {}", self.output()));
        channels(&dump).remove(0)
    }

    fn output(&self) -> String {
        fs::read_to_string(self.folder.join("output")).unwrap()
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _gone = self.child.kill();
            let _status = self.child.wait();
        }
    }
}

fn modules() -> PathBuf {
    [
        "/usr/lib/baresip/modules",
        "/usr/lib/x86_64-linux-gnu/baresip/modules",
        "/usr/lib/aarch64-linux-gnu/baresip/modules",
    ]
    .iter()
    .map(PathBuf::from)
    .find(|path| path.join("g711.so").is_file())
    .expect("baresip's modules are installed (Debian: baresip-core)")
}

/// An even UDP port whose neighbour is free too; baresip takes both.
fn free_pair() -> u16 {
    wait_for(|| {
        let first = UdpSocket::bind("127.0.0.1:0").ok()?;
        let port = first.local_addr().ok()?.port() & !1;
        drop(first);
        let both = [port, port + 1].map(|port| {
            UdpSocket::bind(("127.0.0.1", port)).is_ok()
                && TcpListener::bind(("127.0.0.1", port)).is_ok()
        });
        (both == [true, true]).then_some(port)
    })
    .expect("two free ports")
}

fn free_tcp() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Two baresips and a ringtag between them.
pub(crate) struct Pair {
    pub(crate) caller: Baresip,
    pub(crate) callee: Baresip,
    pub(crate) net: Net,
    pub(crate) config: String,
    /// Kept for as long as the phones write into it.
    _folder: TempDir,
}

impl Pair {
    /// Starts both phones; ringtag is for the test to start.
    pub(crate) fn start() -> Self {
        Self::start_as("pcma", ["", ""])
    }

    /// The same with one codec, as baresip writes it.
    pub(crate) fn start_with(codec: &str) -> Self {
        Self::start_as(codec, ["", ""])
    }

    /// The same with these words for how caller and callee encrypt.
    pub(crate) fn start_under(srtp: [&str; 2]) -> Self {
        Self::start_as("pcma", srtp)
    }

    fn start_as(codec: &str, [caller, callee]: [&str; 2]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name| folder.path().join(name);
        let caller = Baresip::start_as(&at("caller"), CALLER_HZ, false, codec, caller);
        let callee = Baresip::start_as(&at("callee"), CALLEE_HZ, true, codec, callee);
        let at = |name: &str| format!("host = \"{{{name}}}:5060\"\nallow = [\"{{{name}}}\"]");
        let to = |phone: &Baresip| format!("host = \"127.0.0.1:{}\"", phone.sip);
        let config = CONFIG
            .replace(&at("carrier"), &to(&caller))
            .replace(&at("pbx"), &to(&callee));
        Self {
            caller,
            callee,
            net: Net::take(),
            config: format!("{config}\n[[rule]]\nid = \"all\"\nto = \"manager:desk\"\n"),
            _folder: folder,
        }
    }

    /// Starts ringtag, places the call and waits until more than `seconds` of it are on the disk.
    pub(crate) fn talk(&mut self, seconds: u64) -> Ringtag {
        let folder = tempfile::tempdir().unwrap();
        let ringtag = Ringtag::start_in(self.net, folder, &self.config).expect("ringtag starts");
        let number = format!("sip:{NUMBER}@{}:5060", self.net.ringtag());
        self.caller.command("dial", &number);
        self.caller.wait_for_event("CALL_ESTABLISHED");
        self.callee.wait_for_event("CALL_ESTABLISHED");
        ringtag.wait_for("the growing file", || {
            let file = find(&ringtag.recordings(), ".wav.part")?;
            (fs::metadata(&file).ok()?.len() > seconds * 8_000 * 4).then_some(())
        });
        ringtag
    }
}

#[test]
fn each_side_is_heard_at_the_other_end_and_recorded_in_its_own_channel() {
    let mut pair = Pair::start();
    let ringtag = pair.talk(3);
    let growing = channels(&find(&ringtag.recordings(), ".wav.part").unwrap());
    assert!(growing[0].len() >= 2 * 8_000, "a growing file is playable");
    pair.caller.command("hangup", "");
    pair.caller.wait_for_event("CALL_CLOSED");
    pair.callee.wait_for_event("CALL_CLOSED");

    let calls = ringtag.ended_calls(1);
    assert_eq!(calls[0]["finish_reason"], "completed");
    assert_eq!(calls[0]["hung_up_by"], "caller");
    assert_eq!(calls[0]["recording"]["state"], "complete");
    assert_eq!(calls[0]["legs"][0]["codec"], "PCMA/8000");
    let sides = channels(&ringtag.recording_of(&calls[0]));
    assert_eq!(sides.len(), 2);
    assert_tone("left channel", &sides[0], CALLER_HZ, CALLEE_HZ);
    assert_tone("right channel", &sides[1], CALLEE_HZ, CALLER_HZ);
    assert_tone(
        "the caller's ear",
        &pair.caller.quit(),
        CALLEE_HZ,
        CALLER_HZ,
    );
    assert_tone(
        "the callee's ear",
        &pair.callee.quit(),
        CALLER_HZ,
        CALLEE_HZ,
    );
    let talk_ms = calls[0]["talk_ms"].as_u64().unwrap();
    let recorded_ms = calls[0]["recording"]["duration_ms"].as_u64().unwrap();
    assert!(
        talk_ms.abs_diff(recorded_ms) <= 20,
        "{talk_ms} ms of talk, {recorded_ms} ms recorded"
    );
}

#[test]
fn keys_pressed_are_relayed_and_kept_on_the_record() {
    let mut pair = Pair::start();
    let ringtag = pair.talk(1);
    pair.caller.command("sndcode", "4");
    pair.caller.command("sndcode", "2");
    pair.caller.command("sndcode", "\u{4}");
    let size = |ringtag: &Ringtag| {
        let file = find(&ringtag.recordings(), ".wav.part").unwrap();
        fs::metadata(file).unwrap().len()
    };
    let now = size(&ringtag);
    ringtag.wait_for("a second more", || {
        (size(&ringtag) > now + 8_000 * 4).then_some(())
    });
    pair.callee.command("hangup", "");
    pair.caller.wait_for_event("CALL_CLOSED");
    let calls = ringtag.ended_calls(1);
    assert_eq!(calls[0]["hung_up_by"], "callee");
    assert_eq!(calls[0]["legs"][0]["digits"], "42");
}
