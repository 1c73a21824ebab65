//! One line of the log as bytes, and the chain that holds the lines together. Pure.
//!
//! `{n, at, mono, node, call, event, public, pii, salt, pii_hash, prev, hash}`, in this order and without spaces. `hash`
//! is SHA-256 over the line's own bytes with the members pii, salt and hash taken out, so a line whose personal part was
//! removed keeps its hash. `pii_hash` is SHA-256 over the 16 bytes of salt and the bytes of pii: without the salt nobody
//! can find out by trying numbers who had called.

use std::borrow::Cow;
use std::fmt;
use std::io::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::base::id::CallId;
use crate::base::time::{Moment, WallTime};
use crate::store::event::Event;
use crate::store::gist::Words;

/// Longest line that is read. A checkpoint of 10,000 calls in progress has 2 MB, an erasure of 100,000 calls 4 MB.
pub(crate) const LINE_MAX: usize = 16 << 20;

/// Bytes of salt: 128 random bits.
pub(crate) const SALT_SIZE: usize = 16;

/// What stands in a line around its node, its public and its personal part: names of members, two numbers of twenty digits,
/// a time, an id, an event's word, the salt and three hashes. A test counts them.
const FRAME_MAX: u64 = 480;

/// A SHA-256.
pub(crate) type Hash = [u8; 32];

/// The end of the chain: what the next line stands on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// Lines so far.
    pub(crate) n: u64,
    /// The hash of the last one; zeros before the first.
    pub(crate) hash: Hash,
}

/// Who and when: what every line begins with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp<'a> {
    pub(crate) at: WallTime,
    pub(crate) mono: Moment,
    pub(crate) node: &'a str,
    pub(crate) call: Option<CallId>,
}

/// Appends the line that follows `head`, with its newline, and returns the new head.
pub(crate) fn write(
    out: &mut Vec<u8>,
    head: Head,
    stamp: Stamp<'_>,
    event: &Event,
    salt: [u8; SALT_SIZE],
) -> serde_json::Result<Head> {
    let start = out.len();
    let n = head.n + 1;
    put_opening(out, n, stamp, event.name())?;
    event.write_public(out)?;
    let public_end = out.len();
    out.extend_from_slice(br#","pii":"#);
    let pii_start = out.len();
    let pii_hash = if event.write_pii(out)? {
        let hash = hash_pii(salt, out.get(pii_start..).unwrap_or_default());
        put_member(out, "salt", &salt);
        Some(hash)
    } else {
        out.truncate(public_end);
        None
    };
    let tail_start = out.len();
    put_closing(out, pii_hash, head.hash);
    let hash = hash_line(
        out.get(start..public_end).unwrap_or_default(),
        out.get(tail_start..).unwrap_or_default(),
    );
    put_member(out, "hash", &hash);
    out.extend_from_slice(b"}\n");
    Ok(Head { n, hash })
}

/// The longest that the line of `event` may be: every number in it at its longest.
pub(crate) fn longest(node: &str, event: &Event) -> serde_json::Result<u64> {
    let mut parts = Vec::new();
    serde_json::to_writer(&mut parts, node)?;
    event.write_public(&mut parts)?;
    event.write_pii(&mut parts)?;
    Ok(u64::try_from(parts.len()).unwrap_or(u64::MAX) + FRAME_MAX)
}

fn put_opening(out: &mut Vec<u8>, n: u64, stamp: Stamp<'_>, event: &str) -> serde_json::Result<()> {
    // The library of JSON writes numbers without the detour through formats, of which a line would have five.
    out.extend_from_slice(br#"{"n":"#);
    serde_json::to_writer(&mut *out, &n)?;
    out.extend_from_slice(br#","at":"#);
    serde_json::to_writer(&mut *out, &stamp.at)?;
    out.extend_from_slice(br#","mono":"#);
    serde_json::to_writer(&mut *out, &stamp.mono.as_micros())?;
    out.extend_from_slice(br#","node":"#);
    serde_json::to_writer(&mut *out, stamp.node)?;
    match stamp.call {
        Some(call) => put(out, format_args!(r#","call":"{call}""#)),
        None => out.extend_from_slice(br#","call":null"#),
    }
    for part in [r#","event":""#, event, r#"","public":"#] {
        out.extend_from_slice(part.as_bytes());
    }
    Ok(())
}

fn put_closing(out: &mut Vec<u8>, pii_hash: Option<Hash>, prev: Hash) {
    match pii_hash {
        Some(hash) => put_member(out, "pii_hash", &hash),
        None => out.extend_from_slice(br#","pii_hash":null"#),
    }
    put_member(out, "prev", &prev);
}

fn put_member(out: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    for part in [r#",""#, name, r#"":""#] {
        out.extend_from_slice(part.as_bytes());
    }
    let start = out.len();
    out.resize(start + 2 * bytes.len(), b'0');
    if let Some(digits) = out.get_mut(start..) {
        // The room is exactly twice the bytes, the only thing that can be wrong here.
        drop(hex::encode_to_slice(bytes, digits).map_err(Box::new));
    }
    out.push(b'"');
}

fn put(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    // Writing to a `Vec` cannot fail.
    drop(out.write_fmt(text));
}

/// The hash of a personal part.
pub(crate) fn hash_pii(salt: [u8; SALT_SIZE], pii: &[u8]) -> Hash {
    Sha256::new()
        .chain_update(salt)
        .chain_update(pii)
        .finalize()
        .into()
}

/// The hash of a line: of what stands before its personal part, and of what stands behind it.
pub(crate) fn hash_line(opening: &[u8], closing: &[u8]) -> Hash {
    Sha256::new()
        .chain_update(opening)
        .chain_update(closing)
        .chain_update(b"}")
        .finalize()
        .into()
}

/// A line that was read. Its hash has not been looked at until [`Line::check`].
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) n: u64,
    pub(crate) at: WallTime,
    pub(crate) mono: Moment,
    pub(crate) call: Option<CallId>,
    pub(crate) prev: Hash,
    pub(crate) hash: Hash,
    name: Cow<'a, str>,
    public: &'a str,
    pii: Option<&'a str>,
    salt: Option<[u8; SALT_SIZE]>,
    pii_hash: Option<Hash>,
    text: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    n: u64,
    at: WallTime,
    mono: u64,
    #[serde(borrow, rename = "node")]
    _node: Cow<'a, str>,
    call: Option<CallId>,
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    public: &'a RawValue,
    #[serde(borrow, default)]
    pii: Option<&'a RawValue>,
    // Hexadecimal has nothing to escape: these are slices of the line.
    #[serde(default)]
    salt: Option<&'a str>,
    pii_hash: Option<&'a str>,
    prev: &'a str,
    hash: &'a str,
}

impl<'a> Line<'a> {
    /// Reads a line without its newline. The error says what is wrong with it.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        let wire: Wire<'a> = serde_json::from_str(text)
            .map_err(|error| format!("it is no line of a log: {error}"))?;
        let hash =
            |text: &str| hex_array::<32>(text).ok_or_else(|| "a hash is malformed".to_owned());
        let salt = wire.salt.map(|text| {
            hex_array::<SALT_SIZE>(text).ok_or_else(|| "the salt is malformed".to_owned())
        });
        Ok(Self {
            n: wire.n,
            at: wire.at,
            mono: Moment::from_micros(wire.mono),
            call: wire.call,
            prev: hash(wire.prev)?,
            hash: hash(wire.hash)?,
            name: wire.event,
            public: wire.public.get(),
            pii: wire.pii.map(RawValue::get),
            salt: salt.transpose()?,
            pii_hash: wire.pii_hash.map(hash).transpose()?,
            text,
        })
    }

    /// Returns what the line says.
    pub(crate) fn event(&self) -> serde_json::Result<Event> {
        Event::read(&self.name, self.public, self.pii)
    }

    /// Returns what rows and index need of what the line says.
    pub(crate) fn gist(&self, words: &mut Words) -> serde_json::Result<Event> {
        Event::gist(&self.name, self.public, self.pii, words)
    }

    /// The event's word.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the line had a personal part that is gone.
    pub(crate) fn is_erased(&self) -> bool {
        self.pii_hash.is_some() && self.pii.is_none()
    }

    /// Whether the line has a personal part.
    pub(crate) fn is_personal(&self) -> bool {
        self.pii.is_some()
    }

    /// The chain's end after this line.
    pub(crate) fn head(&self) -> Head {
        Head {
            n: self.n,
            hash: self.hash,
        }
    }

    /// Checks that the line is to the byte what was written, but for a personal part that was removed.
    pub(crate) fn check(&self) -> Result<(), String> {
        let (opening, closing) = self.rebuilt().ok_or("its members are out of order")?;
        if hash_line(opening, &closing) != self.hash {
            return Err("its hash is not the hash of what it says".into());
        }
        match (self.pii, self.salt, self.pii_hash) {
            (Some(pii), Some(salt), Some(wanted)) if hash_pii(salt, pii.as_bytes()) == wanted => {
                Ok(())
            }
            (None, None, _) => Ok(()),
            _ => Err("its personal part is not what was written".into()),
        }
    }

    /// Returns the hashed bytes, after making sure that nothing else is in the line.
    fn rebuilt(&self) -> Option<(&'a [u8], Vec<u8>)> {
        // `public` is a slice of `text`, so its end is a place in it.
        let start = self
            .public
            .as_ptr()
            .addr()
            .checked_sub(self.text.as_ptr().addr())?;
        let (opening, rest) = self
            .text
            .as_bytes()
            .split_at_checked(start + self.public.len())?;
        let mut closing = Vec::with_capacity(192);
        put_closing(&mut closing, self.pii_hash, self.prev);
        let mut wanted = Vec::with_capacity(rest.len());
        if let (Some(pii), Some(salt)) = (self.pii, self.salt) {
            put(&mut wanted, format_args!(r#","pii":{pii}"#));
            put_member(&mut wanted, "salt", &salt);
        }
        wanted.extend_from_slice(&closing);
        put_member(&mut wanted, "hash", &self.hash);
        wanted.push(b'}');
        // An erased line is filled up with spaces, so that no line after it moves.
        let rest = if self.is_erased() {
            rest.trim_ascii_end()
        } else {
            rest
        };
        (rest == wanted).then_some((opening, closing))
    }

    /// Returns the line without its personal part, filled up to the same length; `None` where it has none.
    pub(crate) fn erased(&self) -> Option<Vec<u8>> {
        self.pii?;
        let (opening, closing) = self.rebuilt()?;
        let mut line = [opening, &closing].concat();
        put_member(&mut line, "hash", &self.hash);
        line.push(b'}');
        line.resize(self.text.len(), b' ');
        Some(line)
    }
}

/// Reads lower-case hexadecimal of exactly so many bytes.
pub(crate) fn hex_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let lower = !text.bytes().any(|b| b.is_ascii_uppercase());
    (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::trial::{MORNING, Script};

    fn written(event: &Event, head: Head) -> (Vec<u8>, Head) {
        let mut out = Vec::new();
        let stamp = Stamp {
            at: MORNING,
            mono: Moment::from_micros(1_234_567),
            node: "desk \"1\"",
            call: Some(Script::nth(1).id),
        };
        let head = write(&mut out, head, stamp, event, [9; SALT_SIZE]).unwrap();
        assert_eq!(out.pop(), Some(b'\n'));
        (out, head)
    }

    fn events() -> Vec<Event> {
        let script = Script::nth(1);
        [
            script.began(),
            script.ringing(),
            script.answered(),
            script.ended(),
        ]
        .into_iter()
        .map(|fact| Event::from(fact.what))
        .chain([Event::Recorded(Box::new(script.outcome().into()))])
        .collect()
    }

    #[test]
    fn every_event_reads_back_and_its_hash_holds() {
        let mut head = Head::default();
        for event in events() {
            let (bytes, next) = written(&event, head);
            let line = Line::read(&bytes).unwrap();
            assert_eq!(line.check(), Ok(()), "{}", event.name());
            assert_eq!((line.prev, line.head()), (head.hash, next));
            assert_eq!(
                (line.at, line.mono),
                (MORNING, Moment::from_micros(1_234_567))
            );
            assert_eq!(line.event().unwrap(), event);
            head = next;
        }
        assert_eq!(head.n, 5);
    }

    #[test]
    fn the_hash_is_sha256_of_the_line_without_pii_salt_and_hash() {
        let (bytes, head) = written(&events()[0], Head::default());
        let text = String::from_utf8(bytes).unwrap();
        let (before, rest) = text.split_once(r#","pii":"#).unwrap();
        let (_, rest) = rest.split_once(r#","pii_hash":"#).unwrap();
        let (after, _) = rest.rsplit_once(r#","hash":"#).unwrap();
        let hashed = format!(r#"{before},"pii_hash":{after}}}"#);
        assert_eq!(Hash::from(Sha256::digest(&hashed)), head.hash);
        let parsed: serde_json::Value = serde_json::from_str(&hashed).unwrap();
        assert_eq!(parsed["event"], "began");
    }

    #[test]
    fn an_erased_line_keeps_its_length_and_its_hash_and_nothing_personal() {
        let (bytes, _) = written(&events()[0], Head::default());
        let erased = Line::read(&bytes).unwrap().erased().unwrap();
        assert_eq!(erased.len(), bytes.len());
        assert!(memchr::memmem::find(&erased, b"79161234567").is_none());
        let line = Line::read(&erased).unwrap();
        assert!(line.is_erased());
        assert_eq!(line.check(), Ok(()));
        assert_eq!(line.erased(), None);
        let (ringing, _) = written(&events()[1], Head::default());
        assert_eq!(Line::read(&ringing).unwrap().erased(), None);
    }

    proptest! {
        #[test]
        fn no_change_of_a_byte_goes_unseen(at in 0..2_000usize, to in 0x20..0x7fu8) {
            let (mut bytes, _) = written(&events()[3], Head::default());
            let at = at % bytes.len();
            prop_assume!(bytes[at] != to);
            bytes[at] = to;
            let is_seen = Line::read(&bytes).map_or(true, |line| line.check().is_err());
            prop_assert!(is_seen);
        }

        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(line) = Line::read(&bytes) {
                drop((line.check(), line.event(), line.erased()));
            }
        }
    }

    #[test]
    fn no_line_is_longer_than_its_longest() {
        use crate::base::chance::Chance;
        use crate::store::event::Parts;
        use crate::store::spoken::{PinnedLine, PinnedPersonal};
        let event = Event::Pinned(Box::new(Parts {
            public: PinnedLine {
                by: "\u{1f600}\"".to_owned(),
                at_ms: u64::MAX,
            },
            pii: Some(PinnedPersonal {
                text: "\"\n".repeat(500),
            }),
        }));
        let at = WallTime::from_millis(4_000_000_000_000);
        let stamp = Stamp {
            at,
            mono: Moment::from_micros(u64::MAX),
            node: "a \"node\"",
            call: Some(CallId::new(at, &mut Chance::from_number(1))),
        };
        let head = Head {
            n: u64::MAX - 1,
            hash: [9; 32],
        };
        let mut line = Vec::new();
        write(&mut line, head, stamp, &event, [7; SALT_SIZE]).unwrap();
        let longest = longest(stamp.node, &event).unwrap();
        let length = line.len() as u64;
        assert!(
            length <= longest && longest < length + 100,
            "{length}, {longest}"
        );
    }
}
