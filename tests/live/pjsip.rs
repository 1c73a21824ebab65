//! PJSIP phones, which do PRACK, UPDATE, session timers, holds, transfers and TLS, on both sides of ringtag.
//!
//! Each is a process of its own that runs `pjsip.py` with the library that `tests/run` installs under target/pjsip.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{CONFIG, NUMBER, PATIENCE, Ringtag, find, wait_for};
use crate::sound::{assert_heard, assert_tone, channels, write_tone};

pub(crate) const CALLER_HZ: u32 = 440;
pub(crate) const CALLEE_HZ: u32 = 1_000;

/// One phone.
pub(crate) struct Pjsip {
    child: Child,
    say: ChildStdin,
    events: Receiver<Value>,
    seen: Vec<Value>,
    folder: PathBuf,
}

/// How a phone is set up. The keys are those of `pjsip.py`.
pub(crate) struct Settings {
    pub(crate) user: &'static str,
    pub(crate) host: Ipv4Addr,
    pub(crate) hz: u32,
    /// What it answers to a call at once: `[183, 200]`.
    pub(crate) answers: &'static [u16],
    /// Everything else, in the place of the usual.
    pub(crate) more: Value,
}

impl Pjsip {
    /// Starts a phone with its files in `folder`.
    pub(crate) fn start(folder: &Path, settings: Settings) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let tone = folder.join("tone.wav");
        write_tone(&tone, settings.hz, 60);
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new(manifest.join("target/pjsip/bin/python"))
            .arg(manifest.join("tests/live/pjsip.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("PJSIP is installed under target/pjsip (tests/run does it)");
        let mut wanted = json!({
            "user": settings.user, "host": settings.host, "port": 5060, "transport": "udp", "rtp": 30_000,
            "answers": settings.answers, "codecs": ["PCMA/8000/1"],
            "reliable": "off", "timer": "off", "expires_s": 1_800,
            "tone": tone, "heard": folder.join("heard.wav"), "log": folder.join("pjsip.log"),
        });
        for (key, value) in settings.more.as_object().unwrap() {
            wanted[key] = value.clone();
        }
        let (told, events) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            // Before its log file is open, the library writes here too.
            let lines = out.lines().map_while(Result::ok);
            for event in lines.filter_map(|line| serde_json::from_str(&line).ok()) {
                if told.send(event).is_err() {
                    return;
                }
            }
        });
        let mut say = child.stdin.take().unwrap();
        writeln!(say, "{wanted}").unwrap();
        let mut phone = Self {
            child,
            say,
            events,
            seen: Vec::new(),
            folder: folder.to_owned(),
        };
        phone.wait_for(&json!({ "event": "ready" }));
        phone
    }

    /// Tells it to do something: `json!({ "do": "hold" })`.
    pub(crate) fn tell(&mut self, command: &Value) {
        writeln!(self.say, "{command}").unwrap();
    }

    /// Waits for an event with these values, and returns it; the events before it are passed over.
    pub(crate) fn wait_for(&mut self, wanted: &Value) -> Value {
        self.wait_for_at_most(PATIENCE, wanted)
    }

    /// The same, for events that take their time.
    pub(crate) fn wait_for_at_most(&mut self, patience: Duration, wanted: &Value) -> Value {
        loop {
            let Ok(event) = self.events.recv_timeout(patience) else {
                panic!("{wanted:?} never came: {:#?}\n{}", self.seen, self.log());
            };
            self.seen.push(event.clone());
            assert!(event["event"] != "error", "{event}");
            if matches(&event, wanted) {
                return event;
            }
        }
    }

    /// Offers this direction of sound by INVITE or UPDATE, until the other side agrees: it may ask for another try while
    /// something of before lacks its end (RFC 3261 14.1).
    pub(crate) fn offer(&mut self, method: &str, direction: &str) {
        let agreed = wait_for(|| {
            self.tell(&json!({ "do": method, "direction": direction }));
            let done = self.wait_for(&json!({ "event": "done", "role": "UAC", "method": method }));
            let status = done["status"].as_u64().unwrap();
            assert!([200, 491].contains(&status), "{done}");
            (status == 200).then_some(())
        });
        agreed.unwrap_or_else(|| panic!("never agreed:\n{}", self.log()));
    }

    /// Whether an event with these values came so far.
    pub(crate) fn saw(&mut self, wanted: &Value) -> bool {
        self.seen.extend(self.events.try_iter());
        self.seen.iter().any(|event| matches(event, wanted))
    }

    /// Waits until so many more packets of sound have come to its newest call.
    pub(crate) fn hear(&mut self, packets: u64) {
        let mut first = None;
        let heard = wait_for(|| {
            self.tell(&json!({ "do": "count" }));
            let event = self.wait_for(&json!({ "event": "count" }));
            let count = event["packets"].as_u64().unwrap();
            (count >= *first.get_or_insert(count) + packets).then_some(())
        });
        heard.unwrap_or_else(|| panic!("no sound comes:\n{}", self.log()));
    }

    /// Waits until its newest call is in this state.
    pub(crate) fn wait_for_state(&mut self, state: &str) -> Value {
        self.wait_for(&json!({ "event": "state", "state": state }))
    }

    /// Everything it logged so far: all its SIP messages are in it.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("pjsip.log")).unwrap_or_default()
    }

    /// Ends it, and returns what it heard.
    pub(crate) fn quit(mut self) -> Vec<i16> {
        self.tell(&json!({ "do": "quit" }));
        wait_for(|| self.child.try_wait().unwrap()).expect("PJSIP quits");
        channels(&self.folder.join("heard.wav")).remove(0)
    }
}

fn matches(event: &Value, wanted: &Value) -> bool {
    let mut wanted = wanted.as_object().unwrap().iter();
    wanted.all(|(key, value)| event[key] == *value)
}

impl Drop for Pjsip {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _gone = self.child.kill();
            let _status = self.child.wait();
        }
    }
}

/// A caller, a ringtag and a callee.
pub(crate) struct Office {
    pub(crate) caller: Pjsip,
    pub(crate) callee: Pjsip,
    pub(crate) ringtag: Ringtag,
    /// Kept for as long as the phones write into it.
    _folder: TempDir,
}

impl Office {
    /// Starts all three; `caller` and `callee` are more settings of the
    /// phones, `answers` what the callee says to a call at once.
    pub(crate) fn start(
        config: &str,
        caller: Value,
        callee: Value,
        answers: &'static [u16],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rule = "[[rule]]\nid = \"all\"\nto = \"manager:desk\"\n";
        let ringtag = Ringtag::start_with(&format!("{config}\n{rule}"));
        let net = ringtag.net;
        let phone = |user, host, hz, answers, more| {
            let settings = Settings {
                user,
                host,
                hz,
                answers,
                more,
            };
            Pjsip::start(&folder.path().join(user), settings)
        };
        Self {
            caller: phone("+79161234567", net.carrier(), CALLER_HZ, &[], caller),
            callee: phone("101", net.pbx(), CALLEE_HZ, answers, callee),
            ringtag,
            _folder: folder,
        }
    }

    /// Our number, as a phone dials it.
    pub(crate) fn number(&self) -> String {
        let to = SocketAddr::from((self.ringtag.net.ringtag(), 5060));
        format!("sip:{NUMBER}@{to}")
    }

    /// The caller dials our number.
    pub(crate) fn dial(&mut self) {
        let number = self.number();
        self.caller.tell(&json!({ "do": "dial", "to": number }));
    }

    /// Dials, and waits until both phones talk.
    pub(crate) fn talk(&mut self) {
        self.dial();
        self.callee.wait_for_state("CONFIRMED");
        self.caller.wait_for_state("CONFIRMED");
    }

    /// Waits until `seconds` more of the call are on the disk.
    pub(crate) fn record(&self, seconds: u64) {
        record(&self.ringtag, seconds);
    }

    /// The caller hangs up. Returns the record, both channels of the file, and what each phone heard.
    pub(crate) fn hang_up(mut self) -> (Value, [Vec<i16>; 2], [Vec<i16>; 2]) {
        self.end_call();
        self.finish()
    }

    /// The caller hangs up.
    pub(crate) fn end_call(&mut self) {
        self.caller.tell(&json!({ "do": "hangup" }));
        self.caller.wait_for_state("DISCONNECTED");
        self.callee.wait_for_state("DISCONNECTED");
    }

    /// The call is over: it was completed, and each side's tone is in its own channel and at the other end.
    /// Returns the record.
    pub(crate) fn finish_with_sound(self) -> Value {
        let (call, [left, right], [caller, callee]) = self.finish();
        assert_eq!(call["finish_reason"], "completed");
        assert_tone("left channel", &left, CALLER_HZ, CALLEE_HZ);
        assert_tone("right channel", &right, CALLEE_HZ, CALLER_HZ);
        assert_heard("the caller's ear", &caller, CALLEE_HZ, CALLER_HZ);
        assert_heard("the callee's ear", &callee, CALLER_HZ, CALLEE_HZ);
        call
    }

    /// The call is over. Returns the record, both channels of the file, and what each phone heard.
    pub(crate) fn finish(self) -> (Value, [Vec<i16>; 2], [Vec<i16>; 2]) {
        let call = self.ringtag.ended_calls(1).remove(0);
        let sides = channels(&self.ringtag.recording_of(&call));
        let sides = sides.try_into().expect("two channels");
        (call, sides, [self.caller.quit(), self.callee.quit()])
    }
}

/// Waits until `seconds` more of the only call are on the disk.
pub(crate) fn record(ringtag: &Ringtag, seconds: u64) {
    let size = || {
        let file = find(&ringtag.recordings(), ".wav.part")?;
        std::fs::metadata(file).ok().map(|file| file.len())
    };
    let before = size().unwrap_or_default();
    ringtag.wait_for("more of the recording", || {
        (size()? >= before + seconds * 8_000 * 4).then_some(())
    });
}

#[test]
fn pjsip_talks_to_pjsip_holds_resumes_and_sends_digits() {
    let mut office = Office::start(CONFIG, json!({}), json!({}), &[180, 200]);
    office.talk();
    office.record(2);
    office
        .caller
        .tell(&json!({ "do": "digits", "digits": "7" }));
    office
        .callee
        .wait_for(&json!({ "event": "digit", "digit": "7" }));
    office.callee.tell(&json!({ "do": "hold" }));
    // 3: the other side holds.
    office
        .caller
        .wait_for(&json!({ "event": "media", "status": 3 }));
    office.callee.tell(&json!({ "do": "resume" }));
    office
        .caller
        .wait_for(&json!({ "event": "media", "status": 1 }));
    office.record(2);
    office.end_call();
    let call = office.finish_with_sound();
    assert_eq!(call["legs"][0]["digits"], "7");
}
