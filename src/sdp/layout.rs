//! The order of `m=` lines in one dialog, which is its own (RFC 3264 6 and 8).
//!
//! An answer has the lines of its offer, one for one. A later offer repeats every line that was there and adds at the end; a
//! line goes away by port 0 alone. Usually both legs have the same lines and nothing is to be done. They differ once a peer
//! has left disabled lines out of its answer, or once one leg was connected to another peer in mid-call.

use bytes::Bytes;

use crate::sdp::parse::{MEDIA_MAX, read_media};
use crate::sdp::session::{Kind, Session};

/// Where one `m=` line of a description that we write comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sdp) enum Slot {
    /// The section of that index in the description that is passed on.
    Own(usize),
    /// A line of this dialog that the other leg does not have, by its value: said again with port 0.
    Closed(Bytes),
}

/// The sections as they came.
pub(in crate::sdp) fn same(session: &Session) -> Vec<Slot> {
    (0..session.media.len()).map(Slot::Own).collect()
}

/// An offer in a dialog where `last` was said: every line of it is there again, in its place (RFC 3264 8).
pub(in crate::sdp) fn offer(session: &Session, last: Option<&Bytes>) -> Vec<Slot> {
    let Some(last) = last else {
        return same(session);
    };
    let before = lines(last);
    let in_step = session.media.len() >= before.len()
        && before
            .iter()
            .zip(&session.media)
            // A disabled line may become anything (RFC 3264 8.1). It need not, and so the same is the same when said again.
            .all(|((kind, ..), media)| *kind == media.kind);
    if in_step {
        return same(session);
    }
    let place = before
        .iter()
        .position(|(_, used, _)| *used)
        .or_else(|| before.iter().position(|(kind, ..)| *kind == Kind::Audio));
    let mut slots: Vec<_> = before
        .into_iter()
        .map(|(_, _, line)| Slot::Closed(line))
        .collect();
    if let Some(audio) = session.audio() {
        // No reader takes more lines than that, and a disabled one may become anything.
        let place = place.unwrap_or(slots.len()).min(MEDIA_MAX - 1);
        match slots.get_mut(place) {
            Some(slot) => *slot = Slot::Own(audio),
            None => slots.push(Slot::Own(audio)),
        }
    }
    slots
}

/// An answer to `offer`: its lines, one for one, and the sound where it was offered (RFC 3264 6).
pub(in crate::sdp) fn answer(session: &Session, offer: &Session) -> Vec<Slot> {
    let kinds = |of: &Session| of.media.iter().map(|media| media.kind).collect::<Vec<_>>();
    let audio = session.audio();
    let in_place = audio.is_none() || audio == offer.audio();
    if in_place && kinds(session) == kinds(offer) {
        return same(session);
    }
    let closed = |media: &crate::sdp::session::Media| {
        let line = offer.lines.get(media.lines.start);
        Slot::Closed(line.map_or_else(Bytes::new, |line| offer.text.slice(line.value())))
    };
    let mut slots: Vec<_> = offer.media.iter().map(closed).collect();
    if let (Some(audio), Some(slot)) = (audio, offer.audio().and_then(|at| slots.get_mut(at))) {
        *slot = Slot::Own(audio);
    }
    slots
}

/// The `m=` lines of what we said: what each is for, whether it is in use, its value.
pub(in crate::sdp) fn lines(said: &Bytes) -> Vec<(Kind, bool, Bytes)> {
    said.split(|b| *b == b'\n')
        .filter_map(|line| line.strip_prefix(b"m="))
        .filter_map(|value| {
            let value = value.trim_ascii_end();
            let media = read_media(value, 0).ok()?;
            Some((media.kind, media.port != 0, said.slice_ref(value)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::parse::parse;

    const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
    const AUDIO: &str = "m=audio 4000 RTP/AVP 8\r\n";
    const NO_AUDIO: &str = "m=audio 0 RTP/AVP 8\r\n";
    const VIDEO: &str = "m=video 4002 RTP/AVP 31\r\n";
    const NO_VIDEO: &str = "m=video 0 RTP/AVP 31\r\n";
    const FAX: &str = "m=image 4004 udptl t38\r\n";
    const NO_FAX: &str = "m=image 0 udptl t38\r\n";

    fn with(lines: &[&str]) -> Session {
        parse(format!("{HEAD}{}", lines.concat()).as_bytes()).unwrap()
    }

    /// The slots as letters: a number for a section passed on, the kind for a line that is closed.
    fn shown(slots: Vec<Slot>) -> String {
        let show = |slot: Slot| match slot {
            Slot::Own(index) => index.to_string(),
            Slot::Closed(line) => String::from_utf8_lossy(&line)
                .split(' ')
                .next()
                .unwrap()
                .to_owned(),
        };
        slots.into_iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_later_offer_repeats_every_line_of_its_dialog() {
        for (said, now, expected) in [
            (vec![AUDIO], vec![AUDIO], "0"),
            (vec![AUDIO, NO_VIDEO], vec![AUDIO, VIDEO], "0 1"),
            (vec![AUDIO], vec![AUDIO, VIDEO], "0 1"),
            (vec![NO_VIDEO, AUDIO], vec![FAX, AUDIO], "video 1"),
            // The other leg has fewer lines, or the sound in another place.
            (vec![AUDIO, NO_VIDEO], vec![AUDIO], "0 video"),
            (vec![NO_VIDEO, AUDIO], vec![AUDIO], "video 0"),
            (vec![NO_VIDEO, AUDIO], vec![AUDIO, VIDEO], "video 0"),
            (vec![AUDIO], vec![VIDEO, AUDIO], "1"),
            (vec![AUDIO], vec![VIDEO], "audio"),
            (vec![NO_AUDIO], vec![VIDEO], "audio"),
            (vec![NO_AUDIO, NO_VIDEO], vec![AUDIO], "0 video"),
            (vec![NO_VIDEO, NO_FAX], vec![AUDIO], "video image 0"),
            (vec![AUDIO, NO_VIDEO], vec![NO_AUDIO], "audio video"),
            (vec![], vec![AUDIO], "0"),
        ] {
            let said = Bytes::copy_from_slice(&with(&said).text);
            assert_eq!(shown(offer(&with(&now), Some(&said))), expected, "{now:?}");
        }
    }

    #[test]
    fn an_answer_has_the_lines_of_its_offer() {
        for (offered, said, expected) in [
            (vec![AUDIO], vec![AUDIO], "0"),
            (vec![AUDIO, VIDEO], vec![AUDIO, NO_VIDEO], "0 1"),
            (vec![AUDIO, VIDEO], vec![NO_AUDIO, NO_VIDEO], "0 1"),
            // The other side left lines out, or has them elsewhere.
            (vec![AUDIO, VIDEO], vec![AUDIO], "0 video"),
            (vec![VIDEO, AUDIO], vec![AUDIO], "video 0"),
            (vec![VIDEO, AUDIO], vec![AUDIO, NO_VIDEO], "video 0"),
            (vec![AUDIO], vec![NO_FAX, AUDIO], "1"),
            (vec![AUDIO, FAX], vec![], "audio image"),
        ] {
            assert_eq!(
                shown(answer(&with(&said), &with(&offered))),
                expected,
                "{offered:?}"
            );
        }
    }
}
