//! Whether a packet of Opus is made as it must be (RFC 6716 3.2, 3.4): its frames and their padding fill it, no more and no less.
//!
//! A decoder may take it from there, and looks at it again in its own way.

/// The longest frame (3.2.1).
const FRAME_BYTES_MAX: usize = 1_275;
/// The most frames (3.2.5): 120 ms of 2.5 ms.
const FRAMES_MAX: usize = 48;
/// A byte of padding's length that says that another follows; it stands for one byte less (3.2.5).
const PADDING_GOES_ON: u8 = 255;
/// From here on a frame's length takes two bytes (3.2.1).
const LENGTH_GOES_ON: u8 = 252;

/// Says whether a packet fulfils the requirements of 3.4.
pub(in crate::media::codec::opus) fn is_whole(packet: &[u8]) -> bool {
    reads(packet).is_some()
}

fn reads(packet: &[u8]) -> Option<()> {
    let (first, rest) = packet.split_first()?;
    match first & 3 {
        0 => fits(rest.len()),
        1 => shared(rest.len(), 2),
        2 => {
            let (length, rest) = length(rest)?;
            fits(rest.len().checked_sub(length)?)
        }
        _ => many(rest),
    }
}

/// Frames whose number is told (3.2.5).
fn many(packet: &[u8]) -> Option<()> {
    let (count, mut rest) = packet.split_first()?;
    let frames = usize::from(count & 0x3f);
    if !(1..=FRAMES_MAX).contains(&frames) {
        return None;
    }
    let mut padding = 0;
    let mut is_padded = count & 0x40 != 0;
    while is_padded {
        let (byte, after) = rest.split_first()?;
        rest = after;
        is_padded = *byte == PADDING_GOES_ON;
        padding += usize::from(*byte) - usize::from(is_padded);
    }
    let mut rest = rest.get(..rest.len().checked_sub(padding)?)?;
    if count & 0x80 == 0 {
        return shared(rest.len(), frames);
    }
    let mut told = 0;
    for _ in 1..frames {
        let (length, after) = length(rest)?;
        told += length;
        rest = after;
    }
    fits(rest.len().checked_sub(told)?)
}

/// Frames of one length.
fn shared(bytes: usize, frames: usize) -> Option<()> {
    let each = bytes.checked_div(frames)?;
    (each * frames == bytes).then_some(())?;
    fits(each)
}

fn fits(bytes: usize) -> Option<()> {
    (bytes <= FRAME_BYTES_MAX).then_some(())
}

/// A frame's length, and what follows it.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (low, rest) = bytes.split_first()?;
    if *low < LENGTH_GOES_ON {
        return Some((usize::from(*low), rest));
    }
    let (high, rest) = rest.split_first()?;
    Some((usize::from(*high) * 4 + usize::from(*low), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::codec::samples;

    #[test]
    fn what_others_coded_is_whole() {
        let all = samples::opus().into_iter().chain([samples::quiet()]);
        for packet in all.flat_map(|sample| sample.packets) {
            assert!(is_whole(packet), "{packet:x?}");
        }
    }

    #[test]
    fn frames_that_fill_their_packet_are_whole_and_others_are_not() {
        let (one, two, any, many) = (0x48, 0x49, 0x4a, 0x4b);
        for (packet, expected) in [
            (vec![], false),
            // Nothing to say.
            (vec![one], true),
            ([vec![one], vec![7; 1_275]].concat(), true),
            ([vec![one], vec![7; 1_276]].concat(), false),
            (vec![two, 7, 7, 8, 8], true),
            (vec![two, 7, 7, 8], false),
            (vec![any, 1, 7, 8, 8], true),
            (vec![any, 3, 7, 8], false),
            (vec![any], false),
            (vec![any, 252], false),
            ([vec![any, 252, 1], vec![7; 256]].concat(), true),
            ([vec![any, 252, 1], vec![7; 255]].concat(), false),
            (vec![many], false),
            (vec![many, 0], false),
            (vec![many, 49], false),
            (vec![many, 48], true),
            (vec![many, 3, 7, 7, 7], true),
            (vec![many, 3, 7, 7], false),
            // Padding, of three bytes and of 254 + 2.
            (vec![many, 0x43, 3, 7, 7, 7, 0, 0, 0], true),
            (vec![many, 0x43, 3, 7, 7, 7, 0, 0], false),
            (
                [vec![many, 0x42, 255, 2, 7, 7], vec![0; 256]].concat(),
                true,
            ),
            (
                [vec![many, 0x42, 255, 2, 7, 7], vec![0; 200]].concat(),
                false,
            ),
            (vec![many, 0x42], false),
            // Each of its own length.
            (vec![many, 0x83, 1, 2, 7, 8, 8], true),
            (vec![many, 0x83, 1, 2, 7, 8], false),
            (vec![many, 0xc3, 1, 1, 2, 7, 8, 8, 9, 0], true),
        ] {
            assert_eq!(is_whole(&packet), expected, "{packet:x?}");
        }
    }
}
