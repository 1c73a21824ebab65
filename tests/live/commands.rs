//! The commands on real calls: lists, verification, a new index, erasure, `check` and `route`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{CONFIG, NUMBER, Ringtag, command, find};
use crate::sipp::{Sipp, TO_DESK};

const CALLER: &str = "+79990000001";

pub(crate) fn place(ringtag: &Ringtag) {
    let pbx = Sipp::run(ringtag, "uas", ringtag.net.pbx(), 1, &[]);
    let carrier = Sipp::run(ringtag, "uac", ringtag.net.carrier(), 1, &["-d", "300"]);
    carrier.succeed();
    pbx.succeed();
}

pub(crate) fn give_up(ringtag: &Ringtag) {
    let pbx = Sipp::run(ringtag, "uas_cancelled", ringtag.net.pbx(), 1, &[]);
    let carrier = Sipp::run(ringtag, "uac_cancel", ringtag.net.carrier(), 1, &[]);
    carrier.succeed();
    pbx.succeed();
}

fn done(ringtag: &Ringtag, arguments: &[&str]) -> String {
    let (code, out, complaint) = ringtag.command(arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {out}{complaint}");
    out
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Every file below `folder` that holds `needle`.
fn holders(folder: &Path, needle: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holders(&path, needle));
        } else if fs::read(&path)
            .is_ok_and(|bytes| bytes.windows(needle.len()).any(|part| part == needle))
        {
            found.push(path);
        }
    }
    found
}

#[test]
fn calls_are_listed_as_a_table_csv_and_json_and_chosen_by_caller_time_and_fate() {
    let ringtag = Ringtag::start(TO_DESK);
    place(&ringtag);
    give_up(&ringtag);
    let calls = ringtag.ended_calls(2);
    assert_eq!(calls[1]["first_call"], true);
    assert_eq!(calls[0]["first_call"], false);
    assert_eq!(calls[0]["prior_calls"], 1);

    let table = done(&ringtag, &["calls"]);
    assert!(
        table.contains("completed") && table.contains("caller-gave-up"),
        "{table}"
    );
    assert!(table.contains("2 calls"), "{table}");
    let csv = done(&ringtag, &["calls", "--csv"]);
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert_eq!(
        csv.lines().next(),
        csv.lines().next().map(str::to_lowercase).as_deref()
    );
    let list = json(&done(&ringtag, &["calls", "--json"]));
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert_eq!(list[0], calls[0], "the API and the command show one record");

    let missed = json(&done(&ringtag, &["calls", "--missed", "--json"]));
    assert_eq!(missed.as_array().unwrap().len(), 1);
    assert_eq!(missed[0]["id"], calls[0]["id"]);
    for (arguments, count) in [
        (["--caller", CALLER], 2),
        (["--caller", "8 999 000-00-01"], 2),
        (["--caller", "+79990000002"], 0),
        (["--source", "billboard"], 2),
        (["--source", "radio"], 0),
        (["--since", "2020-01-01"], 2),
        (["--until", "2020-01-01"], 0),
    ] {
        let list = json(&done(
            &ringtag,
            &["calls", "--json", arguments[0], arguments[1]],
        ));
        assert_eq!(list.as_array().unwrap().len(), count, "{arguments:?}");
    }
    let id = calls[1]["id"].as_str().unwrap();
    assert_eq!(json(&done(&ringtag, &["calls", id, "--json"])), calls[1]);
    assert!(done(&ringtag, &["calls", id]).contains("desk"));
    let (code, _, complaint) = ringtag.command(&["calls", "no-id"]);
    assert_eq!(code, Some(2), "{complaint}");
    let (code, _, complaint) = ringtag.command(&["calls", "--since", "soon"]);
    assert_eq!(code, Some(2), "{complaint}");
    let config = ringtag.config();
    let (_, _folder) = ringtag.stop();
    let (code, out, _) = command(&config, &["calls", "--json"]);
    assert_eq!(
        (code, json(&out)),
        (Some(0), list),
        "without a server as with one"
    );
}

#[test]
fn a_changed_byte_in_the_log_is_found_and_its_line_named() {
    let ringtag = Ringtag::start(TO_DESK);
    place(&ringtag);
    ringtag.ended_calls(1);
    done(&ringtag, &["verify"]);
    let config = ringtag.config();
    let (_, folder) = ringtag.stop();
    let log = find(&folder.path().join("data/log"), ".jsonl").unwrap();
    let text = fs::read_to_string(&log).unwrap();
    let line = text
        .lines()
        .position(|line| line.contains("\"answered\""))
        .unwrap();
    let forged: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(n, each)| match n == line {
            true => each.replacen("desk", "dusk", 1),
            false => each.to_owned(),
        })
        .collect();
    assert_ne!(forged[line], text.lines().nth(line).unwrap());
    fs::write(&log, forged.join("\n") + "\n").unwrap();
    let (code, out, complaint) = command(&config, &["verify"]);
    assert_eq!(code, Some(1), "{out}{complaint}");
    let said = format!("{out}{complaint}");
    let name = log.file_name().unwrap().to_string_lossy().into_owned();
    assert!(
        said.contains(&format!("{name}:{}", line + 1))
            || said.contains(&name) && said.contains(&format!("line {}", line + 1)),
        "{said}"
    );
}

#[test]
fn a_changed_recording_is_found() {
    let ringtag = Ringtag::start(TO_DESK);
    place(&ringtag);
    let call = ringtag.ended_calls(1).remove(0);
    let file = ringtag.recording_of(&call);
    let mut bytes = fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&file, bytes).unwrap();
    let (code, out, complaint) = ringtag.command(&["verify"]);
    assert_eq!(code, Some(1), "{out}{complaint}");
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    assert!(
        format!("{out}{complaint}").contains(&name),
        "{out}{complaint}"
    );
}

#[test]
fn the_index_is_made_again_only_while_no_server_runs_and_shows_the_same() {
    let ringtag = Ringtag::start(TO_DESK);
    place(&ringtag);
    give_up(&ringtag);
    let calls = ringtag.ended_calls(2);
    let (code, _, complaint) = ringtag.command(&["reindex"]);
    assert_eq!(code, Some(1), "refused while a server runs: {complaint}");
    assert!(!complaint.trim().is_empty());
    let config = ringtag.config();
    let (_, folder) = ringtag.stop();
    for deleted in ["data/index", "data/rows"] {
        let path = folder.path().join(deleted);
        if path.exists() {
            fs::remove_dir_all(path).unwrap();
        }
    }
    let (code, out, complaint) = command(&config, &["reindex"]);
    assert_eq!(code, Some(0), "{out}{complaint}");
    let (code, out, _) = command(&config, &["calls", "--json"]);
    assert_eq!(code, Some(0));
    assert_eq!(json(&out), Value::Array(calls));
}

#[test]
fn an_erased_person_is_nowhere_and_the_log_still_verifies() {
    let ringtag = Ringtag::start(TO_DESK);
    place(&ringtag);
    let call = ringtag.ended_calls(1).remove(0);
    let file = ringtag.recording_of(&call);
    assert!(file.is_file());
    let digits = CALLER.trim_start_matches('+').as_bytes();
    let data = ringtag.folder.path().join("data");
    assert_ne!(holders(&data, digits), Vec::<PathBuf>::new());
    let told = ringtag.log();
    assert!(
        !told.contains("9990000001"),
        "the operator's log masks numbers"
    );
    let out = done(&ringtag, &["erase", "--number", CALLER]);
    assert!(out.contains('1'), "{out}");
    assert!(!file.exists());
    let erased = &ringtag.calls()[0];
    assert_eq!(erased["id"], call["id"]);
    assert!(!erased.to_string().contains("79990000001"), "{erased:#}");
    done(&ringtag, &["verify"]);
    let list = json(&done(&ringtag, &["calls", "--caller", CALLER, "--json"]));
    assert_eq!(list.as_array().unwrap().len(), 0);
    let config = ringtag.config();
    let (_, folder) = ringtag.stop();
    for place in ["data", "recordings"] {
        let left = holders(&folder.path().join(place), digits);
        assert_eq!(
            left,
            Vec::<PathBuf>::new(),
            "the number is left in the {place}"
        );
    }
    let (code, out, complaint) = command(&config, &["verify"]);
    assert_eq!(code, Some(0), "{out}{complaint}");
}

#[test]
fn a_project_that_is_not_tracked_passes_calls_and_shows_none() {
    passes_calls_and_shows_none("tracking = false");
}

#[test]
fn a_project_off_season_passes_calls_and_shows_none() {
    passes_calls_and_shows_none("off_season = [\"2020-01-01..2999-12-31\"]");
}

#[test]
fn a_project_whose_off_season_is_over_is_tracked() {
    let config = CONFIG.replace(
        "currency = \"RUB\"",
        "currency = \"RUB\"\noff_season = [\"2020-01-01..2020-12-31\", \"2999-01-01..2999-12-31\"]",
    );
    let ringtag = Ringtag::start_with(&format!("{config}\n{TO_DESK}"));
    place(&ringtag);
    let calls = ringtag.ended_calls(1);
    assert_eq!(calls[0]["tracked"], true);
}

fn passes_calls_and_shows_none(key: &str) {
    let config = CONFIG.replace("currency = \"RUB\"", &format!("currency = \"RUB\"\n{key}"));
    let ringtag = Ringtag::start_with(&format!("{config}\n{TO_DESK}"));
    place(&ringtag);
    let log = ringtag.folder.path().join("data/log");
    ringtag.wait_for("the line in the log", || {
        (!holders(&log, b"\"tracked\":false").is_empty()).then_some(())
    });
    ringtag.wait_for("the end of the call", || {
        (ringtag.metric("ringtag_calls_live") == 0.0).then_some(())
    });
    assert_eq!(ringtag.calls().len(), 0);
    assert!(done(&ringtag, &["calls"]).contains("no calls"));
    assert_eq!(find(&ringtag.recordings(), ".wav"), None);
    assert_eq!(find(&ringtag.recordings(), ".part"), None);
    done(&ringtag, &["verify"]);
}

#[test]
fn past_calls_are_held_against_an_edited_file_with_a_server_and_without() {
    let ringtag = Ringtag::start(TO_DESK);
    place(&ringtag);
    let call = &ringtag.ended_calls(1)[0];
    let config = ringtag.config();
    let edited = ringtag.folder.path().join("edited.toml");
    let text = fs::read_to_string(&config).unwrap();
    let replay = ["route", "--replay", edited.to_str().unwrap()];
    fs::write(&edited, &text).unwrap();
    assert!(done(&ringtag, &replay).contains("1 calls from "));
    fs::write(&edited, text.replace("manager:desk", "manager:second")).unwrap();
    let differs = |code: Option<i32>, out: String, complaint: String| {
        assert_eq!(code, Some(1), "{out}{complaint}");
        let told = json(&out);
        assert_eq!(told["differ"], 1);
        assert_eq!(told["differences"][0]["id"], call["id"]);
        assert_eq!(
            told["differences"][0]["new"]["steps"][0]["targets"][0],
            "manager:second"
        );
    };
    let as_json = [&replay[..], &["--json"]].concat();
    let (code, out, complaint) = ringtag.command(&as_json);
    differs(code, out, complaint);
    // The server's rules are those in force, whatever its file says by now.
    fs::write(&config, fs::read_to_string(&edited).unwrap()).unwrap();
    let (code, out, complaint) = ringtag.command(&as_json);
    differs(code, out, complaint);
    let (code, out, complaint) =
        ringtag.command(&[&replay[..], &["--until", "2020-01-01"]].concat());
    assert_eq!(code, Some(0), "{out}{complaint}");
    assert!(out.starts_with("0 calls"), "{out}");
    let (_, folder) = ringtag.stop();
    let (code, out, complaint) = command(&config, &as_json);
    assert_eq!(
        code,
        Some(0),
        "now the file says the same: {out}{complaint}"
    );
    fs::write(&edited, "[[rule]]\nid = 5\n").unwrap();
    let (code, _, complaint) = command(&config, &replay);
    assert_eq!(code, Some(2));
    assert!(complaint.contains("edited.toml:2:6: "), "{complaint}");
    drop(folder);
}

#[test]
fn check_names_every_mistake_and_route_explains_a_decision() {
    let folder = tempfile::tempdir().unwrap();
    let net = crate::harness::Net::take();
    let file = folder.path().join("ringtag.toml");
    let write =
        |text: &str| fs::write(&file, crate::harness::fill(text, net, folder.path())).unwrap();
    let mistakes = "[[rule]]\nid = \"all\"\nto = \"manager:nobody\"\nrings = 3\nreject = 99\n";
    write(&format!("{CONFIG}\n{mistakes}"));
    let (code, out, complaint) = command(&file, &["check"]);
    assert_eq!(code, Some(2), "{out}{complaint}");
    let said = format!("{out}{complaint}");
    for word in ["nobody", "rings", "ring_s", "reject"] {
        assert!(said.contains(word), "{word} in {said}");
    }
    assert!(said.matches("ringtag.toml:").count() >= 3, "{said}");

    let first = "[[rule]]\nid = \"nuisance\"\ncaller = \"+7800*\"\nreject = 603\n";
    write(&format!("{CONFIG}\n{first}{TO_DESK}"));
    let (code, out, complaint) = command(&file, &["check"]);
    assert_eq!(code, Some(0), "{out}{complaint}");
    let (code, out, complaint) = command(&file, &["route", "--to", NUMBER, "--from", CALLER]);
    assert_eq!(code, Some(0), "{complaint}");
    for word in ["nuisance", "+7800*", "all", "manager:desk"] {
        assert!(out.contains(word), "{word} in {out}");
    }
    let (_, out, _) = command(&file, &["route", "--to", NUMBER, "--from", "+78001234567"]);
    assert!(out.contains("603"), "{out}");
    let (code, _, complaint) = command(&file, &["route", "--to", "+74950000999"]);
    assert_eq!(code, Some(2), "{complaint}");
}

#[test]
fn the_demo_shows_one_whole_call_and_ends_well() {
    let (code, out, complaint) = command(Path::new("unused.toml"), &["demo", "--exit", "--json"]);
    assert_eq!(code, Some(0), "{out}{complaint}");
    let seen: Value = serde_json::from_str(&out).unwrap();
    let record = &seen["record"];
    assert_eq!(record["finish_reason"], "completed", "{out}");
    assert!(!record["ended_at"].is_null() && !record["recording"]["sha256"].is_null());
    // Each hears the other, and the recording has both.
    let [caller, desk] = [&seen["desk_heard_hz"], &seen["caller_heard_hz"]];
    assert!(
        caller.is_number() && desk.is_number() && caller != desk,
        "{out}"
    );
    assert_eq!(&seen["recording_left_hz"], caller);
    assert_eq!(&seen["recording_right_hz"], desk);
}
