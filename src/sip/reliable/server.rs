//! Reliable provisional responses as the callee gives them, in one early dialog (RFC 3262 section 3).
//!
//! One at a time is on its way: the next is sent when the PRACK of the one before came, so that they arrive in order and
//! the rule that the first must be acknowledged before the second needs no case of its own.

use std::collections::VecDeque;

use crate::base::time::Moment;
use crate::sip::reliable::rack::RAck;
use crate::sip::transaction::{GIVE_UP, Resend};

/// Responses that wait behind an unacknowledged one. A target rings, plays and rings again; more is a flood.
const QUEUE_MAX: usize = 8;
/// The highest first number (RFC 3262 3): from there it can only grow.
const FIRST_MAX: u32 = (1 << 31) - 1;

/// The reliable provisional responses to one INVITE under one To tag. `R` is a response, with what its owner keeps with it.
#[derive(Debug)]
pub struct ReliableServer<R> {
    /// The CSeq number of the INVITE.
    cseq: u32,
    /// The number of the next response.
    next: u32,
    waiting: Option<Waiting<R>>,
    queue: VecDeque<Numbered<R>>,
}

/// Why the machine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// The response has no PRACK: it is sent again, over any transport, because a later hop may lose it.
    Repeat,
    /// No PRACK came for 64 * T1: the INVITE is refused.
    GiveUp,
}

/// What the owner does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action<R> {
    /// Send this response.
    Send(R),
    /// Its PRACK never came: refuse the INVITE with a 5xx. Happens once.
    Refuse,
}

/// A PRACK that matched.
#[derive(Debug, PartialEq, Eq)]
pub struct Acknowledged<R> {
    /// What it acknowledges.
    pub response: R,
    /// What is sent next.
    pub next: Option<R>,
}

#[derive(Debug)]
struct Numbered<R> {
    rseq: u32,
    sdp: bool,
    response: R,
}

#[derive(Debug)]
struct Waiting<R> {
    numbered: Numbered<R>,
    /// `None` once a final response is out: it is not repeated, and its PRACK is still understood.
    timers: Option<(Resend, Moment)>,
}

impl<R: Clone> ReliableServer<R> {
    /// Starts for the INVITE with that CSeq number. `random` makes the first number.
    pub const fn new(cseq: u32, random: u64) -> Self {
        // The low bits, so that the remainder fits.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the remainder is below 2^31"
        )]
        let first = 1 + (random % FIRST_MAX as u64) as u32;
        Self {
            cseq,
            next: first,
            waiting: None,
            queue: VecDeque::new(),
        }
    }

    /// Returns the RSeq that the next response must carry.
    pub const fn rseq(&self) -> u32 {
        self.next
    }

    /// Takes a response under that number, and returns it when it is to be sent now. It waits while another one is not
    /// acknowledged; one too many is forgotten. `sdp`: it carries an offer or an answer.
    pub fn send(&mut self, now: Moment, sdp: bool, response: R) -> Option<R> {
        if self.queue.len() >= QUEUE_MAX {
            return None;
        }
        self.queue.push_back(Numbered {
            rseq: self.next,
            sdp,
            response,
        });
        self.next = self.next.saturating_add(1);
        match self.waiting {
            Some(_) => None,
            None => self.send_next(now),
        }
    }

    fn send_next(&mut self, now: Moment) -> Option<R> {
        let numbered = self.queue.pop_front()?;
        let response = numbered.response.clone();
        self.waiting = Some(Waiting {
            numbered,
            timers: Some((Resend::start(now), now + GIVE_UP)),
        });
        Some(response)
    }

    /// Takes a PRACK; `None`: it acknowledges nothing that waits for it, which is answered 481.
    pub fn handle_prack(&mut self, now: Moment, rack: RAck) -> Option<Acknowledged<R>> {
        let matches = |waiting: &mut Waiting<R>| waiting.numbered.rseq == rack.rseq;
        if rack.cseq != self.cseq {
            return None;
        }
        let waiting = self.waiting.take_if(matches)?;
        Some(Acknowledged {
            response: waiting.numbered.response,
            // After a final response nothing provisional follows.
            next: waiting.timers.and_then(|_| self.send_next(now)),
        })
    }

    /// Advances time. Calling early or twice changes nothing.
    pub fn handle_timeout(&mut self, now: Moment) -> Option<Action<R>> {
        let waiting = self.waiting.as_mut()?;
        let (resend, until) = waiting.timers.as_mut()?;
        if *until <= now {
            self.waiting = None;
            self.queue.clear();
            return Some(Action::Refuse);
        }
        if resend.at > now {
            return None;
        }
        // 3: it doubles without T2's bound.
        resend.again(now, GIVE_UP);
        Some(Action::Send(waiting.numbered.response.clone()))
    }

    /// Returns when to call [`Self::handle_timeout`] next, and which timer asks.
    pub fn poll_timeout(&self) -> Option<(Moment, Timer)> {
        let (resend, until) = self.waiting.as_ref()?.timers?;
        [(resend.at, Timer::Repeat), (until, Timer::GiveUp)]
            .into_iter()
            .min()
    }

    /// Whether a 2xx must wait: an offer or an answer is not acknowledged (RFC 3262 3).
    pub fn holds_2xx(&self) -> bool {
        let waiting = self.waiting.as_ref().map(|waiting| &waiting.numbered);
        waiting.into_iter().chain(&self.queue).any(|one| one.sdp)
    }

    /// Whether a response has no PRACK yet.
    pub const fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// The final response is out: nothing is repeated or sent any more, and a PRACK on its way is still understood.
    pub fn finish(&mut self) {
        self.queue.clear();
        if let Some(waiting) = &mut self.waiting {
            waiting.timers = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3262 3: T1 doubling, without a bound, for 64 * T1; then a 5xx.
    #[test]
    fn a_response_without_prack_is_repeated_and_then_the_invite_is_refused() {
        let mut sim = Sim::new();
        assert_eq!(sim.send_at(0, "183", true), Some("183"));
        sim.run_until_idle();
        assert_eq!(sim.times("183"), [500, 1_500, 3_500, 7_500, 15_500, 31_500]);
        assert_eq!(sim.log.last(), Some(&(32_000, Action::Refuse)));
        assert_eq!(sim.machine.poll_timeout(), None);
        assert!(!sim.machine.holds_2xx());
    }

    #[test]
    fn the_next_response_waits_for_the_prack_of_the_one_before() {
        let mut sim = Sim::new();
        let first = sim.machine.rseq();
        assert_eq!(sim.send_at(0, "180", false), Some("180"));
        assert_eq!(sim.machine.rseq(), first + 1);
        assert_eq!(sim.send_at(10, "183", true), None);
        assert_eq!(sim.send_at(20, "182", false), None);
        assert!(sim.machine.holds_2xx(), "what waits counts too");
        assert_eq!(sim.prack_at(100, first + 1), None, "it was not sent");
        assert_eq!(sim.prack_at(100, first), Some(("180", Some("183"))));
        assert_eq!(sim.prack_at(101, first), None, "once");
        assert_eq!(sim.prack_at(200, first + 1), Some(("183", Some("182"))));
        assert!(!sim.machine.holds_2xx());
        assert!(sim.machine.is_waiting());
        assert_eq!(sim.prack_at(300, first + 2), Some(("182", None)));
        sim.run_until_idle();
        assert_eq!(sim.log, []);
    }

    #[test]
    fn a_prack_of_another_invite_matches_nothing() {
        let mut sim = Sim::new();
        let rseq = sim.machine.rseq();
        sim.send_at(0, "180", false);
        let rack = RAck { rseq, cseq: 8 };
        assert_eq!(sim.machine.handle_prack(sim.now, rack), None);
        assert!(sim.machine.is_waiting());
    }

    #[test]
    fn after_the_final_response_nothing_is_repeated_and_a_late_prack_is_understood() {
        let mut sim = Sim::new();
        let first = sim.machine.rseq();
        sim.send_at(0, "180", false);
        sim.send_at(0, "182", false);
        sim.machine.finish();
        assert_eq!(sim.machine.poll_timeout(), None);
        assert_eq!(sim.prack_at(100, first), Some(("180", None)));
        assert_eq!(sim.prack_at(200, first + 1), None);
    }

    #[test]
    fn a_queue_without_end_is_not_kept() {
        let mut sim = Sim::new();
        let first = sim.machine.rseq();
        for _ in 0..100 {
            sim.send_at(0, "180", false);
        }
        assert_eq!(sim.machine.rseq(), first + 9, "one on its way, eight wait");
    }

    #[test]
    fn the_first_number_is_random_and_leaves_room() {
        for random in [0, 1, u64::from(FIRST_MAX) - 1, u64::MAX] {
            let rseq = ReliableServer::<()>::new(1, random).rseq();
            assert!((1..=FIRST_MAX).contains(&rseq), "{random}: {rseq}");
        }
    }

    /// Drives one machine on a clock that jumps from deadline to deadline.
    struct Sim {
        machine: ReliableServer<&'static str>,
        now: Moment,
        log: Vec<(u64, Action<&'static str>)>,
    }

    impl Sim {
        fn new() -> Self {
            Self {
                machine: ReliableServer::new(7, 4_711),
                now: Moment::START,
                log: Vec::new(),
            }
        }

        fn send_at(&mut self, ms: u64, text: &'static str, sdp: bool) -> Option<&'static str> {
            self.now = Moment::from_millis(ms);
            self.machine.send(self.now, sdp, text)
        }

        fn prack_at(&mut self, ms: u64, rseq: u32) -> Option<(&'static str, Option<&'static str>)> {
            self.now = Moment::from_millis(ms);
            let rack = RAck { rseq, cseq: 7 };
            let came = self.machine.handle_prack(self.now, rack)?;
            Some((came.response, came.next))
        }

        fn run_until_idle(&mut self) {
            while let Some((at, _)) = self.machine.poll_timeout() {
                self.now = at;
                let action = self.machine.handle_timeout(at);
                self.log
                    .extend(action.map(|action| (at.as_millis(), action)));
            }
        }

        fn times(&self, text: &'static str) -> Vec<u64> {
            self.log
                .iter()
                .filter(|(_, action)| *action == Action::Send(text))
                .map(|(at, _)| *at)
                .collect()
        }
    }
}
