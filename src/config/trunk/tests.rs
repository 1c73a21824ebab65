//! Trials of `[[trunk]]`: its defaults and every mistake that is told.

use super::*;
use crate::config::trial::{good, mistakes, notes};

fn trunk(text: &str) -> Trunk {
    let config = good(&format!("[[trunk]]\nid = \"a\"\n{text}"));
    config.trunks[0].clone()
}

#[test]
fn a_trunk_needs_an_id_and_a_host_and_has_defaults_for_the_rest() {
    assert_eq!(
        mistakes("[[trunk]]\ntrusted = true\n"),
        [
            "1:1: [[trunk]] has no `id`; add id = \"carrier\"",
            "1:1: [[trunk]] has no `host`; add host = \"sip.example.com\"",
        ]
    );
    let trunk = trunk("host = \"sip.example.com\"\n");
    assert_eq!((&*trunk.host, trunk.port), ("sip.example.com", None));
    assert_eq!(trunk.transport, Transport::Udp);
    assert_eq!(trunk.did_from, DidFrom::RequestUri);
    assert_eq!(trunk.caller_id, CallerId::Caller);
    assert_eq!(trunk.number_format, NumberFormat::E164);
    assert_eq!(trunk.media, SoundFrom::Sdp);
    assert_eq!(
        (trunk.trusted, trunk.register, trunk.max_calls),
        (false, false, None)
    );
}

#[test]
fn a_registered_trunk_reads_the_number_from_to_unless_it_says_otherwise() {
    let account = "host = \"a.example\"\nregister = true\nusername = \"u\"\npassword = \"p\"\n";
    assert_eq!(trunk(account).did_from, DidFrom::To);
    let written = format!("{account}did_from = \"request-uri\"\n");
    assert_eq!(trunk(&written).did_from, DidFrom::RequestUri);
    let unregistered = "host = \"a.example\"\nregister = false\n";
    assert_eq!(trunk(unregistered).did_from, DidFrom::RequestUri);
}

#[test]
fn hosts_come_with_and_without_a_port_and_in_ipv6() {
    let host = |host: &str| {
        let trunk = trunk(&format!("host = \"{host}\"\n"));
        (trunk.host.to_string(), trunk.port)
    };
    assert_eq!(host("192.0.2.1:5066"), ("192.0.2.1".to_owned(), Some(5066)));
    assert_eq!(
        host("[2001:db8::1]:5070"),
        ("[2001:db8::1]".to_owned(), Some(5070))
    );
    assert_eq!(host("[2001:db8::1]"), ("[2001:db8::1]".to_owned(), None));
    for wrong in ["sip:a", "a:99999", "a:0", "2001:db8::1", "a b"] {
        let found = mistakes(&format!("[[trunk]]\nid = \"a\"\nhost = \"{wrong}\"\n"));
        assert_eq!(found.len(), 1, "{wrong}: {found:?}");
        assert!(found[0].starts_with("3:8: `host` is "), "{found:?}");
    }
}

#[test]
fn allow_takes_addresses_ports_and_networks() {
    let trunk = trunk(
        "host = \"192.0.2.1\"\nallow = [\"192.0.2.9\", \"192.0.2.9:5066\", \"198.51.100.0/24\", \"2001:db8::/32\", \"[::1]:5060\"]\n",
    );
    let shown: Vec<_> = trunk
        .allow
        .iter()
        .map(|a| (a.address.to_string(), a.prefix, a.port))
        .collect();
    let expected = [
        ("192.0.2.9", 32, None),
        ("192.0.2.9", 32, Some(5066)),
        ("198.51.100.0", 24, None),
        ("2001:db8::", 32, None),
        ("::1", 128, Some(5060)),
    ];
    assert_eq!(
        shown,
        expected.map(|(address, prefix, port)| (address.to_owned(), prefix, port))
    );
}

#[test]
fn allow_refuses_names_and_bits_behind_the_prefix() {
    let text = "[[trunk]]\nid = \"a\"\nhost = \"192.0.2.1\"\nallow = [\"sip.example.com\", \"198.51.100.7/24\", \"10.0.0.0/33\"]\n";
    let remedy = "write an address, an address with a port, or a network: \"192.0.2.1\", \"192.0.2.1:5060\", \"198.51.100.0/24\"";
    assert_eq!(
        mistakes(text),
        [
            format!(
                "4:10: `allow` has \"sip.example.com\", which is no address; names are not looked up here; {remedy}"
            ),
            format!(
                "4:29: `allow` has \"198.51.100.7/24\", which has bits behind its prefix length, so one of the two is wrong; {remedy}"
            ),
            format!("4:48: `allow` has \"10.0.0.0/33\", which has no such prefix length; {remedy}"),
        ]
    );
}

#[test]
fn two_trunks_that_match_alike_are_a_mistake() {
    let text = "[[trunk]]\nid = \"a\"\nhost = \"192.0.2.1\"\n[[trunk]]\nid = \"b\"\nhost = \"192.0.2.1:5060\"\n[[trunk]]\nid = \"c\"\nhost = \"192.0.2.3\"\nallow = [\"10.0.0.0/8\"]\n[[trunk]]\nid = \"d\"\nhost = \"192.0.2.4\"\nallow = \"10.0.0.0/8\"\n";
    let remedy = "give each trunk addresses or ports of its own";
    assert_eq!(
        mistakes(text),
        [
            format!("6:8: calls from 192.0.2.1:5060 match trunk \"a\" alike, in line 2; {remedy}"),
            format!("14:9: calls from 10.0.0.0/8 match trunk \"c\" alike, in line 8; {remedy}"),
        ]
    );
}

#[test]
fn two_accounts_at_one_carrier_are_told_apart_by_their_registrations() {
    let account = |id: &str| {
        format!(
            "[[trunk]]\nid = \"{id}\"\nhost = \"sip.example.com\"\nregister = true\nusername = \"{id}\"\npassword_env = \"CARRIER_PASSWORD\"\n"
        )
    };
    assert_eq!(mistakes(&(account("a") + &account("b"))), [""; 0]);
}

#[test]
fn an_id_is_given_once() {
    let text = "[[trunk]]\nid = \"a\"\nhost = \"192.0.2.1\"\n[[trunk]]\nid = \"a\"\nhost = \"192.0.2.2\"\n";
    assert_eq!(
        mistakes(text),
        ["5:6: [[trunk]] \"a\" is there already, in line 2; give one of them another name"]
    );
}

#[test]
fn a_registration_needs_a_user_and_a_password() {
    let found = |text: &str| mistakes(&format!("[[trunk]]\nid = \"a\"\nhost = \"b\"\n{text}"));
    assert_eq!(
        found("register = true\n"),
        [
            "4:12: a registration needs a `username` and a password; add username, and password_file or password_env"
        ]
    );
    assert_eq!(
        found("username = \"u\"\n"),
        [
            "4:12: there is a `username` without a password; add password_file = \"carrier.secret\" or password_env = \"CARRIER_PASSWORD\""
        ]
    );
    assert_eq!(
        found("password_env = \"CARRIER_PASSWORD\"\n"),
        ["1:1: there is a password without a `username`; add username = \"7495000\""]
    );
}

#[test]
fn diversion_of_a_trunk_that_is_not_believed_is_a_warning() {
    let found = notes("[[trunk]]\nid = \"a\"\nhost = \"b\"\ndid_from = \"diversion\"\n");
    assert!(
        found.iter().any(
            |note| note.starts_with("4:12: warning: the dialled number is read from Diversion")
        ),
        "{found:#?}"
    );
}

#[test]
fn two_trunks_behind_one_outbound_proxy_match_alike() {
    let trunk = |id: &str, more: &str| {
        format!(
            "[[trunk]]\nid = \"{id}\"\nhost = \"{id}.example\"\noutbound_proxy = \"proxy.example\"\n{more}"
        )
    };
    assert_eq!(
        mistakes(&format!("{}{}", trunk("a", ""), trunk("b", ""))),
        [
            "8:18: calls from proxy.example:5060 match trunk \"a\" alike, in line 2; give each trunk addresses or ports of its own"
        ]
    );
    let account = "register = true\nusername = \"u\"\npassword_env = \"CARRIER_PASSWORD\"\n";
    assert!(mistakes(&format!("{}{}", trunk("a", account), trunk("b", account))).is_empty());
}

#[test]
fn a_transport_that_nobody_wrote_is_left_to_the_names_records() {
    assert!(trunk("host = \"a.example\"\n").any_transport);
    assert!(!trunk("host = \"a.example\"\ntransport = \"udp\"\n").any_transport);
}
