//! The media workers as the engine sees them ●: one worker a call, orders in, reports out.
//!
//! The engine binds the sockets (`ports.rs`) and hands them over, so a call waits for no worker.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tracing::error;

use crate::base::clock::Clock;
use crate::base::id::LegId;
use crate::base::map::{Map, keyed};
use crate::base::sound::SoundFrom;
use crate::base::time::Moment;
use crate::media::bell::Bell;
use crate::media::choice::Chosen;
use crate::media::command::{Aim, Command, Pair, Report, Sound};
use crate::media::epoll::Epoll;
use crate::media::late::Lateness;
use crate::media::settings::Settings;
use crate::media::tap::{self, TapId, TapReader};
use crate::media::uring::Uring;
use crate::media::worker::{Parts, Worker};

/// Orders under way to one worker. A call takes about ten, so hundreds may begin within one turn of
/// the worker. Beyond that no leg is opened, and the orders about those that are open wait here: the
/// engine never waits for a worker.
const ORDERS_MAX: usize = 4096;

/// Reports under way to the engine. Workers keep what finds no room.
const REPORTS_MAX: usize = 4096;

/// One worker's ring: 0.2 s of 1000 calls or 2 s of 100, while the recorder waits for the disk or its turn.
const TAP_BYTES: usize = 4 << 20;
/// What takes over then: 3.5 s of 1000 calls or 7 s of 500. A disk that is slower than that loses sound.
#[cfg(not(test))]
const RESERVE_BYTES: usize = 64 << 20;
/// Little enough to be filled in trials.
#[cfg(test)]
const RESERVE_BYTES: usize = 1 << 20;

/// How long the orders wait that nobody's sound waits for: legs that open, which hear nothing before their SDP is known, and
/// legs that close. A worker wakes for many of them at once, and so does the engine for the reports that follow.
const LEISURE: Duration = Duration::from_millis(20);

/// How much longer they wait for something to wake the engine before it wakes for them alone.
const GRACE: Duration = Duration::from_millis(20);

/// The workers.
pub struct Pool {
    workers: Vec<Handle>,
    reports: Receiver<Report>,
    wake: Arc<dyn Fn() + Send + Sync>,
    /// Reports about legs that no worker has.
    answers: VecDeque<Report>,
    legs: Map<LegId, Place>,
    calls: Map<u64, Home>,
}

struct Handle {
    commands: Sender<Command>,
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
    legs: usize,
    /// Orders that found no room, in their order. The legs that are open bound them: about ten each.
    late: VecDeque<Command>,
    /// Whether it has orders that it was not woken for.
    asleep: bool,
    /// Legs that are to be closed once the orders of leisure are due.
    leaving: Vec<LegId>,
    /// When those are due, where there are any.
    leisure: Option<Moment>,
    /// Set by its thread when it ends.
    ended: Arc<AtomicBool>,
    state: State,
    lateness: Arc<Lateness>,
}

/// What is known of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It takes calls.
    Works,
    /// It has ended while it was needed.
    Failed,
    /// It was told to end.
    Stopped,
}

/// Tells that a worker's thread ends, by whatever: an error, a panic, an order.
struct Leaving {
    ended: Arc<AtomicBool>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        (self.wake)();
    }
}

/// Where a leg is.
#[derive(Clone, Copy)]
struct Place {
    worker: usize,
    call: u64,
    port: u16,
    /// Its close was asked for.
    closing: bool,
    /// It closed unasked, and that is about to be told.
    lost: bool,
}

/// Where a call's legs are: all on one worker.
#[derive(Clone, Copy)]
struct Home {
    worker: usize,
    legs: usize,
}

impl Pool {
    /// Starts `workers` threads, at least one and no more than `[media] workers`. Each has a ring
    /// whose other end is returned. `wake` is called, mostly from them, after reports were queued.
    ///
    /// # Errors
    ///
    /// The machine has no threads or descriptors left.
    pub fn start(
        settings: &Settings,
        chosen: Chosen,
        clock: Clock,
        workers: usize,
        wake: Arc<dyn Fn() + Send + Sync>,
    ) -> io::Result<(Self, Vec<TapReader>)> {
        let (sender, reports) = bounded(REPORTS_MAX);
        let mut pool = Self {
            workers: Vec::new(),
            reports,
            wake: Arc::clone(&wake),
            answers: VecDeque::new(),
            // Names of legs and calls are ours: nobody outside can aim at collisions.
            legs: keyed(0),
            calls: keyed(0),
        };
        let mut readers = Vec::new();
        for number in 0..workers.min(settings.workers).max(1) {
            let (commands, orders) = bounded(ORDERS_MAX);
            let (tap, reader) = match settings.taps {
                true => tap::ring_with_reserve(TAP_BYTES, RESERVE_BYTES),
                false => tap::ring(0),
            };
            let bell = Arc::new(Bell::new()?);
            let lateness = Arc::new(Lateness::default());
            let parts = Parts {
                clock,
                commands: orders,
                reports: sender.clone(),
                wake: Arc::clone(&wake),
                bell: Arc::clone(&bell),
                tap,
                lateness: Arc::clone(&lateness),
                driver: match chosen {
                    Chosen::IoUring => Uring::prepare(Arc::clone(&bell))?,
                    Chosen::Epoll => Epoll::prepare(Arc::clone(&bell))?,
                },
            };
            let ended = Arc::new(AtomicBool::new(false));
            let leaving = Leaving {
                ended: Arc::clone(&ended),
                wake: Arc::clone(&wake),
            };
            let thread = Builder::new()
                .name(format!("media-{number}"))
                .spawn(move || {
                    let _leaving = leaving;
                    match Worker::new(parts) {
                        Ok(worker) => worker.run(),
                        Err(error) => error!(%error, "a media worker cannot begin"),
                    }
                })?;
            pool.workers.push(Handle {
                commands,
                bell,
                thread: Some(thread),
                legs: 0,
                late: VecDeque::new(),
                asleep: false,
                leaving: Vec::new(),
                leisure: None,
                ended,
                state: State::Works,
                lateness,
            });
            readers.push(reader);
        }
        Ok((pool, readers))
    }

    /// Hands a leg's sockets to the worker of its call: the one with the fewest legs for a call's
    /// first. It is obeyed with the first order about sound that follows, or soon. `call_key` is any number that names
    /// the call.
    ///
    /// `false`: the worker is behind by thousands of orders, or gone; the sockets are closed again.
    #[must_use]
    pub fn open(
        &mut self,
        call_key: u64,
        leg: LegId,
        pair: Pair,
        from: SoundFrom,
        signalling: IpAddr,
        now: Moment,
    ) -> bool {
        let port = pair.port;
        let quietest = || {
            let numbered = self.workers.iter().enumerate();
            let numbered = numbered.filter(|(_, worker)| worker.state == State::Works);
            numbered.min_by_key(|(_, w)| w.legs).map_or(0, |(n, _)| n)
        };
        let worker = match self.calls.get_mut(&call_key) {
            Some(home) => {
                home.legs += 1;
                home.worker
            }
            None => {
                let worker = quietest();
                self.calls.insert(call_key, Home { worker, legs: 1 });
                worker
            }
        };
        if let Some(handle) = self.workers.get_mut(worker) {
            handle.legs += 1;
        }
        let place = Place {
            worker,
            call: call_key,
            port,
            closing: false,
            lost: false,
        };
        self.legs.insert(leg, place);
        let opened = self.workers.get_mut(worker).is_some_and(|worker| {
            let open = Command::Open {
                leg,
                pair,
                from,
                signalling,
            };
            worker.try_order(open, now)
        });
        if !opened {
            self.forget(leg);
        }
        opened
    }

    /// Tells where a leg's peer wants its sound, and what the payload types that it sends mean.
    pub fn aim(&mut self, leg: LegId, aim: Aim) {
        let aim = Box::new(aim);
        self.send(leg, Command::Aim { leg, aim });
    }

    /// Relays between two legs of one call; each leaves its former bridge, and the tap with it.
    pub fn bridge(&mut self, caller: LegId, callee: LegId) {
        self.send(caller, Command::Bridge { caller, callee });
    }

    /// Watches a leg's bridge for silence on both sides; `None` stops.
    pub fn watch(&mut self, leg: LegId, silence: Option<Duration>) {
        self.send(leg, Command::Watch { leg, silence });
    }

    /// Copies two legs' packets into their worker's ring under `tap`; `None` stops.
    pub fn tap(&mut self, caller: LegId, callee: LegId, tap: Option<TapId>) {
        self.send(
            caller,
            Command::Tap {
                caller,
                callee,
                tap,
            },
        );
    }

    /// Closes a leg's sockets, soon. Answered with [`Report::Closed`], always: with port 0 when
    /// there is no such leg.
    pub fn close(&mut self, leg: LegId, now: Moment) {
        let Some(place) = self.legs.get_mut(&leg) else {
            self.answer_closed(leg);
            return;
        };
        if place.lost {
            return;
        }
        place.closing = true;
        if let Some(worker) = self.workers.get_mut(place.worker) {
            worker.leaving.push(leg);
            worker.at_leisure(now);
        }
    }

    /// Says of a leg that no worker has that it is closed.
    fn answer_closed(&mut self, leg: LegId) {
        let port = self.legs.get(&leg).map_or(0, |place| place.port);
        self.answers.push_back(Report::Closed {
            leg,
            port,
            sound: Sound::default(),
        });
        (self.wake)();
    }

    /// Takes the next report.
    pub fn next_report(&mut self) -> Option<Report> {
        loop {
            let answer = self.answers.pop_front();
            let report = answer.or_else(|| self.reports.try_recv().ok())?;
            let leg = match report {
                Report::Closed { leg, port, .. } if port != 0 => leg,
                Report::Closed { .. } | Report::Silent { .. } => return Some(report),
            };
            let workers = &self.workers;
            let is_stopped = |place: &Place| {
                let worker = workers.get(place.worker);
                worker.is_some_and(|worker| worker.state == State::Stopped)
            };
            match self.legs.get_mut(&leg) {
                Some(place) if place.closing || place.lost || is_stopped(place) => {
                    self.forget(leg);
                    return Some(report);
                }
                // Nobody asked: its worker fails, and its call must end.
                Some(place) => {
                    place.lost = true;
                    self.answers.push_front(report);
                    return Some(Report::Silent { leg });
                }
                // Told already, when its worker could not be asked any more.
                None => {}
            }
        }
    }

    /// Returns how many legs are open.
    pub fn legs(&self) -> usize {
        self.legs.len()
    }

    /// When [`Self::flush`] is wanted next, if nothing else happens.
    pub fn poll_timeout(&self) -> Option<Moment> {
        let due = self.workers.iter().filter_map(|worker| worker.leisure);
        due.min().map(|due| due + GRACE)
    }

    /// Sends what waits for room or for its time, and wakes the workers that have orders: to be called at the end of every turn
    /// of the engine, so that a worker wakes once for all that a message means to it.
    pub fn flush(&mut self, now: Moment) {
        let mut unheard = Vec::new();
        for (number, worker) in self.workers.iter_mut().enumerate() {
            if worker.state == State::Works && worker.ended.load(Ordering::Acquire) {
                worker.state = State::Failed;
                error!(
                    worker = number,
                    legs = worker.legs,
                    "a media worker has failed: its calls end, and new ones go to the others; restart ringtag when it is quiet"
                );
                #[expect(clippy::disallowed_methods, reason = "sorted below")]
                let its = self.legs.iter().filter(|(_, leg)| leg.worker == number);
                let mut its: Vec<LegId> = its.map(|(&leg, _)| leg).collect();
                its.sort_unstable();
                let silent = its.into_iter().map(|leg| Report::Silent { leg });
                self.answers.extend(silent);
                (self.wake)();
            }
            if !worker.late.is_empty() {
                worker.catch_up();
            }
            if worker.leisure.is_some_and(|due| due <= now) {
                worker.leisure = None;
                worker.asleep = true;
                for leg in std::mem::take(&mut worker.leaving) {
                    if !worker.order(Command::Close { leg }) {
                        unheard.push(leg);
                    }
                }
            }
            if std::mem::take(&mut worker.asleep) {
                worker.bell.ring();
                if worker.leaving.is_empty() {
                    // Whatever opens was taken along.
                    worker.leisure = None;
                }
            }
        }
        for leg in unheard {
            self.answer_closed(leg);
        }
    }

    /// Returns what each worker shows of how late it is.
    pub fn lateness(&self) -> impl Iterator<Item = &Arc<Lateness>> {
        self.workers.iter().map(|worker| &worker.lateness)
    }

    /// Returns how many orders wait for room.
    pub fn late(&self) -> usize {
        self.workers.iter().map(|worker| worker.late.len()).sum()
    }

    /// Stops the workers and waits for them, which is the one wait: nothing is served after it. Reports about legs that were open can still be taken.
    pub fn stop(&mut self) {
        for worker in &mut self.workers {
            worker.state = State::Stopped;
            worker.late.push_back(Command::Stop);
            for command in worker.late.drain(..) {
                worker.bell.ring();
                let _gone = worker.commands.send(command).is_err();
            }
            worker.bell.ring();
        }
        for (number, worker) in self.workers.iter_mut().enumerate() {
            if let Some(thread) = worker.thread.take()
                && thread.join().is_err()
            {
                error!(
                    worker = number,
                    "a media worker had failed; its calls had no sound"
                );
            }
        }
    }

    /// Sends an order to a leg's worker; `false`: no worker has it.
    fn send(&mut self, leg: LegId, command: Command) -> bool {
        let place = self.legs.get(&leg);
        let worker = place.and_then(|place| self.workers.get_mut(place.worker));
        worker.is_some_and(|worker| worker.order(command))
    }

    fn forget(&mut self, leg: LegId) {
        let Some(place) = self.legs.remove(&leg) else {
            return;
        };
        if let Some(worker) = self.workers.get_mut(place.worker) {
            worker.legs = worker.legs.saturating_sub(1);
        }
        if let Some(home) = self.calls.get_mut(&place.call) {
            home.legs = home.legs.saturating_sub(1);
            if home.legs == 0 {
                self.calls.remove(&place.call);
            }
        }
    }
}

impl Handle {
    /// Sends an order of leisure that may be refused when there is no room for it.
    fn try_order(&mut self, command: Command, now: Moment) -> bool {
        self.at_leisure(now);
        self.late.is_empty() && self.commands.try_send(command).is_ok()
    }

    /// Has an order of leisure come due in its time.
    fn at_leisure(&mut self, now: Moment) {
        self.leisure.get_or_insert(now + LEISURE);
    }

    /// Sends an order now or when there is room; `false`: the worker is gone.
    fn order(&mut self, command: Command) -> bool {
        let in_step = self.late.is_empty();
        self.late.push_back(command);
        let there = self.catch_up();
        if in_step && !self.late.is_empty() {
            error!(
                orders = ORDERS_MAX,
                legs = self.legs,
                "a media worker is behind: its orders wait and it gets no new legs until it has caught up"
            );
        }
        there
    }

    fn catch_up(&mut self) -> bool {
        while let Some(command) = self.late.pop_front() {
            match self.commands.try_send(command) {
                Ok(()) => {}
                Err(TrySendError::Full(command)) => {
                    self.late.push_front(command);
                    break;
                }
                Err(TrySendError::Disconnected(_)) => {
                    self.late.clear();
                    return false;
                }
            }
        }
        self.asleep = true;
        true
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("workers", &self.workers.len())
            .field("legs", &self.legs.len())
            .finish_non_exhaustive()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests;
