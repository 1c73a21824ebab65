//! A line of the log as text: byte for byte what the library in use writes, with less work, and harmless in every field.
//!
//! A call has four lines, and they were a tenth of what its signalling cost. Lines with colours, for a terminal, and those
//! within spans, which only libraries have, are the library's still.

use std::fmt;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::base::clock::wall_micros;

/// Bytes from which on a text may have something that terminals obey: the first of a control of C1 in UTF-8.
const C1: u8 = 0xc2;

/// Writes lines.
#[derive(Debug)]
pub(in crate::cli) struct Line {
    library: Format<Full>,
    second: Mutex<Second>,
}

/// The second of the last line as text: many lines have the same.
#[derive(Debug, Default)]
struct Second {
    number: u64,
    text: String,
}

impl Line {
    pub(in crate::cli) fn new() -> Self {
        Self {
            library: Format::default().with_target(false),
            second: Mutex::default(),
        }
    }

    /// `2026-11-22T01:05:08.634963Z`
    fn time(&self, out: &mut impl Write, micros: u64) -> fmt::Result {
        let number = micros / 1_000_000;
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        if second.number != number || second.text.is_empty() {
            second.number = number;
            second.text.clear();
            let at = Timestamp::from_second(i64::try_from(number).unwrap_or(i64::MAX));
            write!(second.text, "{:.0}", at.unwrap_or(Timestamp::MAX))?;
            if second.text.ends_with('Z') {
                second.text.pop();
            }
        }
        out.write_str(&second.text)?;
        write!(out, ".{:06}Z", micros % 1_000_000)
    }
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if writer.has_ansi_escapes() || context.event_scope().is_some() {
            return self.library.format_event(context, writer, event);
        }
        self.time(&mut writer, wall_micros())?;
        writer.write_str(word(*event.metadata().level()))?;
        let mut fields = Fields {
            out: &mut writer,
            result: Ok(()),
        };
        event.record(&mut fields);
        fields.result?;
        writer.write_char('\n')
    }
}

/// As wide as the longest.
const fn word(level: Level) -> &'static str {
    match level {
        Level::ERROR => " ERROR",
        Level::WARN => "  WARN",
        Level::INFO => "  INFO",
        Level::DEBUG => " DEBUG",
        Level::TRACE => " TRACE",
    }
}

/// Writes the fields of an event, each after a space.
struct Fields<'a, W> {
    out: &'a mut W,
    result: fmt::Result,
}

impl<W: Write> Fields<'_, W> {
    fn put(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let name = field.name();
        // What the bridge from the `log` crate adds about itself.
        if self.result.is_ok() && !name.starts_with("log.") {
            self.result = self.write(name, value);
        }
    }

    fn write(&mut self, name: &str, value: fmt::Arguments<'_>) -> fmt::Result {
        self.out.write_char(' ')?;
        if name != "message" {
            self.out
                .write_str(name.strip_prefix("r#").unwrap_or(name))?;
            self.out.write_char('=')?;
        }
        let mut out = Harmless(&mut *self.out);
        match value.as_str() {
            Some(text) => out.write_str(text),
            None => out.write_fmt(value),
        }
    }
}

impl<W: Write> Visit for Fields<'_, W> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.put(field, format_args!("{value}"));
        } else {
            self.put(field, format_args!("{value:?}"));
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, format_args!("{value}"));
        let Some(first) = value.source() else {
            return;
        };
        let sources = std::iter::successors(Some(first), |error| error.source());
        for (place, source) in sources.enumerate() {
            let before = match place {
                0 => format_args!(" {}.sources=[", field.name()),
                _ => format_args!(", "),
            };
            self.result = self.result.and_then(|()| self.out.write_fmt(before));
            self.result = self
                .result
                .and_then(|()| write!(Harmless(&mut *self.out), "{source}"));
        }
        self.result = self.result.and_then(|()| self.out.write_char(']'));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format_args!("{value:?}"));
    }
}

/// Passes text on with what terminals obey made visible: a log is read in one, and peers choose some of its words.
struct Harmless<'a, W>(&'a mut W);

impl<W: Write> Write for Harmless<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let may_be_obeyed =
            |byte: u8| matches!(byte, 0x07 | 0x08 | 0x0c | 0x1b | 0x7f) || byte == C1;
        if !text.bytes().any(may_be_obeyed) {
            return self.0.write_str(text);
        }
        for char in text.chars() {
            match char {
                '\x07' | '\x08' | '\x0c' | '\x1b' | '\x7f' => {
                    write!(self.0, "\\x{:02x}", u32::from(char))?;
                }
                '\u{80}'..='\u{9f}' => write!(self.0, "\\u{{{:x}}}", u32::from(char))?,
                char => self.0.write_char(char)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let page = self.0.lock();
            page.map_err(|_| io::ErrorKind::Other)?
                .extend_from_slice(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Page {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    impl Page {
        /// The lines without their times, which must be of one length; where there are colours they stand around it.
        fn lines(&self) -> Vec<String> {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            text.lines()
                .map(|line| {
                    let (time, rest) = line.split_once('Z').unwrap();
                    let time = time.trim_start_matches("\x1b[2m");
                    assert_eq!(time.len(), "2026-11-22T01:05:08.634963".len(), "{line}");
                    rest.to_owned()
                })
                .collect()
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the outer\x1b[31m one")]
    struct Outer(#[source] io::Error);

    fn say() {
        let (call, text) = ("0192", "a \"quoted\" text \x1b[31m\n");
        tracing::info!(%call, number = ?Some(7), text, "a call began");
        tracing::warn!(
            count = 3_u64,
            less = -3,
            exact = 0.5,
            yes = true,
            r#type = text
        );
        let error = io::Error::other("disk full");
        tracing::error!(%error, "an error");
        tracing::debug!("with {} \x1b[31m and \u{9b}31m and \u{e9} within", "values");
        let outer: &(dyn std::error::Error + 'static) = &Outer(error);
        tracing::trace!(outer, "and its sources");
        let _inside = tracing::error_span!("inside", why = "here").entered();
        tracing::info!("in a span");
    }

    #[test]
    fn a_line_is_byte_for_byte_what_the_library_writes() {
        for ansi in [false, true] {
            let pages = [Page::default(), Page::default()];
            let builder = |page: &Page| {
                tracing_subscriber::fmt()
                    .with_max_level(Level::TRACE)
                    .with_writer(page.clone())
                    .with_ansi(ansi)
            };
            let ours = builder(&pages[0]).event_format(Line::new()).finish();
            let library = builder(&pages[1]).with_target(false).finish();
            tracing::subscriber::with_default(ours, say);
            tracing::subscriber::with_default(library, say);
            let [ours, library] = pages.map(|page| page.lines());
            assert_eq!(ours, library);
            assert_eq!(ours.len(), 6);
        }
    }

    #[test]
    fn no_field_has_what_a_terminal_obeys() {
        let page = Page::default();
        let ours = tracing_subscriber::fmt()
            .with_writer(page.clone())
            .with_ansi(false)
            .event_format(Line::new())
            .finish();
        tracing::subscriber::with_default(ours, || {
            tracing::info!(peer = %"\x1b]0;a\x07\u{9d}b\u{a9}", "heard");
        });
        let line = r"  INFO heard peer=\x1b]0;a\x07\u{9d}b";
        assert_eq!(page.lines(), [format!("{line}\u{a9}")]);
    }

    #[test]
    fn a_time_is_utc_to_the_microsecond() {
        let line = Line::new();
        let shown = |micros| {
            let mut text = String::new();
            line.time(&mut text, micros).unwrap();
            text
        };
        assert_eq!(shown(0), "1970-01-01T00:00:00.000000Z");
        for micros in [1_795_309_508_000_042, 1_795_309_508_634_963] {
            let exact = Timestamp::from_microsecond(i64::try_from(micros).unwrap()).unwrap();
            assert_eq!(shown(micros), format!("{exact:.6}"));
        }
    }
}
