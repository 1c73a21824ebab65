//! One target being tried: its leg, how far it got, and the early dialogs its INVITE forked into.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::base::chance::Token;
use crate::base::time::Moment;
use crate::call::digest::Answered;
use crate::call::leg::Leg;
use crate::route::decision::Target;
use crate::sdp::Voice;
use crate::sip::endpoint::ClientKey;
use crate::sip::place::Place;

/// One target being tried, or tried before.
#[derive(Debug)]
pub(in crate::call) struct Attempt {
    pub(in crate::call) leg: Leg,
    pub(in crate::call) target: Target,
    pub(in crate::call) stage: Stage,
    /// From the INVITE.
    pub(in crate::call) ring: Duration,
    /// Its place among the targets tried.
    pub(in crate::call) tried: usize,
    /// Which of its trunk's places has the INVITE.
    pub(in crate::call) to: Place,
    /// Where it goes when that one fails, in this order.
    pub(in crate::call) spare: VecDeque<Place>,
    /// The sequence number of its last INVITE.
    pub(in crate::call) cseq: u32,
    /// When its first INVITE went out.
    pub(in crate::call) invited: Option<Moment>,
    /// Its first 18x.
    pub(in crate::call) rang: Option<Moment>,
    /// Its early dialogs whose SDP the caller was shown (RFC 3261 13.2.2.4: one INVITE, several answers).
    pub(in crate::call) forks: Vec<Fork>,
    /// The challenges of its trunk that were answered.
    pub(in crate::call) proven: Answered,
}

/// How far a target got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::call) enum Stage {
    /// Its ports were asked for.
    Reserving,
    /// Its INVITE is out.
    Calling(ClientKey),
    /// It answered, and the call is up with it.
    Up,
    /// It is out of the game.
    Over,
}

/// One early dialog of a target, as the caller sees it.
#[derive(Debug)]
pub(in crate::call) struct Fork {
    /// The target's To tag.
    pub(in crate::call) remote: Box<str>,
    /// Our To tag toward the caller: an answer in one early dialog cannot change (RFC 6337 3.1.1), another target's or
    /// another fork's SDP therefore needs a dialog of its own.
    pub(in crate::call) tag: Token,
    /// What we say to the caller in that dialog.
    pub(in crate::call) voice: Voice,
    /// The SDP that was shown, as the target wrote it.
    pub(in crate::call) body: Bytes,
}

impl Attempt {
    /// Whether it may still answer.
    pub(in crate::call) const fn is_trying(&self) -> bool {
        match self.stage {
            Stage::Reserving | Stage::Calling(_) => true,
            Stage::Up | Stage::Over => false,
        }
    }

    /// Its INVITE's transaction, while it is called.
    pub(in crate::call) const fn client(&self) -> Option<ClientKey> {
        match self.stage {
            Stage::Calling(client) => Some(client),
            Stage::Reserving | Stage::Up | Stage::Over => None,
        }
    }

    /// How long it rang until `now`.
    pub(in crate::call) fn ring_ms(&self, now: Moment) -> u64 {
        self.rang.map_or(0, |rang| {
            u64::try_from((now - rang).as_millis()).unwrap_or(u64::MAX)
        })
    }
}
