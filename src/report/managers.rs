//! By manager: what was offered to each, what they answered, what nobody did, and how that went. Pure.

use crate::report::ask::Ask;
use crate::report::conditions::is;
use crate::report::lines::{frame, most_first};
use crate::report::percentile::millis;
use crate::report::table::{Calls, Chart, Column, Figure, Line, Report, Unit};
use crate::report::tally::{Tally, count, mean, share};
use crate::store::names::Name;
use crate::store::pass::Pass;
use crate::store::row::Row;
use crate::store::rows::Rows;
use crate::store::sieve::Customers;
use crate::store::worth::Worths;

/// What is counted of one manager in one period.
#[derive(Clone, Debug, Default)]
struct Work {
    offered: u32,
    missed: u32,
    others: u32,
    /// Of the calls that they answered.
    own: Tally,
    /// How long each of their callers waited.
    waits: Vec<u32>,
}

/// Who has a line, found without a look at names.
#[derive(Debug, Default)]
struct Managers {
    /// The line of each name.
    lines: Vec<Option<usize>>,
    names: Vec<Name>,
    /// The lines of each set of managers that calls were offered to.
    sets: Vec<Option<Box<[usize]>>>,
}

impl Managers {
    fn line(&mut self, name: Name) -> usize {
        let key = usize::from(name.0);
        if let Some(Some(line)) = self.lines.get(key) {
            return *line;
        }
        if self.lines.len() <= key {
            self.lines.resize(key + 1, None);
        }
        self.names.push(name);
        let line = self.names.len() - 1;
        if let Some(place) = self.lines.get_mut(key) {
            *place = Some(line);
        }
        line
    }

    /// The word of each line.
    fn words(&self, rows: &Rows) -> Vec<String> {
        let word = |name: &Name| match rows.names().words.get(*name) {
            Some(word) => word.to_string(),
            None => "…".to_owned(),
        };
        self.names.iter().map(word).collect()
    }

    /// Sees to it that whoever a call was offered to has a line, and returns that of who answered.
    #[inline]
    fn meet(&mut self, row: &Row, rows: &Rows) -> Option<usize> {
        let key = usize::from(row.offered.0);
        if !matches!(self.sets.get(key), Some(Some(_))) {
            self.meet_all(row.offered, rows);
        }
        (row.manager != Name::default()).then(|| self.line(row.manager))
    }

    #[cold]
    fn meet_all(&mut self, set: Name, rows: &Rows) {
        let key = usize::from(set.0);
        let names = rows.names().sets.get(set).cloned().unwrap_or_default();
        let lines = names.iter().map(|name| self.line(*name)).collect();
        if self.sets.len() <= key {
            self.sets.resize(key + 1, None);
        }
        if let Some(place) = self.sets.get_mut(key) {
            *place = Some(lines);
        }
    }

    /// The lines of those whom a call was offered to.
    #[inline]
    fn offered(&self, set: Name) -> &[usize] {
        let lines = self.sets.get(usize::from(set.0));
        lines.and_then(Option::as_deref).unwrap_or_default()
    }
}

impl Work {
    /// Counts a call that was offered to this manager, or that they answered.
    fn add(&mut self, row: &Row, is_own: bool) {
        self.offered += 1;
        self.missed += u32::from(row.is_missed());
        self.others += u32::from(row.is_answered() && !is_own);
    }

    fn figures(&mut self) -> Vec<Figure> {
        let own = &self.own;
        vec![
            count(self.offered),
            count(own.calls),
            share(own.calls, self.offered),
            count(self.missed),
            count(self.others),
            mean(own.waited_ms, own.calls),
            millis(&mut self.waits, 90, 1),
            mean(own.talked_ms, own.talks),
            count(own.target),
            count(own.customers),
            share(own.customers, own.calls),
            Figure::Money(own.worth),
        ]
    }
}

/// The columns.
pub(crate) fn columns() -> Vec<Column> {
    let own = || is("taken", "own");
    let column = |key, unit, formula, calls: Calls| Column {
        key,
        unit,
        formula,
        calls: Some(calls),
    };
    vec![
        column(
            "offered",
            Unit::Count,
            "calls that were put through to this manager, alone or with others, once they are over, and those that they answered",
            Vec::new(),
        ),
        column(
            "answered",
            Unit::Count,
            "offered calls that this manager answered",
            vec![own()],
        ),
        column(
            "answered_share",
            Unit::Share,
            "answered / offered",
            vec![own()],
        ),
        column(
            "missed",
            Unit::Count,
            "offered calls that nobody answered",
            vec![is("status", "missed")],
        ),
        column(
            "others",
            Unit::Count,
            "offered calls that somebody else answered",
            vec![is("taken", "other")],
        ),
        column(
            "wait",
            Unit::Millis,
            "mean time from the call's beginning to the answer, of the calls that this manager answered",
            vec![own()],
        ),
        column(
            "wait_p90",
            Unit::Millis,
            "90th percentile of the same, by the nearest rank: nine of ten callers waited no longer",
            vec![own()],
        ),
        column(
            "talk",
            Unit::Millis,
            "mean time from the answer to the end, of those calls that are over",
            vec![own(), is("ended", "true")],
        ),
        column(
            "target",
            Unit::Count,
            "answered calls that somebody marked as one of those that the advertising is for",
            vec![own(), is("target", "true")],
        ),
        column(
            "customers",
            Unit::Count,
            "answered calls whose outcome is one of the project's `sales`",
            vec![own(), is("customer", "true")],
        ),
        column(
            "conversion",
            Unit::Share,
            "customers / answered; between the ends of the interval it lies in 95 of 100 cases (Wilson)",
            vec![own(), is("customer", "true")],
        ),
        column(
            "revenue",
            Unit::Money,
            "sum of what people say the answered calls were worth",
            vec![own(), is("valued", "true")],
        ),
    ]
}

/// Counts calls by whom they were offered to. A call that several phones rang for counts for each of them, so that there is no
/// sum.
pub(crate) fn report(ask: &Ask<'_>, rows: &impl Pass) -> Report {
    let since = ask.span.since();
    let sales = ask.tracking.sales();
    let mut customers = None;
    let mut worths = Worths::default();
    let mut managers = Managers::default();
    let mut works: Vec<[Work; 2]> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    rows.pass(&ask.both(), |row, all| {
        let customers = customers.get_or_insert_with(|| Customers::new(&sales, all));
        let own = managers.meet(row, all);
        if works.len() < managers.names.len() {
            works.resize_with(managers.names.len(), Default::default);
            names = managers.words(all);
        }
        let is_before = usize::from(row.started_at < since);
        let offered = managers.offered(row.offered);
        // Who answered was called, also where the log does not say so: while the call runs.
        let more = own.filter(|own| !offered.contains(own));
        for &line in offered.iter().chain(more.as_ref()) {
            if let Some(work) = works.get_mut(line).and_then(|both| both.get_mut(is_before)) {
                work.add(row, own == Some(line));
            }
        }
        let work = own.and_then(|line| works.get_mut(line)?.get_mut(is_before));
        if let Some(work) = work {
            work.own.add(row, customers.has(row), worths.of(row, all));
            work.waits.push(row.wait_ms);
        }
    });
    let mut report = frame(ask, columns(), Chart::Bars);
    let lines = works
        .iter_mut()
        .zip(names)
        .map(|([now, before], key)| Line {
            label: None,
            calls: vec![is("offered", key.as_str())],
            cells: now.figures(),
            before: before.figures(),
            key,
        });
    report.lines = most_first(lines.collect());
    report
}
