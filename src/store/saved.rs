//! Saved reports, and what was sent of them: events of the log, kept in memory as they stand. Pure.
//!
//! Whom letters go to is the personal part of a line. What was sent is an event too, so that a restart knows it.

use serde::{Deserialize, Serialize};

use crate::base::time::WallTime;
use crate::store::error::StoreError;
use crate::store::event::Parts;

/// Most saved reports at a time: a page lists them all.
pub const SAVED_MAX: usize = 200;

/// Most people that one report is sent to. More are a mailing list, which has one address.
pub const RECIPIENTS_MAX: usize = 20;

/// Most letters of one report that somebody asked for and that are still on their way.
pub const ASKED_MAX: usize = 10;

/// Deliveries of one report that are remembered beside those of its last week: what the page shows.
const LATELY_MAX: usize = 40;

/// Letters of one report that could not be delivered and are remembered.
const DEAD_MAX: usize = 40;

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

/// A letter's end with its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: WallTime,
    /// What.
    pub mailed: Mailed,
}

/// A saved report with what was sent of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The report.
    pub report: SavedReport,
    /// Letters on their way that somebody asked for.
    pub asked: Vec<Asked>,
    /// What became of those of the last week's turn that any is known of.
    week: Vec<Ended>,
    /// Delivered lately, the newest last.
    lately: Vec<Ended>,
    /// Not delivered, the newest last.
    pub dead: Vec<Ended>,
}

/// Every saved report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf(Vec<Saved>);

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

/// Whether this is the name of a week's turn, not of a time of asking.
fn is_weekly(period: &str) -> bool {
    !period.contains('T')
}

impl Saved {
    const fn new(report: SavedReport) -> Self {
        Self {
            report,
            asked: Vec::new(),
            week: Vec::new(),
            lately: Vec::new(),
            dead: Vec::new(),
        }
    }

    /// Whether the log says what became of the letter of this week's turn to this recipient.
    pub fn is_settled(&self, period: &str, recipient: &str) -> bool {
        let of_turn =
            |ended: &Ended| ended.mailed.period == period && ended.mailed.recipient == recipient;
        self.week.iter().any(of_turn)
    }

    /// The last letter that a server took.
    pub fn delivered(&self) -> Option<&Ended> {
        self.lately.last()
    }

    fn ended(&mut self, at: WallTime, mailed: &Mailed) {
        let is_this =
            |other: &Mailed| other.period == mailed.period && other.recipient == mailed.recipient;
        for asked in &mut self.asked {
            if asked.period == mailed.period {
                asked.recipients.retain(|other| *other != mailed.recipient);
            }
        }
        self.asked.retain(|asked| !asked.recipients.is_empty());
        self.dead.retain(|ended| !is_this(&ended.mailed));
        let ended = Ended {
            at,
            mailed: mailed.clone(),
        };
        if is_weekly(&mailed.period) {
            // Days are written so that their order is the alphabet's.
            let newest = self.week.first().map(|ended| ended.mailed.period.clone());
            if newest.as_ref().is_none_or(|newest| *newest < mailed.period) {
                self.week.clear();
            }
            if newest.is_none_or(|newest| newest <= mailed.period) {
                self.week.retain(|ended| !is_this(&ended.mailed));
                self.week.push(ended.clone());
            }
        }
        let (list, max) = if mailed.dead.is_some() {
            (&mut self.dead, DEAD_MAX)
        } else {
            (&mut self.lately, LATELY_MAX)
        };
        list.push(ended);
        let odd = list.len().saturating_sub(max);
        list.drain(..odd);
    }
}

impl Shelf {
    /// All, the oldest first.
    pub fn list(&self) -> &[Saved] {
        &self.0
    }

    /// The one of this id.
    pub fn find(&self, id: &str) -> Option<&Saved> {
        self.0.iter().find(|saved| saved.report.id == id)
    }

    fn find_mut(&mut self, id: &str) -> Option<&mut Saved> {
        self.0.iter_mut().find(|saved| saved.report.id == id)
    }

    /// Takes in a line about a saved report.
    pub(crate) fn noted(&mut self, parts: &Parts<SavedLine, SavedPersonal>) {
        let recipients = || parts.pii.clone().unwrap_or_default().recipients;
        match &parts.public.deed {
            Deed::Saved(report) => {
                let mut report = (**report).clone();
                if let Some(sending) = &mut report.sending {
                    sending.recipients = recipients();
                }
                self.saved(&report);
            }
            Deed::Removed { report } => self.removed(report),
            Deed::Asked {
                report,
                period,
                due,
            } => self.asked(&Asked {
                report: report.clone(),
                period: period.clone(),
                due: *due,
                recipients: recipients(),
                by: parts.public.by.clone(),
            }),
        }
    }

    /// Takes in a line about a letter; one whose personal part is gone says nothing any more.
    pub(crate) fn posted(&mut self, at: WallTime, parts: &Parts<MailedLine, MailedPersonal>) {
        let Some(personal) = &parts.pii else {
            return;
        };
        let line = &parts.public;
        let given_up = || personal.why.clone().unwrap_or_default();
        self.mailed(
            at,
            &Mailed {
                report: line.report.clone(),
                period: line.period.clone(),
                due: line.due,
                recipient: personal.recipient.clone(),
                message_id: line.message_id.clone(),
                dead: (!line.delivered).then(given_up),
            },
        );
    }

    /// A report was saved, or another one in its place.
    pub(crate) fn saved(&mut self, report: &SavedReport) {
        match self.find_mut(&report.id) {
            Some(saved) => saved.report = report.clone(),
            None => self.0.push(Saved::new(report.clone())),
        }
    }

    /// It is no longer wanted.
    pub(crate) fn removed(&mut self, id: &str) {
        self.0.retain(|saved| saved.report.id != id);
    }

    /// Somebody wants a letter of it. The same line taken in twice changes nothing.
    pub(crate) fn asked(&mut self, asked: &Asked) {
        let Some(saved) = self.find_mut(&asked.report) else {
            return;
        };
        if saved.asked.contains(asked) {
            return;
        }
        let again = |ended: &Ended| {
            ended.mailed.period == asked.period
                && asked.recipients.contains(&ended.mailed.recipient)
        };
        saved.dead.retain(|ended| !again(ended));
        saved.asked.push(asked.clone());
    }

    /// A letter of it came to its end.
    pub(crate) fn mailed(&mut self, at: WallTime, mailed: &Mailed) {
        if let Some(saved) = self.find_mut(&mailed.report) {
            saved.ended(at, mailed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> SavedReport {
        SavedReport {
            id: "ab12".into(),
            project: "shop".into(),
            name: "Sources".into(),
            report: "sources".into(),
            filter: vec![("period".into(), "last-week".into())],
            language: "ru".into(),
            saved_by: "anna".into(),
            saved_at: WallTime::from_millis(1),
            sending: None,
        }
    }

    fn mailed(period: &str, recipient: &str, dead: Option<&str>) -> Mailed {
        Mailed {
            report: "ab12".into(),
            period: period.into(),
            due: WallTime::from_millis(2),
            recipient: recipient.into(),
            message_id: "<1@shop.example>".into(),
            dead: dead.map(str::to_owned),
        }
    }

    fn asked(period: &str, recipients: &[&str]) -> Asked {
        Asked {
            report: "ab12".into(),
            period: period.into(),
            due: WallTime::from_millis(2),
            recipients: recipients.iter().map(|&to| to.into()).collect(),
            by: "anna".into(),
        }
    }

    const AT: WallTime = WallTime::from_millis(5);

    #[test]
    fn what_was_delivered_of_a_week_is_known_however_many_letters_follow() {
        let mut shelf = Shelf::default();
        shelf.saved(&report());
        shelf.mailed(AT, &mailed("2026-11-23", "a@b.example", None));
        for n in 0..1_000 {
            let period = format!("2026-11-23T10:00:{n:02}.000Z");
            shelf.mailed(AT, &mailed(&period, "a@b.example", None));
        }
        let saved = shelf.find("ab12").unwrap();
        assert!(saved.is_settled("2026-11-23", "a@b.example"));
        assert!(!saved.is_settled("2026-11-23", "c@b.example"));
        assert_eq!(saved.lately.len(), LATELY_MAX);
        // The next week is another one, and a late word of the one before is none of it.
        shelf.mailed(AT, &mailed("2026-11-30", "c@b.example", None));
        shelf.mailed(AT, &mailed("2026-11-23", "d@b.example", None));
        let saved = shelf.find("ab12").unwrap();
        assert!(saved.is_settled("2026-11-30", "c@b.example"));
        assert!(!saved.is_settled("2026-11-30", "a@b.example"));
        assert!(!saved.is_settled("2026-11-23", "d@b.example"));
    }

    #[test]
    fn a_letter_that_was_asked_for_is_on_its_way_until_each_recipient_has_an_end() {
        let mut shelf = Shelf::default();
        shelf.saved(&report());
        let ask = asked("2026-11-22T10:00:00.000Z", &["a@b.example", "c@b.example"]);
        shelf.asked(&ask);
        shelf.asked(&ask);
        assert_eq!(
            shelf.find("ab12").unwrap().asked,
            std::slice::from_ref(&ask)
        );
        shelf.mailed(AT, &mailed(&ask.period, "a@b.example", None));
        assert_eq!(
            shelf.find("ab12").unwrap().asked[0].recipients,
            ["c@b.example"]
        );
        shelf.mailed(
            AT,
            &mailed(&ask.period, "c@b.example", Some("550 no such user")),
        );
        let saved = shelf.find("ab12").unwrap();
        assert!(saved.asked.is_empty());
        assert_eq!(saved.delivered().unwrap().mailed.recipient, "a@b.example");
        assert_eq!(
            saved.dead[0].mailed.dead.as_deref(),
            Some("550 no such user")
        );
        // Asked for again, it is dead no more.
        shelf.asked(&asked(&ask.period, &["c@b.example"]));
        assert!(shelf.find("ab12").unwrap().dead.is_empty());
        shelf.mailed(AT, &mailed(&ask.period, "c@b.example", None));
        let saved = shelf.find("ab12").unwrap();
        assert!(saved.asked.is_empty() && saved.dead.is_empty());
    }

    #[test]
    fn a_report_saved_again_keeps_what_was_sent_and_one_removed_leaves_nothing() {
        let mut shelf = Shelf::default();
        shelf.saved(&report());
        shelf.mailed(AT, &mailed("2026-11-23", "a@b.example", None));
        let renamed = SavedReport {
            name: "Sources of the shop".into(),
            ..report()
        };
        shelf.saved(&renamed);
        let saved = shelf.find("ab12").unwrap();
        assert_eq!(saved.report, renamed);
        assert!(saved.is_settled("2026-11-23", "a@b.example"));
        shelf.removed("ab12");
        shelf.mailed(AT, &mailed("2026-11-23", "a@b.example", None));
        shelf.asked(&asked("x", &["a@b.example"]));
        assert_eq!(shelf.list(), []);
    }
}
