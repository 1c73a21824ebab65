//! Keys taken out, put in, and held against an offer.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::base::sound::Srtp;
use crate::sdp::keys::Crypto;
use crate::sdp::parse::parse;
use crate::sdp::session::Session;
use crate::sdp::shield::{SEED_BYTES, Shield};
use crate::sdp::{Mismatch, Profile, Suite, Voice, answer_meets};

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n";
const KEY: &str =
    "a=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n";
const OTHER: &str =
    "a=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:AAAAdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n";

fn session(media: &str) -> Session {
    parse(format!("{HEAD}{media}").as_bytes()).unwrap()
}

fn shield(srtp: Srtp) -> Option<Shield> {
    Shield::new(srtp, || [5; SEED_BYTES])
}

fn voice(srtp: Srtp) -> Voice {
    Voice::under(1, shield(srtp))
}

fn ours() -> SocketAddr {
    "192.0.2.9:20000".parse().unwrap()
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn keys_are_taken_out_of_what_a_peer_says() {
    let said = format!("m=audio 4000 RTP/SAVPF 8\r\n{KEY}a=key-mgmt:mikey AAA\r\na=ptime:20\r\n");
    for srtp in [Srtp::Preferred, Srtp::Required] {
        let opened = session(&said).opened(srtp);
        let media = &opened.media()[opened.audio().unwrap()];
        assert_eq!(media.profile, Profile::Avpf);
        let text = text(&opened.text);
        assert!(
            text.ends_with("m=audio 4000 RTP/AVPF 8\r\na=ptime:20\r\n"),
            "{text}"
        );
        assert!(!opened.is_sealed() && !opened.names_keys());
        let secrets = shield(srtp).unwrap().secrets(&opened).unwrap();
        assert_eq!(secrets.theirs.suite(), Suite::Aes128Sha1Tag32);
        assert_eq!(secrets.ours.suite(), Suite::Aes128Sha1Tag32);
        assert_ne!(secrets.ours, secrets.theirs);
    }
    let through = session(&said).opened(Srtp::Off);
    assert!(through.is_sealed() && through.names_keys());
    assert!(text(&through.text).contains(KEY));
}

#[test]
fn what_a_trunk_requires_and_a_peer_does_not_offer_is_not_relayed() {
    let plain = "m=audio 4000 RTP/AVP 8\r\n";
    let unknown = "m=audio 4000 RTP/SAVP 8\r\na=crypto:1 AEAD_AES_128_GCM inline:AAAA\r\n";
    let optional = format!("{plain}{KEY}");
    for (said, srtp, relayed) in [
        (plain, Srtp::Off, true),
        (plain, Srtp::Preferred, true),
        (plain, Srtp::Required, false),
        (&optional, Srtp::Preferred, true),
        (&optional, Srtp::Required, true),
        (unknown, Srtp::Preferred, false),
        (unknown, Srtp::Required, false),
    ] {
        let opened = session(said).opened(srtp);
        assert_eq!(opened.audio().is_some(), relayed, "{said} {srtp:?}");
    }
}

#[test]
fn of_several_sections_the_one_with_keys_is_taken() {
    let both = format!("m=audio 4000 RTP/AVP 8\r\nm=audio 4002 RTP/SAVP 8\r\n{KEY}");
    for srtp in [Srtp::Preferred, Srtp::Required] {
        assert_eq!(session(&both).opened(srtp).audio(), Some(1));
    }
    assert_eq!(session(&both).opened(Srtp::Off).audio(), Some(0));
}

#[test]
fn what_is_required_is_offered_as_savp_and_what_is_preferred_as_avp_with_keys() {
    let plain = session("m=audio 4000 RTP/AVP 8\r\na=ptime:20\r\nm=video 0 RTP/AVP 31\r\n");
    for (srtp, line) in [
        (Srtp::Preferred, "m=audio 20000 RTP/AVP 8\r\n"),
        (Srtp::Required, "m=audio 20000 RTP/SAVP 8\r\n"),
    ] {
        let said = text(&voice(srtp).say(&plain, ours()));
        assert!(said.contains(line), "{said}");
        assert_eq!(said.matches("a=crypto:").count(), Suite::ALL.len());
        assert!(
            said.contains("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"),
            "{said}"
        );
        assert!(said.ends_with("m=video 0 RTP/AVP 31\r\n"), "{said}");
    }
    let said = text(&voice(Srtp::Off).say(&plain, ours()));
    assert!(!said.contains("crypto"), "{said}");
}

#[test]
fn the_same_is_said_again_with_the_same_keys() {
    let plain = session("m=audio 4000 RTP/AVP 8\r\n");
    let mut voice = voice(Srtp::Required);
    let first = voice.say(&plain, ours());
    assert_eq!(voice.say(&plain, ours()), first);
}

#[test]
fn an_offer_is_answered_by_its_tag_with_a_key_of_ours() {
    let plain = session("m=audio 5000 RTP/AVP 8\r\n");
    for (profile, srtp) in [
        ("RTP/SAVP", Srtp::Required),
        ("RTP/SAVP", Srtp::Preferred),
        ("RTP/AVP", Srtp::Preferred),
    ] {
        let offer = session(&format!("m=audio 4000 {profile} 8\r\n{KEY}")).opened(srtp);
        assert_eq!(answer_meets(&offer, &plain), Ok(()));
        let mut voice = voice(srtp);
        let said = text(&voice.answer(&plain, &offer, ours()));
        assert!(
            said.contains(&format!("m=audio 20000 {profile} 8\r\n")),
            "{said}"
        );
        assert_eq!(said.matches("a=crypto:").count(), 1);
        let theirs = parse(said.as_bytes()).unwrap();
        assert!(theirs.names_keys());
        let ours = voice.secrets(&offer).unwrap().ours;
        let line = Crypto { tag: 7, key: ours }.write();
        assert!(said.contains(&format!("a=crypto:{line}\r\n")), "{said}");
    }
    let offer = session("m=audio 4000 RTP/AVP 8\r\n").opened(Srtp::Preferred);
    let mut voice = voice(Srtp::Preferred);
    let said = text(&voice.answer(&plain, &offer, ours()));
    assert!(!said.contains("crypto"), "{said}");
    assert_eq!(voice.secrets(&offer), None);
}

#[test]
fn another_key_of_the_peers_is_answered_with_another_of_ours() {
    let plain = session("m=audio 5000 RTP/AVP 8\r\n");
    let offer =
        |key: &str| session(&format!("m=audio 4000 RTP/SAVP 8\r\n{key}")).opened(Srtp::Required);
    let mut voice = voice(Srtp::Required);
    let first = voice.answer(&plain, &offer(KEY), ours());
    assert_eq!(voice.answer(&plain, &offer(KEY), ours()), first);
    let before = voice.secrets(&offer(KEY)).unwrap();
    let second = voice.answer(&plain, &offer(OTHER), ours());
    assert_ne!(second, first);
    let after = voice.secrets(&offer(OTHER)).unwrap();
    assert_ne!(after.ours, before.ours);
    assert!(text(&second).contains("o=- 1 2 "), "{second:?}");
}

#[test]
fn keys_of_another_leg_do_not_pass_into_ours() {
    let through = session(&format!("m=audio 4000 RTP/AVP 8\r\n{KEY}"));
    let said = text(&voice(Srtp::Preferred).say(&through, ours()));
    assert!(!said.contains("a=crypto:7 "), "{said}");
}

#[test]
fn a_key_that_was_refused_is_not_in_force() {
    let plain = session("m=audio 4000 RTP/AVP 8\r\n");
    let answer = session(&format!("m=audio 4000 RTP/SAVP 8\r\n{KEY}")).opened(Srtp::Required);
    let mut voice = voice(Srtp::Required);
    let first = voice.say(&plain, ours());
    voice.settle();
    let before = voice.secrets(&answer);
    voice.renew();
    assert_ne!(voice.say(&plain, ours()), first);
    assert_ne!(voice.secrets(&answer), before);
    voice.again();
    assert_eq!(voice.secrets(&answer), before);
}

#[test]
fn no_seed_is_shown() {
    let shown = format!("{:?}", voice(Srtp::Required));
    assert!(
        shown.contains("Shield") && !shown.contains("5, 5"),
        "{shown}"
    );
}

#[test]
fn an_answer_takes_one_of_our_lines_by_its_tag_and_its_suite() {
    let offer = session("m=audio 4000 RTP/AVP 8\r\n");
    let inline = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
    let answer = |lines: &[(u32, &str)]| {
        let lines = lines
            .iter()
            .map(|(tag, suite)| format!("a=crypto:{tag} {suite} {inline}\r\n"));
        let lines: String = lines.collect();
        session(&format!("m=audio 5000 RTP/SAVP 8\r\n{lines}")).opened(Srtp::Required)
    };
    let (long, short) = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32");
    for (lines, expected) in [
        (&[(1, long)][..], Ok(())),
        (&[(3, short)], Ok(())),
        (&[(3, long)], Err(Mismatch::Keys)),
        (&[(1, short)], Err(Mismatch::Keys)),
        (&[(9, long)], Err(Mismatch::Keys)),
        // One alone may be there; the first counts.
        (&[(1, long), (3, short)], Ok(())),
        (&[(7, long), (1, long)], Err(Mismatch::Keys)),
    ] {
        assert_eq!(answer_meets(&offer, &answer(lines)), expected, "{lines:?}");
    }
    // What we answered by our peer's tag, and say again to refresh the session (RFC 4028 7.4), is answered by that tag.
    let peers = session(&format!("m=audio 4000 RTP/SAVP 8\r\n{KEY}")).opened(Srtp::Required);
    let mut voice = voice(Srtp::Required);
    let said = voice.answer(&offer, &peers, ours());
    let again = parse(&said).unwrap().opened_as_ours(Srtp::Required);
    assert_eq!(answer_meets(&again, &answer(&[(7, short)])), Ok(()));
    for lines in [&[(3, short)][..], &[(7, long)]] {
        assert_eq!(answer_meets(&again, &answer(lines)), Err(Mismatch::Keys));
    }
    // A party that is described anew for another partner is under the keys that it has.
    let anew = answer(&[(9, long)]).again(&offer).unwrap();
    assert_eq!(answer_meets(&offer, &anew), Ok(()));
}
