//! Connections: opened, shared, broken, and what travels on them.

use super::*;

const TCP_VIA: &str = "SIP/2.0/TCP 198.51.100.7:5060;branch=z9hG4bKone";

fn tcp(peer: &str) -> Path {
    Path {
        transport: Transport::Tcp,
        ..udp(peer)
    }
}

fn tcp_hop() -> Hop {
    Hop::to(Transport::Tcp, address(PEER))
}

fn framed(request: &str) -> String {
    request.replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n")
}

impl Bench {
    fn opened(&mut self, flow: FlowId, peer: &str) {
        self.endpoint.handle_opened(self.now, flow, tcp(peer));
        self.drain();
    }

    fn closed(&mut self, flow: FlowId) {
        self.endpoint.handle_closed(self.now, flow);
        self.drain();
    }

    fn stream(&mut self, flow: FlowId, text: &str) {
        self.endpoint.handle_bytes(self.now, flow, text.as_bytes());
        self.drain();
    }

    /// The connection that is asked for.
    #[track_caller]
    fn opening(&mut self) -> FlowId {
        match self.sent.pop_front() {
            Some((_, Transmit::Open { flow, peer, .. })) => {
                assert_eq!(peer, address(PEER));
                flow
            }
            other => panic!("{other:?}"),
        }
    }

    /// The connection that the next message goes to, and the message.
    #[track_caller]
    fn streamed(&mut self) -> (FlowId, String) {
        match self.sent.pop_front() {
            Some((_, Transmit::Stream { flow, bytes })) => {
                (flow, String::from_utf8(bytes.to_vec()).unwrap())
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn request_waits_for_its_connection_and_others_share_it() {
    let mut bench = Bench::new();
    bench.request(tcp_hop(), ours(&Method::Invite));
    bench.request(tcp_hop(), ours(&Method::Options));
    let flow = bench.opening();
    bench.nothing_sent();
    bench.opened(flow, PEER);
    let (on, invite) = bench.streamed();
    assert_eq!(on, flow);
    assert!(invite.starts_with("INVITE "));
    assert!(
        header(&invite, "Via").starts_with("SIP/2.0/TCP 192.0.2.1:5060;"),
        "{invite}"
    );
    assert!(bench.streamed().1.starts_with("OPTIONS "));
    bench.request(tcp_hop(), ours(&Method::Options));
    assert_eq!(bench.streamed().0, flow);
}

#[test]
fn connection_that_cannot_be_opened_fails_all_that_waited() {
    let mut bench = Bench::new();
    let one = bench.request(tcp_hop(), ours(&Method::Invite));
    let two = bench.request(tcp_hop(), ours(&Method::Bye));
    let flow = bench.opening();
    bench.closed(flow);
    assert_eq!(bench.told_failure(one), Failure::Transport);
    assert_eq!(bench.told_failure(two), Failure::Transport);
    assert_eq!(bench.endpoint.transactions(), (0, 0));
    // The next one tries anew.
    bench.request(tcp_hop(), ours(&Method::Options));
    assert_ne!(bench.opening(), flow);
}

#[test]
fn broken_connection_fails_what_is_unanswered_and_spares_what_rings() {
    let mut bench = Bench::new();
    let rings = bench.request(tcp_hop(), ours(&Method::Invite));
    let silent = bench.request(tcp_hop(), ours(&Method::Options));
    let flow = bench.opening();
    bench.opened(flow, PEER);
    let (_, invite) = bench.streamed();
    bench.lines();
    bench.stream(flow, &answer(&invite, 180, "t"));
    assert_eq!(bench.told_response(rings), 180);
    bench.closed(flow);
    assert_eq!(bench.told_failure(silent), Failure::Transport);
    bench.nothing_told();
    // The peer answers over a connection that it opens (18.2.2).
    let theirs = FlowId::accepted(1);
    bench.opened(theirs, "198.51.100.7:40000");
    bench.stream(theirs, &answer(&invite, 200, "t"));
    assert_eq!(bench.told_response(rings), 200);
}

#[test]
fn a_bye_whose_connection_breaks_goes_once_more_on_another_one() {
    let mut bench = Bench::new();
    let theirs = FlowId::accepted(1);
    bench.opened(theirs, "198.51.100.7:40000");
    let to = Hop {
        flow: Some(theirs),
        ..tcp_hop()
    };
    let bye = bench.request(to, ours(&Method::Bye));
    let (on, first) = bench.streamed();
    assert_eq!(on, theirs);
    bench.closed(theirs);
    bench.nothing_told();
    let own = bench.opening();
    bench.opened(own, PEER);
    let (on, second) = bench.streamed();
    assert_eq!(
        (on, &second),
        (own, &first),
        "the same request, to whom the Contact names"
    );
    // And no more often than that.
    bench.closed(own);
    assert_eq!(bench.told_failure(bye), Failure::Transport);
    bench.nothing_sent();
    assert_eq!(bench.endpoint.transactions(), (0, 0));
}

#[test]
fn cancel_after_a_break_opens_a_connection_of_its_own() {
    let mut bench = Bench::new();
    let rings = bench.request(tcp_hop(), ours(&Method::Invite));
    let flow = bench.opening();
    bench.opened(flow, PEER);
    let (_, invite) = bench.streamed();
    bench.stream(flow, &answer(&invite, 180, "t"));
    bench.told_response(rings);
    bench.closed(flow);
    bench.endpoint.cancel(bench.now, rings, None);
    bench.drain();
    let again = bench.opening();
    bench.opened(again, PEER);
    assert!(bench.streamed().1.starts_with("CANCEL "));
}

#[test]
fn what_waits_for_a_connection_is_bounded() {
    let mut bench = Bench::new();
    let mut failed = 0;
    for _ in 0..OPENING_BYTES_MAX / 200 {
        bench.request(tcp_hop(), ours(&Method::Options));
        if bench.events.pop_front().is_some() {
            failed += 1;
        }
    }
    assert!(failed > 0);
    let flow = bench.opening();
    bench.nothing_sent();
    bench.opened(flow, PEER);
    let waited: usize = bench.sent.iter().map(|(_, sent)| text(sent).len()).sum();
    assert!(waited <= OPENING_BYTES_MAX);
}

#[test]
fn connection_that_does_not_come_to_stand_is_given_up_with_what_waited() {
    let mut bench = Bench::new();
    let key = bench.request(tcp_hop(), ours(&Method::Invite));
    let flow = bench.opening();
    assert_eq!(
        bench.endpoint.poll_timeout(),
        Some((Moment::from_millis(8_000), Timer::Opening))
    );
    bench.at(8_000);
    assert_eq!(bench.sent(), "close");
    assert_eq!(bench.told_failure(key), Failure::Transport);
    // Too late: a call that has ended must not ring.
    bench.closed(flow);
    bench.nothing_sent();
    bench.nothing_told();
    assert_eq!(bench.endpoint.poll_timeout(), None);
}

#[test]
fn requests_are_cut_from_the_stream_and_answered_on_it() {
    let mut bench = Bench::new();
    let flow = FlowId::accepted(1);
    bench.opened(flow, "198.51.100.7:40000");
    let both = framed(&their("OPTIONS", TCP_VIA, ""))
        + &framed(&their("INVITE", &TCP_VIA.replace("one", "two"), ""));
    let (first, second) = both.split_at(100);
    bench.stream(flow, first);
    bench.nothing_told();
    bench.stream(flow, second);
    let (key, request, path) = bench.told_request();
    assert_eq!(path.flow, Some(flow));
    assert_eq!(request.method(), &Method::Options);
    assert_eq!(bench.told_request().1.method(), &Method::Invite);
    assert!(bench.streamed().1.starts_with("SIP/2.0 100 "));
    bench.respond(key, &request, 200);
    assert_eq!(bench.streamed().0, flow);
    // Over a stream an answered request is forgotten at once.
    assert_eq!(bench.endpoint.transactions(), (0, 1));
}

#[test]
fn response_whose_connection_broke_goes_to_sent_by_over_a_new_one() {
    let mut bench = Bench::new();
    let flow = FlowId::accepted(1);
    bench.opened(flow, "198.51.100.7:40000");
    bench.stream(flow, &framed(&their("INVITE", TCP_VIA, "")));
    let (key, request, _) = bench.told_request();
    bench.lines();
    bench.closed(flow);
    bench.respond(key, &request, 200);
    let again = bench.opening();
    bench.opened(again, PEER);
    assert!(bench.streamed().1.starts_with("SIP/2.0 200 "));
    // The 2xx is repeated over a stream too (13.3.1.4), now on the connection that stands.
    bench.at(500);
    assert_eq!(bench.streamed().0, again);
}

#[test]
fn request_within_a_dialog_uses_the_connection_that_the_peer_opened() {
    let mut bench = Bench::new();
    let flow = FlowId::accepted(1);
    bench.opened(flow, "198.51.100.7:40000");
    let path = Path {
        flow: Some(flow),
        ..tcp("198.51.100.7:40000")
    };
    bench.request(Hop::back(&path), ours(&Method::Options));
    assert_eq!(bench.streamed().0, flow);
    // With another address, as a Contact names it, the connection is still preferred while it stands.
    let to = Hop {
        flow: Some(flow),
        ..tcp_hop()
    };
    bench.request(to, ours(&Method::Options));
    assert_eq!(bench.streamed().0, flow);
    bench.closed(flow);
    bench.lines();
    bench.request(to, ours(&Method::Bye));
    bench.opening();
}

#[test]
fn keep_alive_is_answered() {
    let mut bench = Bench::new();
    let flow = FlowId::accepted(1);
    bench.opened(flow, PEER);
    bench.stream(flow, "\r\n\r\n");
    assert_eq!(bench.streamed(), (flow, "\r\n".to_owned()));
}

#[test]
fn stream_that_is_no_sip_is_closed() {
    let mut bench = Bench::new();
    let flow = FlowId::accepted(1);
    bench.opened(flow, PEER);
    bench.stream(flow, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(
        bench.sent.pop_back().map(|(_, last)| last),
        Some(Transmit::Close { flow })
    );
    bench.told_refusal();
    bench.stream(flow, "more");
    bench.nothing_sent();
}

#[test]
fn message_without_a_length_is_answered_400_and_its_stream_closed() {
    let mut bench = Bench::new();
    let flow = FlowId::accepted(1);
    bench.opened(flow, PEER);
    bench.stream(flow, &their("OPTIONS", TCP_VIA, ""));
    assert!(bench.streamed().1.starts_with("SIP/2.0 400 "));
    assert_eq!(bench.sent(), "close");
    assert_eq!(bench.told_refusal(), 400);
}

#[test]
fn connection_that_brings_no_whole_message_is_closed() {
    let mut bench = Bench::new();
    let (silent, slow) = (FlowId::accepted(1), FlowId::accepted(2));
    bench.opened(silent, PEER);
    bench.opened(slow, "198.51.100.8:5060");
    let whole = framed(&their("OPTIONS", TCP_VIA, ""));
    bench.at(10_000);
    bench.stream(slow, &whole);
    bench.stream(slow, "OPTIONS");
    assert_eq!(
        bench.endpoint.poll_timeout(),
        Some((Moment::from_millis(32_000), Timer::HalfMessage))
    );
    bench.at(40_000);
    bench.stream(slow, " sip:");
    assert_eq!(bench.lines(), [(32_000, "close".to_owned())]);
    bench.until_idle();
    assert_eq!(bench.lines(), [(42_000, "close".to_owned())]);
}

#[test]
fn connection_over_the_limit_is_closed() {
    let mut bench = Bench::new();
    for n in 0..FLOWS_MAX as u64 {
        bench.opened(FlowId::accepted(n), "198.51.100.7:40000");
    }
    bench.nothing_sent();
    bench.opened(FlowId::accepted(FLOWS_MAX as u64), PEER);
    assert_eq!(bench.sent(), "close");
    let key = bench.request(tcp_hop(), ours(&Method::Options));
    assert_eq!(bench.told_failure(key), Failure::Transport);
}

#[test]
fn a_connection_is_taken_for_its_peers_own_place_where_it_was_vouched_for_and_asked() {
    let mut settings = settings();
    settings
        .listeners
        .push((Transport::Tls, address("192.0.2.1:5061")));
    let mut bench = Bench::with(settings);
    let place = address("198.51.100.7:5061");
    let via = "SIP/2.0/TLS 198.51.100.7:40000;branch=z9hG4bK";
    let arrive = |bench: &mut Bench, number: u64, peer: &str, vouched: bool, alias: &str| {
        let flow = FlowId::accepted(number);
        let path = Path {
            transport: Transport::Tls,
            ..udp(peer)
        };
        bench.endpoint.handle_opened(bench.now, flow, path);
        if vouched {
            bench.endpoint.vouch(flow, vec![place]);
        }
        bench.stream(
            flow,
            &framed(&their("OPTIONS", &format!("{via}{number}{alias}"), "")),
        );
        bench.events.clear();
        // The second and the third are merged copies of the first, and answered so.
        bench.sent.clear();
        flow
    };
    let opens = |bench: &mut Bench| {
        bench.request(Hop::to(Transport::Tls, place), ours(&Method::Options));
        let sent = bench.sent.pop_front();
        match sent {
            Some((_, Transmit::Open { flow, .. })) => {
                bench.closed(flow);
                bench.events.clear();
                None
            }
            Some((_, Transmit::Stream { flow, .. })) => Some(flow),
            other => panic!("{other:?}"),
        }
    };
    arrive(&mut bench, 1, "198.51.100.7:40001", false, ";alias");
    assert_eq!(opens(&mut bench), None);
    arrive(&mut bench, 2, "198.51.100.7:40002", true, "");
    assert_eq!(opens(&mut bench), None);
    let asked = arrive(&mut bench, 3, "198.51.100.7:40003", true, ";alias");
    assert_eq!(opens(&mut bench), Some(asked));
    bench.closed(asked);
    bench.events.clear();
    assert_eq!(opens(&mut bench), None);
}
