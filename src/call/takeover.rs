//! An INVITE that takes the place of a party of a call (Replaces, RFC 3891): which call it means, and who may.

use std::sync::Arc;

use crate::base::time::Moment;
use crate::call::hands::{Answer, TagOwner};
use crate::call::screen::Refusal;
use crate::call::switchboard::Switchboard;
use crate::call::trunk::Trunk;
use crate::sdp::Session;
use crate::sip::endpoint::ServerKey;
use crate::sip::header::Name;
use crate::sip::message::Request;
use crate::sip::replaces::Replaces;
use crate::sip::transport::Path;

/// How an INVITE with Replaces came.
#[derive(Debug)]
pub(in crate::call) struct Arriving {
    pub(in crate::call) server: ServerKey,
    pub(in crate::call) path: Path,
    pub(in crate::call) trunk: Arc<Trunk>,
    /// Its SDP, `None` for a late offer; or what is wrong with it.
    pub(in crate::call) screened: Result<Option<Session>, Refusal>,
}

impl Switchboard {
    /// Lets the call act whose party is to be replaced. No rule is asked: the call was decided about when it came.
    pub(in crate::call) fn replace(&mut self, now: Moment, request: Request, arriving: Arriving) {
        let Arriving {
            server,
            path,
            trunk,
            screened,
        } = arriving;
        let named = screened.and_then(|offer| Ok((named_in(&request)?, offer)));
        let found = named.and_then(|(replaces, offer)| {
            if !trunk.transfers {
                return Err((Answer::status(603), "its trunk may not transfer"));
            }
            match self.hands.tag_owner(&replaces.to_tag) {
                Some((_, TagOwner::Leg(call, leg))) => Ok((call, leg, replaces, offer)),
                Some((_, TagOwner::Waiting(_) | TagOwner::Parting)) | None => {
                    Err((Answer::status(481), "no such call to take over"))
                }
            }
        });
        let (call, leg, replaces, offer) = match found {
            Ok(found) => found,
            Err(refusal) => return self.refuse(now, server, &request, &path, refusal),
        };
        self.with(call, |call, hands| {
            let came = (server, request, path);
            call.replaced(now, hands, (leg, &replaces), came, (&trunk, offer));
        });
    }
}

/// The one dialog that it names.
fn named_in(request: &Request) -> Result<Replaces, Refusal> {
    let mut values = request.headers().lines(Name::Replaces);
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err((Answer::status(400), "more than one Replaces"));
    };
    Replaces::parse(value).map_err(|_bad| (Answer::status(400), "a Replaces that names no dialog"))
}
