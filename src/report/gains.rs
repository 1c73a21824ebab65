//! What came of calls: which were sold, and what each was worth, for who goes along them in their order. Pure.

use crate::store::row::Row;
use crate::store::rows::Rows;
use crate::store::sieve::Customers;
use crate::store::worth::Worths;
use crate::track::{Sales, Tracking};

/// What came of calls, looked up as they come.
#[derive(Debug)]
pub(crate) struct Gains {
    sales: Sales,
    /// There with the first call, whose rows have the names of the sales.
    customers: Option<Customers>,
    worths: Worths,
}

/// What came of one call; nothing where nobody says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gain {
    /// It was sold.
    pub(crate) is_customer: bool,
    /// What it was worth, in hundredths of its project's currency.
    pub(crate) worth: i64,
}

impl Gains {
    /// Those of calls of which `tracking` says what is a sale.
    pub(crate) fn new(tracking: &Tracking) -> Self {
        Self {
            sales: tracking.sales(),
            customers: None,
            worths: Worths::default(),
        }
    }

    /// What came of the call of a row.
    #[inline]
    pub(crate) fn of(&mut self, row: &Row, rows: &Rows) -> Gain {
        let sales = &self.sales;
        let customers = self
            .customers
            .get_or_insert_with(|| Customers::new(sales, rows));
        Gain {
            is_customer: customers.has(row),
            worth: self.worths.of(row, rows),
        }
    }
}
