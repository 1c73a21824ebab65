//! sipp places and takes calls: answered, cancelled, busy, unanswered, on hold, over TCP, five hundred at once.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::harness::{NUMBER, Ringtag, wait_for};
use crate::script::Script;

/// One sipp process.
pub(crate) struct Sipp {
    child: Child,
    name: &'static str,
    folder: PathBuf,
    at: SocketAddr,
}

impl Sipp {
    /// Runs one scenario of this folder on `host`, port 5060, for `calls` calls against ringtag.
    pub(crate) fn run(
        ringtag: &Ringtag,
        scenario: &'static str,
        host: Ipv4Addr,
        calls: u32,
        more: &[&str],
    ) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/live/sipp")
            .join(format!("{scenario}.xml"));
        let host = SocketAddr::from((host, 5060));
        let ringtag_at = SocketAddr::from((ringtag.net.ringtag(), 5060));
        Self::launch(
            (ringtag.folder.path(), scenario),
            &file,
            host,
            ringtag_at,
            calls,
            more,
        )
    }

    /// Plays a script once on `host`, port 5060, against ringtag.
    pub(crate) fn play(ringtag: &Ringtag, script: &Script, host: Ipv4Addr) -> Self {
        let ringtag_at = SocketAddr::from((ringtag.net.ringtag(), 5060));
        Self::play_at(
            ringtag.folder.path(),
            script,
            SocketAddr::from((host, 5060)),
            ringtag_at,
        )
    }

    /// Plays a script once from `host` against a ringtag that listens there, or will.
    pub(crate) fn play_at(
        folder: &Path,
        script: &Script,
        host: SocketAddr,
        ringtag: SocketAddr,
    ) -> Self {
        let file = folder.join(format!("{}.xml", script.name));
        fs::write(&file, script.xml()).unwrap();
        Self::launch((folder, script.name), &file, host, ringtag, 1, &[])
    }

    fn launch(
        (folder, name): (&Path, &'static str),
        file: &Path,
        host: SocketAddr,
        ringtag: SocketAddr,
        calls: u32,
        more: &[&str],
    ) -> Self {
        let folder = folder.join(format!("{name}-{}-{}", host.ip(), host.port()));
        fs::create_dir_all(&folder).unwrap();
        let output = fs::File::create(folder.join("screen")).unwrap();
        let (ip, port) = (host.ip().to_string(), host.port().to_string());
        let child = Command::new("sipp")
            .current_dir(&folder)
            .arg("-sf")
            .arg(file)
            .args(["-i", &ip, "-mi", &ip, "-p", &port])
            .args(["-s", NUMBER, "-m", &calls.to_string()])
            .args([
                "-nostdin",
                "-trace_err",
                "-trace_msg",
                "-message_file",
                "messages",
                "-timeout",
                "150s",
                "-timeout_error",
            ])
            .args(more)
            .arg(ringtag.to_string())
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .expect("sipp is installed (Debian: sip-tester)");
        let sipp = Self {
            child,
            name,
            folder,
            at: host,
        };
        sipp.wait_until_bound(host, more.contains(&"t1"));
        sipp
    }

    /// A UAS that is not listening yet would answer nothing: wait for its socket.
    fn wait_until_bound(&self, host: SocketAddr, tcp: bool) {
        if tcp && self.name.starts_with("uac") {
            return;
        }
        let address = as_proc_shows(host);
        let table = match (tcp, host.is_ipv4()) {
            (true, _) => "/proc/net/tcp",
            (false, true) => "/proc/net/udp",
            (false, false) => "/proc/net/udp6",
        };
        wait_for(|| {
            fs::read_to_string(table)
                .unwrap()
                .contains(&address)
                .then_some(())
        })
        .unwrap_or_else(|| panic!("{} binds {host}: {}", self.name, self.said()));
    }

    /// Every message that it sent and received so far.
    pub(crate) fn messages(&self) -> String {
        fs::read_to_string(self.folder.join("messages")).unwrap_or_default()
    }

    /// Waits until it has received so many requests of a method.
    pub(crate) fn wait_for_messages(&self, method: &str, count: usize) {
        let seen = wait_for(|| {
            let text = self.messages();
            let first = format!("\n{method} ");
            (text.matches(&first).count() >= count).then_some(())
        });
        seen.unwrap_or_else(|| panic!("{}: {count} of {method}: {}", self.name, self.said()));
    }

    /// Tells it to go on, where its script waits for that: in a request of its call that comes past ringtag.
    pub(crate) fn go_on(&self) {
        let id = wait_for(|| {
            let text = self.messages();
            let mut ids = text
                .lines()
                .filter_map(|line| line.strip_prefix("Call-ID: "));
            ids.next().map(str::to_owned)
        });
        let id = id.unwrap_or_else(|| panic!("{}: no call: {}", self.name, self.said()));
        let local = match self.at {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
        };
        let socket = UdpSocket::bind(local).unwrap();
        let from = socket.local_addr().unwrap();
        let word = format!(
            "MESSAGE sip:phone@{at} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKword\r\nMax-Forwards: 70\r\n\
             From: <sip:test@{from}>;tag=test\r\nTo: <sip:phone@{at}>\r\nCall-ID: {id}\r\nCSeq: 1 MESSAGE\r\n\
             Content-Length: 0\r\n\r\n",
            at = self.at,
        );
        socket.send_to(word.as_bytes(), self.at).unwrap();
    }

    /// Waits for the end; every call must have gone as the scenario says.
    pub(crate) fn succeed(mut self) {
        let status = wait_for(|| self.child.try_wait().unwrap());
        let code = status.and_then(|status| status.code());
        assert_eq!(code, Some(0), "{}: {}", self.name, self.said());
    }

    /// What it complained of, and its last screen.
    fn said(&self) -> String {
        let mut said = String::new();
        for entry in fs::read_dir(&self.folder).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            let from = text.len().saturating_sub(6_000);
            said.push_str(text.get(from..).unwrap_or(&text));
        }
        said
    }
}

/// An address as the tables in /proc/net write it: each 32-bit word in the machine's order.
pub(crate) fn as_proc_shows(address: SocketAddr) -> String {
    let octets = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let words = octets.chunks_exact(4).map(|four| {
        let word = u32::from_ne_bytes(four.try_into().unwrap());
        format!("{word:08X}")
    });
    format!("{}:{:04X}", words.collect::<String>(), address.port())
}

impl Drop for Sipp {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _gone = self.child.kill();
            let _status = self.child.wait();
        }
    }
}

pub(crate) const TO_DESK: &str = "[[rule]]\nid = \"all\"\nto = \"manager:desk\"\n";
pub(crate) const DESK_THEN_SECOND: &str =
    "[[rule]]\nid = \"all\"\nto = [\"manager:desk\", \"manager:second\"]\nring_s = 2\n";

#[test]
fn an_answered_call_is_bridged_recorded_and_logged() {
    let ringtag = Ringtag::start(TO_DESK);
    let pbx = Sipp::run(&ringtag, "uas", ringtag.net.pbx(), 1, &[]);
    let carrier = Sipp::run(&ringtag, "uac", ringtag.net.carrier(), 1, &[]);
    carrier.succeed();
    pbx.succeed();
    let calls = ringtag.ended_calls(1);
    let call = &calls[0];
    assert_eq!(call["finish_reason"], "completed");
    assert_eq!(call["source"], "billboard");
    assert_eq!(call["manager"], "desk");
    assert_eq!(call["rule"], "all");
    assert_eq!(call["hung_up_by"], "caller");
    assert_eq!(call["caller"], "+79990000001");
    assert_eq!(call["answered"], true);
    assert_eq!(call["legs"].as_array().unwrap().len(), 2);
    let file = ringtag.recording_of(call);
    assert!(file.is_file(), "{}", file.display());
    let (code, out, _) = ringtag.command(&["verify"]);
    assert_eq!(code, Some(0), "{out}");
    let (status, _) = ringtag.stop();
    assert!(status.success());
}

#[test]
fn a_caller_who_gives_up_cancels_the_ringing_target() {
    let ringtag = Ringtag::start(TO_DESK);
    let pbx = Sipp::run(&ringtag, "uas_cancelled", ringtag.net.pbx(), 1, &[]);
    let carrier = Sipp::run(&ringtag, "uac_cancel", ringtag.net.carrier(), 1, &[]);
    carrier.succeed();
    pbx.succeed();
    let calls = ringtag.ended_calls(1);
    assert_eq!(calls[0]["finish_reason"], "caller-gave-up");
    assert_eq!(calls[0]["missed"], true);
    assert_eq!(calls[0]["targets_tried"][0]["result"], "cancelled");
}

#[test]
fn nobody_answers_and_the_next_target_does() {
    let ringtag = Ringtag::start(DESK_THEN_SECOND);
    let desk = Sipp::run(&ringtag, "uas_cancelled", ringtag.net.pbx(), 1, &[]);
    let second = Sipp::run(&ringtag, "uas", ringtag.net.spare(), 1, &[]);
    let carrier = Sipp::run(&ringtag, "uac", ringtag.net.carrier(), 1, &[]);
    carrier.succeed();
    desk.succeed();
    second.succeed();
    let calls = ringtag.ended_calls(1);
    assert_eq!(calls[0]["manager"], "second");
    assert_eq!(calls[0]["targets_tried"][0]["result"], "no-answer");
    assert_eq!(calls[0]["targets_tried"][1]["result"], "answered");
}

#[test]
fn busy_targets_make_the_caller_hear_busy() {
    let ringtag = Ringtag::start(DESK_THEN_SECOND);
    let desk = Sipp::run(&ringtag, "uas_busy", ringtag.net.pbx(), 1, &[]);
    let second = Sipp::run(&ringtag, "uas_busy", ringtag.net.spare(), 1, &[]);
    let carrier = Sipp::run(&ringtag, "uac_busy", ringtag.net.carrier(), 1, &[]);
    carrier.succeed();
    desk.succeed();
    second.succeed();
    let calls = ringtag.ended_calls(1);
    assert_eq!(calls[0]["finish_reason"], "busy");
    assert_eq!(calls[0]["sip_status"], 486);
    assert_eq!(calls[0]["missed"], true);
}

#[test]
fn a_target_that_says_nothing_is_unreachable_and_the_next_one_answers() {
    let ringtag = Ringtag::start(&DESK_THEN_SECOND.replace("ring_s = 2", "ring_s = 20"));
    let second = Sipp::run(&ringtag, "uas", ringtag.net.spare(), 1, &[]);
    let carrier = Sipp::run(&ringtag, "uac", ringtag.net.carrier(), 1, &[]);
    carrier.succeed();
    second.succeed();
    let calls = ringtag.ended_calls(1);
    assert_eq!(calls[0]["targets_tried"][0]["result"], "unreachable");
    assert_eq!(calls[0]["manager"], "second");
}

#[test]
fn hold_and_resume_pass_end_to_end() {
    let ringtag = Ringtag::start(TO_DESK);
    let pbx = Sipp::run(&ringtag, "uas_reinvited", ringtag.net.pbx(), 1, &[]);
    let carrier = Sipp::run(&ringtag, "uac_hold", ringtag.net.carrier(), 1, &[]);
    carrier.succeed();
    pbx.succeed();
    let calls = ringtag.ended_calls(1);
    assert_eq!(calls[0]["finish_reason"], "completed");
}

#[test]
fn a_call_over_tcp_is_bridged_like_any_other() {
    let tcp = crate::harness::CONFIG.replace(
        "host = \"{pbx}:5060\"",
        "host = \"{pbx}:5060\"\ntransport = \"tcp\"",
    );
    let ringtag = Ringtag::start_with(&format!("{tcp}\n{TO_DESK}"));
    let pbx = Sipp::run(&ringtag, "uas", ringtag.net.pbx(), 1, &["-t", "t1"]);
    let carrier = Sipp::run(&ringtag, "uac", ringtag.net.carrier(), 1, &["-t", "t1"]);
    carrier.succeed();
    pbx.succeed();
    let calls = ringtag.ended_calls(1);
    assert_eq!(calls[0]["finish_reason"], "completed");
}

#[test]
fn five_hundred_calls_at_once_all_end_well_and_give_every_port_back() {
    let ringtag = Ringtag::start(TO_DESK);
    let free = ringtag.metric("ringtag_port_pairs_free");
    assert!(free >= 1_000.0, "{free} pairs");
    let pbx = Sipp::run(&ringtag, "uas", ringtag.net.pbx(), 500, &[]);
    let carrier = Sipp::run(
        &ringtag,
        "uac",
        ringtag.net.carrier(),
        500,
        &["-r", "100", "-l", "500", "-d", "25000"],
    );
    ringtag.wait_for("500 calls at once", || {
        (ringtag.metric("ringtag_calls_talking") >= 500.0).then_some(())
    });
    carrier.succeed();
    pbx.succeed();
    let calls = ringtag.ended_calls(500);
    let completed = calls
        .iter()
        .filter(|call| call["finish_reason"] == "completed");
    assert_eq!(completed.count(), 500);
    ringtag.wait_for("every port pair", || {
        (ringtag.metric("ringtag_port_pairs_free") == free).then_some(())
    });
}
