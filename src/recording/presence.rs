//! Whether a side was heard: tells a side that sends nothing from one that is on hold or keeps quiet.
//!
//! Three things are named as missing, and nothing else, so that a quiet side is not cried over:
//! - a side from which nothing came in the whole recording, unless it was on hold for all but a second of it;
//! - a pause of more than [`PAUSE_MAX_MS`] whose sequence numbers say that packets were sent and lost;
//! - such a pause of unknown cause (nothing came after it, or another source did), where the side has given no sign of
//!   silence suppression: comfort noise agreed or heard (RFC 3389), a codec that we do not know well enough to exclude
//!   it, or an earlier pause of its own making.
//!
//! After a pause of its own making a sender's sequence numbers go on where they stopped and its timestamps have moved
//! on (RFC 3551 4.1): nothing is missing then.

/// A pause longer than this is looked into: people listen as long without a word, but their telephones send.
const PAUSE_MAX_MS: u64 = 10_000;
/// A side may be silent for so long before that means anything: telephones take a moment after the answer, and a call
/// that is hung up at once may have no packet at all.
const SETTLING_MS: u64 = 1_000;
/// A pause this long with timestamps that moved on is silence suppression, not jitter.
const SUPPRESSED_MS: u64 = 1_000;
/// The longest packet that receivers should accept (RFC 3551 4.2): what was sent in a pause had at least its length
/// divided by this many packets.
const PACKET_MS_MAX: u64 = 200;
/// Ticks of the slowest clock of telephony in a millisecond.
const TICKS_PER_MS: u64 = 8;

/// A stretch in milliseconds from the start of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Where it begins.
    pub from_ms: u64,
    /// Where it ends.
    pub until_ms: u64,
}

/// What a packet says of its sender's silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sign {
    /// RTP synchronisation source.
    pub ssrc: u32,
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// It is comfort noise, or of a codec that may pause by itself.
    pub may_pause: bool,
}

/// One side of a recording.
#[derive(Clone, Debug)]
pub struct Presence {
    /// When the side's party came: zero, or when it took another's place.
    since: u64,
    /// Since when a packet is due: zero, the end of a hold, the packet before. `None` on hold.
    due: Option<u64>,
    /// When the first packet was due.
    first_due: Option<u64>,
    /// How long packets were due before the hold that is, while none has come.
    owed_ms: u64,
    came: bool,
    last: Option<Sign>,
    /// Comfort noise is agreed.
    agreed: bool,
    /// A sign of silence suppression was seen.
    seen: bool,
}

impl Presence {
    /// Begins at zero with a side that may send. `comfort`: its SDP knows comfort noise.
    pub const fn new(comfort: bool) -> Self {
        Self::since(0, comfort)
    }

    /// Begins with a party that comes at `at_ms` and may send.
    pub const fn since(at_ms: u64, comfort: bool) -> Self {
        Self {
            since: at_ms,
            due: Some(at_ms),
            first_due: Some(at_ms),
            owed_ms: 0,
            came: false,
            last: None,
            agreed: comfort,
            seen: false,
        }
    }

    /// Takes whether the side's new SDP knows comfort noise.
    pub const fn set_comfort(&mut self, comfort: bool) {
        self.agreed = comfort;
    }

    /// Takes whether the side may send from `at_ms` on; `false` is hold. Returns what was missing until then.
    pub fn set_sends(&mut self, sends: bool, at_ms: u64) -> Option<Stretch> {
        match (self.due, sends) {
            (None, true) => {
                self.due = Some(at_ms);
                self.first_due = self.first_due.or(self.due);
                None
            }
            (Some(due), false) => {
                let missing = self.came.then(|| self.pause(due, at_ms, None)).flatten();
                self.due = None;
                self.owed_ms += at_ms.saturating_sub(due);
                if self.owed_ms == 0 {
                    self.first_due = None;
                }
                missing
            }
            (Some(_), true) | (None, false) => None,
        }
    }

    /// Takes a packet that came, or, without a sign, one that could not be read. Returns what was missing before it.
    pub fn packet(&mut self, at_ms: u64, sign: Option<Sign>) -> Option<Stretch> {
        let missing = match (self.due, self.came) {
            (Some(due), true) => self.pause(due, at_ms, sign),
            (Some(due), false) => {
                let owed = self.owed_ms + at_ms.saturating_sub(due);
                (owed > PAUSE_MAX_MS && !self.suppresses()).then(|| Stretch {
                    from_ms: self.first_due.unwrap_or(due),
                    until_ms: at_ms,
                })
            }
            // On hold it owes nothing, and may send all the same.
            (None, _) => None,
        };
        self.came = true;
        if let Some(due) = &mut self.due {
            *due = at_ms.max(*due);
        }
        self.seen |= sign.is_some_and(|sign| sign.may_pause);
        self.last = sign.or(self.last);
        missing
    }

    /// Returns what is missing when the recording ends, or is looked at, after `end_ms`.
    pub fn end(&self, end_ms: u64) -> Option<Stretch> {
        let owing = self.due.map_or(0, |due| end_ms.saturating_sub(due));
        if !self.came {
            return (self.owed_ms + owing >= SETTLING_MS).then_some(Stretch {
                from_ms: self.since,
                until_ms: end_ms,
            });
        }
        (owing > PAUSE_MAX_MS && !self.suppresses()).then(|| Stretch {
            from_ms: end_ms - owing,
            until_ms: end_ms,
        })
    }

    /// Judges a pause by the packets at its ends.
    fn pause(&mut self, from_ms: u64, until_ms: u64, after: Option<Sign>) -> Option<Stretch> {
        let pause = until_ms.saturating_sub(from_ms);
        if pause <= SUPPRESSED_MS {
            return None;
        }
        let of_one_source = self.last.zip(after).filter(|(a, b)| a.ssrc == b.ssrc);
        let missing = match of_one_source {
            Some((before, after)) => {
                let steps = u64::from(after.sequence.wrapping_sub(before.sequence));
                let lost = steps.saturating_sub(1).saturating_mul(PACKET_MS_MAX) >= pause
                    // More than half the circle is a straggler's step back.
                    && steps < 1 << 15;
                let ticks = u64::from(after.timestamp.wrapping_sub(before.timestamp));
                self.seen |= !lost && ticks >= pause * TICKS_PER_MS / 2;
                lost
            }
            None => !self.suppresses(),
        };
        (missing && pause > PAUSE_MAX_MS).then_some(Stretch { from_ms, until_ms })
    }

    const fn suppresses(&self) -> bool {
        self.agreed || self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn sign(sequence: u16, timestamp: u32) -> Option<Sign> {
        Some(Sign {
            ssrc: 1,
            sequence,
            timestamp,
            may_pause: false,
        })
    }

    const fn stretch(from_ms: u64, until_ms: u64) -> Option<Stretch> {
        Some(Stretch { from_ms, until_ms })
    }

    /// A side that spoke for five seconds.
    fn spoke() -> Presence {
        let mut side = Presence::new(false);
        for k in 0..=250_u16 {
            let heard = side.packet(u64::from(k) * 20, sign(k, u32::from(k) * 160));
            assert_eq!(heard, None);
        }
        side
    }

    #[test]
    fn a_side_that_never_sent_is_missing_from_end_to_end() {
        assert_eq!(Presence::new(false).end(60_000), stretch(0, 60_000));
        let comfort = Presence::new(true);
        assert_eq!(comfort.end(60_000), stretch(0, 60_000));
        assert_eq!(Presence::new(false).end(999), None, "hung up at once");
    }

    #[test]
    fn a_side_on_hold_all_the_time_owes_nothing_and_one_that_was_let_speak_does() {
        let mut side = Presence::new(false);
        assert_eq!(side.set_sends(false, 0), None);
        assert_eq!(side.end(60_000), None);
        assert_eq!(side.set_sends(true, 60_000), None);
        assert_eq!(side.end(60_900), None);
        assert_eq!(side.end(70_000), stretch(0, 70_000));
        assert_eq!(side.packet(75_000, sign(1, 1)), stretch(60_000, 75_000));
    }

    #[test]
    fn a_hold_in_mid_call_is_no_pause_but_the_silence_before_it_may_be() {
        let mut side = spoke();
        assert_eq!(side.set_sends(false, 8_000), None);
        assert_eq!(side.end(90_000), None);
        assert_eq!(side.set_sends(true, 90_000), None);
        assert_eq!(side.packet(90_100, sign(251, 999_999)), None);
        assert_eq!(side.set_sends(false, 110_000), stretch(90_100, 110_000));
    }

    #[test]
    fn a_pause_with_holes_in_the_sequence_is_missing_even_where_comfort_noise_is_agreed() {
        let mut side = spoke();
        side.set_comfort(true);
        let after = sign(251 + 500, 750 * 160);
        assert_eq!(side.packet(15_020, after), stretch(5_000, 15_020));
    }

    #[test]
    fn a_sender_that_goes_on_counting_had_nothing_to_say() {
        let mut side = spoke();
        assert_eq!(side.packet(65_000, sign(251, 65_000 * 8)), None);
        assert_eq!(side.end(100_000), None, "it is known to keep quiet");
    }

    #[test]
    fn a_burst_after_a_stalled_network_is_no_sign_of_silence_suppression() {
        let mut side = spoke();
        assert_eq!(side.packet(8_000, sign(251, 251 * 160)), None);
        assert_eq!(side.end(30_000), stretch(8_000, 30_000));
    }

    #[test]
    fn a_side_that_falls_silent_for_good_is_missing_unless_it_may_pause() {
        let side = spoke();
        assert_eq!(side.end(15_000), None, "ten seconds are not too long");
        assert_eq!(side.end(15_001), stretch(5_000, 15_001));
        let mut comfort = spoke();
        comfort.set_comfort(true);
        assert_eq!(comfort.end(60_000), None);
        let mut heard = spoke();
        let noise = sign(251, 251 * 160).map(|sign| Sign {
            may_pause: true,
            ..sign
        });
        assert_eq!(heard.packet(5_020, noise), None);
        assert_eq!(heard.end(60_000), None);
    }

    #[test]
    fn another_source_after_a_long_pause_does_not_excuse_it() {
        let mut side = spoke();
        let other = sign(9, 9).map(|sign| Sign { ssrc: 2, ..sign });
        assert_eq!(side.packet(30_000, other), stretch(5_000, 30_000));
    }

    #[test]
    fn a_packet_that_found_no_room_was_sent_all_the_same() {
        let mut side = Presence::new(false);
        assert_eq!(side.packet(500, None), None);
        assert_eq!(side.end(9_000), None);
    }
}
