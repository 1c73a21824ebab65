//! The words that people of a project have for a call: what the caller wanted, how far it went, how it ended.

use std::sync::Arc;

/// What callers want where the project says nothing else.
pub const GOALS: [&str; 5] = ["price", "problem", "order", "delivery", "advice"];

/// How far a sale goes where the project says nothing else.
pub const STAGES: [&str; 4] = ["new", "in-talks", "offer", "closed"];

/// How a call ends for the business where the project says nothing else.
pub const OUTCOMES: [&str; 5] = [
    "sold",
    "appointment",
    "call-back",
    "refused",
    "wrong-number",
];

/// The words of a project, in the order in which they are offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// What the caller wanted; a call has one of them or none.
    pub goals: Arc<[Arc<str>]>,
    /// How far the sale is; one of them or none.
    pub stages: Arc<[Arc<str>]>,
    /// How the call ended for the business; one of them or none.
    pub outcomes: Arc<[Arc<str>]>,
    /// The outcomes that make a customer of the caller.
    pub sales: Arc<[Arc<str>]>,
    /// Tags that are offered. Others may be written as well.
    pub tags: Arc<[Arc<str>]>,
}

impl Default for Labels {
    fn default() -> Self {
        Self {
            goals: words(&GOALS),
            stages: words(&STAGES),
            outcomes: words(&OUTCOMES),
            sales: first(&words(&OUTCOMES)),
            tags: Arc::default(),
        }
    }
}

/// The sales of a project that does not name them: its first outcome.
pub fn first(outcomes: &[Arc<str>]) -> Arc<[Arc<str>]> {
    outcomes.first().cloned().into_iter().collect()
}

fn words(list: &[&str]) -> Arc<[Arc<str>]> {
    list.iter().map(|word| Arc::from(*word)).collect()
}
