//! What is kept of a finished transaction (design: its key, its peer, its final response).

use super::*;

const CALLS: usize = 2_000;
/// The most that one finished transaction may hold beside its final response, with its share of the maps and timers.
const BYTES_MAX: usize = 480;

#[test]
fn finished_transaction_is_small() {
    let mut bench = Bench::new();
    for n in 0..CALLS {
        let via = format!("SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK{n}");
        let invite = their("INVITE", &via, "").replace("Call-ID: c1", &format!("Call-ID: {n}"));
        bench.datagram(PEER, &invite);
        let (key, request, _) = bench.told_request();
        bench.respond(key, &request, 200);
        bench.datagram(PEER, &invite.replace("INVITE", "ACK"));
        let key = bench.request(hop(), ours(&Method::Invite));
        let sent = text(&bench.sent.pop_back().unwrap().1);
        bench.datagram(PEER, &answer(&sent, 200, "t"));
        bench
            .endpoint
            .ack(bench.now, key, "t", hop(), ours(&Method::Ack));
        bench.drain();
        bench.sent.clear();
        bench.events.clear();
    }
    let (ours, theirs) = bench.endpoint.transactions();
    assert_eq!((ours, theirs), (CALLS, CALLS));
    let bytes = bench.endpoint.bytes_kept();
    let each = bytes / (ours + theirs);
    assert!(
        each <= BYTES_MAX,
        "{each} bytes for each of {ours} + {theirs}"
    );
}

impl Endpoint {
    /// The bytes that transactions hold, but for final responses and ACKs themselves.
    fn bytes_kept(&self) -> usize {
        fn map<K, V>(map: &Map<K, V>) -> usize {
            // One control byte beside each entry.
            map.capacity() * 8 / 7 * (size_of::<(K, V)>() + 1)
        }
        map(&self.branches)
            + map(&self.transactions)
            + map(&self.exchanges)
            + self.clients.bytes()
            + self.servers.bytes()
            + self.timers.bytes()
            + self
                .clients
                .iter()
                .map(|(_, c)| c.bytes_kept())
                .sum::<usize>()
            + self
                .servers
                .iter()
                .map(|(_, s)| s.bytes_kept())
                .sum::<usize>()
    }
}
