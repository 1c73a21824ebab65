//! A decision for the fuzzing of whole calls: it needs one, and only this room may make it.

use std::sync::Arc;

use crate::base::number::{Caller, Number};
use crate::base::time::WallTime;
use crate::route::decide::{Facts, Routing};
use crate::route::decision::{Decision, Dial, Target};
use crate::route::group::{Group, Manager, Strategy};
use crate::route::rule::{Action, Aim, Conditions, Rule};
use crate::track::{Project, Source};

/// Extensions 101 and 102 on `trunk`, rung together or one after the other.
pub fn two_desks(number: Number, trunk: &str, together: bool) -> Decision {
    let members: Vec<_> = ["101", "102"].map(|one| desk(one, trunk)).into();
    let group = Arc::new(Group {
        id: "desks".into(),
        members: members.clone(),
        strategy: match together {
            true => Strategy::All,
            false => Strategy::InOrder,
        },
        ring_s: None,
    });
    let rule = Rule {
        id: "all".into(),
        when: Conditions::default(),
        action: Action::To(vec![Aim::Group(Arc::clone(&group))]),
        ring_s: None,
        record: None,
    };
    Routing::new(vec![rule], vec![group], members).decide(&Facts {
        at: WallTime::from_millis(1_000_000),
        source: &source(number),
        number,
        caller: &Caller::Anonymous,
        trunk: "",
        prior_calls: 0,
        last_manager: None,
        rotation: &|_| 0,
        last_taken: &|_| None,
        chance: 0,
    })
}

fn desk(extension: &str, trunk: &str) -> Arc<Manager> {
    Arc::new(Manager {
        id: extension.into(),
        label: extension.into(),
        target: Target {
            name: format!("ext:{extension}@{trunk}").into(),
            manager: Some(extension.into()),
            dial: Dial::Extension(extension.into()),
            trunk: trunk.into(),
            spare: Arc::default(),
        },
        weight: 1,
    })
}

fn source(number: Number) -> Source {
    Source {
        tag: "tag".into(),
        project: Arc::new(Project::new("shop")),
        channel: None,
        campaign: None,
        category: None,
        numbers: vec![number],
    }
}
