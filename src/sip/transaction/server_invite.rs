//! INVITE server transaction (RFC 3261 section 17.2.1, RFC 6026 section 7.1), with the 2xx repeated until its ACK.
//!
//! RFC 3261 13.3.1.4 leaves the repeating of a 2xx to the user. Here the machine does it: the ACK may come for as long
//! as timer L keeps the transaction anyway, so that the one state answers both questions.

use smallvec::smallvec;

use crate::base::time::Moment;
use crate::sip::transaction::{Actions, GIVE_UP, Resend, T2, T4};

/// An INVITE that came in, until its repetitions and its ACK have stopped coming.
#[derive(Debug)]
pub struct ServerInvite {
    state: State,
    reliable: bool,
}

/// What the owner does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the latest response.
    SendResponse,
    /// The ACK of the 2xx came: tell the user. Happens once.
    Acked,
    /// The ACK of the 2xx never came: tell the user, who ends the session (13.3.1.4).
    AckMissing,
}

/// Why the machine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A non-2xx final response over an unreliable transport has no ACK: it is sent again.
    G,
    /// A non-2xx final response had no ACK for 64 * T1: the transaction is forgotten.
    H,
    /// Repeated ACKs have stopped: the transaction is forgotten.
    I,
    /// Repetitions of an accepted INVITE have stopped: the transaction is forgotten, or its ACK is missing.
    L,
    /// The 2xx has no ACK: it is sent again (13.3.1.4), over any transport, because a later hop may lose it.
    Repeat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not finally answered.
    Proceeding,
    /// Answered with 300-699.
    Completed {
        /// Timer G; `None` over a reliable transport.
        resend: Option<Resend>,
        /// Timer H.
        until: Moment,
    },
    /// The ACK of a 300-699 came; its repetitions are absorbed.
    Confirmed {
        /// Timer I.
        until: Moment,
    },
    /// Answered with 2xx.
    Accepted {
        /// Repeats the 2xx; `None` once the ACK came.
        repeat: Option<Resend>,
        /// Timer L.
        until: Moment,
    },
    Terminated,
}

impl ServerInvite {
    /// Starts the transaction. The owner sends 100 at once, so that the peer stops repeating (17.2.1).
    pub const fn new(reliable: bool) -> Self {
        Self {
            state: State::Proceeding,
            reliable,
        }
    }

    /// Takes the user's response. Responses after the final one are ignored: they crossed it.
    pub fn respond(&mut self, now: Moment, status: u16) -> Actions<Action> {
        match (self.state, status) {
            (State::Proceeding, ..200) => smallvec![Action::SendResponse],
            (State::Proceeding, 200..300) => {
                self.state = State::Accepted {
                    repeat: Some(Resend::start(now)),
                    until: now + GIVE_UP,
                };
                smallvec![Action::SendResponse]
            }
            (State::Proceeding, 300..) => {
                self.state = State::Completed {
                    resend: (!self.reliable).then(|| Resend::start(now)),
                    until: now + GIVE_UP,
                };
                smallvec![Action::SendResponse]
            }
            (
                State::Completed { .. }
                | State::Confirmed { .. }
                | State::Accepted { .. }
                | State::Terminated,
                _,
            ) => smallvec![],
        }
    }

    /// Takes a repetition of the INVITE.
    pub fn handle_invite(&mut self) -> Actions<Action> {
        match self.state {
            State::Proceeding | State::Completed { .. } => smallvec![Action::SendResponse],
            // The 2xx has its own rhythm (RFC 6026 7.1), and an acknowledged answer needs no repeating.
            State::Accepted { .. } | State::Confirmed { .. } | State::Terminated => smallvec![],
        }
    }

    /// Takes an ACK, whether it matched by branch or, for a 2xx, by dialog and CSeq.
    pub fn handle_ack(&mut self, now: Moment) -> Actions<Action> {
        match &mut self.state {
            State::Completed { .. } => {
                self.state = if self.reliable {
                    State::Terminated
                } else {
                    State::Confirmed { until: now + T4 }
                };
                smallvec![]
            }
            State::Accepted { repeat, .. } => match repeat.take() {
                Some(_) => smallvec![Action::Acked],
                None => smallvec![],
            },
            State::Proceeding | State::Confirmed { .. } | State::Terminated => smallvec![],
        }
    }

    /// Advances time. Calling early or twice changes nothing.
    pub fn handle_timeout(&mut self, now: Moment) -> Actions<Action> {
        match &mut self.state {
            State::Accepted { repeat, until } if *until <= now => {
                let missing = repeat.is_some();
                self.state = State::Terminated;
                if missing {
                    smallvec![Action::AckMissing]
                } else {
                    smallvec![]
                }
            }
            State::Completed { until, .. } | State::Confirmed { until } if *until <= now => {
                self.state = State::Terminated;
                smallvec![]
            }
            State::Completed {
                resend: Some(resend),
                ..
            }
            | State::Accepted {
                repeat: Some(resend),
                ..
            } if resend.at <= now => {
                resend.again(now, T2);
                smallvec![Action::SendResponse]
            }
            State::Proceeding
            | State::Completed { .. }
            | State::Confirmed { .. }
            | State::Accepted { .. }
            | State::Terminated => smallvec![],
        }
    }

    /// Returns when to call [`Self::handle_timeout`] next, and which timer asks.
    pub fn poll_timeout(&self) -> Option<(Moment, Timer)> {
        self.deadlines().into_iter().flatten().min()
    }

    /// Returns every deadline that is set now.
    pub fn deadlines(&self) -> [Option<(Moment, Timer)>; 2] {
        match self.state {
            State::Proceeding | State::Terminated => [None, None],
            State::Completed { resend, until } => [
                resend.map(|resend| (resend.at, Timer::G)),
                Some((until, Timer::H)),
            ],
            State::Confirmed { until } => [Some((until, Timer::I)), None],
            State::Accepted { repeat, until } => [
                repeat.map(|repeat| (repeat.at, Timer::Repeat)),
                Some((until, Timer::L)),
            ],
        }
    }

    /// Whether no final response was given: a CANCEL still has an effect (9.2).
    pub const fn is_proceeding(&self) -> bool {
        matches!(self.state, State::Proceeding)
    }

    /// Whether the latest response may have to be sent again.
    pub const fn needs_response(&self) -> bool {
        match self.state {
            State::Proceeding | State::Completed { .. } => true,
            State::Accepted { repeat, .. } => repeat.is_some(),
            State::Confirmed { .. } | State::Terminated => false,
        }
    }

    /// Whether the 2xx still waits for its ACK.
    pub const fn awaits_ack(&self) -> bool {
        matches!(
            self.state,
            State::Accepted {
                repeat: Some(_),
                ..
            }
        )
    }

    /// Whether the transaction is over and may be forgotten.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_invite_is_answered_with_the_latest_provisional_response() {
        let mut sim = Sim::start(false);
        sim.respond_at(0, 100);
        sim.invite_at(500);
        sim.respond_at(600, 180);
        sim.invite_at(1_500);
        assert_eq!(sim.times_of(Action::SendResponse), [0, 500, 600, 1_500]);
        assert_eq!(sim.machine.poll_timeout(), None);
        assert!(sim.machine.is_proceeding());
    }

    /// RFC 3261 17.2.1: timer G doubles to T2, timer H ends it at 64 * T1.
    #[test]
    fn rejection_without_ack_is_repeated_for_thirty_two_seconds() {
        let mut sim = Sim::start(false);
        sim.respond_at(0, 486);
        sim.run_until_idle();
        assert_eq!(
            sim.times_of(Action::SendResponse),
            [
                0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500
            ]
        );
        assert_eq!(sim.now.as_millis(), 32_000);
        assert!(sim.machine.is_over());
    }

    #[test]
    fn rejection_over_a_stream_is_not_repeated_and_ends_with_its_ack() {
        let mut sim = Sim::start(true);
        sim.respond_at(0, 486);
        assert_eq!(
            sim.machine.poll_timeout(),
            Some((Moment::from_millis(32_000), Timer::H))
        );
        sim.ack_at(100);
        assert!(sim.machine.is_over());
        assert_eq!(sim.log, [(0, Action::SendResponse)]);
    }

    #[test]
    fn ack_of_a_rejection_stops_it_and_later_copies_are_absorbed_for_timer_i() {
        let mut sim = Sim::start(false);
        sim.respond_at(0, 486);
        sim.invite_at(100);
        sim.ack_at(200);
        sim.ack_at(300);
        sim.invite_at(400);
        assert_eq!(sim.times_of(Action::SendResponse), [0, 100]);
        assert!(!sim.machine.needs_response());
        assert_eq!(
            sim.machine.poll_timeout(),
            Some((Moment::from_millis(5_200), Timer::I))
        );
        sim.run_until_idle();
        assert!(sim.machine.is_over());
    }

    /// RFC 3261 13.3.1.4: T1 doubling to T2, for 64 * T1, over any transport.
    #[test]
    fn unacknowledged_2xx_is_repeated_and_then_reported() {
        for reliable in [false, true] {
            let mut sim = Sim::start(reliable);
            sim.respond_at(0, 200);
            assert!(sim.machine.awaits_ack());
            sim.run_until_idle();
            assert_eq!(
                sim.times_of(Action::SendResponse),
                [
                    0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500
                ]
            );
            assert_eq!(sim.log.last(), Some(&(32_000, Action::AckMissing)));
            assert!(sim.machine.is_over());
        }
    }

    #[test]
    fn ack_of_a_2xx_is_reported_once_and_repeated_invites_are_absorbed_for_timer_l() {
        let mut sim = Sim::start(false);
        sim.respond_at(0, 200);
        sim.invite_at(100);
        sim.ack_at(200);
        sim.ack_at(300);
        sim.invite_at(400);
        assert_eq!(sim.log, [(0, Action::SendResponse), (200, Action::Acked)]);
        assert!(!sim.machine.needs_response());
        assert_eq!(
            sim.machine.poll_timeout(),
            Some((Moment::from_millis(32_000), Timer::L))
        );
        sim.run_until_idle();
        assert!(sim.machine.is_over());
        assert_eq!(sim.log.len(), 2);
    }

    #[test]
    fn responses_after_the_final_one_are_ignored() {
        let mut sim = Sim::start(false);
        sim.respond_at(0, 200);
        sim.respond_at(10, 487);
        sim.respond_at(20, 180);
        assert_eq!(sim.log, [(0, Action::SendResponse)]);
        assert!(sim.machine.awaits_ack());
    }

    #[test]
    fn ack_before_any_final_response_means_nothing() {
        let mut sim = Sim::start(false);
        sim.ack_at(0);
        assert!(sim.log.is_empty());
        assert!(sim.machine.is_proceeding());
    }

    /// Drives one machine on a clock that jumps from deadline to deadline.
    struct Sim {
        machine: ServerInvite,
        now: Moment,
        log: Vec<(u64, Action)>,
    }

    impl Sim {
        fn start(reliable: bool) -> Self {
            Self {
                machine: ServerInvite::new(reliable),
                now: Moment::START,
                log: Vec::new(),
            }
        }

        fn respond_at(&mut self, millis: u64, status: u16) {
            self.now = Moment::from_millis(millis);
            let actions = self.machine.respond(self.now, status);
            self.note(actions);
        }

        fn invite_at(&mut self, millis: u64) {
            self.now = Moment::from_millis(millis);
            let actions = self.machine.handle_invite();
            self.note(actions);
        }

        fn ack_at(&mut self, millis: u64) {
            self.now = Moment::from_millis(millis);
            let actions = self.machine.handle_ack(self.now);
            self.note(actions);
        }

        fn run_until_idle(&mut self) {
            while let Some((at, _)) = self.machine.poll_timeout() {
                self.now = at;
                let actions = self.machine.handle_timeout(at);
                self.note(actions);
            }
        }

        fn note(&mut self, actions: Actions<Action>) {
            let now = self.now.as_millis();
            self.log
                .extend(actions.into_iter().map(|action| (now, action)));
        }

        fn times_of(&self, wanted: Action) -> Vec<u64> {
            self.log
                .iter()
                .filter(|(_, action)| *action == wanted)
                .map(|(at, _)| *at)
                .collect()
        }
    }
}
