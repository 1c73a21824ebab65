//! The table of connections and its limits, with real sockets and real TLS.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::call::guard::Offence;
use crate::call::trunk::{Addresses, Trunk};
use crate::engine::settings::Connections;
use crate::engine::streams::admission::HANDSHAKES_MAX;
use crate::engine::tls::trial::{Authority, Signed};
use crate::engine::tls::{Authorities, Identity, Served, Toward};
use crate::sip::session_timer::Policy;

const PATIENCE: Duration = Duration::from_secs(30);
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const OPTIONS: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n";

/// Runs in a runtime like the engine's, for a bounded time.
fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let within = runtime.block_on(async { timeout(PATIENCE * 3, test).await });
    within.expect("the test took too long")
}

fn settings(transports: &[Transport], connections: Connections) -> Settings {
    let address = SocketAddr::new(HERE, 0);
    let listen = |transport: &Transport| Listen {
        transport: *transport,
        address,
    };
    Settings {
        listen: transports.iter().map(listen).collect(),
        advertise: None,
        resolver: None,
        connections,
        origins: Arc::default(),
        drain: Duration::ZERO,
        session: Policy::default(),
    }
}

fn streams(transports: &[Transport], tls: &Tls) -> Streams {
    Streams::bind(&settings(transports, Connections::default()), tls, 1).unwrap()
}

fn read(signed: &Signed) -> Identity {
    Identity::read(signed.chain.as_bytes(), signed.key.as_bytes()).unwrap()
}

fn roots(authority: &Authority) -> Authorities {
    Authorities::read(authority.pem.as_bytes()).unwrap()
}

/// What a listener shows that is called `name`.
fn shown(authority: &Authority, name: &str, clients: Option<&Authority>) -> Tls {
    let clients = clients.map(roots);
    Tls {
        served: Some(Served::new(&read(&authority.sign(name)), clients.as_ref()).unwrap()),
        ..Tls::default()
    }
}

fn address(streams: &Streams) -> SocketAddr {
    streams.listening().next().unwrap().address
}

async fn arrival(streams: &mut Streams) -> Arrival {
    timeout(PATIENCE, streams.next())
        .await
        .expect("nothing arrived")
}

/// A peer's connection by TLS, as `streams` works beside it, and what became of it there.
async fn shake(
    streams: &mut Streams,
    toward: &Toward,
) -> (io::Result<TlsStream<TcpStream>>, Arrival) {
    let peer = address(streams);
    let connector = TlsConnector::from(toward.config().unwrap());
    let name = toward.name.clone();
    let dial = async move {
        let stream = TcpStream::connect(peer).await?;
        let mut stream = connector.connect(name, stream).await?;
        stream.write_all(OPTIONS).await?;
        Ok(stream)
    };
    let became = async {
        loop {
            let arrival = arrival(streams).await;
            if let Arrival::Opened(..) | Arrival::Unshaken(_) = arrival {
                return arrival;
            }
        }
    };
    tokio::join!(dial, became)
}

async fn ended(peer: &mut (impl AsyncReadExt + Unpin)) {
    let mut rest = Vec::new();
    // A reset is an end too.
    let _reset = timeout(PATIENCE, peer.read_to_end(&mut rest))
        .await
        .unwrap();
}

fn trunk_at(id: &str, host: &str, transport: Transport, port: u16) -> (Trunk, Addresses) {
    let trunk = Trunk {
        port: Some(port),
        transport,
        ..Trunk::plain(id, host)
    };
    let addresses = Addresses::plain(transport, [SocketAddr::new(HERE, port)]);
    (trunk, addresses)
}

#[test]
fn bytes_come_and_go_over_tls_and_a_close_lets_the_last_ones_leave() {
    run(async {
        let ca = Authority::new();
        let mut streams = streams(&[Transport::Tls], &shown(&ca, "sip.example.com", None));
        let toward = Toward::new("sip.example.com", &roots(&ca), None).unwrap();
        let (peer, opened) = shake(&mut streams, &toward).await;
        let mut peer = peer.unwrap();
        let Arrival::Opened(flow, path) = opened else {
            panic!("{opened:?}");
        };
        assert_eq!(path.transport, Transport::Tls);
        let bytes = arrival(&mut streams).await;
        assert!(matches!(bytes, Arrival::Bytes(from, bytes) if from == flow && bytes == OPTIONS));
        assert!(streams.send(flow, Bytes::from_static(b"SIP/2.0 400 Last\r\n\r\n")));
        streams.close(flow);
        assert_eq!(streams.count(), 0);
        let mut said = Vec::new();
        peer.read_to_end(&mut said).await.unwrap();
        assert_eq!(said, b"SIP/2.0 400 Last\r\n\r\n");
    });
}

#[test]
fn what_a_peer_said_before_it_left_is_heard_though_somebody_speaks_to_it_first() {
    run(async {
        let mut streams = streams(&[Transport::Tcp], &Tls::default());
        let mut peer = TcpStream::connect(address(&streams)).await.unwrap();
        let Arrival::Opened(flow, _) = arrival(&mut streams).await else {
            panic!("it is opened first");
        };
        peer.write_all(OPTIONS).await.unwrap();
        drop(peer);
        timeout(PATIENCE, async {
            while !streams.connections[&flow].task.is_finished() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        // It leaves for nowhere, as what was queued a moment before does.
        assert!(streams.send(flow, Bytes::from_static(OPTIONS)));
        let said = arrival(&mut streams).await;
        assert!(
            matches!(&said, Arrival::Bytes(from, bytes) if *from == flow && bytes == OPTIONS),
            "{said:?}"
        );
        let closed = arrival(&mut streams).await;
        assert!(
            matches!(closed, Arrival::Closed(of) if of == flow),
            "{closed:?}"
        );
        assert_eq!(streams.count(), 0);
    });
}

#[test]
fn a_peer_that_does_not_trust_us_or_shows_nothing_that_we_trust_never_stands() {
    run(async {
        let [ours, theirs] = [Authority::new(), Authority::new()];
        let mut streams = streams(&[Transport::Tls], &shown(&ours, "a.example", Some(&ours)));
        let good = read(&ours.sign("pbx.example"));
        let bad = read(&theirs.sign("pbx.example"));
        for (trusted, own, stands) in [
            (&ours, Some(&good), true),
            (&theirs, Some(&good), false),
            (&ours, Some(&bad), false),
            (&ours, None, false),
        ] {
            let toward = Toward::new("a.example", &roots(trusted), own).unwrap();
            let (_peer, arrival) = shake(&mut streams, &toward).await;
            match arrival {
                Arrival::Opened(..) => assert!(stands),
                Arrival::Unshaken(_) => assert!(!stands),
                other @ (Arrival::Vouched(..)
                | Arrival::Bytes(..)
                | Arrival::Frame(..)
                | Arrival::Closed(_)
                | Arrival::TurnedAway) => panic!("{other:?}"),
            }
            assert_eq!(streams.admission.shaking(), 0);
        }
    });
}

#[test]
fn a_connection_from_a_trunks_address_must_show_the_trunks_name_where_it_is_asked() {
    run(async {
        let ca = Authority::new();
        let mut tls = shown(&ca, "a.example", Some(&ca));
        let known = Toward::new("pbx.example", &roots(&ca), None).unwrap();
        tls.toward.insert("pbx".into(), known);
        let mut streams = streams(&[Transport::Tls], &tls);
        let trunks = Trunks::new([trunk_at("pbx", "pbx.example", Transport::Tls, 5_061)]);
        streams.set_trunks(Arc::new(trunks));
        let shaken = async |streams: &mut Streams, name: &str| {
            let own = read(&ca.sign(name));
            let toward = Toward::new("a.example", &roots(&ca), Some(&own)).unwrap();
            shake(streams, &toward).await
        };
        let (_peer, opened) = shaken(&mut streams, "pbx.example").await;
        assert!(matches!(opened, Arrival::Opened(..)), "{opened:?}");
        let place = SocketAddr::new(HERE, 5_061);
        let vouched = arrival(&mut streams).await;
        assert!(matches!(vouched, Arrival::Vouched(_, places) if places == [place]));
        let (peer, refused) = shaken(&mut streams, "other.example").await;
        assert!(matches!(refused, Arrival::Unshaken(_)), "{refused:?}");
        ended(&mut peer.unwrap()).await;
        // The name that is asked for changes, and what stands is asked again.
        let trunks = Trunks::new([trunk_at("pbx", "pbx.example", Transport::Tls, 5_061)]);
        let renamed = Toward::new("new.example", &roots(&ca), None).unwrap();
        tls.toward.insert("pbx".into(), renamed);
        streams.set_tls(&tls);
        streams.set_trunks(Arc::new(trunks));
        assert!(matches!(arrival(&mut streams).await, Arrival::Closed(_)));
    });
}

#[test]
fn new_connections_are_shown_the_new_certificate_and_old_ones_go_on() {
    run(async {
        let ca = Authority::new();
        let mut streams = streams(&[Transport::Tls], &shown(&ca, "old.example", None));
        let toward = |name: &str| Toward::new(name, &roots(&ca), None).unwrap();
        let (old, opened) = shake(&mut streams, &toward("old.example")).await;
        let mut old = old.unwrap();
        assert!(matches!(opened, Arrival::Opened(..)));
        streams.set_tls(&shown(&ca, "new.example", None));
        let (refused, _) = shake(&mut streams, &toward("old.example")).await;
        assert!(refused.is_err());
        let (new, _) = shake(&mut streams, &toward("new.example")).await;
        new.unwrap();
        old.write_all(OPTIONS).await.unwrap();
        loop {
            if let Arrival::Bytes(flow, _) = arrival(&mut streams).await
                && flow == FlowId::accepted(0)
            {
                break;
            }
        }
    });
}

#[test]
fn tls_is_opened_toward_trunks_alone_and_their_name_is_checked() {
    run(async {
        let ca = Authority::new();
        let mut server = streams(&[Transport::Tls], &shown(&ca, "carrier.example", None));
        let peer = address(&server);
        for (name, stands) in [("carrier.example", true), ("other.example", false)] {
            let mut tls = Tls::default();
            let known = Toward::new(name, &roots(&ca), None).unwrap();
            tls.toward.insert("carrier".into(), known);
            let mut client = streams(&[], &tls);
            let flow = FlowId::opened(0);
            client.open(flow, Transport::Tls, peer);
            // Nobody is known there yet.
            assert!(matches!(client.next().await, Arrival::Closed(closed) if closed == flow));
            let line = trunk_at("carrier", name, Transport::Tls, peer.port());
            client.set_trunks(Arc::new(Trunks::new([line])));
            client.open(flow, Transport::Tls, peer);
            client.send(flow, Bytes::from_static(OPTIONS));
            let (there, here) = tokio::join!(arrival(&mut server), arrival(&mut client));
            match stands {
                true => {
                    assert!(matches!(here, Arrival::Opened(opened, _) if opened == flow));
                    assert!(matches!(there, Arrival::Opened(..)));
                    let bytes = arrival(&mut server).await;
                    assert!(matches!(bytes, Arrival::Bytes(_, bytes) if bytes == OPTIONS));
                }
                false => assert!(matches!(here, Arrival::Unshaken(_)), "{here:?}"),
            }
        }
    });
}

#[test]
fn two_trunks_at_one_address_that_want_other_certificates_are_not_connected_to() {
    run(async {
        let ca = Authority::new();
        let mut tls = Tls::default();
        for name in ["one", "two"] {
            let known = Toward::new(&format!("{name}.example"), &roots(&ca), None).unwrap();
            tls.toward.insert(name.into(), known);
        }
        let mut streams = streams(&[], &tls);
        let line = |id: &str| trunk_at(id, id, Transport::Tls, 5_061);
        streams.set_trunks(Arc::new(Trunks::new([line("one"), line("two")])));
        assert!(toward(&streams.tls, &streams.trunks, SocketAddr::new(HERE, 5_061)).is_err());
        streams.set_trunks(Arc::new(Trunks::new([line("one")])));
        assert!(toward(&streams.tls, &streams.trunks, SocketAddr::new(HERE, 5_061)).is_ok());
    });
}

#[test]
fn strangers_who_never_finish_a_handshake_leave_room_for_trunks() {
    run(async {
        let ca = Authority::new();
        let tls = shown(&ca, "a.example", None);
        let many = u32::try_from(HANDSHAKES_MAX).unwrap();
        let roomy = Connections {
            max: many * 2,
            per_source_max: many * 2,
        };
        let mut streams = Streams::bind(&settings(&[Transport::Tls], roomy), &tls, 1).unwrap();
        let to = address(&streams);
        let mut held = Vec::new();
        for _ in 0..HANDSHAKES_MAX {
            held.push(TcpStream::connect(to).await.unwrap());
            let accepted = streams.accepted.recv().await.unwrap();
            streams.take(accepted);
        }
        assert_eq!(streams.admission.shaking(), HANDSHAKES_MAX);
        let mut late = TcpStream::connect(to).await.unwrap();
        assert!(matches!(arrival(&mut streams).await, Arrival::TurnedAway));
        ended(&mut late).await;
        let trunks = Trunks::new([trunk_at("pbx", "pbx.example", Transport::Tls, 5_061)]);
        streams.set_trunks(Arc::new(trunks));
        let toward = Toward::new("a.example", &roots(&ca), None).unwrap();
        let (peer, opened) = shake(&mut streams, &toward).await;
        peer.unwrap();
        assert!(matches!(opened, Arrival::Opened(..)), "{opened:?}");
        // Who leaves in mid-handshake gives the place back.
        drop(held);
        while streams.admission.shaking() > 0 {
            let left = arrival(&mut streams).await;
            assert!(
                matches!(
                    left,
                    Arrival::Unshaken(_) | Arrival::Bytes(..) | Arrival::Closed(_)
                ),
                "{left:?}"
            );
        }
    });
}

#[test]
fn a_ban_closes_what_its_source_has_open_and_lets_nothing_more_in_until_it_ends() {
    run(async {
        let mut streams = streams(&[Transport::Tcp], &Tls::default());
        let to = address(&streams);
        let mut open = TcpStream::connect(to).await.unwrap();
        assert!(matches!(arrival(&mut streams).await, Arrival::Opened(..)));
        let peer = open.local_addr().unwrap();
        let (time, why) = (Duration::from_secs(1), Offence::TooFast);
        streams.heed(&News::Banned { peer, time, why });
        assert!(matches!(arrival(&mut streams).await, Arrival::Closed(_)));
        ended(&mut open).await;
        let mut again = TcpStream::connect(to).await.unwrap();
        assert!(matches!(arrival(&mut streams).await, Arrival::TurnedAway));
        ended(&mut again).await;
        assert_eq!((streams.count(), streams.admission.sources()), (0, 0));
        // A trunk is let in all the same: bans are for strangers.
        let trunks = Trunks::new([trunk_at("pbx", "pbx.example", Transport::Tcp, peer.port())]);
        streams.set_trunks(Arc::new(trunks));
        let _trunk = TcpStream::connect(to).await.unwrap();
        assert!(matches!(arrival(&mut streams).await, Arrival::Opened(..)));
        streams.set_trunks(Arc::default());
        let source = Source::of(peer.ip());
        streams.heed(&News::Ended { source, dropped: 0 });
        let _stranger = TcpStream::connect(to).await.unwrap();
        assert!(matches!(arrival(&mut streams).await, Arrival::Opened(..)));
    });
}

/// A connection that nobody serves.
fn place(streams: &mut Streams, number: u64, trunk: bool) -> FlowId {
    let flow = FlowId::accepted(number);
    let peer = SocketAddr::new(HERE, 5_060);
    let path = Path {
        transport: Transport::Tcp,
        local: peer,
        peer,
        flow: Some(flow),
    };
    let (write, _queue) = mpsc::channel(1);
    let task = tokio::spawn(std::future::pending::<()>()).abort_handle();
    streams.keep(flow, path, trunk, false, write, task);
    flow
}

#[test]
fn a_full_house_closes_the_stranger_that_was_idle_longest_and_no_trunk() {
    run(async {
        let mut streams = streams(&[], &Tls::default());
        let most = u64::from(Connections::default().max);
        let trunk = place(&mut streams, 0, true);
        let idle = place(&mut streams, 1, false);
        let busy = place(&mut streams, 2, false);
        for number in 3..most {
            place(&mut streams, number, true);
        }
        for flow in [idle, busy, trunk] {
            streams.touch(flow);
        }
        assert!(streams.make_room());
        let closed = streams.said.pop_front();
        assert!(matches!(closed, Some(Arrival::Closed(flow)) if flow == idle));
        assert_eq!(streams.count() as u64, most - 1);
        place(&mut streams, 5_000, true);
        assert!(streams.make_room());
        let closed = streams.said.pop_front();
        assert!(matches!(closed, Some(Arrival::Closed(flow)) if flow == busy));
        place(&mut streams, 5_001, true);
        assert!(!streams.make_room());
        // Neither may we open one more.
        let ours = FlowId::opened(1);
        streams.open(ours, Transport::Tcp, SocketAddr::new(HERE, 5_060));
        assert!(matches!(
            streams.said.pop_front(),
            Some(Arrival::TurnedAway)
        ));
        assert!(matches!(streams.said.pop_front(), Some(Arrival::Closed(flow)) if flow == ours));
        assert!(streams.connections.contains_key(&trunk));
    });
}

#[test]
fn what_a_connection_said_before_it_was_closed_here_is_not_heard_after() {
    run(async {
        let mut streams = streams(&[], &Tls::default());
        let flow = place(&mut streams, 0, false);
        let path = streams.connections[&flow].path;
        streams.close(flow);
        for late in [
            Report::Opened(flow, path, None),
            Report::Bytes(flow, Bytes::from_static(OPTIONS)),
            Report::Frame(flow, Bytes::from_static(OPTIONS)),
            Report::Closed(flow, Ended::Stood),
        ] {
            assert!(streams.hear(late).is_none());
        }
    });
}

#[test]
fn a_peer_that_does_not_read_is_cut_off_when_its_queue_is_full() {
    run(async {
        let mut streams = streams(&[Transport::Tcp], &Tls::default());
        let peer = TcpStream::connect(address(&streams)).await.unwrap();
        let Arrival::Opened(flow, _) = arrival(&mut streams).await else {
            panic!("it was not let in");
        };
        let message = Bytes::from(vec![b'x'; 60_000]);
        let mut queued = 0;
        while streams.send(flow, message.clone()) {
            queued += 1;
            // What the kernel takes is taken.
            tokio::task::yield_now().await;
            assert!(queued < 10_000, "nothing bounds what waits");
        }
        assert_eq!(streams.count(), 0);
        drop(peer);
    });
}
