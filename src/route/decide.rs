//! The decision: the first rule whose conditions all hold, its targets laid out in steps.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::DateTime;

use crate::base::number::{Caller, Number};
use crate::base::time::WallTime;
use crate::route::decision::{Decision, Plan, Step, Target};
use crate::route::explain::{Explanation, Refusal};
use crate::route::group::{Circumstances, Group, Manager, Strategy};
use crate::route::rule::{Action, Aim, Conditions, RING_S, Rule};
use crate::track::Source;

/// All rules, in order, and the managers they name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routing {
    rules: Vec<Rule>,
    groups: Vec<Arc<Group>>,
    managers: Vec<Arc<Manager>>,
    /// Targets that are never dialled, by name, and why.
    barred: BTreeMap<Arc<str>, String>,
}

/// What is known of a call when it is decided.
pub struct Facts<'a> {
    /// When it began.
    pub at: WallTime,
    /// Whose advertisement was dialled; its project and category are part of it.
    pub source: &'a Source,
    /// The virtual number that was dialled.
    pub number: Number,
    /// Who calls.
    pub caller: &'a Caller,
    /// `[[trunk]] id` that it came from; empty when that is not known.
    pub trunk: &'a str,
    /// How often this caller called the project before.
    pub prior_calls: u32,
    /// Who answered this caller last.
    pub last_manager: Option<&'a str>,
    /// How many calls a round-robin group had before. Asked at most once for each mention of a group in the rule that wins.
    pub rotation: &'a dyn Fn(&str) -> u64,
    /// When a manager last took a call. Asked for members of least-recent groups.
    pub last_taken: &'a dyn Fn(&str) -> Option<WallTime>,
    /// 64 random bits.
    pub chance: u64,
}

impl Routing {
    /// Joins rules with the groups and managers that they name.
    pub fn new(rules: Vec<Rule>, groups: Vec<Arc<Group>>, managers: Vec<Arc<Manager>>) -> Self {
        Self {
            rules,
            groups,
            managers,
            barred: BTreeMap::new(),
        }
    }

    /// Names targets that are never dialled, and why: an explanation says so. That they are not is the call's to see to.
    #[must_use]
    pub fn with_barred(mut self, barred: BTreeMap<Arc<str>, String>) -> Self {
        self.barred = barred;
        self
    }

    /// Decides who answers.
    pub fn decide(&self, facts: &Facts<'_>) -> Decision {
        let rule = self.find(facts).map(|(_, rule)| rule);
        self.carry_out(rule, facts)
    }

    /// The first rule whose conditions all hold, with its place.
    pub(in crate::route) fn find(&self, facts: &Facts<'_>) -> Option<(usize, &Rule)> {
        let local = OnceCell::new();
        let mut rules = self.rules.iter().enumerate();
        rules.find(|(_, rule)| refusal(&rule.when, facts, &local).is_none())
    }

    /// Decides as [`Self::decide`] does, and says why each earlier rule did not.
    pub fn explain(&self, facts: &Facts<'_>) -> Explanation {
        let local = OnceCell::new();
        let mut passed = Vec::new();
        let mut winner = None;
        for rule in &self.rules {
            let Some(why) = refusal(&rule.when, facts, &local) else {
                winner = Some(rule);
                break;
            };
            passed.push((Arc::clone(&rule.id), why));
        }
        let decision = self.carry_out(winner, facts);
        let action = winner.map(|rule| &rule.action);
        let mut explanation = Explanation::new(facts, passed, &decision, action);
        let targets = explanation.steps.iter().flat_map(|step| &step.targets);
        let barred = targets.filter_map(|name| Some((name, self.barred.get(name)?)));
        let notes: Vec<String> = barred
            .map(|(name, why)| format!("{name} is not rung: {why}"))
            .collect();
        explanation.notes.extend(notes);
        explanation
    }

    /// The rules in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The groups as written.
    pub fn groups(&self) -> &[Arc<Group>] {
        &self.groups
    }

    /// The managers as written.
    pub fn managers(&self) -> &[Arc<Manager>] {
        &self.managers
    }

    /// Those of the managers whom a rule may ring for a call to one of `sources`. Who answered a caller last is one of them.
    pub fn managers_for<'a>(
        &'a self,
        sources: impl Iterator<Item = &'a Source> + Clone,
    ) -> impl Iterator<Item = &'a Arc<Manager>> {
        let rules = self.rules.iter();
        let reached =
            rules.filter(|rule| sources.clone().any(|source| rule.when.may_be_for(source)));
        let aims = reached.flat_map(|rule| match &rule.action {
            Action::To(aims) => aims.as_slice(),
            Action::Reject(_) => &[],
        });
        let ids: BTreeSet<&str> = aims
            .flat_map(|aim| match aim {
                Aim::Group(group) => group.members.as_slice(),
                Aim::Manager(manager) => std::slice::from_ref(manager),
                Aim::LastManager | Aim::Target(_) => &[],
            })
            .map(|manager| &*manager.id)
            .collect();
        let managers = self.managers.iter();
        managers.filter(move |manager| ids.contains(&*manager.id))
    }

    /// Finds a manager by id.
    pub fn manager(&self, id: &str) -> Option<&Arc<Manager>> {
        self.managers.iter().find(|manager| &*manager.id == id)
    }

    fn carry_out(&self, rule: Option<&Rule>, facts: &Facts<'_>) -> Decision {
        let Some(rule) = rule else {
            return Decision::new(None, Plan::NoRule, None);
        };
        let plan = match &rule.action {
            Action::Reject(status) => Plan::Reject(*status),
            Action::To(aims) => Plan::Hunt(self.steps(aims, rule.ring_s, facts)),
        };
        Decision::new(Some(Arc::clone(&rule.id)), plan, rule.record)
    }

    /// Lays the aims out in steps. A target that a step names already is left out of later ones: who did not answer
    /// as "last" is not rung again as a member of the group that follows.
    fn steps(&self, aims: &[Aim], rule_ring_s: Option<u32>, facts: &Facts<'_>) -> Vec<Step> {
        let mut hunt = Hunt {
            steps: Vec::with_capacity(aims.len()),
        };
        let ring_s = rule_ring_s.unwrap_or(RING_S);
        for aim in aims {
            match aim {
                Aim::Manager(manager) => hunt.add([&manager.target], ring_s),
                Aim::Target(target) => hunt.add([target], ring_s),
                Aim::LastManager => {
                    if let Some(manager) = facts.last_manager.and_then(|id| self.manager(id)) {
                        hunt.add([&manager.target], ring_s);
                    }
                }
                Aim::Group(group) => {
                    let ring_s = rule_ring_s.or(group.ring_s).unwrap_or(RING_S);
                    let order = group.order(&Circumstances {
                        rotation: facts.rotation,
                        last_taken: facts.last_taken,
                        chance: facts.chance,
                    });
                    let targets = order.into_iter().map(|manager| &manager.target);
                    if group.strategy == Strategy::All {
                        hunt.add(targets, ring_s);
                    } else {
                        targets.for_each(|target| hunt.add([target], ring_s));
                    }
                }
            }
        }
        hunt.steps
    }
}

/// Steps under construction.
struct Hunt {
    steps: Vec<Step>,
}

impl Hunt {
    /// Adds a step of those targets that no step has yet.
    fn add<'t>(&mut self, targets: impl IntoIterator<Item = &'t Target>, ring_s: u32) {
        let known = |steps: &[Step], target: &Target| {
            let mut named = steps.iter().flat_map(|step| &step.targets);
            named.any(|earlier| earlier.dial == target.dial && earlier.trunk == target.trunk)
        };
        let new = targets
            .into_iter()
            .filter(|target| !known(&self.steps, target));
        let targets: Vec<_> = new.cloned().collect();
        if !targets.is_empty() {
            self.steps.push(Step { targets, ring_s });
        }
    }
}

/// Returns the first condition that does not hold. The local time is worked out once for all rules, and only when
/// one asks for hours.
fn refusal<'r>(
    when: &'r Conditions,
    facts: &Facts<'_>,
    local: &OnceCell<DateTime>,
) -> Option<Refusal<'r>> {
    let source = facts.source;
    if !names(&when.project, &source.project.id) {
        return Some(Refusal::Project(&when.project));
    }
    if !names(&when.source, &source.tag) {
        return Some(Refusal::Source(&when.source));
    }
    if !when.category.is_empty()
        && !source
            .category
            .as_ref()
            .is_some_and(|category| when.category.contains(category))
    {
        return Some(Refusal::Category(&when.category));
    }
    if !when.number.is_empty() && !when.number.contains(&facts.number) {
        return Some(Refusal::Number(&when.number));
    }
    if !when.caller.is_empty() && !when.caller.iter().any(|p| p.matches(facts.caller)) {
        return Some(Refusal::Caller(&when.caller));
    }
    if let Some(wanted) = when.repeat
        && wanted != (facts.prior_calls > 0)
    {
        return Some(Refusal::Repeat { wanted });
    }
    if !names(&when.trunk, facts.trunk) {
        return Some(Refusal::Trunk(&when.trunk));
    }
    if let Some(hours) = &when.hours {
        let local = *local.get_or_init(|| source.project.local(facts.at));
        if !hours.hold(&source.project, local) {
            return Some(Refusal::Hours { hours, local });
        }
    }
    None
}

/// Whether an empty list, or one of the list, says `id`.
fn names(list: &[Arc<str>], id: &str) -> bool {
    list.is_empty() || list.iter().any(|wanted| &**wanted == id)
}

#[cfg(test)]
mod tests;
