//! Targets that can never be dialled: numbers outside the reach of every trunk that they have, and virtual numbers of ours.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::country::Country;
use crate::call::trunk::Trunk;
use crate::config::book::Book;
use crate::config::known::Known;
use crate::route::decision::{Dial, Target};
use crate::route::group::Manager;
use crate::route::rule::{Action, Aim, Rule};
use crate::track::Source;

/// What the targets are held against.
pub(in crate::config) struct Limits<'a> {
    pub(in crate::config) trunks: &'a Known<Trunk>,
    pub(in crate::config) sources: &'a Known<Source>,
    pub(in crate::config) country: Country,
}

/// Warns of each, and returns why, by the target's name.
pub(in crate::config) fn check(
    book: &Book<'_>,
    managers: &Known<Manager>,
    rules: &Known<Rule>,
    limits: &Limits<'_>,
) -> BTreeMap<Arc<str>, String> {
    let of_managers = managers
        .meanings()
        .map(|(manager, at)| (manager.target.clone(), at));
    let of_rules = rules.meanings().flat_map(|(rule, at)| {
        let aims = match &rule.action {
            Action::To(aims) => aims.as_slice(),
            Action::Reject(_) => &[],
        };
        aims.iter().filter_map(move |aim| match aim {
            Aim::Target(target) => Some((target.clone(), at)),
            Aim::Group(_) | Aim::Manager(_) | Aim::LastManager => None,
        })
    });
    let mut barred = BTreeMap::new();
    for (target, at) in of_managers.chain(of_rules) {
        if let Some((why, remedy)) = limits.why_not(&target) {
            book.warn(at, format!("{} is never rung: {why}", target.name), remedy);
            barred.insert(target.name, why);
        }
    }
    barred
}

impl Limits<'_> {
    fn why_not(&self, target: &Target) -> Option<(String, &'static str)> {
        if let Dial::Number(number) = target.dial
            && self
                .sources
                .meanings()
                .any(|(source, _)| source.numbers.contains(&number))
        {
            let why = format!("{number} is a virtual number of ours, and the call would come back");
            return Some((why, "name whom that number's calls are for"));
        }
        let ids = || std::iter::once(&target.trunk).chain(target.spare.iter());
        let may = |id: &Arc<str>| {
            let mut trunks = self.trunks.meanings();
            let trunk = trunks.find(|(trunk, _)| trunk.id == *id);
            // A trunk with a mistake of its own is told there.
            trunk.is_none_or(|(trunk, _)| trunk.reach.permits(&target.dial, &self.country))
        };
        if ids().any(may) {
            return None;
        }
        let names: Vec<&str> = ids().map(|id| &**id).collect();
        let dialled = match &target.dial {
            Dial::Extension(text) => text.to_string(),
            Dial::Number(number) => number.to_string(),
        };
        let why = format!("{} may not dial {dialled}", names.join(" and "));
        Some((
            why,
            "add its country to `countries` of a trunk, or its beginning to `prefixes`",
        ))
    }
}

#[cfg(test)]
mod tests {
    use crate::config::trial::{good, notes};

    const TEXT: &str = "[[trunk]]\nid = \"pbx\"\nhost = \"192.0.2.1\"\n\
        [[trunk]]\nid = \"gsm\"\nhost = \"192.0.2.2\"\ncountries = \"RU\"\n\
        [[trunk]]\nid = \"sat\"\nhost = \"192.0.2.3\"\nprefixes = \"+8816\"\n\
        [[project]]\nid = \"shop\"\n[[source]]\ntag = \"x\"\nnumbers = \"+74950000001\"\n";

    #[test]
    fn who_can_never_be_dialled_is_told_at_load_and_by_route() {
        let text = format!(
            "{TEXT}[[manager]]\nid = \"far\"\nnumber = \"+447911123456\"\ntrunk = [\"gsm\", \"sat\"]\n\
             [[manager]]\nid = \"near\"\nnumber = \"+79160000000\"\ntrunk = [\"sat\", \"gsm\"]\n\
             [[manager]]\nid = \"us\"\nnumber = \"+74950000001\"\ntrunk = \"gsm\"\n\
             [[rule]]\nid = \"all\"\nto = [\"number:+12125550123@gsm\", \"ext:1@gsm\", \"manager:us\"]\n"
        );
        assert_eq!(
            notes(&text),
            [
                "18:6: warning: manager:far is never rung: gsm and sat may not dial +447911123456; add its country to `countries` of a trunk, or its beginning to `prefixes`",
                "26:6: warning: manager:us is never rung: +74950000001 is a virtual number of ours, and the call would come back; name whom that number's calls are for",
                "30:6: warning: number:+12125550123@gsm is never rung: gsm may not dial +12125550123; add its country to `countries` of a trunk, or its beginning to `prefixes`",
            ]
        );
        let config = good(&text);
        let source = config.tracking.sources().first().unwrap();
        let explained = config.routing.explain(&crate::route::Facts {
            at: crate::base::time::WallTime::from_millis(0),
            source,
            number: source.numbers[0],
            caller: &crate::base::number::Caller::Anonymous,
            trunk: "",
            prior_calls: 0,
            last_manager: None,
            rotation: &|_| 0,
            last_taken: &|_| None,
            chance: 0,
        });
        assert_eq!(
            explained.notes,
            [
                "number:+12125550123@gsm is not rung: gsm may not dial +12125550123",
                "manager:us is not rung: +74950000001 is a virtual number of ours, and the call would come back",
            ]
        );
    }
}
