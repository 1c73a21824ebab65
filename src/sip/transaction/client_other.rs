//! Non-INVITE client transaction (RFC 3261 section 17.1.2).

use smallvec::smallvec;

use crate::base::time::Moment;
use crate::sip::transaction::{Actions, GIVE_UP, Resend, T2, T4};

/// A request other than INVITE and ACK on its way out, until its final responses have stopped coming.
#[derive(Debug)]
pub struct ClientOther {
    state: State,
    reliable: bool,
}

/// What the owner does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the request again.
    SendRequest,
    /// Hand the response just taken to the user.
    Deliver,
    /// No final response came.
    TimedOut,
    /// The transport reported that the request cannot be sent.
    Failed,
}

/// Why the machine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// No final response over an unreliable transport: the request is sent again.
    E,
    /// No final response for 64 * T1: the request has failed.
    F,
    /// Repeated final responses have stopped: the transaction is forgotten.
    K,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing heard.
    Trying {
        /// Timer E; `None` over a reliable transport.
        resend: Option<Resend>,
        /// Timer F.
        until: Moment,
    },
    /// A provisional response came: the request is still repeated, every T2 (17.1.2.2).
    Proceeding {
        /// Timer E; `None` over a reliable transport.
        resend: Option<Resend>,
        /// Timer F.
        until: Moment,
    },
    /// A final response came; its repetitions are absorbed.
    Completed {
        /// Timer K.
        until: Moment,
    },
    Terminated,
}

impl ClientOther {
    /// Starts the transaction. The owner sends the request at once.
    pub fn new(now: Moment, reliable: bool) -> Self {
        Self {
            state: State::Trying {
                resend: (!reliable).then(|| Resend::start(now)),
                until: now + GIVE_UP,
            },
            reliable,
        }
    }

    /// Takes a response that matched this transaction.
    pub fn handle_response(&mut self, now: Moment, status: u16) -> Actions<Action> {
        match (self.state, status) {
            (State::Trying { resend, until } | State::Proceeding { resend, until }, ..200) => {
                self.state = State::Proceeding { resend, until };
                smallvec![Action::Deliver]
            }
            (State::Trying { .. } | State::Proceeding { .. }, 200..) => {
                self.state = if self.reliable {
                    State::Terminated
                } else {
                    State::Completed { until: now + T4 }
                };
                smallvec![Action::Deliver]
            }
            (State::Completed { .. } | State::Terminated, _) => smallvec![],
        }
    }

    /// Takes the transport's report that it could not deliver the request.
    pub fn handle_transport_failure(&mut self) -> Actions<Action> {
        match self.state {
            State::Trying { .. } | State::Proceeding { .. } => {
                self.state = State::Terminated;
                smallvec![Action::Failed]
            }
            State::Completed { .. } | State::Terminated => smallvec![],
        }
    }

    /// Advances time. Calling early or twice changes nothing.
    pub fn handle_timeout(&mut self, now: Moment) -> Actions<Action> {
        match &mut self.state {
            State::Trying { until, .. } | State::Proceeding { until, .. } if *until <= now => {
                self.state = State::Terminated;
                smallvec![Action::TimedOut]
            }
            State::Trying {
                resend: Some(resend),
                ..
            } if resend.at <= now => {
                resend.again(now, T2);
                smallvec![Action::SendRequest]
            }
            State::Proceeding {
                resend: Some(resend),
                ..
            } if resend.at <= now => {
                *resend = Resend {
                    at: now + T2,
                    after: T2,
                };
                smallvec![Action::SendRequest]
            }
            State::Completed { until } if *until <= now => {
                self.state = State::Terminated;
                smallvec![]
            }
            State::Trying { .. }
            | State::Proceeding { .. }
            | State::Completed { .. }
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
            State::Trying { resend, until } | State::Proceeding { resend, until } => [
                resend.map(|resend| (resend.at, Timer::E)),
                Some((until, Timer::F)),
            ],
            State::Completed { until } => [Some((until, Timer::K)), None],
            State::Terminated => [None, None],
        }
    }

    /// Whether a final response came, or the transaction was given up.
    pub const fn is_finished(&self) -> bool {
        matches!(self.state, State::Completed { .. } | State::Terminated)
    }

    /// Whether the transaction is over and may be forgotten.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3261 17.1.2.2: T1, 2*T1, … T2, T2, … and timer F at 64 * T1.
    #[test]
    fn unanswered_request_is_repeated_ten_times_in_thirty_two_seconds() {
        let mut sim = Sim::start(false);
        sim.run_until_idle();
        assert_eq!(
            sim.times_of(Action::SendRequest),
            [
                500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500
            ]
        );
        assert_eq!(sim.log.last(), Some(&(32_000, Action::TimedOut)));
    }

    #[test]
    fn over_a_stream_nothing_is_repeated_but_timer_f_still_ends_it() {
        let mut sim = Sim::start(true);
        sim.respond_at(100, 100);
        sim.run_until_idle();
        assert_eq!(
            sim.log,
            [(100, Action::Deliver), (32_000, Action::TimedOut)]
        );
    }

    #[test]
    fn provisional_response_slows_the_repetitions_to_t2() {
        let mut sim = Sim::start(false);
        sim.respond_at(200, 100);
        sim.respond_at(600, 100);
        sim.run_until_idle();
        assert_eq!(
            sim.times_of(Action::SendRequest),
            [500, 4_500, 8_500, 12_500, 16_500, 20_500, 24_500, 28_500]
        );
        assert_eq!(sim.times_of(Action::Deliver), [200, 600]);
        assert_eq!(sim.log.last(), Some(&(32_000, Action::TimedOut)));
    }

    #[test]
    fn final_response_is_delivered_once_and_its_repetitions_absorbed_for_timer_k() {
        let mut sim = Sim::start(false);
        sim.respond_at(200, 200);
        sim.respond_at(700, 200);
        sim.respond_at(800, 100);
        assert_eq!(sim.log, [(200, Action::Deliver)]);
        assert_eq!(
            sim.machine.poll_timeout(),
            Some((Moment::from_millis(5_200), Timer::K))
        );
        assert!(sim.machine.is_finished());
        sim.run_until_idle();
        assert!(sim.machine.is_over());
    }

    #[test]
    fn final_response_over_a_stream_ends_the_transaction_at_once() {
        let mut sim = Sim::start(true);
        sim.respond_at(200, 481);
        assert_eq!(sim.log, [(200, Action::Deliver)]);
        assert!(sim.machine.is_over());
    }

    #[test]
    fn transport_failure_is_reported_while_an_answer_is_awaited() {
        let mut machine = ClientOther::new(Moment::START, true);
        assert_eq!(
            machine.handle_transport_failure().as_slice(),
            [Action::Failed]
        );
        assert!(machine.is_over());

        let mut machine = ClientOther::new(Moment::START, false);
        machine.handle_response(Moment::START, 200);
        assert!(machine.handle_transport_failure().is_empty());
    }

    /// Drives one machine on a clock that jumps from deadline to deadline.
    struct Sim {
        machine: ClientOther,
        now: Moment,
        log: Vec<(u64, Action)>,
    }

    impl Sim {
        fn start(reliable: bool) -> Self {
            Self {
                machine: ClientOther::new(Moment::START, reliable),
                now: Moment::START,
                log: Vec::new(),
            }
        }

        fn respond_at(&mut self, millis: u64, status: u16) {
            while let Some((at, _)) = self.machine.poll_timeout() {
                if at > Moment::from_millis(millis) {
                    break;
                }
                self.time_passes(at);
            }
            self.now = Moment::from_millis(millis);
            let actions = self.machine.handle_response(self.now, status);
            self.note(actions);
        }

        fn run_until_idle(&mut self) {
            while let Some((at, _)) = self.machine.poll_timeout() {
                self.time_passes(at);
            }
        }

        fn time_passes(&mut self, at: Moment) {
            self.now = at;
            let actions = self.machine.handle_timeout(at);
            self.note(actions);
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
