//! `ringtag serve`: starts everything, says where it listens and what bounds it, obeys signals.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::api;
use crate::api::gate::{Gate, Manned};
use crate::api::state::InForce;
use crate::base::chance::Chance;
use crate::base::entropy;
use crate::base::time::Moment;
use crate::cli::demo::{self, Host};
use crate::cli::log::{self, LogFormat};
use crate::cli::{DONE, FAILED, WRONG_INPUT, complain};
use crate::config::reload::needs_restart;
use crate::config::{self, Config, Mistake};
use crate::engine::gauges::add;
use crate::engine::handle::Running;
use crate::engine::setup::{Rules, Setup};
use crate::engine::start::start;
use crate::notify::post::{Carriers, Post};
use crate::notify::smtp;
use crate::store::control::Answering;

/// Stop signals closer together than this are one.
const SAME_SIGNAL: Duration = Duration::from_secs(1);

/// Runs until a signal says otherwise.
pub(in crate::cli) fn serve(file: &Path, format: LogFormat, out: &mut dyn Write) -> io::Result<u8> {
    let config = match config::load(file) {
        Ok(loaded) => {
            say_all(&loaded.warnings);
            loaded.config
        }
        Err(mistakes) => {
            say_all(&mistakes);
            complain("nothing was started: correct the configuration, then `ringtag check` it");
            return Ok(WRONG_INPUT);
        }
    };
    let _log = log::start(format);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // Before anything starts: a signal that comes early is kept, and does not end the process half-started.
    let signals = {
        let _inside = runtime.enter();
        Signals::catch()?
    };
    let server = match Server::start(config) {
        Ok(server) => server,
        Err(message) => {
            complain(&message);
            return Ok(FAILED);
        }
    };
    server.introduce(out)?;
    server.obey_signals(file, &runtime, signals)
}

/// Runs the demo on a server of its own. Its log is quiet unless `RINGTAG_LOG` says otherwise: the demo speaks for itself.
pub(in crate::cli) fn demo(
    options: demo::Options,
    format: LogFormat,
    json: bool,
    out: &mut dyn Write,
) -> io::Result<u8> {
    let _log = log::start_quiet(format);
    let outcome = demo::demo(options, json, out, |config| {
        // The demo's phones run in a runtime on this thread, and a runtime does not start another within it.
        let starting = std::thread::spawn(move || Server::start(config));
        let server = starting
            .join()
            .map_err(|_| "the server's start ended in a panic")??;
        let mut sip = server.running.listening.iter().map(|listen| listen.address);
        let sip = sip
            .next()
            .ok_or("the demo's configuration listens nowhere")?;
        Ok(Host {
            sip,
            web: server.web.as_ref().map(api::Server::address),
            pages: server.web.as_ref().map(api::Server::url),
            store: server.running.handle.store.clone(),
            stop: Box::new(move || server.stop()),
        })
    })?;
    match outcome {
        Ok(()) => Ok(DONE),
        Err(message) => {
            complain(&message);
            Ok(FAILED)
        }
    }
}

/// A running ringtag with its pages.
pub(in crate::cli) struct Server {
    /// As started: what a reload cannot change is compared with it, however often the file changes.
    config: Config,
    /// The engine's side.
    pub(in crate::cli) running: Running,
    /// The pages' side.
    pub(in crate::cli) web: Option<api::Server>,
    /// What pages and commands are told of the rules.
    shown: InForce,
    /// What pages and letters know; a reload changes it.
    house: api::State,
    /// The letters' side.
    post: Post,
}

impl Server {
    /// Starts engine and pages.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub(in crate::cli) fn start(config: Config) -> Result<Self, String> {
        let node = node_name();
        let seed =
            entropy::seed().map_err(|error| format!("asking the system for chance: {error}"))?;
        let running = start(setup_of(&config), node).map_err(|error| error.to_string())?;
        let handle = &running.handle;
        let house = api::State::new(
            handle.store.clone(),
            Arc::clone(&handle.gauges),
            handle.clock,
            config.recordings.folder.clone(),
            config.shown(),
            Gate::new(manned(&config), Chance::from_seed(seed)),
        )
        .with_engine(handle.clone());
        let shown = house.in_force();
        let commands = api::replay::commands(shown.clone());
        handle.store.answer_with(Answering::new(commands));
        let letters = Arc::new(api::Letters::new(house.clone()));
        let carriers: Carriers = Box::new(|settings| Box::new(smtp::Server::new(settings)));
        let post = Post::start(
            handle.store.clone(),
            handle.clock,
            letters,
            config.mail.clone(),
            carriers,
        );
        let post = match post {
            Ok(post) => post,
            Err(error) => {
                handle.end_now();
                running.join(|| ());
                return Err(format!("starting the thread of letters: {error}"));
            }
        };
        let state = house.clone().with_post(post.clone());
        let web = match api::serve(state) {
            Ok(web) => web,
            Err(error) => {
                post.stop();
                handle.end_now();
                running.join(|| ());
                return Err(error.to_string());
            }
        };
        Ok(Self {
            config,
            running,
            web,
            shown,
            house,
            post,
        })
    }

    /// Says where it listens, what bounds it, and that it is ready.
    pub(in crate::cli) fn introduce(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "ringtag {}", env!("CARGO_PKG_VERSION"))?;
        for listen in &self.running.listening {
            writeln!(out, "  sip         {}:{}", listen.transport, listen.address)?;
        }
        if let Some(web) = &self.web {
            writeln!(out, "  web         {}", web.url())?;
        }
        writeln!(out, "  limit       {}", self.running.limits)?;
        if let Some(engine) = self.running.handle.gauges.media_engine() {
            writeln!(out, "  sound       {engine}")?;
        }
        writeln!(
            out,
            "  recordings  {}",
            self.config.recordings.folder.display()
        )?;
        writeln!(
            out,
            "  call log    {}",
            self.config.store.folder.join("log").display()
        )?;
        writeln!(out, "ready")?;
        out.flush()
    }

    /// Ends every call and stops.
    pub(in crate::cli) fn stop(self) {
        self.running.handle.end_now();
        self.finish();
    }

    fn finish(self) {
        // Before the store is closed: a letter that was taken, and a table that left the house, are to stand in the log.
        self.post.stop();
        self.running.join(|| {
            if let Some(web) = self.web {
                web.stop();
            }
        });
    }

    /// SIGHUP reloads; SIGTERM and SIGINT drain, and a second one ends every call at once.
    fn obey_signals(
        mut self,
        file: &Path,
        runtime: &Runtime,
        mut signals: Signals,
    ) -> io::Result<u8> {
        let code = runtime.block_on(async {
            let mut draining: Option<Moment> = None;
            loop {
                let caught = tokio::select! {
                    caught = signals.next() => caught,
                    // Without a signal the engine ends only in a panic.
                    () = self.running.ended() => {
                        return Ok::<u8, io::Error>(if draining.is_some() { DONE } else { FAILED });
                    }
                };
                let clock = self.running.handle.clock;
                match (caught, draining) {
                    (Caught::Hangup, _) => self.reload(file),
                    (Caught::Stop, None) => {
                        draining = Some(clock.now());
                        self.running.handle.drain(self.config.sip.drain);
                    }
                    // A terminal or a supervisor may send two at once; only a person's second thought ends calls.
                    (Caught::Stop, Some(since)) if clock.now() - since < SAME_SIGNAL => {}
                    (Caught::Stop, Some(_)) => {
                        tracing::info!("a second signal: ending every call now");
                        self.running.handle.end_now();
                    }
                }
            }
        })?;
        self.finish();
        Ok(code)
    }

    /// Reads the file again. A mistake changes nothing and is named; what needs a restart is named too.
    fn reload(&self, file: &Path) {
        match config::load(file) {
            Ok(loaded) => {
                for warning in &loaded.warnings {
                    tracing::warn!("{warning}");
                }
                let later = needs_restart(&self.config, &loaded.config);
                if !later.is_empty() {
                    tracing::warn!(
                        keys = later.join(", "),
                        "these keys take effect at the next start"
                    );
                }
                if !self.running.handle.reload(rules_of(&loaded.config)) {
                    tracing::error!("the engine took no new rules; send SIGHUP again");
                    return;
                }
                let mut shown = loaded.config.shown();
                // Read at the start only: what is explained is what is done.
                shown.country = self.config.country;
                self.shown.set(shown);
                let ended = self.house.gate.set_manned(manned(&loaded.config));
                if ended > 0 {
                    tracing::info!(sessions = ended, "logged out whose user is gone or changed");
                }
                self.post.set(loaded.config.mail.clone());
                if let Some(web) = self.web.as_ref().filter(|_| loaded.config.users.is_empty()) {
                    tracing::info!(
                        link = web.url(),
                        "without users the pages are behind this link, for one visit"
                    );
                }
            }
            Err(mistakes) => {
                add(&self.running.handle.gauges.reloads_failed, 1);
                for mistake in &mistakes {
                    tracing::error!("{mistake}");
                }
                tracing::error!(
                    mistakes = mistakes.len(),
                    "the reload changed nothing: the rules in force go on"
                );
            }
        }
    }
}

/// The signals that `serve` obeys.
struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

enum Caught {
    Hangup,
    Stop,
}

impl Signals {
    fn catch() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Caught {
        tokio::select! {
            _ = self.hangup.recv() => Caught::Hangup,
            _ = self.terminate.recv() => Caught::Stop,
            _ = self.interrupt.recv() => Caught::Stop,
        }
    }
}

/// What the engine is started with.
pub(in crate::cli) fn setup_of(config: &Config) -> Setup {
    Setup {
        sip: config.sip.clone(),
        media: config.media.clone(),
        recordings: config.recordings.clone(),
        store: config.store.clone(),
        country: config.country,
        rules: rules_of(config),
    }
}

fn rules_of(config: &Config) -> Rules {
    Rules {
        trunks: config.trunks.clone(),
        tracking: Arc::new(config.tracking.clone()),
        routing: Arc::new(config.routing.clone()),
        guard: config.guard,
        tls: config.tls.clone(),
        record: config.recordings.when,
        session: config.sip.session,
    }
}

/// Who may use the pages, and how they are met.
fn manned(config: &Config) -> Manned {
    Manned {
        users: config.users.clone(),
        web: config.web.clone(),
    }
}

/// This machine's name in the lines of the call log.
pub(in crate::cli) fn node_name() -> Arc<str> {
    let name = rustix::system::uname();
    Arc::from(name.nodename().to_string_lossy())
}

fn say_all(mistakes: &[Mistake]) {
    for mistake in mistakes {
        complain(&mistake.to_string());
    }
}
