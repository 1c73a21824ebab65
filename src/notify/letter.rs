//! A letter: what it says in two forms, its pictures and tables, made into one message (RFC 5322, RFC 2045-2049). Pure.
//!
//! The parts lie as every reader expects: `mixed(alternative(text, related(html, pictures)), tables)`. Whatever comes from people
//! enters headers through [`line()`], which leaves it no way to begin another one.

use std::time::{Duration, UNIX_EPOCH};

use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use sha2::{Digest, Sha256};

use crate::base::time::WallTime;
use crate::notify::address::{Address, Sender};

/// Most bytes of text, pictures and tables together: written as base64 they stay below the 10 MB that many servers take.
const BYTES_MAX: usize = 7_000_000;

/// Longest subject, in characters: mail programs show less.
const SUBJECT_MAX: usize = 150;

/// Longest file name: what every file system takes.
const FILE_MAX: usize = 80;

/// What a letter says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// In one line.
    pub subject: String,
    /// For those who read plain text.
    pub text: String,
    /// The same as HTML, with `cid:` addresses of the pictures.
    pub html: String,
    /// What the HTML shows.
    pub pictures: Vec<Picture>,
    /// Files for spreadsheets.
    pub tables: Vec<Table>,
}

/// A picture within the HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The HTML calls it `cid:` and this: letters, digits, dots, hyphens and one `@`.
    pub id: String,
    /// PNG.
    pub png: Vec<u8>,
}

/// A table beside the letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Of its file.
    pub name: String,
    /// CSV.
    pub csv: String,
}

/// What stands on the outside.
#[derive(Clone, Copy, Debug)]
pub struct Outside<'a> {
    /// Who it is from.
    pub from: &'a Sender,
    /// Whom it goes to.
    pub to: &'a Address,
    /// Its [`message_id`].
    pub message_id: &'a str,
    /// When it is sent.
    pub at: WallTime,
}

/// Why there is no letter.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It is too big for most servers.
    #[error("the letter has {0} bytes; servers take some 10 MB: narrow the report's filter")]
    Big(usize),
    /// It could not be put together.
    #[error("putting the letter together: {0}")]
    Made(#[from] lettre::error::Error),
}

/// The Message-ID of what goes to `recipient` about `period` of `report`: always the same, so that a server or a reader knows a
/// letter that comes a second time (RFC 5322 3.6.4).
pub fn message_id(report: &str, period: &str, recipient: &Address, from: &Sender) -> String {
    let mut hash = Sha256::new();
    for part in [report, period, &recipient.to_string()] {
        hash.update(part);
        hash.update([0]);
    }
    let hash = hex::encode(hash.finalize());
    let short = hash.get(..32).unwrap_or(&hash);
    format!("<{short}@{}>", from.address.domain())
}

/// Puts a letter together.
///
/// # Errors
/// It is too big.
pub fn compose(content: &Content, outside: Outside<'_>) -> Result<Message, Unfit> {
    let bytes = content.text.len()
        + content.html.len()
        + content
            .pictures
            .iter()
            .map(|picture| picture.png.len())
            .sum::<usize>()
        + content
            .tables
            .iter()
            .map(|table| table.csv.len())
            .sum::<usize>();
    if bytes > BYTES_MAX {
        return Err(Unfit::Big(bytes));
    }
    let mut shown = MultiPart::related().singlepart(SinglePart::html(content.html.clone()));
    for picture in &content.pictures {
        let id = word(&picture.id);
        let part = Attachment::new_inline(id).body(picture.png.clone(), png());
        shown = shown.singlepart(part);
    }
    let both = MultiPart::alternative()
        .singlepart(SinglePart::plain(content.text.clone()))
        .multipart(shown);
    let mut whole = MultiPart::mixed().multipart(both);
    for table in &content.tables {
        let part = Attachment::new(word(&table.name)).body(table.csv.clone(), csv());
        whole = whole.singlepart(part);
    }
    let since = Duration::from_millis(u64::try_from(outside.at.as_millis()).unwrap_or(0));
    let message = Message::builder()
        .from(outside.from.mailbox())
        .to(Mailbox::new(None, outside.to.inner().clone()))
        .subject(line(&content.subject, SUBJECT_MAX))
        .date(UNIX_EPOCH + since)
        .message_id(Some(outside.message_id.to_owned()))
        .raw_header(no_answers())
        .multipart(whole)?;
    Ok(message)
}

/// Keeps programs that answer for people on holiday from answering a program (RFC 3834 5).
fn no_answers() -> HeaderValue {
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    HeaderValue::new(name, "auto-generated".to_owned())
}

/// One line of at most so many characters: what would end a header or turn its direction is left out.
fn line(text: &str, max: usize) -> String {
    let is_odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let spaced: String = text
        .chars()
        .map(|c| if is_odd(c) { ' ' } else { c })
        .collect();
    let words: Vec<_> = spaced.split_whitespace().collect();
    words.join(" ").chars().take(max).collect()
}

/// A file's name or a picture's id that needs no quoting anywhere.
fn word(text: &str) -> String {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    let plain = text.chars().map(|c| if good(c) { c } else { '-' });
    plain.take(FILE_MAX).collect()
}

fn png() -> ContentType {
    typed("image/png")
}

fn csv() -> ContentType {
    typed("text/csv; charset=utf-8")
}

/// A type that is written here; what cannot be read would be a plain file.
fn typed(name: &str) -> ContentType {
    ContentType::parse(name).unwrap_or(ContentType::TEXT_PLAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender() -> Sender {
        "Отчёты <ringtag@shop.example>".parse().unwrap()
    }

    fn content() -> Content {
        Content {
            subject: "Неделя 16–22 ноября: 120 звонков".into(),
            text: "Звонки: 120\r\nПропущено: 3".into(),
            html: "<p>Звонки: <b>120</b> <img src=\"cid:chart-1@ringtag\"></p>".into(),
            pictures: vec![Picture {
                id: "chart-1@ringtag".into(),
                png: b"\x89PNG\r\n\x1a\nrest".to_vec(),
            }],
            tables: vec![Table {
                name: "sources.csv".into(),
                csv: "source,calls\r\nбилборд,120\r\n".into(),
            }],
        }
    }

    fn written(content: &Content) -> String {
        let to: Address = "anna@example.com".parse().unwrap();
        let id = message_id("ab12", "2026-11-23", &to, &sender());
        let outside = Outside {
            from: &sender(),
            to: &to,
            message_id: &id,
            at: WallTime::from_millis(1_795_253_400_125),
        };
        let letter = compose(content, outside).unwrap();
        String::from_utf8(letter.formatted()).unwrap()
    }

    /// The head of a message without the folding of its lines.
    fn head(message: &str) -> Vec<String> {
        let (head, _) = message.split_once("\r\n\r\n").unwrap();
        let head = head.replace("\r\n ", " ");
        head.split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn a_letter_is_ascii_and_has_text_html_pictures_and_tables() {
        let message = written(&content());
        assert!(message.is_ascii());
        let places: Vec<_> = [
            "Content-Type: multipart/mixed",
            "Content-Type: multipart/alternative",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Type: multipart/related",
            "Content-Type: text/html; charset=utf-8",
            "Content-ID: <chart-1@ringtag>",
            "Content-Disposition: attachment; filename=\"sources.csv\"",
        ]
        .map(|part| {
            message
                .find(part)
                .unwrap_or_else(|| panic!("{part} in {message}"))
        })
        .into();
        assert!(places.is_sorted(), "{message}");
        assert!(message.contains("Content-Type: image/png"));
        assert!(message.contains("Content-Type: text/csv; charset=utf-8"));
        assert!(message.lines().all(|line| line.len() <= 998));
        let head = head(&message);
        let has = |line: &str| head.iter().any(|other| other == line);
        assert!(has("Auto-Submitted: auto-generated"), "{head:?}");
        assert!(has("To: anna@example.com"), "{head:?}");
        assert!(has("Date: Sat, 21 Nov 2026 09:30:00 +0000"), "{head:?}");
        assert!(has("MIME-Version: 1.0"), "{head:?}");
    }

    #[test]
    fn no_text_of_people_begins_another_header() {
        let mut evil = content();
        evil.subject = "a\r\nBcc: all@example.com\r\n\r\n<b>\u{202e}x\0".into();
        evil.tables[0].name = "x\"\r\nBcc: b@example.com\r\n/../../etc/passwd".into();
        evil.pictures[0].id = "a>\r\nBcc: c@example.com".into();
        let message = written(&evil);
        assert!(
            !message.lines().any(|line| line.starts_with("Bcc")),
            "{message}"
        );
        let subject = head(&message)
            .into_iter()
            .find(|line| line.starts_with("Subject"));
        assert_eq!(
            subject.as_deref(),
            Some("Subject: a Bcc: all@example.com <b> x")
        );
    }

    #[test]
    fn a_repeat_is_known_by_its_message_id_and_nothing_else_has_it() {
        let to = |text: &str| text.parse::<Address>().unwrap();
        let id = |report, period, address| message_id(report, period, &to(address), &sender());
        let first = id("ab12", "2026-11-23", "anna@example.com");
        assert_eq!(first, id("ab12", "2026-11-23", "anna@example.com"));
        assert!(
            first.starts_with('<') && first.ends_with("@shop.example>"),
            "{first}"
        );
        for other in [
            id("ab13", "2026-11-23", "anna@example.com"),
            id("ab12", "2026-11-30", "anna@example.com"),
            id("ab12", "2026-11-23", "boris@example.com"),
            id("ab122026-11-23", "", "anna@example.com"),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn a_letter_that_no_server_takes_is_not_made() {
        let mut big = content();
        big.tables[0].csv = "x".repeat(BYTES_MAX);
        let to: Address = "anna@example.com".parse().unwrap();
        let outside = Outside {
            from: &sender(),
            to: &to,
            message_id: "<a@b>",
            at: WallTime::default(),
        };
        assert!(matches!(compose(&big, outside), Err(Unfit::Big(_))));
    }
}
