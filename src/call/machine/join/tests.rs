//! Two calls through ringtag become one: a manager who took both puts the two callers together.

use crate::base::id::CallId;
use crate::call::desk::{MediaWish, TRANSFERS_MAX, Told};
use crate::call::rig::*;
use crate::call::story::*;
use crate::call::trunk::{Addresses, Trunk};

/// The second caller's trunk.
const SECOND: &str = "127.0.0.1:5068";

fn lines() -> Vec<(Trunk, Addresses)> {
    let mut lines = trunks();
    lines[1].0.transfers = true;
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
        let text = self.peer.request(method, body);
        rig.from(self.peer.address, &text);
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
        let mut rig = Rig::with(one_by_one(&["101"]), lines);
        let (caller, callee) = rig.up();
        let (first, in_first) = (
            phone(caller, sdp("127.0.0.2", 4_000, "")),
            phone(callee, sdp("127.0.0.3", 5_000, "")),
        );
        rig.seconds(3);
        let own = sdp("127.0.0.6", 4_600, "");
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
        let mut caller = Peer::caller(&invite, &ok);
        caller.address = SECOND;
        let ack = caller.request("ACK", "");
        rig.from(SECOND, &ack);
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
    adding(
        &peer.request("REFER", ""),
        &format!("Refer-To: <sip:127.0.0.1:5060?Replaces={escaped}>\r\n"),
    )
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

#[test]
fn two_callers_of_one_manager_talk_to_each_other_and_each_call_has_its_record() {
    let mut both = Both::up();
    both.asked();
    let ask = both.second.agrees(&mut both.rig);
    // From a port of the call that it comes to, with what the first caller can talk with.
    assert!(body(&ask).contains("m=audio 20010 RTP/AVP 8 101"), "{ask}");
    assert_eq!(tag(&header(&ask, "To")), "boris");
    both.rig.to(SECOND, "ACK");
    assert_eq!(both.rig.lines_to(CARRIER), [""; 0], "it can go on as it is");
    let all = both.rig.all_to(PBX);
    assert_eq!(told(&all), ["SIP/2.0 200 OK"], "{all:?}");
    let bye = all.iter().find(|text| begins(text, "BYE")).unwrap();
    assert_eq!(tag(&header(bye, "To")), "desk2", "who was replaced");
    both.rig.from(PBX, &reply(bye, 200, "", ""));
    let leg = |call: u64, leg: u64| call << 8 | leg;
    assert_eq!(
        bridges(&both.rig).last(),
        Some(&(leg(1, 0), leg(1, 2))),
        "the first caller with a leg of its own call"
    );
    // The second call is over, and says how.
    let ended = both.ended(2);
    assert_eq!(ended.finish_reason, FinishReason::Transferred);
    assert_eq!(ended.hung_up_by, HungUpBy::Callee);
    assert_eq!((ended.answered, ended.missed), (true, false));
    assert_eq!(ended.talk_ms, 2_000);
    let sent = &ended.transfers[0];
    let id = |call: u128| CallId::from_bytes(call.to_be_bytes());
    assert_eq!(sent.by, "ext:101@pbx");
    assert_eq!(sent.to, format!("call:{}", id(1)));
    assert_eq!(sent.joined, Some(id(1)));
    assert_eq!(sent.result, TriedResult::Answered);
    assert_eq!(ended.legs.len(), 2);
    // Sound that the second caller sent to the first call's port counts there.
    assert_eq!(ended.legs[0].packets_in, 50);
    // The manager hangs up; the two talk on for longer than any transaction lasts.
    both.manager[0].says(&mut both.rig, "BYE", "");
    both.rig.to(PBX, "SIP/2.0 200");
    both.rig.seconds(60);
    assert_eq!(both.rig.board.live().answered, 1);
    both.second.says(&mut both.rig, "BYE", "");
    both.rig.to(SECOND, "SIP/2.0 200");
    both.rig.to(CARRIER, "BYE");
    let ended = both.ended(1);
    assert_eq!(ended.finish_reason, FinishReason::Completed);
    assert_eq!(ended.hung_up_by, HungUpBy::Callee);
    assert_eq!(ended.talk_ms, 65_000);
    let sent = &ended.transfers[0];
    assert_eq!((&*sent.by, sent.joined), ("ext:101@pbx", Some(id(2))));
    assert_eq!(sent.to, format!("call:{}", id(2)), "and no number");
    assert_eq!(ended.manager.as_deref(), Some("m101"));
    let came = &ended.legs[2];
    assert_eq!(came.role, Some(Role::Transfer));
    assert_eq!(came.sip_call_id, "second");
    assert_eq!((came.joined_ms, came.left_ms), (Some(5_000), Some(65_000)));
    assert_eq!(&*came.trunk, "second");
    both.rig.assert_clean();
}

#[test]
fn the_recording_of_the_first_call_goes_on_and_that_of_the_second_ends() {
    let mut both = Both::up();
    both.joined();
    let id = |call: u128| CallId::from_bytes(call.to_be_bytes());
    let now = both.rig.now;
    let turned = both.rig.media.iter().find_map(|wish| {
        if let MediaWish::Turn { call, at, callee } = wish {
            Some((*call, *at, callee.0 & 0xff))
        } else {
            None
        }
    });
    assert_eq!(turned, Some((id(1), now, 2)));
    let stopped: Vec<_> = both
        .rig
        .media
        .iter()
        .filter(|wish| matches!(wish, MediaWish::StopRecord { .. }))
        .collect();
    assert_eq!(
        stopped,
        [&MediaWish::StopRecord {
            call: id(2),
            at: now
        }]
    );
    both.over();
}

#[test]
fn a_held_caller_is_asked_to_take_the_other_one_and_both_go_on_when_it_refuses() {
    for (status, ends) in [(200, "joined"), (488, "kept")] {
        let mut both = Both::up();
        // As managers do before they talk to another one.
        both.manager[0].says(
            &mut both.rig,
            "INVITE",
            &sdp("127.0.0.3", 5_000, "a=sendonly"),
        );
        let held = both.rig.to(CARRIER, "INVITE");
        let silent = sdp("127.0.0.2", 4_000, "a=recvonly");
        both.rig.from(CARRIER, &reply(&held, 200, "", &silent));
        both.rig.to(CARRIER, "ACK");
        both.rig.to(PBX, "SIP/2.0 200");
        both.manager[0].says(&mut both.rig, "ACK", "");
        both.asked();
        both.second.agrees(&mut both.rig);
        both.rig.to(SECOND, "ACK");
        assert_eq!(bridges(&both.rig).len(), 2);
        let ask = both.rig.to(CARRIER, "INVITE");
        assert!(!body(&ask).contains("a=sendonly"), "{ask}");
        let answer = match status {
            200 => both.first.sdp.clone(),
            _refused => String::new(),
        };
        both.rig.from(CARRIER, &reply(&ask, status, "", &answer));
        both.rig.to(CARRIER, "ACK");
        if ends == "joined" {
            assert_eq!(told(&both.rig.all_to(PBX)), ["SIP/2.0 200 OK"]);
            assert_eq!(both.rig.board.live().answered, 1);
            both.over();
        } else {
            // The second caller hears again what was in force.
            let back = both.second.agrees(&mut both.rig);
            assert!(body(&back).contains("m=audio 20006 "), "{back}");
            both.rig.to(SECOND, "ACK");
            let all = both.rig.all_to(PBX);
            assert_eq!(told(&all).len(), 1, "{all:?}");
            assert_ne!(told(&all), ["SIP/2.0 200 OK"]);
            let ended = both.rig.open.len();
            assert_eq!(ended, 4, "the ports of the leg that never was are free");
            both.both_go_on();
        }
    }
}

#[test]
fn the_second_caller_may_refuse_ask_for_time_or_say_nothing() {
    let mut both = Both::up();
    both.asked();
    let ask = both.rig.to(SECOND, "INVITE");
    both.rig.from(SECOND, &reply(&ask, 488, "", ""));
    both.rig.to(SECOND, "ACK");
    let all = both.rig.all_to(PBX);
    assert_eq!(told(&all), ["SIP/2.0 488 Not Acceptable Here"]);
    both.both_go_on();

    // Glare: it is asked again.
    let mut both = Both::up();
    both.asked();
    let ask = both.rig.to(SECOND, "INVITE");
    both.rig.from(SECOND, &reply(&ask, 491, "", ""));
    both.rig.to(SECOND, "ACK");
    both.rig.seconds(2);
    both.second.agrees(&mut both.rig);
    both.rig.to(SECOND, "ACK");
    assert_eq!(both.ended(2).finish_reason, FinishReason::Transferred);
    both.over();

    // It crosses us for ever: enough is enough.
    let mut both = Both::up();
    both.asked();
    let mut asked = Vec::new();
    for _ in 0..10 {
        for text in both.rig.all_to(SECOND) {
            if begins(&text, "INVITE") {
                asked.push(header(&text, "CSeq"));
                both.rig.from(SECOND, &reply(&text, 491, "", ""));
            }
        }
        both.rig.seconds(2);
    }
    asked.dedup();
    assert_eq!(asked.len(), 5, "{asked:?}");
    both.both_go_on();

    // It ponders for too long, and agrees at the last moment: what was in force is said again.
    let mut both = Both::up();
    both.asked();
    let ask = both.rig.to(SECOND, "INVITE");
    both.rig.from(SECOND, &reply(&ask, 100, "", ""));
    both.rig.seconds(30);
    let cancel = both.rig.to(SECOND, "CANCEL");
    both.rig.from(SECOND, &reply(&cancel, 200, "", ""));
    both.rig.from(SECOND, &reply(&ask, 487, "", ""));
    both.rig.to(SECOND, "ACK");
    both.both_go_on();

    // It is gone: its call ends, and the first one goes on with the manager.
    let mut both = Both::up();
    both.asked();
    both.rig.seconds(33);
    assert_eq!(both.ended(2).finish_reason, FinishReason::SignallingLost);
    let all = both.rig.all_to(PBX);
    assert_eq!(
        told(&all).last().unwrap(),
        "SIP/2.0 480 Temporarily Unavailable"
    );
    assert_eq!(both.rig.board.live().answered, 1);
    both.over();
}

#[test]
fn an_answer_that_shares_no_codec_is_no_reason_to_lose_either_call() {
    let mut both = Both::up();
    both.asked();
    let ask = both.rig.to(SECOND, "INVITE");
    let other = both
        .second
        .sdp
        .replace("RTP/AVP 8", "RTP/AVP 0")
        .replace("a=rtpmap:8 PCMA", "a=rtpmap:0 PCMU");
    both.rig.from(SECOND, &reply(&ask, 200, "", &other));
    let back = both.second.agrees(&mut both.rig);
    assert!(body(&back).contains("m=audio 20006 "), "{back}");
    both.both_go_on();
}

#[test]
fn a_caller_that_hangs_up_while_they_are_joined_leaves_the_other_one_where_it_was() {
    // The second one, before it has agreed.
    let mut both = Both::up();
    both.asked();
    both.rig.to(SECOND, "INVITE");
    both.second.says(&mut both.rig, "BYE", "");
    assert_eq!(both.ended(2).finish_reason, FinishReason::Completed);
    let all = both.rig.all_to(PBX);
    assert_eq!(told(&all), ["SIP/2.0 480 Temporarily Unavailable"]);
    assert_eq!(both.rig.board.live().answered, 1);
    both.over();

    // The first one: the second is put back, or was never told.
    for agreed in [false, true] {
        let mut both = Both::up();
        both.manager[0].says(
            &mut both.rig,
            "INVITE",
            &sdp("127.0.0.3", 5_000, "a=sendonly"),
        );
        let held = both.rig.to(CARRIER, "INVITE");
        let silent = sdp("127.0.0.2", 4_000, "a=recvonly");
        both.rig.from(CARRIER, &reply(&held, 200, "", &silent));
        both.manager[0].says(&mut both.rig, "ACK", "");
        both.rig.everything();
        both.asked();
        let ask = both.rig.to(SECOND, "INVITE");
        let answer = reply(&ask, 200, "", &both.second.sdp);
        if agreed {
            both.rig.from(SECOND, &answer);
            both.rig.to(SECOND, "ACK");
            both.rig.to(CARRIER, "INVITE");
        } else {
            both.rig.from(SECOND, &reply(&ask, 100, "", ""));
        }
        both.first.says(&mut both.rig, "BYE", "");
        assert_eq!(both.ended(1).finish_reason, FinishReason::Completed);
        if !agreed {
            both.rig.to(SECOND, "CANCEL");
            both.rig.from(SECOND, &answer);
        }
        let all = both.rig.all_to(SECOND);
        let back = all.iter().find(|text| begins(text, "INVITE")).unwrap();
        assert!(body(back).contains("m=audio 20006 "), "{back}");
        let again = reply(back, 200, "", &both.second.sdp);
        both.rig.from(SECOND, &again);
        both.rig.seconds(5);
        assert_eq!(both.rig.board.live().answered, 1);
        both.second.says(&mut both.rig, "BYE", "");
        assert_eq!(both.ended(2).finish_reason, FinishReason::Completed);
        both.rig.assert_clean();
    }
}

#[test]
fn a_manager_that_hangs_up_both_at_once_has_its_callers_wait_for_each_other() {
    let mut both = Both::up();
    both.asked();
    both.manager[0].says(&mut both.rig, "BYE", "");
    both.manager[1].says(&mut both.rig, "BYE", "");
    assert_eq!(both.rig.board.live().answered, 2);
    both.rig.all_to(PBX);
    both.second.agrees(&mut both.rig);
    both.rig.seconds(10);
    assert_eq!(both.ended(2).finish_reason, FinishReason::Transferred);
    let again: Vec<_> = both.rig.lines_to(PBX);
    assert!(
        again.iter().all(|line| !line.starts_with("BYE")),
        "{again:?}"
    );
    assert_eq!(both.rig.board.live().answered, 1);
    both.over();

    // And where they cannot be joined, both end.
    let mut both = Both::up();
    both.asked();
    both.manager[0].says(&mut both.rig, "BYE", "");
    both.manager[1].says(&mut both.rig, "BYE", "");
    let ask = both.rig.to(SECOND, "INVITE");
    both.rig.from(SECOND, &reply(&ask, 488, "", ""));
    let bye = both.rig.to(SECOND, "BYE");
    both.rig.from(SECOND, &reply(&bye, 200, "", ""));
    let bye = both.rig.to(CARRIER, "BYE");
    both.rig.from(CARRIER, &reply(&bye, 200, "", ""));
    for call in [1, 2] {
        assert_eq!(both.ended(call).finish_reason, FinishReason::CodecMismatch);
        assert_eq!(both.ended(call).hung_up_by, HungUpBy::System);
    }
    both.rig.assert_clean();
}

#[test]
fn what_is_open_in_the_second_call_comes_to_its_end_first() {
    let mut both = Both::up();
    both.manager[1].says(
        &mut both.rig,
        "INVITE",
        &sdp("127.0.0.3", 5_002, "a=sendonly"),
    );
    let hold = both.rig.to(SECOND, "INVITE");
    both.asked();
    assert_eq!(both.rig.lines_to(SECOND), [""; 0]);
    let silent = sdp("127.0.0.6", 4_600, "a=recvonly");
    both.rig.from(SECOND, &reply(&hold, 200, "", &silent));
    both.rig.to(SECOND, "ACK");
    both.manager[1].says(&mut both.rig, "ACK", "");
    let ask = both.second.agrees(&mut both.rig);
    assert!(!body(&ask).contains("a=sendonly"), "{ask}");
    both.rig.to(SECOND, "ACK");
    assert_eq!(both.ended(2).finish_reason, FinishReason::Transferred);
    both.over();
}

#[test]
fn neither_side_changes_the_second_call_while_it_is_lent() {
    let mut both = Both::up();
    both.asked();
    let ask = both.rig.to(SECOND, "INVITE");
    let hold = sdp("127.0.0.3", 5_002, "a=sendonly");
    both.manager[1].says(&mut both.rig, "INVITE", &hold);
    both.rig.to(PBX, "SIP/2.0 491");
    both.manager[1].says(&mut both.rig, "ACK", "");
    let hold = sdp("127.0.0.6", 4_600, "a=sendonly");
    both.second.says(&mut both.rig, "INVITE", &hold);
    both.rig.to(SECOND, "SIP/2.0 491");
    both.second.says(&mut both.rig, "ACK", "");
    // Nor is it sent anywhere else, nor this one.
    let named = named(&both.rig, 1, 1);
    for manager in &mut both.manager {
        let refer = referring(&mut manager.peer, &named);
        both.rig.from(PBX, &refer);
        both.rig.to(PBX, "SIP/2.0 500");
    }
    both.rig
        .from(SECOND, &reply(&ask, 200, "", &both.second.sdp.clone()));
    both.rig.to(SECOND, "ACK");
    assert_eq!(both.rig.board.live().answered, 1);
    both.over();
}

#[test]
fn who_does_not_know_the_whole_dialog_or_is_on_another_trunk_gets_nobody() {
    for (edit, status) in [
        (("second-is-not", ""), "SIP/2.0 603"),
        (("to-tag", "from-tag%3Dx%3Bto-tag"), "SIP/2.0 400"),
        (("desk2", "desk3"), "SIP/2.0 603"),
        (("desk2", "desk2%3Bearly-only"), "SIP/2.0 486"),
    ] {
        let mut both = Both::up();
        let refer = both.refer();
        let refer = match edit.0 {
            // The Call-ID of the other leg: right tags, wrong dialog.
            "second-is-not" => {
                let named = named(&both.rig, 2, 1);
                let call_id = named.split(';').next().unwrap().replace('@', "%40");
                refer.replace(&call_id, "second")
            }
            from => refer.replace(from, edit.1),
        };
        both.rig.from(PBX, &refer);
        both.rig.to(PBX, status);
        assert_eq!(both.rig.lines_to(SECOND), [""; 0]);
        both.both_go_on();
    }
    // The caller's own dialog in the second call is on another trunk than the manager.
    let mut both = Both::up();
    let named = named(&both.rig, 2, 0);
    let refer = referring(&mut both.manager[0].peer, &named);
    both.rig.from(PBX, &refer);
    both.rig.to(PBX, "SIP/2.0 603");
    both.both_go_on();
    // A trunk that may not transfer.
    let mut lines = lines();
    lines[1].0.transfers = false;
    let mut both = Both::with(lines);
    let refer = both.refer();
    both.rig.from(PBX, &refer);
    both.rig.to(PBX, "SIP/2.0 603");
    both.both_go_on();
}

#[test]
fn a_stranger_to_the_second_call_cannot_have_its_caller_though_it_knows_its_tags() {
    // The first call is taken by somebody on another trunk that may transfer too.
    let mut lines = lines();
    lines[2].0.transfers = true;
    let mut both = Both::with(lines);
    // The second caller's trunk asks within its own dialog, as a caller.
    let named = named(&both.rig, 1, 0);
    let refer = referring(&mut both.second.peer, &named);
    both.rig.from(SECOND, &refer);
    both.rig.to(SECOND, "SIP/2.0 603");
    both.both_go_on();
}

#[test]
fn no_ports_for_the_new_leg_leave_both_calls_as_they_are() {
    let mut both = Both::up();
    both.rig.ports = false;
    both.asked_and_failed("SIP/2.0 503 Service Unavailable");
    both.rig.ports = true;
    both.both_go_on();
}

impl Both {
    fn asked_and_failed(&mut self, status: &str) {
        let refer = self.refer();
        self.rig.from(PBX, &refer);
        let all = self.rig.all_to(PBX);
        assert!(begins(&all[0], "SIP/2.0 202"), "{all:?}");
        assert_eq!(told(&all).last().map(String::as_str), Some(status));
        assert_eq!(self.rig.lines_to(SECOND), [""; 0]);
    }
}

#[test]
fn an_operator_or_a_drain_ends_each_call_with_a_record_of_its_own() {
    for call in [1u128, 2] {
        let mut both = Both::up();
        both.asked();
        let ask = both.rig.to(SECOND, "INVITE");
        both.rig.from(SECOND, &reply(&ask, 100, "", ""));
        let id = CallId::from_bytes(call.to_be_bytes());
        both.rig.tell(Told::HangUp(id));
        let reason = both.ended(call).finish_reason;
        assert_eq!(reason, FinishReason::HungUpByOperator);
        both.rig.tell(Told::EndAll);
        let other = both.ended(3 - call).finish_reason;
        assert_eq!(other, FinishReason::Shutdown);
        both.rig.from(SECOND, &reply(&ask, 487, "", ""));
        both.rig.seconds(40);
        both.rig.assert_clean();
    }
}

#[test]
fn calls_are_joined_as_often_as_they_may_be_sent_on() {
    let mut both = Both::up();
    for _ in 0..TRANSFERS_MAX {
        let named = named(&both.rig, 2, 1);
        let refer = referring(&mut both.manager[0].peer, &named);
        both.rig.from(PBX, &refer);
        both.rig.to(PBX, "SIP/2.0 202");
        let ask = both.rig.to(SECOND, "INVITE");
        both.rig.from(SECOND, &reply(&ask, 488, "", ""));
        both.rig.everything();
    }
    let named = named(&both.rig, 2, 1);
    let refer = referring(&mut both.manager[0].peer, &named);
    both.rig.from(PBX, &refer);
    both.rig.to(PBX, "SIP/2.0 603");
    both.both_go_on();
}

#[test]
fn the_party_that_came_refreshes_its_session_and_is_held_in_the_call_it_came_to() {
    let mut both = Both::up();
    both.joined();
    both.rig.everything();
    let hold = sdp("127.0.0.6", 4_600, "a=sendonly");
    both.second.says(&mut both.rig, "INVITE", &hold);
    let toward = both.rig.to(CARRIER, "INVITE");
    assert!(body(&toward).contains("m=audio 20002 "), "{toward}");
    let silent = sdp("127.0.0.2", 4_000, "a=recvonly");
    both.rig.from(CARRIER, &reply(&toward, 200, "", &silent));
    let ok = both.rig.to(SECOND, "SIP/2.0 200");
    assert!(body(&ok).contains("m=audio 20010 "), "{ok}");
    both.second.says(&mut both.rig, "ACK", "");
    both.over();
}

#[test]
fn a_consultation_by_way_of_ringtag_brings_the_caller_to_whom_it_was_with() {
    // The manager's own telephone calls the number, and a colleague of another trunk answers.
    let mut lines = lines();
    lines[0].0.transfers = true;
    let mut rig = Rig::with(one_by_one(&["101"]), lines);
    let (mut caller, callee) = rig.up();
    let invite = invite(NUMBER, &sdp("127.0.0.3", 5_004, ""))
        .replace(CARRIER, PBX)
        .replace("incoming", "consult")
        .replace("bKin", "bKconsult")
        .replace("tag=from", "tag=desk")
        .replace("+79160000001@carrier.example", "101@pbx.example");
    rig.plan = one_by_one(&["105"]);
    rig.from(PBX, &invite);
    let toward = rig.to(PBX, "INVITE sip:105@");
    rig.from(
        PBX,
        &reply(&toward, 200, "colleague", &sdp("127.0.0.7", 5_006, "")),
    );
    let ok = rig.to(PBX, "SIP/2.0 200");
    let mut desk = Peer::caller(&invite, &ok);
    desk.address = PBX;
    let ack = desk.request("ACK", "");
    rig.from(PBX, &ack);
    rig.everything();
    let mut manager = callee;
    let refer = referring(&mut manager, &named(&rig, 2, 0));
    rig.from(PBX, &refer);
    let ask = rig.to(PBX, "INVITE");
    assert_eq!(tag(&header(&ask, "To")), "colleague");
    rig.from(PBX, &reply(&ask, 200, "", &sdp("127.0.0.7", 5_006, "")));
    let bye = rig.to(PBX, "BYE");
    assert_eq!(tag(&header(&bye, "To")), "desk");
    let told = rig.facts.iter().find_map(|fact| {
        if let What::Transferred(told) = &fact.what {
            told.dialog.is_some().then_some(&told.transfer)
        } else {
            None
        }
    });
    assert_eq!(told.unwrap().to, "ext:105@pbx", "a colleague has a name");
    assert_eq!(rig.ended().finish_reason, FinishReason::Transferred);
    assert_eq!(rig.ended().hung_up_by, HungUpBy::Caller);
    let bye = caller.request("BYE", "");
    rig.from(CARRIER, &bye);
    let all = rig.all_to(PBX);
    let ends = |text: &String| begins(text, "BYE") && tag(&header(text, "To")) == "colleague";
    assert!(all.iter().any(ends), "{all:?}");
    rig.assert_clean();
}
