//! Past calls against other rules, one after the other in the order of time: what would become of each under the rules in
//! force, and what under edited ones. Pure: it is fed calls, and knows of their callers only what those said.
//!
//! Both sides are asked with the same facts: the number, the caller, the moment, how often the caller had called the project
//! and who had answered last. These come from the calls fed before, so the whole past should be fed, and not only the days
//! in question. Chance is left out: groups that shuffle are compared by who is in them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use crate::base::id::CallId;
use crate::base::map::Map;
use crate::base::number::{Caller, Number};
use crate::base::time::WallTime;
use crate::report::replayed::{Change, Changed, Difference, Fate, FateStep, Moved, Replayed};
use crate::route::outline::Outline;
use crate::route::rule::{Action, Aim};
use crate::route::{Facts, Routing};
use crate::store::history::{Histories, History};
use crate::store::past::Past;
use crate::track::{Source, Tracking};

/// Most differences that are listed: more than anybody reads, and still a page of a few megabytes.
pub const DIFFERENCES_MAX: usize = 10_000;

/// One set of rules.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// Numbers and sources.
    pub tracking: &'a Tracking,
    /// Rules.
    pub routing: &'a Routing,
    /// Whether a call is recorded, by whether it is tracked and what its rule says.
    pub records: &'a dyn Fn(bool, Option<bool>) -> bool,
}

/// A replay under way.
pub struct Replay<'a> {
    since: WallTime,
    until: WallTime,
    old: Asked<'a>,
    new: Asked<'a>,
    /// Trunks that any rule asks for, and the one that none asks for.
    trunks: Vec<Arc<str>>,
    histories: Histories,
    /// Answers that have not come yet when a call begins.
    answers: BinaryHeap<Reverse<Answer>>,
    fed: u64,
    outlines: Outlines,
    calls: u64,
    unknown: u64,
    erased: u64,
    changes: BTreeMap<Change, u64>,
    moved: BTreeMap<(Option<usize>, Option<usize>), (u64, u64)>,
    differences: Vec<Found<'a>>,
}

/// An answer to come, by its time.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Answer {
    at: WallTime,
    /// Of two answers in one millisecond the call that began later has the last word.
    nth: u64,
    caller: Option<u64>,
    project: Arc<str>,
    manager: Arc<str>,
}

/// A side with what was worked out of it.
struct Asked<'a> {
    side: Side<'a>,
    /// Whether the rule at a place asks who answered last.
    asks_last: Vec<bool>,
    /// Outlines of rules, by place and who answered last.
    known: BTreeMap<(usize, Option<Arc<str>>), usize>,
}

/// Every outline once, so that two are compared by their numbers.
#[derive(Default)]
struct Outlines {
    list: Vec<Outline>,
    numbers: Map<Outline, usize>,
}

/// What one side says of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Verdict<'a> {
    source: Option<&'a Arc<Source>>,
    rule: Option<usize>,
    outline: Option<usize>,
    tracked: bool,
    recorded: bool,
}

/// A difference, before it is written out.
struct Found<'a> {
    id: CallId,
    at: WallTime,
    caller: Option<Caller>,
    number: Number,
    trunk: Option<Arc<str>>,
    changes: Vec<Change>,
    old: Verdict<'a>,
    new: Verdict<'a>,
}

impl<'a> Replay<'a> {
    /// Will compare `old` with `new` for calls that began from `since` on and before `until`.
    pub fn new(old: Side<'a>, new: Side<'a>, since: WallTime, until: WallTime) -> Self {
        let mut trunks: Vec<Arc<str>> = vec!["".into()];
        for trunk in old.routing.trunks_asked().chain(new.routing.trunks_asked()) {
            if !trunks.contains(trunk) {
                trunks.push(Arc::clone(trunk));
            }
        }
        Self {
            since,
            until,
            old: Asked::new(old),
            new: Asked::new(new),
            trunks,
            // Who could choose numbers that meet in one place of the table would slow down an admin's question, and no call.
            histories: Histories::new(0),
            answers: BinaryHeap::new(),
            fed: 0,
            outlines: Outlines::default(),
            calls: 0,
            unknown: 0,
            erased: 0,
            changes: BTreeMap::new(),
            moved: BTreeMap::new(),
            differences: Vec::new(),
        }
    }

    /// Takes in the next call.
    pub fn take(&mut self, past: &Past<'_>) {
        self.fed += 1;
        self.hear_answers(past.at);
        if self.since <= past.at && past.at < self.until {
            self.judge(past);
        }
        let Some(project) = past.project.filter(|_| past.is_tracked) else {
            return;
        };
        self.histories.remember(past.key, project, None, past.at);
        if let Some((manager, at)) = past.answered {
            self.answers.push(Reverse(Answer {
                at,
                nth: self.fed,
                caller: past.key,
                project: Arc::clone(project),
                manager: Arc::clone(manager),
            }));
        }
    }

    /// Says what came of it.
    pub fn finish(mut self) -> Replayed {
        let gravest = |found: &Found<'_>| found.changes.first().copied();
        self.differences
            .sort_by_key(|found| (gravest(found), found.at, found.id));
        let differ = count(self.differences.len());
        let mut rules: Vec<_> = self
            .moved
            .iter()
            .map(|(&(from, to), &(calls, differ))| Moved {
                from: self.old.id(from),
                to: self.new.id(to),
                calls,
                differ,
            })
            .collect();
        rules.sort_by_key(|moved| Reverse((moved.differ, moved.calls)));
        let shown = self.differences.iter().take(DIFFERENCES_MAX);
        let differences: Vec<_> = shown.map(|found| self.difference(found)).collect();
        Replayed {
            since: self.since,
            until: self.until,
            calls: self.calls,
            differ,
            unknown: self.unknown,
            erased: self.erased,
            trunks: self.trunks.iter().skip(1).cloned().collect(),
            changes: self
                .changes
                .iter()
                .map(|(&change, &calls)| Changed { change, calls })
                .collect(),
            rules,
            more: differ - count(differences.len()),
            differences,
        }
    }

    /// Lets callers know who had answered them by `now`.
    fn hear_answers(&mut self, now: WallTime) {
        while let Some(Reverse(next)) = self.answers.peek()
            && next.at <= now
        {
            let Some(Reverse(answer)) = self.answers.pop() else {
                return;
            };
            let Answer {
                at,
                caller,
                project,
                manager,
                ..
            } = answer;
            self.histories.answered_then(caller, &project, &manager, at);
        }
    }

    fn judge(&mut self, past: &Past<'_>) {
        self.calls += 1;
        let Some(number) = past.number.and_then(Number::e164) else {
            self.unknown += 1;
            return;
        };
        let sources = [&self.old, &self.new].map(|asked| asked.side.tracking.source(number));
        let [old_source, new_source] = sources;
        if old_source.is_none() && new_source.is_none() {
            self.unknown += 1;
            return;
        }
        let caller = past.caller.caller();
        self.erased += u64::from(caller.is_none());
        let who = caller.as_ref().unwrap_or(&Caller::Anonymous);
        let known = |source: Option<&Arc<Source>>| {
            source.map_or_else(History::default, |source| {
                self.histories.of(&source.project.id, who)
            })
        };
        let earlier = [known(old_source), known(new_source)];
        let call = Imagined {
            at: past.at,
            number,
            caller: who,
        };
        let [of_old, of_new] = &earlier;
        let mut tried = Vec::with_capacity(self.trunks.len());
        for trunk in &self.trunks {
            let old = self
                .old
                .verdict(&call, old_source, of_old, trunk, &mut self.outlines);
            let new = self
                .new
                .verdict(&call, new_source, of_new, trunk, &mut self.outlines);
            tried.push((trunk, old, new));
        }
        // The rule that decided then may tell which trunk it was.
        let fits = |(_, old, _): &(&Arc<str>, Verdict<'_>, Verdict<'_>)| {
            self.old.id(old.rule).as_ref() == past.rule
        };
        if tried.iter().any(fits) {
            tried.retain(fits);
        }
        let changes = |(_, old, new): &(_, Verdict<'_>, Verdict<'_>)| self.changes_of(old, new);
        let differing = tried.iter().find(|one| !changes(one).is_empty());
        let Some((trunk, old, new)) = differing.or_else(|| tried.first()).copied() else {
            return;
        };
        let changes = self.changes_of(&old, &new);
        let moved = self.moved.entry((old.rule, new.rule)).or_default();
        moved.0 += 1;
        if changes.is_empty() {
            return;
        }
        moved.1 += 1;
        for change in &changes {
            *self.changes.entry(*change).or_default() += 1;
        }
        let trunk = (tried.len() > 1 && !trunk.is_empty()).then(|| Arc::clone(trunk));
        self.differences.push(Found {
            id: past.id,
            at: past.at,
            caller,
            number,
            trunk,
            changes,
            old,
            new,
        });
    }

    /// What differs, the gravest first.
    fn changes_of(&self, old: &Verdict<'_>, new: &Verdict<'_>) -> Vec<Change> {
        let mut changes = Vec::new();
        let (before, after) = match (old.source, new.source) {
            (None, None) => return changes,
            (Some(_), None) => return vec![Change::NoSource],
            (None, Some(_)) => return vec![Change::Found],
            (Some(before), Some(after)) => (before, after),
        };
        let reject = |verdict: &Verdict<'_>| self.outlines.get(verdict.outline)?.reject;
        let rings = |verdict: &Verdict<'_>| {
            let outline = self.outlines.get(verdict.outline);
            outline.is_some_and(|outline| !outline.steps.is_empty())
        };
        match (old.outline == new.outline, new.rule) {
            (true, _) => {}
            (false, None) => changes.push(Change::NoRule),
            (false, Some(_)) if reject(old) != reject(new) => changes.push(Change::Reject),
            (false, Some(_)) => changes.push(Change::Targets),
        }
        if old.tracked != new.tracked {
            changes.push(Change::Tracking);
        } else if old.recorded != new.recorded && rings(old) && rings(new) {
            changes.push(Change::Recording);
        }
        if !counts_alike(before, after) {
            changes.push(Change::Source);
        }
        if changes.is_empty() && self.old.id(old.rule) != self.new.id(new.rule) {
            changes.push(Change::Rule);
        }
        changes
    }

    fn difference(&self, found: &Found<'_>) -> Difference {
        Difference {
            id: found.id,
            at: found.at,
            caller: found.caller.clone(),
            number: found.number,
            trunk: found.trunk.clone(),
            changes: found.changes.clone(),
            old: self.fate(&self.old, &found.old),
            new: self.fate(&self.new, &found.new),
        }
    }

    fn fate(&self, asked: &Asked<'_>, verdict: &Verdict<'_>) -> Fate {
        let outline = self.outlines.get(verdict.outline);
        let steps = outline.map_or(&[][..], |outline| &outline.steps);
        Fate {
            source: verdict.source.map(|source| Arc::clone(&source.tag)),
            rule: asked.id(verdict.rule),
            reject: outline.and_then(|outline| outline.reject),
            steps: steps
                .iter()
                .map(|step| FateStep {
                    group: step.group.clone(),
                    strategy: step.strategy.map(Arc::from),
                    targets: step
                        .targets
                        .iter()
                        .map(|rung| Arc::clone(&rung.name))
                        .collect(),
                    dials: step.targets.iter().map(|rung| rung.dials.clone()).collect(),
                    ring_s: step.ring_s,
                })
                .collect(),
            tracked: verdict.tracked,
            recorded: verdict.recorded,
        }
    }
}

/// Whether calls of both count for the same.
fn counts_alike(old: &Source, new: &Source) -> bool {
    old.tag == new.tag
        && old.project.id == new.project.id
        && old.channel == new.channel
        && old.campaign == new.campaign
        && old.category == new.category
}

/// A past call as the rules are asked about it.
struct Imagined<'c> {
    at: WallTime,
    number: Number,
    caller: &'c Caller,
}

impl<'a> Asked<'a> {
    fn new(side: Side<'a>) -> Self {
        let asks = |action: &Action| match action {
            Action::To(aims) => aims.contains(&Aim::LastManager),
            Action::Reject(_) => false,
        };
        let rules = side.routing.rules().iter();
        Self {
            asks_last: rules.map(|rule| asks(&rule.action)).collect(),
            side,
            known: BTreeMap::new(),
        }
    }

    fn id(&self, place: Option<usize>) -> Option<Arc<str>> {
        let rule = self.side.routing.rules().get(place?)?;
        Some(Arc::clone(&rule.id))
    }

    fn verdict(
        &mut self,
        call: &Imagined<'_>,
        source: Option<&'a Arc<Source>>,
        earlier: &History,
        trunk: &str,
        outlines: &mut Outlines,
    ) -> Verdict<'a> {
        let Some(source) = source else {
            return Verdict {
                source: None,
                rule: None,
                outline: None,
                tracked: false,
                recorded: false,
            };
        };
        let rule = self.side.routing.winner(&Facts {
            at: call.at,
            source,
            number: call.number,
            caller: call.caller,
            trunk,
            prior_calls: earlier.prior_calls,
            last_manager: earlier.last_manager.as_deref(),
            rotation: &|_| 0,
            last_taken: &|_| None,
            chance: 0,
        });
        let outline =
            rule.and_then(|rule| self.outline(rule, earlier.last_manager.as_ref(), outlines));
        let tracked = source.project.tracks(call.at);
        let rings = outlines
            .get(outline)
            .is_some_and(|outline| !outline.steps.is_empty());
        let rules = self.side.routing.rules();
        let wish = rule.and_then(|rule| rules.get(rule)?.record);
        Verdict {
            source: Some(source),
            rule,
            outline,
            tracked,
            recorded: rings && (self.side.records)(tracked, wish),
        }
    }

    fn outline(
        &mut self,
        rule: usize,
        last_manager: Option<&Arc<str>>,
        outlines: &mut Outlines,
    ) -> Option<usize> {
        let asks_last = self.asks_last.get(rule).copied().unwrap_or(false);
        let key = (rule, last_manager.filter(|_| asks_last).cloned());
        if let Some(&known) = self.known.get(&key) {
            return Some(known);
        }
        let outline = self.side.routing.outline(rule, key.1.as_deref())?;
        let number = outlines.number(outline);
        self.known.insert(key, number);
        Some(number)
    }
}

impl Outlines {
    fn number(&mut self, outline: Outline) -> usize {
        if let Some(&number) = self.numbers.get(&outline) {
            return number;
        }
        let number = self.list.len();
        self.list.push(outline.clone());
        self.numbers.insert(outline, number);
        number
    }

    fn get(&self, number: Option<usize>) -> Option<&Outline> {
        self.list.get(number?)
    }
}

fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
