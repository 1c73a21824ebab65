//! `GET /dashboard`: the last seven days beside the seven before, in one screen.

use axum::extract::State as Shared;
use axum::response::Response;
use jiff::ToSpan;

use crate::api::dashboard::dashboard;
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::pages::html;
use crate::api::pages::look::Look;
use crate::api::pages::reports::currency;
use crate::api::pages::reports::labels::Labels;
use crate::api::pages::reports::shown::Shown;
use crate::api::pages::show::Shower;
use crate::api::query::Given;
use crate::api::reports;
use crate::api::state::State;
use crate::people::{Right, Who};
use crate::report::ask::{By, Kind};
use crate::report::dashboard::{Dashboard, Mover as Moved};
use crate::report::table::{Chart, Column, Figure, Line, Report};
use crate::store::query::Query;
use crate::web::dashboard::{DashboardPage, Mover, Tile};
use crate::web::frame::Here;
use crate::web::list::{Choice, Choices};
use crate::web::report::{Cell, Row};

/// Most sources: what fits on one screen. The report has them all.
const SOURCES_MAX: usize = 7;

/// What the table of sources shows of each, beside the cost of a customer.
const OF_SOURCES: [&str; 4] = ["calls", "missed", "customers", "conversion"];

/// The dashboard.
pub(in crate::api) async fn page(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    look: Look,
    given: Given,
) -> Result<Response, ApiError> {
    let shower = Shower::new(&state, look.words(), look.now());
    let project = project(&given, &shower, &who);
    let asked = Query {
        project: project.clone(),
        ..Query::default()
    };
    let pairs = project.iter().map(|id| ("project".to_owned(), id.clone()));
    let given = Ok(axum::extract::Query(pairs.collect()));
    let made = dashboard(&state, &who, given).await?;
    let own = || {
        let projects = shower.rules.tracking.projects().iter();
        projects.map(|own| &*own.id).find(|id| who.sees(id))
    };
    let dates = shower.dates(project.as_deref().or_else(own).unwrap_or_default());
    // The chart has whole days, today the last.
    let begins = |back: i64| {
        let day = dates.today().checked_sub(back.days()).ok();
        day.map(|day| dates.midnight(day))
    };
    let days = reports::Asked {
        kind: Kind::Days,
        by: Some(By::Day),
        query: Query {
            since: begins(6),
            ..asked.clone()
        },
    };
    let days = days.make(&state, &who).await?;
    let currency = currency(&shower, &asked, &who);
    let shown = |report, kind, by| Shown {
        words: look.words(),
        dates,
        labels: Labels::new(&shower, dates, kind, by),
        currency,
        report,
        drawn: 0,
    };
    let sources = report(&made);
    let view = View {
        made: &made,
        shown: shown(&sources, Kind::Sources, Some(By::Source)),
        movers: Labels::new(&shower, dates, Kind::Managers, None),
    };
    let days = shown(&days, Kind::Days, Some(By::Day));
    let sees_money = who.may(Right::Money);
    html(&DashboardPage {
        projects: projects(&shower, &who, project.as_deref()),
        tiles: view.tiles(),
        chart: days.chart().0,
        heads: view.heads(),
        sources: view.sources(),
        costs: (sees_money && made.costs.is_empty())
            .then(|| look.words().say("dashboard-cost-none")),
        movers: made.movers.iter().map(|moved| view.mover(moved)).collect(),
        is_empty: view.is_empty(),
        frame: look.frame(Here::Dashboard),
    })
}

/// The project that is asked for, where it is theirs to see.
fn project(given: &Given, shower: &Shower, who: &Who) -> Option<String> {
    let Ok(axum::extract::Query(pairs)) = given else {
        return None;
    };
    let asked = pairs.iter().find(|(name, _)| name == "project");
    let known = |id: &&String| who.sees(id) && shower.rules.tracking.project(id).is_some();
    asked.map(|(_, id)| id).filter(known).cloned()
}

fn projects(shower: &Shower, who: &Who, chosen: Option<&str>) -> Option<Choices> {
    let all = shower.rules.tracking.projects().iter();
    let values: Vec<Choice> = all
        .filter(|project| who.sees(&project.id))
        .map(|project| Choice {
            value: project.id.to_string(),
            text: project.label.to_string(),
            chosen: chosen == Some(&*project.id),
        })
        .collect();
    (values.len() > 1).then(|| Choices {
        id: "project".to_owned(),
        name: "project",
        label: shower.words.say("filter-project"),
        any: shower.words.say("filter-any"),
        values,
    })
}

/// The sources of a dashboard as a report has them.
fn report(made: &Dashboard) -> Report {
    Report {
        name: Kind::Sources.word(),
        period: made.period.clone(),
        before: made.before.clone(),
        calls: made.calls.clone(),
        columns: made.columns.clone(),
        lines: made.sources.clone(),
        total: Some(made.total.clone()),
        drawn: 0,
        chart: Chart::Bars,
    }
}

/// A dashboard and what is needed to show it.
struct View<'a> {
    made: &'a Dashboard,
    shown: Shown<'a>,
    movers: Labels<'a>,
}

impl View<'_> {
    fn place(&self, key: &str) -> Option<(usize, &Column)> {
        let mut columns = self.made.columns.iter().enumerate();
        columns.find(|(_, column)| column.key == key)
    }

    /// The figure of a line under a key.
    fn cell(&self, line: &Line, key: &str) -> Cell {
        let cell = self.place(key).and_then(|(place, column)| {
            let figure = line.cells.get(place)?;
            Some(
                self.shown
                    .cell(line, column, figure, line.before.get(place)),
            )
        });
        cell.unwrap_or_default()
    }

    fn figure(&self, line: &Line, key: &str) -> u64 {
        let figure = self.place(key).and_then(|(place, _)| line.cells.get(place));
        match figure {
            Some(Figure::Count(count)) => *count,
            Some(_) | None => 0,
        }
    }

    fn is_empty(&self) -> bool {
        let first = |cells: &[Figure]| matches!(cells.first(), None | Some(Figure::Count(0)));
        first(&self.made.total.cells) && first(&self.made.total.before) && self.made.open.count == 0
    }

    fn tiles(&self) -> Vec<Tile> {
        let words = self.shown.words;
        let total = |key: &str| {
            let mut cell = self.cell(&self.made.total, key);
            let mut note = String::new();
            let figure = self
                .place(key)
                .and_then(|(place, _)| self.made.total.cells.get(place));
            if let Some((of, range)) = figure.and_then(|one| self.shown.writer().few_of(one)) {
                // There is room for one large figure.
                (cell.shown, note) = (range, of);
            }
            Tile {
                name: words.say(&format!("figure-{key}")),
                cell,
                note,
                is_urgent: false,
            }
        };
        let mut tiles: Vec<Tile> = ["calls", "missed", "conversion"].map(total).into();
        tiles.extend(self.best_hour());
        let open = &self.made.open;
        let figure = Figure::Count(open.count);
        tiles.push(Tile {
            name: words.say("dashboard-open"),
            cell: Cell {
                shown: self.shown.writer().shown(&figure),
                href: (open.count > 0).then(|| self.shown.list(&open.calls)),
                ..Cell::default()
            },
            note: words.say("dashboard-open-note"),
            is_urgent: open.count > 0,
        });
        tiles
    }

    fn best_hour(&self) -> Option<Tile> {
        let words = self.shown.words;
        let line = self.made.best_hour.as_ref()?;
        let shown = |key| {
            self.shown
                .writer()
                .shown(&Figure::Count(self.figure(line, key)))
        };
        Some(Tile {
            name: words.say("dashboard-best"),
            cell: Cell {
                shown: words.with("dashboard-hours", &line.key),
                href: self.cell(line, "answered").href,
                ..Cell::default()
            },
            note: words.with_both("dashboard-best-note", &shown("answered"), &shown("calls")),
            is_urgent: false,
        })
    }

    fn heads(&self) -> Vec<String> {
        let words = self.shown.words;
        let heads = OF_SOURCES
            .iter()
            .map(|key| words.say(&format!("figure-{key}")));
        let cost = (!self.made.costs.is_empty()).then(|| words.say("dashboard-cost"));
        heads.chain(cost).collect()
    }

    fn sources(&self) -> Vec<Row> {
        let lines = self.made.sources.iter().enumerate().take(SOURCES_MAX);
        let row = |(place, line): (usize, &Line)| {
            let cells = OF_SOURCES.iter().map(|key| self.cell(line, key));
            // Behind what a customer cost are the customers.
            let cost = self.made.costs.get(place).map(|cost| Cell {
                shown: self.shown.writer().shown(cost),
                href: cost.money().and_then(|_| self.cell(line, "customers").href),
                ..Cell::default()
            });
            Row {
                name: self.shown.labels.name(line),
                href: Some(self.shown.list(&line.calls)),
                is_total: false,
                cells: cells.chain(cost).collect(),
            }
        };
        lines.map(row).collect()
    }

    fn mover(&self, moved: &Moved) -> Mover {
        let words = self.shown.words;
        let line = Line {
            key: moved.key.clone(),
            label: moved.label.clone(),
            calls: Vec::new(),
            cells: Vec::new(),
            before: Vec::new(),
        };
        let labels = if moved.report == Kind::Managers.word() {
            &self.movers
        } else {
            &self.shown.labels
        };
        let figure = words.say_or(&format!("figure-{}", moved.column), moved.column);
        let (now, before) = (Figure::Count(moved.now), Figure::Count(moved.before));
        let writer = self.shown.writer();
        Mover {
            name: words.with_both("dashboard-mover", &labels.name(&line), &figure),
            cell: Cell {
                shown: writer.shown(&now),
                href: (moved.now > 0).then(|| self.shown.list(&moved.calls)),
                change: writer.change(moved.column, &now, &before),
                ..Cell::default()
            },
        }
    }
}
