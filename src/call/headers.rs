//! Which headers pass from one leg to the other, and the words ringtag writes itself.
//!
//! Both legs are ours: nothing passes that is not on the list here, and what passes is written anew.

use crate::call::causes;
use crate::call::causes::CAUSE_MAX;
use crate::sip::header::Name;
use crate::sip::headers::Headers;
use crate::sip::message::Request;
use crate::sip::reliable;
use crate::sip::write::RequestWriter;

/// The methods that are understood within a call (RFC 3261 20.5).
pub(in crate::call) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE";
/// The option tags that a peer may require of us and that we offer (RFC 3261 19.2). One stands here once its behaviour is
/// there as a whole, never before.
pub(in crate::call) const SUPPORTED: &[&str] = &[reliable::TAG, "timer"];
/// The media type of offers and answers.
pub(in crate::call) const SDP: &str = "application/sdp";
/// RFC 3261 8.1.1.6: what a request without Max-Forwards is taken to have.
const MAX_FORWARDS: u8 = 70;

/// What an INVITE says to the target as the caller said it.
const FORWARD: [Name; 4] = [
    Name::AcceptLanguage,
    Name::Organization,
    Name::Priority,
    Name::Subject,
];
/// What it says in addition where both trunks are trusted (RFC 3325 section 5).
const FORWARD_BELIEVED: [Name; 3] = [Name::HistoryInfo, Name::PAssertedIdentity, Name::Privacy];

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
    let more: &[Name] = if believed { &FORWARD_BELIEVED } else { &[] };
    for name in FORWARD.iter().chain(more) {
        for value in from.lines(*name) {
            invite = invite.raw(name.as_str().as_bytes(), value);
        }
    }
    // RFC 7433: the caller's data for the application at the other end, which no proxy touches.
    if let Some(value) = from.get_other(b"User-to-User") {
        invite = invite.raw(b"User-to-User", value);
    }
    invite
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
    use crate::call::rig::{CARRIER, NUMBER, PBX, Rig};

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
    fn what_is_asserted_passes_between_trusted_trunks_alone() {
        let toward = toward(true);
        assert_eq!(
            rig::header(&toward, "P-Asserted-Identity"),
            "<sip:+79160000002@h>"
        );
        assert_eq!(rig::header(&toward, "History-Info"), "<sip:x@h>;index=1");
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
