//! What messages are matched to transactions by: our branches for responses, fingerprints for requests (RFC 3261 17.1.3, 17.2.3).

use std::fmt;
use std::hash::{BuildHasher, Hasher};

use foldhash::quality::FixedState;

use crate::base::chance::{Chance, Token};
use crate::sip::message::Request;
use crate::sip::method::Method;
use crate::sip::via::MAGIC_COOKIE;

/// A branch of ours: 63 random bits. The last bit says whether a CANCEL travels under it, since a CANCEL and its INVITE
/// share one branch (9.1) and are two transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Branch(u64);

impl Branch {
    /// Makes a new branch.
    pub(super) fn new(chance: &mut Chance) -> Self {
        Self(chance.next_u64() & !1)
    }

    /// The branch as the transaction of `method` is found by.
    pub(super) fn under(self, method: &Method) -> Self {
        Self(self.0 & !1 | u64::from(*method == Method::Cancel))
    }

    /// Reads the branch of a response's topmost Via back; `None`: it is not one of ours.
    pub(super) fn read(text: &str, method: &Method) -> Option<Self> {
        let token = Token::parse(text.strip_prefix(MAGIC_COOKIE)?.as_bytes())?;
        let branch = Self(token.0);
        if branch.0 & 1 == 1 {
            return None;
        }
        Some(branch.under(method))
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MAGIC_COOKIE)?;
        Token(self.0 & !1).fmt(f)
    }
}

/// 128 bits that stand for all that a request is matched by. Keyed: strangers cannot aim at a collision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint(u64, u64);

/// Makes fingerprints under the process's keys.
pub(super) struct Matcher {
    first: FixedState,
    second: FixedState,
    tag: FixedState,
}

impl Matcher {
    pub(super) fn new(chance: &mut Chance) -> Self {
        Self {
            first: FixedState::with_seed(chance.next_u64()),
            second: FixedState::with_seed(chance.next_u64()),
            tag: FixedState::with_seed(chance.next_u64()),
        }
    }

    /// What the server transaction of `request` is found by, as if its method were `method`: ACK and CANCEL look for
    /// their INVITE's.
    pub(super) fn transaction(&self, request: &Request, method: &Method) -> Fingerprint {
        let headers = request.headers();
        let via = headers.top_via();
        match via.unique_branch() {
            Some(branch) => {
                let sent_by = via.sent_by();
                self.of(&[
                    b"3261",
                    method.as_str().as_bytes(),
                    branch.as_bytes(),
                    sent_by.host().as_bytes(),
                    &sent_by.port().unwrap_or_default().to_be_bytes(),
                ])
            }
            // An element of RFC 2543. Its ACK carries the To tag of our answer, so that To cannot be part of it.
            None => self.of(&[
                b"2543",
                method.as_str().as_bytes(),
                request.uri().as_str().as_bytes(),
                headers.from().tag().unwrap_or_default().as_bytes(),
                headers.call_id().as_bytes(),
                &headers.cseq().number.to_be_bytes(),
                via.as_bytes(),
            ]),
        }
    }

    /// What is the same in a request, in copies of it that came another way (8.2.2.2), and in the ACK of its 2xx.
    pub(super) fn exchange(&self, request: &Request, method: &Method) -> Fingerprint {
        let headers = request.headers();
        self.of(&[
            b"exchange",
            method.as_str().as_bytes(),
            headers.from().tag().unwrap_or_default().as_bytes(),
            headers.call_id().as_bytes(),
            &headers.cseq().number.to_be_bytes(),
        ])
    }

    /// A To tag that is the same for every repetition of a request, for answers without a transaction (8.2.7).
    pub(super) fn stateless_tag(&self, transaction: Fingerprint) -> Token {
        Token(self.tag.hash_one(transaction))
    }

    /// 64 bits that stand for the To tag of a fork.
    pub(super) fn fork(&self, tag: &str) -> u64 {
        self.tag.hash_one(tag)
    }

    fn of(&self, fields: &[&[u8]]) -> Fingerprint {
        let (mut first, mut second) = (self.first.build_hasher(), self.second.build_hasher());
        for field in fields {
            // The length keeps `ab`+`c` and `a`+`bc` apart.
            for hasher in [&mut first, &mut second] {
                hasher.write_usize(field.len());
                hasher.write(field);
            }
        }
        Fingerprint(first.finish(), second.finish())
    }
}
