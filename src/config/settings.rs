//! The sections that stand once: `[sip]`, `[numbers]`, `[media]`, `[recordings]`, `[store]`, with their defaults.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use crate::base::country::Country;
use crate::config::book::{Word, quoted};
use crate::config::host;
use crate::config::sockets;
use crate::config::tls::{self, Disk};
use crate::config::walk::Section;
use crate::engine;
use crate::engine::settings::Listen;
use crate::engine::tls::Served;
use crate::media;
use crate::recording;
use crate::recording::keys::{CODE_MAX, Codes};
use crate::recording::settings::{Format, Manner, PART_BYTES_MAX, When};
use crate::sip::session_timer;
use crate::sip::session_timer::Policy;
use crate::sip::transport::{SIP_PORT, Transport};
use crate::store;

const DRAIN_S: u32 = 30;
/// Whoever stops a service waits an hour at most.
const DRAIN_S_MAX: u32 = 3_600;

/// A session that is refreshed less than once a day is watched by nobody.
const SESSION_EXPIRES_S_MAX: u32 = 86_400;

const COUNTRY: &str = "RU";

const PORTS: (u16, u16) = (20_000, 29_999);
/// Ports below belong to the system's services (RFC 6335 6).
const PORT_MIN: u16 = 1_024;
/// A call needs two pairs of an RTP and an RTCP port.
const PORTS_OF_A_CALL: u16 = 4;
const SILENCE_S: u32 = 60;
/// Shorter than any pause of silence suppression plus a slow RTCP interval, a limit would end living calls.
const SILENCE_S_MIN: u32 = 10;
const DAY_S: u32 = 86_400;
const WORKERS: u32 = 1;
/// More threads than any machine that runs ringtag has cores to spare.
const WORKERS_MAX: u32 = 64;

/// The longest file of a recording: the sizes in a WAV file are 32 bits.
const PART_MB_MAX: u32 = 4_095;
const RECORDINGS_FOLDER: &str = "../recordings";
const STORE_FOLDER: &str = "../data";
/// Who complains of a call does it within a week.
const LADDER_DAYS: u32 = 7;
/// A century: longer is a slip of the finger.
const KEEP_DAYS_MAX: u32 = 36_500;

/// Reads `[sip]`.
pub(in crate::config) fn sip(
    mut section: Section<'_, '_>,
    disk: Disk<'_>,
) -> (engine::settings::Settings, Option<Served>) {
    let listen = listen(&mut section);
    let served = tls::served(&mut section, &listen, disk);
    let origins = section.words("origins", "[\"https://crm.example.com\"]");
    let advertise = section.word("advertise", "\"203.0.113.7\"").filter(|host| {
        let good = is_host(host.text);
        if !good {
            section.book.error(
                host.at,
                format!("`advertise` is \"{}\", which is no host", host.text),
                "write an address or a host name without a port, such as \"203.0.113.7\"",
            );
        }
        good
    });
    let drain_s = section.number("drain_s", 0..=DRAIN_S_MAX, "30");
    let settings = engine::settings::Settings {
        listen,
        advertise: advertise.map(|host| host.text.to_owned()),
        resolver: host::resolver(&mut section),
        drain: seconds(drain_s.unwrap_or(DRAIN_S)),
        session: session(&mut section),
        connections: Default::default(),
        origins: origins.iter().map(|origin| origin.text.into()).collect(),
    };
    section.finish();
    (settings, served)
}

/// Reads `session_expires_s` and `min_se_s` (RFC 4028).
fn session(section: &mut Section<'_, '_>) -> Policy {
    let at = section.place("session_expires_s");
    let expires_s = section.number("session_expires_s", 0..=SESSION_EXPIRES_S_MAX, "1800");
    let limits = session_timer::MIN_SE_S..=SESSION_EXPIRES_S_MAX;
    let min_se_s = section
        .number("min_se_s", limits, "90")
        .unwrap_or(session_timer::MIN_SE_S);
    let default_s = session_timer::SESSION_EXPIRES_S.max(min_se_s);
    if let Some(asked_s) = expires_s.filter(|asked_s| (1..min_se_s).contains(asked_s)) {
        section.book.error(
            at,
            format!("`session_expires_s` is {asked_s}, less than `min_se_s`, {min_se_s}"),
            format!("write at least {min_se_s}, or 0 to ask for no session timer"),
        );
    }
    Policy {
        expires_s: expires_s.unwrap_or(default_s),
        min_se_s,
    }
}

fn listen(section: &mut Section<'_, '_>) -> Vec<Listen> {
    let sample = "[\"udp:0.0.0.0:5060\", \"tcp:0.0.0.0:5060\"]";
    let is_written = section.has("listen");
    let words = section.some_words("listen", sample);
    if is_written {
        let read: Vec<_> = words
            .into_iter()
            .filter_map(|word| Some((read_listen(section, word)?, word.at)))
            .collect();
        sockets::check_sip(section.book, &read);
        let listen = read.into_iter().map(|(socket, _)| socket).collect();
        return listen;
    }
    let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), SIP_PORT);
    [Transport::Udp, Transport::Tcp]
        .map(|transport| Listen {
            transport,
            address: any,
        })
        .to_vec()
}

fn read_listen(section: &Section<'_, '_>, word: Word<'_>) -> Option<Listen> {
    let error = |message: String, remedy: &str| section.book.error(word.at, message, remedy);
    let (name, address) = word.text.split_once(':').unwrap_or((word.text, ""));
    let Some(transport) = transport_of(name) else {
        error(
            format!("\"{}\" begins with no transport", word.text),
            "write the transport first, such as \"udp:127.0.0.1:5060\"",
        );
        return None;
    };
    let Ok(address) = address.parse() else {
        error(
            format!("\"{address}\" is no address with a port"),
            "write an IP address and a port, such as \"udp:127.0.0.1:5060\" or \"udp:[::1]:5060\"",
        );
        return None;
    };
    Some(Listen { transport, address })
}

/// Reads `[numbers]`.
pub(in crate::config) fn country(mut section: Section<'_, '_>) -> Option<Country> {
    let country = match section.word("country", &quoted(COUNTRY)) {
        None => Country::from_code(COUNTRY),
        Some(code) => {
            let country = Country::from_code(code.text);
            if country.is_none() {
                section.book.error(
                    code.at,
                    format!("`country` is \"{}\", which is no country code", code.text),
                    "write its two capital letters of ISO 3166-1, such as \"RU\" or \"DE\"",
                );
            }
            country
        }
    };
    section.finish();
    country
}

/// Reads `[media]`; `sip` is asked whether its ports are free of sound.
pub(in crate::config) fn media(
    mut section: Section<'_, '_>,
    sip: &engine::settings::Settings,
) -> media::settings::Settings {
    let bind = address(&mut section, "bind");
    let advertise = address(&mut section, "advertise");
    let (port_min, port_max) = ports(&mut section).unwrap_or(PORTS);
    let within = |socket: &&Listen| (port_min..=port_max).contains(&socket.address.port());
    if let Some(socket) = sip.listen.iter().find(within) {
        section.book.error(
            section.place("ports"),
            format!(
                "SIP listens on {} inside the ports of sound",
                socket.address
            ),
            "choose ports for sound that leave it out",
        );
    }
    let silence_s = section.number("silence_s", SILENCE_S_MIN..=DAY_S, "60");
    let workers = section.number("workers", 1..=WORKERS_MAX, "1");
    const ENGINES: [(&str, media::settings::Engine); 3] = [
        ("auto", media::settings::Engine::Auto),
        ("io_uring", media::settings::Engine::IoUring),
        ("epoll", media::settings::Engine::Epoll),
    ];
    let settings = media::settings::Settings {
        bind,
        advertise,
        port_min,
        port_max,
        silence: seconds(silence_s.unwrap_or(SILENCE_S)),
        // `[recordings]` says otherwise when the engine starts.
        taps: true,
        workers: usize::try_from(workers.unwrap_or(WORKERS)).unwrap_or(1),
        engine: section.choice("engine", &ENGINES).unwrap_or_default(),
    };
    section.finish();
    settings
}

/// Reads `ports = [first, last]`: RTP on even ports, RTCP on the next (RFC 3550 11).
fn ports(section: &mut Section<'_, '_>) -> Option<(u16, u16)> {
    let sample = "[20000, 29999]";
    let limits = u32::from(PORT_MIN)..=u32::from(u16::MAX);
    let at = section.place("ports");
    let numbers = section.numbers("ports", limits, sample)?;
    let book = section.book;
    let [first, last] = numbers.as_slice() else {
        let message = format!(
            "`ports` has {} numbers, not a first and a last port",
            numbers.len()
        );
        book.error(at, message, format!("write ports = {sample}"));
        return None;
    };
    let port = |number: Option<u32>| number.and_then(|port| u16::try_from(port).ok());
    let (min, max) = (port(first.0)?, port(last.0)?);
    if min > max {
        let message = format!("the last port, {max}, is below the first, {min}");
        book.error(last.1, message, format!("write ports = [{max}, {min}]"));
        return None;
    }
    if min % 2 == 1 {
        let message = format!("the first port, {min}, is odd, but RTP takes even ports");
        book.error(first.1, message, format!("begin with {}", min - 1));
        return None;
    }
    if max - min + 1 < PORTS_OF_A_CALL {
        let message = format!("{min} to {max} is too little: a call takes {PORTS_OF_A_CALL} ports");
        book.error(at, message, format!("write ports = {sample}"));
        return None;
    }
    if max % 2 == 0 {
        let message =
            format!("the last port, {max}, is even and stays unused: RTCP takes the odd ones");
        book.warn(last.1, message, format!("end with {}", max - 1));
    }
    Some((min, max))
}

fn address(section: &mut Section<'_, '_>, key: &'static str) -> Option<IpAddr> {
    let word = section.word(key, "\"203.0.113.7\"")?;
    let address = word.text.parse().ok();
    if address.is_none() {
        section.book.error(
            word.at,
            format!("`{key}` is \"{}\", which is no IP address", word.text),
            "write an address without a port, such as \"203.0.113.7\"",
        );
    }
    address
}

/// Reads `[recordings]`; `base` is the folder of the file.
pub(in crate::config) fn recordings(
    mut section: Section<'_, '_>,
    base: &Path,
    manner: Manner,
) -> recording::settings::Settings {
    const WORDS: [(&str, When); 3] = [
        ("all", When::All),
        ("none", When::None),
        ("by-rule", When::ByRule),
    ];
    const FORMATS: [(&str, Format); 2] = [("wav", Format::Wav), ("flac", Format::Flac)];
    let part_mb = section.number("part_mb", 1..=PART_MB_MAX, "4095");
    let settings = recording::settings::Settings {
        folder: folder(&mut section, base, RECORDINGS_FOLDER),
        when: section.choice("when", &WORDS).unwrap_or_default(),
        keep_days: section.number("keep_days", 1..=KEEP_DAYS_MAX, "365"),
        format: section.choice("format", &FORMATS).unwrap_or_default(),
        part_bytes: part_mb.map_or(PART_BYTES_MAX, |mb| u64::from(mb) << 20),
        codes: Codes {
            pause: code(&mut section, "pause_digits"),
            resume: code(&mut section, "resume_digits"),
        },
        pause_on_hold: section.flag("pause_on_hold").unwrap_or(false),
        manner,
    };
    section.finish();
    settings
}

/// Reads a code for the keys of a telephone.
fn code(section: &mut Section<'_, '_>, key: &'static str) -> Option<Box<str>> {
    let written = section.word(key, "\"*1\"")?;
    let is_key = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#' | 'A'..='D');
    let is_code = (2..=CODE_MAX).contains(&written.text.len()) && written.text.chars().all(is_key);
    if !is_code {
        section.book.error(
            written.at,
            format!(
                "`{key}` is \"{}\", which is no code for the keys of a telephone",
                written.text
            ),
            "write two to eight of 0-9, *, # and A-D, such as \"*1\"",
        );
    }
    is_code.then(|| written.text.into())
}

/// Reads `[store]`; `base` is the folder of the file.
pub(in crate::config) fn store(
    mut section: Section<'_, '_>,
    base: &Path,
) -> store::settings::Settings {
    let settings = store::settings::Settings {
        folder: folder(&mut section, base, STORE_FOLDER),
        ladder_days: section
            .number("ladder_days", 0..=KEEP_DAYS_MAX, "7")
            .unwrap_or(LADDER_DAYS),
    };
    section.finish();
    settings
}

fn folder(section: &mut Section<'_, '_>, base: &Path, default: &str) -> PathBuf {
    let written = section.word("folder", &quoted(default));
    resolve(base, written.map_or(default, |word| word.text))
}

/// Makes a path absolute from the folder of the file, without `..` inside.
pub(in crate::config) fn resolve(base: &Path, written: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for part in base.join(written).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => path.push(part),
        }
    }
    path
}

/// Whether the text is an IP address or a host name (RFC 1123 2.1).
pub(in crate::config) fn is_host(text: &str) -> bool {
    let inner = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if inner.unwrap_or(text).parse::<IpAddr>().is_ok() {
        return true;
    }
    let label = |label: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(known)
            && !label.starts_with('-')
    };
    let numeric = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    text.len() <= 253 && !numeric && text.trim_end_matches('.').split('.').all(label)
}

/// The transports that a trunk or a socket can have, by name.
pub(in crate::config) const TRANSPORTS: [(&str, Transport); 5] = [
    ("udp", Transport::Udp),
    ("tcp", Transport::Tcp),
    ("tls", Transport::Tls),
    ("ws", Transport::Ws),
    ("wss", Transport::Wss),
];

fn transport_of(name: &str) -> Option<Transport> {
    let found = TRANSPORTS.iter().find(|(word, _)| *word == name);
    found.map(|(_, transport)| *transport)
}

fn seconds(count: u32) -> Duration {
    Duration::from_secs(u64::from(count))
}

#[cfg(test)]
mod tests;
