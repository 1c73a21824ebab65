//! What was spent and what it brought: by source, campaign, channel or category, down to whether it pays. Pure.

mod carried;
mod cells;
mod leads;
mod spread;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use crate::report::ask::{Ask, By};
use crate::report::conditions::is;
use crate::report::groups::calls;
use crate::report::lines::frame;
use crate::report::money::carried::{Spent, carried, is_of};
use crate::report::money::cells::{Brought, Cells};
use crate::report::share::Share;
use crate::report::table::{Calls, Chart, Column, Figure, Line, Report, Unit, Verdict};
use crate::store::ledger::Ledger;
use crate::store::pass::Pass;

/// So many customers are enough to hold what they cost against what a deal leaves: by chance alone their number is off by a
/// third at most in two of three periods. With fewer the verdict waits until even the ends of the interval agree.
pub const CUSTOMERS_ENOUGH: u64 = 10;

/// The column of what was spent in all.
pub const SPENT: &str = "spent";

/// The column of what a customer cost.
pub const CAC: &str = "cac";

/// The lines of a report about money that people look for first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ends<'r> {
    /// The one whose customers cost least.
    pub cheapest: Option<&'r Line>,
    /// The one whose customers cost most.
    pub dearest: Option<&'r Line>,
}

/// Of a line in one of the two periods.
#[derive(Clone, Copy, Debug, Default)]
struct Results {
    spent: Spent,
    brought: Brought,
    leads: u64,
    /// What the deals leave, in hundredths; `None`: nobody says what a deal leaves.
    gain: Option<i64>,
    /// The most that a deal of these projects leaves.
    best_deal: i64,
}

/// Holds what was spent against what it brought.
pub(crate) fn report(ask: &Ask<'_>, rows: &impl Pass, ledger: &Ledger) -> Report {
    let by = ask.by().unwrap_or(By::Source);
    let mut cells = Cells::count(ask, by, rows);
    let spent = carried(ask, by, ledger, &mut cells);
    let deals = Deals::new(ask);
    let mut lines = vec![[deals.none(); 2]; cells.lines.len()];
    for cell in &cells.cells {
        let project = cell.origin.project.as_deref().unwrap_or_default();
        let line = lines.get_mut(cell.line).into_iter().flatten();
        for (results, brought) in line.zip(cell.brought) {
            results.brought.join(brought);
            results.gain = deals.add(results.gain, project, brought.customers);
        }
    }
    let mut total = [deals.none(); 2];
    for ((number, line), spent) in lines.iter_mut().enumerate().zip(&spent) {
        for ((results, spent), leads) in line.iter_mut().zip(spent).zip(cells.leads.of(number)) {
            results.spent = *spent;
            results.leads = leads;
        }
    }
    for (place, sum) in total.iter_mut().enumerate() {
        for results in lines.iter().filter_map(|line| line.get(place)) {
            sum.spent.join(results.spent);
            sum.brought.join(results.brought);
            sum.gain = sum.gain.zip(results.gain).map(|(a, b)| a.saturating_add(b));
        }
    }
    for (sum, leads) in total.iter_mut().zip(cells.leads.all()) {
        sum.leads = leads;
    }
    let mut report = frame(ask, columns(), Chart::Bars);
    report.drawn = place_of(&report.columns, CAC).unwrap_or_default();
    report.total = Some(line(String::new(), Vec::new(), total));
    let named = lines.into_iter().zip(&cells.lines);
    let mut lines: Vec<([Results; 2], Line)> = named
        .filter(|(results, _)| results.iter().any(|results| !results.is_empty()))
        .map(|(results, name)| {
            let name = name.as_deref();
            let calls = match (by, name) {
                // Every call has a source: behind what no source has, there are none.
                (By::Source, None) => vec![is("source", "-")],
                (_, name) => calls(by, name),
            };
            let shown = line(name.unwrap_or_default().to_owned(), calls, results);
            (results, shown)
        })
        .collect();
    lines.sort_by_cached_key(|([now, _], line)| (now.order(), line.key.clone()));
    report.lines = lines.into_iter().map(|(_, line)| line).collect();
    report
}

/// The cheapest and the dearest of a report about money, where there are two to be told apart.
pub fn ends(report: &Report) -> Ends<'_> {
    let (Some(cac), Some(spent)) = (
        place_of(&report.columns, CAC),
        place_of(&report.columns, SPENT),
    ) else {
        return Ends::default();
    };
    // They are in this order already.
    let has_cost = |line: &&Line| {
        let is_money = |place: usize| match line.cells.get(place) {
            Some(Figure::Money(hundredths)) => *hundredths > 0,
            Some(_) | None => false,
        };
        is_money(cac) && is_money(spent)
    };
    let mut with_cost = report.lines.iter().filter(has_cost);
    let cheapest = with_cost.next();
    let dearest = with_cost.next_back();
    Ends {
        cheapest: cheapest.filter(|_| dearest.is_some()),
        dearest,
    }
}

/// The place of a column.
pub fn place_of(columns: &[Column], key: &str) -> Option<usize> {
    columns.iter().position(|column| column.key == key)
}

/// What deals leave, project by project.
struct Deals<'a> {
    ask: &'a Ask<'a>,
    /// Every project of the report says it.
    is_known: bool,
    best: i64,
}

impl<'a> Deals<'a> {
    fn new(ask: &'a Ask<'a>) -> Self {
        let projects = ask.tracking.projects().iter();
        let own = projects.filter(|project| is_of(&ask.query, &project.id));
        let deals: Vec<Option<i64>> = own.map(|project| project.deal_profit).collect();
        Self {
            ask,
            is_known: deals.iter().all(Option::is_some),
            best: deals.into_iter().flatten().max().unwrap_or(0),
        }
    }

    /// Of no call.
    fn none(&self) -> Results {
        Results {
            gain: self.is_known.then_some(0),
            best_deal: self.best,
            ..Results::default()
        }
    }

    /// What is left with so many more customers of a project.
    fn add(&self, gain: Option<i64>, project: &str, customers: u64) -> Option<i64> {
        if customers == 0 {
            return gain;
        }
        let profit = self.ask.tracking.project(project)?.deal_profit?;
        let customers = i64::try_from(customers).unwrap_or(i64::MAX);
        gain.map(|gain| gain.saturating_add(profit.saturating_mul(customers)))
    }
}

impl Results {
    const fn is_empty(&self) -> bool {
        self.brought.calls == 0 && self.spent.sum() == 0
    }

    /// The cheapest customer first, then what has cost and brought none, the dearest first, then what cost nothing.
    fn order(&self) -> (u8, Reverse<u64>, i64) {
        let spent = self.spent.sum();
        match each(spent, self.brought.customers).money() {
            Some(cost) => (0, Reverse(0), cost),
            None if spent > 0 => (1, Reverse(0), -spent),
            None => (2, Reverse(self.brought.calls), 0),
        }
    }

    const fn conversion(&self) -> Share {
        Share {
            part: self.brought.customers,
            whole: self.brought.calls,
        }
    }

    fn profit(&self) -> Option<i64> {
        self.gain.map(|gain| gain.saturating_sub(self.spent.sum()))
    }

    fn verdict(&self) -> Verdict {
        let spent = self.spent.sum();
        let Some(gain) = self.gain.filter(|_| spent > 0) else {
            return Verdict::Untold;
        };
        let pays = |gain: f64, spent: f64| {
            if gain > spent {
                Verdict::Pays
            } else {
                Verdict::DoesNotPay
            }
        };
        #[expect(clippy::cast_precision_loss, reason = "a verdict is no sum of money")]
        let (gain, spent) = (gain as f64, spent as f64);
        if self.brought.customers >= CUSTOMERS_ENOUGH {
            return pays(gain, spent);
        }
        let Some((low, high)) = self.conversion().interval() else {
            return Verdict::Untold;
        };
        // What one deal leaves: as those did that there are, or the best that there could be.
        #[expect(clippy::cast_precision_loss, reason = "a verdict is no sum of money")]
        let (calls, deal) = match self.brought.customers {
            0 => (self.brought.calls as f64, self.best_deal as f64),
            customers => (self.brought.calls as f64, gain / customers as f64),
        };
        let (worst, best) = (
            pays(low * calls * deal, spent),
            pays(high * calls * deal, spent),
        );
        if worst == best {
            worst
        } else {
            Verdict::Untold
        }
    }

    /// The figures under [`columns`].
    fn figures(&self) -> Vec<Figure> {
        let Brought {
            calls,
            target,
            customers,
            worth,
        } = self.brought;
        let (advertising, spent) = (self.spent.advertising, self.spent.sum());
        vec![
            Figure::Money(advertising),
            Figure::Money(self.spent.other),
            Figure::Money(spent),
            Figure::Count(calls),
            each(spent, calls),
            Figure::Count(target),
            each(spent, target),
            Figure::Count(self.leads),
            each(spent, self.leads),
            Figure::Count(customers),
            each(spent, customers),
            Figure::Share(self.conversion()),
            Figure::Money(worth),
            ratio(Some(worth), advertising),
            self.profit().map_or(Figure::Nothing, Figure::Money),
            ratio(self.profit(), spent),
            Figure::Verdict(self.verdict()),
        ]
    }
}

fn line(key: String, calls: Vec<(&'static str, String)>, [now, before]: [Results; 2]) -> Line {
    Line {
        key,
        label: None,
        calls,
        cells: now.figures(),
        before: before.figures(),
    }
}

/// What one of `count` cost, to the nearest hundredth; nothing where nothing was spent or nothing came.
fn each(spent: i64, count: u64) -> Figure {
    if count == 0 || spent <= 0 {
        return Figure::Nothing;
    }
    let count = i128::from(count);
    let cost = (2 * i128::from(spent) + count) / (2 * count);
    i64::try_from(cost).map_or(Figure::Nothing, Figure::Money)
}

#[expect(clippy::cast_precision_loss, reason = "a ratio is no sum of money")]
fn ratio(part: Option<i64>, whole: i64) -> Figure {
    let ratio = part.filter(|_| whole > 0);
    ratio.map_or(Figure::Nothing, |part| {
        Figure::Number(part as f64 / whole as f64)
    })
}

/// The columns.
pub(crate) fn columns() -> Vec<Column> {
    let column = |key, unit, formula, calls| Column {
        key,
        unit,
        formula,
        calls: Some(calls),
    };
    // Behind what was spent are the calls that carry it, behind what each of some calls cost those calls, and behind what is
    // earned the calls that bring it.
    let money = |key, formula, calls| column(key, Unit::Money, formula, calls);
    let count = |key, formula, calls| column(key, Unit::Count, formula, calls);
    let ratio = |key, formula, calls| column(key, Unit::Number, formula, calls);
    let all = Calls::new;
    let [target, leads, customers, valued] =
        ["target", "lead", "customer", "valued"].map(|name| move || vec![is(name, "true")]);
    vec![
        money(
            "advertising",
            "what was entered as advertising: an amount has the same every day from its first to its last, and the hundredths that do not divide go to the first days; of the days in the period, what is for more than the line is carried in equal parts by the calls that it is for",
            all(),
        ),
        money(
            "other_costs",
            "services and salaries, spread over days and calls as advertising is",
            all(),
        ),
        money(SPENT, "advertising + other_costs", all()),
        count("calls", "calls that began in the period", all()),
        money("cost_of_call", "spent / calls", all()),
        count(
            "target",
            "calls that somebody marked as one of those that the advertising is for",
            target(),
        ),
        money("cost_of_target", "spent / target", target()),
        count(
            "leads",
            "people who may buy: callers with a target call or a deal, each counted once however often they call; who hides is counted at each call",
            leads(),
        ),
        money(
            "cpl",
            "cost of a lead: spent / leads, what it costs that somebody calls who may buy",
            leads(),
        ),
        count(
            "customers",
            "calls whose outcome is one of the project's `sales`",
            customers(),
        ),
        money(
            CAC,
            "cost of a customer: spent / customers, what it costs that somebody buys; it is the cost of a lead divided by how many of the leads buy, so the two differ by what is lost between the call and the sale",
            customers(),
        ),
        column(
            "conversion",
            Unit::Share,
            "customers / calls; between the ends of the interval it lies in 95 of 100 cases (Wilson)",
            customers(),
        ),
        money(
            "revenue",
            "sum of what people say the calls were worth",
            valued(),
        ),
        ratio(
            "roas",
            "return on advertising spend: revenue / advertising; what services and salaries cost is not in it",
            valued(),
        ),
        money(
            "profit",
            "customers x what a deal leaves (`deal_profit` of the project) - spent",
            customers(),
        ),
        ratio(
            "roi",
            "return on investment: profit / spent; 0 is what pays for itself and no more",
            customers(),
        ),
        Column {
            key: "verdict",
            unit: Unit::Verdict,
            formula: "pays where a deal leaves more than a customer costs; with fewer than 10 customers only where that holds at both ends of the interval of the conversion; untold as long as nothing was spent, nobody says what a deal leaves, or there are too few customers",
            calls: None,
        },
    ]
}
