//! One call as a row of a list, and the part of it that every page shows alike.

use askama::Template;

use crate::web::frame::Frame;

/// How a call stands: its colour, its sign and the first word about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It rings somewhere.
    Ringing,
    /// Somebody answered and talks.
    Talking,
    /// Somebody answered; it is over.
    Answered,
    /// Nobody answered, and nobody refused it.
    Missed,
    /// A rule refused it.
    Refused,
}

impl Standing {
    /// Each of them.
    pub const ALL: [Self; 5] = [
        Self::Ringing,
        Self::Talking,
        Self::Answered,
        Self::Missed,
        Self::Refused,
    ];

    /// The word of style, sign and message.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ringing => "ringing",
            Self::Talking => "talking",
            Self::Answered => "answered",
            Self::Missed => "missed",
            Self::Refused => "refused",
        }
    }

    /// The sign.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Ringing => "ringing",
            Self::Talking | Self::Answered => "phone",
            Self::Missed => "missed",
            Self::Refused => "refused",
        }
    }

    /// Whether it goes on.
    pub const fn is_live(self) -> bool {
        match self {
            Self::Ringing | Self::Talking => true,
            Self::Answered | Self::Missed | Self::Refused => false,
        }
    }
}

/// Text that leads to more of its kind: a source, a tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// What is read.
    pub text: String,
    /// Where it leads.
    pub href: String,
}

/// Whether somebody called a missed caller back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// Nobody did yet.
    pub open: bool,
    /// `not called back for 2 h 13 min`, `called back after 5 min by anna`.
    pub text: String,
}

/// One call as a row.
#[derive(Clone, Debug)]
pub struct Row {
    /// The call's id.
    pub id: String,
    /// The version that is shown: what is said of it holds for that one alone.
    pub version: u64,
    /// `14:32`.
    pub time: String,
    /// The whole date and time, for a pointer that rests on it.
    pub time_full: String,
    /// RFC 3339.
    pub time_machine: String,
    /// Who called, as it is written.
    pub caller: String,
    /// First call, or which.
    pub visits: String,
    /// The source.
    pub source: String,
    /// Channel and campaign.
    pub source_more: String,
    /// How it stands.
    pub standing: Standing,
    /// The word for that.
    pub standing_text: String,
    /// When it began to ring or talk, in milliseconds since 1970; for calls that go on.
    pub ticks_from: Option<i64>,
    /// How long it rings or talks, or talked: `3:07`.
    pub length: String,
    /// Why it ended, where that says more than how it stands.
    pub why: String,
    /// Who answered, or is rung.
    pub manager: String,
    /// How long the caller waited.
    pub waited: String,
    /// Tags.
    pub tags: Vec<Link>,
    /// Goal, stage, outcome, worth: each in a word or two.
    pub said: Vec<String>,
    /// The note, where there is one.
    pub note: String,
    /// There is a recording.
    pub recorded: bool,
    /// Of a missed call.
    pub callback: Option<Callback>,
}

/// Rows alone, for a page that has the rest.
#[derive(Template)]
#[template(path = "rows.html")]
pub struct Rows {
    /// For the words.
    pub frame: Frame,
    /// The rows.
    pub rows: Vec<Row>,
    /// `3 new calls`, where the page asked for that.
    pub news: String,
}
