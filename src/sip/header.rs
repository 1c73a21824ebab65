//! Header field names: the known ones as a small enum, compact forms folded in (RFC 3261 7.3.3 and the IANA registry).

use std::fmt;

macro_rules! names {
    ($($(#[$doc:meta])* $variant:ident = $text:literal $(, $compact:literal)?;)*) => {
        /// A header field's name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Name {
            $(#[doc = concat!("`", $text, "`")] $variant,)*
            /// Any name that ringtag gives no meaning.
            Other,
        }

        impl Name {
            /// Returns the name as ringtag writes it; empty for [`Name::Other`].
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other => "",
                }
            }
        }

        const KNOWN: &[(Name, &str)] = &[
            $((Name::$variant, $text), $((Name::$variant, $compact),)?)*
        ];
    };
}

names! {
    Accept = "Accept";
    AcceptContact = "Accept-Contact", "a";
    AcceptEncoding = "Accept-Encoding";
    AcceptLanguage = "Accept-Language";
    AlertInfo = "Alert-Info";
    Allow = "Allow";
    AllowEvents = "Allow-Events", "u";
    AuthenticationInfo = "Authentication-Info";
    Authorization = "Authorization";
    CallId = "Call-ID", "i";
    CallInfo = "Call-Info";
    Contact = "Contact", "m";
    ContentDisposition = "Content-Disposition";
    ContentEncoding = "Content-Encoding", "e";
    ContentLanguage = "Content-Language";
    ContentLength = "Content-Length", "l";
    ContentType = "Content-Type", "c";
    CSeq = "CSeq";
    Date = "Date";
    Diversion = "Diversion";
    ErrorInfo = "Error-Info";
    Event = "Event", "o";
    Expires = "Expires";
    From = "From", "f";
    HistoryInfo = "History-Info";
    InReplyTo = "In-Reply-To";
    Join = "Join";
    MaxBreadth = "Max-Breadth";
    MaxForwards = "Max-Forwards";
    MimeVersion = "MIME-Version";
    MinExpires = "Min-Expires";
    MinSe = "Min-SE";
    Organization = "Organization";
    PAssertedIdentity = "P-Asserted-Identity";
    PPreferredIdentity = "P-Preferred-Identity";
    Path = "Path";
    Priority = "Priority";
    Privacy = "Privacy";
    ProxyAuthenticate = "Proxy-Authenticate";
    ProxyAuthorization = "Proxy-Authorization";
    ProxyRequire = "Proxy-Require";
    RAck = "RAck";
    Reason = "Reason";
    RecordRoute = "Record-Route";
    ReferTo = "Refer-To", "r";
    ReferredBy = "Referred-By", "b";
    RejectContact = "Reject-Contact", "j";
    RemotePartyId = "Remote-Party-ID";
    Replaces = "Replaces";
    ReplyTo = "Reply-To";
    RequestDisposition = "Request-Disposition", "d";
    Require = "Require";
    RetryAfter = "Retry-After";
    Route = "Route";
    RSeq = "RSeq";
    Server = "Server";
    ServiceRoute = "Service-Route";
    SessionExpires = "Session-Expires", "x";
    Subject = "Subject", "s";
    SubscriptionState = "Subscription-State";
    Supported = "Supported", "k";
    Timestamp = "Timestamp";
    To = "To", "t";
    Unsupported = "Unsupported";
    UserAgent = "User-Agent";
    Via = "Via", "v";
    Warning = "Warning";
    WwwAuthenticate = "WWW-Authenticate";
}

impl Name {
    /// Recognises a name in any case and in its compact form.
    pub fn of(text: &[u8]) -> Self {
        let (Some(first), Some(last)) = (text.first(), text.last()) else {
            return Self::Other;
        };
        let mut slot = slot(*first, *last, text.len());
        loop {
            let place = TABLE.get(slot).copied().unwrap_or(EMPTY);
            // No known name stands at `EMPTY`.
            let Some((name, known)) = KNOWN.get(usize::from(place)) else {
                return Self::Other;
            };
            let known = known.as_bytes();
            if known == text || known.eq_ignore_ascii_case(text) {
                return *name;
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// Whether several values may share one line, separated by commas (RFC 3261 7.3.1 and each header's grammar).
    ///
    /// Challenges and credentials use commas inside one value and are not lists here.
    pub const fn is_list(self) -> bool {
        match self {
            Self::Accept
            | Self::AcceptContact
            | Self::AcceptEncoding
            | Self::AcceptLanguage
            | Self::AlertInfo
            | Self::Allow
            | Self::AllowEvents
            | Self::CallInfo
            | Self::Contact
            | Self::ContentEncoding
            | Self::ContentLanguage
            | Self::Diversion
            | Self::ErrorInfo
            | Self::HistoryInfo
            | Self::InReplyTo
            | Self::PAssertedIdentity
            | Self::PPreferredIdentity
            | Self::Path
            | Self::ProxyRequire
            | Self::Reason
            | Self::RecordRoute
            | Self::RejectContact
            | Self::RemotePartyId
            | Self::RequestDisposition
            | Self::Require
            | Self::Route
            | Self::ServiceRoute
            | Self::Supported
            | Self::Unsupported
            | Self::Via
            | Self::Warning => true,
            Self::AuthenticationInfo
            | Self::Authorization
            | Self::CallId
            | Self::ContentDisposition
            | Self::ContentLength
            | Self::ContentType
            | Self::CSeq
            | Self::Date
            | Self::Event
            | Self::Expires
            | Self::From
            | Self::Join
            | Self::MaxBreadth
            | Self::MaxForwards
            | Self::MimeVersion
            | Self::MinExpires
            | Self::MinSe
            | Self::Organization
            | Self::Priority
            | Self::Privacy
            | Self::ProxyAuthenticate
            | Self::ProxyAuthorization
            | Self::RAck
            | Self::ReferTo
            | Self::ReferredBy
            | Self::Replaces
            | Self::ReplyTo
            | Self::RetryAfter
            | Self::RSeq
            | Self::Server
            | Self::SessionExpires
            | Self::Subject
            | Self::SubscriptionState
            | Self::Timestamp
            | Self::To
            | Self::UserAgent
            | Self::WwwAuthenticate
            | Self::Other => false,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Five times the names, so that a probe rarely takes a second step.
const SLOTS: usize = 512;

/// What stands in a slot without a name.
const EMPTY: u8 = u8::MAX;

/// Places in [`KNOWN`], by [`slot`]. Small enough to stay in the nearest cache.
static TABLE: [u8; SLOTS] = table();

const fn slot(first: u8, last: u8, len: usize) -> usize {
    // Bit 5 is the case of a letter.
    let (first, last) = ((first | 0x20) as usize, (last | 0x20) as usize);
    (first * 31 + last * 7 + len * 67) % SLOTS
}

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler, where a wrong index does not build"
)]
const fn table() -> [u8; SLOTS] {
    assert!(KNOWN.len() < EMPTY as usize);
    let mut table = [EMPTY; SLOTS];
    let mut at = 0;
    while at < KNOWN.len() {
        let text = KNOWN[at].1.as_bytes();
        let mut place = slot(text[0], text[text.len() - 1], text.len());
        while table[place] != EMPTY {
            place = (place + 1) % SLOTS;
        }
        table[place] = at as u8;
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_recognised_in_any_case() {
        for (name, text) in KNOWN {
            assert_eq!(Name::of(text.as_bytes()), *name);
            assert_eq!(Name::of(text.to_ascii_uppercase().as_bytes()), *name);
            assert_eq!(Name::of(text.to_ascii_lowercase().as_bytes()), *name);
        }
    }

    #[test]
    fn strangers_are_other() {
        for text in ["", "z", "C%6Fntact", "Vi", "Call ID", "X-Via", "Contact\0"] {
            assert_eq!(Name::of(text.as_bytes()), Name::Other, "{text}");
        }
    }
}
