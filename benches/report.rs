//! Reports over all calls of a log, and what ten times the calls cost.
//!
//! `cargo bench --bench report`. Each line is the best of several runs, in milliseconds of wall time and of this thread's
//! processor time, so that other work on the machine counts as little as it can.
//!
//! `RINGTAG_STORE` names a folder that the example `calls` made (its `data` is opened, and made fit to be opened where it
//! is of an earlier version); without it, rows are made up in memory: `RINGTAG_CALLS` of them (1,000,000), over two years.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark talks to who runs it and stops where it fails"
)]

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::thread;
use std::time::Duration;

use jiff::tz::TimeZone;

use ringtag::base::chance::Chance;
use ringtag::base::clock::Clock;
use ringtag::base::time::WallTime;
use ringtag::report::ask::{Ask, By, Kind};
use ringtag::report::period::Span;
use ringtag::report::run;
use ringtag::report::table::Report;
use ringtag::route::Routing;
use ringtag::store::Store;
use ringtag::store::crowd::Crowd;
use ringtag::store::handle::Setup;
use ringtag::store::query::{Query, Status};
use ringtag::store::settings::Settings;
use ringtag::track::Tracking;

/// Runs of each report; the best one counts.
const RUNS: usize = 15;

/// Two years that end where the made-up log does.
const BEGIN: i64 = 1_732_233_600_000;
const END: i64 = 1_795_392_000_000;

/// Whoever has calls.
enum House {
    Store(Store),
    Crowd(Box<Crowd>),
}

impl House {
    fn open() -> Self {
        let Some(folder) = std::env::var_os("RINGTAG_STORE") else {
            let calls =
                std::env::var("RINGTAG_CALLS").map_or(1_000_000, |calls| calls.parse().unwrap());
            let ends = (WallTime::from_millis(BEGIN), WallTime::from_millis(END));
            return Self::Crowd(Box::new(Crowd::new(calls, ends.0, ends.1)));
        };
        let folder = Path::new(&folder);
        let setup = Setup {
            settings: Settings {
                folder: folder.join("data"),
                ladder_days: 7,
            },
            recordings: folder.join("recordings"),
            node: "bench".into(),
            clock: Clock::start(),
            chance: Chance::from_number(1),
        };
        Self::Store(Store::look(setup).unwrap())
    }

    fn report(&self, ask: &Ask<'_>) -> Report {
        match self {
            Self::Store(store) => run::run(store, ask),
            Self::Crowd(crowd) => run::of_crowd(crowd, ask),
        }
    }
}

/// Processor time of this thread. The kernel brings it up to date when the thread leaves the processor, so that is done first.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing is waited for: a thread that sleeps is off the processor"
)]
fn spent() -> Duration {
    thread::sleep(Duration::from_micros(1));
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

/// The best wall and processor time of several runs.
fn best(clock: Clock, mut doing: impl FnMut()) -> (Duration, Duration) {
    let runs = (0..RUNS).map(|_| {
        let before = spent();
        let began = clock.now();
        doing();
        (clock.now() - began, spent() - before)
    });
    runs.fold((Duration::MAX, Duration::MAX), |best, run| {
        (best.0.min(run.0), best.1.min(run.1))
    })
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn main() {
    let house = House::open();
    let clock = Clock::start();
    let tracking = Tracking::default();
    let routing = Routing::default();
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let now = WallTime::from_millis(END);
    let all = Span::new(
        Some(WallTime::from_millis(BEGIN)),
        Some(now),
        now,
        zone.clone(),
    )
    .unwrap();
    let year = Span::new(
        Some(WallTime::from_millis((BEGIN + END) / 2)),
        Some(now),
        now,
        zone.clone(),
    )
    .unwrap();
    let month = Span::new(None, Some(now), now, zone.clone()).unwrap();
    let text = |text: &str| Some(text.to_owned());
    let queries = [
        ("all two years", &all, Query::default()),
        ("a year beside the year before", &year, Query::default()),
        ("30 days beside the 30 before", &month, Query::default()),
        (
            "two years, a project",
            &all,
            Query {
                project: text("p1"),
                ..Query::default()
            },
        ),
        (
            "two years, missed first calls",
            &all,
            Query {
                status: Some(Status::Missed),
                repeat: Some(false),
                ..Query::default()
            },
        ),
        (
            "two years, a text",
            &all,
            Query {
                q: text("9991"),
                ..Query::default()
            },
        ),
    ];
    let cuts = |kind: Kind| -> Vec<Option<By>> {
        match kind.cuts() {
            [] => vec![None],
            cuts => cuts.iter().map(|by| Some(*by)).collect(),
        }
    };
    let mut worst = (Duration::ZERO, Duration::ZERO);
    for (name, span, query) in &queries {
        for kind in Kind::ALL {
            for by in cuts(kind) {
                let ask = Ask {
                    kind,
                    by,
                    query: query.clone(),
                    span: (*span).clone(),
                    now,
                    tracking: &tracking,
                    routing: &routing,
                };
                let (wall, cpu) = best(clock, || drop(black_box(house.report(&ask))));
                worst = (worst.0.max(wall), worst.1.max(cpu));
                let by = by.map_or("", By::word);
                println!(
                    "{name}: {} {by}: {:.2} ms, cpu {:.2} ms",
                    kind.word(),
                    millis(wall),
                    millis(cpu)
                );
            }
        }
    }
    println!(
        "the longest: {:.2} ms, cpu {:.2} ms",
        millis(worst.0),
        millis(worst.1)
    );
    let ask = Ask {
        kind: Kind::Sources,
        by: None,
        query: Query::default(),
        span: Span::last_days(7, now, zone.clone()),
        now,
        tracking: &tracking,
        routing: &routing,
    };
    let open = Query {
        since: Some(Span::last_days(30, now, zone).since()),
        until: Some(now),
        callback_open: true,
        ..Query::default()
    };
    if let House::Store(store) = &house {
        let (wall, cpu) = best(clock, || {
            drop(black_box(run::dashboard(store, &ask, &open, true)))
        });
        println!(
            "dashboard: {:.2} ms, cpu {:.2} ms",
            millis(wall),
            millis(cpu)
        );
    }
}
