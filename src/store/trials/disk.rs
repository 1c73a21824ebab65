//! A disk that is slow, full or refuses.

use std::fs;

use crate::base::clock::Clock;
use crate::store::error::StoreError;
use crate::store::trial::{FaultyDisk, Place, Script};
use crate::store::trials::{all, eventually, is_whole};

#[test]
fn readers_see_an_event_only_after_its_sync() {
    let place = Place::new();
    let disk = FaultyDisk::default();
    let store = place.open_on(disk.clone());
    store.sync().unwrap();
    disk.fault(|fault| fault.is_sync_failing = true);
    let call = Script::nth(1);
    let syncs = disk.fault(|fault| fault.syncs);
    store.tell(call.began());
    eventually("a refused sync", || disk.fault(|fault| fault.syncs) > syncs);
    eventually("the trouble", || store.health().disk_error.is_some());
    assert_eq!(store.call(call.id).unwrap(), None);
    assert_eq!(store.list(&all()).unwrap().calls, []);
    assert!(matches!(store.sync(), Err(StoreError::Refused(_))));
    // What was refused is written again, though the first write of it had succeeded.
    disk.fault(|fault| fault.is_sync_failing = false);
    eventually("the record", || store.call(call.id).unwrap().is_some());
    assert_eq!(store.health().disk_error, None);
    assert!(is_whole(&store));
    drop(store);
    let (store, _) = place.open();
    assert!(is_whole(&store));
    assert!(store.call(call.id).unwrap().is_some());
}

#[test]
fn many_events_share_few_syncs() {
    let place = Place::new();
    let disk = FaultyDisk::default();
    let store = place.open_on(disk.clone());
    store.sync().unwrap();
    let before = disk.fault(|fault| fault.syncs);
    let clock = Clock::start();
    (1..=500).for_each(|number| place.play(&store, &Script::nth(number)));
    store.sync().unwrap();
    let syncs = disk.fault(|fault| fault.syncs) - before;
    // One each 25 ms at the most, however long it takes.
    let most = 5 + clock.now().as_micros() / 25_000;
    assert!(syncs <= most, "{syncs} syncs for 3000 events");
    assert_eq!(store.list(&all()).unwrap().calls.len(), 500);
}

#[test]
fn a_full_disk_keeps_what_fits_in_memory_and_counts_the_rest_in_the_log() {
    let place = Place::new();
    let disk = FaultyDisk::default();
    let store = place.open_on(disk.clone());
    let first = Script::nth(1);
    place.play(&store, &first);
    store.sync().unwrap();
    // Room for a line and a half.
    disk.fault(|fault| fault.room = Some(1_500));
    let kept = Script::nth(2);
    place.play(&store, &kept);
    eventually("the trouble", || store.health().disk_error.is_some());
    assert!(store.credit(8).is_some());
    let flood = Script::nth(3);
    let told = crate::store::credit::EVENTS_MAX + 100;
    for _ in 0..told {
        store.tell(flood.ringing());
    }
    assert!(
        store.credit(8).is_some(),
        "calls go on while the disk refuses"
    );
    let lost = store.health().lost;
    assert!(lost >= 100, "{lost}");
    // The end of a call finds room even now.
    let last = Script::nth(4);
    store.tell(last.began());
    assert_eq!(store.health().lost, lost + 1);
    store.tell(last.ended());
    assert_eq!(store.health().lost, lost + 1);

    disk.fault(|fault| fault.room = None);
    eventually("the backlog's end", || store.health().backlog == 0);
    store.sync().unwrap();
    assert!(store.call(kept.id).unwrap().is_some());
    assert!(is_whole(&store));
    drop(store);
    let text = fs::read_to_string(place.month("2026-11")).unwrap();
    let counted: u64 = text
        .lines()
        .filter(|line| line.contains(r#""event":"lost""#))
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["public"]["events"].as_u64().unwrap()
        })
        .sum();
    assert_eq!(counted, lost + 1);
}

#[test]
fn a_store_that_is_told_to_stop_does_not_wait_for_a_full_disk() {
    let place = Place::new();
    let disk = FaultyDisk::default();
    let store = place.open_on(disk.clone());
    store.sync().unwrap();
    disk.fault(|fault| fault.room = Some(10));
    place.play(&store, &Script::nth(1));
    eventually("the trouble", || store.health().disk_error.is_some());
    store.shutdown();
    drop(store);
    let (store, _) = place.open();
    assert!(is_whole(&store));
}
