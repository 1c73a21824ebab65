//! Trials of the sections that stand once: their defaults and every mistake that is told.

use super::*;
use crate::config::trial::{good, mistakes, notes};

#[test]
fn every_key_left_out_has_its_default() {
    let config = good("");
    let any: SocketAddr = "0.0.0.0:5060".parse().unwrap();
    let sockets: Vec<_> = config
        .sip
        .listen
        .iter()
        .map(|l| (l.transport, l.address))
        .collect();
    assert_eq!(sockets, [(Transport::Udp, any), (Transport::Tcp, any)]);
    assert_eq!(config.sip.drain, Duration::from_secs(30));
    assert_eq!(
        (config.sip.session.expires_s, config.sip.session.min_se_s),
        (1_800, 90)
    );
    assert_eq!(
        (config.media.port_min, config.media.port_max),
        (20_000, 29_999)
    );
    assert_eq!(config.media.silence, Duration::from_secs(60));
    assert_eq!(config.media.workers, 1);
    assert_eq!(config.recordings.folder, Path::new("/etc/recordings"));
    assert_eq!(config.recordings.keep_days, None);
    assert_eq!(config.store.folder, Path::new("/etc/data"));
    assert_eq!(config.web.listen, Some("127.0.0.1:8080".parse().unwrap()));
    assert_eq!(config.country.code(), "RU");
}

#[test]
fn a_single_string_is_a_list_of_one() {
    let config = good("[sip]\nlisten = \"udp:[::1]:5070\"\n");
    assert_eq!(config.sip.listen.len(), 1);
    assert_eq!(config.sip.listen[0].address, "[::1]:5070".parse().unwrap());
}

#[test]
fn sockets_that_cannot_be_are_named_one_by_one() {
    let text = "[sip]\nlisten = [\"sctp:127.0.0.1:5061\", \"127.0.0.1:5060\",\n  \"udp:localhost:5060\", \"udp:127.0.0.1:5060\", \"udp:127.0.0.1:5060\"]\n";
    assert_eq!(
        mistakes(text),
        [
            "2:11: \"sctp:127.0.0.1:5061\" begins with no transport; write the transport first, such as \"udp:127.0.0.1:5060\"",
            "2:34: \"127.0.0.1:5060\" begins with no transport; write the transport first, such as \"udp:127.0.0.1:5060\"",
            "3:3: \"localhost:5060\" is no address with a port; write an IP address and a port, such as \"udp:127.0.0.1:5060\" or \"udp:[::1]:5060\"",
            "3:47: udp:127.0.0.1:5060 cannot be opened beside udp:127.0.0.1:5060; leave one of them out",
        ]
    );
}

#[test]
fn sessions_last_as_long_as_is_written_and_no_shorter_than_the_rfc_has_it() {
    let session = |text: &str| {
        let session = good(&format!("[sip]\n{text}\n")).sip.session;
        (session.expires_s, session.min_se_s)
    };
    assert_eq!(session("session_expires_s = 0"), (0, 90));
    assert_eq!(
        session("session_expires_s = 600\nmin_se_s = 300"),
        (600, 300)
    );
    assert_eq!(session("min_se_s = 3600"), (3_600, 3_600));
    assert_eq!(
        mistakes("[sip]\nsession_expires_s = 60\nmin_se_s = 60\n"),
        [
            "2:21: `session_expires_s` is 60, less than `min_se_s`, 90; write at least 90, or 0 to ask for no session timer",
            "3:12: `min_se_s` is 60, outside 90 to 86400; write a number from 90 to 86400, such as 90",
        ]
    );
}

#[test]
fn impossible_ports_are_refused_with_what_to_write() {
    let ports = |ports: &str| mistakes(&format!("[media]\nports = {ports}\n"))[0].clone();
    assert_eq!(
        ports("[20001, 29999]"),
        "2:10: the first port, 20001, is odd, but RTP takes even ports; begin with 20000"
    );
    assert_eq!(
        ports("[29998, 20001]"),
        "2:17: the last port, 20001, is below the first, 29998; write ports = [20001, 29998]"
    );
    assert_eq!(
        ports("[20000, 20001]"),
        "2:9: 20000 to 20001 is too little: a call takes 4 ports; write ports = [20000, 29999]"
    );
    assert_eq!(
        ports("[20000]"),
        "2:9: `ports` has 1 numbers, not a first and a last port; write ports = [20000, 29999]"
    );
    assert_eq!(
        ports("[80, 70000]"),
        "2:10: `ports` is 80, outside 1024 to 65535; write a number from 1024 to 65535, such as [20000, 29999]"
    );
    assert_eq!(
        ports("\"20000-29999\""),
        "2:9: `ports` is a string, not a list of whole numbers; write ports = [20000, 29999]"
    );
}

#[test]
fn an_even_last_port_is_a_warning() {
    let config = good("[media]\nports = [20000, 30000]\n");
    assert_eq!(config.media.port_max, 30_000);
    let notes = notes("[media]\nports = [20000, 30000]\n");
    assert_eq!(
        notes[1],
        "2:17: warning: the last port, 30000, is even and stays unused: RTCP takes the odd ones; end with 29999"
    );
}

#[test]
fn sip_and_sound_do_not_share_ports() {
    let text = "[sip]\nlisten = \"udp:127.0.0.1:20000\"\n[media]\nports = [20000, 29999]\n";
    assert_eq!(
        mistakes(text),
        [
            "4:9: SIP listens on 127.0.0.1:20000 inside the ports of sound; choose ports for sound that leave it out"
        ]
    );
}

#[test]
fn a_page_that_others_could_reach_is_a_warning() {
    let shown = notes("[web]\nlisten = \"0.0.0.0:8080\"\n").join("\n");
    assert!(
        shown.contains("2:10: warning: 0.0.0.0:8080 can be reached from other machines"),
        "{shown}"
    );
    assert_eq!(good("[web]\nlisten = \"none\"\n").web.listen, None);
}

#[test]
fn a_wrong_country_a_wrong_host_and_a_wrong_address_are_told() {
    let text = "[sip]\nadvertise = \"sip:me\"\n[numbers]\ncountry = \"Russia\"\n[media]\nbind = \"eth0\"\n";
    assert_eq!(
        mistakes(text),
        [
            "2:13: `advertise` is \"sip:me\", which is no host; write an address or a host name without a port, such as \"203.0.113.7\"",
            "4:11: `country` is \"Russia\", which is no country code; write its two capital letters of ISO 3166-1, such as \"RU\" or \"DE\"",
            "6:8: `bind` is \"eth0\", which is no IP address; write an address without a port, such as \"203.0.113.7\"",
        ]
    );
}

#[test]
fn paths_count_from_the_folder_of_the_file() {
    let base = Path::new("/etc/ringtag");
    assert_eq!(resolve(base, "../data"), Path::new("/etc/data"));
    assert_eq!(resolve(base, "./a/b"), Path::new("/etc/ringtag/a/b"));
    assert_eq!(resolve(base, "/srv/x"), Path::new("/srv/x"));
}

#[test]
fn hosts_are_names_and_addresses() {
    for host in [
        "sip.example.com",
        "localhost",
        "192.0.2.1",
        "2001:db8::1",
        "[2001:db8::1]",
    ] {
        assert!(is_host(host), "{host}");
    }
    for host in ["", "a b", "sip:x", "999.1.1.1", "-a.example", "a..b"] {
        assert!(!is_host(host), "{host}");
    }
}
