//! Saved reports and their letters, as lines of the log tell of them. Pure.
//!
//! Whom letters go to is the personal part of a line. What was sent is an event too, so that a restart knows it.

use serde::{Deserialize, Serialize};

use crate::base::time::WallTime;
use crate::store::error::StoreError;
use crate::store::event::Parts;

pub mod shelf;

/// Most saved reports at a time: a page lists them all.
pub const SAVED_MAX: usize = 200;

/// Most people that one report is sent to. More are a mailing list, which has one address.
pub const RECIPIENTS_MAX: usize = 20;

/// Most letters of one report that somebody asked for and that are still on their way.
pub const ASKED_MAX: usize = 10;

/// Longest name, in characters: a line of a list.
pub const NAME_MAX: usize = 120;

/// Most members of a filter: there are not so many conditions.
pub const MEMBERS_MAX: usize = 40;

/// Longest value of a member, in characters, as conditions of a list have it.
pub const VALUE_MAX: usize = 200;

/// Why a report was not saved, or a letter not asked for.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// There are as many as there may be.
    #[error("there are {SAVED_MAX} saved reports; remove one that nobody needs")]
    Many,
    /// There is none of this id.
    #[error("there is no saved report of this id")]
    Gone,
    /// Too many letters of it are on their way.
    #[error("{ASKED_MAX} letters of this report are still on their way; wait for them")]
    Full,
    /// It is larger than a saved report is.
    #[error("{0}")]
    Unfit(&'static str),
    /// Too much is said at once.
    #[error("too much is being said at once; try again in a moment")]
    Busy,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// `saved_report`, public: what somebody did with a saved report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedLine {
    pub(crate) by: String,
    #[serde(flatten)]
    pub(crate) deed: Deed,
}

/// What it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub(crate) enum Deed {
    /// It is from now on as this says.
    Saved(Box<SavedReport>),
    /// It is no longer wanted.
    Removed { report: String },
    /// A letter of it is wanted.
    Asked {
        report: String,
        period: String,
        due: WallTime,
    },
}

/// `saved_report`, personal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedPersonal {
    pub(crate) recipients: Vec<String>,
}

/// `mailed`, public.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MailedLine {
    pub(crate) report: String,
    pub(crate) period: String,
    pub(crate) due: WallTime,
    pub(crate) message_id: String,
    pub(crate) delivered: bool,
}

/// `mailed`, personal. What a server says of a recipient tends to name them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MailedPersonal {
    pub(crate) recipient: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
}

/// A report with its filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedReport {
    /// Names it in addresses.
    pub id: String,
    /// Whose figures, by `[[project]] id`.
    pub project: String,
    /// What people call it.
    pub name: String,
    /// Which report: its word in addresses.
    pub report: String,
    /// Members of its address, the period's among them as people say it: `last-week`.
    pub filter: Vec<(String, String)>,
    /// The language in which it is sent.
    pub language: String,
    /// Who saved it, as the log names them: what it shows and to whom is theirs to see.
    pub saved_by: String,
    /// When.
    pub saved_at: WallTime,
    /// When it is sent, and to whom; `None`: it is not.
    pub sending: Option<Sending>,
}

/// When a saved report is sent, and to whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// Monday 1 to Sunday 7.
    pub weekday: u8,
    /// 0 to 23, on the clocks of the project.
    pub hour: u8,
    /// Addresses of e-mail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
    /// Turns before this are nobody's.
    pub since: WallTime,
}

/// A letter that somebody asked for beside the weekly ones, or again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Of which report.
    pub report: String,
    /// Which letter: the day of a week's turn, or the time of asking.
    pub period: String,
    /// What "last week" counts from.
    pub due: WallTime,
    /// Whom it goes to.
    pub recipients: Vec<String>,
    /// Who asked.
    pub by: String,
}

/// What became of one letter to one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailed {
    /// Of which report.
    pub report: String,
    /// Which letter: the day of a week's turn, or the time of asking.
    pub period: String,
    /// What "last week" counts from.
    pub due: WallTime,
    /// Whom it goes to.
    pub recipient: String,
    /// What the letter bears, the same at each try.
    pub message_id: String,
    /// Why nobody tries any more; `None`: a server took it.
    pub dead: Option<String>,
}

impl SavedReport {
    /// Whether it is no larger than a line of the log and a page can have it.
    fn fits(&self) -> Result<(), SavedError> {
        let long = |text: &str, max: usize| text.chars().count() > max;
        let recipients = self
            .sending
            .as_ref()
            .map_or(0, |sending| sending.recipients.len());
        if long(&self.name, NAME_MAX) || self.name.trim().is_empty() {
            return Err(SavedError::Unfit(
                "its name is empty, or longer than 120 characters",
            ));
        }
        let of_filter =
            |(name, value): &(String, String)| long(name, NAME_MAX) || long(value, VALUE_MAX);
        if self.filter.len() > MEMBERS_MAX || self.filter.iter().any(of_filter) {
            return Err(SavedError::Unfit(
                "its filter is longer than any that a report has",
            ));
        }
        if recipients > RECIPIENTS_MAX {
            return Err(SavedError::Unfit(
                "it has more than 20 recipients; use the address of a mailing list",
            ));
        }
        Ok(())
    }

    /// What the log says of it.
    pub(crate) fn line(
        mut self,
        by: String,
    ) -> Result<Parts<SavedLine, SavedPersonal>, SavedError> {
        self.fits()?;
        let recipients = match &mut self.sending {
            Some(sending) => std::mem::take(&mut sending.recipients),
            None => Vec::new(),
        };
        Ok(Parts {
            public: SavedLine {
                by,
                deed: Deed::Saved(Box::new(self)),
            },
            pii: (!recipients.is_empty()).then_some(SavedPersonal { recipients }),
        })
    }
}

impl Asked {
    /// What the log says of it.
    pub(crate) fn line(self) -> Parts<SavedLine, SavedPersonal> {
        Parts {
            public: SavedLine {
                by: self.by,
                deed: Deed::Asked {
                    report: self.report,
                    period: self.period,
                    due: self.due,
                },
            },
            pii: Some(SavedPersonal {
                recipients: self.recipients,
            }),
        }
    }
}

impl Mailed {
    /// What the log says of it.
    pub(crate) fn line(self) -> Parts<MailedLine, MailedPersonal> {
        Parts {
            public: MailedLine {
                report: self.report,
                period: self.period,
                due: self.due,
                message_id: self.message_id,
                delivered: self.dead.is_none(),
            },
            pii: Some(MailedPersonal {
                recipient: self.recipient,
                why: self.dead,
            }),
        }
    }
}
