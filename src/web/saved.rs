//! Saved reports: the list of them with what was sent of each, and the form in which one is saved.

use askama::Template;

use crate::web::frame::Frame;

/// All saved reports.
#[derive(Template)]
#[template(path = "saved.html")]
pub struct SavedPage {
    /// What stands around it.
    pub frame: Frame,
    /// The oldest first.
    pub items: Vec<SavedItem>,
    /// There is a `[mail]`.
    pub is_set_up: bool,
}

/// One saved report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedItem {
    /// Names it in addresses.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Project, report, period and conditions, each in a few words.
    pub facts: Vec<String>,
    /// Who saved it.
    pub by: String,
    /// `Mondays at 9:00`; empty: it is not sent.
    pub when: String,
    /// When it is sent next.
    pub next: String,
    /// Whom it is sent to.
    pub recipients: Vec<String>,
    /// Why it is not sent now.
    pub withheld: Option<String>,
    /// When the last letter was delivered, and to whom.
    pub delivered: Option<String>,
    /// Letters on their way.
    pub waiting: Vec<LetterLine>,
    /// Letters that were given up.
    pub dead: Vec<LetterLine>,
    /// Who looks may change and remove it.
    pub may_change: bool,
    /// They may have it sent to its recipients.
    pub may_send: bool,
    /// A trial reaches them.
    pub may_try: bool,
    /// What the form has in it.
    pub schedule: Option<Schedule>,
}

/// What there is to say of one letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterLine {
    /// Whom it is for.
    pub to: String,
    /// When it was given up, or is tried next.
    pub when: String,
    /// What the server said, in its own words.
    pub why: String,
}

/// When and to whom, as a form shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// No day, and each day of the week.
    pub weekdays: Vec<Pick>,
    /// The hours.
    pub hours: Vec<Pick>,
    /// Addresses, one a line.
    pub recipients: String,
}

/// Something to pick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    /// What the form sends.
    pub value: String,
    /// What people read.
    pub text: String,
    /// It is picked.
    pub chosen: bool,
}

/// The form in which a report is saved.
#[derive(Template)]
#[template(path = "saved_new.html")]
pub struct NewSavedPage {
    /// What stands around it.
    pub frame: Frame,
    /// Why the try before was refused.
    pub trouble: Option<String>,
    /// Which report: its word.
    pub report: String,
    /// What people call it.
    pub title: String,
    /// Conditions, each in a few words.
    pub facts: Vec<String>,
    /// The conditions as the address had them.
    pub filter: String,
    /// What people are to call it.
    pub name: String,
    /// Projects to choose from.
    pub projects: Vec<Pick>,
    /// Periods to choose from.
    pub periods: Vec<Pick>,
    /// Where who looks may have reports sent.
    pub schedule: Option<Schedule>,
    /// There is a `[mail]`.
    pub is_set_up: bool,
}
