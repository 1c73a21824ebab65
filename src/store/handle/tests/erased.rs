//! What people wrote goes with the person whom it is about, out of every file.

use std::time::Duration;

use crate::base::number::Caller;
use crate::store::handle::Store;
use crate::store::handle::tests::{everything, is_whole, tags, text, with_call};
use crate::store::query::Query;
use crate::store::say::{Say, SayError};
use crate::store::trial::{CALLER, Script};

#[test]
fn what_people_wrote_of_a_person_goes_with_the_person() {
    let (place, store, call) = with_call();
    store.say(call.id, everything(), "anna", None).unwrap();
    store
        .pin(call.id, 1_000, "spells his name Zxqv", "anna")
        .unwrap();
    assert_ne!(place.holds("Zxqv"), Vec::<std::path::PathBuf>::new());
    let before = store.call(call.id).unwrap().unwrap();
    store.erase(Caller::from_record(CALLER)).unwrap();
    for text in ["Zxqv", "RED one", "red one"] {
        assert_eq!(
            place.holds(text),
            Vec::<std::path::PathBuf>::new(),
            "{text}"
        );
    }
    let record = store.call(call.id).unwrap().unwrap();
    assert_eq!((record.note.as_deref(), record.notes.len()), (None, 0));
    assert_eq!(
        record.tags,
        ["hot", "red"],
        "labels are not about the person"
    );
    assert!(record.version > before.version);
    assert!(is_whole(&store));
    // And nobody writes more, or `verify` would find it.
    let note = Say {
        note: text("again"),
        ..Say::default()
    };
    assert!(matches!(
        store.say(call.id, note, "anna", None),
        Err(SayError::Erased)
    ));
    assert!(matches!(
        store.pin(call.id, 0, "x", "anna"),
        Err(SayError::Erased)
    ));
    let seen = Some(record.version);
    let record = store.say(call.id, tags(&["b"]), "anna", seen).unwrap();
    assert!(matches!(
        store.say(call.id, tags(&["c"]), "anna", seen),
        Err(SayError::Changed(_))
    ));
    store
        .say(call.id, tags(&["c"]), "anna", Some(record.version))
        .unwrap();
    assert!(is_whole(&store));
}

#[test]
fn words_that_are_in_no_list_go_with_the_person_and_leave_no_trace_in_any_file() {
    let (place, store, call) = with_call();
    // Another month of another person has rows too, and names of its own.
    let other = Script::new(
        9,
        call.at + Duration::from_secs(40 * 86_400),
        "+79990000009",
    );
    place.play(&store, &other);
    store.sync().unwrap();
    store.say(other.id, tags(&["sold"]), "anna", None).unwrap();
    let own = Say {
        tags: Some(vec!["Zxqv from Omsk".into(), "hot".into()]),
        goal: text("wants Zxqv"),
        stage: text("offer"),
        listed: ["hot".into(), "offer".into()].into(),
        ..Say::default()
    };
    let record = store.say(call.id, own, "anna", None).unwrap();
    assert_eq!(record.tags, ["Zxqv from Omsk", "hot"], "in their order");
    assert_eq!(record.goal.as_deref(), Some("wants Zxqv"));
    let by_tag = |store: &Store, tag: &str| {
        let query = Query {
            tag: Some(tag.into()),
            ..Query::default()
        };
        let page = store.list(&query).unwrap();
        assert_eq!(store.count(&query), page.calls.len() as u64, "{tag}");
        page.calls
            .into_iter()
            .map(|call| call.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(by_tag(&store, "Zxqv from Omsk"), [call.id]);
    drop(store);
    let (store, _) = place.open();
    assert_eq!(store.call(call.id).unwrap().unwrap(), record);
    assert_eq!(by_tag(&store, "Zxqv from Omsk"), [call.id]);
    assert_ne!(place.holds("Zxqv"), Vec::<std::path::PathBuf>::new());
    store.erase(Caller::from_record(CALLER)).unwrap();
    for gone in ["Zxqv", "zxqv"] {
        assert_eq!(place.holds(gone), Vec::<std::path::PathBuf>::new());
    }
    let after = store.call(call.id).unwrap().unwrap();
    assert_eq!(
        (after.tags.as_slice(), after.goal.as_deref()),
        (&["hot".to_owned()][..], None)
    );
    assert_eq!(after.stage.as_deref(), Some("offer"));
    assert_eq!(after.said.len(), 3, "that it was changed is still known");
    assert!(is_whole(&store));
    let check = |store: &Store| {
        assert_eq!(by_tag(store, "Zxqv from Omsk"), []);
        assert_eq!(by_tag(store, "hot"), [call.id]);
        assert_eq!(by_tag(store, "sold"), [other.id]);
        assert_eq!(store.call(call.id).unwrap().unwrap(), after);
    };
    check(&store);
    drop(store);
    let (store, _) = place.open();
    check(&store);
    drop(store);
    Store::reindex(place.setup()).unwrap();
    let (store, _) = place.open();
    check(&store);
    // Nobody says such words of the call again.
    let again = Say {
        tags: Some(vec!["Zxqv".into()]),
        ..Say::default()
    };
    assert!(matches!(
        store.say(call.id, again, "anna", None),
        Err(SayError::Erased)
    ));
}
