//! Tokens and tables that were taken, through the whole store: log, restart, checkpoint, reindex.

use crate::store::handle::Store;
use crate::store::handle::tests::{is_whole, with_call};
use crate::store::query::{Query, Status};
use crate::store::token::{NewToken, TokenError};

#[test]
fn no_two_good_tokens_have_one_name() {
    let (_place, store, _) = with_call();
    let new = |byte: &str| NewToken {
        name: "crm".into(),
        hash: byte.repeat(32),
        role: "manager".into(),
        projects: None,
    };
    let made: Vec<_> = std::thread::scope(|scope| {
        let makers = ["ab", "cd", "ef", "01"].map(|byte| {
            let store = &store;
            scope.spawn(move || store.make_token(new(byte), "anna"))
        });
        makers.map(|maker| maker.join().unwrap()).into()
    });
    let good: Vec<_> = made.iter().flatten().collect();
    assert_eq!(good.len(), 1);
    assert_eq!(store.tokens().len(), 1);
    let refused = made.iter().filter_map(|made| made.as_ref().err());
    assert!(
        refused
            .into_iter()
            .all(|error| matches!(error, TokenError::Taken))
    );
    // A name is free again when its token is revoked.
    store.revoke_token(&good[0].id, "anna").unwrap();
    store.make_token(new("23"), "anna").unwrap();
}

#[test]
fn tokens_outlive_a_restart_from_a_checkpoint_and_a_reindex_until_they_are_revoked() {
    let (place, store, _) = with_call();
    let new = |name: &str, byte: &str| NewToken {
        name: name.into(),
        hash: byte.repeat(32),
        role: "manager".into(),
        projects: Some(vec!["shop".into()]),
    };
    let crm = store.make_token(new("crm", "ab"), "anna").unwrap();
    let old = store.make_token(new("old", "cd"), "anna").unwrap();
    assert!(matches!(
        store.make_token(new("again", "ab"), "anna"),
        Err(TokenError::Used)
    ));
    assert!(store.revoke_token(&old.id, "anna").unwrap());
    assert!(!store.revoke_token(&old.id, "anna").unwrap());
    assert!(store.token(&"ab".repeat(32)).unwrap().last_used.is_some());
    assert_eq!(store.token(&"cd".repeat(32)), None);
    assert!(store.tokens()[0].last_used.is_some());
    drop(store);
    let (store, _) = place.open();
    assert_eq!(store.tokens(), std::slice::from_ref(&crm));
    drop(store);
    Store::reindex(place.setup()).unwrap();
    let (store, _) = place.open();
    assert_eq!(store.tokens(), [crm]);
    assert!(is_whole(&store));
}

#[test]
fn an_export_tells_its_conditions_and_no_number() {
    let (place, store, _) = with_call();
    let query = Query {
        project: Some("shop".into()),
        projects: Some(vec!["shop".into(), "+79995556677".into()]),
        caller: Some("+79995556677".into()),
        q: Some("secret".into()),
        tag: Some("Ivan from the bank".into()),
        goal: Some("price".into()),
        target: Some(false),
        status: Some(Status::Missed),
        ..Query::default()
    };
    let listed = ["shop".to_owned(), "price".to_owned()].into();
    let seat = store.seat().unwrap();
    store.exported(seat, &query, &listed, 12, "anna");
    store.sync().unwrap();
    assert_eq!(store.0.shared.purse.people(), 0, "seats go back");
    let month = crate::store::place::Month::of(store.0.shared.clock.wall());
    let log = std::fs::read_to_string(place.month(&month.to_string())).unwrap();
    let line = log
        .lines()
        .find(|line| line.contains("\"exported\""))
        .unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    let wanted = serde_json::json!({
        "by": "anna",
        "calls": 12,
        "filter": {
            "project": "shop", "projects": ["shop", true], "caller": true, "q": true, "tag": true,
            "goal": "price", "target": false, "status": "missed",
        },
    });
    assert_eq!(line["public"], wanted);
}

#[test]
fn tables_that_were_taken_are_remembered_over_a_restart_and_a_reindex() {
    let (place, store, _) = with_call();
    for calls in [3, 4] {
        let seat = store.seat().unwrap();
        store.exported(seat, &Query::default(), &Default::default(), calls, "anna");
    }
    store.sync().unwrap();
    let exports = store.exports();
    let calls: Vec<u64> = exports.iter().map(|export| export.calls).collect();
    assert_eq!(calls, [3, 4]);
    drop(store);
    let (store, _) = place.open();
    assert_eq!(store.exports(), exports);
    drop(store);
    Store::reindex(place.setup()).unwrap();
    let (store, _) = place.open();
    assert_eq!(store.exports(), exports);
    assert!(is_whole(&store));
}
