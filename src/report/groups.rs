//! The lines of a report by what caused its calls: each call's line is found by its source's number, without a look at a name.
//! Pure.

use crate::report::ask::By;
use crate::report::conditions::is;
use crate::report::table::Calls;
use crate::store::names::{Name, Source};
use crate::store::row::Row;
use crate::store::rows::Rows;

/// No line yet.
const NONE: u32 = u32::MAX;

/// Lines, in the order in which they were met.
#[derive(Debug)]
pub(crate) struct Groups {
    by: By,
    /// The line of each source.
    lines: Vec<u32>,
    /// The name of each line.
    names: Vec<Name>,
}

impl Groups {
    /// No lines yet.
    pub(crate) const fn new(by: By) -> Self {
        Self {
            by,
            lines: Vec::new(),
            names: Vec::new(),
        }
    }

    /// The line of a call.
    #[inline]
    pub(crate) fn place(&mut self, row: &Row, rows: &Rows) -> usize {
        let key = usize::from(row.source.0);
        match self.lines.get(key) {
            Some(&line) if line != NONE => usize::try_from(line).unwrap_or_default(),
            Some(_) | None => self.meet(row, rows),
        }
    }

    #[cold]
    fn meet(&mut self, row: &Row, rows: &Rows) -> usize {
        let source = rows.names().sources.get(row.source);
        let name = source.map_or(Name::MANY, |source| word(self.by, source));
        let known = self.names.iter().position(|known| *known == name);
        let line = known.unwrap_or_else(|| {
            self.names.push(name);
            self.names.len() - 1
        });
        let key = usize::from(row.source.0);
        if self.lines.len() <= key {
            self.lines.resize(key + 1, NONE);
        }
        if let Some(place) = self.lines.get_mut(key) {
            *place = u32::try_from(line).unwrap_or(NONE);
        }
        line
    }

    /// The name of each line; `None`: it has none.
    pub(crate) fn names(&self, rows: &Rows) -> Vec<Option<String>> {
        let name = |name: &Name| match *name {
            Name::MANY => Some("…".to_owned()),
            name => rows.names().words.get(name).map(ToString::to_string),
        };
        self.names.iter().map(name).collect()
    }
}

/// What narrows calls to those of a line.
pub(crate) fn calls(by: By, name: Option<&str>) -> Calls {
    let word = by.word();
    vec![match name {
        Some(name) => is(word, name),
        None => is("without", word),
    }]
}

fn word(by: By, source: &Source) -> Name {
    match by {
        By::Source => source.tag,
        By::Campaign => source.campaign,
        By::Channel => source.channel,
        By::Category => source.category,
        By::Number => source.virtual_number,
        By::Rule => source.rule,
        // Those lines are no source's.
        By::Day | By::Week | By::Month => Name::MANY,
    }
}
