//! What the file names: definitions by id, so that a reference that leads nowhere says so with its place.

use std::sync::Arc;

use crate::config::book::{Book, Word, suggestion};
use crate::config::walk::Section;

/// An id is shown in tables, file names of reports and log lines.
const ID_MAX: usize = 64;

/// All definitions of one kind.
pub(in crate::config) struct Known<T> {
    /// As messages say it: `[[trunk]]`.
    kind: &'static str,
    entries: Vec<Entry<T>>,
}

struct Entry<T> {
    id: Arc<str>,
    at: usize,
    /// `None`: the definition itself has a mistake; whoever refers to it is not blamed.
    meaning: Option<Arc<T>>,
}

impl<T> Known<T> {
    /// Knows nothing yet.
    pub(in crate::config) fn new(kind: &'static str) -> Self {
        Self {
            kind,
            entries: Vec::new(),
        }
    }

    /// Adds a definition, and notes it when another has the id already.
    pub(in crate::config) fn add(&mut self, book: &Book<'_>, id: Word<'_>, meaning: Option<T>) {
        if let Some(first) = self.entries.iter().find(|entry| &*entry.id == id.text) {
            book.error(
                id.at,
                format!(
                    "{} \"{}\" is there already, in line {}",
                    self.kind,
                    id.text,
                    book.line(first.at)
                ),
                "give one of them another name",
            );
            return;
        }
        self.entries.push(Entry {
            id: id.text.into(),
            at: id.at,
            meaning: meaning.map(Arc::new),
        });
    }

    /// Finds a definition, and notes it when there is none. `None` as well when it has a mistake of its own, which is noted there.
    pub(in crate::config) fn find(&self, book: &Book<'_>, word: Word<'_>) -> Option<&Arc<T>> {
        let entry = self.entry(book, word)?;
        entry.meaning.as_ref()
    }

    /// Finds the id of a definition, whether or not the definition itself is right.
    pub(in crate::config) fn find_id(&self, book: &Book<'_>, word: Word<'_>) -> Option<Arc<str>> {
        self.entry(book, word).map(|entry| Arc::clone(&entry.id))
    }

    /// Returns the one definition, where there is just one.
    pub(in crate::config) fn only(&self) -> Option<&Arc<T>> {
        match self.entries.as_slice() {
            [entry] => entry.meaning.as_ref(),
            _ => None,
        }
    }

    /// How many ids there are, with those whose definition has a mistake.
    pub(in crate::config) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The definitions without a mistake, as written, with their places.
    pub(in crate::config) fn meanings(&self) -> impl Iterator<Item = (&Arc<T>, usize)> {
        let with_place = |entry: &'_ Entry<T>| entry.at;
        self.entries
            .iter()
            .filter_map(move |entry| Some((entry.meaning.as_ref()?, with_place(entry))))
    }

    fn entry(&self, book: &Book<'_>, word: Word<'_>) -> Option<&Entry<T>> {
        let found = self.entries.iter().find(|entry| &*entry.id == word.text);
        if found.is_none() {
            let ids: Vec<_> = self.entries.iter().map(|entry| &*entry.id).collect();
            book.absent(
                word.at,
                format!("there is no {} \"{}\"", self.kind, word.text),
                suggestion(word.text, &ids),
            );
        }
        found
    }
}

/// Reads the key that names a definition.
pub(in crate::config) fn id<'t>(
    section: &mut Section<'_, 't>,
    key: &'static str,
    sample: &str,
) -> Option<Word<'t>> {
    let word = section.needed(key, sample)?;
    let ill = |c: char| c.is_control() || c == '"';
    if word.text.chars().count() > ID_MAX
        || word.text.contains(ill)
        || word.text.trim() != word.text
    {
        section.book.error(
            word.at,
            format!("`{key}` is no name"),
            format!("write at most {ID_MAX} characters on one line, without quotes and spaces around it, such as {sample}"),
        );
        return None;
    }
    Some(word)
}
