//! CPU a packet of one media worker, with loss and added latency: `cargo bench --bench relay -- [calls] [seconds]`.
//!
//! Two gateways, one address each for all calls as carriers have it, speak 50 packets a second in
//! both directions of every call; the worker's thread is charged by the kernel's own account.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a load generator: it keeps time, prints, and ends at the first surprise"
)]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ringtag::base::clock::Clock;
use ringtag::base::id::LegId;
use ringtag::base::sound::SoundFrom;
use ringtag::base::time::Moment;
use ringtag::media::choice::Chosen;
use ringtag::media::command::Aim;
use ringtag::media::pool::Pool;
use ringtag::media::ports::PortPool;
use ringtag::media::rtp::{self, Head};
use ringtag::media::settings::{Engine, Settings};
use ringtag::media::tap::{TapId, TapReader};
use rustix::thread::{CpuSet, sched_setaffinity};

const LOCAL: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 7);
const TICK: Duration = Duration::from_millis(20);

fn main() {
    let mut args = std::env::args().skip(1).filter_map(|arg| arg.parse().ok());
    let calls: u16 = args.next().unwrap_or(100);
    let seconds: u32 = args.next().map_or(5, u32::from);
    for chosen in [Chosen::Epoll, Chosen::IoUring] {
        open_and_close(1000, chosen);
    }
    for from in [SoundFrom::Sdp, SoundFrom::Nat] {
        for tapped in [false, true] {
            for chosen in [Chosen::Epoll, Chosen::IoUring] {
                run(calls, seconds, from, tapped, chosen);
            }
        }
    }
}

/// What ports, orders and reports of a call cost, without any sound.
fn open_and_close(calls: u16, chosen: Chosen) {
    let settings = settings();
    let clock = Clock::start();
    let (mut pool, _readers) = Pool::start(&settings, chosen, clock, 1, Arc::new(|| ())).unwrap();
    let mut ports = PortPool::new(&settings);
    let spent = || thread_ns("media-0").unwrap_or(0) + cpu_ns(Path::new("/proc/thread-self"));
    let peer = SocketAddr::from((LOCAL, 9));
    let before = spent();
    for call in 0..u64::from(calls) {
        let legs = [LegId(2 * call), LegId(2 * call + 1)];
        for leg in legs {
            let now = clock.now();
            let pair = ports.take(LOCAL.into(), now).unwrap();
            assert!(pool.open(call, leg, pair, SoundFrom::Sdp, LOCAL.into(), now));
            let aim = Aim {
                rtp: Some(peer),
                rtcp: Some(peer),
                ..Aim::default()
            };
            pool.aim(leg, aim);
        }
        let [caller, callee] = legs;
        pool.bridge(caller, callee);
        let now = clock.now();
        pool.close(caller, now);
        pool.close(callee, now);
        // One call at a time: nothing waits for its like.
        pool.flush(pool.poll_timeout().unwrap_or(now));
        thread::sleep(Duration::from_micros(200));
        while pool.next_report().is_some() {}
    }
    while pool.legs() > 0 {
        let _closed = pool.next_report();
    }
    let each = Duration::from_nanos((spent() - before) / u64::from(calls));
    println!(
        "{chosen}: open, aim, bridge and close: cpu_us_per_call={:.1}",
        each.as_secs_f64() * 1e6
    );
}

fn run(calls: u16, seconds: u32, from: SoundFrom, tapped: bool, chosen: Chosen) {
    let settings = settings();
    let clock = Clock::start();
    let (mut pool, readers) = Pool::start(&settings, chosen, clock, 1, Arc::new(|| ())).unwrap();
    let mut ports = PortPool::new(&settings);
    let worker = loop {
        // A thread takes its name when it first runs.
        if let Some(worker) = thread_named("media-0") {
            break worker;
        }
    };
    let id = worker
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    pin(rustix::thread::Pid::from_raw(id), 0);
    pin(None, 1);

    let gateways = [gateway(), gateway()];
    let mut streams = Vec::new();
    for call in 0..u32::from(calls) {
        let legs = [LegId(2 * u64::from(call)), LegId(2 * u64::from(call) + 1)];
        for (leg, gateway) in legs.into_iter().zip(&gateways) {
            let now = clock.now();
            let pair = ports.take(LOCAL.into(), now).unwrap();
            streams.push((call, gateway, SocketAddr::from((LOCAL, pair.port))));
            assert!(pool.open(call.into(), leg, pair, from, LOCAL.into(), now));
            let aim = Aim {
                rtp: Some(gateway.local_addr().unwrap()),
                ..Aim::default()
            };
            pool.aim(leg, aim);
        }
        let [caller, callee] = legs;
        pool.bridge(caller, callee);
        if tapped {
            pool.tap(caller, callee, Some(TapId(call)));
        }
        pool.flush(clock.now());
    }

    let stop = Arc::new(AtomicBool::new(false));
    let recorder = thread::spawn({
        let stop = Arc::clone(&stop);
        move || drain(readers, &stop)
    });
    let ears = gateways.each_ref().map(|gateway| {
        let (socket, stop) = (gateway.try_clone().unwrap(), Arc::clone(&stop));
        thread::spawn(move || listen(&socket, clock, &stop))
    });
    thread::sleep(Duration::from_millis(200));

    let before = cpu_ns(&worker);
    let mut sent = 0u64;
    let began = clock.now();
    for tick in 0..seconds * 50 {
        for (call, gateway, to) in &streams {
            // Packets of many calls come spread over the 20 ms, not in one burst.
            wait_until(clock, began + TICK * tick + TICK * *call / u32::from(calls));
            gateway
                .send_to(&packet(*call, tick, clock.now()), to)
                .unwrap();
            sent += 1;
        }
    }
    thread::sleep(Duration::from_millis(200));
    let spent = cpu_ns(&worker) - before;
    stop.store(true, Ordering::Relaxed);
    let mut late: Vec<u64> = ears
        .into_iter()
        .flat_map(|ear| ear.join().unwrap())
        .collect();
    late.sort_unstable();
    let copied = recorder.join().unwrap();
    let place = |share: usize| late.get((late.len() - 1) * share / 100).unwrap();
    println!(
        "{chosen} calls={calls} from={from:?} tap={tapped} sent={sent} lost={} copied={copied} cpu_us_per_packet={:.2} late_us p50={} p99={} max={}",
        sent - late.len() as u64,
        Duration::from_nanos(spent / sent).as_secs_f64() * 1e6,
        place(50),
        place(99),
        place(100),
    );
}

fn thread_named(name: &str) -> Option<PathBuf> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let named =
        |task: &PathBuf| fs::read_to_string(task.join("comm")).is_ok_and(|n| n.trim() == name);
    tasks.map(|entry| entry.unwrap().path()).find(named)
}

fn settings() -> Settings {
    Settings {
        bind: None,
        advertise: None,
        port_min: 10_000,
        port_max: 29_999,
        silence: Duration::from_secs(60),
        workers: 1,
        engine: Engine::Auto,
        taps: true,
    }
}

/// A packet that carries when it was sent.
fn packet(call: u32, tick: u32, now: Moment) -> Vec<u8> {
    let head = Head {
        marker: false,
        payload_type: 8,
        sequence: u16::try_from(tick & 0xffff).unwrap(),
        timestamp: tick.wrapping_mul(160),
        ssrc: call,
    };
    let mut payload = now.as_micros().to_be_bytes().to_vec();
    payload.resize(160, 0);
    rtp::write(&head, &payload).unwrap()
}

fn thread_ns(name: &str) -> Option<u64> {
    thread_named(name).map(|task| cpu_ns(&task))
}

fn pin(thread: Option<rustix::thread::Pid>, core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    let _one_core_only = sched_setaffinity(thread, &cores);
}

fn gateway() -> UdpSocket {
    let socket = UdpSocket::bind((LOCAL, 0)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    socket
}

/// Nanoseconds that the kernel charged to a thread.
fn cpu_ns(task: &Path) -> u64 {
    let account = fs::read_to_string(task.join("schedstat")).unwrap();
    account.split(' ').next().unwrap().parse().unwrap()
}

fn wait_until(clock: Clock, at: Moment) {
    let left = at - clock.now();
    if left > Duration::from_micros(60) {
        thread::sleep(left);
    }
}

fn listen(socket: &UdpSocket, clock: Clock, stop: &AtomicBool) -> Vec<u64> {
    let mut late = Vec::new();
    let mut buffer = [0; 2048];
    while !stop.load(Ordering::Relaxed) {
        let Ok(length) = socket.recv(&mut buffer) else {
            continue;
        };
        let payload = buffer.get(..length).and_then(rtp::payload).unwrap();
        let sent = u64::from_be_bytes(*payload.first_chunk().unwrap());
        late.push(clock.now().as_micros() - sent);
    }
    late
}

/// As the recorder does: a few times a second whatever is there.
fn drain(mut readers: Vec<TapReader>, stop: &AtomicBool) -> u64 {
    let mut payload = Vec::new();
    let mut copied = 0;
    while !stop.load(Ordering::Relaxed) {
        for reader in &mut readers {
            while reader.next(&mut payload).is_some() {
                copied += 1;
            }
        }
        thread::sleep(Duration::from_millis(20));
    }
    copied
}
