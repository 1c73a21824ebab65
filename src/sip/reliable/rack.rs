//! RSeq and RAck: which reliable provisional response is meant (RFC 3262 7.1, 7.2).

use std::fmt;

use crate::sip::header::Name;
use crate::sip::headers::{CSeq, Headers};
use crate::sip::method::Method;
use crate::sip::reliable::TAG;
use crate::sip::scan;

/// What a PRACK acknowledges: `776656 1 INVITE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RAck {
    /// The RSeq of the response.
    pub rseq: u32,
    /// The CSeq number of the INVITE that it answered.
    pub cseq: u32,
}

impl RAck {
    /// Reads a PRACK's RAck; `None`: there is none, it cannot be read, or it is about no INVITE.
    pub fn of(prack: &Headers) -> Option<Self> {
        let text = scan::trim(prack.get(Name::RAck)?);
        let split = memchr::memchr2(b' ', b'\t', text)?;
        let (rseq, cseq) = text.split_at_checked(split)?;
        let cseq = CSeq::parse(cseq)?;
        (cseq.method == Method::Invite).then_some(Self {
            rseq: scan::number(rseq)?,
            cseq: cseq.number,
        })
    }

    /// Reads what acknowledges a provisional response; `None`: it is not a reliable one (RFC 3262 4).
    pub fn asked_by(response: &Headers) -> Option<Self> {
        if !response.lists(Name::Require, TAG) {
            return None;
        }
        let rseq = scan::number(scan::trim(response.get(Name::RSeq)?))?;
        // 7.1: from 1 up; 0 is nobody's.
        (rseq > 0).then_some(Self {
            rseq,
            cseq: response.cseq().number,
        })
    }
}

impl fmt::Display for RAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} INVITE", self.rseq, self.cseq)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::sip::message::{Request, Response};

    fn prack(rack: &str) -> Request {
        let text = format!(
            "PRACK sip:c@d SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 2 PRACK\r\n{rack}\r\n"
        );
        Request::parse(Bytes::from(text)).unwrap()
    }

    fn ringing(more: &str) -> Response {
        let text = format!(
            "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 7 INVITE\r\n{more}\r\n"
        );
        Response::parse(Bytes::from(text)).unwrap()
    }

    #[test]
    fn a_rack_is_two_numbers_and_an_invite() {
        let good = RAck {
            rseq: 776_656,
            cseq: 1,
        };
        assert_eq!(
            RAck::of(prack("RAck: 776656 1 INVITE\r\n").headers()),
            Some(good)
        );
        assert_eq!(
            RAck::of(prack("rack:  776656 \t 1  INVITE \r\n").headers()),
            Some(good)
        );
        assert_eq!(good.to_string(), "776656 1 INVITE");
        for bad in [
            "",
            "RAck: \r\n",
            "RAck: 1 INVITE\r\n",
            "RAck: 1 1\r\n",
            "RAck: 1 1 BYE\r\n",
            "RAck: -1 1 INVITE\r\n",
            "RAck: 4294967296 1 INVITE\r\n",
            "RAck: 1 1 INVITE more\r\n",
        ] {
            assert_eq!(RAck::of(prack(bad).headers()), None, "{bad}");
        }
    }

    #[test]
    fn only_a_response_that_requires_it_and_is_numbered_is_acknowledged() {
        let both = "Require: other, 100REL\r\nRSeq: 4711\r\n";
        let asked = RAck {
            rseq: 4711,
            cseq: 7,
        };
        assert_eq!(RAck::asked_by(ringing(both).headers()), Some(asked));
        for plain in [
            "",
            "RSeq: 4711\r\n",
            "Require: 100rel\r\n",
            "Require: 100rel\r\nRSeq: 0\r\n",
            "Require: 100rel\r\nRSeq: x\r\n",
            "Supported: 100rel\r\nRSeq: 1\r\n",
        ] {
            assert_eq!(RAck::asked_by(ringing(plain).headers()), None, "{plain}");
        }
    }
}
