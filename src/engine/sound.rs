//! Performs what calls wish about sound: ports, workers, the recorder. Keeps which leg is recorded under which tap.

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
use crate::media::command::{Report, Sound as Counted};
use crate::media::pool::Pool;
use crate::media::ports::PortPool;
use crate::media::tap::TapId;
use crate::recording::command::Command;
use crate::sdp::Codec;

/// Ports, workers and recorder, as the engine uses them.
#[derive(Debug)]
pub(in crate::engine) struct Sound {
    ports: PortPool,
    pool: Pool,
    recorder: Sender<Command>,
    silence: Duration,
    bind: Option<IpAddr>,
    advertise: Option<IpAddr>,
    legs: Map<LegId, Leg>,
    taps: Map<CallId, Tap>,
    tap_count: u32,
    gauges: Arc<Gauges>,
}

/// What is remembered of a leg that holds ports.
#[derive(Debug, Default)]
struct Leg {
    codecs: Option<Arc<[Codec]>>,
    /// Its SDP forbids it to send: it is on hold.
    quiet: bool,
    recorded: Option<(TapId, Side)>,
}

/// A recording under way.
#[derive(Debug)]
struct Tap {
    id: TapId,
    caller: LegId,
    callee: LegId,
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
        Self {
            ports: PortPool::new(settings),
            pool,
            recorder,
            silence: settings.silence,
            bind: settings.bind,
            advertise: settings.advertise,
            legs: keyed(key),
            taps: keyed(key),
            tap_count: 0,
            gauges,
        }
    }

    /// How many port pairs the range has.
    pub(in crate::engine) fn pairs(&self) -> usize {
        self.ports.pairs()
    }

    /// How many port pairs are free now.
    pub(in crate::engine) fn pairs_free(&self, now: Moment) -> usize {
        self.ports.free(now)
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
                let local = self.bind.unwrap_or_else(|| ways.toward(toward));
                let address = match self.ports.take(local, now) {
                    Ok(pair) => {
                        let shown = self.advertise.unwrap_or(local);
                        let address = SocketAddr::new(shown, pair.port);
                        self.legs.insert(leg, Leg::default());
                        self.pool.open(call.0, leg, pair, from, toward);
                        Some(address)
                    }
                    Err(error) => {
                        tracing::error!(%error, "a leg gets no ports");
                        None
                    }
                };
                self.show(now);
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
            MediaWish::StopRecord { call, at } => self.stop(call, at),
            MediaWish::Close { leg } => {
                if self.legs.remove(&leg).is_none() {
                    // It never had ports: there is nothing to wait for.
                    return Some(Told::Closed(leg, LegSound::default()));
                }
                self.pool.close(leg);
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
                        digits: sound.digits,
                    },
                )
            }
            Report::Silent { leg } => Told::Silent(leg),
        };
        self.show(now);
        Some(told)
    }

    /// Ends the workers and the recorder, which finishes its files first.
    pub(in crate::engine) fn shut_down(mut self, now: Moment) {
        let open: Vec<CallId> = self.taps.drain().map(|(call, _)| call).collect();
        for call in open {
            self.stop(call, now);
        }
        self.pool.stop();
        // Waits for room: this is the one order that must not be lost.
        let _recorder_is_gone = self.recorder.send(Command::Shutdown).is_err();
    }

    fn aim(&mut self, now: Moment, leg: LegId, aim: Aim) {
        if let Some(known) = self.legs.get_mut(&leg) {
            let turned = known.quiet == aim.sends;
            known.quiet = !aim.sends;
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
        self.pool.aim(leg, aim.rtp, aim.rtcp, aim.codecs);
    }

    fn record(&mut self, call: CallId, wall: WallTime, at: Moment, caller: LegId, callee: LegId) {
        let id = TapId(self.tap_count);
        self.tap_count = self.tap_count.wrapping_add(1);
        let sends = [caller, callee].map(|leg| self.legs.get(&leg).is_none_or(|leg| !leg.quiet));
        let codecs = [(caller, Side::Caller), (callee, Side::Callee)].map(|(leg, side)| {
            self.legs.get_mut(&leg).map_or_else(no_codecs, |leg| {
                leg.recorded = Some((id, side));
                leg.codecs.clone().unwrap_or_else(no_codecs)
            })
        });
        self.taps.insert(call, Tap { id, caller, callee });
        self.order(Command::Start {
            call,
            tap: id,
            wall,
            at,
            codecs,
            sends,
        });
        self.pool.tap(caller, callee, Some(id));
        set(&self.gauges.recordings_open, self.taps.len() as u64);
    }

    fn stop(&mut self, call: CallId, at: Moment) {
        let Some(tap) = self.taps.remove(&call) else {
            return;
        };
        for leg in [tap.caller, tap.callee] {
            if let Some(leg) = self.legs.get_mut(&leg) {
                leg.recorded = None;
            }
        }
        self.pool.tap(tap.caller, tap.callee, None);
        self.order(Command::Stop { tap: tap.id, at });
        set(&self.gauges.recordings_open, self.taps.len() as u64);
    }

    fn order(&self, command: Command) {
        match self.recorder.try_send(command) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                tracing::error!("the recorder is behind by thousands of orders; one is lost");
            }
            Err(TrySendError::Disconnected(_)) => {
                tracing::error!("the recorder is gone; calls go on without recordings");
            }
        }
    }

    fn count(&self, sound: &Counted) {
        add(&self.gauges.rtp_received, sound.packets_in);
        add(&self.gauges.rtp_sent, sound.packets_out);
        add(&self.gauges.rtp_refused, sound.refused);
        add(&self.gauges.rtp_untapped, sound.untapped);
    }

    fn show(&self, now: Moment) {
        set(&self.gauges.port_pairs_free, self.ports.free(now) as u64);
        set(&self.gauges.legs_open, self.legs.len() as u64);
    }
}

fn no_codecs() -> Arc<[Codec]> {
    Arc::from([])
}
