//! The thread that sends letters: asks the outbox what is due, has it put together, hands it over, and has the log say so.
//!
//! A letter counts as delivered when a server took it, and the log says so before the next one is tried. Only a process that ends
//! between the two sends a letter twice, with the Message-ID of the first; as does a connection that breaks after the letter and
//! before the server's answer.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::tz::TimeZone;
use rustix::process::setpriority_process;

use crate::base::clock::Clock;
use crate::base::time::{Moment, WallTime};
use crate::notify::address::Address;
use crate::notify::letter::{self, Content, Outside};
use crate::notify::outbox::{End, Letter, Outbox, Withheld};
use crate::notify::settings::Settings;
use crate::notify::smtp::{Carrier, Failure};
use crate::store::Store;
use crate::store::saved::{Mailed, SavedReport};

/// How long nothing is looked at: users and projects change with the configuration, and wall clocks are set.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How soon the log is told again that a letter ended, when the disk refused.
const TELL_AGAIN: Duration = Duration::from_secs(5);

/// How long a stop waits for the letter that is on its way: whoever stops a service waits no longer.
const STOP_MAX: Duration = Duration::from_secs(10);

/// How much this thread stands back behind sound and signalling, as those of HTTP do.
const NICE: i32 = 5;

/// What the thread asks of the rooms that know reports and people.
pub trait House: Send + Sync {
    /// On whose clocks a report is sent.
    ///
    /// # Errors
    /// It may not be sent now.
    fn zone(&self, report: &SavedReport) -> Result<TimeZone, Withheld>;

    /// What a letter says, "last week" counted from `due`.
    ///
    /// # Errors
    /// It cannot be put together now, and why.
    fn content(&self, report: &SavedReport, due: WallTime) -> Result<Content, String>;
}

/// Makes a carrier for settings.
pub type Carriers = Box<dyn Fn(Arc<Settings>) -> Box<dyn Carrier> + Send>;

/// The thread that sends letters. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Post(Arc<Inner>);

/// A letter that waits, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waits {
    /// Which.
    pub letter: Letter,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next.
    pub next: WallTime,
    /// What the last try said.
    pub why: Option<String>,
}

struct Inner {
    store: Store,
    clock: Clock,
    house: Arc<dyn House>,
    state: Mutex<State>,
    bell: Condvar,
    delivered: AtomicU64,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct State {
    outbox: Outbox,
    settings: Option<Arc<Settings>>,
    /// Letters at their end of which the log does not say so yet.
    untold: VecDeque<(Letter, Mailed)>,
    is_woken: bool,
    is_stopping: bool,
    has_ended: bool,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").finish_non_exhaustive()
    }
}

/// What the thread keeps between two letters.
struct Desk {
    carriers: Carriers,
    carrier: Option<(Arc<Settings>, Box<dyn Carrier>)>,
    /// The last letter's words, for its other recipients.
    written: Option<(String, WallTime, Content)>,
}

impl Post {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system is out of threads.
    pub fn start(
        store: Store,
        clock: Clock,
        house: Arc<dyn House>,
        settings: Option<Settings>,
        carriers: Carriers,
    ) -> io::Result<Self> {
        let state = State {
            settings: settings.map(Arc::new),
            ..State::default()
        };
        let post = Self(Arc::new(Inner {
            store,
            clock,
            house,
            state: Mutex::new(state),
            bell: Condvar::new(),
            delivered: AtomicU64::new(0),
            thread: Mutex::new(None),
        }));
        let inner = Arc::clone(&post.0);
        let desk = Desk {
            carriers,
            carrier: None,
            written: None,
        };
        let thread = thread::Builder::new().name("post".into()).spawn(move || {
            if let Err(error) = setpriority_process(None, NICE) {
                tracing::debug!(%error, "letters keep the priority of calls");
            }
            inner.run(desk);
        })?;
        *post.0.thread() = Some(thread);
        Ok(post)
    }

    /// Puts another `[mail]` in force.
    pub fn set(&self, settings: Option<Settings>) {
        let mut state = self.0.state();
        state.settings = settings.map(Arc::new);
        let now = self.0.clock.now();
        state.outbox.hurry(now);
        self.0.wake(&mut state);
    }

    /// Looks at once: something was saved, removed or asked for.
    pub fn wake(&self) {
        let mut state = self.0.state();
        self.0.wake(&mut state);
    }

    /// Tries everything that waits at once.
    pub fn hurry(&self) {
        let mut state = self.0.state();
        let now = self.0.clock.now();
        state.outbox.hurry(now);
        self.0.wake(&mut state);
    }

    /// Whether there is a `[mail]`.
    pub fn is_set_up(&self) -> bool {
        self.0.state().settings.is_some()
    }

    /// The letters that wait, those of one report together. What was asked for waits from that moment on.
    pub fn waiting(&self) -> Vec<Waits> {
        let (now, wall) = (self.0.clock.now(), self.0.clock.wall());
        // The log first: what ended between the two looks waits a moment longer, and nothing is passed by.
        let shelf = self.0.store.saved();
        let state = self.0.state();
        let waiting = state.outbox.waiting();
        let mut waiting: Vec<Waits> = waiting
            .map(|(letter, waiting)| Waits {
                letter: letter.clone(),
                tries: waiting.tries,
                next: wall + (waiting.next - now),
                why: waiting.why.clone(),
            })
            .collect();
        for asked in shelf.list().iter().flat_map(|saved| &saved.asked) {
            for recipient in &asked.recipients {
                let letter = Letter {
                    report: asked.report.clone(),
                    period: asked.period.clone(),
                    recipient: recipient.clone(),
                };
                if waiting.iter().all(|waits| waits.letter != letter) {
                    waiting.push(Waits {
                        letter,
                        tries: 0,
                        next: wall,
                        why: None,
                    });
                }
            }
        }
        waiting.sort_by(|one, other| one.letter.cmp(&other.letter));
        waiting
    }

    /// Why a report is not sent now.
    pub fn withheld(&self, report: &str) -> Option<Withheld> {
        self.0.state().outbox.withheld().get(report).cloned()
    }

    /// How many letters wait, and how many servers took since the start.
    pub fn counts(&self) -> (u64, u64) {
        let waiting = self.0.state().outbox.waiting().len();
        (
            u64::try_from(waiting).unwrap_or(u64::MAX),
            self.0.delivered.load(Ordering::Relaxed),
        )
    }

    /// Ends the thread, and waits for the letter that is on its way, ten seconds at most.
    pub fn stop(&self) {
        let mut state = self.0.state();
        state.is_stopping = true;
        self.0.wake(&mut state);
        let waited = self
            .0
            .bell
            .wait_timeout_while(state, STOP_MAX, |state| !state.has_ended);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let has_ended = state.has_ended;
        drop(state);
        if has_ended {
            // It lets go of the store with its last step.
            let ended = self.0.thread().take().map(JoinHandle::join);
            if ended.is_some_and(|ended| ended.is_err()) {
                tracing::error!("the thread of letters ended in a panic");
            }
        } else {
            tracing::warn!(
                "a letter was still on its way; if the server took it, it is sent again after the next start"
            );
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn thread(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, state: &mut State) {
        state.is_woken = true;
        self.bell.notify_all();
    }

    fn run(&self, mut desk: Desk) {
        loop {
            // Before the look: who rings during it is not to be missed.
            self.state().is_woken = false;
            let (now, wall) = (self.clock.now(), self.clock.wall());
            let shelf = self.store.saved();
            let mut state = self.state();
            if state.is_stopping {
                break;
            }
            let settings = state.settings.clone();
            state.outbox.plan(now, wall, shelf.list(), |report| {
                settings.as_ref().ok_or(Withheld::NoMail)?;
                self.house.zone(report)
            });
            let due = state.outbox.next(now);
            let due = due.map(|(letter, waiting)| (letter.clone(), waiting.due));
            match (due, settings) {
                (Some((letter, due)), Some(settings)) if state.untold.is_empty() => {
                    drop(state);
                    let report = shelf.find(&letter.report).map(|saved| &saved.report);
                    let outcome = match report {
                        Some(report) => self.send(&mut desk, &settings, report, &letter, due),
                        // Only what is saved is planned.
                        None => continue,
                    };
                    self.tried(&letter, due, &settings, outcome);
                }
                _ => {
                    // A server takes its time to say goodbye, and nobody else is to wait for it.
                    drop(state);
                    desk.rest();
                    self.wait(self.state(), now, wall);
                }
            }
            self.tell();
        }
        desk.rest();
        drop(desk);
        let mut state = self.state();
        state.has_ended = true;
        self.bell.notify_all();
    }

    /// Tries one letter, which takes as long as the server does.
    fn send(
        &self,
        desk: &mut Desk,
        settings: &Arc<Settings>,
        report: &SavedReport,
        letter: &Letter,
        due: WallTime,
    ) -> Result<(), Failure> {
        let to: Address = letter
            .recipient
            .parse()
            .map_err(|why| Failure::Never(format!("{} is no address: {why}", letter.recipient)))?;
        let content = match desk.written.take() {
            Some((id, at, content)) if id == report.id && at == due => content,
            Some(_) | None => self.house.content(report, due).map_err(Failure::Later)?,
        };
        let message_id = letter::message_id(&report.id, &letter.period, &to, &settings.from);
        let outside = Outside {
            from: &settings.from,
            to: &to,
            message_id: &message_id,
            at: self.clock.wall(),
        };
        let message = letter::compose(&content, outside);
        desk.written = Some((report.id.clone(), due, content));
        let message = message.map_err(|unfit| Failure::Never(unfit.to_string()))?;
        desk.carrier(settings).carry(&message)
    }

    /// Notes what a try came to; a letter's end waits for the log.
    fn tried(
        &self,
        letter: &Letter,
        due: WallTime,
        settings: &Settings,
        outcome: Result<(), Failure>,
    ) {
        let Letter {
            report,
            period,
            recipient,
        } = letter;
        if let Err(Failure::Later(why) | Failure::Never(why)) = &outcome {
            tracing::warn!(report, period, why, "a letter was not taken");
        }
        let now = self.clock.now();
        let mut state = self.state();
        let Some(end) = state.outbox.tried(letter, now, outcome) else {
            return;
        };
        let address = recipient.parse::<Address>();
        let id = address.map(|to| letter::message_id(report, period, &to, &settings.from));
        let mailed = Mailed {
            report: report.clone(),
            period: period.clone(),
            due,
            recipient: recipient.clone(),
            message_id: id.unwrap_or_default(),
            dead: match end {
                End::Delivered => {
                    self.delivered.fetch_add(1, Ordering::Relaxed);
                    None
                }
                End::Dead(why) => {
                    tracing::error!(
                        report,
                        period,
                        why,
                        "a letter is given up; the page of saved reports has it"
                    );
                    Some(why)
                }
            },
        };
        state.untold.push_back((letter.clone(), mailed));
    }

    /// Has the log say which letters ended. Nothing more is sent until it does.
    fn tell(&self) {
        loop {
            let first = self.state().untold.front().cloned();
            let Some((letter, mailed)) = first else {
                return;
            };
            if let Err(error) = self.store.mailed(mailed) {
                tracing::error!(%error, "that a letter was sent is not in the log yet; no further one is sent before");
                return;
            }
            let mut state = self.state();
            state.untold.pop_front();
            state.outbox.told(&letter);
        }
    }

    /// Waits for the next try, the next week's turn, or somebody who rings.
    fn wait(&self, state: MutexGuard<'_, State>, now: Moment, wall: WallTime) {
        let mut pause = LOOK_EVERY;
        if let Some(next) = state.outbox.poll_timeout() {
            pause = pause.min(next - now);
        }
        if let Some(turn) = state.outbox.turn() {
            let millis = turn.as_millis().saturating_sub(wall.as_millis());
            pause = pause.min(Duration::from_millis(u64::try_from(millis).unwrap_or(0)));
        }
        if !state.untold.is_empty() {
            pause = TELL_AGAIN;
        }
        // A wall clock that is a little behind the turn is looked at again, not at full speed.
        let pause = pause.max(Duration::from_millis(10));
        let woken = self
            .bell
            .wait_timeout_while(state, pause, |state| !state.is_woken);
        drop(woken);
    }
}

impl Desk {
    fn carrier(&mut self, settings: &Arc<Settings>) -> &mut dyn Carrier {
        let is_current = self
            .carrier
            .as_ref()
            .is_some_and(|(old, _)| Arc::ptr_eq(old, settings));
        if !is_current {
            self.carrier = None;
        }
        let make = || (Arc::clone(settings), (self.carriers)(Arc::clone(settings)));
        &mut *self.carrier.get_or_insert_with(make).1
    }

    /// No letter is due: the connection is closed, and the words are forgotten, because figures move on.
    fn rest(&mut self) {
        self.written = None;
        if let Some((_, carrier)) = &mut self.carrier {
            carrier.rest();
        }
    }
}

#[cfg(test)]
mod tests;
