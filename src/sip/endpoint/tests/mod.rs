//! The endpoint on a jumping clock: one bench that plays the peers, and what it saw.

mod breaks;
mod client;
mod refusals;
mod server;
mod size;
mod streams;
mod two;
mod websocket;

use std::collections::VecDeque;

use super::*;
use crate::sip::header::Name;
use crate::sip::message::Request;
use crate::sip::method::Method;
use crate::sip::write::{Outgoing, Reply, RequestWriter, reason_phrase};

/// Our UDP and TCP listener.
const US: &str = "192.0.2.1:5060";
/// A peer.
const PEER: &str = "198.51.100.7:5060";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn udp(peer: &str) -> Path {
    Path {
        transport: Transport::Udp,
        local: address(US),
        peer: address(peer),
        flow: None,
    }
}

fn settings() -> Settings {
    Settings {
        advertise: None,
        listeners: vec![
            (Transport::Udp, address(US)),
            (Transport::Tcp, address(US)),
            (Transport::Udp, address("[2001:db8::1]:5060")),
        ],
        user_agent: "ringtag".to_owned(),
        transactions_max: TRANSACTIONS_MAX,
    }
}

/// One endpoint, the time, and what it put out and is not looked at yet.
struct Bench {
    endpoint: Endpoint,
    now: Moment,
    sent: VecDeque<(u64, Transmit)>,
    events: VecDeque<Event>,
    /// The keys of the requests among them, in order.
    taken: VecDeque<ServerKey>,
    /// Requests are taken as they come.
    takes: bool,
}

impl Bench {
    fn new() -> Self {
        Self::with(settings())
    }

    fn with(settings: Settings) -> Self {
        Self {
            endpoint: Endpoint::new(settings, Chance::from_number(1)),
            now: Moment::START,
            sent: VecDeque::new(),
            events: VecDeque::new(),
            taken: VecDeque::new(),
            takes: true,
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Transmit(transmit) => {
                    self.sent.push_back((self.now.as_millis(), transmit));
                }
                Output::Event(event) => self.told(event),
                Output::Heard(..) => panic!("nobody asked to overhear"),
            }
        }
    }

    fn told(&mut self, event: Event) {
        if let Event::Request {
            knock,
            request,
            path,
        } = &event
            && self.takes
        {
            match self.endpoint.take(self.now, *knock, request, *path) {
                Some(key) => self.taken.push_back(key),
                None => return,
            }
        }
        self.events.push_back(event);
    }

    /// Goes to `millis`, waking the endpoint whenever it asks.
    fn at(&mut self, millis: u64) {
        let until = Moment::from_millis(millis);
        while let Some((at, _)) = self.endpoint.poll_timeout() {
            if at > until {
                break;
            }
            self.now = self.now.max(at);
            self.endpoint.handle_timeout(self.now);
            self.drain();
        }
        self.now = until;
    }

    fn until_idle(&mut self) {
        while let Some((at, _)) = self.endpoint.poll_timeout() {
            self.at(at.as_millis());
        }
    }

    fn datagram(&mut self, peer: &str, text: &str) {
        self.bytes(peer, Bytes::copy_from_slice(text.as_bytes()));
    }

    fn bytes(&mut self, peer: &str, bytes: Bytes) {
        let path = Path {
            local: if peer.starts_with('[') {
                address("[2001:db8::1]:5060")
            } else {
                address(US)
            },
            ..udp(peer)
        };
        self.endpoint.handle_datagram(self.now, path, bytes);
        self.drain();
    }

    fn request(&mut self, to: Hop, request: Outgoing) -> ClientKey {
        let key = self.endpoint.request(self.now, to, request);
        self.drain();
        key
    }

    fn respond(&mut self, key: ServerKey, request: &Request, status: u16) {
        let reply = Reply::to(request, status, reason_phrase(status)).tag("ours");
        self.endpoint.respond(self.now, key, status, reply.finish());
        self.drain();
    }

    /// The next message sent, as text.
    #[track_caller]
    fn sent(&mut self) -> String {
        let (_, transmit) = self.sent.pop_front().expect("something was sent");
        text(&transmit)
    }

    #[track_caller]
    fn nothing_sent(&self) {
        assert!(self.sent.is_empty(), "{:?}", self.sent);
    }

    /// The start lines of all that was sent since, each with its time.
    fn lines(&mut self) -> Vec<(u64, String)> {
        self.sent
            .drain(..)
            .map(|(at, transmit)| (at, first_line(&text(&transmit))))
            .collect()
    }

    /// The times at which something that begins with `start` was sent.
    fn times(&mut self, start: &str) -> Vec<u64> {
        let lines = self.lines();
        lines
            .into_iter()
            .filter(|(_, line)| line.starts_with(start))
            .map(|(at, _)| at)
            .collect()
    }

    #[track_caller]
    fn event(&mut self) -> Event {
        self.events.pop_front().expect("something was told")
    }

    #[track_caller]
    fn nothing_told(&self) {
        assert!(self.events.is_empty(), "{:?}", self.events);
    }

    /// The request just told.
    #[track_caller]
    fn told_request(&mut self) -> (ServerKey, Request, Path) {
        let event = self.event();
        let Event::Request { request, path, .. } = event else {
            panic!("{event:?}");
        };
        let key = self.taken.pop_front().expect("it was taken");
        (key, request, path)
    }

    /// The status of the response just told for `key`.
    #[track_caller]
    fn told_response(&mut self, key: ClientKey) -> u16 {
        let event = self.event();
        let Event::Response {
            key: told,
            response,
            ..
        } = event
        else {
            panic!("{event:?}");
        };
        assert_eq!(told, key);
        response.status()
    }

    #[track_caller]
    fn told_failure(&mut self, key: ClientKey) -> Failure {
        let event = self.event();
        let Event::Failed { key: told, why } = event else {
            panic!("{event:?}");
        };
        assert_eq!(told, key);
        why
    }

    /// The status of the refusal just told.
    #[track_caller]
    fn told_refusal(&mut self) -> u16 {
        let event = self.event();
        let Event::Refused { status, .. } = event else {
            panic!("{event:?}");
        };
        status
    }
}

fn text(transmit: &Transmit) -> String {
    match transmit {
        Transmit::Datagram { bytes, .. } | Transmit::Stream { bytes, .. } => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        Transmit::Open { peer, .. } => format!("open {peer}"),
        Transmit::Close { .. } => "close".to_owned(),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// The value of the first header called `name` in a message.
fn header<'a>(message: &'a str, name: &str) -> &'a str {
    message
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        .unwrap_or_else(|| panic!("no {name} in {message}"))
}

/// A request of a peer's with the Via and what else is given.
fn their(method: &str, via: &str, rest: &str) -> String {
    format!(
        "{method} sip:us@192.0.2.1 SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\n\
         From: <sip:a@x>;tag=theirs\r\nTo: <sip:us@192.0.2.1>\r\nCall-ID: c1\r\nCSeq: 7 {method}\r\n{rest}\r\n"
    )
}

const VIA: &str = "SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKone";

/// A request of ours.
fn ours(method: &Method) -> Outgoing {
    RequestWriter::new(method, "sip:them@198.51.100.7")
        .header(Name::MaxForwards, 70)
        .header(Name::From, "<sip:us@192.0.2.1>;tag=mine")
        .header(Name::To, "<sip:them@198.51.100.7>")
        .header(Name::CallId, "c2")
        .header(Name::CSeq, format_args!("3 {method}"))
        .outgoing()
}

fn hop() -> Hop {
    Hop::to(Transport::Udp, address(PEER))
}

/// A response of the peer's to a request that we sent.
fn answer(request: &str, status: u16, tag: &str) -> String {
    let request = Request::parse(Bytes::copy_from_slice(request.as_bytes())).unwrap();
    let reply = Reply::to(&request, status, reason_phrase(status));
    let reply = if tag.is_empty() {
        reply
    } else {
        reply.tag(tag)
    };
    String::from_utf8(reply.finish().to_vec()).unwrap()
}
