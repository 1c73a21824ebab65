//! Missed calls, and how fast their callers were spoken to after all. Pure.

use crate::report::ask::{Ask, By};
use crate::report::conditions::is;
use crate::report::groups::{Groups, calls};
use crate::report::lines::{frame, most_first};
use crate::report::percentile::millis;
use crate::report::period::{Buckets, Grain};
use crate::report::table::{Calls, Chart, Column, Figure, Line, Report, Unit};
use crate::report::tally::{count, share};
use crate::store::pass::Pass;
use crate::store::query::Status;
use crate::store::row::Row;

/// What is counted of the missed calls of one line in one period.
#[derive(Clone, Debug, Default)]
struct Missed {
    calls: u32,
    called_back: u32,
    open: u32,
    /// Seconds from the end of each to the answer of a later call of the caller.
    after_s: Vec<u32>,
}

/// The lines, by what caused the calls or by when they began.
enum Lines {
    Of(Groups),
    At(Box<[Buckets; 2]>),
}

impl Missed {
    fn add(&mut self, row: &Row) {
        self.calls += 1;
        self.called_back += u32::from(row.is_called_back());
        self.open += u32::from(row.awaits_callback());
        self.after_s.extend(row.back_s());
    }

    fn join(&mut self, other: &Self) {
        self.calls += other.calls;
        self.called_back += other.called_back;
        self.open += other.open;
        self.after_s.extend(&other.after_s);
    }

    fn figures(&mut self) -> Vec<Figure> {
        vec![
            count(self.calls),
            share(self.called_back, self.calls),
            count(self.open),
            millis(&mut self.after_s, 50, 1_000),
            millis(&mut self.after_s, 90, 1_000),
        ]
    }
}

fn columns() -> Vec<Column> {
    let column = |key, unit, formula, more: &'static str| Column {
        key,
        unit,
        formula,
        calls: Some(match more {
            "" => vec![is("status", "missed")],
            back => vec![is("status", "missed"), is("callback", back)],
        }),
    };
    vec![
        column(
            "missed",
            Unit::Count,
            "calls that ended without an answer, but for those that a rule rejected",
            "",
        ),
        column(
            "called_back",
            Unit::Share,
            "missed calls whose caller was spoken to in a later call, or of which somebody says that they called back / missed",
            "done",
        ),
        column(
            "open",
            Unit::Count,
            "missed calls after which nobody has spoken to the caller; who was erased is not waited for",
            "open",
        ),
        column(
            "after_median",
            Unit::Millis,
            "median of the time from the end of a missed call to the answer of a later call of its caller, in whole seconds, by the nearest rank; of calls back that people only told of the time is not known",
            "spoken",
        ),
        column(
            "after_p90",
            Unit::Millis,
            "90th percentile of the same: nine of ten were spoken to sooner, or then",
            "spoken",
        ),
    ]
}

/// Counts missed calls by what caused them, or by when they began.
pub(crate) fn report(ask: &Ask<'_>, rows: &impl Pass) -> Report {
    let by = ask.by().unwrap_or(By::Source);
    let since = ask.span.since();
    let mut lines = match by.grain() {
        None => Lines::Of(Groups::new(by)),
        Some(grain) => Lines::At(Box::new(buckets(ask, grain))),
    };
    let mut counted: Vec<[Missed; 2]> = Vec::new();
    let mut names = Vec::new();
    let mut query = ask.both();
    // A finish reason that was asked for is asked for still.
    if query.status.is_none() {
        query.status = Some(Status::Missed);
    }
    if let Lines::At(buckets) = &lines {
        let [now, _] = &**buckets;
        counted.resize_with(now.len(), Default::default);
    }
    let mut rest = [Missed::default(), Missed::default()];
    rows.pass(&query, |row, all| {
        if !row.is_missed() {
            return;
        }
        let is_before = usize::from(row.started_at < since);
        let place = match &mut lines {
            Lines::Of(groups) => {
                let place = groups.place(row, all);
                if place >= counted.len() {
                    counted.resize_with(place + 1, Default::default);
                    names = groups.names(all);
                }
                Some(place)
            }
            Lines::At(buckets) => buckets
                .get_mut(is_before)
                .and_then(|buckets| buckets.place(row.started_at)),
        };
        let line = place.and_then(|place| counted.get_mut(place));
        if let Some(missed) = line.unwrap_or(&mut rest).get_mut(is_before) {
            missed.add(row);
        }
    });
    let mut sum = [Missed::default(), Missed::default()];
    for line in counted.iter().chain([&rest]) {
        for (sum, line) in sum.iter_mut().zip(line) {
            sum.join(line);
        }
    }
    let chart = if by.grain().is_some() {
        Chart::Columns
    } else {
        Chart::Bars
    };
    let mut report = frame(ask, columns(), chart);
    report.total = Some(line(String::new(), Vec::new(), sum));
    let counted = counted.into_iter().enumerate();
    report.lines = match &lines {
        Lines::Of(_) => {
            let lines = counted.map(|(place, counted)| {
                let name = names.get(place).and_then(Option::as_deref);
                line(
                    name.unwrap_or_default().to_owned(),
                    calls(by, name),
                    counted,
                )
            });
            most_first(lines.collect())
        }
        Lines::At(buckets) => {
            let [now, _] = &**buckets;
            counted
                .map(|(place, counted)| line(now.key(place), now.times(place), counted))
                .collect()
        }
    };
    report
}

fn buckets(ask: &Ask<'_>, grain: Grain) -> [Buckets; 2] {
    [ask.span.buckets(grain), ask.span.buckets_before(grain)]
}

fn line(key: String, calls: Calls, [mut now, mut before]: [Missed; 2]) -> Line {
    Line {
        key,
        label: None,
        calls,
        cells: now.figures(),
        before: before.figures(),
    }
}
