//! Requests that come in, over datagrams.

use super::*;

#[test]
fn invite_is_answered_100_at_once_and_told_once_however_often_it_comes() {
    let mut bench = Bench::new();
    let invite = their("INVITE", VIA, "");
    for _ in 0..3 {
        bench.datagram(PEER, &invite);
        assert!(bench.sent().starts_with("SIP/2.0 100 "));
    }
    let (key, request, path) = bench.told_request();
    assert_eq!(path, udp(PEER));
    bench.nothing_told();
    bench.respond(key, &request, 180);
    assert!(bench.sent().starts_with("SIP/2.0 180 "));
    bench.datagram(PEER, &invite);
    assert!(bench.sent().starts_with("SIP/2.0 180 "));
    assert_eq!(bench.endpoint.poll_timeout(), None);
}

#[test]
fn repeated_request_is_answered_from_memory_and_forgotten_after_timer_j() {
    let mut bench = Bench::new();
    let options = their("OPTIONS", VIA, "");
    bench.datagram(PEER, &options);
    bench.datagram(PEER, &options);
    bench.nothing_sent();
    let (key, request, _) = bench.told_request();
    bench.respond(key, &request, 200);
    bench.datagram(PEER, &options);
    assert_eq!(bench.lines().len(), 2);
    bench.nothing_told();
    bench.until_idle();
    assert_eq!(bench.now.as_millis(), 32_000);
    assert_eq!(bench.endpoint.transactions(), (0, 0));
    bench.datagram(PEER, &options);
    assert!(matches!(bench.event(), Event::Request { .. }));
}

#[test]
fn rejection_is_repeated_until_its_ack_which_is_not_told() {
    let mut bench = Bench::new();
    bench.datagram(PEER, &their("INVITE", VIA, ""));
    let (key, request, _) = bench.told_request();
    bench.respond(key, &request, 486);
    bench.at(2_000);
    assert_eq!(bench.times("SIP/2.0 486"), [0, 500, 1_500]);
    bench.datagram(PEER, &their("ACK", VIA, ""));
    bench.datagram(PEER, &their("ACK", VIA, ""));
    bench.until_idle();
    bench.nothing_sent();
    bench.nothing_told();
    assert_eq!(bench.now.as_millis(), 7_000);
    assert_eq!(bench.endpoint.transactions(), (0, 0));
}

#[test]
fn answer_is_repeated_until_its_ack_which_is_told_once() {
    let mut bench = Bench::new();
    bench.datagram(PEER, &their("INVITE", VIA, ""));
    let (key, request, _) = bench.told_request();
    bench.respond(key, &request, 200);
    bench.at(2_000);
    assert_eq!(bench.times("SIP/2.0 200"), [0, 500, 1_500]);
    // The ACK of a 2xx is a transaction of its own: another branch.
    let ack = their("ACK", "SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKack", "");
    bench.datagram(PEER, &ack);
    bench.datagram(PEER, &ack);
    assert!(matches!(bench.event(), Event::Acked { key: acked, .. } if acked == key));
    bench.datagram(PEER, &their("INVITE", VIA, ""));
    bench.until_idle();
    bench.nothing_sent();
    bench.nothing_told();
    assert_eq!(bench.endpoint.transactions(), (0, 0));
}

#[test]
fn ack_of_a_2xx_under_the_branch_of_its_invite_counts_too() {
    let mut bench = Bench::new();
    bench.datagram(PEER, &their("INVITE", VIA, ""));
    let (key, request, _) = bench.told_request();
    bench.respond(key, &request, 200);
    bench.datagram(PEER, &their("ACK", VIA, ""));
    assert!(matches!(bench.event(), Event::Acked { .. }));
}

#[test]
fn answer_whose_ack_never_comes_is_reported() {
    let mut bench = Bench::new();
    bench.datagram(PEER, &their("INVITE", VIA, ""));
    let (key, request, _) = bench.told_request();
    bench.respond(key, &request, 200);
    bench.until_idle();
    assert!(matches!(bench.event(), Event::AckMissing { key: missing } if missing == key));
    assert_eq!(bench.now.as_millis(), 32_000);
    assert_eq!(bench.times("SIP/2.0 200").len(), 11);
}

#[test]
fn cancel_is_answered_and_told_and_its_invite_answered_by_the_user() {
    let mut bench = Bench::new();
    bench.datagram(PEER, &their("INVITE", VIA, ""));
    let (key, request, _) = bench.told_request();
    bench.respond(key, &request, 180);
    bench.lines();
    let cancel = their("CANCEL", VIA, "Reason: SIP;cause=487\r\n");
    bench.datagram(PEER, &cancel);
    let answer = bench.sent();
    assert!(answer.starts_with("SIP/2.0 200 "));
    // 9.2: the same To tag as the INVITE's.
    assert!(header(&answer, "To").ends_with(";tag=ours"), "{answer}");
    let event = bench.event();
    let Event::Cancelled {
        key: cancelled,
        cancel: told,
    } = event
    else {
        panic!("{event:?}");
    };
    assert_eq!(cancelled, key);
    assert_eq!(told.headers().reason("SIP"), Some(487));
    bench.respond(key, &request, 487);
    assert!(bench.sent().starts_with("SIP/2.0 487 "));
    // The CANCEL comes again: answered again, not told again.
    bench.datagram(PEER, &cancel);
    assert!(bench.sent().starts_with("SIP/2.0 200 "));
    bench.nothing_told();
}

#[test]
fn cancel_after_the_answer_is_answered_and_changes_nothing() {
    let mut bench = Bench::new();
    bench.datagram(PEER, &their("INVITE", VIA, ""));
    let (key, request, _) = bench.told_request();
    bench.respond(key, &request, 200);
    bench.lines();
    bench.datagram(PEER, &their("CANCEL", VIA, ""));
    assert!(bench.sent().starts_with("SIP/2.0 200 "));
    bench.nothing_told();
    bench.respond(key, &request, 487);
    bench.nothing_sent();
}

#[test]
fn responses_after_the_final_one_are_not_sent() {
    let mut bench = Bench::new();
    bench.datagram(PEER, &their("BYE", VIA, ""));
    let (key, request, _) = bench.told_request();
    bench.respond(key, &request, 200);
    bench.respond(key, &request, 500);
    assert_eq!(bench.lines().len(), 1);
    bench.datagram(PEER, &their("BYE", VIA, ""));
    assert!(bench.sent().starts_with("SIP/2.0 200 "));
}

/// RFC 3261 18.2.2 and RFC 3581.
#[test]
fn response_goes_to_the_source_when_asked_and_else_to_the_port_of_sent_by() {
    let nat = "203.0.113.9:40000";
    for (via, to) in [
        ("SIP/2.0/UDP 10.0.0.5:5080;branch=z9hG4bK1;rport", nat),
        (
            "SIP/2.0/UDP 10.0.0.5:5080;branch=z9hG4bK2",
            "203.0.113.9:5080",
        ),
        ("SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK3", "203.0.113.9:5060"),
        // Not to a stranger that the Via names.
        (
            "SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK4;maddr=198.51.100.1;received=198.51.100.2",
            "203.0.113.9:5060",
        ),
    ] {
        let mut bench = Bench::new();
        bench.datagram(nat, &their("OPTIONS", via, ""));
        let (key, request, _) = bench.told_request();
        bench.respond(key, &request, 200);
        let (_, transmit) = bench.sent.pop_front().unwrap();
        let Transmit::Datagram { path, .. } = &transmit else {
            panic!("{transmit:?}");
        };
        assert_eq!(path.peer, address(to), "{via}");
        let text = text(&transmit);
        assert!(
            header(&text, "Via").contains("received=203.0.113.9"),
            "{text}"
        );
    }
}

#[test]
fn ipv6_peer_is_answered_where_it_is() {
    let mut bench = Bench::new();
    let peer = "[2001:db8::9]:5062";
    bench.datagram(
        peer,
        &their(
            "OPTIONS",
            "SIP/2.0/UDP [2001:db8::9]:5062;branch=z9hG4bK6",
            "",
        ),
    );
    let (key, request, _) = bench.told_request();
    bench.respond(key, &request, 200);
    let (_, transmit) = bench.sent.pop_front().unwrap();
    let Transmit::Datagram { path, .. } = transmit else {
        panic!("{transmit:?}");
    };
    assert_eq!(path.peer, address(peer));
    assert_eq!(path.local, address("[2001:db8::1]:5060"));
}

/// RFC 3261 17.2.3: without the magic cookie everything that RFC 2543 compared counts.
#[test]
fn peer_of_rfc_2543_is_matched_without_a_branch() {
    let mut bench = Bench::new();
    let old = "SIP/2.0/UDP 198.51.100.7:5060";
    bench.datagram(PEER, &their("INVITE", old, ""));
    bench.datagram(PEER, &their("INVITE", old, ""));
    let (key, request, _) = bench.told_request();
    bench.nothing_told();
    bench.respond(key, &request, 486);
    bench.lines();
    // Its ACK carries the To tag of the answer.
    let ack = their("ACK", old, "").replace("192.0.2.1>\r\n", "192.0.2.1>;tag=ours\r\n");
    bench.datagram(PEER, &ack);
    bench.until_idle();
    bench.nothing_sent();
    // Another call of the same peer is another transaction.
    bench.datagram(PEER, &their("INVITE", old, "").replace("c1", "c9"));
    bench.told_request();
    bench.datagram(PEER, &their("CANCEL", old, "").replace("c1", "c9"));
    assert!(matches!(bench.event(), Event::Cancelled { .. }));
}

#[test]
fn same_branch_from_two_hosts_makes_two_transactions() {
    let mut bench = Bench::new();
    bench.datagram(PEER, &their("OPTIONS", VIA, ""));
    let other = VIA.replace("100.7", "100.8");
    bench.datagram(PEER, &their("OPTIONS", &other, "").replace("c1", "c9"));
    bench.told_request();
    bench.told_request();
}
