//! The pages that say one thing: where one signs in, what went wrong, which of several calls were left as they are.

use askama::Template;

use crate::web::frame::Frame;

/// Where one signs in.
#[derive(Template)]
#[template(path = "login.html")]
pub struct LoginPage {
    /// What stands around it; nobody is known yet.
    pub frame: Frame,
    /// The message about the try before: `login-wrong`, `login-slow`, `login-ended`, …; `None`: the first try.
    pub trouble: Option<&'static str>,
    /// The name of the try before.
    pub name: String,
    /// Where to go afterwards: a path of ours.
    pub back: String,
}

/// What went wrong.
#[derive(Template)]
#[template(path = "fault.html")]
pub struct FaultPage {
    /// What stands around it.
    pub frame: Frame,
    /// The status: `404`.
    pub status: u16,
    /// The message that names it: `fault-404`.
    pub title: String,
    /// What can be done about it.
    pub advice: String,
}

/// Which of several calls were left as they are, for browsers without scripts.
#[derive(Template)]
#[template(path = "left.html")]
pub struct LeftPage {
    /// What stands around it.
    pub frame: Frame,
    /// How many were changed, in words.
    pub done: String,
    /// The others.
    pub left: Vec<LeftCall>,
    /// The list that they were selected in: a path of ours.
    pub back: String,
}

/// A call that was left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftCall {
    /// The call's id.
    pub id: String,
    /// Who called; empty where that is not known.
    pub caller: String,
    /// When, likewise.
    pub when: String,
    /// Why.
    pub why: String,
    /// Who was quicker; empty where nobody was.
    pub by: String,
}
