//! Reads parsed TOML key by key and notes every mistake with its place, instead of stopping at the first.
//!
//! A [`Section`] knows which keys were asked of it, so that whatever else is written there is an unknown key.

use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::book::{Book, Word, quoted, suggestion};
use crate::config::later;

/// One table while it is read.
pub(in crate::config) struct Section<'b, 't> {
    /// Where mistakes go.
    pub(in crate::config) book: &'b Book<'t>,
    /// Where its header stands.
    pub(in crate::config) at: usize,
    /// As it is written: `[sip]`, `[[trunk]]`; empty for the file itself.
    name: &'static str,
    table: Option<&'t DeTable<'t>>,
    asked: Vec<&'static str>,
}

impl<'b, 't> Section<'b, 't> {
    /// Begins with the file itself.
    pub(in crate::config) fn root(book: &'b Book<'t>, table: &'t DeTable<'t>) -> Self {
        Self {
            book,
            at: 0,
            name: "",
            table: Some(table),
            asked: Vec::new(),
        }
    }

    /// Goes into `[key]`; without one everything in it is absent. `name` is the key in its brackets.
    pub(in crate::config) fn table(&mut self, key: &'static str, name: &'static str) -> Self {
        let value = self.get(key);
        if let Some(value) = value
            && value.get_ref().as_table().is_none()
        {
            self.book.error(
                value.span().start,
                format!("`{key}` stands once and has keys of its own"),
                format!("write {name} above its keys"),
            );
        }
        Self {
            book: self.book,
            at: value.map_or(0, |value| value.span().start),
            name,
            table: value.and_then(|value| value.get_ref().as_table()),
            asked: Vec::new(),
        }
    }

    /// Goes into each `[[key]]`.
    pub(in crate::config) fn tables(&mut self, key: &'static str, name: &'static str) -> Vec<Self> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let elements = match value.get_ref() {
            DeValue::Array(array) => array.iter().collect(),
            DeValue::Table(_)
            | DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => vec![value],
        };
        let is_list = value.get_ref().is_array();
        let mut sections = Vec::with_capacity(elements.len());
        for element in elements {
            let at = element.span().start;
            let table = element.get_ref().as_table();
            if !is_list || table.is_none() {
                self.book.error(
                    at,
                    format!("`{key}` is a list of tables"),
                    format!("write {name} above each"),
                );
            }
            sections.extend(table.map(|table| Self {
                book: self.book,
                at,
                name,
                table: Some(table),
                asked: Vec::new(),
            }));
        }
        sections
    }

    /// Reads a string.
    pub(in crate::config) fn word(&mut self, key: &'static str, sample: &str) -> Option<Word<'t>> {
        let value = self.get(key)?;
        let word = as_word(value);
        if word.is_none() {
            self.wrong_type(key, value, "a string", sample);
        }
        word.filter(|word| self.not_blank(key, *word, sample))
    }

    /// Reads a string that must be there.
    pub(in crate::config) fn needed(
        &mut self,
        key: &'static str,
        sample: &str,
    ) -> Option<Word<'t>> {
        if !self.has(key) {
            self.asked.push(key);
            self.missing(key, sample);
            return None;
        }
        self.word(key, sample)
    }

    /// Reads a list of strings, or one string; none when the key is left out.
    pub(in crate::config) fn words(&mut self, key: &'static str, sample: &str) -> Vec<Word<'t>> {
        let mut words = Vec::new();
        for value in self.list(key) {
            match as_word(value) {
                Some(word) if self.not_blank(key, word, sample) => words.push(word),
                Some(_) => {}
                None => self.wrong_type(key, value, "a string or a list of strings", sample),
            }
        }
        words
    }

    /// Reads a list of strings that is not empty, or one string; none when the key is left out.
    pub(in crate::config) fn some_words(
        &mut self,
        key: &'static str,
        sample: &str,
    ) -> Vec<Word<'t>> {
        let array = self.value(key).and_then(|value| value.get_ref().as_array());
        if array.is_some_and(|array| array.iter().next().is_none()) {
            self.book.error(
                self.place(key),
                format!("`{key}` is an empty list"),
                format!("write {key} = {sample}, or leave the key out"),
            );
        }
        self.words(key, sample)
    }

    /// Reads dates, written as TOML dates or as strings, in a list or alone.
    pub(in crate::config) fn dates(
        &mut self,
        key: &'static str,
        sample: &str,
    ) -> Vec<(String, usize)> {
        let mut dates = Vec::new();
        for value in self.list(key) {
            let at = value.span().start;
            match (as_word(value), value.get_ref().as_datetime()) {
                (Some(word), _) => dates.push((word.text.to_owned(), at)),
                (None, Some(date)) => dates.push((date.to_string(), at)),
                (None, None) => self.wrong_type(key, value, "a date or a list of dates", sample),
            }
        }
        dates
    }

    /// Reads `true` or `false`.
    pub(in crate::config) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_type(key, value, "true or false", "true");
        }
        flag
    }

    /// Reads a list of `true` and `false`, or one of them.
    pub(in crate::config) fn flags(&mut self, key: &'static str) -> Vec<bool> {
        let mut flags = Vec::new();
        for value in self.list(key) {
            match value.get_ref().as_bool() {
                Some(flag) => flags.push(flag),
                None => self.wrong_type(key, value, "true or false", "true"),
            }
        }
        flags
    }

    /// Reads a whole number within limits.
    pub(in crate::config) fn number(
        &mut self,
        key: &'static str,
        limits: RangeInclusive<u32>,
        sample: &str,
    ) -> Option<u32> {
        let value = self.get(key)?;
        self.as_number(key, value, limits, sample)
    }

    /// Reads a list of whole numbers within limits, each with its place; `None` when the key is left out.
    pub(in crate::config) fn numbers(
        &mut self,
        key: &'static str,
        limits: RangeInclusive<u32>,
        sample: &str,
    ) -> Option<Vec<(Option<u32>, usize)>> {
        let value = self.get(key)?;
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list of whole numbers", sample);
            return None;
        };
        let read = |value| {
            let number = self.as_number(key, value, limits.clone(), sample);
            (number, value.span().start)
        };
        Some(array.iter().map(read).collect())
    }

    /// Reads one of some words.
    pub(in crate::config) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let sample = words.first().map_or("", |(word, _)| word);
        let written = self.word(key, &quoted(sample))?;
        let chosen = words.iter().find(|(word, _)| *word == written.text);
        if chosen.is_none() {
            let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.book.error(
                written.at,
                format!("`{key}` cannot be \"{}\"", written.text),
                suggestion(written.text, &names),
            );
        }
        chosen.map(|(_, meaning)| *meaning)
    }

    /// Returns where the value of `key` stands, or the header when it is left out.
    pub(in crate::config) fn place(&self, key: &str) -> usize {
        self.value(key).map_or(self.at, |value| value.span().start)
    }

    /// Whether `key` is written, whatever its value.
    pub(in crate::config) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// Notes that `key` must not be left out.
    pub(in crate::config) fn missing(&self, key: &str, sample: &str) {
        self.book.absent(
            self.at,
            format!("{} has no `{key}`", self.name),
            format!("add {key} = {sample}"),
        );
    }

    /// Notes every key that was not asked for.
    pub(in crate::config) fn finish(self) {
        let Some(table) = self.table else {
            return;
        };
        for (key, _) in table {
            let name = key.get_ref().as_ref();
            if self.asked.contains(&name) {
                continue;
            }
            let place = if self.name.is_empty() {
                "the file"
            } else {
                self.name
            };
            if later::is_coming(self.name, name) {
                self.book.error(
                    key.span().start,
                    format!("`{name}` in {place} comes with a later version of ringtag"),
                    "leave it out for now",
                );
            } else {
                self.book.error(
                    key.span().start,
                    format!("{place} has no key `{name}`"),
                    suggestion(name, &self.asked),
                );
            }
        }
    }

    fn value(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.table?.get(key)
    }

    fn get(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.asked.push(key);
        self.value(key)
    }

    /// The elements of a list, or a value that stands alone.
    fn list(&mut self, key: &'static str) -> Vec<&'t Spanned<DeValue<'t>>> {
        match self.get(key) {
            None => Vec::new(),
            Some(value) => match value.get_ref().as_array() {
                Some(array) => array.iter().collect(),
                None => vec![value],
            },
        }
    }

    fn as_number(
        &self,
        key: &str,
        value: &Spanned<DeValue<'t>>,
        limits: RangeInclusive<u32>,
        sample: &str,
    ) -> Option<u32> {
        let Some(integer) = value.get_ref().as_integer() else {
            self.wrong_type(key, value, "a whole number", sample);
            return None;
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| limits.contains(number));
        if number.is_none() {
            let (min, max) = limits.into_inner();
            self.book.error(
                value.span().start,
                format!("`{key}` is {}, outside {min} to {max}", integer.as_str()),
                format!("write a number from {min} to {max}, such as {sample}"),
            );
        }
        number
    }

    fn not_blank(&self, key: &str, word: Word<'t>, sample: &str) -> bool {
        let blank = word.text.trim().is_empty();
        if blank {
            self.book.error(
                word.at,
                format!("`{key}` is empty"),
                format!("write {sample}, or leave the key out"),
            );
        }
        !blank
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'t>>, wanted: &str, sample: &str) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.book.error(
            value.span().start,
            format!("`{key}` is {found}, not {wanted}"),
            format!("write {key} = {sample}"),
        );
    }
}

fn as_word<'t>(value: &'t Spanned<DeValue<'t>>) -> Option<Word<'t>> {
    let Range { start, .. } = value.span();
    let text = value.get_ref().as_str()?;
    Some(Word { text, at: start })
}

#[cfg(test)]
mod tests {
    use crate::config::trial::{mistakes, notes};

    #[test]
    fn an_unknown_key_names_the_nearest_known_one() {
        assert_eq!(
            mistakes("[sip]\nlisten = \"udp:127.0.0.1:5060\"\ndrain = 30\n"),
            ["3:1: [sip] has no key `drain`; did you mean `drain_s`?"]
        );
        assert_eq!(
            mistakes("[[trunk]]\nid = \"a\"\nhost = \"192.0.2.1\"\nmaxcalls = 5\n"),
            ["4:1: [[trunk]] has no key `maxcalls`; did you mean `max_calls`?"]
        );
        assert_eq!(
            mistakes("[store]\nzzz = 1\n"),
            ["2:1: [store] has no key `zzz`; there are: folder, ladder_days"]
        );
        assert_eq!(
            mistakes("[recording]\nwhen = \"all\"\n"),
            ["1:2: the file has no key `recording`; did you mean `recordings`?"]
        );
    }

    #[test]
    fn a_key_of_a_later_version_says_so() {
        assert_eq!(
            mistakes("[[interface]]\nid = \"lan\"\n"),
            [
                "1:3: `interface` in the file comes with a later version of ringtag; leave it out for now"
            ]
        );
        assert_eq!(
            mistakes("[[trunk]]\nid = \"a\"\nhost = \"192.0.2.1\"\ninterface = \"lan\"\n"),
            [
                "4:1: `interface` in [[trunk]] comes with a later version of ringtag; leave it out for now"
            ]
        );
    }

    #[test]
    fn a_value_of_another_type_says_what_to_write() {
        let text = "[sip]\ndrain_s = \"30\"\nlisten = 5060\n[[trunk]]\nid = 7\nhost = [\"a\"]\ntrusted = \"yes\"\n[recordings]\nkeep_days = 1.5\nwhen = 2027-01-01\n";
        assert_eq!(
            mistakes(text),
            [
                "2:11: `drain_s` is a string, not a whole number; write drain_s = 30",
                "3:10: `listen` is a whole number, not a string or a list of strings; write listen = [\"udp:0.0.0.0:5060\", \"tcp:0.0.0.0:5060\"]",
                "5:6: `id` is a whole number, not a string; write id = \"carrier\"",
                "6:8: `host` is a list, not a string; write host = \"sip.example.com\"",
                "7:11: `trusted` is a string, not true or false; write trusted = true",
                "9:13: `keep_days` is a number with a fraction, not a whole number; write keep_days = 365",
                "10:8: `when` is a date, not a string; write when = \"all\"",
            ]
        );
    }

    #[test]
    fn a_number_outside_its_limits_says_which_they_are() {
        assert_eq!(
            mistakes(
                "[sip]\ndrain_s = -1\n[recordings]\nkeep_days = 0\n[media]\nsilence_s = 99_999_999_999\n"
            ),
            [
                "2:11: `drain_s` is -1, outside 0 to 3600; write a number from 0 to 3600, such as 30",
                "4:13: `keep_days` is 0, outside 1 to 36500; write a number from 1 to 36500, such as 365",
                "6:13: `silence_s` is 99999999999, outside 10 to 86400; write a number from 10 to 86400, such as 60",
            ]
        );
    }

    #[test]
    fn a_word_that_is_not_known_suggests_the_nearest() {
        assert_eq!(
            mistakes("[recordings]\nwhen = \"byrule\"\n"),
            ["2:8: `when` cannot be \"byrule\"; did you mean `by-rule`?"]
        );
    }

    #[test]
    fn a_section_of_the_wrong_shape_is_told_how_to_begin() {
        assert_eq!(
            mistakes("[[sip]]\ndrain_s = 3\n"),
            ["1:1: `sip` stands once and has keys of its own; write [sip] above its keys"]
        );
        assert_eq!(
            mistakes("[trunk]\nid = \"a\"\nhost = \"192.0.2.1\"\n"),
            ["1:1: `trunk` is a list of tables; write [[trunk]] above each"]
        );
        assert_eq!(
            mistakes("rule = 5\n"),
            ["1:8: `rule` is a list of tables; write [[rule]] above each"]
        );
    }

    #[test]
    fn columns_count_characters_and_not_bytes() {
        assert_eq!(
            mistakes("sip = { advertise = \"имя\", drain_s = true }\n"),
            [
                "1:21: `advertise` is \"имя\", which is no host; write an address or a host name without a port, such as \"203.0.113.7\"",
                "1:38: `drain_s` is true or false, not a whole number; write drain_s = 30",
            ]
        );
    }

    #[test]
    fn syntax_errors_are_all_reported_with_what_stands_before_the_first() {
        let text = "[web]\nlistne = 1\n\n[sip]\nlisten =\ndrain_s = = 3\n\n[[rule]]\n";
        let notes = notes(text);
        assert_eq!(
            notes[0],
            "2:1: [web] has no key `listne`; did you mean `listen`?"
        );
        assert!(notes[1].starts_with("5:9: "), "{notes:#?}");
        assert!(notes[2].starts_with("6:11: "), "{notes:#?}");
        assert_eq!(notes.len(), 3, "{notes:#?}");
    }

    #[test]
    fn a_key_written_twice_is_told_at_its_second_place() {
        let notes = notes("[sip]\ndrain_s = 1\ndrain_s = 2\n");
        assert_eq!(
            notes,
            ["3:1: duplicate key; correct the TOML here; what follows may not have been checked"]
        );
    }
}
