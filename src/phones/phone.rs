//! A phone: bound to an address, it calls and is called.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rsip::Uri;
use tokio::net::UdpSocket;
use tokio::sync::{Mutex, mpsc};
use tokio::task::AbortHandle;

use crate::base::chance::Chance;
use crate::base::entropy;
use crate::phones::call::Call;
use crate::phones::dialing::Dialing;
use crate::phones::g711::Law;
use crate::phones::incoming::{Answer, Incoming};
use crate::phones::wire::{Arrived, INBOX, Wire};
use crate::sdp::parse::Malformed;

/// What a phone is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The user of its address: its number or extension.
    pub name: String,
    /// The tone that it plays, below 4000; 0: it sends silence.
    pub tone_hz: u32,
    /// The law that it prefers.
    pub law: Law,
}

/// A phone on loopback. Its calls live as long as it does.
#[derive(Debug)]
pub struct Phone {
    wire: Arc<Wire>,
    settings: Settings,
    newcomers: Mutex<mpsc::Receiver<(Arrived, mpsc::Receiver<Arrived>)>>,
    receiver: AbortHandle,
}

/// Why a phone could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The machine refused a socket or randomness.
    #[error("the phone cannot use the network: {0}")]
    Io(#[from] io::Error),
    /// The peer refused.
    #[error("the call was refused with status {0}")]
    Refused(u16),
    /// The caller gave up while it rang.
    #[error("the caller gave up")]
    Cancelled,
    /// The peer said nothing.
    #[error("the peer does not answer")]
    TimedOut,
    /// The phone was dropped.
    #[error("the phone is gone")]
    Closed,
    /// rsip reads no address, tag or number where one must be.
    #[error("a message of the peer cannot be read")]
    Unreadable,
    /// The address to call is none.
    #[error("`{0}` is no SIP address; write sip:NUMBER@HOST:PORT")]
    NoAddress(String),
    /// The peer's SDP cannot be read.
    #[error("{0}")]
    Sdp(Malformed),
    /// The peer's SDP has no G.711 over RTP.
    #[error("the peer offers no sound that the phone knows")]
    NoCommonCodec,
}

impl Phone {
    /// Binds a phone; port 0 takes a free one.
    ///
    /// # Errors
    /// The address is taken or not this machine's.
    pub async fn bind(at: SocketAddr, settings: Settings) -> Result<Self, Fault> {
        let socket = UdpSocket::bind(at).await?;
        let address = socket.local_addr()?;
        let seed = entropy::seed().map_err(io::Error::other)?;
        let wire = Arc::new(Wire::new(socket, address, Chance::from_seed(seed)));
        let (sender, newcomers) = mpsc::channel(INBOX);
        let receiver = tokio::spawn(Arc::clone(&wire).run(sender)).abort_handle();
        Ok(Self {
            wire,
            settings,
            newcomers: Mutex::new(newcomers),
            receiver,
        })
    }

    /// Where it is reached.
    pub fn address(&self) -> SocketAddr {
        self.wire.address
    }

    /// Its SIP address.
    pub fn uri(&self) -> String {
        format!("sip:{}@{}", self.settings.name, self.wire.address)
    }

    /// Begins to call `uri`, sending to `via`: an outgoing proxy, or the host of the URI itself.
    ///
    /// # Errors
    /// The address is none, or there are no ports.
    pub async fn dial(&self, uri: &str, via: SocketAddr) -> Result<Dialing, Fault> {
        let parsed = Uri::try_from(uri).map_err(|_| Fault::NoAddress(uri.to_owned()))?;
        Box::pin(Dialing::start(&self.wire, &self.settings, parsed, via)).await
    }

    /// Calls `number` at `host` and waits for the answer.
    ///
    /// # Errors
    /// As for [`Self::dial`] and [`Dialing::answered`].
    pub async fn call(&self, number: &str, host: SocketAddr) -> Result<Call, Fault> {
        let dialing = self.dial(&format!("sip:{number}@{host}"), host).await?;
        Box::pin(dialing.answered()).await
    }

    /// Waits for the next call that comes in.
    ///
    /// # Errors
    /// The phone's socket failed, or the call cannot be taken: it was answered accordingly.
    pub async fn next(&self) -> Result<Incoming, Fault> {
        let (arrived, inbox) = self
            .newcomers
            .lock()
            .await
            .recv()
            .await
            .ok_or(Fault::Closed)?;
        let again = arrived.clone();
        match Box::pin(Incoming::new(&self.wire, &self.settings, arrived, inbox)).await {
            Ok(incoming) => Ok(incoming),
            Err(fault) => {
                let status = match fault {
                    Fault::Sdp(_) | Fault::NoCommonCodec => 488,
                    Fault::Unreadable | Fault::NoAddress(_) => 400,
                    Fault::Io(_)
                    | Fault::Refused(_)
                    | Fault::Cancelled
                    | Fault::TimedOut
                    | Fault::Closed => 500,
                };
                self.wire.turn_down(&again, status).await;
                Err(fault)
            }
        }
    }

    /// Waits for the next call and does as told.
    ///
    /// # Errors
    /// As for [`Self::next`] and [`Incoming::follow`].
    pub async fn answer_next(&self, answer: &Answer) -> Result<Call, Fault> {
        let incoming = self.next().await?;
        Box::pin(incoming.follow(answer)).await
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.receiver.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::time::Duration;

    use super::*;
    use crate::phones::call::Ended;

    const DEADLINE: Duration = Duration::from_secs(60);

    async fn phone(name: &str, tone_hz: u32, law: Law) -> Phone {
        let name = name.to_owned();
        let settings = Settings { name, tone_hz, law };
        Phone::bind("127.0.0.1:0".parse().unwrap(), settings)
            .await
            .unwrap()
    }

    async fn soon<T>(what: impl Future<Output = T>) -> T {
        tokio::time::timeout(DEADLINE, Box::pin(what))
            .await
            .expect("in time")
    }

    /// Waits until the call has heard so many packets more.
    async fn hear(call: &Call, packets: u64) {
        let until = call.heard().received + packets;
        soon(async {
            while call.heard().received < until {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    }

    async fn connected(caller: &Phone, callee: &Phone) -> (Call, Call) {
        let answer = Answer {
            ring: Duration::from_millis(20),
            ..Answer::default()
        };
        let call = caller.call("101", callee.address());
        let (out, back) = soon(async { tokio::join!(call, callee.answer_next(&answer)) }).await;
        (out.unwrap(), back.unwrap())
    }

    #[tokio::test]
    async fn two_phones_hear_each_others_tone_and_hang_up() {
        let (a, b) = (
            phone("alice", 440, Law::A).await,
            phone("101", 1_000, Law::Mu).await,
        );
        let (out, back) = connected(&a, &b).await;
        hear(&out, 30).await;
        hear(&back, 30).await;
        soon(out.hang_up()).await.unwrap();
        assert_eq!(soon(out.ended()).await, Ended::ByUs);
        assert_eq!(soon(back.ended()).await, Ended::ByPeer);
        assert_eq!(out.heard().tone_hz(), Some(1_000));
        assert_eq!(back.heard().tone_hz(), Some(440));
    }

    #[tokio::test]
    async fn what_is_heard_is_what_was_played() {
        let (a, b) = (
            phone("alice", 440, Law::A).await,
            phone("101", 0, Law::A).await,
        );
        let (out, back) = connected(&a, &b).await;
        hear(&back, 20).await;
        let samples = back.heard().samples();
        let mut tone = crate::phones::tone::Tone::new(440);
        for sample in samples {
            assert_eq!(sample, Law::A.decode(Law::A.encode(tone.next_sample())));
        }
        soon(back.hang_up()).await.unwrap();
        assert_eq!(soon(out.ended()).await, Ended::ByPeer);
    }

    #[tokio::test]
    async fn early_media_is_heard_before_the_answer() {
        let (a, b) = (
            phone("alice", 440, Law::A).await,
            phone("101", 1_000, Law::A).await,
        );
        let mut dialing = a.dial(&b.uri(), b.address()).await.unwrap();
        let incoming = soon(b.next()).await.unwrap();
        assert_eq!(incoming.dialled().as_deref(), Some("101"));
        assert_eq!(incoming.caller().as_deref(), Some("alice"));
        incoming.ring_aloud().await;
        assert_eq!(soon(dialing.progress()).await.unwrap(), 183);
        soon(async {
            while dialing.heard().received < 20 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        assert_eq!(dialing.heard().tone_hz(), Some(1_000));
        let (out, back) = soon(async { tokio::join!(dialing.answered(), incoming.answer()) }).await;
        soon(back.hang_up()).await.unwrap();
        assert_eq!(soon(out.unwrap().ended()).await, Ended::ByPeer);
    }

    #[tokio::test]
    async fn a_call_is_refused_with_the_status_told() {
        let (a, b) = (
            phone("alice", 440, Law::A).await,
            phone("101", 1_000, Law::A).await,
        );
        let answer = Answer {
            reject: Some(486),
            ring: Duration::ZERO,
            ..Answer::default()
        };
        let call = a.call("101", b.address());
        let (out, back) = soon(async { tokio::join!(call, b.answer_next(&answer)) }).await;
        assert!(matches!(out, Err(Fault::Refused(486))), "{out:?}");
        assert!(matches!(back, Err(Fault::Refused(486))), "{back:?}");
    }

    #[tokio::test]
    async fn a_caller_who_gives_up_cancels() {
        let (a, b) = (
            phone("alice", 440, Law::A).await,
            phone("101", 1_000, Law::A).await,
        );
        let mut dialing = a.dial(&b.uri(), b.address()).await.unwrap();
        let answer = Answer {
            ring: DEADLINE,
            ..Answer::default()
        };
        let caller = async {
            assert_eq!(dialing.progress().await.unwrap(), 180);
            dialing.cancel().await
        };
        let (out, back) = soon(async { tokio::join!(caller, b.answer_next(&answer)) }).await;
        out.unwrap();
        assert!(matches!(back, Err(Fault::Cancelled)), "{back:?}");
    }

    #[tokio::test]
    async fn hold_stops_the_other_side_and_resume_starts_it_again() {
        let (a, b) = (
            phone("alice", 440, Law::A).await,
            phone("101", 1_000, Law::Mu).await,
        );
        let (out, back) = connected(&a, &b).await;
        hear(&out, 5).await;
        soon(out.hold()).await.unwrap();
        // What was under way arrives; after that nothing does, while the holder is still heard.
        hear(&back, 5).await;
        let held = out.heard().received;
        hear(&back, 10).await;
        assert_eq!(out.heard().received, held);
        soon(out.resume()).await.unwrap();
        hear(&out, 5).await;
        soon(back.hang_up()).await.unwrap();
    }

    #[tokio::test]
    async fn digits_arrive_in_order() {
        let (a, b) = (
            phone("alice", 440, Law::A).await,
            phone("101", 1_000, Law::A).await,
        );
        let (out, back) = connected(&a, &b).await;
        out.press("17#");
        soon(async {
            while back.heard().digits != "17#" {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        soon(out.hang_up()).await.unwrap();
    }
}
