//! Trials of the table of trunks: whose an address is.

use super::*;

fn trunk(id: &str, transport: Transport, allow: &[(&str, u8, Option<u16>)]) -> Trunk {
    Trunk {
        transport,
        allow: allow
            .iter()
            .map(|(address, prefix, port)| Allow {
                address: address.parse().unwrap(),
                prefix: *prefix,
                port: *port,
            })
            .collect(),
        ..Trunk::plain(id, "host")
    }
}

fn addresses(list: &[&str]) -> Addresses {
    over(Transport::Udp, list)
}

fn over(transport: Transport, list: &[&str]) -> Addresses {
    Addresses::plain(transport, list.iter().map(|a| a.parse().unwrap()))
}

fn path(transport: Transport, peer: &str) -> Path {
    Path {
        transport,
        local: "10.0.0.1:5060".parse().unwrap(),
        peer: peer.parse().unwrap(),
        flow: None,
    }
}

fn from(trunks: &Trunks, transport: Transport, peer: &str) -> Option<String> {
    trunks
        .recognise(&path(transport, peer))
        .map(|line| line.trunk.id.to_string())
}

#[test]
fn a_trunk_over_tls_is_taken_over_tls_alone() {
    let allow: &[(&str, u8, Option<u16>)] = &[("10.1.0.0", 16, None)];
    let mut tls = trunk("tls", Transport::Tls, allow);
    tls.register = true;
    tls.username = Some("office".into());
    tls.password = Some("secret".into());
    let user = contact_user(&tls).unwrap();
    let uri = Uri::parse(format!("sip:{user}@10.0.0.1").as_bytes()).unwrap();
    let trunks = Trunks::new([(tls, addresses(&["10.9.0.1:5061"]))]);
    // Whoever overheard the Contact of the registration may be anywhere.
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        let anywhere = path(transport, "203.0.113.9:5060");
        let taken = trunks.registered(&uri, &anywhere).is_some();
        assert_eq!(taken, transport == Transport::Tls, "{transport}");
    }
    for peer in ["10.9.0.1:5061", "10.1.2.3:40000"] {
        for (transport, is_taken) in [
            (Transport::Udp, false),
            (Transport::Tcp, false),
            (Transport::Tls, true),
        ] {
            let taken = from(&trunks, transport, peer).is_some();
            assert_eq!(taken, is_taken, "{transport} from {peer}");
        }
    }
}

#[test]
fn an_exact_address_and_port_wins_over_every_network() {
    let trunks = Trunks::new([
        (
            trunk("wide", Transport::Udp, &[("10.1.0.0", 16, None)]),
            addresses(&[]),
        ),
        (
            trunk("host", Transport::Udp, &[("10.1.2.3", 32, None)]),
            addresses(&[]),
        ),
        (
            trunk("port", Transport::Udp, &[("10.1.2.3", 32, Some(5066))]),
            addresses(&[]),
        ),
        (
            trunk("own", Transport::Udp, &[]),
            addresses(&["10.1.2.3:5070"]),
        ),
    ]);
    let udp = |peer| from(&trunks, Transport::Udp, peer);
    assert_eq!(udp("10.1.2.3:5066").as_deref(), Some("port"));
    assert_eq!(udp("10.1.2.3:5070").as_deref(), Some("own"));
    assert_eq!(udp("10.1.2.3:9").as_deref(), Some("host"));
    assert_eq!(udp("10.1.9.9:9").as_deref(), Some("wide"));
    assert_eq!(udp("10.2.0.1:5060"), None);
    assert_eq!(udp("[::ffff:10.1.2.3]:5066").as_deref(), Some("port"));
    assert_eq!(udp("[2001:db8::1]:5066"), None);
}

#[test]
fn two_trunks_that_match_alike_match_not_at_all() {
    let trunks = Trunks::new([
        (
            trunk("a", Transport::Udp, &[("10.1.0.0", 16, None)]),
            addresses(&["10.9.0.1:5060"]),
        ),
        (
            trunk("b", Transport::Udp, &[("10.1.0.0", 16, None)]),
            addresses(&["10.9.0.1:5060"]),
        ),
    ]);
    assert_eq!(from(&trunks, Transport::Udp, "10.1.2.3:1"), None);
    assert_eq!(from(&trunks, Transport::Udp, "10.9.0.1:5060"), None);
    let shared = trunks.shared();
    assert_eq!(shared.len(), 1);
    assert_eq!(shared[0].0.to_string(), "10.9.0.1:5060");
    assert_eq!(shared[0].1, ["a".into(), "b".into()]);
    assert_eq!(Trunks::default().shared(), []);
}

#[test]
fn a_stream_may_leave_from_any_port_of_the_trunks_own_host() {
    let trunks = Trunks::new([(
        trunk("tcp", Transport::Tcp, &[]),
        over(Transport::Tcp, &["10.1.2.3:5060"]),
    )]);
    assert_eq!(
        from(&trunks, Transport::Tcp, "10.1.2.3:40000").as_deref(),
        Some("tcp")
    );
    assert_eq!(from(&trunks, Transport::Udp, "10.1.2.3:40000"), None);
}

#[test]
fn a_trunk_without_allow_is_taken_from_any_port_of_its_host() {
    let trunks = Trunks::new([
        (
            trunk("carrier", Transport::Udp, &[]),
            addresses(&["10.1.2.3:5060"]),
        ),
        (
            trunk("wide", Transport::Udp, &[("10.1.0.0", 16, None)]),
            addresses(&[]),
        ),
    ]);
    let udp = |peer| from(&trunks, Transport::Udp, peer);
    assert_eq!(udp("10.1.2.3:5060").as_deref(), Some("carrier"));
    assert_eq!(udp("10.1.2.3:32768").as_deref(), Some("carrier"));
    assert_eq!(udp("10.1.2.4:5060").as_deref(), Some("wide"));
    // Over another transport it is not the host's own.
    assert_eq!(
        from(&trunks, Transport::Tcp, "10.1.2.3:32768").as_deref(),
        Some("wide")
    );
}

#[test]
fn of_two_trunks_on_one_host_the_port_alone_tells() {
    let trunks = |allow: &[(&str, u8, Option<u16>)]| {
        Trunks::new([
            (
                trunk("carrier", Transport::Udp, &[]),
                addresses(&["127.0.0.1:5066"]),
            ),
            (
                trunk("pbx", Transport::Udp, allow),
                addresses(&["127.0.0.1:5070"]),
            ),
        ])
    };
    let bare = trunks(&[]);
    let udp = |peer| from(&bare, Transport::Udp, peer);
    assert_eq!(udp("127.0.0.1:5066").as_deref(), Some("carrier"));
    assert_eq!(udp("127.0.0.1:5070").as_deref(), Some("pbx"));
    assert_eq!(udp("127.0.0.1:9"), None);
    let allowed = trunks(&[("127.0.0.1", 32, None)]);
    let udp = |peer| from(&allowed, Transport::Udp, peer);
    assert_eq!(udp("127.0.0.1:5066").as_deref(), Some("carrier"));
    assert_eq!(udp("127.0.0.1:9").as_deref(), Some("pbx"));
}

#[test]
fn every_host_of_a_trunk_is_known_whoever_shares_it() {
    let trunks = Trunks::new([
        (
            trunk("a", Transport::Udp, &[("10.1.2.0", 24, None)]),
            addresses(&["10.9.0.1:5060"]),
        ),
        (
            trunk("b", Transport::Tcp, &[("10.3.0.1", 32, Some(5066))]),
            addresses(&["10.9.0.1:5060"]),
        ),
    ]);
    let has = |ip: &str| trunks.has_host(ip.parse().unwrap());
    for ip in ["10.9.0.1", "::ffff:10.9.0.1", "10.1.2.77", "10.3.0.1"] {
        assert!(has(ip), "{ip}");
    }
    assert!(!has("10.9.0.2") && !has("10.1.3.1") && !has("2001:db8::1"));
}

#[test]
fn a_name_that_moves_is_recognised_at_its_new_address_only() {
    let before = Trunks::new([(
        trunk("t", Transport::Udp, &[]),
        addresses(&["10.0.0.8:5060"]),
    )]);
    let after = before.with_addresses("t", addresses(&["10.0.0.9:5060"]));
    assert_eq!(from(&after, Transport::Udp, "10.0.0.8:5060"), None);
    assert_eq!(
        from(&after, Transport::Udp, "10.0.0.9:5060").as_deref(),
        Some("t")
    );
    assert!(
        after
            .by_id("t")
            .unwrap()
            .leads_to("10.0.0.9".parse().unwrap())
    );
}

#[test]
fn networks_of_ipv6_and_of_no_bits_match() {
    let trunks = Trunks::new([
        (
            trunk("six", Transport::Udp, &[("2001:db8::", 32, None)]),
            addresses(&[]),
        ),
        (
            trunk("all", Transport::Udp, &[("0.0.0.0", 0, None)]),
            addresses(&[]),
        ),
    ]);
    assert_eq!(
        from(&trunks, Transport::Udp, "[2001:db8:1::1]:5060").as_deref(),
        Some("six")
    );
    assert_eq!(from(&trunks, Transport::Udp, "[2001:db9::1]:5060"), None);
    assert_eq!(
        from(&trunks, Transport::Udp, "192.0.2.1:5060").as_deref(),
        Some("all")
    );
}
