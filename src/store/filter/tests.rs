//! What lists show, through the whole store: rows answer as the records would.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::base::number::Caller;
use crate::call::story::FinishReason;
use crate::store::filter::{Filter, Search};
use crate::store::handle::Store;
use crate::store::narrow::{Back, Narrow, Part, Taken};
use crate::store::query::{Query, Status};
use crate::store::say::Say;
use crate::store::trial::{CALLER, Place, Script, after, begin, call};
use crate::track::Sales;

const OTHER: &str = "+74957778899";

/// Calls of every kind, some of which people said something of.
fn filled(place: &Place) -> Store {
    let (store, _) = place.open();
    // An erasure wants to see that the disk of the recordings is there.
    std::fs::create_dir_all(place.recordings().join("2026")).unwrap();
    let callers = [
        CALLER,
        OTHER,
        "101",
        "anonymous",
        "Desk <7>",
        "+79161234568",
    ];
    for number in 1..=120 {
        let caller = callers[usize::try_from(number).unwrap() % callers.len()];
        let project = ["shop", "garage", "garden"][usize::try_from(number / 7).unwrap() % 3];
        let made = call(&store, number, caller, project, number % 4 != 0);
        if number % 3 == 0 {
            store.sync().unwrap();
            let text = |words: &[&str]| {
                let word = words[usize::try_from(number).unwrap() % words.len()];
                Some((!word.is_empty()).then(|| word.to_owned()))
            };
            let say = Say {
                tags: Some(match number % 5 {
                    0 => vec![],
                    1 => vec!["hot".into()],
                    _ => vec!["red".into(), "hot".into()],
                }),
                target: Some([Some(true), Some(false), None][usize::try_from(number).unwrap() % 3]),
                goal: text(&["price", "order", ""]),
                stage: text(&["offer", ""]),
                outcome: text(&["sold", "lost", "", "later"]),
                note: text(&["Wants the RED one", "", "звонил ЖЕНЕ"]),
                value: text(&["12.5", ""]).map(|value| value.map(|value| value.parse().unwrap())),
                called_back: Some(number % 2 == 0),
                ..Say::default()
            };
            store.say(made.id, say, "anna", None).unwrap();
        }
        if number % 30 == 0 {
            store.pin(made.id, 7, "Pinned Moment", "anna").unwrap();
        }
    }
    store.erase(Caller::from_record("+79161234568")).unwrap();
    let hanging = Script::new(500, after(50_000), CALLER);
    begin(&store, &hanging, "shop");
    store.sync().unwrap();
    store
}

fn maybe(words: &'static [&'static str]) -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        4 => Just(None),
        1 => proptest::sample::select(words).prop_map(|word| Some(word.to_owned())),
    ]
}

fn queries() -> impl Strategy<Value = Query> {
    let names = (
        maybe(&["shop", "garage", "nowhere"]),
        prop_oneof![
            3 => Just(None),
            1 => Just(Some(vec!["shop".to_owned(), "nowhere".to_owned()])),
            1 => Just(Some(Vec::new())),
        ],
        maybe(&["direct-mowers", "none"]),
        maybe(&["yandex-direct", "none"]),
        maybe(&["mowers-spring", "none"]),
        maybe(&["lawn-mowers", "none"]),
        maybe(&["desk", "none"]),
    );
    let said = (
        maybe(&["hot", "red", "none"]),
        maybe(&["price", "order", "none"]),
        maybe(&["offer", "none"]),
        maybe(&["sold", "lost", "none"]),
        proptest::option::weighted(0.2, any::<bool>()),
        proptest::option::weighted(0.2, any::<bool>()),
        proptest::bool::weighted(0.2),
    );
    let caller = maybe(&[
        CALLER,
        "101",
        "anonymous",
        "+7916*",
        "+7*",
        "+*",
        "*",
        "7*",
        "10*",
        "anon*",
        "Desk*",
        "x",
        "Desk <7>",
    ]);
    let text = maybe(&[
        "", "+", "+79", "7778", "1234567", "MOWERS", "101", "desk", "anonym", "red one", "Жене",
        "pinned", "0000001", "nothing",
    ]);
    let status = prop_oneof![
        4 => Just(None),
        1 => proptest::sample::select(vec![
            Status::Answered,
            Status::Missed,
            Status::InProgress,
            Status::Ended(FinishReason::CallerGaveUp),
        ])
        .prop_map(Some),
    ];
    let times = (
        proptest::option::weighted(0.2, 0..13_000u64),
        proptest::option::weighted(0.2, 0..13_000u64),
    );
    let rest = (caller, text, status, times, 1..150usize);
    (names, said, rest, narrow()).prop_map(
        |(names, said, (caller, q, status, times, limit), narrow)| Query {
            since: times.0.map(after),
            until: times.1.map(after),
            project: names.0,
            projects: names.1,
            source: names.2,
            channel: names.3,
            campaign: names.4,
            category: names.5,
            manager: names.6,
            tag: said.0,
            goal: said.1,
            stage: said.2,
            outcome: said.3,
            target: said.4,
            repeat: said.5,
            callback_open: said.6,
            caller,
            q,
            status,
            limit: Some(limit),
            cursor: None,
            narrow,
        },
    )
}

fn rarely<T: Clone + std::fmt::Debug + 'static>(
    values: impl Into<Vec<T>>,
) -> impl Strategy<Value = Option<T>> {
    proptest::option::weighted(0.1, proptest::sample::select(values.into()))
}

/// What opens the calls behind a figure.
fn narrow() -> impl Strategy<Value = Narrow> {
    let words = |words: &[&str]| rarely(words.iter().map(ToString::to_string).collect::<Vec<_>>());
    let sales = [
        Sales::default(),
        Sales::new([
            ("shop".into(), Arc::from([Arc::from("lost")])),
            (
                "garden".into(),
                Arc::from([Arc::from("sold"), Arc::from("later")]),
            ),
        ]),
    ];
    let names = (
        words(&["+74950000001", "none"]),
        words(&["mowers", "none"]),
        words(&["desk", "senior", "none"]),
        rarely(Taken::ALL),
        rarely([FinishReason::Completed, FinishReason::CallerGaveUp]),
    );
    let marks = (
        rarely([true, false]),
        rarely([true, false]),
        rarely([true]),
        proptest::collection::vec(proptest::sample::select(Part::ALL.to_vec()), 0..2),
        rarely([Back::Done, Back::Spoken]),
        (rarely(sales.clone()), rarely(sales)),
        rarely([
            vec!["offer".to_owned()],
            vec!["none".to_owned(), "offer".to_owned()],
        ]),
        proptest::bool::weighted(0.05),
    );
    let times = (
        rarely([9u8, 12, 13]),
        rarely([6u8, 7]),
        words(&["Europe/Moscow", "UTC"]),
        rarely([0u64, 2_000, 9_000]),
        rarely([0u64, 2_000, 9_000]),
    );
    (names, marks, times).prop_map(|(names, marks, times)| Narrow {
        number: names.0,
        rule: names.1,
        offered: names.2,
        taken: names.3,
        reason: names.4,
        ended: marks.0,
        valued: marks.1,
        hidden: marks.2.is_some(),
        without: marks.3,
        called_back: marks.4,
        customers: marks.5.0,
        leads: marks.5.1,
        stages: marks.6.unwrap_or_default(),
        first_stage: marks.7,
        hour: times.0,
        weekday: times.1,
        zone: times.2,
        min_wait_ms: times.3,
        max_wait_ms: times.4,
    })
}

#[test]
fn rows_answer_every_condition_as_the_records_do_also_after_a_restart() {
    let place = Place::new();
    let store = filled(&place);
    let everything = Query {
        limit: Some(1_000),
        ..Query::default()
    };
    let all = store.list(&everything).unwrap().calls;
    assert_eq!(all.len(), 121);
    drop(store);
    // From the rows' files.
    let store = Store::look(place.setup()).unwrap();
    assert!(store.list(&everything).unwrap().calls == all, "as before");
    assert!(all.iter().any(|record| record.caller.is_none()), "erased");
    let mut runner = TestRunner::deterministic();
    let mut in_all = 0;
    for _ in 0..1_500 {
        let query = queries().new_tree(&mut runner).unwrap().current();
        let wanted = all.iter().filter(|record| query.matches(record));
        let wanted: Vec<_> = wanted.map(|record| record.id).collect();
        let mut asked = query.clone();
        let mut seen = Vec::new();
        loop {
            let page = store.list(&asked).unwrap();
            seen.extend(page.calls.iter().map(|record| record.id));
            match page.next {
                Some(next) => asked.cursor = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, wanted, "{query:?}");
        // The rows alone say the same: no record was read in vain.
        let view = store.shared().view();
        let found = Search::new(&query, &view.rows).run();
        let filter = Filter::new(&query, found, &view.rows);
        let rows = view.rows.list();
        let passing = rows[filter.places(rows)]
            .iter()
            .rev()
            .filter(|row| filter.passes(row));
        assert_eq!(
            passing.map(|row| row.id).collect::<Vec<_>>(),
            wanted,
            "{query:?}"
        );
        drop(view);
        assert_eq!(store.count(&query), u64::try_from(wanted.len()).unwrap());
        in_all += wanted.len();
    }
    assert!(in_all > 1_000, "the queries find something: {in_all}");
}
