//! INFO within an answered call (RFC 6086): digits that a telephone sends this way reach the other side.

use crate::base::id::{LegId, Side};
use crate::base::time::Moment;
use crate::call::digest::Answered;
use crate::call::hands::{Answer, Hands, Owner};
use crate::call::machine::{Call, Errand, State};
use crate::call::speak::repeat;
use crate::sip::endpoint::{ClientKey, ServerKey};
use crate::sip::header::Name;
use crate::sip::message::{Method, Request, Response};

/// An INFO that waits for the other side's answer.
#[derive(Debug)]
pub(super) struct Relayed {
    client: ClientKey,
    /// Whose answer it waits for.
    to: Side,
    kind: &'static str,
    server: ServerKey,
    request: Request,
    /// The challenges of its trunk that were answered.
    proven: Answered,
}

/// What an INFO may carry across.
const DIGITS: [&str; 2] = ["application/dtmf-relay", "application/dtmf"];
/// INFOs on their way at once. A quick hand presses six keys a second.
const RELAYED_MAX: usize = 16;
/// The longest body: `Signal=5` and `Duration=160` with room.
const BODY_MAX: usize = 256;

impl Call {
    /// Passes an INFO to the other side.
    pub(super) fn inform(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        leg: LegId,
        server: ServerKey,
        request: Request,
    ) {
        // An empty INFO is a question whether we are there.
        if request.body().is_empty() {
            return hands.reply(now, server, &request, Answer::status(200));
        }
        let kind = DIGITS
            .into_iter()
            .find(|kind| request.headers().is_content(kind))
            .filter(|_| request.body().len() <= BODY_MAX);
        let Some(kind) = kind else {
            let answer = Answer::status(415).header(Name::Accept, DIGITS.join(", "));
            return hands.reply(now, server, &request, answer);
        };
        let busy = match &self.state {
            State::Up(up) => {
                up.relayed.len() >= RELAYED_MAX || up.late.is_some() || up.transfer.is_some()
            }
            State::Asking { .. } | State::Hunting(_) | State::Ending(_) | State::Over => true,
        };
        if busy {
            let answer = Answer::status(500).retry_after(1);
            return hands.reply(now, server, &request, answer);
        }
        let to = self.side(leg).other();
        let sent = self.send_info(now, hands, to, (kind, request.body()), &[]);
        match (sent, &mut self.state) {
            (Some(client), State::Up(up)) => up.relayed.push(Relayed {
                client,
                to,
                kind,
                server,
                request,
                proven: Answered::default(),
            }),
            _no_dialog => hands.reply(now, server, &request, Answer::status(481)),
        }
    }

    fn send_info(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        to: Side,
        (kind, body): (&'static str, &[u8]),
        credentials: &[(Name, String)],
    ) -> Option<ClientKey> {
        let key = self.key;
        let leg = self.leg_on(to)?;
        let owner = Owner::Call(key, leg.id, Errand::Inform);
        hands.within(now, leg, &Method::Info, owner, |info| {
            repeat(info, credentials).body(kind, body)
        })
    }

    /// The other side's answer goes back; a challenge does not, its secret is between us and the trunk.
    pub(super) fn inform_response(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        client: ClientKey,
        response: &Response,
    ) {
        match response.status() {
            ..=199 => {}
            401 | 407 => self.inform_challenged(now, hands, client, response),
            status => self.answer_info(now, hands, client, status),
        }
    }

    /// The trunk asks who we are: once more with the answer.
    fn inform_challenged(
        &mut self,
        now: Moment,
        hands: &mut Hands,
        client: ClientKey,
        response: &Response,
    ) {
        let Some(mut info) = self.take_relayed(client) else {
            return;
        };
        let credentials = self
            .leg_on(info.to)
            .and_then(|leg| hands.prove(leg, &mut info.proven, &Method::Info, response));
        let sent = credentials.and_then(|credentials| {
            let content = (info.kind, &**info.request.body());
            self.send_info(now, hands, info.to, content, &credentials)
        });
        match (sent, &mut self.state) {
            (Some(client), State::Up(up)) => up.relayed.push(Relayed { client, ..info }),
            _unproven => hands.reply(now, info.server, &info.request, Answer::status(403)),
        }
    }

    /// The other side did not answer.
    pub(super) fn inform_failed(&mut self, now: Moment, hands: &mut Hands, client: ClientKey) {
        self.answer_info(now, hands, client, 408);
    }

    fn answer_info(&mut self, now: Moment, hands: &mut Hands, client: ClientKey, status: u16) {
        if let Some(done) = self.take_relayed(client) {
            hands.reply(now, done.server, &done.request, Answer::status(status));
        }
    }

    fn take_relayed(&mut self, client: ClientKey) -> Option<Relayed> {
        let State::Up(up) = &mut self.state else {
            return None;
        };
        let at = up.relayed.iter().position(|one| one.client == client)?;
        Some(up.relayed.swap_remove(at))
    }
}

impl Relayed {
    /// The call ends under it.
    pub(super) fn abandon(self, now: Moment, hands: &mut Hands) {
        hands.disown(self.client);
        hands.reply(now, self.server, &self.request, Answer::status(481));
    }
}

#[cfg(test)]
mod tests {
    use crate::call::rig::*;

    #[test]
    fn digits_in_info_reach_the_other_side_and_its_answer_comes_back() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (mut caller, _) = rig.up();
        rig.says(&mut caller, "INFO", "Signal=5\r\nDuration=160\r\n");
        let toward = rig.to(PBX, "INFO");
        assert_eq!(body(&toward), "Signal=5\r\nDuration=160\r\n");
        assert_eq!(header(&toward, "Content-Type"), "application/dtmf-relay");
        assert_eq!(rig.lines_to(CARRIER), [""; 0]);
        rig.from(PBX, &reply(&toward, 200, "", ""));
        rig.to(CARRIER, "SIP/2.0 200");
        rig.says(&mut caller, "BYE", "");
        rig.assert_clean();
    }

    #[test]
    fn other_bodies_are_415_and_an_empty_one_is_200() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (mut caller, _) = rig.up();
        let info = caller
            .request("INFO", "<xml/>")
            .replace("dtmf-relay", "xml");
        rig.from(CARRIER, &info);
        let refused = rig.to(CARRIER, "SIP/2.0 415");
        assert_eq!(
            header(&refused, "Accept"),
            "application/dtmf-relay, application/dtmf"
        );
        rig.says(&mut caller, "INFO", "");
        rig.to(CARRIER, "SIP/2.0 200");
    }

    #[test]
    fn an_info_that_is_on_its_way_when_the_call_ends_is_answered() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (mut caller, mut callee) = rig.up();
        let (info, bye) = (
            caller.request("INFO", "Signal=5\r\n"),
            callee.request("BYE", ""),
        );
        rig.from(CARRIER, &info);
        rig.from(PBX, &bye);
        let lines = rig.lines_to(CARRIER);
        assert!(
            lines.iter().any(|line| line.starts_with("SIP/2.0 481")),
            "{lines:?}"
        );
        rig.assert_clean();
    }
}
