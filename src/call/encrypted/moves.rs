//! The sound of an encrypted leg goes elsewhere in mid-call: keys that change, parties that come, and a recording that goes on
//! in clear.

use crate::base::sound::Srtp;
use crate::call::desk::MediaWish;
use crate::call::encrypted::{
    ONE, SHORT, TWO, aim_of, answering, answers, calls, hang_up, key, keys, new, savp, secrets_of,
};
use crate::call::rig::*;
use crate::sdp::{Protection, Suite};

/// How often another party took the callee's place in the recording.
fn turns(rig: &Rig) -> usize {
    let is_turn = |wish: &&MediaWish| matches!(wish, MediaWish::Turn { .. });
    rig.media.iter().filter(is_turn).count()
}

/// What a leg sends is recorded as it is.
#[track_caller]
fn assert_clear(rig: &Rig, leg: usize) {
    assert_eq!(&*aim_of(rig, leg).codecs[0].name, "PCMA");
}

/// An offer of the caller's within the call, and the callee's answer; returns what each was told.
fn modified(rig: &mut Rig, caller: &mut Peer, offer: &str, answer: &str) -> (String, String) {
    rig.says(caller, "INVITE", offer);
    let again = rig.to(PBX, "INVITE sip:phone@");
    rig.from(PBX, &reply(&again, 200, "", answer));
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    rig.says(caller, "ACK", "");
    rig.to(PBX, "ACK");
    (again, ok)
}

/// A call with keys on both legs.
fn up() -> (Rig, String, Peer, Peer) {
    let mut rig = new(Srtp::Required, Srtp::Required);
    let invite = calls(&mut rig, &savp("127.0.0.2", 4_000, ONE));
    let toward = rig.to(PBX, "INVITE");
    let answer = savp("127.0.0.3", 5_000, &answering(SHORT));
    let (_, caller, callee) = answers(&mut rig, &invite, &toward, &answer);
    (rig, toward, caller, callee)
}

#[test]
fn a_leg_that_was_plain_is_encrypted_from_a_re_invite_on_and_plain_again() {
    let mut rig = new(Srtp::Preferred, Srtp::Off);
    let invite = calls(&mut rig, &sdp("127.0.0.2", 4_000, ""));
    let toward = rig.to(PBX, "INVITE");
    let plain = sdp("127.0.0.3", 5_000, "");
    let (ok, mut caller, _) = answers(&mut rig, &invite, &toward, &plain);
    assert_eq!((keys(&ok).len(), secrets_of(&rig, 0)), (0, None));
    assert_clear(&rig, 0);
    for profile in [sdp, savp] {
        let offer = profile("127.0.0.2", 4_000, ONE);
        let (again, ok) = modified(&mut rig, &mut caller, &offer, &plain);
        assert!(keys(&again).is_empty(), "the other leg knows nothing of it");
        let secrets = secrets_of(&rig, 0).unwrap();
        let said = keys(&ok);
        assert_eq!((said.len(), said[0].tag), (1, 3));
        assert_eq!(
            (secrets.ours, secrets.theirs),
            (said[0].key.clone(), key(ONE).key)
        );
        assert_clear(&rig, 0);
        let offer = sdp("127.0.0.2", 4_000, "");
        let (_, ok) = modified(&mut rig, &mut caller, &offer, &plain);
        assert!(keys(&ok).is_empty());
        assert_eq!(aim_of(&rig, 0).srtp, Protection::Plain);
        assert_clear(&rig, 0);
    }
    hang_up(rig, caller);
}

#[test]
fn the_callee_may_be_the_one_who_begins_to_encrypt() {
    let mut rig = new(Srtp::Off, Srtp::Preferred);
    let invite = calls(&mut rig, &sdp("127.0.0.2", 4_000, ""));
    let toward = rig.to(PBX, "INVITE");
    let (_, caller, mut callee) = answers(&mut rig, &invite, &toward, &sdp("127.0.0.3", 5_000, ""));
    assert_eq!(secrets_of(&rig, 1), None);
    rig.says(&mut callee, "INVITE", &savp("127.0.0.3", 5_000, SHORT));
    let again = rig.to(CARRIER, "INVITE");
    assert!(body(&again).contains("RTP/AVP 8 101\r\n"), "{again}");
    rig.from(
        CARRIER,
        &reply(&again, 200, "", &sdp("127.0.0.2", 4_000, "")),
    );
    let ok = rig.to(PBX, "SIP/2.0 200");
    rig.says(&mut callee, "ACK", "");
    let secrets = secrets_of(&rig, 1).unwrap();
    assert_eq!(secrets.ours.suite(), Suite::Aes128Sha1Tag32);
    assert_eq!(
        (secrets.ours, keys(&ok)[0].tag),
        (keys(&ok)[0].key.clone(), 2)
    );
    assert_eq!(secrets_of(&rig, 0), None);
    assert_clear(&rig, 1);
    rig.all_to(CARRIER);
    hang_up(rig, caller);
}

#[test]
fn the_callers_new_address_takes_its_keys_along() {
    let (mut rig, toward, mut caller, _) = up();
    let before = (aim_of(&rig, 0).srtp, aim_of(&rig, 1).srtp);
    let offer = savp("127.0.0.9", 4_900, ONE);
    let answer = savp("127.0.0.3", 5_000, &answering(SHORT));
    let (again, _) = modified(&mut rig, &mut caller, &offer, &answer);
    assert_eq!(keys(&again), keys(&toward));
    assert_eq!(aim_of(&rig, 0).rtp.unwrap().to_string(), "127.0.0.9:4900");
    assert_eq!((aim_of(&rig, 0).srtp, aim_of(&rig, 1).srtp), before);
    assert_clear(&rig, 0);
    hang_up(rig, caller);
}

#[test]
fn whom_the_caller_is_sent_on_to_has_keys_of_its_own_and_the_caller_keeps_its() {
    let (mut rig, first, _caller, mut callee) = up();
    let caller = aim_of(&rig, 0).srtp;
    let refer = callee.refer("Refer-To: <sip:102@127.0.0.1:5070>\r\n");
    rig.from(PBX, &refer);
    let toward = rig.to(PBX, "INVITE sip:102@");
    assert!(
        body(&toward).contains("m=audio 20006 RTP/SAVP 8 101\r\n"),
        "{toward}"
    );
    let offered = keys(&toward);
    assert_eq!(offered.len(), Suite::ALL.len());
    assert!(
        offered
            .iter()
            .zip(keys(&first))
            .all(|(one, other)| one.key != other.key)
    );
    let answer = savp("127.0.0.4", 6_000, &answering(TWO));
    rig.from(PBX, &reply(&toward, 200, "new", &answer));
    let secrets = secrets_of(&rig, 1).unwrap();
    assert_eq!(
        (&secrets.ours, &secrets.theirs),
        (&offered[0].key, &key(TWO).key)
    );
    assert_eq!(aim_of(&rig, 0).srtp, caller, "nobody need tell the caller");
    assert_eq!(rig.lines_to(CARRIER), [""; 0]);
    assert_eq!(turns(&rig), 1, "the recording goes on");
    assert_clear(&rig, 1);
    let mut new = Peer::callee(&toward, "new");
    rig.says(&mut new, "BYE", "");
    rig.to(CARRIER, "BYE");
    let suites: Vec<_> = rig
        .ended()
        .legs
        .iter()
        .map(|leg| leg.srtp.clone())
        .collect();
    let named = |suite: Suite| Some(suite.name().into());
    assert_eq!(
        suites,
        [
            named(Suite::Aes128Sha1Tag80),
            named(Suite::Aes128Sha1Tag32),
            named(Suite::Aes128Sha1Tag80),
        ]
    );
}

#[test]
fn a_new_party_without_a_key_that_was_offered_does_not_get_the_call() {
    for answer in [savp("127.0.0.4", 6_000, SHORT), sdp("127.0.0.4", 6_000, "")] {
        let (mut rig, _, caller, mut callee) = up();
        let refer = callee.refer("Refer-To: <sip:102@127.0.0.1:5070>\r\n");
        rig.from(PBX, &refer);
        let toward = rig.to(PBX, "INVITE sip:102@");
        rig.from(PBX, &reply(&toward, 200, "new", &answer));
        let bye = rig.to(PBX, "BYE");
        assert_eq!(tag(&header(&bye, "To")), "new");
        rig.from(PBX, &reply(&bye, 200, "", ""));
        assert_eq!((turns(&rig), rig.bridges().len()), (0, 1));
        hang_up(rig, caller);
    }
}

#[test]
fn another_telephone_that_takes_the_call_over_is_answered_with_a_key_by_its_tag() {
    let (mut rig, _, caller, _) = up();
    let kept = &rig.answered().dialogs[1];
    let (ours, theirs) = (tag(&kept.local).to_owned(), tag(&kept.remote).to_owned());
    let replaces = format!("{};to-tag={ours};from-tag={theirs}", kept.call_id);
    let invite = picking(&replaces, &savp("127.0.0.4", 6_000, TWO));
    let before = secrets_of(&rig, 0).unwrap();
    rig.from(PBX, &invite);
    let ask = rig.to(CARRIER, "INVITE sip:anna@");
    assert_eq!(keys(&ask).len(), Suite::ALL.len());
    let answer = savp("127.0.0.2", 4_000, &answering(ONE));
    rig.from(CARRIER, &reply(&ask, 200, "", &answer));
    rig.to(CARRIER, "ACK");
    let ok = rig.to(PBX, "SIP/2.0 200");
    assert_eq!((keys(&ok).len(), keys(&ok)[0].tag), (1, 3));
    let secrets = secrets_of(&rig, 1).unwrap();
    assert_eq!(
        (secrets.ours, secrets.theirs),
        (keys(&ok)[0].key.clone(), key(TWO).key)
    );
    let now = secrets_of(&rig, 0).unwrap();
    assert_eq!(now.theirs, before.theirs);
    assert_eq!(turns(&rig), 1);
    assert_clear(&rig, 0);
    assert_clear(&rig, 1);
    let mut new = Peer::caller(&invite, &ok).at(PBX);
    rig.says(&mut new, "ACK", "");
    rig.all_to(PBX);
    let mut caller = caller;
    rig.says(&mut caller, "BYE", "");
    rig.to(PBX, "BYE");
    rig.assert_clean();
}
