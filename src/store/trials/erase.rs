//! A person is erased, from every byte and whatever happens meanwhile.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::base::number::Caller;
use crate::call::story::{FinishReason, What};
use crate::recording::sketch;
use crate::store::disk::RealDisk;
use crate::store::event;
use crate::store::event::Event;
use crate::store::handle::Purpose;
use crate::store::history::History;
use crate::store::query::Query;
use crate::store::recover;
use crate::store::trial::{CALLER, MORNING, Place, Script};
use crate::store::trials::{all, eventually, is_whole};
use crate::store::verify::Verdict;

#[test]
fn erasing_removes_the_number_from_every_byte_and_the_chain_still_holds() {
    let place = Place::new();
    let (store, _) = place.open();
    let other = Script::new(50, MORNING, "+79990000000");
    place.play(&store, &other);
    let calls: Vec<Script> = (1..=3).map(Script::nth).collect();
    for call in &calls {
        place.play(&store, call);
    }
    store.sync().unwrap();
    let running = Script::nth(60);
    store.tell(running.began());
    store.sync().unwrap();
    let wanted = Caller::from_record(CALLER);

    let report = store.erase(wanted.clone()).unwrap();
    assert_eq!((report.calls, report.recordings, report.months), (3, 3, 1));
    assert_eq!(report.in_progress, 1);
    store.tell(running.missed());
    store.sync().unwrap();
    assert_eq!(store.erase(wanted.clone()).unwrap().calls, 1);
    assert_eq!(store.erase(wanted.clone()).unwrap().calls, 0);

    let record = store.call(calls[0].id).unwrap().unwrap();
    assert_eq!((record.caller, record.recording), (None, None));
    assert_eq!(record.legs[0].remote_uri, "");
    assert_eq!(record.finish_reason, Some(FinishReason::Completed));
    assert_eq!(store.list(&all()).unwrap().calls.len(), 5);
    let by_number = Query {
        caller: Some(CALLER.into()),
        ..Query::default()
    };
    assert_eq!(store.list(&by_number).unwrap().calls, []);
    assert_eq!(store.history("shop", &wanted), History::default());
    assert!(matches!(
        store.verify().unwrap(),
        Verdict::Whole { recordings: 1, .. }
    ));
    drop(store);

    let rows = place.data().join("rows");
    let digits = wanted.number().unwrap().digits().to_le_bytes();
    for _ in 0..2 {
        assert_eq!(place.holds("79161234567"), Vec::<std::path::PathBuf>::new());
        crate::store::trial::walk(&rows, &mut |path| {
            assert!(memchr::memmem::find(&fs::read(path).unwrap(), &digits).is_none());
        });
        // And nothing brings it back.
        fs::remove_dir_all(&rows).unwrap();
        fs::remove_dir_all(place.data().join("index")).unwrap();
        let (store, _) = place.open();
        assert_eq!(store.list(&all()).unwrap().calls.len(), 5);
    }
}

#[test]
fn a_recording_that_is_finished_after_its_person_was_erased_does_not_stay() {
    let place = Place::new();
    let (store, _) = place.open();
    let call = Script::nth(1);
    let mut quiet = crate::store::trial::answered(&call.caller);
    quiet.recorded = false;
    store.tell(call.began());
    store.tell(call.fact(2_000, What::Answered(Box::new(quiet))));
    store.tell(call.ended());
    assert_eq!(store.erase(Caller::from_record(CALLER)).unwrap().calls, 1);
    let path = place.recording(&call);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "sound").unwrap();
    store.recorded(call.outcome());
    store.sync().unwrap();
    eventually("the end of the file", || !path.exists());
    assert_eq!(store.call(call.id).unwrap().unwrap().recording, None);
    assert!(is_whole(&store));
}

#[test]
fn erasing_checking_and_calling_at_once_disturb_each_other_in_nothing() {
    let place = Place::new();
    let (store, _) = place.open();
    let people: Vec<String> = (0..5)
        .map(|person| format!("+7999000000{person}"))
        .collect();
    for (number, person) in (1..=100).zip(people.iter().cycle()) {
        place.play(
            &store,
            &Script::new(number, MORNING + Duration::from_secs(number), person),
        );
    }
    store.sync().unwrap();
    let caller = store.clone();
    let calling = thread::spawn(move || {
        for number in 200..1_200 {
            let call = Script::nth(number);
            caller.tell(call.began());
            caller.tell(call.ended());
        }
        caller.sync().unwrap();
    });
    for person in &people {
        assert_eq!(store.erase(Caller::from_record(person)).unwrap().calls, 20);
        let verdict = store.verify().unwrap();
        assert!(matches!(verdict, Verdict::Whole { .. }), "{verdict:?}");
    }
    calling.join().unwrap();
    let calls = store.list(&all()).unwrap().calls;
    assert_eq!(calls.len(), 1_000);
    drop(store);
    let (store, _) = place.open();
    assert!(is_whole(&store));
    assert_eq!(store.rows(), 1_100);
    drop(store);
    for person in &people {
        assert_eq!(place.holds(&person[1..]), Vec::<std::path::PathBuf>::new());
    }
}

#[test]
fn an_erasure_that_a_kill_cut_short_is_finished_by_the_next_start() {
    let place = Place::new();
    let (store, _) = place.open();
    let call = Script::nth(1);
    place.play(&store, &call);
    store.sync().unwrap();
    let path = place.recording(&call);
    let peaks = sketch::path_of(&path);
    fs::write(&peaks, "peaks").unwrap();
    assert!(path.exists());
    drop(store);
    // Killed right after the line was synced, and again with a month half-written.
    let opened = recover::open(place.setup(), Purpose::Serve, Box::new(RealDisk)).unwrap();
    let mut keeper = opened.keeper;
    let erased = event::Erased {
        calls: vec![call.id],
        recordings: vec![format!("2026/11/21/{}.wav", call.id)],
    };
    keeper.say(None, Event::Erased(erased));
    keeper.commit().unwrap();
    drop((keeper, opened.lock));
    fs::copy(
        place.month("2026-11"),
        place.data().join("log/2026-11.erasing"),
    )
    .unwrap();

    let (store, _) = place.open();
    assert_eq!(store.call(call.id).unwrap().unwrap().caller, None);
    assert!(!path.exists() && !peaks.exists());
    assert!(is_whole(&store));
    drop(store);
    assert_eq!(place.holds("79161234567"), Vec::<std::path::PathBuf>::new());
}

/// Stands where a month would be written anew, so that the disk refuses every erasure.
fn obstacle(place: &Place) -> std::path::PathBuf {
    let path = place.data().join("log/2026-11.erasing");
    fs::create_dir(&path).unwrap();
    path
}

#[test]
fn an_erasure_that_the_disk_refused_is_not_forgotten_and_is_finished_when_asked_again() {
    let place = Place::new();
    let (store, _) = place.open();
    let call = Script::nth(1);
    place.play(&store, &call);
    store.sync().unwrap();
    let wanted = Caller::from_record(CALLER);
    let in_the_way = obstacle(&place);
    assert!(store.erase(wanted.clone()).is_err());
    assert!(store.erase(wanted.clone()).is_err());
    let verdict = store.verify().unwrap();
    assert!(
        matches!(&verdict, Verdict::Broken { why, .. } if why.contains("still there")),
        "{verdict:?}"
    );
    fs::remove_dir(in_the_way).unwrap();
    let report = store.erase(wanted).unwrap();
    assert_eq!((report.calls, report.recordings, report.months), (1, 1, 1));
    assert!(is_whole(&store));
    drop(store);
    assert_eq!(place.holds("79161234567"), Vec::<std::path::PathBuf>::new());
}

#[test]
fn an_erasure_that_the_disk_refused_until_the_stop_is_finished_by_the_next_start() {
    let place = Place::new();
    let (store, _) = place.open();
    let call = Script::nth(1);
    place.play(&store, &call);
    store.sync().unwrap();
    let in_the_way = obstacle(&place);
    assert!(store.erase(Caller::from_record(CALLER)).is_err());
    store.shutdown();
    drop(store);
    fs::remove_dir(in_the_way).unwrap();
    assert!(!place.holds("79161234567").is_empty());
    let (store, _) = place.open();
    assert_eq!(store.call(call.id).unwrap().unwrap().caller, None);
    assert!(is_whole(&store));
    drop(store);
    assert_eq!(place.holds("79161234567"), Vec::<std::path::PathBuf>::new());
    assert!(!place.recording(&call).exists());
}

#[test]
fn a_caller_that_is_no_number_is_erased_by_what_the_record_shows() {
    let place = Place::new();
    let (store, _) = place.open();
    let (wanted, other) = (
        Script::new(1, MORNING, "colleague-at-desk"),
        Script::new(2, MORNING + Duration::from_secs(1), "102"),
    );
    place.play(&store, &wanted);
    place.play(&store, &other);
    store.sync().unwrap();
    assert_eq!(store.erase(Caller::Anonymous).unwrap().calls, 0);
    let report = store.erase(wanted.caller).unwrap();
    assert_eq!((report.calls, report.recordings), (1, 1));
    assert!(is_whole(&store));
    let kept = store.call(other.id).unwrap().unwrap();
    assert_eq!(kept.caller, Some(other.caller));
    drop(store);
    assert_eq!(
        place.holds("colleague-at-desk"),
        Vec::<std::path::PathBuf>::new()
    );
}

#[test]
fn an_erasure_waits_for_recordings_whose_folder_is_missing_or_empty_as_one_that_is_not_mounted() {
    let place = Place::new();
    let (store, _) = place.open();
    let call = Script::nth(1);
    place.play(&store, &call);
    store.sync().unwrap();
    let path = place.recording(&call);
    let recordings = place.recordings();
    let elsewhere = recordings.with_extension("elsewhere");
    fs::rename(&recordings, &elsewhere).unwrap();
    let wanted = Caller::from_record(CALLER);
    let refused = store.erase(wanted.clone()).unwrap_err().to_string();
    assert!(
        refused.contains("looking for erased recordings"),
        "{refused}"
    );
    fs::create_dir(&recordings).unwrap();
    let refused = store.erase(wanted.clone()).unwrap_err().to_string();
    assert!(refused.contains("mount its disk"), "{refused}");
    // What can be done without it is done already.
    assert_eq!(store.call(call.id).unwrap().unwrap().caller, None);
    fs::remove_dir(&recordings).unwrap();
    fs::rename(&elsewhere, &recordings).unwrap();
    assert!(path.exists());
    assert_eq!(store.erase(wanted).unwrap().recordings, 1);
    assert!(!path.exists());
    assert!(is_whole(&store));
}
