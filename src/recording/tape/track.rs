//! One party's sound on its way to the mix, where it cannot be laid as it comes: packets wait until nothing can come before
//! them any more, are decoded in order, resampled to the file's rate, and a lost one is made up where that is wanted.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::id::Side;
use crate::base::time::Moment;
use crate::media::codec::Budget;
use crate::media::codec::Decoder;
use crate::media::codec::Fault;
use crate::media::codec::Voice;
use crate::media::conceal::CONCEALED_MS;
use crate::media::conceal::Concealer;
use crate::media::resample::Resampler;
use crate::media::timeline::Moved;
use crate::media::timeline::Scale;
use crate::media::timeline::Timeline;
use crate::recording::mix::Mix;

/// Packets that wait: those of 200 ms at the shortest of 2.5 ms, and as many again of a source that comes in another's place.
const WAITING_MAX: usize = 160;
/// Bytes of them: twice what G.722, and Opus at its highest rate, send in as long a time.
const WAITING_BYTES_MAX: usize = 64 * 1_024;
/// Decoders that may break over what one party sends. One that does has met a packet that nobody thought of; the third shows
/// somebody who looks for them.
const FAILED_MAX: u8 = 3;
/// Places that are off by so many samples are next to each other: a rate that is no multiple of the clock is rounded.
const ROUNDED: u64 = 1;

/// One party's sound.
#[derive(Debug)]
pub(super) struct Track {
    /// Where its packets lie.
    pub(super) timeline: Timeline,
    /// By place.
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    budget: Budget,
    /// How many decoders broke.
    failed: u8,
    /// Where anything is decoded; large, and G.711 needs none.
    speaker: Option<Box<Speaker>>,
    /// Where packets were laid that waited for nothing, since the last one that was decoded. Empty where nothing is.
    laid: VecDeque<i64>,
    /// Where the last one lay that was decoded here.
    spoken: i64,
}

/// A packet that waits to be decoded.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Its place.
    pub(super) start: i64,
    /// How many samples of the file it covers.
    pub(super) samples: i64,
    /// Its head.
    pub(super) sequence: u16,
    pub(super) ssrc: u32,
    pub(super) payload_type: u8,
    pub(super) voice: Voice,
    pub(super) payload: Box<[u8]>,
}

/// A packet that has no sound here.
#[derive(Debug)]
pub(super) struct Unfit {
    pub(super) start: i64,
    pub(super) payload_type: u8,
    pub(super) what: What,
}

/// What is the matter with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// It was no sound of its codec.
    Broken,
    /// More came than can have been said.
    TooMuch,
    /// Decoders broke over what came before, and no other is made.
    GivenUp,
}

/// A decoder, and what its sound goes through.
#[derive(Debug)]
struct Speaker {
    decoder: Decoder,
    resampler: Option<Resampler>,
    concealer: Option<Concealer>,
    run: Option<Run>,
    decoded: Vec<i16>,
    resampled: Vec<i16>,
}

/// Packets that follow one another without a gap.
#[derive(Debug)]
struct Run {
    /// Where the next sample that comes out lies.
    at: i64,
    /// Where the packet that would go on lies.
    until: i64,
    sequence: u16,
    ssrc: u32,
}

impl Track {
    pub(super) fn new(scale: Scale) -> Self {
        Self {
            timeline: Timeline::new(scale),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            budget: Budget::NEW,
            failed: 0,
            speaker: None,
            laid: VecDeque::new(),
            spoken: i64::MIN,
        }
    }

    /// Notes that a packet was laid without waiting: its sender codes otherwise from there on, and begins anew when it comes
    /// back. What waits meanwhile may lie before it or behind it.
    pub(super) fn pass(&mut self, start: i64) {
        if self.speaker.is_none() && self.waiting.is_empty() {
            return;
        }
        if self.laid.len() >= WAITING_MAX {
            self.laid.pop_front();
        }
        self.laid.push_back(start);
    }

    /// Has a packet wait that came at `arrival`.
    ///
    /// # Errors
    /// Too many wait already, or more sound came than is decoded.
    pub(super) fn wait(
        &mut self,
        packet: Waiting,
        arrival: Moment,
        rate_hz: u32,
    ) -> Result<(), What> {
        if self.failed >= FAILED_MAX && packet.voice == Voice::Opus {
            return Err(What::GivenUp);
        }
        let bytes = self.waiting_bytes + packet.payload.len();
        let samples = u32::try_from(packet.samples).unwrap_or(0);
        let sound = Duration::from_secs(1) * samples / rate_hz.max(1);
        let is_full = self.waiting.len() >= WAITING_MAX || bytes > WAITING_BYTES_MAX;
        if is_full || !self.budget.admits(sound, arrival) {
            return Err(What::TooMuch);
        }
        self.waiting_bytes = bytes;
        let after = self
            .waiting
            .iter()
            .rposition(|earlier| earlier.start <= packet.start);
        self.waiting.insert(after.map_or(0, |at| at + 1), packet);
        Ok(())
    }

    /// Moves what waits and was placed by an anchor that is better now.
    pub(super) fn shift(&mut self, moved: Moved) {
        let under = moved.from..moved.until;
        let waiting = self.waiting.iter_mut();
        for packet in waiting.filter(|packet| under.contains(&packet.start)) {
            packet.start += moved.by;
        }
        self.waiting
            .make_contiguous()
            .sort_by_key(|packet| packet.start);
        let laid = self.laid.iter_mut();
        for start in laid.filter(|start| under.contains(start)) {
            *start += moved.by;
        }
    }

    /// Lays everything that begins before `until`. No packet that does comes any more.
    pub(super) fn speak(
        &mut self,
        until: i64,
        sound: Sound,
        mix: &mut Mix,
        mut unfit: impl FnMut(Unfit),
    ) {
        while let Some(packet) = self.waiting.pop_front_if(|packet| packet.start < until) {
            self.waiting_bytes = self.waiting_bytes.saturating_sub(packet.payload.len());
            let is_since = |start: &i64| (self.spoken + 1..packet.start).contains(start);
            let between = self.laid.iter().any(is_since);
            self.spoken = packet.start;
            self.laid.retain(|start| *start > packet.start);
            if let Err(what) = self.speak_one(&packet, between, sound, mix) {
                unfit(Unfit {
                    start: packet.start,
                    payload_type: packet.payload_type,
                    what,
                });
            }
        }
        let next = self.waiting.front();
        if let Some(speaker) = &mut self.speaker {
            speaker.wait_no_longer(next, until, sound, mix);
        }
    }

    /// Lays one packet. `between`: its sender coded otherwise since the one before.
    fn speak_one(
        &mut self,
        packet: &Waiting,
        between: bool,
        sound: Sound,
        mix: &mut Mix,
    ) -> Result<(), What> {
        let gives_up = self.failed >= FAILED_MAX && packet.voice == Voice::Opus;
        if gives_up {
            return Err(What::GivenUp);
        }
        let fits = |speaker: &Speaker| speaker.decoder.voice() == packet.voice;
        if between || !self.speaker.as_deref().is_some_and(fits) {
            self.hush(sound.side, mix);
            self.speaker = None;
        }
        let speaker = match &mut self.speaker {
            Some(speaker) => speaker,
            None => {
                self.budget.anew();
                self.speaker
                    .insert(Box::new(Speaker::new(packet.voice, sound)))
            }
        };
        speaker.speak(packet, sound, mix).map_err(|fault| {
            if fault == Fault::Failed {
                self.failed += 1;
            }
            What::Broken
        })
    }

    /// Lays what is left of the sound so far.
    pub(super) fn hush(&mut self, side: Side, mix: &mut Mix) {
        if let Some(speaker) = &mut self.speaker {
            speaker.end_run(side, mix);
        }
    }
}

/// Whose sound it is and what becomes of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sound {
    /// Which channel.
    pub(super) side: Side,
    /// The file's rate.
    pub(super) rate_hz: u32,
    /// Whether lost packets are made up.
    pub(super) conceal: bool,
}

impl Sound {
    fn samples(self, millis: usize) -> i64 {
        let millis = i64::try_from(millis).unwrap_or(0);
        i64::from(self.rate_hz) * millis / 1_000
    }
}

impl Speaker {
    fn new(voice: Voice, sound: Sound) -> Self {
        let decoder = Decoder::new(voice, sound.rate_hz);
        let rate_hz = decoder.rate_hz();
        Self {
            resampler: (rate_hz != sound.rate_hz).then(|| Resampler::new(rate_hz, sound.rate_hz)),
            concealer: sound.conceal.then(|| Concealer::new(rate_hz)),
            decoder,
            run: None,
            decoded: Vec::new(),
            resampled: Vec::new(),
        }
    }

    fn speak(&mut self, packet: &Waiting, sound: Sound, mix: &mut Mix) -> Result<(), Fault> {
        if self.goes_on(packet, sound) {
            let missing = self.run.as_ref().map_or(0, |run| packet.start - run.until);
            self.conceal(missing, sound.side, mix);
        }
        self.decoded.clear();
        self.decoder.decode(&packet.payload, &mut self.decoded)?;
        let follows = self
            .run
            .as_ref()
            .is_some_and(|run| run.until.abs_diff(packet.start) <= ROUNDED);
        if !follows {
            self.end_run(sound.side, mix);
        }
        if let Some(concealer) = &mut self.concealer {
            concealer.heard(&self.decoded);
        }
        let run = self.run.get_or_insert(Run {
            at: packet.start,
            until: packet.start,
            sequence: packet.sequence,
            ssrc: packet.ssrc,
        });
        run.sequence = packet.sequence;
        run.until += packet.samples;
        self.lay(sound.side, mix);
        Ok(())
    }

    /// Whether what lies between the run and a later packet of the same source was sent and lost, and is short enough to be
    /// made up. A sender that pauses goes on with the next sequence number.
    fn goes_on(&self, packet: &Waiting, sound: Sound) -> bool {
        let Some(run) = self.run.as_ref().filter(|_| self.concealer.is_some()) else {
            return false;
        };
        let steps = packet.sequence.wrapping_sub(run.sequence);
        let gap = packet.start - run.until;
        run.ssrc == packet.ssrc
            && (2..1 << 15).contains(&steps)
            && gap > 0
            && gap <= sound.samples(2 * CONCEALED_MS)
    }

    /// What would follow the run and begins before `until` was not sent, or is lost.
    fn wait_no_longer(&mut self, next: Option<&Waiting>, until: i64, sound: Sound, mix: &mut Mix) {
        let Some(missing) = self.run.as_ref().map(|run| until - run.until) else {
            return;
        };
        if missing <= 0 {
            return;
        }
        match next.filter(|next| self.goes_on(next, sound)) {
            Some(_) => self.conceal(missing, sound.side, mix),
            None => self.end_run(sound.side, mix),
        }
    }

    /// Makes up so many samples of the file.
    fn conceal(&mut self, samples: i64, side: Side, mix: &mut Mix) {
        let (Some(run), Some(concealer)) = (&mut self.run, &mut self.concealer) else {
            return;
        };
        let (made, covered) = match &self.resampler {
            Some(resampler) => resampler.fitting(samples),
            None => (usize::try_from(samples).unwrap_or(0), samples),
        };
        run.until += covered;
        self.decoded.clear();
        concealer.make(made, &mut self.decoded);
        self.lay(side, mix);
    }

    /// Lays what was decoded.
    fn lay(&mut self, side: Side, mix: &mut Mix) {
        let sound = match &mut self.resampler {
            Some(resampler) => {
                self.resampled.clear();
                resampler.feed(&self.decoded, &mut self.resampled);
                &self.resampled
            }
            None => &self.decoded,
        };
        if let Some(run) = &mut self.run {
            mix.lay_samples(side, run.at, sound);
            run.at += i64::try_from(sound.len()).unwrap_or(0);
        }
    }

    fn end_run(&mut self, side: Side, mix: &mut Mix) {
        if let (Some(resampler), Some(run)) = (&mut self.resampler, &self.run) {
            self.resampled.clear();
            resampler.finish(&mut self.resampled);
            mix.lay_samples(side, run.at, &self.resampled);
        }
        self.run = None;
    }
}
