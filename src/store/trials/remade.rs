//! Rows and index made again of a log of more calls than are in hand at once.

use std::fs;
use std::io::Write as _;
use std::time::Duration;

use crate::base::chance::Chance;
use crate::call::story::What;
use crate::store::handle::{Ghost, Store};
use crate::store::maker::{Made, Maker};
use crate::store::query::Query;
use crate::store::record::CallRecord;
use crate::store::say::Say;
use crate::store::trial::{MORNING, Place, Script, answered, began};

/// More than twice the calls that wait to go into the index together.
const CALLS: u64 = 2_500;

/// An off-season call among the first, which somebody answers after all others.
const QUIET: u64 = 5;

/// Writes a log whose early calls are spoken of at its end.
fn made(place: &Place) {
    let chance = Chance::from_number(1);
    let mut maker = Maker::begin(&place.data(), "made", chance, MORNING).unwrap();
    for number in 1..=CALLS {
        let call = Script::nth(number);
        let mut tell = |made| maker.tell(call.id, call.at, made).unwrap();
        let mut begun = began(call.caller.clone());
        begun.tracked = number != QUIET;
        tell(Made::Fact(What::Began(Box::new(begun))));
        if number != QUIET {
            tell(Made::Fact(call.missed().what));
        }
    }
    let later = Script::nth(CALLS).at + Duration::from_secs(86_400);
    for (number, outcome) in [(700, "later"), (3, "sold"), (700, "lost")] {
        let say = Say {
            outcome: Some(Some(outcome.into())),
            ..Say::default()
        };
        let said = Made::Said(Box::new(say), "anna".into());
        maker.tell(Script::nth(number).id, later, said).unwrap();
    }
    let quiet = Script::nth(QUIET);
    let mut taken = answered(&quiet.caller);
    taken.recorded = false;
    let taken = Made::Fact(What::Answered(Box::new(taken)));
    maker.tell(quiet.id, later, taken).unwrap();
    maker.finish().unwrap();
}

fn record(store: &Store, number: u64) -> CallRecord {
    store.call(Script::nth(number).id).unwrap().unwrap()
}

#[test]
fn what_came_long_after_a_call_is_found_with_it_when_everything_is_made_again() {
    let place = Place::new();
    made(&place);
    assert_eq!(Store::reindex(place.setup()).unwrap(), CALLS);
    let (store, ghosts) = place.open();
    let calls: Vec<_> = ghosts.iter().map(|Ghost { call, .. }| *call).collect();
    assert_eq!(calls, [Script::nth(QUIET).id]);
    assert!(ghosts[0].dialogs.is_some());
    assert_eq!(record(&store, 3).outcome.as_deref(), Some("sold"));
    assert_eq!(record(&store, 700).outcome.as_deref(), Some("lost"));
    assert_eq!(record(&store, 4).outcome, None);
    let of = record(&store, 700);
    assert_eq!(of.said.len(), 2);
    let all = store.count(&Query::default());
    assert_eq!(all, CALLS - 1);
    // What is said of a call of the index stays with all that was said before, also behind another start.
    let say = Say {
        outcome: Some(Some("sold".into())),
        ..Say::default()
    };
    store.say(of.id, say, "boris", None).unwrap();
    drop(store);
    let (store, _) = place.open();
    let again = record(&store, 700);
    assert_eq!(again.said.len(), 3);
    assert_eq!(again.outcome.as_deref(), Some("sold"));
}

#[test]
fn a_line_that_somebody_damaged_is_passed_over_and_its_call_is_shown_without_it() {
    let place = Place::new();
    made(&place);
    let path = place.month("2026-11");
    let text = fs::read_to_string(&path).unwrap();
    // A line of which nothing is needed but that it is sound, and one whose text was changed to something else that reads well.
    let damaged = text.replacen(r#""outcome":"sold""#, r#""outcome":"sold"#, 1);
    let damaged = damaged.replacen(r#""outcome":"lost""#, r#""outcome":"gone""#, 1);
    fs::File::create(&path)
        .unwrap()
        .write_all(damaged.as_bytes())
        .unwrap();
    assert_eq!(Store::reindex(place.setup()).unwrap(), CALLS);
    let store = Store::look(place.setup()).unwrap();
    assert_eq!(record(&store, 3).outcome, None);
    assert_eq!(record(&store, 700).outcome.as_deref(), Some("gone"));
}
