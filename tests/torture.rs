//! The torture messages of RFC 4475, and the IPv6 forms of RFC 5118: what is read, what is refused, and with what answer.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed check ends the test"
)]

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use ringtag::base::chance::Chance;
use ringtag::base::country::Country;
use ringtag::base::time::Moment;
use ringtag::call::desk::{Told, Verdict, Wish};
use ringtag::call::switchboard::{Setup, Switchboard};
use ringtag::call::trunk::{Addresses, Trunk};
use ringtag::call::trunks::Trunks;
use ringtag::sip::endpoint::{Settings, Transmit};
use ringtag::sip::frame::{Frame, Framer, Snag};
use ringtag::sip::header::Name;
use ringtag::sip::message::{Malformed, Message, Method, Request, Response, Wrong};
use ringtag::sip::session_timer::Policy;
use ringtag::sip::transport::{FlowId, Path, Transport};
use ringtag::sip::uri::{Host, Scheme};
use ringtag::sip::write::Reply;

#[path = "torture/table.rs"]
mod table;

use table::{Answers, Asks, READ, Refused, answer};

const US: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 5060);
const NOW: Moment = Moment::from_millis(1_000);

#[test]
fn every_message_of_the_table_is_in_this_test_and_in_the_folder() {
    let table = fs::read_to_string(data("torture").join("expect.csv")).unwrap();
    let rows: BTreeSet<_> = table
        .lines()
        .skip(1)
        .map(|row| row.split(',').next().unwrap().to_owned())
        .collect();
    let tested: BTreeSet<_> = READ.iter().map(|(name, _)| (*name).to_owned()).collect();
    let files: BTreeSet<_> = fs::read_dir(data("torture"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "dat"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(rows, tested);
    assert_eq!(rows, files);
}

#[test]
fn the_valid_are_read_and_the_invalid_refused_with_their_answer() {
    for (name, expected) in READ {
        match (Message::parse(torture(name)), expected) {
            (Ok(Message::Request(got)), Asks(method, uri)) => {
                assert_eq!(got.method().as_str(), *method, "{name}");
                assert_eq!(got.uri().as_str(), *uri, "{name}");
            }
            (Ok(Message::Response(got)), Answers(status)) => {
                assert_eq!(got.status(), *status, "{name}");
            }
            (Err(got), Refused(wrong, status)) => {
                assert_eq!(got.wrong(), *wrong, "{name}");
                assert_eq!(got.answer().map(|(status, _)| status), *status, "{name}");
            }
            (got, expected) => panic!("{name}: {expected:?} expected, got {got:?}"),
        }
    }
}

/// 8.2.6.2: what an answer must copy it copies as it stands, even from a message that could not be read.
#[test]
fn every_refusal_can_be_written_down() {
    for (name, expected) in READ {
        let Refused(_, Some(status)) = expected else {
            continue;
        };
        let refused = refused(name);
        let bytes = Reply::to_malformed(&refused, source()).unwrap().finish();
        let start = format!("SIP/2.0 {status} ");
        assert!(bytes.starts_with(start.as_bytes()), "{name}");
        let vias = |(header, _, _): &(Name, &[u8], &[u8])| *header == Name::Via;
        let asked = refused.headers().filter(vias).count();
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(text.matches("\r\nVia: ").count(), asked, "{name}: {text}");
        assert!(bytes.ends_with(b"\r\nContent-Length: 0\r\n\r\n"), "{name}");
    }
}

/// Whatever we answer a message that can be read, its sender can read.
#[test]
fn every_answer_to_a_valid_request_is_itself_valid() {
    for (name, expected) in READ {
        let Asks(..) = expected else {
            continue;
        };
        let asked = request(name);
        let bytes = Reply::to(&asked, 500, "Server Internal Error")
            .tag("t")
            .finish();
        let Ok(Message::Response(got)) = Message::parse(bytes.clone()) else {
            panic!("{name}: {}", String::from_utf8_lossy(&bytes));
        };
        let (got, asked) = (got.headers(), asked.headers());
        assert_eq!(got.call_id(), asked.call_id(), "{name}");
        assert_eq!(got.cseq(), asked.cseq(), "{name}");
        assert_eq!(got.from(), asked.from(), "{name}");
        assert_eq!(got.to().uri(), asked.to().uri(), "{name}");
        assert_eq!(
            got.all(Name::Via).skip(1).collect::<Vec<_>>(),
            asked.all(Name::Via).skip(1).collect::<Vec<_>>(),
            "{name}"
        );
        assert_eq!(got.top_via().branch(), asked.top_via().branch(), "{name}");
    }
}

/// RFC 4475 3.1.1.1.
#[test]
fn folding_and_space_change_nothing() {
    let wsinv = request("wsinv");
    let headers = wsinv.headers();
    assert_eq!(headers.to().tag(), Some("1918181833n"));
    assert_eq!(headers.from().tag(), Some("98asjd8"));
    assert_eq!(headers.from().display_text().unwrap(), r#"J Rosenberg \""#);
    assert_eq!(headers.max_forwards(), Some(68));
    assert_eq!(headers.cseq().number, 9);
    assert_eq!(headers.get(Name::Subject), Some(&b""[..]));
    assert_eq!(headers.top_via().branch(), Some("390skdjuw"));
    assert_eq!(headers.all(Name::Via).count(), 3);
    assert_eq!(headers.routes().len(), 1);
    let contact = headers.contact().unwrap();
    assert_eq!(contact.display_text().unwrap(), r#"Quoted string """#);
    assert_eq!(contact.param("newparam"), Some(&b"newvalue"[..]));
    assert_eq!(contact.param("q"), Some(&b"0.33"[..]));
    assert_eq!(
        headers.get_other(b"unknownheaderwithunusualvalue"),
        Some(&b";;,,;;,;"[..])
    );
    let folded = headers.get_other(b"NewFangledHeader").unwrap();
    assert!(folded.starts_with(b"newfangled value "));
    assert!(folded.ends_with(b" continued newfangled value"));
    assert_eq!(wsinv.body().len(), 150);
}

/// RFC 4475 3.1.1.2 to 3.1.1.5.
#[test]
fn escapes_mean_a_byte_once_and_only_in_uris() {
    let escaped = request("esc01");
    let contact = escaped.headers().contact().unwrap();
    assert_eq!(contact.uri().user_unescaped().unwrap(), &b"caller"[..]);
    assert_eq!(contact.uri().params().count(), 2);
    assert_eq!(contact.uri().param("n%61me"), Some("v%61lue%25%34%31"));
    assert_eq!(
        request("escnull")
            .headers()
            .to()
            .uri()
            .user_unescaped()
            .unwrap(),
        &b"null-\0-null"[..]
    );
    assert_eq!(request("escnull").headers().contacts().count(), 2);
    let unknown = request("esc02");
    assert_ne!(*unknown.method(), Method::Register);
    assert_eq!(unknown.headers().contacts().count(), 2);
    assert_eq!(unknown.headers().from().display_text().unwrap(), "%Z%45");
    let odd = request("intmeth");
    assert_eq!(
        odd.headers().to().display().unwrap(),
        &b"BEL:\x07 NUL:\0 DEL:\x7f"[..]
    );
    assert_eq!(odd.headers().from().tag(), Some("_token~1'+`*%!-."));
    assert_eq!(odd.headers().max_forwards(), Some(255));
}

/// RFC 4475 3.1.1.7 to 3.1.1.13.
#[test]
fn long_doubled_binary_and_foreign_text_survive() {
    let long = request("longreq");
    assert_eq!(long.headers().all(Name::Via).count(), 34);
    assert_eq!(request("dblreq").body().len(), 0);
    assert_eq!(
        request("semiuri").uri().user(),
        Some("user;par=u%40example.net")
    );
    let vias: Vec<_> = request("transports")
        .headers()
        .all(Name::Via)
        .map(<[u8]>::to_vec)
        .collect();
    assert_eq!(vias.len(), 5);
    assert!(vias.iter().any(|via| via.starts_with(b"SIP/2.0/UNKNOWN ")));
    let parts = request("mpart01");
    let raw = torture("mpart01");
    assert_eq!(
        parts.body().as_ref(),
        &raw.as_ref()[raw.len() - parts.body().len()..]
    );
    assert!(parts.body().contains(&0xff) || parts.body().iter().any(|b| *b >= 0x80));
    assert!(parts.headers().is_content("multipart/mixed"));
    let spoken = response("unreason");
    assert!(
        std::str::from_utf8(spoken.reason())
            .unwrap()
            .contains("девяносто девять")
    );
    assert_eq!(response("noreason").reason(), b"");
}

/// RFC 4475 3.1.2.15: the archive's bytes end before the empty line does; with it, the name is what is wrong.
#[test]
fn an_unquoted_comma_in_a_display_name_is_refused() {
    let bytes = [&torture("baddn")[..], b"\r\n"].concat();
    let refused = Message::parse(Bytes::from(bytes)).unwrap_err();
    assert_eq!(refused.wrong(), Wrong::Bad(Name::From));
}

/// RFC 4475 3.2 to 3.4: grammatical, and something else is special about them.
#[test]
fn what_is_grammatical_is_left_to_those_who_know_its_meaning() {
    assert_eq!(
        request("badbranch").headers().top_via().unique_branch(),
        None
    );
    assert_eq!(request("unkscm").uri().scheme(), Scheme::Other);
    assert_eq!(request("novelsc").uri().scheme(), Scheme::Other);
    assert_eq!(
        request("unksm2").headers().to().uri().scheme(),
        Scheme::Other
    );
    let required: Vec<_> = request("bext01")
        .headers()
        .require()
        .map(<[u8]>::to_vec)
        .collect();
    assert_eq!(
        required,
        [&b"nothingSupportsThis"[..], b"nothingSupportsThisEither"]
    );
    assert!(!request("invut").headers().is_content("application/sdp"));
    assert!(request("regaut01").headers().has(Name::Authorization));
    assert_eq!(response("bcast").headers().all(Name::Via).count(), 2);
    assert_eq!(request("zeromf").headers().max_forwards(), Some(0));
    let outside = request("cparam01");
    let contact = outside.headers().contact().unwrap();
    assert_eq!(contact.param("unknownparam"), Some(&b""[..]));
    assert_eq!(contact.uri().param("unknownparam"), None);
    let inside = request("cparam02");
    let contact = inside.headers().contact().unwrap();
    assert_eq!(contact.param("unknownparam"), None);
    assert_eq!(contact.uri().param("unknownparam"), Some(""));
    let hidden = request("regescrt");
    let uri = hidden.headers().contact().unwrap().uri();
    assert!(hidden.headers().routes().is_empty());
    assert_eq!(uri.headers(), Some("Route=%3Csip:sip.example.com%3E"));
    assert_eq!(uri.without_headers().as_str(), "sip:user@example.com");
    assert!(
        !request("sdp01")
            .headers()
            .lists(Name::Accept, "application/sdp")
    );
    let old = request("inv2543");
    assert_eq!(old.headers().top_via().branch(), None);
    assert_eq!(old.headers().from().tag(), None);
    assert_eq!(old.headers().max_forwards(), None);
    assert!(old.body().starts_with(b"v=0\r\n"));
    assert_eq!(
        request("baddate").headers().get(Name::Date),
        Some(&b"Fri, 01 Jan 2010 16:00:00 EST"[..])
    );
}

/// The whole answer: what expect.csv asks of an edge, REGISTER being 405 where there is no registrar.
#[test]
fn the_switchboard_answers_every_message_as_the_table_says() {
    for (name, expected) in READ {
        let wanted = answer(name, expected);
        let answer = at_the_edge(name);
        assert_eq!(answer.as_deref().map(status), wanted, "{name}");
        let (Some(answer), Asks(..)) = (answer, expected) else {
            continue;
        };
        let Ok(Message::Response(answer)) = Message::parse(answer) else {
            panic!("{name}: an answer that cannot be read");
        };
        let headers = answer.headers();
        assert!(headers.to().tag().is_some(), "{name}");
        match answer.status() {
            405 => assert!(headers.lists(Name::Allow, "INVITE"), "{name}"),
            415 => assert!(headers.lists(Name::Accept, "application/sdp"), "{name}"),
            420 => assert_eq!(headers.all(Name::Unsupported).count(), 4, "{name}"),
            _others => {}
        }
    }
}

/// The same over TCP: clerr waits for its rest and is then closed; the others are answered once and closed.
#[test]
fn the_switchboard_closes_a_stream_that_it_cannot_follow() {
    let flow = FlowId::accepted(1);
    let path = Path {
        transport: Transport::Tcp,
        local: US,
        peer: source(),
        flow: Some(flow),
    };
    let open = |name: &str| {
        let mut board = switchboard();
        board.handle_opened(NOW, flow, path);
        board.handle_bytes(NOW, flow, &torture(name));
        board
    };
    for name in ["ncl", "mcl01"] {
        let sent = drain(&mut open(name), name);
        let [Transmit::Stream { bytes, .. }, Transmit::Close { .. }] = &sent[..] else {
            panic!("{name}: {sent:?}");
        };
        assert_eq!(status(bytes), 400, "{name}");
    }
    let mut board = open("clerr");
    assert_eq!(drain(&mut board, "clerr"), []);
    let (at, _) = board.poll_timeout().unwrap();
    board.handle_timeout(at);
    assert_eq!(drain(&mut board, "clerr"), [Transmit::Close { flow }]);
}

/// The remarks of expect.csv on streams: clerr waits for the rest, ncl and mcl01 close.
#[test]
fn over_a_stream_a_doubtful_length_ends_the_connection() {
    let cut = |name: &str| {
        let mut framer = Framer::new();
        framer.push(&torture(name));
        let first = framer.next();
        (first, framer.is_empty())
    };
    assert_eq!(cut("clerr"), (None, false));
    for (name, wrong) in [
        ("ncl", Snag::Head(Wrong::Bad(Name::ContentLength))),
        ("mcl01", Snag::Head(Wrong::Repeated(Name::ContentLength))),
        ("inv2543", Snag::NoLength),
    ] {
        let broken = cut(name).0.unwrap().unwrap_err();
        assert_eq!(broken.wrong, wrong, "{name}");
    }
    let mut framer = Framer::new();
    framer.push(&torture("dblreq"));
    let both: Vec<_> = framer.take(2).map(Result::unwrap).collect();
    let starts: Vec<_> = both
        .iter()
        .map(|frame| match frame {
            Frame::Message(bytes) => bytes.get(..6).unwrap().to_vec(),
            Frame::KeepAlive => b"ping".to_vec(),
        })
        .collect();
    assert_eq!(starts, [&b"REGIST"[..], b"INVITE"]);
}

/// RFC 5118 sections 4.1 to 4.10, in messages of our own. Each tells the host of the Request-URI; 4.2 is the only invalid one.
#[test]
fn ipv6_stands_where_rfc_5118_puts_it() {
    let ip = |text: &str| Host::Ip(text.parse::<IpAddr>().unwrap());
    for (name, host, port) in [
        ("4_1_reference", ip("2001:db8:a::1"), None),
        ("4_3_port_inside", ip("2001:db8:a::1:5070"), None),
        ("4_4_port_outside", ip("2001:db8:a::1"), Some(5070)),
        ("4_5_received_delimited", ip("2001:db8:a::1"), None),
        ("4_5_received_bare", ip("2001:db8:a::1"), None),
        ("4_6_sdp", ip("2001:db8:a::1"), None),
        ("4_7_mixed_families", Host::Name("host.example.net"), None),
        ("4_8_sdp_mixed_families", ip("2001:db8:a::1"), None),
        ("4_9_mapped", Host::Name("example.com"), None),
        ("4_10_three_colons", ip("2001:db8::192.0.2.1"), None),
    ] {
        let got = read_request(name, file("ipv6", name));
        assert_eq!(got.uri().host(), Some(host), "{name}");
        assert_eq!(got.uri().port(), port, "{name}");
    }
    let missing = Message::parse(file("ipv6", "4_2_missing_delimiter")).unwrap_err();
    assert_eq!(missing.wrong(), Wrong::RequestUri);
    assert_eq!(missing.answer(), Some((400, "Bad Request")));
}

/// RFC 5118 4.5, 4.7 and 4.9.
#[test]
fn ipv6_stands_in_via_and_contact() {
    for name in ["4_5_received_delimited", "4_5_received_bare"] {
        let got = read_request(name, file("ipv6", name));
        let received = got.headers().top_via().received();
        assert_eq!(
            received,
            Some("2001:db8:a::5:ff".parse().unwrap()),
            "{name}"
        );
    }
    let mixed = read_request("4_7", file("ipv6", "4_7_mixed_families"));
    let top = mixed.headers().top_via();
    assert_eq!(top.host().ip(), Some("2001:db8:a::5".parse().unwrap()));
    assert_eq!(top.port(), Some(6050));
    assert_eq!(mixed.headers().all(Name::Via).count(), 3);
    assert_eq!(
        mixed.headers().to().uri().host().unwrap().ip(),
        Some("2001:db8:a::1".parse().unwrap())
    );
    let mapped = read_request("4_9", file("ipv6", "4_9_mapped"));
    let address: IpAddr = "::ffff:192.0.2.50".parse().unwrap();
    assert_eq!(mapped.headers().top_via().host().ip(), Some(address));
    let contact = mapped.headers().contact().unwrap();
    assert_eq!(contact.uri().host().unwrap().ip(), Some(address));
}

/// What the whole switchboard answers a trunk that sends the message over UDP: its final answer, or nothing at all.
fn at_the_edge(name: &str) -> Option<Bytes> {
    let mut board = switchboard();
    let path = Path {
        transport: Transport::Udp,
        local: US,
        peer: source(),
        flow: None,
    };
    board.handle_datagram(NOW, path, torture(name));
    let mut finals = Vec::new();
    for transmit in drain(&mut board, name) {
        let Transmit::Datagram { path, bytes } = transmit else {
            panic!("{name}: {transmit:?}");
        };
        // Whatever Via says, nothing is sent to anybody but the sender's host.
        assert_eq!(path.peer.ip(), source().ip(), "{name}");
        if status(&bytes) >= 200 {
            finals.push(bytes);
        }
    }
    assert!(finals.len() <= 1, "{name}: {finals:?}");
    finals.pop()
}

/// What goes on the wire after the message came, when no number is ours.
fn drain(board: &mut Switchboard, name: &str) -> Vec<Transmit> {
    let mut sent = Vec::new();
    while let Some(wish) = board.poll() {
        match wish {
            Wish::Transmit(transmit) => sent.push(transmit),
            Wish::Decide(key, _) => board.handle(NOW, Told::Decided(key, Verdict::NotOurs)),
            Wish::Note(_) | Wish::Gone(_) => {}
            other @ (Wish::Media(_) | Wish::Tell(_)) => panic!("{name}: {other:?}"),
        }
    }
    sent
}

fn status(response: &[u8]) -> u16 {
    let code = response.get(8..11).unwrap();
    std::str::from_utf8(code).unwrap().parse().unwrap()
}

fn switchboard() -> Switchboard {
    let trunk = Trunk {
        port: Some(source().port()),
        ..Trunk::plain("carrier", &source().ip().to_string())
    };
    let sip = Settings {
        advertise: None,
        listeners: vec![(Transport::Udp, US), (Transport::Tcp, US)],
        user_agent: "ringtag".to_owned(),
        transactions_max: 100,
    };
    let trunks = Trunks::new([(trunk, Addresses::plain(Transport::Udp, [source()]))]);
    let setup = Setup {
        sip,
        trunks: Arc::new(trunks),
        country: Country::from_code("RU").unwrap(),
        guard: Default::default(),
        session: Policy::default(),
    };
    Switchboard::new(setup, Chance::from_number(1))
}

fn data(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(folder)
}

fn file(folder: &str, name: &str) -> Bytes {
    let path = data(folder).join(name).with_extension("dat");
    Bytes::from(fs::read(&path).unwrap())
}

fn torture(name: &str) -> Bytes {
    file("torture", name)
}

fn request(name: &str) -> Request {
    read_request(name, torture(name))
}

fn read_request(name: &str, bytes: Bytes) -> Request {
    match Message::parse(bytes) {
        Ok(Message::Request(request)) => request,
        got @ (Ok(Message::Response(_)) | Err(_)) => panic!("{name}: {got:?}"),
    }
}

fn response(name: &str) -> Response {
    match Message::parse(torture(name)) {
        Ok(Message::Response(response)) => response,
        got @ (Ok(Message::Request(_)) | Err(_)) => panic!("{name}: {got:?}"),
    }
}

fn refused(name: &str) -> Malformed {
    Message::parse(torture(name)).unwrap_err()
}

fn source() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 77], 5060))
}
