//! Trials of a dialog: what it writes, what it accepts, and where its requests go.

use bytes::Bytes;

use super::*;
use crate::sip::write::{Reply, reason_phrase};

fn path(peer: &str) -> Path {
    Path {
        transport: Transport::Udp,
        local: "192.0.2.1:5060".parse().unwrap(),
        peer: peer.parse().unwrap(),
        flow: None,
    }
}

fn near() -> Path {
    path("198.51.100.7:5060")
}

/// An INVITE of the peer's with the headers given.
fn invite(more: &str) -> Request {
    request("INVITE", 7, "", more)
}

fn request(method: &str, cseq: u32, to_tag: &str, more: &str) -> Request {
    let text = format!(
        "{method} sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
         From: \"A\" <sip:a@x>;tag=theirs\r\nTo: <sip:us@192.0.2.1>{to_tag}\r\n\
         Call-ID: c1\r\nCSeq: {cseq} {method}\r\n{more}\r\n"
    );
    Request::parse(Bytes::from(text)).unwrap()
}

const CONTACT: &str = "Contact: <sip:a@198.51.100.7:5070>\r\n";

fn uas(more: &str) -> Dialog {
    Dialog::uas(&invite(&format!("{CONTACT}{more}")), "ours", &near()).unwrap()
}

fn written(writer: RequestWriter) -> Request {
    let via = "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2";
    Request::parse(writer.outgoing().encode(&via)).unwrap()
}

#[test]
fn callee_builds_requests_with_the_ends_turned_round() {
    let mut dialog = uas("Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\n");
    let bye = written(dialog.request(&Method::Bye));
    let headers = bye.headers();
    assert_eq!(bye.uri().as_str(), "sip:a@198.51.100.7:5070");
    assert_eq!(headers.routes(), [b"<sip:p1;lr>", b"<sip:p2;lr>"]);
    assert_eq!(headers.from().as_bytes(), b"<sip:us@192.0.2.1>;tag=ours");
    assert_eq!(headers.to().as_bytes(), b"\"A\" <sip:a@x>;tag=theirs");
    assert_eq!(headers.call_id(), "c1");
    assert_eq!(headers.cseq().to_string(), "1 BYE");
    assert_eq!(headers.max_forwards(), Some(70));
    assert_eq!(dialog.next_hop().as_str(), "sip:p1;lr");
}

#[test]
fn caller_follows_the_route_from_its_own_end() {
    let sent = invite("Record-Route: <sip:p1;lr>\r\nRecord-Route: <sip:p2;lr>\r\n");
    let answer = Reply::to(&sent, 200, reason_phrase(200))
        .tag("b")
        .header(Name::Contact, "<sip:b@203.0.113.4>;expires=3")
        .finish();
    let answer = Response::parse(answer).unwrap();
    let mut dialog = Dialog::uac(&answer, &near()).unwrap();
    assert_eq!(dialog.local_tag(), Some("theirs"));
    assert_eq!(dialog.remote_tag(), Some("b"));
    let ack = written(dialog.ack());
    assert_eq!(ack.uri().as_str(), "sip:b@203.0.113.4");
    assert_eq!(ack.headers().routes(), [b"<sip:p2;lr>", b"<sip:p1;lr>"]);
    assert_eq!(ack.headers().cseq().to_string(), "7 ACK");
    let again = written(dialog.request(&Method::Invite));
    assert_eq!(again.headers().cseq().to_string(), "8 INVITE");
    let info = written(dialog.request(&Method::Info));
    assert_eq!(info.headers().cseq().to_string(), "9 INFO");
    // The ACK repeats the number of its INVITE, not the latest.
    let ack = written(dialog.ack());
    assert_eq!(ack.headers().cseq().to_string(), "8 ACK");
    assert_eq!(dialog.cseq(), 9);
}

/// RFC 3261 12.2.1.1: a first route without `lr` takes the Request-URI.
#[test]
fn strict_router_gets_the_request_uri_and_the_target_goes_last() {
    let mut dialog = uas("Record-Route: <sip:p1>, <sip:p2;lr>\r\n");
    let bye = written(dialog.request(&Method::Bye));
    assert_eq!(bye.uri().as_str(), "sip:p1");
    assert_eq!(
        bye.headers().routes(),
        [&b"<sip:p2;lr>"[..], b"<sip:a@198.51.100.7:5070>"]
    );
    assert_eq!(dialog.next_hop().as_str(), "sip:p1");
}

#[test]
fn message_without_a_way_back_makes_no_dialog() {
    // RFC 2543: From stands for the Contact that is not there.
    let old = Dialog::uas(&invite(""), "ours", &near()).unwrap();
    assert_eq!(
        Some(old.target().as_str()),
        invite("").headers().from().uri().as_str().into()
    );
    let telephone = invite("Contact: <tel:+74950000000>\r\n");
    assert!(Dialog::uas(&telephone, "ours", &near()).is_err());
    let many = CONTACT.to_owned() + &"Record-Route: <sip:p;lr>\r\n".repeat(ROUTES_MAX + 1);
    let made = Dialog::uas(&invite(&many), "ours", &near());
    assert_eq!(made.unwrap_err(), NoDialog::BadRoute);
}

#[test]
fn requests_must_come_in_order() {
    let mut dialog = uas("");
    let to = ";tag=ours";
    assert_eq!(dialog.accepts(&request("INFO", 8, to, "")), Ok(()));
    assert_eq!(dialog.accepts(&request("INFO", 8, to, "")), Err(500));
    assert_eq!(dialog.accepts(&request("BYE", 7, to, "")), Err(500));
    assert_eq!(dialog.accepts(&request("ACK", 7, to, "")), Ok(()));
    // A gap is the peer's business: a request in between may have been challenged.
    assert_eq!(dialog.accepts(&request("BYE", 100, to, "")), Ok(()));
}

#[test]
fn requests_of_another_dialog_are_refused_481() {
    let mut dialog = uas("");
    assert_eq!(dialog.accepts(&request("BYE", 8, "", "")), Err(481));
    assert_eq!(
        dialog.accepts(&request("BYE", 8, ";tag=other", "")),
        Err(481)
    );
    assert_eq!(
        dialog.accepts(&request("BYE", 8, ";tag=ours", "")),
        Ok(()),
        "what was refused leaves no trace"
    );
}

#[test]
fn new_contact_moves_the_target_and_none_leaves_it() {
    let mut dialog = uas("");
    dialog.refresh(request("INVITE", 8, ";tag=ours", "").headers());
    assert_eq!(dialog.target().as_str(), "sip:a@198.51.100.7:5070");
    let moved = "Contact: <sip:a@198.51.100.8>\r\n";
    dialog.refresh(request("INVITE", 8, ";tag=ours", moved).headers());
    assert_eq!(dialog.target().as_str(), "sip:a@198.51.100.8");
    assert_eq!(dialog.hop().peer, "198.51.100.8:5060".parse().unwrap());
}

#[test]
fn requests_go_to_the_address_of_the_next_hop() {
    let hop = |contact: &str, source: &str| {
        let message = invite(&format!("Contact: <{contact}>\r\n"));
        let dialog = Dialog::uas(&message, "ours", &path(source)).unwrap();
        let hop = dialog.hop();
        (hop.transport, hop.peer.to_string())
    };
    let source = "198.51.100.7:5060";
    let udp = |peer: &str| (Transport::Udp, peer.to_owned());
    assert_eq!(hop("sip:a@203.0.113.4", source), udp("203.0.113.4:5060"));
    assert_eq!(
        hop("sip:a@203.0.113.4:5090;transport=TCP", source),
        (Transport::Tcp, "203.0.113.4:5090".to_owned())
    );
    // A name: the trunk that it came from.
    assert_eq!(hop("sip:a@pbx.example.net", source), udp(source));
    // Behind a NAT.
    assert_eq!(hop("sip:a@192.168.1.5:5062", source), udp(source));
    assert_eq!(hop("sip:a@127.0.0.1:5062", source), udp(source));
    assert_eq!(hop("sip:a@0.0.0.0", source), udp(source));
    // On one network a private address is reached as it stands.
    assert_eq!(
        hop("sip:a@192.168.1.5:5062", "192.168.1.9:5060"),
        udp("192.168.1.5:5062")
    );
    assert_eq!(
        hop("sip:a@[2001:db8::5]:5062", "[2001:db8::9]:5060"),
        udp("[2001:db8::5]:5062")
    );
    assert_eq!(hop("sip:a@[2001:db8::5]:5062", source), udp(source));
}

#[test]
fn connection_is_kept_toward_its_own_host_alone() {
    use crate::sip::transport::FlowId;
    let flow = Some(FlowId::accepted(1));
    let stream = Path {
        transport: Transport::Tcp,
        flow,
        ..path("198.51.100.7:40000")
    };
    let hop = |contact: &str| {
        let message = invite(&format!("Contact: <{contact}>\r\n"));
        Dialog::uas(&message, "ours", &stream).unwrap().hop()
    };
    let same = hop("sip:a@198.51.100.7");
    assert_eq!(same.transport, Transport::Tcp);
    assert_eq!((same.flow, same.peer.port()), (flow, 5060));
    assert_eq!(hop("sip:a@198.51.100.8").flow, None);
    assert_eq!(hop("sip:a@198.51.100.7;transport=udp").flow, None);
}

#[test]
fn what_came_over_tls_or_a_websocket_stays_there_whatever_contact_says() {
    use crate::sip::transport::FlowId;
    let hop = |transport: Transport, contact: &str| {
        let came = Path {
            transport,
            flow: Some(FlowId::accepted(1)),
            ..path("198.51.100.7:40000")
        };
        let message = invite(&format!("Contact: <{contact}>\r\n"));
        let hop = Dialog::uas(&message, "ours", &came).unwrap().hop();
        assert_eq!(hop.flow, came.flow, "{contact}");
        (hop.transport, hop.peer.to_string())
    };
    let at = |transport, peer: &str| (transport, peer.to_owned());
    for own in [
        "sips:a@198.51.100.7",
        "sip:a@198.51.100.7",
        "sip:a@198.51.100.7;transport=tls",
    ] {
        let tls = hop(Transport::Tls, own);
        assert_eq!(tls, at(Transport::Tls, "198.51.100.7:5061"), "{own}");
    }
    for other in [
        "sip:a@198.51.100.7;transport=udp",
        "sip:a@198.51.100.7;transport=tcp",
        "sips:a@203.0.113.4",
    ] {
        let tls = hop(Transport::Tls, other);
        assert_eq!(tls, at(Transport::Tls, "198.51.100.7:40000"), "{other}");
    }
    for contact in [
        "sip:a@df7jal23ls0d.invalid;transport=ws",
        "sip:a@198.51.100.7",
        "sip:a@203.0.113.4:5060;transport=tcp",
    ] {
        let wss = hop(Transport::Wss, contact);
        assert_eq!(wss, at(Transport::Wss, "198.51.100.7:40000"), "{contact}");
    }
    // Nor is TLS begun in mid-dialog toward whoever asks for it.
    let tcp = hop(Transport::Tcp, "sips:a@198.51.100.7");
    assert_eq!(tcp, at(Transport::Tcp, "198.51.100.7:40000"));
}

#[test]
fn dialog_from_the_log_says_bye_as_the_old_one_would() {
    let mut dialog = uas("Record-Route: <sip:p1;lr>\r\n");
    let kept = dialog.kept();
    let hop = Hop::back(&near());
    let mut restored = Dialog::restore(&kept, &hop, true).unwrap();
    let old = written(dialog.request(&Method::Bye));
    let new = written(restored.request(&Method::Bye));
    assert_eq!(new.uri(), old.uri());
    assert_eq!(new.headers().routes(), old.headers().routes());
    assert_eq!(new.headers().from(), old.headers().from());
    assert_eq!(new.headers().to(), old.headers().to());
    assert_eq!(new.headers().cseq().number, KEPT_GAP + 1);
    let damaged = Kept {
        remote: "<sip:".to_owned(),
        ..kept
    };
    assert_eq!(
        Dialog::restore(&damaged, &hop, true).unwrap_err(),
        NoDialog::BadKept
    );
}
