//! What was told is read: records, lists and the history of callers.

use std::thread;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::store::history::History;
use crate::store::query::{Query, Status};
use crate::store::trial::{CALLER, MORNING, Place, Script};
use crate::store::trials::{all, is_whole};

#[test]
fn the_record_has_every_member_of_the_contract_and_each_its_value() {
    let place = Place::new();
    let (store, ghosts) = place.open();
    assert!(ghosts.is_empty());
    let call = Script::nth(1);
    place.play(&store, &call);
    store.played(call.id, "127.0.0.1");
    store.sync().unwrap();
    let record = store.call(call.id).unwrap().unwrap();
    let wanted = include_str!("../trial_record.json")
        .replace("ID", &call.id.to_string())
        .replace("PLAYED", &record.uses[0].at.to_string())
        .replace("SHA256", &hex::encode(Sha256::digest("sound")));
    let wanted: serde_json::Value = serde_json::from_str(&wanted).unwrap();
    assert_eq!(serde_json::to_value(&record).unwrap(), wanted);
    assert_eq!(
        serde_json::from_value::<crate::store::record::CallRecord>(wanted).unwrap(),
        record
    );
}

#[test]
fn a_call_in_progress_is_shown_with_what_is_known() {
    let place = Place::new();
    let (store, _) = place.open();
    let call = Script::nth(1);
    store.tell(call.began());
    store.tell(call.ringing());
    store.sync().unwrap();
    let record = store.call(call.id).unwrap().unwrap();
    assert_eq!(record.ended_at, None);
    assert_eq!(
        record.ringing_at,
        Some(call.at + Duration::from_millis(300))
    );
    assert!(!record.missed && !record.answered);
    let in_progress = Query {
        status: Some(Status::InProgress),
        ..Query::default()
    };
    assert_eq!(store.list(&in_progress).unwrap().calls, [record]);
    store.tell(call.ended());
    store.sync().unwrap();
    assert_eq!(store.list(&in_progress).unwrap().calls, []);
}

#[test]
fn history_is_known_at_once_and_by_project() {
    let place = Place::new();
    let (store, _) = place.open();
    let (first, second) = (Script::nth(1), Script::nth(2));
    let asked = || store.history("shop", &first.caller);
    assert_eq!(asked(), History::default());
    store.tell(first.began());
    assert_eq!(asked().prior_calls, 1);
    assert_eq!(asked().last_manager, None);
    store.tell(first.answered());
    assert_eq!(asked().last_manager.as_deref(), Some("desk"));
    assert_eq!(
        store.last_taken("desk"),
        Some(first.at + Duration::from_secs(2))
    );
    store.tell(second.began());
    assert_eq!(asked().prior_calls, 2);
    assert_eq!(store.history("garden", &first.caller), History::default());
    assert_eq!(store.last_taken("senior"), None);
    let hidden = Script::new(9, MORNING, "anonymous");
    store.tell(hidden.began());
    assert_eq!(store.history("shop", &hidden.caller).prior_calls, 0);
}

#[test]
fn lists_filter_and_page_from_the_newest_to_the_oldest() {
    let place = Place::new();
    let (store, _) = place.open();
    for number in 1..=30 {
        let call = Script::new(
            number,
            MORNING + Duration::from_secs(number),
            if number % 2 == 0 { CALLER } else { "101" },
        );
        store.tell(call.began());
        store.tell(if number % 3 == 0 {
            call.missed()
        } else {
            call.ended()
        });
    }
    store.sync().unwrap();
    let count = |query: Query| {
        store
            .list(&Query {
                limit: Some(100),
                ..query
            })
            .unwrap()
            .calls
            .len()
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(count(Query::default()), 30);
    assert_eq!(
        count(Query {
            caller: text(CALLER),
            ..Query::default()
        }),
        15
    );
    assert_eq!(
        count(Query {
            caller: text("+7916*"),
            ..Query::default()
        }),
        15
    );
    assert_eq!(
        count(Query {
            caller: text("101"),
            ..Query::default()
        }),
        15
    );
    assert_eq!(
        count(Query {
            status: Some(Status::Missed),
            ..Query::default()
        }),
        10
    );
    assert_eq!(
        count(Query {
            manager: text("desk"),
            ..Query::default()
        }),
        20
    );
    assert_eq!(
        count(Query {
            manager: text("nobody"),
            ..Query::default()
        }),
        0
    );
    assert_eq!(
        count(Query {
            q: text("MOWERS-SPRING"),
            ..Query::default()
        }),
        30
    );
    assert_eq!(
        count(Query {
            tag: text("sale"),
            ..Query::default()
        }),
        0
    );
    let since = Some(MORNING + Duration::from_secs(11));
    let until = Some(MORNING + Duration::from_secs(21));
    assert_eq!(
        count(Query {
            since,
            until,
            ..Query::default()
        }),
        10
    );

    let mut query = Query {
        limit: Some(7),
        status: Some(Status::Answered),
        ..Query::default()
    };
    let mut seen = Vec::new();
    loop {
        let page = store.list(&query).unwrap();
        assert!(page.calls.len() <= 7);
        seen.extend(page.calls.iter().map(|call| call.id));
        if page.next.is_none() {
            break;
        }
        query.cursor = page.next;
    }
    assert_eq!(seen.len(), 20);
    assert!(seen.windows(2).all(|pair| pair[0] > pair[1]));
}

#[test]
fn telling_and_reading_at_once_shows_whole_calls_in_order() {
    let place = Place::new();
    let (store, _) = place.open();
    let teller = store.clone();
    let telling = thread::spawn(move || {
        for number in 1..=2_000 {
            let call = Script::nth(number);
            teller.tell(call.began());
            teller.tell(call.ended());
        }
        teller.sync().unwrap();
    });
    let mut most = 0;
    while most < 1_000 {
        let calls = store.list(&all()).unwrap().calls;
        assert!(calls.len() >= most, "what was shown is shown again");
        assert!(calls.windows(2).all(|pair| pair[0].id > pair[1].id));
        most = calls.len();
    }
    telling.join().unwrap();
    assert!(is_whole(&store));
}
