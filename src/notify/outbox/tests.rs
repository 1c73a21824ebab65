//! What is due when, tried how often, and given up when.

use jiff::tz::TimeZone;

use super::*;
use crate::store::saved::shelf::Shelf;
use crate::store::saved::{Asked, Mailed, Sending};

const MONDAY: &str = "2026-11-23";

fn at(text: &str) -> WallTime {
    text.parse().unwrap()
}

fn hours(hours: u64) -> Moment {
    Moment::from_millis(hours * 3_600_000)
}

fn zone(_: &SavedReport) -> Result<TimeZone, Withheld> {
    Ok(TimeZone::UTC)
}

/// Mondays at nine to anna and boris, since the Friday before.
fn shelf() -> Shelf {
    let mut shelf = Shelf::default();
    shelf.saved(&SavedReport {
        id: "ab12".into(),
        project: "shop".into(),
        name: "Sources".into(),
        report: "sources".into(),
        filter: Vec::new(),
        language: "en".into(),
        saved_by: "anna".into(),
        saved_at: at("2026-11-20T10:00:00Z"),
        sending: Some(Sending {
            weekday: 1,
            hour: 9,
            recipients: vec!["anna@shop.example".into(), "boris@shop.example".into()],
            since: at("2026-11-20T10:00:00Z"),
        }),
    });
    shelf
}

fn mailed(letter: &Letter, dead: Option<String>) -> Mailed {
    Mailed {
        report: letter.report.clone(),
        period: letter.period.clone(),
        due: WallTime::default(),
        recipient: letter.recipient.clone(),
        message_id: "<1@shop.example>".into(),
        dead,
    }
}

fn later(why: &str) -> Result<(), Failure> {
    Err(Failure::Later(why.into()))
}

fn recipients(outbox: &Outbox) -> Vec<&str> {
    outbox
        .waiting()
        .map(|(letter, _)| letter.recipient.split('@').next().unwrap())
        .collect()
}

#[test]
fn a_weeks_turn_makes_a_letter_to_each_recipient_once() {
    let mut shelf = shelf();
    let mut outbox = Outbox::default();
    let now = Moment::START;
    outbox.plan(now, at("2026-11-23T08:59:59Z"), shelf.list(), zone);
    assert_eq!(outbox.next(now), None);
    assert_eq!(outbox.turn(), Some(at("2026-11-23T09:00:00Z")));
    let wall = at("2026-11-23T09:00:00Z");
    outbox.plan(now, wall, shelf.list(), zone);
    assert_eq!(recipients(&outbox), ["anna", "boris"]);
    let mut sent = Vec::new();
    while let Some((letter, waiting)) = outbox.next(now) {
        assert_eq!((letter.period.as_str(), waiting.due), (MONDAY, wall));
        let letter = letter.clone();
        assert_eq!(outbox.tried(&letter, now, Ok(())), Some(End::Delivered));
        // Whatever is asked before the log has it, it is not sent again.
        outbox.plan(now, wall, shelf.list(), zone);
        assert!(outbox.waiting().all(|(other, _)| *other != letter));
        shelf.mailed(wall, &mailed(&letter, None));
        outbox.told(&letter);
        sent.push(letter.recipient);
    }
    assert_eq!(sent, ["anna@shop.example", "boris@shop.example"]);
    // Nor by a process that begins anew, whenever in the week, nor when hour, day or zone are moved back and forth.
    let mut again = Outbox::default();
    for wall in ["2026-11-23T09:00:01Z", "2026-11-29T23:00:00Z"] {
        again.plan(now, at(wall), shelf.list(), zone);
        assert_eq!(again.waiting().len(), 0);
    }
    let moved = |_: &SavedReport| Ok(TimeZone::get("America/New_York").unwrap());
    again.plan(now, at("2026-11-23T15:00:00Z"), shelf.list(), moved);
    assert_eq!(again.waiting().len(), 0);
    again.plan(now, at("2026-11-30T09:00:00Z"), shelf.list(), zone);
    assert_eq!(again.waiting().len(), 2);
}

#[test]
fn turns_that_came_while_nobody_ran_are_one_late_letter_of_the_last_one() {
    let shelf = shelf();
    let mut outbox = Outbox::default();
    outbox.plan(
        Moment::START,
        at("2026-12-17T11:00:00Z"),
        shelf.list(),
        zone,
    );
    let periods: Vec<_> = outbox
        .waiting()
        .map(|(letter, _)| letter.period.as_str())
        .collect();
    assert_eq!(periods, ["2026-12-14", "2026-12-14"]);
}

#[test]
fn turns_from_before_it_was_set_up_are_nobodys() {
    let shelf = shelf();
    let mut outbox = Outbox::default();
    outbox.plan(
        Moment::START,
        at("2026-11-20T10:00:01Z"),
        shelf.list(),
        zone,
    );
    assert_eq!(outbox.waiting().len(), 0);
}

#[test]
fn tries_come_ever_more_rarely_for_a_day_and_then_no_more() {
    let shelf = shelf();
    let mut outbox = Outbox::default();
    let wall = at("2026-11-23T09:00:00Z");
    outbox.plan(Moment::START, wall, shelf.list(), zone);
    let anna = outbox.next(Moment::START).unwrap().0.clone();
    let mut tried = Vec::new();
    let mut now = Moment::START;
    let end = loop {
        tried.push((now - Moment::START).as_secs() / 60);
        if let Some(end) = outbox.tried(&anna, now, later("421 come back")) {
            break end;
        }
        outbox.plan(now, wall, shelf.list(), zone);
        let (_, waiting) = outbox
            .waiting()
            .find(|(letter, _)| **letter == anna)
            .unwrap();
        assert_eq!(waiting.why.as_deref(), Some("421 come back"));
        now = waiting.next;
    };
    assert_eq!(end, End::Dead("421 come back".into()));
    assert_eq!(tried[..9], [0, 1, 3, 7, 15, 31, 63, 127, 247]);
    let last = *tried.last().unwrap();
    assert!((24 * 60..26 * 60).contains(&last), "{tried:?}");
    assert_eq!(recipients(&outbox), ["boris"], "the other one still waits");
}

#[test]
fn one_recipient_that_is_refused_stops_no_other() {
    let mut shelf = shelf();
    let mut outbox = Outbox::default();
    let wall = at("2026-11-23T09:00:00Z");
    outbox.plan(Moment::START, wall, shelf.list(), zone);
    let anna = outbox.next(Moment::START).unwrap().0.clone();
    let never = Err(Failure::Never("550 no such user".into()));
    let end = outbox.tried(&anna, Moment::START, never);
    assert_eq!(end, Some(End::Dead("550 no such user".into())));
    shelf.mailed(wall, &mailed(&anna, Some("550 no such user".into())));
    outbox.told(&anna);
    outbox.plan(Moment::START, wall, shelf.list(), zone);
    assert_eq!(recipients(&outbox), ["boris"]);
    // Somebody corrects what was wrong and asks for it again: the same letter.
    shelf.asked(&Asked {
        report: anna.report.clone(),
        period: anna.period.clone(),
        due: wall,
        recipients: vec![anna.recipient.clone()],
        by: "anna".into(),
    });
    outbox.plan(Moment::START, wall, shelf.list(), zone);
    assert_eq!(outbox.next(Moment::START).unwrap().0, &anna);
}

#[test]
fn whoever_mended_the_server_need_not_wait_for_the_next_try() {
    let shelf = shelf();
    let mut outbox = Outbox::default();
    outbox.plan(
        Moment::START,
        at("2026-11-23T09:00:00Z"),
        shelf.list(),
        zone,
    );
    while let Some((letter, _)) = outbox.next(Moment::START) {
        let letter = letter.clone();
        outbox.tried(&letter, Moment::START, later("refused"));
    }
    assert_eq!(outbox.poll_timeout(), Some(Moment::from_millis(60_000)));
    assert_eq!(outbox.next(Moment::from_millis(59_999)), None);
    outbox.hurry(Moment::from_millis(30_000));
    assert!(outbox.next(Moment::from_millis(30_000)).is_some());
}

#[test]
fn a_report_of_somebody_who_is_gone_is_not_sent_and_says_why() {
    let shelf = shelf();
    let mut outbox = Outbox::default();
    let wall = at("2026-11-23T09:00:00Z");
    let gone = |report: &SavedReport| Err(Withheld::NoUser(report.saved_by.clone()));
    outbox.plan(Moment::START, wall, shelf.list(), gone);
    assert_eq!(outbox.waiting().len(), 0);
    assert_eq!(outbox.withheld()["ab12"], Withheld::NoUser("anna".into()));
    // Back within the week, the letter comes late.
    outbox.plan(hours(50), at("2026-11-25T11:00:00Z"), shelf.list(), zone);
    assert_eq!(outbox.waiting().len(), 2);
    assert!(outbox.withheld().is_empty());
}

#[test]
fn letters_of_a_report_or_to_a_recipient_that_is_removed_go_with_it() {
    let mut shelf = shelf();
    let mut outbox = Outbox::default();
    let wall = at("2026-11-23T09:00:00Z");
    outbox.plan(Moment::START, wall, shelf.list(), zone);
    let mut report = shelf.find("ab12").unwrap().report.clone();
    report.sending.as_mut().unwrap().recipients.remove(0);
    shelf.saved(&report);
    outbox.plan(Moment::START, wall, shelf.list(), zone);
    assert_eq!(recipients(&outbox), ["boris"]);
    shelf.removed("ab12");
    outbox.plan(Moment::START, wall, shelf.list(), zone);
    assert_eq!(recipients(&outbox), [""; 0]);
}
