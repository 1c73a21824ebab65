//! Brings everything up in the order that loses nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::base::chance::Chance;
use crate::base::clock::Clock;
use crate::base::entropy;
use crate::base::map::keyed;
use crate::call::desk::Told;
use crate::call::story::KeptDialog;
use crate::call::switchboard::Switchboard;
use crate::call::trunks::Trunks;
use crate::engine::admit::Door;
use crate::engine::aftermath::clear_up;
use crate::engine::datagrams::Datagrams;
use crate::engine::error::StartError;
use crate::engine::gauges::{Gauges, set};
use crate::engine::handle::{Handle, Running};
use crate::engine::ladders::Ladders;
use crate::engine::limits::Limits;
use crate::engine::names::{self, Names};
use crate::engine::pace::Pace;
use crate::engine::retention;
use crate::engine::run::{Engine, Order, warn_of_shared};
use crate::engine::settings::Listen;
use crate::engine::setup::Setup;
use crate::engine::sound::Sound;
use crate::engine::streams::Streams;
use crate::engine::tell::{Teller, tell_recording};
use crate::engine::ways::Ways;
use crate::media::choice::Choice;
use crate::media::pool::Pool;
use crate::media::uring;
use crate::recording::command::{Command, Report};
use crate::recording::settings::When;
use crate::sip::endpoint;
use crate::sip::transport::{SIPS_PORT, Transport};
use crate::store::Store;

/// Orders to the recorder that may wait: a thousand calls that begin and end within one of its rests.
const RECORDER_ORDERS_MAX: usize = 16_384;

/// How long a stop waits for what the engine's runtime does on threads of its own: lookups of names, removal of recordings.
const LAST_LOOKUP: Duration = Duration::from_secs(2);

/// Orders to the engine that may wait; they come from people and signals.
const ORDERS_MAX: usize = 64;

/// What must be there before the engine's thread begins.
struct Parts {
    clock: Clock,
    chance: Chance,
    sockets: Sockets,
    store: Store,
    gauges: Arc<Gauges>,
    recorder: crossbeam_channel::Sender<Command>,
}

/// Where SIP listens, bound.
struct Sockets {
    datagrams: Datagrams,
    streams: Streams,
}

impl Sockets {
    fn bind(runtime: &Runtime, setup: &Setup, key: u64) -> Result<Self, StartError> {
        let _inside = runtime.enter();
        Ok(Self {
            datagrams: Datagrams::bind(&setup.sip.listen)?,
            streams: Streams::bind(&setup.sip, &setup.rules.tls, key)?,
        })
    }
}

fn store_setup(
    setup: &Setup,
    node: Arc<str>,
    clock: Clock,
    chance: Chance,
) -> crate::store::handle::Setup {
    crate::store::handle::Setup {
        settings: setup.store.clone(),
        recordings: setup.recordings.folder.clone(),
        node,
        clock,
        chance,
    }
}

/// Brings ringtag up. Returns when its sockets are bound and calls are taken.
///
/// What a crash left behind is put right on the way: its calls are ended in the log, their peers get a BYE, its recordings
/// are made whole.
///
/// # Errors
/// An address cannot be listened on, the store is in use or unreadable, or the system is out of threads.
pub fn start(mut setup: Setup, node: Arc<str>) -> Result<Running, StartError> {
    let records = setup.recordings.when != When::None;
    setup.media.taps = records;
    let clock = Clock::start();
    let seed = entropy::seed().map_err(|error| StartError::System {
        what: "randomness",
        source: io::Error::other(error.to_string()),
    })?;
    let mut chance = Chance::from_seed(seed);
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| StartError::System {
            what: "the engine's runtime",
            source,
        })?;
    // Sockets first: an address that cannot be had must not cost the peers of a crash their BYEs.
    let sockets = Sockets::bind(&runtime, &setup, chance.next_u64())?;
    let (store, behind) = Store::open(store_setup(&setup, node, clock, chance.fork()))?;
    let aftermath = clear_up(&store, &setup.recordings, behind);
    let gauges = Arc::new(Gauges::default());
    let (recorder_orders, recorder_queue) = crossbeam_channel::bounded(RECORDER_ORDERS_MAX);
    let parts = Parts {
        clock,
        chance,
        sockets,
        store: store.clone(),
        gauges: Arc::clone(&gauges),
        recorder: recorder_orders.clone(),
    };
    let (orders, engine_orders) = mpsc::channel(ORDERS_MAX);
    let recordings = setup.recordings.clone();
    let (mut engine, readers) = assemble(&runtime, setup, parts, engine_orders)?;
    engine.haunt(aftermath.dialogs);
    if let Some(keep_days) = recordings.keep_days {
        runtime.spawn(retention::keep(store.clone(), clock, keep_days));
    }
    let listening = engine.listening();
    let limits = engine.limits;
    set(&gauges.calls_limit, limits.calls);
    // Where nothing is recorded there is no recorder, unless a crash left files to be hashed.
    let recorder = (records || !aftermath.hashes.is_empty())
        .then(|| {
            crate::recording::worker::spawn(
                recordings,
                clock,
                readers,
                recorder_queue,
                reporter(store.clone(), Arc::clone(&gauges)),
            )
        })
        .transpose()
        .map_err(|source| StartError::System {
            what: "the recorder's thread",
            source,
        })?;
    for hash in aftermath.hashes {
        // Waits for room, which the recorder makes: nothing else is under way yet.
        let _recorder_is_gone = recorder_orders.send(hash).is_err();
    }
    let (ending, ended) = oneshot::channel::<()>();
    let engine = std::thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || {
            let _dropped_at_the_end = ending;
            runtime.block_on(engine.run());
            // A lookup under way cannot be ended, and a resolver that is dead must not hold up the stop.
            runtime.shutdown_timeout(LAST_LOOKUP);
        })
        .map_err(|source| StartError::System {
            what: "the engine's thread",
            source,
        })?;
    Ok(Running {
        handle: Handle {
            orders,
            gauges,
            store,
            clock,
        },
        listening,
        limits,
        engine,
        ended,
        recorder,
    })
}

/// Binds, starts the workers and puts the engine together; nothing runs yet.
fn assemble(
    runtime: &Runtime,
    setup: Setup,
    parts: Parts,
    orders: mpsc::Receiver<Order>,
) -> Result<(Engine, Vec<crate::media::tap::TapReader>), StartError> {
    let Parts {
        clock,
        mut chance,
        sockets: Sockets { datagrams, streams },
        store,
        gauges,
        recorder,
    } = parts;
    let sound_wakes = Arc::new(Notify::new());
    let wake = Arc::clone(&sound_wakes);
    let choice = Choice::make(setup.media.engine, uring::trial)?;
    if let Some(why) = &choice.fallback {
        tracing::warn!(%why, "io_uring is not to be had: sound is relayed with epoll");
    }
    tracing::info!(engine = %choice.chosen, "sound is relayed");
    let (pool, readers) = Pool::start(
        &setup.media,
        choice.chosen,
        clock,
        setup.media.workers,
        Arc::new(move || wake.notify_one()),
    )
    .map_err(|source| StartError::System {
        what: "the media workers' threads",
        source,
    })?;
    gauges.relays(choice.chosen, pool.lateness().cloned().collect());
    let mut sound = Sound::new(
        &setup.media,
        pool,
        recorder,
        chance.next_u64(),
        Arc::clone(&gauges),
    )
    .masking(setup.recordings.manner.mask_digits);
    sound.set_pause_on_hold(setup.recordings.pause_on_hold);
    let limits = Limits::of_this_process(sound.pairs() as u64);
    let mut listeners: Vec<_> = listening(&datagrams, &streams)
        .iter()
        .map(|listen| (listen.transport, listen.address))
        .collect();
    if !setup.rules.tls.toward.is_empty() {
        listeners.extend(names_over_tls(&listeners));
    }
    let lookup = Names {
        server: setup.sip.resolver,
        means: listeners.as_slice().into(),
    };
    let found = runtime.block_on(names::resolve(&lookup, &setup.rules.trunks));
    let trunks = setup.rules.trunks.iter().cloned().zip(found);
    let trunks = Arc::new(Trunks::new(trunks));
    warn_of_shared(&trunks, &[]);
    let ways = Ways::new(clock, chance.next_u64());
    let mut switchboard = Switchboard::new(
        crate::call::switchboard::Setup {
            sip: endpoint::Settings {
                advertise: setup.sip.advertise,
                listeners,
                user_agent: concat!("ringtag/", env!("CARGO_PKG_VERSION")).to_owned(),
                transactions_max: endpoint::TRANSACTIONS_MAX,
            },
            trunks: Arc::clone(&trunks),
            country: setup.country,
            guard: setup.rules.guard,
            session: setup.rules.session,
        },
        chance.fork(),
    );
    if setup.store.ladder_days > 0 {
        switchboard.show_messages();
    }
    switchboard.set_own_numbers(setup.rules.tracking.virtual_numbers());
    let (name_reports, names) = mpsc::channel(1);
    let engine = Engine {
        clock,
        switchboard,
        datagrams,
        pace: Pace::default(),
        streams,
        ways,
        sound,
        sound_wakes,
        store,
        door: Door::new(chance.fork()),
        rules: setup.rules,
        records: setup.recordings.when != When::None,
        trunks,
        limits,
        gauges,
        credits: keyed(chance.next_u64()),
        teller: Teller::new(chance.next_u64()),
        ladders: Ladders::new(),
        abandoned: false,
        orders,
        lookup,
        names,
        name_reports,
        resolver: None,
    };
    Ok((engine, readers))
}

fn listening(datagrams: &Datagrams, streams: &Streams) -> Vec<Listen> {
    let udp = datagrams.addresses().map(|address| Listen {
        transport: Transport::Udp,
        address,
    });
    udp.chain(streams.listening()).collect()
}

/// What we are called over TLS in each family where nothing listens for it: our connections are our own, and what comes back
/// comes on them.
fn names_over_tls(listeners: &[(Transport, SocketAddr)]) -> Vec<(Transport, SocketAddr)> {
    let of_family = |v4: bool| {
        let mut family = listeners
            .iter()
            .filter(|(_, address)| address.is_ipv4() == v4);
        let served = family
            .clone()
            .any(|(transport, _)| *transport == Transport::Tls);
        let (_, first) = family.next()?;
        (!served).then(|| (Transport::Tls, SocketAddr::new(first.ip(), SIPS_PORT)))
    };
    [true, false].into_iter().filter_map(of_family).collect()
}

/// What the recorder's threads report goes into the call log.
fn reporter(store: Store, gauges: Arc<Gauges>) -> impl Fn(Report) + Send + 'static {
    move |report| match report {
        Report::Disk { refuses } => set(&gauges.recordings_disk_error, refuses.into()),
        Report::Finished(outcome) => tell_recording(&store, &gauges, *outcome),
        Report::Hashed { call, kept } => store.hashed(call, kept),
    }
}

impl Engine {
    /// Says where SIP listens.
    fn listening(&self) -> Vec<Listen> {
        listening(&self.datagrams, &self.streams)
    }

    /// Ends at their peers the calls that a crash left behind.
    fn haunt(&mut self, dialogs: Vec<[KeptDialog; 2]>) {
        let now = self.clock.now();
        self.streams.set_trunks(Arc::clone(&self.trunks));
        let peers: Vec<IpAddr> = dialogs.iter().flatten().map(|one| one.peer.ip()).collect();
        self.face(&peers);
        for both in dialogs {
            self.switchboard.handle(now, Told::Ghost(Box::new(both)));
        }
    }
}
