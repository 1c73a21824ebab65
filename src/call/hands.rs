//! What a call acts with: transactions, dialogs' requests, wishes, and the index under which the switchboard finds it again.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;

use crate::base::chance::{Chance, Token};
use crate::base::country::Country;
use crate::base::id::{CallId, LegId};
use crate::base::map::{Map, keyed};
use crate::base::sound::SoundFrom;
use crate::base::time::Moment;
use crate::call::desk::{CallKey, MediaWish, Note, Wish};
use crate::call::digest::Answered;
use crate::call::farewell::{Farewell, Farewells};
use crate::call::headers::{SDP, Why};
use crate::call::leg::{Leg, Ports};
use crate::call::machine::Errand;
use crate::call::story::KeptDialog;
use crate::call::trunks::Trunks;
use crate::call::usage::Usage;
use crate::sip::dialog::{Dialog, Kept};
use crate::sip::endpoint::{ClientKey, Endpoint, Hop, ServerKey};
use crate::sip::header::Name;
use crate::sip::message::{Method, Request, Response};
use crate::sip::transport::{Path, Transport};
use crate::sip::write::{Outgoing, RequestWriter};

pub(in crate::call) use crate::call::reply::Answer;

/// Everything but the calls themselves.
pub(in crate::call) struct Hands {
    pub(in crate::call) sip: Endpoint,
    pub(in crate::call) trunks: Arc<Trunks>,
    pub(in crate::call) country: Country,
    pub(in crate::call) chance: Chance,
    pub(in crate::call) usage: Usage,
    pub(in crate::call) farewells: Farewells,
    pub(in crate::call) user_agent: Arc<str>,
    pub(in crate::call) wishes: VecDeque<Wish>,
    tags: Map<Token, TagOwner>,
    clients: Map<ClientKey, Owner>,
    invites: Map<ServerKey, CallKey>,
    ids: Map<CallId, CallKey>,
}

/// Whose request of ours it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::call) enum Owner {
    /// A call's, on one of its legs.
    Call(CallKey, LegId, Errand),
    /// A BYE that outlived its call.
    Farewell,
    /// A registration's: its place in the list.
    Registration(usize),
}

/// Whose tag of ours it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::call) enum TagOwner {
    /// A leg's.
    Leg(CallKey, LegId),
    /// Of a dialog that is left; its BYE waits for this ACK.
    Waiting(ServerKey),
    /// Of a dialog whose BYE is out.
    Parting,
}

impl Hands {
    /// Starts with nothing under way.
    pub(in crate::call) fn new(
        sip: Endpoint,
        trunks: Arc<Trunks>,
        country: Country,
        user_agent: Arc<str>,
        mut chance: Chance,
    ) -> Self {
        Self {
            sip,
            trunks,
            country,
            usage: Usage::new(chance.next_u64()),
            farewells: Farewells::new(chance.next_u64()),
            user_agent,
            wishes: VecDeque::new(),
            tags: keyed(chance.next_u64()),
            clients: keyed(chance.next_u64()),
            invites: keyed(chance.next_u64()),
            ids: keyed(chance.next_u64()),
            chance,
        }
    }

    /// Wants something done.
    pub(in crate::call) fn wish(&mut self, wish: Wish) {
        self.wishes.push_back(wish);
    }

    // ---- who is who -------------------------------------------------------------------------------------------

    /// Makes a tag under which a leg is found.
    pub(in crate::call) fn new_tag(&mut self, call: CallKey, leg: LegId) -> Token {
        let tag = self.chance.token();
        self.tags.insert(tag, TagOwner::Leg(call, leg));
        tag
    }

    /// Makes a Call-ID: 128 random bits and nothing about us (RFC 3261 8.1.1.4).
    pub(in crate::call) fn new_call_id(&mut self) -> String {
        format!("{}{}", self.chance.token(), self.chance.token())
    }

    /// Finds whose tag it is.
    pub(in crate::call) fn tag_owner(&self, tag: &str) -> Option<(Token, TagOwner)> {
        let tag = Token::parse(tag.as_bytes())?;
        self.tags.get(&tag).map(|owner| (tag, *owner))
    }

    /// Nobody is found under `tag` any more.
    pub(in crate::call) fn forget_tag(&mut self, tag: Token) {
        self.tags.remove(&tag);
    }

    /// The leg is over: nobody finds it, and its line is free.
    pub(in crate::call) fn forget_leg(&mut self, leg: &Leg) {
        self.tags.remove(&leg.tag);
        self.usage.give_back(&leg.trunk.id);
    }

    /// Remembers an admitted call by its id.
    pub(in crate::call) fn remember(&mut self, id: CallId, call: CallKey) {
        self.ids.insert(id, call);
    }

    /// Forgets a call's id.
    pub(in crate::call) fn forget(&mut self, id: CallId) {
        self.ids.remove(&id);
    }

    /// Finds a call by its id.
    pub(in crate::call) fn by_id(&self, id: CallId) -> Option<CallKey> {
        self.ids.get(&id).copied()
    }

    /// What comes of an INVITE's server transaction is the call's: CANCEL, ACK.
    pub(in crate::call) fn expect_invite(&mut self, server: ServerKey, call: CallKey) {
        self.invites.insert(server, call);
    }

    /// Nothing more comes of it.
    pub(in crate::call) fn invite_is_answered(&mut self, server: ServerKey) {
        self.invites.remove(&server);
    }

    /// Whose INVITE it is.
    pub(in crate::call) fn invite_owner(&self, server: ServerKey) -> Option<CallKey> {
        self.invites.get(&server).copied()
    }

    /// Whose request it is.
    pub(in crate::call) fn client_owner(&self, client: ClientKey) -> Option<Owner> {
        self.clients.get(&client).copied()
    }

    /// What else comes of a request is nobody's: a late 2xx is then ended by the switchboard.
    pub(in crate::call) fn disown(&mut self, client: ClientKey) {
        self.clients.remove(&client);
    }

    /// Whether nothing at all is under way.
    pub(in crate::call) fn is_idle(&self) -> bool {
        self.farewells.len() == 0 && self.wishes.is_empty()
    }

    /// What is kept, for the law that nothing stays: tags, requests, INVITEs, ids, lines in use.
    pub(in crate::call) fn kept(&self) -> [usize; 5] {
        [
            self.tags.len(),
            self.clients.len(),
            self.invites.len(),
            self.ids.len(),
            self.usage.in_use(),
        ]
    }

    // ---- who we are -------------------------------------------------------------------------------------------

    /// What we are called on a way: `host:port`.
    fn sent_by(&self, path: &Path) -> String {
        let hop = Hop::back(path);
        match self.sip.sent_by(&hop) {
            Some(sent_by) => sent_by.to_owned(),
            None => path.local.to_string(),
        }
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
        match path.transport {
            Transport::Udp => format!("<sip:{sent_by}>"),
            Transport::Tcp => format!("<sip:{sent_by};transport=tcp>"),
        }
    }

    // ---- answers ----------------------------------------------------------------------------------------------

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

    // ---- requests ---------------------------------------------------------------------------------------------

    /// Sends a request that is in no dialog yet.
    pub(in crate::call) fn send(
        &mut self,
        now: Moment,
        to: Hop,
        request: Outgoing,
        owner: Owner,
    ) -> ClientKey {
        let client = self.sip.request(now, to, request);
        self.clients.insert(client, owner);
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
        let dialog = leg.dialog.as_mut()?;
        let to = next_hop(dialog, leg.trunk.media, &leg.path);
        let request = dialog
            .request(method)
            .header(Name::UserAgent, &self.user_agent);
        let request = more(request).outgoing();
        let client = self.sip.request(now, to, request);
        self.clients.insert(client, owner);
        Some(client)
    }

    /// Acknowledges a 2xx to the last INVITE in a leg's dialog, with an answer where the 2xx had the offer.
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
        let mut ack = dialog.ack();
        if let Some(sdp) = sdp {
            ack = ack.body(SDP, &sdp);
        }
        let tag = dialog.remote_tag().unwrap_or_default().to_owned();
        self.sip.ack(now, client, &tag, to, ack.outgoing());
    }

    /// Ends a dialog that nobody wants: ACK to its 2xx, then BYE (RFC 3261 13.2.2.4).
    pub(in crate::call) fn decline(
        &mut self,
        now: Moment,
        client: ClientKey,
        path: &Path,
        response: &Response,
    ) {
        let line = self.trunks.recognise(path);
        let trunk = line.map(|line| Arc::clone(&line.trunk));
        let Ok(dialog) = Dialog::uac(response, path) else {
            return;
        };
        let from = trunk.as_ref().map_or(SoundFrom::Sdp, |trunk| trunk.media);
        let to = next_hop(&dialog, from, path);
        let ack = dialog.ack().outgoing();
        let remote = dialog.remote_tag().unwrap_or_default().to_owned();
        self.sip.ack(now, client, &remote, to, ack);
        self.say_bye(
            now,
            Farewell {
                dialog,
                trunk,
                path: *path,
                tag: None,
                why: Why::NONE,
                proven: Answered::default(),
                ghost: None,
            },
            &[],
        );
    }

    /// Leaves a leg's dialog with a BYE; where our 2xx is not acknowledged yet, after its ACK (15).
    pub(in crate::call) fn part(
        &mut self,
        now: Moment,
        leg: &Leg,
        dialog: Dialog,
        why: Why,
        unacked: Option<ServerKey>,
    ) {
        self.usage.give_back(&leg.trunk.id);
        let farewell = Farewell {
            dialog,
            trunk: Some(Arc::clone(&leg.trunk)),
            path: leg.path,
            tag: Some(leg.tag),
            why,
            proven: Answered::default(),
            ghost: None,
        };
        match unacked {
            Some(server) => {
                self.invites.remove(&server);
                self.tags.insert(leg.tag, TagOwner::Waiting(server));
                self.farewells.wait(server, farewell);
            }
            None => self.say_bye(now, farewell, &[]),
        }
    }

    /// Sends a BYE that outlives its call.
    pub(in crate::call) fn say_bye(
        &mut self,
        now: Moment,
        mut farewell: Farewell,
        credentials: &[(Name, String)],
    ) {
        if let Some(tag) = farewell.tag {
            self.tags.insert(tag, TagOwner::Parting);
        }
        let from = farewell
            .trunk
            .as_ref()
            .map_or(SoundFrom::Sdp, |trunk| trunk.media);
        let to = next_hop(&farewell.dialog, from, &farewell.path);
        let mut bye = farewell.dialog.request(&Method::Bye);
        if let Some(value) = farewell.why.value() {
            bye = bye.header(Name::Reason, value);
        }
        for (name, value) in credentials {
            bye = bye.header(*name, value);
        }
        let client = self.sip.request(now, to, bye.outgoing());
        self.clients.insert(client, Owner::Farewell);
        self.farewells.said(client, farewell);
    }

    /// Ends a dialog that a crash left behind; `false`: what was kept of it cannot be read.
    pub(in crate::call) fn say_ghost_bye(&mut self, now: Moment, kept: &KeptDialog) -> bool {
        let trunk = self.trunks.by_id(&kept.trunk);
        let trunk = trunk.map(|line| Arc::clone(&line.trunk));
        let transport = trunk
            .as_ref()
            .map_or(Transport::Udp, |trunk| trunk.transport);
        let hop = Hop::to(transport, kept.peer);
        let texts = Kept {
            call_id: kept.call_id.clone(),
            local: kept.local.clone(),
            remote: kept.remote.clone(),
            target: kept.target.clone(),
            routes: kept.routes.clone(),
            cseq: kept.cseq,
        };
        let Ok(dialog) = Dialog::restore(&texts, &hop) else {
            return false;
        };
        let farewell = Farewell {
            dialog,
            trunk,
            path: way_to(transport, kept.peer),
            tag: None,
            why: Why::NONE,
            proven: Answered::default(),
            ghost: Some(Arc::clone(&kept.trunk)),
        };
        self.say_bye(now, farewell, &[]);
        true
    }

    /// The ACK that a farewell waited for came, or will never come: BYE.
    pub(in crate::call) fn release(&mut self, now: Moment, server: ServerKey) {
        if let Some(farewell) = self.farewells.released(server) {
            self.say_bye(now, farewell, &[]);
        }
    }

    /// The peer hung up before it acknowledged our 2xx: it needs no BYE of ours.
    pub(in crate::call) fn drop_waiting(&mut self, server: ServerKey, tag: Token) {
        self.farewells.released(server);
        self.forget_tag(tag);
    }

    /// A BYE was answered: the dialog is over, unless the trunk only asks who we are.
    pub(in crate::call) fn farewell_answered(
        &mut self,
        now: Moment,
        bye: ClientKey,
        path: &Path,
        response: &Response,
    ) {
        let Some(mut farewell) = self.farewells.answered(bye) else {
            return;
        };
        let status = response.status();
        if matches!(status, 401 | 407) {
            let trunk = farewell.trunk.as_ref();
            let line = trunk.and_then(|trunk| self.trunks.by_id(&trunk.id));
            let uri = farewell.dialog.target().to_string();
            let request = (&Method::Bye, uri.as_str());
            let credentials = line.and_then(|line| {
                let chance = &mut self.chance;
                let proven = &mut farewell.proven;
                proven.answer(line, path.peer.ip(), response, request, chance)
            });
            if let Some(credentials) = credentials {
                return self.say_bye(now, farewell, &credentials);
            }
        }
        self.gone(&farewell, status);
    }

    /// A BYE was never answered: the peer is gone, and with it the dialog.
    pub(in crate::call) fn farewell_failed(&mut self, bye: ClientKey) {
        if let Some(farewell) = self.farewells.answered(bye) {
            self.gone(&farewell, 0);
        }
    }

    fn gone(&mut self, farewell: &Farewell, status: u16) {
        if let Some(tag) = farewell.tag {
            self.forget_tag(tag);
        }
        if let Some(trunk) = farewell.ghost.clone() {
            self.wish(Wish::Note(Note::Ghost { trunk, status }));
        }
    }

    /// Answers the challenge of a leg's trunk to a request within its dialog.
    pub(in crate::call) fn prove(
        &mut self,
        leg: &Leg,
        proven: &mut Answered,
        method: &Method,
        response: &Response,
    ) -> Option<Vec<(Name, String)>> {
        let uri = leg.dialog.as_ref()?.target().to_string();
        let line = self.trunks.by_id(&leg.trunk.id)?;
        let from = leg.path.peer.ip();
        proven.answer(line, from, response, (method, &uri), &mut self.chance)
    }

    // ---- sound and the log ------------------------------------------------------------------------------------

    /// Gives a leg's ports back, where it has any.
    pub(in crate::call) fn close_ports(&mut self, leg: &mut Leg) {
        match leg.ports {
            Ports::Asked | Ports::Open(_) => {
                leg.ports = Ports::Closing;
                self.wish(Wish::Media(MediaWish::Close { leg: leg.id }));
            }
            Ports::None | Ports::Closing | Ports::Closed => {}
        }
    }

    /// What the log keeps of a dialog, so that the next start can end it.
    pub(in crate::call) fn keep(&self, leg: &Leg, dialog: &Dialog) -> KeptDialog {
        let Kept {
            call_id,
            local,
            remote,
            target,
            routes,
            cseq,
        } = dialog.kept();
        KeptDialog {
            call_id,
            local,
            remote,
            target,
            routes,
            cseq,
            trunk: Arc::clone(&leg.trunk.id),
            peer: leg.path.peer,
        }
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
fn next_hop(dialog: &Dialog, from: SoundFrom, path: &Path) -> Hop {
    match from {
        SoundFrom::Nat => Hop::back(path),
        SoundFrom::Sdp | SoundFrom::Ip => dialog.hop(),
    }
}
