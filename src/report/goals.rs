//! What callers wanted, week by week, and how that shifts. Pure.

use std::collections::BTreeMap;

use crate::report::ask::Ask;
use crate::report::conditions::is;
use crate::report::lines::frame;
use crate::report::period::Grain;
use crate::report::share::Share;
use crate::report::table::{Chart, Column, Figure, Line, Report, Unit};
use crate::report::words::known;
use crate::store::names::Name;
use crate::store::pass::Pass;
use crate::store::query::Query;

/// Calls of a week by goal; by the number of the goal's name.
type Week = Vec<u32>;

/// Counts calls of each week by goal. A line's key is the Monday of its week, a space, and the goal; beside it stands the week
/// before in `shift`, so that it has no figures of the period before.
pub(crate) fn report(ask: &Ask<'_>, rows: &impl Pass) -> Report {
    let since = ask.span.since();
    let (lead, lead_until) = ask.span.week_before();
    let mut weeks = ask.span.buckets(Grain::Week);
    let query = Query {
        since: Some(lead),
        ..ask.inside()
    };
    // The first is the week before those that are shown.
    let mut counts: Vec<Week> = vec![Vec::new(); weeks.len() + 1];
    let mut names: BTreeMap<usize, String> = BTreeMap::new();
    rows.pass(&query, |row, all| {
        if row.goal == Name::default() {
            return;
        }
        let week = match weeks.place(row.started_at) {
            Some(week) if row.started_at >= since => Some(week + 1),
            Some(_) | None => (row.started_at < lead_until).then_some(0),
        };
        let Some(goals) = week.and_then(|week| counts.get_mut(week)) else {
            return;
        };
        let place = usize::from(row.goal.0);
        if goals.len() <= place {
            goals.resize(place + 1, 0);
        }
        if let Some(goal) = goals.get_mut(place) {
            if *goal == 0 {
                let word = all.names().words.get(row.goal);
                names.insert(
                    place,
                    word.map_or_else(|| "…".to_owned(), ToString::to_string),
                );
            }
            *goal += 1;
        }
    });
    let mut report = frame(ask, columns(), Chart::Stacked);
    let goals = known(
        ask,
        |labels| &labels.goals,
        names.values().cloned().collect(),
    );
    let mut before = counts.iter();
    let mut last = before.next();
    for (week, now) in before.enumerate() {
        for goal in goals.configured.iter().chain(&goals.others) {
            let number = names.iter().find(|(_, name)| *name == goal);
            let of = |week: &Week| share(week, number.map(|(number, _)| *number));
            let (now, last) = (of(now), last.map(of));
            let mut calls = weeks.times(week);
            calls.push(is("goal", goal.as_str()));
            report.lines.push(Line {
                key: format!("{} {goal}", weeks.key(week)),
                label: None,
                calls,
                cells: vec![
                    Figure::Count(now.part),
                    Figure::Share(now),
                    shift(now, last),
                ],
                before: Vec::new(),
            });
        }
        last = Some(now);
    }
    report
}

fn share(week: &Week, goal: Option<usize>) -> Share {
    let count = goal.and_then(|goal| week.get(goal));
    Share {
        part: u64::from(count.copied().unwrap_or_default()),
        whole: week.iter().copied().map(u64::from).sum(),
    }
}

/// By how many percentage points a share is more than it was.
fn shift(now: Share, before: Option<Share>) -> Figure {
    let before = before.and_then(Share::value);
    match (now.value(), before) {
        (Some(now), Some(before)) => Figure::Number((now - before) * 100.0),
        (Some(_) | None, _) => Figure::Nothing,
    }
}

fn columns() -> Vec<Column> {
    vec![
        Column {
            key: "calls",
            unit: Unit::Count,
            formula: "calls of the week with this goal; weeks begin on Monday",
            calls: Some(Vec::new()),
        },
        Column {
            key: "share",
            unit: Unit::Share,
            formula: "calls with this goal / calls of the week of which people say any goal",
            calls: Some(Vec::new()),
        },
        Column {
            key: "shift",
            unit: Unit::Number,
            formula: "the share less that of the week before, in percentage points",
            calls: Some(Vec::new()),
        },
    ]
}
