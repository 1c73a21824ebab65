//! What something cost, as people enter it: an amount over some days, for a source, a campaign, a channel or a whole project.
//! Pure.
//!
//! Nothing is ever overwritten: a correction is a new version that names the one it replaces, a removal is one too, and each
//! has who and when. All that was entered at once is one line of the log, so that an import is there whole or not at all.

pub mod check;
pub(crate) mod kept;
pub mod sheet;

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::base::id::EntryId;
use crate::base::time::WallTime;
use crate::store::error::StoreError;
use crate::store::say::clean_by;

pub use crate::store::ledger::kept::Ledger;

/// Most amounts in force at a time: a hundred and fifty campaigns, each with an amount a month, for eleven years. They all
/// stay in memory, at some 300 bytes each.
pub const ENTRIES_MAX: usize = 20_000;

/// Most versions of one entry: nobody corrects one so often but a program that went wrong.
pub const VERSIONS_MAX: usize = 50;

/// Most removed entries whose history is in memory, the newest; the log has them all.
pub const REMOVED_MAX: usize = 2_000;

/// Most entries that are changed at once, which is an import: they are one line of the log, of at most some 2 MB.
pub const CHANGES_MAX: usize = 1_000;

/// Longest note, in characters: an invoice's number and a sentence.
pub const NOTE_MAX: usize = 300;

/// Longest name of what an amount is for, in characters: as long as a name of the configuration may reasonably be.
pub const NAME_MAX: usize = 200;

/// The largest amount in hundredths, a hundred thousand million: the sum of [`ENTRIES_MAX`] of them is still an `i64`.
pub const AMOUNT_MAX: i64 = 10_000_000_000_000;

/// Longest period, in days: three years, which is the longest that services sell ahead.
pub const DAYS_MAX: i32 = 1_100;

/// What an amount is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// The whole project.
    Project,
    /// Every source of a channel.
    Channel(String),
    /// Every source of a campaign.
    Campaign(String),
    /// One source.
    Source(String),
}

/// What kind of cost it is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Cost {
    /// What the advertisement itself cost.
    #[default]
    Advertising,
    /// A service: numbers, an agency, a subscription.
    Service,
    /// Pay of those who work on it.
    Salary,
}

/// An amount.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// Whose.
    pub project: String,
    /// What for.
    #[serde(rename = "for")]
    pub purpose: Purpose,
    /// What kind.
    pub cost: Cost,
    /// Its first day, where the project is.
    #[serde(with = "day")]
    pub from: Date,
    /// Its last day: the amount is of this day too.
    #[serde(with = "day")]
    pub until: Date,
    /// How much, in hundredths of the currency.
    pub hundredths: i64,
    /// ISO 4217; the project's when it was entered.
    pub currency: String,
    /// In somebody's own words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A change of the ledger that is to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Of which entry.
    pub id: EntryId,
    /// The version that it replaces, by the number of its line; `None`: the entry is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<u64>,
    /// What it is from now on; `None`: it is taken out.
    pub now: Option<Entry>,
}

/// How something was entered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// One by one.
    #[default]
    Hand,
    /// As a table.
    Import,
}

/// `spent`: everything that was changed at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SpentLine {
    pub(crate) by: String,
    #[serde(default)]
    pub(crate) way: Way,
    pub(crate) changes: Vec<Change>,
}

/// An entry with all that it ever was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Names it.
    pub id: EntryId,
    /// The oldest first; there is at least one.
    pub versions: Vec<Version>,
}

/// What an entry was from some time on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The number of the log's line that says so.
    pub n: u64,
    /// When.
    pub at: WallTime,
    /// Who.
    pub by: String,
    /// How.
    pub way: Way,
    /// What; `None`: it was taken out.
    pub now: Option<Entry>,
}

/// Which member of an entry is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Member {
    /// What it is for.
    Purpose,
    /// Its days.
    Days,
    /// The amount.
    Amount,
    /// The note.
    Note,
}

/// Why an amount cannot be entered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Fault {
    /// What is wrong.
    pub member: Member,
    /// Why, and what would be right.
    pub why: String,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It is not within the limits.
    #[error(transparent)]
    Wrong(#[from] Fault),
    /// There is no such entry, or it was taken out.
    #[error("there is no such amount, or it was taken out; load the list again")]
    NoEntry,
    /// Somebody changed it since.
    #[error("somebody else has changed this amount meanwhile; look at it again")]
    Changed,
    /// There is no room.
    #[error(
        "there is no room: the ledger takes {ENTRIES_MAX} amounts, {VERSIONS_MAX} versions of each, and {CHANGES_MAX} changes at once; enter longer periods, or fewer at once"
    )]
    Full,
    /// What others say waits for the disk; again in a moment.
    #[error("too much is being said at once; try again in a moment")]
    Busy,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Purpose {
    /// What it names; `None`: the whole project.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Project => None,
            Self::Channel(name) | Self::Campaign(name) | Self::Source(name) => Some(name),
        }
    }

    /// The word of what it names.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Channel(_) => "channel",
            Self::Campaign(_) => "campaign",
            Self::Source(_) => "source",
        }
    }
}

impl Cost {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Advertising, Self::Service, Self::Salary];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Advertising => "advertising",
            Self::Service => "service",
            Self::Salary => "salary",
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Way {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hand => "hand",
            Self::Import => "import",
        }
    }
}

impl Entry {
    /// Over how many days it is; an entry has at least one.
    pub fn days(&self) -> i32 {
        days(self.from, self.until)
    }

    /// Whether the two have a day in common and are for the same.
    pub fn overlaps(&self, other: &Self) -> bool {
        (&self.project, &self.purpose, self.cost) == (&other.project, &other.purpose, other.cost)
            && self.from <= other.until
            && other.from <= self.until
    }

    /// Returns it with white space around its texts taken away, or what is wrong with it.
    ///
    /// # Errors
    /// It ends before it begins, is too long, nothing, too much, or has a text with control characters.
    pub fn clean(mut self) -> Result<Self, Fault> {
        let fault = |member, why: String| Err(Fault { member, why });
        if self.until < self.from {
            let why = format!(
                "it ends on {} before it begins on {}; give the first day and then the last",
                self.until, self.from
            );
            return fault(Member::Days, why);
        }
        if self.days() > DAYS_MAX {
            let why = format!("at most {DAYS_MAX} days in one amount; enter it in parts");
            return fault(Member::Days, why);
        }
        if self.hundredths <= 0 {
            let why = "an amount is more than nothing; correct or remove an earlier one instead of taking away";
            return fault(Member::Amount, why.into());
        }
        if self.hundredths > AMOUNT_MAX {
            let why = format!("at most {} in one amount", AMOUNT_MAX / 100);
            return fault(Member::Amount, why);
        }
        self.note = self.note.trim().to_owned();
        if self.note.chars().count() > NOTE_MAX || self.note.chars().any(char::is_control) {
            let why = format!("at most {NOTE_MAX} characters in one line");
            return fault(Member::Note, why);
        }
        let is_name = |name: &str| {
            !name.is_empty()
                && name.chars().count() <= NAME_MAX
                && !name.chars().any(char::is_control)
        };
        if !self.purpose.name().is_none_or(is_name) {
            let why = format!("a name of 1 to {NAME_MAX} characters in one line");
            return fault(Member::Purpose, why);
        }
        Ok(self)
    }
}

/// How many days from the first to the last, both counted.
pub fn days(from: Date, until: Date) -> i32 {
    // Dates of jiff are within ten thousand years, so a span of days always is an `i32`.
    from.until(until).map_or(0, |span| span.get_days()) + 1
}

impl Item {
    /// What it is now; `None`: it was taken out.
    pub fn now(&self) -> Option<&Entry> {
        self.versions.last().and_then(|last| last.now.as_ref())
    }

    /// The number of its last version, which a change has to name.
    pub fn version(&self) -> u64 {
        self.versions.last().map_or(0, |last| last.n)
    }

    /// What it was last, also where it was taken out since.
    pub fn last(&self) -> Option<&Entry> {
        self.versions
            .iter()
            .rev()
            .find_map(|version| version.now.as_ref())
    }
}

impl SpentLine {
    /// What `by` changes, each within its limits.
    pub(crate) fn new(changes: Vec<Change>, way: Way, by: &str) -> Result<Self, LedgerError> {
        if changes.len() > CHANGES_MAX {
            return Err(LedgerError::Full);
        }
        let clean = |change: Change| {
            Ok::<_, Fault>(Change {
                now: change.now.map(Entry::clean).transpose()?,
                ..change
            })
        };
        Ok(Self {
            by: clean_by(by),
            way,
            changes: changes
                .into_iter()
                .map(clean)
                .collect::<Result<_, Fault>>()?,
        })
    }
}

/// A date as it is written in a line of the log: 2026-11-22.
mod day {
    use jiff::civil::Date;
    use serde::{Deserializer, Serializer};

    use crate::base::text;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    pub(super) fn serialize<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(date)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Date, D::Error> {
        text::parsed(deserializer)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use jiff::civil::date;

    use super::*;

    /// November's advertising of a source.
    pub(crate) fn entry(source: &str, hundredths: i64) -> Entry {
        Entry {
            project: "shop".into(),
            purpose: Purpose::Source(source.into()),
            cost: Cost::Advertising,
            from: date(2026, 11, 1),
            until: date(2026, 11, 30),
            hundredths,
            currency: "RUB".into(),
            note: String::new(),
        }
    }

    #[test]
    fn an_entry_is_written_so_that_people_can_read_it_and_reads_back() {
        let line = SpentLine {
            by: "anna".into(),
            way: Way::Import,
            changes: vec![Change {
                id: "019aa5c4-98f0-7000-8000-000000000001".parse().unwrap(),
                replaces: None,
                now: Some(entry("spring", 5_000_000)),
            }],
        };
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(
            text,
            r#"{"by":"anna","way":"import","changes":[{"id":"019aa5c4-98f0-7000-8000-000000000001","now":{"project":"shop","for":{"source":"spring"},"cost":"advertising","from":"2026-11-01","until":"2026-11-30","hundredths":5000000,"currency":"RUB"}}]}"#
        );
        assert_eq!(serde_json::from_str::<SpentLine>(&text).unwrap(), line);
    }

    #[test]
    fn what_is_wrong_with_an_amount_is_said_of_the_member() {
        let wrong = |change: fn(&mut Entry)| {
            let mut entry = entry("spring", 1);
            change(&mut entry);
            entry.clean().unwrap_err().member
        };
        assert_eq!(wrong(|e| e.until = date(2026, 10, 31)), Member::Days);
        assert_eq!(wrong(|e| e.until = date(2029, 12, 31)), Member::Days);
        assert_eq!(wrong(|e| e.hundredths = 0), Member::Amount);
        assert_eq!(wrong(|e| e.hundredths = -1), Member::Amount);
        assert_eq!(wrong(|e| e.hundredths = AMOUNT_MAX + 1), Member::Amount);
        assert_eq!(wrong(|e| e.note = "a\nb".into()), Member::Note);
        assert_eq!(wrong(|e| e.note = "ж".repeat(301)), Member::Note);
        assert_eq!(
            wrong(|e| e.purpose = Purpose::Campaign(String::new())),
            Member::Purpose
        );
        let mut spaced = entry("spring", 1);
        spaced.note = "  paid \t".into();
        assert_eq!(spaced.clean().unwrap().note, "paid");
    }

    #[test]
    fn days_are_counted_with_both_ends() {
        assert_eq!(entry("a", 1).days(), 30);
        assert_eq!(days(date(2026, 12, 31), date(2027, 1, 1)), 2);
        assert_eq!(days(date(2026, 11, 1), date(2026, 11, 1)), 1);
        assert!(i64::try_from(ENTRIES_MAX).unwrap() < i64::MAX / AMOUNT_MAX);
    }
}
