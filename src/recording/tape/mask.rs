//! Pressed keys are not heard: what lies where a key was told of by its events (RFC 4733), and what sounds like one, is made
//! silent on the side that pressed it before it settles.

use std::collections::VecDeque;
use std::ops::Range;

use crate::base::id::Side;
use crate::media::timeline::Scale;
use crate::media::tones::BLOCKS_PER_S;
use crate::media::tones::Ear;
use crate::recording::mix::Mix;

/// A gateway sends the tone itself for so long until it knows what it hears, and its first event comes after that.
const BEFORE_MS: i64 = 120;
/// Events are repeated at least so often while a key is down (RFC 4733 2.5.1.2 recommends 50 ms), with some jitter.
const AFTER_MS: i64 = 100;
/// Blocks of sound that settle later where keys are looked for: two that tell a key, and the one before them in which it began.
const BLOCKS_LATER: i64 = 4;

/// What is hidden of both sides.
#[derive(Debug)]
pub(super) struct Mask {
    scale: Scale,
    ear: Ear,
    /// Caller, callee.
    sides: [Hidden; 2],
    heard: Vec<i16>,
}

#[derive(Debug, Default)]
struct Hidden {
    /// Stretches, in order.
    stretches: VecDeque<Range<i64>>,
    /// Where the next block is listened to, and whether the one before sounded like a key.
    next: i64,
    suspects: bool,
}

impl Mask {
    pub(super) fn new(scale: Scale) -> Self {
        Self {
            scale,
            ear: Ear::new(scale.rate_hz()),
            sides: Default::default(),
            heard: Vec::new(),
        }
    }

    /// How many samples later sound settles.
    pub(super) fn lag(&self) -> i64 {
        BLOCKS_LATER * i64::from(self.scale.rate_hz() / BLOCKS_PER_S)
    }

    /// A packet of a pressed key came.
    pub(super) fn key(&mut self, side: Side, arrival: i64) {
        let from = arrival - self.scale.samples(BEFORE_MS);
        let until = arrival + self.scale.samples(AFTER_MS);
        self.of(side).add(from..until);
    }

    /// Hides the keys in what settles next, which ends at `until`; sound is whole up to [`Self::lag`] beyond it.
    pub(super) fn hide(&mut self, until: i64, mix: &mut Mix) {
        for side in Side::BOTH {
            self.listen(side, until + self.lag(), mix);
            let hidden = self.of(side);
            for stretch in &hidden.stretches {
                if stretch.start < until {
                    mix.silence(side, stretch.start, stretch.end.min(until));
                }
            }
            hidden.stretches.retain(|stretch| stretch.end > until);
        }
    }

    fn listen(&mut self, side: Side, until: i64, mix: &Mix) {
        let block = i64::try_from(self.ear.block()).unwrap_or(1);
        let settled = mix.settled();
        let mut heard = std::mem::take(&mut self.heard);
        let [caller, callee] = &mut self.sides;
        let hidden = match side {
            Side::Caller => caller,
            Side::Callee => callee,
        };
        hidden.next = hidden.next.max(settled);
        while hidden.next + block <= until {
            let from = hidden.next;
            hidden.next += block;
            heard.clear();
            mix.read(side, from, hidden.next, &mut heard);
            let suspects = self.ear.hears_key(&heard);
            if suspects && hidden.suspects {
                hidden.add(from - 2 * block..hidden.next + block);
            }
            hidden.suspects = suspects;
        }
        self.heard = heard;
    }

    const fn of(&mut self, side: Side) -> &mut Hidden {
        let [caller, callee] = &mut self.sides;
        match side {
            Side::Caller => caller,
            Side::Callee => callee,
        }
    }
}

impl Hidden {
    fn add(&mut self, stretch: Range<i64>) {
        match self.stretches.back_mut() {
            Some(last) if stretch.start <= last.end && last.start <= stretch.end => {
                last.start = last.start.min(stretch.start);
                last.end = last.end.max(stretch.end);
            }
            Some(_) | None => self.stretches.push_back(stretch),
        }
    }
}
