//! One target being tried: its leg, how far it got, and the early dialogs its INVITE forked into.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::time::Moment;
use crate::call::breadth::BREADTH;
use crate::call::digest::Answered;
use crate::call::hands::Hands;
use crate::call::leg::Leg;
use crate::call::machine::early::Fork;
use crate::call::machine::transfer::Brought;
use crate::call::trunk::Reliable;
use crate::route::decision::Target;
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::{ClientKey, ServerKey};
use crate::sip::message::Response;
use crate::sip::place::Place;
use crate::sip::transport::Path;

/// One target being tried, or tried before.
#[derive(Debug)]
pub(in crate::call) struct Attempt {
    pub(in crate::call) leg: Leg,
    pub(in crate::call) target: Target,
    pub(in crate::call) stage: Stage,
    /// From the INVITE.
    pub(in crate::call) ring: Duration,
    /// Max-Breadth of its INVITE.
    pub(in crate::call) breadth: usize,
    /// Its place among the targets tried, where a rule named it.
    pub(in crate::call) tried: Option<usize>,
    /// It came by an INVITE of its own, whose 2xx it has not acknowledged yet.
    pub(in crate::call) unacked: Option<ServerKey>,
    /// What it brings along, where a transfer called it.
    pub(in crate::call) brought: Option<Box<Brought>>,
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
    /// Its early dialogs (RFC 3261 13.2.2.4: one INVITE, several answers).
    pub(in crate::call) forks: Vec<Fork>,
    /// The To tags that it rings under, where its trunk may transfer: who picks the call up names one.
    pub(in crate::call) rings_as: Vec<Box<str>>,
    /// What its INVITE says of reliable provisional responses.
    pub(in crate::call) reliable: Reliable,
    /// Its trunk wanted that otherwise, once.
    pub(in crate::call) changed_reliable: bool,
    /// Its 2xx, while the caller has not acknowledged what it was shown before.
    pub(in crate::call) held: Option<Box<Held2xx>>,
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
    /// The call has moved on to another party; it has not hung up yet.
    Leaving,
    /// It is out of the game.
    Over,
}

/// A 2xx that waits for the caller's PRACK (RFC 3262 3).
#[derive(Debug)]
pub(in crate::call) struct Held2xx {
    pub(in crate::call) client: ClientKey,
    pub(in crate::call) path: Path,
    pub(in crate::call) response: Response,
}

impl Attempt {
    /// A target whose ports are asked for; everything else comes of what happens to it.
    pub(in crate::call) fn new(leg: Leg, target: Target, ring: Duration, to: Place) -> Self {
        Self {
            leg,
            target,
            stage: Stage::Reserving,
            ring,
            breadth: BREADTH,
            tried: None,
            unacked: None,
            brought: None,
            to,
            spare: VecDeque::new(),
            cseq: 0,
            invited: None,
            rang: None,
            forks: Vec::new(),
            rings_as: Vec::new(),
            reliable: Reliable::Off,
            changed_reliable: false,
            held: None,
            proven: Answered::default(),
        }
    }

    /// It was up and has hung up by itself: its ports are free. Returns the dialog that it was in.
    pub(in crate::call) fn hung_up(&mut self, now: Moment, hands: &mut Hands) -> Option<Dialog> {
        self.stage = Stage::Over;
        let dialog = self.leg.dialog.take();
        self.leg.upkeep.abandon(now, hands);
        hands.forget_leg(&self.leg);
        hands.close_ports(&mut self.leg);
        dialog
    }

    /// Whether it may still answer.
    pub(in crate::call) const fn is_trying(&self) -> bool {
        match self.stage {
            Stage::Reserving | Stage::Calling(_) => true,
            Stage::Up | Stage::Leaving | Stage::Over => false,
        }
    }

    /// Its INVITE's transaction, while it is called.
    pub(in crate::call) const fn client(&self) -> Option<ClientKey> {
        match self.stage {
            Stage::Calling(client) => Some(client),
            Stage::Reserving | Stage::Up | Stage::Leaving | Stage::Over => None,
        }
    }

    /// How long it rang until `now`.
    pub(in crate::call) fn ring_ms(&self, now: Moment) -> u64 {
        self.rang.map_or(0, |rang| {
            u64::try_from((now - rang).as_millis()).unwrap_or(u64::MAX)
        })
    }
}
