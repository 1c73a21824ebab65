//! SIP as text for tests: what phones write, and what is looked for in what they get.

use crate::call::rig::{CARRIER, PBX};

/// A dialog as a phone sees it.
#[derive(Clone, Debug)]
pub(in crate::call) struct Peer {
    pub(in crate::call) address: &'static str,
    call_id: String,
    local: String,
    remote: String,
    target: String,
    pub(in crate::call) cseq: u32,
    /// The number of the last INVITE, which its ACK repeats.
    invited: u32,
    branch: u32,
}

impl Peer {
    pub(in crate::call) fn caller(invite: &str, ok: &str) -> Self {
        Self {
            address: CARRIER,
            call_id: header(invite, "Call-ID"),
            local: header(invite, "From"),
            remote: header(ok, "To"),
            target: uri(&header(ok, "Contact")),
            cseq: 1,
            invited: 1,
            branch: 0,
        }
    }

    /// The same on another line than the carrier's.
    pub(in crate::call) fn at(mut self, address: &'static str) -> Self {
        self.address = address;
        self
    }

    pub(in crate::call) fn callee(invite: &str, tag: &str) -> Self {
        Self {
            address: PBX,
            call_id: header(invite, "Call-ID"),
            local: format!("{};tag={tag}", header(invite, "To")),
            remote: header(invite, "From"),
            target: uri(&header(invite, "Contact")),
            cseq: 1,
            invited: 1,
            branch: 0,
        }
    }

    /// A PRACK of a reliable provisional response, within the early dialog.
    pub(in crate::call) fn prack(&mut self, response: &str, body: &str) -> String {
        let rack = format!("{} {}", header(response, "RSeq"), header(response, "CSeq"));
        let prack = self.request("PRACK", body);
        prack.replace("Max-Forwards", &format!("RAck: {rack}\r\nMax-Forwards"))
    }

    /// A REFER within the dialog; `goal` is its Refer-To, ending in CRLF.
    pub(in crate::call) fn refer(&mut self, goal: &str) -> String {
        adding(&self.request("REFER", ""), goal)
    }

    /// A request within the dialog. ACK takes the number of the last INVITE.
    pub(in crate::call) fn request(&mut self, method: &str, body: &str) -> String {
        if method != "ACK" {
            self.cseq += 1;
        }
        if method == "INVITE" {
            self.invited = self.cseq;
        }
        let number = match method {
            "ACK" => self.invited,
            _ => self.cseq,
        };
        self.branch += 1;
        let kind = if method == "INFO" {
            "application/dtmf-relay"
        } else {
            "application/sdp"
        };
        let kind = match body {
            "" => String::new(),
            _ => format!("Content-Type: {kind}\r\n"),
        };
        format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK{}{}{method}{}\r\n\
             Max-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {} {method}\r\n\
             Contact: <sip:peer@{}>\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            self.target,
            self.address,
            self.call_id.get(..4).unwrap_or_default(),
            self.address.replace(['.', ':'], ""),
            self.branch,
            self.local,
            self.remote,
            self.call_id,
            number,
            self.address,
            body.len(),
        )
    }
}

/// An INVITE as the carrier sends it.
pub(in crate::call) fn invite(to: &str, body: &str) -> String {
    let kind = match body {
        "" => "",
        _ => "Content-Type: application/sdp\r\n",
    };
    format!(
        "INVITE sip:{to}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {CARRIER};branch=z9hG4bKin\r\n\
         Max-Forwards: 70\r\nFrom: \"Anna\" <sip:+79160000001@carrier.example>;tag=from\r\n\
         To: <sip:{to}@127.0.0.1>\r\nCall-ID: incoming\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:anna@{CARRIER}>\r\n{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// An INVITE of another telephone at the PBX, which names a dialog that it takes (RFC 3891).
pub(in crate::call) fn picking(replaces: &str, body: &str) -> String {
    let names = format!("Replaces: {replaces}\r\nRequire: replaces\r\n");
    adding(&invite("102", body), &names)
        .replace(CARRIER, PBX)
        .replace("incoming", "pickup")
        .replace("bKin", "bKpickup")
        .replace("+79160000001@carrier.example", "102@pbx.example")
}

/// The CANCEL of an INVITE that came from the carrier.
pub(in crate::call) fn cancel(invite: &str, reason: &str) -> String {
    let uri = invite.split(' ').nth(1).unwrap();
    let mut text = format!("CANCEL {uri} SIP/2.0\r\n");
    for name in ["Via", "From", "To", "Call-ID"] {
        text += &format!("{name}: {}\r\n", header(invite, name));
    }
    let number = header(invite, "CSeq").replace("INVITE", "CANCEL");
    let reason = match reason {
        "" => String::new(),
        reason => format!("Reason: {reason}\r\n"),
    };
    format!("{text}CSeq: {number}\r\n{reason}Content-Length: 0\r\n\r\n")
}

/// A response of a phone to a request of ours.
pub(in crate::call) fn reply(request: &str, status: u16, tag: &str, body: &str) -> String {
    reply_with(request, status, tag, "", body)
}

/// The same with more headers, each ending in CRLF.
pub(in crate::call) fn reply_with(
    request: &str,
    status: u16,
    tag: &str,
    more: &str,
    body: &str,
) -> String {
    let mut text = format!("SIP/2.0 {status} Whatever\r\n");
    for name in ["Via", "From", "Call-ID", "CSeq"] {
        text += &format!("{name}: {}\r\n", header(request, name));
    }
    let to = header(request, "To");
    let tagged = tag.is_empty() || to.contains(";tag=");
    text += &match tagged {
        true => format!("To: {to}\r\n"),
        false => format!("To: {to};tag={tag}\r\n"),
    };
    let kind = match body {
        "" => "",
        _ => "Content-Type: application/sdp\r\n",
    };
    format!(
        "{text}Contact: <sip:phone@{}>\r\n{more}{kind}Content-Length: {}\r\n\r\n{body}",
        host(request),
        body.len()
    )
}

/// A reliable provisional response (RFC 3262) of a phone that knows UPDATE.
pub(in crate::call) fn reliable(
    request: &str,
    status: u16,
    tag: &str,
    rseq: u32,
    body: &str,
) -> String {
    let more = format!("Require: 100rel\r\nRSeq: {rseq}\r\n{UPDATES}");
    reply_with(request, status, tag, &more, body)
}

/// Puts headers into a message, each ending in CRLF.
pub(in crate::call) fn adding(text: &str, more: &str) -> String {
    text.replacen("Max-Forwards", &format!("{more}Max-Forwards"), 1)
}

/// What a phone says that knows UPDATE.
pub(in crate::call) const UPDATES: &str = "Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE\r\n";

/// A phone's SDP; `direction` is an attribute such as `a=sendonly`.
pub(in crate::call) fn sdp(host: &str, port: u16, direction: &str) -> String {
    let direction = match direction {
        "" => String::new(),
        direction => format!("{direction}\r\n"),
    };
    format!(
        "v=0\r\no=phone 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\n{direction}"
    )
}

/// The value of the first header called `name`; empty where there is none.
pub(in crate::call) fn header(text: &str, name: &str) -> String {
    let head = text.split("\r\n\r\n").next().unwrap();
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(label, _)| label.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.to_owned())
        .unwrap_or_default()
}

pub(in crate::call) fn body(text: &str) -> &str {
    text.split_once("\r\n\r\n").unwrap().1
}

/// The tag of a From or To.
pub(in crate::call) fn tag(value: &str) -> &str {
    value.split_once(";tag=").map_or("", |(_, tag)| tag)
}

fn uri(contact: &str) -> String {
    contact
        .trim_start_matches('<')
        .split('>')
        .next()
        .unwrap()
        .to_owned()
}

/// Host and port of a request's URI.
fn host(request: &str) -> &str {
    let uri = request.split(' ').nth(1).unwrap();
    let uri = uri.trim_start_matches("sip:");
    uri.split_once('@').map_or(uri, |(_, host)| host)
}

pub(in crate::call) fn begins(text: &str, start: &str) -> bool {
    let line = text.lines().next().unwrap();
    line.starts_with(start)
}
