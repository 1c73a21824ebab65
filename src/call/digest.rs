//! Which challenges are answered: those of the trunk that was dialled, from its own addresses, once for each nonce.

use std::net::IpAddr;

use crate::base::chance::Chance;
use crate::call::trunks::Line;
use crate::sip::auth::{Challenge, Credentials, Round};
use crate::sip::header::Name;
use crate::sip::message::{Method, Response};

/// What was answered in one exchange, so that a wrong secret is not sent for ever.
#[derive(Debug, Default)]
pub(in crate::call) struct Answered {
    nonce: Option<Box<str>>,
    times: u8,
}

/// Challenges answered for one request: the first, and two stale nonces of a proxy that restarted meanwhile.
const TIMES_MAX: u8 = 3;

impl Answered {
    /// Writes the headers that answer `response`; `None`: the secret stays here.
    ///
    /// `parties` are who asked and where the answer goes: a peer may route a request elsewhere, and nobody but the trunk
    /// itself may learn even a hash of the secret.
    pub(in crate::call) fn answer(
        &mut self,
        line: &Line,
        parties: [IpAddr; 2],
        response: &Response,
        request: (&Method, &str),
        chance: &mut Chance,
    ) -> Option<Vec<(Name, String)>> {
        let who = Credentials {
            username: line.trunk.username.as_deref()?.to_owned(),
            password: line.trunk.password.as_deref()?.to_owned(),
        };
        let trunk_alone = parties.iter().all(|ip| line.leads_to(*ip));
        if !trunk_alone || self.times >= TIMES_MAX {
            return None;
        }
        let challenges = Challenge::all(response.headers());
        let (_, first) = challenges.first()?;
        if self.nonce.as_deref() == Some(first.nonce()) && !first.is_stale() {
            return None;
        }
        self.nonce = Some(first.nonce().into());
        self.times += 1;
        let (method, uri) = request;
        let cnonce = chance.token().to_string();
        let round = Round {
            count: 1,
            cnonce: &cnonce,
        };
        let answer = |(name, challenge): &(Name, Challenge)| {
            (*name, challenge.answer(&who, method, uri, round))
        };
        Some(challenges.iter().map(answer).collect())
    }
}
