//! What a manager reads in ten seconds.

use askama::Template;

use crate::web::chart::{Drawing, Width};
use crate::web::frame::Frame;
use crate::web::list::Choices;
use crate::web::report::{Cell, Row, draw};

/// The dashboard.
#[derive(Template)]
#[template(path = "dashboard.html")]
pub struct DashboardPage {
    /// What stands around it.
    pub frame: Frame,
    /// The projects to choose from; `None`: there is but one.
    pub projects: Option<Choices>,
    /// The largest figures.
    pub tiles: Vec<Tile>,
    /// Calls by day.
    pub chart: Option<Drawing>,
    /// What the columns of sources are called.
    pub heads: Vec<String>,
    /// Sources, the ones with most calls.
    pub sources: Vec<Row>,
    /// What is said where no costs are known.
    pub costs: Option<String>,
    /// What changed by more than chance explains.
    pub movers: Vec<Mover>,
    /// Nobody called.
    pub is_empty: bool,
}

/// A large figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// `Missed`.
    pub name: String,
    /// The figure.
    pub cell: Cell,
    /// What stands below it.
    pub note: String,
    /// It asks for something to be done.
    pub is_urgent: bool,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mover {
    /// `billboard: missed`.
    pub name: String,
    /// The figure, its calls, and what it was.
    pub cell: Cell,
}

impl DashboardPage {
    /// The chart for a desk.
    pub fn half(&self) -> String {
        draw(self.chart.as_ref(), Width::Half, self.frame.words)
    }

    /// The chart for a telephone.
    pub fn narrow(&self) -> String {
        draw(self.chart.as_ref(), Width::Narrow, self.frame.words)
    }
}
