//! Tables of what a resolver may say, and where it leads.

use std::collections::BTreeMap;

use super::*;

/// What a made-up DNS knows.
#[derive(Default)]
struct Zone(BTreeMap<Question, Answer>);

impl Zone {
    fn add(mut self, name: &str, kind: Kind, record: Record) -> Self {
        let question = Question {
            name: name.to_owned(),
            kind,
        };
        let answer = self.0.entry(question).or_insert(Answer::Found {
            records: Vec::new(),
            ttl_s: 300,
        });
        if let Answer::Found { records, .. } = answer {
            records.push(record);
        }
        self
    }

    fn a(self, name: &str, address: &str) -> Self {
        let ip: IpAddr = address.parse().unwrap();
        let kind = if ip.is_ipv4() { Kind::A } else { Kind::Aaaa };
        self.add(name, kind, Record::Address(ip))
    }

    fn srv(self, name: &str, text: &str) -> Self {
        let parts: Vec<&str> = text.split(' ').collect();
        let record = Record::Srv {
            priority: parts[0].parse().unwrap(),
            weight: parts[1].parse().unwrap(),
            port: parts[2].parse().unwrap(),
            target: parts[3].to_owned(),
        };
        self.add(name, Kind::Srv, record)
    }

    fn naptr(self, name: &str, text: &str) -> Self {
        let parts: Vec<&str> = text.split(' ').collect();
        let record = Record::Naptr {
            order: parts[0].parse().unwrap(),
            preference: parts[1].parse().unwrap(),
            flags: parts[2].to_owned(),
            service: parts[3].to_owned(),
            replacement: parts[4].to_owned(),
        };
        self.add(name, Kind::Naptr, record)
    }

    fn failing(mut self, name: &str, kind: Kind) -> Self {
        let name = name.to_owned();
        self.0.insert(Question { name, kind }, Answer::Failed);
        self
    }

    /// Looks for `goal`, answering the last question first. Returns what was found and what was asked.
    fn locate(&self, goal: Goal, means: Means) -> (Located, Vec<Question>) {
        let mut machine = Locate::new(goal, means);
        let mut asked = Vec::new();
        let mut open = Vec::new();
        loop {
            while let Some(question) = machine.poll() {
                asked.push(question.clone());
                open.push(question);
            }
            let Some(question) = open.pop() else { break };
            let answer = self.0.get(&question).cloned().unwrap_or(Answer::Nothing);
            machine.handle_answer(&question, answer);
        }
        (machine.located().unwrap().clone(), asked)
    }

    /// The places of `host`, each as `rank/weight transport address`.
    fn places(&self, host: &str, transport: Option<Transport>) -> Vec<String> {
        let (located, _) = self.locate(goal(host, None, transport), every());
        shown(&located)
    }
}

fn goal(host: &str, port: Option<u16>, transport: Option<Transport>) -> Goal {
    Goal {
        host: host.into(),
        port,
        transport,
    }
}

/// Sockets of every kind and family, IPv4 first.
fn every() -> Means {
    let both = ["0.0.0.0:5060", "[::]:5060"].map(|text| text.parse().unwrap());
    [Transport::Udp, Transport::Tcp, Transport::Tls]
        .into_iter()
        .flat_map(|transport| both.map(|address| (transport, address)))
        .collect()
}

fn only(listeners: &[(Transport, &str)]) -> Means {
    listeners
        .iter()
        .map(|(transport, address)| (*transport, address.parse().unwrap()))
        .collect()
}

fn shown(located: &Located) -> Vec<String> {
    let show = |place: &Place| {
        let Place {
            rank,
            weight,
            transport,
            address,
            ..
        } = place;
        format!("{rank}/{weight} {transport} {address}")
    };
    located.places.iter().map(show).collect()
}

#[test]
fn an_address_is_taken_as_it_is() {
    let zone = Zone::default();
    for (host, port, transport, expected) in [
        ("192.0.2.1", None, None, "0/0 udp 192.0.2.1:5060"),
        ("192.0.2.1", Some(5066), None, "0/0 udp 192.0.2.1:5066"),
        (
            "192.0.2.1",
            None,
            Some(Transport::Tls),
            "0/0 tls 192.0.2.1:5061",
        ),
        (
            "[2001:db8::1]",
            None,
            Some(Transport::Tcp),
            "0/0 tcp [2001:db8::1]:5060",
        ),
    ] {
        // No socket of ours could speak there; the admin wrote it all the same.
        let (located, asked) = zone.locate(goal(host, port, transport), only(&[]));
        assert_eq!(shown(&located), [expected]);
        assert!(asked.is_empty() && !located.unsure, "{asked:?}");
        assert_eq!(located.ttl_s, None);
    }
}

#[test]
fn a_port_as_written_asks_for_addresses_only() {
    let zone = Zone::default()
        .srv("_sip._udp.sip.example.com.", "1 1 5080 edge.example.com.")
        .a("sip.example.com", "192.0.2.1")
        .a("sip.example.com", "2001:db8::1");
    let (located, asked) = zone.locate(goal("sip.example.com", Some(5066), None), every());
    assert_eq!(
        shown(&located),
        ["0/0 udp 192.0.2.1:5066", "0/0 udp [2001:db8::1]:5066"]
    );
    let kinds: Vec<Kind> = asked.iter().map(|question| question.kind).collect();
    assert_eq!(kinds, [Kind::A, Kind::Aaaa]);
    assert_eq!(located.ttl_s, Some(300));
}

#[test]
fn naptr_chooses_the_protocol_where_nobody_wrote_one() {
    // The example of RFC 3263 section 4.1 and 4.2.
    let zone = Zone::default()
        .naptr("example.com.", "50 50 s SIPS+D2T _sips._tcp.example.com.")
        .naptr("example.com.", "50 90 S sip+d2t _sip._tcp.example.com.")
        .naptr("example.com.", "50 100 s SIP+D2U _sip._udp.example.com.")
        .naptr("example.com.", "10 10 s E2U+email other.example.com.")
        .srv("_sips._tcp.example.com.", "0 1 5061 server1.example.com.")
        .srv("_sip._tcp.example.com.", "0 1 5060 server1.example.com.")
        .srv("_sip._tcp.example.com.", "0 2 5060 server2.example.com")
        .srv("_sip._udp.example.com.", "0 1 5070 server2.example.com.")
        .a("server1.example.com.", "192.0.2.1")
        .a("server2.example.com.", "192.0.2.2");
    assert_eq!(
        zone.places("example.com", None),
        [
            "0/1 tls 192.0.2.1:5061",
            "1/1 tcp 192.0.2.1:5060",
            "1/2 tcp 192.0.2.2:5060",
            "2/1 udp 192.0.2.2:5070",
        ]
    );
    // What we do not speak is left out.
    let means = only(&[(Transport::Udp, "0.0.0.0:5060")]);
    let (located, asked) = zone.locate(goal("example.com", None, None), means);
    assert_eq!(shown(&located), ["0/1 udp 192.0.2.2:5070"]);
    assert_eq!(asked.len(), 4, "{asked:?}");
    // A protocol as written asks for no NAPTR.
    let (located, asked) = zone.locate(goal("example.com", None, Some(Transport::Tcp)), every());
    assert_eq!(located.places.len(), 2);
    assert!(asked.iter().all(|question| question.kind != Kind::Naptr));
}

#[test]
fn naptr_of_a_higher_order_and_of_other_flags_is_not_followed() {
    let zone = Zone::default()
        .naptr("example.com.", "20 1 s SIP+D2U _sip._udp.far.example.")
        .naptr("example.com.", "10 1 s SIP+D2T _sip._tcp.near.example.")
        .naptr("example.com.", "1 1 u SIP+D2U _sip._udp.odd.example.")
        .naptr("example.com.", "1 1 s SIP+D2U .")
        .srv("_sip._tcp.near.example.", "1 0 5060 near.example.")
        .srv("_sip._udp.far.example.", "1 0 5060 far.example.")
        .a("near.example.", "192.0.2.1")
        .a("far.example.", "192.0.2.2");
    assert_eq!(zone.places("example.com", None), ["0/0 tcp 192.0.2.1:5060"]);
}

#[test]
fn without_naptr_each_protocol_that_we_speak_is_asked_for() {
    let zone = Zone::default()
        .srv("_sip._tcp.example.com.", "1 0 5062 edge.example.com.")
        .srv("_sips._tcp.example.com.", "1 0 5063 edge.example.com.")
        .a("edge.example.com.", "192.0.2.1");
    assert_eq!(
        zone.places("example.com", None),
        ["1/0 tcp 192.0.2.1:5062", "2/0 tls 192.0.2.1:5063"]
    );
}

#[test]
fn without_any_records_the_hosts_own_addresses_are_used_at_the_usual_port() {
    let zone = Zone::default().a("pbx", "192.0.2.1");
    assert_eq!(zone.places("pbx", None), ["0/0 udp 192.0.2.1:5060"]);
    let tls = Some(Transport::Tls);
    assert_eq!(zone.places("pbx", tls), ["0/0 tls 192.0.2.1:5061"]);
    // WebSocket has no SRV service, and its name is asked for addresses at once.
    let means = only(&[(Transport::Wss, "0.0.0.0:443")]);
    let (located, _) = zone.locate(goal("pbx", None, Some(Transport::Wss)), means);
    assert_eq!(shown(&located), ["0/0 wss 192.0.2.1:443"]);
    assert!(zone.places("nowhere.example", None).is_empty());
}

#[test]
fn priorities_are_ranks_and_servers_keep_their_weights() {
    let zone = Zone::default()
        .srv("_sip._udp.example.com.", "20 0 5060 backup.example.com.")
        .srv("_sip._udp.example.com.", "10 60 5060 big.example.com.")
        .srv("_sip._udp.example.com.", "10 40 5080 small.example.com.")
        .a("big.example.com.", "192.0.2.1")
        .a("big.example.com.", "2001:db8::1")
        .a("small.example.com.", "192.0.2.2")
        .a("backup.example.com.", "192.0.2.3");
    let udp = Some(Transport::Udp);
    let (located, _) = zone.locate(goal("example.com", None, udp), every());
    let by_address: BTreeMap<String, (u16, u16, u16)> = located
        .places
        .iter()
        .map(|one| (one.address.to_string(), (one.rank, one.server, one.weight)))
        .collect();
    let big = by_address["192.0.2.1:5060"];
    assert_eq!((big.0, big.2), (0, 60));
    assert_eq!(by_address["[2001:db8::1]:5060"], big, "one server");
    let small = by_address["192.0.2.2:5080"];
    assert_eq!((small.0, small.2), (0, 40));
    assert_ne!(small.1, big.1);
    assert_eq!(by_address["192.0.2.3:5060"].0, 1);
}

#[test]
fn a_target_of_a_dot_says_that_there_is_no_service() {
    let zone = Zone::default()
        .srv("_sip._udp.example.com.", "0 0 0 .")
        .a("example.com", "192.0.2.1");
    assert!(zone.places("example.com", Some(Transport::Udp)).is_empty());
}

#[test]
fn the_family_that_is_listened_on_first_comes_first_and_others_are_left_out() {
    let zone = Zone::default()
        .a("pbx", "192.0.2.1")
        .a("pbx", "2001:db8::1");
    let udp = |addresses: &[&str]| {
        let listeners: Vec<_> = addresses.iter().map(|a| (Transport::Udp, *a)).collect();
        let goal = goal("pbx", None, Some(Transport::Udp));
        zone.locate(goal, only(&listeners)).0
    };
    let both = udp(&["[::]:5060", "0.0.0.0:5060"]);
    let v6_first = ["0/0 udp [2001:db8::1]:5060", "0/0 udp 192.0.2.1:5060"];
    assert_eq!(shown(&both), v6_first);
    let v4 = udp(&["0.0.0.0:5060"]);
    assert_eq!(shown(&v4), ["0/0 udp 192.0.2.1:5060"]);
    assert!(v4.beyond_means && !both.beyond_means);
    let none = udp(&[]);
    assert!(none.places.is_empty() && none.beyond_means);
}

#[test]
fn what_nobody_could_say_makes_the_rest_unsure() {
    let good = Zone::default()
        .srv("_sip._udp.example.com.", "1 0 5070 edge.example.com.")
        .a("edge.example.com.", "192.0.2.1")
        .a("example.com", "192.0.2.9");
    let located = |zone: &Zone| zone.locate(goal("example.com", None, None), every()).0;
    assert!(!located(&good).unsure);
    // A resolver that refuses NAPTR, as some do, hides no server.
    let no_naptr = good.failing("example.com.", Kind::Naptr);
    let found = located(&no_naptr);
    assert_eq!(shown(&found), ["0/0 udp 192.0.2.1:5070"]);
    assert!(found.unsure);
    let no_srv = no_naptr.failing("_sip._udp.example.com.", Kind::Srv);
    let found = located(&no_srv);
    assert_eq!(shown(&found), ["0/0 udp 192.0.2.9:5060"]);
    assert!(found.unsure);
}

#[test]
fn what_a_name_shows_is_bounded() {
    let mut zone = Zone::default();
    for number in 0..200 {
        let target = format!("s{number}.example.com.");
        zone = zone.srv("_sip._udp.example.com.", &format!("1 1 5060 {target}"));
        for last in 1..30 {
            zone = zone.a(&target, &format!("10.0.{number}.{last}"));
        }
    }
    let goal = goal("example.com", None, Some(Transport::Udp));
    let (located, asked) = zone.locate(goal, every());
    assert_eq!(located.places.len(), PLACES_MAX);
    assert_eq!(asked.len(), 1 + 2 * SERVERS_MAX);
    let of_one = located.places.iter().filter(|place| place.server == 0);
    assert_eq!(of_one.count(), ADDRESSES_MAX);
}

#[test]
fn an_answer_that_was_not_asked_for_or_comes_twice_changes_nothing() {
    let mut machine = Locate::new(goal("pbx", Some(5060), None), every());
    let a = machine.poll().unwrap();
    let aaaa = machine.poll().unwrap();
    let other = Question {
        name: "evil.example".to_owned(),
        kind: Kind::A,
    };
    let ip = |text: &str| Answer::Found {
        records: vec![Record::Address(text.parse().unwrap())],
        ttl_s: 60,
    };
    machine.handle_answer(&other, ip("203.0.113.1"));
    assert!(machine.located().is_none());
    machine.handle_answer(&a, ip("192.0.2.1"));
    machine.handle_answer(&aaaa, Answer::Nothing);
    machine.handle_answer(&a, ip("203.0.113.1"));
    let located = machine.located().unwrap();
    assert_eq!(shown(located), ["0/0 udp 192.0.2.1:5060"]);
}
