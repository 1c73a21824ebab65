//! One report as figures: what the page's table and chart, the CSV and the JSON are all made of. Pure.

use serde::Serialize;

use crate::base::time::WallTime;
use crate::report::share::Share;

/// What a report was asked for and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Its word in addresses: `sources`, `managers`, ….
    pub name: &'static str,
    /// Of what.
    pub period: Period,
    /// The period before, of the same length, which the figures stand beside.
    pub before: Period,
    /// Conditions on all of its calls, as members of a list's address.
    pub calls: Calls,
    /// What each cell of a line is, in their order.
    pub columns: Vec<Column>,
    /// The lines, as they are to be shown.
    pub lines: Vec<Line>,
    /// All calls together; `None` where a sum says nothing.
    pub total: Option<Line>,
    /// The column that a chart draws, by its place.
    pub drawn: usize,
    /// How a chart draws it.
    pub chart: Chart,
}

/// From when until when, and whose days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Period {
    /// Calls that began then or later.
    pub since: WallTime,
    /// And before this.
    pub until: WallTime,
    /// IANA name of the zone in which its days begin.
    pub time_zone: String,
}

/// Conditions that open a list of calls: members of its address with their values.
pub type Calls = Vec<(&'static str, String)>;

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its word in CSV and JSON, and of what the pages call it.
    pub key: &'static str,
    /// What its figures are.
    pub unit: Unit,
    /// How each figure is worked out, in English; the pages have words of their own under the same key.
    pub formula: &'static str,
    /// What narrows a line's calls to those that this figure counts; `None`: it opens no list.
    pub calls: Option<Calls>,
}

/// Adds conditions to others. Of a name that both have only the narrower one stays, but for `without`, which adds up.
pub fn narrowed(calls: &Calls, narrower: &Calls) -> Calls {
    let stays = |name: &str| name == "without" || !narrower.iter().any(|(other, _)| *other == name);
    let kept = calls.iter().filter(|(name, _)| stays(name));
    kept.chain(narrower).cloned().collect()
}

impl Report {
    /// The conditions under which a list shows the calls that the figure of a line under a column counts; `None`: it opens
    /// no list.
    pub fn behind(&self, line: &Line, column: usize) -> Option<Calls> {
        let column = self.columns.get(column)?.calls.as_ref()?;
        Some(narrowed(&narrowed(&self.calls, &line.calls), column))
    }
}

/// What figures are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// So many.
    Count,
    /// A part of a whole.
    Share,
    /// Milliseconds.
    Millis,
    /// Hundredths of the project's currency.
    Money,
    /// A number with a fraction.
    Number,
    /// Whether it pays.
    Verdict,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// What it is of: a source's tag, a manager's id, a day as 2026-11-22, an hour as 1-09 (Monday, nine).
    pub key: String,
    /// What people call it, where that is not the key.
    pub label: Option<String>,
    /// What narrows the report's calls to this line's.
    pub calls: Calls,
    /// Its figures, one a column.
    pub cells: Vec<Figure>,
    /// Those of the period before; empty where there is none to hold it against.
    pub before: Vec<Figure>,
}

/// A figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// There is none: nothing was counted, or it divides by nothing.
    Nothing,
    /// So many.
    Count(u64),
    /// So many of so many.
    Share(Share),
    /// Milliseconds, and of how many calls that is the mean or the percentile.
    Millis {
        /// How long.
        millis: u64,
        /// Of how many calls.
        of: u64,
    },
    /// Hundredths of the project's currency.
    Money(i64),
    /// A number with a fraction.
    Number(f64),
    /// Whether it pays.
    Verdict(Verdict),
}

impl Figure {
    /// It as hundredths of the currency, where it is money.
    pub const fn money(&self) -> Option<i64> {
        match self {
            Self::Money(hundredths) => Some(*hundredths),
            Self::Nothing
            | Self::Count(_)
            | Self::Share(_)
            | Self::Millis { .. }
            | Self::Number(_)
            | Self::Verdict(_) => None,
        }
    }
}

/// Whether what an advertisement brings is more than what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A deal leaves more than a customer costs.
    Pays,
    /// It does not.
    DoesNotPay,
    /// There are too few customers, or it is not known what a deal leaves.
    Untold,
}

impl Verdict {
    /// Its word in CSV and JSON, and of what the pages call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pays => "pays",
            Self::DoesNotPay => "does-not-pay",
            Self::Untold => "untold",
        }
    }
}

/// How a report is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chart {
    /// A bar a line, the longest first.
    Bars,
    /// Time from left to right, the period before behind it.
    Columns,
    /// Weekdays down, hours across.
    Heat,
    /// From the widest to the narrowest.
    Funnel,
    /// Parts of each week, stacked.
    Stacked,
}
