//! The routing decision: twenty rules, of which the last decides, as in an office that grew; and 100,000 past calls held
//! against an edited configuration of that office.
//!
//! `cargo bench --bench route`; the time of one decision, and of the whole replay, is in the `time` column.
#![expect(clippy::unwrap_used, reason = "a benchmark that fails stops")]

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};

use ringtag::base::country::Country;
use ringtag::base::number::{Caller, Number};
use ringtag::base::time::WallTime;
use ringtag::config::{self, Config};
use ringtag::report::replay::{Replay, Side};
use ringtag::route::Facts;
use ringtag::store::crowd::Crowd;

/// Past calls that are replayed, over so many milliseconds that end so.
const CALLS: u64 = 100_000;
const YEARS_MS: i64 = 63_158_400_000;
const END: i64 = 1_795_392_000_000;

/// An office whose first rules all look at something and let the call pass.
fn office() -> Config {
    read(&written())
}

fn read(text: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ringtag.toml");
    std::fs::write(&file, text).unwrap();
    config::load(&file).unwrap().config
}

fn written() -> String {
    let mut text = String::from(
        r#"
[[trunk]]
id = "carrier"
host = "192.0.2.1"
[[project]]
id = "shop"
time_zone = "Europe/Moscow"
holidays = ["2027-01-01..2027-01-08", "2027-02-23", "2027-05-01..2027-05-09"]
[[source]]
tag = "direct"
project = "shop"
category = "mowers"
numbers = ["+74950000001"]
[[manager]]
id = "a"
extension = "101"
[[manager]]
id = "b"
extension = "102"
[[manager]]
id = "c"
extension = "103"
[[group]]
id = "sales"
members = ["a", "b", "c"]
strategy = "round-robin"
"#,
    );
    let conditions = [
        "caller = \"+7800*\"",
        "caller = [\"+74951111111\", \"+7499*\", \"anonymous\"]",
        "hours = \"Mon-Fri 21:00-22:00\"",
        "hours = [\"Mon-Fri 06:00-07:00\", \"Sat 08:00-09:00\", \"Sun 08:00-09:00\"]",
        "repeat = true",
        "category = \"mowers\"\nhours = \"22:00-06:00\"",
    ];
    for (place, condition) in conditions.iter().cycle().take(19).enumerate() {
        write!(
            text,
            "[[rule]]\nid = \"rule {place}\"\n{condition}\nto = \"manager:a\"\n"
        )
        .unwrap();
    }
    text.push_str("[[rule]]\nid = \"last\"\nto = [\"manager:last\", \"group:sales\"]\n");
    text
}

/// The same with the sources of a crowd: `p0` to `p2` have the numbers that its callers dialled.
fn crowded() -> String {
    let mut text = written();
    for project in 0..3 {
        write!(
            text,
            "[[project]]\nid = \"p{project}\"\ntime_zone = \"Europe/Moscow\"\n"
        )
        .unwrap();
    }
    for source in 0..40 {
        write!(
            text,
            "[[source]]\ntag = \"source-{source}\"\nproject = \"p{}\"\ncategory = \"category-{}\"\nnumbers = [\"+7495000{:04}\", \"+7495000{:04}\"]\n",
            source % 3,
            source % 6,
            2 * source,
            2 * source + 1
        )
        .unwrap();
    }
    for manager in 0..24 {
        write!(
            text,
            "[[manager]]\nid = \"manager-{manager}\"\nextension = \"{}\"\n",
            200 + manager
        )
        .unwrap();
    }
    // The office keeps a number of its own.
    text.replacen("+74950000001", "+74959999999", 1)
}

fn decide(c: &mut Criterion) {
    let config = office();
    let number = Number::e164("+74950000001").unwrap();
    let caller = Caller::Number(Number::e164("+79161234567").unwrap());
    let at = "2026-11-20T09:30:00Z".parse().unwrap();
    let question = |source| Facts {
        at,
        source,
        number,
        caller: &caller,
        trunk: "carrier",
        prior_calls: 0,
        last_manager: None,
        rotation: &|_| 1,
        last_taken: &|_| None,
        chance: 7,
    };
    c.bench_function("decide by the last of 20 rules", |b| {
        b.iter(|| {
            let source = config.tracking.source(black_box(number)).unwrap();
            config.routing.decide(&question(source))
        });
    });
    let russia = Country::from_code("RU").unwrap();
    c.bench_function("read a caller as E.164", |b| {
        b.iter(|| Number::read(black_box("+79161234567"), &russia));
    });
    c.bench_function("read a caller in its national form", |b| {
        b.iter(|| Number::read(black_box("89161234567"), &russia));
    });
}

fn side<'a>(config: &'a Config, records: &'a dyn Fn(bool, Option<bool>) -> bool) -> Side<'a> {
    Side {
        tracking: &config.tracking,
        routing: &config.routing,
        records,
    }
}

fn replay(c: &mut Criterion) {
    let (begin, end) = (
        WallTime::from_millis(END - YEARS_MS),
        WallTime::from_millis(END),
    );
    let crowd = Crowd::new(CALLS, begin, end);
    let old = read(&crowded());
    // Who calls again reaches somebody else, and so does who calls early on a Saturday.
    let edited = crowded()
        .replace(
            "repeat = true\nto = \"manager:a\"",
            "repeat = true\nto = \"manager:b\"",
        )
        .replace("Sat 08:00", "Sat 07:00");
    let new = read(&edited);
    let (shown_old, shown_new) = (old.shown(), new.shown());
    let records_old = |tracked, wish| shown_old.records(tracked, wish);
    let records_new = |tracked, wish| shown_new.records(tracked, wish);
    let run = || {
        let (old, new) = (side(&old, &records_old), side(&new, &records_new));
        let mut replay = Replay::new(old, new, begin, end);
        crowd.past(end, |past| replay.take(&past));
        replay.finish()
    };
    let replayed = run();
    assert_eq!((replayed.calls, replayed.unknown), (CALLS, 0));
    assert!(replayed.differ > CALLS / 50, "{} differ", replayed.differ);
    c.bench_function("replay of 100,000 calls", |b| b.iter(run));
}

criterion_group! {
    name = replays;
    config = Criterion::default().sample_size(10);
    targets = replay
}
criterion_group!(benches, decide);
criterion_main!(benches, replays);
