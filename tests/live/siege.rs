//! Abandoned calls and scanners in great numbers: every port and descriptor comes back, memory stays where it was, the second
//! time adds nothing, and a clean call with correct sound passes during and after.
//!
//! Here it is a hundredth of its size, without waiting for the last timers; `tests/siege` runs the whole of it.

use std::collections::HashMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use ringtag::phones::{Law, Phone, Settings};

use crate::harness::{NUMBER, PATIENCE, Ringtag, wait_for_at_most};
use crate::sound::{assert_tone, channels};

const CALLER_HZ: u32 = 440;
const CALLEE_HZ: u32 = 1_000;

/// Strangers' addresses.
const STRANGERS: u8 = 32;
/// Messages between two questions that are waited for, so that the sender is never far ahead.
const CHUNK: u32 = 100;
/// Every so many calls of the trunk one is answered, and its caller never acknowledges.
const ANSWERED_EVERY: u32 = 50;

const OFFICE: &str = r#"
[sip]
listen = ["udp:{ringtag}:5060", "tcp:{ringtag}:5060"]
drain_s = 2
[media]
bind = "{ringtag}"
ports = [20000, 27999]
[recordings]
folder = "{folder}/recordings"
when = "by-rule"
[store]
folder = "{folder}/data"
[web]
listen = "{ringtag}:8080"
[[trunk]]
id = "carrier"
host = "{carrier}:5060"
[[trunk]]
id = "pbx"
host = "{pbx}:5060"
[[trunk]]
id = "clean"
host = "{spare}:5060"
[[trunk]]
id = "office"
host = "{office}:5060"
[[project]]
id = "shop"
[[source]]
tag = "billboard"
numbers = ["+74950000001"]
[[rule]]
id = "clean"
trunk = "clean"
to = "ext:200@office"
record = true
[[rule]]
id = "flood"
to = "ext:101@pbx"
ring_s = 1
"#;

/// Strangers are answered whatever they send, and then not any more.
const WIDE: &str = "[guard]\nrequests_per_s = 1000000\nrefusals_before_ban = 1000000\n";
const NARROW: &str = "[guard]\nban_s = 2\n";

/// What scanners ask.
const METHODS: &[&str] = &["INVITE", "OPTIONS", "REGISTER", "SUBSCRIBE"];

/// How much is thrown at it, twice.
struct Size {
    /// Abandoned INVITEs of the trunk: calls that ring, each with its record.
    calls: u32,
    /// Abandoned INVITEs of strangers.
    attempts: u32,
    /// Messages of scanners.
    scans: u32,
    /// Whether the timers of the last transactions are waited for, after which nothing at all is kept.
    to_the_end: bool,
}

/// What stands at a quiet moment.
#[derive(Debug, PartialEq)]
struct Standing {
    pairs: f64,
    /// What each descriptor is: a path, or its kind.
    descriptors: Vec<String>,
}

struct Siege {
    ringtag: Ringtag,
    trunk: UdpSocket,
    strangers: Vec<UdpSocket>,
    asked: u32,
}

/// The configuration with this `[guard]`, and with the good phone that is called at `office`.
fn configured(guard: &str, office: Ipv4Addr) -> String {
    format!("{OFFICE}{guard}").replace("{office}", &office.to_string())
}

impl Siege {
    fn lay() -> Self {
        let ringtag = Ringtag::start_with(&configured(WIDE, Ipv4Addr::LOCALHOST));
        let us = SocketAddr::from((ringtag.net.ringtag(), 5060));
        let socket = |host: Ipv4Addr| {
            let socket = UdpSocket::bind((host, 5060)).unwrap();
            socket.connect(us).unwrap();
            socket
                .set_read_timeout(Some(Duration::from_millis(500)))
                .unwrap();
            socket
        };
        let trunk = socket(ringtag.net.carrier());
        let strangers: Vec<_> = (0..STRANGERS)
            .map(|n| socket(ringtag.net.host(100 + n)))
            .collect();
        for stranger in &strangers {
            stranger.set_nonblocking(true).unwrap();
        }
        // Its network is known only now.
        let siege = Self {
            ringtag,
            trunk,
            strangers,
            asked: 0,
        };
        siege.guard(WIDE);
        siege
    }

    /// Puts another `[guard]` in force.
    fn guard(&self, guard: &str) {
        let reloads = self.ringtag.metric("ringtag_reloads_total");
        let office = self.ringtag.net.host(5);
        self.ringtag.reload(&configured(guard, office));
        self.ringtag.wait_for("the reload", || {
            (self.ringtag.metric("ringtag_reloads_total") > reloads).then_some(())
        });
    }

    fn request(&mut self, socket: &UdpSocket, method: &str, user: &str) -> String {
        self.asked += 1;
        let n = self.asked;
        let host = socket.local_addr().unwrap();
        let at = socket.peer_addr().unwrap();
        let body = match method {
            "INVITE" => format!(
                "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio 6000 RTP/AVP 8\r\n",
                host.ip()
            ),
            _ => String::new(),
        };
        let kind = match body.as_str() {
            "" => "",
            _ => "Content-Type: application/sdp\r\n",
        };
        format!(
            "{method} sip:{user}@{at} SIP/2.0\r\nVia: SIP/2.0/UDP {host};branch=z9hG4bKsiege{n}\r\nMax-Forwards: 70\r\n\
             From: <sip:+79990000001@{at}>;tag=s{n}\r\nTo: <sip:{user}@{at}>\r\nCall-ID: siege{n}\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:x@{host}>\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// Waits until everything sent so far has been read: an OPTIONS behind it has its answer.
    fn catch_up(&mut self) {
        let trunk = self.trunk.try_clone().unwrap();
        let text = self.request(&trunk, "OPTIONS", "x");
        let id = format!("Call-ID: siege{}\r\n", self.asked);
        let mut datagram = [0; 4_096];
        // A socket that is full of repeated answers may lose it.
        for _ in 0..100 {
            trunk.send(text.as_bytes()).unwrap();
            while let Ok(length) = trunk.recv(&mut datagram) {
                if String::from_utf8_lossy(&datagram[..length]).contains(&id) {
                    for stranger in &self.strangers {
                        while stranger.recv(&mut datagram).is_ok() {}
                    }
                    return;
                }
            }
        }
        panic!("ringtag does not answer; the log:\n{}", self.ringtag.log());
    }

    /// INVITEs of the trunk whose callers are never heard of again.
    fn abandon(&mut self, calls: u32) {
        for n in 0..calls {
            let socket = self.trunk.try_clone().unwrap();
            let text = self.request(&socket, "INVITE", NUMBER);
            socket.send(text.as_bytes()).unwrap();
            if n % CHUNK == 0 {
                self.catch_up();
            }
        }
    }

    /// What strangers send: these methods in turn.
    fn scan(&mut self, scans: u32, methods: &[&str]) {
        for n in 0..scans {
            let socket = self.stranger(n).try_clone().unwrap();
            let method = methods[n as usize % methods.len()];
            let user = (100 + n % 9_000).to_string();
            let text = self.request(&socket, method, &user);
            socket.send(text.as_bytes()).unwrap();
            if n % CHUNK == 0 {
                self.catch_up();
            }
        }
    }

    fn stranger(&self, n: u32) -> &UdpSocket {
        &self.strangers[n as usize % self.strangers.len()]
    }

    /// Waits until no call is left, nor a port or a descriptor of one.
    fn rest(&self, start: Option<&Standing>, to_the_end: bool) -> Standing {
        let is = |name: &str, value: f64| self.ringtag.metric(name) == value;
        let patience = Duration::from_secs(150);
        let standing = wait_for_at_most(patience, || {
            let quiet = is("ringtag_calls_live", 0.0)
                && is("ringtag_calls_half_open", 0.0)
                && is("ringtag_legs_open", 0.0)
                && is("ringtag_banned", 0.0)
                && (!to_the_end || is("ringtag_sip_transactions", 0.0));
            let standing = Standing {
                pairs: self.ringtag.metric("ringtag_port_pairs_free"),
                descriptors: self.descriptors(),
            };
            // The file of a call that is over is synced, named and hashed; the ladder of one is written.
            let works = |path: &String| path.contains("/recordings/") || path.contains("/ladders/");
            let rests = quiet && !standing.descriptors.iter().any(works);
            (rests && start.is_none_or(|start| *start == standing)).then_some(standing)
        });
        standing.unwrap_or_else(|| {
            panic!(
                "not everything came back: {start:?}, now {:?} and\n{}",
                self.descriptors(),
                String::from_utf8_lossy(&self.ringtag.get("/metrics").1)
            )
        })
    }

    fn descriptors(&self) -> Vec<String> {
        let folder = format!("/proc/{}/fd", self.ringtag.pid());
        let entries = fs::read_dir(folder).unwrap();
        let mut all: Vec<String> = entries
            .filter_map(|entry| {
                // One that closes meanwhile is none.
                let target = fs::read_link(entry.unwrap().path()).ok()?;
                let target = target.to_string_lossy().into_owned();
                // A socket's number is another one each time.
                Some(target.split(":[").next().unwrap_or(&target).to_owned())
            })
            .collect();
        all.sort();
        all
    }

    fn resident_kb(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.ringtag.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let digits = line.unwrap().trim().trim_end_matches(" kB");
        digits.parse().unwrap()
    }

    /// CPU time of all its threads so far, in clock ticks of 10 ms.
    fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.ringtag.pid())).unwrap();
        let (_, after_name) = stat.rsplit_once(") ").unwrap();
        let fields: Vec<&str> = after_name.split(' ').collect();
        // utime and stime: the 14th and 15th of proc(5), where the state is the third.
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// Says what so many messages cost, each of them.
    fn account(&self, what: &str, count: u32, before: u64) {
        if count == 0 {
            return;
        }
        let micros = (self.ticks() - before) * 10_000;
        let each = micros as f64 / f64::from(count);
        eprintln!("{what}: {count} messages, {each:.1} us of CPU each");
    }

    /// A call of two good phones, with a tone each way.
    fn clean_call(&self) -> JoinHandle<()> {
        let net = self.ringtag.net;
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let phone = |host, name: &str, tone_hz| {
                    let settings = Settings {
                        name: name.to_owned(),
                        tone_hz,
                        law: Law::A,
                    };
                    Phone::bind(SocketAddr::from((host, 5060)), settings)
                };
                let caller = phone(net.spare(), "+79161234567", CALLER_HZ).await.unwrap();
                let callee = phone(net.host(5), "200", CALLEE_HZ).await.unwrap();
                let at = SocketAddr::from((net.ringtag(), 5060));
                let (theirs, ours) = tokio::join!(
                    async { callee.next().await.unwrap().answer().await },
                    caller.call(NUMBER, at)
                );
                let ours = ours.unwrap();
                let both = tokio::time::timeout(PATIENCE, async {
                    while ours.heard().received < 250 || theirs.heard().received < 250 {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                });
                both.await.expect("sound each way");
                assert_eq!(ours.heard().tone_hz(), Some(CALLEE_HZ));
                assert_eq!(theirs.heard().tone_hz(), Some(CALLER_HZ));
                ours.hang_up().await.unwrap();
                theirs.ended().await;
            });
        })
    }

    /// One whole round, with a clean call while it lasts and one afterwards.
    fn round(&mut self, size: &Size) {
        let during = self.clean_call();
        let before = self.ticks();
        self.abandon(size.calls);
        self.account("calls of a trunk", size.calls, before);
        let before = self.ticks();
        self.scan(size.attempts, &["INVITE"]);
        self.account("INVITEs of strangers", size.attempts, before);
        let before = self.ticks();
        self.scan(size.scans / 2, METHODS);
        self.account("scanner messages, answered", size.scans / 2, before);
        during.join().unwrap();
        let dropped = self.ringtag.metric("ringtag_sip_dropped_banned_total");
        self.guard(NARROW);
        let before = self.ticks();
        self.scan(size.scans / 2, METHODS);
        self.account("scanner messages, banned", size.scans / 2, before);
        let now = self.ringtag.metric("ringtag_sip_dropped_banned_total");
        assert!(now > dropped, "nobody was banned");
        self.guard(WIDE);
        self.clean_call().join().unwrap();
    }
}

/// A PBX that rings and rings, and answers now and then.
struct Pbx {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pbx {
    fn open(host: Ipv4Addr, answers: bool) -> Self {
        let socket = UdpSocket::bind((host, 5060)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut rung = HashMap::new();
            let mut calls = 0;
            let mut datagram = [0; 8_192];
            while !stopped.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut datagram) else {
                    continue;
                };
                let text = String::from_utf8_lossy(&datagram[..length]).into_owned();
                let id = line_of(&text, "Call-ID");
                let say = |request: &str, status: u16, body: &str| {
                    let answer = answer(request, status, host, body);
                    socket.send_to(answer.as_bytes(), from).unwrap();
                };
                match text.split(' ').next().unwrap_or_default() {
                    "INVITE" if rung.contains_key(&id) => {}
                    "INVITE" => {
                        calls += 1;
                        if answers && calls % ANSWERED_EVERY == 0 {
                            let sdp = format!(
                                "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 7000 RTP/AVP 8\r\n"
                            );
                            say(&text, 200, &sdp);
                        } else {
                            say(&text, 180, "");
                        }
                        rung.insert(id, text);
                    }
                    "CANCEL" => {
                        say(&text, 200, "");
                        if let Some(invite) = rung.get(&id) {
                            say(invite, 487, "");
                        }
                    }
                    "ACK" => {}
                    _ => say(&text, 200, ""),
                }
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Pbx {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn line_of(text: &str, name: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(name));
    line.unwrap_or_default().to_owned()
}

fn answer(request: &str, status: u16, host: Ipv4Addr, body: &str) -> String {
    let mut text = format!("SIP/2.0 {status} X\r\n");
    for name in ["Via", "From", "Call-ID", "CSeq"] {
        text += &format!("{}\r\n", line_of(request, name));
    }
    let to = line_of(request, "To");
    let tag = if to.contains(";tag=") { "" } else { ";tag=pbx" };
    let kind = match body {
        "" => "",
        _ => "Content-Type: application/sdp\r\n",
    };
    format!(
        "{text}{to}{tag}\r\nContact: <sip:{host}:5060>\r\n{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// So many rounds; returns the resident memory after each, in KB.
fn siege<const ROUNDS: usize>(size: &Size) -> [u64; ROUNDS] {
    let mut siege = Siege::lay();
    let _pbx = Pbx::open(siege.ringtag.net.pbx(), size.to_the_end);
    siege.clean_call().join().unwrap();
    let start = siege.rest(None, size.to_the_end);
    let resident = [(); ROUNDS].map(|()| {
        siege.round(size);
        let end = siege.rest(Some(&start), size.to_the_end);
        let resident = siege.resident_kb();
        let received = siege.ringtag.metric("ringtag_sip_received_total");
        let refused = siege.ringtag.metric("ringtag_sip_refused_total");
        let began = siege.ringtag.metric("ringtag_calls_began_total");
        let dropped = siege.ringtag.metric("ringtag_sip_dropped_banned_total");
        eprintln!(
            "{end:?}, {resident} KB resident; in all {received} messages received, {refused} refused, {dropped} dropped of \
             banned sources, {began} calls began"
        );
        resident
    });
    let mut recordings = Vec::new();
    siege.ringtag.wait_for("the finished recordings", || {
        recordings = wavs(&siege.ringtag.recordings());
        (recordings.len() == 2 * ROUNDS + 1).then_some(())
    });
    for file in recordings {
        let sides = channels(&file);
        assert_tone("left channel", &sides[0], CALLER_HZ, CALLEE_HZ);
        assert_tone("right channel", &sides[1], CALLEE_HZ, CALLER_HZ);
    }
    resident
}

fn wavs(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => wavs(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|end| end == "wav"))
        .collect()
}

#[test]
fn a_small_siege_leaves_no_port_no_descriptor_and_no_call_behind() {
    let [first, second] = siege(&Size {
        calls: 500,
        attempts: 500,
        scans: 10_000,
        to_the_end: false,
    });
    // Transactions of both rounds are still kept for half a minute.
    assert!(second < first + 16_384, "{first} KB, then {second} KB");
}

#[test]
#[ignore = "takes minutes: tests/siege runs it against the release build"]
fn a_whole_siege_by_strangers_leaves_nothing_behind_and_the_next_one_adds_nothing() {
    // The first fills what is kept warm: the tables of sources, and what the allocator holds.
    let [_warm, first, second] = siege(&Size {
        calls: 0,
        attempts: 50_000,
        scans: 1_000_000,
        to_the_end: true,
    });
    assert!(second * 10 <= first * 11, "{first} KB, then {second} KB");
}

/// What a call that is over may keep in memory: its row of 64 bytes, and its part of the index's pages.
const BYTES_PER_RECORD: u64 = 256;

#[test]
#[ignore = "takes minutes: tests/siege runs it against the release build"]
fn a_whole_siege_through_a_trunk_leaves_no_more_than_its_records() {
    let calls = 50_000;
    let [_warm, first, second] = siege(&Size {
        calls,
        attempts: 0,
        scans: 10_000,
        to_the_end: true,
    });
    let records = u64::from(calls) * BYTES_PER_RECORD / 1_024;
    assert!(
        second <= first + first / 50 + records && second * 10 <= first * 11,
        "{first} KB, then {second} KB"
    );
}
