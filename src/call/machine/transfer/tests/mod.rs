//! A caller is sent on by REFER: to whom, when, and what becomes of everybody.

use crate::base::time::Moment;
use crate::call::desk::MediaWish;
use crate::call::rig::*;
use crate::call::story::*;

mod moved;
mod stays;

const GOAL: &str = "Refer-To: <sip:102@127.0.0.1:5070>\r\n";

const ASKS: &str = "Proxy-Authenticate: Digest realm=\"pbx\", nonce=\"n1\", qop=\"auth\"\r\n";

fn rig() -> Rig {
    Rig::with(one_by_one(&["101"]), trunks_that_transfer())
}

/// The REFER is accepted; returns the INVITE that follows.
#[track_caller]
fn sent_on(rig: &mut Rig, callee: &mut Peer) -> String {
    let refer = callee.refer(GOAL);
    rig.from(PBX, &refer);
    let all = rig.all_to(PBX);
    let found = |start: &str| all.iter().find(|text| begins(text, start)).cloned();
    let accepted = found("SIP/2.0 202").expect("202");
    assert_eq!(header(&accepted, "Contact"), "<sip:127.0.0.1:5060>");
    let notify = found("NOTIFY").expect("NOTIFY");
    assert_eq!(header(&notify, "Event"), "refer");
    assert!(header(&notify, "Subscription-State").starts_with("active;"));
    assert_eq!(
        header(&notify, "Content-Type"),
        "message/sipfrag;version=2.0"
    );
    assert_eq!(body(&notify), "SIP/2.0 100 Trying\r\n");
    rig.from(PBX, &reply(&notify, 200, "", ""));
    found("INVITE").expect("INVITE")
}

/// Whom the caller is sent on to takes it.
fn new_party_answers(rig: &mut Rig, toward: &str) {
    let answer = sdp("127.0.0.4", 6_000, "");
    rig.from(PBX, &reply(toward, 200, "new", &answer));
}

/// The new party takes no digits, and the caller is asked; returns that and what the new party said.
fn answered_without_digits(rig: &mut Rig, toward: &str) -> (String, String) {
    let no_digits = sdp("127.0.0.4", 6_000, "")
        .replace("8 101", "8")
        .replace("a=rtpmap:101 telephone-event/8000\r\n", "");
    rig.from(PBX, &reply(toward, 200, "new", &no_digits));
    (rig.to(CARRIER, "INVITE"), no_digits)
}

/// Reads the last word on the transfer, and answers it.
#[track_caller]
fn last_word(rig: &mut Rig, all: &[String], said: &str) {
    let notify = all
        .iter()
        .find(|text| begins(text, "NOTIFY") && body(text).contains(said))
        .unwrap_or_else(|| panic!("no {said} among {all:#?}"));
    assert_eq!(
        header(notify, "Subscription-State"),
        "terminated;reason=noresource"
    );
    rig.from(PBX, &reply(notify, 200, "", ""));
}

fn turns(rig: &Rig) -> Vec<(u64, Moment)> {
    let turn = |wish: &MediaWish| {
        if let MediaWish::Turn { callee, at, .. } = wish {
            Some((callee.0 & 0xff, *at))
        } else {
            None
        }
    };
    rig.media.iter().filter_map(turn).collect()
}

fn transferred(rig: &Rig) -> Vec<(TriedResult, Option<u16>, bool)> {
    let told = |fact: &Fact| {
        if let What::Transferred(told) = &fact.what {
            let transfer = &told.transfer;
            Some((transfer.result, transfer.sip_status, told.dialog.is_some()))
        } else {
            None
        }
    };
    rig.facts.iter().filter_map(told).collect()
}
