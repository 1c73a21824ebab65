//! Digest as a server: challenges, and whether what answers them proves that a peer knows the secret (RFC 7616 and 8760 in
//! SIP, RFC 3261 section 22).
//!
//! A nonce is its time and a keyed hash of it and of who asked, so that nothing is kept for those that only ask. Of those
//! that proved themselves the highest count of each nonce is kept, and no proof is taken twice.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::base::chance::Chance;
use crate::base::time::Moment;
use crate::sip::auth::{Algorithm, Proof};
use crate::sip::header::Name;
use crate::sip::message::Request;
use crate::sip::uri::Uri;

/// What our challenges call us.
pub const REALM: &str = "ringtag";

/// How long a nonce may be used: a peer that calls all the time asks for a new one this often.
const NONCE_LIFE: Duration = Duration::from_secs(300);

/// Nonces whose counts are kept. When there are more, the oldest are taken for too old: their peers ask once more.
const NONCES_MAX: usize = 4_096;

/// The strongest first: a client takes the first that it knows (RFC 8760 2.4).
const OFFERED: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Md5];

/// HMAC with SHA-256 takes a key of one block, a shorter one with zeros behind it (RFC 2104 section 2).
const KEY: usize = 64;

/// Bytes of chance in the key: no more than the hash gives would make it stronger (section 3).
const KEY_CHANCE: usize = 32;

/// Makes nonces and checks proofs.
pub struct Gate {
    sealer: Hmac<Sha256>,
    /// The nonces that were used, with the highest count of each. A nonce begins with its time: the oldest is the first.
    used: BTreeMap<Box<str>, u32>,
    /// Nonces made before are too old: some of them were forgotten.
    oldest: Moment,
}

/// Who may pass.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    /// The user.
    pub username: &'a str,
    /// The secret.
    pub password: &'a str,
}

/// What a request proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// That its sender knows the secret.
    Proven,
    /// Nothing yet: it is asked.
    Unproven,
    /// That its sender knows the secret, by a nonce that is too old or was used so often before: it is asked again.
    Stale,
    /// That its sender does not know it.
    Wrong,
}

impl Gate {
    /// Starts with a key of its own.
    pub fn new(chance: &mut Chance) -> Self {
        let mut key = [0; KEY];
        if let Some((filled, _zeros)) = key.split_at_mut_checked(KEY_CHANCE) {
            chance.fill(filled);
        }
        Self {
            sealer: Hmac::new(&key.into()),
            used: BTreeMap::new(),
            oldest: Moment::START,
        }
    }

    /// The values of two WWW-Authenticate for `source`.
    pub fn challenges(&self, now: Moment, source: IpAddr, stale: bool) -> [String; 2] {
        let nonce = self.nonce(now, source);
        let stale = if stale { ", stale=true" } else { "" };
        OFFERED.map(|algorithm| {
            format!(
                "Digest realm=\"{REALM}\", nonce=\"{nonce}\", algorithm={}, qop=\"auth\"{stale}",
                algorithm.word()
            )
        })
    }

    /// Checks the Authorization of a request from `source`.
    pub fn check(
        &mut self,
        now: Moment,
        source: IpAddr,
        who: Expected<'_>,
        request: &Request,
    ) -> Verdict {
        let lines = request.headers().lines(Name::Authorization);
        let ours = |proof: &Proof| proof.realm == REALM;
        let Some(proof) = lines.filter_map(Proof::parse).find(ours) else {
            return Verdict::Unproven;
        };
        let offered = OFFERED.contains(&proof.algorithm);
        if !offered || proof.username != who.username || !is_for(&proof.uri, request.uri()) {
            return Verdict::Wrong;
        }
        let wanted = proof.wanted(who.password, request.method().as_str());
        if !is_same(wanted.as_bytes(), proof.response.as_bytes()) {
            return Verdict::Wrong;
        }
        match self.made(&proof.nonce, source) {
            Some(made) if now - made < NONCE_LIFE && made >= self.oldest => {
                match self.use_once(now, &proof.nonce, proof.count) {
                    true => Verdict::Proven,
                    false => Verdict::Stale,
                }
            }
            Some(_) | None => Verdict::Stale,
        }
    }

    /// Takes a count of a nonce; `false`: it was taken before.
    fn use_once(&mut self, now: Moment, nonce: &str, count: u32) -> bool {
        if let Some(highest) = self.used.get_mut(nonce) {
            let is_new = count > *highest;
            *highest = count.max(*highest);
            return is_new;
        }
        while let Some(first) = self.used.first_entry() {
            let made = time_of(first.key()).unwrap_or_default();
            let is_over = now - made >= NONCE_LIFE;
            if !is_over && self.used.len() < NONCES_MAX {
                break;
            }
            self.used.pop_first();
            self.oldest = self.oldest.max(made + Duration::from_micros(1));
        }
        self.used.insert(nonce.into(), count);
        true
    }

    fn nonce(&self, now: Moment, source: IpAddr) -> String {
        let time = now.as_micros();
        format!("{time:016x}{}", self.seal(time, source))
    }

    /// When a nonce was made; `None`: not here, or not for this source.
    fn made(&self, nonce: &str, source: IpAddr) -> Option<Moment> {
        let made = time_of(nonce)?;
        let expected = self.nonce(made, source);
        is_same(expected.as_bytes(), nonce.as_bytes()).then_some(made)
    }

    fn seal(&self, time: u64, source: IpAddr) -> String {
        let source = match source.to_canonical() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        let sealer = self.sealer.clone();
        let sealer = sealer.chain_update(time.to_be_bytes());
        let sealed = sealer.chain_update(source.octets()).finalize().into_bytes();
        hex::encode(sealed.get(..16).unwrap_or(&sealed))
    }
}

/// Shows no key.
impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate")
            .field("used", &self.used.len())
            .finish_non_exhaustive()
    }
}

impl Proof {
    /// The response that the secret gives (RFC 7616 3.4.1 with qop=auth, which our challenges ask for).
    fn wanted(&self, password: &str, method: &str) -> String {
        let hash = |parts: &[&str]| self.algorithm.hash(parts);
        let key = hash(&[&self.username, &self.realm, password]);
        let what = hash(&[method, &self.uri]);
        hash(&[
            &key,
            &self.nonce,
            &self.count_text,
            &self.cnonce,
            "auth",
            &what,
        ])
    }
}

/// When a nonce of ours says that it was made.
fn time_of(nonce: &str) -> Option<Moment> {
    let time = u64::from_str_radix(nonce.get(..16)?, 16).ok()?;
    Some(Moment::from_micros(time))
}

/// Whether a proof for `written` proves a request to `uri`. Clients write the host as they know it, proxies rewrite it, and
/// some leave the user out; another user than the one that is called is another request (RFC 7616 3.4.6).
fn is_for(written: &str, uri: &Uri) -> bool {
    let Ok(written) = Uri::parse(written) else {
        return false;
    };
    written.user().is_none() || written.user_unescaped() == uri.user_unescaped()
}

/// Compares in a time that says nothing of where they differ.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::sip::auth::{Challenge, Credentials, Round};
    use crate::sip::method::Method;

    const WHO: Expected<'static> = Expected {
        username: "office",
        password: "s3cret",
    };

    fn here() -> IpAddr {
        "192.0.2.1".parse().unwrap()
    }

    fn gate() -> Gate {
        Gate::new(&mut Chance::from_number(1))
    }

    fn at(seconds: u64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    fn invite(more: &str) -> Request {
        let text = format!(
            "INVITE sip:+74950000001@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\n\
             From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n{more}\
             Content-Length: 0\r\n\r\n"
        );
        Request::parse(Bytes::from(text)).unwrap()
    }

    /// What our own client answers to a challenge.
    fn answer(challenge: &str, password: &str, count: u32, uri: &str) -> Request {
        let challenge = Challenge::parse(challenge.as_bytes()).unwrap();
        let who = Credentials {
            username: "office".to_owned(),
            password: password.to_owned(),
        };
        let round = Round {
            count,
            cnonce: "c0ffee",
        };
        let proof = challenge.answer(&who, &Method::Invite, uri, round);
        invite(&format!("Authorization: {proof}\r\n"))
    }

    const URI: &str = "sip:+74950000001@h";

    #[test]
    fn the_secret_is_proven_with_either_algorithm_and_the_stronger_is_offered_first() {
        let mut gate = gate();
        let offered = gate.challenges(at(1), here(), false);
        assert!(
            offered[0].contains("algorithm=SHA-256, ") && offered[1].contains("algorithm=MD5, ")
        );
        for (count, challenge) in (1..).zip(&offered) {
            let proven = answer(challenge, "s3cret", count, URI);
            assert_eq!(gate.check(at(2), here(), WHO, &proven), Verdict::Proven);
        }
    }

    #[test]
    fn without_a_proof_for_us_there_is_none() {
        let mut gate = gate();
        for more in [
            "",
            "Authorization: Digest realm=\"other\", username=\"office\", nonce=\"n\", uri=\"sip:h\", response=\"r\"\r\n",
            "Authorization: Basic b2ZmaWNl\r\n",
            "Authorization: Digest\r\n",
        ] {
            let verdict = gate.check(at(1), here(), WHO, &invite(more));
            assert_eq!(verdict, Verdict::Unproven, "{more}");
        }
    }

    #[test]
    fn another_secret_another_user_and_another_request_are_wrong() {
        let mut gate = gate();
        let [challenge, _] = gate.challenges(at(1), here(), false);
        let other_user = Expected {
            username: "boss",
            ..WHO
        };
        let right = answer(&challenge, "s3cret", 1, URI);
        assert_eq!(
            gate.check(at(2), here(), other_user, &right),
            Verdict::Wrong
        );
        for wrong in [
            answer(&challenge, "guess", 1, URI),
            answer(&challenge, "s3cret", 1, "sip:+4479111@h"),
            answer(&challenge, "s3cret", 1, "no uri at all"),
        ] {
            assert_eq!(gate.check(at(2), here(), WHO, &wrong), Verdict::Wrong);
        }
        let no_user = answer(&challenge, "s3cret", 1, "sip:192.0.2.9:5060");
        assert_eq!(gate.check(at(2), here(), WHO, &no_user), Verdict::Proven);
    }

    #[test]
    fn an_old_nonce_anothers_nonce_and_one_that_was_made_up_are_stale() {
        let mut gate = gate();
        let [challenge, _] = gate.challenges(at(1), here(), false);
        let right = answer(&challenge, "s3cret", 1, URI);
        assert_eq!(gate.check(at(301), here(), WHO, &right), Verdict::Stale);
        let elsewhere = "192.0.2.2".parse().unwrap();
        assert_eq!(gate.check(at(2), elsewhere, WHO, &right), Verdict::Stale);
        let made_up = answer(
            &challenge.replace("nonce=\"0", "nonce=\"1"),
            "s3cret",
            1,
            URI,
        );
        assert_eq!(gate.check(at(2), here(), WHO, &made_up), Verdict::Stale);
        let [again, _] = gate.challenges(at(301), here(), true);
        assert!(again.ends_with(", stale=true"), "{again}");
    }

    #[test]
    fn no_proof_is_taken_twice() {
        let mut gate = gate();
        let [challenge, _] = gate.challenges(at(1), here(), false);
        let mut check = |count| {
            let right = answer(&challenge, "s3cret", count, URI);
            gate.check(at(2), here(), WHO, &right)
        };
        assert_eq!(check(1), Verdict::Proven);
        assert_eq!(check(1), Verdict::Stale);
        assert_eq!(check(5), Verdict::Proven);
        assert_eq!(check(4), Verdict::Stale);
    }

    #[test]
    fn nonces_that_are_forgotten_are_not_taken_again() {
        let mut gate = gate();
        let first = gate.challenges(at(1), here(), false);
        let right = answer(&first[0], "s3cret", 1, URI);
        assert_eq!(gate.check(at(1), here(), WHO, &right), Verdict::Proven);
        for place in 0..NONCES_MAX {
            let made = Moment::from_micros(2_000_000 + u64::try_from(place).unwrap());
            let nonce = gate.nonce(made, here());
            assert!(gate.use_once(made, &nonce, 1));
        }
        assert_eq!(gate.used.len(), NONCES_MAX);
        assert_eq!(gate.check(at(3), here(), WHO, &right), Verdict::Stale);
    }

    #[test]
    fn a_nonce_is_its_time_and_a_seal_that_another_gate_does_not_make() {
        let (gate, other) = (gate(), Gate::new(&mut Chance::from_number(2)));
        let nonce = gate.nonce(at(1), here());
        assert_eq!(nonce.len(), 48);
        assert_eq!(gate.made(&nonce, here()), Some(at(1)));
        assert_eq!(other.made(&nonce, here()), None);
        let mapped = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(gate.made(&nonce, mapped), Some(at(1)));
    }
}
