//! What people say, through the whole store: log, rows, index, restart, erasure.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::store::credit::PEOPLE_MAX;
use crate::store::error::StoreError;
use crate::store::feed::LiveKind;
use crate::store::handle::{Store, Verdict};
use crate::store::remark::{Field, UseKind, Words};
use crate::store::say::{NOTE_MAX, SAID_MAX, Say, SayError};
use crate::store::spoken::CHANGES_SHOWN;
use crate::store::trial::{FaultyDisk, Place, Script};
use crate::store::trials::eventually;

mod erased;
mod house;

fn is_whole(store: &Store) -> bool {
    matches!(store.verify().unwrap(), Verdict::Whole { .. })
}

fn text(text: &str) -> Option<Option<String>> {
    Some(Some(text.to_owned()))
}

/// Tags that stand in a list of the configuration.
fn tags(tags: &[&str]) -> Say {
    let all = || tags.iter().map(|&tag| tag.to_owned());
    Say {
        tags: Some(all().collect()),
        listed: all().collect(),
        ..Say::default()
    }
}

/// Everything that can be said at once.
fn everything() -> Say {
    Say {
        target: Some(Some(true)),
        goal: text("price"),
        stage: text("offer"),
        outcome: text("sold"),
        value: Some(Some(1_999.5)),
        note: text("wants the RED one"),
        ..listed(tags(&["hot", "red"]), &["price", "offer", "sold"])
    }
}

/// The same with more words that stand in a list.
fn listed(mut say: Say, words: &[&str]) -> Say {
    say.listed.extend(words.iter().map(|&word| word.to_owned()));
    say
}

/// A store with one finished call.
fn with_call() -> (Place, Store, Script) {
    let place = Place::new();
    let (store, _) = place.open();
    let call = Script::nth(1);
    place.play(&store, &call);
    store.sync().unwrap();
    (place, store, call)
}

#[test]
fn what_is_said_is_on_the_record_with_who_and_when_and_survives_a_restart_and_a_reindex() {
    let (place, store, call) = with_call();
    let record = store.say(call.id, everything(), "anna", None).unwrap();
    assert_eq!(record.tags, ["hot", "red"]);
    assert_eq!(record.target, Some(true));
    assert_eq!(record.goal.as_deref(), Some("price"));
    assert_eq!(record.stage.as_deref(), Some("offer"));
    assert_eq!(record.outcome.as_deref(), Some("sold"));
    assert_eq!(record.value, Some(1_999.5));
    assert_eq!(record.note.as_deref(), Some("wants the RED one"));
    let gone = Say {
        goal: Some(None),
        ..tags(&[])
    };
    let record = store.say(call.id, gone, "boris", None).unwrap();
    assert_eq!((record.tags.len(), record.goal.as_deref()), (0, None));
    assert_eq!(record.stage.as_deref(), Some("offer"), "left as it was");
    let last: Vec<_> = record.said[record.said.len() - 2..]
        .iter()
        .map(|said| {
            (
                said.by.as_str(),
                said.what,
                said.from.clone(),
                said.to.clone(),
            )
        })
        .collect();
    let list = Words::List(vec!["hot".into(), "red".into()]);
    let price = Words::Text("price".into());
    assert_eq!(
        last,
        [
            ("boris", Field::Tags, Some(list), None),
            ("boris", Field::Goal, Some(price), None),
        ]
    );
    // It is on the disk when this returns, and only then may the sound leave.
    store.used(call.id, UseKind::Downloaded, "carl").unwrap();
    let record = store.call(call.id).unwrap().unwrap();
    assert_eq!(record.uses[0].what, UseKind::Downloaded);
    assert!(is_whole(&store));
    drop(store);
    let (store, _) = place.open();
    assert_eq!(store.call(call.id).unwrap().unwrap(), record);
    drop(store);
    Store::reindex(place.setup()).unwrap();
    let (store, _) = place.open();
    assert_eq!(store.call(call.id).unwrap().unwrap(), record);
    assert!(is_whole(&store));
}

#[test]
fn of_two_who_change_a_call_at_once_the_second_is_told_and_nothing_is_lost() {
    let (_place, store, call) = with_call();
    let seen = store.call(call.id).unwrap().unwrap().version;
    let first = store
        .say(call.id, tags(&["a"]), "anna", Some(seen))
        .unwrap();
    assert!(first.version > seen);
    let Err(SayError::Changed(now)) = store.say(call.id, tags(&["b"]), "boris", Some(seen)) else {
        panic!("boris saw an older version");
    };
    assert_eq!(*now, first);
    // Plays and what the call does by itself are nobody's words.
    store.played(call.id, "carl");
    store.sync().unwrap();
    assert!(store.call(call.id).unwrap().unwrap().version > first.version);
    store
        .say(call.id, tags(&["b"]), "boris", Some(first.version))
        .unwrap();
}

#[test]
fn of_many_who_saw_the_same_version_exactly_one_is_heard() {
    let (_place, store, call) = with_call();
    let seen = store.call(call.id).unwrap().unwrap().version;
    let heard: usize = std::thread::scope(|scope| {
        let speakers: Vec<_> = (0..8)
            .map(|number| {
                let store = &store;
                let say = tags(&[&number.to_string()]);
                scope.spawn(move || store.say(call.id, say, "somebody", Some(seen)).is_ok())
            })
            .collect();
        speakers
            .into_iter()
            .map(|speaker| usize::from(speaker.join().unwrap()))
            .sum()
    });
    assert_eq!(heard, 1);
    assert_eq!(store.call(call.id).unwrap().unwrap().said.len(), 1);
}

#[test]
fn several_calls_are_changed_with_few_syncs_and_one_that_is_unknown_spoils_no_other() {
    let place = Place::new();
    let disk = FaultyDisk::default();
    let store = place.open_on(disk.clone());
    let calls: Vec<Script> = (1..=200).map(Script::nth).collect();
    calls.iter().for_each(|call| place.play(&store, call));
    store.sync().unwrap();
    let before = disk.fault(|fault| fault.syncs);
    let mut changes: Vec<_> = calls
        .iter()
        .map(|call| (call.id, tags(&["x"]), None))
        .collect();
    changes.push((Script::nth(999).id, tags(&["x"]), None));
    let said = store.say_all(changes, "anna");
    let syncs = disk.fault(|fault| fault.syncs) - before;
    assert!(syncs <= 20, "{syncs} syncs for 200 changes");
    let (last, rest) = said.split_last().unwrap();
    assert!(matches!(last.1, Err(SayError::NoCall)));
    for (call, record) in rest {
        let record = record.as_ref().unwrap();
        assert_eq!((record.id, record.tags.len()), (*call, 1));
    }
}

#[test]
fn notes_are_pinned_to_moments_and_taken_off() {
    let (_place, store, call) = with_call();
    let record = store.pin(call.id, 65_000, " here \n", "anna").unwrap();
    let note = record.notes[0].clone();
    assert_eq!(
        (note.at_ms, note.text.as_str(), note.by.as_str()),
        (65_000, "here", "anna")
    );
    assert!(matches!(
        store.unpin(call.id, note.id + 1, "anna"),
        Err(SayError::NoNote(_))
    ));
    let record = store.unpin(call.id, note.id, "boris").unwrap();
    assert_eq!(record.notes, []);
    let last = record.said.last().unwrap();
    assert_eq!((last.by.as_str(), last.what), ("boris", Field::Pinned));
    assert_eq!(last.from, Some(Words::Text("here".into())));
    assert!(matches!(
        store.pin(call.id, 0, "  ", "anna"),
        Err(SayError::Wrong(_))
    ));
}

#[test]
fn many_who_write_at_once_do_not_pass_the_limit_together() {
    let (_place, store, call) = with_call();
    let note = |n: usize| Say {
        note: text(&format!("{n}{}", "ж".repeat(NOTE_MAX - 8))),
        ..Say::default()
    };
    let changes = (0..100).map(|n| (call.id, note(n), None)).collect();
    let said = store.say_all(changes, "anna");
    let taken = said.iter().filter(|(_, said)| said.is_ok()).count();
    assert!((28..=32).contains(&taken), "{taken}");
    assert!(
        said.iter()
            .all(|(_, said)| matches!(said, Ok(_) | Err(SayError::Full)))
    );
    let lines = store.0.shared.lines(call.id).unwrap().unwrap();
    let all: u64 = lines.iter().map(|place| u64::from(place.length)).sum();
    let (_place, other, call) = with_call();
    let lines = other.0.shared.lines(call.id).unwrap().unwrap();
    let own: u64 = lines.iter().map(|place| u64::from(place.length)).sum();
    assert!(all - own <= SAID_MAX, "{} bytes", all - own);
}

#[test]
fn a_flood_of_changes_is_refused_and_takes_no_credit_of_calls() {
    let place = Place::new();
    let disk = FaultyDisk::default();
    let store = place.open_on(disk.clone());
    let call = Script::nth(1);
    place.play(&store, &call);
    store.sync().unwrap();
    disk.fault(|fault| fault.is_sync_failing = true);
    // Nobody takes them off the queue while the disk refuses.
    for _ in 0..PEOPLE_MAX {
        store.played(call.id, "flood");
    }
    let refused = store.say(call.id, tags(&["x"]), "anna", None);
    assert!(
        matches!(refused, Err(SayError::Busy | SayError::Store(_))),
        "{refused:?}"
    );
    // What cannot be noted is not done: nobody plays or takes away anything of which there would be no line.
    let before = store.health().lost;
    let used = store.used(call.id, UseKind::Played, "flood");
    assert!(matches!(used, Err(SayError::Busy)), "{used:?}");
    assert!(store.seat().is_none());
    assert_eq!(store.health().lost, before);
    assert_eq!(store.0.shared.purse.waiting(), 0);
    disk.fault(|fault| fault.is_sync_failing = false);
    eventually("the disk takes lines again", || {
        store.say(call.id, tags(&["y"]), "anna", None).is_ok()
    });
    assert!(store.credit(1).is_some());
}

#[test]
fn an_untracked_or_unknown_call_takes_nothing() {
    let (_place, store, _) = with_call();
    let unknown = store.say(Script::nth(7).id, tags(&["x"]), "anna", None);
    assert!(matches!(unknown, Err(SayError::NoCall)));
}

#[test]
fn saying_nothing_writes_nothing() {
    let (_place, store, call) = with_call();
    let before = store.call(call.id).unwrap().unwrap();
    let after = store.say(call.id, Say::default(), "anna", None).unwrap();
    assert_eq!(after, before);
}

#[test]
fn those_who_look_on_are_told_of_tracked_calls_in_order_and_only_what_is_synced() {
    let place = Place::new();
    let disk = FaultyDisk::default();
    let store = place.open_on(disk.clone());
    let feed = store.feed();
    let from = feed.last();
    let call = Script::nth(1);
    place.play(&store, &call);
    store.sync().unwrap();
    store.say(call.id, tags(&["x"]), "anna", None).unwrap();
    let (news, is_complete) = feed.since(Some(from));
    assert!(is_complete);
    let kinds: Vec<_> = news.iter().map(|news| news.what).collect();
    let wanted = [
        LiveKind::Began,
        LiveKind::Ringing,
        LiveKind::Answered,
        LiveKind::Ended,
        LiveKind::Recorded,
        LiveKind::Said,
    ];
    assert_eq!(kinds, wanted);
    assert!(
        news.iter()
            .all(|news| &*news.project == "shop" && news.call == call.id)
    );
    assert!(news.windows(2).all(|pair| pair[0].n < pair[1].n));
    disk.fault(|fault| fault.is_sync_failing = true);
    store.tell(Script::nth(2).began());
    assert!(matches!(store.sync(), Err(StoreError::Refused(_))));
    assert_eq!(feed.since(Some(from)).0.len(), wanted.len());
    store.0.shared.is_stopping.store(true, Ordering::Release);
}

#[test]
fn a_call_takes_so_many_bytes_of_words_and_then_no_more() {
    let (_place, store, call) = with_call();
    let note = |n: usize| Say {
        note: text(&format!("{n}{}", "ж".repeat(NOTE_MAX - 8))),
        ..Say::default()
    };
    let mut said = 0;
    let refused = loop {
        match store.say(call.id, note(said), "anna", None) {
            Ok(_) => said += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, SayError::Full), "{refused}");
    assert!(refused.to_string().contains("256 KB"), "{refused}");
    // Each of them has a little more than 8 KB.
    assert!((30..=32).contains(&said), "{said}");
    assert!(matches!(
        store.pin(call.id, 0, "here", "anna"),
        Err(SayError::Full)
    ));
    let record = store.call(call.id).unwrap().unwrap();
    let bytes = u64::try_from(serde_json::to_vec(&record).unwrap().len()).unwrap();
    assert!(bytes < 3 * SAID_MAX, "{bytes}");
}

#[test]
fn who_played_a_call_keeps_nobody_from_saying_something_of_it() {
    let (_place, store, call) = with_call();
    let by = "x".repeat(128);
    for n in 0..1_200 {
        store.played(call.id, &by);
        if n % 500 == 0 {
            store.sync().unwrap();
        }
    }
    store.sync().unwrap();
    let lines = store.0.shared.lines(call.id).unwrap().unwrap();
    let bytes: u64 = lines.iter().map(|place| u64::from(place.length)).sum();
    assert!(bytes > SAID_MAX, "{bytes}");
    store.say(call.id, tags(&["x"]), "anna", None).unwrap();
}

#[test]
fn a_record_shows_the_newest_changes() {
    let (_place, store, call) = with_call();
    for n in 0..=CHANGES_SHOWN {
        let goal = Say {
            goal: text(&n.to_string()),
            ..Say::default()
        };
        store.say(call.id, goal, "anna", None).unwrap();
    }
    let record = store.call(call.id).unwrap().unwrap();
    assert_eq!(record.said.len(), CHANGES_SHOWN);
    let word = |n: usize| Some(Words::Text(n.to_string()));
    assert_eq!(
        (record.said[0].from.clone(), record.said[0].to.clone()),
        (word(0), word(1))
    );
    assert_eq!(record.said[CHANGES_SHOWN - 1].to, word(CHANGES_SHOWN));
    assert_eq!(record.goal.as_deref(), Some("200"));
}

#[test]
fn calls_in_progress_are_listed_until_they_end() {
    let (_place, store, _) = with_call();
    let open = Script::nth(5);
    store.tell(open.began());
    store.sync().unwrap();
    let calls = store.open_calls().unwrap();
    assert_eq!(
        calls.iter().map(|call| call.id).collect::<Vec<_>>(),
        [open.id]
    );
    store.tell(open.ended());
    store.sync().unwrap();
    assert!(store.open_calls().unwrap().is_empty());
}

#[test]
fn a_store_that_is_dropped_wakes_those_who_look_on() {
    let (_place, store, _) = with_call();
    let mut feed = store.feed();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let told = Arc::new(());
    drop((told, store));
    runtime.block_on(async { while feed.changed().await {} });
}
