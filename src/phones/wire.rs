//! A phone's socket: who waits for which response, which call a request belongs to, and what is said again when asked again.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rsip::{Method, Request, Response, SipMessage};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::base::chance::Chance;
use crate::phones::message;

/// Transactions remembered; a demo has a handful, a load test through one phone some hundred calls of three each.
const REMEMBERED_MAX: usize = 2_048;

/// Messages that may wait for a call that is busy; UDP's sender repeats what did not fit.
pub(in crate::phones) const INBOX: usize = 64;

/// The largest datagram.
const DATAGRAM_MAX: usize = 65_535;

/// One phone's socket and tables.
#[derive(Debug)]
pub(in crate::phones) struct Wire {
    socket: UdpSocket,
    pub(in crate::phones) address: SocketAddr,
    tables: Mutex<Tables>,
    chance: Mutex<Chance>,
}

/// A request and where it came from.
#[derive(Clone, Debug)]
pub(in crate::phones) struct Arrived {
    pub(in crate::phones) request: Request,
    pub(in crate::phones) peer: SocketAddr,
}

#[derive(Debug, Default)]
struct Tables {
    /// Client transactions by branch.
    waiting: BTreeMap<String, mpsc::Sender<Response>>,
    /// Calls by Call-ID.
    calls: BTreeMap<String, mpsc::Sender<Arrived>>,
    /// Server transactions by branch and method: the last response, empty until there is one.
    answered: VecDeque<(String, Vec<u8>)>,
    /// The ACK of each final response to an INVITE, by the INVITE's branch.
    acks: VecDeque<(String, Vec<u8>, SocketAddr)>,
}

impl Wire {
    pub(in crate::phones) fn new(socket: UdpSocket, address: SocketAddr, chance: Chance) -> Self {
        Self {
            socket,
            address,
            tables: Mutex::default(),
            chance: Mutex::new(chance),
        }
    }

    /// A word nobody guesses: tags, branches, Call-IDs.
    pub(in crate::phones) fn token(&self) -> String {
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        chance.token().to_string()
    }

    /// A new transaction's Via.
    pub(in crate::phones) fn via(&self) -> String {
        format!(
            "SIP/2.0/UDP {};rport;branch=z9hG4bK{}",
            self.address,
            self.token()
        )
    }

    /// Sends; a refusal by the kernel is the same as loss.
    pub(in crate::phones) async fn send(&self, bytes: &[u8], peer: SocketAddr) {
        if let Err(error) = self.socket.send_to(bytes, peer).await {
            tracing::debug!(%peer, %error, "a phone's datagram was not sent");
        }
    }

    /// Answers a request, and every repeat of it from now on.
    pub(in crate::phones) async fn answer(&self, arrived: &Arrived, response: Response) -> Vec<u8> {
        let bytes = message::write(response);
        if let Some(key) = transaction_key(&arrived.request) {
            let mut tables = self.tables();
            match tables.answered.iter_mut().find(|(known, _)| *known == key) {
                Some((_, last)) => last.clone_from(&bytes),
                None => tables.remember_answer(key, bytes.clone()),
            }
        }
        self.send(&bytes, arrived.peer).await;
        bytes
    }

    /// Refuses a call that cannot even ring.
    pub(in crate::phones) async fn turn_down(&self, arrived: &Arrived, status: u16) {
        let response = message::response(&arrived.request, status, &self.token(), None, None);
        self.answer(arrived, response).await;
        if let Some(call_id) = message::call_id(&arrived.request) {
            self.leave(&call_id);
        }
    }

    /// Registers a client transaction; its responses come out of the receiver.
    pub(in crate::phones) fn wait_for(&self, branch: String) -> mpsc::Receiver<Response> {
        let (sender, receiver) = mpsc::channel(INBOX);
        self.tables().waiting.insert(branch, sender);
        receiver
    }

    /// Forgets a client transaction.
    pub(in crate::phones) fn stop_waiting(&self, branch: &str) {
        self.tables().waiting.remove(branch);
    }

    /// Keeps the ACK that is sent again when its response is repeated (13.2.2.4, 17.1.1.2).
    pub(in crate::phones) fn keep_ack(&self, branch: String, ack: Vec<u8>, peer: SocketAddr) {
        let mut tables = self.tables();
        if tables.acks.len() >= REMEMBERED_MAX {
            tables.acks.pop_front();
        }
        tables.acks.push_back((branch, ack, peer));
    }

    /// Registers a call; its requests come out of the receiver.
    pub(in crate::phones) fn enter(&self, call_id: String) -> mpsc::Receiver<Arrived> {
        let (sender, receiver) = mpsc::channel(INBOX);
        self.tables().calls.insert(call_id, sender);
        receiver
    }

    /// Forgets a call: what comes for it is answered 481 from now on.
    pub(in crate::phones) fn leave(&self, call_id: &str) {
        self.tables().calls.remove(call_id);
    }

    /// Receives until the socket fails. New calls go to `newcomers`.
    pub(in crate::phones) async fn run(
        self: Arc<Self>,
        newcomers: mpsc::Sender<(Arrived, mpsc::Receiver<Arrived>)>,
    ) {
        let mut buffer = vec![0; DATAGRAM_MAX];
        loop {
            let (length, peer) = match self.socket.recv_from(&mut buffer).await {
                Ok(received) => received,
                // On loopback the kernel tells of a peer's closed port by failing the next receive.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => continue,
                Err(error) => return tracing::warn!(%error, "a phone's socket failed"),
            };
            match buffer.get(..length).and_then(message::read) {
                Some(SipMessage::Response(response)) => self.handle_response(response).await,
                Some(SipMessage::Request(request)) => {
                    self.handle_request(Arrived { request, peer }, &newcomers)
                        .await;
                }
                None => tracing::debug!(%peer, "rsip cannot read what a phone received"),
            }
        }
    }

    async fn handle_response(&self, response: Response) {
        let Some(branch) = message::branch(&response) else {
            return;
        };
        let again = {
            let tables = self.tables();
            match tables.waiting.get(&branch) {
                Some(waiting) => {
                    if waiting.try_send(response).is_err() {
                        tracing::debug!("a phone's transaction is behind; a response was dropped");
                    }
                    None
                }
                None if response.status_code.code() < 200 => None,
                None => tables
                    .acks
                    .iter()
                    .find(|(of, ..)| *of == branch)
                    .map(|(_, ack, peer)| (ack.clone(), *peer)),
            }
        };
        if let Some((ack, peer)) = again {
            self.send(&ack, peer).await;
        }
    }

    async fn handle_request(
        &self,
        arrived: Arrived,
        newcomers: &mpsc::Sender<(Arrived, mpsc::Receiver<Arrived>)>,
    ) {
        let request = &arrived.request;
        let (Some(key), Some(call_id)) = (transaction_key(request), message::call_id(request))
        else {
            return;
        };
        if let Some(last) = self.repeat_of(&key, request.method) {
            if !last.is_empty() {
                self.send(&last, arrived.peer).await;
            }
            return;
        }
        let known = self.tables().calls.get(&call_id).cloned();
        let status = match (known, request.method) {
            (Some(call), _) => {
                if call.try_send(arrived).is_err() {
                    self.forget_answer(&key);
                }
                return;
            }
            (None, Method::Ack) => return,
            (None, Method::Invite) if !message::is_in_dialog(request) => {
                let inbox = self.enter(call_id.clone());
                if newcomers.try_send((arrived, inbox)).is_err() {
                    self.leave(&call_id);
                    self.forget_answer(&key);
                }
                return;
            }
            (None, Method::Options) if !message::is_in_dialog(request) => 200,
            (None, _) => 481,
        };
        let response = message::response(request, status, &self.token(), None, None);
        self.answer(&arrived, response).await;
    }

    /// The last response, empty where there is none yet, if this request was seen before; else it is noted.
    fn repeat_of(&self, key: &str, method: Method) -> Option<Vec<u8>> {
        // An ACK is answered by nothing; each one is news to whoever waits for it.
        if method == Method::Ack {
            return None;
        }
        let mut tables = self.tables();
        let seen = tables.answered.iter().find(|(known, _)| known == key);
        let last = seen.map(|(_, last)| last.clone());
        if last.is_none() {
            tables.remember_answer(key.to_owned(), Vec::new());
        }
        last
    }

    /// Lets the peer's repeat be news: this one did not reach anybody.
    fn forget_answer(&self, key: &str) {
        self.tables().answered.retain(|(known, _)| known != key);
    }

    /// The tables hold no promise across a panic: whoever panicked loses its own messages only.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn remember_answer(&mut self, key: String, last: Vec<u8>) {
        if self.answered.len() >= REMEMBERED_MAX {
            self.answered.pop_front();
        }
        self.answered.push_back((key, last));
    }
}

/// RFC 3261 17.2.3: the branch and, since a CANCEL shares its INVITE's, the method.
fn transaction_key(request: &Request) -> Option<String> {
    message::branch(request).map(|branch| format!("{branch} {}", request.method))
}
