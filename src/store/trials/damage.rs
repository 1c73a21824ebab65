//! What the disk or a hand changed is found, and its line is named.

use std::fs;

use crate::store::trial::{Place, Script};
use crate::store::trials::{all, is_whole};
use crate::store::verify::Verdict;

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
