//! Performs what calls wish about sound: ports, workers, the recorder. Keeps which leg is recorded under which tap.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};

use crate::base::id::{CallId, LegId, Side};
use crate::base::map::{Map, keyed};
use crate::base::time::{Moment, WallTime};
use crate::call::desk::{Aim, LegSound, MediaWish, Told};
use crate::engine::gauges::{Gauges, add, set};
use crate::engine::ways::Ways;
use crate::media::command as media;
use crate::media::command::{Report, Sound as Counted};
use crate::media::pool::Pool;
use crate::media::ports::PortPool;
use crate::media::tap::TapId;
use crate::recording::command::{Command, Gap, Outcome, State};
use crate::recording::plan;
use crate::recording::tape::RATE_HZ;
use crate::recording::wav::CHANNELS;
use crate::sdp::Codec;

/// Why a recording does not begin: the recorder has thousands of orders to carry out.
const BEHIND: &str = "recorder behind";

/// Ports, workers and recorder, as the engine uses them.
#[derive(Debug)]
pub(in crate::engine) struct Sound {
    ports: PortPool,
    pool: Pool,
    recorder: Sender<Command>,
    /// Orders to the recorder that found no room, in their order. Recordings under way bound them: no new one begins
    /// meanwhile.
    late: VecDeque<Command>,
    silence: Duration,
    bind: Option<IpAddr>,
    advertise: Option<IpAddr>,
    legs: Map<LegId, Leg>,
    taps: Map<CallId, Tap>,
    tap_count: u32,
    /// Of the keys that a party pressed nobody is told more than how many there were, and when.
    masks_digits: bool,
    /// Recordings that ended without the recorder.
    unrecorded: VecDeque<Outcome>,
    /// `recordings.pause_on_hold`.
    pause_on_hold: bool,
    gauges: Arc<Gauges>,
}

/// What is remembered of a leg that holds ports.
#[derive(Debug, Default)]
struct Leg {
    codecs: Option<Arc<[Codec]>>,
    /// Its SDP forbids it to send: it is on hold.
    quiet: bool,
    recorded: Option<(TapId, Side)>,
    /// Its SDP stops the sound both ways (`a=inactive`).
    inactive: bool,
    /// Whose recording it is, or was, in.
    call: Option<CallId>,
}

/// A recording under way.
#[derive(Debug)]
struct Tap {
    id: TapId,
    caller: LegId,
    callee: LegId,
    /// Why the recorder does not have it, and when and where it would have begun.
    lost: Option<Lost>,
    /// A hold has it pause.
    held: bool,
}

/// A recording that could not begin.
#[derive(Debug)]
struct Lost {
    wall: WallTime,
    at: Moment,
    why: &'static str,
}

impl Sound {
    /// Takes charge of ports, workers and the recorder's command channel.
    pub(in crate::engine) fn new(
        settings: &crate::media::settings::Settings,
        pool: Pool,
        recorder: Sender<Command>,
        key: u64,
        gauges: Arc<Gauges>,
    ) -> Self {
        let sound = Self {
            ports: PortPool::new(settings),
            pool,
            recorder,
            late: VecDeque::new(),
            silence: settings.silence,
            bind: settings.bind,
            advertise: settings.advertise,
            legs: keyed(key),
            taps: keyed(key),
            tap_count: 0,
            masks_digits: false,
            unrecorded: VecDeque::new(),
            pause_on_hold: false,
            gauges,
        };
        sound.show();
        sound
    }

    /// How many port pairs the range has.
    pub(in crate::engine) fn pairs(&self) -> usize {
        self.ports.pairs()
    }

    /// How many port pairs are free now.
    pub(in crate::engine) fn pairs_free(&self, now: Moment) -> usize {
        self.ports.free(now)
    }

    /// Says whether the digits of the legs are kept to oneself: `[recordings] mask_digits`.
    pub(in crate::engine) fn masking(mut self, masks_digits: bool) -> Self {
        self.masks_digits = masks_digits;
        self
    }

    /// Does what a call wishes; some wishes are answered at once.
    pub(in crate::engine) fn perform(
        &mut self,
        now: Moment,
        ways: &mut Ways,
        wish: MediaWish,
    ) -> Option<Told> {
        match wish {
            MediaWish::Open {
                call,
                leg,
                toward,
                from,
            } => {
                // What is configured is of one family, and a peer of the other can do nothing with it.
                let of = |family: IpAddr| move |ip: &IpAddr| ip.is_ipv4() == family.is_ipv4();
                let local = self.bind.filter(of(toward));
                let local = local.unwrap_or_else(|| ways.toward(toward));
                let address = match self.ports.take(local, now) {
                    Ok(pair) => {
                        let port = pair.port;
                        let shown = self.advertise.filter(of(local)).unwrap_or(local);
                        if self.pool.open(call.0, leg, pair, from, toward, now) {
                            self.legs.insert(leg, Leg::default());
                            Some(SocketAddr::new(shown, port))
                        } else {
                            self.ports.release(port, now);
                            tracing::error!(
                                "a leg gets no ports: the media worker of its call is behind or gone"
                            );
                            None
                        }
                    }
                    Err(error) => {
                        tracing::error!(%error, "a leg gets no ports");
                        None
                    }
                };
                self.show();
                return Some(Told::Ports(call, leg, address));
            }
            MediaWish::Aim { leg, aim } => self.aim(now, leg, *aim),
            MediaWish::Bridge { caller, callee } => self.pool.bridge(caller, callee),
            MediaWish::Watch { caller, on } => {
                self.pool.watch(caller, on.then_some(self.silence));
            }
            MediaWish::Record {
                call,
                wall,
                at,
                caller,
                callee,
            } => self.record(call, wall, at, caller, callee),
            MediaWish::Anew { leg } => {
                if let Some((tap, side)) = self.legs.get(&leg).and_then(|leg| leg.recorded) {
                    self.order(Command::Anew { tap, side });
                }
            }
            MediaWish::Turn {
                call,
                at,
                callee,
                ours,
            } => self.turn(call, at, (callee, ours)),
            MediaWish::StopRecord { call, at } => self.stop(call, at),
            MediaWish::Close { leg } => {
                let Some(closed) = self.legs.remove(&leg) else {
                    // It never had ports: there is nothing to wait for.
                    return Some(Told::Closed(leg, LegSound::default()));
                };
                if let Some((tap, side)) = closed.recorded {
                    // Nobody is there until another party comes.
                    self.order(Command::Sends {
                        tap,
                        side,
                        sends: false,
                        at: now,
                    });
                }
                self.pool.close(leg, now);
            }
        }
        None
    }

    /// Takes the workers' next report and says what it means to a call.
    pub(in crate::engine) fn next_report(&mut self, now: Moment) -> Option<Told> {
        let told = match self.pool.next_report()? {
            Report::Closed { leg, port, sound } => {
                self.ports.release(port, now);
                self.count(&sound);
                Told::Closed(
                    leg,
                    LegSound {
                        packets_in: sound.packets_in,
                        packets_out: sound.packets_out,
                        lost: sound.lost,
                        jitter_ms: sound.jitter_ms,
                        digits: if self.masks_digits {
                            "*".repeat(sound.digits.len())
                        } else {
                            sound.digits
                        },
                        digit_times: sound.digit_times,
                        forged: sound.forged,
                        lost_there: sound.lost_there,
                        jitter_there_ms: sound.jitter_there_ms,
                        rtt_ms: sound.rtt_ms,
                    },
                )
            }
            Report::Silent { leg } => Told::Silent(leg),
        };
        self.show();
        Some(told)
    }

    /// Takes the next recording that ended without the recorder having known of it.
    pub(in crate::engine) fn next_unrecorded(&mut self) -> Option<Outcome> {
        self.unrecorded.pop_front()
    }

    /// Ends a turn: sends what waits for room with the workers and the recorder, and wakes who has orders. The engine waits for neither.
    pub(in crate::engine) fn flush(&mut self, now: Moment) {
        self.tell_recorder();
        self.pool.flush(now);
    }

    /// When [`Self::flush`] is wanted next, if nothing else happens.
    pub(in crate::engine) fn poll_timeout(&self) -> Option<Moment> {
        self.pool.poll_timeout()
    }

    fn tell_recorder(&mut self) {
        while let Some(command) = self.late.pop_front() {
            if let Err(TrySendError::Full(command)) = self.recorder.try_send(command) {
                self.late.push_front(command);
                break;
            }
        }
    }

    /// Whether something waits for room.
    pub(in crate::engine) fn is_behind(&self) -> bool {
        !self.late.is_empty() || self.pool.late() > 0
    }

    /// Ends the workers and the recorder, which finishes its files first.
    pub(in crate::engine) fn shut_down(&mut self, now: Moment) {
        let mut open: Vec<_> = self.taps.drain().collect();
        open.sort_unstable_by_key(|(call, _)| *call);
        for (call, tap) in open {
            self.end(call, &tap, now);
        }
        self.pool.stop();
        // Waits for room: these are the orders that end files, and nothing is served any more.
        self.late.push_back(Command::Shutdown);
        for command in self.late.drain(..) {
            let _recorder_is_gone = self.recorder.send(command).is_err();
        }
    }

    fn aim(&mut self, now: Moment, leg: LegId, aim: Aim) {
        if let Some(known) = self.legs.get_mut(&leg) {
            let turned = known.quiet == aim.sends;
            known.quiet = !aim.sends;
            known.inactive = !aim.sends && aim.rtp.is_none();
            let changed = known.codecs.as_ref().is_some_and(|old| *old != aim.codecs);
            known.codecs = Some(Arc::clone(&aim.codecs));
            if let Some((tap, side)) = known.recorded {
                if changed {
                    let codecs = Arc::clone(&aim.codecs);
                    self.order(Command::Codecs { tap, side, codecs });
                }
                if turned {
                    self.order(Command::Sends {
                        tap,
                        side,
                        sends: aim.sends,
                        at: now,
                    });
                }
            }
        }
        self.follow_hold_of(leg, now);
        let aim = media::Aim {
            rtp: aim.rtp,
            rtcp: aim.rtcp,
            mux: aim.mux,
            codecs: aim.codecs,
            numbers: aim.numbers,
            srtp: aim.srtp,
        };
        self.pool.aim(leg, aim);
    }

    fn record(&mut self, call: CallId, wall: WallTime, at: Moment, caller: LegId, callee: LegId) {
        let id = TapId(self.tap_count);
        self.tap_count = self.tap_count.wrapping_add(1);
        let sends = [caller, callee].map(|leg| self.legs.get(&leg).is_none_or(|leg| !leg.quiet));
        let codecs = [(caller, Side::Caller), (callee, Side::Callee)].map(|(leg, side)| {
            self.legs.get_mut(&leg).map_or_else(no_codecs, |leg| {
                leg.recorded = Some((id, side));
                leg.call = Some(call);
                leg.codecs.clone().unwrap_or_else(no_codecs)
            })
        });
        let begun = self.begin(Command::Start {
            call,
            tap: id,
            wall,
            at,
            codecs,
            sends,
        });
        let lost = match begun {
            Ok(()) => {
                self.pool.tap(caller, callee, Some(id));
                None
            }
            Err(why) => {
                tracing::error!(%call, why, "a call is not recorded");
                Some(Lost { wall, at, why })
            }
        };
        let tap = Tap {
            id,
            caller,
            callee,
            lost,
            held: false,
        };
        self.taps.insert(call, tap);
        self.follow_hold(call, at);
        set(&self.gauges.recordings_open, self.taps.len() as u64);
    }

    /// Another party takes the callee's place. Its packets bear another name from the first on, so that none of the two is
    /// ever taken for the other's, however far the recorder is behind.
    fn turn(&mut self, call: CallId, at: Moment, (callee, ours): (LegId, bool)) {
        let Some(tap) = self.taps.get_mut(&call) else {
            return;
        };
        let next = TapId(self.tap_count);
        self.tap_count = self.tap_count.wrapping_add(1);
        let (first, caller) = (tap.id, tap.caller);
        let former = std::mem::replace(&mut tap.callee, callee);
        let is_lost = tap.lost.is_some();
        if let Some(leg) = self.legs.get_mut(&former) {
            leg.recorded = None;
        }
        if let Some(leg) = self.legs.get_mut(&caller) {
            leg.recorded = Some((next, Side::Caller));
        }
        let (codecs, sends) = self.legs.get_mut(&callee).map_or_else(
            || (no_codecs(), false),
            |leg| {
                leg.recorded = Some((next, Side::Callee));
                leg.call = Some(call);
                let codecs = leg.codecs.clone().unwrap_or_else(no_codecs);
                (codecs, !leg.quiet)
            },
        );
        if !is_lost {
            self.order(Command::Turn {
                tap: first,
                next,
                ours,
                codecs,
                sends,
                at,
            });
            self.pool.tap(caller, callee, Some(next));
        }
        self.follow_hold(call, at);
    }

    fn stop(&mut self, call: CallId, at: Moment) {
        if let Some(tap) = self.taps.remove(&call) {
            self.end(call, &tap, at);
        }
    }

    fn end(&mut self, call: CallId, tap: &Tap, at: Moment) {
        for leg in [tap.caller, tap.callee] {
            if let Some(leg) = self.legs.get_mut(&leg) {
                leg.recorded = None;
            }
        }
        match &tap.lost {
            Some(lost) => self.unrecorded.push_back(unrecorded(call, lost, at)),
            None => {
                self.pool.tap(tap.caller, tap.callee, None);
                self.order(Command::Stop { tap: tap.id, at });
            }
        }
        set(&self.gauges.recordings_open, self.taps.len() as u64);
    }

    /// Has the recorder begin a recording, or says why it cannot.
    fn begin(&self, start: Command) -> Result<(), &'static str> {
        if !self.late.is_empty() {
            return Err(BEHIND);
        }
        self.recorder.try_send(start).map_err(|error| match error {
            TrySendError::Full(_) => BEHIND,
            TrySendError::Disconnected(_) => "recorder gone",
        })
    }

    /// Orders something about a recording under way: at once or, where there is no room, later.
    fn order(&mut self, command: Command) {
        self.late.push_back(command);
        self.tell_recorder();
    }

    fn count(&self, sound: &Counted) {
        add(&self.gauges.rtp_received, sound.packets_in);
        add(&self.gauges.rtp_sent, sound.packets_out);
        add(&self.gauges.rtp_refused, sound.refused);
        add(&self.gauges.rtp_untapped, sound.untapped);
        add(&self.gauges.srtp_failed, sound.forged);
    }

    fn show(&self) {
        set(&self.gauges.port_pairs_free, self.ports.unheld() as u64);
        set(&self.gauges.legs_open, self.legs.len() as u64);
    }
}

/// What is to be said of a recording that never began: the record names a file that is not there, and why.
fn unrecorded(call: CallId, lost: &Lost, end: Moment) -> Outcome {
    let length_ms = u64::try_from((end - lost.at).as_millis()).unwrap_or(u64::MAX);
    let gap = |side| Gap {
        side,
        from_ms: 0,
        length_ms,
        why: lost.why.to_owned(),
    };
    Outcome {
        call,
        file: plan::path_of(call, lost.wall),
        duration_ms: 0,
        sample_rate_hz: RATE_HZ,
        channels: CHANNELS,
        bytes: 0,
        state: State::Truncated,
        gaps: Side::BOTH.map(gap).into(),
        pauses: Vec::new(),
        parts: Vec::new(),
    }
}

fn no_codecs() -> Arc<[Codec]> {
    Arc::from([])
}

mod pausing;
#[cfg(test)]
mod tests;
