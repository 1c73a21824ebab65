//! Saying it again until it is heard: a phone's client transactions, and its final answers to an INVITE (RFC 3261 17).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rsip::{Method, Request, Response};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::phones::message;
use crate::phones::phone::Fault;
use crate::phones::wire::{Arrived, Wire};

/// RFC 3261 17.1.1.1.
const T1: Duration = Duration::from_millis(500);
/// The longest pause between repeats of anything but an INVITE.
const T2: Duration = Duration::from_secs(4);
/// Timers B and F.
const GIVE_UP: Duration = Duration::from_secs(32);
/// The longest a phone lets it ring: timer C's three minutes and a little.
const RING_MAX: Duration = Duration::from_secs(200);

/// One request of ours and the responses to it.
#[derive(Debug)]
pub(in crate::phones) struct Transaction {
    wire: Arc<Wire>,
    pub(in crate::phones) request: Request,
    branch: String,
    bytes: Vec<u8>,
    peer: SocketAddr,
    inbox: mpsc::Receiver<Response>,
    pause: Duration,
    waited: Duration,
    /// A response has come: an INVITE is not repeated then, and may be cancelled (9.1).
    pub(in crate::phones) heard: bool,
}

impl Transaction {
    /// Sends the request.
    pub(in crate::phones) async fn start(
        wire: &Arc<Wire>,
        request: Request,
        peer: SocketAddr,
    ) -> Result<Self, Fault> {
        let branch = message::branch(&request).ok_or(Fault::Unreadable)?;
        let bytes = message::write(request.clone());
        let inbox = wire.wait_for(branch.clone());
        wire.send(&bytes, peer).await;
        Ok(Self {
            wire: Arc::clone(wire),
            request,
            branch,
            bytes,
            peer,
            inbox,
            pause: T1,
            waited: Duration::ZERO,
            heard: false,
        })
    }

    /// Waits for the next response. A refusal of an INVITE is acknowledged here; a 2xx is the caller's to acknowledge.
    pub(in crate::phones) async fn next(&mut self) -> Result<Response, Fault> {
        let invite = self.request.method == Method::Invite;
        loop {
            let pause = if invite && self.heard {
                RING_MAX
            } else {
                self.pause
            };
            match timeout(pause, self.inbox.recv()).await {
                // A CANCEL shares its INVITE's branch.
                Ok(Some(response))
                    if message::cseq_method(&response) != Some(self.request.method) => {}
                Ok(Some(response)) => {
                    self.heard = true;
                    if invite && response.status_code.code() >= 300 {
                        let ack = message::ack_of_refusal(&self.request, &response);
                        self.acknowledge(ack, self.peer).await;
                    }
                    return Ok(response);
                }
                Ok(None) => return Err(Fault::Closed),
                Err(_) if invite && self.heard => return Err(Fault::TimedOut),
                Err(_) => {
                    self.waited += self.pause;
                    if self.waited >= GIVE_UP {
                        return Err(Fault::TimedOut);
                    }
                    self.pause = if invite {
                        self.pause * 2
                    } else {
                        (self.pause * 2).min(T2)
                    };
                    self.wire.send(&self.bytes, self.peer).await;
                }
            }
        }
    }

    /// Waits for the final response.
    pub(in crate::phones) async fn finish(mut self) -> Result<Response, Fault> {
        loop {
            let response = self.next().await?;
            if response.status_code.code() >= 200 {
                return Ok(response);
            }
        }
    }

    /// Sends an ACK, now and whenever the final response is repeated.
    pub(in crate::phones) async fn acknowledge(&self, ack: Request, peer: SocketAddr) {
        let ack = message::write(ack);
        self.wire.send(&ack, peer).await;
        self.wire.keep_ack(self.branch.clone(), ack, peer);
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.wire.stop_waiting(&self.branch);
    }
}

/// A final answer to an INVITE, to be said again until its ACK comes (13.3.1.4, 17.2.1).
#[derive(Debug)]
pub(in crate::phones) struct Unacknowledged {
    bytes: Vec<u8>,
    peer: SocketAddr,
    pause: Duration,
    waited: Duration,
}

impl Unacknowledged {
    pub(in crate::phones) const fn new(bytes: Vec<u8>, peer: SocketAddr) -> Self {
        Self {
            bytes,
            peer,
            pause: T1,
            waited: Duration::ZERO,
        }
    }

    /// Waits until it is time to say it again, and does. `false`: nobody acknowledged it.
    pub(in crate::phones) async fn again(&mut self, wire: &Wire) -> bool {
        sleep(self.pause).await;
        self.waited += self.pause;
        self.pause = (self.pause * 2).min(T2);
        wire.send(&self.bytes, self.peer).await;
        self.waited < GIVE_UP
    }

    /// Says it until the ACK comes out of `inbox`. For a refusal: there is no call that could take other requests.
    pub(in crate::phones) async fn until_acked(
        mut self,
        wire: Arc<Wire>,
        mut inbox: mpsc::Receiver<Arrived>,
    ) {
        loop {
            tokio::select! {
                arrived = inbox.recv() => match arrived {
                    Some(arrived) if arrived.request.method == Method::Ack => return,
                    Some(arrived) => {
                        let gone = message::response(&arrived.request, 481, "", None, None);
                        wire.answer(&arrived, gone).await;
                    }
                    None => return,
                },
                more = self.again(&wire) => if !more { return },
            }
        }
    }
}
