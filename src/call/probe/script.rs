//! The play: bytes become steps, and steps become what a peer says, from what it heard so far.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use bytes::Bytes;

use crate::call::probe::{Step as Act, Word};
use crate::sip::header::Name;
use crate::sip::message::{Message, Method, Request, Response};
use crate::sip::reply::Reply;

const fn host(last: u8, port: u16) -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, last), port))
}

/// Where we listen.
pub(in crate::call::probe) const US: SocketAddr = host(1, 5060);
/// Where calls come from.
pub(in crate::call::probe) const CARRIER: SocketAddr = host(2, 5066);
/// Where the desks are.
pub(in crate::call::probe) const PBX: SocketAddr = host(3, 5070);
/// A number of ours.
pub(in crate::call::probe) const OURS: &str = "+74950000001";

/// Messages that a play remembers: enough for a few calls, few enough that a byte chooses among them.
const HEARD_MAX: usize = 48;

const STATUSES: [u16; 24] = [
    100, 180, 183, 199, 200, 202, 300, 302, 400, 401, 407, 408, 420, 421, 422, 423, 480, 481, 486,
    488, 491, 500, 503, 603,
];
const METHODS: [Method; 14] = [
    Method::Ack,
    Method::Bye,
    Method::Invite,
    Method::Update,
    Method::Prack,
    Method::Refer,
    Method::Info,
    Method::Options,
    Method::Notify,
    Method::Message,
    Method::Subscribe,
    Method::Cancel,
    Method::Register,
    Method::Publish,
];
const WAITS_MS: [u64; 12] = [
    1, 100, 500, 1_000, 4_000, 8_000, 20_000, 32_000, 60_000, 300_000, 900_000, 1_800_000,
];
/// Bodies, by choice; `None`: no body.
const BODIES: [Option<&str>; 8] = [
    None,
    Some("m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"),
    Some("m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n"),
    Some("m=audio 4100 RTP/AVP 0\r\na=rtcp-mux\r\n"),
    Some("m=audio 4000 RTP/AVP 8\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n"),
    Some("m=audio 4000 RTP/AVP 8\r\nm=video 4002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"),
    Some("m=image 4000 udptl t38\r\n"),
    Some("m=audio 0 RTP/AVP 8\r\n"),
];
/// Headers, one bit each.
const HEADERS: [&str; 8] = [
    "Supported: 100rel, timer, replaces\r\n",
    "Require: 100rel\r\n",
    "Allow: INVITE, ACK, CANCEL, BYE, UPDATE, PRACK, REFER, NOTIFY, INFO, OPTIONS\r\n",
    "Session-Expires: 90;refresher=uas\r\nMin-SE: 90\r\n",
    "Session-Expires: 600;refresher=uac\r\n",
    "Require: timer\r\n",
    "Reason: Q.850;cause=17\r\n",
    "Refer-Sub: false\r\n",
];

/// One step as the bytes say it.
#[derive(Clone, Copy)]
pub(in crate::call::probe) struct Step {
    /// What.
    op: u8,
    /// Of which message or dialog, counted from the newest.
    which: u8,
    /// Method or status.
    kind: u8,
    /// Body, in the low three bits; tags and numbers in the others.
    body: u8,
    /// Headers, a bit each.
    headers: u8,
}

/// Bytes read as steps.
pub(in crate::call::probe) struct Script<'b>(std::slice::Iter<'b, u8>);

impl<'b> Script<'b> {
    pub(in crate::call::probe) fn new(bytes: &'b [u8]) -> Self {
        Self(bytes.iter())
    }

    pub(in crate::call::probe) fn next(&mut self) -> Option<u8> {
        self.0.next().copied()
    }

    /// `None` at the end; a last step may be short.
    pub(in crate::call::probe) fn step(&mut self) -> Option<Step> {
        let op = self.next()?;
        let mut more = || self.next().unwrap_or_default();
        Some(Step {
            op,
            which: more(),
            kind: more(),
            body: more(),
            headers: more(),
        })
    }
}

/// Both peers: what they heard, and what one of them said last.
#[derive(Default)]
pub(in crate::call::probe) struct Peer {
    requests: VecDeque<(SocketAddr, Request)>,
    responses: VecDeque<(SocketAddr, Response)>,
    /// The answers that made dialogs, as whoever began them sees it: ours to the carrier, and what the PBX said.
    dialogs: VecDeque<Dialog>,
    invites: VecDeque<Bytes>,
    said: Option<(SocketAddr, Bytes)>,
    number: u32,
}

/// A dialog as a peer sees it.
#[derive(Clone)]
struct Dialog {
    at: SocketAddr,
    call_id: String,
    local: String,
    remote: String,
    target: String,
    rseq: u32,
    invite: u32,
}

impl Peer {
    /// Takes what was sent to a peer.
    pub(in crate::call::probe) fn hear(&mut self, at: SocketAddr, bytes: Bytes) {
        // What answers a message that cannot be read may be as odd as that.
        let Ok(message) = Message::parse(bytes) else {
            return;
        };
        match message {
            Message::Request(request) => remember(&mut self.requests, (at, request)),
            Message::Response(response) => {
                if let Some(dialog) = Dialog::answered(at, &response) {
                    remember(&mut self.dialogs, dialog);
                }
                remember(&mut self.responses, (at, response));
            }
        }
    }

    /// Turns a step into something that happens.
    pub(in crate::call::probe) fn act(&mut self, step: Step) -> Act {
        let said = match step.op % 16 {
            0 | 1 => Some(self.dial(step)),
            2..=6 => self.answer(step),
            7..=9 => self.within(step),
            10 => self.cancel(step),
            11 => return Act::Waits(Duration::from_millis(one_of(&WAITS_MS, step.which))),
            12 => self.said.clone(),
            13 => self.damaged(step),
            14 => {
                let words = [Word::HangUp, Word::Silent, Word::NoPorts, Word::Ports];
                return Act::Told(one_of(&words, step.which));
            }
            _ack_what_came_last => self.within(Step {
                kind: 0,
                which: 0,
                ..step
            }),
        };
        match said {
            Some((from, bytes)) => {
                self.said = Some((from, bytes.clone()));
                Act::Says(from, bytes)
            }
            None => Act::Nothing,
        }
    }

    fn dial(&mut self, step: Step) -> (SocketAddr, Bytes) {
        let number = self.next_number();
        let from = if step.which & 1 == 0 { CARRIER } else { PBX };
        let to = if step.which & 2 == 0 { OURS } else { "101" };
        let mut more = headers(step.headers);
        if step.which & 4 != 0
            && let Some(dialog) = newest(&self.dialogs, step.kind)
        {
            let (local, remote) = (tag(&dialog.local), tag(&dialog.remote));
            let _infallible = write!(
                more,
                "Replaces: {};to-tag={remote};from-tag={local}\r\n",
                dialog.call_id
            );
        }
        let text = format!(
            "INVITE sip:{to}@{US} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKd{number}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:+7916000000{}@{from}>;tag=f{number}\r\nTo: <sip:{to}@{US}>\r\n\
             Call-ID: c{number}\r\nCSeq: 1 INVITE\r\nContact: <sip:caller@{from}>\r\n{more}{}",
            number % 10,
            body(step.body, from)
        );
        let bytes = Bytes::from(text);
        remember(&mut self.invites, bytes.clone());
        (from, bytes)
    }

    fn answer(&mut self, step: Step) -> Option<(SocketAddr, Bytes)> {
        let (at, request) = newest(&self.requests, step.which)?;
        let (at, request) = (*at, request.clone());
        let status = one_of(&STATUSES, step.kind);
        let mut reply = Reply::to(&request, status, "Whatever")
            .header(Name::Contact, format_args!("<sip:desk@{at}>"));
        // One request may be answered by several phones.
        let tag = format!("t{}", step.body >> 6);
        if status > 100 {
            reply = reply.tag(&tag);
        }
        let more = headers(step.headers);
        for (name, value) in more.lines().filter_map(|line| line.split_once(": ")) {
            reply = reply.raw(name.as_bytes(), value.as_bytes());
        }
        let rseq = 1 + u32::from(step.body >> 3 & 7);
        if step.headers & 2 != 0 {
            reply = reply.raw(b"RSeq", rseq.to_string().as_bytes());
        }
        match status {
            300 | 302 => {
                let contact = format!("<sip:102@{PBX}>;q=0.5, <sip:103@192.0.2.1>");
                reply = reply.raw(b"Contact", contact.as_bytes());
            }
            401 => {
                let ask = "Digest realm=\"office\", nonce=\"n\", algorithm=MD5, qop=\"auth\"";
                reply = reply.raw(b"WWW-Authenticate", ask.as_bytes());
            }
            407 => reply = reply.raw(b"Proxy-Authenticate", b"Digest realm=\"o\", nonce=\"n\""),
            422 => reply = reply.raw(b"Min-SE", b"3600"),
            _plain => {}
        }
        if let Some(sdp) = sdp(step.body, at) {
            reply = reply.body("application/sdp", sdp.as_bytes());
        }
        let bytes = reply.finish();
        if matches!(request.method(), Method::Invite)
            && let Some(Message::Response(response)) = Message::parse(bytes.clone()).ok()
            && let Some(dialog) = Dialog::placed(at, &request, &response)
        {
            remember(&mut self.dialogs, dialog);
        }
        Some((at, bytes))
    }

    /// A request within a dialog.
    fn within(&mut self, step: Step) -> Option<(SocketAddr, Bytes)> {
        let number = self.next_number();
        let dialog = newest(&self.dialogs, step.which)?.clone();
        let at = dialog.at;
        let method = one_of_ref(&METHODS, step.kind);
        let of_the_invite = matches!(method, Method::Ack | Method::Cancel);
        let cseq = if of_the_invite {
            dialog.invite
        } else {
            1 + number
        };
        let mut more = headers(step.headers);
        if *method == Method::Prack {
            let _infallible = write!(more, "RAck: {} {} INVITE\r\n", dialog.rseq, dialog.invite);
        } else if *method == Method::Refer {
            more += &self.refer_to(step);
        } else if *method == Method::Notify {
            more += "Event: refer\r\nSubscription-State: active\r\n";
        }
        let text = format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bKw{number}\r\nMax-Forwards: 70\r\n\
             From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\nContact: <sip:peer@{at}>\r\n{more}{}",
            dialog.target,
            dialog.local,
            dialog.remote,
            dialog.call_id,
            body(step.body, at)
        );
        Some((at, Bytes::from(text)))
    }

    fn refer_to(&self, step: Step) -> String {
        let other = newest(&self.dialogs, step.body >> 3);
        match (step.body >> 6, other) {
            (0, _) => format!("Refer-To: <sip:102@{PBX}>\r\n"),
            (1, _) => format!("Refer-To: <sip:{OURS}@{US}>\r\n"),
            (2, _) => "Refer-To: <sip:102@192.0.2.1?X=%0d%0aY:%20z>\r\n".to_owned(),
            (_, Some(other)) => format!(
                "Refer-To: <sip:102@{PBX}?Replaces={}%3Bto-tag%3D{}%3Bfrom-tag%3D{}>\r\n",
                other.call_id,
                tag(&other.remote),
                tag(&other.local)
            ),
            (_, None) => String::new(),
        }
    }

    fn cancel(&self, step: Step) -> Option<(SocketAddr, Bytes)> {
        let invite = Request::parse(newest(&self.invites, step.which)?.clone())?;
        let headers = invite.headers();
        let text = |name| headers.text(name).unwrap_or_default();
        let from = if text(Name::Via).contains(&CARRIER.to_string()) {
            CARRIER
        } else {
            PBX
        };
        let text = format!(
            "CANCEL {} SIP/2.0\r\nVia: {}\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: 1 CANCEL\r\n\
             Content-Length: 0\r\n\r\n",
            invite.uri(),
            text(Name::Via),
            text(Name::From),
            text(Name::To),
            headers.call_id(),
        );
        Some((from, Bytes::from(text)))
    }

    /// What was said last, with one byte changed.
    fn damaged(&self, step: Step) -> Option<(SocketAddr, Bytes)> {
        let (from, bytes) = self.said.as_ref()?;
        let mut bytes = bytes.to_vec();
        let at = usize::from(step.which) << 2 | usize::from(step.kind & 3);
        *bytes.get_mut(at)? = step.body;
        Some((*from, bytes.into()))
    }

    const fn next_number(&mut self) -> u32 {
        self.number += 1;
        self.number
    }
}

impl Dialog {
    /// What the carrier holds after our answer to its INVITE.
    fn answered(at: SocketAddr, response: &Response) -> Option<Self> {
        let headers = response.headers();
        let is_dialog = (101..300).contains(&response.status()) && headers.to().tag().is_some();
        if headers.cseq().method != Method::Invite || !is_dialog {
            return None;
        }
        Some(Self {
            at,
            call_id: headers.call_id().to_owned(),
            local: text(headers.from().as_bytes()),
            remote: text(headers.to().as_bytes()),
            target: headers.contact()?.uri().to_string(),
            rseq: rseq(response),
            invite: headers.cseq().number,
        })
    }

    /// What the PBX holds after its answer to ours.
    fn placed(at: SocketAddr, request: &Request, response: &Response) -> Option<Self> {
        let headers = response.headers();
        headers.to().tag()?;
        Some(Self {
            at,
            call_id: headers.call_id().to_owned(),
            local: text(headers.to().as_bytes()),
            remote: text(headers.from().as_bytes()),
            target: request.headers().contact()?.uri().to_string(),
            rseq: rseq(response),
            invite: headers.cseq().number,
        })
    }
}

fn rseq(response: &Response) -> u32 {
    let value = response.headers().get_other(b"RSeq");
    let text = value.and_then(|value| std::str::from_utf8(value).ok());
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(1)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn tag(value: &str) -> &str {
    let rest = value.split_once(";tag=").map_or("", |(_, rest)| rest);
    rest.split(';').next().unwrap_or_default()
}

fn headers(bits: u8) -> String {
    HEADERS
        .iter()
        .enumerate()
        .filter(|(bit, _)| bits >> bit & 1 != 0)
        .map(|(_, header)| *header)
        .collect()
}

fn sdp(choice: u8, at: SocketAddr) -> Option<String> {
    let lines = one_of(&BODIES, choice & 7)?;
    let (ip, version) = (at.ip(), choice >> 3);
    Some(format!(
        "v=0\r\no=- 1 {version} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n{lines}"
    ))
}

/// The last headers, and the body.
fn body(choice: u8, at: SocketAddr) -> String {
    match sdp(choice, at) {
        Some(sdp) => format!(
            "Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
            sdp.len()
        ),
        None => "Content-Length: 0\r\n\r\n".to_owned(),
    }
}

fn remember<T>(list: &mut VecDeque<T>, one: T) {
    if list.len() >= HEARD_MAX {
        list.pop_front();
    }
    list.push_back(one);
}

/// Counted from the newest, round and round.
fn newest<T>(list: &VecDeque<T>, which: u8) -> Option<&T> {
    let place = usize::from(which).checked_rem(list.len())?;
    list.iter().rev().nth(place)
}

fn one_of<T: Copy, const N: usize>(list: &[T; N], which: u8) -> T {
    *one_of_ref(list, which)
}

fn one_of_ref<T, const N: usize>(list: &[T; N], which: u8) -> &T {
    const { assert!(N > 0) };
    #[expect(
        clippy::indexing_slicing,
        reason = "the remainder lies within the list"
    )]
    &list[usize::from(which) % N]
}
