//! Reports: the list of them, and one as chart and table.

use askama::Template;

use crate::web::chart::{Drawing, Width};
use crate::web::frame::Frame;
use crate::web::list::{Choices, Filter};
use crate::web::words::Words;

/// The reports that there are.
#[derive(Template)]
#[template(path = "reports.html")]
pub struct ReportsPage {
    /// What stands around it.
    pub frame: Frame,
    /// Each of them.
    pub entries: Vec<Entry>,
}

/// A report in the list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `Sources`.
    pub title: String,
    /// The question that it answers.
    pub asks: String,
    /// Its page.
    pub href: String,
}

/// A report.
#[derive(Template)]
#[template(path = "report.html")]
pub struct ReportPage {
    /// What of the period is in no figure: projects off season, in words.
    pub rests: Vec<String>,
    /// What stands around it.
    pub frame: Frame,
    /// `Sources`.
    pub title: String,
    /// The question that it answers.
    pub asks: String,
    /// Its path, which the form asks again.
    pub path: String,
    /// The conditions.
    pub filter: Filter,
    /// By what its lines can be cut; `None`: they are what they are.
    pub cuts: Option<Choices>,
    /// Which figure is drawn; `None`: there is but one.
    pub drawn: Option<Choices>,
    /// `24 October – 22 November`.
    pub period: String,
    /// `24 September – 23 October`.
    pub before: String,
    /// What is drawn; `None`: nothing was counted.
    pub chart: Option<Drawing>,
    /// What the chart leaves out.
    pub chart_more: Option<String>,
    /// What the lines are of: `Source`.
    pub of: String,
    /// What the figures are.
    pub heads: Vec<Head>,
    /// The figures; several tables where one would be wider than a screen.
    pub tables: Vec<Table>,
    /// Weekdays and hours, in place of the lines.
    pub matrix: Option<Matrix>,
    /// What the tables leave out.
    pub rows_more: Option<String>,
    /// The same as a table for a spreadsheet, where they may take it.
    pub csv: Option<String>,
    /// The same for programs.
    pub json: String,
    /// Where it is saved with its filter.
    pub save: String,
}

/// A table of a report: some of its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What its columns have in common; `None`: it has them all.
    pub title: Option<String>,
    /// Its columns.
    pub heads: Vec<Head>,
    /// The lines, all of them together first.
    pub rows: Vec<Row>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its word, which no two columns share.
    pub key: &'static str,
    /// `Missed`.
    pub name: String,
    /// How its figures are worked out.
    pub formula: String,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is of.
    pub name: String,
    /// The calls of the line.
    pub href: Option<String>,
    /// All lines together.
    pub is_total: bool,
    /// Its figures.
    pub cells: Vec<Cell>,
}

/// A figure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// As people read it.
    pub shown: String,
    /// The calls behind it.
    pub href: Option<String>,
    /// How many it is made of, where those are few.
    pub few: Option<String>,
    /// Whether it is welcome by itself.
    pub mood: Mood,
    /// What became of it since the period before.
    pub change: Option<Change>,
}

/// How a figure stands beside the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `↑ 3`.
    pub text: String,
    /// `was 9`.
    pub was: String,
    /// What that means to the business.
    pub mood: Mood,
}

/// Whether a change is welcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// It is.
    Good,
    /// It is not.
    Bad,
    /// It is neither.
    #[default]
    Neutral,
}

impl Mood {
    /// Whether there is anything to colour.
    pub fn is_felt(&self) -> bool {
        *self != Self::Neutral
    }

    /// The class that colours it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Neutral => "neutral",
        }
    }
}

/// Figures by weekday and hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// The hours.
    pub columns: Vec<String>,
    /// Weekdays with a figure an hour.
    pub rows: Vec<(String, Vec<Cell>)>,
}

impl Table {
    /// What it is called where it stands by itself: its own title, or that of the report.
    pub fn name<'t>(&'t self, report: &'t str) -> &'t str {
        self.title.as_deref().unwrap_or(report)
    }
}

impl ReportPage {
    /// The chart for a desk.
    pub fn wide(&self) -> String {
        draw(self.chart.as_ref(), Width::Wide, self.frame.words)
    }

    /// The chart for a telephone.
    pub fn narrow(&self) -> String {
        draw(self.chart.as_ref(), Width::Narrow, self.frame.words)
    }

    /// The heads as the formulas' list needs them: those that say how.
    pub fn formulas(&self) -> impl Iterator<Item = &Head> {
        self.heads.iter().filter(|head| !head.formula.is_empty())
    }
}

/// A chart, or nothing.
pub(in crate::web) fn draw(chart: Option<&Drawing>, width: Width, words: &Words) -> String {
    chart.map_or_else(String::new, |chart| chart.svg(width, words))
}
