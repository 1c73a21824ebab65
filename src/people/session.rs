//! Sessions: who has proved who they are, for how long it holds, and the token that their pages show with every change.
//!
//! They live in memory alone: a restart ends them all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::base::chance::Chance;
use crate::base::time::{Moment, WallTime};
use crate::people::secret::{self, Print};

/// Sessions at once; past that the one that was not used for longest ends.
pub const SESSIONS_MAX: usize = 1_024;

/// Sessions of one user: a desk, a telephone, a board on the wall, each in some browsers.
pub const SESSIONS_OF_ONE_MAX: usize = 16;

/// Characters of the browser's name that are kept.
const AGENT_MAX: usize = 160;

/// How long a session holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// From the login.
    pub whole: Duration,
    /// From its last request.
    pub idle: Duration,
}

impl Default for Lifetime {
    fn default() -> Self {
        Self {
            whole: Duration::from_secs(12 * 3_600),
            idle: Duration::from_secs(2 * 3_600),
        }
    }
}

/// Whose session it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A user's, by name.
    User(Arc<str>),
    /// Of whoever came by the link that `serve` prints while there are no users.
    ThisMachine,
}

/// One session, as its own request and the admin see it.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// A number to speak of it by; knowing it proves nothing.
    pub number: u64,
    /// Whose.
    pub holder: Holder,
    /// What its pages send with every change.
    pub csrf: Arc<str>,
    /// When it began, for people.
    pub began_at: WallTime,
    /// When it was used last, for people.
    pub seen_at: WallTime,
    /// Where its login came from.
    pub from: Arc<str>,
    /// What the browser called itself at the login.
    pub agent: Arc<str>,
    began: Moment,
    seen: Moment,
}

/// What a login hands out.
#[derive(Clone, PartialEq, Eq)]
pub struct Handed {
    /// The cookie's value. It is nowhere else.
    pub cookie: String,
    /// The session's number.
    pub number: u64,
}

/// Who begins a session, and when.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// Whose session.
    pub holder: Holder,
    /// Where the login came from.
    pub from: Arc<str>,
    /// What the browser calls itself.
    pub agent: String,
    /// Now.
    pub now: Moment,
    /// Now, for people.
    pub at: WallTime,
}

/// Every session.
#[derive(Debug)]
pub struct Sessions {
    lifetime: Lifetime,
    by_print: BTreeMap<Print, Session>,
    next: u64,
}

impl Sessions {
    /// None yet.
    pub const fn new(lifetime: Lifetime) -> Self {
        Self {
            lifetime,
            by_print: BTreeMap::new(),
            next: 1,
        }
    }

    /// Another lifetime holds at once, for those that have begun as well.
    pub const fn set_lifetime(&mut self, lifetime: Lifetime) {
        self.lifetime = lifetime;
    }

    /// Begins a session with a name that nobody knew before, so that none that was slipped to somebody before their login
    /// (fixation) becomes theirs.
    pub fn begin(&mut self, beginning: Beginning, chance: &mut Chance) -> Handed {
        self.drop_old(beginning.now);
        let own = self.of(&beginning.holder);
        if own >= SESSIONS_OF_ONE_MAX {
            self.drop_stalest(|session| session.holder == beginning.holder);
        }
        if self.by_print.len() >= SESSIONS_MAX {
            self.drop_stalest(|_| true);
        }
        let cookie = secret::fresh(chance);
        let number = self.next;
        self.next += 1;
        let session = Session {
            number,
            holder: beginning.holder,
            csrf: secret::fresh(chance).into(),
            began_at: beginning.at,
            seen_at: beginning.at,
            from: beginning.from,
            agent: beginning
                .agent
                .chars()
                .take(AGENT_MAX)
                .collect::<String>()
                .into(),
            began: beginning.now,
            seen: beginning.now,
        };
        self.by_print.insert(Print::of(&cookie), session);
        Handed { cookie, number }
    }

    /// The session of a cookie, which is in use with that; `None`: there is none, or it is over.
    pub fn use_of(&mut self, cookie: &str, now: Moment, at: WallTime) -> Option<&Session> {
        let print = Print::of(cookie);
        if self
            .by_print
            .get(&print)
            .is_some_and(|session| self.lifetime.is_over(session, now))
        {
            self.by_print.remove(&print);
        }
        let session = self.by_print.get_mut(&print)?;
        session.seen = session.seen.max(now);
        session.seen_at = at;
        Some(session)
    }

    /// Whether the session of this number still holds, and notes that it is in use.
    pub fn holds(&mut self, number: u64, now: Moment, at: WallTime) -> bool {
        let lifetime = self.lifetime;
        let found = self
            .by_print
            .values_mut()
            .find(|session| session.number == number);
        let Some(session) = found.filter(|session| !lifetime.is_over(session, now)) else {
            return false;
        };
        session.seen = session.seen.max(now);
        session.seen_at = at;
        true
    }

    /// Ends the session of a cookie; says whether there was one.
    pub fn end(&mut self, cookie: &str) -> bool {
        self.by_print.remove(&Print::of(cookie)).is_some()
    }

    /// Ends the session of a number, and returns it.
    pub fn end_number(&mut self, number: u64) -> Option<Session> {
        let print = self
            .by_print
            .iter()
            .find(|(_, session)| session.number == number)
            .map(|(print, _)| *print)?;
        self.by_print.remove(&print)
    }

    /// Ends those that `keeps` does not keep, and says how many.
    pub fn keep(&mut self, keeps: impl Fn(&Holder) -> bool) -> usize {
        let before = self.by_print.len();
        self.by_print.retain(|_, session| keeps(&session.holder));
        before - self.by_print.len()
    }

    /// Those that hold at `now`, the newest first.
    pub fn list(&mut self, now: Moment) -> Vec<Session> {
        self.drop_old(now);
        let mut list: Vec<_> = self.by_print.values().cloned().collect();
        list.sort_by_key(|session| std::cmp::Reverse(session.number));
        list
    }

    fn of(&self, holder: &Holder) -> usize {
        let own = self
            .by_print
            .values()
            .filter(|session| session.holder == *holder);
        own.count()
    }

    fn drop_old(&mut self, now: Moment) {
        let lifetime = self.lifetime;
        self.by_print
            .retain(|_, session| !lifetime.is_over(session, now));
    }

    fn drop_stalest(&mut self, of: impl Fn(&Session) -> bool) {
        let candidates = self.by_print.iter().filter(|(_, session)| of(session));
        let stalest = candidates
            .min_by_key(|(_, session)| (session.seen, session.number))
            .map(|(print, _)| *print);
        if let Some(print) = stalest {
            self.by_print.remove(&print);
        }
    }
}

impl Lifetime {
    fn is_over(&self, session: &Session, now: Moment) -> bool {
        now - session.began >= self.whole || now - session.seen >= self.idle
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("number", &self.number)
            .field("holder", &self.holder)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Handed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handed")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    fn at(minutes: u64) -> Moment {
        Moment::from_millis(minutes * MINUTE)
    }

    fn wall(minutes: u64) -> WallTime {
        WallTime::from_millis(1_795_253_400_000) + Duration::from_secs(minutes * 60)
    }

    fn begin(sessions: &mut Sessions, name: &str, minutes: u64, chance: &mut Chance) -> Handed {
        let beginning = Beginning {
            holder: Holder::User(name.into()),
            from: "192.0.2.7".into(),
            agent: "browser".to_owned(),
            now: at(minutes),
            at: wall(minutes),
        };
        sessions.begin(beginning, chance)
    }

    fn used(sessions: &mut Sessions, cookie: &str, minutes: u64) -> bool {
        sessions
            .use_of(cookie, at(minutes), wall(minutes))
            .is_some()
    }

    #[test]
    fn a_session_ends_when_nobody_uses_it_and_at_its_end_whoever_uses_it() {
        let mut chance = Chance::from_number(1);
        let mut sessions = Sessions::new(Lifetime::default());
        let idle = begin(&mut sessions, "anna", 0, &mut chance);
        assert!(used(&mut sessions, &idle.cookie, 119));
        assert!(!used(&mut sessions, &idle.cookie, 119 + 120));
        let busy = begin(&mut sessions, "anna", 0, &mut chance);
        for minutes in (0..720).step_by(60) {
            assert!(used(&mut sessions, &busy.cookie, minutes), "{minutes}");
        }
        assert!(!used(&mut sessions, &busy.cookie, 720));
        assert!(sessions.list(at(720)).is_empty());
    }

    #[test]
    fn only_its_cookie_opens_a_session_and_logout_closes_it() {
        let mut chance = Chance::from_number(2);
        let mut sessions = Sessions::new(Lifetime::default());
        let one = begin(&mut sessions, "anna", 0, &mut chance);
        let two = begin(&mut sessions, "boris", 0, &mut chance);
        assert_ne!(one.cookie, two.cookie);
        assert!(!used(&mut sessions, "", 1) && !used(&mut sessions, &"0".repeat(64), 1));
        let found = sessions.use_of(&one.cookie, at(1), wall(1)).unwrap();
        assert_eq!(found.holder, Holder::User("anna".into()));
        assert!(sessions.end(&one.cookie) && !sessions.end(&one.cookie));
        assert!(!used(&mut sessions, &one.cookie, 1) && used(&mut sessions, &two.cookie, 1));
        let shown = format!("{sessions:?} {two:?}");
        assert!(!shown.contains(&two.cookie), "{shown}");
    }

    #[test]
    fn an_admin_ends_by_number_and_a_reload_by_name() {
        let mut chance = Chance::from_number(3);
        let mut sessions = Sessions::new(Lifetime::default());
        let anna = begin(&mut sessions, "anna", 0, &mut chance);
        let boris = begin(&mut sessions, "boris", 0, &mut chance);
        assert!(sessions.holds(anna.number, at(1), wall(1)));
        assert_eq!(
            sessions.end_number(anna.number).unwrap().holder,
            Holder::User("anna".into())
        );
        assert!(sessions.end_number(anna.number).is_none());
        assert!(!sessions.holds(anna.number, at(1), wall(1)));
        assert_eq!(
            sessions.keep(|holder| *holder == Holder::User("anna".into())),
            1
        );
        assert!(!used(&mut sessions, &boris.cookie, 1));
    }

    #[test]
    fn nobody_fills_the_table_and_the_stalest_makes_room() {
        let mut chance = Chance::from_number(4);
        let mut sessions = Sessions::new(Lifetime::default());
        let kept = begin(&mut sessions, "boris", 0, &mut chance);
        let first = begin(&mut sessions, "anna", 0, &mut chance);
        for _ in 0..SESSIONS_OF_ONE_MAX {
            begin(&mut sessions, "anna", 1, &mut chance);
        }
        assert!(!used(&mut sessions, &first.cookie, 2));
        assert_eq!(sessions.list(at(2)).len(), SESSIONS_OF_ONE_MAX + 1);
        assert!(used(&mut sessions, &kept.cookie, 2));
        for n in 0..2 * SESSIONS_MAX {
            begin(&mut sessions, &format!("user {n}"), 3, &mut chance);
        }
        assert_eq!(sessions.list(at(3)).len(), SESSIONS_MAX);
    }
}
