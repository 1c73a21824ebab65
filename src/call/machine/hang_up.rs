//! A request within the call: BYE ends it, the others go their way.

use crate::base::id::{LegId, Side};
use crate::base::time::Moment;
use crate::call::hands::{Answer, Hands};
use crate::call::headers::Why;
use crate::call::machine::end::End;
use crate::call::machine::{Call, State};
use crate::call::story::{FinishReason, HungUpBy};
use crate::sip::endpoint::ServerKey;
use crate::sip::message::{Method, Request};
use crate::sip::transport::Path;

impl Call {
    /// A request that carries one of our tags.
    pub(in crate::call) fn request(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        came: (ServerKey, Request, Path),
    ) {
        let (server, request, path) = came;
        if let Err(answer) = self.accepts(leg, &request) {
            return hands.reply(now, server, &request, answer);
        }
        if let Some(leg) = self.leg_mut(leg) {
            // A telephone may have moved to another port or connection.
            leg.path = path;
            if let Some(dialog) = &mut leg.dialog {
                dialog.came_by(&path);
            }
        }
        match request.method() {
            Method::Bye => self.bye(now, hands, leg, server, &request),
            Method::Invite => self.reinvite(now, hands, leg, server, request),
            Method::Info => self.inform(now, hands, leg, server, request),
            Method::Options => hands.reply(now, server, &request, Answer::capabilities()),
            method @ (Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Update
            | Method::Prack
            | Method::Refer
            | Method::Notify
            | Method::Subscribe
            | Method::Message
            | Method::Publish
            | Method::Other(_)) => {
                let answer = Answer::for_method(method);
                hands.reply(now, server, &request, answer);
            }
        }
    }

    /// Whether a request belongs to a dialog of ours and comes in its order (12.2.2).
    fn accepts(&mut self, id: LegId, request: &Request) -> Result<(), Answer> {
        let early = self.caller.leg.id == id && matches!(self.state, State::Hunting(_));
        let leg = self.leg_mut(id).ok_or_else(|| Answer::status(481))?;
        match &mut leg.dialog {
            Some(dialog) => dialog.accepts(request).map_err(Answer::status),
            // The caller may say BYE to an early dialog (15); nothing else is expected there.
            None if early
                && *request.method() == Method::Bye
                && *leg.call_id == *request.headers().call_id() =>
            {
                Ok(())
            }
            None => Err(Answer::status(481)),
        }
    }

    fn bye(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        server: ServerKey,
        request: &Request,
    ) {
        hands.reply(now, server, request, Answer::status(200));
        let why = Why::of(request.headers());
        let end = if !self.is_up() {
            End::given_up(why)
        } else {
            End {
                reason: FinishReason::Completed,
                by: match self.side(leg) {
                    Side::Caller => HungUpBy::Caller,
                    Side::Callee => HungUpBy::Callee,
                },
                status: 200,
                retry_after_s: None,
                why,
                gone: Some(leg),
            }
        };
        self.end(now, hands, end);
    }

    /// Which side a leg is on.
    pub(super) fn side(&self, leg: LegId) -> Side {
        if leg == self.caller.leg.id {
            Side::Caller
        } else {
            Side::Callee
        }
    }
}
