//! Trials of the whole store: what was told is there, whatever happens to the process, the disk and the files.

use std::fs;
use std::thread;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::base::number::Caller;
use crate::base::time::WallTime;
use crate::call::story::{FinishReason, HungUpBy, What};
use crate::recording::command::State;
use crate::recording::sketch;
use crate::store::disk::RealDisk;
use crate::store::error::StoreError;
use crate::store::event;
use crate::store::event::Event;
use crate::store::handle::{Purpose, Store};
use crate::store::history::History;
use crate::store::query::{Query, Status};
use crate::store::recover;
use crate::store::trial::{CALLER, FaultyDisk, MORNING, Place, Script, began};
use crate::store::verify::Verdict;

fn all() -> Query {
    Query {
        limit: Some(1_000),
        ..Query::default()
    }
}

fn is_whole(store: &Store) -> bool {
    matches!(store.verify().unwrap(), Verdict::Whole { .. })
}

/// Waits until `true`, with a deadline far beyond what it should take.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if is_so() {
            return;
        }
        thread::park_timeout(Duration::from_millis(5));
    }
    panic!("never came: {what}");
}

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
    let wanted = include_str!("trial_record.json")
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
fn a_changed_byte_is_found_and_its_line_is_named() {
    let place = Place::new();
    let (store, _) = place.open();
    for number in 1..=20 {
        place.play(&store, &Script::nth(number));
    }
    store.shutdown();
    let path = place.month("2026-11");
    let good = fs::read(&path).unwrap();
    let lines: Vec<&[u8]> = good.split_inclusive(|&b| b == b'\n').collect();
    for (number, from, to) in [
        (3, "direct-mowers", "direct-towers"),
        (7, "+79161234567", "+79161234568"),
        (40, r#""event""#, r#" "event""#),
        (50, r#""n":60"#, r#""n":61"#),
    ] {
        let number: usize = number;
        // The line of a kind that has such text.
        let at = (number..lines.len())
            .find(|&line| memchr::memmem::find(lines[line], from.as_bytes()).is_some())
            .unwrap_or_else(|| panic!("no line after {number} has {from}"));
        let mut changed: Vec<Vec<u8>> = lines.iter().map(|line| line.to_vec()).collect();
        changed[at] = String::from_utf8(changed[at].clone())
            .unwrap()
            .replacen(from, to, 1)
            .into_bytes();
        fs::write(&path, changed.concat()).unwrap();
        let verdict =
            crate::store::verify::verify(&place.data().join("log"), &place.recordings(), None)
                .unwrap();
        let Verdict::Broken { file, line, why } = verdict else {
            panic!("{from} -> {to} was not found");
        };
        assert_eq!(
            (file, line),
            (path.clone(), u64::try_from(at + 1).unwrap()),
            "{why}"
        );
    }
}

#[test]
fn a_recording_that_was_changed_or_is_gone_is_found_and_its_line_is_named() {
    let place = Place::new();
    let (store, _) = place.open();
    let call = Script::nth(1);
    place.play(&store, &call);
    store.sync().unwrap();
    assert!(matches!(
        store.verify().unwrap(),
        Verdict::Whole { recordings: 1, .. }
    ));
    fs::write(place.recording(&call), "other").unwrap();
    // opened, started, and the call's six lines, of which the hash is the last.
    assert!(
        matches!(store.verify().unwrap(), Verdict::Broken { line: 8, why, .. }
        if why.contains("not what was recorded"))
    );
    fs::remove_file(place.recording(&call)).unwrap();
    assert!(
        matches!(store.verify().unwrap(), Verdict::Broken { line: 8, why, .. }
        if why.contains("cannot be read"))
    );
}

#[test]
fn a_line_that_was_taken_out_or_a_tail_that_was_cut_off_is_found() {
    let place = Place::new();
    let (store, _) = place.open();
    (1..=5).for_each(|number| place.play(&store, &Script::nth(number)));
    store.sync().unwrap();
    let path = place.month("2026-11");
    let good = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let mut without: Vec<&str> = lines.clone();
    without.remove(9);
    fs::write(&path, without.join("\n") + "\n").unwrap();
    assert!(matches!(
        store.verify().unwrap(),
        Verdict::Broken { line: 10, .. }
    ));
    fs::write(&path, lines[..lines.len() - 2].join("\n") + "\n").unwrap();
    let wanted = u64::try_from(lines.len() - 1).unwrap();
    assert!(matches!(store.verify().unwrap(), Verdict::Broken { line, .. } if line == wanted));
}

#[test]
fn a_torn_last_line_is_cut_off_and_the_log_says_so() {
    let place = Place::new();
    let (store, _) = place.open();
    place.play(&store, &Script::nth(1));
    store.shutdown();
    drop(store);
    let path = place.month("2026-11");
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend_from_slice(br#"{"n":99,"at":"2026-11-21T09:3"#);
    fs::write(&path, &bytes).unwrap();
    let (store, _) = place.open();
    assert!(is_whole(&store));
    assert_eq!(store.list(&all()).unwrap().calls.len(), 1);
    drop(store);
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .contains(r#""torn_bytes":29"#)
    );
}

#[test]
fn a_last_line_that_had_been_synced_is_damage_and_is_neither_cut_off_nor_forgotten() {
    // Its end is gone, or something in its middle.
    let damages: [fn(&mut Vec<u8>); 2] = [
        |bytes| bytes.truncate(bytes.len() - 20),
        |bytes| {
            let at = bytes.len() - 100;
            bytes[at] = 0;
        },
    ];
    for damage in damages {
        let place = Place::new();
        let (store, _) = place.open();
        place.play(&store, &Script::nth(1));
        store.shutdown();
        drop(store);
        let path = place.month("2026-11");
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, &bytes).unwrap();
        for number in 2..=3 {
            let (store, _) = place.open();
            place.play(&store, &Script::nth(number));
            store.sync().unwrap();
            assert_eq!(
                u64::try_from(store.list(&all()).unwrap().calls.len()).unwrap(),
                number
            );
            let verdict = store.verify().unwrap();
            assert!(
                matches!(verdict, Verdict::Broken { line: 9, .. }),
                "{verdict:?}"
            );
        }
        assert!(fs::read(&path).unwrap().starts_with(&bytes));
    }
}

#[test]
fn after_a_kill_everything_that_was_shown_is_there_and_calls_in_progress_are_ended_as_crashed() {
    let place = Place::new();
    let (store, _) = place.open();
    let (done, ringing, talking) = (Script::nth(1), Script::nth(2), Script::nth(3));
    place.play(&store, &done);
    store.tell(ringing.began());
    store.tell(ringing.ringing());
    store.tell(talking.began());
    store.tell(talking.answered());
    store.sync().unwrap();
    let shown = store.call(done.id).unwrap();

    let after = place.killed();
    let (store, mut ghosts) = after.open();
    assert_eq!(store.call(done.id).unwrap(), shown);
    ghosts.sort_by_key(|ghost| ghost.call);
    assert_eq!(ghosts.len(), 2);
    assert_eq!((ghosts[0].call, ghosts[0].recorded), (ringing.id, false));
    assert_eq!(ghosts[0].dialogs, None);
    assert_eq!((ghosts[1].call, ghosts[1].recorded), (talking.id, true));
    let dialogs = ghosts[1].dialogs.as_ref().unwrap();
    assert_eq!(dialogs[1].call_id, "def-2");
    assert_eq!(dialogs[1].routes, ["<sip:127.0.0.1;lr>"]);

    let rang = store.call(ringing.id).unwrap().unwrap();
    assert_eq!(rang.finish_reason, Some(FinishReason::Crashed));
    assert_eq!(rang.hung_up_by, Some(HungUpBy::System));
    assert!(rang.missed);
    // The last that the process before said was 62 seconds after its calls began.
    assert_eq!((rang.wait_ms, rang.talk_ms), (Some(62_000), Some(0)));
    assert_eq!(rang.ended_at, Some(ringing.at + Duration::from_secs(62)));

    let mut repaired = talking.outcome();
    repaired.state = State::Repaired;
    repaired.duration_ms = 70_000;
    store.recorded(repaired);
    store.sync().unwrap();
    let talked = store.call(talking.id).unwrap().unwrap();
    assert_eq!(talked.recording.unwrap().state, State::Repaired);
    assert_eq!(
        (talked.wait_ms, talked.talk_ms),
        (Some(2_000), Some(70_000))
    );
    assert_eq!(talked.ended_at, Some(talking.at + Duration::from_secs(72)));
    assert_eq!(talked.legs.len(), 2);

    drop(store);
    let (_, ghosts) = after.open();
    assert_eq!(ghosts, [], "a ghost is named once");
}

#[test]
fn a_command_that_only_looks_leaves_ghosts_to_the_server() {
    let place = Place::new();
    let (store, _) = place.open();
    let call = Script::nth(1);
    store.tell(call.began());
    store.sync().unwrap();
    let after = place.killed();
    let length = fs::metadata(after.month("2026-11")).unwrap().len();
    let looking = Store::look(after.setup()).unwrap();
    assert_eq!(looking.list(&all()).unwrap().calls[0].finish_reason, None);
    drop(looking);
    let (_, ghosts) = after.open();
    assert_eq!(ghosts.len(), 1);
    assert!(fs::metadata(after.month("2026-11")).unwrap().len() > length);
}

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
fn a_personal_part_that_goes_missing_without_an_erasure_is_found() {
    let place = Place::new();
    let (store, _) = place.open();
    place.play(&store, &Script::nth(1));
    store.shutdown();
    let path = place.month("2026-11");
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    let at = lines
        .iter()
        .position(|line| line.contains(r#""pii""#))
        .unwrap();
    let gone = crate::store::line::Line::read(lines[at].as_bytes())
        .unwrap()
        .erased()
        .unwrap();
    lines[at] = String::from_utf8(gone).unwrap();
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let verdict = store.verify().unwrap();
    assert!(
        matches!(&verdict, Verdict::Broken { line, why, .. }
            if *line == u64::try_from(at + 1).unwrap() && why.contains("erased")),
        "{verdict:?}"
    );
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
fn rows_and_index_can_be_deleted_or_damaged_and_are_made_again_alike() {
    let place = Place::new();
    let (store, _) = place.open();
    for number in 1..=400 {
        let call = Script::nth(number);
        if number % 3 == 0 {
            store.tell(call.began());
            store.tell(call.missed());
        } else {
            place.play(&store, &call);
        }
    }
    store.sync().unwrap();
    let wanted = store.list(&all()).unwrap();
    assert_eq!(wanted.calls.len(), 400);
    drop(store);
    let (rows, index) = (place.data().join("rows"), place.data().join("index"));
    let damages: [(&str, &dyn Fn()); 6] = [
        ("nothing", &|| {}),
        ("no rows", &|| fs::remove_dir_all(&rows).unwrap()),
        ("no index", &|| fs::remove_dir_all(&index).unwrap()),
        ("neither", &|| {
            fs::remove_dir_all(&rows).unwrap();
            fs::remove_dir_all(&index).unwrap();
        }),
        ("torn rows", &|| {
            let path = rows.join("2026-11.rows");
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("garbage in the index", &|| {
            crate::store::trial::walk(&index, &mut |path| fs::write(path, [7; 4_096]).unwrap());
        }),
    ];
    for (what, damage) in damages {
        damage();
        let (store, ghosts) = place.open();
        assert_eq!(ghosts, [], "{what}");
        assert!(store.list(&all()).unwrap() == wanted, "{what}");
        let caller = Caller::from_record(CALLER);
        assert_eq!(store.history("shop", &caller).prior_calls, 400, "{what}");
        assert_eq!(
            store.history("shop", &caller).last_manager.as_deref(),
            Some("desk")
        );
        let last = Script::nth(400).at + Duration::from_secs(2);
        assert_eq!(store.last_taken("desk"), Some(last), "{what}");
    }
    assert_eq!(Store::reindex(place.setup()).unwrap(), 400);
    let (store, _) = place.open();
    assert!(store.list(&all()).unwrap() == wanted);
    assert!(matches!(
        Store::reindex(place.setup()),
        Err(StoreError::Busy { .. })
    ));
}

#[test]
fn an_event_that_comes_days_after_its_call_is_joined_to_it() {
    let place = Place::new();
    let (store, _) = place.open();
    let call = Script::nth(1);
    place.play(&store, &call);
    store.sync().unwrap();
    let before = store.call(call.id).unwrap().unwrap();
    drop(store);
    let (store, _) = place.open();
    store.hashed(call.id, "cd".repeat(32));
    store.sync().unwrap();
    let after = store.call(call.id).unwrap().unwrap();
    assert_eq!(after.recording.unwrap().sha256, Some("cd".repeat(32)));
    assert_eq!(after.legs, before.legs);
    drop(store);
    let (store, _) = place.open();
    assert_eq!(store.call(call.id).unwrap().unwrap().legs, before.legs);
}

#[test]
fn a_month_opens_with_the_head_of_the_one_before_and_a_call_may_span_both() {
    let place = Place::new();
    let (store, _) = place.open();
    let late: WallTime = "2026-11-30T23:59:30Z".parse().unwrap();
    let call = Script::new(1, late, CALLER);
    store.tell(call.began());
    store.tell(call.answered());
    store.sync().unwrap();
    store.tell(call.ended());
    let path = place.recording(&call);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "sound").unwrap();
    store.recorded(call.outcome());
    store.sync().unwrap();
    let record = store.call(call.id).unwrap().unwrap();
    assert_eq!(
        record.ended_at,
        Some("2026-12-01T00:00:32Z".parse().unwrap())
    );
    drop(store);
    let before = fs::read_to_string(place.month("2026-11")).unwrap();
    let after = fs::read_to_string(place.month("2026-12")).unwrap();
    let head = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let last = head(before.lines().last().unwrap());
    let first = head(after.lines().next().unwrap());
    assert_eq!(first["event"], "opened");
    assert_eq!(first["prev"], last["hash"]);
    assert_eq!(first["public"]["head"], last["hash"]);
    assert_eq!(first["public"]["before"], "2026-11");
    let (store, _) = place.open();
    assert_eq!(store.call(call.id).unwrap().unwrap(), record);
    assert!(matches!(
        store.verify().unwrap(),
        Verdict::Whole { months: 2, .. }
    ));
}

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
    (1..=500).for_each(|number| place.play(&store, &Script::nth(number)));
    store.sync().unwrap();
    let syncs = disk.fault(|fault| fault.syncs) - before;
    assert!(syncs <= 30, "{syncs} syncs for 3000 events");
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

#[test]
fn a_recording_that_is_missing_before_it_was_hashed_is_found() {
    let place = Place::new();
    let (store, _) = place.open();
    let call = Script::nth(1);
    store.tell(call.began());
    store.tell(call.answered());
    store.tell(call.ended());
    let path = place.recording(&call);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "sound").unwrap();
    store.recorded(call.outcome());
    store.sync().unwrap();
    assert!(is_whole(&store));
    fs::remove_file(&path).unwrap();
    // opened, started, began, answered, ended, recorded.
    let verdict = store.verify().unwrap();
    assert!(
        matches!(&verdict, Verdict::Broken { line: 6, why, .. } if why.contains("missing")),
        "{verdict:?}"
    );
}

#[test]
fn two_processes_cannot_have_one_store() {
    let place = Place::new();
    let (store, _) = place.open();
    let error = Store::look(place.setup()).unwrap_err();
    assert!(
        matches!(&error, StoreError::Busy { folder } if *folder == place.data()),
        "{error}"
    );
    drop(store);
    assert!(Store::look(place.setup()).is_ok());
}

#[test]
fn a_start_replays_only_what_follows_the_last_checkpoint() {
    let place = Place::new();
    let (store, _) = place.open();
    (1..=50).for_each(|number| place.play(&store, &Script::nth(number)));
    let open = Script::nth(51);
    store.tell(open.began());
    store.shutdown();
    drop(store);
    // With a line before the checkpoint damaged, a replay of everything would miss a call.
    let path = place.month("2026-11");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replacen(r#""event":"began""#, r#""event":"bogus""#, 1),
    )
    .unwrap();
    let (store, ghosts) = place.open();
    assert_eq!(store.rows(), 51);
    assert_eq!(ghosts.len(), 1);
    assert_eq!(ghosts[0].call, open.id);
}
