//! Passing by the rows that a query asks for, from the oldest to the newest. Pure.

use crate::store::Store;
use crate::store::filter::{Filter, Search};
use crate::store::query::Query;
use crate::store::row::Row;
use crate::store::rows::Rows;

/// Who has rows, and shows those that are asked for.
pub(crate) trait Pass {
    /// Shows each row that `query` asks for, the oldest first; what the rows alone cannot tell (one of too many names, two
    /// callers with one hash) is among them. Its `limit` and `cursor` are not looked at. The names may have become more from
    /// one row to the next.
    fn pass(&self, query: &Query, each: impl FnMut(&Row, &Rows));
}

impl Pass for Store {
    fn pass(&self, query: &Query, each: impl FnMut(&Row, &Rows)) {
        self.scan(query, each);
    }
}

impl Pass for Rows {
    fn pass(&self, query: &Query, mut each: impl FnMut(&Row, &Self)) {
        let found = Search::new(query, self).run();
        let filter = Filter::new(query, found, self);
        let rows = self.list();
        let rows = rows.get(filter.places(rows)).unwrap_or_default();
        rows.iter()
            .filter(|row| filter.passes(row))
            .for_each(|row| each(row, self));
    }
}
