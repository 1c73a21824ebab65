//! A target's trunk asks who we are: the INVITE again with the answer (RFC 3261 22.2).

use std::sync::Arc;

use crate::base::time::Moment;
use crate::call::hands::Hands;
use crate::call::machine::Call;
use crate::sip::message::{Method, Response};

impl Call {
    /// A 401 or 407 to a target's INVITE.
    pub(super) fn challenged(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        response: &Response,
    ) {
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        let trunks = Arc::clone(&hands.trunks);
        let answer = trunks.by_id(&attempt.leg.trunk.id).and_then(|line| {
            attempt.proven.answer(
                line,
                attempt.leg.path.peer.ip(),
                response,
                (&Method::Invite, &attempt.leg.remote_uri),
                &mut hands.chance,
            )
        });
        match answer {
            Some(credentials) => self.invite(now, hands, index, &credentials),
            None => self.refused(now, hands, index, response),
        }
    }
}
