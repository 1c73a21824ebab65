//! Packets under a peer's key: authenticated, seen for the first time, decrypted (RFC 3711 3.3, 3.4).

use smallvec::SmallVec;

use crate::media::srtp::STREAMS_MAX;
use crate::media::srtp::derive::{Keys, Purpose};
use crate::media::srtp::refused::Refused;
use crate::media::srtp::shape;
use crate::media::srtp::shape::{
    ENCRYPTED, INDEX_BYTES, RTCP_CLEAR_BYTES, RTCP_INDEX_MAX, RTCP_TAG_BYTES,
};
use crate::media::srtp::window::{HALF, INDEX_MAX, Lies, Window};
use crate::sdp::Key;

/// What the numbers' first wrap adds to an index.
const FIRST_TURN: u64 = 1 << 16;

/// What is received under one key.
#[derive(Debug)]
pub struct Receiver {
    rtp: Keys,
    rtcp: Keys,
    tag_bytes: usize,
    /// The key's name in each packet: it stands before the tag and says nothing that the tag does not.
    mki_bytes: usize,
    streams: SmallVec<[Stream; 1]>,
}

/// One source. It is remembered for as long as the key: else its packets could be played again.
#[derive(Debug)]
struct Stream {
    ssrc: u32,
    rtp: Option<Window>,
    rtcp: Option<Window>,
}

impl Receiver {
    /// Makes a peer's key ready. `None`: it is as long as no key is.
    pub fn new(key: &Key) -> Option<Self> {
        Some(Self {
            rtp: Keys::derive(key, Purpose::Rtp)?,
            rtcp: Keys::derive(key, Purpose::Rtcp)?,
            tag_bytes: key.suite().tag_bytes(),
            mki_bytes: key.mki().len(),
            streams: SmallVec::new(),
        })
    }

    /// Decrypts an RTP packet in place and returns the length of what is left of it.
    ///
    /// # Errors
    /// Why it must not be believed; then nothing was learned from it, and its bytes are as they came.
    pub fn unprotect(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        let (signed, tag) = shape::cut(packet, self.mki_bytes, self.tag_bytes)?;
        let (ssrc, sequence, start) = shape::rtp(signed)?;
        let length = signed.len();
        let known = self.streams.iter().position(|stream| stream.ssrc == ssrc);
        let window = known
            .and_then(|at| self.streams.get(at))
            .and_then(|stream| stream.rtp);
        let index = match window {
            // Before the first one there was none.
            Some(window) => window.guess(sequence).ok_or(Refused::Replayed)?,
            // The numbers may have wrapped in packets that never came: that is tried below.
            None => u64::from(sequence),
        };
        if index > INDEX_MAX {
            return Err(Refused::Spent);
        }
        match window.map(|window| window.lies(index)) {
            Some(Lies::Seen | Lies::Behind) => return Err(Refused::Replayed),
            Some(Lies::New) | None => {}
        }
        let proves = |index| self.rtp.proves(signed, Some(rollover(index)), tag);
        let index = if proves(index) {
            index
        } else if window.is_none() && sequence < HALF && proves(FIRST_TURN | index) {
            FIRST_TURN | index
        } else {
            return Err(Refused::Forged);
        };
        let stream = self.stream(known, ssrc)?;
        match &mut stream.rtp {
            Some(window) => window.note(index),
            none => *none = Some(Window::new(index)),
        }
        if let Some(payload) = packet.get_mut(start..length) {
            self.rtp.apply(ssrc, index, payload);
        }
        Ok(length)
    }

    /// Decrypts an RTCP packet in place and returns the length of what is left of it.
    ///
    /// # Errors
    /// As for [`Self::unprotect`].
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        let (signed, tag) = shape::cut(packet, self.mki_bytes, RTCP_TAG_BYTES)?;
        let ssrc = shape::rtcp(signed)?;
        let (rest, index) = signed
            .split_last_chunk::<INDEX_BYTES>()
            .ok_or(Refused::Short)?;
        let length = rest.len();
        if length < RTCP_CLEAR_BYTES {
            return Err(Refused::Short);
        }
        let field = u32::from_be_bytes(*index);
        let index = u64::from(field & RTCP_INDEX_MAX);
        let known = self.streams.iter().position(|stream| stream.ssrc == ssrc);
        let window = known
            .and_then(|at| self.streams.get(at))
            .and_then(|stream| stream.rtcp);
        match window.map(|window| window.lies(index)) {
            Some(Lies::Seen | Lies::Behind) => return Err(Refused::Replayed),
            Some(Lies::New) | None => {}
        }
        if !self.rtcp.proves(signed, None, tag) {
            return Err(Refused::Forged);
        }
        let stream = self.stream(known, ssrc)?;
        match &mut stream.rtcp {
            Some(window) => window.note(index),
            none => *none = Some(Window::new(index)),
        }
        if field & ENCRYPTED != 0
            && let Some(reports) = packet.get_mut(RTCP_CLEAR_BYTES..length)
        {
            self.rtcp.apply(ssrc, index, reports);
        }
        Ok(length)
    }

    /// The stream of a packet that was authenticated.
    fn stream(&mut self, known: Option<usize>, ssrc: u32) -> Result<&mut Stream, Refused> {
        let at = match known {
            Some(at) => at,
            None if self.streams.len() >= STREAMS_MAX => return Err(Refused::Streams),
            None => {
                self.streams.push(Stream {
                    ssrc,
                    rtp: None,
                    rtcp: None,
                });
                self.streams.len() - 1
            }
        };
        self.streams.get_mut(at).ok_or(Refused::Streams)
    }
}

/// How often the sequence numbers have wrapped: what stands above them in an index.
pub(in crate::media::srtp) fn rollover(index: u64) -> u32 {
    u32::try_from(index >> 16).unwrap_or(u32::MAX)
}
