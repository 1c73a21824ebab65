//! INVITE client transaction (RFC 3261 section 17.1.1, RFC 6026 section 7.2).

use std::time::Duration;

use smallvec::smallvec;

use crate::base::time::Moment;
use crate::sip::transaction::{Actions, GIVE_UP, Resend};

/// An INVITE on its way out, until its final responses have stopped coming.
#[derive(Debug)]
pub struct ClientInvite {
    state: State,
    reliable: bool,
}

/// What the owner does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the INVITE again.
    SendRequest,
    /// Send the ACK for the non-2xx final response just taken.
    SendAck,
    /// Hand the response just taken to the user. Every 2xx is delivered: only the user can tell forks apart.
    Deliver,
    /// No final response came.
    TimedOut,
    /// The transport reported that the request cannot be sent.
    Failed,
}

/// Why the machine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Nothing was heard over an unreliable transport: the INVITE is sent again.
    A,
    /// Nothing was heard for 64 * T1: the INVITE has failed.
    B,
    /// Repeated non-2xx final responses have stopped: the transaction is forgotten.
    D,
    /// Repeated and forked 2xx responses have stopped: the transaction is forgotten.
    M,
    /// The CANCEL brought no final response for 64 * T1: the INVITE counts as cancelled (9.1).
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing heard.
    Calling {
        /// Timer A; `None` over a reliable transport.
        resend: Option<Resend>,
        /// Timer B.
        until: Moment,
    },
    /// A provisional response came; the callee may take as long as the user lets it.
    Proceeding {
        /// When a cancelled INVITE is given up.
        cancelled: Option<Moment>,
    },
    /// A non-2xx final response came and its repetitions are acknowledged.
    Completed {
        /// Timer D.
        until: Moment,
    },
    /// A 2xx came; more of them may.
    Accepted {
        /// Timer M.
        until: Moment,
    },
    Terminated,
}

impl ClientInvite {
    /// Starts the transaction. The owner sends the INVITE at once.
    pub fn new(now: Moment, reliable: bool) -> Self {
        Self {
            state: State::Calling {
                resend: (!reliable).then(|| Resend::start(now)),
                until: now + GIVE_UP,
            },
            reliable,
        }
    }

    /// Takes a response that matched this transaction.
    pub fn handle_response(&mut self, now: Moment, status: u16) -> Actions<Action> {
        match (self.state, status) {
            (State::Calling { .. }, ..200) => {
                self.state = State::Proceeding { cancelled: None };
                smallvec![Action::Deliver]
            }
            (State::Proceeding { .. }, ..200) => smallvec![Action::Deliver],
            (State::Calling { .. } | State::Proceeding { .. }, 200..300) => {
                self.state = State::Accepted {
                    until: now + GIVE_UP,
                };
                smallvec![Action::Deliver]
            }
            (State::Calling { .. } | State::Proceeding { .. }, 300..) => {
                self.state = if self.reliable {
                    State::Terminated
                } else {
                    State::Completed {
                        until: now + GIVE_UP,
                    }
                };
                smallvec![Action::SendAck, Action::Deliver]
            }
            // Our ACK was lost: the peer repeats its final response.
            (State::Completed { .. }, 300..) => smallvec![Action::SendAck],
            // A repeated 2xx, or the 2xx of another fork.
            (State::Accepted { .. }, 200..300) => smallvec![Action::Deliver],
            // Late provisionals, and finals that contradict the first one, mean nothing any more.
            (State::Completed { .. }, ..300)
            | (State::Accepted { .. }, ..200 | 300..)
            | (State::Terminated, _) => smallvec![],
        }
    }

    /// Notes that a CANCEL was sent: from now on the final response has 64 * T1 to come (9.1).
    pub fn handle_cancelled(&mut self, now: Moment) {
        match &mut self.state {
            State::Proceeding { cancelled } => {
                cancelled.get_or_insert(now + GIVE_UP);
            }
            State::Calling { .. }
            | State::Completed { .. }
            | State::Accepted { .. }
            | State::Terminated => {}
        }
    }

    /// Takes the transport's report that it could not deliver the INVITE or the ACK.
    pub fn handle_transport_failure(&mut self) -> Actions<Action> {
        match self.state {
            State::Calling { .. } => {
                self.state = State::Terminated;
                smallvec![Action::Failed]
            }
            State::Completed { .. } => {
                self.state = State::Terminated;
                smallvec![]
            }
            // The peer has the INVITE, and answers over a new connection when this one broke (18.2.2).
            State::Proceeding { .. } | State::Accepted { .. } | State::Terminated => smallvec![],
        }
    }

    /// Advances time. Calling early or twice changes nothing.
    pub fn handle_timeout(&mut self, now: Moment) -> Actions<Action> {
        match &mut self.state {
            State::Calling { until, .. }
            | State::Proceeding {
                cancelled: Some(until),
            } if *until <= now => {
                self.state = State::Terminated;
                smallvec![Action::TimedOut]
            }
            State::Calling {
                resend: Some(resend),
                ..
            } if resend.at <= now => {
                resend.again(now, Duration::MAX);
                smallvec![Action::SendRequest]
            }
            State::Completed { until } | State::Accepted { until } if *until <= now => {
                self.state = State::Terminated;
                smallvec![]
            }
            State::Calling { .. }
            | State::Proceeding { .. }
            | State::Completed { .. }
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
            State::Calling { resend, until } => [
                resend.map(|resend| (resend.at, Timer::A)),
                Some((until, Timer::B)),
            ],
            State::Proceeding { cancelled } => [cancelled.map(|at| (at, Timer::Cancelled)), None],
            State::Completed { until } => [Some((until, Timer::D)), None],
            State::Accepted { until } => [Some((until, Timer::M)), None],
            State::Terminated => [None, None],
        }
    }

    /// Whether nothing was heard yet: a CANCEL must still wait (9.1).
    pub const fn is_calling(&self) -> bool {
        matches!(self.state, State::Calling { .. })
    }

    /// Whether a provisional response came and no final one.
    pub const fn is_proceeding(&self) -> bool {
        matches!(self.state, State::Proceeding { .. })
    }

    /// Whether the transaction is over and may be forgotten.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3261 17.1.1.2: the interval doubles from T1, and timer B ends it at 64 * T1.
    #[test]
    fn unanswered_invite_is_repeated_six_times_in_thirty_two_seconds() {
        let mut sim = Sim::start(false);
        sim.run_until_idle();
        assert_eq!(
            sim.times_of(Action::SendRequest),
            [500, 1_500, 3_500, 7_500, 15_500, 31_500]
        );
        assert_eq!(sim.log.last(), Some(&(32_000, Action::TimedOut)));
        assert!(sim.machine.is_over());
    }

    #[test]
    fn over_a_stream_nothing_is_repeated_but_timer_b_still_ends_it() {
        let mut sim = Sim::start(true);
        sim.run_until_idle();
        assert_eq!(sim.log, [(32_000, Action::TimedOut)]);
    }

    #[test]
    fn provisional_response_stops_the_resends_for_as_long_as_it_rings() {
        let mut sim = Sim::start(false);
        sim.respond_at(200, 180);
        sim.respond_at(300, 183);
        assert_eq!(sim.machine.poll_timeout(), None);
        assert_eq!(sim.times_of(Action::Deliver), [200, 300]);
        assert!(sim.machine.is_proceeding());
    }

    #[test]
    fn rejection_is_acknowledged_and_delivered_once_and_each_repetition_acknowledged_again() {
        let mut sim = Sim::start(false);
        sim.respond_at(200, 486);
        sim.respond_at(700, 486);
        sim.respond_at(900, 180);
        sim.respond_at(950, 200);
        assert_eq!(sim.times_of(Action::SendAck), [200, 700]);
        assert_eq!(sim.times_of(Action::Deliver), [200]);
        assert_eq!(
            sim.machine.poll_timeout(),
            Some((Moment::from_millis(32_200), Timer::D))
        );
        sim.run_until_idle();
        assert!(sim.machine.is_over());
    }

    #[test]
    fn rejection_over_a_stream_ends_the_transaction_at_once() {
        let mut sim = Sim::start(true);
        sim.respond_at(200, 100);
        sim.respond_at(300, 503);
        assert_eq!(sim.times_of(Action::SendAck), [300]);
        assert!(sim.machine.is_over());
    }

    /// RFC 6026 7.2: the transaction stays in Accepted for timer M, whatever the transport.
    #[test]
    fn each_2xx_is_delivered_until_timer_m() {
        for reliable in [false, true] {
            let mut sim = Sim::start(reliable);
            sim.respond_at(200, 200);
            sim.respond_at(700, 200);
            sim.respond_at(800, 486);
            sim.respond_at(900, 180);
            assert_eq!(sim.times_of(Action::Deliver), [200, 700]);
            assert_eq!(
                sim.machine.poll_timeout(),
                Some((Moment::from_millis(32_200), Timer::M))
            );
            sim.run_until_idle();
            assert!(sim.machine.is_over());
            sim.respond_at(40_000, 200);
            assert_eq!(sim.times_of(Action::Deliver), [200, 700]);
        }
    }

    #[test]
    fn cancelled_invite_without_a_final_response_is_given_up() {
        let mut sim = Sim::start(false);
        sim.respond_at(200, 180);
        sim.machine.handle_cancelled(Moment::from_millis(1_000));
        sim.machine.handle_cancelled(Moment::from_millis(2_000));
        assert_eq!(
            sim.machine.poll_timeout(),
            Some((Moment::from_millis(33_000), Timer::Cancelled))
        );
        sim.run_until_idle();
        assert_eq!(sim.log.last(), Some(&(33_000, Action::TimedOut)));
    }

    #[test]
    fn cancelling_before_anything_was_heard_leaves_timer_b_in_charge() {
        let mut sim = Sim::start(true);
        sim.machine.handle_cancelled(Moment::from_millis(1_000));
        sim.run_until_idle();
        assert_eq!(sim.log, [(32_000, Action::TimedOut)]);
    }

    #[test]
    fn transport_failure_ends_what_nobody_has_heard_of_and_spares_what_rings() {
        let mut machine = ClientInvite::new(Moment::START, true);
        assert_eq!(
            machine.handle_transport_failure().as_slice(),
            [Action::Failed]
        );
        assert!(machine.is_over());
        assert!(machine.handle_transport_failure().is_empty());

        let mut machine = ClientInvite::new(Moment::START, true);
        machine.handle_response(Moment::START, 180);
        assert!(machine.handle_transport_failure().is_empty());
        assert!(machine.is_proceeding());

        let mut machine = ClientInvite::new(Moment::START, false);
        machine.handle_response(Moment::START, 404);
        assert!(machine.handle_transport_failure().is_empty());
        assert!(machine.is_over());
    }

    #[test]
    fn early_and_repeated_timeouts_change_nothing() {
        let mut sim = Sim::start(false);
        assert!(
            sim.machine
                .handle_timeout(Moment::from_millis(499))
                .is_empty()
        );
        assert_eq!(
            sim.machine.handle_timeout(Moment::from_millis(500)).len(),
            1
        );
        assert!(
            sim.machine
                .handle_timeout(Moment::from_millis(500))
                .is_empty()
        );
        // After a stall the request is sent once, not once for each missed interval.
        assert_eq!(
            sim.machine.handle_timeout(Moment::from_millis(9_000)).len(),
            1
        );
        assert!(
            sim.machine
                .handle_timeout(Moment::from_millis(9_000))
                .is_empty()
        );
    }

    /// Drives one machine on a clock that jumps from deadline to deadline.
    struct Sim {
        machine: ClientInvite,
        now: Moment,
        log: Vec<(u64, Action)>,
    }

    impl Sim {
        fn start(reliable: bool) -> Self {
            Self {
                machine: ClientInvite::new(Moment::START, reliable),
                now: Moment::START,
                log: Vec::new(),
            }
        }

        fn respond_at(&mut self, millis: u64, status: u16) {
            self.now = Moment::from_millis(millis);
            let actions = self.machine.handle_response(self.now, status);
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
