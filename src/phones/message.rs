//! All of rsip: what the phones read from a message and how they write one (RFC 3261).

use rsip::headers::{ToTypedHeader, UntypedHeader};
use rsip::message::{HasHeaders, HeadersExt};
use rsip::{Header, Headers, Method, Request, Response, SipMessage, StatusCode, Uri, Version};

/// Reads a datagram; `None`: rsip cannot.
pub(in crate::phones) fn read(datagram: &[u8]) -> Option<SipMessage> {
    SipMessage::try_from(datagram).ok()
}

/// Writes a message.
pub(in crate::phones) fn write(message: impl Into<SipMessage>) -> Vec<u8> {
    message.into().into()
}

/// The branch of the topmost Via: the transaction's name.
pub(in crate::phones) fn branch(message: &impl HeadersExt) -> Option<String> {
    let via = message.via_header().ok()?.typed().ok()?;
    via.branch().map(|branch| branch.value().to_owned())
}

/// Call-ID.
pub(in crate::phones) fn call_id(message: &impl HeadersExt) -> Option<String> {
    message
        .call_id_header()
        .ok()
        .map(|id| id.value().to_owned())
}

/// The number of CSeq.
pub(in crate::phones) fn cseq(message: &impl HeadersExt) -> Option<u32> {
    Some(message.cseq_header().ok()?.typed().ok()?.seq)
}

/// The method of CSeq.
pub(in crate::phones) fn cseq_method(message: &impl HeadersExt) -> Option<Method> {
    Some(message.cseq_header().ok()?.typed().ok()?.method)
}

/// Whether To has a tag: the request belongs to a dialog (12.2).
pub(in crate::phones) fn is_in_dialog(request: &Request) -> bool {
    let tag = request.to_header().ok().and_then(|to| to.tag().ok());
    tag.flatten().is_some()
}

/// The URI of Contact.
pub(in crate::phones) fn contact(message: &impl HeadersExt) -> Option<Uri> {
    message.contact_header().ok()?.uri().ok()
}

/// The entries of every Record-Route, in order.
pub(in crate::phones) fn record_routes(
    message: &impl HeadersExt,
) -> Vec<rsip::common::uri::UriWithParams> {
    let mut routes = Vec::new();
    for header in message.headers().iter() {
        if let Header::RecordRoute(route) = header
            && let Ok(route) = route.typed()
        {
            routes.extend_from_slice(route.uris());
        }
    }
    routes
}

/// The value of the first header of that name, as it came.
pub(in crate::phones) fn header(message: &impl HasHeaders, name: &str) -> Option<String> {
    message.headers().iter().find_map(|header| {
        let line = header.to_string();
        let (found, value) = line.split_once(':')?;
        found
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().to_owned())
    })
}

/// What a new request says beside method and URI.
pub(in crate::phones) struct Head {
    pub(in crate::phones) via: String,
    pub(in crate::phones) from: String,
    pub(in crate::phones) to: String,
    pub(in crate::phones) call_id: String,
    pub(in crate::phones) cseq: u32,
    pub(in crate::phones) routes: Vec<String>,
    pub(in crate::phones) contact: String,
}

/// Makes a request (8.1.1).
pub(in crate::phones) fn request(
    method: Method,
    uri: Uri,
    head: Head,
    sdp: Option<Vec<u8>>,
) -> Request {
    let mut headers = vec![
        rsip::headers::Via::new(head.via).into(),
        rsip::headers::MaxForwards::new("70").into(),
        rsip::headers::From::new(head.from).into(),
        rsip::headers::To::new(head.to).into(),
        rsip::headers::CallId::new(head.call_id).into(),
        rsip::headers::CSeq::new(format!("{} {method}", head.cseq)).into(),
    ];
    headers.extend(
        head.routes
            .into_iter()
            .map(|route| rsip::headers::Route::new(route).into()),
    );
    headers.push(rsip::headers::Contact::new(head.contact).into());
    headers.push(rsip::headers::UserAgent::new(USER_AGENT).into());
    let (headers, body) = with_body(headers, sdp);
    Request {
        method,
        uri,
        version: Version::V2,
        headers,
        body,
    }
}

/// Makes a response (8.2.6): the tag goes to To where that has none.
pub(in crate::phones) fn response(
    request: &Request,
    status: u16,
    tag: &str,
    contact: Option<&str>,
    sdp: Option<Vec<u8>>,
) -> Response {
    let mut headers = Vec::new();
    for header in request.headers().iter() {
        if let Header::To(to) = header {
            let tagged = to.tag().ok().flatten().is_some() || status == 100;
            let mut text = to.value().to_owned();
            if !tagged {
                text = format!("{text};tag={tag}");
            }
            headers.push(rsip::headers::To::new(text).into());
        } else if is_echoed(header) || matches!(header, Header::RecordRoute(_)) {
            headers.push(header.clone());
        }
    }
    headers.extend(contact.map(|contact| rsip::headers::Contact::new(contact).into()));
    headers.push(rsip::headers::Allow::new(ALLOW).into());
    let (headers, body) = with_body(headers, sdp);
    Response {
        status_code: StatusCode::from(status),
        version: Version::V2,
        headers,
        body,
    }
}

/// Makes the ACK of a final response other than 2xx: the INVITE's own transaction (17.1.1.3).
pub(in crate::phones) fn ack_of_refusal(invite: &Request, response: &Response) -> Request {
    of_invite(invite, Method::Ack, response.to_header().ok().cloned())
}

/// Makes the CANCEL of an INVITE (9.1).
pub(in crate::phones) fn cancel(invite: &Request) -> Request {
    of_invite(invite, Method::Cancel, None)
}

/// A request of the INVITE's transaction: its URI, Via, From, Call-ID, number and route.
fn of_invite(invite: &Request, method: Method, to: Option<rsip::headers::To>) -> Request {
    let mut headers = Vec::new();
    for header in invite.headers().iter() {
        if let Header::To(same) = header {
            headers.push(to.clone().unwrap_or_else(|| same.clone()).into());
        } else if matches!(header, Header::CSeq(_)) {
            let number = cseq(invite).unwrap_or(1);
            headers.push(rsip::headers::CSeq::new(format!("{number} {method}")).into());
        } else if is_echoed(header) || matches!(header, Header::MaxForwards(_) | Header::Route(_)) {
            headers.push(header.clone());
        }
    }
    let (headers, body) = with_body(headers, None);
    Request {
        method,
        uri: invite.uri.clone(),
        version: Version::V2,
        headers,
        body,
    }
}

/// What a transaction's messages share beside To.
const fn is_echoed(header: &Header) -> bool {
    matches!(
        header,
        Header::Via(_) | Header::From(_) | Header::CallId(_) | Header::CSeq(_)
    )
}

fn with_body(mut headers: Vec<Header>, sdp: Option<Vec<u8>>) -> (Headers, Vec<u8>) {
    if sdp.is_some() {
        headers.push(rsip::headers::ContentType::new("application/sdp").into());
    }
    let body = sdp.unwrap_or_default();
    headers.push(rsip::headers::ContentLength::new(body.len().to_string()).into());
    (headers.into(), body)
}

const USER_AGENT: &str = concat!("ringtag built-in phone/", env!("CARGO_PKG_VERSION"));
const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS";
