//! Trials of the replay: what is told apart, what is not, and what is known of a caller when.

use super::*;
use crate::route::decision::{Dial, Target};
use crate::route::group::{Group, Manager, Strategy};
use crate::route::rule::{Conditions, Rule};
use crate::store::caller::caller_key;
use crate::store::past::PastCaller;
use crate::track::{DateRange, Project};

const NUMBER: &str = "+74950000001";

fn project() -> Project {
    Project::new("shop")
}

fn tracking(project: Project, tag: &str, number: &str) -> Tracking {
    let project = Arc::new(project);
    let source = Source {
        tag: tag.into(),
        project: Arc::clone(&project),
        channel: None,
        campaign: None,
        category: None,
        numbers: vec![Number::e164(number).unwrap()],
    };
    Tracking::new(vec![project], vec![Arc::new(source)])
}

fn shop() -> Tracking {
    tracking(project(), "billboard", NUMBER)
}

fn manager(id: &str, extension: &str) -> Arc<Manager> {
    Arc::new(Manager {
        id: id.into(),
        label: id.into(),
        target: Target {
            name: format!("manager:{id}").into(),
            manager: Some(id.into()),
            dial: Dial::Extension(extension.into()),
            trunk: "pbx".into(),
            spare: Arc::default(),
        },
        weight: 1,
    })
}

fn crew() -> Vec<Arc<Manager>> {
    vec![manager("anna", "101"), manager("boris", "102")]
}

fn to(id: &str, when: Conditions, aims: Vec<Aim>) -> Rule {
    Rule {
        id: id.into(),
        when,
        action: Action::To(aims),
        ring_s: None,
        record: None,
    }
}

fn all(id: &str, manager: usize) -> Rule {
    to(
        id,
        Conditions::default(),
        vec![Aim::Manager(Arc::clone(&crew()[manager]))],
    )
}

fn routing(rules: Vec<Rule>) -> Routing {
    Routing::new(rules, Vec::new(), crew())
}

/// A call of minute `n` that `answered` answered after half a minute.
#[derive(Clone, Copy)]
struct Call {
    minute: i64,
    caller: &'static str,
    number: &'static str,
    answered: Option<&'static str>,
    rule: Option<&'static str>,
    tracked: bool,
}

const CALL: Call = Call {
    minute: 0,
    caller: "+79161234567",
    number: NUMBER,
    answered: None,
    rule: Some("all"),
    tracked: true,
};

fn at(minute: i64) -> WallTime {
    WallTime::from_millis(1_795_253_400_000 + minute * 60_000)
}

/// Feeds the calls; those from minute 0 on are in question.
fn replayed(old: (&Tracking, &Routing), new: (&Tracking, &Routing), calls: &[Call]) -> Replayed {
    let records = |tracked: bool, wish: Option<bool>| tracked && wish != Some(false);
    let side = |(tracking, routing)| Side {
        tracking,
        routing,
        records: &records,
    };
    let mut replay = Replay::new(side(old), side(new), at(0), at(1_000));
    let project: Arc<str> = "shop".into();
    for (n, call) in (1..).zip(calls) {
        let caller = Caller::from_record(call.caller);
        let manager: Option<Arc<str>> = call.answered.map(Arc::from);
        let rule: Option<Arc<str>> = call.rule.map(Arc::from);
        let answered_at = WallTime::from_millis(at(call.minute).as_millis() + 30_000);
        replay.take(&Past {
            id: CallId::new(
                at(call.minute),
                &mut crate::base::chance::Chance::from_number(n),
            ),
            at: at(call.minute),
            caller: match &caller {
                Caller::Number(number) => PastCaller::Number(*number),
                Caller::Other(text) => PastCaller::Other(text),
                Caller::Anonymous => PastCaller::Hidden,
            },
            key: caller_key(&caller),
            number: Some(call.number),
            project: Some(&project),
            rule: rule.as_ref(),
            is_tracked: call.tracked,
            answered: manager.as_ref().map(|manager| (manager, answered_at)),
        });
    }
    replay.finish()
}

/// The one difference of one call.
fn changes(old: (&Tracking, &Routing), new: (&Tracking, &Routing)) -> Vec<Change> {
    let replayed = replayed(old, new, &[CALL]);
    assert_eq!(replayed.calls, 1);
    assert_eq!(replayed.differ, u64::from(!replayed.differences.is_empty()));
    let mut differences = replayed.differences.into_iter();
    differences
        .next()
        .map_or_else(Vec::new, |difference| difference.changes)
}

#[test]
fn the_same_rules_differ_in_nothing() {
    let (tracking, routing) = (shop(), routing(vec![all("all", 0)]));
    let side = (&tracking, &routing);
    assert_eq!(changes(side, side), []);
    let replayed = replayed(side, side, &[CALL, CALL]);
    assert!(replayed.is_same());
    assert_eq!(replayed.rules[0].calls, 2);
}

#[test]
fn each_way_to_treat_a_call_otherwise_is_told() {
    let (tracking, old) = (shop(), routing(vec![all("all", 0)]));
    let before = (&tracking, &old);
    let with = |rules| changes(before, (&tracking, &routing(rules)));
    assert_eq!(with(vec![all("all", 1)]), [Change::Targets]);
    assert_eq!(with(vec![all("everything", 0)]), [Change::Rule]);
    assert_eq!(with(Vec::new()), [Change::NoRule]);
    let mut reject = all("all", 0);
    reject.action = Action::Reject(603);
    assert_eq!(with(vec![reject]), [Change::Reject]);
    let mut quiet = all("all", 0);
    quiet.record = Some(false);
    assert_eq!(with(vec![quiet]), [Change::Recording]);
    let mut said = all("all", 0);
    said.record = Some(true);
    assert_eq!(with(vec![said]), [], "it was recorded without being told");
    let mut longer = all("all", 0);
    longer.ring_s = Some(40);
    assert_eq!(with(vec![longer]), [Change::Targets]);
    // Somebody moved to another desk.
    let moved = Routing::new(
        vec![to(
            "all",
            Conditions::default(),
            vec![Aim::Manager(manager("anna", "109"))],
        )],
        Vec::new(),
        crew(),
    );
    assert_eq!(changes(before, (&tracking, &moved)), [Change::Targets]);
    let elsewhere = |tracking: &Tracking| changes(before, (tracking, &old));
    assert_eq!(elsewhere(&tracking_of_another_number()), [Change::NoSource]);
    assert_eq!(
        elsewhere(&self::tracking(project(), "radio", NUMBER)),
        [Change::Source]
    );
    let resting = Project {
        tracking: false,
        ..project()
    };
    assert_eq!(
        elsewhere(&self::tracking(resting, "billboard", NUMBER)),
        [Change::Tracking]
    );
    let day = "2026-11-21".parse().unwrap();
    let season = Project {
        off_season: vec![DateRange::new(day, day).unwrap()],
        ..project()
    };
    assert_eq!(
        elsewhere(&self::tracking(season, "billboard", NUMBER)),
        [Change::Tracking]
    );
    assert_eq!(
        changes((&tracking_of_another_number(), &old), before),
        [Change::Found]
    );
}

fn tracking_of_another_number() -> Tracking {
    tracking(project(), "billboard", "+74950000009")
}

#[test]
fn a_group_is_compared_by_its_members_and_its_strategy_and_not_by_dice() {
    let group = |strategy, members: &[usize]| {
        let group = Arc::new(Group {
            id: "sales".into(),
            members: members
                .iter()
                .map(|one| Arc::clone(&crew()[*one]))
                .collect(),
            strategy,
            ring_s: None,
        });
        routing(vec![to(
            "all",
            Conditions::default(),
            vec![Aim::Group(group)],
        )])
    };
    let tracking = shop();
    let with = |old: &Routing, new: &Routing| changes((&tracking, old), (&tracking, new));
    for strategy in Strategy::ALL {
        assert_eq!(
            with(&group(strategy, &[0, 1]), &group(strategy, &[0, 1])),
            []
        );
        assert_eq!(
            with(&group(strategy, &[0, 1]), &group(strategy, &[0])),
            [Change::Targets]
        );
    }
    let (shuffled, turned) = (Strategy::Random, Strategy::RoundRobin);
    assert_eq!(
        with(&group(shuffled, &[0, 1]), &group(turned, &[0, 1])),
        [Change::Targets]
    );
}

#[test]
fn who_called_before_and_who_answered_are_known_from_earlier_calls_alone() {
    let again = Conditions {
        repeat: Some(true),
        ..Conditions::default()
    };
    let new = routing(vec![
        to(
            "again",
            again,
            vec![Aim::LastManager, Aim::Manager(Arc::clone(&crew()[0]))],
        ),
        all("all", 0),
    ]);
    let (tracking, old) = (shop(), routing(vec![all("all", 0)]));
    let calls = [
        // Before the days in question.
        Call {
            minute: -60,
            answered: Some("boris"),
            ..CALL
        },
        Call {
            minute: -60,
            caller: "+79160000002",
            tracked: false,
            answered: Some("boris"),
            ..CALL
        },
        // Called before, and boris answered.
        Call { minute: 1, ..CALL },
        // Its first call that counts.
        Call {
            minute: 2,
            caller: "+79160000002",
            answered: Some("boris"),
            ..CALL
        },
        // While the first one still rings: called before, and nobody has answered yet.
        Call {
            minute: 2,
            caller: "+79160000002",
            ..CALL
        },
        // Boris answered by now.
        Call {
            minute: 3,
            caller: "+79160000002",
            ..CALL
        },
        // Who hides is always new.
        Call {
            minute: 4,
            caller: "anonymous",
            ..CALL
        },
        Call {
            minute: 5,
            caller: "anonymous",
            ..CALL
        },
    ];
    let replayed = replayed((&tracking, &old), (&tracking, &new), &calls);
    assert_eq!(replayed.calls, 6);
    let told: Vec<_> = replayed
        .differences
        .iter()
        .map(|difference| {
            let minute = (difference.at.as_millis() - at(0).as_millis()) / 60_000;
            let first = difference.new.steps.first().unwrap();
            (minute, difference.changes[0], first.targets[0].to_string())
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, Change::Targets, "manager:boris".to_owned()),
            (3, Change::Targets, "manager:boris".to_owned()),
            (2, Change::Rule, "manager:anna".to_owned()),
        ]
    );
    let moved: Vec<_> = replayed
        .rules
        .iter()
        .map(|moved| (moved.to.as_deref().unwrap(), moved.calls, moved.differ))
        .collect();
    assert_eq!(moved, [("again", 3, 3), ("all", 3, 0)]);
}

#[test]
fn the_trunk_of_a_past_call_is_told_by_the_rule_that_decided() {
    let on = |trunk: &str| Conditions {
        trunk: vec![trunk.into()],
        ..Conditions::default()
    };
    let aim = |one: usize| vec![Aim::Manager(Arc::clone(&crew()[one]))];
    let old = routing(vec![to("isdn", on("isdn"), aim(0)), all("all", 0)]);
    let new = routing(vec![to("isdn", on("isdn"), aim(1)), all("all", 0)]);
    let tracking = shop();
    let told = |rule| {
        let call = Call { rule, ..CALL };
        let replayed = replayed((&tracking, &old), (&tracking, &new), &[call]);
        assert_eq!(replayed.trunks, [Arc::from("isdn")]);
        replayed
            .differences
            .first()
            .map(|difference| difference.trunk.clone())
    };
    assert_eq!(
        told(Some("isdn")),
        Some(None),
        "it can only have come from there"
    );
    assert_eq!(told(Some("all")), None);
    assert_eq!(told(Some("gone")), Some(Some("isdn".into())), "it may have");
}

#[test]
fn what_is_gravest_comes_first_and_what_nobody_can_tell_is_counted() {
    let number = |number: &str| Conditions {
        number: vec![Number::e164(number).unwrap()],
        ..Conditions::default()
    };
    let old = routing(vec![all("all", 0)]);
    let new = routing(vec![to(
        "one",
        number(NUMBER),
        vec![Aim::Manager(Arc::clone(&crew()[1]))],
    )]);
    let project = Arc::new(project());
    let source = |tag: &str, numbers: &[&str]| {
        Arc::new(Source {
            tag: tag.into(),
            project: Arc::clone(&project),
            channel: None,
            campaign: None,
            category: None,
            numbers: numbers
                .iter()
                .map(|number| Number::e164(number).unwrap())
                .collect(),
        })
    };
    let sources =
        |numbers: &[&str]| Tracking::new(vec![Arc::clone(&project)], vec![source("a", numbers)]);
    let before = sources(&[NUMBER, "+74950000002", "+74950000003"]);
    let after = sources(&[NUMBER, "+74950000002"]);
    let calls = [
        CALL,
        Call {
            minute: 1,
            number: "+74950000002",
            ..CALL
        },
        Call {
            minute: 2,
            number: "+74950000003",
            ..CALL
        },
        Call {
            minute: 3,
            number: "+74950000009",
            ..CALL
        },
    ];
    let replayed = replayed((&before, &old), (&after, &new), &calls);
    let told: Vec<_> = replayed
        .differences
        .iter()
        .map(|one| one.changes[0])
        .collect();
    assert_eq!(told, [Change::NoSource, Change::NoRule, Change::Targets]);
    assert_eq!(
        (replayed.calls, replayed.differ, replayed.unknown),
        (4, 3, 1)
    );
    let counted: Vec<_> = replayed
        .changes
        .iter()
        .map(|one| (one.change, one.calls))
        .collect();
    assert_eq!(
        counted,
        [
            (Change::NoSource, 1),
            (Change::NoRule, 1),
            (Change::Targets, 1)
        ]
    );
    let shown = replayed.to_string();
    assert!(shown.starts_with("4 calls from "), "{shown}");
    assert!(
        shown.contains("\n  + no rule\n") && shown.contains("\n  + no source\n"),
        "{shown}"
    );
    assert!(
        shown.contains("\n  - \"all\": manager:anna, 20 s\n  + \"one\": manager:boris, 20 s\n"),
        "{shown}"
    );
    let read: Replayed = serde_json::from_str(&serde_json::to_string(&replayed).unwrap()).unwrap();
    assert_eq!(read, replayed);
}
