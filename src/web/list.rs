//! The list of calls and what may be chosen of it.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::row::Row;

/// One of several values to choose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is read.
    pub text: String,
    /// It is chosen.
    pub chosen: bool,
}

/// A field with values to choose; nothing chosen holds for every call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// Names the field within its page.
    pub id: String,
    /// The parameter.
    pub name: &'static str,
    /// What the field is called.
    pub label: String,
    /// What choosing nothing is called.
    pub any: String,
    /// The values.
    pub values: Vec<Choice>,
}

/// A condition in force, and the list without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    /// `Source: billboard`.
    pub text: String,
    /// The list without it.
    pub without: String,
}

/// The conditions of a list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The periods, as links.
    pub periods: Vec<Period>,
    /// The period in force, to be sent along; empty: all.
    pub period: String,
    /// The first day, `2026-11-20`, where one was chosen by hand.
    pub since: String,
    /// The last day.
    pub until: String,
    /// Conditions without a field, as a figure of a report brought them: the form sends them along.
    pub carried: Vec<(&'static str, String)>,
    /// Text that occurs.
    pub q: String,
    /// The caller.
    pub caller: String,
    /// Chosen often: beside the text.
    pub status: Choices,
    /// The others.
    pub more: Vec<Choices>,
    /// Only missed calls that nobody has called back.
    pub callback_open: bool,
    /// The conditions in force.
    pub chips: Vec<Chip>,
    /// The names that may be looked for: not for who sees masked numbers.
    pub searches: bool,
    /// One of the others is in force.
    pub more_open: bool,
    /// What was not understood: shown, and left out.
    pub mistake: Option<String>,
}

/// A period as a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// `7 days`.
    pub text: String,
    /// The list of it.
    pub href: String,
    /// It is in force.
    pub chosen: bool,
}

/// The calls of one day.
#[derive(Clone, Debug)]
pub struct Day {
    /// `Today`.
    pub name: String,
    /// Its calls.
    pub rows: Vec<Row>,
}

/// The list of calls.
#[derive(Template)]
#[template(path = "calls.html")]
pub struct CallsPage {
    /// What stands around it.
    pub frame: Frame,
    /// `Calls`, `Missed calls`.
    pub title: String,
    /// How many there are in all, those under way included.
    pub total: Option<String>,
    /// The conditions.
    pub filter: Filter,
    /// Calls that go on: on top.
    pub live: Vec<Row>,
    /// The others, the newest first.
    pub days: Vec<Day>,
    /// New calls belong on this page.
    pub follows: bool,
    /// The conditions as a query, for what the page asks later.
    pub query: String,
    /// The page before; `None` on the first.
    pub newest: Option<String>,
    /// The page after.
    pub older: Option<String>,
    /// The same calls as a table for a spreadsheet.
    pub table: Option<String>,
    /// What several calls can be told at once.
    pub say: Vec<Choices>,
    /// Tags that were ever offered.
    pub tags: Vec<String>,
    /// What became of calls that were told something.
    pub done: Option<String>,
}

impl CallsPage {
    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty() && self.days.is_empty()
    }
}
