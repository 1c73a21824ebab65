//! What a manager reads in ten seconds: the last seven days beside the seven before, and what changed most. Pure.

use serde::Serialize;

use crate::report::ask::{Ask, By, Kind};
use crate::report::conditions::{self, is};
use crate::report::lines::Pair;
use crate::report::money::{CAC, place_of};
use crate::report::run;
use crate::report::table::{Calls, Column, Figure, Line, Period, Report};
use crate::report::tally::columns;
use crate::store::ledger::Ledger;
use crate::store::narrow::Narrow;
use crate::store::pass::Pass;
use crate::store::query::Query;

/// Days that it is of: the weekdays of both periods are the same.
pub const DAYS: i64 = 7;

/// How long a caller may wait for a call back and still be worth a line here.
pub const OPEN_DAYS: i64 = 30;

/// Most changes that are told.
const MOVERS_MAX: usize = 5;

/// By how many standard deviations of chance a count must have changed to be told.
const SURELY: f64 = 2.0;

/// Figures of the last seven days.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dashboard {
    /// The last seven days, to this time of day.
    pub period: Period,
    /// The seven before.
    pub before: Period,
    /// Conditions on all of its calls.
    pub calls: Calls,
    /// What each cell of `total`, `sources` and `best_hour` is.
    pub columns: Vec<Column>,
    /// All calls together.
    pub total: Line,
    /// By source, the one with most calls first.
    pub sources: Vec<Line>,
    /// What a customer of each of them cost; empty where nobody entered what was spent, or it is not theirs to see.
    pub costs: Vec<Figure>,
    /// The hour of the day in which most calls were answered, as `09`, with its figures.
    pub best_hour: Option<Line>,
    /// What changed most since the seven days before, the surest first.
    pub movers: Vec<Mover>,
    /// Missed calls of the last thirty days after which nobody has spoken to the caller.
    pub open: Open,
}

/// A count that changed by more than chance explains.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mover {
    /// The report in which it stands.
    pub report: &'static str,
    /// Its line there.
    pub key: String,
    /// What people call that.
    pub label: Option<String>,
    /// Its column there.
    pub column: &'static str,
    /// How many.
    pub now: u64,
    /// How many there were.
    pub before: u64,
    /// The calls behind it.
    pub calls: Calls,
}

/// Calls that somebody should answer for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Open {
    /// How many.
    pub count: u64,
    /// What opens them.
    pub calls: Calls,
}

/// Makes it. The kind of `ask` and by what it is cut are not looked at; `open` is the same query over the last thirty days,
/// of missed calls that nobody answered for.
pub(crate) fn make(ask: &Ask<'_>, open: &Query, rows: &impl Pass, ledger: &Ledger) -> Dashboard {
    let of = |kind, by| {
        let ask = Ask {
            kind,
            by,
            ..ask.clone()
        };
        run::of(&ask, rows, ledger)
    };
    let sources = of(Kind::Sources, Some(By::Source));
    let managers = of(Kind::Managers, None);
    let hours = of(Kind::Hours, None);
    let mut movers = moved(&sources, &["calls", "missed", "customers"]);
    movers.extend(moved(&managers, &["missed"]));
    movers.sort_by(|(sure, a), (other, b)| other.total_cmp(sure).then_with(|| a.key.cmp(&b.key)));
    let mut count = 0;
    rows.pass(open, |_, _| count += 1);
    let total = sources
        .total
        .unwrap_or_else(|| Pair::default().line("", Vec::new()));
    Dashboard {
        period: sources.period,
        before: sources.before,
        calls: sources.calls,
        columns: columns(),
        total,
        costs: costs(&of(Kind::Money, Some(By::Source)), &sources.lines),
        sources: sources.lines,
        best_hour: best_hour(ask, &hours, rows, ledger),
        movers: movers
            .into_iter()
            .take(MOVERS_MAX)
            .map(|(_, mover)| mover)
            .collect(),
        open: Open {
            count,
            calls: conditions::of(open),
        },
    }
}

/// What a customer of each source cost; empty where nothing was spent.
fn costs(money: &Report, sources: &[Line]) -> Vec<Figure> {
    let cost = |line: &Line| {
        let place = place_of(&money.columns, CAC)?;
        let theirs = money.lines.iter().find(|theirs| theirs.key == line.key)?;
        theirs.cells.get(place).copied()
    };
    let cost = |line| cost(line).unwrap_or(Figure::Nothing);
    let costs: Vec<Figure> = sources.iter().map(cost).collect();
    let is_known = costs.iter().any(|cost| *cost != Figure::Nothing);
    if is_known { costs } else { Vec::new() }
}

/// The counts of a report that changed by more than chance explains, each with how surely.
///
/// Of two counts of rare things the difference over the root of the sum is nearly normal with deviation 1 where nothing
/// changed.
#[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^53 calls")]
fn moved(report: &Report, columns: &[&str]) -> Vec<(f64, Mover)> {
    let mut movers = Vec::new();
    for (place, column) in report.columns.iter().enumerate() {
        if !columns.contains(&column.key) {
            continue;
        }
        for line in &report.lines {
            let (Some(Figure::Count(now)), Some(Figure::Count(before))) =
                (line.cells.get(place), line.before.get(place))
            else {
                continue;
            };
            let sure = now.abs_diff(*before) as f64 / ((now + before) as f64).sqrt();
            // Of nothing at all it is not a number.
            if sure.is_nan() || sure < SURELY {
                continue;
            }
            let mover = Mover {
                report: report.name,
                key: line.key.clone(),
                label: line.label.clone(),
                column: column.key,
                now: *now,
                before: *before,
                calls: report.behind(line, place).unwrap_or_default(),
            };
            movers.push((sure, mover));
        }
    }
    movers
}

/// The hour of the day in which most calls were answered.
fn best_hour(ask: &Ask<'_>, hours: &Report, rows: &impl Pass, ledger: &Ledger) -> Option<Line> {
    let answered = |line: &Line| match line.cells.get(1) {
        Some(Figure::Count(count)) => *count,
        Some(_) | None => 0,
    };
    // The key is weekday and hour; hours of one name are summed.
    let mut sums = [0u64; 24];
    for (place, line) in hours.lines.iter().enumerate() {
        if let Some(sum) = sums.get_mut(place % 24) {
            *sum += answered(line);
        }
    }
    let (hour, most) = (0u8..)
        .zip(sums)
        .max_by_key(|(hour, sum)| (*sum, std::cmp::Reverse(*hour)))?;
    if most == 0 {
        return None;
    }
    let zone = ask.span.period().time_zone;
    let ask = Ask {
        kind: Kind::Sources,
        by: None,
        query: Query {
            narrow: Narrow {
                hour: Some(hour),
                zone: Some(zone.clone()),
                ..ask.query.narrow.clone()
            },
            ..ask.query.clone()
        },
        ..ask.clone()
    };
    let mut line = run::of(&ask, rows, ledger).total?;
    line.key = format!("{hour:02}");
    line.calls = vec![is("hour", hour.to_string()), is("zone", zone)];
    Some(line)
}
