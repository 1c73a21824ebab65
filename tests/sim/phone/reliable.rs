//! Reliable provisional responses of a simulated phone (RFC 3262): acknowledged by a caller, repeated by a callee.

use std::time::Duration;

use ringtag::base::time::Moment;

use crate::phone::{GIVE_UP, Phone, Reliable, State, T1};
use crate::text::{body, branch, cseq, header, in_brackets, lists, reply_with, tag};

/// A dialog of a caller that has no final response.
#[derive(Clone, Debug)]
pub(super) struct Early {
    pub(super) remote: String,
    pub(super) target: String,
    /// The last RSeq that came.
    rseq: u32,
    /// Offer and answer are through.
    pub(super) agreed: bool,
}

/// A reliable response that waits for its PRACK.
pub(super) struct Unpracked {
    text: String,
    rack: String,
    /// It holds an offer.
    offers: bool,
    pub(super) has_sdp: bool,
    again: Moment,
    wait: Duration,
    until: Moment,
}

impl Unpracked {
    pub(super) fn next(&self) -> Moment {
        self.again.min(self.until)
    }
}

impl Phone {
    // ---- a caller ---------------------------------------------------------------------------------------------

    /// A provisional response that asks to be acknowledged.
    pub(super) fn heard_reliably(&mut self, now: Moment, invite: &str, text: &str) {
        if !lists(text, "Require", "100rel") {
            return;
        }
        if self.habits.reliable == Reliable::Off {
            self.broken = Some("a response asks for PRACK where nobody knows it".to_owned());
        }
        let remote = header(text, "To").to_owned();
        let key = tag(&remote).to_owned();
        let rseq: u32 = header(text, "RSeq").parse().unwrap_or(0);
        let known = self.earlies.get(&key).map(|early| early.rseq);
        if known.is_some_and(|last| rseq != last + 1) {
            return;
        }
        let target = in_brackets(header(text, "Contact")).to_owned();
        let agreed = self.earlies.get(&key).is_some_and(|early| early.agreed);
        let late = body(invite).is_empty();
        let says = !body(text).is_empty();
        if late && !agreed && !says {
            self.broken = Some("the first reliable response has no offer".to_owned());
        }
        let content = match (says && !agreed, late) {
            (true, true) => self.answer_to(body(text)),
            (true, false) if self.habits.offers_in_prack => self.sdp("sendrecv"),
            (_, _) => String::new(),
        };
        let early = Early {
            remote,
            target,
            rseq,
            agreed: agreed || says,
        };
        self.earlies.insert(key, early.clone());
        let (number, _) = cseq(text);
        let rack = format!("RAck: {rseq} {number} INVITE\r\n");
        self.request_in(now, "PRACK", &content, Some(&early), &rack);
    }

    // ---- a callee ---------------------------------------------------------------------------------------------

    /// Whether what it says before the answer is said reliably.
    pub(super) fn says_reliably(&self, invite: &str) -> bool {
        let asked = lists(invite, "Supported", "100rel") || lists(invite, "Require", "100rel");
        asked && self.habits.reliable != Reliable::Off
    }

    /// `false`: the one before is not acknowledged yet.
    pub(super) fn say_reliably(
        &mut self,
        now: Moment,
        invite: &str,
        status: u16,
        with_sdp: bool,
    ) -> bool {
        if self.unpracked.is_some() {
            return false;
        }
        let late = body(invite).is_empty();
        // RFC 3261 13.2.1: the offer is in the first reliable response.
        let says = !self.agreed && (late || with_sdp);
        let content = match (says, late) {
            (false, _) => String::new(),
            (true, true) => self.sdp("sendrecv"),
            (true, false) => self.answer_to(body(invite)),
        };
        self.rseq += 1;
        let (rseq, number) = (self.rseq, cseq(invite).0);
        let more = format!(
            "{}Require: 100rel\r\nRSeq: {rseq}\r\n",
            self.habits.headers(false)
        );
        let text = reply_with(
            invite,
            status,
            tag(&self.local),
            &self.contact(),
            &more,
            &content,
        );
        self.absorbed
            .insert(format!("{} INVITE", branch(invite)), text.clone());
        self.sent.push(text.clone());
        self.unpracked = Some(Unpracked {
            text,
            rack: format!("{rseq} {number} INVITE"),
            offers: says && late,
            has_sdp: says,
            again: now + T1,
            wait: T1,
            until: now + GIVE_UP,
        });
        true
    }

    pub(super) fn repeat_unpracked(&mut self, now: Moment) {
        let Some(one) = &mut self.unpracked else {
            return;
        };
        if one.until <= now {
            self.in_vain.push("a reliable response".to_owned());
            self.unpracked = None;
            if let Some(invite) = self.invite.take() {
                self.state = State::Over("nobody acknowledged its ringing");
                self.refuse(now, &invite, 504, "");
            }
        } else if one.again <= now {
            one.wait *= 2;
            one.again = now + one.wait;
            self.sent.push(one.text.clone());
        }
    }

    pub(super) fn pracked(&mut self, key: &str, text: &str) {
        let rack = header(text, "RAck");
        let Some(one) = self.unpracked.take_if(|one| one.rack == rack) else {
            return self.respond(key, text, 481, "", "");
        };
        let content = body(text);
        if one.offers && content.is_empty() {
            self.broken = Some("a PRACK does not answer the offer".to_owned());
        }
        self.agreed |= one.has_sdp;
        let answer = match (one.offers, content) {
            (true, _) | (_, "") => String::new(),
            (false, offer) => self.answer_to(offer),
        };
        self.respond(key, text, 200, "", &answer);
    }
}
