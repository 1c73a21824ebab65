//! A start, after a stop or a kill: what was shown is there, and what is missing or damaged is made again.

use std::fs;
use std::time::Duration;

use crate::base::number::Caller;
use crate::base::time::WallTime;
use crate::call::story::{FinishReason, HungUpBy};
use crate::recording::command::State;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::trial::{CALLER, Place, Script};
use crate::store::trials::all;
use crate::store::verify::Verdict;

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
    store.hashed(call.id, call.kept("cd".repeat(32)));
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
