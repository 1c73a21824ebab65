//! Refer-To (RFC 3515) and the notifications that a REFER asks for: who shall be called, and how that goes.

use std::fmt;

use crate::sip::header::Name;
use crate::sip::headers::Headers;
use crate::sip::name_addr::NameAddr;
use crate::sip::replaces::Replaces;
use crate::sip::status::reason_phrase;
use crate::sip::uri::{Scheme, Uri, unescape};

/// The media type of a notification's body (RFC 3420): the status line of what came of the call.
pub const SIPFRAG: &str = "message/sipfrag;version=2.0";

/// Headers that a Refer-To may carry in its URI; more is an attack.
const HEADERS_MAX: usize = 16;

/// Who shall be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferTo {
    /// The goal, without the headers that came with it.
    pub uri: Uri,
    /// The dialog whose place the new one shall take.
    pub replaces: Option<Replaces>,
}

/// A REFER that cannot be acted on. The peer is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRefer {
    /// RFC 3515 2.4.1: exactly one.
    #[error("a REFER needs one Refer-To with an address in it")]
    NoGoal,
    /// Nothing that could be called.
    #[error("the Refer-To is no sip, sips or tel URI")]
    Scheme,
    /// Something else than a call is asked for.
    #[error("the Refer-To asks for another method than INVITE")]
    Method,
    /// Its Replaces names no dialog.
    #[error("the Replaces in the Refer-To names no dialog")]
    Replaces,
}

impl BadRefer {
    /// The status that it is answered with.
    pub const fn status(self) -> u16 {
        match self {
            Self::NoGoal | Self::Replaces => 400,
            Self::Scheme => 416,
            Self::Method => 603,
        }
    }
}

impl ReferTo {
    /// Reads the Refer-To of a REFER. Of the headers in its URI only Replaces is understood; the others are left out, for no
    /// peer may write headers of our requests (RFC 3261 19.1.5).
    ///
    /// # Errors
    ///
    /// What cannot be acted on.
    pub fn of(headers: &Headers) -> Result<Self, BadRefer> {
        let mut values = headers.all(Name::ReferTo);
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(BadRefer::NoGoal);
        };
        let goal = NameAddr::parse(value).map_err(|_bad| BadRefer::NoGoal)?;
        let uri = goal.uri();
        match uri.scheme() {
            Scheme::Sip | Scheme::Sips | Scheme::Tel => {}
            Scheme::Other => return Err(BadRefer::Scheme),
        }
        if uri
            .param("method")
            .is_some_and(|method| !method.eq_ignore_ascii_case("INVITE"))
        {
            return Err(BadRefer::Method);
        }
        Ok(Self {
            replaces: replaces(uri)?,
            uri: uri.without_headers().detached(),
        })
    }
}

/// Reads the Replaces among the headers of a URI.
fn replaces(uri: &Uri) -> Result<Option<Replaces>, BadRefer> {
    let mut found = None;
    let headers = uri.headers().unwrap_or_default();
    for (count, header) in headers.split('&').enumerate() {
        let (name, value) = header.split_once('=').unwrap_or((header, ""));
        if count >= HEADERS_MAX {
            return Err(BadRefer::Replaces);
        }
        if unescape(name.as_bytes()).eq_ignore_ascii_case(b"Replaces") {
            let read = Replaces::parse(&unescape(value.as_bytes()));
            let read = read.map_err(|_bad| BadRefer::Replaces)?;
            if found.replace(read).is_some() {
                return Err(BadRefer::Replaces);
            }
        }
    }
    Ok(found)
}

/// The event package of a REFER's notifications (RFC 3515 2.4.6): from the second REFER of a dialog on each is told by the
/// number of its REFER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The CSeq of the REFER, where it is said.
    pub id: Option<u32>,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(id) => write!(f, "refer;id={id}"),
            None => f.write_str("refer"),
        }
    }
}

/// The body of a notification: the status line of what came of the call so far, in our own words.
pub fn sipfrag(status: u16) -> String {
    format!("SIP/2.0 {status} {}\r\n", reason_phrase(status))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::sip::message::Message;

    fn refer_to(lines: &str) -> Result<ReferTo, BadRefer> {
        let text = format!(
            "REFER sip:a@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:b@h>;tag=1\r\n\
             To: <sip:a@h>;tag=2\r\nCall-ID: c\r\nCSeq: 2 REFER\r\nMax-Forwards: 70\r\n{lines}\
             Content-Length: 0\r\n\r\n"
        );
        match Message::parse(Bytes::from(text)) {
            Ok(Message::Request(request)) => ReferTo::of(request.headers()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_goal_is_read_with_the_dialog_that_it_replaces() {
        let plain = refer_to("Refer-To: <sip:102@pbx.example>\r\n").unwrap();
        assert_eq!(
            (plain.uri.as_str(), plain.replaces),
            ("sip:102@pbx.example", None)
        );
        let compact = refer_to("r: \"Olga\" <sip:102@pbx;method=INVITE>\r\n").unwrap();
        assert_eq!(compact.uri.user(), Some("102"));
        let attended = refer_to(
            "Refer-To: <sip:102@pbx?Require=replaces&Replaces=425928%40phone.example%3Bto-tag%3D7743%3Bfrom-tag%3D6472>\r\n",
        )
        .unwrap();
        assert_eq!(attended.uri.as_str(), "sip:102@pbx");
        let replaces = attended.replaces.unwrap();
        assert_eq!(
            replaces.to_string(),
            "425928@phone.example;to-tag=7743;from-tag=6472"
        );
        let tel = refer_to("Refer-To: <tel:+79161234567>\r\n").unwrap();
        assert_eq!(tel.uri.user(), Some("+79161234567"));
    }

    #[test]
    fn a_line_break_hidden_in_an_escape_gets_nowhere() {
        let hidden = refer_to(
            "Refer-To: <sip:1@h?Replaces=x%0d%0aX-Evil:%20y%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n",
        );
        assert_eq!(hidden, Err(BadRefer::Replaces));
        let tag =
            refer_to("Refer-To: <sip:1@h?Replaces=x%3Bto-tag%3D1%0D%0AEvil%3A%3Bfrom-tag%3D2>\r\n");
        assert_eq!(tag, Err(BadRefer::Replaces));
        // Headers that are not understood are left out, whatever they hold.
        let others = refer_to(
            "Refer-To: <sip:1@h?From=%3Csip:evil%3E&Route=x%0d%0aEvil:%20y&body=v%3D0>\r\n",
        )
        .unwrap();
        assert_eq!(others.uri.as_str(), "sip:1@h");
        assert_eq!(others.replaces, None);
    }

    #[test]
    fn what_cannot_be_called_is_refused() {
        for (lines, why) in [
            ("", BadRefer::NoGoal),
            (
                "Refer-To: <sip:1@h>\r\nRefer-To: <sip:2@h>\r\n",
                BadRefer::NoGoal,
            ),
            ("Refer-To: nonsense here\r\n", BadRefer::NoGoal),
            ("Refer-To: <http://example.com/>\r\n", BadRefer::Scheme),
            ("Refer-To: <sip:1@h;method=SUBSCRIBE>\r\n", BadRefer::Method),
            ("Refer-To: <sip:1@h?Replaces=x>\r\n", BadRefer::Replaces),
            (
                "Refer-To: <sip:1@h?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2&replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n",
                BadRefer::Replaces,
            ),
        ] {
            assert_eq!(refer_to(lines), Err(why), "{lines}");
        }
        let many = format!("Refer-To: <sip:1@h?{}a=b>\r\n", "a=b&".repeat(20));
        assert_eq!(refer_to(&many), Err(BadRefer::Replaces));
    }

    #[test]
    fn a_notification_says_the_status_line_and_no_more() {
        assert_eq!(sipfrag(100), "SIP/2.0 100 Trying\r\n");
        assert_eq!(Event { id: None }.to_string(), "refer");
        assert_eq!(Event { id: Some(93) }.to_string(), "refer;id=93");
    }
}
