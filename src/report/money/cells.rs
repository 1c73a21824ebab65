//! What calls brought, by what caused them: counted once, in cells as fine as calls know them, of which lines are put together
//! afterwards. Pure.

use std::sync::Arc;

use crate::report::ask::{Ask, By};
use crate::report::gains::Gains;
use crate::report::money::leads::{Counts, Leads};
use crate::store::names::{Name, Source};
use crate::store::pass::Pass;
use crate::store::query::Query;
use crate::store::rows::Rows;

/// What calls brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Brought {
    pub(super) calls: u64,
    pub(super) target: u64,
    pub(super) customers: u64,
    /// Hundredths of what they were worth.
    pub(super) worth: i64,
}

impl Brought {
    pub(super) fn join(&mut self, other: Self) {
        self.calls += other.calls;
        self.target += other.target;
        self.customers += other.customers;
        self.worth = self.worth.saturating_add(other.worth);
    }
}

/// What caused the calls of a cell, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) project: Option<Arc<str>>,
    pub(super) source: Option<Arc<str>>,
    pub(super) campaign: Option<Arc<str>>,
    pub(super) channel: Option<Arc<str>>,
    pub(super) category: Option<Arc<str>>,
}

/// Calls with one origin, of the period and of the one before it.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) origin: Origin,
    pub(super) line: usize,
    pub(super) brought: [Brought; 2],
    /// How many calls of this origin there are without the conditions of the report.
    pub(super) all: [u64; 2],
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Cells {
    pub(super) cells: Vec<Cell>,
    /// The name of each line; `None`: it has none.
    pub(super) lines: Vec<Option<Arc<str>>>,
    /// Who may buy.
    pub(super) leads: Counts,
    /// The cell of each source's number.
    places: Vec<Option<usize>>,
}

impl Cells {
    /// Counts the calls that the report is of, and those of the same projects without its conditions.
    pub(super) fn count(ask: &Ask<'_>, by: By, rows: &impl Pass) -> Self {
        let mut cells = Self::default();
        let since = ask.span.since();
        let mut gains = Gains::new(ask.tracking);
        let mut leads = Leads::default();
        let is_whole = is_whole(&ask.query);
        rows.pass(&ask.both(), |row, all| {
            let is_before = row.started_at < since;
            let gain = gains.of(row, all);
            let is_target = row.is_target() == Some(true);
            let Some(cell) = cells.place(row.source, by, all) else {
                return;
            };
            let line = cell.line;
            if is_whole && let Some(count) = cell.all.get_mut(usize::from(is_before)) {
                *count += 1;
            }
            if let Some(brought) = cell.brought.get_mut(usize::from(is_before)) {
                brought.join(Brought {
                    calls: 1,
                    target: u64::from(is_target),
                    customers: u64::from(gain.is_customer),
                    worth: gain.worth,
                });
            }
            if is_target || gain.is_customer {
                leads.add(line, is_before, row.caller());
            }
        });
        cells.leads = leads.count();
        if !is_whole {
            let query = Query {
                project: ask.query.project.clone(),
                projects: ask.query.projects.clone(),
                since: Some(ask.span.before_since()),
                until: Some(ask.span.until()),
                ..Query::default()
            };
            rows.pass(&query, |row, all| {
                let is_before = usize::from(row.started_at < since);
                let cell = cells.place(row.source, by, all);
                if let Some(count) = cell.and_then(|cell| cell.all.get_mut(is_before)) {
                    *count += 1;
                }
            });
        }
        cells
    }

    /// The line of this name, added where there is none.
    pub(super) fn line(&mut self, name: Option<&Arc<str>>) -> usize {
        let known = self.lines.iter().position(|line| line.as_ref() == name);
        known.unwrap_or_else(|| {
            self.lines.push(name.cloned());
            self.lines.len() - 1
        })
    }

    #[inline]
    fn place(&mut self, source: Name, by: By, rows: &Rows) -> Option<&mut Cell> {
        let key = usize::from(source.0);
        let place = match self.places.get(key) {
            Some(Some(place)) => *place,
            Some(None) | None => self.meet(source, by, rows),
        };
        self.cells.get_mut(place)
    }

    #[cold]
    fn meet(&mut self, source: Name, by: By, rows: &Rows) -> usize {
        let origin = rows.names().sources.get(source).map_or_else(
            || Origin {
                source: Some("…".into()),
                ..Origin::default()
            },
            |source| Origin::new(source, rows),
        );
        let line = self.line(origin.name(by));
        let place = self.cells.len();
        self.cells.push(Cell {
            origin,
            line,
            brought: Default::default(),
            all: [0; 2],
        });
        let key = usize::from(source.0);
        if self.places.len() <= key {
            self.places.resize(key + 1, None);
        }
        if let Some(known) = self.places.get_mut(key) {
            *known = Some(place);
        }
        place
    }
}

impl Origin {
    fn new(source: &Source, rows: &Rows) -> Self {
        let word = |name| rows.names().words.get(name).cloned();
        Self {
            project: word(source.project),
            source: word(source.tag),
            campaign: word(source.campaign),
            channel: word(source.channel),
            category: word(source.category),
        }
    }

    /// What its line is called.
    pub(super) const fn name(&self, by: By) -> Option<&Arc<str>> {
        match by {
            By::Source => self.source.as_ref(),
            By::Campaign => self.campaign.as_ref(),
            By::Channel => self.channel.as_ref(),
            By::Category => self.category.as_ref(),
            // Money is not cut so.
            By::Number | By::Rule | By::Day | By::Week | By::Month => None,
        }
    }
}

/// Whether a report is of all calls of its projects.
fn is_whole(query: &Query) -> bool {
    let open = Query {
        project: query.project.clone(),
        projects: query.projects.clone(),
        since: query.since,
        until: query.until,
        limit: query.limit,
        cursor: query.cursor,
        ..Query::default()
    };
    open == *query
}
