//! What the endpoint tells, and whose it is: a call's, a farewell's, or nobody's.

use crate::base::time::Moment;
use crate::call::desk::{Note, Wish};
use crate::call::hands::{Answer, Owner, TagOwner};
use crate::call::identity;
use crate::call::machine::Call;
use crate::call::machine::begin::Arrived;
use crate::call::screen;
use crate::call::switchboard::Switchboard;
use crate::sip::endpoint::{ClientKey, Event, Failure, ServerKey};
use crate::sip::message::{Method, Request, Response};
use crate::sip::transport::Path;

/// Ancestors that are looked through for a loop: as many as Max-Forwards allows.
const ANCESTORS_MAX: usize = 70;
/// What Retry-After says while ringtag is being stopped: another server, or this one after its restart.
const DRAINING_RETRY_S: u32 = 30;

impl Switchboard {
    pub(in crate::call) fn event(&mut self, now: Moment, event: Event) {
        match event {
            Event::Request { key, request, path } => self.request(now, key, request, path),
            Event::Cancelled { key, cancel } => {
                if let Some(call) = self.hands.invite_owner(key) {
                    self.with(now, call, |call, hands| {
                        call.cancelled(now, hands, key, &cancel);
                    });
                }
            }
            Event::Acked { key, ack } => match self.hands.invite_owner(key) {
                Some(call) => {
                    self.hands.invite_is_answered(key);
                    self.with(now, call, |call, hands| call.acked(now, hands, key, &ack));
                }
                None => self.hands.release(now, key),
            },
            Event::AckMissing { key } => match self.hands.invite_owner(key) {
                Some(call) => {
                    self.hands.invite_is_answered(key);
                    self.with(now, call, |call, hands| call.ack_missing(now, hands, key));
                }
                None => self.hands.release(now, key),
            },
            Event::Response {
                key,
                response,
                path,
            } => self.response(now, key, &path, &response),
            Event::Failed { key, why } => self.failed(now, key, why),
            Event::Refused { path, status, why } => self.note(&path, status, why),
        }
    }

    fn request(&mut self, now: Moment, key: ServerKey, request: Request, path: Path) {
        let Some(tag) = request.headers().to().tag() else {
            return self.outside(now, key, request, path);
        };
        match self.hands.tag_owner(tag) {
            Some((_, TagOwner::Leg(call, leg))) => self.with(now, call, |call, hands| {
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
            let (answer, why) = screen::other(&request, Answer::capabilities());
            return self.refuse(now, key, &request, &path, (answer, why));
        }
        let offer = match screen::invite(&request) {
            Ok(offer) => offer,
            Err(refusal) => return self.refuse(now, key, &request, &path, refusal),
        };
        let Some(line) = self.hands.trunks.recognise(&path) else {
            let refusal = (Answer::status(403), "not from a trunk");
            return self.refuse(now, key, &request, &path, refusal);
        };
        let trunk = std::sync::Arc::clone(&line.trunk);
        if self.draining {
            let answer = Answer::status(503).retry_after(DRAINING_RETRY_S);
            return self.refuse(
                now,
                key,
                &request,
                &path,
                (answer, "ringtag is being stopped"),
            );
        }
        let identity = identity::read(&request, &trunk, &self.hands.country);
        let parent = request
            .headers()
            .from()
            .tag()
            .and_then(|tag| self.hands.tag_owner(tag))
            .and_then(|(_, owner)| match owner {
                TagOwner::Leg(call, _) => Some(call),
                TagOwner::Waiting(_) | TagOwner::Parting => None,
            });
        if self.loops(parent, identity.dialled) {
            let refusal = (Answer::status(482), "the call comes back to its number");
            return self.refuse(now, key, &request, &path, refusal);
        }
        let call = self.new_key();
        let arrived = Arrived {
            server: key,
            request,
            path,
            trunk,
            offer,
            identity,
            parent,
        };
        let begun = Call::begin(now, &mut self.hands, call, arrived);
        self.calls.insert(call, Box::new(begun));
        self.after(call);
    }

    /// Whether a call that came out of another one of ours dials a number that is already being called (RFC 5393 4.2: the
    /// same goal again is a loop, another goal is a spiral and may go on while Max-Forwards lasts).
    ///
    /// Through proxies our own From tag comes back; a B2BUA on the way hides it, and Max-Forwards alone ends the loop.
    fn loops(
        &self,
        mut parent: Option<crate::call::desk::CallKey>,
        dialled: Option<crate::base::number::Number>,
    ) -> bool {
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
        match owner {
            Some(Owner::Call(call, leg, errand)) => self.with(now, call, |call, hands| {
                call.response(now, hands, (leg, errand), key, (path, response));
            }),
            Some(Owner::Farewell) if is_final => {
                self.hands.farewell_answered(now, key, path, response);
            }
            Some(Owner::Registration(at)) => {
                self.registrar.response(now, at, response, &mut self.hands);
            }
            Some(Owner::Farewell) => {}
            // A target that was given up answered all the same, or another fork of one that answered (13.2.2.4).
            None if (200..300).contains(&response.status())
                && response.headers().cseq().method == Method::Invite =>
            {
                self.hands.decline(now, key, path, response);
            }
            None => {}
        }
    }

    fn failed(&mut self, now: Moment, key: ClientKey, why: Failure) {
        let owner = self.hands.client_owner(key);
        self.hands.disown(key);
        match owner {
            Some(Owner::Call(call, leg, errand)) => self.with(now, call, |call, hands| {
                call.request_failed(now, hands, (leg, errand), key, why);
            }),
            Some(Owner::Farewell) => self.hands.farewell_failed(key),
            Some(Owner::Registration(at)) => self.registrar.failed(now, at, &mut self.hands),
            None => {}
        }
    }

    fn refuse(
        &mut self,
        now: Moment,
        key: ServerKey,
        request: &Request,
        path: &Path,
        refusal: screen::Refusal,
    ) {
        let (answer, why) = refusal;
        let status = answer.status;
        self.hands.reply(now, key, request, answer);
        if status >= 300 {
            self.note(path, status, why);
        }
    }

    fn note(&mut self, path: &Path, status: u16, why: &'static str) {
        let peer = path.peer;
        self.hands
            .wish(Wish::Note(Note::Refused { peer, status, why }));
    }
}
