//! Another telephone takes the place of the one that answered, by an INVITE of its own with Replaces (RFC 3891 3).
//!
//! Its offer goes to the caller, whose answer comes back to it; then the call moves, and whom it replaces gets a BYE.

use std::sync::Arc;

use crate::base::id::LegId;
use crate::base::time::Moment;
use crate::call::desk::{MediaWish, TRANSFERS_MAX};
use crate::call::goal;
use crate::call::hands::{Answer, Hands};
use crate::call::headers::supported;
use crate::call::leg::{Beginning, Leg, Ports};
use crate::call::machine::attempt::Attempt;
use crate::call::machine::modify::RETRY_S;
use crate::call::machine::transfer::{Brought, Referrer, Stage, Transfer};
use crate::call::machine::{Call, State};
use crate::call::offer_answer::faces;
use crate::call::story::{Role, TriedResult};
use crate::call::trunk::Trunk;
use crate::sdp::Session;
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::ServerKey;
use crate::sip::header::Name;
use crate::sip::message::Request;
use crate::sip::place::Place;
use crate::sip::replaces::Replaces;
use crate::sip::transport::Path;

impl Call {
    /// An INVITE that names the dialog of one of our legs.
    pub(in crate::call) fn replaced(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        (leg, replaces): (LegId, &Replaces),
        (server, request, path): (ServerKey, Request, Path),
        (trunk, offer): (&Arc<Trunk>, Option<Session>),
    ) {
        // Before the answer it is a pickup.
        if matches!(self.state, State::Hunting(_)) {
            let came = (server, request, path);
            return self.picked_up(now, hands, (leg, replaces), came, (trunk, offer));
        }
        let offer = match self.may_replace(hands, (leg, replaces), (trunk, &path), offer) {
            Ok(offer) => offer,
            Err(answer) => return hands.reply(now, server, &request, answer),
        };
        if let Some(answer) = Answer::to_short_session(hands, &request) {
            return hands.reply(now, server, &request, answer);
        }
        let Some(by) = self.attempt(leg) else { return };
        let brought = Brought::with(offer.clone());
        let came = (server, request, path);
        if !self.arrive(now, hands, trunk, came, (brought, by, Role::Transfer)) {
            return;
        }
        let target = self.attempts.len().saturating_sub(1);
        if let State::Up(up) = &mut self.state {
            up.transfers += 1;
            up.transfer = Some(Box::new(Transfer {
                by,
                target,
                at: now,
                event: None,
                referrer: Referrer::There,
                stage: Stage::Ready(offer),
            }));
        }
    }

    /// Who came by an INVITE of its own, in the place of another one, gets a leg and asks for ports. `false`: there is no room,
    /// and it was told.
    pub(super) fn arrive(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        trunk: &Arc<Trunk>,
        (server, request, path): (ServerKey, Request, Path),
        (mut brought, in_place_of, role): (Brought, usize, Role),
    ) -> bool {
        // It is a new leg of its trunk as any other.
        let may_begin = hands.usage.may_begin(now, trunk);
        let Some(id) = may_begin.then(|| self.new_leg_id()).flatten() else {
            let full = Answer::status(503).retry_after(RETRY_S);
            hands.reply(now, server, &request, full);
            return false;
        };
        // It does not ring; whom it sends the caller on to rings as long as who was replaced.
        let ring = self.attempts.get(in_place_of).map(|one| one.ring);
        hands.usage.take(&trunk.id);
        hands.expect_invite(server, self.key);
        let from = request.headers().from().uri();
        let begins = Beginning {
            id,
            trunk: Arc::clone(trunk),
            tag: hands.new_tag(self.key, id),
            call_id: request.headers().call_id().into(),
            remote_uri: from.as_str().into(),
            path,
            sips: self.caller.leg.sips,
            ports: Ports::Asked,
            role,
        };
        let leg = Leg::new(hands, begins);
        let open = MediaWish::Open {
            call: self.key,
            leg: id,
            toward: faces(path.peer.ip(), Some(&brought.offer)),
            from: trunk.media,
        };
        let target = goal::who(from, &trunk.id, &hands.country);
        brought.arrived = Some((server, request));
        let to = Place::plain(path.transport, path.peer);
        self.attempts.push(Attempt {
            brought: Some(Box::new(brought)),
            invited: Some(now),
            ..Attempt::new(leg, target, ring.unwrap_or_default(), to)
        });
        Self::media(hands, open);
        true
    }

    /// Whether it may, by RFC 3891 3; its offer.
    fn may_replace(
        &self,
        hands: &Hands,
        (leg, replaces): (LegId, &Replaces),
        (trunk, path): (&Arc<Trunk>, &Path),
        offer: Option<Session>,
    ) -> Result<Session, Answer> {
        let State::Up(up) = &self.state else {
            return Err(Answer::status(481));
        };
        let callee = self.attempts.get(up.answered);
        let callee = callee.filter(|one| one.leg.id == leg);
        // The caller stays: that is whose call it is.
        let callee = callee.ok_or_else(|| Answer::status(603))?;
        let dialog = callee.leg.dialog.as_ref();
        if !dialog.is_some_and(|dialog| dialog.is_named(replaces)) {
            return Err(Answer::status(481));
        }
        if callee.leg.trunk.id != trunk.id {
            return Err(Answer::status(603));
        }
        // A call that was dialled securely goes on securely or not at all (RFC 5630 4.1).
        if self.caller.leg.sips && !path.transport.is_secure() {
            return Err(Answer::status(403));
        }
        if replaces.early_only {
            return Err(Answer::status(486));
        }
        if up.transfers >= TRANSFERS_MAX {
            return Err(Answer::status(603));
        }
        if up.is_moving() || up.late.is_some() || self.caller.unacked.is_some() {
            return Err(Answer::status(500).retry_after(RETRY_S));
        }
        if hands.usage.is_full(&trunk.id, trunk.max_calls) {
            return Err(Answer::status(503).retry_after(RETRY_S));
        }
        offer.ok_or_else(|| Answer::status(488))
    }

    /// Whether this party came by an INVITE of its own that has no final answer yet.
    pub(super) fn is_arrived(&self, index: usize) -> bool {
        let attempt = self.attempts.get(index);
        attempt
            .and_then(|one| one.brought.as_ref())
            .is_some_and(|brought| brought.arrived.is_some())
    }

    /// Its `offer` has an `answer`, which it is given.
    pub(super) fn answer_arrived(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        (offer, answer): (&Session, &Session),
    ) {
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        let arrived = attempt.brought.as_mut().and_then(|it| it.arrived.take());
        let Some((server, request)) = arrived else {
            return;
        };
        let leg = &mut attempt.leg;
        let mut ok = Answer::status(200)
            .contact(hands.contact_of(leg))
            .allow()
            .header(Name::Supported, supported())
            .session(leg.upkeep.accept(now, request.headers()));
        if let Some(body) = leg.answer(answer, offer) {
            ok = ok.sdp(body);
        }
        leg.dialog = Dialog::uas(&request, leg.tag, &leg.path).ok();
        hands.answer(now, server, &request, leg.tag, ok);
        attempt.unacked = Some(server);
    }

    /// It cannot have the call: its final answer.
    pub(super) fn refuse_arrived(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        status: u16,
    ) {
        let attempt = self.attempts.get_mut(index);
        let arrived = attempt.and_then(|one| one.brought.as_mut()?.arrived.take());
        if let Some((server, request)) = arrived {
            hands.reply(now, server, &request, Answer::status(status));
            hands.invite_is_answered(server);
        }
    }

    /// It takes its INVITE back. `false`: that is somebody else's.
    pub(super) fn arrived_cancelled(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        server: ServerKey,
    ) -> bool {
        let is_its = |one: &Attempt| {
            let arrived = one.brought.as_ref().and_then(|it| it.arrived.as_ref());
            arrived.is_some_and(|(own, _)| *own == server)
        };
        let Some(index) = self.attempts.iter().position(is_its) else {
            return false;
        };
        let State::Up(up) = &self.state else {
            // It came for a call that rings, and has no ports yet.
            self.target_failed(now, hands, index, TriedResult::Cancelled, None);
            return true;
        };
        let Some(transfer) = &up.transfer else {
            return false;
        };
        match &transfer.stage {
            // What comes of that decides: the caller may have agreed already.
            Stage::Asking { client, .. } => hands.cancel(now, *client),
            Stage::Calling | Stage::Ready(_) | Stage::Crossed { .. } | Stage::Taking { .. } => {
                self.transfer_failed(now, hands, TriedResult::Cancelled, None);
            }
        }
        true
    }

    /// It acknowledges our 2xx, or never will. `false`: that is somebody else's.
    pub(super) fn arrived_acked(&mut self, server: ServerKey) -> bool {
        let owes = |one: &&mut Attempt| one.unacked == Some(server);
        let Some(attempt) = self.attempts.iter_mut().find(owes) else {
            return false;
        };
        attempt.unacked = None;
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::call::desk::{MediaWish, TRANSFERS_MAX};
    use crate::call::rig::*;
    use crate::call::story::*;

    fn rig() -> Rig {
        let mut lines = trunks();
        lines[1].0.transfers = true;
        Rig::with(one_by_one(&["101"]), lines)
    }

    /// An INVITE of another telephone at the PBX that names the dialog of the one that answered.
    fn pickup(rig: &Rig, more: &str) -> String {
        let kept = &rig.answered().dialogs[1];
        let (ours, theirs) = (tag(&kept.local).to_owned(), tag(&kept.remote).to_owned());
        let replaces = format!(
            "Replaces: {};to-tag={ours};from-tag={theirs}{more}\r\n",
            kept.call_id
        );
        invite("102", &sdp("127.0.0.4", 6_000, ""))
            .replace(
                "Max-Forwards",
                &format!("Require: replaces\r\n{replaces}Max-Forwards"),
            )
            .replace(CARRIER, PBX)
            .replace("incoming", "pickup")
            .replace("bKin", "bKpickup")
            .replace("+79160000001@carrier.example", "102@pbx.example")
    }

    fn bridges(rig: &Rig) -> Vec<u64> {
        let callee = |wish: &MediaWish| {
            if let MediaWish::Bridge { callee, .. } = wish {
                Some(callee.0 & 0xff)
            } else {
                None
            }
        };
        rig.media.iter().filter_map(callee).collect()
    }

    #[test]
    fn another_telephone_of_the_trunk_takes_the_call_over() {
        let mut rig = rig();
        let (mut caller, _) = rig.up();
        rig.seconds(5);
        let invite = pickup(&rig, "");
        rig.from(PBX, &invite);
        assert_eq!(rig.questions.len(), 1, "no rule is asked");
        let ask = rig.to(CARRIER, "INVITE sip:anna@");
        assert!(body(&ask).contains("m=audio 20002 RTP/AVP 8 101"), "{ask}");
        assert_eq!(bridges(&rig), [1]);
        rig.from(CARRIER, &reply(&ask, 200, "", &sdp("127.0.0.2", 4_000, "")));
        rig.to(CARRIER, "ACK");
        let all = rig.all_to(PBX);
        let ok = all.iter().find(|text| begins(text, "SIP/2.0 200")).unwrap();
        assert!(body(ok).contains("m=audio 20006 RTP/AVP 8 101"), "{ok}");
        let bye = all.iter().find(|text| begins(text, "BYE")).unwrap();
        assert_eq!(tag(&header(bye, "To")), "callee", "who was replaced");
        rig.from(PBX, &reply(bye, 200, "", ""));
        assert_eq!(bridges(&rig), [1, 2]);
        let mut new = Peer::caller(&invite, ok);
        new.address = PBX;
        let ack = new.request("ACK", "");
        rig.from(PBX, &ack);
        rig.seconds(5);
        // Its re-INVITEs pass as the callee's.
        let hold = new.request("INVITE", &sdp("127.0.0.4", 6_000, "a=sendonly"));
        rig.from(PBX, &hold);
        let toward = rig.to(CARRIER, "INVITE");
        rig.from(
            CARRIER,
            &reply(&toward, 200, "", &sdp("127.0.0.2", 4_000, "a=recvonly")),
        );
        rig.to(PBX, "SIP/2.0 200");
        let ack = new.request("ACK", "");
        rig.from(PBX, &ack);
        let bye = caller.request("BYE", "");
        rig.from(CARRIER, &bye);
        let bye = rig.to(PBX, "BYE");
        assert_eq!(header(&bye, "Call-ID"), "pickup");
        let ended = rig.ended();
        assert_eq!(ended.transfers.len(), 1);
        assert_eq!(&*ended.transfers[0].to, "ext:102@pbx");
        assert_eq!(ended.legs[2].role, Some(Role::Transfer));
        assert_eq!(ended.legs[2].joined_ms, Some(5_000));
        assert_eq!(ended.manager.as_deref(), Some("m101"));
        rig.assert_clean();
    }

    #[test]
    fn who_is_replaced_and_owes_an_ack_hears_its_bye_after_it() {
        for acknowledges in [true, false] {
            let mut rig = rig();
            let (mut caller, mut callee) = rig.up();
            let again = callee.request("INVITE", &sdp("127.0.0.3", 5_000, ""));
            rig.from(PBX, &again);
            let toward = rig.to(CARRIER, "INVITE");
            let answer = sdp("127.0.0.2", 4_000, "");
            rig.from(CARRIER, &reply(&toward, 200, "", &answer));
            rig.to(PBX, "SIP/2.0 200");
            let invite = pickup(&rig, "");
            rig.from(PBX, &invite);
            let ask = rig.to(CARRIER, "INVITE");
            rig.from(CARRIER, &reply(&ask, 200, "", &answer));
            let all = rig.all_to(PBX);
            let byes = |all: &[String]| all.iter().any(|text| begins(text, "BYE"));
            assert!(!byes(&all), "RFC 3261 15: not before its ACK: {all:?}");
            let ok = all.iter().rfind(|text| begins(text, "SIP/2.0 200"));
            let mut new = Peer::caller(&invite, ok.unwrap());
            new.address = PBX;
            let ack = new.request("ACK", "");
            rig.from(PBX, &ack);
            if acknowledges {
                let ack = callee.request("ACK", "");
                rig.from(PBX, &ack);
            } else {
                rig.seconds(33);
            }
            assert!(byes(&rig.all_to(PBX)));
            assert_eq!(rig.board.live().answered, 1);
            let bye = caller.request("BYE", "");
            rig.from(CARRIER, &bye);
            assert_eq!(rig.ended().finish_reason, FinishReason::Completed);
            rig.assert_clean();
        }
    }

    #[test]
    fn its_ports_are_of_the_family_of_its_sound() {
        for (offer, toward) in [
            (sdp("127.0.0.4", 6_000, ""), "127.0.0.1"),
            (
                sdp("2001:db8::4", 6_000, "").replace("IP4", "IP6"),
                "2001:db8::4",
            ),
        ] {
            let mut rig = rig();
            rig.up();
            let old = sdp("127.0.0.4", 6_000, "");
            let invite = pickup(&rig, "");
            let length = |body: &str| format!("Content-Length: {}", body.len());
            let invite = invite
                .replace(&length(&old), &length(&offer))
                .replace(&old, &offer);
            rig.from(PBX, &invite);
            let opened = rig.media.iter().rev().find_map(|wish| {
                if let MediaWish::Open { toward, .. } = wish {
                    Some(*toward)
                } else {
                    None
                }
            });
            assert_eq!(opened, toward.parse().ok());
        }
    }

    #[test]
    fn a_call_is_taken_over_so_often_and_within_the_rate_of_its_trunk() {
        let mut rig = rig();
        rig.up();
        for count in 1..=TRANSFERS_MAX + 1 {
            let invite = pickup(&rig, "");
            let invite = invite.replace("pickup", &format!("pickup{count}"));
            rig.from(PBX, &invite);
            if count > TRANSFERS_MAX {
                rig.to(PBX, "SIP/2.0 603");
            } else {
                let ask = rig.to(CARRIER, "INVITE");
                rig.from(CARRIER, &reply(&ask, 488, "", ""));
                rig.to(PBX, "SIP/2.0 488");
            }
        }
        let mut lines = trunks();
        lines[1].0.transfers = true;
        lines[1].0.calls_per_s = Some(1);
        let mut rig = Rig::with(one_by_one(&["101"]), lines);
        // The call itself was the one of this second.
        rig.up();
        let invite = pickup(&rig, "");
        rig.from(PBX, &invite);
        let refused = rig.to(PBX, "SIP/2.0 503");
        assert_eq!(header(&refused, "Retry-After"), "3");
        rig.seconds(1);
        let invite = invite.replace("pickup", "later");
        rig.from(PBX, &invite);
        rig.to(CARRIER, "INVITE");
    }

    #[test]
    fn a_caller_that_agrees_with_an_answer_of_no_use_hears_what_was_in_force_again() {
        let mut rig = rig();
        let (mut caller, _) = rig.up();
        let invite = pickup(&rig, "");
        rig.from(PBX, &invite);
        let ask = rig.to(CARRIER, "INVITE");
        let silent = sdp("127.0.0.2", 4_000, "").replace("m=audio 4000", "m=audio 0");
        rig.from(CARRIER, &reply(&ask, 200, "", &silent));
        rig.to(PBX, "SIP/2.0 488");
        let all = rig.all_to(CARRIER);
        let back = all.iter().find(|text| begins(text, "INVITE")).unwrap();
        assert!(body(back).contains("m=audio 20002 RTP/AVP 8 101"), "{back}");
        rig.from(CARRIER, &reply(back, 200, "", &sdp("127.0.0.2", 4_000, "")));
        rig.to(CARRIER, "ACK");
        assert_eq!(bridges(&rig), [1]);
        let bye = caller.request("BYE", "");
        rig.from(CARRIER, &bye);
        assert_eq!(tag(&header(&rig.to(PBX, "BYE"), "To")), "callee");
        rig.assert_clean();
    }

    #[test]
    fn what_is_kept_of_a_dialog_says_who_began_it() {
        let mut rig = rig();
        rig.up();
        assert_eq!(
            rig.answered().dialogs.each_ref().map(|one| one.ours),
            [false, true]
        );
        let invite = pickup(&rig, "");
        rig.from(PBX, &invite);
        let ask = rig.to(CARRIER, "INVITE");
        rig.from(CARRIER, &reply(&ask, 200, "", &sdp("127.0.0.2", 4_000, "")));
        let kept = rig.facts.iter().find_map(|fact| {
            if let What::Transferred(told) = &fact.what {
                told.dialog.clone()
            } else {
                None
            }
        });
        let kept = kept.unwrap();
        assert!(!kept.ours, "its party came by itself");
        let line = serde_json::to_string(&kept).unwrap();
        assert_eq!(serde_json::from_str::<KeptDialog>(&line).unwrap(), kept);
        let old = line.replace(",\"ours\":false", "");
        assert!(serde_json::from_str::<KeptDialog>(&old).unwrap().ours);
    }

    #[test]
    fn a_caller_that_cannot_take_it_leaves_the_call_where_it_is() {
        let mut rig = rig();
        let (mut caller, _) = rig.up();
        let invite = pickup(&rig, "");
        rig.from(PBX, &invite);
        let ask = rig.to(CARRIER, "INVITE");
        rig.from(CARRIER, &reply(&ask, 488, "", ""));
        rig.to(PBX, "SIP/2.0 488");
        assert_eq!(bridges(&rig), [1]);
        assert_eq!(rig.board.live().answered, 1);
        let bye = caller.request("BYE", "");
        rig.from(CARRIER, &bye);
        assert_eq!(tag(&header(&rig.to(PBX, "BYE"), "To")), "callee");
        rig.assert_clean();
    }

    #[test]
    fn it_may_be_taken_back_and_the_call_may_end_under_it() {
        for taken_back in [true, false] {
            let mut rig = rig();
            let (mut caller, _) = rig.up();
            let invite = pickup(&rig, "");
            rig.from(PBX, &invite);
            let ask = rig.to(CARRIER, "INVITE");
            if taken_back {
                rig.from(PBX, &cancel(&invite, ""));
                // Nothing was heard of ours yet: its CANCEL waits for a first word (RFC 3261 9.1).
                rig.from(CARRIER, &reply(&ask, 100, "", ""));
                rig.to(CARRIER, "CANCEL");
                rig.from(CARRIER, &reply(&ask, 487, "", ""));
                let lines = rig.lines_to(PBX);
                assert!(
                    lines.iter().any(|line| line.starts_with("SIP/2.0 48")),
                    "{lines:?}"
                );
                assert_eq!(rig.board.live().answered, 1);
            }
            let bye = caller.request("BYE", "");
            rig.from(CARRIER, &bye);
            if !taken_back {
                rig.to(PBX, "SIP/2.0 487");
            }
            rig.assert_clean();
        }
    }

    #[test]
    fn an_acknowledgement_that_never_comes_ends_the_call() {
        let mut rig = rig();
        rig.up();
        let invite = pickup(&rig, "");
        rig.from(PBX, &invite);
        let ask = rig.to(CARRIER, "INVITE");
        rig.from(CARRIER, &reply(&ask, 200, "", &sdp("127.0.0.2", 4_000, "")));
        rig.seconds(33);
        assert_eq!(rig.ended().finish_reason, FinishReason::SignallingLost);
        rig.assert_clean();
    }

    #[test]
    fn who_names_another_dialog_or_may_not_transfer_gets_nothing() {
        for (edit, status) in [
            (("from-tag=callee", "from-tag=wrong"), "SIP/2.0 481"),
            (("to-tag=", "to-tag=x"), "SIP/2.0 481"),
            (
                ("from-tag=callee", "from-tag=callee;early-only"),
                "SIP/2.0 486",
            ),
            (("from-tag=callee", ""), "SIP/2.0 400"),
            (
                (
                    "Replaces: ",
                    "Replaces: a;to-tag=1;from-tag=2\r\nReplaces: ",
                ),
                "SIP/2.0 400",
            ),
        ] {
            let mut rig = rig();
            let (mut caller, _) = rig.up();
            let invite = pickup(&rig, "").replace(edit.0, edit.1);
            rig.from(PBX, &invite);
            rig.to(PBX, status);
            assert_eq!(rig.lines_to(CARRIER), [""; 0]);
            let bye = caller.request("BYE", "");
            rig.from(CARRIER, &bye);
            rig.assert_clean();
        }
        // A trunk that may not; and the carrier, which has no say in who answers.
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.up();
        let invite = pickup(&rig, "");
        rig.from(PBX, &invite);
        rig.to(PBX, "SIP/2.0 603");
        let mut lines = trunks();
        lines[0].0.transfers = true;
        let mut rig = Rig::with(one_by_one(&["101"]), lines);
        rig.up();
        let invite = pickup(&rig, "").replace(PBX, CARRIER);
        rig.from(CARRIER, &invite);
        rig.to(CARRIER, "SIP/2.0 603");
        assert_eq!(rig.board.live().answered, 1);
    }

    #[test]
    fn who_took_the_call_over_sends_it_on_and_the_new_party_has_time_to_answer() {
        let mut rig = rig();
        let (mut caller, _) = rig.up();
        let invite = pickup(&rig, "");
        rig.from(PBX, &invite);
        let ask = rig.to(CARRIER, "INVITE");
        rig.from(CARRIER, &reply(&ask, 200, "", &sdp("127.0.0.2", 4_000, "")));
        let ok = rig.to(PBX, "SIP/2.0 200");
        let mut new = Peer::caller(&invite, &ok);
        new.address = PBX;
        let ack = new.request("ACK", "");
        rig.from(PBX, &ack);
        rig.all_to(PBX);
        let refer = new.request("REFER", "").replacen(
            "Max-Forwards",
            "Refer-To: <sip:103@127.0.0.1:5070>\r\nMax-Forwards",
            1,
        );
        rig.from(PBX, &refer);
        let toward = rig.to(PBX, "INVITE sip:103@");
        rig.from(PBX, &reply(&toward, 180, "third", ""));
        rig.seconds(10);
        rig.from(
            PBX,
            &reply(&toward, 200, "third", &sdp("127.0.0.5", 7_000, "")),
        );
        assert_eq!(bridges(&rig), [1, 2, 3]);
        let bye = caller.request("BYE", "");
        rig.from(CARRIER, &bye);
        rig.assert_clean();
    }

    #[test]
    fn who_took_the_call_over_and_never_acknowledges_may_leave_it_to_another() {
        let mut rig = rig();
        let (mut caller, _) = rig.up();
        let invite = pickup(&rig, "");
        rig.from(PBX, &invite);
        let ask = rig.to(CARRIER, "INVITE");
        rig.from(CARRIER, &reply(&ask, 200, "", &sdp("127.0.0.2", 4_000, "")));
        let ok = rig.to(PBX, "SIP/2.0 200");
        let mut new = Peer::caller(&invite, &ok);
        new.address = PBX;
        let refer = new.request("REFER", "").replacen(
            "Max-Forwards",
            "Refer-To: <sip:103@127.0.0.1:5070>\r\nMax-Forwards",
            1,
        );
        rig.from(PBX, &refer);
        let toward = rig.to(PBX, "INVITE sip:103@");
        let bye = new.request("BYE", "");
        rig.from(PBX, &bye);
        rig.from(
            PBX,
            &reply(&toward, 200, "third", &sdp("127.0.0.5", 7_000, "")),
        );
        rig.seconds(40);
        assert_eq!(bridges(&rig), [1, 2, 3]);
        assert_eq!(rig.board.live().answered, 1);
        let bye = caller.request("BYE", "");
        rig.from(CARRIER, &bye);
        rig.assert_clean();
    }
}
