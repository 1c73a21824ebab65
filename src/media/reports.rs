//! What the reports of a leg's peer say of the sound that it is sent, and how long a packet takes there and back (RFC 3550 6.4).
//!
//! Reports pass from end to end, so those of one peer are about the other's sound as we relayed it. The way there and back is
//! this leg's alone: it is counted from when we passed a sender's report on to when the peer names it.

use std::time::Duration;

use crate::base::time::Moment;
use crate::media::rtcp;

/// Sender's reports that a peer may still name: one comes every five seconds, and each report names the last.
const PASSED_MAX: usize = 4;

/// What takes longer is a report that named the wrong one.
const RTT_MAX: Duration = Duration::from_secs(10);

/// One leg's account.
#[derive(Clone, Debug, Default)]
pub struct Reports {
    /// The sender's reports that were passed on to the peer, by the middle of their time.
    passed: [Option<(u32, Moment)>; PASSED_MAX],
    next: usize,
    said: Option<Said>,
    /// Of sources that are gone.
    lost_before: u64,
    rtt: Duration,
    rtts: u32,
}

/// What was said last of one source.
#[derive(Clone, Copy, Debug)]
struct Said {
    ssrc: u32,
    lost: u64,
    jitter: u32,
    clock_hz: u32,
}

impl Reports {
    /// Notes what is passed on to the peer.
    pub fn pass(&mut self, packet: &[u8], now: Moment) {
        for part in rtcp::parts(packet) {
            if let (Some(time), Some(place)) = (part.sent_at(), self.passed.get_mut(self.next)) {
                *place = Some((time, now));
                self.next = (self.next + 1) % PASSED_MAX;
            }
        }
    }

    /// Reads what the peer says; `clock_hz` is that of the sound that it is sent.
    pub fn hear(&mut self, packet: &[u8], clock_hz: u32, now: Moment) {
        for part in rtcp::parts(packet) {
            // One source at a time is relayed: further blocks would be of none of ours.
            let Some(block) = part.block() else { continue };
            if let Some(before) = self.said.filter(|said| said.ssrc != block.ssrc) {
                self.lost_before += before.lost;
            }
            self.said = Some(Said {
                ssrc: block.ssrc,
                lost: block.lost,
                jitter: block.jitter,
                clock_hz,
            });
            let named = |passed: &&(u32, Moment)| passed.0 == block.named && block.named != 0;
            if let Some((_, at)) = self.passed.iter().flatten().find(named) {
                let there_and_back = (now - *at).saturating_sub(block.held);
                if there_and_back <= RTT_MAX {
                    self.rtt += there_and_back;
                    self.rtts += 1;
                }
            }
        }
    }

    /// How many packets never reached the peer, as it says; `None`: it says nothing.
    pub fn lost(&self) -> Option<u64> {
        self.said.map(|said| self.lost_before + said.lost)
    }

    /// The jitter that the peer sees.
    pub fn jitter_ms(&self) -> Option<f32> {
        let said = self.said.filter(|said| said.clock_hz > 0)?;
        Some(for_people(
            f64::from(said.jitter) * 1_000.0 / f64::from(said.clock_hz),
        ))
    }

    /// The mean way there and back; `None`: it was never measured.
    pub fn rtt_ms(&self) -> Option<f32> {
        let mean = self.rtt.checked_div(self.rtts)?;
        Some(for_people(mean.as_secs_f64() * 1_000.0))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a figure for people: seven digits are more than it has"
)]
const fn for_people(figure: f64) -> f32 {
    figure as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A report of a receiver about `ssrc`.
    fn receivers(ssrc: u32, lost: u32, jitter: u32, (named, held): (u32, u32)) -> Vec<u8> {
        let mut packet = vec![0x81, 201, 0, 7, 0, 0, 0, 9];
        for word in [ssrc, lost & 0xff_ffff, 0, jitter, named, held] {
            packet.extend(word.to_be_bytes());
        }
        packet
    }

    /// A sender's report of this time, without blocks.
    fn senders(seconds: u32, fraction: u32) -> Vec<u8> {
        let mut packet = vec![0x80, 200, 0, 6, 0, 0, 0, 1];
        for word in [seconds, fraction, 0, 0, 0] {
            packet.extend(word.to_be_bytes());
        }
        packet
    }

    #[test]
    fn loss_and_jitter_are_the_peers_own_words() {
        let mut reports = Reports::default();
        assert_eq!((reports.lost(), reports.jitter_ms()), (None, None));
        reports.hear(&receivers(1, 3, 80, (0, 0)), 8_000, Moment::START);
        assert_eq!((reports.lost(), reports.jitter_ms()), (Some(3), Some(10.0)));
        reports.hear(&receivers(1, 5, 40, (0, 0)), 8_000, Moment::START);
        assert_eq!((reports.lost(), reports.jitter_ms()), (Some(5), Some(5.0)));
        // Another source has a count of its own; more came than were sent is no loss.
        reports.hear(&receivers(2, 2, 0, (0, 0)), 8_000, Moment::START);
        assert_eq!(reports.lost(), Some(7));
        reports.hear(&receivers(2, 0xff_ffff, 0, (0, 0)), 8_000, Moment::START);
        assert_eq!(reports.lost(), Some(5));
        assert_eq!(reports.rtt_ms(), None);
    }

    #[test]
    fn the_way_there_and_back_is_counted_from_what_was_passed_on() {
        let at = Moment::from_millis;
        let mut reports = Reports::default();
        reports.pass(&senders(0x1234_5678, 0x9abc_def0), at(1_000));
        // Half a second lay at the peer.
        let named = (0x5678_9abc, 0x8000);
        reports.hear(&receivers(1, 0, 0, named), 8_000, at(1_540));
        assert_eq!(reports.rtt_ms(), Some(40.0));
        reports.pass(&senders(7, 0), at(2_000));
        reports.hear(&receivers(1, 0, 0, (7 << 16, 0)), 8_000, at(2_020));
        assert_eq!(reports.rtt_ms(), Some(30.0));
        // One that nobody sent, one that held it for longer than it was away, one from long ago.
        reports.hear(&receivers(1, 0, 0, (99, 0)), 8_000, at(2_030));
        assert_eq!(reports.rtt_ms(), Some(30.0));
        reports.hear(&receivers(1, 0, 0, (7 << 16, 0x2_0000)), 8_000, at(2_030));
        assert_eq!(reports.rtt_ms(), Some(20.0));
        reports.hear(&receivers(1, 0, 0, (7 << 16, 0)), 8_000, at(60_000));
        assert_eq!(reports.rtt_ms(), Some(20.0));
    }
}
