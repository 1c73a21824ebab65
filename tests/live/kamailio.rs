//! Kamailio as the carrier in front: it stays in every dialog by Record-Route, asks for digest within dialogs too,
//! and is a registrar.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{CONFIG, NUMBER, Net, Ringtag, wait_for};
use crate::pjsip::{CALLEE_HZ, CALLER_HZ, Pjsip, Settings, record};
use crate::sipp::as_proc_shows;
use crate::sound::{assert_heard, assert_tone, channels};

const SCRIPT: &str = include_str!("kamailio.cfg");

/// A running Kamailio at the carrier's host; its phone lives beside it.
struct Kamailio {
    child: Child,
    folder: PathBuf,
}

impl Kamailio {
    /// Starts one; `by_registration`: calls to ringtag go where it registered.
    fn start(net: Net, folder: &Path, by_registration: bool) -> Self {
        let folder = folder.join("kamailio");
        fs::create_dir_all(&folder).unwrap();
        let config = folder.join("kamailio.cfg");
        let script = SCRIPT
            .replace("{by_registration}", if by_registration { "1" } else { "0" })
            .replace("{carrier}", &net.carrier().to_string())
            .replace("{ringtag}", &net.ringtag().to_string())
            .replace("{phone}", &phone(net).to_string());
        fs::write(&config, script).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        let child = Command::new("kamailio")
            .args(["-DD", "-E", "-m", "32", "-M", "4", "-f"])
            .arg(&config)
            .arg("-Y")
            .arg(&folder)
            .arg("-w")
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("kamailio is installed (Debian: kamailio)");
        let kamailio = Self { child, folder };
        let address = as_proc_shows(SocketAddr::from((net.carrier(), 5060)));
        let bound = wait_for(|| {
            let table = fs::read_to_string("/proc/net/udp").unwrap();
            table.contains(&address).then_some(())
        });
        bound.unwrap_or_else(|| panic!("kamailio does not start:\n{}", kamailio.log()));
        kamailio
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap()
    }

    /// Waits until it has said this.
    fn wait_for(&self, what: &str) {
        let said = wait_for(|| self.log().contains(what).then_some(()));
        said.unwrap_or_else(|| panic!("no {what:?} in\n{}", self.log()));
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // Its children end with it, when it is asked and not killed.
        let _sent = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let _status = self.child.wait();
        if std::thread::panicking() {
            eprintln!("kamailio's log:\n{}", self.log());
        }
    }
}

/// Where the carrier's phone lives.
fn phone(net: Net) -> Ipv4Addr {
    net.host(6)
}

/// The carrier is known by name and password and may be Kamailio alone.
fn config(more: &str, rule: &str) -> String {
    let id = "id = \"carrier\"\n";
    let known = format!("{id}username = \"office\"\npassword = \"s3cret\"\n{more}");
    let mobile = "[[manager]]\nid = \"mobile\"\nnumber = \"+79160000000\"\ntrunk = \"carrier\"\n";
    let config = CONFIG.replacen(id, &known, 1);
    format!("{config}\n{mobile}\n[[rule]]\nid = \"all\"\nto = \"{rule}\"\n")
}

/// Kamailio, ringtag behind it, and two phones.
struct Line {
    caller: Pjsip,
    callee: Pjsip,
    ringtag: Ringtag,
    kamailio: Kamailio,
    _folder: TempDir,
}

impl Line {
    fn start(
        config: &str,
        by_registration: bool,
        [caller, callee]: [fn(Net) -> Ipv4Addr; 2],
    ) -> Self {
        let net = Net::take();
        let folder = tempfile::tempdir().unwrap();
        let kamailio = Kamailio::start(net, folder.path(), by_registration);
        let ringtag = Ringtag::start_in(net, tempfile::tempdir().unwrap(), config).unwrap();
        let start = |user, host, hz, answers| {
            let settings = Settings {
                user,
                host,
                hz,
                answers,
                more: json!({}),
            };
            Pjsip::start(&folder.path().join(user), settings)
        };
        Self {
            caller: start("+79161234567", caller(net), CALLER_HZ, &[]),
            callee: start("101", callee(net), CALLEE_HZ, &[180, 200]),
            ringtag,
            kamailio,
            _folder: folder,
        }
    }

    /// Dials our number at `host`, and talks.
    fn talk(&mut self, host: Ipv4Addr) {
        let to = format!("sip:{NUMBER}@{host}:5060");
        self.caller.tell(&json!({ "do": "dial", "to": to }));
        self.callee.wait_for_state("CONFIRMED");
        self.caller.wait_for_state("CONFIRMED");
        record(&self.ringtag, 2);
    }

    /// One holds and resumes by this request, and the other sees it.
    fn hold(&mut self, by_caller: bool, method: &str) {
        let (holds, held) = match by_caller {
            true => (&mut self.caller, &mut self.callee),
            false => (&mut self.callee, &mut self.caller),
        };
        for (direction, status) in [("sendonly", 3), ("sendrecv", 1)] {
            holds.offer(method, direction);
            held.wait_for(&json!({ "event": "media", "status": status }));
        }
    }

    /// One hangs up. Returns the record, and what Kamailio said.
    fn end(mut self, by_caller: bool) -> (Value, String) {
        let (ends, other) = match by_caller {
            true => (&mut self.caller, &mut self.callee),
            false => (&mut self.callee, &mut self.caller),
        };
        ends.tell(&json!({ "do": "hangup" }));
        ends.wait_for_state("DISCONNECTED");
        other.wait_for_state("DISCONNECTED");
        let call = self.ringtag.ended_calls(1).remove(0);
        assert_eq!(call["finish_reason"], "completed");
        assert_eq!(
            call["hung_up_by"],
            if by_caller { "caller" } else { "callee" }
        );
        let sides = channels(&self.ringtag.recording_of(&call));
        assert_tone("left channel", &sides[0], CALLER_HZ, CALLEE_HZ);
        assert_tone("right channel", &sides[1], CALLEE_HZ, CALLER_HZ);
        assert_heard(
            "the caller's ear",
            &self.caller.quit(),
            CALLEE_HZ,
            CALLER_HZ,
        );
        assert_heard(
            "the callee's ear",
            &self.callee.quit(),
            CALLER_HZ,
            CALLEE_HZ,
        );
        (call, self.kamailio.log())
    }
}

fn assert_said(log: &str, wanted: &[String]) {
    for line in wanted {
        assert!(log.contains(line), "no {line:?} in\n{log}");
    }
}

#[test]
fn a_call_from_a_carrier_behind_kamailio_keeps_to_its_route_both_ways() {
    let mut line = Line::start(&config("", "manager:desk"), false, [phone, Net::pbx]);
    let net = line.ringtag.net;
    line.talk(net.carrier());
    line.hold(true, "INVITE");
    line.hold(false, "INVITE");
    line.hold(true, "UPDATE");
    line.hold(false, "UPDATE");
    // Every change breaks a tone for a moment.
    record(&line.ringtag, 3);
    let (call, log) = line.end(false);
    assert_eq!(call["caller"], "+79161234567");
    assert_eq!(call["legs"][0]["trunk"], "carrier");
    let (phone, us) = (phone(net), net.ringtag());
    assert_said(
        &log,
        &[
            format!("routed: ACK from {phone}"),
            format!("routed: INVITE from {phone}"),
            format!("routed: INVITE from {us}"),
            format!("routed: UPDATE from {phone}"),
            format!("routed: UPDATE from {us}"),
            format!("routed: ACK from {us}"),
            format!("routed: BYE from {us}"),
        ],
    );
}

#[test]
fn a_call_to_a_mobile_behind_kamailio_is_proven_and_keeps_to_its_route() {
    let mut line = Line::start(&config("", "manager:mobile"), false, [Net::pbx, phone]);
    let net = line.ringtag.net;
    line.talk(net.ringtag());
    line.hold(true, "INVITE");
    line.hold(false, "INVITE");
    line.hold(true, "UPDATE");
    line.hold(false, "UPDATE");
    // Every change breaks a tone for a moment.
    record(&line.ringtag, 3);
    let (call, log) = line.end(true);
    assert_eq!(call["manager"], "mobile");
    assert_eq!(call["legs"][1]["trunk"], "carrier");
    let (phone, us) = (phone(net), net.ringtag());
    assert_said(
        &log,
        &[
            "proven: INVITE of office".to_owned(),
            "proven: UPDATE of office".to_owned(),
            format!("routed: ACK from {us}"),
            format!("routed: INVITE from {us}"),
            format!("routed: INVITE from {phone}"),
            format!("routed: UPDATE from {us}"),
            format!("routed: UPDATE from {phone}"),
            format!("routed: BYE from {us}"),
        ],
    );
}

#[test]
fn a_call_over_a_registration_at_kamailio_arrives() {
    let config = config("register = true\n", "manager:desk");
    let mut line = Line::start(&config, true, [phone, Net::pbx]);
    let net = line.ringtag.net;
    line.kamailio.wait_for("registered: office");
    line.ringtag.wait_for("the registration", || {
        (line.ringtag.metric("ringtag_registrations") == 1.0).then_some(())
    });
    line.talk(net.carrier());
    let (call, log) = line.end(true);
    assert_eq!(call["virtual_number"], NUMBER);
    assert_said(&log, &[format!("routed: BYE from {}", phone(net))]);
}
