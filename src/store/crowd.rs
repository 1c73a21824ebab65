//! Rows of calls that never were, in memory: to measure reports on more calls than a log of them would find room for.

use std::time::Duration;

use crate::base::chance::Chance;
use crate::base::id::CallId;
use crate::base::number::{Caller, Number};
use crate::base::time::WallTime;
use crate::call::story::{FinishReason, SourceTag};
use crate::store::caller::{NOBODY, caller_key};
use crate::store::names::Name;
use crate::store::past::{Past, past};
use crate::store::row::{Held, Marks, Row};
use crate::store::rows::Rows;

/// Managers of the made-up house.
const MANAGERS: u64 = 24;

/// Sources, with two numbers each.
const SOURCES: u64 = 40;

/// Callers, each with a telephone number.
const CALLERS: u64 = 300_000;

/// The first of their numbers.
const CALLER: u64 = 79_160_000_000;

/// The first of the numbers that they dial.
const DIALLED: u64 = 74_950_000_000;

/// What people say of one call in three, in the words that a project has where it says nothing else.
const GOALS: [&str; 5] = ["price", "problem", "order", "delivery", "advice"];
const STAGES: [&str; 4] = ["new", "in-talks", "offer", "closed"];
const OUTCOMES: [&str; 5] = [
    "sold",
    "appointment",
    "call-back",
    "refused",
    "wrong-number",
];

/// Calls that never were.
#[derive(Debug)]
pub struct Crowd(Rows);

/// The words as numbers.
struct Words {
    sources: Vec<Name>,
    managers: Vec<Name>,
    sets: Vec<Name>,
    goals: Vec<Name>,
    stages: Vec<Name>,
    outcomes: Vec<Name>,
}

impl Crowd {
    /// Makes `calls` of them, evenly from `since` until `until`, of projects `p0`, `p1` and `p2`. The numbers from
    /// +74950000000 to +74950000079 were dialled; who answered is one of `manager-0` to `manager-23`.
    pub fn new(calls: u64, since: WallTime, until: WallTime) -> Self {
        let mut rows = Rows::default();
        let words = words(&mut rows);
        let mut chance = Chance::from_number(calls);
        let length = u64::try_from(until.as_millis() - since.as_millis()).unwrap_or_default();
        rows.reserve(usize::try_from(calls).unwrap_or_default());
        for number in 0..calls {
            let after = u128::from(length) * u128::from(number) / u128::from(calls.max(1));
            let at = since + Duration::from_millis(u64::try_from(after).unwrap_or_default());
            let row = call(at, &words, &mut chance);
            if row.is_valued() {
                rows.value(row.id, i64::from(row.span));
            }
            rows.insert(row);
        }
        Self(rows)
    }

    /// Shows each call that began before `until`, the oldest first.
    pub fn past(&self, until: WallTime, mut each: impl FnMut(Past<'_>)) {
        let rows = self.0.list().iter();
        for row in rows.filter(|row| row.started_at < until) {
            each(past(&self.0, row));
        }
    }

    /// The rows.
    pub(crate) const fn rows(&self) -> &Rows {
        &self.0
    }
}

fn words(rows: &mut Rows) -> Words {
    let names = rows.names_mut();
    let mut sources = Vec::new();
    for number in 0..SOURCES * 2 {
        let source = number / 2;
        let tag = SourceTag {
            project: format!("p{}", source % 3).into(),
            tag: format!("source-{source}").into(),
            channel: (source % 5 > 0).then(|| format!("channel-{}", source % 7).into()),
            campaign: (source % 4 > 0).then(|| format!("campaign-{}", source % 11).into()),
            category: Some(format!("category-{}", source % 6).into()),
        };
        let dialled = Number::from_digits(DIALLED + number);
        sources.push(names.source(&tag, dialled, Some(&"the rule".into())));
    }
    let managers: Vec<String> = (0..MANAGERS)
        .map(|number| format!("manager-{number}"))
        .collect();
    let mut sets = Vec::new();
    for pair in managers.windows(2) {
        sets.push(names.set(pair.iter().map(String::as_str)));
        sets.push(names.set(pair.iter().take(1).map(String::as_str)));
    }
    let mut numbers = |words: &[&str]| {
        let numbers = words.iter().map(|word| names.word(Some(word)));
        numbers.collect::<Vec<_>>()
    };
    let all: Vec<&str> = managers.iter().map(String::as_str).collect();
    Words {
        managers: numbers(&all),
        goals: numbers(&GOALS),
        stages: numbers(&STAGES),
        outcomes: numbers(&OUTCOMES),
        sources,
        sets,
    }
}

fn call(at: WallTime, words: &Words, chance: &mut Chance) -> Row {
    let mut one = |names: &[Name]| {
        let place = chance.below(u64::try_from(names.len()).unwrap_or(1).max(1));
        let name = usize::try_from(place)
            .ok()
            .and_then(|place| names.get(place));
        name.copied().unwrap_or_default()
    };
    let (source, offered, manager) = (one(&words.sources), one(&words.sets), one(&words.managers));
    let said = [one(&words.goals), one(&words.stages), one(&words.outcomes)];
    let is_answered = chance.below(4) > 0;
    let is_said = chance.below(3) == 0;
    let [goal, stage, outcome] = if is_said { said } else { Default::default() };
    let mut marks = Marks::default();
    for (mark, on) in [
        (Marks::TRACKED, chance.below(50) > 0),
        (Marks::ANSWERED, is_answered),
        (Marks::MISSED, !is_answered),
        (Marks::REPEATED, chance.below(3) == 0),
        (Marks::TARGET, is_said && chance.below(2) == 0),
        (Marks::WORTH, is_said && chance.below(8) == 0),
    ] {
        marks.set(mark, on);
    }
    marks.set(Marks::FIRST, !marks.has(Marks::REPEATED));
    let reason = if is_answered {
        FinishReason::Completed
    } else {
        FinishReason::NoAnswer
    };
    let below = |chance: &mut Chance, most| u32::try_from(chance.below(most)).unwrap_or_default();
    Row {
        id: CallId::new(at, chance),
        caller: {
            let number = Number::from_digits(CALLER + chance.below(CALLERS));
            caller_key(&Caller::Number(number)).unwrap_or(NOBODY)
        },
        started_at: at,
        wait_ms: 900 + below(chance, 40_000),
        // A missed caller was spoken to within hours, or never.
        span: match (is_answered, chance.below(2)) {
            (true, _) => 4_000 + below(chance, 300_000),
            (false, 0) => 0,
            (false, _) => 1 + below(chance, 20_000),
        },
        said: u32::from(is_said),
        source,
        manager: if is_answered {
            manager
        } else {
            Name::default()
        },
        destination: Name::default(),
        goal,
        stage,
        outcome,
        tags: Name::default(),
        offered,
        marks,
        held: Held::default(),
        reason: u8::try_from(reason as usize + 1).unwrap_or_default(),
    }
}
