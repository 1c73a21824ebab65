//! An amount as somebody wrote it down, member by member, held against what there is: what is wrong is said in a word of its own
//! with what it is about, so that every language can say it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::store::ledger::{AMOUNT_MAX, Cost, DAYS_MAX, Entry, NAME_MAX, NOTE_MAX, Purpose, days};
use crate::track::Tracking;

/// What stands for the whole project in the place of a source, a campaign or a channel.
pub const WHOLE: &str = "*";

/// How like another a word has to be to be named as what may have been meant.
const LIKENESS_MIN: f64 = 0.75;

/// Most characters of what was written that are said again.
const SAID_MAX: usize = 60;

/// The members of an amount as they were written; what is empty was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// `[[project]] id`
    pub project: String,
    /// `[[source]] tag`
    pub source: String,
    /// `[[source]] campaign`
    pub campaign: String,
    /// `[[source]] channel`
    pub channel: String,
    /// `advertising`, `service`, `salary`
    pub cost: String,
    /// The first day.
    pub from: String,
    /// The last day.
    pub until: String,
    /// In whole units with at most two decimals.
    pub amount: String,
    /// ISO 4217
    pub currency: String,
    /// In somebody's own words.
    pub note: String,
}

/// What is wrong, or doubtful.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Of which member: the name of a column.
    pub member: &'static str,
    /// The word of what is wrong; pages and API have a sentence for each.
    pub word: &'static str,
    /// What it is about.
    pub a: String,
    /// And what beside.
    pub b: String,
}

/// Every word that a [`Wrong`] can have.
pub const WORDS: &[&str] = &[
    "project-needed",
    "unknown-project",
    "unknown-project-near",
    "no-purpose",
    "two-purposes",
    "unknown-source",
    "unknown-source-near",
    "unknown-campaign",
    "unknown-campaign-near",
    "unknown-channel",
    "unknown-channel-near",
    "unknown-cost",
    "no-date",
    "empty-date",
    "backwards",
    "too-long",
    "no-amount",
    "empty-amount",
    "ambiguous-amount",
    "not-positive",
    "too-much",
    "currency",
    "note",
    "not-text",
    "empty",
    "unknown-column",
    "unknown-column-near",
    "column-twice",
    "no-column",
    "too-many-rows",
    "too-large",
    "cells",
    "same-as-line",
    "same-as-entered",
    "overlaps-line",
    "overlaps-entered",
];

impl Wrong {
    /// Of a member.
    pub(super) fn new(member: &'static str, word: &'static str, a: &str, b: &str) -> Self {
        Self {
            member,
            word,
            a: said(a),
            b: said(b),
        }
    }
}

fn said(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(SAID_MAX)
        .collect()
}

/// Names that amounts may be for, by project.
#[derive(Clone, Debug, Default)]
pub struct Known {
    projects: BTreeMap<String, Names>,
}

/// Those of one project.
#[derive(Clone, Debug, Default)]
struct Names {
    currency: String,
    sources: BTreeSet<String>,
    campaigns: BTreeSet<String>,
    channels: BTreeSet<String>,
}

/// What once caused a call: project, source, campaign, channel.
pub type Origin = (String, String, Option<String>, Option<String>);

impl Known {
    /// The names of the configuration, and those that calls had once, in projects that `sees` holds of.
    pub fn new(tracking: &Tracking, once: Vec<Origin>, sees: impl Fn(&str) -> bool) -> Self {
        let mut projects: BTreeMap<String, Names> = BTreeMap::new();
        for project in tracking.projects() {
            if sees(&project.id) {
                let names = projects.entry(project.id.to_string()).or_default();
                names.currency = project.currency.to_string();
            }
        }
        let now = tracking.sources().iter().map(|source| {
            let text = |name: &Option<std::sync::Arc<str>>| name.as_deref().map(str::to_owned);
            (
                source.project.id.to_string(),
                source.tag.to_string(),
                text(&source.campaign),
                text(&source.channel),
            )
        });
        for (project, source, campaign, channel) in now.chain(once) {
            if let Some(names) = projects.get_mut(&project) {
                names.sources.insert(source);
                names.campaigns.extend(campaign);
                names.channels.extend(channel);
            }
        }
        Self { projects }
    }

    /// Knows one more project.
    #[cfg(test)]
    pub(crate) fn add(
        &mut self,
        project: &str,
        currency: &str,
        sources: &[&str],
        campaigns: &[&str],
        channels: &[&str],
    ) {
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let names = Names {
            currency: currency.to_owned(),
            sources: set(sources),
            campaigns: set(campaigns),
            channels: set(channels),
        };
        self.projects.insert(project.to_owned(), names);
    }

    /// The projects.
    pub fn projects(&self) -> impl Iterator<Item = &str> {
        self.projects.keys().map(String::as_str)
    }

    /// The names of a project: its sources, campaigns and channels.
    pub fn names(&self, project: &str) -> [Vec<&str>; 3] {
        let Some(names) = self.projects.get(project) else {
            return Default::default();
        };
        [&names.sources, &names.campaigns, &names.channels]
            .map(|names| names.iter().map(String::as_str).collect())
    }
}

impl Written {
    /// What was written down, or everything that is wrong with it. `home` is the project where none is named.
    ///
    /// # Errors
    /// Something is wrong.
    pub fn read(&self, known: &Known, home: Option<&str>) -> Result<Entry, Vec<Wrong>> {
        let mut wrong = Vec::new();
        let project = note(&mut wrong, self.project(known, home));
        let names = project.and_then(|project| known.projects.get(project));
        let cost = note(&mut wrong, self.cost());
        let purpose = match names {
            Some(names) => note(&mut wrong, self.purpose(names, cost)),
            None => None,
        };
        let from = note(&mut wrong, date("from", &self.from));
        let until = note(&mut wrong, date("until", &self.until));
        if let (Some(from), Some(until)) = (from, until) {
            if until < from {
                let (from, until) = (from.to_string(), until.to_string());
                wrong.push(Wrong::new("until", "backwards", &from, &until));
            } else if days(from, until) > DAYS_MAX {
                wrong.push(Wrong::new("until", "too-long", &DAYS_MAX.to_string(), ""));
            }
        }
        let amount = note(&mut wrong, amount(&self.amount));
        let currency = self.currency.trim();
        if let Some(names) = names
            && !currency.is_empty()
            && !currency.eq_ignore_ascii_case(&names.currency)
        {
            wrong.push(Wrong::new(
                "currency",
                "currency",
                currency,
                &names.currency,
            ));
        }
        let text = self.note.trim();
        if text.chars().count() > NOTE_MAX || text.chars().any(char::is_control) {
            wrong.push(Wrong::new("note", "note", &NOTE_MAX.to_string(), ""));
        }
        match (project, names, purpose, cost, from, until, amount) {
            (
                Some(project),
                Some(names),
                Some(purpose),
                Some(cost),
                Some(from),
                Some(until),
                Some(hundredths),
            ) if wrong.is_empty() => Ok(Entry {
                project: project.to_owned(),
                purpose,
                cost,
                from,
                until,
                hundredths,
                currency: names.currency.clone(),
                note: text.to_owned(),
            }),
            _ => Err(wrong),
        }
    }

    fn project<'k>(&self, known: &'k Known, home: Option<&str>) -> Result<&'k str, Wrong> {
        let named = self.project.trim();
        let only = || {
            let mut all = known.projects();
            all.next().filter(|_| all.next().is_none())
        };
        let wanted = if named.is_empty() { home } else { Some(named) };
        let Some(wanted) = wanted else {
            return only().ok_or_else(|| Wrong::new("project", "project-needed", "", ""));
        };
        let found = known.projects().find(|id| *id == wanted);
        found.ok_or_else(|| unknown("project", wanted, known.projects()))
    }

    fn cost(&self) -> Result<Cost, Wrong> {
        let word = self.cost.trim();
        if word.is_empty() {
            return Ok(Cost::default());
        }
        let mut all = Cost::ALL.into_iter();
        let found = all.find(|cost| cost.word().eq_ignore_ascii_case(word));
        found.ok_or_else(|| Wrong::new("cost", "unknown-cost", word, ""))
    }

    fn purpose(&self, names: &Names, cost: Option<Cost>) -> Result<Purpose, Wrong> {
        let named = [
            ("source", self.source.trim(), &names.sources),
            ("campaign", self.campaign.trim(), &names.campaigns),
            ("channel", self.channel.trim(), &names.channels),
        ];
        let mut named = named.into_iter().filter(|(_, name, _)| !name.is_empty());
        let (member, name, all) = match (named.next(), named.next()) {
            (Some(only), None) => only,
            (Some(_), Some((member, name, _))) => {
                return Err(Wrong::new(member, "two-purposes", name, ""));
            }
            // Whoever forgets what an advertisement is for does not mean all of them; nobody's pay is a source's.
            (None, _) if matches!(cost, Some(Cost::Service | Cost::Salary)) => {
                return Ok(Purpose::Project);
            }
            (None, _) => return Err(Wrong::new("source", "no-purpose", "", "")),
        };
        if name == WHOLE {
            return Ok(Purpose::Project);
        }
        if !all.contains(name) || name.chars().count() > NAME_MAX {
            return Err(unknown(member, name, all.iter().map(String::as_str)));
        }
        Ok(match member {
            "source" => Purpose::Source(name.to_owned()),
            "campaign" => Purpose::Campaign(name.to_owned()),
            _ => Purpose::Channel(name.to_owned()),
        })
    }
}

fn note<T>(wrong: &mut Vec<Wrong>, read: Result<T, Wrong>) -> Option<T> {
    read.map_err(|fault| wrong.push(fault)).ok()
}

/// What is most like a word of a list.
pub(super) fn nearest<'k>(word: &str, all: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    all.map(|name| (strsim::jaro_winkler(&name.to_lowercase(), &word), name))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

fn unknown<'k>(member: &'static str, name: &str, all: impl Iterator<Item = &'k str>) -> Wrong {
    let near = nearest(name, all);
    let word = match (member, near.is_some()) {
        ("project", false) => "unknown-project",
        ("project", true) => "unknown-project-near",
        ("source", false) => "unknown-source",
        ("source", true) => "unknown-source-near",
        ("campaign", false) => "unknown-campaign",
        ("campaign", true) => "unknown-campaign-near",
        (_, false) => "unknown-channel",
        (_, true) => "unknown-channel-near",
    };
    Wrong::new(member, word, name, near.unwrap_or_default())
}

/// `2026-11-22`, or `22.11.2026` as Russian tables have it. Nothing else: 11/12 is November in one house and December in
/// another.
fn date(member: &'static str, text: &str) -> Result<Date, Wrong> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Wrong::new(member, "empty-date", member, ""));
    }
    let is_shaped = |pattern: &str| {
        text.len() == pattern.len()
            && text.bytes().zip(pattern.bytes()).all(|(has, wanted)| {
                if wanted == b'0' {
                    has.is_ascii_digit()
                } else {
                    has == wanted
                }
            })
    };
    let read = if is_shaped("0000-00-00") {
        text.parse::<Date>().ok()
    } else if is_shaped("00.00.0000") {
        let mut parts = text.split('.').rev();
        let mut part = || parts.next().unwrap_or_default();
        let written = format!("{}-{}-{}", part(), part(), part());
        written.parse::<Date>().ok()
    } else {
        None
    };
    read.ok_or_else(|| Wrong::new(member, "no-date", text, ""))
}

/// An amount in hundredths: `50000`, `50 000,50`, `50,000.50`, `1.000.000`.
fn amount(text: &str) -> Result<i64, Wrong> {
    let wrong = |word| Wrong::new("amount", word, text.trim(), "");
    let plain: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '\'' | '’'))
        .collect();
    if plain.is_empty() {
        return Err(wrong("empty-amount"));
    }
    let (is_negative, digits) = match plain.strip_prefix(['-', '−']) {
        Some(rest) => (true, rest),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let is_mark = |c: char| matches!(c, ',' | '.');
    let is_number = digits.chars().all(|c| c.is_ascii_digit() || is_mark(c))
        && digits.starts_with(|c: char| c.is_ascii_digit());
    if !is_number {
        return Err(wrong("no-amount"));
    }
    let (whole, part) = cut(digits).map_err(wrong)?;
    let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
    let hundredths = format!("{whole}{part:0<2}").parse::<i64>();
    match hundredths {
        Ok(0) => Err(wrong("not-positive")),
        Ok(_) if is_negative => Err(wrong("not-positive")),
        Ok(hundredths) if hundredths <= AMOUNT_MAX => Ok(hundredths),
        Ok(_) | Err(_) => Err(wrong("too-much")),
    }
}

/// The whole part, which may stand in groups of three, and the decimals.
fn cut(digits: &str) -> Result<(&str, &str), &'static str> {
    let is_mark = |c: char| matches!(c, ',' | '.');
    let Some(last) = digits.rfind(is_mark) else {
        return Ok((digits, ""));
    };
    let (before, after) = digits.split_at(last);
    let (mark, part) = after.split_at(1);
    let in_groups = |whole: &str, mark: &str| {
        let mut groups = whole.split(mark);
        let first = groups.next().unwrap_or_default();
        (1..=3).contains(&first.len())
            && !first.contains(is_mark)
            && groups.all(|group| group.len() == 3 && !group.contains(is_mark))
    };
    let other = if mark == "," { "." } else { "," };
    match (before.contains(mark), before.contains(other)) {
        // 1,000,000
        (true, false) if in_groups(digits, mark) => Ok((digits, "")),
        // 1,000.50
        (false, true) if in_groups(before, other) && part.len() <= 2 => Ok((before, part)),
        // 50,000 is fifty thousand in one house and fifty in another.
        (false, false) if part.len() == 3 => Err("ambiguous-amount"),
        (false, false) if part.len() <= 2 => Ok((before, part)),
        _ => Err("no-amount"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_tables_have_them() {
        for (text, hundredths) in [
            ("50000", 5_000_000),
            ("50 000,00", 5_000_000),
            ("50\u{a0}000.5", 5_000_050),
            ("50,000.50", 5_000_050),
            ("50.000,50", 5_000_050),
            ("1,000,000", 100_000_000),
            ("1.000.000", 100_000_000),
            ("1,234,567.89", 123_456_789),
            ("+0.01", 1),
            ("7.", 700),
            ("1'000", 100_000),
            ("100000000000", 10_000_000_000_000),
        ] {
            assert_eq!(amount(text).unwrap(), hundredths, "{text}");
        }
        for (text, word) in [
            ("", "empty-amount"),
            ("much", "no-amount"),
            ("50000 ₽", "no-amount"),
            ("50,000", "ambiguous-amount"),
            ("0.001", "ambiguous-amount"),
            ("1.2345", "no-amount"),
            ("1,00,000", "no-amount"),
            ("1.2.3", "no-amount"),
            (",5", "no-amount"),
            ("=1+1", "no-amount"),
            ("-5", "not-positive"),
            ("−5", "not-positive"),
            ("0,00", "not-positive"),
            ("100000000000,01", "too-much"),
            ("99999999999999999999999", "too-much"),
        ] {
            assert_eq!(amount(text).unwrap_err().word, word, "{text}");
        }
    }

    #[test]
    fn days_are_read_in_the_two_forms_that_mean_one_thing() {
        let read = |text: &str| date("from", text).map(|date| date.to_string());
        assert_eq!(read(" 2026-11-01 ").unwrap(), "2026-11-01");
        assert_eq!(read("01.11.2026").unwrap(), "2026-11-01");
        assert_eq!(read("").unwrap_err().word, "empty-date");
        for wrong in [
            "11/01/2026",
            "1.11.2026",
            "2026-11-31",
            "2026-11",
            "20261101",
            "2026-11-01T00:00",
        ] {
            assert_eq!(read(wrong).unwrap_err().word, "no-date", "{wrong}");
        }
    }

    #[test]
    fn every_word_is_in_the_list_once() {
        let all: BTreeSet<_> = WORDS.iter().collect();
        assert_eq!(all.len(), WORDS.len());
    }
}
