//! Sending datagrams in numbers: what one wake-up wants said leaves a socket by one system call (sendmmsg(2)).

use std::io;
use std::io::IoSlice;
use std::net::{SocketAddr, UdpSocket};
use std::slice;

use bytes::Bytes;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};
use smallvec::SmallVec;

/// Datagrams in one system call. Past some ten of them the call's own cost is spread thin, and so many are still written in
/// a tenth of a millisecond, for which nobody notices that the first has waited.
pub(in crate::engine) const AT_ONCE: usize = 32;

/// A datagram on its way to `peer`.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Letter {
    pub(in crate::engine) peer: SocketAddr,
    pub(in crate::engine) bytes: Bytes,
}

/// Sends `letters` from `socket`, which does not block, in their order, and returns how many the kernel did not take: SIP's timers
/// send those again.
pub(in crate::engine) fn post(socket: &UdpSocket, letters: &[Letter]) -> u64 {
    if let [letter] = letters {
        let sent = socket.send_to(&letter.bytes, letter.peer);
        return sent.map_or_else(|error| not_sent(letter, &error), |_| 0);
    }
    letters
        .chunks(AT_ONCE)
        .map(|some| post_at_once(socket, some))
        .sum()
}

fn post_at_once(socket: &UdpSocket, letters: &[Letter]) -> u64 {
    let peers: SmallVec<[SocketAddrAny; AT_ONCE]> =
        letters.iter().map(|letter| letter.peer.into()).collect();
    let texts: SmallVec<[IoSlice<'_>; AT_ONCE]> = letters
        .iter()
        .map(|letter| IoSlice::new(&letter.bytes))
        .collect();
    let mut nothing_more: SmallVec<[SendAncillaryBuffer<'_, '_, '_>; AT_ONCE]> = letters
        .iter()
        .map(|_| SendAncillaryBuffer::default())
        .collect();
    let mut headers: SmallVec<[MMsgHdr<'_>; AT_ONCE]> = peers
        .iter()
        .zip(&texts)
        .zip(&mut nothing_more)
        .map(|((peer, text), nothing)| MMsgHdr::new_with_addr(peer, slice::from_ref(text), nothing))
        .collect();
    let (mut begin, mut unsent) = (0, 0);
    while let Some(rest) = headers.get_mut(begin..).filter(|rest| !rest.is_empty()) {
        match sendmmsg(socket, rest, SendFlags::empty()).map_err(io::Error::from) {
            // Never none without an error.
            Ok(sent) => begin += sent.max(1),
            Err(error) => {
                let left = letters.get(begin..).unwrap_or_default();
                // A full buffer takes none of the others either; other refusals are one peer's.
                let is_full = error.kind() == io::ErrorKind::WouldBlock;
                let refused = if is_full { left.len() } else { 1 };
                begin += refused;
                unsent += left
                    .iter()
                    .take(refused)
                    .map(|letter| not_sent(letter, &error))
                    .sum::<u64>();
            }
        }
    }
    unsent
}

fn not_sent(letter: &Letter, error: &io::Error) -> u64 {
    tracing::debug!(peer = %letter.peer, %error, "a datagram was not sent");
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket() -> UdpSocket {
        UdpSocket::bind("127.0.0.1:0").unwrap()
    }

    fn letter(peer: SocketAddr, number: usize) -> Letter {
        Letter {
            peer,
            bytes: Bytes::from(format!("letter {number}")),
        }
    }

    #[test]
    fn letters_arrive_in_their_order_at_each_peer_however_many_there_are() {
        let from = socket();
        let peers = [socket(), socket()];
        for count in [1, 2, AT_ONCE, 2 * AT_ONCE + 3] {
            let letters: Vec<_> = (0..count)
                .map(|number| letter(peers[number % 2].local_addr().unwrap(), number))
                .collect();
            assert_eq!(post(&from, &letters), 0);
            for (number, letter) in letters.iter().enumerate() {
                let mut buffer = [0; 64];
                let (length, source) = peers[number % 2].recv_from(&mut buffer).unwrap();
                assert_eq!(source, from.local_addr().unwrap());
                assert_eq!(buffer[..length], letter.bytes[..]);
            }
        }
    }

    #[test]
    fn one_that_the_kernel_refuses_keeps_back_none_of_the_others() {
        let from = socket();
        let peer = socket();
        let good = peer.local_addr().unwrap();
        // A socket of IPv4 reaches no address of IPv6.
        let bad = "[::1]:9".parse().unwrap();
        let letters = [bad, good, bad, bad, good, bad].map(|peer| letter(peer, 7));
        assert_eq!(post(&from, &letters), 4);
        let mut buffer = [0; 64];
        for _ in 0..2 {
            peer.recv_from(&mut buffer).unwrap();
        }
        assert_eq!(post(&from, &letters[..1]), 1);
    }
}
