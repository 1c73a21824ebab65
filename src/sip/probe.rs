//! What must hold for any bytes at all: the entry points of fuzzing and of the replayed corpora.
//!
//! Each function reads what a stranger might send and checks what the rest of ringtag relies on. They are in the library so that
//! a fuzz target is one line and the same line runs in ordinary tests.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;

use crate::sip::auth::Challenge;
use crate::sip::frame::{Frame, Framer};
use crate::sip::header::Name;
use crate::sip::malformed::Malformed;
use crate::sip::message::{MESSAGE_MAX, Message, Request};
use crate::sip::name_addr::NameAddr;
use crate::sip::uri::Uri;
use crate::sip::write::Reply;

/// Where the bytes pretend to come from.
const SOURCE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 5060);

/// Reads one datagram, everything in it, and what we would answer.
///
/// # Panics
///
/// When something does not hold that must.
pub fn message(bytes: &[u8]) {
    match Message::parse(Bytes::copy_from_slice(bytes)) {
        Ok(message) => {
            headers(&message);
            if let Message::Request(request) = message {
                answer(&request.arrived_from(SOURCE));
            }
        }
        Err(malformed) => refusal(&malformed),
    }
}

/// Cuts a stream that arrives in pieces; the first byte says how large they are.
///
/// # Panics
///
/// When something does not hold that must.
pub fn stream(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let whole = frames(rest, rest.len().max(1));
    let pieces = frames(rest, usize::from(*first).max(1));
    assert_eq!(whole, pieces, "the pieces change what is read");
    for frame in whole.into_iter().flatten() {
        message(&frame);
    }
}

/// Cuts `bytes` as they arrive in pieces of `step`. `None` stands for a broken stream.
fn frames(bytes: &[u8], step: usize) -> Vec<Option<Bytes>> {
    let mut framer = Framer::new();
    let mut found = Vec::new();
    for piece in bytes.chunks(step) {
        framer.push(piece);
        for frame in framer.by_ref() {
            match frame {
                Ok(Frame::Message(bytes)) => {
                    assert!(bytes.len() <= MESSAGE_MAX, "a frame is bounded");
                    found.push(Some(bytes));
                }
                Ok(Frame::KeepAlive) => {}
                Err(_broken) => found.push(None),
            }
        }
    }
    found
}

fn headers(message: &Message) {
    let headers = message.headers();
    let everything = headers.iter().map(|(name, label, value)| {
        let breaks = memchr::memchr2(b'\r', b'\n', value).is_some();
        assert!(!breaks, "a value holds a line break");
        assert!(!label.is_empty(), "a header has no name");
        assert!(name == Name::Other || Name::of(label) == name);
        headers.all(name).count()
    });
    assert!(everything.sum::<usize>() > 0, "a message has headers");
    for address in [headers.from(), headers.to()]
        .into_iter()
        .chain(headers.contact())
    {
        addr(address);
    }
    for contact in headers.contacts() {
        addr(&contact);
    }
    let via = headers.top_via();
    let again = crate::sip::via::Via::parse(via.as_bytes());
    assert_eq!(again.as_ref(), Ok(via), "a Via reads back");
    let _read = (via.host(), via.received(), via.maddr(), via.ttl());
    let _read = (
        headers.expires(),
        headers.reason_q850(),
        Challenge::all(headers),
    );
    assert!(!headers.call_id().is_empty());
    if let Message::Request(request) = message {
        uri(request.uri());
    }
}

fn addr(address: &NameAddr) {
    let again = NameAddr::parse(address.as_bytes());
    assert_eq!(again.as_ref(), Ok(address), "an address reads back");
    let tagged = address.with_tag(Some("t"));
    assert_eq!(tagged.tag(), Some("t"), "an address takes a tag");
    assert_eq!(tagged.uri(), address.uri(), "a tag changes no URI");
    uri(address.uri());
}

fn uri(uri: &Uri) {
    assert_eq!(
        Uri::parse(uri.as_str()).as_ref(),
        Ok(uri),
        "a URI reads back"
    );
    assert!(uri.matches(uri), "a URI is itself");
    let bare = uri.without_headers();
    assert!(Uri::parse(bare.as_str()).is_ok() && bare.headers().is_none());
    let _read = (uri.host(), uri.user_unescaped(), uri.param("lr"));
}

fn answer(request: &Request) {
    let bytes = Reply::to(request, 200, "OK").tag("t").finish();
    let Ok(Message::Response(response)) = Message::parse(bytes) else {
        unreadable("an answer");
        return;
    };
    let (asked, got) = (request.headers(), response.headers());
    assert_eq!(got.call_id(), asked.call_id());
    assert_eq!(got.cseq(), asked.cseq());
    assert_eq!(got.from(), asked.from());
    assert_eq!(got.all(Name::Via).count(), asked.all(Name::Via).count());
    assert_eq!(got.top_via().branch(), asked.top_via().branch());
    assert!(got.to().tag().is_some());
}

fn refusal(malformed: &Malformed) {
    let Some(reply) = Reply::to_malformed(malformed, SOURCE) else {
        return;
    };
    let bytes = reply.finish();
    let head = bytes.windows(4).filter(|four| four == b"\r\n\r\n").count();
    assert_eq!(head, 1, "a refusal ends once");
    if let Err(malformed) = Message::parse(bytes) {
        assert!(malformed.answer().is_none(), "a refusal is never answered");
    }
}

fn unreadable(what: &str) {
    assert!(what.is_empty(), "{what} of ours cannot be read");
}
