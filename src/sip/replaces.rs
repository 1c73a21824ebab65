//! Replaces (RFC 3891): names the dialog whose place a new one takes.
//!
//! Only what is parsed here is ever written again, so that nothing that was hidden in a value crosses to another peer.

use std::fmt;

use crate::sip::scan;
use crate::sip::scan::{Cursor, Span};

/// The longest Call-ID and the longest tag that are taken: twice the longest seen in the field.
const TEXT_MAX: usize = 256;

/// A dialog as its peer names it: `to_tag` is the tag of whoever receives this, `from_tag` the tag of the other party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces {
    /// Its Call-ID.
    pub call_id: Box<str>,
    /// The receiver's tag.
    pub to_tag: Box<str>,
    /// The other party's tag.
    pub from_tag: Box<str>,
    /// It may be replaced only while it is not answered.
    pub early_only: bool,
}

/// A text that names no dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Replaces value by RFC 3891 section 6.1; write it like call-id;to-tag=a;from-tag=b")]
pub struct BadReplaces;

impl Replaces {
    /// Reads a header's value.
    ///
    /// # Errors
    ///
    /// When it does not name one dialog: a tag is missing or said twice, or a byte stands where none may.
    pub fn parse(value: &[u8]) -> Result<Self, BadReplaces> {
        let value = scan::trim(value);
        let end = memchr::memchr(b';', value).ok_or(BadReplaces)?;
        let call_id = scan::trim(value.get(..end).unwrap_or_default());
        if !scan::is_all(call_id, scan::WORD) || call_id.contains(&b',') {
            return Err(BadReplaces);
        }
        let (mut to_tag, mut from_tag, mut early_only) = (None, None, false);
        let mut cursor = Cursor::from(value, end);
        while let Some(param) = cursor.param() {
            let param = param.map_err(|_bad| BadReplaces)?;
            let name = param.name.of(value);
            if name.eq_ignore_ascii_case(b"to-tag") {
                set(&mut to_tag, value, param.value)?;
            } else if name.eq_ignore_ascii_case(b"from-tag") {
                set(&mut from_tag, value, param.value)?;
            } else if name.eq_ignore_ascii_case(b"early-only") {
                early_only = true;
            }
        }
        if cursor.peek().is_some() {
            return Err(BadReplaces);
        }
        Ok(Self {
            call_id: text(call_id)?,
            to_tag: to_tag.ok_or(BadReplaces)?,
            from_tag: from_tag.ok_or(BadReplaces)?,
            early_only,
        })
    }
}

/// Takes a tag that has not been said yet.
fn set(tag: &mut Option<Box<str>>, value: &[u8], said: Option<Span>) -> Result<(), BadReplaces> {
    let said = said.unwrap_or_default().of(value);
    if tag.is_some() || !scan::is_all(said, scan::VALUE) {
        return Err(BadReplaces);
    }
    *tag = Some(text(said)?);
    Ok(())
}

fn text(bytes: &[u8]) -> Result<Box<str>, BadReplaces> {
    let text = std::str::from_utf8(bytes).map_err(|_bad| BadReplaces)?;
    if text.len() > TEXT_MAX {
        return Err(BadReplaces);
    }
    Ok(text.into())
}

impl fmt::Display for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            call_id,
            to_tag,
            from_tag,
            early_only,
        } = self;
        write!(f, "{call_id};to-tag={to_tag};from-tag={from_tag}")?;
        match early_only {
            true => f.write_str(";early-only"),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        let read = Replaces::parse(b"98732@sip.example.com ;from-tag=r33th4x0r;to-tag=ff87ff");
        let read = read.unwrap();
        assert_eq!(&*read.call_id, "98732@sip.example.com");
        assert_eq!((&*read.to_tag, &*read.from_tag), ("ff87ff", "r33th4x0r"));
        assert!(!read.early_only);
        let early = Replaces::parse(b"a;to-tag=1;from-tag=2;early-only").unwrap();
        assert!(early.early_only);
    }

    #[test]
    fn what_is_written_reads_back() {
        for text in [
            "12adf2f34456gs5;to-tag=12345;from-tag=54321",
            "87134@171.161.34.23;to-tag=24796;from-tag=0;early-only",
        ] {
            assert_eq!(Replaces::parse(text.as_bytes()).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_names_no_one_dialog_is_refused() {
        let long = format!("{};to-tag=1;from-tag=2", "a".repeat(300));
        for bad in [
            &b""[..],
            b"only-a-call-id",
            b";to-tag=1;from-tag=2",
            b"id;to-tag=1",
            b"id;from-tag=1",
            b"id;to-tag=1;to-tag=2;from-tag=3",
            b"id;to-tag;from-tag=3",
            b"id;to-tag=\"1\";from-tag=3",
            b"id;to-tag=1;from-tag=2, id2;to-tag=1;from-tag=2",
            b"two words;to-tag=1;from-tag=2",
            b"id\r\nX: y;to-tag=1;from-tag=2",
            b"id;to-tag=1\r\nX: y;from-tag=2",
            b"id\0;to-tag=1;from-tag=2",
            long.as_bytes(),
        ] {
            assert_eq!(Replaces::parse(bad), Err(BadReplaces), "{bad:?}");
        }
    }
}
