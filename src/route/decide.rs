//! The decision: the first rule whose conditions all hold, its targets laid out in steps.

use std::cell::OnceCell;
use std::collections::BTreeMap;
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
        let local = OnceCell::new();
        let rule = self
            .rules
            .iter()
            .find(|rule| refusal(&rule.when, facts, &local).is_none());
        self.carry_out(rule, facts)
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
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::base::country::Country;
    use crate::route::caller::CallerPattern;
    use crate::route::decision::Dial;
    use crate::route::hours::{Hours, Span};
    use crate::track::Project;

    fn source() -> Source {
        Source {
            tag: "direct".into(),
            project: Arc::new(Project {
                id: "shop".into(),
                label: "Shop".into(),
                time_zone: TimeZone::get("Europe/Moscow").unwrap(),
                currency: "RUB".into(),
                holidays: Vec::new(),
                tracking: true,
                labels: Default::default(),
            }),
            channel: None,
            campaign: None,
            category: Some("mowers".into()),
            numbers: vec![Number::from_digits(74_950_000_001)],
        }
    }

    fn manager(id: &str) -> Arc<Manager> {
        Arc::new(Manager {
            id: id.into(),
            label: id.into(),
            target: Target {
                name: format!("manager:{id}").into(),
                manager: Some(id.into()),
                dial: Dial::Extension(id.into()),
                trunk: "pbx".into(),
                spare: Arc::default(),
            },
            weight: 1,
        })
    }

    fn group(strategy: Strategy, ring_s: Option<u32>) -> Aim {
        Aim::Group(Arc::new(Group {
            id: "sales".into(),
            members: vec![manager("a"), manager("b")],
            strategy,
            ring_s,
        }))
    }

    fn rule(id: &str, when: Conditions, aims: Vec<Aim>) -> Rule {
        Rule {
            id: id.into(),
            when,
            action: Action::To(aims),
            ring_s: None,
            record: None,
        }
    }

    fn routing(rules: Vec<Rule>) -> Routing {
        Routing::new(
            rules,
            Vec::new(),
            vec![manager("a"), manager("b"), manager("c")],
        )
    }

    struct Call {
        at: &'static str,
        caller: &'static str,
        trunk: &'static str,
        prior_calls: u32,
        last_manager: Option<&'static str>,
    }

    const CALL: Call = Call {
        // A Friday, 12:00 in Moscow.
        at: "2026-11-20T09:00:00Z",
        caller: "+79161234567",
        trunk: "carrier",
        prior_calls: 0,
        last_manager: None,
    };

    fn with<T>(call: &Call, ask: impl FnOnce(&Facts<'_>) -> T) -> T {
        let source = source();
        let caller = Caller::from_record(call.caller);
        ask(&Facts {
            at: call.at.parse().unwrap(),
            source: &source,
            number: source.numbers[0],
            caller: &caller,
            trunk: call.trunk,
            prior_calls: call.prior_calls,
            last_manager: call.last_manager,
            rotation: &|_| 1,
            last_taken: &|_| None,
            chance: 7,
        })
    }

    /// The rule that decides, and its steps: `a+b 20, c 20`.
    fn decided(routing: &Routing, call: &Call) -> (Option<String>, String) {
        let decision = with(call, |facts| routing.decide(facts));
        let shown = match decision.plan() {
            Plan::Hunt(steps) => steps.iter().map(shown).collect::<Vec<_>>().join(", "),
            Plan::Reject(status) => format!("reject {status}"),
            Plan::NoRule => "no rule".to_owned(),
        };
        (decision.rule().map(|rule| rule.to_string()), shown)
    }

    fn shown(step: &Step) -> String {
        let names: Vec<_> = step
            .targets
            .iter()
            .map(|t| t.name.trim_start_matches("manager:"))
            .collect();
        format!("{} {}", names.join("+"), step.ring_s)
    }

    fn winner(when: Conditions, call: &Call) -> bool {
        let routing = routing(vec![rule("only", when, vec![Aim::Manager(manager("a"))])]);
        decided(&routing, call).0.is_some()
    }

    #[test]
    fn the_first_rule_whose_conditions_all_hold_decides() {
        let other = Conditions {
            category: vec!["tractors".into()],
            ..Conditions::default()
        };
        let half = Conditions {
            category: vec!["mowers".into()],
            repeat: Some(true),
            ..Conditions::default()
        };
        let rules = vec![
            rule("other", other, vec![Aim::Manager(manager("a"))]),
            rule("half", half, vec![Aim::Manager(manager("a"))]),
            rule(
                "all",
                Conditions::default(),
                vec![Aim::Manager(manager("b"))],
            ),
            rule(
                "late",
                Conditions::default(),
                vec![Aim::Manager(manager("c"))],
            ),
        ];
        let routing = routing(rules);
        assert_eq!(
            decided(&routing, &CALL),
            (Some("all".to_owned()), "b 20".to_owned())
        );
        let repeated = Call {
            prior_calls: 1,
            ..CALL
        };
        assert_eq!(decided(&routing, &repeated).0.as_deref(), Some("half"));
    }

    #[test]
    fn each_condition_holds_by_any_of_its_values() {
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|word| Arc::from(*word))
                .collect::<Vec<_>>()
        };
        let when = |set: &dyn Fn(&mut Conditions)| {
            let mut when = Conditions::default();
            set(&mut when);
            winner(when, &CALL)
        };
        assert!(when(&|c| c.project = words(&["lab", "shop"])));
        assert!(!when(&|c| c.project = words(&["lab"])));
        assert!(when(&|c| c.source = words(&["direct"])));
        assert!(!when(&|c| c.source = words(&["billboard"])));
        assert!(when(&|c| c.category = words(&["general", "mowers"])));
        assert!(when(&|c| c.trunk = words(&["carrier"])));
        assert!(!when(&|c| c.trunk = words(&["pbx"])));
        assert!(when(
            &|c| c.number = vec![Number::from_digits(74_950_000_001)]
        ));
        assert!(!when(
            &|c| c.number = vec![Number::from_digits(74_950_000_002)]
        ));
        assert!(when(&|c| c.repeat = Some(false)));
        assert!(!when(&|c| c.repeat = Some(true)));
        let country = Country::from_code("RU").unwrap();
        let pattern = |text| CallerPattern::read(text, &country).unwrap();
        assert!(when(
            &|c| c.caller = vec![pattern("anonymous"), pattern("+7916*")]
        ));
        assert!(!when(&|c| c.caller = vec![pattern("anonymous")]));
        let hours = |text| Some(Hours::new(vec![Span::read(text).unwrap()]));
        assert!(when(&|c| c.hours = hours("Fri 12:00-12:01")));
        assert!(!when(&|c| c.hours = hours("Fri 09:00-12:00")));
    }

    #[test]
    fn without_a_rule_there_is_no_plan() {
        assert_eq!(
            decided(&routing(Vec::new()), &CALL),
            (None, "no rule".to_owned())
        );
    }

    #[test]
    fn a_rule_can_reject() {
        let mut reject = rule("nuisance", Conditions::default(), Vec::new());
        reject.action = Action::Reject(603);
        let routing = routing(vec![reject]);
        assert_eq!(decided(&routing, &CALL).1, "reject 603");
    }

    #[test]
    fn a_group_rings_together_or_one_after_the_other() {
        for (strategy, expected) in [
            (Strategy::All, "a+b 20"),
            (Strategy::InOrder, "a 20, b 20"),
            (Strategy::RoundRobin, "b 20, a 20"),
        ] {
            let aims = vec![group(strategy, None)];
            let routing = routing(vec![rule("r", Conditions::default(), aims)]);
            assert_eq!(decided(&routing, &CALL).1, expected);
        }
    }

    #[test]
    fn ring_time_is_the_rules_else_the_groups_else_twenty_seconds() {
        let aims = vec![
            group(Strategy::InOrder, Some(15)),
            Aim::Manager(manager("c")),
        ];
        let mut rule = rule("r", Conditions::default(), aims);
        assert_eq!(
            decided(&routing(vec![rule.clone()]), &CALL).1,
            "a 15, b 15, c 20"
        );
        rule.ring_s = Some(8);
        assert_eq!(decided(&routing(vec![rule]), &CALL).1, "a 8, b 8, c 8");
    }

    #[test]
    fn who_answered_last_rings_first_and_not_again_in_the_group() {
        let aims = vec![
            Aim::LastManager,
            group(Strategy::All, None),
            Aim::Manager(manager("c")),
        ];
        let routing = routing(vec![rule("r", Conditions::default(), aims)]);
        assert_eq!(decided(&routing, &CALL).1, "a+b 20, c 20");
        let again = Call {
            last_manager: Some("b"),
            ..CALL
        };
        assert_eq!(decided(&routing, &again).1, "b 20, a 20, c 20");
        // Somebody who left the company.
        let gone = Call {
            last_manager: Some("zoe"),
            ..CALL
        };
        assert_eq!(decided(&routing, &gone).1, "a+b 20, c 20");
    }

    #[test]
    fn a_rules_word_on_recording_travels_with_the_decision() {
        let mut rule = rule("r", Conditions::default(), vec![Aim::Manager(manager("a"))]);
        rule.record = Some(false);
        let routing = routing(vec![rule]);
        assert_eq!(
            with(&CALL, |facts| routing.decide(facts)).record(),
            Some(false)
        );
    }

    #[test]
    fn an_explanation_decides_as_the_decision_does() {
        let night = Conditions {
            hours: Some(Hours::new(vec![Span::read("22:00-06:00").unwrap()])),
            ..Conditions::default()
        };
        let isdn = Conditions {
            trunk: vec!["isdn".into(), "analogue".into()],
            ..Conditions::default()
        };
        let again = Conditions {
            repeat: Some(true),
            ..Conditions::default()
        };
        let rules = vec![
            rule("night", night, vec![Aim::Manager(manager("a"))]),
            rule("isdn", isdn, vec![Aim::Manager(manager("a"))]),
            rule("again", again, vec![Aim::LastManager]),
            rule(
                "day",
                Conditions::default(),
                vec![group(Strategy::RoundRobin, None)],
            ),
        ];
        let routing = routing(rules);
        let explanation = with(&CALL, |facts| routing.explain(facts));
        assert_eq!(
            explanation.rule.as_deref(),
            decided(&routing, &CALL).0.as_deref()
        );
        let reasons: Vec<_> = explanation
            .passed
            .iter()
            .map(|passed| passed.why.as_str())
            .collect();
        assert_eq!(
            reasons,
            [
                "its hours are 22:00-06:00, it is Fri 2026-11-20 12:00",
                "its trunk is isdn or analogue, the call's is carrier",
                "it is for repeated calls, this is the caller's first",
            ]
        );
        let steps: Vec<_> = explanation
            .steps
            .iter()
            .flat_map(|step| &step.targets)
            .collect();
        assert_eq!(steps, [&Arc::from("manager:b"), &Arc::from("manager:a")]);
        assert_eq!(
            explanation.notes,
            ["group sales is round-robin: its order changes from call to call"]
        );
    }
}
