//! What a phone knows of one dialog (RFC 3261 12), from the INVITE on.

use std::net::{IpAddr, SocketAddr};

use rsip::headers::UntypedHeader;
use rsip::message::HeadersExt;
use rsip::{Host, Method, Request, Response, Uri};

use crate::phones::message;
use crate::phones::phone::Fault;
use crate::phones::wire::Wire;

/// One side of a dialog.
#[derive(Clone, Debug)]
pub(in crate::phones) struct Dialog {
    pub(in crate::phones) call_id: String,
    /// From of our requests, with our tag.
    local: String,
    /// To of our requests, with the peer's tag once there is one.
    remote: String,
    target: Uri,
    routes: Vec<rsip::common::uri::UriWithParams>,
    cseq: u32,
    contact: String,
    /// Where the first message came from or went to; used where no literal address says better.
    peer: SocketAddr,
}

impl Dialog {
    /// Before the INVITE.
    pub(in crate::phones) fn begin(wire: &Wire, user: &str, uri: Uri, peer: SocketAddr) -> Self {
        let here = wire.address;
        Self {
            call_id: format!("{}@{}", wire.token(), here.ip()),
            local: format!("<sip:{user}@{here}>;tag={}", wire.token()),
            remote: format!("<{uri}>"),
            target: uri,
            routes: Vec::new(),
            cseq: 0,
            contact: contact(user, here),
            peer,
        }
    }

    /// From an INVITE that is answered with `tag`.
    pub(in crate::phones) fn answer(
        wire: &Wire,
        user: &str,
        invite: &Request,
        tag: &str,
        peer: SocketAddr,
    ) -> Result<Self, Fault> {
        let to = invite.to_header().map_err(|_| Fault::Unreadable)?;
        let from = invite.from_header().map_err(|_| Fault::Unreadable)?;
        Ok(Self {
            call_id: message::call_id(invite).ok_or(Fault::Unreadable)?,
            local: format!("{};tag={tag}", to.value()),
            remote: from.value().to_owned(),
            target: message::contact(invite).ok_or(Fault::Unreadable)?,
            routes: message::record_routes(invite),
            cseq: 0,
            contact: contact(user, wire.address),
            peer,
        })
    }

    /// Takes the peer's tag, contact and route from a 2xx to our first INVITE (12.1.2).
    pub(in crate::phones) fn learn(&mut self, response: &Response) -> Result<(), Fault> {
        let to = response.to_header().map_err(|_| Fault::Unreadable)?;
        self.remote = to.value().to_owned();
        self.target = message::contact(response).ok_or(Fault::Unreadable)?;
        self.routes = message::record_routes(response);
        self.routes.reverse();
        Ok(())
    }

    /// Takes a new contact from the peer's re-INVITE or its 2xx (12.2).
    pub(in crate::phones) fn refresh(&mut self, message: &impl HeadersExt) {
        if let Some(target) = message::contact(message) {
            self.target = target;
        }
    }

    /// The next request.
    pub(in crate::phones) fn request(
        &mut self,
        wire: &Wire,
        method: Method,
        sdp: Option<Vec<u8>>,
    ) -> Request {
        self.cseq += 1;
        self.numbered(wire, method, self.cseq, sdp)
    }

    /// The ACK of the 2xx to our INVITE of that number (13.2.2.4).
    pub(in crate::phones) fn ack(&self, wire: &Wire, number: u32) -> Request {
        self.numbered(wire, Method::Ack, number, None)
    }

    /// Our Contact.
    pub(in crate::phones) fn contact(&self) -> &str {
        &self.contact
    }

    /// Where requests go: the first route, else the target, where their host is an address.
    pub(in crate::phones) fn hop(&self) -> SocketAddr {
        let uri = self.routes.first().map_or(&self.target, |route| &route.uri);
        let port = uri.port().map_or(5060, |port| *port.value());
        match uri.host() {
            Host::IpAddr(ip @ IpAddr::V4(_)) => SocketAddr::new(*ip, port),
            Host::IpAddr(IpAddr::V6(_)) | Host::Domain(_) => self.peer,
        }
    }

    fn numbered(&self, wire: &Wire, method: Method, cseq: u32, sdp: Option<Vec<u8>>) -> Request {
        let head = message::Head {
            via: wire.via(),
            from: self.local.clone(),
            to: self.remote.clone(),
            call_id: self.call_id.clone(),
            cseq,
            routes: self.routes.iter().map(ToString::to_string).collect(),
            contact: self.contact.clone(),
        };
        message::request(method, self.target.clone(), head, sdp)
    }
}

fn contact(user: &str, here: SocketAddr) -> String {
    format!("<sip:{user}@{here}>")
}
