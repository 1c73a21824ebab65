//! Words of the SIP grammar on bytes: character classes, spans, parameters and comma lists (RFC 3261 section 25.1).
//!
//! Everything here reads header text that holds no line break any more: folding is undone before.

use std::ops::Range;

/// A piece of a text of at most 65,535 bytes, kept as two offsets so that a parsed message stays small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u16,
    end: u16,
}

impl Span {
    /// Nothing.
    pub(crate) const EMPTY: Self = Self { start: 0, end: 0 };

    /// Makes the span from `start` up to `end`. Texts are limited to what 16 bits can count; past it the span is empty.
    pub(crate) fn new(start: usize, end: usize) -> Self {
        match (u16::try_from(start), u16::try_from(end)) {
            (Ok(start), Ok(end)) => Self { start, end },
            (Err(_), _) | (_, Err(_)) => Self::EMPTY,
        }
    }

    /// Returns the bytes of `text` it stands for.
    pub(crate) fn of(self, text: &[u8]) -> &[u8] {
        text.get(self.range()).unwrap_or_default()
    }

    /// Returns the text it stands for; the caller checked at parse that it is ASCII.
    pub(crate) fn ascii(self, text: &[u8]) -> &str {
        std::str::from_utf8(self.of(text)).unwrap_or_default()
    }

    /// Returns the offsets.
    pub(crate) fn range(self) -> Range<usize> {
        usize::from(self.start)..usize::from(self.end)
    }

    /// Returns the same piece as counted in what begins at `start` of its text.
    pub(crate) fn counted_from(self, start: usize) -> Self {
        let Range { start: from, end } = self.range();
        Self::new(from.saturating_sub(start), end.saturating_sub(start))
    }

    /// Whether it holds nothing.
    pub(crate) const fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// `token` (25.1).
pub(crate) const TOKEN: u8 = 1;
/// What a user part holds beside escapes: unreserved, user-unreserved and the colon before a password; `#` is not allowed by
/// the grammar but dialled on every PBX (`*21#`).
pub(crate) const USER: u8 = 2;
/// What URI parameters and headers hold beside escapes: everything printable that delimits neither a URI nor its
/// surroundings.
pub(crate) const URI: u8 = 4;
/// Host names, with the underscore that local networks use.
pub(crate) const HOST: u8 = 8;
/// Unquoted header parameter values: token, host, IPv6 reference, and what the field sends there in practice (`=`, `/`, `@`).
pub(crate) const VALUE: u8 = 16;
/// Unquoted display names: the grammar says tokens; dots, brackets, colons and any 8-bit text are met in practice.
pub(crate) const DISPLAY: u8 = 32;
/// Printable ASCII without space: Call-IDs.
pub(crate) const WORD: u8 = 64;
/// Space and tab.
pub(crate) const SPACE: u8 = 128;

/// Whether `byte` belongs to `class`.
pub(crate) fn is(byte: u8, class: u8) -> bool {
    CLASSES
        .get(usize::from(byte))
        .is_some_and(|classes| classes & class != 0)
}

/// Whether `text` is one or more bytes of `class`.
pub(crate) fn is_all(text: &[u8], class: u8) -> bool {
    !text.is_empty() && text.iter().all(|byte| is(*byte, class))
}

static CLASSES: [u8; 256] = classes();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler, where a wrong index does not build"
)]
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        let graphic = byte.is_ascii_graphic();
        let alnum = byte.is_ascii_alphanumeric();
        let mut class = 0;
        if alnum || among(byte, b"-.!%*_+`'~") {
            class |= TOKEN;
        }
        if alnum || among(byte, b"-_.!~*'()&=+$,;?/:#") {
            class |= USER;
        }
        if graphic && !among(byte, b"<>\"\\^`{|}@%") {
            class |= URI;
        }
        if alnum || among(byte, b"-._") {
            class |= HOST;
        }
        if graphic && !among(byte, b"<>\"\\;,") {
            class |= VALUE;
        }
        if byte >= 0x80 || byte == b' ' || byte == b'\t' || graphic && !among(byte, b"<>\"\\;,") {
            class |= DISPLAY;
        }
        if graphic {
            class |= WORD;
        }
        if byte == b' ' || byte == b'\t' {
            class |= SPACE;
        }
        table[at] = class;
        at += 1;
    }
    table
}

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, where a wrong index does not build"
)]
const fn among(byte: u8, set: &[u8]) -> bool {
    let mut at = 0;
    while at < set.len() {
        if set[at] == byte {
            return true;
        }
        at += 1;
    }
    false
}

/// Cuts spaces and tabs off both ends.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    trim_end(text)
}

/// Cuts spaces and tabs off the end.
pub(crate) fn trim_end(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// Reads a text from left to right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte of `text`.
    pub(crate) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// Starts at `at`.
    pub(crate) const fn from(text: &'a [u8], at: usize) -> Self {
        Self { text, at }
    }

    /// Returns how far it came.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Returns the next byte without taking it.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Takes the next byte if it is `byte`.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Returns what is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Passes over `count` bytes.
    pub(crate) fn advance(&mut self, count: usize) {
        self.at = self.text.len().min(self.at.saturating_add(count));
    }

    /// Passes over spaces and tabs.
    pub(crate) fn skip_space(&mut self) {
        while let Some(b' ' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Takes the longest run of `class`, which may be empty.
    pub(crate) fn take(&mut self, class: u8) -> Span {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let len = rest
            .iter()
            .position(|byte| !is(*byte, class))
            .unwrap_or(rest.len());
        let start = self.at;
        self.at += len;
        Span::new(start, self.at)
    }

    /// Takes a quoted string with its quotes; `None` if there is none here or it never ends.
    pub(crate) fn quoted(&mut self) -> Option<Span> {
        let start = self.at;
        if !self.eat(b'"') {
            return None;
        }
        loop {
            let rest = self.text.get(self.at..)?;
            let next = memchr::memchr2(b'"', b'\\', rest)?;
            self.at += next + 1;
            if rest.get(next) == Some(&b'"') {
                return Some(Span::new(start, self.at));
            }
            // A backslash takes the next byte with it, whatever it is (quoted-pair).
            self.text.get(self.at)?;
            self.at += 1;
        }
    }

    /// Takes one `;name[=value]` of a header. The outer `None` says that no parameter follows here.
    pub(crate) fn param(&mut self) -> Option<Result<Param, BadParam>> {
        self.skip_space();
        if !self.eat(b';') {
            return None;
        }
        self.skip_space();
        let name = self.take(TOKEN);
        if name.is_empty() {
            return Some(Err(BadParam));
        }
        // `; secondparam ;` and `tag   = x`: the space belongs to neither.
        self.skip_space();
        if !self.eat(b'=') {
            return Some(Ok(Param { name, value: None }));
        }
        self.skip_space();
        let value = match self.peek() {
            Some(b'"') => match self.quoted() {
                Some(value) => value,
                None => return Some(Err(BadParam)),
            },
            Some(_) | None => self.take(VALUE),
        };
        Some(Ok(Param {
            name,
            value: Some(value),
        }))
    }
}

/// A header parameter as offsets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Param {
    pub(crate) name: Span,
    pub(crate) value: Option<Span>,
}

/// A parameter that follows no grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadParam;

/// The parameters of a header value or of a URI, in order.
#[derive(Clone, Copy, Debug)]
pub struct Params<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Params<'a> {
    /// Reads `;a=1;b` as checked at parse.
    pub(crate) const fn new(text: &'a [u8]) -> Self {
        Self {
            cursor: Cursor::new(text),
        }
    }

    /// Returns the value of the first parameter called `name` (any case): `Some(None)` where it stands without a value.
    pub fn get(mut self, name: &str) -> Option<Option<&'a [u8]>> {
        self.find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }
}

impl<'a> Iterator for Params<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.cursor.text;
        let param = self.cursor.param()?.ok()?;
        Some((param.name.of(text), param.value.map(|span| span.of(text))))
    }
}

/// The values of a header that is a list, split at the commas outside quotes and angle brackets (RFC 3261 7.3.1).
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    text: &'a [u8],
    /// Where the next value begins; past the end when there is none.
    at: usize,
}

impl<'a> Values<'a> {
    /// Splits `text`.
    pub const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// Returns where the next value stands in the text.
    pub(crate) fn next_place(&mut self) -> Option<Range<usize>> {
        loop {
            let rest = self.text.get(self.at..)?;
            let end = comma(rest).unwrap_or(rest.len());
            let value = trim_end(rest.get(..end).unwrap_or_default());
            let lead = value.iter().position(|b| *b != b' ' && *b != b'\t');
            let at = self.at;
            self.at += end + 1;
            // Empty elements (`a,,b`, or an empty `Supported:`) are nothing.
            if let Some(lead) = lead {
                return Some(at + lead..at + value.len());
            }
        }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let place = self.next_place()?;
        self.text.get(place)
    }
}

/// Finds the first comma outside quotes and angle brackets.
fn comma(text: &[u8]) -> Option<usize> {
    // Most lists hold neither quotes nor brackets nor a comma.
    memchr::memchr(b',', text)?;
    let mut cursor = Cursor::new(text);
    loop {
        match cursor.peek()? {
            b',' => return Some(cursor.at),
            b'"' => {
                cursor.quoted()?;
            }
            b'<' => {
                let rest = text.get(cursor.at..)?;
                cursor.at += memchr::memchr(b'>', rest)? + 1;
            }
            _other => cursor.at += 1,
        }
    }
}

/// Reads decimal digits alone; `None` for anything else and for what does not fit.
pub(crate) fn number(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u32, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_split_outside_quotes_and_brackets() {
        let text = br#" "a, \"b" <sip:x@y;p=1,2>, <sip:z>,, c "#;
        let got: Vec<_> = Values::new(text).collect();
        assert_eq!(
            got,
            [
                &br#""a, \"b" <sip:x@y;p=1,2>"#[..],
                &b"<sip:z>"[..],
                &b"c"[..]
            ]
        );
    }

    #[test]
    fn parameters_may_stand_in_space_and_hold_quotes() {
        let params = Params::new(br#" ; tag = 1 ;lr; x="a;b\"" "#);
        let got: Vec<_> = params.collect();
        assert_eq!(
            got,
            [
                (&b"tag"[..], Some(&b"1"[..])),
                (&b"lr"[..], None),
                (&b"x"[..], Some(&br#""a;b\"""#[..])),
            ]
        );
        assert_eq!(params.get("LR"), Some(None));
        assert_eq!(params.get("none"), None);
    }

    #[test]
    fn numbers_never_wrap() {
        assert_eq!(number(b"4294967295"), Some(u32::MAX));
        assert_eq!(number(b"4294967296"), None);
        assert_eq!(number(b"0009"), Some(9));
        assert_eq!(number(b"-1"), None);
        assert_eq!(number(b""), None);
    }
}
