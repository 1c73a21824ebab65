//! The ladder of a call: its SIP messages in their order, as operators read them, without what is secret in them. Plain data.
//!
//! It is no truth: nothing depends on it, it can be deleted at any time, and a call may have none.

mod kept;
mod secrets;

use std::net::SocketAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::base::time::WallTime;
use crate::call::ladder::Direction;
use crate::store::ladder::secrets::{REMOVED, secrets};

pub(crate) use crate::store::ladder::kept::{call_in, read, write};

/// A ladder as it is gathered: the messages as they went over the wire, secrets and all. It is never shown.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The messages, the oldest first.
    pub messages: Vec<Message>,
    /// How many more there were than are kept.
    pub left_out: u32,
}

/// One message of a [`Draft`].
#[derive(Clone, Debug)]
pub struct Message {
    /// When it was seen first.
    pub at: WallTime,
    /// The leg: 0 is the caller's, the others are numbered as they were made.
    pub leg: u8,
    /// Which way it went.
    pub direction: Direction,
    /// `udp`, `tcp`, `tls`, `ws` or `wss`.
    pub transport: &'static str,
    /// The other end.
    pub peer: SocketAddr,
    /// The message, or its beginning.
    pub bytes: Bytes,
    /// How often it was sent again.
    pub repeated: u32,
}

/// A ladder as it is kept and shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// The messages, the oldest first.
    pub rungs: Vec<Rung>,
    /// How many more there were than are kept: those in the middle of a call that had very many.
    pub left_out: u32,
}

/// One message of a [`Ladder`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// When it was seen first.
    pub at: WallTime,
    /// The leg: 0 is the caller's, the others are numbered as they were made.
    pub leg: u8,
    /// Which way it went: `in` came to us.
    pub direction: Direction,
    /// `udp`, `tcp`, `tls`, `ws` or `wss`.
    pub transport: String,
    /// The other end, `host:port`.
    pub peer: String,
    /// The message without secrets. What is no UTF-8 in it is replaced.
    pub text: String,
    /// How often it was sent again.
    pub repeated: u32,
}

impl Draft {
    /// Makes what may be shown.
    pub fn ladder(&self) -> Ladder {
        let rung = |message: &Message| Rung {
            at: message.at,
            leg: message.leg,
            direction: message.direction,
            transport: message.transport.to_owned(),
            peer: message.peer.to_string(),
            text: message.shown(),
            repeated: message.repeated,
        };
        Ladder {
            rungs: self.messages.iter().map(rung).collect(),
            left_out: self.left_out,
        }
    }
}

impl Message {
    /// The text without secrets.
    pub(crate) fn shown(&self) -> String {
        let mut out = String::with_capacity(self.bytes.len());
        let mut from = 0;
        let copy = |from: usize, until: usize, out: &mut String| {
            let part = self.bytes.get(from..until).unwrap_or_default();
            out.push_str(&String::from_utf8_lossy(part));
        };
        for secret in secrets(&self.bytes) {
            copy(from, secret.start, &mut out);
            out.push_str(REMOVED);
            from = secret.end;
        }
        copy(from, self.bytes.len(), &mut out);
        out
    }
}
