//! The lines that fail2ban reads: the expressions of docs/fail2ban.md, run on what the program logs.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};

use regex::Regex;
use ringtag::base::chance::Chance;
use ringtag::people::password::Kept;

use crate::harness::{CONFIG, Ringtag, wait_for};
use crate::sipp::TO_DESK;
use crate::week::PASSWORD;

const MANUAL: &str = include_str!("../../docs/fail2ban.md");

/// The expressions of one key in the manual: for text, for JSON. fail2ban cuts the date out before it matches.
fn expressions(key: &str) -> Vec<Regex> {
    let lines = MANUAL.lines();
    let values = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
    let address = r"(?P<addr>[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+|[0-9a-fA-F:]+)";
    values
        .map(|value| Regex::new(&value.replace("<ADDR>", address)).unwrap())
        .collect()
}

/// A line as fail2ban matches it: without its date.
fn dateless(line: &str) -> String {
    let date = Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z").unwrap();
    date.replace(line, "").into_owned()
}

fn assert_found(format: &str, place: usize) {
    let config = format!("{CONFIG}\n[guard]\nrefusals_before_ban = 4\n{TO_DESK}");
    let ringtag = Ringtag::start_logging(&config, format);
    let (fail, ignore) = (
        &expressions("failregex")[place],
        &expressions("ignoreregex")[place],
    );
    let us = ringtag.net.ringtag();
    let host = ringtag.net.host(9);
    let socket = UdpSocket::bind((host, 0)).unwrap();
    let evil =
        "x\u{1b}[2Jrefused peer=198.51.100.1:5060 status=403 why=\"not from a trunk\" times=1";
    let request = |method: &str, user: &str, n: u32| {
        format!(
            "{method} sip:{user}@{us} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:5060;branch=z9hG4bK{n};rport\r\n\
             From: \"{evil}\" <sip:{user}@{us}>;tag=s\r\nTo: <sip:{user}@{us}>\r\nCall-ID: {n}{method}\r\n\
             CSeq: {n} {method}\r\nUser-Agent: {evil}\r\nContent-Length: 0\r\n\r\n"
        )
    };
    let hostile = "a%0d%0aWARN%20refused%20peer=198.51.100.1:5060";
    for (n, method) in ["INVITE", "REGISTER", "SUBSCRIBE", "INVITE"]
        .into_iter()
        .enumerate()
    {
        let text = request(method, hostile, u32::try_from(n).unwrap());
        socket.send_to(text.as_bytes(), (us, 5060)).unwrap();
    }
    let lines = wait_for(|| {
        let lines: Vec<String> = ringtag.log().lines().map(dateless).collect();
        let is_there = |word: &str| lines.iter().any(|line| line.contains(word));
        let all = is_there("banned") && is_there("times=3") | is_there("\"times\":3");
        all.then_some(lines)
    });
    let lines = lines.unwrap_or_else(|| panic!("the lines never came:\n{}", ringtag.log()));
    let found: Vec<String> = lines
        .iter()
        .filter(|line| !ignore.is_match(line))
        .filter_map(|line| Some(fail.captures(line)?["addr"].to_owned()))
        .collect();
    assert_eq!(found, vec![host.to_string(); 3], "{lines:#?}");
    assert!(lines.iter().all(|line| !line.contains("198.51.100.1")));
    assert!(!ringtag.log().contains('\u{1b}'));
}

#[test]
fn who_guesses_a_password_and_does_not_wait_for_the_answer_is_found_too() {
    let hash = Kept::make(PASSWORD, &mut Chance::from_number(1)).unwrap();
    let anna = format!("[[user]]\nname = \"anna\"\nrole = \"admin\"\npassword = \"{hash}\"\n");
    let ringtag = Ringtag::start_logging(&format!("{CONFIG}{TO_DESK}{anna}"), "text");
    let server = SocketAddr::from((ringtag.net.ringtag(), 8080));
    let form = "name=anna&password=guessed";
    let mut stream = TcpStream::connect(server).unwrap();
    write!(
        stream,
        "POST /login HTTP/1.1\r\nHost: {server}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .unwrap();
    stream.shutdown(Shutdown::Both).unwrap();
    let fail = &expressions("failregex")[0];
    let line = ringtag.wait_for("a line about the guess", || {
        let lines: Vec<String> = ringtag.log().lines().map(dateless).collect();
        lines.into_iter().find(|line| line.contains("wrong login"))
    });
    assert!(fail.is_match(&line), "{line}");
}

#[test]
fn the_filter_for_text_finds_the_source_and_nothing_else() {
    assert_found("text", 0);
}

#[test]
fn the_filter_for_json_finds_the_source_and_nothing_else() {
    assert_found("json", 1);
}

#[test]
fn the_filters_find_the_lines_that_the_manual_shows() {
    let text = &expressions("failregex")[0];
    let shown = MANUAL
        .lines()
        .filter_map(|line| line.strip_prefix("    2026-"));
    let found: Vec<String> = shown
        .map(|line| dateless(&format!("2026-{line}")))
        .filter_map(|line| Some(text.captures(&line)?["addr"].to_owned()))
        .collect();
    assert_eq!(found, ["203.0.113.5", "2001:db8::5"]);
    let ignored = &expressions("ignoreregex")[0];
    assert!(ignored.is_match("  WARN refused peer=203.0.113.5:5060 status=481 why=\"x\" times=1"));
    assert!(!ignored.is_match("  WARN refused peer=203.0.113.5:5060 status=403 why=\"x\" times=1"));
}
