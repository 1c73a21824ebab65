//! The mistakes of one file: noted in any order, told in the order of the file, each with its line and column.

use std::cell::RefCell;
use std::path::Path;

use crate::config::mistake::{Grade, Mistake};

/// Names further from what was written than this are not offered as what was meant.
const LIKENESS_MIN: f64 = 0.8;

/// Collects the mistakes of one file.
pub(in crate::config) struct Book<'t> {
    file: &'t Path,
    text: &'t str,
    /// Where the first syntax error is: behind it the parser guesses, and what it guessed is not reported on.
    sound_to: usize,
    noted: RefCell<Vec<(usize, Mistake)>>,
}

/// A string and where it stands.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Word<'t> {
    pub(in crate::config) text: &'t str,
    pub(in crate::config) at: usize,
}

impl<'t> Book<'t> {
    /// Opens a book on `text`; `sound_to` is the offset of its first syntax error, or its length.
    pub(in crate::config) fn new(file: &'t Path, text: &'t str, sound_to: usize) -> Self {
        Self {
            file,
            text,
            sound_to,
            noted: RefCell::default(),
        }
    }

    /// Notes that the text itself is no TOML at `at`.
    pub(in crate::config) fn syntax(&self, at: usize, message: &str) {
        let remedy = "correct the TOML here; what follows may not have been checked";
        self.note(at, Grade::Error, message.to_owned(), remedy.to_owned());
    }

    /// Notes what makes the file unusable.
    pub(in crate::config) fn error(
        &self,
        at: usize,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        if at < self.sound_to || self.is_sound() {
            self.note(at, Grade::Error, message.into(), remedy.into());
        }
    }

    /// Notes that something is absent, which only a file without syntax errors can be blamed for.
    pub(in crate::config) fn absent(
        &self,
        at: usize,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        if self.is_sound() {
            self.note(at, Grade::Error, message.into(), remedy.into());
        }
    }

    /// Notes what can be used but is hardly meant.
    pub(in crate::config) fn warn(
        &self,
        at: usize,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        if self.is_sound() {
            self.note(at, Grade::Warning, message.into(), remedy.into());
        }
    }

    /// Returns the line of an offset, counted from 1.
    pub(in crate::config) fn line(&self, at: usize) -> usize {
        self.before(at).matches('\n').count() + 1
    }

    /// Returns all mistakes in the order of the file.
    pub(in crate::config) fn close(self) -> Vec<Mistake> {
        let mut noted = self.noted.into_inner();
        noted.sort_by_key(|(at, mistake)| (*at, mistake.grade));
        noted.into_iter().map(|(_, mistake)| mistake).collect()
    }

    fn is_sound(&self) -> bool {
        self.sound_to >= self.text.len()
    }

    fn before(&self, at: usize) -> &'t str {
        self.text.get(..at).unwrap_or(self.text)
    }

    fn note(&self, at: usize, grade: Grade, message: String, remedy: String) {
        let line_start = self.before(at).rfind('\n').map_or(0, |end| end + 1);
        let in_line = self.text.get(line_start..at).unwrap_or_default();
        let mistake = Mistake {
            grade,
            file: self.file.to_owned(),
            line: self.line(at),
            column: in_line.chars().count() + 1,
            message,
            remedy,
        };
        self.noted.borrow_mut().push((at, mistake));
    }
}

/// The word in the quotes that TOML wants.
pub(in crate::config) fn quoted(word: &str) -> String {
    format!("\"{word}\"")
}

/// Says which of `names` was meant, or which there are.
pub(in crate::config) fn suggestion(written: &str, names: &[&str]) -> String {
    let written = written.to_lowercase();
    let likeness = |name: &str| {
        let name = name.to_lowercase();
        // One slip of the finger counts as alike however short the word is.
        match strsim::damerau_levenshtein(&written, &name) {
            0 | 1 => 1.0,
            _ => strsim::jaro_winkler(&written, &name),
        }
    };
    let nearest = names
        .iter()
        .map(|name| (likeness(name), name))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        None => "there is none yet: add it".to_owned(),
        Some((likeness, name)) if likeness >= LIKENESS_MIN => format!("did you mean `{name}`?"),
        Some(_) => format!("there are: {}", names.join(", ")),
    }
}
