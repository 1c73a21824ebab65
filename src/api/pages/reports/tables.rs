//! The tables of a report's page: one, or several where one would be wider than a screen.

use crate::api::pages::reports::shown::Shown;
use crate::report::ask::Kind;
use crate::web::report::{Row, Table};

/// Columns that stand together, under the name of what they have in common.
type Part = (&'static str, &'static [&'static str]);

/// Seventeen columns are more than a screen or a sheet of paper has room for: what answers one question stands together.
const MONEY: [Part; 3] = [
    (
        "money-pays",
        &["spent", "customers", "cac", "profit", "roi", "verdict"],
    ),
    (
        "money-calls",
        &[
            "calls",
            "cost_of_call",
            "target",
            "cost_of_target",
            "leads",
            "cpl",
            "conversion",
        ],
    ),
    (
        "money-spent",
        &["advertising", "other_costs", "revenue", "roas"],
    ),
];

/// What managers do, and what comes of it.
const MANAGERS: [Part; 2] = [
    (
        "managers-answer",
        &[
            "offered",
            "answered",
            "answered_share",
            "missed",
            "others",
            "wait",
            "wait_p90",
            "talk",
        ],
    ),
    (
        "managers-sell",
        &["target", "customers", "conversion", "revenue"],
    ),
];

/// The tables of a report; none: it has but one.
const fn parts(kind: Kind) -> &'static [Part] {
    match kind {
        Kind::Money => &MONEY,
        Kind::Managers => &MANAGERS,
        Kind::Sources
        | Kind::Hours
        | Kind::Days
        | Kind::Repeat
        | Kind::Reasons
        | Kind::Goals
        | Kind::Missed
        | Kind::Funnel
        | Kind::Lines
        | Kind::AnswerTime
        | Kind::Rules => &[],
    }
}

impl Shown<'_> {
    /// The tables, and what is said of the lines that they leave out.
    pub(super) fn tables(&self, kind: Kind) -> (Vec<Table>, Option<String>) {
        let (rows, more) = self.rows();
        if rows.is_empty() {
            return (Vec::new(), more);
        }
        let heads = self.heads();
        let parts = parts(kind);
        if parts.is_empty() {
            let title = None;
            return (vec![Table { title, heads, rows }], more);
        }
        let table = |(title, keys): &Part| {
            let all = heads.iter().enumerate();
            let own = all.filter(|(_, head)| keys.contains(&head.key));
            let places: Vec<usize> = own.map(|(place, _)| place).collect();
            let row = |row: &Row| Row {
                cells: some(&row.cells, &places),
                ..row.clone()
            };
            Table {
                title: Some(self.words.say(title)),
                heads: some(&heads, &places),
                rows: rows.iter().map(row).collect(),
            }
        };
        (parts.iter().map(table).collect(), more)
    }
}

/// Those at these places.
fn some<T: Clone>(all: &[T], places: &[usize]) -> Vec<T> {
    let at = |place: &usize| all.get(*place).cloned();
    places.iter().filter_map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::managers;
    use crate::report::money;

    #[test]
    fn every_figure_stands_in_one_table() {
        let of = |kind| {
            let all = parts(kind).iter().flat_map(|(_, keys)| *keys);
            let mut all: Vec<&str> = all.copied().collect();
            all.sort_unstable();
            all
        };
        for (kind, columns) in [
            (Kind::Money, money::columns()),
            (Kind::Managers, managers::columns()),
        ] {
            let mut all: Vec<&str> = columns.iter().map(|column| column.key).collect();
            all.sort_unstable();
            assert_eq!(of(kind), all);
        }
    }
}
