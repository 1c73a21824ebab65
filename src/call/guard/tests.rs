//! The guard on a jumping clock.

use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::call::guard::bans::BANS_MAX;

const SCANNER: &str = "203.0.113.5:5060";
const CARRIER: &str = "198.51.100.1:5060";

fn guard() -> Guard {
    Guard::new(Settings::default(), &mut Chance::from_number(1))
}

fn at(seconds: u64) -> Moment {
    Moment::from_millis(seconds * 1_000)
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn number(n: u32) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::from_bits(n)), 5060)
}

/// How many of `count` messages of a stranger are heard.
fn heard(guard: &mut Guard, now: Moment, peer: &str, count: usize) -> usize {
    (0..count)
        .filter(|_| guard.hears(now, address(peer), 400, false))
        .count()
}

fn news(guard: &mut Guard) -> Vec<News> {
    std::iter::from_fn(|| guard.poll()).collect()
}

#[test]
fn a_stranger_that_sends_too_fast_is_banned_and_heard_again_when_the_ban_ends() {
    let mut guard = guard();
    assert_eq!(heard(&mut guard, at(10), SCANNER, 1_000), 100);
    let peer = address(SCANNER);
    let banned = News::Banned {
        peer,
        time: Duration::from_secs(600),
        why: Offence::TooFast,
    };
    assert_eq!(news(&mut guard), [banned]);
    assert_eq!(guard.banned(), 1);
    assert_eq!(guard.poll_timeout(), Some(at(610)));
    assert_eq!(heard(&mut guard, at(609), SCANNER, 50), 0);
    guard.handle_timeout(at(610));
    let ended = News::Ended {
        source: Source::of(peer.ip()),
        dropped: 949,
    };
    assert_eq!(news(&mut guard), [ended]);
    assert_eq!(heard(&mut guard, at(610), SCANNER, 100), 100);
    let dropped = guard.dropped();
    assert_eq!((dropped.too_fast, dropped.banned), (1, 949));
}

#[test]
fn a_ban_ends_by_the_clock_alone_even_when_nobody_wakes_the_guard() {
    let mut guard = guard();
    heard(&mut guard, at(10), SCANNER, 101);
    assert_eq!(heard(&mut guard, at(610), SCANNER, 1), 1);
}

#[test]
fn a_stranger_within_its_rate_is_heard_for_ever() {
    let mut guard = guard();
    for second in 10..1_000 {
        assert_eq!(heard(&mut guard, at(second), SCANNER, 20), 20);
    }
    assert_eq!(news(&mut guard), []);
}

#[test]
fn a_stranger_that_is_refused_twenty_times_within_a_minute_is_banned() {
    let mut guard = guard();
    let peer = address(SCANNER);
    for n in 0..19 {
        guard.refused(at(10 + n), peer, false);
    }
    // A minute later they count no more.
    guard.refused(at(71), peer, false);
    assert_eq!(guard.banned(), 0);
    for n in 0..19 {
        guard.refused(at(72 + n), peer, false);
    }
    assert_eq!(guard.banned(), 1);
    assert_eq!(heard(&mut guard, at(91), SCANNER, 1), 0);
    assert!(matches!(
        news(&mut guard)[..],
        [News::Banned {
            why: Offence::Refused,
            ..
        }]
    ));
    // Answers to what was read before the ban change nothing.
    guard.refused(at(91), peer, false);
    assert_eq!(guard.poll_timeout(), Some(at(690)));
}

#[test]
fn a_trunk_is_never_banned_whatever_is_sent_in_its_name_and_has_a_rate_of_its_own() {
    let mut guard = guard();
    let carrier = address(CARRIER);
    let heard = |guard: &mut Guard, now| {
        (0..200_000)
            .filter(|_| guard.hears(now, carrier, 400, true))
            .count()
    };
    assert_eq!(heard(&mut guard, at(10)), 50_000);
    assert_eq!(heard(&mut guard, at(11)), 50_000);
    for _ in 0..1_000 {
        guard.refused(at(12), carrier, true);
    }
    assert_eq!(guard.banned(), 0);
    assert_eq!(heard(&mut guard, at(13)), 50_000);
}

#[test]
fn an_address_that_becomes_a_trunks_is_heard_at_once() {
    let mut guard = guard();
    heard(&mut guard, at(10), SCANNER, 200);
    assert!(!guard.hears(at(11), address(SCANNER), 400, false));
    assert!(guard.hears(at(11), address(SCANNER), 400, true));
}

#[test]
fn who_takes_part_in_a_call_is_treated_like_a_trunk_for_half_an_hour_at_least() {
    let mut guard = guard();
    guard.befriend(at(10), address(SCANNER));
    assert_eq!(heard(&mut guard, at(1_800), SCANNER, 5_000), 5_000);
    for _ in 0..100 {
        guard.refused(at(1_800), address(SCANNER), false);
    }
    assert_eq!(guard.banned(), 0);
    // Forgotten when others have been befriended for two such times.
    guard.befriend(at(1_900), address(CARRIER));
    guard.befriend(at(3_800), address(CARRIER));
    assert_eq!(heard(&mut guard, at(3_800), SCANNER, 5_000), 100);
}

#[test]
fn a_64_of_ipv6_is_one_source() {
    let mut guard = guard();
    let from = |guard: &mut Guard, host: u16| {
        let peer = format!("[2001:db8:1:2::{host:x}]:5060");
        guard.hears(at(10), address(&peer), 400, false)
    };
    let heard = (0..1_000).filter(|host| from(&mut guard, *host)).count();
    assert_eq!(heard, 100);
    assert_eq!(guard.banned(), 1);
    assert!(guard.hears(at(10), address("[2001:db8:1:3::1]:5060"), 400, false));
}

#[test]
fn strangers_together_have_a_rate_so_that_new_addresses_do_not_help() {
    let mut guard = guard();
    let heard = (0..50_000)
        .filter(|n| guard.hears(at(10), number(*n), 400, false))
        .count();
    assert_eq!(heard, 2_000);
    assert_eq!(guard.banned(), 0, "each of them sent one message");
    assert!(guard.hears(at(10), address(CARRIER), 400, true));
}

#[test]
fn a_large_datagram_counts_as_many_small_ones() {
    let mut guard = guard();
    assert!(guard.hears(at(10), address(SCANNER), 51_200, false));
    assert!(!guard.hears(at(10), address(SCANNER), 1, false));
    assert_eq!(guard.banned(), 1);
}

#[test]
fn without_a_ban_too_much_is_dropped_and_the_rate_goes_on() {
    let mut guard = guard();
    guard.set(Settings {
        ban: Duration::ZERO,
        ..Settings::default()
    });
    assert_eq!(heard(&mut guard, at(10), SCANNER, 1_000), 100);
    assert_eq!(heard(&mut guard, at(11), SCANNER, 1_000), 20);
    for _ in 0..100 {
        guard.refused(at(12), address(SCANNER), false);
    }
    assert_eq!((guard.banned(), news(&mut guard)), (0, Vec::new()));
}

#[test]
fn a_flood_of_forged_addresses_frees_no_scanner_from_its_ban_and_takes_bounded_room() {
    let mut guard = guard();
    heard(&mut guard, at(10), SCANNER, 101);
    // A message each from a million addresses: nobody is banned for that, and nobody is let go.
    for n in 0..1_000_000 {
        guard.hears(at(11), number(n), 400, false);
    }
    assert_eq!(guard.banned(), 1);
    assert_eq!(heard(&mut guard, at(11), SCANNER, 1), 0);
    assert!(guard.strangers.len() <= 2 * SOURCES_MAX);
}

#[test]
fn when_there_are_too_many_bans_the_one_that_ends_soonest_gives_way() {
    let mut guard = guard();
    heard(&mut guard, at(10), SCANNER, 101);
    let refused = |guard: &mut Guard, n| {
        for _ in 0..20 {
            guard.refused(at(11), number(n), false);
        }
    };
    for n in 1..u32::try_from(BANS_MAX).unwrap() {
        refused(&mut guard, n);
    }
    assert_eq!(guard.banned(), BANS_MAX);
    assert_eq!(heard(&mut guard, at(11), SCANNER, 1), 0);
    news(&mut guard);
    refused(&mut guard, u32::MAX - 7);
    assert_eq!(guard.banned(), BANS_MAX);
    assert!(matches!(
        news(&mut guard)[..],
        [News::Banned { .. }, News::Ended { dropped: 1, .. }]
    ));
    guard.handle_timeout(at(611));
    assert_eq!(guard.banned(), 0);
    assert_eq!(guard.poll_timeout(), None);
}

#[test]
fn a_reload_changes_the_length_of_new_bans_alone() {
    let mut guard = guard();
    heard(&mut guard, at(10), SCANNER, 101);
    guard.set(Settings {
        ban: Duration::from_secs(5),
        ..Settings::default()
    });
    heard(&mut guard, at(10), "203.0.113.6:5060", 101);
    assert_eq!(guard.poll_timeout(), Some(at(15)));
    guard.handle_timeout(at(15));
    assert_eq!((guard.banned(), guard.poll_timeout()), (1, Some(at(610))));
}
