//! What advertising costs: entered, corrected, brought as a table, and what it came to.

use askama::Template;

use crate::web::frame::Frame;

/// The page.
#[derive(Template)]
#[template(path = "spend.html")]
pub struct SpendPage {
    /// What stands around it.
    pub frame: Frame,
    /// What became of what was done.
    pub done: Option<String>,
    /// What it came to in the last thirty days; `None`: the projects count in several currencies.
    pub results: Option<Results>,
    /// They may enter amounts.
    pub enters: bool,
    /// The form, filled in where an amount is corrected or was refused.
    pub form: Form,
    /// What is wrong with it.
    pub faults: Vec<String>,
    /// The table that is being brought.
    pub import: Import,
    /// Whose: shown where there are several.
    pub projects: Vec<Pick>,
    /// The first day that is shown, and the last.
    pub since: String,
    /// See there.
    pub until: String,
    /// Those that were taken out are shown.
    pub removed: bool,
    /// The amounts, those that begin last first.
    pub rows: Vec<SpendRow>,
    /// What the list leaves out.
    pub more: Option<String>,
}

/// What the last days came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    /// Names and figures.
    pub figures: Vec<(String, String)>,
    /// `pays`.
    pub verdict: String,
    /// The word of it.
    pub verdict_word: &'static str,
    /// The cheapest and the dearest source, in a sentence each.
    pub ends: Vec<String>,
}

/// A choice of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    /// What is sent.
    pub value: String,
    /// What is read.
    pub text: String,
    /// It is chosen.
    pub chosen: bool,
}

/// Choices under a heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The heading.
    pub label: String,
    /// What is under it.
    pub options: Vec<Pick>,
}

/// The form of one amount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// The entry that is corrected; empty: a new one.
    pub id: String,
    /// The version that was seen.
    pub version: u64,
    /// What it may be for.
    pub purposes: Vec<Group>,
    /// Kinds.
    pub costs: Vec<Pick>,
    /// The first day.
    pub from: String,
    /// The last day.
    pub until: String,
    /// The amount.
    pub amount: String,
    /// `₽`, where there is one.
    pub currency: String,
    /// The note.
    pub note: String,
}

/// A table that is being brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// The table.
    pub text: String,
    /// The project of rows that name none.
    pub projects: Vec<Pick>,
    /// `line 4` and what is wrong with it.
    pub faults: Vec<(String, String)>,
    /// What faults there are besides.
    pub more: Option<String>,
    /// What would be entered.
    pub rows: Vec<ImportRow>,
    /// How much that is.
    pub sum: String,
}

/// A row that would be entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRow {
    /// Its line.
    pub line: u64,
    /// What for.
    pub purpose: String,
    /// `1 – 30 November`.
    pub days: String,
    /// How much.
    pub amount: String,
    /// Kind and note.
    pub note: String,
    /// What to look at.
    pub doubts: Vec<String>,
}

/// An amount in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendRow {
    /// Names it.
    pub id: String,
    /// Its version.
    pub version: u64,
    /// What for: the kind of thing, and its name.
    pub purpose: String,
    /// `Source`, `Campaign`, ….
    pub of: String,
    /// `Advertising`.
    pub cost: String,
    /// The days.
    pub days: String,
    /// How much.
    pub amount: String,
    /// How much a day.
    pub each: String,
    /// In their words.
    pub note: String,
    /// It was taken out.
    pub removed: bool,
    /// Who did what and when, the newest first.
    pub history: Vec<String>,
}

impl Import {
    /// Whether a table was looked at.
    pub fn is_looked_at(&self) -> bool {
        !self.rows.is_empty() || !self.faults.is_empty()
    }
}

impl SpendRow {
    /// Who did the last thing, and when.
    pub fn latest(&self) -> &str {
        self.history.first().map_or("", String::as_str)
    }
}
