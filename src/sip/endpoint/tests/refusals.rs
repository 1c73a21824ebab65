//! What the endpoint refuses or drops without asking.

use super::*;

#[test]
fn merged_request_is_refused_482() {
    let mut bench = Bench::new();
    bench.datagram(PEER, &their("INVITE", VIA, ""));
    let (key, request, _) = bench.told_request();
    bench.lines();
    let copy = their(
        "INVITE",
        "SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKtwo",
        "",
    );
    bench.datagram(PEER, &copy);
    let first = bench.sent();
    assert!(first.starts_with("SIP/2.0 482 "));
    assert_eq!(bench.told_refusal(), 482);
    // Stateless, yet the same each time (8.2.7).
    bench.datagram(PEER, &copy);
    assert_eq!(bench.sent(), first);
    bench.told_refusal();
    bench.datagram(
        PEER,
        &their("ACK", "SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKtwo", ""),
    );
    bench.nothing_told();
    // After the answer too: the copy may be late.
    bench.respond(key, &request, 200);
    bench.datagram(PEER, &their("ACK", VIA, ""));
    bench.event();
    bench.datagram(PEER, &copy);
    assert_eq!(bench.told_refusal(), 482);
}

#[test]
fn request_that_was_rejected_may_come_again_from_a_proxy_that_forks_in_turn() {
    let mut bench = Bench::new();
    bench.datagram(PEER, &their("INVITE", VIA, ""));
    let (key, request, _) = bench.told_request();
    bench.respond(key, &request, 486);
    bench.datagram(
        PEER,
        &their(
            "INVITE",
            "SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKtwo",
            "",
        ),
    );
    bench.told_request();
}

#[test]
fn requests_within_a_dialog_are_never_merged() {
    let mut bench = Bench::new();
    let within = |branch: &str| {
        let via = format!("SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK{branch}");
        their("INFO", &via, "").replace("192.0.2.1>\r\n", "192.0.2.1>;tag=ours\r\n")
    };
    bench.datagram(PEER, &within("a"));
    bench.datagram(PEER, &within("b"));
    bench.told_request();
    bench.told_request();
}

#[test]
fn cancel_for_nothing_is_refused_481() {
    let mut bench = Bench::new();
    bench.datagram(PEER, &their("CANCEL", VIA, ""));
    assert!(bench.sent().starts_with("SIP/2.0 481 "));
    assert_eq!(bench.told_refusal(), 481);
    assert_eq!(bench.endpoint.transactions(), (0, 0));
}

#[test]
fn invite_without_forwards_left_is_refused_483_and_options_answered() {
    let mut bench = Bench::new();
    let spent =
        |method: &str| their(method, VIA, "").replace("Max-Forwards: 70", "Max-Forwards: 0");
    bench.datagram(PEER, &spent("INVITE"));
    assert!(bench.sent().starts_with("SIP/2.0 483 "));
    assert_eq!(bench.told_refusal(), 483);
    bench.datagram(PEER, &spent("OPTIONS"));
    bench.told_request();
}

#[test]
fn malformed_request_is_answered_without_a_transaction() {
    let mut bench = Bench::new();
    bench.datagram(
        PEER,
        &their("INVITE", VIA, "").replace("CSeq: 7 INVITE", "CSeq: x"),
    );
    assert!(bench.sent().starts_with("SIP/2.0 400 "));
    assert_eq!(bench.told_refusal(), 400);
    bench.datagram(
        PEER,
        &their("INVITE", VIA, "").replace("SIP/2.0\r\n", "SIP/7.0\r\n"),
    );
    assert!(bench.sent().starts_with("SIP/2.0 505 "));
    assert_eq!(bench.told_refusal(), 505);
    assert_eq!(bench.endpoint.transactions(), (0, 0));
}

#[test]
fn noise_stray_responses_and_stray_acks_are_dropped() {
    let mut bench = Bench::new();
    bench.datagram(PEER, "\r\n\r\n");
    bench.datagram(PEER, "");
    bench.nothing_told();
    bench.datagram(PEER, "hello\r\n\r\n");
    assert_eq!(bench.told_refusal(), 0);
    bench.datagram(PEER, &their("ACK", VIA, ""));
    let stray = answer(&their("OPTIONS", VIA, ""), 200, "t");
    bench.datagram(PEER, &stray);
    let forged = stray.replace("z9hG4bKone", "z9hG4bK0123456789abcdee");
    bench.datagram(PEER, &forged);
    bench.nothing_sent();
    bench.nothing_told();
}

#[test]
fn over_the_limit_new_requests_get_503_and_calls_can_still_be_ended() {
    let mut bench = Bench::with(Settings {
        transactions_max: 4,
        ..settings()
    });
    let request = |method: &str, n: u32| {
        let via = format!("SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK{n}");
        their(method, &via, "").replace("Call-ID: c1", &format!("Call-ID: {n}"))
    };
    for n in 0..4 {
        bench.datagram(PEER, &request("OPTIONS", n));
        bench.told_request();
    }
    bench.datagram(PEER, &request("INVITE", 4));
    let refusal = bench.sent();
    assert!(refusal.starts_with("SIP/2.0 503 "));
    assert_eq!(header(&refusal, "Retry-After"), "32");
    assert_eq!(bench.told_refusal(), 503);
    let bye = |n| request("BYE", n).replace("192.0.2.1>\r\n", "192.0.2.1>;tag=ours\r\n");
    bench.datagram(PEER, &bye(5));
    bench.told_request();
    bench.datagram(PEER, &bye(6));
    assert_eq!(bench.told_refusal(), 503);
}
