//! Packets to a peer under our own key: encrypted and given a tag (RFC 3711 3.3, 3.4).
//!
//! What is relayed was numbered by somebody else. No number is used twice under one key, since what was encrypted with it
//! could then be read (RFC 3711 9.1): a repeated packet goes no further, and a source that begins anew goes on with the
//! number after its last one.

use smallvec::SmallVec;

use crate::media::srtp::derive::{Keys, Purpose};
use crate::media::srtp::receiver::rollover;
use crate::media::srtp::refused::Refused;
use crate::media::srtp::shape;
use crate::media::srtp::shape::{
    ENCRYPTED, INDEX_BYTES, RTCP_CLEAR_BYTES, RTCP_INDEX_MAX, RTCP_TAG_BYTES,
};
use crate::media::srtp::window::{INDEX_MAX, Lies, Window};
use crate::media::srtp::{ROOM, STREAMS_MAX};
use crate::sdp::Key;

/// Where the sequence number stands in the header (RFC 3550 5.1).
const SEQUENCE: std::ops::Range<usize> = 2..4;

/// What is sent under one key.
#[derive(Debug)]
pub struct Sender {
    rtp: Keys,
    rtcp: Keys,
    tag_bytes: usize,
    streams: SmallVec<[Stream; 1]>,
    /// RTCP's next index, one count for all sources.
    reports: u32,
}

/// One source.
#[derive(Debug)]
struct Stream {
    ssrc: u32,
    window: Window,
    /// What is added to its numbers.
    shift: u16,
    /// The number that would confirm that it began anew (RFC 3550 A.1).
    anew: Option<u16>,
}

impl Sender {
    /// Makes a key of ours ready. `None`: it is as long as no key is.
    pub fn new(key: &Key) -> Option<Self> {
        Some(Self {
            rtp: Keys::derive(key, Purpose::Rtp)?,
            rtcp: Keys::derive(key, Purpose::Rtcp)?,
            tag_bytes: key.suite().tag_bytes(),
            streams: SmallVec::new(),
            reports: 0,
        })
    }

    /// Encrypts the RTP packet in the first `length` bytes of a buffer in place and returns its new length. The buffer has
    /// [`ROOM`] behind it.
    ///
    /// # Errors
    /// Why it must not be sent.
    pub fn protect(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, Refused> {
        let whole = length + self.tag_bytes;
        let packet = buffer.get_mut(..whole).ok_or(Refused::Short)?;
        let plain = packet.get_mut(..length).ok_or(Refused::Short)?;
        let (ssrc, sequence, start) = shape::rtp(plain)?;
        let index = self.place(ssrc, sequence)?;
        let [.., high, low] = index.to_be_bytes();
        if let Some(number) = plain.get_mut(SEQUENCE) {
            number.copy_from_slice(&[high, low]);
        }
        if let Some(payload) = plain.get_mut(start..) {
            self.rtp.apply(ssrc, index, payload);
        }
        let tag = self.rtp.tag(plain, Some(rollover(index)));
        write_tag(packet, length, &tag)?;
        Ok(whole)
    }

    /// Encrypts the RTCP packet in the first `length` bytes of a buffer in place and returns its new length. The buffer has
    /// [`ROOM`] behind it.
    ///
    /// # Errors
    /// Why it must not be sent.
    pub fn protect_rtcp(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, Refused> {
        let packet = buffer.get_mut(..length + ROOM).ok_or(Refused::Short)?;
        let ssrc = shape::rtcp(packet.get(..length).ok_or(Refused::Short)?)?;
        if self.reports > RTCP_INDEX_MAX {
            return Err(Refused::Spent);
        }
        let index = self.reports;
        self.reports += 1;
        if let Some(reports) = packet.get_mut(RTCP_CLEAR_BYTES..length) {
            self.rtcp.apply(ssrc, u64::from(index), reports);
        }
        let signed = length + INDEX_BYTES;
        if let Some(field) = packet.get_mut(length..signed) {
            field.copy_from_slice(&(ENCRYPTED | index).to_be_bytes());
        }
        let tag = self
            .rtcp
            .tag(packet.get(..signed).ok_or(Refused::Short)?, None);
        write_tag(packet, signed, &tag)?;
        Ok(signed + RTCP_TAG_BYTES)
    }

    /// The index under which a packet goes out.
    fn place(&mut self, ssrc: u32, sequence: u16) -> Result<u64, Refused> {
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.ssrc == ssrc) else {
            if self.streams.len() >= STREAMS_MAX {
                return Err(Refused::Streams);
            }
            let index = u64::from(sequence);
            self.streams.push(Stream {
                ssrc,
                window: Window::new(index),
                shift: 0,
                anew: None,
            });
            return Ok(index);
        };
        let window = &mut stream.window;
        let guessed = window.guess(sequence.wrapping_add(stream.shift));
        let index = match guessed.map(|index| (index, window.lies(index))) {
            Some((index, Lies::New)) => index,
            Some((_, Lies::Seen)) => return Err(Refused::Replayed),
            // Two in a row that lie far behind: the source began anew.
            Some((_, Lies::Behind)) | None => {
                if stream.anew.replace(sequence.wrapping_add(1)) != Some(sequence) {
                    return Err(Refused::Replayed);
                }
                let next = window.highest() + 1;
                let [.., high, low] = next.to_be_bytes();
                stream.shift = u16::from_be_bytes([high, low]).wrapping_sub(sequence);
                next
            }
        };
        if index > INDEX_MAX {
            return Err(Refused::Spent);
        }
        stream.anew = None;
        window.note(index);
        Ok(index)
    }
}

/// Writes as much of a tag as there is room for behind what it proves.
fn write_tag(packet: &mut [u8], signed: usize, tag: &[u8]) -> Result<(), Refused> {
    let room = packet.get_mut(signed..).ok_or(Refused::Short)?;
    for (place, byte) in room.iter_mut().zip(tag) {
        *place = *byte;
    }
    Ok(())
}
