//! Payload types from one leg to the other, where the two number the same codec differently.
//!
//! A sender uses the numbers of whoever receives (RFC 3264 5.1 and 6.1), and since descriptions pass end to end, these are the same
//! on both legs. They differ where a phone sends by its own numbers all the same, and where one side was connected to another
//! party in mid-call and the other was not asked anew. The codec never changes, only its number.

use crate::sdp::codec::{Codec, PAYLOAD_TYPE_MAX};

/// As many as there are payload types.
const TYPES: usize = PAYLOAD_TYPE_MAX as usize + 1;

/// Stands for a number that the receiver would take for another codec: such a packet goes no further.
const NONE: u8 = u8::MAX;

/// Which payload type a packet gets on its way to the other leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers(Box<[u8; TYPES]>);

impl Numbers {
    /// Compares what a sender means by its payload types with what the receiver's own description calls them. `None`: every
    /// packet passes as it is.
    pub fn between(sent: &[Codec], wanted: &[Codec]) -> Option<Self> {
        let mut table = None;
        for codec in sent {
            let number = codec.payload_type;
            let taken = wanted.iter().find(|other| other.payload_type == number);
            if taken.is_some_and(|other| codec.is_same_encoding(other)) {
                continue;
            }
            let same = wanted.iter().find(|other| codec.is_same_encoding(other));
            let put = match (same, taken) {
                (Some(same), _) => same.payload_type,
                (None, Some(_)) => NONE,
                (None, None) => continue,
            };
            let table = table.get_or_insert_with(identity);
            if let Some(place) = table.get_mut(usize::from(number)) {
                *place = put;
            }
        }
        table.map(Self)
    }

    /// The number of a payload type on the other leg; `None`: it would be taken for another codec there.
    pub fn of(&self, payload_type: u8) -> Option<u8> {
        let put = self.0.get(usize::from(payload_type)).copied();
        put.filter(|put| *put != NONE)
    }
}

fn identity() -> Box<[u8; TYPES]> {
    let mut table = Box::new([0; TYPES]);
    for (place, number) in table.iter_mut().zip(0..) {
        *place = number;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codecs(maps: &[&str]) -> Vec<Codec> {
        maps.iter()
            .map(|map| Codec::from_rtpmap(map.as_bytes()).unwrap())
            .collect()
    }

    #[test]
    fn equal_numbers_need_no_table() {
        let both = codecs(&["8 PCMA/8000", "101 telephone-event/8000"]);
        assert_eq!(Numbers::between(&both, &both), None);
        assert_eq!(Numbers::between(&both, &both[..1]), None);
        assert_eq!(Numbers::between(&[], &both), None);
        // What the receiver does not name at all is its own to ignore.
        let more = codecs(&["8 PCMA/8000", "97 iLBC/8000"]);
        assert_eq!(Numbers::between(&more, &both), None);
    }

    #[test]
    fn a_codec_gets_the_number_that_the_receiver_gave_it() {
        let sent = codecs(&[
            "8 PCMA/8000",
            "101 telephone-event/8000",
            "111 opus/48000/2",
        ]);
        let wanted = codecs(&["8 PCMA/8000", "96 telephone-event/8000", "101 OPUS/48000/2"]);
        let numbers = Numbers::between(&sent, &wanted).unwrap();
        let put = [0, 8, 96, 101, 111, 127].map(|number| numbers.of(number));
        assert_eq!(
            put,
            [Some(0), Some(8), Some(96), Some(96), Some(101), Some(127)]
        );
    }

    #[test]
    fn what_would_be_taken_for_another_codec_goes_no_further() {
        let sent = codecs(&["96 opus/48000/2"]);
        let wanted = codecs(&["8 PCMA/8000", "96 telephone-event/8000"]);
        assert_eq!(Numbers::between(&sent, &wanted).unwrap().of(96), None);
    }
}
