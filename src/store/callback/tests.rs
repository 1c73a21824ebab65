//! Whom nobody has called back, through the whole store.

use std::time::Duration;

use crate::base::number::Caller;
use crate::store::handle::Store;
use crate::store::query::Query;
use crate::store::record::CallRecord;
use crate::store::remark::CalledBack;
use crate::store::say::Say;
use crate::store::trial::{CALLER, Place, Script, after, begin, call};

const OTHER: &str = "+74957778899";

fn record(store: &Store, call: &Script) -> CallRecord {
    store.sync().unwrap();
    store.call(call.id).unwrap().unwrap()
}

fn open(store: &Store) -> Vec<crate::base::id::CallId> {
    store.sync().unwrap();
    let query = Query {
        callback_open: true,
        ..Query::default()
    };
    let page = store.list(&query).unwrap();
    page.calls.iter().map(|call| call.id).collect()
}

#[test]
fn a_missed_call_waits_until_a_later_one_of_the_same_caller_in_its_project_is_answered() {
    let place = Place::new();
    let (store, _) = place.open();
    let first = call(&store, 1, CALLER, "shop", false);
    let second = call(&store, 2, CALLER, "shop", false);
    let stranger = call(&store, 3, OTHER, "shop", false);
    let elsewhere = call(&store, 4, CALLER, "garage", true);
    assert_eq!(open(&store), [stranger.id, second.id, first.id]);
    let waiting = record(&store, &first).callback.unwrap();
    assert_eq!(waiting.since, first.at + Duration::from_millis(9_000));
    assert_eq!(waiting.done, None);
    assert_eq!(record(&store, &elsewhere).callback, None);
    let reached = call(&store, 5, CALLER, "shop", true);
    assert_eq!(open(&store), [stranger.id]);
    let done = CalledBack {
        at: reached.at + Duration::from_secs(2),
        by: CalledBack::CALLER.into(),
    };
    let before = record(&store, &first);
    assert_eq!(before.callback.as_ref().unwrap().done, Some(done));
    // A miss after that waits anew.
    let third = call(&store, 6, CALLER, "shop", false);
    assert_eq!(open(&store), [third.id, stranger.id]);
    drop(store);
    for is_rebuilt in [false, true] {
        if is_rebuilt {
            Store::reindex(place.setup()).unwrap();
        }
        let (store, _) = place.open();
        assert_eq!(open(&store), [third.id, stranger.id]);
        assert_eq!(record(&store, &first), before);
    }
}

#[test]
fn who_rings_twice_at_once_and_is_answered_on_the_second_call_waits_for_nobody() {
    let place = Place::new();
    let (store, _) = place.open();
    let (first, second) = (Script::nth(1), Script::nth(2));
    begin(&store, &first, "shop");
    begin(&store, &second, "shop");
    store.tell(second.answered());
    store.sync().unwrap();
    store.tell(first.missed());
    let done = record(&store, &first).callback.unwrap().done.unwrap();
    assert_eq!(done.by, CalledBack::CALLER);
    assert_eq!(open(&store), []);
    // The one that began earlier says nothing of the later.
    let (third, fourth) = (
        Script::new(3, after(10), OTHER),
        Script::new(4, after(11), OTHER),
    );
    begin(&store, &third, "shop");
    begin(&store, &fourth, "shop");
    store.tell(fourth.missed());
    store.tell(third.answered());
    assert_eq!(open(&store), [fourth.id]);
    store.tell(second.ended());
    store.tell(third.ended());
    assert_eq!(open(&store), [fourth.id]);
}

#[test]
fn a_person_says_that_a_caller_was_called_back_and_takes_it_back() {
    let place = Place::new();
    let (store, _) = place.open();
    let missed = call(&store, 1, "anonymous", "shop", false);
    assert_eq!(open(&store), [missed.id]);
    let say = |is_done| Say {
        called_back: Some(is_done),
        ..Say::default()
    };
    let record = store.say(missed.id, say(true), "anna", None).unwrap();
    assert_eq!(record.callback.unwrap().done.unwrap().by, "anna");
    assert_eq!(open(&store), []);
    drop(store);
    let (store, _) = place.open();
    assert_eq!(open(&store), []);
    let record = store.say(missed.id, say(false), "anna", None).unwrap();
    assert!(record.awaits_callback());
    assert_eq!(open(&store), [missed.id]);
    // Who hides is reached by nobody's later call.
    call(&store, 2, "anonymous", "shop", true);
    assert_eq!(open(&store), [missed.id]);
}

#[test]
fn who_was_erased_is_not_to_be_called_back() {
    let place = Place::new();
    let (store, _) = place.open();
    let missed = call(&store, 1, CALLER, "shop", false);
    assert_eq!(open(&store), [missed.id]);
    store.erase(Caller::from_record(CALLER)).unwrap();
    assert_eq!(open(&store), []);
    call(&store, 2, CALLER, "shop", true);
    assert!(!record(&store, &missed).awaits_callback());
}
