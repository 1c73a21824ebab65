//! Trials of the decision: which rule wins, and in which steps its targets ring.

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
            time_zone: TimeZone::get("Europe/Moscow").unwrap(),
            ..Project::new("shop")
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
