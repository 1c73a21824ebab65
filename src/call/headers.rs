//! Which headers pass from one leg to the other, and the words ringtag writes itself.
//!
//! Both legs are ours: nothing passes that is not on the list here, and what passes is written anew.

use crate::call::causes;
use crate::call::causes::CAUSE_MAX;
use crate::sip::header::Name;
use crate::sip::headers::Headers;
use crate::sip::message::Request;
use crate::sip::name_addr::NameAddr;
use crate::sip::reliable;
use crate::sip::write::RequestWriter;

/// The methods that are understood within a call (RFC 3261 20.5).
pub(in crate::call) const ALLOW: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REFER";
/// The option tags that a peer may require of us and that we offer (RFC 3261 19.2). One stands here once its behaviour is
/// there as a whole, never before.
pub(in crate::call) const SUPPORTED: &[&str] = &[reliable::TAG, "timer", "replaces"];
/// The media type of offers and answers.
pub(in crate::call) const SDP: &str = "application/sdp";
/// RFC 3261 8.1.1.6: what a request without Max-Forwards is taken to have.
pub(in crate::call) const MAX_FORWARDS: u8 = 70;

/// What an INVITE says to the target as the caller said it.
const FORWARD: [Name; 4] = [
    Name::AcceptLanguage,
    Name::Organization,
    Name::Priority,
    Name::Subject,
];
/// What it says in addition where both trunks are trusted (RFC 3325 section 5).
const FORWARD_BELIEVED: [Name; 3] = [Name::Diversion, Name::HistoryInfo, Name::PAssertedIdentity];
/// What somebody signed of who calls (RFC 8224), and its compact form.
const IDENTITY: [&[u8]; 2] = [b"Identity", b"y"];

/// Bytes of one value that passes as it came: the longest that is of use is a signature (RFC 8224) of one to three kilobytes.
const VALUE_MAX: usize = 4_096;
/// Bytes of all that pass so, of the caller's words and of signatures each: with what we write ourselves and an offer, a
/// message stays well within the largest datagram.
const PASSED_MAX: usize = 8_192;

/// How much may still pass as it came.
struct Room(usize);

impl Room {
    /// Whether `value` passes: text on one line that is not too long. What does not is left out.
    fn takes(&mut self, value: &[u8]) -> bool {
        let rest = self.0.checked_sub(value.len());
        let rest = rest.filter(|_| value.len() <= VALUE_MAX && is_plain(value));
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}

/// Whether an option tag is understood here.
pub(in crate::call) fn is_supported(tag: &[u8]) -> bool {
    SUPPORTED
        .iter()
        .any(|ours| ours.as_bytes().eq_ignore_ascii_case(tag))
}

/// The value of our Supported.
pub(in crate::call) fn supported() -> String {
    SUPPORTED.join(", ")
}

/// The value of our Supported where one of them is not offered; `None`: nothing is left.
pub(in crate::call) fn supported_but(left_out: Option<&str>) -> Option<String> {
    let offered: Vec<_> = SUPPORTED
        .iter()
        .copied()
        .filter(|tag| Some(*tag) != left_out)
        .collect();
    (!offered.is_empty()).then(|| offered.join(", "))
}

/// The value of our Supported in requests within a dialog: on a re-INVITE of ours nothing reliable is awaited before its
/// final response.
pub(in crate::call) fn supported_within() -> String {
    supported_but(Some(reliable::TAG)).unwrap_or_default()
}

/// One less than the caller's Max-Forwards: a call that goes in circles through us ends.
pub(in crate::call) fn next_max_forwards(request: &Request) -> u8 {
    request
        .headers()
        .max_forwards()
        .unwrap_or(MAX_FORWARDS)
        .saturating_sub(1)
}

/// Adds what passes from the caller's INVITE to the target's.
pub(in crate::call) fn pass_on(
    from: &Headers,
    believed: bool,
    mut invite: RequestWriter,
) -> RequestWriter {
    let mut room = Room(PASSED_MAX);
    for name in FORWARD {
        for value in from.lines(name).filter(|value| room.takes(value)) {
            invite = invite.raw(name.as_str().as_bytes(), value);
        }
    }
    if believed {
        for name in FORWARD_BELIEVED {
            // Whoever reads them next shall read what we did: what is no address is left out.
            let values = from
                .all(name)
                .filter(|value| NameAddr::parse(value).is_ok() && room.takes(value));
            for value in values {
                invite = invite.raw(name.as_str().as_bytes(), value);
            }
        }
        for value in from.lines(Name::Privacy).filter(|value| room.takes(value)) {
            invite = invite.raw(Name::Privacy.as_str().as_bytes(), value);
        }
    }
    // RFC 7433: the caller's data for the application at the other end, which no proxy touches.
    if let Some(value) = from
        .get_other(b"User-to-User")
        .filter(|value| room.takes(value))
    {
        invite = invite.raw(b"User-to-User", value);
    }
    invite
}

/// Whether a value is text on one line, also for those who end lines at VT, FF or NEL: nothing else passes.
fn is_plain(value: &[u8]) -> bool {
    let breaks = |c: char| c != '\t' && breaks_lines(c);
    !String::from_utf8_lossy(value).contains(breaks)
}

/// Controls, and what Unicode has for ends of lines and paragraphs: nothing a peer writes passes with one of them.
pub(in crate::call) fn breaks_lines(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Adds the signatures of who calls, untouched, and the Date that they sign (RFC 8224 4). They are the caller's: where the
/// From shows somebody else they are left out, since they would tell whom it does not.
pub(in crate::call) fn pass_signatures(from: &Headers, mut invite: RequestWriter) -> RequestWriter {
    let signatures = || {
        from.iter()
            .filter(|(_, label, _)| IDENTITY.iter().any(|name| label.eq_ignore_ascii_case(name)))
    };
    let mut room = Room(PASSED_MAX);
    for (_, _, value) in signatures().filter(|(_, _, value)| room.takes(value)) {
        invite = invite.raw(b"Identity", value);
    }
    match from.get(Name::Date) {
        Some(date) if signatures().next().is_some() && room.takes(date) => {
            invite.raw(Name::Date.as_str().as_bytes(), date)
        }
        Some(_) | None => invite,
    }
}

/// Why a leg ends, as Reason says it (RFC 3326). Only the numbers pass; the text is ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::call) struct Why {
    /// The cause of ITU-T Q.850.
    pub(in crate::call) q850: Option<u8>,
    /// A SIP status.
    pub(in crate::call) sip: Option<u16>,
}

impl Why {
    /// Nothing is said.
    pub(in crate::call) const NONE: Self = Self {
        q850: None,
        sip: None,
    };
    /// A peer was waited for in vain.
    pub(in crate::call) const TIMED_OUT: Self = Self {
        q850: None,
        sip: Some(408),
    };
    /// Another answered first: a telephone then shows no missed call.
    pub(in crate::call) const ELSEWHERE: Self = Self {
        q850: None,
        sip: Some(200),
    };

    /// Reads what the peer said.
    pub(in crate::call) fn of(headers: &Headers) -> Self {
        Self {
            q850: headers
                .reason_q850()
                .and_then(|cause| u8::try_from(cause).ok())
                .filter(|cause| (1..=CAUSE_MAX).contains(cause)),
            sip: headers
                .reason("SIP")
                .filter(|status| (200..700).contains(status)),
        }
    }

    /// The cause for the record: as it was given, else what the status stands for.
    pub(in crate::call) fn cause(self) -> Option<u8> {
        self.q850.or_else(|| self.sip.and_then(causes::of_status))
    }

    /// The value of the header; `None`: nothing to say.
    pub(in crate::call) fn value(self) -> Option<String> {
        let sip = self.sip.map(|status| match status {
            200 => "SIP;cause=200;text=\"answered elsewhere\"".to_owned(),
            status => format!("SIP;cause={status}"),
        });
        let q850 = self.q850.map(|cause| format!("Q.850;cause={cause}"));
        match (sip, q850) {
            (Some(sip), Some(q850)) => Some(format!("{sip}, {q850}")),
            (one, other) => one.or(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::rig;
    use crate::call::rig::{CARRIER, NUMBER, PBX, Peer, Rig};
    use crate::call::trunk::CallerId;

    const MORE: &str = "Subject: mowers\r\nPriority: urgent\r\nUser-to-User: 56a3;encoding=hex\r\n\
        P-Asserted-Identity: <sip:+79160000002@h>\r\nHistory-Info: <sip:x@h>;index=1\r\n\
        X-Secret: token\r\nUser-Agent: carrier 1.0\r\nRecord-Route: <sip:10.9.9.9;lr>\r\n\
        Alert-Info: <http://evil.example/ring.wav>\r\nAuthorization: Digest username=\"u\"\r\n";

    fn toward(trusted: bool) -> String {
        let mut lines = rig::trunks();
        lines[0].0.trusted = trusted;
        lines[1].0.trusted = trusted;
        let mut rig = Rig::with(rig::one_by_one(&["101"]), lines);
        let invite = rig::invite(NUMBER, &rig::sdp("127.0.0.2", 4_000, ""));
        rig.from(
            CARRIER,
            &invite.replace("Max-Forwards", &format!("{MORE}Max-Forwards")),
        );
        rig.to(PBX, "INVITE")
    }

    #[test]
    fn only_what_is_on_the_list_passes() {
        let toward = toward(false);
        for (name, value) in [
            ("Subject", "mowers"),
            ("Priority", "urgent"),
            ("User-to-User", "56a3;encoding=hex"),
            ("User-Agent", "ringtag"),
            ("P-Asserted-Identity", ""),
            ("History-Info", ""),
            ("X-Secret", ""),
            ("Record-Route", ""),
            ("Route", ""),
            ("Alert-Info", ""),
            ("Authorization", ""),
        ] {
            assert_eq!(rig::header(&toward, name), value, "{name}");
        }
        assert_eq!(toward.matches("Via: ").count(), 1, "{toward}");
        assert!(
            !toward.contains("127.0.0.2"),
            "the caller's network stays its own: {toward}"
        );
    }

    #[test]
    fn what_is_too_long_is_left_out_and_the_call_goes_on() {
        let mut rig = Rig::new(rig::one_by_one(&["101"]));
        let long = |bytes: usize| "s".repeat(bytes);
        let more = format!(
            "Organization: {}\r\nSubject: {}\r\nSubject: {}\r\nSubject: {}\r\nUser-to-User: {}\r\nIdentity: {}\r\n\
            Identity: small\r\nMax-Forwards",
            long(4_097),
            long(4_096),
            long(4_000),
            long(4_001),
            long(97),
            long(5_000),
        );
        let invite = rig::invite(NUMBER, &rig::sdp("127.0.0.2", 4_000, ""));
        rig.from(CARRIER, &invite.replace("Max-Forwards", &more));
        let toward = rig.to(PBX, "INVITE");
        assert_eq!(rig::header(&toward, "Organization"), "");
        assert_eq!(toward.matches("Subject: ").count(), 2);
        assert_eq!(rig::header(&toward, "User-to-User"), "", "8,193rd byte");
        assert_eq!(toward.matches("Identity: ").count(), 1);
        assert!(toward.contains("Identity: small\r\n"));
    }

    #[test]
    fn what_is_asserted_passes_between_trusted_trunks_alone() {
        let toward = toward(true);
        assert_eq!(
            rig::header(&toward, "P-Asserted-Identity"),
            "<sip:+79160000002@h>"
        );
        assert_eq!(rig::header(&toward, "History-Info"), "<sip:x@h>;index=1");
    }

    #[test]
    fn of_what_is_asserted_only_addresses_pass() {
        let mut lines = rig::trunks();
        lines[0].0.trusted = true;
        lines[1].0.trusted = true;
        let mut rig = Rig::with(rig::one_by_one(&["101"]), lines);
        let more = "P-Asserted-Identity: <sip:+79160000002@h>, <<x>\r\nDiversion: garbage here\r\n\
            History-Info: <sip:a@h?Reason=SIP%3Bcause%3D302>;index=1, <sip:b@h>;index=1.1\r\nMax-Forwards";
        let invite = rig::invite(NUMBER, &rig::sdp("127.0.0.2", 4_000, ""));
        rig.from(CARRIER, &invite.replace("Max-Forwards", more));
        let toward = rig.to(PBX, "INVITE");
        assert_eq!(
            toward.matches("P-Asserted-Identity: ").count(),
            1,
            "{toward}"
        );
        assert_eq!(rig::header(&toward, "Diversion"), "");
        assert!(toward.contains("History-Info: <sip:a@h?Reason=SIP%3Bcause%3D302>;index=1\r\n"));
        assert!(toward.contains("History-Info: <sip:b@h>;index=1.1\r\n"));
    }

    const SIGNED: &str = "Date: Sun, 22 Nov 2026 00:00:00 GMT\r\nIdentity: LONG;info=<https://c.example/a>;alg=ES256\r\n\
        y: second;info=<https://c.example/b>\r\n";

    fn signed(caller_id: CallerId, more: &str) -> String {
        let mut lines = rig::trunks();
        lines[1].0.caller_id = caller_id;
        let mut rig = Rig::with(rig::one_by_one(&["101"]), lines);
        let invite = rig::invite(NUMBER, &rig::sdp("127.0.0.2", 4_000, ""));
        // A PASSporT is a kilobyte and more.
        let more = format!(
            "{}{more}Max-Forwards",
            SIGNED.replace("LONG", &"aB3_".repeat(600))
        );
        rig.from(CARRIER, &invite.replace("Max-Forwards", &more));
        rig.to(PBX, "INVITE")
    }

    #[test]
    fn signatures_of_the_caller_pass_untouched_with_their_date() {
        let toward = signed(CallerId::Caller, "");
        let long = format!(
            "Identity: {};info=<https://c.example/a>;alg=ES256\r\n",
            "aB3_".repeat(600)
        );
        assert!(toward.contains(&long), "{toward}");
        assert!(toward.contains("Identity: second;info=<https://c.example/b>\r\n"));
        assert_eq!(
            rig::header(&toward, "Date"),
            "Sun, 22 Nov 2026 00:00:00 GMT"
        );
    }

    #[test]
    fn where_another_is_shown_no_signature_tells_the_caller() {
        for toward in [
            signed(CallerId::VirtualNumber, ""),
            signed(CallerId::Caller, "Privacy: id\r\n"),
        ] {
            assert_eq!(toward.matches("Identity: ").count(), 0, "{toward}");
            assert_eq!(rig::header(&toward, "Date"), "");
        }
    }

    #[test]
    fn a_caller_that_hides_is_named_in_no_header_and_no_answer() {
        let mut rig = Rig::new(rig::one_by_one(&["101"]));
        let named = "Remote-Party-ID: <sip:+79160000001@h>\r\nDiversion: <sip:+79160000001@h>\r\n\
            P-Preferred-Identity: <sip:+79160000001@h>\r\nPrivacy: id\r\n";
        let more = format!("{MORE}{named}Max-Forwards");
        let invite = rig::invite(NUMBER, &rig::sdp("127.0.0.2", 4_000, ""));
        let invite = invite.replace("Max-Forwards", &more);
        rig.from(CARRIER, &invite);
        let toward = rig.to(PBX, "INVITE");
        assert!(!toward.contains("+7916"), "{toward}");
        assert_eq!(rig::header(&toward, "Privacy"), "id");
        let answer = rig::sdp("127.0.0.3", 5_000, "");
        let callee = "P-Asserted-Identity: <sip:+79160000077@h>\r\nHistory-Info: <sip:+79160000077@h>;index=1\r\n";
        rig.from(
            PBX,
            &rig::reply_with(&toward, 200, "callee", callee, &answer),
        );
        let ok = rig.to(CARRIER, "SIP/2.0 200");
        assert!(!ok.contains("+79160000077"), "{ok}");
        let mut caller = Peer::caller(&invite, &ok);
        rig.from(CARRIER, &caller.request("ACK", ""));
        rig.to(PBX, "ACK");
        let again = caller.request("INVITE", &rig::sdp("127.0.0.2", 4_000, "a=sendonly"));
        rig.from(CARRIER, &again.replace("Max-Forwards", &more));
        let again = rig.to(PBX, "INVITE");
        assert!(!again.contains("+7916"), "{again}");
    }

    #[test]
    fn a_trusted_trunk_is_told_in_our_own_words_who_an_older_header_named() {
        let mut lines = rig::trunks();
        lines[0].0.trusted = true;
        lines[1].0.trusted = true;
        let mut rig = Rig::with(rig::one_by_one(&["101"]), lines);
        let invite = rig::invite(NUMBER, &rig::sdp("127.0.0.2", 4_000, ""));
        let more =
            "Remote-Party-ID: <sip:89160000002@secret.example>;party=calling\r\nMax-Forwards";
        rig.from(CARRIER, &invite.replace("Max-Forwards", more));
        let toward = rig.to(PBX, "INVITE");
        let asserted = rig::header(&toward, "P-Asserted-Identity");
        assert_eq!(asserted, "<sip:+79160000002@127.0.0.1>");
        assert!(!toward.contains("secret.example") && !toward.contains("Remote-Party-ID"));
    }

    #[test]
    fn a_reason_passes_as_numbers_and_the_words_are_ours() {
        let both = Why {
            q850: Some(16),
            sip: Some(480),
        };
        assert_eq!(
            both.value().as_deref(),
            Some("SIP;cause=480, Q.850;cause=16")
        );
        assert_eq!(Why::NONE.value(), None);
        let elsewhere = "SIP;cause=200;text=\"answered elsewhere\"";
        assert_eq!(Why::ELSEWHERE.value().as_deref(), Some(elsewhere));
    }
}
