//! An answer to a peer, before it is written: status, headers, SDP.

use std::borrow::Cow;

use bytes::Bytes;

use crate::base::chance::Token;
use crate::call::headers::{ALLOW, SDP, Why, supported};
use crate::sip::header::Name;
use crate::sip::message::{Method, Request};
use crate::sip::write::{Reply, reason_phrase};

/// What a peer is answered.
#[derive(Clone, Debug)]
pub(in crate::call) struct Answer {
    pub(in crate::call) status: u16,
    headers: Vec<(Name, Cow<'static, str>)>,
    sdp: Option<Bytes>,
}

impl Answer {
    /// A status with its customary phrase.
    pub(in crate::call) const fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            sdp: None,
        }
    }

    /// To a method that is not served here: 501 where nobody knows it, 405 where we do not do it (8.2.1).
    pub(in crate::call) fn for_method(method: &Method) -> Self {
        let status = match method {
            Method::Other(_) => 501,
            Method::Invite
            | Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Options
            | Method::Register
            | Method::Update
            | Method::Info
            | Method::Prack
            | Method::Refer
            | Method::Notify
            | Method::Subscribe
            | Method::Message
            | Method::Publish => 405,
        };
        Self::status(status).allow()
    }

    /// To a body that is not SDP.
    pub(in crate::call) fn not_sdp() -> Self {
        Self::status(415)
            .header(Name::Accept, SDP)
            .header(Name::AcceptEncoding, "identity")
    }

    /// To OPTIONS: what can be done here (11.2).
    pub(in crate::call) fn capabilities() -> Self {
        Self::status(200)
            .allow()
            .header(Name::Accept, SDP)
            .header(Name::AcceptEncoding, "identity")
            .header(Name::AcceptLanguage, "en")
            .header(Name::Supported, supported())
    }

    /// Adds a header.
    #[must_use]
    pub(in crate::call) fn header(
        mut self,
        name: Name,
        value: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds Contact, without which no dialog can be.
    #[must_use]
    pub(in crate::call) fn contact(self, contact: String) -> Self {
        self.header(Name::Contact, contact)
    }

    /// Adds Allow.
    #[must_use]
    pub(in crate::call) fn allow(self) -> Self {
        self.header(Name::Allow, ALLOW)
    }

    /// Adds Retry-After.
    #[must_use]
    pub(in crate::call) fn retry_after(self, seconds: u32) -> Self {
        self.header(Name::RetryAfter, seconds.to_string())
    }

    /// Adds Reason, where there is something to say.
    #[must_use]
    pub(in crate::call) fn why(self, why: Why) -> Self {
        match why.value() {
            Some(value) => self.header(Name::Reason, value),
            None => self,
        }
    }

    /// Whether it has SDP.
    pub(in crate::call) const fn has_sdp(&self) -> bool {
        self.sdp.is_some()
    }

    /// Sets the body.
    #[must_use]
    pub(in crate::call) fn sdp(mut self, sdp: Bytes) -> Self {
        self.sdp = Some(sdp);
        self
    }

    /// Writes it as the response to `request`, with our `tag` where there is none yet.
    pub(in crate::call) fn write(self, request: &Request, tag: Token, server: &str) -> Bytes {
        let mut reply = Reply::to(request, self.status, reason_phrase(self.status))
            .tag(tag)
            .header(Name::Server, server);
        for (name, value) in self.headers {
            reply = reply.header(name, value);
        }
        if let Some(sdp) = &self.sdp {
            reply = reply.body(SDP, sdp);
        }
        reply.finish()
    }
}
