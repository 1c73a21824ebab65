//! One recorded call: its tape, its files, the keys that pause it, and what is to be said of it in the end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::base::id::Side;
use crate::base::time::Moment;
use crate::media::tap::{Refusal, TapId, Tapped};
use crate::recording::command::Outcome;
use crate::recording::command::State;
use crate::recording::disk::Disk;
use crate::recording::disk::Shelf;
use crate::recording::gaps::Gaps;
use crate::recording::gaps::Why;
use crate::recording::keys::Asked;
use crate::recording::keys::Keys;
use crate::recording::notes::Notes;
use crate::recording::pause::Pauser;
use crate::recording::tape::{Tape, Who};
use crate::recording::wav::CHANNELS;
use crate::recording::writing::Writing;
use crate::recording::writing::millis;
use crate::sdp::Codec;

/// How often it is looked whether something new is missing: a crash forgets the reason of no more than this.
const NOTE_EVERY: Duration = Duration::from_secs(2);

/// One packet lost in so many is heard as bad sound.
const LOSS_WORTH_A_WORD: u64 = 20;

/// A recording under way.
#[derive(Debug)]
pub struct Take<S: Shelf> {
    tape: Tape,
    writing: Writing<S>,
    /// What the one who answered presses, where codes are configured.
    keys: Option<Box<Keys>>,
    /// What was last noted, and when it is looked at again.
    notes: Notes,
    look_at: Moment,
}

impl<S: Shelf> Take<S> {
    /// Begins a recording; where the disk gives no file it goes on without one. `keys` listens to the one who answered.
    pub fn begin(tape: Tape, writing: Writing<S>, keys: Option<Keys>) -> Self {
        Self {
            tape,
            writing,
            keys: keys.map(Box::new),
            notes: Notes {
                at_ms: 0,
                gaps: Vec::new(),
                pauses: Vec::new(),
            },
            look_at: Moment::START,
        }
    }

    /// Lays a packet.
    pub fn packet(&mut self, tapped: &Tapped, payload: &[u8]) {
        let paused = self.writing.is_paused();
        if tapped.side == Side::Callee
            && let Some(keys) = &mut self.keys
            && let Some(asked) = keys.packet(tapped, payload, paused)
        {
            match asked {
                Asked::Pause => self.pause(Pauser::Keys, tapped.arrival),
                Asked::Resume => self.resume(&Pauser::Keys, tapped.arrival),
            }
        }
        let Self { tape, writing, .. } = self;
        tape.packet(tapped, payload, writing);
    }

    /// Notes a packet that the ring had no room for.
    pub fn refused(&mut self, refusal: &Refusal) {
        self.tape
            .refused((refusal.tap, refusal.side), refusal.arrival);
    }

    /// Takes what one side's payload types mean from now on.
    pub fn set_codecs(&mut self, who: Who, codecs: Arc<[Codec]>) {
        if let (_, Side::Callee) = who
            && let Some(keys) = &mut self.keys
        {
            keys.set_codecs(&codecs);
        }
        self.tape.set_codecs(who, codecs);
    }

    /// Takes whether one side may send from `at` on.
    pub fn set_sends(&mut self, who: Who, sends: bool, at: Moment) {
        self.tape.set_sends(who, sends, at);
    }

    /// Another party takes the callee's place; its packets come under `next`. The keys of one that is not of the house pause
    /// nothing: whom a caller was sent on to is nobody who may.
    pub fn turn(
        &mut self,
        (next, ours): (TapId, bool),
        codecs: Arc<[Codec]>,
        sends: bool,
        at: Moment,
    ) {
        if let Some(keys) = &mut self.keys {
            keys.turn(ours, &codecs);
        }
        self.tape.turn(next, codecs, sends, at);
    }

    /// Records silence from `at` on.
    pub fn pause(&mut self, by: Pauser, at: Moment) {
        tracing::info!(call = %self.writing.call(), %by, "the recording pauses");
        // A pause is counted in frames.
        self.tape.settle_rate(&mut self.writing);
        self.writing.pause(by, self.tape.frame_at(at));
        // A crash must not take who asked for the silence.
        self.look_at = Moment::START;
    }

    /// Records again from `at` on, where nothing else has it pause.
    pub fn resume(&mut self, by: &Pauser, at: Moment) {
        tracing::info!(call = %self.writing.call(), %by, "what paused the recording is over");
        self.tape.settle_rate(&mut self.writing);
        self.writing.resume(by, self.tape.frame_at(at));
        self.look_at = Moment::START;
    }

    /// Takes what the disk has shown since this was asked last.
    pub const fn take_disk_news(&mut self) -> Option<Disk> {
        self.writing.take_news()
    }

    /// One side's sound begins anew.
    pub fn anew(&mut self, who: Who) {
        self.tape.anew(who);
    }

    /// Lets time pass: what no straggler can change any more is written.
    pub fn advance(&mut self, now: Moment) {
        let Self { tape, writing, .. } = self;
        tape.advance(now, writing);
    }

    /// Returns what is to be written beside the file now, where that has changed.
    pub fn notes(&mut self, now: Moment) -> Option<(&Path, &Notes)> {
        if now < self.look_at {
            return None;
        }
        // Without a file there is nothing to note anything beside.
        let file = self.writing.file()?;
        self.look_at = now + NOTE_EVERY;
        let mut notes = self.tape.notes(now);
        notes.pauses = self.writing.pauses(self.tape.frame_at(now));
        if !notes.is_news_after(&self.notes) {
            return None;
        }
        self.notes = notes;
        Some((file, &self.notes))
    }

    /// Ends the recording at `at`: writes what is left and says what became of it. Its files are whole
    /// but not synced; the last of them is returned. Also says what the disk has shown last.
    pub fn end(self, at: Moment) -> (Box<Outcome>, Option<S::Medium>, Option<Disk>) {
        let Self {
            tape, mut writing, ..
        } = self;
        let finished = tape.finish(at, &mut writing);
        let rate_hz = finished.rate_hz;
        let call = writing.call();
        let written = writing.end(finished.frames);
        tracing::info_span!("call", id = %call).in_scope(|| {
            for (side, (counts, undecoded)) in Side::BOTH
                .into_iter()
                .zip(finished.counts.into_iter().zip(finished.undecoded))
            {
                tracing::debug!(?side, ?counts, undecoded, "recording ends");
                // Gaps are told with the outcome; lost packets are not gaps, and many make bad sound.
                if counts.missing > counts.packets / LOSS_WORTH_A_WORD {
                    tracing::warn!(
                        ?side, missing = counts.missing, came = counts.packets, late = counts.late,
                        "a recorded side lost more than one packet in twenty; look at the network to it"
                    );
                }
            }
        });
        let duration_ms = millis(written.frames, rate_hz);
        let mut gaps = finished.gaps;
        let state = match (&written.refused, gaps.is_empty()) {
            (Some(_), _) => State::Truncated,
            (None, false) => State::Partial,
            (None, true) => State::Complete,
        };
        if let Some(why) = written.refused {
            let mut refused = Gaps::default();
            let (why, end_ms) = (Why::Disk(why), millis(finished.frames, rate_hz));
            for side in Side::BOTH {
                refused.note(side, duration_ms, end_ms, &why);
            }
            gaps.extend(refused.finish(end_ms));
        }
        let outcome = Outcome {
            call,
            file: written.file,
            duration_ms,
            sample_rate_hz: rate_hz,
            channels: CHANNELS,
            bytes: written.bytes,
            state,
            gaps,
            pauses: written.pauses,
            parts: written.parts,
        };
        (Box::new(outcome), written.last, written.news)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::PoisonError;

    use std::io;
    use std::path::Path;

    use super::*;
    use crate::base::chance::Chance;
    use crate::base::id::CallId;
    use crate::base::id::Side;
    use crate::base::time::WallTime;
    use crate::media::tap::TapId;
    use crate::recording::command::Gap;
    use crate::recording::keys::Codes;
    use crate::recording::tape::RATE_HZ;
    use crate::recording::wav::HEADER_BYTES;
    use crate::recording::wav::Medium;
    use crate::recording::writing::Form;

    /// A disk that has room for so many bytes, which writes what it can of a block before it refuses.
    struct Small {
        bytes: Mutex<Vec<u8>>,
        room: usize,
    }

    impl Medium for &Small {
        fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
            let offset = usize::try_from(offset).map_err(io::Error::other)?;
            let room = self.room.saturating_sub(offset);
            let taken = bytes.get(..room).unwrap_or(bytes);
            let mut held = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
            let end = offset + taken.len();
            let length = held.len().max(end);
            held.resize(length, 0);
            held[offset..end].copy_from_slice(taken);
            if taken.len() < bytes.len() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(())
        }

        fn set_length(&self, length: u64) -> io::Result<()> {
            let length = usize::try_from(length).map_err(io::Error::other)?;
            let mut held = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
            held.truncate(length);
            Ok(())
        }
    }

    impl<'a> Shelf for &'a Small {
        type Medium = &'a Small;

        fn make(&self, _: &Path) -> io::Result<&'a Small> {
            match self.room {
                0 => Err(io::ErrorKind::PermissionDenied.into()),
                _ => Ok(self),
            }
        }

        fn open(&self, _: &Path) -> io::Result<&'a Small> {
            Ok(self)
        }

        fn discard(&self, _: &Path) {}
    }

    fn begin(disk: &Small) -> Take<&Small> {
        begin_with(disk, None)
    }

    fn begin_with(disk: &Small, keys: Option<Keys>) -> Take<&Small> {
        let form = Form {
            rate_hz: RATE_HZ,
            part_bytes: u64::MAX,
        };
        let writing = Writing::begin(call(), "a.wav".into(), disk, form);
        Take::begin(tape(), writing, keys)
    }

    fn call() -> CallId {
        CallId::new(WallTime::from_millis(1), &mut Chance::from_number(1))
    }

    /// Nobody has to speak.
    fn tape() -> Tape {
        let mut tape = Tape::new(
            Moment::START,
            [[].into(), [].into()],
            crate::recording::settings::Manner::default(),
        );
        for side in Side::BOTH {
            tape.set_sends((TapId(0), side), false, Moment::START);
        }
        tape
    }

    fn packet(sequence: u16) -> Tapped {
        Tapped {
            tap: TapId(1),
            side: Side::Callee,
            payload_type: 0,
            marker: false,
            sequence,
            timestamp: u32::from(sequence) * 160,
            ssrc: 1,
            arrival: Moment::from_millis(u64::from(sequence) * 20),
            length: 160,
        }
    }

    #[test]
    fn a_full_disk_ends_the_recording_with_a_whole_file_and_says_where() {
        let disk = Small {
            bytes: Mutex::default(),
            room: 100_000,
        };
        let mut take = begin(&disk);
        for sequence in 0..500 {
            take.packet(&packet(sequence), &[0x10; 160]);
            take.advance(packet(sequence).arrival);
        }
        let (outcome, last, _) = take.end(Moment::from_millis(10_000));
        assert!(last.is_some());
        // Twelve blocks of 256 ms fit.
        assert_eq!(outcome.duration_ms, 3_072);
        assert_eq!(outcome.state, State::Truncated);
        assert_eq!(outcome.bytes, HEADER_BYTES + 3_072 * 32);
        let gap = |side| Gap {
            side,
            from_ms: 3_072,
            length_ms: 6_928,
            why: "disk full".to_owned(),
        };
        assert_eq!(outcome.gaps, [gap(Side::Caller), gap(Side::Callee)]);
        let bytes = disk.bytes.into_inner().unwrap();
        assert_eq!(bytes.len() as u64, outcome.bytes);
        let reader = hound::WavReader::new(bytes.as_slice()).unwrap();
        assert_eq!(u64::from(reader.duration()), 3_072 * 8);
    }

    #[test]
    fn a_file_that_cannot_be_made_is_an_outcome_too() {
        let disk = Small {
            bytes: Mutex::default(),
            room: 0,
        };
        let mut take = begin(&disk);
        assert_eq!(take.take_disk_news(), Some(Disk::Refuses));
        take.packet(&packet(0), &[0x10; 160]);
        let (outcome, last, _) = take.end(Moment::from_millis(2_000));
        assert!(last.is_none());
        assert_eq!((outcome.bytes, outcome.duration_ms), (0, 0));
        assert_eq!(outcome.state, State::Truncated);
        assert_eq!(outcome.gaps.len(), 2);
        assert_eq!(outcome.gaps[0].length_ms, 2_000);
        assert_eq!(outcome.gaps[0].why, "disk error: permission denied");
    }

    #[test]
    fn the_one_who_answered_pauses_with_a_code_and_the_callers_keys_do_nothing() {
        let disk = Small {
            bytes: Mutex::default(),
            room: usize::MAX,
        };
        let codes = Codes {
            pause: Some("*1".into()),
            resume: Some("*2".into()),
        };
        let event = Codec {
            payload_type: 101,
            name: "TELEPHONE-EVENT".into(),
            clock_hz: 8_000,
            channels: 1,
        };
        let mut take = begin_with(&disk, Keys::new(&codes, &[]));
        take.set_codecs((TapId(1), Side::Callee), [event.clone()].into());
        take.set_codecs((TapId(1), Side::Caller), [event].into());
        let press = |take: &mut Take<_>, side, key: u8, at_ms: u64| {
            let tapped = Tapped {
                side,
                payload_type: 101,
                timestamp: u32::try_from(at_ms * 8).unwrap(),
                arrival: Moment::from_millis(at_ms),
                ..packet(0)
            };
            take.packet(&tapped, &[key, 0x80, 3, 0x20]);
        };
        for sequence in 0..500 {
            take.packet(&packet(sequence), &[0x10; 160]);
            take.advance(packet(sequence).arrival);
            match sequence {
                50 => press(&mut take, Side::Caller, 10, 1_000),
                51 => press(&mut take, Side::Caller, 1, 1_020),
                100 => press(&mut take, Side::Callee, 10, 2_000),
                150 => press(&mut take, Side::Callee, 1, 3_000),
                300 => press(&mut take, Side::Callee, 10, 6_000),
                350 => press(&mut take, Side::Callee, 2, 7_000),
                _ => {}
            }
        }
        let (outcome, ..) = take.end(Moment::from_millis(10_000));
        let pause = &outcome.pauses[0];
        assert_eq!(
            (pause.from_ms, pause.length_ms, &*pause.by),
            (3_000, 4_000, "keys")
        );
        assert_eq!(
            (outcome.state, outcome.duration_ms),
            (State::Complete, 10_000)
        );
        let bytes = disk.bytes.into_inner().unwrap();
        let reader = hound::WavReader::new(bytes.as_slice()).unwrap();
        let right = reader.into_samples::<i16>().skip(1).step_by(2);
        for (frame, sample) in right.map(Result::unwrap).enumerate() {
            let is_silent = (24_000..56_000).contains(&frame);
            assert_eq!(sample == 0, is_silent, "frame {frame}");
        }
    }

    #[test]
    fn an_end_that_was_told_late_cuts_what_was_written_beyond_it() {
        let disk = Small {
            bytes: Mutex::default(),
            room: usize::MAX,
        };
        let mut take = begin(&disk);
        take.advance(Moment::from_millis(5_000));
        let (outcome, ..) = take.end(Moment::from_millis(3_001));
        assert_eq!(outcome.state, State::Complete);
        assert_eq!((outcome.duration_ms, outcome.gaps.len()), (3_001, 0));
        assert_eq!(disk.bytes.lock().unwrap().len() as u64, outcome.bytes);
    }
}
