//! Two calls through ringtag become one: a manager who took both puts the two callers together.

use crate::base::id::CallId;
use crate::call::desk::MediaWish;
use crate::call::rig::*;
use crate::call::story::*;
use crate::call::trunk::{Addresses, Trunk};

mod apart;
mod encrypted;
mod joined;
mod refused;

/// The second caller's trunk.
const SECOND: &str = "127.0.0.1:5068";

fn lines() -> Vec<(Trunk, Addresses)> {
    let mut lines = trunks_that_transfer();
    lines.push((trunk("second", 5068), at(&[SECOND])));
    lines
}

/// One end of a call: its dialog as that telephone sees it, and what it said of its sound.
struct Phone {
    peer: Peer,
    sdp: String,
}

impl Phone {
    /// Says something in its dialog.
    fn says(&mut self, rig: &mut Rig, method: &str, body: &str) {
        rig.says(&mut self.peer, method, body);
    }

    /// Answers the re-INVITE that ringtag sent it last.
    fn agrees(&self, rig: &mut Rig) -> String {
        let ask = rig.to(self.peer.address, "INVITE");
        rig.from(self.peer.address, &reply(&ask, 200, "", &self.sdp));
        ask
    }
}

/// Two calls of two callers to one manager: the first caller, the second, and the manager's telephone in both.
struct Both {
    rig: Rig,
    first: Phone,
    second: Phone,
    manager: [Phone; 2],
}

impl Both {
    fn up() -> Self {
        Self::with(lines())
    }

    fn with(lines: Vec<(Trunk, Addresses)>) -> Self {
        Self::of(lines, sdp("127.0.0.6", 4_600, ""))
    }

    /// The second caller says this of its sound.
    fn of(lines: Vec<(Trunk, Addresses)>, own: String) -> Self {
        let mut rig = Rig::with(one_by_one(&["101"]), lines);
        let (caller, callee) = rig.up();
        let (first, in_first) = (
            phone(caller, sdp("127.0.0.2", 4_000, "")),
            phone(callee, sdp("127.0.0.3", 5_000, "")),
        );
        rig.seconds(3);
        let invite = invite(NUMBER, &own)
            .replace(CARRIER, SECOND)
            .replace("incoming", "second")
            .replace("bKin", "bKsecond")
            .replace("tag=from", "tag=boris")
            .replace("+79160000001", "+79160000002");
        rig.from(SECOND, &invite);
        let toward = rig.to(PBX, "INVITE");
        let theirs = sdp("127.0.0.3", 5_002, "");
        rig.from(PBX, &reply(&toward, 200, "desk2", &theirs));
        let ok = rig.to(SECOND, "SIP/2.0 200");
        let mut caller = Peer::caller(&invite, &ok).at(SECOND);
        rig.says(&mut caller, "ACK", "");
        rig.to(PBX, "ACK");
        let in_second = phone(Peer::callee(&toward, "desk2"), theirs);
        rig.seconds(2);
        Self {
            rig,
            first,
            second: phone(caller, own),
            manager: [in_first, in_second],
        }
    }

    /// The REFER in the first call that names the manager's dialog in the second one.
    fn refer(&mut self) -> String {
        let named = named(&self.rig, 2, 1);
        referring(&mut self.manager[0].peer, &named)
    }

    /// The manager asks, and ringtag takes it up.
    fn asked(&mut self) {
        let refer = self.refer();
        self.rig.from(PBX, &refer);
        let all = self.rig.all_to(PBX);
        let accepted = all.iter().any(|text| begins(text, "SIP/2.0 202"));
        assert!(accepted, "{all:?}");
        assert_eq!(told(&all), ["SIP/2.0 100 Trying"]);
    }

    /// The manager asks, and hears at once that it cannot be.
    fn asked_and_failed(&mut self, status: &str) {
        let refer = self.refer();
        self.rig.from(PBX, &refer);
        let all = self.rig.all_to(PBX);
        assert!(begins(&all[0], "SIP/2.0 202"), "{all:?}");
        assert_eq!(told(&all).last().map(String::as_str), Some(status));
        assert_eq!(self.rig.lines_to(SECOND), [""; 0]);
    }

    /// The manager holds the first caller, as managers do before they talk to another one.
    fn hold_the_first(&mut self) {
        let hold = sdp("127.0.0.3", 5_000, "a=sendonly");
        self.manager[0].says(&mut self.rig, "INVITE", &hold);
        let held = self.rig.to(CARRIER, "INVITE");
        let silent = sdp("127.0.0.2", 4_000, "a=recvonly");
        self.rig.from(CARRIER, &reply(&held, 200, "", &silent));
        self.rig.to(CARRIER, "ACK");
        self.rig.to(PBX, "SIP/2.0 200");
        self.manager[0].says(&mut self.rig, "ACK", "");
    }

    /// Both callers talk to each other.
    fn joined(&mut self) {
        self.asked();
        self.second.agrees(&mut self.rig);
        self.rig.to(SECOND, "ACK");
    }

    fn ended(&self, call: u128) -> &Ended {
        let id = CallId::from_bytes(call.to_be_bytes());
        let mut ended = self.rig.facts.iter().filter_map(|fact| {
            if let What::Ended(ended) = &fact.what {
                (fact.call == id).then_some(&**ended)
            } else {
                None
            }
        });
        let one = ended.next().expect("no record");
        assert_eq!(ended.next(), None, "two records of one call");
        one
    }

    /// What the first caller says ends the call that is left, and nothing stays.
    fn over(mut self) {
        self.first.says(&mut self.rig, "BYE", "");
        self.rig.assert_clean();
    }

    /// Nothing has changed: both calls are up, and each caller's BYE ends its own.
    fn both_go_on(mut self) {
        assert_eq!(self.rig.board.live().answered, 2);
        self.rig.everything();
        self.second.says(&mut self.rig, "BYE", "");
        let bye = self.rig.to(PBX, "BYE");
        assert_eq!(tag(&header(&bye, "To")), "desk2");
        assert_eq!(self.ended(2).finish_reason, FinishReason::Completed);
        self.first.says(&mut self.rig, "BYE", "");
        let bye = self.rig.to(PBX, "BYE");
        assert_eq!(tag(&header(&bye, "To")), "callee");
        assert_eq!(self.ended(1).finish_reason, FinishReason::Completed);
        self.rig.assert_clean();
    }
}

const fn phone(peer: Peer, sdp: String) -> Phone {
    Phone { peer, sdp }
}

/// The Replaces that names a dialog of a call, as its peer knows it.
fn named(rig: &Rig, call: u128, side: usize) -> String {
    let id = CallId::from_bytes(call.to_be_bytes());
    let kept = rig.facts.iter().find_map(|fact| {
        if let What::Answered(answered) = &fact.what {
            (fact.call == id).then_some(&answered.dialogs[side])
        } else {
            None
        }
    });
    let kept = kept.unwrap();
    format!(
        "{};to-tag={};from-tag={}",
        kept.call_id,
        tag(&kept.local),
        tag(&kept.remote)
    )
}

fn referring(peer: &mut Peer, replaces: &str) -> String {
    let escaped = replaces
        .replace(';', "%3B")
        .replace('=', "%3D")
        .replace('@', "%40");
    peer.refer(&format!(
        "Refer-To: <sip:127.0.0.1:5060?Replaces={escaped}>\r\n"
    ))
}

/// What the manager was told of how it goes, in order.
fn told(texts: &[String]) -> Vec<String> {
    let notifies = texts.iter().filter(|text| begins(text, "NOTIFY"));
    notifies
        .map(|text| body(text).trim_end().to_owned())
        .collect()
}

fn bridges(rig: &Rig) -> Vec<(u64, u64)> {
    let ends = |wish: &MediaWish| {
        if let MediaWish::Bridge { caller, callee } = wish {
            Some((caller.0, callee.0))
        } else {
            None
        }
    };
    rig.media.iter().filter_map(ends).collect()
}
