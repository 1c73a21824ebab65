//! Trials of the fold: a call's lines in any order are one record.

use proptest::prelude::*;

use super::*;
use crate::store::event::Hashed;
use crate::store::trial::Script;

fn lines(script: &Script) -> Vec<(Stamp, Event)> {
    let told = |fact: story::Fact| {
        let stamp = Stamp {
            n: 1,
            at: fact.at,
            mono: fact.mono,
        };
        (stamp, Event::from(fact.what))
    };
    let (late, _) = told(script.ended());
    let sha256 = "ab".repeat(32);
    vec![
        told(script.began()),
        told(script.ringing()),
        told(script.answered()),
        told(script.ended()),
        (late, Event::Recorded(Box::new(script.outcome().into()))),
        (
            late,
            Event::Hashed(Hashed {
                sha256,
                file: None,
                bytes: None,
            }),
        ),
    ]
}

fn fold(id: CallId, lines: &[(Stamp, Event)]) -> Option<CallRecord> {
    let mut draft = Draft::default();
    for (stamp, event) in lines {
        draft.apply(*stamp, event.clone());
    }
    draft.record(id)
}

proptest! {
    #[test]
    fn the_order_of_a_calls_lines_does_not_matter(
        order in Just((0..6).collect::<Vec<usize>>()).prop_shuffle(),
        kept in 1..=6usize,
    ) {
        let script = Script::nth(1);
        let lines = lines(&script);
        // Any of the lines, in any order, against the same lines in the order they happened.
        let mixed: Vec<usize> = order[..kept].to_vec();
        let mut sorted = mixed.clone();
        sorted.sort_unstable();
        let pick = |order: &[usize]| order.iter().map(|&at| lines[at].clone()).collect::<Vec<_>>();
        prop_assert_eq!(fold(script.id, &pick(&mixed)), fold(script.id, &pick(&sorted)));
    }
}

fn sent_on(script: &Script, after_ms: u64, result: story::TriedResult) -> (Stamp, Event) {
    let dialog = story::KeptDialog {
        call_id: format!("new-{after_ms}"),
        local: "<sip:us@h>;tag=1".to_owned(),
        remote: "<sip:102@h>;tag=2".to_owned(),
        target: "sip:102@h".to_owned(),
        routes: Vec::new(),
        cseq: 1,
        trunk: "pbx".into(),
        peer: "127.0.0.1:5070".parse().unwrap(),
        ours: true,
    };
    let transferred = story::Transferred {
        transfer: story::Transfer {
            at: script.at,
            by: "manager:desk".to_owned(),
            to: format!("ext:{after_ms}@pbx"),
            result,
            sip_status: None,
            joined: None,
        },
        dialog: (result == story::TriedResult::Answered).then_some(dialog),
    };
    let fact = script.fact(after_ms, story::What::Transferred(Box::new(transferred)));
    let stamp = Stamp {
        n: 1,
        at: fact.at,
        mono: fact.mono,
    };
    (stamp, Event::from(fact.what))
}

#[test]
fn a_call_that_was_sent_on_shows_each_transfer_and_a_crash_ends_it_with_whom_it_talked_last() {
    use story::TriedResult::{Answered, Busy};
    let script = Script::nth(1);
    let mut lines = lines(&script)[..3].to_vec();
    // In whatever order they are read.
    lines.push(sent_on(&script, 9_000, Busy));
    lines.push(sent_on(&script, 5_000, Answered));
    let record = fold(script.id, &lines).unwrap();
    let seen: Vec<_> = record
        .transfers
        .iter()
        .map(|one| (&*one.to, one.result))
        .collect();
    assert_eq!(seen, [("ext:5000@pbx", Answered), ("ext:9000@pbx", Busy)]);
    assert_eq!(
        record.manager.as_deref(),
        Some("desk"),
        "who answered first"
    );
    let mut draft = Draft::default();
    for (stamp, event) in &lines {
        draft.apply(*stamp, event.clone());
    }
    let [_, last] = draft.dialogs().unwrap();
    assert_eq!(last.call_id, "new-5000");
    let ended = draft.crashed(Moment::from_millis(20_000)).unwrap();
    assert_eq!(ended.legs[1].role, Some(Role::Transfer));
    assert_eq!(ended.transfers.len(), 2);
}

#[test]
fn lines_of_a_version_without_transfers_still_read() {
    let leg =
        r#"{"trunk":"pbx","codec":null,"packets_in":1,"packets_out":2,"lost":0,"jitter_ms":0.5}"#;
    let public = format!(
        r#"{{"rule":null,"targets_tried":[],"manager":null,"destination":null,"ringing_at":null,"answered_at":null,"wait_ms":1,"talk_ms":2,"total_ms":3,"answered":false,"missed":true,"finish_reason":"busy","hung_up_by":"system","sip_status":486,"q850_cause":null,"legs":[{leg}]}}"#
    );
    let Ok(Event::Ended(parts)) = Event::read("ended", &public, None) else {
        panic!("{public}");
    };
    assert_eq!(parts.public.legs[0].role, None);
    assert_eq!(parts.public.transfers, []);
}

#[test]
fn without_its_beginning_a_call_has_no_record() {
    let script = Script::nth(1);
    assert_eq!(fold(script.id, &lines(&script)[1..]), None);
}

#[test]
fn a_call_that_crashed_while_they_talked_names_the_target_that_answered() {
    let script = Script::nth(1);
    let mut draft = Draft::default();
    for (stamp, event) in lines(&script).into_iter().take(3) {
        draft.apply(stamp, event);
    }
    let ended = draft.crashed(Moment::from_millis(6_000)).unwrap();
    let wanted = crate::store::trial::ended(script.at, &script.caller);
    assert_eq!(ended.targets_tried, wanted.targets_tried);
    assert_eq!(
        (ended.rule, ended.manager, ended.destination),
        (wanted.rule, wanted.manager, wanted.destination)
    );
}

#[test]
fn who_hides_may_have_called_before() {
    for (caller, is_first) in [("anonymous", false), ("+79161234567", true), ("101", true)] {
        let script = Script::new(1, crate::store::trial::MORNING, caller);
        let record = fold(script.id, &lines(&script)[..1]).unwrap();
        assert_eq!((record.prior_calls, record.first_call), (0, is_first));
    }
}

#[test]
fn a_call_that_crashed_while_it_rang_is_missed_and_has_its_first_leg() {
    let script = Script::nth(1);
    let mut draft = Draft::default();
    for (stamp, event) in lines(&script).into_iter().take(2) {
        draft.apply(stamp, event);
    }
    let ended = draft.crashed(Moment::from_millis(6_000)).unwrap();
    assert!(ended.missed && !ended.answered);
    assert_eq!(
        (ended.wait_ms, ended.talk_ms, ended.total_ms),
        (5_000, 0, 5_000)
    );
    assert_eq!(ended.legs.len(), 1);
    assert_eq!(ended.legs[0].sip_call_id, "abc-1");
}
