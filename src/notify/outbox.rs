//! Which letters are due, when each is tried again, and when nobody tries any more. Pure.
//!
//! Nothing here has to outlive the process: what is due follows from the saved reports and from what the log says of letters.
//! A week's turn that came while the process was down, or while no mail was set up, is sent once, late: the last one, not one
//! for each missed week, because a report of "last week" that comes a month late is of no use beside the newest.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::base::time::{Moment, WallTime};
use crate::notify::schedule::Weekly;
use crate::notify::smtp::Failure;
use crate::store::saved::SavedReport;
use crate::store::saved::shelf::Saved;

/// How long after its first try a letter is tried again. A process that starts anew counts anew.
pub const TRY_FOR: Duration = Duration::from_secs(24 * 3_600);

/// The pause after the first try; each further one is twice as long.
const PAUSE: Duration = Duration::from_secs(60);

/// The longest pause: a server that was mended at noon has the letter before the afternoon.
const PAUSE_MAX: Duration = Duration::from_secs(2 * 3_600);

/// One letter to one recipient.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Letter {
    /// Of which report, by its id.
    pub report: String,
    /// The day of the week's turn, or the time of asking.
    pub period: String,
    /// Whom it goes to.
    pub recipient: String,
}

/// A letter that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What "last week" counts from.
    pub due: WallTime,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next.
    pub next: Moment,
    /// What the last try said.
    pub why: Option<String>,
    first: Option<Moment>,
}

/// Why a report is not sent now, though it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// There is no `[mail]`.
    NoMail,
    /// Who saved it is gone.
    NoUser(String),
    /// Who saved it may not see it or send it any more.
    NoRight(String),
    /// Its project is gone.
    NoProject(String),
}

impl Withheld {
    /// The word that the API says, and under which the pages have a sentence.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NoMail => "no-mail",
            Self::NoUser(_) => "no-user",
            Self::NoRight(_) => "no-right",
            Self::NoProject(_) => "no-project",
        }
    }

    /// Whom or what it is about; empty: nothing of the kind.
    pub fn about(&self) -> &str {
        match self {
            Self::NoMail => "",
            Self::NoUser(name) | Self::NoRight(name) | Self::NoProject(name) => name,
        }
    }
}

/// What became of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// A server took it.
    Delivered,
    /// Nobody tries any more, and why.
    Dead(String),
}

/// The letters that are due.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: BTreeMap<Letter, Waiting>,
    /// Those at their end of which the log does not say so yet.
    ended: BTreeSet<Letter>,
    /// Reports that are not sent now, and why.
    withheld: BTreeMap<String, Withheld>,
    /// When the next week's turn comes.
    turn: Option<WallTime>,
}

impl Outbox {
    /// Finds out what is due, from the saved reports as the log has them. `zone` says on whose clocks a report is sent, or why it
    /// may not be sent at all.
    pub fn plan(
        &mut self,
        now: Moment,
        wall: WallTime,
        saved: &[Saved],
        zone: impl Fn(&SavedReport) -> Result<TimeZone, Withheld>,
    ) {
        self.withheld.clear();
        self.turn = None;
        let mut due = BTreeMap::new();
        for saved in saved {
            let report = &saved.report;
            if saved.asked.is_empty() && report.sending.is_none() {
                continue;
            }
            match zone(report) {
                Ok(zone) => self.plan_one(wall, saved, zone, &mut due),
                Err(why) => {
                    self.withheld.insert(report.id.clone(), why);
                }
            }
        }
        due.retain(|letter, _| !self.ended.contains(letter));
        self.waiting.retain(|letter, _| due.contains_key(letter));
        for (letter, due) in due {
            self.waiting.entry(letter).or_insert(Waiting {
                due,
                tries: 0,
                next: now,
                why: None,
                first: None,
            });
        }
    }

    fn plan_one(
        &mut self,
        wall: WallTime,
        saved: &Saved,
        zone: TimeZone,
        due: &mut BTreeMap<Letter, WallTime>,
    ) {
        let letter = |period: &str, recipient: &String| Letter {
            report: saved.report.id.clone(),
            period: period.to_owned(),
            recipient: recipient.clone(),
        };
        for asked in &saved.asked {
            for recipient in &asked.recipients {
                due.insert(letter(&asked.period, recipient), asked.due);
            }
        }
        let Some(sending) = &saved.report.sending else {
            return;
        };
        let weekly = Weekly {
            weekday: sending.weekday,
            hour: sending.hour,
            zone,
        };
        if let Some(next) = weekly.next(wall) {
            self.turn = Some(self.turn.map_or(next.at, |turn| turn.min(next.at)));
        }
        let Some(turn) = weekly.last(wall).filter(|turn| turn.at >= sending.since) else {
            return;
        };
        let period = turn.day.to_string();
        for recipient in &sending.recipients {
            if !saved.is_settled(&period, recipient) {
                due.insert(letter(&period, recipient), turn.at);
            }
        }
    }

    /// The letter to be tried now, those of one report one after the other.
    pub fn next(&self, now: Moment) -> Option<(&Letter, &Waiting)> {
        let mut waiting = self.waiting.iter();
        waiting.find(|(_, waiting)| waiting.next <= now)
    }

    /// What a try came to. Says when that was the letter's end, which the log is to be told and [`Self::told`] then.
    pub fn tried(
        &mut self,
        letter: &Letter,
        now: Moment,
        outcome: Result<(), Failure>,
    ) -> Option<End> {
        let waiting = self.waiting.get_mut(letter)?;
        let first = *waiting.first.get_or_insert(now);
        let end = match outcome {
            Ok(()) => End::Delivered,
            Err(Failure::Never(why)) => End::Dead(why),
            Err(Failure::Later(why)) if now - first >= TRY_FOR => End::Dead(why),
            Err(Failure::Later(why)) => {
                let pause = PAUSE.saturating_mul(1 << waiting.tries.min(16));
                waiting.tries += 1;
                waiting.next = now + pause.min(PAUSE_MAX);
                waiting.why = Some(why);
                return None;
            }
        };
        self.waiting.remove(letter);
        self.ended.insert(letter.clone());
        Some(end)
    }

    /// The log has taken the letter's end.
    pub fn told(&mut self, letter: &Letter) {
        self.ended.remove(letter);
    }

    /// Tries everything now: somebody mended what was wrong.
    pub fn hurry(&mut self, now: Moment) {
        for waiting in self.waiting.values_mut() {
            waiting.next = waiting.next.min(now);
        }
    }

    /// When the next try is due, whatever week's turn comes before.
    pub fn poll_timeout(&self) -> Option<Moment> {
        self.waiting.values().map(|waiting| waiting.next).min()
    }

    /// When the next week's turn comes, as of the last [`Self::plan`].
    pub const fn turn(&self) -> Option<WallTime> {
        self.turn
    }

    /// The letters that wait.
    pub fn waiting(&self) -> impl ExactSizeIterator<Item = (&Letter, &Waiting)> {
        self.waiting.iter()
    }

    /// Reports that are not sent now, by id, and why.
    pub const fn withheld(&self) -> &BTreeMap<String, Withheld> {
        &self.withheld
    }
}

#[cfg(test)]
mod tests;
