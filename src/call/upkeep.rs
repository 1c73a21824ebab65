//! What keeps one leg's dialog alive: its session timer, and the refresh of ours that is on its way (RFC 4028).

use crate::base::time::Moment;
use crate::call::digest::Answered;
use crate::call::hands::Hands;
use crate::call::headers::Why;
use crate::sip::endpoint::ClientKey;
use crate::sip::header::Name;
use crate::sip::headers::Headers;
use crate::sip::message::Method;
use crate::sip::session_timer::{Policy, SessionTimer, Terms};

/// The upkeep of one leg.
#[derive(Debug)]
pub(in crate::call) struct Upkeep {
    pub(in crate::call) timer: SessionTimer,
    /// The peer takes UPDATE, by its last Allow.
    pub(in crate::call) updates: bool,
    pub(in crate::call) under_way: Option<Box<Refresh>>,
}

/// A refresh of ours that is not finally answered.
#[derive(Debug)]
pub(in crate::call) struct Refresh {
    pub(in crate::call) client: ClientKey,
    pub(in crate::call) by: Method,
    /// The challenges of its trunk that were answered.
    pub(in crate::call) proven: Answered,
}

impl Upkeep {
    /// Starts with no interval agreed.
    pub(in crate::call) const fn new(policy: Policy) -> Self {
        Self {
            timer: SessionTimer::new(policy),
            updates: false,
            under_way: None,
        }
    }

    /// Takes the 2xx to an INVITE or UPDATE of ours.
    pub(in crate::call) fn agreed(&mut self, now: Moment, response: &Headers) {
        self.note_allow(response);
        self.timer.agreed(now, response);
    }

    /// Takes an INVITE or UPDATE of the peer's, and says what our 2xx tells of the session.
    pub(in crate::call) fn accept(&mut self, now: Moment, request: &Headers) -> Option<Terms> {
        self.note_allow(request);
        self.timer.accept(now, request)
    }

    /// Reads what the peer takes, where its message says so (RFC 3261 20.5).
    pub(in crate::call) fn note_allow(&mut self, headers: &Headers) {
        if headers.has(Name::Allow) {
            self.updates = headers.lists(Name::Allow, Method::Update.as_str());
        }
    }

    /// Whether a re-INVITE of ours is on its way: no other may be sent or answered meanwhile (RFC 3261 14.1, 14.2).
    pub(in crate::call) fn reinvites(&self) -> bool {
        let mut under_way = self.under_way.iter();
        under_way.any(|refresh| refresh.by == Method::Invite)
    }

    /// The dialog is left: whatever still comes of its refresh is nobody's, and one by re-INVITE is taken back.
    pub(in crate::call) fn abandon(&mut self, now: Moment, hands: &mut Hands) {
        if let Some(refresh) = self.under_way.take() {
            hands.give_up(now, refresh.client, Why::NONE);
        }
    }
}
