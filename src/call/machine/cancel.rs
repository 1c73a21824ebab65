//! The caller gives up before an answer: CANCEL of its INVITE, or of a re-INVITE later.

use crate::base::time::Moment;
use crate::call::hands::Hands;
use crate::call::headers::Why;
use crate::call::machine::Call;
use crate::call::machine::end::End;
use crate::call::story::{FinishReason, HungUpBy};
use crate::sip::endpoint::ServerKey;
use crate::sip::message::Request;

impl Call {
    /// A CANCEL of an INVITE that is not answered yet. One that met its 200 never gets here.
    pub(in crate::call) fn cancelled(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        server: ServerKey,
        cancel: &Request,
    ) {
        let initial = self.caller.invite.as_ref().map(|(invite, _)| *invite);
        if initial == Some(server) {
            let why = Why::of(cancel.headers());
            self.end(now, hands, End::given_up(why));
        } else {
            self.modify_cancelled(now, hands, server);
        }
    }
}

impl End {
    /// The caller gave up.
    pub(super) const fn given_up(why: Why) -> Self {
        Self {
            reason: FinishReason::CallerGaveUp,
            by: HungUpBy::Caller,
            status: 487,
            retry_after_s: None,
            why,
            gone: None,
        }
    }
}
