//! Which report is made where. Pure: who has rows is handed in.

use crate::report::answer_time;
use crate::report::ask::{Ask, Kind};
use crate::report::busy;
use crate::report::dashboard::{self, Dashboard};
use crate::report::days;
use crate::report::funnel;
use crate::report::goals;
use crate::report::hours;
use crate::report::managers;
use crate::report::missed;
use crate::report::money;
use crate::report::reasons;
use crate::report::repeat;
use crate::report::sources;
use crate::report::table::{Line, Report};
use crate::store::Store;
use crate::store::crowd::Crowd;
use crate::store::ledger::Ledger;
use crate::store::pass::Pass;
use crate::store::query::Query;

/// Makes a report of the calls of `store`. It takes some 10 ns a call of the period and of the one before, under the lock that
/// the store's thread waits for half a millisecond at a time.
pub fn run(store: &Store, ask: &Ask<'_>) -> Report {
    of(ask, store, &store.ledger())
}

/// Makes a report of calls that never were.
pub fn of_crowd(crowd: &Crowd, ask: &Ask<'_>) -> Report {
    of(ask, crowd.rows(), &Ledger::default())
}

/// Makes the dashboard of the calls of `store`; `open` asks for the missed calls that wait to be called back.
/// Who asks sees what customers cost, or does not.
pub fn dashboard(store: &Store, ask: &Ask<'_>, open: &Query, sees_money: bool) -> Dashboard {
    let mut dashboard = dashboard::make(ask, open, store, &store.ledger());
    if !sees_money {
        dashboard.costs.clear();
    }
    dashboard
}

/// Makes a report of whatever has rows, and of what was spent.
pub(crate) fn of(ask: &Ask<'_>, rows: &impl Pass, ledger: &Ledger) -> Report {
    let mut report = match ask.kind {
        Kind::Sources | Kind::Rules => sources::report(ask, rows),
        Kind::Managers => managers::report(ask, rows),
        Kind::Hours => hours::report(ask, rows),
        Kind::Days => days::report(ask, rows),
        Kind::Money => money::report(ask, rows, ledger),
        Kind::Repeat => repeat::report(ask, rows),
        Kind::Reasons => reasons::report(ask, rows),
        Kind::Goals => goals::report(ask, rows),
        Kind::Missed => missed::report(ask, rows),
        Kind::Funnel => funnel::report(ask, rows),
        Kind::Lines => busy::report(ask, rows),
        Kind::AnswerTime => answer_time::report(ask, rows),
    };
    name_managers(&mut report, ask);
    report
}

/// Gives lines that are of a manager the name that people read.
fn name_managers(report: &mut Report, ask: &Ask<'_>) {
    let is_manager = |line: &&mut Line| line.calls.iter().any(|(name, _)| *name == "offered");
    for line in report.lines.iter_mut().filter(is_manager) {
        let manager = ask
            .routing
            .managers()
            .iter()
            .find(|manager| *manager.id == *line.key);
        line.label = manager.map(|manager| manager.label.to_string());
    }
}
