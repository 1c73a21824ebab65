//! The door: who is heard, whose requests are taken, and how strangers are answered.
//!
//! A request is taken when it comes from a trunk, or names a dialog or a registration of ours, which nobody else knows. A
//! stranger's is answered without a transaction, under a tag that is the same for each of its repetitions (RFC 3261 8.2.7):
//! a scanner leaves nothing behind, and what it hears depends on no number.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::base::time::Moment;
use crate::call::desk::{Note, Wish};
use crate::call::guard::{self, Dropped};
use crate::call::hands::Answer;
use crate::call::screen;
use crate::call::switchboard::Switchboard;
use crate::sip::endpoint::Knock;
use crate::sip::message::{Method, Request};
use crate::sip::transport::{FlowId, Path};

/// What Retry-After says while ringtag is being stopped: another server, or this one after its restart.
const DRAINING_RETRY_S: u32 = 30;

impl Switchboard {
    /// Whether `bytes` bytes that came from `peer` shall be read at all. Asked by the shell before anything else is done with
    /// them.
    pub fn hears(&mut self, now: Moment, peer: SocketAddr, bytes: usize) -> bool {
        let of_trunk = self.hands.trunks.has_host(peer.ip());
        let heard = self.guard.hears(now, peer, bytes, of_trunk);
        self.spread_news();
        heard
    }

    /// The same for what came on a connection; one that is not known any more is not heard.
    pub fn hears_on(&mut self, now: Moment, flow: FlowId, bytes: usize) -> bool {
        let peer = self.hands.sip.peer_of(flow);
        peer.is_some_and(|peer| self.hears(now, peer, bytes))
    }

    /// Takes other settings of `[guard]`.
    pub fn set_guard(&mut self, settings: guard::Settings) {
        self.guard.set(settings);
        self.hands.half_open.set(settings);
        self.hands.fan_out.set(settings);
    }

    /// How many sources are banned now, and what was not heard so far.
    pub fn guarded(&self) -> (usize, Dropped) {
        (self.guard.banned(), self.guard.dropped())
    }

    /// How many calls nobody has answered yet.
    pub fn half_open(&self) -> usize {
        self.hands.half_open.len()
    }

    /// Takes a request that belongs to no transaction, or answers a stranger's.
    pub(in crate::call) fn knocked(
        &mut self,
        now: Moment,
        knock: Knock,
        request: Request,
        path: Path,
    ) {
        let tag = request.headers().to().tag();
        let in_dialog = tag.is_some_and(|tag| self.hands.tag_owner(tag).is_some());
        let trunks = &self.hands.trunks;
        let known = in_dialog
            || trunks.registered(request.uri(), &path).is_some()
            || trunks.recognise(&path).is_some();
        if !known {
            return self.answer_stranger(now, knock, &request, &path);
        }
        if in_dialog {
            self.befriend(now, path.peer);
        }
        if let Some(key) = self.hands.sip.take(now, knock, &request, path) {
            self.request(now, key, request, path);
        }
    }

    /// Whoever knows a tag or a branch of ours takes part in a call, from whatever address.
    pub(in crate::call) fn befriend(&mut self, now: Moment, peer: SocketAddr) {
        if !self.hands.trunks.has_host(peer.ip()) {
            self.guard.befriend(now, peer);
        }
    }

    /// Counts and tells a refusal.
    pub(in crate::call) fn note(
        &mut self,
        now: Moment,
        path: &Path,
        status: u16,
        why: &'static str,
    ) {
        let peer = path.peer;
        let of_trunk = self.hands.trunks.has_host(peer.ip());
        self.guard.refused(now, peer, of_trunk);
        self.tell_refused(peer, status, why);
        self.spread_news();
    }

    /// Passes on what the guard has to tell.
    pub(in crate::call) fn spread_news(&mut self) {
        while let Some(news) = self.guard.poll() {
            self.hands.wish(Wish::Note(Note::Guard(news)));
        }
    }

    fn answer_stranger(&mut self, now: Moment, knock: Knock, request: &Request, path: &Path) {
        let claims_dialog = request.headers().to().tag().is_some();
        let (answer, why) = match (claims_dialog, request.method()) {
            (true, _) => (Answer::status(481), "no such call"),
            (false, Method::Options) if self.draining => being_stopped(),
            (false, Method::Invite) => {
                let stranger = (Answer::status(403), "not from a trunk");
                screen::invite(request).err().unwrap_or(stranger)
            }
            (false, _) => screen::other(request, Answer::capabilities()),
        };
        let status = answer.status;
        let tag = self.hands.sip.tag_of(knock);
        let agent = Arc::clone(&self.hands.user_agent);
        let bytes = answer.write(request, tag, &agent);
        self.hands.sip.answer_once(now, path, request, bytes);
        match status {
            ..300 => {}
            // A phone whose call we forgot in a restart claims it in good faith: that bans nobody.
            _ if claims_dialog => self.tell_refused(path.peer, status, why),
            _ => self.note(now, path, status, why),
        }
    }

    fn tell_refused(&mut self, peer: SocketAddr, status: u16, why: &'static str) {
        self.hands
            .wish(Wish::Note(Note::Refused { peer, status, why }));
    }
}

/// What is said of anything new while ringtag is being stopped.
pub(in crate::call) fn being_stopped() -> screen::Refusal {
    let answer = Answer::status(503).retry_after(DRAINING_RETRY_S);
    (answer, "ringtag is being stopped")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::call::desk::Note;
    use crate::call::guard::News;
    use crate::call::rig::*;

    const STRANGER: &str = "127.0.0.66:5066";

    fn request(method: &str, number: &str, n: usize) -> String {
        invite(number, "")
            .replace("INVITE", method)
            .replace("bKin", &format!("bK{n}"))
            .replace("incoming", &format!("scan{n}"))
    }

    fn hears(rig: &mut Rig) -> bool {
        rig.board.hears(rig.now, STRANGER.parse().unwrap(), 400)
    }

    #[test]
    fn a_stranger_leaves_nothing_behind_whatever_it_asks_and_is_answered_alike_each_time() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let methods = [
            "INVITE",
            "OPTIONS",
            "REGISTER",
            "SUBSCRIBE",
            "MESSAGE",
            "BYE",
            "DANCE",
            "UPDATE",
            "PRACK",
            "REFER",
            "NOTIFY",
            "INFO",
            "PUBLISH",
        ];
        for (n, method) in methods.into_iter().enumerate() {
            let text = request(method, NUMBER, n);
            rig.from(STRANGER, &text);
            let first = rig.all_to(STRANGER);
            assert_eq!(first.len(), 1, "{method}: no 100, one answer");
            assert_ne!(tag(&header(&first[0], "To")), "");
            rig.from(STRANGER, &text);
            assert_eq!(rig.all_to(STRANGER), first, "{method}");
            let ack = text.replace(method, "ACK");
            let cancel = text.replace(method, "CANCEL");
            rig.from(STRANGER, &ack);
            assert_eq!(rig.all_to(STRANGER), [""; 0], "{method}");
            rig.from(STRANGER, &cancel);
            assert_eq!(rig.lines_to(STRANGER).len(), 1);
            assert_eq!(rig.board.transactions(), (0, 0), "{method}");
            let within = text.replace("To: <sip:", "To: <sip:x@y>;tag=none\r\nX: <sip:");
            rig.from(STRANGER, &within);
            rig.to(STRANGER, "SIP/2.0 481");
        }
        assert_eq!(rig.board.transactions(), (0, 0));
        assert_eq!(rig.board.kept(), [0; 5]);
        assert!(rig.questions.is_empty());
        rig.seconds(1);
        rig.assert_clean();
    }

    /// What a stranger hears, without what it wrote itself.
    fn answer(rig: &mut Rig, method: &str, number: &str, n: usize) -> String {
        rig.from(STRANGER, &request(method, number, n));
        let answer = rig.all_to(STRANGER).concat();
        let tag = tag(&header(&answer, "To")).to_owned();
        answer
            .replace(number, "NUMBER")
            .replace(&tag, "TAG")
            .replace(&format!("bK{n}"), "BRANCH")
            .replace(&format!("scan{n}"), "CALL")
    }

    #[test]
    fn a_stranger_hears_the_same_of_a_number_of_ours_and_of_every_other() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        for method in ["INVITE", "OPTIONS", "REGISTER", "SUBSCRIBE", "MESSAGE"] {
            let ours = answer(&mut rig, method, NUMBER, 100);
            for (n, other) in ["+74950000999", "101", "m101", "pbx", "desk"]
                .into_iter()
                .enumerate()
            {
                assert_eq!(answer(&mut rig, method, other, 101 + n), ours, "{method}");
            }
        }
        rig.assert_clean();
    }

    #[test]
    fn a_stranger_that_is_refused_too_often_is_not_heard_until_its_ban_ends() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        for n in 0..19 {
            rig.from(STRANGER, &request("INVITE", NUMBER, n));
        }
        assert!(hears(&mut rig));
        rig.from(STRANGER, &request("REGISTER", NUMBER, 19));
        assert!(!hears(&mut rig));
        assert_eq!(rig.board.guarded().0, 1);
        rig.pass(Duration::from_secs(601));
        let bans: Vec<_> = rig
            .notes
            .iter()
            .filter(|note| matches!(note, Note::Guard(_)))
            .collect();
        assert!(
            matches!(
                bans[..],
                [
                    Note::Guard(News::Banned { .. }),
                    Note::Guard(News::Ended { dropped: 1, .. })
                ]
            ),
            "{bans:?}"
        );
        assert!(hears(&mut rig));
        rig.assert_clean();
    }

    #[test]
    fn a_trunk_is_refused_as_often_as_it_likes() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        for n in 0..100 {
            rig.from(CARRIER, &request("SUBSCRIBE", NUMBER, n));
        }
        assert!(rig.board.hears(rig.now, CARRIER.parse().unwrap(), 400));
        assert_eq!(rig.board.guarded().0, 0);
    }

    #[test]
    fn phones_whose_calls_a_restart_forgot_are_not_banned_for_their_byes() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        for n in 0..100 {
            let bye = request("BYE", NUMBER, n);
            rig.from(
                STRANGER,
                &bye.replace("\r\nCall-ID", ";tag=gone\r\nCall-ID"),
            );
            rig.to(STRANGER, "SIP/2.0 481");
        }
        assert!(hears(&mut rig));
        assert_eq!(rig.notes.len(), 100, "each is told all the same");
    }

    #[test]
    fn who_takes_part_in_a_call_is_a_stranger_no_more() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (mut caller, _) = rig.up();
        let before = (0..200).filter(|_| hears(&mut rig)).count();
        assert!(before < 200);
        let info = caller.request("INFO", "");
        rig.from(STRANGER, &info);
        let after = (0..200).filter(|_| hears(&mut rig)).count();
        assert_eq!(after, 200);
        let (ack, bye) = (caller.request("ACK", ""), caller.request("BYE", ""));
        rig.from(CARRIER, &ack);
        rig.from(STRANGER, &bye);
    }

    #[test]
    fn calls_that_nobody_answers_take_their_share_and_no_more() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.board.set_guard(crate::call::guard::Settings {
            half_open_max: 3,
            half_open_per_source_max: 2,
            ..Default::default()
        });
        let call = |n: usize| {
            invite(NUMBER, &sdp("127.0.0.2", 4_000, ""))
                .replace("bKin", &format!("bK{n}"))
                .replace("incoming", &format!("call{n}"))
        };
        for n in 0..2 {
            rig.from(CARRIER, &call(n));
        }
        assert_eq!(rig.board.half_open(), 2);
        rig.all_to(CARRIER);
        rig.from(CARRIER, &call(2));
        let refused = rig.to(CARRIER, "SIP/2.0 503");
        assert_ne!(header(&refused, "Retry-After"), "");
        assert_eq!(rig.board.half_open(), 2);
        // One is answered: there is room again.
        let toward = rig.all_to(PBX);
        rig.from(
            PBX,
            &reply(&toward[0], 200, "callee", &sdp("127.0.0.3", 5_000, "")),
        );
        rig.all_to(CARRIER);
        assert_eq!(rig.board.half_open(), 1);
        rig.from(CARRIER, &call(3));
        assert_eq!(rig.board.half_open(), 2);
        // Another is given up.
        let cancel = call(1).replace("INVITE", "CANCEL");
        rig.from(CARRIER, &cancel);
        assert_eq!(rig.board.half_open(), 1);
    }
}
