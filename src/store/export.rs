//! Tables of calls that left the house: who took which, the newest of them in memory. Each is an event of the log, and each
//! checkpoint lists those that are remembered, so that they outlive index and rows. Pure.
//!
//! A table's line has its conditions and no list of its calls: whether one call was in it is found out from those. Of
//! conditions that the log does not tell, or that were true of the call then and need not be now, nobody can know.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::time::WallTime;
use crate::store::event::house::House;
use crate::store::query::Query;
use crate::store::record::CallRecord;

/// Most tables that are remembered: half a year of one a day. The log has them all.
const EXPORTS_MAX: usize = 200;

/// Conditions on what people say of a call, and on what it was doing: they may hold today and not have held then.
const CHANGING: [&str; 8] = [
    "tag",
    "goal",
    "stage",
    "outcome",
    "target",
    "status",
    "callback_open",
    "narrow",
];

/// A table of calls that somebody took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Export {
    /// The number of its line in the log.
    pub n: u64,
    /// When the last of it had left.
    pub at: WallTime,
    /// Who took it.
    pub by: String,
    /// How many calls.
    pub calls: u64,
    /// The conditions, as members of a query; `true` in the place of a text that is not told.
    pub filter: Map<String, Value>,
}

/// Whether a call was in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Had {
    /// It met every condition, and all of them are known.
    Surely,
    /// It met those that are known and do not change.
    Perhaps,
}

impl Export {
    /// Whether `call` was in it; `None`: it was not.
    pub fn had(&self, call: &CallRecord) -> Option<Had> {
        if call.started_at >= self.at {
            return None;
        }
        let mut filter = self.filter.clone();
        let before = filter.len();
        let is_hidden = |value: &Value| *value == Value::Bool(true);
        filter.retain(|name, value| {
            let is_flag = name == "repeat";
            !CHANGING.contains(&name.as_str()) && (is_flag || !is_hidden(value))
        });
        if let Some(Value::Array(projects)) = filter.get_mut("projects") {
            projects.retain(|project| !is_hidden(project));
        }
        let is_part = ["limit", "cursor"]
            .iter()
            .any(|name| filter.remove(*name).is_some());
        let had = if filter.len() == before && !is_part {
            Had::Surely
        } else {
            Had::Perhaps
        };
        let query: Query = serde_json::from_value(Value::Object(filter)).ok()?;
        query.matches(call).then_some(had)
    }
}

/// The tables that are remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exports(Vec<Export>);

impl Exports {
    /// Takes in what a line says of tables.
    pub(crate) fn apply(&mut self, n: u64, at: WallTime, house: &House) {
        if let House::Exported(exported) = house {
            self.add(Export {
                n,
                at,
                by: exported.by.clone(),
                calls: exported.calls,
                filter: exported.filter.clone(),
            });
        }
    }

    /// Takes one in. Taking it in twice changes nothing.
    pub(crate) fn add(&mut self, export: Export) {
        let place = self.0.partition_point(|other| other.n < export.n);
        if self.0.get(place).is_none_or(|other| other.n != export.n) {
            self.0.insert(place, export);
        }
        let more = self.0.len().saturating_sub(EXPORTS_MAX);
        self.0.drain(..more);
    }

    /// All, the oldest first.
    pub(crate) fn list(&self) -> &[Export] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::event::Event;
    use crate::store::fold::{Draft, Stamp};
    use crate::store::trial;

    fn call() -> CallRecord {
        let script = trial::Script::nth(1);
        let mut draft = Draft::default();
        for (fact, n) in [script.began(), script.ended()].into_iter().zip(1..) {
            let stamp = Stamp {
                n,
                at: fact.at,
                mono: fact.mono,
            };
            draft.apply(stamp, Event::from(fact.what));
        }
        draft.record(script.id).unwrap()
    }

    fn export(n: u64, filter: Value) -> Export {
        let Value::Object(filter) = filter else {
            panic!("{filter} is no object");
        };
        Export {
            n,
            at: trial::MORNING + std::time::Duration::from_secs(86_400),
            by: "anna".into(),
            calls: 7,
            filter,
        }
    }

    #[test]
    fn whether_a_call_was_in_a_table_is_said_as_far_as_it_can_be_known() {
        let call = call();
        let of = |filter: Value| {
            let mut export = export(1, filter);
            export.at = call.started_at + std::time::Duration::from_secs(60);
            export.had(&call)
        };
        let project = call.project.to_string();
        assert_eq!(of(json!({})), Some(Had::Surely));
        assert_eq!(of(json!({"project": project})), Some(Had::Surely));
        assert_eq!(of(json!({"projects": [project, true]})), Some(Had::Surely));
        assert_eq!(of(json!({"project": "other"})), None);
        for perhaps in [
            json!({"project": project, "tag": "whatever"}),
            json!({"caller": true}),
            json!({"project": project, "limit": 5}),
        ] {
            assert_eq!(of(perhaps.clone()), Some(Had::Perhaps), "{perhaps}");
        }
        assert_eq!(of(json!({"q": true, "project": "other"})), None);
        let mut early = export(1, json!({}));
        early.at = call.started_at;
        assert_eq!(early.had(&call), None, "it began later");
    }

    #[test]
    fn the_newest_tables_are_remembered_each_once() {
        let mut exports = Exports::default();
        for n in (1..=300).chain(250..=300) {
            exports.add(export(n, json!({})));
        }
        let numbers: Vec<u64> = exports.list().iter().map(|export| export.n).collect();
        assert_eq!(numbers, (101..=300).collect::<Vec<_>>());
    }
}
