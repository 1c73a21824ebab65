//! Stretches of a recording that are silence because somebody asked for it: a card number is read out, a caller is parked.
//! Everything else goes on, so that what follows a pause lies where it was said. Knows no file.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::recording::command::Pause;

/// Pauses of one recording. Who pauses more often than this has the last of them go on to the end: silence is the safe side.
const PAUSES_MAX: usize = 256;

/// Who has a recording pause, or go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pauser {
    /// A user, through the API.
    Person(Arc<str>),
    /// The one who answered, by a code on the keys.
    Keys,
    /// A hold that stops the sound both ways (`a=inactive`).
    Hold,
}

impl fmt::Display for Pauser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Person(name) => name,
            Self::Keys => "keys",
            Self::Hold => "hold",
        })
    }
}

/// The pauses of one recording, in frames.
#[derive(Debug, Default)]
pub struct Pauses {
    /// In order; the last may have no end yet.
    spans: Vec<Span>,
    /// Somebody asked for a pause.
    asked: bool,
    /// A hold pauses.
    held: bool,
}

#[derive(Debug)]
struct Span {
    from: u64,
    until: Option<u64>,
    by: Pauser,
}

impl Pauses {
    /// Pauses from `frame` on. A hold and somebody who asks are told apart: the recording goes on when neither pauses it.
    pub fn pause(&mut self, by: Pauser, frame: u64) {
        let paused = self.is_paused();
        *self.reason(&by) = true;
        if !paused && self.last_until().is_some() {
            // A pause that is over reaches back behind nothing: orders come in their order.
            let from = frame.max(self.last_until().unwrap_or_default());
            self.spans.push(Span {
                from,
                until: None,
                by,
            });
        }
    }

    /// Goes on from `frame` on, where nothing else pauses. Whoever may pause may end the pause of another.
    pub fn resume(&mut self, by: &Pauser, frame: u64) {
        *self.reason(by) = false;
        let is_over = !self.is_paused() && self.spans.len() < PAUSES_MAX;
        if let Some(open) = self
            .spans
            .last_mut()
            .filter(|span| is_over && span.until.is_none())
        {
            open.until = Some(frame.max(open.from));
        }
    }

    /// Cuts a stretch of frames into those that are recorded and those that are not.
    pub fn cut(&self, frames: Range<u64>) -> impl Iterator<Item = (Range<u64>, Heard)> {
        let mut at = frames.start;
        // The last ones are those that may still lie ahead; a recording without a pause is one stretch.
        let mut ahead = self.spans.iter().skip(
            self.spans
                .partition_point(|span| span.until.is_some_and(|until| until <= frames.start)),
        );
        let mut pause = ahead.next();
        std::iter::from_fn(move || {
            if at >= frames.end {
                return None;
            }
            let Some(span) = pause else {
                let rest = at..frames.end;
                at = frames.end;
                return Some((rest, Heard::Recorded));
            };
            let (until, heard) = if at < span.from {
                (span.from, Heard::Recorded)
            } else {
                pause = ahead.next();
                (span.until.unwrap_or(u64::MAX), Heard::Paused)
            };
            let stretch = at..until.min(frames.end);
            at = stretch.end;
            Some((stretch, heard))
        })
    }

    /// The pauses of a recording that is `frames` long, as the call record has them.
    pub fn told(&self, frames: u64, rate_hz: u32) -> Vec<Pause> {
        let millis = |frames: u64| frames * 1_000 / u64::from(rate_hz.max(1));
        let within = self.spans.iter().filter(|span| span.from < frames);
        within
            .map(|span| {
                let (from_ms, until) = (millis(span.from), span.until.unwrap_or(frames));
                Pause {
                    from_ms,
                    length_ms: millis(until.min(frames)) - from_ms,
                    by: span.by.to_string(),
                }
            })
            // Taken back before a sample was left out.
            .filter(|pause| pause.length_ms > 0)
            .collect()
    }

    /// Whether a pause reaches beyond a frame.
    pub fn ends_after(&self, frame: u64) -> bool {
        let last = self.spans.last();
        last.is_some_and(|span| span.until.is_none_or(|until| until > frame))
    }

    /// Whether nothing is recorded now.
    pub const fn is_paused(&self) -> bool {
        self.asked || self.held
    }

    /// Where the last pause ended; `None`: it has not. Zero without any.
    fn last_until(&self) -> Option<u64> {
        self.spans.last().map_or(Some(0), |span| span.until)
    }

    const fn reason(&mut self, by: &Pauser) -> &mut bool {
        match by {
            Pauser::Person(_) | Pauser::Keys => &mut self.asked,
            Pauser::Hold => &mut self.held,
        }
    }
}

/// What becomes of a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is written as it was heard.
    Recorded,
    /// It is written as silence.
    Paused,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anna() -> Pauser {
        Pauser::Person("anna".into())
    }

    fn silent(pauses: &Pauses, frames: Range<u64>) -> Vec<(u64, u64)> {
        let mut at = frames.start;
        let cut = pauses.cut(frames.clone()).inspect(|(stretch, _)| {
            assert_eq!(stretch.start, at, "no frame twice and none left out");
            assert!(stretch.start < stretch.end);
            at = stretch.end;
        });
        let silent = cut.filter(|(_, heard)| *heard == Heard::Paused);
        let silent = silent
            .map(|(stretch, _)| (stretch.start, stretch.end))
            .collect();
        assert_eq!(at, frames.end);
        silent
    }

    #[test]
    fn a_stretch_is_cut_wherever_a_pause_begins_or_ends() {
        let mut pauses = Pauses::default();
        assert_eq!(silent(&pauses, 0..100), []);
        pauses.pause(anna(), 50);
        assert_eq!(silent(&pauses, 0..100), [(50, 100)]);
        assert_eq!(silent(&pauses, 100..200), [(100, 200)]);
        pauses.resume(&anna(), 250);
        pauses.pause(Pauser::Keys, 260);
        pauses.resume(&Pauser::Keys, 270);
        assert_eq!(silent(&pauses, 0..100), [(50, 100)]);
        assert_eq!(silent(&pauses, 200..300), [(200, 250), (260, 270)]);
        assert_eq!(silent(&pauses, 250..260), []);
        assert_eq!(silent(&pauses, 300..400), []);
        let told = pauses.told(265, 1_000);
        let told: Vec<_> = told
            .iter()
            .map(|pause| (pause.from_ms, pause.length_ms, pause.by.as_str()))
            .collect();
        assert_eq!(told, [(50, 200, "anna"), (260, 5, "keys")]);
    }

    #[test]
    fn a_hold_that_ends_leaves_the_pause_that_somebody_asked_for() {
        let mut pauses = Pauses::default();
        pauses.pause(anna(), 10);
        pauses.pause(Pauser::Hold, 20);
        pauses.resume(&Pauser::Hold, 30);
        assert!(pauses.is_paused());
        assert_eq!(silent(&pauses, 0..100), [(10, 100)]);
        // The code on the keys ends what was asked for through the API.
        pauses.resume(&Pauser::Keys, 40);
        assert!(!pauses.is_paused());
        assert_eq!(silent(&pauses, 0..100), [(10, 40)]);
    }

    #[test]
    fn what_is_said_twice_counts_once_and_an_end_without_a_beginning_is_nothing() {
        let mut pauses = Pauses::default();
        pauses.resume(&anna(), 5);
        pauses.pause(anna(), 10);
        pauses.pause(Pauser::Person("boris".into()), 12);
        pauses.resume(&anna(), 20);
        pauses.resume(&anna(), 30);
        assert_eq!(silent(&pauses, 0..100), [(10, 20)]);
        assert_eq!(pauses.told(100, 1_000).len(), 1);
    }

    #[test]
    fn who_pauses_without_end_is_silent_from_then_on() {
        let mut pauses = Pauses::default();
        for n in 0..10_000 {
            pauses.pause(Pauser::Keys, n * 10);
            pauses.resume(&Pauser::Keys, n * 10 + 5);
        }
        let told = pauses.told(100_000, 1_000);
        assert_eq!(told.len(), PAUSES_MAX);
        let last = told.last().unwrap();
        assert_eq!(last.from_ms + last.length_ms, 100_000);
    }
}
