//! Dialogs: what two user agents share between the first answer and the last BYE (RFC 3261 section 12).
//!
//! A dialog builds the requests within it and judges those that come; what they mean is the call's. The offer in flight,
//! and with it 491, is the call's too.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::sip::endpoint::Hop;
use crate::sip::header::Name;
use crate::sip::headers::{CSeq, Headers};
use crate::sip::message::{Request, Response};
use crate::sip::method::Method;
use crate::sip::name_addr::NameAddr;
use crate::sip::replaces::Replaces;
use crate::sip::transport::{Path, Transport};
use crate::sip::uri::{Host, Uri};
use crate::sip::write::RequestWriter;

/// How far a request of ours may go (8.1.1.6).
const MAX_FORWARDS: u8 = 70;
/// Most routers between the peer and us; real paths have three.
const ROUTES_MAX: usize = 16;
/// How far the CSeq jumps ahead in a dialog whose last request is not known, as in one that was kept in the log: more
/// requests than it can have sent since. A peer takes any higher number (12.2.2).
const KEPT_GAP: u32 = 1_000;
/// The near end of a way that is not known: the endpoint chooses it.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Our half of a dialog.
#[derive(Clone, Debug)]
pub struct Dialog {
    call_id: Box<str>,
    /// From of our requests, with our tag.
    local: NameAddr,
    /// To of our requests, with the peer's tag.
    remote: NameAddr,
    /// Route values of our requests, the next hop's first.
    routes: Vec<NameAddr>,
    /// The peer's Contact.
    target: Uri,
    /// The last number that we used.
    local_cseq: u32,
    /// The number of our last INVITE, which its ACK repeats.
    invite_cseq: u32,
    /// The last number that the peer used.
    remote_cseq: Option<u32>,
    /// The way that the message which made it came.
    path: Path,
    /// Our INVITE began it.
    ours: bool,
}

/// Why no dialog came of a message. The peer is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDialog {
    /// Without it no request could ever reach the peer (12.1).
    #[error("the peer's message makes no dialog: it has no Contact with a SIP URI")]
    NoContact,
    /// More Record-Route values than any real path has, or one that is no address.
    #[error("the peer's message makes no dialog: its Record-Route cannot be followed")]
    BadRoute,
    /// A dialog from the log whose texts cannot be read.
    #[error("the kept dialog cannot be read; its log line was changed by hand")]
    BadKept,
}

/// A dialog as values that can be written down and read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Call-ID.
    pub call_id: String,
    /// From of the next request, with our tag.
    pub local: String,
    /// To of the next request, with the peer's tag.
    pub remote: String,
    /// The peer's Contact.
    pub target: String,
    /// Route values in order.
    pub routes: Vec<String>,
    /// The last CSeq number that we used.
    pub cseq: u32,
}

impl Dialog {
    /// Makes the dialog of an INVITE that came in on `path` and is answered under `tag` (12.1.1). One without a Contact is of
    /// RFC 2543, where From says where its sender is.
    ///
    /// # Errors
    ///
    /// When the INVITE names no way back.
    pub fn uas(invite: &Request, tag: impl fmt::Display, path: &Path) -> Result<Self, NoDialog> {
        let headers = invite.headers();
        Ok(Self {
            call_id: headers.call_id().into(),
            local: headers.to().with_tag(Some(&tag.to_string())),
            remote: headers.from().detached(),
            routes: routes(headers)?,
            target: callers_target(headers)?.detached(),
            local_cseq: 0,
            invite_cseq: 0,
            remote_cseq: Some(headers.cseq().number),
            path: *path,
            ours: false,
        })
    }

    /// Looks whether [`Self::uas`] makes a dialog of an INVITE.
    ///
    /// # Errors
    ///
    /// When the INVITE names no way back.
    pub fn check_uas(invite: &Request) -> Result<(), NoDialog> {
        routes(invite.headers())?;
        callers_target(invite.headers()).map(drop)
    }

    /// Makes the dialog of a response above 100 to our INVITE, which came on `path` (12.1.2). A 2xx makes it anew where a
    /// provisional response made it before: the route set may differ (13.2.2.4).
    ///
    /// # Errors
    ///
    /// When the response names no way back.
    pub fn uac(response: &Response, path: &Path) -> Result<Self, NoDialog> {
        let headers = response.headers();
        let mut routes = routes(headers)?;
        routes.reverse();
        Ok(Self {
            call_id: headers.call_id().into(),
            local: headers.from().detached(),
            remote: headers.to().detached(),
            routes,
            target: target(headers)?.detached(),
            local_cseq: headers.cseq().number,
            invite_cseq: headers.cseq().number,
            remote_cseq: None,
            path: *path,
            ours: true,
        })
    }

    /// Confirms an early dialog by the 2xx to our INVITE, which came on `path`: the way is taken from it anew, the numbers go
    /// on (13.2.2.4).
    ///
    /// # Errors
    ///
    /// When the response names no way back.
    pub fn confirmed(self, response: &Response, path: &Path) -> Result<Self, NoDialog> {
        Ok(Self {
            local_cseq: self.local_cseq,
            remote_cseq: self.remote_cseq,
            ..Self::uac(response, path)?
        })
    }

    /// Whether our INVITE began it: only then is the peer one whom we called, and may ask who we are.
    pub const fn is_ours(&self) -> bool {
        self.ours
    }

    /// Makes what can be made of a 2xx to our INVITE that names no way back: it is acknowledged and ended at the address
    /// that was called, lest it repeat for 64 * T1 (13.2.2.4). Our To holds the Request-URI.
    pub fn uac_to_be_left(response: &Response, path: &Path) -> Self {
        let headers = response.headers();
        Self {
            call_id: headers.call_id().into(),
            local: headers.from().detached(),
            remote: headers.to().detached(),
            routes: Vec::new(),
            target: headers.to().uri().detached(),
            local_cseq: headers.cseq().number,
            invite_cseq: headers.cseq().number,
            remote_cseq: None,
            path: *path,
            ours: true,
        }
    }

    /// Reads back what [`Self::kept`] gave. `hop` is where its signalling went, `ours` whether our INVITE had begun it.
    ///
    /// # Errors
    ///
    /// When one of the texts is not what it should be.
    pub fn restore(kept: &Kept, hop: &Hop, ours: bool) -> Result<Self, NoDialog> {
        let address = |text: &str| NameAddr::parse(text).map_err(|_bad| NoDialog::BadKept);
        let routes = kept.routes.iter().map(|route| address(route));
        Ok(Self {
            call_id: kept.call_id.as_str().into(),
            local: address(&kept.local)?,
            remote: address(&kept.remote)?,
            routes: routes.collect::<Result<_, _>>()?,
            target: Uri::parse(&kept.target).map_err(|_bad| NoDialog::BadKept)?,
            local_cseq: kept.cseq.saturating_add(KEPT_GAP),
            invite_cseq: kept.cseq,
            remote_cseq: None,
            path: Path {
                transport: hop.transport,
                local: hop.local.unwrap_or(NOWHERE),
                peer: hop.peer,
                flow: None,
            },
            ours,
        })
    }

    /// Returns the dialog as values for the call log.
    pub fn kept(&self) -> Kept {
        Kept {
            call_id: self.call_id.to_string(),
            local: self.local.to_string(),
            remote: self.remote.to_string(),
            target: self.target.to_string(),
            routes: self.routes.iter().map(ToString::to_string).collect(),
            cseq: self.local_cseq,
        }
    }

    /// Starts the next request within the dialog (12.2.1.1). The caller adds what it is about, and Contact where it
    /// refreshes the target.
    #[must_use]
    pub fn request(&mut self, method: &Method) -> RequestWriter {
        self.local_cseq = self.local_cseq.saturating_add(1);
        if *method == Method::Invite {
            self.invite_cseq = self.local_cseq;
        }
        self.start(method, self.local_cseq)
    }

    /// Leaves room in our numbers for requests that were sent while the dialog was early and are forgotten: its BYE comes
    /// after them.
    pub const fn skip_ahead(&mut self) {
        self.local_cseq = self.local_cseq.saturating_add(KEPT_GAP);
    }

    /// Starts the ACK for the 2xx to our last INVITE (13.2.2.4).
    #[must_use]
    pub fn ack(&self) -> RequestWriter {
        self.start(&Method::Ack, self.invite_cseq)
    }

    fn start(&self, method: &Method, number: u32) -> RequestWriter {
        let strict = self.strict_router();
        let uri = strict.map_or(&self.target, NameAddr::uri);
        let mut writer = RequestWriter::new(method, uri.without_headers());
        for route in self.routes.iter().skip(usize::from(strict.is_some())) {
            writer = writer.header(Name::Route, route);
        }
        if strict.is_some() {
            // A strict router takes the Request-URI for itself and the last Route for the goal (12.2.1.1).
            writer = writer.header(Name::Route, format_args!("<{}>", self.target));
        }
        writer
            .header(Name::MaxForwards, MAX_FORWARDS)
            .raw(b"From", self.local.as_bytes())
            .raw(b"To", self.remote.as_bytes())
            .header(Name::CallId, &self.call_id)
            .header(
                Name::CSeq,
                CSeq {
                    number,
                    method: method.clone(),
                },
            )
    }

    fn strict_router(&self) -> Option<&NameAddr> {
        let first = self.routes.first()?;
        (!first.uri().is_loose_route()).then_some(first)
    }

    /// Judges a request that came: it must be of this dialog and, but for ACK and CANCEL, newer than the last (12.2.2).
    ///
    /// # Errors
    ///
    /// The status to answer: 481, or 500 where the order is wrong.
    pub fn accepts(&mut self, request: &Request) -> Result<(), u16> {
        let headers = request.headers();
        if headers.call_id() != &*self.call_id
            || headers.to().tag() != self.local.tag()
            || headers.from().tag() != self.remote.tag()
        {
            return Err(481);
        }
        if matches!(request.method(), Method::Ack | Method::Cancel) {
            return Ok(());
        }
        let number = headers.cseq().number;
        // A repetition was absorbed by its transaction, so that the same number again is out of order too.
        if self.remote_cseq.is_some_and(|last| number <= last) {
            return Err(500);
        }
        self.remote_cseq = Some(number);
        Ok(())
    }

    /// Takes the peer's new Contact from a re-INVITE or UPDATE, or from the 2xx to ours (12.2.1.2, 12.2.2).
    pub fn refresh(&mut self, headers: &Headers) {
        if let Ok(target) = target(headers) {
            self.target = target.detached();
        }
    }

    /// Notes the way that the peer's latest message came: a phone may move to another connection.
    pub fn came_by(&mut self, path: &Path) {
        self.path = *path;
    }

    /// Returns the URI that the next request goes to: the first router's, else the peer's Contact.
    pub fn next_hop(&self) -> &Uri {
        self.routes.first().map_or(&self.target, NameAddr::uri)
    }

    /// Returns the address that the next request goes to.
    ///
    /// A URI with an address is followed, with two exceptions: a private address that a peer with a public one wrote is
    /// behind a NAT, and is reached where its messages come from; and one on the host of a connection that still stands
    /// uses that connection. A URI with a name leads where the dialog's messages come from: the trunk's address was
    /// resolved when the call was placed, and is not resolved again in mid-call.
    ///
    /// What came over TLS stays with the host whose certificate was seen, and on TLS whatever a Contact says (26.2.2); what
    /// came over a WebSocket goes back on it, for nobody can connect to its client (RFC 7118 section 3).
    pub fn hop(&self) -> Hop {
        let uri = self.next_hop();
        let back = Hop::back(&self.path);
        let Some(Host::Ip(ip)) = uri.host() else {
            return back;
        };
        let source = self.path.peer.ip();
        if ip.is_unspecified()
            || ip.is_ipv4() != source.is_ipv4()
            || (is_private(ip) && !is_private(source))
        {
            return back;
        }
        let came = self.path.transport;
        let transport = Transport::of_uri(uri).unwrap_or(came);
        if came.is_framed()
            || transport.is_framed()
            || transport.is_secure() != came.is_secure()
            || (came.is_secure() && ip != source)
        {
            return back;
        }
        let same = transport == came;
        let port = uri.port().unwrap_or_else(|| transport.default_port());
        Hop {
            transport,
            peer: SocketAddr::new(ip, port),
            local: Some(self.path.local),
            flow: self.path.flow.filter(|_| same && ip == source),
        }
    }

    /// Returns the Call-ID.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Returns From of our requests.
    pub const fn local(&self) -> &NameAddr {
        &self.local
    }

    /// Returns To of our requests.
    pub const fn remote(&self) -> &NameAddr {
        &self.remote
    }

    /// Returns our tag.
    pub fn local_tag(&self) -> Option<&str> {
        self.local.tag()
    }

    /// Whether this is the dialog that its peer, or who was told by it, names so (RFC 3891 3).
    pub fn is_named(&self, replaces: &Replaces) -> bool {
        self.call_id() == &*replaces.call_id
            && self.local_tag() == Some(&*replaces.to_tag)
            && self.remote_tag() == Some(&*replaces.from_tag)
    }

    /// Returns the peer's tag; `None` for a peer of RFC 2543.
    pub fn remote_tag(&self) -> Option<&str> {
        self.remote.tag()
    }

    /// Returns the peer's Contact.
    pub const fn target(&self) -> &Uri {
        &self.target
    }

    /// Returns the last CSeq number that we used.
    pub const fn cseq(&self) -> u32 {
        self.local_cseq
    }
}

/// Reads Record-Route from the top.
fn routes(headers: &Headers) -> Result<Vec<NameAddr>, NoDialog> {
    let mut routes = Vec::new();
    for value in headers.all(Name::RecordRoute) {
        if routes.len() == ROUTES_MAX {
            return Err(NoDialog::BadRoute);
        }
        routes.push(NameAddr::parse(value).map_err(|_bad| NoDialog::BadRoute)?);
    }
    Ok(routes)
}

fn target(headers: &Headers) -> Result<&Uri, NoDialog> {
    headers
        .contact()
        .map(NameAddr::uri)
        .filter(|uri| uri.host().is_some())
        .ok_or(NoDialog::NoContact)
}

/// Where the sender of an INVITE is: in one without a Contact, which is of RFC 2543, From says it.
fn callers_target(headers: &Headers) -> Result<&Uri, NoDialog> {
    match headers.contact() {
        None if headers.from().uri().host().is_some() => Ok(headers.from().uri()),
        Some(_) | None => target(headers),
    }
}

/// Addresses that mean something inside one network only (RFC 1918, RFC 4193).
const fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback(),
    }
}

#[cfg(test)]
mod tests;
