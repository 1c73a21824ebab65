//! From what was counted to the lines of a report. Pure.

use std::cmp::Reverse;

use crate::report::ask::Ask;
use crate::report::conditions;
use crate::report::table::{Calls, Chart, Column, Figure, Line, Report};
use crate::report::tally::Tally;

/// The figures of a line: of the period, and of the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) now: Tally,
    pub(crate) before: Tally,
}

impl Pair {
    /// Those of a call that began in the period, or before it.
    #[inline]
    pub(crate) const fn of(&mut self, is_now: bool) -> &mut Tally {
        if is_now {
            &mut self.now
        } else {
            &mut self.before
        }
    }

    /// All together.
    pub(crate) fn sum<'p>(all: impl IntoIterator<Item = &'p Self>) -> Self {
        let mut sum = Self::default();
        for pair in all {
            sum.now.join(&pair.now);
            sum.before.join(&pair.before);
        }
        sum
    }

    /// Whether there was no call at all.
    pub(crate) const fn is_empty(&self) -> bool {
        self.now.calls == 0 && self.before.calls == 0
    }

    /// A line of them.
    pub(crate) fn line(&self, key: &str, calls: Calls) -> Line {
        Line {
            key: key.to_owned(),
            label: None,
            calls,
            cells: self.now.figures(),
            before: self.before.figures(),
        }
    }
}

/// A report without its lines.
pub(crate) fn frame(ask: &Ask<'_>, columns: Vec<Column>, chart: Chart) -> Report {
    Report {
        name: ask.kind.word(),
        period: ask.span.period(),
        before: ask.span.before(),
        calls: conditions::of(&ask.inside()),
        columns,
        lines: Vec::new(),
        total: None,
        drawn: 0,
        chart,
    }
}

/// Lines of things that have names, or none.
pub(crate) fn of_names<'p>(
    lines: impl IntoIterator<Item = (&'p Pair, Option<String>)>,
    calls: impl Fn(Option<&str>) -> Calls,
) -> Vec<Line> {
    let lines = lines.into_iter().filter(|(pair, _)| !pair.is_empty());
    lines
        .map(|(pair, name)| {
            let name = name.as_deref();
            pair.line(name.unwrap_or_default(), calls(name))
        })
        .collect()
}

/// The line with most calls first; of those with as many, in the order of the alphabet.
pub(crate) fn most_first(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by_cached_key(|line| {
        let calls = match line.cells.first() {
            Some(Figure::Count(calls)) => *calls,
            Some(_) | None => 0,
        };
        (Reverse(calls), line.key.clone())
    });
    lines
}
