//! Recordings that have had their time.

use std::fs;
use std::time::Duration;

use crate::recording::sketch;
use crate::store::trial::{Place, Script};
use crate::store::trials::all;
use crate::store::verify::Verdict;

#[test]
fn a_recording_whose_time_is_over_is_deleted_and_its_record_says_so() {
    let place = Place::new();
    let (store, _) = place.open();
    let calls: Vec<Script> = (1..=250).map(Script::nth).collect();
    for call in &calls {
        place.play(&store, call);
    }
    store.sync().unwrap();
    let before = calls[240].at;
    assert_eq!(store.prune_recordings(before).unwrap(), 240);
    assert_eq!(store.prune_recordings(before).unwrap(), 0);
    assert!(!place.recording(&calls[239]).exists());
    assert!(place.recording(&calls[240]).exists());
    assert_eq!(store.call(calls[239].id).unwrap().unwrap().recording, None);
    assert!(
        store
            .call(calls[240].id)
            .unwrap()
            .unwrap()
            .recording
            .is_some()
    );
    assert!(matches!(
        store.verify().unwrap(),
        Verdict::Whole { recordings: 10, .. }
    ));
    let shown = store.list(&all()).unwrap();
    drop(store);
    // Killed between the line and the file, and between the file and its peaks.
    fs::write(place.recording(&calls[0]), "sound").unwrap();
    let peaks = [0, 1].map(|n| sketch::path_of(&place.recording(&calls[n])));
    for peaks in &peaks {
        fs::write(peaks, "peaks").unwrap();
    }
    fs::remove_dir_all(place.data().join("rows")).unwrap();
    let (store, _) = place.open();
    assert!(!place.recording(&calls[0]).exists());
    assert!(peaks.iter().all(|peaks| !peaks.exists()));
    assert!(store.list(&all()).unwrap() == shown);
}

#[test]
fn a_damaged_old_call_saves_no_other_recording_from_its_time() {
    let place = Place::new();
    let (store, _) = place.open();
    let calls: Vec<Script> = (1..=150).map(Script::nth).collect();
    for call in &calls {
        place.play(&store, call);
    }
    store.shutdown();
    drop(store);
    let path = place.month("2026-11");
    let text = fs::read_to_string(&path).unwrap();
    let bad = calls[0].id.to_string();
    let line = text.lines().find(|line| line.contains(&bad)).unwrap();
    let damaged = line.replacen(r#""n":"#, r#""m":"#, 1);
    fs::write(&path, text.replacen(line, &damaged, 1)).unwrap();
    let (store, _) = place.open();
    let after = calls[149].at + Duration::from_secs(1);
    assert_eq!(store.prune_recordings(after).unwrap(), 149);
    assert!(place.recording(&calls[0]).exists());
    assert!(!place.recording(&calls[149]).exists());
}
