//! Non-INVITE server transaction (RFC 3261 section 17.2.2).

use smallvec::smallvec;

use crate::base::time::Moment;
use crate::sip::transaction::{Actions, GIVE_UP};

/// A request other than INVITE and ACK that came in, until its repetitions have stopped coming.
#[derive(Debug)]
pub struct ServerOther {
    state: State,
    reliable: bool,
}

/// What the owner does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the latest response.
    SendResponse,
}

/// Why the machine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Repetitions of the request have stopped: the transaction is forgotten.
    J,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The user said nothing.
    Trying,
    /// The user said something provisional.
    Proceeding,
    /// Answered; repetitions get the same answer.
    Completed {
        /// Timer J.
        until: Moment,
    },
    Terminated,
}

impl ServerOther {
    /// Starts the transaction.
    pub const fn new(reliable: bool) -> Self {
        Self {
            state: State::Trying,
            reliable,
        }
    }

    /// Takes the user's response. Responses after the final one are ignored (17.2.2).
    pub fn respond(&mut self, now: Moment, status: u16) -> Actions<Action> {
        match (self.state, status) {
            (State::Trying | State::Proceeding, ..200) => {
                self.state = State::Proceeding;
                smallvec![Action::SendResponse]
            }
            (State::Trying | State::Proceeding, 200..) => {
                self.state = if self.reliable {
                    State::Terminated
                } else {
                    State::Completed {
                        until: now + GIVE_UP,
                    }
                };
                smallvec![Action::SendResponse]
            }
            (State::Completed { .. } | State::Terminated, _) => smallvec![],
        }
    }

    /// Takes a repetition of the request.
    pub fn handle_request(&mut self) -> Actions<Action> {
        match self.state {
            State::Proceeding | State::Completed { .. } => smallvec![Action::SendResponse],
            State::Trying | State::Terminated => smallvec![],
        }
    }

    /// Advances time. Calling early or twice changes nothing.
    pub fn handle_timeout(&mut self, now: Moment) {
        match self.state {
            State::Completed { until } if until <= now => self.state = State::Terminated,
            State::Trying | State::Proceeding | State::Completed { .. } | State::Terminated => {}
        }
    }

    /// Returns when to call [`Self::handle_timeout`] next, and which timer asks.
    pub const fn poll_timeout(&self) -> Option<(Moment, Timer)> {
        match self.state {
            State::Completed { until } => Some((until, Timer::J)),
            State::Trying | State::Proceeding | State::Terminated => None,
        }
    }

    /// Whether a final response is still to be given.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Trying | State::Proceeding)
    }

    /// Whether the transaction is over and may be forgotten.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEND: [Action; 1] = [Action::SendResponse];

    #[test]
    fn repetition_before_any_response_is_absorbed() {
        let mut machine = ServerOther::new(false);
        assert!(machine.handle_request().is_empty());
        assert_eq!(machine.poll_timeout(), None);
    }

    #[test]
    fn repetition_gets_the_latest_response_again() {
        let mut machine = ServerOther::new(false);
        assert_eq!(machine.respond(Moment::START, 100).as_slice(), SEND);
        assert_eq!(machine.handle_request().as_slice(), SEND);
        assert_eq!(machine.respond(Moment::START, 200).as_slice(), SEND);
        assert_eq!(machine.handle_request().as_slice(), SEND);
        assert!(machine.respond(Moment::START, 500).is_empty());
    }

    #[test]
    fn answered_transaction_is_forgotten_after_timer_j() {
        let mut machine = ServerOther::new(false);
        machine.respond(Moment::from_millis(100), 200);
        let j = Moment::from_millis(32_100);
        assert_eq!(machine.poll_timeout(), Some((j, Timer::J)));
        machine.handle_timeout(Moment::from_millis(32_099));
        assert!(!machine.is_over());
        machine.handle_timeout(j);
        assert!(machine.is_over());
        assert!(machine.handle_request().is_empty());
    }

    #[test]
    fn answer_over_a_stream_ends_the_transaction_at_once() {
        let mut machine = ServerOther::new(true);
        assert_eq!(machine.respond(Moment::START, 200).as_slice(), SEND);
        assert!(machine.is_over());
        assert_eq!(machine.poll_timeout(), None);
    }
}
