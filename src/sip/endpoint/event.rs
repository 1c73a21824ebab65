//! What the endpoint wants done, what it tells, and why it wants to be woken: plain data.

use crate::sip::endpoint::{ClientKey, Knock, ServerKey, Transmit};
use crate::sip::message::{Message, Request, Response};
use crate::sip::transaction::{client_invite, client_other, server_invite, server_other};
use crate::sip::transport::Path;

/// What the endpoint wants done or tells, in this order.
#[derive(Debug)]
pub enum Output {
    /// Put this on the wire.
    Transmit(Transmit),
    /// This happened.
    Event(Event),
    /// This message came, whatever becomes of it: told before that, and to whom [`Endpoint::overhear`] is for. What could not
    /// be read is not among them.
    ///
    /// [`Endpoint::overhear`]: crate::sip::endpoint::Endpoint::overhear
    Heard(Path, Message),
}

/// What the endpoint tells its user.
#[derive(Debug)]
pub enum Event {
    /// A request came that belongs to no transaction. ACK and CANCEL have events of their own.
    ///
    /// Nothing is kept of it until its user takes it with [`Endpoint::take`](crate::sip::endpoint::Endpoint::take); a stranger's
    /// is answered with [`Endpoint::answer_once`](crate::sip::endpoint::Endpoint::answer_once), and again when it is repeated.
    Request {
        /// What it is taken or answered by.
        knock: Knock,
        /// The request.
        request: Request,
        /// The way it came.
        path: Path,
    },
    /// The INVITE is cancelled; the CANCEL was answered. The user answers the INVITE 487.
    Cancelled {
        /// The INVITE's.
        key: ServerKey,
        /// The CANCEL, for its Reason.
        cancel: Request,
    },
    /// The ACK for a 2xx came. Told once.
    Acked {
        /// The INVITE's.
        key: ServerKey,
        /// The ACK, for its SDP.
        ack: Request,
    },
    /// The ACK for a 2xx never came: the user ends the session (13.3.1.4).
    AckMissing {
        /// The INVITE's.
        key: ServerKey,
    },
    /// A response came: each provisional one (100 too, it says that somebody is there), one non-2xx final one, and for an
    /// INVITE each fork's 2xx once.
    Response {
        /// The request's.
        key: ClientKey,
        /// The response.
        response: Response,
        /// The way it came.
        path: Path,
    },
    /// The request has no final response and will have none.
    Failed {
        /// The request's.
        key: ClientKey,
        /// Why.
        why: Failure,
    },
    /// The endpoint refused a request itself; for the counters and the operator's log.
    Refused {
        /// The way it came.
        path: Path,
        /// The answer; 0 where there was none to give.
        status: u16,
        /// In an operator's words.
        why: &'static str,
    },
}

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No final response in 64 * T1.
    TimedOut,
    /// It could not be sent, or its connection broke before it was answered.
    Transport,
}

/// Why the endpoint wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// An INVITE of ours.
    ClientInvite(client_invite::Timer),
    /// Another request of ours.
    ClientOther(client_other::Timer),
    /// An INVITE that came.
    ServerInvite(server_invite::Timer),
    /// Another request that came.
    ServerOther(server_other::Timer),
    /// A connection does not come to stand: what waited for it has failed.
    Opening,
    /// A message on a stream has begun and not ended, or none ever came: the connection is closed.
    HalfMessage,
}
