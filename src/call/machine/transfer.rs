//! A transfer under way (RFC 5589): the new party is called with what the caller and the old one agreed on, and the call moves to
//! it once it has answered. Until then nothing changes, and where it does not answer nothing has changed.
//!
//! Who asked may hang up at once; the caller then waits, and the call ends when nobody is found.

use std::time::Duration;

use crate::base::id::{CallId, LegId};
use crate::base::time::Moment;
use crate::call::desk::{CallKey, MediaWish};
use crate::call::hands::{Answer, Hands};
use crate::call::headers::Why;
use crate::call::machine::attempt::Stage as Trying;
use crate::call::machine::end::End;
use crate::call::machine::{Call, State};
use crate::call::offer_answer::{meets, reaches, session};
use crate::call::story::{
    FinishReason, HungUpBy, Transfer as Told, Transferred, TriedResult, What,
};
use crate::call::timers::Timer;
use crate::sdp::{Session, parse};
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::{ClientKey, ServerKey};
use crate::sip::header::Name;
use crate::sip::message::{Method, Request, Response};
use crate::sip::refer::Event;
use crate::sip::replaces::Replaces;
use crate::sip::write::RequestWriter;

/// A transfer under way.
#[derive(Debug)]
pub(super) struct Transfer {
    /// Who asked for it: an index into the attempts.
    pub(super) by: usize,
    /// Who is called: an index into the attempts.
    pub(super) target: usize,
    /// When it was asked for.
    pub(super) at: Moment,
    /// Under which name it is told how it goes; `None`: the new party came by itself, and nobody is told.
    pub(super) event: Option<Event>,
    pub(super) referrer: Referrer,
    pub(super) stage: Stage,
}

/// Whether who asked is still there.
#[derive(Debug)]
pub(super) enum Referrer {
    /// The caller hears it until the new party is there.
    There,
    /// It hung up. Its subscription outlives the call in its dialog (RFC 5057 4.1).
    Gone(Option<Box<Dialog>>),
}

/// How far a transfer got.
#[derive(Debug)]
pub(super) enum Stage {
    /// The new party is called.
    Calling,
    /// It answered so.
    Ready(Session),
    /// The caller was asked to take its answer as an offer.
    Asking {
        client: ClientKey,
        said: Session,
        tries: u8,
    },
    /// The caller had an offer of its own under way and is asked again.
    Crossed { said: Session, tries: u8 },
    /// The party comes out of another call of ours: it is being taken.
    Taking {
        said: Session,
        answer: Option<Session>,
    },
}

/// What a leg that comes by a transfer brings along.
#[derive(Debug)]
pub(in crate::call) struct Brought {
    /// The offer that it is called with.
    pub(in crate::call) offer: Session,
    /// The dialog whose place it takes, where that is another's.
    pub(in crate::call) replaces: Option<Replaces>,
    /// Who sent the caller there, in the URI that it is known by on the same trunk (RFC 3892).
    pub(in crate::call) referred_by: Option<String>,
    /// The description in its last provisional response, for a 2xx that has none.
    pub(in crate::call) early: Option<Session>,
    /// What came of it.
    pub(in crate::call) outcome: Option<(TriedResult, Option<u16>)>,
    /// Its own INVITE that takes another's place (RFC 3891), until it has a final answer.
    pub(in crate::call) arrived: Option<(ServerKey, Request)>,
    /// The call of ours that has it, until it comes here.
    pub(in crate::call) giver: Option<CallKey>,
    /// That call, for the record.
    pub(in crate::call) joined: Option<CallId>,
    /// Whose ringing it picked up: an index into the attempts.
    pub(in crate::call) in_place_of: Option<usize>,
}

impl Brought {
    /// One that is called with this offer.
    pub(super) const fn with(offer: Session) -> Self {
        Self {
            offer,
            replaces: None,
            referred_by: None,
            early: None,
            outcome: None,
            arrived: None,
            giver: None,
            joined: None,
            in_place_of: None,
        }
    }

    /// Adds what the new party must know of how it is called.
    pub(super) fn introduce(&self, mut invite: RequestWriter) -> RequestWriter {
        if let Some(replaces) = &self.replaces {
            invite = invite
                .header(Name::Require, "replaces")
                .header(Name::Replaces, replaces);
        }
        match &self.referred_by {
            Some(who) => invite.header(Name::ReferredBy, who),
            None => invite,
        }
    }
}

/// How long who asked may take to hang up once it is told that all went well.
const DEPART: Duration = Duration::from_secs(5);

impl Call {
    /// Whether this target is one that a transfer calls.
    pub(super) fn is_transfers(&self, index: usize) -> bool {
        self.transfers_to() == Some(index)
    }

    /// Who is called by the transfer under way: an index into the attempts.
    pub(super) fn transfers_to(&self) -> Option<usize> {
        let State::Up(up) = &self.state else {
            return None;
        };
        up.transfer.as_ref().map(|transfer| transfer.target)
    }

    /// The new party rings: who asked is told.
    pub(super) fn transfer_rings(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        response: &Response,
    ) {
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        let early = session(response.headers(), response.body());
        if let Some(brought) = attempt.brought.as_mut()
            && early.is_some()
        {
            brought.early = early;
        }
        let first = attempt.rang.is_none();
        attempt.rang.get_or_insert(now);
        if first && (180..=183).contains(&response.status()) {
            self.notify(now, hands, response.status());
        }
    }

    /// The new party answers.
    pub(super) fn transfer_answered(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        index: usize,
        client: ClientKey,
        response: &Response,
    ) {
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        let (path, credentials) = (attempt.leg.path, attempt.leg.credentials.clone());
        let said = session(response.headers(), response.body());
        let said = attempt.brought.as_ref().and_then(|brought| {
            let said = said.or_else(|| brought.early.clone())?;
            let reached = reaches(attempt.leg.address(), &said);
            (meets(&brought.offer, &said) && reached).then_some(said)
        });
        let (Some(said), Ok(dialog)) = (said, Dialog::uac(response, &path)) else {
            hands.decline(now, client, &path, response, &credentials);
            let result = TriedResult::CodecMismatch;
            return self.target_failed(now, hands, index, result, Some(response.status()));
        };
        attempt.leg.dialog = Some(dialog);
        attempt.leg.upkeep.agreed(now, response.headers());
        attempt.stage = Trying::Up;
        let leg = attempt.leg.id;
        hands.ack(now, client, &mut attempt.leg, None);
        self.timers.stop(Timer::Unheard(leg));
        self.timers.stop(Timer::Ring(leg));
        if let State::Up(up) = &mut self.state
            && let Some(transfer) = &mut up.transfer
        {
            transfer.stage = Stage::Ready(said);
        }
        self.join_if_ready(now, hands);
    }

    /// What came of the party that was called, once it is out of the game.
    pub(super) fn transfer_over(&mut self, now: Moment, hands: &mut Hands) {
        let Some(target) = self.transfers_to() else {
            return;
        };
        let outcome = self
            .attempts
            .get(target)
            .filter(|one| one.stage == Trying::Over)
            .and_then(|one| one.brought.as_ref()?.outcome);
        if let Some((result, status)) = outcome {
            self.transfer_failed(now, hands, result, status);
        }
    }

    /// The new party could not be had: who asked keeps the call, or it ends where that is gone.
    pub(super) fn transfer_failed(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        result: TriedResult,
        status: Option<u16>,
    ) {
        // A 200 that is of no use is no success to who asked, which would hang up on it.
        let refused = status.filter(|status| *status >= 300);
        let said = refused.unwrap_or_else(|| status_of(result));
        self.notify(now, hands, said);
        let Some(transfer) = self.note_transfer(now, hands, result, status) else {
            return;
        };
        self.refuse_arrived(now, hands, transfer.target, said);
        self.leave_party(now, hands, transfer.target);
        self.drop_party(now, hands, transfer.target);
        match transfer.referrer {
            Referrer::There => self.watch_again(hands),
            Referrer::Gone(_) => self.end(now, hands, End::nobody(result)),
        }
    }

    /// The call ends under a transfer.
    pub(super) fn abandon_transfer(&mut self, now: Moment, hands: &mut Hands) {
        let State::Up(up) = &self.state else { return };
        let Some(transfer) = &up.transfer else { return };
        if let Stage::Asking { client, .. } = &transfer.stage {
            // A caller that said 100 and vanished would leave the INVITE waiting for ever.
            hands.give_up(now, *client, Why::NONE);
        }
        let target = transfer.target;
        self.notify(now, hands, status_of(TriedResult::Cancelled));
        self.note_transfer(now, hands, TriedResult::Cancelled, None);
        self.refuse_arrived(now, hands, target, status_of(TriedResult::Cancelled));
        self.leave_party(now, hands, target);
    }

    /// Takes the transfer and writes down what came of it.
    pub(super) fn note_transfer(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        result: TriedResult,
        status: Option<u16>,
    ) -> Option<Transfer> {
        let State::Up(up) = &mut self.state else {
            return None;
        };
        let transfer = up.transfer.take()?;
        self.timers.stop(Timer::Rejoin);
        let name = |index: usize| {
            let attempt = self.attempts.get(index);
            attempt.map_or_else(String::new, |one| one.target.name.to_string())
        };
        let (by, to) = (name(transfer.by), name(transfer.target));
        let dialog = self
            .attempts
            .get(transfer.target)
            .filter(|_| result == TriedResult::Answered)
            .and_then(|one| Some(hands.keep(&one.leg, one.leg.dialog.as_ref()?)));
        let brought = self.attempts.get(transfer.target);
        let joined = brought.and_then(|one| one.brought.as_ref()?.joined);
        let story = self.story.as_mut()?;
        let told = Told {
            at: story.wall + (transfer.at - self.started),
            by,
            to,
            result,
            sip_status: status,
            joined,
        };
        story.transfers.push(told.clone());
        let transferred = Transferred {
            transfer: told,
            dialog,
        };
        self.tell(now, hands, What::Transferred(Box::new(transferred)));
        Some(*transfer)
    }

    /// Leaves a party that answered and never joined.
    fn drop_party(&mut self, now: Moment, hands: &mut Hands, index: usize) {
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        match (attempt.stage, attempt.leg.dialog.take()) {
            (Trying::Over, _) => return,
            (
                Trying::Reserving | Trying::Calling(_) | Trying::Up | Trying::Leaving,
                Some(dialog),
            ) => {
                hands.part(now, &attempt.leg, dialog, Why::NONE, None);
            }
            (Trying::Reserving | Trying::Calling(_) | Trying::Up | Trying::Leaving, None) => {
                hands.forget_leg(&attempt.leg);
            }
        }
        attempt.stage = Trying::Over;
        hands.close_ports(&mut attempt.leg);
    }

    pub(super) fn watch_again(&self, hands: &mut Hands) {
        if let State::Up(up) = &self.state {
            let watch = MediaWish::Watch {
                caller: self.caller.leg.id,
                on: !up.held,
            };
            Self::media(hands, watch);
        }
    }

    fn is_referrer(&self, leg: LegId) -> bool {
        let State::Up(up) = &self.state else {
            return false;
        };
        let transfer = up.transfer.as_ref();
        transfer
            .and_then(|transfer| self.attempts.get(transfer.by))
            .is_some_and(|by| by.leg.id == leg)
    }

    /// Who asked for the transfer hangs up before it is done: the caller waits. `false`: it is somebody else.
    pub(super) fn referrer_hung_up(&mut self, now: Moment, hands: &mut Hands, leg: LegId) -> bool {
        if !self.is_referrer(leg) {
            return false;
        }
        self.settle_leaver(now, hands);
        let State::Up(up) = &mut self.state else {
            return false;
        };
        let Some(transfer) = &mut up.transfer else {
            return false;
        };
        let Some(attempt) = self.attempts.get_mut(transfer.by) else {
            return false;
        };
        attempt.stage = Trying::Over;
        attempt.leg.part.left = Some(now);
        if let Some(server) = attempt.unacked.take() {
            hands.invite_is_answered(server);
        }
        transfer.referrer = Referrer::Gone(attempt.leg.dialog.take().map(Box::new));
        attempt.leg.upkeep.abandon(now, hands);
        self.timers.stop(Timer::Session(leg));
        hands.forget_leg(&attempt.leg);
        hands.close_ports(&mut attempt.leg);
        // A caller who waits hears nobody, and may be told not to send.
        let watch = MediaWish::Watch {
            caller: self.caller.leg.id,
            on: false,
        };
        Self::media(hands, watch);
        // The new party may have answered while something was open.
        self.join_if_ready(now, hands);
        true
    }

    /// The new party has answered and hangs up before the caller talks to it. `false`: it is somebody else.
    pub(super) fn new_party_hung_up(&mut self, now: Moment, hands: &mut Hands, leg: LegId) -> bool {
        let State::Up(up) = &self.state else {
            return false;
        };
        let Some(transfer) = &up.transfer else {
            return false;
        };
        let Some(attempt) = self.attempts.get_mut(transfer.target) else {
            return false;
        };
        if attempt.leg.id != leg || attempt.stage != Trying::Up {
            return false;
        }
        attempt.stage = Trying::Over;
        attempt.leg.dialog = None;
        attempt.leg.upkeep.abandon(now, hands);
        self.timers.stop(Timer::Session(leg));
        hands.forget_leg(&attempt.leg);
        hands.close_ports(&mut attempt.leg);
        match &transfer.stage {
            // Its final response is awaited: the caller may have agreed already, and that wants an ACK.
            Stage::Asking { client, .. } => hands.cancel(now, *client),
            Stage::Calling | Stage::Ready(_) | Stage::Crossed { .. } | Stage::Taking { .. } => {
                self.new_party_left(now, hands);
            }
        }
        true
    }

    /// Whether the new party has hung up while the caller was asked to take it.
    pub(super) fn is_new_party_gone(&self) -> bool {
        let State::Up(up) = &self.state else {
            return false;
        };
        let transfer = up.transfer.as_ref();
        transfer
            .and_then(|transfer| self.attempts.get(transfer.target))
            .is_some_and(|target| target.stage == Trying::Over)
    }

    /// The caller stays where it is, since the new party has left.
    pub(super) fn new_party_left(&mut self, now: Moment, hands: &mut Hands) {
        self.transfer_failed(now, hands, TriedResult::Rejected, Some(480));
    }

    /// The call has moved on: who asked for it has some seconds to hang up.
    pub(super) fn let_depart(&mut self, now: Moment, hands: &mut Hands, index: usize) {
        let Some(attempt) = self.attempts.get_mut(index) else {
            return;
        };
        if attempt.stage == Trying::Up {
            attempt.stage = Trying::Leaving;
            attempt.leg.part.left = Some(now);
            attempt.leg.upkeep.abandon(now, hands);
            hands.close_ports(&mut attempt.leg);
            self.timers.stop(Timer::Session(attempt.leg.id));
            self.timers.set(Timer::Depart(attempt.leg.id), now + DEPART);
        }
    }

    /// It did not hang up by itself.
    pub(super) fn depart(&mut self, now: Moment, hands: &mut Hands, leg: LegId) {
        let Some(attempt) = self.leaving(leg) else {
            return;
        };
        attempt.stage = Trying::Over;
        let unacked = attempt.unacked.take();
        if let Some(dialog) = attempt.leg.dialog.take() {
            hands.part(now, &attempt.leg, dialog, Why::NONE, unacked);
        }
    }

    /// A request from a party that the call has left: it may hang up, and nothing else. `false`: it is not one.
    pub(super) fn is_from_leaving(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        (server, request): (ServerKey, &Request),
    ) -> bool {
        let Some(attempt) = self.leaving(leg) else {
            return false;
        };
        let status = match request.method() {
            Method::Bye => {
                attempt.stage = Trying::Over;
                attempt.leg.dialog = None;
                if let Some(server) = attempt.unacked.take() {
                    hands.invite_is_answered(server);
                }
                hands.forget_leg(&attempt.leg);
                self.timers.stop(Timer::Depart(leg));
                200
            }
            Method::Options => 200,
            // It has left the conversation; there is no session to change.
            Method::Invite | Method::Update => 488,
            Method::Refer => 603,
            Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Info
            | Method::Prack
            | Method::Notify
            | Method::Subscribe
            | Method::Message
            | Method::Publish
            | Method::Other(_) => 481,
        };
        hands.reply(now, server, request, Answer::status(status));
        true
    }

    fn leaving(&mut self, leg: LegId) -> Option<&mut crate::call::machine::attempt::Attempt> {
        self.attempts
            .iter_mut()
            .find(|one| one.leg.id == leg && one.stage == Trying::Leaving)
    }

    /// What the caller was told by whom it talks to, as it is in force.
    pub(super) fn told_to_caller(&self) -> Option<Session> {
        parse(self.caller.leg.voice.agreed()?).ok()
    }
}

/// What who asked is told where the new party gave no status of its own.
pub(super) const fn status_of(result: TriedResult) -> u16 {
    match result {
        TriedResult::Answered => 200,
        TriedResult::Busy => 486,
        TriedResult::NoAnswer | TriedResult::Redirected => 480,
        TriedResult::Rejected => 603,
        TriedResult::NotAllowed => 403,
        TriedResult::Loop => 482,
        TriedResult::Unreachable | TriedResult::NoCapacity => 503,
        TriedResult::CodecMismatch => 488,
        TriedResult::AnsweredElsewhere | TriedResult::Cancelled => 487,
    }
}

impl End {
    /// Who sent the caller on is gone, and whom it was sent to cannot be had.
    pub(super) const fn nobody(result: TriedResult) -> Self {
        let reason = match result {
            TriedResult::Busy => FinishReason::Busy,
            TriedResult::Rejected | TriedResult::NotAllowed | TriedResult::Loop => {
                FinishReason::Rejected
            }
            TriedResult::CodecMismatch => FinishReason::CodecMismatch,
            TriedResult::NoCapacity => FinishReason::Overload,
            TriedResult::Unreachable => FinishReason::Unreachable,
            TriedResult::NoAnswer
            | TriedResult::Redirected
            | TriedResult::Answered
            | TriedResult::AnsweredElsewhere
            | TriedResult::Cancelled => FinishReason::NoAnswer,
        };
        Self {
            by: HungUpBy::System,
            ..Self::cut(reason)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::base::time::Moment;
    use crate::call::desk::{MediaWish, Told};
    use crate::call::rig::*;
    use crate::call::story::*;

    const GOAL: &str = "Refer-To: <sip:102@127.0.0.1:5070>\r\n";
    const ASKS: &str = "Proxy-Authenticate: Digest realm=\"pbx\", nonce=\"n1\", qop=\"auth\"\r\n";

    fn rig() -> Rig {
        let mut lines = trunks();
        lines[1].0.transfers = true;
        Rig::with(one_by_one(&["101"]), lines)
    }

    fn refer(peer: &mut Peer, goal: &str) -> String {
        let refer = peer.request("REFER", "");
        refer.replacen("Max-Forwards", &format!("{goal}Max-Forwards"), 1)
    }

    /// The REFER is accepted; returns the INVITE that follows.
    #[track_caller]
    fn sent_on(rig: &mut Rig, callee: &mut Peer) -> String {
        let refer = refer(callee, GOAL);
        rig.from(PBX, &refer);
        let all = rig.all_to(PBX);
        let found = |start: &str| all.iter().find(|text| begins(text, start)).cloned();
        let accepted = found("SIP/2.0 202").expect("202");
        assert_eq!(header(&accepted, "Contact"), "<sip:127.0.0.1:5060>");
        let notify = found("NOTIFY").expect("NOTIFY");
        assert_eq!(header(&notify, "Event"), "refer");
        assert!(header(&notify, "Subscription-State").starts_with("active;"));
        assert_eq!(
            header(&notify, "Content-Type"),
            "message/sipfrag;version=2.0"
        );
        assert_eq!(body(&notify), "SIP/2.0 100 Trying\r\n");
        rig.from(PBX, &reply(&notify, 200, "", ""));
        found("INVITE").expect("INVITE")
    }

    /// Reads the last word on the transfer, and answers it.
    #[track_caller]
    fn last_word(rig: &mut Rig, all: &[String], said: &str) {
        let notify = all
            .iter()
            .find(|text| begins(text, "NOTIFY") && body(text).contains(said))
            .unwrap_or_else(|| panic!("no {said} among {all:#?}"));
        assert_eq!(
            header(notify, "Subscription-State"),
            "terminated;reason=noresource"
        );
        rig.from(PBX, &reply(notify, 200, "", ""));
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

    fn turns(rig: &Rig) -> Vec<(u64, Moment)> {
        let turn = |wish: &MediaWish| {
            if let MediaWish::Turn { callee, at, .. } = wish {
                Some((callee.0 & 0xff, *at))
            } else {
                None
            }
        };
        rig.media.iter().filter_map(turn).collect()
    }

    fn transferred(rig: &Rig) -> Vec<(TriedResult, Option<u16>, bool)> {
        let told = |fact: &Fact| {
            if let What::Transferred(told) = &fact.what {
                let transfer = &told.transfer;
                Some((transfer.result, transfer.sip_status, told.dialog.is_some()))
            } else {
                None
            }
        };
        rig.facts.iter().filter_map(told).collect()
    }

    #[test]
    fn the_callee_sends_the_caller_on_and_the_call_moves_to_the_new_party() {
        let mut rig = rig();
        let (mut caller, mut callee) = rig.up();
        let answered = rig.now;
        rig.seconds(10);
        let toward = sent_on(&mut rig, &mut callee);
        assert!(begins(&toward, "INVITE sip:102@127.0.0.1:5070 SIP/2.0"));
        assert!(header(&toward, "From").starts_with("\"Anna\" <sip:+79160000001@127.0.0.1>;tag="));
        assert_eq!(header(&toward, "Max-Forwards"), "70");
        assert_eq!(header(&toward, "Referred-By"), "<sip:101@127.0.0.1:5070>");
        assert!(
            body(&toward).contains("m=audio 20006 RTP/AVP 8 101\r\n"),
            "{toward}"
        );
        rig.from(PBX, &reply(&toward, 180, "new", ""));
        let rings = rig.to(PBX, "NOTIFY");
        assert_eq!(body(&rings), "SIP/2.0 180 Ringing\r\n");
        rig.from(PBX, &reply(&rings, 200, "", ""));
        assert_eq!(
            bridges(&rig),
            [1],
            "the old party is heard until the new one answers"
        );
        rig.seconds(2);
        let answer = sdp("127.0.0.4", 6_000, "");
        rig.from(PBX, &reply(&toward, 200, "new", &answer));
        let all = rig.all_to(PBX);
        assert!(begins(&all[0], "ACK sip:phone@127.0.0.1:5070"), "{all:?}");
        last_word(&mut rig, &all, "SIP/2.0 200 OK");
        assert_eq!(bridges(&rig), [1, 2]);
        assert_eq!(turns(&rig), [(2, rig.now)]);
        assert_eq!(
            rig.lines_to(CARRIER),
            [""; 0],
            "the caller need not be told"
        );
        // Who sent the caller on hangs up; the call goes on.
        let bye = callee.request("BYE", "");
        rig.from(PBX, &bye);
        rig.to(PBX, "SIP/2.0 200");
        rig.seconds(30);
        assert_eq!(rig.board.live().answered, 1);
        let mut new = Peer::callee(&toward, "new");
        let bye = new.request("BYE", "");
        rig.from(PBX, &bye);
        let bye = rig.to(CARRIER, "BYE");
        rig.from(CARRIER, &reply(&bye, 200, "", ""));
        let _unused = caller.request("BYE", "");
        assert_eq!(rig.told(), ["began", "answered", "transferred", "ended"]);
        assert_eq!(
            transferred(&rig),
            [(TriedResult::Answered, Some(200), true)]
        );
        let ended = rig.ended();
        assert_eq!(ended.finish_reason, FinishReason::Completed);
        assert_eq!(ended.hung_up_by, HungUpBy::Callee);
        assert_eq!(ended.manager.as_deref(), Some("m101"), "who answered first");
        assert_eq!(ended.destination.as_deref(), Some("101"));
        assert_eq!(ended.talk_ms, 42_000, "the whole of it");
        assert_eq!(ended.targets_tried.len(), 1);
        let parts: Vec<_> = ended
            .legs
            .iter()
            .map(|leg| (leg.role.unwrap(), leg.joined_ms, leg.left_ms))
            .collect();
        assert_eq!(
            parts,
            [
                (Role::Caller, Some(0), Some(42_000)),
                (Role::Callee, Some(0), Some(12_000)),
                (Role::Transfer, Some(12_000), Some(42_000)),
            ]
        );
        let transfer = &ended.transfers[0];
        assert_eq!(
            (&*transfer.by, &*transfer.to),
            ("ext:101@pbx", "ext:102@pbx")
        );
        assert_eq!(
            transfer.at,
            ended.answered_at.unwrap() + std::time::Duration::from_secs(10)
        );
        assert!(answered < rig.now);
        rig.assert_clean();
    }

    #[test]
    fn who_sent_the_caller_on_and_does_not_hang_up_is_told_to() {
        let mut rig = rig();
        let (mut caller, mut callee) = rig.up();
        let toward = sent_on(&mut rig, &mut callee);
        rig.from(
            PBX,
            &reply(&toward, 200, "new", &sdp("127.0.0.4", 6_000, "")),
        );
        let all = rig.all_to(PBX);
        last_word(&mut rig, &all, "200 OK");
        // It is out of the conversation whatever it asks for.
        let (info, again) = (
            callee.request("INFO", "Signal=5\r\n"),
            callee.request("INVITE", ""),
        );
        rig.from(PBX, &info);
        rig.to(PBX, "SIP/2.0 481");
        rig.from(PBX, &again);
        rig.to(PBX, "SIP/2.0 488");
        rig.seconds(5);
        let bye = rig.to(PBX, "BYE");
        assert_eq!(tag(&header(&bye, "To")), "callee");
        rig.from(PBX, &reply(&bye, 200, "", ""));
        assert_eq!(rig.board.live().answered, 1);
        let bye = caller.request("BYE", "");
        rig.from(CARRIER, &bye);
        assert_eq!(tag(&header(&rig.to(PBX, "BYE"), "To")), "new");
        rig.assert_clean();
    }

    #[test]
    fn who_sent_the_caller_on_may_hang_up_at_once_and_the_caller_waits() {
        let mut rig = rig();
        let (mut caller, mut callee) = rig.up();
        let toward = sent_on(&mut rig, &mut callee);
        let bye = callee.request("BYE", "");
        rig.from(PBX, &bye);
        rig.to(PBX, "SIP/2.0 200");
        assert_eq!(rig.board.live().answered, 1);
        // The caller's keys reach nobody, and silence is no reason to end the call.
        let info = caller.request("INFO", "Signal=5\r\n");
        rig.from(CARRIER, &info);
        rig.to(CARRIER, "SIP/2.0 500");
        let silent = rig.open[0];
        rig.tell(Told::Silent(silent));
        rig.from(PBX, &reply(&toward, 180, "new", ""));
        let rings = rig.to(PBX, "NOTIFY");
        rig.from(PBX, &reply(&rings, 200, "", ""));
        rig.seconds(5);
        rig.from(
            PBX,
            &reply(&toward, 200, "new", &sdp("127.0.0.4", 6_000, "")),
        );
        let all = rig.all_to(PBX);
        // Its subscription outlives its call.
        last_word(&mut rig, &all, "200 OK");
        assert_eq!(bridges(&rig), [1, 2]);
        rig.seconds(20);
        let bye = caller.request("BYE", "");
        rig.from(CARRIER, &bye);
        let all = rig.all_to(PBX);
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!(tag(&header(&all[0], "To")), "new");
        let left: Vec<_> = rig.ended().legs.iter().map(|leg| leg.left_ms).collect();
        assert_eq!(left, [Some(25_000), Some(0), Some(25_000)]);
        rig.assert_clean();
    }

    #[test]
    fn a_busy_new_party_leaves_the_call_where_it_is() {
        let mut rig = rig();
        let (mut caller, mut callee) = rig.up();
        let toward = sent_on(&mut rig, &mut callee);
        rig.from(PBX, &reply(&toward, 486, "new", ""));
        let all = rig.all_to(PBX);
        last_word(&mut rig, &all, "SIP/2.0 486 Busy Here");
        assert_eq!(transferred(&rig), [(TriedResult::Busy, Some(486), false)]);
        assert_eq!(bridges(&rig), [1]);
        // A second attempt is told apart by its number (RFC 3515 2.4.6).
        let again = refer(&mut callee, GOAL);
        rig.from(PBX, &again);
        let all = rig.all_to(PBX);
        let number = header(&again, "CSeq").replace(" REFER", "");
        let notify = all.iter().find(|text| begins(text, "NOTIFY")).unwrap();
        assert_eq!(header(notify, "Event"), format!("refer;id={number}"));
        let toward = all.iter().find(|text| begins(text, "INVITE")).unwrap();
        // Nobody takes it: the ring time of the rule is over.
        rig.from(PBX, &reply(toward, 180, "new", ""));
        rig.seconds(20);
        let all = rig.all_to(PBX);
        assert!(all.iter().any(|text| begins(text, "CANCEL")), "{all:?}");
        last_word(&mut rig, &all, "SIP/2.0 480 ");
        let bye = caller.request("BYE", "");
        rig.from(CARRIER, &bye);
        assert_eq!(tag(&header(&rig.to(PBX, "BYE"), "To")), "callee");
        assert_eq!(rig.ended().transfers.len(), 2);
        assert_eq!(rig.ended().finish_reason, FinishReason::Completed);
        rig.assert_clean();
    }

    #[test]
    fn a_new_party_with_sound_of_another_family_than_its_ports_leaves_the_call_where_it_is() {
        let mut rig = rig();
        let (mut caller, mut callee) = rig.up();
        let toward = sent_on(&mut rig, &mut callee);
        let apart = sdp("2001:db8::4", 6_000, "").replace("IP4", "IP6");
        rig.from(PBX, &reply(&toward, 200, "new", &apart));
        let all = rig.all_to(PBX);
        last_word(&mut rig, &all, "SIP/2.0 488 ");
        let bye = all.iter().find(|text| begins(text, "BYE")).unwrap();
        assert_eq!(tag(&header(bye, "To")), "new");
        assert_eq!(bridges(&rig), [1]);
        assert_eq!(rig.lines_to(CARRIER), [""; 0]);
        let bye = caller.request("BYE", "");
        rig.from(CARRIER, &bye);
        rig.assert_clean();
    }

    #[test]
    fn a_call_whose_callee_left_ends_when_nobody_is_found() {
        for (status, reason) in [
            (486, FinishReason::Busy),
            (603, FinishReason::Rejected),
            (488, FinishReason::CodecMismatch),
            (480, FinishReason::NoAnswer),
        ] {
            let mut rig = rig();
            let (_, mut callee) = rig.up();
            let toward = sent_on(&mut rig, &mut callee);
            let bye = callee.request("BYE", "");
            rig.from(PBX, &bye);
            rig.from(PBX, &reply(&toward, status, "new", ""));
            let bye = rig.to(CARRIER, "BYE");
            rig.from(CARRIER, &reply(&bye, 200, "", ""));
            let ended = rig.ended();
            assert_eq!(ended.finish_reason, reason);
            assert_eq!(ended.hung_up_by, HungUpBy::System);
            assert!(ended.answered && !ended.missed);
            rig.assert_clean();
        }
    }

    #[test]
    fn a_caller_that_was_held_is_taken_back_with_what_the_new_party_said() {
        let mut rig = rig();
        let (mut caller, mut callee) = rig.up();
        let hold = callee.request("INVITE", &sdp("127.0.0.3", 5_000, "a=sendonly"));
        rig.from(PBX, &hold);
        let toward = rig.to(CARRIER, "INVITE");
        rig.from(
            CARRIER,
            &reply(&toward, 200, "", &sdp("127.0.0.2", 4_000, "a=recvonly")),
        );
        rig.to(CARRIER, "ACK");
        let ack = callee.request("ACK", "");
        rig.from(PBX, &ack);
        rig.all_to(PBX);
        let toward = sent_on(&mut rig, &mut callee);
        assert!(
            !body(&toward).contains("only"),
            "the hold is not handed on: {toward}"
        );
        rig.from(
            PBX,
            &reply(&toward, 200, "new", &sdp("127.0.0.4", 6_000, "")),
        );
        let ask = rig.to(CARRIER, "INVITE");
        assert!(!body(&ask).contains("only"), "{ask}");
        assert!(body(&ask).contains("m=audio 20002 "), "{ask}");
        assert_eq!(
            bridges(&rig),
            [1],
            "nothing changes before the caller agrees"
        );
        // The caller's own offer crossed ours: it is asked again.
        rig.from(CARRIER, &reply(&ask, 491, "", ""));
        rig.to(CARRIER, "ACK");
        rig.seconds(2);
        let ask = rig.to(CARRIER, "INVITE");
        rig.from(CARRIER, &reply(&ask, 200, "", &sdp("127.0.0.2", 4_000, "")));
        rig.to(CARRIER, "ACK");
        let all = rig.all_to(PBX);
        last_word(&mut rig, &all, "200 OK");
        assert_eq!(bridges(&rig), [1, 2]);
        let watch = rig.media.iter().rev().find_map(|wish| {
            if let MediaWish::Watch { on, .. } = wish {
                Some(*on)
            } else {
                None
            }
        });
        assert_eq!(watch, Some(true));
        let bye = caller.request("BYE", "");
        rig.from(CARRIER, &bye);
        rig.assert_clean();
    }

    #[test]
    fn a_new_party_with_fewer_codecs_is_told_to_the_caller_and_one_it_cannot_take_is_not_kept() {
        for taken in [true, false] {
            let mut rig = rig();
            let (mut caller, mut callee) = rig.up();
            let toward = sent_on(&mut rig, &mut callee);
            let no_digits = sdp("127.0.0.4", 6_000, "")
                .replace("8 101", "8")
                .replace("a=rtpmap:101 telephone-event/8000\r\n", "");
            rig.from(PBX, &reply(&toward, 200, "new", &no_digits));
            let ask = rig.to(CARRIER, "INVITE");
            assert!(body(&ask).contains("RTP/AVP 8\r\n"), "{ask}");
            let all = if taken {
                let answer = no_digits.replace("127.0.0.4", "127.0.0.2");
                rig.from(CARRIER, &reply(&ask, 200, "", &answer));
                let all = rig.all_to(PBX);
                last_word(&mut rig, &all, "200 OK");
                assert_eq!(bridges(&rig), [1, 2]);
                all
            } else {
                rig.from(CARRIER, &reply(&ask, 488, "", ""));
                let all = rig.all_to(PBX);
                last_word(&mut rig, &all, "SIP/2.0 488 ");
                assert_eq!(bridges(&rig), [1]);
                let bye = all.iter().find(|text| begins(text, "BYE")).unwrap();
                assert_eq!(tag(&header(bye, "To")), "new");
                all
            };
            assert!(!all.is_empty());
            assert_eq!(rig.board.live().answered, 1);
            let bye = caller.request("BYE", "");
            rig.from(CARRIER, &bye);
            rig.assert_clean();
        }
    }

    #[test]
    fn the_caller_hangs_up_while_it_is_sent_on() {
        for answered in [false, true] {
            let mut rig = rig();
            let (mut caller, mut callee) = rig.up();
            let toward = sent_on(&mut rig, &mut callee);
            if answered {
                // The caller is being asked to take it.
                let other = sdp("127.0.0.4", 6_000, "a=sendonly");
                rig.from(PBX, &reply(&toward, 200, "new", &other));
                rig.to(CARRIER, "INVITE");
            } else {
                rig.from(PBX, &reply(&toward, 180, "new", ""));
            }
            rig.all_to(PBX);
            let bye = caller.request("BYE", "");
            rig.from(CARRIER, &bye);
            let all = rig.all_to(PBX);
            last_word(&mut rig, &all, "SIP/2.0 487 ");
            let byes: Vec<_> = all
                .iter()
                .filter(|text| begins(text, "BYE") || begins(text, "CANCEL"))
                .map(|text| text.split(' ').next().unwrap().to_owned())
                .collect();
            match answered {
                true => assert_eq!(byes, ["BYE", "BYE"]),
                false => assert_eq!(byes, ["CANCEL", "BYE"]),
            }
            assert_eq!(rig.ended().hung_up_by, HungUpBy::Caller);
            assert_eq!(transferred(&rig), [(TriedResult::Cancelled, None, false)]);
            rig.assert_clean();
        }
    }

    #[test]
    fn an_operator_and_a_drain_end_a_call_that_is_being_sent_on() {
        for drained in [false, true] {
            let mut rig = rig();
            let (_, mut callee) = rig.up();
            sent_on(&mut rig, &mut callee);
            let id = rig.facts[0].call;
            match drained {
                true => rig.tell(Told::EndAll),
                false => rig.tell(Told::HangUp(id)),
            }
            let reason = match drained {
                true => FinishReason::Shutdown,
                false => FinishReason::HungUpByOperator,
            };
            assert_eq!(rig.ended().finish_reason, reason);
            rig.assert_clean();
        }
    }

    #[test]
    fn only_who_took_the_call_on_a_trunk_that_may_transfer_sends_it_on() {
        let decline = |rig: &mut Rig, peer: &mut Peer, goal: &str, status: &str| {
            let refer = refer(peer, goal);
            rig.from(peer.address, &refer);
            rig.to(peer.address, status);
        };
        let mut rig_of_strangers = Rig::new(one_by_one(&["101"]));
        let (_, mut callee) = rig_of_strangers.up();
        decline(&mut rig_of_strangers, &mut callee, GOAL, "SIP/2.0 603");
        let mut rig = rig();
        let (mut caller, mut callee) = rig.up();
        decline(&mut rig, &mut caller, GOAL, "SIP/2.0 603");
        for (goal, status) in [
            ("", "SIP/2.0 400"),
            ("Refer-To: <sip:102@elsewhere.example>\r\n", "SIP/2.0 603"),
            ("Refer-To: <sip:102@127.0.0.77>\r\n", "SIP/2.0 603"),
            ("Refer-To: <sip:127.0.0.1>\r\n", "SIP/2.0 603"),
            ("Refer-To: <http://evil.example/>\r\n", "SIP/2.0 416"),
            (
                "Refer-To: <sip:102@127.0.0.1?Replaces=x%0d%0aEvil:%20y>\r\n",
                "SIP/2.0 400",
            ),
            (
                "Refer-To: <sip:a%0d%0aEvil:%20y@127.0.0.1>\r\n",
                "SIP/2.0 603",
            ),
        ] {
            decline(&mut rig, &mut callee, goal, status);
        }
        // One at a time.
        sent_on(&mut rig, &mut callee);
        decline(&mut rig, &mut callee, GOAL, "SIP/2.0 500");
        let hold = callee.request("INVITE", &sdp("127.0.0.3", 5_000, "a=sendonly"));
        rig.from(PBX, &hold);
        rig.to(PBX, "SIP/2.0 491");
        let bye = caller.request("BYE", "");
        rig.from(CARRIER, &bye);
        assert_eq!(rig.ended().transfers.len(), 1, "refusals leave no trace");
        rig.assert_clean();
    }

    #[test]
    fn the_new_party_may_be_on_another_trunk_and_its_trunk_may_ask_who_we_are() {
        let mut lines = trunks();
        lines[1].0.transfers = true;
        lines[0].0.username = Some("7495".into());
        lines[0].0.password = Some("secret".into());
        let mut rig = Rig::with(one_by_one(&["101"]), lines);
        let (mut caller, mut callee) = rig.up();
        let refer = refer(
            &mut callee,
            "Refer-To: <sip:+79160000009@127.0.0.1:5066>\r\n",
        );
        rig.from(PBX, &refer);
        let toward = rig.to(CARRIER, "INVITE sip:+79160000009@127.0.0.1:5066");
        assert_eq!(
            header(&toward, "Referred-By"),
            "",
            "a telephone there is nobody's business"
        );
        rig.from(CARRIER, &reply_with(&toward, 407, "x", ASKS, ""));
        let again = rig.to(CARRIER, "INVITE");
        assert!(header(&again, "Proxy-Authorization").contains("nonce=\"n1\""));
        rig.from(
            CARRIER,
            &reply(&again, 200, "new", &sdp("127.0.0.4", 6_000, "")),
        );
        rig.to(CARRIER, "ACK");
        let all = rig.all_to(PBX);
        last_word(&mut rig, &all, "200 OK");
        let bye = caller.request("BYE", "");
        rig.from(CARRIER, &bye);
        assert_eq!(rig.ended().transfers[0].to, "number:+79160000009@carrier");
        rig.assert_clean();
    }

    #[test]
    fn a_dialog_of_others_is_replaced_by_an_invite_that_names_it() {
        let mut rig = rig();
        let (mut caller, mut callee) = rig.up();
        let refer = refer(
            &mut callee,
            "Refer-To: <sip:102@127.0.0.1:5070?Replaces=consult%40pbx%3Bto-tag%3Da%3Bfrom-tag%3Db&X-Evil=1>\r\n",
        );
        rig.from(PBX, &refer);
        let toward = rig.to(PBX, "INVITE sip:102@");
        assert_eq!(
            header(&toward, "Replaces"),
            "consult@pbx;to-tag=a;from-tag=b"
        );
        assert_eq!(header(&toward, "Require"), "replaces");
        assert!(!toward.contains("Evil"));
        let bye = caller.request("BYE", "");
        rig.from(CARRIER, &bye);
        rig.assert_clean();
    }

    #[test]
    fn a_call_is_sent_on_twice_and_held_by_its_last_party() {
        let mut rig = rig();
        let (mut caller, mut callee) = rig.up();
        let toward = sent_on(&mut rig, &mut callee);
        rig.from(
            PBX,
            &reply(&toward, 200, "new", &sdp("127.0.0.4", 6_000, "")),
        );
        rig.all_to(PBX);
        let bye = callee.request("BYE", "");
        rig.from(PBX, &bye);
        let mut second = Peer::callee(&toward, "new");
        let refer = refer(&mut second, "Refer-To: <sip:103@127.0.0.1:5070>\r\n");
        rig.from(PBX, &refer);
        let toward = rig.to(PBX, "INVITE sip:103@");
        rig.from(
            PBX,
            &reply(&toward, 200, "third", &sdp("127.0.0.5", 7_000, "")),
        );
        rig.all_to(PBX);
        assert_eq!(bridges(&rig), [1, 2, 3]);
        let mut third = Peer::callee(&toward, "third");
        let hold = third.request("INVITE", &sdp("127.0.0.5", 7_000, "a=sendonly"));
        rig.from(PBX, &hold);
        let toward = rig.to(CARRIER, "INVITE");
        assert!(body(&toward).contains("a=sendonly\r\n"), "{toward}");
        rig.from(
            CARRIER,
            &reply(&toward, 200, "", &sdp("127.0.0.2", 4_000, "a=recvonly")),
        );
        rig.to(PBX, "SIP/2.0 200");
        let ack = third.request("ACK", "");
        rig.from(PBX, &ack);
        let bye = caller.request("BYE", "");
        rig.from(CARRIER, &bye);
        let roles: Vec<_> = rig
            .ended()
            .legs
            .iter()
            .map(|leg| leg.role.unwrap())
            .collect();
        assert_eq!(
            roles,
            [Role::Caller, Role::Callee, Role::Transfer, Role::Transfer]
        );
        rig.assert_clean();
    }

    #[test]
    fn a_new_party_without_ports_is_not_called() {
        let mut rig = rig();
        let (mut caller, mut callee) = rig.up();
        rig.ports = false;
        let refer = refer(&mut callee, GOAL);
        rig.from(PBX, &refer);
        let all = rig.all_to(PBX);
        last_word(&mut rig, &all, "SIP/2.0 503 ");
        assert_eq!(transferred(&rig), [(TriedResult::NoCapacity, None, false)]);
        let bye = caller.request("BYE", "");
        rig.from(CARRIER, &bye);
        rig.assert_clean();
    }

    #[test]
    fn a_new_party_that_hangs_up_before_the_caller_takes_it_leaves_the_call_where_it_is() {
        for caller_says in [200, 487, 491] {
            let mut rig = rig();
            let (mut caller, mut callee) = rig.up();
            let toward = sent_on(&mut rig, &mut callee);
            let no_digits = sdp("127.0.0.4", 6_000, "")
                .replace("8 101", "8")
                .replace("a=rtpmap:101 telephone-event/8000\r\n", "");
            rig.from(PBX, &reply(&toward, 200, "new", &no_digits));
            let ask = rig.to(CARRIER, "INVITE");
            rig.from(CARRIER, &reply(&ask, 100, "", ""));
            rig.all_to(PBX);
            let mut new = Peer::callee(&toward, "new");
            let bye = new.request("BYE", "");
            rig.from(PBX, &bye);
            rig.to(PBX, "SIP/2.0 200");
            let cancel = rig.to(CARRIER, "CANCEL");
            rig.from(CARRIER, &reply(&cancel, 200, "", ""));
            let answer = no_digits.replace("127.0.0.4", "127.0.0.2");
            let answer = if caller_says == 200 { &*answer } else { "" };
            rig.from(CARRIER, &reply(&ask, caller_says, "", answer));
            rig.to(CARRIER, "ACK");
            let all = rig.all_to(PBX);
            last_word(&mut rig, &all, "SIP/2.0 480 ");
            assert_eq!(
                transferred(&rig),
                [(TriedResult::Rejected, Some(480), false)]
            );
            assert_eq!(bridges(&rig), [1]);
            rig.seconds(60);
            assert_eq!(rig.board.live().answered, 1);
            let bye = caller.request("BYE", "");
            rig.from(CARRIER, &bye);
            assert_eq!(tag(&header(&rig.to(PBX, "BYE"), "To")), "callee");
            assert_eq!(rig.ended().finish_reason, FinishReason::Completed);
            rig.assert_clean();
        }
    }
}
