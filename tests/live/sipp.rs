//! sipp places and takes calls: answered, cancelled, busy, unanswered, on hold, over TCP, five hundred at once.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::harness::{NUMBER, Ringtag, wait_for};

/// One sipp process.
pub(crate) struct Sipp {
    child: Child,
    name: &'static str,
    folder: PathBuf,
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
        let name = format!("{scenario}-{host}");
        let folder = ringtag.folder.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/live/sipp")
            .join(format!("{scenario}.xml"));
        let output = fs::File::create(folder.join("screen")).unwrap();
        let child = Command::new("sipp")
            .current_dir(&folder)
            .arg("-sf")
            .arg(file)
            .args([
                "-i",
                &host.to_string(),
                "-mi",
                &host.to_string(),
                "-p",
                "5060",
            ])
            .args(["-s", NUMBER, "-m", &calls.to_string()])
            .args([
                "-nostdin",
                "-trace_err",
                "-timeout",
                "60s",
                "-timeout_error",
            ])
            .args(more)
            .arg(format!("{}:5060", ringtag.net.ringtag()))
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .expect("sipp is installed (Debian: sip-tester)");
        let sipp = Self {
            child,
            name: scenario,
            folder,
        };
        sipp.wait_until_bound(host, more.contains(&"t1"));
        sipp
    }

    /// A UAS that is not listening yet would answer nothing: wait for its socket.
    fn wait_until_bound(&self, host: Ipv4Addr, tcp: bool) {
        let octets = host.octets();
        let address = format!(
            "{:02X}{:02X}{:02X}{:02X}:13C4",
            octets[3], octets[2], octets[1], octets[0]
        );
        let table = if tcp {
            "/proc/net/tcp"
        } else {
            "/proc/net/udp"
        };
        if tcp && self.name.starts_with("uac") {
            return;
        }
        wait_for(|| {
            fs::read_to_string(table)
                .unwrap()
                .contains(&address)
                .then_some(())
        })
        .unwrap_or_else(|| panic!("{} binds {host}:5060: {}", self.name, self.said()));
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

impl Drop for Sipp {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _gone = self.child.kill();
            let _status = self.child.wait();
        }
    }
}

pub(crate) const TO_DESK: &str = "[[rule]]\nid = \"all\"\nto = \"manager:desk\"\n";
const DESK_THEN_SECOND: &str =
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
    let pbx = Sipp::run(&ringtag, "uas", ringtag.net.pbx(), 500, &[]);
    let carrier = Sipp::run(
        &ringtag,
        "uac",
        ringtag.net.carrier(),
        500,
        &["-r", "100", "-l", "500", "-d", "6000"],
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
        (ringtag.metric("ringtag_port_pairs_free") >= free).then_some(())
    });
}
