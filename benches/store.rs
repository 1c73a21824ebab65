//! The call log: what a call costs the engine and the store's thread, and how long a start takes.
//!
//! `cargo bench --bench store`. Lines named `cpu` are processor time, the others wall time; a call tells six events.
//!
//! The lines of `large store` are of the log that `RINGTAG_STORE` names, a folder that the example `calls` made, or else of
//! `RINGTAG_CALLS` calls made up here (20,000).
#![expect(clippy::unwrap_used, reason = "a benchmark that fails stops")]

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

use ringtag::base::chance::Chance;
use ringtag::base::clock::Clock;
use ringtag::base::id::CallId;
use ringtag::base::number::{Caller, Number};
use ringtag::base::time::{Moment, WallTime};
use ringtag::call::story::{
    Answered, Began, Ended, Fact, FinishReason, HungUpBy, KeptDialog, Leg, SourceTag, What,
};
use ringtag::recording::command::{Kept, Outcome, State};
use ringtag::store::Store;
use ringtag::store::handle::Setup;
use ringtag::store::maker::{Made, Maker};
use ringtag::store::query::{Query, Status};
use ringtag::store::say::Say;
use ringtag::store::settings::Settings;

/// Events of one call.
const EVENTS: u64 = 6;

fn setup(folder: &Path) -> Setup {
    Setup {
        settings: Settings {
            folder: folder.join("data"),
            ladder_days: 7,
        },
        recordings: folder.join("recordings"),
        node: "bench".into(),
        clock: Clock::start(),
        chance: Chance::from_number(1),
    }
}

fn dialog(call_id: &str) -> KeptDialog {
    KeptDialog {
        call_id: call_id.into(),
        local: "<sip:+74950000001@192.0.2.10>;tag=1f0e3dad99908345".into(),
        remote: "<sip:+79161234567@192.0.2.1>;tag=as4f3c2b1a".into(),
        target: "sip:+79161234567@192.0.2.1:5060".into(),
        routes: Vec::new(),
        cseq: 1,
        trunk: "carrier".into(),
        peer: "192.0.2.1:5060".parse().unwrap(),
        ours: true,
    }
}

fn leg(trunk: &str) -> Leg {
    Leg {
        trunk: trunk.into(),
        remote_uri: "sip:+79161234567@192.0.2.1:5060".into(),
        sip_call_id: "5f1d7c2a9b8e4f30@192.0.2.10".into(),
        codec: Some("PCMA/8000".into()),
        packets_in: 3_000,
        packets_out: 3_000,
        lost: 0,
        jitter_ms: 0.4,
        digits: String::new(),
        ..Leg::default()
    }
}

/// One call, ready to be told.
fn call(number: u64, chance: &mut Chance) -> (Vec<Fact>, Outcome) {
    let started = 1_795_253_400_000 + i64::try_from(number).unwrap() * 20;
    let at = WallTime::from_millis(started);
    let id = CallId::new(at, chance);
    let fact = |after_ms: u64, what| Fact {
        call: id,
        at: at + Duration::from_millis(after_ms),
        mono: Moment::from_millis(number * 20 + after_ms),
        what,
    };
    let began = Began {
        source: SourceTag {
            project: "shop".into(),
            tag: "direct-mowers".into(),
            channel: Some("yandex-direct".into()),
            campaign: Some("mowers-spring".into()),
            category: Some("lawn-mowers".into()),
        },
        tracked: true,
        caller: Caller::Number(Number::from_digits(79_160_000_000 + number % 50_000)),
        caller_from: "From".into(),
        virtual_number: Number::from_digits(74_950_000_001),
        trunk: "carrier".into(),
        sip_call_id: "5f1d7c2a9b8e4f30@192.0.2.1".into(),
        prior_calls: 0,
        rule: None,
    };
    let answered = Answered {
        rule: "mowers in working hours".into(),
        manager: Some("desk".into()),
        destination: "101".into(),
        recorded: true,
        dialogs: [dialog("5f1d7c2a9b8e4f30"), dialog("6a2e8d3b0c9f5041")],
    };
    let ended = Ended {
        rule: Some("mowers in working hours".into()),
        targets_tried: Vec::new(),
        manager: Some("desk".into()),
        destination: Some("101".into()),
        ringing_at: Some(at + Duration::from_millis(300)),
        answered_at: Some(at + Duration::from_millis(2_000)),
        wait_ms: 2_000,
        talk_ms: 60_000,
        total_ms: 62_000,
        answered: !number.is_multiple_of(4),
        missed: number.is_multiple_of(4),
        finish_reason: FinishReason::Completed,
        hung_up_by: HungUpBy::Caller,
        sip_status: Some(200),
        q850_cause: Some(16),
        legs: vec![leg("carrier"), leg("pbx")],
        transfers: Vec::new(),
    };
    let facts = vec![
        fact(0, What::Began(Box::new(began))),
        fact(300, What::Ringing),
        fact(2_000, What::Answered(Box::new(answered))),
        fact(62_000, What::Ended(Box::new(ended))),
    ];
    let outcome = Outcome {
        call: id,
        file: format!("2026/11/21/{id}.wav").into(),
        duration_ms: 60_000,
        sample_rate_hz: 8_000,
        channels: 2,
        bytes: 1_920_044,
        state: State::Complete,
        gaps: Vec::new(),
        pauses: Vec::new(),
        parts: Vec::new(),
    };
    (facts, outcome)
}

fn play(store: &Store, (facts, outcome): (Vec<Fact>, Outcome)) {
    let id = outcome.call;
    facts.into_iter().for_each(|fact| store.tell(fact));
    let kept = Kept {
        file: outcome.file.clone(),
        bytes: outcome.bytes,
        sha256: "ab".repeat(32),
    };
    store.recorded(outcome);
    store.hashed(id, kept);
}

/// Fills a store with `calls`, at no more than the backlog takes.
fn fill(store: &Store, calls: u64) {
    let mut chance = Chance::from_number(2);
    for number in 0..calls {
        play(store, call(number, &mut chance));
        if number % 4_000 == 0 {
            store.sync().unwrap();
        }
    }
    store.sync().unwrap();
}

/// Processor time of the thread of this process that has `name`.
fn cpu(name: &str) -> Duration {
    for entry in fs::read_dir("/proc/self/task").unwrap() {
        let path = entry.unwrap().path();
        if fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.trim() == name) {
            let stat = fs::read_to_string(path.join("schedstat")).unwrap();
            let nanos = stat.split(' ').next().unwrap().parse().unwrap();
            return Duration::from_nanos(nanos);
        }
    }
    Duration::ZERO
}

/// Processor time of this thread while it does something so many times: other work on the machine does not count.
fn own_cpu<T>(mut doing: impl FnMut() -> T, count: u64) -> Duration {
    let spent = || {
        let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
    };
    let before = spent();
    for _ in 0..count {
        doing();
    }
    spent() - before
}

/// Processor time of this process, of all of its threads.
fn process_cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    // In hundredths of a second (proc_pid_stat(5)).
    let ticks = |at| -> u64 { rest.split_whitespace().nth(at).unwrap().parse().unwrap() };
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

fn telling(bench: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(setup(folder.path())).unwrap();
    let clock = Clock::start();
    let mut chance = Chance::from_number(3);
    let mut number = 0;
    let mut next = |count: u64| -> Vec<_> {
        (0..count)
            .map(|_| {
                number += 1;
                call(number, &mut chance)
            })
            .collect()
    };
    let mut group = bench.benchmark_group("store");
    group.sample_size(10);
    group.bench_function("a call told, on the engine's thread", |bench| {
        bench.iter_custom(|count| {
            let mut spent = Duration::ZERO;
            for chunk in 0..count.div_ceil(2_000) {
                let calls = next(2_000.min(count - chunk * 2_000));
                let before = clock.now();
                calls.into_iter().for_each(|call| play(&store, call));
                spent += clock.now() - before;
                store.sync().unwrap();
            }
            spent
        });
    });
    group.bench_function("cpu of a call on the store's thread, 6 events", |bench| {
        bench.iter_custom(|count| {
            let before = cpu("store");
            for chunk in 0..count.div_ceil(2_000) {
                let calls = next(2_000.min(count - chunk * 2_000));
                calls.into_iter().for_each(|call| play(&store, call));
                store.sync().unwrap();
            }
            cpu("store") - before
        });
    });
    group.finish();
}

fn starting(bench: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let calls = 100_000 / EVENTS;
    let (store, _) = Store::open(setup(folder.path())).unwrap();
    fill(&store, calls);
    let mut group = bench.benchmark_group("store");
    group.sample_size(10);
    group.bench_function("the newest 50 calls", |bench| {
        bench.iter(|| black_box(store.list(&Query::default()).unwrap()));
    });
    let missed = Query {
        status: Some(Status::Missed),
        manager: Some("nobody".into()),
        ..Query::default()
    };
    group.bench_function("a list that no call is in", |bench| {
        bench.iter(|| black_box(store.list(&missed).unwrap()));
    });
    group.bench_function("the chain of 100,000 events checked", |bench| {
        bench.iter(|| black_box(store.verify().unwrap()));
    });
    drop(store);
    group.bench_function(
        "a start after a clean end, 100,000 events in the log",
        |bench| {
            bench.iter(|| drop(Store::open(setup(folder.path())).unwrap()));
        },
    );
    group.bench_function(
        "a start without rows and index: 100,000 events replayed",
        |bench| {
            bench.iter(|| Store::reindex(setup(folder.path())).unwrap());
        },
    );
    group.finish();
}

/// Makes a log of so many calls up.
fn make_up(folder: &Path, calls: u64) {
    let mut chance = Chance::from_number(5);
    let (first, _) = call(0, &mut chance);
    let begin = first.first().unwrap().at;
    let mut maker = Maker::begin(&folder.join("data"), "bench", chance.fork(), begin).unwrap();
    for number in 0..calls {
        let (facts, outcome) = call(number, &mut chance);
        let id = outcome.call;
        let at = facts.first().unwrap().at;
        for fact in facts {
            maker.tell(id, at, Made::Fact(fact.what)).unwrap();
        }
        maker
            .tell(id, at, Made::Recorded(Box::new(outcome)))
            .unwrap();
        maker.tell(id, at, Made::Hashed("ab".repeat(32))).unwrap();
        if number.is_multiple_of(3) {
            let say = Say {
                tags: Some(vec!["hot".into(), "regular".into()]),
                listed: ["hot".into(), "regular".into()].into(),
                note: number
                    .is_multiple_of(12)
                    .then(|| Some("will call back on Monday".into())),
                ..Say::default()
            };
            let said = Made::Said(Box::new(say), "anna".into());
            maker.tell(id, at, said).unwrap();
        }
    }
    maker.finish().unwrap();
}

/// The first page under each condition; of most the worst case, that nothing passes and every row is looked at.
fn pages() -> Vec<(&'static str, Query)> {
    let text = |text: &str| Some(text.to_owned());
    let query = Query::default;
    vec![
        ("no condition", query()),
        (
            "missed",
            Query {
                status: Some(Status::Missed),
                ..query()
            },
        ),
        (
            "not called back",
            Query {
                callback_open: true,
                ..query()
            },
        ),
        (
            "a reason that no call has",
            Query {
                status: Some(Status::Ended(FinishReason::BadRequest)),
                ..query()
            },
        ),
        (
            "a project and a category of another",
            Query {
                project: text("mowers"),
                category: text("implants"),
                ..query()
            },
        ),
        (
            "a manager that nobody is",
            Query {
                manager: text("nobody"),
                ..query()
            },
        ),
        (
            "a tag that few have",
            Query {
                tag: text("spam"),
                ..query()
            },
        ),
        (
            "a tag that no call has",
            Query {
                tag: text("none"),
                ..query()
            },
        ),
        (
            "an outcome that no call has",
            Query {
                outcome: text("none"),
                ..query()
            },
        ),
        (
            "first calls that were no target and sold",
            Query {
                repeat: Some(false),
                target: Some(false),
                outcome: text("sold"),
                ..query()
            },
        ),
        (
            "a caller that never called",
            Query {
                caller: text("+19995550000"),
                ..query()
            },
        ),
        (
            "a beginning that no caller has",
            Query {
                caller: text("+1999*"),
                ..query()
            },
        ),
        (
            "digits that no number has",
            Query {
                q: text("00000000"),
                ..query()
            },
        ),
        (
            "a text that nothing has",
            Query {
                q: text("zzz nothing"),
                ..query()
            },
        ),
        (
            "a text that notes have",
            Query {
                q: text("на почту"),
                ..query()
            },
        ),
        (
            "a text that nothing has, of a project, missed",
            Query {
                q: text("zzz nothing"),
                project: text("mowers"),
                status: Some(Status::Missed),
                ..query()
            },
        ),
        (
            "a letter that most notes have",
            Query {
                q: text("о"),
                ..query()
            },
        ),
        (
            "a letter that most notes have, of a manager that nobody is",
            Query {
                q: text("о"),
                manager: text("nobody"),
                ..query()
            },
        ),
        (
            "first calls of a project, answered, no target, of a goal that none has",
            Query {
                repeat: Some(false),
                target: Some(false),
                project: text("mowers"),
                status: Some(Status::Answered),
                goal: text("none"),
                ..query()
            },
        ),
        (
            "a day a year ago, of another manager",
            Query {
                since: Some(WallTime::from_millis(1_763_700_000_000)),
                until: Some(WallTime::from_millis(1_763_786_400_000)),
                manager: text("nobody"),
                ..query()
            },
        ),
    ]
}

fn resident_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    let kb: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kb / 1_024
}

#[expect(
    clippy::print_stdout,
    reason = "memory is no duration, so criterion cannot say it"
)]
fn large(bench: &mut Criterion) {
    let own = tempfile::tempdir().unwrap();
    let given = std::env::var_os("RINGTAG_STORE").map(std::path::PathBuf::from);
    let folder = given.as_deref().unwrap_or_else(|| {
        let calls = std::env::var("RINGTAG_CALLS").map_or(20_000, |calls| calls.parse().unwrap());
        make_up(own.path(), calls);
        own.path()
    });
    let clock = Clock::start();
    let (begin, before) = (clock.now(), resident_mb());
    let (store, _) = Store::open(setup(folder)).unwrap();
    // After an earlier run: a log that has no rows yet is read from its first line here.
    println!(
        "large store: {} calls, opened in {:?}",
        store.rows(),
        clock.now() - begin
    );
    println!(
        "large store: resident {} MB, {before} before",
        resident_mb()
    );
    let mut group = bench.benchmark_group("large store");
    group.sample_size(10);
    for (name, query) in pages() {
        group.bench_function(format!("first page, cpu: {name}"), |bench| {
            bench.iter_custom(|count| own_cpu(|| black_box(store.list(&query).unwrap()), count));
        });
        group.bench_function(format!("count, cpu: {name}"), |bench| {
            bench.iter_custom(|count| own_cpu(|| black_box(store.count(&query)), count));
        });
    }
    drop(store);
    group.bench_function("a start after a clean end", |bench| {
        bench.iter(|| drop(Store::open(setup(folder)).unwrap()));
    });
    group.finish();
    let (begin, before) = (clock.now(), process_cpu());
    Store::reindex(setup(folder)).unwrap();
    println!(
        "large store: reindex {:?}, {:?} of processor time",
        clock.now() - begin,
        process_cpu() - before
    );
}

criterion_group!(benches, telling, starting, large);
criterion_main!(benches);
