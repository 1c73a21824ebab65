//! A session that is offered anew, by a refresh, a hold or its end: keys stay while nobody changes them, and none is lost.

use crate::base::sound::Srtp;
use crate::call::encrypted::{
    ONE, SHORT, TWO, aim_of, answering, answers, calls, hang_up, key, keys, new, savp, secrets_of,
};
use crate::call::rig::*;
use crate::sdp::Protection;

/// A session that we refresh, every 45 s.
const REFRESHED_BY_US: &str = "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\n";

/// The caller's re-INVITE and the callee's answer to it, acknowledged: what each of the others was told.
fn modify(rig: &mut Rig, caller: &mut Peer, offer: &str, answer: &str) -> (String, String) {
    let reinvite = caller.request("INVITE", offer);
    rig.from(CARRIER, &reinvite);
    let again = rig.to(PBX, "INVITE sip:phone@");
    rig.from(PBX, &reply(&again, 200, "", answer));
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    let ack = caller.request("ACK", "");
    rig.from(CARRIER, &ack);
    rig.to(PBX, "ACK");
    (again, ok)
}

#[test]
fn a_refresh_of_what_was_answered_is_answered_by_the_peers_own_tag() {
    let mut rig = new(Srtp::Required, Srtp::Off);
    let invite = adding(
        &invite(NUMBER, &savp("127.0.0.2", 4_000, ONE)),
        REFRESHED_BY_US,
    );
    rig.from(CARRIER, &invite);
    let toward = rig.to(PBX, "INVITE");
    let (ok, caller, _) = answers(&mut rig, &invite, &toward, &sdp("127.0.0.3", 5_000, ""));
    let before = secrets_of(&rig, 0);
    rig.seconds(50);
    let again = rig.to(CARRIER, "INVITE");
    assert_eq!(keys(&again), keys(&ok), "what is in force is said again");
    assert_eq!(keys(&again)[0].tag, 3);
    // It moves its sound, by the tag that it was offered.
    let moved = savp("127.0.0.2", 4_444, ONE);
    rig.from(CARRIER, &reply(&again, 200, "", &moved));
    rig.to(CARRIER, "ACK");
    let aim = aim_of(&rig, 0);
    assert_eq!(aim.rtp.unwrap().port(), 4_444);
    assert_eq!(secrets_of(&rig, 0), before);
    hang_up(rig, caller);
}

#[test]
fn a_hold_keeps_the_keys_and_another_key_of_the_peers_is_answered_with_another() {
    let mut rig = new(Srtp::Required, Srtp::Required);
    let invite = calls(&mut rig, &savp("127.0.0.2", 4_000, ONE));
    let toward = rig.to(PBX, "INVITE");
    let callee = |more: &str| {
        savp(
            "127.0.0.3",
            5_000,
            &format!("{}\r\n{more}", answering(SHORT)),
        )
    };
    let (ok, mut caller, _) = answers(&mut rig, &invite, &toward, &callee("a=sendrecv"));
    let (left, right) = (aim_of(&rig, 0).srtp, aim_of(&rig, 1).srtp);
    let mut modify =
        |rig: &mut Rig, offer: &str, answer: &str| modify(rig, &mut caller, offer, answer);
    let hold = savp("127.0.0.2", 4_000, &format!("{ONE}\r\na=sendonly"));
    let (again, held) = modify(&mut rig, &hold, &callee("a=recvonly"));
    assert_eq!(
        keys(&again),
        keys(&toward),
        "what did not change is offered as it was"
    );
    assert_eq!(keys(&held), keys(&ok));
    assert_eq!(
        (&aim_of(&rig, 0).srtp, &aim_of(&rig, 1).srtp),
        (&left, &right)
    );
    let resume = savp("127.0.0.2", 4_000, TWO);
    let (again, resumed) = modify(&mut rig, &resume, &callee("a=sendrecv"));
    assert_eq!(keys(&again), keys(&toward));
    assert_ne!(
        keys(&resumed),
        keys(&ok),
        "the peer begins anew, and so do we"
    );
    let now = secrets_of(&rig, 0).unwrap();
    assert_eq!(
        (&now.ours, &now.theirs),
        (&keys(&resumed)[0].key, &key(TWO).key)
    );
    assert_eq!(aim_of(&rig, 1).srtp, right);
    // Plain now: refused, and the call goes on as it was.
    let plain = caller.request("INVITE", &sdp("127.0.0.2", 4_000, ""));
    rig.from(CARRIER, &plain);
    let refused = rig.to(CARRIER, "SIP/2.0 488");
    assert!(header(&refused, "Warning").starts_with("302 "), "{refused}");
    let ack = caller.request("ACK", "");
    rig.from(CARRIER, &ack);
    assert_eq!(secrets_of(&rig, 0).as_ref(), Some(&now));
    hang_up(rig, caller);
}

#[test]
fn sound_that_is_disabled_for_a_while_takes_no_key_away() {
    for (srtp, key) in [
        (Srtp::Required, ONE),
        (Srtp::Preferred, ONE),
        (Srtp::Off, ""),
    ] {
        let mut rig = new(srtp, Srtp::Off);
        let offer = |port| match srtp {
            Srtp::Required => savp("127.0.0.2", port, key),
            Srtp::Preferred | Srtp::Off => sdp("127.0.0.2", port, key),
        };
        let invite = calls(&mut rig, &offer(4_000));
        let toward = rig.to(PBX, "INVITE");
        let (ok, mut caller, _) = answers(&mut rig, &invite, &toward, &sdp("127.0.0.3", 5_000, ""));
        let before = aim_of(&rig, 0);
        let mut modify =
            |rig: &mut Rig, offer: &str, answer: &str| modify(rig, &mut caller, offer, answer).1;
        modify(&mut rig, &offer(0), &sdp("127.0.0.3", 0, ""));
        let disabled = aim_of(&rig, 0);
        let kept = match srtp {
            Srtp::Off => Protection::Plain,
            Srtp::Preferred | Srtp::Required => Protection::Kept,
        };
        assert_eq!((disabled.rtp, disabled.srtp), (None, kept));
        assert_eq!(aim_of(&rig, 1).srtp, Protection::Plain);
        let enabled = modify(&mut rig, &offer(4_000), &sdp("127.0.0.3", 5_000, ""));
        assert_eq!(keys(&enabled), keys(&ok));
        assert_eq!(aim_of(&rig, 0).srtp, before.srtp);
        if srtp == Srtp::Preferred {
            let plain = sdp("127.0.0.2", 4_000, "");
            modify(&mut rig, &plain, &sdp("127.0.0.3", 5_000, ""));
            assert_eq!(aim_of(&rig, 0).srtp, Protection::Plain);
        }
        hang_up(rig, caller);
    }
}
