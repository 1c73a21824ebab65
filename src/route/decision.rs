//! What a decision says: the winning rule's name, and the targets in order.

use std::sync::Arc;

use crate::base::number::Number;

/// What the rules decided. Only this room can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    rule: Option<Arc<str>>,
    plan: Plan,
    record: Option<bool>,
}

/// What happens to the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Try these steps from left to right.
    Hunt(Vec<Step>),
    /// Answer with this status; the call is not missed.
    Reject(u16),
    /// No rule's conditions held.
    NoRule,
}

/// Targets that ring together; usually one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Who rings.
    pub targets: Vec<Target>,
    /// For how long, from the INVITE.
    pub ring_s: u32,
}

/// Somebody to ring.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// As the record names it: `manager:desk`, `ext:101@pbx`, `number:+79160000000@carrier`.
    pub name: Arc<str>,
    /// `[[manager]] id`, where it is one.
    pub manager: Option<Arc<str>>,
    /// What is dialled.
    pub dial: Dial,
    /// `[[trunk]] id` on which.
    pub trunk: Arc<str>,
    /// Trunks that are tried in this order where that one cannot take the call.
    pub spare: Arc<[Arc<str>]>,
}

impl Target {
    /// The same target on its next trunk, where there is one.
    pub fn on_next_trunk(&self) -> Option<Self> {
        let (trunk, spare) = self.spare.split_first()?;
        Some(Self {
            trunk: Arc::clone(trunk),
            spare: spare.into(),
            ..self.clone()
        })
    }
}

/// What is dialled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Dial {
    /// As it stands.
    Extension(Arc<str>),
    /// In the trunk's number format.
    Number(Number),
}

impl Decision {
    /// Makes a decision; the rules of this room only, and its tests.
    pub(in crate::route) fn new(rule: Option<Arc<str>>, plan: Plan, record: Option<bool>) -> Self {
        Self { rule, plan, record }
    }

    /// Makes a decision for the tests of other rooms.
    #[cfg(test)]
    pub(crate) fn for_test(rule: &str, plan: Plan) -> Self {
        Self::new(Some(rule.into()), plan, None)
    }

    /// The rule that decided; `None` exactly when the plan is [`Plan::NoRule`].
    pub fn rule(&self) -> Option<&Arc<str>> {
        self.rule.as_ref()
    }

    /// What happens.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The rule's `record`, where it has one.
    pub fn record(&self) -> Option<bool> {
        self.record
    }
}
