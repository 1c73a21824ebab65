//! What a caller asks to be hidden (Privacy, RFC 3323, 3325 and 7044).
//!
//! A B2BUA gives header and session privacy to everybody: neither side learns the other's addresses. What is left to be
//! hidden is who calls.

use crate::sip::header::Name;
use crate::sip::headers::Headers;

/// The values that are understood (RFC 3323 4.2, 3325 9.3, 7044 10.1).
const KNOWN: [&[u8]; 7] = [
    b"header",
    b"session",
    b"user",
    b"none",
    b"critical",
    b"id",
    b"history",
];
/// Those that hide who calls.
const HIDING: [&[u8]; 3] = [b"id", b"user", b"header"];

/// Whether the caller hides.
pub(in crate::call) fn hides(headers: &Headers) -> bool {
    !asks(headers, b"none") && HIDING.iter().any(|word| asks(headers, word))
}

/// Whether the caller wants no call rather than one without a privacy that nobody here knows (RFC 3323 4.2).
pub(in crate::call) fn is_too_much(headers: &Headers) -> bool {
    asks(headers, b"critical")
        && words(headers).any(|word| !KNOWN.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

fn asks(headers: &Headers, wanted: &[u8]) -> bool {
    words(headers).any(|word| word.eq_ignore_ascii_case(wanted))
}

fn words(headers: &Headers) -> impl Iterator<Item = &[u8]> {
    headers
        .all(Name::Privacy)
        .flat_map(|value| <[u8]>::split(value, |b| matches!(b, b';' | b',')))
        .map(<[u8]>::trim_ascii)
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::call::rig::*;
    use crate::sip::message::Request;

    fn asked<T>(privacy: &str, ask: impl Fn(&Headers) -> T) -> T {
        let more = format!("Privacy: {privacy}\r\nMax-Forwards");
        let text = invite(NUMBER, "").replace("Max-Forwards", &more);
        ask(Request::parse(Bytes::from(text)).unwrap().headers())
    }

    #[test]
    fn who_calls_is_hidden_by_id_user_and_header_unless_by_none() {
        for hiding in ["id", "user;critical", "header, id", "ID"] {
            assert!(asked(hiding, hides), "{hiding}");
        }
        for open in ["none", "session", "history", "critical", "none;id"] {
            assert!(!asked(open, hides), "{open}");
        }
    }

    #[test]
    fn a_privacy_that_nobody_knows_is_refused_where_it_is_critical() {
        assert!(asked("id;invisible;critical", is_too_much));
        assert!(!asked("id;invisible", is_too_much));
        assert!(!asked(
            "id;user;header;session;history;critical",
            is_too_much
        ));
        let mut rig = Rig::new(one_by_one(&["101"]));
        let text = invite(NUMBER, &sdp("127.0.0.2", 4_000, ""));
        let more = "Privacy: critical;invisible\r\nMax-Forwards";
        rig.from(CARRIER, &text.replace("Max-Forwards", more));
        rig.to(CARRIER, "SIP/2.0 500");
        assert_eq!(rig.lines_to(PBX), [""; 0]);
        rig.assert_clean();
    }
}
