//! The sound of both sides at the rate of the file: packets of voice in, stereo blocks out. G.711 in a file of its own rate is
//! laid as it comes; everything else waits on a track until it can be decoded in order.

use crate::base::id::Side;
use crate::base::time::Moment;
use crate::media::codec::Law;
use crate::media::codec::Voice;
use crate::media::tap::{TapId, Tapped};
use crate::media::timeline::Counts;
use crate::media::timeline::Moved;
use crate::media::timeline::Packet;
use crate::media::timeline::REORDER_MS;
use crate::media::timeline::Scale;
use crate::media::timeline::Verdict;
use crate::recording::mix::Mix;
use crate::recording::settings::Manner;
use crate::recording::tape::Who;
use crate::recording::tape::mask::Mask;
use crate::recording::tape::track::{Sound, Track, Unfit, Waiting, What};

/// Sound of one packet that is used, all that receivers should accept (RFC 3551 4.2).
const PACKET_MS_MAX: i64 = 200;
/// How long what is decoded may still be on its way through a resampler.
const RESAMPLING_MS: i64 = 5;
/// What settles at once, so that what lies beyond it fits into what is held.
const STEP_MS: i64 = 20;
/// Samples up to this are quiet: -48 dBFS, below speech and above a telephone line's noise.
const QUIET_MAX: u16 = 128;

/// Both sides' sound.
#[derive(Debug)]
pub(super) struct Reel {
    scale: Scale,
    conceal: bool,
    /// Caller, callee.
    tracks: [Track; 2],
    /// The callee's party before, and the name under which the packets of the one that is come.
    former: Option<Box<(Track, TapId)>>,
    mix: Mix,
    mask: Option<Box<Mask>>,
    /// The latest time seen, of a packet or told.
    latest: i64,
    /// Until when the party before may still be heard: what it says lies beside the one that is.
    doubts_until: i64,
    /// Whether anything ever waited on a track.
    waits: bool,
    unfit: Vec<(Side, Unfit)>,
}

/// A packet that nothing could be made of.
pub(super) struct Lost {
    pub(super) side: Side,
    pub(super) from_ms: u64,
    pub(super) payload_type: u8,
    pub(super) what: What,
}

impl Reel {
    pub(super) fn new(at: Moment, rate_hz: u32, manner: Manner) -> Self {
        let scale = Scale::new(at, rate_hz);
        Self {
            scale,
            conceal: manner.conceal,
            tracks: [Track::new(scale), Track::new(scale)],
            former: None,
            mix: Mix::new(rate_hz),
            mask: manner.mask_digits.then(|| Box::new(Mask::new(scale))),
            latest: 0,
            doubts_until: i64::MIN,
            waits: false,
            unfit: Vec::new(),
        }
    }

    pub(super) const fn rate_hz(&self) -> u32 {
        self.scale.rate_hz()
    }

    /// Takes a packet of voice.
    pub(super) fn voice(
        &mut self,
        voice: Voice,
        tapped: &Tapped,
        payload: &[u8],
        disk: &mut impl FnMut(&[u8]),
    ) {
        self.see(tapped.arrival);
        let samples = self.samples(voice.ticks(payload).into(), voice);
        let samples = samples.min(self.scale.samples(PACKET_MS_MAX));
        let packet = Packet {
            sequence: tapped.sequence,
            timestamp: tapped.timestamp,
            ssrc: tapped.ssrc,
            clock_hz: voice.clock_hz(),
            arrival: tapped.arrival,
            samples: u16::try_from(samples).unwrap_or(u16::MAX),
        };
        let horizon = self.horizon();
        let quiet = || is_quiet(voice, payload);
        let who = (tapped.tap, tapped.side);
        self.doubt(who);
        let placed = self.track(who).timeline.place(&packet, horizon, quiet);
        match placed {
            Verdict::Lay { start, moved } => {
                if let Some(moved) = moved {
                    self.shift(who, moved);
                }
                match voice {
                    Voice::G711(law) if self.rate_hz() == voice.rate_hz() && !self.conceal => {
                        self.track(who).pass(start);
                        self.lay(tapped.side, start, (law, payload), samples, disk);
                    }
                    Voice::G711(_) | Voice::G722 | Voice::Opus => {
                        self.waits = true;
                        let payload_type = tapped.payload_type;
                        let packet = Waiting {
                            start,
                            samples,
                            sequence: tapped.sequence,
                            ssrc: tapped.ssrc,
                            payload_type,
                            voice,
                            payload: voice.used(payload).into(),
                        };
                        let rate_hz = self.rate_hz();
                        let waits = self.track(who).wait(packet, tapped.arrival, rate_hz);
                        if let Err(what) = waits {
                            let unfit = Unfit {
                                start,
                                payload_type,
                                what,
                            };
                            self.unfit.push((tapped.side, unfit));
                        }
                    }
                }
            }
            // Counted by the timeline.
            Verdict::Repeated | Verdict::Late | Verdict::Stray => {}
        }
    }

    /// Takes a packet without sound: it has its place among the others' sequence numbers.
    pub(super) fn silent(&mut self, tapped: &Tapped) {
        self.see(tapped.arrival);
        let track = self.track((tapped.tap, tapped.side));
        let timeline = &mut track.timeline;
        timeline.pass(tapped.ssrc, tapped.sequence, tapped.arrival);
    }

    /// Takes a packet of a pressed key.
    pub(super) fn digit(&mut self, tapped: &Tapped) {
        self.silent(tapped);
        if let Some(mask) = &mut self.mask {
            mask.key(tapped.side, self.scale.position(tapped.arrival));
        }
    }

    /// Lets time pass: what no straggler can change any more goes to `disk`.
    pub(super) fn advance(&mut self, now: Moment, disk: &mut impl FnMut(&[u8])) {
        self.see(now);
        self.settle(self.unsure(), disk);
    }

    /// Ends the sound: both sides are padded, and everything goes to `disk`. Returns how many frames lie before `end`.
    pub(super) fn finish(&mut self, end: Moment, disk: &mut impl FnMut(&[u8])) -> u64 {
        let end = self.scale.position(end);
        self.settle(end + self.lag(), disk);
        self.mix.advance(end, disk);
        self.mix.flush(disk);
        u64::try_from(end).unwrap_or_default()
    }

    /// Returns the packets since the last call that nothing could be made of.
    pub(super) fn lost(&mut self) -> impl Iterator<Item = Lost> + use<> {
        let scale = self.scale;
        std::mem::take(&mut self.unfit)
            .into_iter()
            .map(move |(side, unfit)| Lost {
                side,
                from_ms: scale.millis(unfit.start),
                payload_type: unfit.payload_type,
                what: unfit.what,
            })
    }

    /// One side's sound begins anew.
    pub(super) fn anew(&mut self, who: Who) {
        self.track(who).timeline.anew();
    }

    /// Another party takes the callee's place: its packets come under the name `next`.
    pub(super) fn turn(&mut self, next: TapId) {
        let [_, callee] = &mut self.tracks;
        let leaving = std::mem::replace(callee, Track::new(self.scale));
        let former = Box::new((leaving, next));
        if let Some(mut gone) = self.former.replace(former) {
            let (gone, _) = gone.as_mut();
            let sound = sound(self.scale, Side::Callee, self.conceal);
            gone.speak(i64::MAX, sound, &mut self.mix, |_| {});
        }
    }

    /// What was counted of each side, caller first.
    pub(super) fn counts(&self) -> [Counts; 2] {
        self.tracks.each_ref().map(|track| track.timeline.counts())
    }

    /// Notes that something of the party before was still on its way.
    fn doubt(&mut self, who: Who) {
        if matches!((&self.former, who), (Some(former), (tap, Side::Callee)) if former.1 != tap) {
            self.doubts_until = self.latest + self.scale.samples(REORDER_MS);
        }
    }

    fn see(&mut self, at: Moment) {
        self.latest = self.latest.max(self.scale.position(at));
    }

    /// The first sample that a packet may still change.
    fn horizon(&self) -> i64 {
        self.latest - self.scale.samples(REORDER_MS)
    }

    /// The first sample that may still change. Where both sides' packets all come in order, that is where they go on.
    fn unsure(&self) -> i64 {
        let horizon = self.horizon();
        // What is decoded, or listened to, settles a step at a time behind the horizon.
        if self.lag() != 0 || self.latest < self.doubts_until {
            return horizon;
        }
        let sure = |track: &Track| track.timeline.sure_until(self.latest);
        let [caller, callee] = &self.tracks;
        let sure = sure(caller).zip(sure(callee));
        sure.map_or(horizon, |(caller, callee)| caller.min(callee).max(horizon))
    }

    /// How much later than the packets their sound settles.
    fn lag(&self) -> i64 {
        let resampling = if self.waits { RESAMPLING_MS } else { 0 };
        let looking = self.mask.as_deref().map_or(0, Mask::lag);
        self.scale.samples(resampling) + looking
    }

    /// Settles what no packet before `horizon` can change any more.
    fn settle(&mut self, horizon: i64, disk: &mut impl FnMut(&[u8])) {
        let lag = self.lag();
        if lag == 0 {
            return self.mix.advance(horizon, disk);
        }
        loop {
            let settled = self.mix.settled();
            let step = (settled + self.scale.samples(STEP_MS)).min(horizon - lag);
            if step <= settled {
                return;
            }
            self.speak(step + lag);
            if let Some(mask) = &mut self.mask {
                mask.hide(step, &mut self.mix);
            }
            self.mix.advance(step, disk);
        }
    }

    fn speak(&mut self, until: i64) {
        let (scale, conceal) = (self.scale, self.conceal);
        let former = self.former.iter_mut().map(|former| &mut former.0);
        let [caller, callee] = &mut self.tracks;
        let all = [(Side::Caller, caller), (Side::Callee, callee)]
            .into_iter()
            .chain(former.map(|track| (Side::Callee, track)));
        for (side, track) in all {
            let unfit = &mut self.unfit;
            let sound = sound(scale, side, conceal);
            track.speak(until, sound, &mut self.mix, |one| unfit.push((side, one)));
        }
    }

    /// Lays G.711 as it comes.
    fn lay(
        &mut self,
        side: Side,
        start: i64,
        (law, payload): (Law, &[u8]),
        samples: i64,
        disk: &mut impl FnMut(&[u8]),
    ) {
        let used = usize::try_from(samples).unwrap_or_default();
        let payload = payload.get(..used).unwrap_or(payload);
        let end = start.saturating_add(samples);
        if !self.mix.has_room(end) {
            self.settle(self.unsure(), disk);
            if !self.mix.has_room(end) {
                self.mix.flush(disk);
            }
        }
        self.mix.lay(side, start, law, payload);
    }

    fn shift(&mut self, who: Who, moved: Moved) {
        self.mix.shift(who.1, moved);
        self.track(who).shift(moved);
    }

    /// How many samples of the file so many ticks of a codec's clock are.
    fn samples(&self, ticks: i64, voice: Voice) -> i64 {
        ticks * i64::from(self.rate_hz()) / i64::from(voice.clock_hz())
    }

    fn track(&mut self, (tap, side): Who) -> &mut Track {
        let [caller, callee] = &mut self.tracks;
        match (side, &mut self.former) {
            (Side::Caller, _) => caller,
            (Side::Callee, Some(former)) if former.1 != tap => &mut former.0,
            (Side::Callee, _) => callee,
        }
    }
}

const fn sound(scale: Scale, side: Side, conceal: bool) -> Sound {
    Sound {
        side,
        rate_hz: scale.rate_hz(),
        conceal,
    }
}

/// Whether a packet may be cut or parted unheard. What another codec holds is known only once it is decoded.
fn is_quiet(voice: Voice, payload: &[u8]) -> bool {
    match voice {
        Voice::G711(law) => payload
            .iter()
            .all(|code| law.decode(*code).unsigned_abs() <= QUIET_MAX),
        Voice::G722 | Voice::Opus => false,
    }
}
