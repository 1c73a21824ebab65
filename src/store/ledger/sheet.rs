//! A table of amounts as a spreadsheet saves it (RFC 4180, with semicolons too): every bad row with its line and what is wrong,
//! and nothing of a table that has one. Pure.

use std::collections::BTreeMap;
use std::io;

use csv::StringRecord;

use crate::store::csv::harmless;
use crate::store::ledger::check::{Known, WHOLE, Written, Wrong, nearest};
use crate::store::ledger::{CHANGES_MAX, Cost, Entry, Ledger, Purpose};

/// The largest table, in bytes: [`CHANGES_MAX`] rows with a sentence in each.
pub const BYTES_MAX: usize = 256 * 1_024;

/// Most faults that are listed; who has more mends these first.
pub const FAULTS_MAX: usize = 100;

/// The columns, by the names that a header line may have.
const COLUMNS: [(&str, &[&str]); 10] = [
    ("project", &["project", "проект"]),
    ("source", &["source", "источник"]),
    ("campaign", &["campaign", "кампания"]),
    ("channel", &["channel", "канал"]),
    ("cost", &["cost", "kind", "вид"]),
    ("from", &["from", "с", "начало"]),
    ("until", &["until", "to", "по", "конец"]),
    ("amount", &["amount", "sum", "сумма"]),
    ("currency", &["currency", "валюта"]),
    ("note", &["note", "comment", "примечание", "комментарий"]),
];

/// Columns of our own tables that say nothing of an amount.
const PASSED_BY: [&str; 3] = ["id", "entered_at", "entered_by"];

/// Writes amounts as a table that can be read again and that no spreadsheet executes.
///
/// # Errors
/// Memory does not take it, which is never seen.
pub fn write<'e>(entries: impl Iterator<Item = &'e Entry>) -> io::Result<Vec<u8>> {
    let mut csv = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    csv.write_record(COLUMNS.map(|(name, _)| name))?;
    for entry in entries {
        let name = |word: &str| {
            let own = entry
                .purpose
                .name()
                .filter(|_| entry.purpose.word() == word);
            let is_whole = entry.purpose == Purpose::Project && word == "source";
            own.unwrap_or(if is_whole { WHOLE } else { "" }).to_owned()
        };
        let cells = [
            entry.project.clone(),
            name("source"),
            name("campaign"),
            name("channel"),
            entry.cost.word().to_owned(),
            entry.from.to_string(),
            entry.until.to_string(),
            format!("{}.{:02}", entry.hundredths / 100, entry.hundredths % 100),
            entry.currency.clone(),
            entry.note.clone(),
        ];
        csv.write_record(cells.iter().map(|cell| harmless(cell).into_owned()))?;
    }
    csv.into_inner()
        .map_err(|error| io::Error::other(error.to_string()))
}

/// A table that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// What it says; of a table with faults nothing is to be entered.
    pub rows: Vec<SheetRow>,
    /// What is wrong, by line.
    pub faults: Vec<Fault>,
    /// How many more faults there are.
    pub more: usize,
}

/// A row that can be entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SheetRow {
    /// Its line in the file, from 1.
    pub line: u64,
    /// What it says.
    pub entry: Entry,
    /// What somebody should look at before.
    pub doubts: Vec<Wrong>,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What was entered before, found by what it is for.
struct Before<'l>(BTreeMap<Key, Vec<(&'l Entry, &'l str)>>);

/// Project, purpose and kind.
type Key = (String, Purpose, Cost);

impl Sheet {
    /// Reads a table. `home` is the project of rows that name none.
    pub fn read(bytes: &[u8], known: &Known, ledger: &Ledger, home: Option<&str>) -> Self {
        let mut sheet = Self::default();
        if bytes.len() > BYTES_MAX {
            sheet.fault(1, "", "too-large", &(BYTES_MAX / 1_024).to_string(), "");
            return sheet;
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
                sheet.fault(u64::try_from(line).unwrap_or(1), "", "not-text", "", "");
                return sheet;
            }
        };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter(text))
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let mut rows = reader
            .records()
            .map_while(Result::ok)
            .filter(|row| !is_blank(row));
        let Some(header) = rows.next() else {
            sheet.fault(1, "", "empty", "", "");
            return sheet;
        };
        let mut lines = Lines::new(text);
        let Some(places) = sheet.header(lines.of(&header), &header) else {
            return sheet;
        };
        let before = Before::new(ledger);
        for (number, row) in rows.enumerate() {
            let line = lines.of(&row);
            if number >= CHANGES_MAX {
                sheet.fault(line, "", "too-many-rows", &CHANGES_MAX.to_string(), "");
                break;
            }
            if row.len() != header.len() {
                let (has, wanted) = (row.len().to_string(), header.len().to_string());
                sheet.fault(line, "", "cells", &has, &wanted);
                continue;
            }
            sheet.row(line, &written(&row, &places), known, &before, home);
        }
        if sheet.rows.is_empty() && sheet.faults.is_empty() {
            sheet.fault(1, "", "empty", "", "");
        }
        sheet
    }

    /// The place of each column; `None`: they are not what they should be.
    fn header(
        &mut self,
        line: u64,
        header: &StringRecord,
    ) -> Option<BTreeMap<&'static str, usize>> {
        let mut places = BTreeMap::new();
        let all = || COLUMNS.iter().flat_map(|(_, names)| names.iter().copied());
        for (place, name) in header.iter().enumerate() {
            let name = name.trim().to_lowercase();
            let found = COLUMNS
                .iter()
                .find(|(_, names)| names.contains(&name.as_str()));
            if PASSED_BY.contains(&name.as_str()) {
                continue;
            }
            match (found, nearest(&name, all())) {
                (Some((column, _)), _) => {
                    if places.insert(*column, place).is_some() {
                        self.fault(line, "", "column-twice", &name, "");
                    }
                }
                (None, Some(near)) => self.fault(line, "", "unknown-column-near", &name, near),
                (None, None) => self.fault(line, "", "unknown-column", &name, ""),
            }
        }
        for needed in ["from", "until", "amount"] {
            if !places.contains_key(needed) {
                self.fault(line, "", "no-column", needed, "");
            }
        }
        self.faults.is_empty().then_some(places)
    }

    fn row(
        &mut self,
        line: u64,
        written: &Written,
        known: &Known,
        before: &Before<'_>,
        home: Option<&str>,
    ) {
        let entry = match written.read(known, home) {
            Ok(entry) => entry,
            Err(all) => {
                for wrong in all {
                    self.push(Fault { line, wrong });
                }
                return;
            }
        };
        if let Some(twin) = self.rows.iter().find(|row| row.entry == entry) {
            let other = twin.line.to_string();
            return self.fault(line, "", "same-as-line", &other, "");
        }
        let mut doubts = Vec::new();
        for (other, by) in before.of(&entry) {
            if **other == entry {
                return self.fault(line, "", "same-as-entered", by, "");
            }
            if other.overlaps(&entry) {
                let days = format!("{} – {}", other.from, other.until);
                doubts.push(Wrong::new("from", "overlaps-entered", &days, by));
            }
        }
        let overlapping = self.rows.iter().filter(|row| row.entry.overlaps(&entry));
        for other in overlapping {
            let other = other.line.to_string();
            doubts.push(Wrong::new("from", "overlaps-line", &other, ""));
        }
        self.rows.push(SheetRow {
            line,
            entry,
            doubts,
        });
    }

    fn fault(&mut self, line: u64, member: &'static str, word: &'static str, a: &str, b: &str) {
        self.push(Fault {
            line,
            wrong: Wrong::new(member, word, a, b),
        });
    }

    fn push(&mut self, fault: Fault) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        } else {
            self.more += 1;
        }
    }
}

impl<'l> Before<'l> {
    fn new(ledger: &'l Ledger) -> Self {
        let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for item in ledger.items() {
            if let (Some(entry), Some(last)) = (item.now(), item.versions.last()) {
                all.entry(key(entry)).or_default().push((entry, &*last.by));
            }
        }
        Self(all)
    }

    fn of(&self, entry: &Entry) -> &[(&'l Entry, &'l str)] {
        self.0.get(&key(entry)).map_or(&[], Vec::as_slice)
    }
}

fn key(entry: &Entry) -> Key {
    (entry.project.clone(), entry.purpose.clone(), entry.cost)
}

/// Whichever of the two the header has more of, outside quotes or not: no column's name has one.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty());
    let count = |mark: char| header.map_or(0, |header| header.matches(mark).count());
    if count(';') > count(',') { b';' } else { b',' }
}

/// The lines on which rows begin, which are asked for in their order. The reader tells where it began to look for a row: that is
/// before the end of the line above, and before blank lines.
struct Lines<'t> {
    text: &'t str,
    at: usize,
    line: u64,
}

impl<'t> Lines<'t> {
    const fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
        }
    }

    fn of(&mut self, row: &StringRecord) -> u64 {
        let looked = row.position().map_or(0, csv::Position::byte);
        let looked = usize::try_from(looked).unwrap_or(usize::MAX);
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let is_end = |byte: u8| matches!(byte, b'\r' | b'\n');
        let mut before = b' ';
        for &byte in rest {
            if self.at >= looked && !is_end(byte) {
                break;
            }
            // A line ends with either or with both.
            if byte == b'\n' && before != b'\r' || byte == b'\r' {
                self.line += 1;
            }
            before = byte;
            self.at += 1;
        }
        self.line
    }
}

fn is_blank(row: &StringRecord) -> bool {
    row.iter().all(|cell| cell.trim().is_empty())
}

fn written(row: &StringRecord, places: &BTreeMap<&'static str, usize>) -> Written {
    let cell = |name| {
        let place = places.get(name).copied();
        let cell = place.and_then(|place| row.get(place)).unwrap_or_default();
        // What our own tables put before a formula is no part of the text.
        cell.strip_prefix('\'').unwrap_or(cell).to_owned()
    };
    Written {
        project: cell("project"),
        source: cell("source"),
        campaign: cell("campaign"),
        channel: cell("channel"),
        cost: cell("cost"),
        from: cell("from"),
        until: cell("until"),
        amount: cell("amount"),
        currency: cell("currency"),
        note: cell("note"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::ledger::Change;
    use crate::store::ledger::{SpentLine, Way};
    use crate::store::trial::MORNING;

    fn known() -> Known {
        let tracking = crate::track::Tracking::default();
        let mut known = Known::new(&tracking, Vec::new(), |_| true);
        known.add(
            "shop",
            "RUB",
            &["billboard", "direct-mowers"],
            &["spring"],
            &["outdoor"],
        );
        known
    }

    fn read(text: &str) -> Sheet {
        Sheet::read(text.as_bytes(), &known(), &Ledger::default(), None)
    }

    fn faults(sheet: &Sheet) -> Vec<(u64, &'static str)> {
        let faults = sheet.faults.iter();
        faults.map(|fault| (fault.line, fault.wrong.word)).collect()
    }

    #[test]
    fn a_table_with_commas_or_semicolons_and_either_point_is_read() {
        for text in [
            "source,from,until,amount,currency,note\nbillboard,2026-11-01,2026-11-30,50000.50,RUB,rent\n",
            "\u{feff}Source;From;Until;Amount;Currency;Note\r\nbillboard;01.11.2026;30.11.2026;50 000,50;rub;rent\r\n",
            "источник;с;по;сумма;валюта;примечание\n\nbillboard;2026-11-01;2026-11-30;\"50000,50\";;rent\n;;;;;\n",
        ] {
            let sheet = read(text);
            assert_eq!(sheet.faults, [], "{text}");
            let [row] = sheet.rows.as_slice() else {
                panic!("{sheet:?}");
            };
            assert_eq!(row.entry.purpose, Purpose::Source("billboard".into()));
            assert_eq!(row.entry.hundredths, 5_000_050);
            assert_eq!((row.entry.days(), &*row.entry.note), (30, "rent"));
        }
    }

    #[test]
    fn each_bad_row_is_named_by_its_line_with_everything_that_is_wrong() {
        let sheet = read(
            "source,campaign,channel,from,until,amount,currency,note\n\
             bilboard,,,2026-11-01,2026-11-30,100,RUB,\n\
             billboard,,,2026-11-30,2026-11-01,100,EUR,\n\
             billboard,,,2026-11-01,2026-11-30,much,RUB,\n\
             billboard,spring,,2026-11-01,2026-11-30,-5,RUB,\n\
             ,,,2026-11-01,2026-11-30,100,RUB,\n\
             billboard,,,2026-11-01,2026-11-30,1,5,RUB,\n\
             ,,outdoor,2026-11-01,2026-11-30,100,RUB,\"two\nlines\"\n\
             billboard,,,2026-13-01,,100,RUB,\n",
        );
        assert_eq!(
            faults(&sheet),
            [
                (2, "unknown-source-near"),
                (3, "backwards"),
                (3, "currency"),
                (4, "no-amount"),
                (5, "two-purposes"),
                (5, "not-positive"),
                (6, "no-purpose"),
                (7, "cells"),
                (8, "note"),
                (10, "no-date"),
                (10, "empty-date"),
            ]
        );
        let near = &sheet.faults[0].wrong;
        assert_eq!((&*near.a, &*near.b), ("bilboard", "billboard"));
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts_them() {
        let rows = [
            "source,from,until,amount,note",
            "billboard,2026-11-01,2026-11-30,1,",
            "x,2026-11-01,2026-11-30,2,",
            "",
            "x,2026-11-01,2026-11-30,3,",
            "billboard,2026-11-01,2026-11-30,4,\"two",
            "lines\"",
            "x,2026-11-01,2026-11-30,5,",
        ];
        let named = [
            (3, "unknown-source"),
            (5, "unknown-source"),
            (6, "note"),
            (8, "unknown-source"),
        ];
        for end in ["\n", "\r\n", "\r"] {
            assert_eq!(faults(&read(&rows.join(end))), named, "{end:?}");
            let after_blanks = format!("{end}{end}{}{end}", rows.join(end));
            let later = named.map(|(line, word)| (line + 2, word));
            assert_eq!(faults(&read(&after_blanks)), later, "{end:?}");
        }
    }

    #[test]
    fn a_header_says_what_it_lacks_and_what_nobody_knows() {
        let words = |text| faults(&read(text));
        assert_eq!(words(""), [(1, "empty")]);
        assert_eq!(words("source,from,until,amount\n"), [(1, "empty")]);
        assert_eq!(
            words("source,from,amuont\nx\n"),
            [
                (1, "unknown-column-near"),
                (1, "no-column"),
                (1, "no-column")
            ]
        );
        assert_eq!(
            words("from,until,amount,amount,zzz\n"),
            [(1, "column-twice"), (1, "unknown-column")]
        );
        let bytes = b"source,from,until,amount\n\xcc\xee,1,2,3\n";
        let sheet = Sheet::read(bytes, &known(), &Ledger::default(), None);
        assert_eq!(faults(&sheet), [(2, "not-text")]);
    }

    #[test]
    fn what_is_there_already_is_refused_and_what_overlaps_is_doubted() {
        let row = "billboard,2026-11-01,2026-11-30,100";
        let text =
            format!("source,from,until,amount\n{row}\nbillboard,2026-11-30,2026-12-01,5\n{row}\n");
        let sheet = read(&text);
        assert_eq!(faults(&sheet), [(4, "same-as-line")]);
        assert_eq!(sheet.rows[1].doubts[0].word, "overlaps-line");
        let mut ledger = Ledger::default();
        let line = SpentLine {
            by: "anna".into(),
            way: Way::Import,
            changes: vec![Change {
                id: "019aa5c4-98f0-7000-8000-000000000001".parse().unwrap(),
                replaces: None,
                now: Some(sheet.rows[0].entry.clone()),
            }],
        };
        ledger.apply(1, MORNING, &line);
        let again = Sheet::read(text.as_bytes(), &known(), &ledger, None);
        assert_eq!(
            faults(&again),
            [(2, "same-as-entered"), (4, "same-as-entered")]
        );
        assert_eq!(again.rows[0].doubts[0].word, "overlaps-entered");
        assert_eq!(again.rows[0].doubts.len(), 1);
    }

    #[test]
    fn what_is_written_reads_back_and_no_note_is_a_formula() {
        let text = "source,from,until,amount,cost,note\nbillboard,2026-11-01,2026-11-30,0.05,,\"=1+1, or so\"\n,2026-11-01,2026-11-30,7,salary,\n";
        let sheet = read(text);
        let entries: Vec<_> = sheet.rows.iter().map(|row| row.entry.clone()).collect();
        let written = String::from_utf8(write(entries.iter()).unwrap()).unwrap();
        assert!(written.contains("\"'=1+1, or so\""), "{written}");
        let again = read(&written);
        let again: Vec<_> = again.rows.into_iter().map(|row| row.entry).collect();
        assert_eq!(again, entries);
    }

    #[test]
    fn a_table_has_an_end() {
        let row = |number: usize| format!("billboard,2026-11-01,2026-11-30,{}\n", number + 1);
        let rows = |count: usize| -> String { (0..count).map(row).collect() };
        let head = "source,from,until,amount\n";
        assert_eq!(
            read(&format!("{head}{}", rows(CHANGES_MAX))).rows.len(),
            CHANGES_MAX
        );
        let more = read(&format!("{head}{}", rows(CHANGES_MAX + 5)));
        assert_eq!(faults(&more), [(1_002, "too-many-rows")]);
        assert_eq!(
            faults(&read(&"x".repeat(BYTES_MAX + 1))),
            [(1, "too-large")]
        );
        let bad = read(&format!("{head}{}", "x,1,2,3\n".repeat(200)));
        assert_eq!((bad.faults.len(), bad.more), (FAULTS_MAX, 500));
    }

    proptest! {
        #[test]
        fn no_bytes_break_it_and_a_table_with_a_fault_names_a_line_of_its_own(
            text in "(source|from|until|amount|note|[,;\"\n\r]|[0-9.]{1,4}|billboard|2026-11-0[0-9]|\\PC){0,60}",
        ) {
            let sheet = read(&text);
            let lines = u64::try_from(text.split(['\n', '\r']).count()).unwrap();
            for fault in &sheet.faults {
                prop_assert!((1..=lines).contains(&fault.line), "{} of {lines}", fault.line);
            }
        }
    }
}
