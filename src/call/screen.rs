//! What is asked of a request outside of any call before anything else: its method, its URI, what it requires and carries
//! (RFC 3261 8.2.1 to 8.2.3). The answer does not depend on who asks, nor on the number; whether a refused INVITE leaves a
//! record does.

use crate::base::sound::Srtp;
use crate::call::hands::Answer;
use crate::call::headers::{SDP, is_supported};
use crate::call::offer_answer::{Body, read};
use crate::call::privacy;
use crate::call::unfit::Unfit;
use crate::sdp::Session;
use crate::sip::header::Name;
use crate::sip::message::{Method, Request};
use crate::sip::uri::Scheme;

/// A request that is well-formed and not for us to serve, with its answer and an operator's words.
pub(in crate::call) type Refusal = (Answer, &'static str);

/// Lets an INVITE pass, with its offer; `None`: it makes none.
pub(in crate::call) fn invite(request: &Request) -> Result<Option<Session>, Refusal> {
    uri(request)?;
    requirements(request)?;
    let headers = request.headers();
    if headers.max_breadth() == Some(0) {
        return Err((Answer::status(440), "it may ring nobody"));
    }
    if privacy::is_too_much(headers) {
        return Err((Answer::status(500), "a privacy that cannot be given"));
    }
    // RFC 3261 20.1: without Accept an INVITE's answer may be SDP.
    let takes_sdp = !headers.has(Name::Accept)
        || [SDP, "application/*", "*/*"]
            .iter()
            .any(|wanted| accepts(request, wanted));
    if !takes_sdp {
        return Err((Answer::status(406), "it does not accept SDP"));
    }
    match read(Srtp::Off, headers, request.body()) {
        Body::Empty => Ok(None),
        Body::Sdp(offer) if offer.audio().is_none() => {
            let why = Unfit::of(&offer).unwrap_or(Unfit::Media);
            Err((Answer::unfit(why), "no audio that can be relayed"))
        }
        Body::Sdp(offer) => Ok(Some(offer)),
        // RFC 3204 and 3261 20.11: a body that may be ignored is.
        Body::OtherType if is_optional(request) => Ok(None),
        Body::OtherType => Err((Answer::not_sdp(), "a body that is not SDP")),
        Body::Malformed => Err((Answer::status(400), "malformed SDP")),
    }
}

/// Takes the keys out of the offer of an INVITE once it is known whose trunk it came from.
pub(in crate::call) fn opened(
    offer: Option<Session>,
    srtp: Srtp,
) -> Result<Option<Session>, Refusal> {
    let Some(offer) = offer.map(|offer| offer.opened(srtp)) else {
        return Ok(None);
    };
    match Unfit::of(&offer) {
        Some(why) => Err((Answer::unfit(why), "no sound that its trunk's srtp allows")),
        None => Ok(Some(offer)),
    }
}

/// Whether it is for want of keys that an INVITE of a trunk was refused.
pub(in crate::call) fn lacks_keys(request: &Request, srtp: Srtp) -> bool {
    match read(srtp, request.headers(), request.body()) {
        Body::Sdp(offer) => Unfit::of(&offer) == Some(Unfit::Keys),
        Body::Empty | Body::OtherType | Body::Malformed => false,
    }
}

/// Answers a request that begins nothing: OPTIONS, and what ringtag does not do.
pub(in crate::call) fn other(request: &Request, capabilities: Answer) -> Refusal {
    match request.method() {
        Method::Options => match uri(request).and_then(|()| requirements(request)) {
            Ok(()) => (capabilities, ""),
            Err(refusal) => refusal,
        },
        Method::Bye | Method::Info | Method::Prack | Method::Update => {
            (Answer::status(481), "no such call")
        }
        method @ (Method::Invite
        | Method::Ack
        | Method::Cancel
        | Method::Register
        | Method::Refer
        | Method::Notify
        | Method::Subscribe
        | Method::Message
        | Method::Publish
        | Method::Other(_)) => (Answer::for_method(method), "a method that is not served"),
    }
}

fn uri(request: &Request) -> Result<(), Refusal> {
    match request.uri().scheme() {
        Scheme::Sip | Scheme::Sips | Scheme::Tel => Ok(()),
        Scheme::Other => Err((Answer::status(416), "an unknown URI scheme")),
    }
}

/// RFC 3261 8.2.2.3: whatever is required must be supported; the answer names what is not.
pub(in crate::call) fn requirements(request: &Request) -> Result<(), Refusal> {
    let headers = request.headers();
    let wanted: Vec<_> = headers
        .require()
        .chain(headers.all(Name::ProxyRequire))
        .filter(|tag| !is_supported(tag))
        .map(String::from_utf8_lossy)
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let answer = Answer::status(420).header(Name::Unsupported, wanted.join(", "));
    Err((answer, "an extension that is not supported"))
}

fn accepts(request: &Request, wanted: &str) -> bool {
    request.headers().all(Name::Accept).any(|value| {
        let end = memchr::memchr(b';', value).unwrap_or(value.len());
        let kind = value.get(..end).unwrap_or_default().trim_ascii();
        kind.eq_ignore_ascii_case(wanted.as_bytes())
    })
}

fn is_optional(request: &Request) -> bool {
    request
        .headers()
        .get(Name::ContentDisposition)
        .is_some_and(|value| {
            value.split(|b| *b == b';').any(|param| {
                param
                    .trim_ascii()
                    .eq_ignore_ascii_case(b"handling=optional")
            })
        })
}

#[cfg(test)]
mod tests {
    use crate::call::rig::*;
    use crate::call::story::FinishReason;

    #[test]
    fn what_cannot_be_served_is_said_with_its_status() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let text = invite(NUMBER, &sdp("127.0.0.2", 4_000, ""));
        let more =
            |header: &str| text.replace("Max-Forwards", &format!("{header}\r\nMax-Forwards"));
        let cases = [
            (
                more("Require: 100rel, nothing"),
                "420",
                "Unsupported",
                "nothing",
            ),
            (more("Proxy-Require: this"), "420", "Unsupported", "this"),
            (more("Accept: text/plain"), "406", "", ""),
            (
                more("Content-Encoding: gzip"),
                "415",
                "Accept",
                "application/sdp",
            ),
            (
                text.replace("application/sdp", "text/plain"),
                "415",
                "Accept",
                "application/sdp",
            ),
            (
                text.replace("INVITE sip:+74950000001@127.0.0.1", "INVITE nobody:x"),
                "416",
                "",
                "",
            ),
            (
                text.replace("m=audio", "m=video"),
                "488",
                "Warning",
                "304 ringtag \"Media type not available\"",
            ),
            (text.replace("v=0", "v=9"), "400", "", ""),
        ];
        for (at, (text, status, name, value)) in cases.into_iter().enumerate() {
            let text = text
                .replace("bKin", &format!("bK{at}"))
                .replace("incoming", &format!("c{at}"));
            rig.from(CARRIER, &text);
            let answer = rig.to(CARRIER, &format!("SIP/2.0 {status}"));
            assert_eq!(header(&answer, name), value, "{answer}");
        }
        rig.assert_clean();
    }

    #[test]
    fn an_invite_from_a_trunk_to_our_number_leaves_a_record_however_it_is_refused() {
        let text = invite(NUMBER, &sdp("127.0.0.2", 4_000, ""));
        let more =
            |header: &str| text.replace("Max-Forwards", &format!("{header}\r\nMax-Forwards"));
        let cases = [
            (
                text.replace("m=audio", "m=video"),
                488,
                FinishReason::CodecMismatch,
            ),
            (more("Accept: text/plain"), 406, FinishReason::CodecMismatch),
            (
                more("Content-Encoding: gzip"),
                415,
                FinishReason::CodecMismatch,
            ),
            (more("Require: nothing"), 420, FinishReason::BadRequest),
            (text.replace("v=0", "v=9"), 400, FinishReason::BadRequest),
        ];
        for (text, status, reason) in cases {
            let mut rig = Rig::new(one_by_one(&["101"]));
            rig.from(CARRIER, &text);
            rig.from(CARRIER, &text);
            rig.to(CARRIER, &format!("SIP/2.0 {status}"));
            assert_eq!(rig.told(), ["began", "ended"], "a repetition is no call");
            let ended = rig.ended();
            assert_eq!(
                (ended.finish_reason, ended.sip_status),
                (reason, Some(status))
            );
            assert_eq!((ended.missed, &ended.rule), (true, &None));
            assert_eq!(rig.lines_to(PBX), [""; 0]);
            rig.assert_clean();
            // A stranger costs no question, a number of nobody's no record.
            let mut rig = Rig::new(one_by_one(&["101"]));
            rig.from("127.0.0.66:5060", &text);
            assert!(rig.questions.is_empty());
            let other = text.replace(NUMBER, "+74950000009");
            rig.from(CARRIER, &other.replace("bKin", "bKother"));
            rig.to(CARRIER, &format!("SIP/2.0 {status}"));
            assert_eq!(rig.told(), [""; 0]);
            rig.assert_clean();
        }
    }

    #[test]
    fn accept_with_sdp_or_anything_passes() {
        for accept in [
            "application/sdp",
            "application/*",
            "*/*",
            "text/plain, application/sdp;q=0.5",
        ] {
            let mut rig = Rig::new(one_by_one(&["101"]));
            let text = invite(NUMBER, &sdp("127.0.0.2", 4_000, ""));
            rig.from(
                CARRIER,
                &text.replace("Max-Forwards", &format!("Accept: {accept}\r\nMax-Forwards")),
            );
            assert_eq!(rig.questions.len(), 1, "{accept}");
        }
    }

    #[test]
    fn other_methods_outside_a_call_have_their_answers() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let options = "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.66:5060;branch=z9hG4bKo\r\n\
            From: <sip:x@y>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\n\
            Content-Length: 0\r\n\r\n";
        let stranger = "127.0.0.66:5060";
        rig.from(stranger, options);
        let answer = rig.to(stranger, "SIP/2.0 200");
        assert!(header(&answer, "Allow").contains("INVITE"));
        assert_eq!(header(&answer, "Accept"), "application/sdp");
        for (method, status) in [
            ("REGISTER", "405"),
            ("SUBSCRIBE", "405"),
            ("MESSAGE", "405"),
            ("DANCE", "501"),
            ("BYE", "481"),
            ("PRACK", "481"),
            ("UPDATE", "481"),
        ] {
            let text = options
                .replace("OPTIONS", method)
                .replace("bKo", &format!("bK{method}"));
            rig.from(stranger, &text);
            rig.to(stranger, &format!("SIP/2.0 {status}"));
        }
        rig.assert_clean();
    }
}
