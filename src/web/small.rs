//! The pages that say one thing: where one signs in, and what went wrong.

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
