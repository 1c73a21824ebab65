//! How long callers waited: until somebody answered, or until they were missed. Pure.

use crate::report::ask::Ask;
use crate::report::conditions::is;
use crate::report::lines::frame;
use crate::report::percentile::Spread;
use crate::report::table::{Calls, Chart, Column, Figure, Line, Report, Unit};
use crate::report::tally::{count, share};
use crate::store::pass::Pass;

/// Where each line begins, in seconds: finer where it matters whether a caller hangs up.
const STEPS_S: [u32; 10] = [0, 5, 10, 15, 20, 30, 45, 60, 90, 120];

/// Percentiles that columns have.
const SHARES: [u32; 4] = [50, 90, 95, 99];

/// What is counted in one period.
#[derive(Debug, Default)]
struct Waits {
    answered: [u32; STEPS_S.len()],
    missed: [u32; STEPS_S.len()],
    /// Milliseconds until each answer.
    all: Spread,
}

/// Counts answered and missed calls by how long the caller waited.
pub(crate) fn report(ask: &Ask<'_>, rows: &impl Pass) -> Report {
    let since = ask.span.since();
    let (mut now, mut before) = (Waits::default(), Waits::default());
    rows.pass(&ask.both(), |row, _| {
        let waits = if row.started_at >= since {
            &mut now
        } else {
            &mut before
        };
        let bin = bin(row.wait_ms);
        if row.is_answered() {
            waits.all.add(row.wait_ms);
            waits
                .answered
                .get_mut(bin)
                .into_iter()
                .for_each(|count| *count += 1);
        } else if row.is_missed() {
            waits
                .missed
                .get_mut(bin)
                .into_iter()
                .for_each(|count| *count += 1);
        }
    });
    let mut report = frame(ask, columns(), Chart::Columns);
    report.lines = (0..STEPS_S.len())
        .map(|place| Line {
            key: key(place),
            label: None,
            calls: waited(ask, place),
            cells: now.figures(place),
            before: before.figures(place),
        })
        .collect();
    report.total = Some(Line {
        key: String::new(),
        label: None,
        calls: Vec::new(),
        cells: now.sum(),
        before: before.sum(),
    });
    report
}

/// The line of a wait.
#[inline]
fn bin(wait_ms: u32) -> usize {
    let after = STEPS_S.iter().filter(|step| wait_ms >= **step * 1_000);
    after.count().saturating_sub(1)
}

/// `0-5`, `120-`: seconds, the second not in it.
fn key(place: usize) -> String {
    let edge = |place: usize| {
        STEPS_S
            .get(place)
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    format!("{}-{}", edge(place), edge(place + 1))
}

/// What narrows calls to those of a line; narrower where the report was asked for fewer.
fn waited(ask: &Ask<'_>, place: usize) -> Calls {
    let edge = |place: usize| STEPS_S.get(place).map(|step| u64::from(*step) * 1_000);
    let asked = &ask.query.narrow;
    let least = edge(place).max(asked.min_wait_ms).unwrap_or_default();
    let most = edge(place + 1).map(|next| next - 1);
    let most = match (most, asked.max_wait_ms) {
        (Some(most), Some(asked)) => Some(most.min(asked)),
        (most, asked) => most.or(asked),
    };
    let mut calls = vec![is("min_wait_ms", least.to_string())];
    calls.extend(most.map(|most| is("max_wait_ms", most.to_string())));
    calls
}

impl Waits {
    fn figures(&self, place: usize) -> Vec<Figure> {
        let of = |counts: &[u32]| counts.get(place).copied().unwrap_or_default();
        let answered = of(&self.answered);
        let mut figures = self.counts(answered, of(&self.missed));
        figures.resize(figures.len() + SHARES.len(), Figure::Nothing);
        figures
    }

    fn sum(&mut self) -> Vec<Figure> {
        let mut figures = self.counts(self.answered.iter().sum(), self.missed.iter().sum());
        figures.extend(SHARES.map(|share| self.all.millis(share)));
        figures
    }

    fn counts(&self, answered: u32, missed: u32) -> Vec<Figure> {
        let (all_answered, all_missed) = (self.answered.iter().sum(), self.missed.iter().sum());
        vec![
            count(answered),
            share(answered, all_answered),
            count(missed),
            share(missed, all_missed),
        ]
    }
}

fn columns() -> Vec<Column> {
    let column = |key, unit, formula, status: &'static str| Column {
        key,
        unit,
        formula,
        calls: Some(vec![is("status", status)]),
    };
    vec![
        column(
            "answered",
            Unit::Count,
            "answered calls whose caller waited so many seconds for the answer; the second number is in the next line",
            "answered",
        ),
        column(
            "answered_share",
            Unit::Share,
            "answered of the line / all answered",
            "answered",
        ),
        column(
            "missed",
            Unit::Count,
            "missed calls that ended after so many seconds; the second number is in the next line",
            "missed",
        ),
        column(
            "missed_share",
            Unit::Share,
            "missed of the line / all missed",
            "missed",
        ),
        column(
            "wait_median",
            Unit::Millis,
            "median of the time from the call's beginning to the answer, by the nearest rank, of all answered calls",
            "answered",
        ),
        column(
            "wait_p90",
            Unit::Millis,
            "90th percentile of the same",
            "answered",
        ),
        column(
            "wait_p95",
            Unit::Millis,
            "95th percentile of the same",
            "answered",
        ),
        column(
            "wait_p99",
            Unit::Millis,
            "99th percentile of the same",
            "answered",
        ),
    ]
}
