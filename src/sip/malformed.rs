//! A message that cannot be read: what is wrong with it, and what is answered (RFC 3261 8.2, 16.3, 21.4.1).

use std::fmt;

use bytes::Bytes;

use crate::sip::header::Name;
use crate::sip::headers::Lines;
use crate::sip::method::Method;
use crate::sip::status::reason_phrase;
use crate::sip::via::Via;

/// A message that breaks the grammar or a limit. The peer is at fault.
#[derive(Clone)]
pub struct Malformed(Box<Parts>);

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// Nothing but line breaks: a keep-alive rather than a message (RFC 5626 4.4.1).
    Blank,
    /// More than [`crate::sip::message::MESSAGE_MAX`] bytes.
    TooLong,
    /// The first line is neither a request line nor a status line.
    StartLine,
    /// A SIP version other than 2.0.
    Version,
    /// The Request-URI follows no URI grammar.
    RequestUri,
    /// The Request-URI has headers behind a `?`, which 19.1.1 forbids there.
    RequestUriHeaders,
    /// The status code is not between 100 and 699.
    Status,
    /// A header line without a name and a colon.
    HeaderLine,
    /// A carriage return that ends no line.
    Control,
    /// A header line longer than [`crate::sip::message::LINE_MAX`].
    LineTooLong,
    /// More headers than [`crate::sip::message::HEADERS_MAX`].
    TooManyHeaders,
    /// No empty line ends the headers.
    NoEnd,
    /// This header is missing.
    Missing(Name),
    /// This header may stand once and stands more often.
    Repeated(Name),
    /// This header follows no grammar or does not fit its range.
    Bad(Name),
    /// CSeq names another method than the request line.
    MethodMismatch,
    /// Content-Length says more than there is.
    BodyShort,
}

/// What could still be told apart.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) wrong: Wrong,
    pub(crate) text: Bytes,
    pub(crate) lines: Lines,
    pub(crate) kind: Kind,
    pub(crate) via: Option<Via>,
}

/// What the first line seems to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A request, with its method where that is a token.
    Request(Option<Method>),
    /// A response.
    Response,
    /// Neither.
    Unknown,
}

impl Malformed {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Box::new(parts))
    }

    /// Says that nothing of it can be used.
    pub(crate) fn hopeless(wrong: Wrong) -> Self {
        Self::new(Parts {
            wrong,
            text: Bytes::new(),
            lines: Lines::new(),
            kind: Kind::Unknown,
            via: None,
        })
    }

    /// Returns what is wrong.
    pub const fn wrong(&self) -> Wrong {
        self.0.wrong
    }

    /// Returns the method, where the message is a request that names one.
    pub fn method(&self) -> Option<&Method> {
        match &self.0.kind {
            Kind::Request(method) => method.as_ref(),
            Kind::Response | Kind::Unknown => None,
        }
    }

    /// Returns the first Via, where it could be read.
    pub const fn top_via(&self) -> Option<&Via> {
        self.0.via.as_ref()
    }

    /// Returns the headers that could be told apart, in order.
    pub fn headers(&self) -> impl Iterator<Item = (Name, &[u8], &[u8])> {
        self.0.lines.iter().map(|line| {
            let text = self.0.text.as_ref();
            (line.name, line.label.of(text), line.value.of(text))
        })
    }

    /// Returns the status and phrase to answer; `None` for what is never answered: responses, ACKs, what is no request at
    /// all, and requests without a Via to send the answer back by.
    pub fn answer(&self) -> Option<(u16, &'static str)> {
        let method = match &self.0.kind {
            Kind::Request(method) => method.as_ref(),
            Kind::Response | Kind::Unknown => return None,
        };
        if method == Some(&Method::Ack) || !self.headers().any(|(name, _, _)| name == Name::Via) {
            return None;
        }
        let status = match self.0.wrong {
            Wrong::Blank => return None,
            Wrong::Version => 505,
            Wrong::TooLong => 513,
            // RFC 4475 3.1.2.18 prefers 501 where the method is unknown anyway.
            Wrong::MethodMismatch if matches!(method, Some(Method::Other(_))) => 501,
            Wrong::MethodMismatch
            | Wrong::StartLine
            | Wrong::RequestUri
            | Wrong::RequestUriHeaders
            | Wrong::Status
            | Wrong::HeaderLine
            | Wrong::Control
            | Wrong::LineTooLong
            | Wrong::TooManyHeaders
            | Wrong::NoEnd
            | Wrong::Missing(_)
            | Wrong::Repeated(_)
            | Wrong::Bad(_)
            | Wrong::BodyShort => 400,
        };
        Some((status, reason_phrase(status)))
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => f.write_str("there is no message"),
            Self::TooLong => f.write_str("the message is too long"),
            Self::StartLine => f.write_str("the first line is neither a request nor a status line"),
            Self::Version => f.write_str("the SIP version is not 2.0"),
            Self::RequestUri => f.write_str("the Request-URI is malformed"),
            Self::RequestUriHeaders => f.write_str("the Request-URI holds headers"),
            Self::Status => f.write_str("the status code is not between 100 and 699"),
            Self::HeaderLine => f.write_str("a header line has no name"),
            Self::Control => f.write_str("a header holds a bare carriage return"),
            Self::LineTooLong => f.write_str("a header line is too long"),
            Self::TooManyHeaders => f.write_str("there are too many headers"),
            Self::NoEnd => f.write_str("no empty line ends the headers"),
            Self::Missing(name) => write!(f, "{name} is missing"),
            Self::Repeated(name) => write!(f, "{name} stands more than once"),
            Self::Bad(name) => write!(f, "{name} is malformed"),
            Self::MethodMismatch => f.write_str("CSeq names another method"),
            Self::BodyShort => f.write_str("Content-Length is larger than the body"),
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the peer sent a malformed SIP message: {}", self.0.wrong)
    }
}

impl fmt::Debug for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Malformed")
            .field("wrong", &self.0.wrong)
            .field("kind", &self.0.kind)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Malformed {}
