//! The INVITE to a target, written for its trunk, and where its responses go.

use crate::base::id::LegId;
use crate::base::time::Moment;
use crate::call::hands::{Hands, Owner};
use crate::call::headers::{self, ALLOW, MAX_FORWARDS};
use crate::call::identity::{dialled_user, shown};
use crate::call::leg::Leg;
use crate::call::machine::attempt::Stage;
use crate::call::machine::reliable::write_supported;
use crate::call::machine::{Call, Errand};
use crate::call::speak::repeat;
use crate::call::timers::Timer;
use crate::sip::endpoint::ClientKey;
use crate::sip::header::Name;
use crate::sip::message::{Method, Request, Response};
use crate::sip::transport::Path;
use crate::sip::uri::Uri;
use crate::sip::write::{Outgoing, RequestWriter};

impl Call {
    /// Sends a target its INVITE; again with `credentials` when its trunk asked for them.
    pub(super) fn invite(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        credentials: &[(Name, String)],
    ) {
        let Some(invite) = self.write_invite(hands, index, credentials) else {
            return;
        };
        let key = self.key;
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        let owner = Owner::Call(key, attempt.leg.id, Errand::Invite);
        let to = attempt.to.hop();
        let client = hands.send(now, to, invite, owner);
        attempt.stage = Stage::Calling(client);
        attempt.leg.credentials = credentials.to_vec();
    }

    fn write_invite(
        &mut self,
        hands: &Hands,
        index: usize,
        credentials: &[(Name, String)],
    ) -> Option<Outgoing> {
        let story = self.story.as_ref()?;
        // A call that is up already is sent on: its INVITE was answered and is gone.
        let request = self.caller.invite.as_ref().map(|(_, request)| request);
        let headers = request.map(Request::headers);
        let attempt = self.attempts.get_mut(index)?;
        let leg = &mut attempt.leg;
        let address = leg.address()?;
        let user = dialled_user(&attempt.target.dial, &leg.trunk, &hands.country);
        let uri = request_uri(&user, leg)?;
        let host = hands.host(&leg.path);
        let who = &self.caller.identity;
        let shown = shown(who, story.virtual_number, &leg.trunk, &hands.country, &host);
        let believed = self.caller.leg.trunk.trusted && leg.trunk.trusted;
        leg.remote_uri = uri.as_str().into();
        attempt.cseq += 1;
        let cseq = attempt.cseq;
        let mut invite = RequestWriter::new(&Method::Invite, &uri);
        for route in hands.routes.of(&leg.trunk) {
            invite = invite.header(Name::Route, route);
        }
        let hops = request.map_or(MAX_FORWARDS, headers::next_max_forwards);
        invite = invite
            .header(Name::MaxForwards, hops)
            .header(Name::MaxBreadth, attempt.breadth)
            .header(Name::From, format_args!("{};tag={}", shown.from, leg.tag))
            .header(Name::To, format_args!("<{uri}>"))
            .header(Name::CallId, &leg.call_id)
            .header(Name::CSeq, format_args!("{cseq} INVITE"))
            .header(Name::Contact, hands.contact_of(leg))
            .header(Name::Allow, ALLOW)
            .header(Name::UserAgent, &hands.user_agent);
        invite = write_supported(attempt.reliable, invite);
        if believed && let Some(asserted) = &shown.asserted {
            invite = invite.header(Name::PAssertedIdentity, asserted);
        }
        if let Some(diversion) = shown.diversion {
            invite = invite.header(Name::Diversion, diversion);
        }
        // Where it is believed, the caller's own passes with the rest.
        if shown.hidden && !(believed && headers.is_some_and(|headers| headers.has(Name::Privacy)))
        {
            invite = invite.header(Name::Privacy, "id");
        }
        invite = repeat(leg.upkeep.timer.ask(invite), credentials);
        if let Some(headers) = headers {
            invite = headers::pass_on(headers, believed, invite);
            if shown.is_callers {
                invite = headers::pass_signatures(headers, invite);
            }
        }
        if let Some(brought) = &attempt.brought {
            invite = brought.introduce(invite);
        }
        let brought = attempt.brought.as_ref().map(|brought| &brought.offer);
        if let Some(offer) = brought.or(self.caller.offer.as_deref()) {
            invite = invite.body(headers::SDP, &leg.voice.say(offer, address));
        }
        Some(invite.outgoing())
    }

    /// A response to the INVITE of a target that is still called; what comes later than that is the switchboard's.
    pub(super) fn invite_response(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        client: ClientKey,
        came: (&Path, &Response),
    ) {
        let (path, response) = came;
        let Some(index) = self.attempt(leg) else {
            return;
        };
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        if attempt.client() != Some(client) {
            return;
        }
        attempt.leg.path = *path;
        if response.status() != 503 {
            hands.places.answered(&attempt.to);
        }
        self.timers.stop(Timer::Unheard(leg));
        match response.status() {
            ..=100 => {}
            101..=199 => {
                self.note_rings_as(index, response);
                self.rang(now, hands, index, came);
            }
            200..=299 if self.holds_back(index, client, came) => {}
            200..=299 => self.answered(now, hands, index, client, response),
            401 | 407 => self.challenged(now, hands, index, response),
            422 => self.too_short(now, hands, index, response),
            420 | 421 => self.extension(now, hands, index, response),
            _final => self.refused(now, hands, index, response),
        }
    }

    /// A target wants a longer session: again with its Min-SE (RFC 4028 7.3).
    fn too_short(&mut self, now: Moment, hands: &mut Hands, index: usize, response: &Response) {
        let leg = self.attempts.get_mut(index).map(|one| &mut one.leg);
        match leg.and_then(|leg| leg.upkeep.timer.raise(response.headers()).then_some(leg)) {
            Some(leg) => {
                let credentials = leg.credentials.clone();
                self.invite(now, hands, index, &credentials);
            }
            None => self.refused(now, hands, index, response),
        }
    }
}

/// The URI that is dialled: the user on the trunk's host as it is configured.
fn request_uri(user: &str, leg: &Leg) -> Option<Uri> {
    let trunk = &leg.trunk;
    let host = match trunk.host.parse::<std::net::Ipv6Addr>() {
        Ok(ip) => format!("[{ip}]"),
        Err(_name_or_ipv4) => trunk.host.to_string(),
    };
    let port = trunk
        .port
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let (scheme, transport) = match leg.sips {
        true => ("sips", trunk.transport.sips_param()),
        false => ("sip", trunk.transport.uri_param()),
    };
    let text = format!("{scheme}:{user}@{host}{port}{transport}");
    Uri::parse(&text).ok()
}
