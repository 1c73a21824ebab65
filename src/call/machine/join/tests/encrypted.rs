//! The second caller's sound is encrypted: it comes into the first call under another key of ours, and is recorded there in clear.

use crate::base::sound::Srtp;
use crate::call::desk::{Aim, MediaWish};
use crate::call::machine::join::tests::{Both, SECOND, lines};
use crate::call::rig::*;
use crate::sdp::{Crypto, Key, Protection, Suite};

const KEY: &str =
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

fn aims(rig: &Rig) -> Vec<(u64, Aim)> {
    let aim = |wish: &MediaWish| {
        if let MediaWish::Aim { leg, aim } = wish {
            Some((leg.0, (**aim).clone()))
        } else {
            None
        }
    };
    rig.media.iter().filter_map(aim).collect()
}

/// The keys of a leg's last aim: ours and the peer's.
#[track_caller]
fn keys(rig: &Rig, leg: u64) -> (Key, Key) {
    let all = aims(rig);
    let (_, aim) = all.iter().rev().find(|(of, _)| *of == leg).expect("an aim");
    match &aim.srtp {
        Protection::Keys(secrets) => (secrets.ours.clone(), secrets.theirs.clone()),
        other @ (Protection::Plain | Protection::Kept) => panic!("{other:?}"),
    }
}

#[test]
fn who_comes_into_another_call_is_offered_keys_that_nobody_has_counted_under() {
    let mut lines = lines();
    for (trunk, _) in &mut lines {
        if &*trunk.id == "second" {
            trunk.srtp = Srtp::Required;
        }
    }
    let own = sdp("127.0.0.6", 4_600, KEY).replace("RTP/AVP", "RTP/SAVP");
    let mut both = Both::of(lines, own);
    let leg = |call: u64, leg: u64| call << 8 | leg;
    let (before, theirs) = keys(&both.rig, leg(2, 0));
    both.asked();
    let ask = both.second.agrees(&mut both.rig);
    both.rig.to(SECOND, "ACK");
    let offered: Vec<_> = body(&ask)
        .lines()
        .filter_map(|line| line.strip_prefix("a=crypto:"))
        .map(|value| Crypto::read(value.as_bytes()).unwrap())
        .collect();
    assert_eq!(offered.len(), Suite::ALL.len());
    assert!(body(&ask).contains("RTP/SAVP 8 101"), "{ask}");
    assert!(offered.iter().all(|one| one.key != before));
    let (now, still) = keys(&both.rig, leg(1, 2));
    assert_eq!((&now, &still), (&offered[0].key, &theirs));
    let (_, aim) = aims(&both.rig)
        .into_iter()
        .rfind(|(of, _)| *of == leg(1, 2))
        .unwrap();
    assert_eq!(&*aim.codecs[0].name, "PCMA", "it is recorded in clear");
    let turned = |wish: &MediaWish| matches!(wish, MediaWish::Turn { .. });
    assert!(
        both.rig.media.iter().any(turned),
        "in the first call's file"
    );
    both.over();
}
