//! What is counted of calls: the figures that most reports have for each of their lines. Pure.

use crate::report::conditions::is;
use crate::report::gains::Gain;
use crate::report::share::Share;
use crate::report::table::{Column, Figure, Unit};
use crate::store::row::Row;

/// Figures of the calls of one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) calls: u32,
    pub(crate) answered: u32,
    pub(crate) missed: u32,
    pub(crate) target: u32,
    pub(crate) customers: u32,
    /// Calls whose talk is over.
    pub(crate) talks: u32,
    /// Milliseconds that callers waited until somebody answered.
    pub(crate) waited_ms: u64,
    /// Milliseconds of talk.
    pub(crate) talked_ms: u64,
    /// Hundredths of the currency that calls were worth.
    pub(crate) worth: i64,
}

impl Tally {
    /// Counts a call.
    #[inline]
    pub(crate) fn add(&mut self, row: &Row, gain: Gain) {
        self.calls += 1;
        let is_answered = row.is_answered();
        self.answered += u32::from(is_answered);
        self.missed += u32::from(row.is_missed());
        self.target += u32::from(row.is_target() == Some(true));
        self.customers += u32::from(gain.is_customer);
        // Nobody can foresee which calls were answered: so there is no branch on it.
        self.waited_ms += u64::from(row.wait_ms) * u64::from(is_answered);
        let talk = row.talk();
        self.talks += u32::from(talk.is_some());
        self.talked_ms += u64::from(talk.unwrap_or_default());
        self.worth = self.worth.saturating_add(gain.worth);
    }

    /// Adds the calls of another line.
    pub(crate) fn join(&mut self, other: &Self) {
        self.calls += other.calls;
        self.answered += other.answered;
        self.missed += other.missed;
        self.target += other.target;
        self.customers += other.customers;
        self.talks += other.talks;
        self.waited_ms += other.waited_ms;
        self.talked_ms += other.talked_ms;
        self.worth = self.worth.saturating_add(other.worth);
    }

    /// The figures under [`columns`].
    pub(crate) fn figures(&self) -> Vec<Figure> {
        vec![
            count(self.calls),
            count(self.answered),
            count(self.missed),
            share(self.missed, self.calls),
            count(self.target),
            count(self.customers),
            share(self.customers, self.calls),
            mean(self.waited_ms, self.answered),
            mean(self.talked_ms, self.talks),
            Figure::Money(self.worth),
        ]
    }
}

/// The columns that most reports have.
pub(crate) fn columns() -> Vec<Column> {
    vec![
        calls(),
        Column {
            key: "answered",
            unit: Unit::Count,
            formula: "calls that somebody answered",
            calls: Some(vec![is("status", "answered")]),
        },
        Column {
            key: "missed",
            unit: Unit::Count,
            formula: "calls that ended without an answer, but for those that a rule rejected",
            calls: Some(vec![is("status", "missed")]),
        },
        Column {
            key: "missed_share",
            unit: Unit::Share,
            formula: "missed / calls",
            calls: Some(vec![is("status", "missed")]),
        },
        Column {
            key: "target",
            unit: Unit::Count,
            formula: "calls that somebody marked as one of those that the advertising is for",
            calls: Some(vec![is("target", "true")]),
        },
        Column {
            key: "customers",
            unit: Unit::Count,
            formula: "calls whose outcome is one of the project's `sales`",
            calls: Some(vec![is("customer", "true")]),
        },
        Column {
            key: "conversion",
            unit: Unit::Share,
            formula: "customers / calls; between the ends of the interval it lies in 95 of 100 cases (Wilson)",
            calls: Some(vec![is("customer", "true")]),
        },
        wait(),
        Column {
            key: "talk",
            unit: Unit::Millis,
            formula: "mean time from the answer to the end, of answered calls that are over",
            calls: Some(vec![is("status", "answered"), is("ended", "true")]),
        },
        Column {
            key: "revenue",
            unit: Unit::Money,
            formula: "sum of what people say the calls were worth",
            calls: Some(vec![is("valued", "true")]),
        },
    ]
}

/// How many.
pub(crate) fn calls() -> Column {
    Column {
        key: "calls",
        unit: Unit::Count,
        formula: "calls that began in the period, those in progress among them; calls of the off-season are not counted",
        calls: Some(Vec::new()),
    }
}

/// How long until somebody answered.
pub(crate) fn wait() -> Column {
    Column {
        key: "wait",
        unit: Unit::Millis,
        formula: "mean time from the call's beginning to the answer, of answered calls",
        calls: Some(vec![is("status", "answered")]),
    }
}

/// So many.
pub(crate) fn count(count: u32) -> Figure {
    Figure::Count(u64::from(count))
}

/// So many of so many.
pub(crate) fn share(part: u32, whole: u32) -> Figure {
    Figure::Share(Share {
        part: u64::from(part),
        whole: u64::from(whole),
    })
}

/// The mean of so many durations, rounded to the nearest millisecond.
pub(crate) fn mean(sum_ms: u64, of: u32) -> Figure {
    let of = u64::from(of);
    match sum_ms.saturating_add(of / 2).checked_div(of) {
        Some(millis) => Figure::Millis { millis, of },
        None => Figure::Nothing,
    }
}
