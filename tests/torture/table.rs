//! What becomes of each torture message of RFC 4475: one table for the reader, the switchboard and the running program.

use ringtag::sip::header::Name;
use ringtag::sip::message::Wrong;

/// What becomes of a message when it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Read {
    /// A request with this method and Request-URI.
    Request(&'static str, &'static str),
    /// A response with this status.
    Response(u16),
    /// No message; the answer, where there is one.
    Refused(Wrong, Option<u16>),
}

/// What the switchboard answers each request that it can read, from a trunk, for a number that is not ours.
pub(crate) const SERVED: &[(&str, u16)] = &[
    // Its To has a tag, so that it belongs to a dialog, which nobody knows.
    ("wsinv", 481),
    ("intmeth", 501),
    ("esc01", 404),
    ("escnull", 405),
    ("esc02", 501),
    ("lwsdisp", 200),
    ("longreq", 404),
    ("dblreq", 405),
    ("semiuri", 200),
    ("transports", 200),
    ("mpart01", 405),
    ("baddate", 404),
    ("badbranch", 200),
    ("unkscm", 416),
    ("novelsc", 416),
    ("unksm2", 405),
    ("bext01", 420),
    ("invut", 415),
    ("regaut01", 405),
    ("zeromf", 200),
    ("cparam01", 405),
    ("cparam02", 405),
    ("regescrt", 405),
    ("sdp01", 406),
    ("inv2543", 404),
];

pub(crate) use Read::{Refused, Request as Asks, Response as Answers};

/// One entry for each row of expect.csv.
pub(crate) const READ: &[(&str, Read)] = &[
    (
        "wsinv",
        Asks("INVITE", "sip:vivekg@chair-dnrc.example.com;unknownparam"),
    ),
    (
        "intmeth",
        Asks(
            "!interesting-Method0123456789_*+`.%indeed'~",
            "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
        ),
    ),
    (
        "esc01",
        Asks("INVITE", "sip:sips%3Auser%40example.com@example.net"),
    ),
    ("escnull", Asks("REGISTER", "sip:example.com")),
    ("esc02", Asks("RE%47IST%45R", "sip:registrar.example.com")),
    ("lwsdisp", Asks("OPTIONS", "sip:user@example.com")),
    ("longreq", Asks("INVITE", "sip:user@example.com")),
    ("dblreq", Asks("REGISTER", "sip:example.com")),
    (
        "semiuri",
        Asks("OPTIONS", "sip:user;par=u%40example.net@example.com"),
    ),
    ("transports", Asks("OPTIONS", "sip:user@example.com")),
    ("mpart01", Asks("MESSAGE", "sip:kumiko@example.org")),
    ("unreason", Answers(200)),
    ("noreason", Answers(100)),
    ("badinv01", Refused(Wrong::Bad(Name::Via), Some(400))),
    ("clerr", Refused(Wrong::BodyShort, Some(400))),
    ("ncl", Refused(Wrong::Bad(Name::ContentLength), Some(400))),
    ("scalar02", Refused(Wrong::Bad(Name::CSeq), Some(400))),
    ("scalarlg", Refused(Wrong::Bad(Name::CSeq), None)),
    ("quotbal", Refused(Wrong::Bad(Name::To), Some(400))),
    ("ltgtruri", Refused(Wrong::RequestUri, Some(400))),
    ("lwsruri", Refused(Wrong::RequestUri, Some(400))),
    ("lwsstart", Refused(Wrong::RequestUri, Some(400))),
    ("trws", Refused(Wrong::StartLine, Some(400))),
    ("escruri", Refused(Wrong::RequestUriHeaders, Some(400))),
    ("baddate", Asks("INVITE", "sip:user@example.com")),
    ("regbadct", Refused(Wrong::Bad(Name::Contact), Some(400))),
    ("badaspec", Refused(Wrong::Bad(Name::To), Some(400))),
    ("baddn", Refused(Wrong::NoEnd, Some(400))),
    ("badvers", Refused(Wrong::Version, Some(505))),
    ("mismatch01", Refused(Wrong::MethodMismatch, Some(400))),
    ("mismatch02", Refused(Wrong::MethodMismatch, Some(501))),
    ("bigcode", Refused(Wrong::Status, None)),
    ("badbranch", Asks("OPTIONS", "sip:user@example.com")),
    ("insuf", Refused(Wrong::Missing(Name::From), Some(400))),
    (
        "unkscm",
        Asks("OPTIONS", "nobodyKnowsThisScheme:totallyopaquecontent"),
    ),
    ("novelsc", Asks("OPTIONS", "soap.beep://192.0.2.103:3002")),
    ("unksm2", Asks("REGISTER", "sip:example.com")),
    ("bext01", Asks("OPTIONS", "sip:user@example.com")),
    ("invut", Asks("INVITE", "sip:user@example.com")),
    ("regaut01", Asks("REGISTER", "sip:example.com")),
    ("multi01", Refused(Wrong::Repeated(Name::CSeq), Some(400))),
    (
        "mcl01",
        Refused(Wrong::Repeated(Name::ContentLength), Some(400)),
    ),
    ("bcast", Answers(200)),
    ("zeromf", Asks("OPTIONS", "sip:user@example.com")),
    ("cparam01", Asks("REGISTER", "sip:example.com")),
    ("cparam02", Asks("REGISTER", "sip:example.com")),
    ("regescrt", Asks("REGISTER", "sip:example.com")),
    ("sdp01", Asks("INVITE", "sip:user@example.com")),
    ("inv2543", Asks("INVITE", "sip:UserB@example.com")),
];

/// The answer to a message that reaches ringtag from a trunk; `None`: it is passed over in silence.
pub(crate) fn answer(name: &str, read: &Read) -> Option<u16> {
    match read {
        Asks(..) => SERVED
            .iter()
            .find(|(served, _)| *served == name)
            .map(|(_, status)| *status),
        // A response that nobody waits for, whatever else is wrong with it.
        Answers(_) => None,
        Refused(_, status) => *status,
    }
}
