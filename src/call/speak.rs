//! How a call speaks: who we are on a way, answers to peers, requests to them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::Bytes;

use crate::base::chance::Token;
use crate::base::sound::SoundFrom;
use crate::base::time::Moment;
use crate::call::digest::Answered;
use crate::call::hands::{Answer, Hands, Owner};
use crate::call::headers::{SDP, Why};
use crate::call::leg::Leg;
use crate::call::trunks::Line;
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::{ClientKey, Hop, ServerKey};
use crate::sip::header::Name;
use crate::sip::message::{Method, Request, Response};
use crate::sip::transport::{Path, Transport};
use crate::sip::write::{Outgoing, RequestWriter};

impl Hands {
    /// What we are called on a way: `host:port`.
    fn sent_by(&self, path: &Path) -> String {
        let hop = Hop::back(path);
        self.sip
            .sent_by(&hop)
            .unwrap_or_else(|| path.local.to_string())
    }

    /// Our host on a way, for From.
    pub(in crate::call) fn host(&self, path: &Path) -> String {
        let sent_by = self.sent_by(path);
        match sent_by.rsplit_once(':') {
            Some((host, _port)) => host.to_owned(),
            None => sent_by,
        }
    }

    /// Our Contact on a way.
    pub(in crate::call) fn contact(&self, path: &Path) -> String {
        let sent_by = self.sent_by(path);
        format!("<sip:{sent_by}{}>", path.transport.uri_param())
    }

    /// Our Contact on a leg: `sips:` where the leg is (RFC 3261 12.1.1, RFC 5630 5.1).
    pub(in crate::call) fn contact_of(&self, leg: &Leg) -> String {
        if !leg.sips {
            return self.contact(&leg.path);
        }
        let sent_by = self.sent_by(&leg.path);
        format!("<sips:{sent_by}{}>", leg.path.transport.sips_param())
    }

    /// Answers a request that may make a dialog under `tag`.
    pub(in crate::call) fn answer(
        &mut self,
        now: Moment,
        server: ServerKey,
        request: &Request,
        tag: Token,
        answer: Answer,
    ) {
        let status = answer.status;
        let bytes = answer.write(request, tag, &self.user_agent);
        self.sip.respond(now, server, status, bytes);
    }

    /// Answers a request within a dialog, or one that makes none.
    pub(in crate::call) fn reply(
        &mut self,
        now: Moment,
        server: ServerKey,
        request: &Request,
        answer: Answer,
    ) {
        let tag = self.chance.token();
        self.answer(now, server, request, tag, answer);
    }

    /// Sends a request that is in no dialog yet.
    pub(in crate::call) fn send(
        &mut self,
        now: Moment,
        to: Hop,
        request: Outgoing,
        owner: Owner,
    ) -> ClientKey {
        let client = self.sip.request(now, to, request);
        self.own(client, owner);
        client
    }

    /// Takes an INVITE back; whatever comes of it is nobody's.
    pub(in crate::call) fn give_up(&mut self, now: Moment, client: ClientKey, why: Why) {
        self.sip.cancel(now, client, why.value().as_deref());
        self.disown(client);
    }

    /// Takes an INVITE back and waits for what comes of it.
    pub(in crate::call) fn cancel(&mut self, now: Moment, client: ClientKey) {
        self.sip.cancel(now, client, None);
    }

    /// Sends a request within a leg's dialog; `None`: it has none.
    pub(in crate::call) fn within(
        &mut self,
        now: Moment,
        leg: &mut Leg,
        method: &Method,
        owner: Owner,
        more: impl FnOnce(RequestWriter) -> RequestWriter,
    ) -> Option<ClientKey> {
        let mut dialog = leg.dialog.take()?;
        let client = self.in_dialog(now, &mut dialog, leg, method, owner, more);
        leg.dialog = Some(dialog);
        Some(client)
    }

    /// Sends a request within a dialog of a leg, which may be an early one beside others.
    pub(in crate::call) fn in_dialog(
        &mut self,
        now: Moment,
        dialog: &mut Dialog,
        leg: &Leg,
        method: &Method,
        owner: Owner,
        more: impl FnOnce(RequestWriter) -> RequestWriter,
    ) -> ClientKey {
        let to = next_hop(dialog, leg.trunk.media, &leg.path);
        let request = dialog
            .request(method)
            .header(Name::UserAgent, &self.user_agent);
        let request = more(request).outgoing();
        let client = self.sip.request(now, to, request);
        self.own(client, owner);
        client
    }

    /// Acknowledges a 2xx to the last INVITE in a leg's dialog, with an answer where the 2xx had the offer, and with the
    /// credentials of that INVITE, since nobody can challenge an ACK (RFC 3261 22.1).
    pub(in crate::call) fn ack(
        &mut self,
        now: Moment,
        client: ClientKey,
        leg: &mut Leg,
        sdp: Option<Bytes>,
    ) {
        let Some(dialog) = leg.dialog.as_mut() else {
            return;
        };
        let to = next_hop(dialog, leg.trunk.media, &leg.path);
        let line = self.trunks.by_id(&leg.trunk.id);
        let mut ack = repeat(dialog.ack(), kept_in(line, &to, &leg.credentials));
        if let Some(sdp) = sdp {
            ack = ack.body(SDP, &sdp);
        }
        let tag = dialog.remote_tag().unwrap_or_default().to_owned();
        self.sip.ack(now, client, &tag, to, ack.outgoing());
    }

    /// What of credentials that were given before may go with another request in a leg's dialog.
    pub(in crate::call) fn kept_toward<'a>(
        &self,
        leg: &Leg,
        credentials: &'a [(Name, String)],
    ) -> &'a [(Name, String)] {
        let Some(dialog) = &leg.dialog else {
            return &[];
        };
        let to = next_hop(dialog, leg.trunk.media, &leg.path);
        kept_in(self.trunks.by_id(&leg.trunk.id), &to, credentials)
    }

    /// Answers the challenge of a leg's trunk to a request within its dialog, where our INVITE began it.
    pub(in crate::call) fn prove(
        &mut self,
        leg: &Leg,
        proven: &mut Answered,
        method: &Method,
        response: &Response,
    ) -> Option<Vec<(Name, String)>> {
        self.prove_in(leg.dialog.as_ref()?, leg, proven, method, response)
    }

    /// The same in a dialog of a leg, which may be an early one beside others.
    pub(in crate::call) fn prove_in(
        &mut self,
        dialog: &Dialog,
        leg: &Leg,
        proven: &mut Answered,
        method: &Method,
        response: &Response,
    ) -> Option<Vec<(Name, String)>> {
        // Who called us is in no place to ask who we are: its challenge would lead our secret to whoever can dial.
        if !dialog.is_ours() {
            return None;
        }
        let uri = dialog.target().to_string();
        let line = self.trunks.by_id(&leg.trunk.id)?;
        let to = next_hop(dialog, leg.trunk.media, &leg.path).peer.ip();
        let parties = [leg.path.peer.ip(), to];
        proven.answer(line, parties, response, (method, &uri), &mut self.chance)
    }
}

/// Adds the answers to a challenge.
pub(in crate::call) fn repeat(
    mut request: RequestWriter,
    credentials: &[(Name, String)],
) -> RequestWriter {
    for (name, value) in credentials {
        request = request.header(*name, value);
    }
    request
}

/// What of an INVITE's credentials may go to `to` with its ACK: a peer's Contact or Record-Route may lead anywhere.
pub(in crate::call) fn kept_in<'a>(
    line: Option<&Line>,
    to: &Hop,
    credentials: &'a [(Name, String)],
) -> &'a [(Name, String)] {
    match line {
        Some(line) if line.leads_to(to.peer.ip()) => credentials,
        Some(_) | None => &[],
    }
}

/// A way to `peer` whose near end is the endpoint's choice.
pub(in crate::call) const fn way_to(transport: Transport, peer: SocketAddr) -> Path {
    Path {
        transport,
        local: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        peer,
        flow: None,
    }
}

/// Where the next request of a dialog goes. A trunk behind a NAT is reached where its messages come from, whatever its
/// Contact says.
pub(in crate::call) fn next_hop(dialog: &Dialog, from: SoundFrom, path: &Path) -> Hop {
    match from {
        SoundFrom::Nat => Hop::back(path),
        SoundFrom::Sdp | SoundFrom::Ip => dialog.hop(),
    }
}
