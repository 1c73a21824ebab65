//! The laws of RFC 3261, 3262 and 3264 that show on the wire at the switchboard's own door, whatever a phone makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ringtag::base::time::Moment;

use crate::text::{body, branch, cseq, first_line, header, lists, method, status, tag};

/// By then a transaction without an answer is over, and what it offered with it.
const OVER: Duration = Duration::from_secs(32);
/// A reliable response waits no longer for its PRACK: 64 * T1, and what is told to the other side after it.
const PRACK_TIME: Duration = Duration::from_secs(40);

/// Call-ID, our tag, the peer's.
type Dialog = (String, String, String);
/// Call-ID and the number of an INVITE.
type Invite = (String, u32);

/// A reliable response of ours.
struct Said {
    rseq: u32,
    at: Moment,
    is_acknowledged: bool,
}

/// Reads along.
#[derive(Default)]
pub(crate) struct Watch {
    seen: BTreeSet<String>,
    /// The last number of ours in each dialog; with an empty tag of the peer's, of what began it.
    numbers: BTreeMap<Dialog, u32>,
    /// Offers of ours that have no answer, by the request that holds them.
    ours: BTreeMap<Dialog, BTreeMap<(u32, String), Moment>>,
    /// Offers of the peer's that we have not answered.
    theirs: BTreeMap<Dialog, BTreeMap<(u32, String), Moment>>,
    /// What began with an offer of ours, by Call-ID and our tag.
    began_with_offer: BTreeSet<(String, String)>,
    /// Dialogs in which that was answered.
    answered: BTreeSet<Dialog>,
    /// INVITEs of ours to which nothing came yet, and when each was sent first.
    silent: BTreeMap<Invite, Moment>,
    /// INVITEs of ours that went by a connection.
    on_streams: BTreeSet<Invite>,
    said: BTreeMap<(Invite, String), Said>,
    /// The last RSeq of the peer in each early dialog, and those that we have not acknowledged.
    heard: BTreeMap<(Invite, String), u32>,
    owed: BTreeMap<(Invite, String, u32), Moment>,
    /// INVITEs that have a final response, or a CANCEL.
    over: BTreeMap<Invite, Moment>,
    pub(crate) broken: Option<String>,
}

impl Watch {
    /// Something of ours goes out.
    pub(crate) fn sent(&mut self, now: Moment, text: &str) {
        match status(text) {
            Some(status) => self.we_respond(now, text, status),
            None => self.we_ask(now, text),
        }
    }

    /// Something of a peer's comes in.
    pub(crate) fn came(&mut self, now: Moment, text: &str) {
        match status(text) {
            Some(status) => self.they_respond(now, text, status),
            None => self.they_ask(now, text),
        }
    }

    /// A connection broke: requests on it may have failed without a word.
    pub(crate) fn connection_broke(&mut self, now: Moment) {
        self.ours.clear();
        for (id, number) in std::mem::take(&mut self.on_streams) {
            self.is_over(now, &id, number);
        }
    }

    /// What holds when everything is over.
    pub(crate) fn finish(&mut self) {
        if let Some(((_, peer, rseq), _)) = self.owed.first_key_value() {
            self.breaks(&format!("RSeq {rseq} of {peer} was never acknowledged"));
        }
        let late = self.said.iter().find(|((invite, _), said)| {
            let over = self.over.get(invite);
            !said.is_acknowledged && over.is_none_or(|over| *over > said.at + PRACK_TIME)
        });
        if let Some((key, _)) = late {
            let what = format!("{key:?} was not acknowledged, and its INVITE not refused");
            self.breaks(&what);
        }
    }

    fn breaks(&mut self, how: &str) {
        self.broken.get_or_insert_with(|| how.to_owned());
    }

    fn we_ask(&mut self, now: Moment, text: &str) {
        let (id, number) = (header(text, "Call-ID").to_owned(), cseq(text).0);
        let own = tag(header(text, "From")).to_owned();
        let peer = tag(header(text, "To")).to_owned();
        let dialog = (id.clone(), own.clone(), peer.clone());
        let is_new = self
            .seen
            .insert(format!("{} {}", branch(text), method(text)));
        match method(text) {
            "ACK" => {
                if let Some(offers) = self.theirs.get_mut(&dialog) {
                    offers.remove(&(number, "2xx".to_owned()));
                }
                return;
            }
            "CANCEL" => return self.is_over(now, &id, number),
            _request if !is_new => return,
            _new => {}
        }
        if method(text) == "INVITE" {
            self.silent.insert((id.clone(), number), now);
        }
        if method(text) == "INVITE" && header(text, "Via").starts_with("SIP/2.0/TCP") {
            self.on_streams.insert((id.clone(), number));
        }
        let first = (id.clone(), own.clone(), String::new());
        let last = self
            .numbers
            .get(&dialog)
            .or_else(|| self.numbers.get(&first));
        if last.is_some_and(|last| *last >= number) {
            self.breaks(&format!("CSeq does not rise: {text}"));
        }
        self.numbers.insert(dialog.clone(), number);
        if method(text) == "BYE" {
            self.owed
                .retain(|((of, _), tag, _), _| (&**of, &**tag) != (&id, &peer));
        }
        if method(text) == "PRACK" {
            let mut rack = header(text, "RAck").split(' ');
            let rseq = rack.next().and_then(|word| word.parse().ok()).unwrap_or(0);
            let invite = rack.next().and_then(|word| word.parse().ok()).unwrap_or(0);
            self.owed
                .remove(&((id.clone(), invite), peer.clone(), rseq));
        }
        let key = (id, own);
        if body(text).is_empty() || header(text, "Content-Type") != "application/sdp" {
            return;
        }
        if peer.is_empty() {
            self.began_with_offer.insert(key);
            return;
        }
        // A PRACK answers, where the INVITE offered nothing and nothing was answered before.
        if method(text) == "PRACK"
            && !self.began_with_offer.contains(&key)
            && self.answered.insert(dialog.clone())
        {
            return;
        }
        let waits = |offers: &BTreeMap<Dialog, BTreeMap<(u32, String), Moment>>| {
            let offers = offers.get(&dialog);
            offers.is_some_and(|offers| offers.values().any(|at| now - *at < OVER))
        };
        let unanswered = self.began_with_offer.contains(&key) && !self.answered.contains(&dialog);
        if waits(&self.ours) || waits(&self.theirs) || unanswered {
            let ours = self.ours.get(&dialog);
            let theirs = self.theirs.get(&dialog);
            let what = first_line(text);
            self.breaks(&format!(
                "an offer while another waits (ours {ours:?}, theirs {theirs:?}, first {unanswered}): {what} [{}]",
                header(text, "CSeq")
            ));
        }
        let offers = self.ours.entry(dialog).or_default();
        offers.insert((number, method(text).to_owned()), now);
    }

    fn they_respond(&mut self, now: Moment, text: &str, status: u16) {
        let (number, of) = cseq(text);
        let id = header(text, "Call-ID").to_owned();
        let own = tag(header(text, "From")).to_owned();
        let peer = tag(header(text, "To")).to_owned();
        let dialog = (id.clone(), own.clone(), peer.clone());
        let says = !body(text).is_empty();
        let invite = (id.clone(), number);
        let is_late = of == "INVITE" && self.came_too_late(now, &invite);
        if status >= 200 {
            if let Some(offers) = self.ours.get_mut(&dialog) {
                offers.remove(&(number, of.to_owned()));
            }
            if of == "INVITE" {
                self.is_over(now, &id, number);
                self.answered.insert(dialog);
            }
            return;
        }
        if of != "INVITE" || !lists(text, "Require", "100rel") {
            return;
        }
        // Whatever became of its connection, the peer has answered.
        if says && self.began_with_offer.contains(&(id, own)) {
            self.answered.insert(dialog);
        }
        if is_late || self.over.contains_key(&invite) {
            return;
        }
        let rseq: u32 = header(text, "RSeq").parse().unwrap_or(0);
        let last = self.heard.get(&(invite.clone(), peer.clone()));
        if last.is_some_and(|last| rseq != last + 1) {
            return;
        }
        self.heard.insert((invite.clone(), peer.clone()), rseq);
        self.owed.insert((invite, peer, rseq), now);
    }

    /// Nothing came to an INVITE of ours in its time, and nobody waits for this.
    fn came_too_late(&mut self, now: Moment, invite: &Invite) -> bool {
        let since = self.silent.remove(invite);
        let is_late = since.is_some_and(|since| now - since >= OVER);
        if is_late {
            self.over.insert(invite.clone(), now);
        }
        is_late
    }

    fn is_over(&mut self, now: Moment, id: &str, number: u32) {
        let invite = (id.to_owned(), number);
        self.over.entry(invite.clone()).or_insert(now);
        let (over, owed) = std::mem::take(&mut self.owed)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|((of, _, _), _)| *of == invite);
        self.owed = owed;
        for ((_, peer, rseq), since) in over {
            if now - since > PRACK_TIME {
                self.breaks(&format!("RSeq {rseq} of {peer} waited too long"));
            }
        }
    }

    fn they_ask(&mut self, now: Moment, text: &str) {
        let (id, number) = (header(text, "Call-ID").to_owned(), cseq(text).0);
        let own = tag(header(text, "To")).to_owned();
        let peer = tag(header(text, "From")).to_owned();
        let dialog = (id.clone(), own.clone(), peer);
        if method(text) == "ACK" {
            if let Some(offers) = self.ours.get_mut(&dialog) {
                offers.remove(&(number, "2xx".to_owned()));
            }
            return;
        }
        if !self
            .seen
            .insert(format!("{} {}", branch(text), method(text)))
        {
            return;
        }
        if method(text) == "PRACK" {
            let rack = header(text, "RAck");
            let mut words = rack.split(' ');
            let rseq = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
            let invite = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
            let said = self.said.get_mut(&((id, invite), own));
            if let Some(said) = said.filter(|said| said.rseq == rseq) {
                said.is_acknowledged = true;
            }
        }
        let within = !dialog.1.is_empty() && matches!(method(text), "INVITE" | "UPDATE");
        if within && !body(text).is_empty() {
            let offers = self.theirs.entry(dialog).or_default();
            offers.insert((number, method(text).to_owned()), now);
        }
    }

    fn we_respond(&mut self, now: Moment, text: &str, status: u16) {
        let (number, of) = cseq(text);
        let id = header(text, "Call-ID").to_owned();
        let own = tag(header(text, "To")).to_owned();
        let peer = tag(header(text, "From")).to_owned();
        let dialog = (id.clone(), own.clone(), peer);
        let invite = (id, number);
        if status >= 200 {
            if let Some(offers) = self.theirs.get_mut(&dialog) {
                offers.remove(&(number, of.to_owned()));
            }
            if of == "INVITE" {
                self.over.entry(invite).or_insert(now);
            }
            return;
        }
        if !lists(text, "Require", "100rel") {
            return;
        }
        let rseq: u32 = header(text, "RSeq").parse().unwrap_or(0);
        let key = (invite, own);
        let before = self
            .said
            .get(&key)
            .map(|said| (said.rseq, said.is_acknowledged));
        match before {
            Some((last, _)) if last == rseq => return,
            Some((last, acknowledged)) if rseq != last + 1 || !acknowledged => {
                self.breaks(&format!(
                    "RSeq {rseq} after {last}, acknowledged: {acknowledged}"
                ));
            }
            Some(_) | None => {}
        }
        let said = Said {
            rseq,
            at: now,
            is_acknowledged: false,
        };
        self.said.insert(key, said);
    }
}
