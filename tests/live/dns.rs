//! A small DNS server of a test's own: it knows what the test tells it, over UDP.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

const A: u16 = 1;
const SRV: u16 = 33;
const NAPTR: u16 = 35;

/// What a zone holds: name and type to data.
type Zone = BTreeMap<(String, u16), Vec<Vec<u8>>>;

/// A running server; it ends with the test's process.
pub(crate) struct Dns {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    zone: Zone,
    silent: bool,
    asked: Vec<(String, u16)>,
}

impl Dns {
    /// Listens on a port of its own.
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || serve(&socket, &shared));
        Self { address, state }
    }

    /// Answers nothing more, or answers again.
    pub(crate) fn set_silent(&self, silent: bool) {
        self.state.lock().unwrap().silent = silent;
    }

    /// How often a name was asked for, whatever the type.
    pub(crate) fn asked(&self, name: &str) -> usize {
        let state = self.state.lock().unwrap();
        state
            .asked
            .iter()
            .filter(|(asked, _)| asked == name)
            .count()
    }

    /// Forgets a zone's records.
    pub(crate) fn clear(&self) {
        self.state.lock().unwrap().zone.clear();
    }

    pub(crate) fn a(&self, name: &str, address: Ipv4Addr) -> &Self {
        self.add(name, A, address.octets().to_vec())
    }

    pub(crate) fn srv(&self, name: &str, numbers: [u16; 3], target: &str) -> &Self {
        let mut data: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
        data.extend(encoded(target));
        self.add(name, SRV, data)
    }

    pub(crate) fn naptr(&self, name: &str, service: &str, replacement: &str) -> &Self {
        let mut data = vec![0, 10, 0, 10];
        for text in ["s", service, ""] {
            data.push(u8::try_from(text.len()).unwrap());
            data.extend(text.as_bytes());
        }
        data.extend(encoded(replacement));
        self.add(name, NAPTR, data)
    }

    fn add(&self, name: &str, kind: u16, data: Vec<u8>) -> &Self {
        let mut state = self.state.lock().unwrap();
        let key = (name.to_owned(), kind);
        state.zone.entry(key).or_default().push(data);
        drop(state);
        self
    }
}

fn serve(socket: &UdpSocket, state: &Mutex<State>) {
    let mut packet = [0; 1_500];
    while let Ok((length, peer)) = socket.recv_from(&mut packet) {
        let mut state = state.lock().unwrap();
        let Some((name, kind, end)) = question(&packet[..length]) else {
            continue;
        };
        state.asked.push((name.clone(), kind));
        if state.silent {
            continue;
        }
        let known = state.zone.keys().any(|(one, _)| *one == name);
        let answers = state.zone.get(&(name, kind)).cloned().unwrap_or_default();
        drop(state);
        let reply = reply(&packet[..end], kind, &answers, known);
        let _peer_may_be_gone = socket.send_to(&reply, peer).is_err();
    }
}

/// The name and the type asked for, and where the question ends.
fn question(packet: &[u8]) -> Option<(String, u16, usize)> {
    let mut at = 12;
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*packet.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        let label = packet.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).to_lowercase());
        at += length;
    }
    let kind = u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]);
    Some((labels.join("."), kind, at + 4))
}

/// The question again, and its answers; NXDOMAIN where the name is not known at all.
fn reply(question: &[u8], kind: u16, answers: &[Vec<u8>], known: bool) -> Vec<u8> {
    let mut out = question.to_vec();
    // A response, authoritative, recursion as desired and available.
    out[2] = 0x84 | (question[2] & 1);
    out[3] = 0x80 | if known { 0 } else { 3 };
    out[4..12].copy_from_slice(&[0, 1, 0, u8::try_from(answers.len()).unwrap(), 0, 0, 0, 0]);
    for data in answers {
        // The name of the question, by pointer; class IN; a minute to live.
        out.extend([0xc0, 12]);
        out.extend(kind.to_be_bytes());
        out.extend([0, 1, 0, 0, 0, 60]);
        out.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        out.extend(data);
    }
    out
}

fn encoded(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        out.push(u8::try_from(label.len()).unwrap());
        out.extend(label.as_bytes());
    }
    out.push(0);
    out
}
