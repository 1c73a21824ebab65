//! Who is signed in, and who took tables of calls away, for whoever administers.

use askama::Template;

use crate::web::frame::Frame;

/// Everybody who is signed in.
#[derive(Template)]
#[template(path = "sessions.html")]
pub struct SessionsPage {
    /// What stands around it.
    pub frame: Frame,
    /// The newest first.
    pub sessions: Vec<SessionRow>,
    /// Tables that were taken, the newest first.
    pub exports: Vec<ExportRow>,
}

/// A table of calls that somebody took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportRow {
    /// When, as people read it.
    pub when: String,
    /// The same for machines.
    pub machine: String,
    /// Who.
    pub who: String,
    /// `21 calls`.
    pub calls: String,
    /// What was asked for: `Source: billboard`; none: everything.
    pub conditions: Vec<String>,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// What it is ended by.
    pub number: u64,
    /// Whose; empty for whoever sits at this machine.
    pub name: String,
    /// The address that it began from.
    pub from: String,
    /// What the browser calls itself.
    pub agent: String,
    /// When it began, as people read it.
    pub began: String,
    /// The same for machines.
    pub began_machine: String,
    /// When it was used last.
    pub seen: String,
    /// The same for machines.
    pub seen_machine: String,
    /// It is the one that looks.
    pub is_own: bool,
}
