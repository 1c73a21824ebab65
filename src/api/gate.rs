//! What the door knows: the users, their sessions, who failed to log in how often, the link for a house without users.
//!
//! A login is checked one at a time, on a thread of the lowest priority: a flood of them costs calls nothing.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::setpriority_process;
use tokio::sync::{Semaphore, oneshot};

use crate::api::settings::Settings;
use crate::base::chance::Chance;
use crate::base::time::{Moment, WallTime};
use crate::engine::strangers::{Strangers, What};
use crate::people::link::Link;
use crate::people::session::{Beginning, Handed, Holder, Session, Sessions};
use crate::people::throttle::{Source, Throttle};
use crate::people::{User, Users, Who};

/// Logins that wait for their turn: a second's worth. Further ones are told to come again.
const WAITING_MAX: usize = 32;

/// How long somebody waits who came when too many did.
pub(in crate::api) const BUSY: Duration = Duration::from_secs(2);

/// The lowest priority: whatever else wants the processor has it first.
const NICE: i32 = 19;

/// Who may come in, and who is in. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    /// The one login that is checked.
    turn: Semaphore,
    waiting: AtomicUsize,
}

#[derive(Debug)]
struct Inner {
    manned: Arc<Manned>,
    sessions: Sessions,
    throttle: Throttle,
    link: Link,
    strangers: Strangers,
    chance: Chance,
    /// Keeps others from working out whose hash stands in for a user who does not exist.
    key: u64,
}

/// Who is configured, and how they are met.
#[derive(Clone, Debug, Default)]
pub struct Manned {
    /// `[[user]]`
    pub users: Users,
    /// `[web]`
    pub web: Settings,
}

/// A login as it was tried.
#[derive(Clone)]
pub(in crate::api) struct Try {
    pub(in crate::api) name: String,
    pub(in crate::api) password: String,
    /// Where it came from.
    pub(in crate::api) from: SocketAddr,
    /// What the browser calls itself.
    pub(in crate::api) agent: String,
    /// The cookie that came along: its session ends.
    pub(in crate::api) cookie: Option<String>,
}

/// Why a login did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Failed {
    /// The name or the password.
    Wrong,
    /// Too many failures before; after so long it may be tried again.
    Wait(Duration),
    /// Too many others at once.
    Busy,
}

impl Gate {
    /// Opens for whoever is configured.
    pub fn new(manned: Manned, mut chance: Chance) -> Self {
        let key = chance.next_u64();
        let inner = Inner {
            sessions: Sessions::new(manned.web.session),
            manned: Arc::new(manned),
            throttle: Throttle::default(),
            link: Link::default(),
            strangers: Strangers::new(chance.next_u64()),
            chance,
            key,
        };
        Self(Arc::new(Shared {
            inner: Mutex::new(inner),
            turn: Semaphore::new(1),
            waiting: AtomicUsize::new(0),
        }))
    }

    /// Who is configured.
    pub fn manned(&self) -> Arc<Manned> {
        Arc::clone(&self.inner().manned)
    }

    /// Others are configured: sessions of those who are gone or not as they were end at once, and says how many.
    pub fn set_manned(&self, manned: Manned) -> usize {
        let mut inner = self.inner();
        let old = std::mem::replace(&mut inner.manned, Arc::new(manned));
        let new = Arc::clone(&inner.manned);
        inner.sessions.set_lifetime(new.web.session);
        if !new.users.is_empty() {
            inner.link.close();
        }
        inner.sessions.keep(|holder| match holder {
            Holder::User(name) => {
                let user = new.users.find(name);
                user.is_some() && user == old.users.find(name)
            }
            Holder::ThisMachine => new.users.is_empty(),
        })
    }

    /// A new token of the link for a house without users; `None` where there are some.
    pub fn link(&self) -> Option<String> {
        let inner = &mut *self.inner();
        let is_empty = inner.manned.users.is_empty();
        is_empty.then(|| inner.link.renew(&mut inner.chance))
    }

    /// Uses the link up and begins a session; `None`: it is not the link that waits.
    pub(in crate::api) fn enter(
        &self,
        token: &str,
        from: SocketAddr,
        agent: String,
        now: Moment,
        at: WallTime,
    ) -> Option<Handed> {
        let inner = &mut *self.inner();
        if !inner.manned.users.is_empty() || !inner.link.use_up(token) {
            return None;
        }
        let beginning = Beginning {
            holder: Holder::ThisMachine,
            from: from.ip().to_string().into(),
            agent,
            now,
            at,
        };
        Some(inner.sessions.begin(beginning, &mut inner.chance))
    }

    /// Whose session a cookie is, which counts as used.
    pub(in crate::api) fn session(
        &self,
        cookie: &str,
        now: Moment,
        at: WallTime,
    ) -> Option<(Who, Session)> {
        let inner = &mut *self.inner();
        let session = inner.sessions.use_of(cookie, now, at)?;
        let who = match &session.holder {
            Holder::User(name) => inner.manned.users.find(name)?.who(),
            Holder::ThisMachine => Who::this_machine(),
        };
        Some((who, session.clone()))
    }

    /// Whether a session still holds, which counts as used.
    pub(in crate::api) fn holds(&self, number: u64, now: Moment, at: WallTime) -> bool {
        self.inner().sessions.holds(number, now, at)
    }

    /// Ends the session of a cookie.
    pub(in crate::api) fn leave(&self, cookie: &str) -> bool {
        self.inner().sessions.end(cookie)
    }

    /// Ends a session by its number.
    pub(in crate::api) fn end(&self, number: u64) -> Option<Session> {
        self.inner().sessions.end_number(number)
    }

    /// Every session, the newest first.
    pub(in crate::api) fn sessions(&self, now: Moment) -> Vec<Session> {
        self.inner().sessions.list(now)
    }

    /// A line of the log about who was refused, in the shape that `docs/fail2ban.md` describes.
    pub(in crate::api) fn refused(
        &self,
        now: Moment,
        peer: SocketAddr,
        status: u16,
        why: &'static str,
    ) {
        let what = What::Refused { peer, status, why };
        self.inner().strangers.tell(now, what);
    }

    /// Writes the lines that had no room in their second.
    pub(in crate::api) fn handle_timeout(&self, now: Moment) {
        self.inner().strangers.handle_timeout(now);
    }

    /// Checks a login, and begins a session with it. To be awaited to its end: whoever hangs up has tried all the same.
    pub(in crate::api) async fn login(
        &self,
        given: Try,
        clock: impl Fn() -> (Moment, WallTime),
    ) -> Result<Handed, Failed> {
        let _waits = Waits::begin(&self.0.waiting).ok_or(Failed::Busy)?;
        let source = Source::of(given.from.ip());
        // Before the queue, so that whoever has to wait anyway does not wait in it.
        self.may_try(clock().0, &given.name, source)?;
        let turn = self.0.turn.acquire().await;
        let (now, _) = clock();
        let candidate = {
            let inner = self.inner();
            // Again: those before us in the queue may have been tries of the same.
            inner
                .throttle
                .may_try(now, &given.name, source)
                .map_err(Failed::Wait)?;
            let users = &inner.manned.users;
            let known = users.find(&given.name);
            known
                .or_else(|| users.stand_in(&given.name, inner.key))
                .cloned()
        };
        let is_right = match &candidate {
            Some(user) => is_password_of(user, &given.password).await && *user.name == *given.name,
            None => false,
        };
        drop(turn);
        let (now, at) = clock();
        let inner = &mut *self.inner();
        // A reload may have removed or changed them meanwhile.
        let user = inner.manned.users.find(&given.name);
        let user = user.filter(|user| is_right && candidate.as_ref() == Some(*user));
        let Some(user) = user else {
            inner.throttle.failed(now, &given.name, source);
            return Err(Failed::Wrong);
        };
        let holder = Holder::User(Arc::clone(&user.name));
        inner.throttle.passed(&given.name, source);
        if let Some(cookie) = &given.cookie {
            inner.sessions.end(cookie);
        }
        let beginning = Beginning {
            holder,
            from: given.from.ip().to_string().into(),
            agent: given.agent,
            now,
            at,
        };
        Ok(inner.sessions.begin(beginning, &mut inner.chance))
    }

    fn may_try(&self, now: Moment, name: &str, source: Source) -> Result<(), Failed> {
        let inner = self.inner();
        inner
            .throttle
            .may_try(now, name, source)
            .map_err(Failed::Wait)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks a password on a thread of its own, which calls never wait for.
async fn is_password_of(user: &Arc<User>, password: &str) -> bool {
    let (tell, told) = oneshot::channel();
    let (user, password) = (Arc::clone(user), password.to_owned());
    let started = std::thread::Builder::new()
        .name("login".to_owned())
        .spawn(move || {
            // Without the right to a lower priority it is checked all the same.
            let _lowered = setpriority_process(None, NICE).is_ok();
            // Whoever asked may have hung up.
            let _heard = tell.send(user.password.is(&password)).is_ok();
        });
    match started {
        Ok(_) => told.await.unwrap_or(false),
        Err(error) => {
            tracing::error!(%error, "no thread to check a login on");
            false
        }
    }
}

/// A place in the queue; given back when dropped, also by whoever hangs up while waiting.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn begin(count: &'a AtomicUsize) -> Option<Self> {
        let before = count.fetch_add(1, Ordering::Relaxed);
        let place = Self(count);
        (before < WAITING_MAX).then_some(place)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
