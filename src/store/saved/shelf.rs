//! The saved reports that are there, each with what was sent of it: events of the log, kept in memory as they stand. Pure.

use serde::{Deserialize, Serialize};

use crate::base::time::WallTime;
use crate::store::event::Parts;
use crate::store::saved::{
    Asked, Deed, Mailed, MailedLine, MailedPersonal, SavedLine, SavedPersonal, SavedReport,
};

/// Deliveries of one report that are remembered beside those of its last week: what the page shows.
const LATELY_MAX: usize = 40;

/// Letters of one report that could not be delivered and are remembered.
const DEAD_MAX: usize = 40;

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
