//! Dialogs that a call has left: BYEs on their way, and those that must wait for an ACK first.
//!
//! A call ends when its peers were told, not when they have heard. What is left is kept here, small, until the peer answered
//! its BYE or nothing came for 64 * T1. The dialogs that a crash left behind end the same way.

use std::sync::Arc;

use crate::base::chance::Token;
use crate::base::map::{Map, keyed};
use crate::base::sound::SoundFrom;
use crate::base::time::Moment;
use crate::call::desk::{Note, Wish};
use crate::call::digest::Answered;
use crate::call::hands::{Hands, Owner, TagOwner};
use crate::call::headers::Why;
use crate::call::leg::Leg;
use crate::call::speak::{kept_in, next_hop, repeat, way_to};
use crate::call::story::KeptDialog;
use crate::call::trunk::Trunk;
use crate::sip::dialog::{Dialog, Kept};
use crate::sip::endpoint::{ClientKey, Hop, ServerKey};
use crate::sip::header::Name;
use crate::sip::message::{Method, Response};
use crate::sip::transport::{Path, Transport};

/// One dialog that a call has left.
#[derive(Debug)]
pub(in crate::call) struct Farewell {
    pub(in crate::call) dialog: Dialog,
    /// `None`: a dialog of nobody we know.
    pub(in crate::call) trunk: Option<Arc<Trunk>>,
    pub(in crate::call) path: Path,
    /// Our tag in it.
    pub(in crate::call) tag: Option<Token>,
    pub(in crate::call) why: Why,
    pub(in crate::call) proven: Answered,
    /// The trunk of a dialog that a crash left behind: its end is noted.
    pub(in crate::call) ghost: Option<Arc<str>>,
}

/// All of them.
#[derive(Debug)]
pub(in crate::call) struct Farewells {
    said: Map<ClientKey, Farewell>,
    unacked: Map<ServerKey, Farewell>,
}

impl Farewells {
    /// Starts with none.
    pub(in crate::call) fn new(key: u64) -> Self {
        Self {
            said: keyed(key),
            unacked: keyed(key),
        }
    }

    /// Keeps a dialog until its BYE is answered.
    pub(in crate::call) fn said(&mut self, bye: ClientKey, farewell: Farewell) {
        self.said.insert(bye, farewell);
    }

    /// Keeps a dialog whose BYE waits for the ACK of our 2xx (RFC 3261 15).
    pub(in crate::call) fn wait(&mut self, server: ServerKey, farewell: Farewell) {
        self.unacked.insert(server, farewell);
    }

    /// Takes the dialog of an answered BYE.
    pub(in crate::call) fn answered(&mut self, bye: ClientKey) -> Option<Farewell> {
        self.said.remove(&bye)
    }

    /// Takes the dialog whose ACK came, or will never come, or whose peer said BYE first.
    pub(in crate::call) fn released(&mut self, server: ServerKey) -> Option<Farewell> {
        self.unacked.remove(&server)
    }

    /// How many peers have not heard yet.
    pub(in crate::call) fn len(&self) -> usize {
        self.said.len() + self.unacked.len()
    }
}

impl Hands {
    /// Ends a dialog that nobody wants: ACK to its 2xx, then BYE (RFC 3261 13.2.2.4). `credentials` are those of its INVITE.
    pub(in crate::call) fn decline(
        &mut self,
        now: Moment,
        client: ClientKey,
        path: &Path,
        response: &Response,
        credentials: &[(Name, String)],
    ) {
        let line = self.trunks.recognise(path);
        let trunk = line.map(|line| Arc::clone(&line.trunk));
        let dialog = Dialog::uac(response, path);
        let mut dialog = dialog.unwrap_or_else(|_none| Dialog::uac_to_be_left(response, path));
        dialog.skip_ahead();
        let from = trunk.as_ref().map_or(SoundFrom::Sdp, |trunk| trunk.media);
        let to = next_hop(&dialog, from, path);
        let line = self.trunks.recognise(path);
        let ack = repeat(dialog.ack(), kept_in(line, &to, credentials)).outgoing();
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
        self.ladder.end(&leg.call_id, leg.id);
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
                self.invite_is_answered(server);
                self.entrust(leg.tag, TagOwner::Waiting(server));
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
            self.entrust(tag, TagOwner::Parting);
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
        let bye = repeat(bye, credentials);
        let client = self.sip.request(now, to, bye.outgoing());
        self.own(client, Owner::Farewell);
        self.farewells.said(client, farewell);
    }

    /// Ends a dialog that a crash left behind, one that our INVITE had begun or not; `false`: what was kept of it cannot be read.
    pub(in crate::call) fn say_ghost_bye(
        &mut self,
        now: Moment,
        kept: &KeptDialog,
        ours: bool,
    ) -> bool {
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
        let Ok(dialog) = Dialog::restore(&texts, &hop, ours) else {
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
        if matches!(status, 401 | 407) && farewell.dialog.is_ours() {
            let trunk = farewell.trunk.as_ref();
            let line = trunk.and_then(|trunk| self.trunks.by_id(&trunk.id));
            let from = trunk.map_or(SoundFrom::Sdp, |trunk| trunk.media);
            let to = next_hop(&farewell.dialog, from, &farewell.path);
            let parties = [path.peer.ip(), to.peer.ip()];
            let uri = farewell.dialog.target().to_string();
            let request = (&Method::Bye, uri.as_str());
            let credentials = line.and_then(|line| {
                let chance = &mut self.chance;
                let proven = &mut farewell.proven;
                proven.answer(line, parties, response, request, chance)
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
}
