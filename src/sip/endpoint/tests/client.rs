//! Requests that go out, over datagrams.

use super::*;

#[test]
fn request_carries_our_via_and_its_response_is_told() {
    let mut bench = Bench::new();
    let key = bench.request(hop(), ours(&Method::Options));
    let sent = bench.sent();
    let via = header(&sent, "Via");
    assert!(
        via.starts_with("SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK"),
        "{via}"
    );
    bench.datagram(PEER, &answer(&sent, 200, "t"));
    bench.datagram(PEER, &answer(&sent, 200, "t"));
    assert_eq!(bench.told_response(key), 200);
    bench.nothing_told();
    bench.until_idle();
    assert_eq!(bench.now.as_millis(), 5_000);
    assert_eq!(bench.endpoint.transactions(), (0, 0));
}

#[test]
fn unanswered_request_is_repeated_to_the_byte_and_fails() {
    let mut bench = Bench::new();
    let key = bench.request(hop(), ours(&Method::Bye));
    bench.until_idle();
    let sent: Vec<_> = bench.sent.drain(..).map(|(_, sent)| text(&sent)).collect();
    assert_eq!(sent.len(), 11);
    assert!(sent.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(bench.told_failure(key), Failure::TimedOut);
    assert_eq!(bench.endpoint.transactions(), (0, 0));
}

#[test]
fn provisional_responses_are_told_and_stop_the_repetitions() {
    let mut bench = Bench::new();
    let key = bench.request(hop(), ours(&Method::Invite));
    let sent = bench.sent();
    bench.datagram(PEER, &answer(&sent, 100, ""));
    bench.datagram(PEER, &answer(&sent, 180, "t"));
    bench.datagram(PEER, &answer(&sent, 183, "t"));
    assert_eq!(bench.told_response(key), 100);
    assert_eq!(bench.told_response(key), 180);
    assert_eq!(bench.told_response(key), 183);
    assert_eq!(bench.endpoint.poll_timeout(), None);
    bench.nothing_sent();
}

#[test]
fn rejection_is_acknowledged_each_time_and_told_once() {
    let mut bench = Bench::new();
    let key = bench.request(hop(), ours(&Method::Invite));
    let invite = bench.sent();
    for _ in 0..2 {
        bench.datagram(PEER, &answer(&invite, 486, "t"));
        let ack = bench.sent();
        assert!(ack.starts_with("ACK sip:them@198.51.100.7 SIP/2.0\r\n"));
        assert_eq!(header(&ack, "Via"), header(&invite, "Via"));
        assert_eq!(header(&ack, "CSeq"), "3 ACK");
        assert!(header(&ack, "To").ends_with(";tag=t"), "{ack}");
    }
    assert_eq!(bench.told_response(key), 486);
    bench.nothing_told();
    bench.until_idle();
    assert_eq!(bench.endpoint.transactions(), (0, 0));
}

#[test]
fn each_fork_is_told_once_and_acknowledged_whenever_it_repeats_its_2xx() {
    let mut bench = Bench::new();
    let key = bench.request(hop(), ours(&Method::Invite));
    let invite = bench.sent();
    bench.datagram(PEER, &answer(&invite, 200, "one"));
    bench.datagram(PEER, &answer(&invite, 200, "one"));
    assert_eq!(bench.told_response(key), 200);
    // The user has not acknowledged it yet.
    bench.nothing_told();
    bench.nothing_sent();
    bench
        .endpoint
        .ack(bench.now, key, "one", hop(), ours(&Method::Ack));
    bench.drain();
    let ack = bench.sent();
    assert_ne!(header(&ack, "Via"), header(&invite, "Via"));
    bench.datagram(PEER, &answer(&invite, 200, "one"));
    assert_eq!(bench.sent(), ack);
    bench.datagram(PEER, &answer(&invite, 200, "two"));
    assert_eq!(bench.told_response(key), 200);
    bench.nothing_sent();
    bench.datagram(PEER, &answer(&invite, 487, "three"));
    bench.datagram(PEER, &answer(&invite, 200, "one"));
    assert_eq!(bench.sent(), ack);
    bench.nothing_told();
    bench.until_idle();
    assert_eq!(bench.endpoint.transactions(), (0, 0));
    bench.datagram(PEER, &answer(&invite, 200, "one"));
    bench.nothing_sent();
}

#[test]
fn cancel_waits_for_a_provisional_response() {
    let mut bench = Bench::new();
    let key = bench.request(hop(), ours(&Method::Invite));
    let invite = bench.sent();
    let reason = "SIP;cause=200;text=\"Call completed elsewhere\"";
    bench.endpoint.cancel(bench.now, key, Some(reason));
    bench.endpoint.cancel(bench.now, key, None);
    bench.drain();
    bench.nothing_sent();
    bench.datagram(PEER, &answer(&invite, 100, ""));
    assert_eq!(bench.told_response(key), 100);
    let cancel = bench.sent();
    bench.nothing_sent();
    assert!(cancel.starts_with("CANCEL sip:them@198.51.100.7 SIP/2.0\r\n"));
    assert_eq!(header(&cancel, "Via"), header(&invite, "Via"));
    assert_eq!(header(&cancel, "CSeq"), "3 CANCEL");
    assert_eq!(header(&cancel, "Reason"), reason);
    // Its 200 is nobody's business; the INVITE's 487 is.
    bench.datagram(PEER, &answer(&cancel, 200, "t"));
    bench.nothing_told();
    bench.datagram(PEER, &answer(&invite, 487, "t"));
    assert_eq!(bench.told_response(key), 487);
    assert!(bench.sent().starts_with("ACK "));
    bench.until_idle();
    bench.nothing_sent();
    bench.nothing_told();
    assert_eq!(bench.endpoint.transactions(), (0, 0));
}

#[test]
fn cancel_of_a_ringing_invite_goes_at_once_and_is_repeated_when_lost() {
    let mut bench = Bench::new();
    let key = bench.request(hop(), ours(&Method::Invite));
    let invite = bench.sent();
    bench.datagram(PEER, &answer(&invite, 180, "t"));
    bench.told_response(key);
    bench.endpoint.cancel(bench.now, key, None);
    bench.endpoint.cancel(bench.now, key, None);
    bench.drain();
    bench.at(600);
    assert_eq!(bench.times("CANCEL"), [0, 500]);
}

#[test]
fn answer_that_crosses_the_cancel_is_told() {
    let mut bench = Bench::new();
    let key = bench.request(hop(), ours(&Method::Invite));
    let invite = bench.sent();
    bench.datagram(PEER, &answer(&invite, 180, "t"));
    bench.told_response(key);
    bench.endpoint.cancel(bench.now, key, None);
    bench.drain();
    let cancel = bench.sent();
    bench.datagram(PEER, &answer(&invite, 200, "t"));
    assert_eq!(bench.told_response(key), 200);
    bench.datagram(PEER, &answer(&cancel, 481, "t"));
    bench.nothing_told();
    // Too late now.
    bench.endpoint.cancel(bench.now, key, None);
    bench.drain();
    bench.nothing_sent();
}

#[test]
fn cancelled_invite_that_is_never_answered_fails() {
    let mut bench = Bench::new();
    let key = bench.request(hop(), ours(&Method::Invite));
    let invite = bench.sent();
    bench.datagram(PEER, &answer(&invite, 180, "t"));
    bench.told_response(key);
    bench.at(10_000);
    bench.endpoint.cancel(bench.now, key, None);
    bench.drain();
    bench.until_idle();
    assert_eq!(bench.now.as_millis(), 42_000);
    assert_eq!(bench.told_failure(key), Failure::TimedOut);
    bench.nothing_told();
    assert_eq!(bench.endpoint.transactions(), (0, 0));
}

#[test]
fn cancel_of_an_invite_that_nobody_answers_leaves_it_to_time_out() {
    let mut bench = Bench::new();
    let key = bench.request(hop(), ours(&Method::Invite));
    bench.endpoint.cancel(bench.now, key, None);
    bench.drain();
    bench.until_idle();
    assert_eq!(bench.told_failure(key), Failure::TimedOut);
    assert!(
        bench
            .lines()
            .iter()
            .all(|(_, line)| line.starts_with("INVITE"))
    );
}

#[test]
fn cancelling_an_answered_or_other_request_does_nothing() {
    let mut bench = Bench::new();
    let key = bench.request(hop(), ours(&Method::Bye));
    bench.lines();
    bench.endpoint.cancel(bench.now, key, None);
    bench.drain();
    bench.nothing_sent();
}

#[test]
fn without_a_socket_that_fits_a_request_fails_at_once() {
    let mut bench = Bench::new();
    let to = Hop::to(Transport::Tcp, address("[2001:db8::7]:5060"));
    assert_eq!(bench.endpoint.sent_by(&to), None);
    let key = bench.request(to, ours(&Method::Invite));
    assert_eq!(bench.told_failure(key), Failure::Transport);
    bench.nothing_sent();
    assert_eq!(bench.endpoint.transactions(), (0, 0));
}

#[test]
fn requests_over_ipv6_leave_from_the_ipv6_socket() {
    let mut bench = Bench::new();
    let to = Hop::to(Transport::Udp, address("[2001:db8::7]:5060"));
    bench.request(to, ours(&Method::Options));
    let sent = bench.sent();
    assert!(
        header(&sent, "Via").starts_with("SIP/2.0/UDP [2001:db8::1]:5060;"),
        "{sent}"
    );
}

#[test]
fn response_to_another_method_than_was_asked_is_dropped() {
    let mut bench = Bench::new();
    bench.request(hop(), ours(&Method::Invite));
    let invite = bench.sent();
    let odd = answer(&invite, 200, "t").replace("3 INVITE", "3 BYE");
    bench.datagram(PEER, &odd);
    bench.nothing_told();
}

#[test]
fn nobody_is_woken_for_a_timer_that_is_no_longer_awaited() {
    let mut bench = Bench::new();
    let key = bench.request(hop(), ours(&Method::Invite));
    let invite = bench.sent();
    bench.at(100);
    bench.datagram(PEER, &answer(&invite, 200, "t"));
    bench.told_response(key);
    assert_eq!(
        bench.endpoint.poll_timeout(),
        Some((
            Moment::from_millis(32_100),
            Timer::ClientInvite(client_invite::Timer::M)
        ))
    );
}
