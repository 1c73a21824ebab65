//! Reading SIP: ringtag's parser beside rsip, on the same messages and for the same seven facts.
//!
//! Both read the message and then what every element needs of it: the branch of the first Via, both tags, Call-ID, CSeq and
//! the host of the Contact. `cargo bench --bench parser`; messages a second are in the `thrpt` column.
#![expect(clippy::unwrap_used, reason = "a benchmark that fails stops")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rsip::prelude::{HeadersExt, ToTypedHeader, UntypedHeader};

use ringtag::sip::message::Message;
use ringtag::sip::uri::Uri;

const INVITE: &str = "INVITE sip:+74950000001@192.0.2.10:5060;user=phone SIP/2.0\r\n\
    Via: SIP/2.0/UDP 198.51.100.20:5060;branch=z9hG4bK2d4790.1a2b3c4d5e6f;rport\r\n\
    Via: SIP/2.0/UDP 10.20.0.7:5060;received=198.51.100.7;branch=z9hG4bK776asdhds\r\n\
    Record-Route: <sip:198.51.100.20;lr;ftag=9fxced76sl>\r\n\
    Max-Forwards: 69\r\n\
    From: \"Ivan Petrov\" <sip:+79160000002@carrier.example.net;user=phone>;tag=9fxced76sl\r\n\
    To: <sip:+74950000001@carrier.example.net;user=phone>\r\n\
    Call-ID: 3848276298220188511@carrier.example.net\r\n\
    CSeq: 314159 INVITE\r\n\
    Contact: <sip:+79160000002@198.51.100.20:5060;transport=udp>\r\n\
    Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, INFO\r\n\
    Supported: timer, 100rel, replaces\r\n\
    Session-Expires: 1800\r\n\
    P-Asserted-Identity: <sip:+79160000002@carrier.example.net>\r\n\
    User-Agent: Carrier SBC 7.2\r\n\
    Content-Type: application/sdp\r\n\
    Content-Length: 281\r\n\
    \r\n\
    v=0\r\n\
    o=- 1693423 1693423 IN IP4 198.51.100.21\r\n\
    s=-\r\n\
    c=IN IP4 198.51.100.21\r\n\
    t=0 0\r\n\
    m=audio 24980 RTP/AVP 8 0 18 101\r\n\
    a=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:18 G729/8000\r\n\
    a=fmtp:18 annexb=no\r\n\
    a=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-15\r\n\
    a=ptime:20\r\n\
    a=sendrecv\r\n";

const OK: &str = "SIP/2.0 200 OK\r\n\
    Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKa1b2c3d4e5f60718;rport=5060;received=192.0.2.10\r\n\
    From: <sip:+79160000002@192.0.2.10>;tag=00c0ffee12345678\r\n\
    To: <sip:anna@pbx.example.net>;tag=as6db0ba19\r\n\
    Call-ID: 0123456789abcdef@192.0.2.10\r\n\
    CSeq: 1 INVITE\r\n\
    Server: Asterisk PBX 20.5\r\n\
    Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO, PUBLISH, MESSAGE\r\n\
    Supported: replaces, timer\r\n\
    Contact: <sip:anna@203.0.113.5:5060>\r\n\
    Content-Type: application/sdp\r\n\
    Content-Length: 181\r\n\
    \r\n\
    v=0\r\n\
    o=root 1821 1821 IN IP4 203.0.113.5\r\n\
    s=Asterisk\r\n\
    c=IN IP4 203.0.113.5\r\n\
    t=0 0\r\n\
    m=audio 17456 RTP/AVP 8 101\r\n\
    a=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\n\
    a=ptime:20\r\n";

const BYE: &str = "BYE sip:ringtag@192.0.2.10:5060 SIP/2.0\r\n\
    Via: SIP/2.0/UDP 203.0.113.5:5060;branch=z9hG4bK7f3d19a2;rport\r\n\
    Max-Forwards: 70\r\n\
    From: <sip:anna@pbx.example.net>;tag=as6db0ba19\r\n\
    To: <sip:+79160000002@192.0.2.10>;tag=00c0ffee12345678\r\n\
    Call-ID: 0123456789abcdef@192.0.2.10\r\n\
    CSeq: 102 BYE\r\n\
    Contact: <sip:anna@203.0.113.5:5060>\r\n\
    User-Agent: Asterisk PBX 20.5\r\n\
    Reason: Q.850;cause=16\r\n\
    Content-Length: 0\r\n\
    \r\n";

fn ours(bytes: &Bytes) -> usize {
    let message = Message::parse(bytes.clone()).unwrap();
    let headers = message.headers();
    let contact = headers.contact().map(|c| c.uri().host_text().len());
    headers.top_via().branch().map_or(0, str::len)
        + headers.from().tag().map_or(0, str::len)
        + headers.to().tag().map_or(0, str::len)
        + headers.call_id().len()
        + usize::try_from(headers.cseq().number).unwrap_or_default()
        + contact.unwrap_or_default()
}

fn theirs(bytes: &Bytes) -> usize {
    let message = rsip::SipMessage::try_from(bytes.as_ref()).unwrap();
    let via = message.via_header().unwrap().typed().unwrap();
    let from = message.from_header().unwrap().typed().unwrap();
    let to = message.to_header().unwrap().typed().unwrap();
    let contact = message.contact_header().unwrap().typed().unwrap();
    via.branch().map_or(0, |branch| branch.value().len())
        + from.tag().map_or(0, |tag| tag.value().len())
        + to.tag().map_or(0, |tag| tag.value().len())
        + message.call_id_header().unwrap().value().len()
        + usize::try_from(message.cseq_header().unwrap().seq().unwrap()).unwrap_or_default()
        + contact.uri.host().to_string().len()
}

fn messages(c: &mut Criterion) {
    for (name, text) in [("invite", INVITE), ("200", OK), ("bye", BYE)] {
        // On the heap as a datagram is: slices of static bytes would cost less than real ones.
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        assert_eq!(ours(&bytes), theirs(&bytes), "{name}: both read the same");
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Elements(1));
        group.bench_function("ringtag", |b| b.iter(|| ours(black_box(&bytes))));
        group.bench_function("rsip", |b| b.iter(|| theirs(black_box(&bytes))));
        group.finish();
    }
}

/// The way from the socket: the datagram is copied to its exact size first.
fn datagram(c: &mut Criterion) {
    let mut group = c.benchmark_group("copied invite");
    group.throughput(Throughput::Elements(1));
    group.bench_function("ringtag", |b| {
        b.iter(|| ours(&Bytes::copy_from_slice(black_box(INVITE.as_bytes()))));
    });
    group.finish();
}

fn uri(c: &mut Criterion) {
    c.bench_function("uri", |b| {
        b.iter(|| {
            Uri::parse(black_box(
                "sip:+79160000002@198.51.100.20:5060;transport=udp",
            ))
        });
    });
}

criterion_group!(benches, messages, datagram, uri);
criterion_main!(benches);
