//! Both directions of one leg under the keys that were agreed on, from one description to the next.

use crate::media::srtp::keyring::Keyring;
use crate::media::srtp::receiver::Receiver;
use crate::media::srtp::refused::Refused;
use crate::media::srtp::sender::Sender;
use crate::sdp::Secrets;

/// A leg's keys at work.
#[derive(Debug)]
pub struct Guard {
    receivers: Keyring<Receiver>,
    senders: Keyring<Sender>,
}

impl Guard {
    /// Begins with first keys.
    pub fn new(secrets: &Secrets) -> Self {
        let mut guard = Self {
            receivers: Keyring::default(),
            senders: Keyring::default(),
        };
        guard.take(secrets);
        guard
    }

    /// Goes on with the keys of a new description. Under a key that stays, or comes back, nothing begins anew: neither the
    /// count of packets nor the memory of those that came (RFC 3711 3.3.2, RFC 4568 7.1.4).
    pub fn take(&mut self, secrets: &Secrets) {
        self.receivers.take(&secrets.theirs, Receiver::new);
        self.senders.take(&secrets.ours, Sender::new);
    }

    /// Opens what came and returns its length.
    ///
    /// # Errors
    /// Why it must not be believed.
    pub fn open(&mut self, packet: &mut [u8], is_rtcp: bool) -> Result<usize, Refused> {
        let receiver = self.receivers.now().ok_or(Refused::Forged)?;
        if is_rtcp {
            receiver.unprotect_rtcp(packet)
        } else {
            receiver.unprotect(packet)
        }
    }

    /// Closes the first `length` bytes of `room`, which go out, and returns their new length.
    ///
    /// # Errors
    /// Why they must not be sent.
    pub fn close(
        &mut self,
        room: &mut [u8],
        length: usize,
        is_rtcp: bool,
    ) -> Result<usize, Refused> {
        let sender = self.senders.now().ok_or(Refused::Spent)?;
        if is_rtcp {
            sender.protect_rtcp(room, length)
        } else {
            sender.protect(room, length)
        }
    }
}
