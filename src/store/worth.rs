//! What calls were worth, for who goes along rows in their order: a sum over a million calls would spend more time on looking
//! them up one by one than on everything else. Pure.

use crate::base::id::CallId;
use crate::store::row::Row;
use crate::store::rows::Rows;

/// So many are looked up at once: few enough that nothing is lost where conditions let few calls through.
const AHEAD: usize = 32;

/// What the next calls were worth, in hundredths of their projects' currencies. What somebody says while it goes along counts
/// as it was, or as it is.
#[derive(Debug, Default)]
pub(crate) struct Worths {
    ahead: Vec<(CallId, i64)>,
    /// How many of those are behind.
    behind: usize,
}

impl Worths {
    /// What the call of a row was worth; 0: nobody says. Rows may come in any order, and come quickest in that of `rows`.
    #[inline]
    pub(crate) fn of(&mut self, row: &Row, rows: &Rows) -> i64 {
        if row.is_valued() {
            self.find(row.id, rows)
        } else {
            0
        }
    }

    fn find(&mut self, id: CallId, rows: &Rows) -> i64 {
        let ahead = self.ahead.get(self.behind..).unwrap_or_default();
        let passed = ahead.iter().take_while(|(known, _)| *known < id).count();
        self.behind += passed;
        if let Some((known, worth)) = self.ahead.get(self.behind)
            && *known == id
        {
            return *worth;
        }
        let next = rows.worths().range(id..).take(AHEAD);
        self.ahead.clear();
        self.ahead.extend(next.map(|(id, worth)| (*id, *worth)));
        self.behind = 0;
        let first = self.ahead.first().filter(|(known, _)| *known == id);
        first.map_or(0, |(_, worth)| *worth)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::base::time::WallTime;
    use crate::store::crowd::Crowd;
    use proptest::prelude::*;

    static CROWD: LazyLock<Crowd> = LazyLock::new(|| {
        let ends = (WallTime::from_millis(0), WallTime::from_millis(90_000_000));
        Crowd::new(4_000, ends.0, ends.1)
    });

    #[test]
    fn all_calls_in_their_order_are_worth_what_is_said_of_all() {
        let (rows, mut worths) = (CROWD.rows(), Worths::default());
        let sum: i64 = rows.list().iter().map(|row| worths.of(row, rows)).sum();
        assert!(sum > 0 && rows.worths().len() > 3 * AHEAD);
        assert_eq!(sum, rows.worths().values().sum::<i64>());
    }

    proptest! {
        #[test]
        fn every_call_is_worth_what_is_said_of_it_in_whatever_order_they_come(
            skips in prop::collection::vec(1usize..90, 1..200),
            swaps in prop::collection::vec((0usize..200, 0usize..200), 0..20),
        ) {
            let rows = CROWD.rows();
            let mut places: Vec<usize> = skips
                .iter()
                .scan(0, |place, skip| {
                    *place += skip;
                    Some(*place)
                })
                .collect();
            for (a, b) in swaps {
                if a < places.len() && b < places.len() {
                    places.swap(a, b);
                }
            }
            let mut worths = Worths::default();
            for row in places.iter().filter_map(|place| rows.list().get(*place)) {
                let wanted = rows.worths().get(&row.id).copied().unwrap_or_default();
                prop_assert_eq!(worths.of(row, rows), wanted);
            }
        }
    }
}
