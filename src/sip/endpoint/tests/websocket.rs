//! Connections that bring whole messages: SIP over WebSocket (RFC 7118).

use super::*;

const VIA: &str = "SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bKone";

fn wss(peer: &str) -> Path {
    Path {
        transport: Transport::Wss,
        ..udp(peer)
    }
}

fn bench() -> (Bench, FlowId) {
    let mut settings = settings();
    settings
        .listeners
        .push((Transport::Wss, address("192.0.2.1:443")));
    let mut bench = Bench::with(settings);
    let flow = FlowId::accepted(1);
    bench
        .endpoint
        .handle_opened(bench.now, flow, wss("198.51.100.7:40000"));
    (bench, flow)
}

impl Bench {
    fn frame(&mut self, flow: FlowId, text: &str) {
        let message = Bytes::copy_from_slice(text.as_bytes());
        self.endpoint.handle_frame(self.now, flow, message);
        self.drain();
    }

    #[track_caller]
    fn framed(&mut self) -> (FlowId, String) {
        match self.sent.pop_front() {
            Some((_, Transmit::Stream { flow, bytes })) => {
                (flow, String::from_utf8(bytes.to_vec()).unwrap())
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_frame_is_one_message_without_a_length_and_its_answer_goes_back_on_it() {
    let (mut bench, flow) = bench();
    bench.frame(flow, &their("OPTIONS", VIA, ""));
    let (key, request, path) = bench.told_request();
    assert_eq!((path.transport, path.flow), (Transport::Wss, Some(flow)));
    bench.respond(key, &request, 200);
    let (back, answer) = bench.framed();
    assert_eq!(back, flow);
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
}

#[test]
fn two_messages_in_one_frame_are_one_with_a_body() {
    let (mut bench, flow) = bench();
    let [first, second] = ["OPTIONS", "BYE"].map(|method| their(method, VIA, ""));
    bench.frame(flow, &format!("{first}{second}"));
    let (_, request, _) = bench.told_request();
    assert_eq!(*request.method(), Method::Options);
    bench.nothing_told();
}

#[test]
fn a_frame_of_line_breaks_is_a_keep_alive() {
    let (mut bench, flow) = bench();
    bench.frame(flow, "\r\n\r\n");
    assert_eq!(bench.framed(), (flow, "\r\n".to_owned()));
    for silent in ["", "\r\n"] {
        bench.frame(flow, silent);
        bench.nothing_sent();
    }
    bench.nothing_told();
}

#[test]
fn what_is_no_sip_is_refused_and_the_next_frame_is_read() {
    let (mut bench, flow) = bench();
    bench.frame(flow, "hello");
    bench.told_refusal();
    bench.frame(flow, &their("OPTIONS", VIA, ""));
    bench.told_request();
}

#[test]
fn requests_go_on_the_newest_websocket_from_a_host_and_nowhere_without_one() {
    let (mut bench, first) = bench();
    let second = FlowId::accepted(2);
    let stranger = FlowId::accepted(3);
    let now = bench.now;
    bench
        .endpoint
        .handle_opened(now, second, wss("198.51.100.7:40001"));
    bench
        .endpoint
        .handle_opened(now, stranger, wss("198.51.100.8:40001"));
    let to = Hop::to(Transport::Wss, address("198.51.100.7:443"));
    bench.request(to, ours(&Method::Options));
    let (flow, request) = bench.framed();
    assert_eq!(flow, second);
    assert!(
        request.contains("\r\nVia: SIP/2.0/WSS 192.0.2.1:443;"),
        "{request}"
    );
    bench.endpoint.handle_closed(now, second);
    bench.drain();
    bench.events.clear();
    bench.request(to, ours(&Method::Options));
    assert_eq!(bench.framed().0, first);
    bench.endpoint.handle_closed(now, first);
    bench.drain();
    bench.events.clear();
    let lost = bench.request(to, ours(&Method::Options));
    assert_eq!(bench.told_failure(lost), Failure::Transport);
    bench.nothing_sent();
}

#[test]
fn a_websocket_may_be_silent_for_as_long_as_its_pings_are_answered() {
    let (mut bench, flow) = bench();
    bench.until_idle();
    bench.nothing_sent();
    bench.frame(flow, &their("OPTIONS", VIA, ""));
    bench.told_request();
}
