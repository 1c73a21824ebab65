//! What is known of a caller at once: earlier calls, who answered last, and when each manager last took a call.
//!
//! The engine asks while it decides a call, so the answer comes from memory and never waits for the disk. Counts change
//! when a fact is told, not when it is synced: two calls a millisecond apart must see each other.

use std::sync::Arc;

use crate::base::id::CallId;
use crate::base::map::Map;
use crate::base::map::keyed;
use crate::base::number::Caller;
use crate::base::time::WallTime;
use crate::call::story::Answered;
use crate::call::story::Began;
use crate::store::caller::caller_key;

/// What a caller's earlier calls within one project say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// How many there were. Always 0 for an anonymous caller: nobody knows who that is.
    pub prior_calls: u32,
    /// Who answered the last one that was answered.
    pub last_manager: Option<Arc<str>>,
}

/// One caller within one project, in 8 bytes beside its key.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    calls: u32,
    /// Place of the manager's name; 0: nobody answered yet.
    manager: u32,
}

/// All callers.
#[derive(Debug)]
pub(crate) struct Histories {
    known: Map<(u64, u32), Known>,
    /// Callers of calls in progress: `answered` does not say who called.
    talking: Map<CallId, (u64, u32)>,
    taken: Map<u32, WallTime>,
    names: Map<Arc<str>, u32>,
    by_number: Vec<Arc<str>>,
}

impl Histories {
    /// Knows nobody. `key` is 64 bits of chance.
    pub(crate) fn new(key: u64) -> Self {
        Self {
            known: keyed(key),
            talking: keyed(key),
            taken: keyed(key),
            names: keyed(key),
            by_number: Vec::new(),
        }
    }

    /// Answers for one caller.
    pub(crate) fn of(&self, project: &str, caller: &Caller) -> History {
        let known = caller_key(caller)
            .zip(self.names.get(project))
            .and_then(|(caller, &project)| self.known.get(&(caller, project)));
        known.map_or_else(History::default, |known| History {
            prior_calls: known.calls,
            last_manager: self.name(known.manager),
        })
    }

    /// When `manager` last answered.
    pub(crate) fn last_taken(&self, manager: &str) -> Option<WallTime> {
        let manager = self.names.get(manager)?;
        self.taken.get(manager).copied()
    }

    /// A call began.
    pub(crate) fn began(&mut self, call: CallId, began: &Began) {
        if began.tracked
            && let Some(caller) = caller_key(&began.caller)
        {
            let key = (caller, self.number(&began.source.project));
            self.count(key);
            self.talking.insert(call, key);
        }
    }

    /// A call was answered.
    pub(crate) fn answered(&mut self, call: CallId, at: WallTime, answered: &Answered) {
        if let Some(manager) = &answered.manager {
            let manager = self.number(manager);
            self.took(manager, at);
            if let Some(&key) = self.talking.get(&call) {
                self.known.entry(key).or_default().manager = manager;
            }
        }
    }

    /// A call ended: nothing more is learned from it.
    pub(crate) fn ended(&mut self, call: CallId) {
        self.talking.remove(&call);
    }

    /// Takes in a call of the past; calls come in the order they began.
    pub(crate) fn remember(
        &mut self,
        caller: Option<u64>,
        project: &Arc<str>,
        manager: Option<&Arc<str>>,
        answered_at: WallTime,
    ) {
        let manager = manager.map(|manager| self.number(manager));
        if let Some(manager) = manager {
            self.took(manager, answered_at);
        }
        if let Some(caller) = caller {
            let key = (caller, self.number(project));
            self.count(key);
            if let Some(manager) = manager {
                self.known.entry(key).or_default().manager = manager;
            }
        }
    }

    /// Somebody answered a call of the past, which was taken in without that.
    pub(crate) fn answered_then(
        &mut self,
        caller: Option<u64>,
        project: &Arc<str>,
        manager: &Arc<str>,
        at: WallTime,
    ) {
        let manager = self.number(manager);
        self.took(manager, at);
        if let Some(caller) = caller {
            let key = (caller, self.number(project));
            if let Some(known) = self.known.get_mut(&key) {
                known.manager = manager;
            }
        }
    }

    /// Forgets one caller in every project.
    pub(crate) fn forget(&mut self, caller: u64) {
        self.known.retain(|&(known, _), _| known != caller);
        self.talking.retain(|_, &mut (known, _)| known != caller);
    }

    fn count(&mut self, key: (u64, u32)) {
        let known = self.known.entry(key).or_default();
        known.calls = known.calls.saturating_add(1);
    }

    fn took(&mut self, manager: u32, at: WallTime) {
        let last = self.taken.entry(manager).or_insert(at);
        *last = at.max(*last);
    }

    /// Numbers start at 1, so that 0 says "nobody".
    fn number(&mut self, name: &Arc<str>) -> u32 {
        if let Some(&number) = self.names.get(name) {
            return number;
        }
        self.by_number.push(Arc::clone(name));
        let number = u32::try_from(self.by_number.len()).unwrap_or(u32::MAX);
        self.names.insert(Arc::clone(name), number);
        number
    }

    fn name(&self, number: u32) -> Option<Arc<str>> {
        let place = usize::try_from(number.checked_sub(1)?).ok()?;
        self.by_number.get(place).cloned()
    }
}
