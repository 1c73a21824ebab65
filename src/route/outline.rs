//! A decision without its dice: which rule, and who would ring how, so that two sets of rules can be compared call by call.
//!
//! A group stands in it with its members and its strategy. In which order a shuffled group rings is chance, and no difference.

use std::sync::Arc;

use serde::Serialize;

use crate::route::decide::{Facts, Routing};
use crate::route::decision::{Dial, Target};
use crate::route::group::Strategy;
use crate::route::rule::{Action, Aim, RING_S, Rule};

/// What a rule does with a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Outline {
    /// The status that the caller is given where the rule rejects.
    pub reject: Option<u16>,
    /// Who rings, in order.
    pub steps: Vec<Ringing>,
}

/// One aim of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Ringing {
    /// The group, where it is one.
    pub group: Option<Arc<str>>,
    /// In which order its members ring: the word of the configuration; `null` where it is no group.
    pub strategy: Option<&'static str>,
    /// Who rings, as written.
    pub targets: Vec<Rung>,
    /// Each for so long.
    pub ring_s: u32,
}

/// A target.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Rung {
    /// As the record names it.
    pub name: Arc<str>,
    /// What is dialled, and on which trunks: `101@pbx`.
    pub dials: String,
    /// Its share in a weighted group.
    #[serde(skip)]
    weight: u32,
}

impl Routing {
    /// The place of the rule that decides.
    pub fn winner(&self, facts: &Facts<'_>) -> Option<usize> {
        self.find(facts).map(|(place, _)| place)
    }

    /// What the rule at `place` does with a call of somebody whom `last_manager` answered before. Targets that a step names
    /// already are left out of later ones, as in the decision.
    pub fn outline(&self, place: usize, last_manager: Option<&str>) -> Option<Outline> {
        let rule = self.rules().get(place)?;
        let (reject, steps) = match &rule.action {
            Action::Reject(status) => (Some(*status), Vec::new()),
            Action::To(aims) => (None, self.lay_out(rule, aims, last_manager)),
        };
        Some(Outline { reject, steps })
    }

    /// Whether any rule asks on which trunk a call came.
    pub fn trunks_asked(&self) -> impl Iterator<Item = &Arc<str>> {
        self.rules().iter().flat_map(|rule| &rule.when.trunk)
    }

    fn lay_out(&self, rule: &Rule, aims: &[Aim], last_manager: Option<&str>) -> Vec<Ringing> {
        let ring_s = rule.ring_s.unwrap_or(RING_S);
        let mut steps: Vec<Ringing> = Vec::with_capacity(aims.len());
        for aim in aims {
            let single = |target: &Target| Ringing {
                group: None,
                strategy: None,
                targets: vec![Rung::new(target, 1)],
                ring_s,
            };
            let mut step = match aim {
                Aim::Manager(manager) => single(&manager.target),
                Aim::Target(target) => single(target),
                Aim::LastManager => match last_manager.and_then(|id| self.manager(id)) {
                    Some(manager) => single(&manager.target),
                    None => continue,
                },
                Aim::Group(group) => Ringing {
                    group: Some(Arc::clone(&group.id)),
                    strategy: Some(group.strategy.word()),
                    targets: group
                        .members
                        .iter()
                        .map(|manager| match group.strategy {
                            Strategy::Weighted => Rung::new(&manager.target, manager.weight),
                            Strategy::All
                            | Strategy::InOrder
                            | Strategy::RoundRobin
                            | Strategy::Random
                            | Strategy::LeastRecent => Rung::new(&manager.target, 1),
                        })
                        .collect(),
                    ring_s: rule.ring_s.or(group.ring_s).unwrap_or(RING_S),
                },
            };
            let known = |rung: &Rung| {
                let mut named = steps.iter().flat_map(|step| &step.targets);
                named.any(|earlier| earlier.dials == rung.dials)
            };
            step.targets.retain(|rung| !known(rung));
            if !step.targets.is_empty() {
                steps.push(step);
            }
        }
        steps
    }
}

impl Rung {
    fn new(target: &Target, weight: u32) -> Self {
        let mut dials = match &target.dial {
            Dial::Extension(extension) => extension.to_string(),
            Dial::Number(number) => number.to_string(),
        };
        dials.push('@');
        dials.push_str(&target.trunk);
        for spare in target.spare.iter() {
            dials.push('|');
            dials.push_str(spare);
        }
        Self {
            name: Arc::clone(&target.name),
            dials,
            weight,
        }
    }
}
