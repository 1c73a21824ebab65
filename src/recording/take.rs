//! One recorded call: its tape, its file, and what is to be said of it in the end. A disk that refuses
//! ends the recording, never the call.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::base::id::CallId;
use crate::base::id::Side;
use crate::base::time::Moment;
use crate::media::tap::{Refusal, TapId, Tapped};
use crate::recording::command::Outcome;
use crate::recording::command::State;
use crate::recording::gaps::Gaps;
use crate::recording::gaps::Why;
use crate::recording::notes::Notes;
use crate::recording::tape::RATE_HZ;
use crate::recording::tape::{Tape, Who};
use crate::recording::wav::CHANNELS;
use crate::recording::wav::Medium;
use crate::recording::wav::Wav;
use crate::sdp::Codec;

/// How often it is looked whether something new is missing: a crash forgets the reason of no more than this.
const NOTE_EVERY: Duration = Duration::from_secs(2);

/// One packet lost in so many is heard as bad sound.
const LOSS_WORTH_A_WORD: u64 = 20;

/// A recording under way.
#[derive(Debug)]
pub struct Take<M> {
    tape: Tape,
    writing: Writing<M>,
    /// What was last noted, and when it is looked at again.
    notes: Notes,
    look_at: Moment,
}

/// The file of a recording, as far as the disk lets it grow.
#[derive(Debug)]
struct Writing<M> {
    call: CallId,
    file: PathBuf,
    /// `None` when it could not be made.
    wav: Option<Wav<M>>,
    /// Why it does not grow any more.
    refused: Option<Arc<str>>,
}

impl<M: Medium> Take<M> {
    /// Begins a recording in `wav`, or without a file when the disk gave none.
    pub fn begin(call: CallId, file: PathBuf, wav: io::Result<Wav<M>>, tape: Tape) -> Self {
        let mut writing = Writing {
            call,
            file,
            wav: None,
            refused: None,
        };
        match wav {
            Ok(wav) => writing.wav = Some(wav),
            Err(error) => writing.refuse(&error),
        }
        Self {
            tape,
            writing,
            notes: Notes::default(),
            look_at: Moment::START,
        }
    }

    /// Lays a packet.
    pub fn packet(&mut self, tapped: &Tapped, payload: &[u8]) {
        let Self { tape, writing, .. } = self;
        tape.packet(tapped, payload, &mut |block| writing.append(block));
    }

    /// Notes a packet that the ring had no room for.
    pub fn refused(&mut self, refusal: &Refusal) {
        self.tape
            .refused((refusal.tap, refusal.side), refusal.arrival);
    }

    /// Takes what one side's payload types mean from now on.
    pub fn set_codecs(&mut self, who: Who, codecs: Arc<[Codec]>) {
        self.tape.set_codecs(who, codecs);
    }

    /// Takes whether one side may send from `at` on.
    pub fn set_sends(&mut self, who: Who, sends: bool, at: Moment) {
        self.tape.set_sends(who, sends, at);
    }

    /// Another party takes the callee's place; its packets come under `next`.
    pub fn turn(&mut self, next: TapId, codecs: Arc<[Codec]>, sends: bool, at: Moment) {
        self.tape.turn(next, codecs, sends, at);
    }

    /// One side's sound begins anew.
    pub fn anew(&mut self, who: Who) {
        self.tape.anew(who);
    }

    /// Lets time pass: what no straggler can change any more is written.
    pub fn advance(&mut self, now: Moment) {
        let Self { tape, writing, .. } = self;
        tape.advance(now, &mut |block| writing.append(block));
    }

    /// Returns what is to be written beside the file now, where that has changed.
    pub fn notes(&mut self, now: Moment) -> Option<(&Path, &Notes)> {
        // Without a file there is nothing to note anything beside.
        if now < self.look_at || self.writing.wav.is_none() {
            return None;
        }
        self.look_at = now + NOTE_EVERY;
        let notes = self.tape.notes(now);
        if !notes.is_news_after(&self.notes) {
            return None;
        }
        self.notes = notes;
        Some((&self.writing.file, &self.notes))
    }

    /// Ends the recording at `at`: writes what is left and says what became of it. The file is whole
    /// but not synced.
    pub fn end(self, at: Moment) -> (Box<Outcome>, Option<M>) {
        let Self {
            tape, mut writing, ..
        } = self;
        let finished = tape.finish(at, &mut |block| writing.append(block));
        writing.end(finished.frames);
        let call = writing.call;
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
        let (frames, bytes) = writing
            .wav
            .as_ref()
            .map_or((0, 0), |wav| (wav.frames(), wav.bytes()));
        let mut gaps = finished.gaps;
        let state = match (&writing.refused, gaps.is_empty()) {
            (Some(_), _) => State::Truncated,
            (None, false) => State::Partial,
            (None, true) => State::Complete,
        };
        if let Some(why) = writing.refused {
            let mut refused = Gaps::default();
            let why = Why::Disk(why);
            for side in Side::BOTH {
                refused.note(side, millis(frames), millis(finished.frames), &why);
            }
            gaps.extend(refused.finish(millis(finished.frames)));
        }
        let outcome = Outcome {
            call,
            file: writing.file,
            duration_ms: millis(frames),
            sample_rate_hz: RATE_HZ,
            channels: CHANNELS,
            bytes,
            state,
            gaps,
            pauses: Vec::new(),
            parts: Vec::new(),
        };
        (Box::new(outcome), writing.wav.map(Wav::into_medium))
    }
}

impl<M: Medium> Writing<M> {
    fn append(&mut self, block: &[u8]) {
        let (Some(wav), None) = (&mut self.wav, &self.refused) else {
            return;
        };
        if let Err(error) = wav.append(block) {
            // Cuts what was half written. Where even that is refused, a player reads up to the last
            // true header.
            let frames = wav.frames();
            if let Err(error) = wav.end(frames) {
                tracing::debug!(call = %self.call, %error, "a broken block stays behind the sound");
            }
            self.refuse(&error);
        }
    }

    fn end(&mut self, frames: u64) {
        let ended = self.wav.as_mut().map(|wav| wav.end(frames));
        if let (Some(Err(error)), None) = (ended, &self.refused) {
            self.refuse(&error);
        }
    }

    fn refuse(&mut self, error: &io::Error) {
        let why = why(error);
        tracing::info_span!("call", id = %self.call).in_scope(|| {
            tracing::error!(
                file = %self.file.display(), %error,
                "the recording ends here and the call goes on: {why}"
            );
        });
        self.refused = Some(why);
    }
}

/// Puts a disk's refusal into an operator's words.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the kinds are the standard library's and grow with it"
)]
fn why(error: &io::Error) -> Arc<str> {
    match error.kind() {
        io::ErrorKind::StorageFull => "disk full".into(),
        io::ErrorKind::QuotaExceeded => "disk quota used up".into(),
        io::ErrorKind::FileTooLarge => "file as large as it can be".into(),
        _ => format!("disk error: {error}").into(),
    }
}

/// Returns the length of so many frames.
pub const fn millis(frames: u64) -> u64 {
    frames * 1_000 / RATE_HZ as u64
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::PoisonError;

    use super::*;
    use crate::base::chance::Chance;
    use crate::base::id::Side;
    use crate::base::time::WallTime;
    use crate::media::tap::TapId;
    use crate::recording::command::Gap;
    use crate::recording::wav::HEADER_BYTES;

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

    fn call() -> CallId {
        CallId::new(WallTime::from_millis(1), &mut Chance::from_number(1))
    }

    /// Nobody has to speak.
    fn tape() -> Tape {
        let mut tape = Tape::new(Moment::START, [[].into(), [].into()]);
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
        let mut take = Take::begin(call(), "a.wav".into(), Wav::begin(&disk, 8_000), tape());
        for sequence in 0..500 {
            take.packet(&packet(sequence), &[0x10; 160]);
            take.advance(packet(sequence).arrival);
        }
        let (outcome, medium) = take.end(Moment::from_millis(10_000));
        assert!(medium.is_some());
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
        let refused: io::Result<Wav<&Small>> = Err(io::ErrorKind::PermissionDenied.into());
        let mut take = Take::begin(call(), "a.wav".into(), refused, tape());
        take.packet(&packet(0), &[0x10; 160]);
        let (outcome, medium) = take.end(Moment::from_millis(2_000));
        assert!(medium.is_none());
        assert_eq!((outcome.bytes, outcome.duration_ms), (0, 0));
        assert_eq!(outcome.state, State::Truncated);
        assert_eq!(outcome.gaps.len(), 2);
        assert_eq!(outcome.gaps[0].length_ms, 2_000);
        assert_eq!(outcome.gaps[0].why, "disk error: permission denied");
    }

    #[test]
    fn an_end_that_was_told_late_cuts_what_was_written_beyond_it() {
        let disk = Small {
            bytes: Mutex::default(),
            room: usize::MAX,
        };
        let mut take = Take::begin(call(), "a.wav".into(), Wav::begin(&disk, 8_000), tape());
        take.advance(Moment::from_millis(5_000));
        let (outcome, _) = take.end(Moment::from_millis(3_001));
        assert_eq!(outcome.state, State::Complete);
        assert_eq!((outcome.duration_ms, outcome.gaps.len()), (3_001, 0));
        assert_eq!(disk.bytes.lock().unwrap().len() as u64, outcome.bytes);
    }
}
