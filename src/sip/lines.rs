//! The lines of a message: found, unfolded and counted, before any of them is understood (RFC 3261 7.3.1, 18.3).

use bytes::Bytes;

use crate::sip::header::Name;
use crate::sip::headers::{Line, Lines};
use crate::sip::malformed::{Kind, Malformed, Parts, Wrong};
use crate::sip::scan;
use crate::sip::scan::Span;
use crate::sip::via::Via;

/// The longest header line, folded lines counted as one: twice the longest in RFC 4475's torture messages.
pub const LINE_MAX: usize = 8_192;
/// The most header lines: more than twice those of the longest real INVITEs, so that a message of empty headers stays cheap.
pub const HEADERS_MAX: usize = 128;

/// The lines of a message, before any of them is understood.
pub(crate) struct Found {
    pub(crate) start: Span,
    pub(crate) lines: Lines,
    body_at: usize,
    pub(crate) folded: bool,
    pub(crate) wrong: Option<Wrong>,
}

impl Found {
    pub(crate) fn scan(text: &[u8]) -> Self {
        let mut found = Self {
            start: Span::EMPTY,
            lines: Lines::new(),
            body_at: text.len(),
            folded: false,
            wrong: Some(Wrong::NoEnd),
        };
        let mut begin = 0;
        let mut returns = 0;
        let mut trouble = None;
        for feed in memchr::memchr_iter(b'\n', text) {
            let whole = text.get(begin..feed).unwrap_or_default();
            // A line feed alone is taken for a line end, as every stack in the field does.
            let line = whole.strip_suffix(b"\r").unwrap_or(whole);
            returns += whole.len() - line.len();
            let at = begin;
            begin = feed + 1;
            if line.is_empty() {
                found.body_at = begin;
                found.wrong = trouble;
                break;
            }
            if line.len() > LINE_MAX {
                trouble = Some(Wrong::LineTooLong);
            }
            if at == 0 {
                found.start = Span::new(0, line.len());
            } else if let [b' ' | b'\t', ..] = line {
                found.folded = true;
                return found;
            } else if found.lines.len() == HEADERS_MAX {
                trouble = Some(Wrong::TooManyHeaders);
            } else if let Some(header) = header_line(line, at) {
                found.lines.push(header);
            } else {
                // The other troubles say more: they leave lines unread or make them dear.
                trouble = trouble.or(Some(Wrong::HeaderLine));
            }
        }
        let head = text.get(..begin).unwrap_or_default();
        if memchr::memchr_iter(b'\r', head).count() != returns {
            found.wrong = Some(Wrong::Control);
        }
        found
    }

    /// Finds the body by Content-Length, or as all the rest of the datagram (18.3).
    pub(crate) fn body(&self, text: &Bytes, length: Option<usize>) -> Result<Bytes, Wrong> {
        let there = text.len() - self.body_at;
        let length = length.unwrap_or(there);
        if length > there {
            return Err(Wrong::BodyShort);
        }
        if length == 0 {
            return Ok(Bytes::new());
        }
        Ok(text.slice(self.body_at..self.body_at + length))
    }

    fn content_length(&self, text: &[u8]) -> Result<Option<usize>, Wrong> {
        // A line without a colon spoils its message, not the next one; the other faults could hide a Content-Length.
        match self.wrong {
            None | Some(Wrong::HeaderLine) => {}
            Some(wrong) => return Err(wrong),
        }
        let mut length = None;
        for line in &self.lines {
            if line.name == Name::ContentLength {
                once(&mut length, line.name, read_length(line.value.of(text)))?;
            }
        }
        Ok(length)
    }

    pub(crate) fn malformed(self, text: Bytes, wrong: Wrong, kind: Kind) -> Malformed {
        let first = self.lines.iter().find(|line| line.name == Name::Via);
        let via = first.and_then(|line| Via::first_at(&text, line.value.range()).ok());
        Malformed::new(Parts {
            wrong,
            text,
            lines: self.lines,
            kind,
            via,
        })
    }
}

/// Reads Content-Length from a head alone, for the framing of streams.
pub(crate) fn content_length(head: &Bytes) -> Result<Option<usize>, Wrong> {
    let mut found = Found::scan(head);
    if found.folded {
        let text = unfolded(head);
        found = Found::scan(&text);
        return found.content_length(&text);
    }
    found.content_length(head)
}

fn header_line(line: &[u8], at: usize) -> Option<Line> {
    let colon = memchr::memchr(b':', line)?;
    let label = scan::trim_end(line.get(..colon)?);
    let name = Name::of(label);
    // A name that is known is a token.
    if name == Name::Other && !scan::is_all(label, scan::TOKEN) {
        return None;
    }
    let value = scan::trim_end(line.get(colon + 1..)?);
    let lead = value.iter().position(|b| *b != b' ' && *b != b'\t');
    let start = at + colon + 1 + lead.unwrap_or_default();
    Some(Line {
        name,
        label: Span::new(at, at + label.len()),
        value: Span::new(start, at + colon + 1 + value.len()),
    })
}

/// Writes spaces over the line breaks of folded headers, which 7.3.1 says mean the same; every offset stays.
pub(crate) fn unfolded(text: &[u8]) -> Bytes {
    let mut out = text.to_vec();
    let mut begin = 0;
    for feed in memchr::memchr_iter(b'\n', text) {
        let line = text.get(begin..feed).unwrap_or_default();
        if line.is_empty() || line == b"\r" {
            break;
        }
        begin = feed + 1;
        if let Some(b' ' | b'\t') = text.get(begin) {
            let from = feed - usize::from(line.ends_with(b"\r"));
            if let Some(fold) = out.get_mut(from..begin) {
                fold.fill(b' ');
            }
        }
    }
    Bytes::from(out)
}

/// Reads a Content-Length.
pub(crate) fn read_length(value: &[u8]) -> Option<usize> {
    usize::try_from(scan::number(value)?).ok()
}

/// Keeps the one value of a header that may stand once.
pub(crate) fn once<T>(place: &mut Option<T>, name: Name, value: Option<T>) -> Result<(), Wrong> {
    if place.is_some() {
        return Err(Wrong::Repeated(name));
    }
    *place = Some(value.ok_or(Wrong::Bad(name))?);
    Ok(())
}
