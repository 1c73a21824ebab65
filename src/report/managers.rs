//! By manager: what was offered to each, what they answered, what nobody did, and how that went. Pure.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::report::ask::Ask;
use crate::report::conditions::is;
use crate::report::gains::{Gain, Gains};
use crate::report::lines::{frame, most_first};
use crate::report::percentile::millis;
use crate::report::table::{Calls, Chart, Column, Figure, Line, Report, Unit};
use crate::report::tally::{Tally, count, mean, share};
use crate::store::names::Name;
use crate::store::pass::Pass;
use crate::store::row::Row;
use crate::store::rows::Rows;

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

/// Calls that were offered to the same managers and answered by the same one, or by none. Whose of them a call is nobody can
/// foresee: so it is counted in one place, and each manager's work is put together afterwards.
#[derive(Debug)]
struct Crew {
    /// The lines of those whom the calls were offered to.
    offered: Box<[usize]>,
    /// The line of who answered.
    own: Option<usize>,
    /// Of the period, and of the one before.
    tallies: [Tally; 2],
}

/// All crews, found without a look at names.
#[derive(Debug, Default)]
struct Crews {
    /// By the numbers of both.
    places: HashMap<(Name, Name), usize, FixedState>,
    list: Vec<Crew>,
    /// Who has a line, and their words.
    names: Vec<Name>,
    words: Vec<String>,
    /// How long callers waited for who has a line; the first are those that nobody answered.
    waits: Vec<[Vec<u32>; 2]>,
}

impl Crews {
    /// Counts a call.
    #[inline]
    fn add(&mut self, row: &Row, rows: &Rows, is_before: bool, gain: Gain) {
        let place = match self.places.get(&(row.offered, row.manager)) {
            Some(place) => *place,
            None => self.meet(row, rows),
        };
        let period = usize::from(is_before);
        let Some(crew) = self.list.get_mut(place) else {
            return;
        };
        if let Some(tally) = crew.tallies.get_mut(period) {
            tally.add(row, gain);
        }
        let waits = self.waits.get_mut(crew.own.map_or(0, |own| own + 1));
        if let Some(waits) = waits.and_then(|both| both.get_mut(period)) {
            waits.push(row.wait_ms);
        }
    }

    #[cold]
    fn meet(&mut self, row: &Row, rows: &Rows) -> usize {
        if self.waits.is_empty() {
            self.waits.push(Default::default());
        }
        let names = rows.names().sets.get(row.offered).cloned();
        let names = names.unwrap_or_default();
        let offered = names.iter().map(|name| self.line(*name, rows)).collect();
        let own = (row.manager != Name::default()).then(|| self.line(row.manager, rows));
        let place = self.list.len();
        self.list.push(Crew {
            offered,
            own,
            tallies: Default::default(),
        });
        self.places.insert((row.offered, row.manager), place);
        place
    }

    fn line(&mut self, name: Name, rows: &Rows) -> usize {
        let known = self.names.iter().position(|known| *known == name);
        known.unwrap_or_else(|| {
            let word = rows.names().words.get(name);
            self.words
                .push(word.map_or_else(|| "…".to_owned(), ToString::to_string));
            self.names.push(name);
            self.waits.push(Default::default());
            self.names.len() - 1
        })
    }

    /// What each line has done, in the period and in the one before.
    fn works(self) -> impl Iterator<Item = (String, [Work; 2])> {
        let own_waits = self.waits.into_iter().skip(1);
        let mut works: Vec<[Work; 2]> = own_waits
            .map(|both| {
                both.map(|waits| Work {
                    waits,
                    ..Work::default()
                })
            })
            .collect();
        for crew in &self.list {
            // Who answered was called, also where the log does not say so: while the call runs.
            let more = crew.own.filter(|own| !crew.offered.contains(own));
            for line in crew.offered.iter().copied().chain(more) {
                for (work, tally) in works.get_mut(line).into_iter().flatten().zip(&crew.tallies) {
                    work.add(tally, crew.own == Some(line));
                }
            }
        }
        self.words.into_iter().zip(works)
    }
}

impl Work {
    /// Counts calls that were offered to this manager, and that they answered or not.
    fn add(&mut self, calls: &Tally, is_own: bool) {
        self.offered += calls.calls;
        self.missed += calls.missed;
        if is_own {
            self.own.join(calls);
        } else {
            self.others += calls.answered;
        }
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
    let mut gains = Gains::new(ask.tracking);
    let mut crews = Crews::default();
    rows.pass(&ask.both(), |row, all| {
        crews.add(row, all, row.started_at < since, gains.of(row, all));
    });
    let mut report = frame(ask, columns(), Chart::Bars);
    let lines = crews.works().map(|(key, [mut now, mut before])| Line {
        label: None,
        calls: vec![is("offered", key.as_str())],
        cells: now.figures(),
        before: before.figures(),
        key,
    });
    report.lines = most_first(lines.collect());
    report
}
