//! Calls of a project that is off-season: as few lines as their peers need.

use std::fs;

use crate::base::number::Caller;
use crate::call::story::{FinishReason, What};
use crate::store::handle::Store;
use crate::store::trial::{CALLER, Place, Script, began};
use crate::store::trials::{all, eventually};

/// Tells the first line of a call of a project that is off-season.
fn begin_untracked(store: &Store, call: &Script) {
    let mut quiet = began(call.caller.clone());
    quiet.tracked = false;
    store.tell(call.fact(0, What::Began(Box::new(quiet))));
}

/// Tells that an untracked call was answered; no recording begins.
fn answer_untracked(store: &Store, call: &Script) {
    let mut quiet = crate::store::trial::answered(&call.caller);
    quiet.recorded = false;
    store.tell(call.fact(2_000, What::Answered(Box::new(quiet))));
}

#[test]
fn an_untracked_call_is_one_line_or_three_where_it_is_answered_and_in_no_list() {
    let place = Place::new();
    let (store, _) = place.open();
    let (missed, answered) = (Script::nth(1), Script::nth(2));
    begin_untracked(&store, &missed);
    store.tell(missed.ringing());
    store.tell(missed.missed());
    begin_untracked(&store, &answered);
    store.tell(answered.ringing());
    answer_untracked(&store, &answered);
    store.tell(answered.ended());
    store.sync().unwrap();
    assert_eq!(store.list(&all()).unwrap().calls, []);
    let record = store.call(answered.id).unwrap().unwrap();
    assert!(!record.tracked);
    assert_eq!(record.legs, []);
    assert_eq!(store.history("shop", &answered.caller).prior_calls, 0);
    let after = place.killed();
    let text = fs::read_to_string(after.month("2026-11")).unwrap();
    let lines = |call: &Script| {
        let id = call.id.to_string();
        text.lines().filter(|line| line.contains(&id)).count()
    };
    assert_eq!((lines(&missed), lines(&answered)), (1, 3));
    let (_, ghosts) = after.open();
    assert_eq!(ghosts, []);
}

#[test]
fn an_untracked_call_that_a_crash_cut_is_ended_at_its_peers_and_in_no_list() {
    let place = Place::new();
    let (store, _) = place.open();
    let (late, early) = (Script::nth(1), Script::nth(2));
    begin_untracked(&store, &late);
    store.sync().unwrap();
    // Restarted while it rang: nobody knows it is not over, and its first line is in the index.
    store.shutdown();
    drop(store);
    let (store, ghosts) = place.open();
    assert_eq!(ghosts, []);
    begin_untracked(&store, &early);
    answer_untracked(&store, &early);
    store.sync().unwrap();
    assert_eq!(
        store
            .erase(Caller::from_record(CALLER))
            .unwrap()
            .in_progress,
        1
    );
    for checkpoint in [false, true] {
        let after = if checkpoint {
            store.shutdown();
            place.killed()
        } else {
            place.killed()
        };
        let (store, ghosts) = after.open();
        assert_eq!(ghosts.len(), 1);
        assert_eq!((ghosts[0].call, ghosts[0].recorded), (early.id, false));
        assert!(ghosts[0].dialogs.is_some());
        assert_eq!(store.list(&all()).unwrap().calls, []);
        let record = store.call(early.id).unwrap().unwrap();
        assert_eq!(record.finish_reason, Some(FinishReason::Crashed));
        drop(store);
        let (_, ghosts) = after.open();
        assert_eq!(ghosts, [], "a ghost is named once");
    }
}

#[test]
fn an_untracked_call_whose_first_line_is_in_the_index_is_ended_at_its_peers_too() {
    let place = Place::new();
    let (store, _) = place.open();
    let call = Script::nth(1);
    begin_untracked(&store, &call);
    store.sync().unwrap();
    eventually("the index", || store.is_indexed(call.id));
    answer_untracked(&store, &call);
    store.sync().unwrap();
    let (_, ghosts) = place.killed().open();
    assert_eq!(ghosts.len(), 1);
    assert!(ghosts[0].dialogs.is_some());
}
