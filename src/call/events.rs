//! What the endpoint tells, and whose it is: a call's, a farewell's, or nobody's.

use std::sync::Arc;

use crate::base::number::Number;
use crate::base::time::Moment;
use crate::call::desk::CallKey;
use crate::call::door::being_stopped;
use crate::call::hands::{Answer, Owner, TagOwner};
use crate::call::identity;
use crate::call::machine::Call;
use crate::call::machine::begin::Arrived;
use crate::call::screen;
use crate::call::screen::Refusal;
use crate::call::sips;
use crate::call::switchboard::Switchboard;
use crate::call::takeover::Arriving;
use crate::sdp::Session;
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::{ClientKey, Event, ServerKey};
use crate::sip::header::Name;
use crate::sip::message::{Method, Request, Response};
use crate::sip::transport::Path;

/// Ancestors that are looked through for a loop: as many as Max-Forwards allows.
const ANCESTORS_MAX: usize = 70;

impl Switchboard {
    pub(in crate::call) fn event(&mut self, now: Moment, event: Event) {
        match event {
            Event::Request {
                knock,
                request,
                path,
            } => self.knocked(now, knock, request, path),
            Event::Cancelled { key, cancel } => {
                if let Some(call) = self.hands.invite_owner(key) {
                    self.with(call, |call, hands| {
                        call.cancelled(now, hands, key, &cancel);
                    });
                }
            }
            Event::Acked { key, ack } => match self.hands.invite_owner(key) {
                Some(call) => {
                    self.hands.invite_is_answered(key);
                    self.with(call, |call, hands| call.acked(now, hands, key, &ack));
                }
                None => self.hands.release(now, key),
            },
            Event::AckMissing { key } => match self.hands.invite_owner(key) {
                Some(call) => {
                    self.hands.invite_is_answered(key);
                    self.with(call, |call, hands| call.ack_missing(now, hands, key));
                }
                None => self.hands.release(now, key),
            },
            Event::Response {
                key,
                response,
                path,
            } => self.response(now, key, &path, &response),
            Event::Failed { key, why: _ } => self.failed(now, key),
            Event::Refused { path, status, why } => self.note(now, &path, status, why),
        }
    }

    /// A request that was taken.
    pub(in crate::call) fn request(
        &mut self,
        now: Moment,
        key: ServerKey,
        request: Request,
        path: Path,
    ) {
        let Some(tag) = request.headers().to().tag() else {
            return self.outside(now, key, request, path);
        };
        match self.hands.tag_owner(tag) {
            Some((_, TagOwner::Leg(call, leg))) => self.with(call, |call, hands| {
                call.request(now, hands, leg, (key, request, path));
            }),
            // Both hang up at once: it has not heard ours yet.
            Some((tag, owner)) if *request.method() == Method::Bye => {
                self.hands.reply(now, key, &request, Answer::status(200));
                if let TagOwner::Waiting(server) = owner {
                    self.hands.drop_waiting(server, tag);
                }
            }
            Some(_) | None => {
                self.hands.reply(now, key, &request, Answer::status(481));
            }
        }
    }

    /// A request outside of any dialog.
    fn outside(&mut self, now: Moment, key: ServerKey, request: Request, path: Path) {
        if *request.method() != Method::Invite {
            let (answer, why) = match self.draining && *request.method() == Method::Options {
                // 11.2: the answer to OPTIONS is what an INVITE would get.
                true => being_stopped(),
                false => screen::other(&request, Answer::capabilities()),
            };
            return self.refuse(now, key, &request, &path, (answer, why));
        }
        match self.hands.gatekeep(now, &request, &path) {
            Ok(true) => self.befriend(now, path.peer),
            Ok(false) => {}
            Err(refusal) => return self.refuse(now, key, &request, &path, refusal),
        }
        let mut screened = self.screen(&request, &path);
        let trunks = &self.hands.trunks;
        let registered = trunks.registered(request.uri(), &path);
        let is_contact = registered.is_some();
        let Some(line) = registered.or_else(|| trunks.recognise(&path)) else {
            let stranger = (Answer::status(403), "not from a trunk");
            let refusal = screened.err().unwrap_or(stranger);
            return self.refuse(now, key, &request, &path, refusal);
        };
        let trunk = Arc::clone(&line.trunk);
        screened = screened.and_then(|offer| screen::opened(offer, trunk.srtp));
        if screened.is_ok() && self.draining {
            screened = Err(being_stopped());
        }
        if request.headers().has(Name::Replaces) {
            let arriving = Arriving {
                server: key,
                path,
                trunk,
                screened,
            };
            return self.replace(now, request, arriving);
        }
        let identity = identity::read(&request, &trunk, is_contact, self.hands.numbers());
        if self
            .hands
            .hunts_numbers(now, &request, &path, &trunk, &identity)
            && screened.is_ok()
        {
            let why = "its caller dials too many different numbers";
            screened = Err((Answer::status(403), why));
        }
        let parent = self.came_out_of(&request);
        if screened.is_ok() && self.loops(parent, identity.dialled) {
            screened = Err((Answer::status(482), "the call comes back to its number"));
        }
        // A step of the negotiation, as a challenge is: the call follows, and has the record.
        if screened.is_ok()
            && let Some(answer) = Answer::to_short_session(&self.hands, &request)
        {
            return self.hands.reply(now, key, &request, answer);
        }
        let call = self.new_key();
        let arrived = Arrived {
            server: key,
            request,
            path,
            trunk,
            screened,
            identity,
            parent,
        };
        let begun = Call::begin(now, &mut self.hands, call, arrived);
        self.calls.insert(call, Box::new(begun));
        self.after(call);
    }

    /// The SDP of an INVITE, `None` for a late offer; or what speaks against it, whoever sent it.
    fn screen(&self, request: &Request, path: &Path) -> Result<Option<Session>, Refusal> {
        let offer = screen::invite(request)?;
        // A caller that could never be sent a BYE is not let in.
        if Dialog::check_uas(request).is_err() {
            let why = "a Contact or Record-Route that leads nowhere";
            return Err((Answer::status(400), why));
        }
        match sips::refusal(&self.hands, request, path) {
            Some(refusal) => Err(refusal),
            None => Ok(offer),
        }
    }

    /// The call of ours that an INVITE came out of, by way of a trunk.
    fn came_out_of(&self, request: &Request) -> Option<CallKey> {
        let (_, owner) = self.hands.tag_owner(request.headers().from().tag()?)?;
        match owner {
            TagOwner::Leg(call, _) => Some(call),
            TagOwner::Waiting(_) | TagOwner::Parting => None,
        }
    }

    /// Whether a call that came out of another one of ours dials a number that is already being called (RFC 5393 4.2: the
    /// same goal again is a loop, another goal is a spiral and may go on while Max-Forwards lasts).
    ///
    /// Through proxies our own From tag comes back; a B2BUA on the way hides it, and Max-Forwards alone ends the loop.
    fn loops(&self, mut parent: Option<CallKey>, dialled: Option<Number>) -> bool {
        for _ in 0..ANCESTORS_MAX {
            let Some(call) = parent.and_then(|key| self.calls.get(&key)) else {
                return false;
            };
            if call.dialled() == dialled {
                return true;
            }
            parent = call.parent();
        }
        true
    }

    fn response(&mut self, now: Moment, key: ClientKey, path: &Path, response: &Response) {
        let owner = self.hands.client_owner(key);
        let is_final = response.status() >= 200;
        if is_final {
            self.hands.disown(key);
        }
        if owner.is_some() {
            self.befriend(now, path.peer);
        }
        match owner {
            Some(Owner::Call(call, leg, errand)) => self.with(call, |call, hands| {
                call.response(now, hands, (leg, errand), key, (path, response));
            }),
            Some(Owner::Farewell) if is_final => {
                self.hands.farewell_answered(now, key, path, response);
            }
            Some(Owner::Registration(at)) => {
                self.registrar.response(now, at, response, &mut self.hands);
            }
            Some(Owner::Health) => {
                self.health.response(now, key, response, &mut self.hands);
            }
            Some(Owner::Farewell) => {}
            // A target that was given up answered all the same, or another fork of one that answered (13.2.2.4).
            None if (200..300).contains(&response.status())
                && response.headers().cseq().method == Method::Invite =>
            {
                self.hands.decline(now, key, path, response, &[]);
            }
            None => {}
        }
    }

    fn failed(&mut self, now: Moment, key: ClientKey) {
        let owner = self.hands.client_owner(key);
        self.hands.disown(key);
        match owner {
            Some(Owner::Call(call, leg, errand)) => self.with(call, |call, hands| {
                call.request_failed(now, hands, (leg, errand), key);
            }),
            Some(Owner::Farewell) => self.hands.farewell_failed(key),
            Some(Owner::Health) => self.health.failed(now, key, &mut self.hands),
            Some(Owner::Registration(at)) => self.registrar.failed(now, at, &mut self.hands),
            None => {}
        }
    }

    pub(in crate::call) fn refuse(
        &mut self,
        now: Moment,
        key: ServerKey,
        request: &Request,
        path: &Path,
        refusal: Refusal,
    ) {
        let (answer, why) = refusal;
        let status = answer.status;
        self.hands.reply(now, key, request, answer);
        // Whoever is asked for a proof has done nothing wrong yet.
        if status >= 300 && status != 401 {
            self.note(now, path, status, why);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use crate::call::desk::{Note, Told};
    use crate::call::rig::*;
    use crate::call::story::*;
    use crate::call::trunks::Trunks;

    #[test]
    fn a_stranger_is_refused_alike_for_every_number() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        for (number, branch) in [(NUMBER, "z9hG4bKa"), ("+74950000009", "z9hG4bKb")] {
            let text = invite(number, &sdp("127.0.0.2", 4_000, ""));
            rig.from("127.0.0.66:5060", &text.replace("z9hG4bKin", branch));
            // Its Via asks for no other port than its own (RFC 3261 18.2.2).
            let refused = rig.to("127.0.0.66:5066", "SIP/2.0 403");
            assert_eq!(header(&refused, "Server"), "ringtag");
        }
        assert!(rig.questions.is_empty());
        assert!(matches!(rig.notes[0], Note::Refused { status: 403, .. }));
        rig.assert_clean();
    }

    #[test]
    fn a_call_that_comes_back_to_its_number_is_a_loop() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.dial();
        let toward = rig.to(PBX, "INVITE");
        // The PBX, a proxy, sends 101 to the virtual number again.
        let back = toward
            .replace(
                "INVITE sip:101@127.0.0.1:5070",
                "INVITE sip:+74950000001@127.0.0.1",
            )
            .replacen(
                "Via: ",
                "Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKback\r\nVia: ",
                1,
            );
        rig.from(PBX, &back);
        rig.to(PBX, "SIP/2.0 482");
        assert_eq!(rig.ended().finish_reason, FinishReason::BadRequest);
        // To another number it is a spiral, which Max-Forwards bounds.
        let other = back
            .replace("+74950000001@", "+74950000002@")
            .replace("bKback", "bKother");
        rig.from(PBX, &other);
        rig.to(PBX, "SIP/2.0 404");
    }

    #[test]
    fn a_call_that_has_gone_too_far_is_483() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let text = invite(NUMBER, &sdp("127.0.0.2", 4_000, ""));
        rig.from(
            CARRIER,
            &text.replace("Max-Forwards: 70", "Max-Forwards: 0"),
        );
        rig.to(CARRIER, "SIP/2.0 483");
        assert!(rig.questions.is_empty());
    }

    #[test]
    fn draining_refuses_new_calls_and_ends_the_old_ones_in_time() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.up();
        let until = rig.now + Duration::from_secs(30);
        rig.tell(Told::Drain { until });
        let second = invite(NUMBER, &sdp("127.0.0.2", 4_002, ""));
        rig.from(
            CARRIER,
            &second.replace("incoming", "two").replace("bKin", "bKtwo"),
        );
        let refused = rig.to(CARRIER, "SIP/2.0 503");
        assert_ne!(header(&refused, "Retry-After"), "");
        let ended = rig.ended();
        assert_eq!(ended.finish_reason, FinishReason::Shutdown);
        assert_eq!((ended.missed, ended.sip_status), (true, Some(503)));
        rig.facts.clear();
        rig.seconds(29);
        assert_eq!(rig.board.live().answered, 1);
        rig.seconds(1);
        assert_eq!(rig.ended().finish_reason, FinishReason::Shutdown);
        rig.assert_clean();
    }

    #[test]
    fn options_say_while_draining_what_an_invite_would_hear() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let until = rig.now + Duration::from_secs(30);
        rig.tell(Told::Drain { until });
        let options = invite(NUMBER, "").replace("INVITE", "OPTIONS");
        rig.from(CARRIER, &options);
        let refused = rig.to(CARRIER, "SIP/2.0 503");
        assert_eq!(header(&refused, "Retry-After"), "30");
        rig.assert_clean();
    }

    #[test]
    fn a_ghost_of_a_crash_gets_a_bye_on_both_sides() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.up();
        let dialogs = rig.answered().dialogs.clone();
        let mut after = Rig::new(one_by_one(&["101"]));
        after.tell(Told::Ghost(Box::new(dialogs)));
        let to_caller = after.to(CARRIER, "BYE sip:anna@127.0.0.1:5066 SIP/2.0");
        assert_eq!(header(&to_caller, "Call-ID"), "incoming");
        assert_eq!(tag(&header(&to_caller, "To")), "from");
        let to_callee = after.to(PBX, "BYE sip:phone@127.0.0.1:5070 SIP/2.0");
        assert_eq!(tag(&header(&to_callee, "To")), "callee");
        after.from(CARRIER, &reply(&to_caller, 200, "", ""));
        after.from(PBX, &reply(&to_callee, 481, "", ""));
        let statuses: Vec<u16> = after
            .notes
            .iter()
            .filter_map(|note| {
                if let Note::Ghost { status, .. } = note {
                    Some(*status)
                } else {
                    None
                }
            })
            .collect();
        assert_eq!(statuses, [200, 481]);
        after.assert_clean();
    }

    #[test]
    fn nothing_is_registered_again_once_ringtag_is_being_stopped() {
        let mut lines = trunks();
        lines[0].0.register = true;
        lines[0].0.username = Some("7495".into());
        lines[0].0.password = Some("secret".into());
        let mut rig = Rig::with(one_by_one(&["101"]), lines.clone());
        rig.pass(Duration::from_millis(1));
        let register = rig.to(CARRIER, "REGISTER");
        let more = "Expires: 3600\r\n";
        rig.from(CARRIER, &reply_with(&register, 200, "reg", more, ""));
        let until = rig.now + Duration::from_secs(600);
        rig.tell(Told::Drain { until });
        let last = rig.to(CARRIER, "REGISTER");
        let gone = "Expires: 0\r\n";
        rig.from(CARRIER, &reply_with(&last, 200, "reg", gone, ""));
        // The same trunks with fresh addresses, and a reload that changes the secret.
        rig.board
            .set_trunks(rig.now, Arc::new(Trunks::new(lines.clone())));
        lines[0].0.password = Some("another".into());
        rig.board.set_trunks(rig.now, Arc::new(Trunks::new(lines)));
        rig.seconds(300);
        assert_eq!(rig.lines_to(CARRIER), [""; 0]);
        rig.assert_clean();
    }

    #[test]
    fn a_registration_is_kept_and_taken_back_at_the_end() {
        let mut lines = trunks();
        lines[0].0.register = true;
        lines[0].0.username = Some("7495".into());
        lines[0].0.password = Some("secret".into());
        let mut rig = Rig::with(one_by_one(&["101"]), lines);
        rig.pass(Duration::from_millis(1));
        let register = rig.to(CARRIER, "REGISTER sip:127.0.0.1:5066 SIP/2.0");
        assert!(
            header(&register, "Contact").contains("@127.0.0.1:5060"),
            "{register}"
        );
        let more = "Expires: 3600\r\n";
        rig.from(CARRIER, &reply_with(&register, 200, "reg", more, ""));
        assert!(matches!(rig.notes[0], Note::Registration { up: true, .. }));
        let mut waited = 0;
        let again = loop {
            rig.seconds(1);
            waited += 1;
            assert!(waited < 3_600, "not refreshed in time");
            if let Some(again) = rig.all_to(CARRIER).pop() {
                break again;
            }
        };
        assert!(waited > 2_600, "refreshed after {waited} s");
        rig.from(CARRIER, &reply_with(&again, 200, "reg", more, ""));
        rig.tell(Told::EndAll);
        let last = rig.to(CARRIER, "REGISTER");
        assert!(!rig.board.is_idle());
        rig.from(
            CARRIER,
            &reply_with(&last, 200, "reg", "Expires: 0\r\n", ""),
        );
        rig.assert_clean();
    }
}
