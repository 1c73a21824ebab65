//! SRTP through whole calls (RFC 4568): each leg has keys of its own, and the sound in between is clear.

use crate::base::sound::Srtp;
use crate::call::desk::{Aim, MediaWish};
use crate::call::rig::*;
use crate::call::story::{Ended, FinishReason, TriedResult};
use crate::sdp::{Crypto, Protection, Secrets, Suite};

mod anew;
mod moves;

/// Lines of keys as phones write them.
const ONE: &str =
    "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
const TWO: &str =
    "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:AAAAdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
const SHORT: &str =
    "a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:BBBBdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

/// The same key in an answer to an offer of ours: under the tag that its suite has there.
fn answering(line: &str) -> String {
    let Crypto { key, .. } = key(line);
    let tag = (1..)
        .zip(Suite::ALL)
        .find(|(_, suite)| *suite == key.suite());
    let (tag, _) = tag.unwrap();
    format!("a=crypto:{}", Crypto { tag, key }.write())
}

/// Two trunks with this SRTP each.
fn new(carrier: Srtp, pbx: Srtp) -> Rig {
    let mut trunks = trunks_that_transfer();
    trunks[0].0.srtp = carrier;
    trunks[1].0.srtp = pbx;
    Rig::with(one_by_one(&["101"]), trunks)
}

/// A description of a phone, under SAVP.
fn savp(host: &str, port: u16, more: &str) -> String {
    sdp(host, port, more).replace("RTP/AVP", "RTP/SAVP")
}

fn calls(rig: &mut Rig, offer: &str) -> String {
    let invite = invite(NUMBER, offer);
    rig.from(CARRIER, &invite);
    invite
}

/// The target's answer and both sides' ACKs: what the caller was told, and both in their dialogs.
fn answers(rig: &mut Rig, invite: &str, toward: &str, answer: &str) -> (String, Peer, Peer) {
    rig.from(PBX, &reply(toward, 200, "callee", answer));
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    let mut caller = Peer::caller(invite, &ok);
    let ack = caller.request("ACK", "");
    rig.from(CARRIER, &ack);
    rig.to(PBX, "ACK");
    (ok, caller, Peer::callee(toward, "callee"))
}

fn hang_up(mut rig: Rig, mut caller: Peer) -> Ended {
    rig.all_to(PBX);
    let bye = caller.request("BYE", "");
    rig.from(CARRIER, &bye);
    let ended = rig.ended().clone();
    assert_eq!(ended.finish_reason, FinishReason::Completed);
    rig.assert_clean();
    ended
}

/// How a leg is aimed now: 0 is the caller's, 1 the target's.
fn aim_of(rig: &Rig, leg: usize) -> Aim {
    let leg = rig.open[leg];
    let aimed = |wish: &MediaWish| {
        if let MediaWish::Aim { leg: of, aim } = wish {
            (*of == leg).then(|| (**aim).clone())
        } else {
            None
        }
    };
    rig.media.iter().rev().find_map(aimed).unwrap()
}

/// The keys that a leg's packets have now.
fn secrets_of(rig: &Rig, leg: usize) -> Option<Secrets> {
    match aim_of(rig, leg).srtp {
        Protection::Keys(secrets) => Some(*secrets),
        Protection::Plain | Protection::Kept => None,
    }
}

/// The keys of a message of ours.
fn keys(message: &str) -> Vec<Crypto> {
    let lines = body(message).lines();
    let values = lines.filter_map(|line| line.strip_prefix("a=crypto:"));
    values
        .map(|value| Crypto::read(value.as_bytes()).unwrap())
        .collect()
}

fn key(line: &str) -> Crypto {
    Crypto::read(&line.as_bytes()["a=crypto:".len()..]).unwrap()
}

#[test]
fn an_encrypted_caller_talks_to_a_plain_target() {
    let mut rig = new(Srtp::Required, Srtp::Off);
    let invite = calls(&mut rig, &savp("127.0.0.2", 4_000, ONE));
    let toward = rig.to(PBX, "INVITE");
    assert!(
        body(&toward).contains("m=audio 20004 RTP/AVP 8 101\r\n"),
        "{toward}"
    );
    assert!(keys(&toward).is_empty());
    let (ok, caller, _) = answers(&mut rig, &invite, &toward, &sdp("127.0.0.3", 5_000, ""));
    assert!(
        body(&ok).contains("m=audio 20002 RTP/SAVP 8 101\r\n"),
        "{ok}"
    );
    let said = keys(&ok);
    assert_eq!((said.len(), said[0].tag), (1, 3));
    let aim = aim_of(&rig, 0);
    let secrets = secrets_of(&rig, 0).unwrap();
    assert_eq!(
        (&secrets.ours, &secrets.theirs),
        (&said[0].key, &key(ONE).key)
    );
    assert_ne!(secrets.ours, secrets.theirs);
    assert_eq!(&*aim.codecs[0].name, "PCMA", "it is recorded in clear");
    assert_eq!(secrets_of(&rig, 1), None);
    let ended = hang_up(rig, caller);
    assert_eq!(
        ended.legs[0].srtp.as_deref(),
        Some("AES_CM_128_HMAC_SHA1_80")
    );
    assert_eq!(ended.legs[1].srtp, None);
}

#[test]
fn a_plain_caller_talks_to_an_encrypted_target() {
    let mut rig = new(Srtp::Off, Srtp::Required);
    let invite = calls(&mut rig, &sdp("127.0.0.2", 4_000, ""));
    let toward = rig.to(PBX, "INVITE");
    assert!(
        body(&toward).contains("m=audio 20004 RTP/SAVP 8 101\r\n"),
        "{toward}"
    );
    let offered = keys(&toward);
    assert_eq!(offered.len(), Suite::ALL.len());
    let answer = savp("127.0.0.3", 5_000, &answering(ONE));
    let (ok, caller, _) = answers(&mut rig, &invite, &toward, &answer);
    assert!(
        body(&ok).contains("m=audio 20002 RTP/AVP 8 101\r\n"),
        "{ok}"
    );
    assert!(keys(&ok).is_empty());
    let secrets = secrets_of(&rig, 1).unwrap();
    assert_eq!(
        (&secrets.ours, &secrets.theirs),
        (&offered[0].key, &key(ONE).key)
    );
    assert_eq!(secrets_of(&rig, 0), None);
    let ended = hang_up(rig, caller);
    assert_eq!(
        ended.legs[1].srtp.as_deref(),
        Some("AES_CM_128_HMAC_SHA1_80")
    );
}

#[test]
fn both_legs_have_keys_and_suites_of_their_own() {
    let mut rig = new(Srtp::Required, Srtp::Required);
    let invite = calls(&mut rig, &savp("127.0.0.2", 4_000, ONE));
    let toward = rig.to(PBX, "INVITE");
    let answer = savp("127.0.0.3", 5_000, &answering(SHORT));
    let (ok, caller, _) = answers(&mut rig, &invite, &toward, &answer);
    let (left, right) = (secrets_of(&rig, 0).unwrap(), secrets_of(&rig, 1).unwrap());
    assert_eq!(left.ours, keys(&ok)[0].key);
    assert_eq!(right.ours.suite(), Suite::Aes128Sha1Tag32);
    assert!(
        keys(&toward)
            .iter()
            .any(|offered| offered.key == right.ours)
    );
    let all = [&left.ours, &left.theirs, &right.ours, &right.theirs];
    for (at, key) in all.iter().enumerate() {
        assert!(all.iter().skip(at + 1).all(|other| other != key));
    }
    let ended = hang_up(rig, caller);
    assert_eq!(
        ended.legs[1].srtp.as_deref(),
        Some("AES_CM_128_HMAC_SHA1_32")
    );
}

#[test]
fn a_plain_offer_where_srtp_is_required_is_refused_and_named() {
    let mut rig = new(Srtp::Required, Srtp::Off);
    calls(&mut rig, &sdp("127.0.0.2", 4_000, ""));
    let refused = rig.to(CARRIER, "SIP/2.0 488");
    assert!(header(&refused, "Warning").starts_with("302 "), "{refused}");
    let ended = rig.ended();
    assert_eq!(ended.finish_reason, FinishReason::SrtpMismatch);
    assert_eq!(rig.lines_to(PBX), [""; 0]);
    rig.assert_clean();
}

#[test]
fn a_target_that_answers_plain_where_srtp_is_required_is_left() {
    let mut rig = new(Srtp::Off, Srtp::Required);
    calls(&mut rig, &sdp("127.0.0.2", 4_000, ""));
    let toward = rig.to(PBX, "INVITE");
    rig.from(
        PBX,
        &reply(&toward, 200, "callee", &sdp("127.0.0.3", 5_000, "")),
    );
    let lines = rig.lines_to(PBX);
    assert!(
        lines[0].starts_with("ACK ") && lines[1].starts_with("BYE "),
        "{lines:?}"
    );
    let refused = rig.to(CARRIER, "SIP/2.0 488");
    assert!(header(&refused, "Warning").starts_with("302 "), "{refused}");
    let ended = rig.ended();
    assert_eq!(ended.finish_reason, FinishReason::SrtpMismatch);
    assert_eq!(ended.targets_tried[0].result, TriedResult::SrtpMismatch);
}

#[test]
fn a_target_that_answers_by_a_tag_that_was_not_offered_is_left() {
    // Ours are offered as 1 to 4, and this one is 3 and not of the third suite.
    for line in [
        ONE,
        "a=crypto:9 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj",
    ] {
        let mut rig = new(Srtp::Off, Srtp::Preferred);
        calls(&mut rig, &sdp("127.0.0.2", 4_000, ""));
        let toward = rig.to(PBX, "INVITE");
        let answer = sdp("127.0.0.3", 5_000, line);
        rig.from(PBX, &reply(&toward, 200, "callee", &answer));
        let lines = rig.lines_to(PBX);
        assert!(
            lines[0].starts_with("ACK ") && lines[1].starts_with("BYE "),
            "{lines:?}"
        );
        rig.to(CARRIER, "SIP/2.0 488");
        let ended = rig.ended();
        assert_eq!(ended.finish_reason, FinishReason::SrtpMismatch);
        assert_eq!(ended.targets_tried[0].result, TriedResult::SrtpMismatch);
    }
}

#[test]
fn what_is_preferred_is_had_where_the_peer_does_it_and_done_without_where_not() {
    for (more, encrypted) in [(ONE, true), ("", false)] {
        // Toward the target.
        let mut rig = new(Srtp::Off, Srtp::Preferred);
        let invite = calls(&mut rig, &sdp("127.0.0.2", 4_000, ""));
        let toward = rig.to(PBX, "INVITE");
        assert!(
            body(&toward).contains("m=audio 20004 RTP/AVP 8 101\r\n"),
            "{toward}"
        );
        assert_eq!(keys(&toward).len(), Suite::ALL.len());
        let echoed = if encrypted {
            answering(more)
        } else {
            String::new()
        };
        let answer = sdp("127.0.0.3", 5_000, &echoed);
        let (ok, caller, _) = answers(&mut rig, &invite, &toward, &answer);
        assert!(keys(&ok).is_empty());
        assert_eq!(secrets_of(&rig, 1).is_some(), encrypted);
        hang_up(rig, caller);
        // From the caller.
        let mut rig = new(Srtp::Preferred, Srtp::Off);
        let invite = calls(&mut rig, &sdp("127.0.0.2", 4_000, more));
        let toward = rig.to(PBX, "INVITE");
        assert!(keys(&toward).is_empty());
        let (ok, caller, _) = answers(&mut rig, &invite, &toward, &sdp("127.0.0.3", 5_000, ""));
        assert_eq!(keys(&ok).len(), usize::from(encrypted));
        assert_eq!(secrets_of(&rig, 0).is_some(), encrypted);
        hang_up(rig, caller);
    }
}

#[test]
fn trunks_that_are_off_pass_keys_from_end_to_end() {
    let mut rig = new(Srtp::Off, Srtp::Off);
    let invite = calls(&mut rig, &savp("127.0.0.2", 4_000, ONE));
    let toward = rig.to(PBX, "INVITE");
    assert!(body(&toward).contains(ONE), "{toward}");
    let answer = savp("127.0.0.3", 5_000, TWO);
    let (ok, caller, _) = answers(&mut rig, &invite, &toward, &answer);
    assert!(body(&ok).contains(TWO), "{ok}");
    let aim = aim_of(&rig, 0);
    assert_eq!(
        (aim.srtp, &*aim.codecs[0].name),
        (Protection::Plain, "SRTP/PCMA")
    );
    let ended = hang_up(rig, caller);
    assert_eq!(ended.legs[0].srtp, None);
    // The same under RTP/AVP, as phones do that encrypt where they can: it is not taken for speech.
    let mut rig = new(Srtp::Off, Srtp::Off);
    let invite = calls(&mut rig, &sdp("127.0.0.2", 4_000, ONE));
    let toward = rig.to(PBX, "INVITE");
    let (_, caller, _) = answers(&mut rig, &invite, &toward, &sdp("127.0.0.3", 5_000, TWO));
    assert_eq!(&*aim_of(&rig, 0).codecs[0].name, "SRTP/PCMA");
    hang_up(rig, caller);
}

#[test]
fn keys_that_pass_through_reach_no_trunk_that_has_ours() {
    let mut rig = new(Srtp::Off, Srtp::Required);
    calls(&mut rig, &savp("127.0.0.2", 4_000, ONE));
    rig.to(CARRIER, "SIP/2.0 488");
    assert_eq!(rig.lines_to(PBX), [""; 0]);
    assert_eq!(rig.ended().finish_reason, FinishReason::SrtpMismatch);
}

#[test]
fn a_late_offer_is_answered_by_its_tag() {
    let mut rig = new(Srtp::Required, Srtp::Required);
    let invite = calls(&mut rig, "");
    let toward = rig.to(PBX, "INVITE");
    assert_eq!(body(&toward), "");
    rig.from(
        PBX,
        &reply(&toward, 200, "callee", &savp("127.0.0.3", 5_000, SHORT)),
    );
    let ok = rig.to(CARRIER, "SIP/2.0 200");
    assert!(body(&ok).contains("m=audio 20002 RTP/SAVP"), "{ok}");
    assert_eq!(keys(&ok).len(), Suite::ALL.len());
    let mut caller = Peer::caller(&invite, &ok);
    let answer = "a=crypto:2 AES_256_CM_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==";
    let ack = caller.request("ACK", &savp("127.0.0.2", 4_000, answer));
    rig.from(CARRIER, &ack);
    let ack = rig.to(PBX, "ACK");
    let said = keys(&ack);
    assert_eq!(
        (said.len(), said[0].tag, said[0].key.suite()),
        (1, 2, Suite::Aes128Sha1Tag32)
    );
    let (left, right) = (secrets_of(&rig, 0).unwrap(), secrets_of(&rig, 1).unwrap());
    assert_eq!(
        (left.ours.suite(), left.theirs),
        (Suite::Aes256Sha1Tag80, key(answer).key)
    );
    assert_eq!(
        (right.ours, right.theirs),
        (said[0].key.clone(), key(SHORT).key)
    );
    hang_up(rig, caller);
}

#[test]
fn early_sound_has_the_keys_of_its_early_dialog() {
    let mut rig = new(Srtp::Required, Srtp::Required);
    let invite = calls(&mut rig, &savp("127.0.0.2", 4_000, ONE));
    let toward = rig.to(PBX, "INVITE");
    let answer = savp("127.0.0.3", 5_000, &answering(SHORT));
    rig.from(PBX, &reply(&toward, 183, "callee", &answer));
    let early = rig.to(CARRIER, "SIP/2.0 183");
    let secrets = secrets_of(&rig, 0).unwrap();
    assert_eq!(secrets.ours, keys(&early)[0].key);
    let (ok, caller, _) = answers(&mut rig, &invite, &toward, &answer);
    assert_eq!(keys(&ok), keys(&early), "the same dialog, the same key");
    assert_eq!(secrets_of(&rig, 0), Some(secrets));
    // Another answer than was shown: another dialog, and another key.
    let mut rig = new(Srtp::Required, Srtp::Required);
    let invite = calls(&mut rig, &savp("127.0.0.2", 4_000, ONE));
    let toward = rig.to(PBX, "INVITE");
    rig.from(PBX, &reply(&toward, 183, "callee", &answer));
    let early = rig.to(CARRIER, "SIP/2.0 183");
    let moved = savp("127.0.0.3", 6_000, &answering(SHORT));
    let (ok, caller_again, _) = answers(&mut rig, &invite, &toward, &moved);
    assert_ne!(keys(&ok), keys(&early));
    assert_eq!(secrets_of(&rig, 0).unwrap().ours, keys(&ok)[0].key);
    hang_up(rig, caller_again);
    drop(caller);
}
