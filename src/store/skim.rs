//! A line read by where its members stand: making rows and index again passes by every line, and needs little of most. Pure.
//!
//! Only a line whose hashes hold is read so: it is to the byte what [`line::write`] wrote, and what is not looked at needs
//! no reader to be known as sound. Checking costs less than reading JSON does. Whatever else there is, [`line::Line::read`]
//! looks at from end to end.

use std::str;

use memchr::memchr;
use memchr::memmem;

use crate::base::id::CallId;
use crate::base::time::{Moment, WallTime};
use crate::store::line;
use crate::store::line::SALT_SIZE;

/// Digits of a SHA-256.
const HASH_DIGITS: usize = 64;

/// What stands before a personal part. No string holds it, because quotes within one are escaped.
const PII: &[u8] = br#","pii":"#;

/// A line as far as it was looked at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Skimmed<'a> {
    pub(crate) n: u64,
    pub(crate) at: WallTime,
    pub(crate) mono: Moment,
    pub(crate) call: Option<CallId>,
    /// The event's word.
    pub(crate) name: &'a str,
    public: &'a [u8],
    pii: Option<&'a [u8]>,
}

impl<'a> Skimmed<'a> {
    /// The public part.
    pub(crate) fn public(&self) -> Result<&'a str, str::Utf8Error> {
        str::from_utf8(self.public)
    }

    /// The personal part, where it is there.
    pub(crate) fn pii(&self) -> Result<Option<&'a str>, str::Utf8Error> {
        self.pii.map(str::from_utf8).transpose()
    }
}

/// Reads a line without its newline; `None`: it is not what was written, or was written otherwise.
pub(crate) fn skim(bytes: &[u8]) -> Option<Skimmed<'_>> {
    let end = End::read(bytes)?;
    let (n, rest) = number(bytes.strip_prefix(br#"{"n":"#)?)?;
    let (at, rest) = text(rest.strip_prefix(br#","at":"#)?)?;
    let (mono, rest) = number(rest.strip_prefix(br#","mono":"#)?)?;
    let (_node, rest) = text(rest.strip_prefix(br#","node":"#)?)?;
    let rest = rest.strip_prefix(br#","call":"#)?;
    let (call, rest) = match rest.strip_prefix(b"null") {
        Some(rest) => (None, rest),
        None => {
            let (call, rest) = text(rest)?;
            (Some(call.parse().ok()?), rest)
        }
    };
    let (name, rest) = text(rest.strip_prefix(br#","event":"#)?)?;
    let rest = rest.strip_prefix(br#","public":"#)?;
    let start = bytes.len() - rest.len();
    let middle = bytes.get(start..end.middle)?;
    let (public, pii) = match end.salt {
        None => (middle, None),
        Some(_) => {
            let split = memmem::find(middle, PII)?;
            let (public, pii) = middle.split_at_checked(split)?;
            (public, Some(pii.strip_prefix(PII)?))
        }
    };
    let opening = bytes.get(..start + public.len())?;
    if !is_hash(line::hash_line(opening, end.closing), end.hash) {
        return None;
    }
    match (pii, end.salt, end.pii_hash) {
        (Some(pii), Some(salt), Some(wanted)) => {
            let salt = line::hex_array::<SALT_SIZE>(str::from_utf8(salt).ok()?)?;
            if !is_hash(line::hash_pii(salt, pii), wanted) {
                return None;
            }
        }
        (None, None, _) => {}
        _ => return None,
    }
    Some(Skimmed {
        n,
        at: at.parse().ok()?,
        mono: Moment::from_micros(mono),
        call,
        name,
        public,
        pii,
    })
}

/// What a line ends with. All of it has its length, so it is read from behind.
struct End<'a> {
    /// Where it begins.
    middle: usize,
    salt: Option<&'a [u8]>,
    pii_hash: Option<&'a [u8]>,
    /// The hashed part.
    closing: &'a [u8],
    hash: &'a [u8],
}

impl<'a> End<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let line = bytes.trim_ascii_end();
        let (rest, hash) = before(line.strip_suffix(br#""}"#)?, HASH_DIGITS)?;
        let closed = rest.strip_suffix(br#","hash":""#)?;
        let (rest, _prev) = before(closed.strip_suffix(b"\"")?, HASH_DIGITS)?;
        let rest = rest.strip_suffix(br#","prev":""#)?;
        let (rest, pii_hash) = match rest.strip_suffix(b"null") {
            Some(rest) => (rest.strip_suffix(br#","pii_hash":"#)?, None),
            None => {
                let (rest, hash) = before(rest.strip_suffix(b"\"")?, HASH_DIGITS)?;
                (rest.strip_suffix(br#","pii_hash":""#)?, Some(hash))
            }
        };
        let closing = closed.get(rest.len()..)?;
        let (rest, salt) = match salted(rest) {
            Some((rest, salt)) if pii_hash.is_some() => (rest, Some(salt)),
            Some(_) | None => (rest, None),
        };
        // Only a line that lost its personal part is filled up with spaces.
        let is_erased = pii_hash.is_some() && salt.is_none();
        (is_erased || line.len() == bytes.len()).then_some(Self {
            middle: rest.len(),
            salt,
            pii_hash,
            closing,
            hash,
        })
    }
}

fn salted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, salt) = before(bytes.strip_suffix(b"\"")?, 2 * SALT_SIZE)?;
    Some((rest.strip_suffix(br#","salt":""#)?, salt))
}

/// The last `count` bytes, and what stands before them.
fn before(bytes: &[u8], count: usize) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(bytes.len().checked_sub(count)?)
}

/// A number as it is written, and what follows.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit());
    let (digits, rest) = bytes.split_at_checked(digits.count())?;
    Some((str::from_utf8(digits).ok()?.parse().ok()?, rest))
}

/// A string without anything escaped, and what follows.
fn text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let bytes = bytes.strip_prefix(b"\"")?;
    let (text, rest) = bytes.split_at_checked(memchr(b'"', bytes)?)?;
    if memchr(b'\\', text).is_some() {
        return None;
    }
    Some((str::from_utf8(text).ok()?, rest.strip_prefix(b"\"")?))
}

fn is_hash(hash: line::Hash, digits: &[u8]) -> bool {
    let mut written = [0; HASH_DIGITS];
    hex::encode_to_slice(hash, &mut written).is_ok() && written == digits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::event::Event;
    use crate::store::line::{Head, Line, Stamp};
    use crate::store::remark::Kind;
    use crate::store::say::Say;
    use crate::store::spoken::SaidLine;
    use crate::store::trial::{MORNING, Script};

    /// Lines of every shape: with and without a personal part, and of no call.
    fn lines(node: &str) -> Vec<Vec<u8>> {
        let script = Script::nth(1);
        let facts = [
            script.began(),
            script.ringing(),
            script.answered(),
            script.ended(),
        ];
        let say = Say {
            note: Some(Some(r#"he said ","pii":{" and {"n":1,"at":"#.into())),
            outcome: Some(Some(r#","pii":"#.into())),
            ..Say::default()
        };
        let said = SaidLine::split(say, "anna".into(), Kind::Person);
        let events = facts
            .into_iter()
            .map(|fact| Event::from(fact.what))
            .chain([Event::Said(Box::new(said)), Event::Unknown]);
        let mut head = Head::default();
        let mut lines = Vec::new();
        for event in events {
            let mut out = Vec::new();
            let stamp = Stamp {
                at: MORNING,
                mono: Moment::from_micros(1_234_567),
                node,
                call: (event != Event::Unknown).then_some(script.id),
            };
            head = line::write(&mut out, head, stamp, &event, [9; SALT_SIZE]).unwrap();
            assert_eq!(out.pop(), Some(b'\n'));
            lines.push(out);
        }
        lines
    }

    fn is_alike(bytes: &[u8]) {
        let line = Line::read(bytes).unwrap();
        let skimmed = skim(bytes).unwrap();
        assert_eq!(
            (skimmed.n, skimmed.at, skimmed.mono, skimmed.call),
            (line.n, line.at, line.mono, line.call)
        );
        assert_eq!(skimmed.name, line.name());
        let (public, pii) = (skimmed.public().unwrap(), skimmed.pii().unwrap());
        assert_eq!(pii.is_some(), line.is_personal());
        assert_eq!(
            Event::read(skimmed.name, public, pii).unwrap(),
            line.event().unwrap()
        );
    }

    #[test]
    fn a_line_that_was_written_is_skimmed_as_it_is_read_also_when_it_was_erased() {
        for bytes in lines("desk") {
            is_alike(&bytes);
            if let Some(erased) = Line::read(&bytes).unwrap().erased() {
                assert_ne!(erased.last(), bytes.last());
                is_alike(&erased);
            }
        }
    }

    #[test]
    fn what_is_escaped_before_the_event_is_left_to_the_reader_of_json() {
        for bytes in lines("desk \"1\"") {
            assert_eq!(skim(&bytes), None);
            Line::read(&bytes).unwrap();
        }
    }

    proptest! {
        #[test]
        fn no_change_of_a_byte_is_skimmed_over(which in 0..6usize, at in 0..2_000usize, to in 0x20..0x7fu8) {
            let mut bytes = lines("desk").swap_remove(which);
            let at = at % bytes.len();
            prop_assume!(bytes[at] != to);
            bytes[at] = to;
            prop_assert_eq!(skim(&bytes), None);
        }

        #[test]
        fn skimming_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 0..700usize) {
            prop_assert_eq!(skim(&bytes), None);
            for line in lines("desk") {
                prop_assert!(cut == 0 || skim(line.get(cut..).unwrap_or_default()).is_none());
                prop_assert!(cut >= line.len() || skim(&line[..cut]).is_none());
            }
        }
    }
}
