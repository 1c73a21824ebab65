//! Who may not join two calls, and when.

use crate::call::desk::TRANSFERS_MAX;
use crate::call::machine::join::tests::{Both, SECOND, lines, named, referring};
use crate::call::rig::*;

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
