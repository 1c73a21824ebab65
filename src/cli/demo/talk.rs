//! The demo's call: a customer's phone and the desk's, each with its own tone.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::cli::demo::stage::{CALLER, DESK, VIRTUAL_NUMBER};
use crate::phones::{Answer, Fault, Law, Phone, Settings};

/// The tone of the customer: an A.
const CALLER_HZ: u32 = 440;
/// The tone of the desk: the E above it.
const DESK_HZ: u32 = 659;
/// How long the desk lets it ring.
const RING: Duration = Duration::from_millis(800);
/// How long the two talk.
const TALK: Duration = Duration::from_secs(4);
/// What the whole call may take before something must be wrong.
const PATIENCE: Duration = Duration::from_secs(20);

/// Both phones.
#[derive(Debug)]
pub(in crate::cli) struct Cast {
    /// Plays the carrier.
    pub(in crate::cli) caller: Phone,
    /// Plays the PBX.
    pub(in crate::cli) desk: Phone,
}

/// What happened, for whoever watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Step {
    /// The customer dials.
    Dialled,
    /// The desk's phone rings.
    Rings {
        /// What was dialled there.
        extension: String,
        /// The number it shows.
        shows: String,
    },
    /// The desk takes the call.
    Answered,
    /// The customer hangs up.
    HungUp,
}

/// What the two heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Tones {
    /// At the customer's ear.
    pub(in crate::cli) caller_heard: Option<u32>,
    /// At the desk's.
    pub(in crate::cli) desk_heard: Option<u32>,
}

impl Tones {
    /// Whether each heard the other.
    pub(in crate::cli) fn are_right(self) -> bool {
        self.caller_heard == Some(DESK_HZ) && self.desk_heard == Some(CALLER_HZ)
    }
}

impl Cast {
    /// Binds both on loopback.
    pub(in crate::cli) async fn assemble() -> Result<Self, Fault> {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let phone = |name: &str, tone_hz, law| {
            let name = name.to_owned();
            Phone::bind(anywhere, Settings { name, tone_hz, law })
        };
        Ok(Self {
            caller: phone(CALLER, CALLER_HZ, Law::A).await?,
            desk: phone(DESK, DESK_HZ, Law::A).await?,
        })
    }

    /// Plays the call through `server` and tells each step.
    pub(in crate::cli) async fn play(
        &self,
        server: SocketAddr,
        tell: &mut dyn FnMut(Step),
    ) -> Result<Tones, Fault> {
        let call = Box::pin(self.call(server, tell));
        timeout(PATIENCE, call)
            .await
            .unwrap_or(Err(Fault::TimedOut))
    }

    async fn call(&self, server: SocketAddr, tell: &mut dyn FnMut(Step)) -> Result<Tones, Fault> {
        tell(Step::Dialled);
        let uri = format!("sip:{VIRTUAL_NUMBER}@{server}");
        let dialing = self.caller.dial(&uri, server).await?;
        // Should the server refuse the call, the desk never rings: whatever comes first is heard.
        let mut answered = Box::pin(dialing.answered());
        let incoming = tokio::select! {
            incoming = self.desk.next() => incoming?,
            refused = &mut answered => {
                return Err(refused.err().unwrap_or(Fault::Closed));
            }
        };
        tell(Step::Rings {
            extension: incoming.dialled().unwrap_or_default(),
            shows: incoming.caller().unwrap_or_default(),
        });
        let answer = Answer {
            ring: RING,
            ..Answer::default()
        };
        let (there, here) = tokio::join!(answered, incoming.follow(&answer));
        let (there, here) = (there?, here?);
        tell(Step::Answered);
        sleep(TALK).await;
        there.hang_up().await?;
        tell(Step::HungUp);
        here.ended().await;
        Ok(Tones {
            caller_heard: there.heard().tone_hz(),
            desk_heard: here.heard().tone_hz(),
        })
    }

    /// Lets the desk answer whoever calls, until dropped: the demo's office stays open.
    pub(in crate::cli) async fn stay_open(&self) {
        loop {
            // A caller who gives up is no reason to close.
            if let Ok(call) = self
                .desk
                .answer_next(&Answer {
                    ring: RING,
                    ..Answer::default()
                })
                .await
            {
                tokio::spawn(async move {
                    call.ended().await;
                });
            }
        }
    }
}
