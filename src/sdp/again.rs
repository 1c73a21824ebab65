//! A party described anew for another partner in mid-call: what it said before, within what is in use, both ways open.
//!
//! A transfer cannot ask a telephone for a fresh offer without ringing at its user's ear, so the new partner is offered what
//! the old one agreed on (RFC 3264 8); whether the party must be told of the new partner's answer is decided here too.

use crate::sdp::codec::Codec;
use crate::sdp::parse::parse;
use crate::sdp::session::{Kind, Media, Session};
use crate::sdp::shield::Keys;

/// Stands for the address of a party that held the call the old way, with `0.0.0.0`: our own takes its place before this is
/// sent to anyone. RFC 5737 keeps it for documentation.
const ANY: [&str; 2] = ["IN IP4 192.0.2.1", "IN IP6 2001:db8::1"];

impl Session {
    /// Makes the offer that brings this session's author together with somebody else: its sections as they are, of its audio
    /// only what `agreed`, the partner's last description, names too, and no hold. `None`: they had no common audio.
    pub fn again(&self, agreed: &Self) -> Option<Self> {
        let audio = self.calling_audio()?;
        let media = self.media.get(audio)?;
        let theirs = agreed.media.get(agreed.calling_audio()?)?;
        let kept: Vec<u8> = media
            .formats
            .iter()
            .copied()
            .filter(|format| names(theirs, media, *format))
            .collect();
        let speaks =
            |format: &u8| meaning(media, *format).is_none_or(|codec| !codec.is_companion());
        if !kept.iter().any(speaks) {
            return None;
        }
        let mut out = Vec::with_capacity(self.text.len());
        for (at, line) in self.lines.iter().enumerate() {
            let in_audio = media.lines.contains(&at);
            let in_head = self.media.first().is_none_or(|m| at < m.lines.start);
            let value = self.value(line);
            match line.kind {
                b'c' => put(&mut out, b'c', open(value)),
                b'm' if in_audio => put(&mut out, b'm', &with_formats(value, &kept)),
                b'a' if in_audio && !is_kept(value, &kept) => {}
                b'a' if (in_audio || in_head) && is_direction(value) => {}
                kind => put(&mut out, kind, value),
            }
        }
        let mut made = parse(&out)
            .ok()
            .filter(|made| made.audio() == Some(audio))?;
        // It is still this party, under its own keys.
        if let Some(put) = made.media.get_mut(audio) {
            put.keys = media.keys.as_ref().map(Keys::agreed);
        }
        Some(made)
    }

    /// Whether this session's author, who was `told` something by its former partner, can go on without a word with a new
    /// one that gave this `answer` to the author's offer: all that it may send is understood, and both talk and listen.
    pub fn goes_on_with(&self, told: &Self, answer: &Self) -> bool {
        let both_ways = |session: &Self| {
            let sound = session.audio().and_then(|audio| session.sound(audio));
            sound.is_some_and(|sound| sound.sends && sound.listens)
        };
        let audio_of = |session: &Self| {
            Some(session.audio()?).zip(
                session
                    .audio()
                    .and_then(|at| session.media.get(at).cloned()),
            )
        };
        let (Some((_, own)), Some((_, before)), Some((_, now))) =
            (audio_of(self), audio_of(told), audio_of(answer))
        else {
            return false;
        };
        let plain = [&own, &before, &now]
            .iter()
            .all(|media| !media.profile.is_secure());
        // What it may send bears the numbers that its former partner gave.
        let sends = before
            .formats
            .iter()
            .filter(|format| names(&own, &before, **format));
        let understood = |format: &u8| {
            now.formats.contains(format)
                && match (meaning(&before, *format), meaning(&now, *format)) {
                    (Some(one), Some(other)) => one.is_same_encoding(other),
                    (None, None) => true,
                    (Some(_), None) | (None, Some(_)) => false,
                }
        };
        let mut sends = sends.peekable();
        plain
            && both_ways(self)
            && both_ways(told)
            && both_ways(answer)
            && sends.peek().is_some()
            && sends.all(understood)
    }

    /// The section with the conversation, also where its author holds it.
    fn calling_audio(&self) -> Option<usize> {
        self.audio().or_else(|| {
            let talks = |media: &Media| {
                media.kind == Kind::Audio
                    && media.port != 0
                    && media.profile.is_rtp()
                    && !media.barred
            };
            self.media.iter().position(talks)
        })
    }
}

/// What a payload type of a section means; `None`: nobody says.
fn meaning(media: &Media, format: u8) -> Option<&Codec> {
    media
        .codecs
        .iter()
        .find(|codec| codec.payload_type == format)
}

/// Whether `here` names what `there` means by one of its payload types.
fn names(here: &Media, there: &Media, format: u8) -> bool {
    match meaning(there, format) {
        Some(codec) => here.codecs.iter().any(|own| own.is_same_encoding(codec)),
        None => here.formats.contains(&format) && meaning(here, format).is_none(),
    }
}

/// An attribute of a payload type stays with it; the others stay.
fn is_kept(attribute: &[u8], kept: &[u8]) -> bool {
    let of_format = [&b"rtpmap:"[..], b"fmtp:", b"rtcp-fb:"];
    let Some(rest) = of_format.iter().find_map(|name| strip(attribute, name)) else {
        return true;
    };
    let end = rest.iter().position(u8::is_ascii_whitespace);
    let number = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    // `a=rtcp-fb:* nack` is of all of them.
    number == b"*"
        || std::str::from_utf8(number)
            .ok()
            .and_then(|text| text.parse().ok())
            .is_some_and(|number: u8| kept.contains(&number))
}

fn strip<'a>(attribute: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = attribute.split_at_checked(name.len())?;
    head.eq_ignore_ascii_case(name)
        .then_some(rest.trim_ascii_start())
}

fn is_direction(attribute: &[u8]) -> bool {
    let attribute = attribute.trim_ascii();
    [&b"sendrecv"[..], b"sendonly", b"recvonly", b"inactive"]
        .iter()
        .any(|word| attribute.eq_ignore_ascii_case(word))
}

/// The older hold is lifted as well.
fn open(connection: &[u8]) -> &[u8] {
    let [four, six] = ANY;
    let mut words = connection
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    match words.nth(2) {
        Some(b"0.0.0.0") => four.as_bytes(),
        Some(b"::") => six.as_bytes(),
        Some(_) | None => connection,
    }
}

/// The value of `m=` with other payload types.
fn with_formats(value: &[u8], kept: &[u8]) -> Vec<u8> {
    let words = value
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let mut out = words.take(3).collect::<Vec<_>>().join(&b' ');
    for format in kept {
        out.push(b' ');
        out.extend_from_slice(format.to_string().as_bytes());
    }
    out
}

fn put(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    out.extend_from_slice(&[kind, b'=']);
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::sdp::answer_meets;

    fn session(host: &str, formats: &str, lines: &str) -> Session {
        let text = format!(
            "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n\
             m=audio 4000 RTP/AVP {formats}\r\n{lines}"
        );
        parse(&Bytes::from(text)).unwrap()
    }

    fn text(session: &Session) -> String {
        String::from_utf8(session.text.to_vec()).unwrap()
    }

    const MAPS: &str = "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=rtpmap:18 G729/8000\r\na=ptime:20\r\n";

    #[test]
    fn the_new_partner_is_offered_what_is_in_use() {
        let caller = session("10.0.0.1", "8 0 18 101", MAPS);
        let callee = session("10.0.0.2", "8 101", "a=rtpmap:101 telephone-event/8000\r\n");
        let again = caller.again(&callee).unwrap();
        let text = text(&again);
        assert!(text.contains("m=audio 4000 RTP/AVP 8 101\r\n"), "{text}");
        assert!(text.contains("a=fmtp:101 0-15\r\n"), "{text}");
        assert!(text.contains("a=ptime:20\r\n"), "{text}");
        assert!(!text.contains("G729"), "{text}");
    }

    #[test]
    fn a_hold_is_not_handed_on() {
        let callee = session("10.0.0.2", "8", "a=sendonly\r\n");
        for caller in [
            session("10.0.0.1", "8", "a=recvonly\r\n"),
            session("10.0.0.1", "8", "a=inactive\r\n"),
            session("0.0.0.0", "8", "a=recvonly\r\n"),
        ] {
            let again = caller.again(&callee).unwrap();
            assert!(!again.is_hold(), "{}", text(&again));
            assert!(!text(&again).contains("c=IN IP4 0.0.0.0"));
        }
    }

    #[test]
    fn without_common_speech_there_is_no_offer() {
        let caller = session("10.0.0.1", "8 101", MAPS);
        let digits = session("10.0.0.2", "0 101", MAPS);
        assert!(caller.again(&digits).is_none());
    }

    #[test]
    fn a_partner_who_understands_all_that_may_come_needs_no_word_to_the_other() {
        let caller = session("10.0.0.1", "8 0 101", MAPS);
        let before = session("10.0.0.2", "8 101", MAPS);
        assert!(caller.goes_on_with(&before, &session("10.0.0.3", "8 101", MAPS)));
        for (told, answer, why) in [
            (&before, session("10.0.0.3", "8", ""), "digits are lost"),
            (
                &before,
                session("10.0.0.3", "8 101", "a=rtpmap:101 opus/48000\r\n"),
                "another number",
            ),
            (
                &before,
                session(
                    "10.0.0.3",
                    "8 101",
                    "a=sendonly\r\na=rtpmap:101 telephone-event/8000\r\n",
                ),
                "it holds",
            ),
            (
                &session(
                    "10.0.0.2",
                    "8 101",
                    "a=sendonly\r\na=rtpmap:101 telephone-event/8000\r\n",
                ),
                session("10.0.0.3", "8 101", MAPS),
                "the caller was held",
            ),
        ] {
            assert!(!caller.goes_on_with(told, &answer), "{why}");
        }
    }

    proptest! {
        #[test]
        fn whoever_answers_such_an_offer_as_before_meets_it(
            formats in proptest::sample::subsequence(vec!["0", "3", "8", "9", "18", "101"], 1..6),
            agreed in proptest::sample::subsequence(vec!["0", "3", "8", "9", "18", "101"], 1..6),
        ) {
            let caller = session("10.0.0.1", &formats.join(" "), MAPS);
            let callee = session("10.0.0.2", &agreed.join(" "), MAPS);
            let shared = formats.iter().any(|format| *format != "101" && agreed.contains(format));
            let again = caller.again(&callee);
            prop_assert_eq!(again.is_some(), shared);
            if let Some(again) = again {
                let twice = again.again(&callee).unwrap();
                prop_assert_eq!(text(&twice), text(&again));
                prop_assert!(answer_meets(&again, &callee).is_ok());
            }
        }
    }
}
