//! The four transaction machines of RFC 3261 section 17, as RFC 6026 corrected them.
//!
//! A machine knows neither messages nor sockets: it is told that a response with some status came, or that time
//! passed, and says what to do. What it returns is a list and not a queue to poll, because a busy endpoint keeps a
//! quarter of a million finished machines and each queue would be carried along for 32 s.

pub mod client_invite;
pub mod client_other;
pub mod server_invite;
pub mod server_other;

use std::time::Duration;

use smallvec::SmallVec;

use crate::base::time::Moment;

/// The round trip that RFC 3261 assumes (17.1.1.1); all intervals derive from it.
pub const T1: Duration = Duration::from_millis(500);
/// The longest interval between repeated non-INVITE requests and INVITE responses (17.1.2.1).
pub const T2: Duration = Duration::from_secs(4);
/// How long a message may stay in the network (17.1.2.1).
pub const T4: Duration = Duration::from_secs(5);
/// 64 * T1: timers B, D, F, H, J, L and M, and how long a 2xx waits for its ACK.
pub const GIVE_UP: Duration = Duration::from_secs(32);

/// What a machine wants done, in this order. No step of any machine asks for more than two things.
pub type Actions<A> = SmallVec<[A; 2]>;

/// A message that is sent again and again until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sip) struct Resend {
    /// When it is sent next.
    pub(in crate::sip) at: Moment,
    after: Duration,
}

impl Resend {
    /// The first repetition, T1 from `now`.
    pub(in crate::sip) fn start(now: Moment) -> Self {
        Self {
            at: now + T1,
            after: T1,
        }
    }

    /// Sets the next repetition after double the interval, at most `cap`.
    ///
    /// The interval runs from `now`: after a stall the missed repetitions are not caught up in a burst.
    pub(in crate::sip) fn again(&mut self, now: Moment, cap: Duration) {
        self.after = (self.after * 2).min(cap);
        self.at = now + self.after;
    }
}
