//! Messages out of a stream of bytes: Content-Length framing and keep-alives (RFC 3261 18.3, RFC 5626 4.4.1).
//!
//! Where one message ends decides where the next begins, so anything doubtful about the length breaks the stream for good: what
//! follows could be a request that nobody sent. The head is read by the reader of [`crate::sip::message`], so that both agree.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use crate::sip::message::{MESSAGE_MAX, Wrong, content_length};
use crate::sip::scan;

/// Cuts one stream into messages. Feed it with [`Framer::push`], drain it as an iterator after each feed: then it holds
/// at most one message that is not complete, and what was pushed last.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    /// Bytes of the buffer in which the end of the head is known not to be.
    searched: usize,
    /// Length of the whole message, once its head is here.
    whole: Option<usize>,
    broken: bool,
}

/// One thing out of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// One message, head and body, copied to its exact size.
    Message(Bytes),
    /// A ping: a double CRLF between messages, to be answered with a single one.
    KeepAlive,
}

/// A stream that cannot be cut any further; the connection is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What is wrong.
    pub wrong: Snag,
    /// The head of the message at which it broke, as far as there is one: a 400 may go back before the connection is closed.
    pub head: Bytes,
}

/// Why a stream cannot be cut any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snag {
    /// It does not begin like SIP: another protocol on our port.
    NotSip,
    /// The head, or head and body together, are longer than [`MESSAGE_MAX`].
    TooLong,
    /// No Content-Length, which a stream must have (20.14).
    NoLength,
    /// The headers cannot be told apart, or Content-Length is no number or stands more than once.
    Head(Wrong),
}

/// What asks whether the other end is there (RFC 5626 4.4.1).
pub const PING: &[u8] = b"\r\n\r\n";

/// The answer to [`Frame::KeepAlive`] (RFC 5626 4.4.1).
pub const PONG: Bytes = Bytes::from_static(b"\r\n");

impl Framer {
    /// Starts at the first byte of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what was received.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.broken {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Whether no message has begun. Once drained, the owner gives what is here a deadline to become whole.
    pub fn is_empty(&self) -> bool {
        self.buffer.iter().all(|b| *b == b'\r' || *b == b'\n')
    }

    /// `Err(None)` asks for more bytes.
    fn take_next(&mut self) -> Result<Frame, Option<Broken>> {
        let whole = match self.whole {
            Some(whole) => whole,
            None => {
                if self.between_messages()? {
                    return Ok(Frame::KeepAlive);
                }
                self.read_head()?
            }
        };
        let Some(message) = self.buffer.get(..whole) else {
            self.whole = Some(whole);
            return Err(None);
        };
        let message = Bytes::copy_from_slice(message);
        self.buffer.advance(whole);
        self.whole = None;
        self.searched = 0;
        Ok(Frame::Message(message))
    }

    /// Passes over line breaks before a message (7.5); `true` for a ping.
    fn between_messages(&mut self) -> Result<bool, Option<Broken>> {
        if self.searched > 0 {
            return Ok(false);
        }
        loop {
            match self.buffer.as_ref() {
                [b'\r', b'\n', b'\r', b'\n', ..] => {
                    self.buffer.advance(4);
                    return Ok(true);
                }
                // It may become a ping.
                [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return Err(None),
                [b'\r' | b'\n', ..] => self.buffer.advance(1),
                [first, ..] if scan::is(*first, scan::TOKEN) => return Ok(false),
                [..] => return Err(Some(self.break_off(Snag::NotSip, 0))),
            }
        }
    }

    /// Finds the end of the head and the length of the whole message.
    fn read_head(&mut self) -> Result<usize, Option<Broken>> {
        let Some(head) = head_end(&self.buffer, self.searched) else {
            // The last three bytes may be the beginning of the end.
            self.searched = self.buffer.len().saturating_sub(3);
            if self.buffer.len() > MESSAGE_MAX {
                return Err(Some(self.break_off(Snag::TooLong, 0)));
            }
            return Err(None);
        };
        if head > MESSAGE_MAX {
            return Err(Some(self.break_off(Snag::TooLong, 0)));
        }
        let bytes = self.buffer.get(..head).unwrap_or_default();
        let length = match content_length(&Bytes::copy_from_slice(bytes)) {
            Ok(Some(length)) => length,
            Ok(None) => return Err(Some(self.break_off(Snag::NoLength, head))),
            Err(wrong) => return Err(Some(self.break_off(Snag::Head(wrong), head))),
        };
        match head.checked_add(length) {
            Some(whole) if whole <= MESSAGE_MAX => Ok(whole),
            Some(_) | None => Err(Some(self.break_off(Snag::TooLong, head))),
        }
    }

    fn break_off(&self, wrong: Snag, head: usize) -> Broken {
        let head = self.buffer.get(..head).unwrap_or_default();
        Broken {
            wrong,
            head: Bytes::copy_from_slice(head),
        }
    }
}

/// The next thing in the stream, or `None` until more is received. After an error there is nothing more.
impl Iterator for Framer {
    type Item = Result<Frame, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        let frame = self.take_next();
        if let Err(Some(broken)) = frame {
            self.broken = true;
            self.buffer = BytesMut::new();
            return Some(Err(broken));
        }
        frame.ok().map(Ok)
    }
}

/// Finds where the empty line after the headers ends, looking from `from` on.
fn head_end(buffer: &[u8], from: usize) -> Option<usize> {
    let rest = buffer.get(from..)?;
    memchr::memchr_iter(b'\n', rest).find_map(|at| match rest.get(at + 1..)? {
        [b'\n', ..] => Some(from + at + 2),
        [b'\r', b'\n', ..] => Some(from + at + 3),
        _next_line => None,
    })
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the peer's stream cannot be cut into messages: ")?;
        match self.wrong {
            Snag::NotSip => f.write_str("it is not SIP"),
            Snag::TooLong => write!(f, "a message is longer than {MESSAGE_MAX} bytes"),
            Snag::NoLength => f.write_str("a message has no Content-Length"),
            Snag::Head(wrong) => wrong.fmt(f),
        }
    }
}

impl std::error::Error for Broken {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::header::Name;

    const FIRST: &str = "OPTIONS sip:a SIP/2.0\r\nContent-Length: 3\r\n\r\nabc";
    const SECOND: &str = "BYE sip:b SIP/2.0\r\nl\r\n : 0\r\n\r\n";

    fn drain(framer: &mut Framer) -> Vec<Result<Frame, Snag>> {
        framer
            .map(|frame| frame.map_err(|broken| broken.wrong))
            .collect()
    }

    fn message(text: &str) -> Result<Frame, Snag> {
        Ok(Frame::Message(Bytes::copy_from_slice(text.as_bytes())))
    }

    #[test]
    fn messages_come_out_whole_however_the_bytes_arrive() {
        let stream = format!("{FIRST}\r\n\r\n\r\n{SECOND}{FIRST}");
        let expected = [
            message(FIRST),
            Ok(Frame::KeepAlive),
            message(SECOND),
            message(FIRST),
        ];
        for step in 1..stream.len() {
            let mut framer = Framer::new();
            let mut got = Vec::new();
            for piece in stream.as_bytes().chunks(step) {
                framer.push(piece);
                got.extend(drain(&mut framer));
            }
            assert_eq!(got, expected, "in pieces of {step}");
            assert!(framer.is_empty());
        }
    }

    #[test]
    fn a_single_line_break_is_no_ping() {
        let mut framer = Framer::new();
        framer.push(b"\r\n");
        assert_eq!(drain(&mut framer), []);
        framer.push(SECOND.as_bytes());
        assert_eq!(drain(&mut framer), [message(SECOND)]);
    }

    #[test]
    fn half_a_message_is_waited_for() {
        let mut framer = Framer::new();
        framer.push(FIRST.get(..FIRST.len() - 1).unwrap().as_bytes());
        assert_eq!(drain(&mut framer), []);
        assert!(!framer.is_empty());
    }

    #[test]
    fn a_doubtful_length_breaks_the_stream_for_good() {
        let head = |lines: &str| format!("OPTIONS sip:a SIP/2.0\r\n{lines}\r\n\r\n");
        let bad = Snag::Head(Wrong::Bad(Name::ContentLength));
        let repeated = Snag::Head(Wrong::Repeated(Name::ContentLength));
        for (lines, wrong) in [
            ("Via: x", Snag::NoLength),
            ("Content-Length: -999", bad),
            ("Content-Length: +5", bad),
            ("Content-Length: 5 5", bad),
            ("Content-Length: 0x5", bad),
            ("Content-Length: 18446744073709551617", bad),
            ("Content-Length:", bad),
            ("Content-Length: 5\r\nl: 5", repeated),
            ("Content-Length: 13\r\nContent-Length: 5", repeated),
            ("Content-Length: 65535", Snag::TooLong),
            ("l: 3\rl: 4", Snag::Head(Wrong::Control)),
        ] {
            let mut framer = Framer::new();
            framer.push(head(lines).as_bytes());
            framer.push(SECOND.as_bytes());
            let broken = framer.next().unwrap().unwrap_err();
            assert_eq!(broken.wrong, wrong, "{lines}");
            assert_eq!(broken.head, head(lines).as_bytes(), "{lines}");
            framer.push(SECOND.as_bytes());
            assert_eq!(framer.next(), None, "{lines}");
        }
    }

    /// A Content-Length behind the last header that is read must not be passed over.
    #[test]
    fn headers_that_are_not_read_break_the_stream() {
        let many = "X: y\r\n".repeat(128);
        let text = format!("OPTIONS sip:a SIP/2.0\r\n{many}l: 9\r\nno colon\r\n\r\n");
        let mut framer = Framer::new();
        framer.push(text.as_bytes());
        assert_eq!(drain(&mut framer), [Err(Snag::Head(Wrong::TooManyHeaders))]);
    }

    #[test]
    fn a_head_without_end_and_other_protocols_break_the_stream() {
        let mut framer = Framer::new();
        framer.push(b"\x16\x03\x01\x02");
        assert_eq!(drain(&mut framer), [Err(Snag::NotSip)]);
        let mut framer = Framer::new();
        let mut got = Vec::new();
        for _ in 0..=MESSAGE_MAX / 8 {
            framer.push(b"Ab: cd\r\n");
            got.extend(drain(&mut framer));
            assert!(framer.buffer.len() <= MESSAGE_MAX);
        }
        assert_eq!(got, [Err(Snag::TooLong)]);
    }
}
