//! Which line has how much of what was spent. Pure.
//!
//! An amount is carried in equal parts by the calls that it is for, within the days of the period that it has. So what is for a
//! campaign reaches its sources by their calls, what is for the whole project reaches everything, and where a report has
//! conditions, its calls have what they carry and not more. An amount for which nobody called stands where it names a line.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::report::ask::{Ask, By};
use crate::report::money::cells::{Cells, Origin};
use crate::report::money::spread::{Days, shares};
use crate::store::ledger::{Cost, Entry, Ledger, Purpose};
use crate::store::query::Query;
use crate::track::Tracking;

/// What was spent, in hundredths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spent {
    pub(super) advertising: i64,
    /// Services and salaries.
    pub(super) other: i64,
}

impl Spent {
    pub(super) const fn sum(self) -> i64 {
        self.advertising.saturating_add(self.other)
    }

    pub(super) const fn join(&mut self, more: Self) {
        self.advertising = self.advertising.saturating_add(more.advertising);
        self.other = self.other.saturating_add(more.other);
    }
}

/// What is for one purpose, in the period and in the one before.
type Sums<'l> = BTreeMap<(&'l str, &'l Purpose), [Spent; 2]>;

/// What each line of `cells` carries; lines are added for what names one that has no calls.
pub(super) fn carried(
    ask: &Ask<'_>,
    by: By,
    ledger: &Ledger,
    cells: &mut Cells,
) -> Vec<[Spent; 2]> {
    let mut lines = vec![<[Spent; 2]>::default(); cells.lines.len()];
    for ((project, purpose), sums) in sums(ask, ledger) {
        for (place, sum) in sums.into_iter().enumerate() {
            if sum == Spent::default() {
                continue;
            }
            let weights = weights(cells, project, purpose, place);
            if weights.iter().any(|weight| *weight > 0) {
                let advertising = shares(sum.advertising, &weights);
                let other = shares(sum.other, &weights);
                // The last weight is that of calls that are not in the report.
                for ((line, advertising), other) in lines.iter_mut().zip(advertising).zip(other) {
                    if let Some(spent) = line.get_mut(place) {
                        spent.join(Spent { advertising, other });
                    }
                }
            } else if is_in(ask, purpose) {
                let name = named(purpose, by, ask.tracking);
                let line = cells.line(name.as_ref());
                lines.resize(cells.lines.len().max(lines.len()), Default::default());
                if let Some(spent) = lines.get_mut(line).and_then(|line| line.get_mut(place)) {
                    spent.join(sum);
                }
            }
        }
    }
    lines
}

/// What was spent in the two periods, by what it is for.
fn sums<'l>(ask: &Ask<'_>, ledger: &'l Ledger) -> Sums<'l> {
    let mut zones: BTreeMap<&str, [Option<Days>; 2]> = BTreeMap::new();
    let mut sums = Sums::new();
    for (_, entry) in ledger.entries() {
        if !is_counted(ask, entry) {
            continue;
        }
        let days = zones.entry(&entry.project).or_insert_with(|| {
            let project = ask.tracking.project(&entry.project);
            let zone = project.map_or_else(|| ask.span.zone(), |project| &project.time_zone);
            periods(ask, zone)
        });
        let sum = sums.entry((&entry.project, &entry.purpose)).or_default();
        for (days, sum) in days.iter().zip(sum) {
            let part = days.map_or(0, |days| days.part_of(entry));
            match entry.cost {
                Cost::Advertising => sum.advertising += part,
                Cost::Service | Cost::Salary => sum.other += part,
            }
        }
    }
    sums
}

fn periods(ask: &Ask<'_>, zone: &TimeZone) -> [Option<Days>; 2] {
    let span = &ask.span;
    [
        Days::new(zone, span.since(), span.until()),
        Days::new(zone, span.before_since(), span.since()),
    ]
}

/// Whether an amount is of the projects that the report is of, and in the currency that they have now: what is in another one
/// cannot be added to it.
fn is_counted(ask: &Ask<'_>, entry: &Entry) -> bool {
    let project = ask.tracking.project(&entry.project);
    is_of(&ask.query, &entry.project)
        && project.is_none_or(|project| *project.currency == *entry.currency)
}

/// Whether a report is of this project.
pub(super) fn is_of(query: &Query, project: &str) -> bool {
    query.project.as_deref().is_none_or(|own| own == project)
        && query
            .projects
            .as_ref()
            .is_none_or(|own| own.iter().any(|own| own == project))
}

/// How many calls of each line carry what is for `purpose`, and at the end how many that are not in the report do.
fn weights(cells: &Cells, project: &str, purpose: &Purpose, place: usize) -> Vec<u64> {
    let mut weights = vec![0; cells.lines.len()];
    let mut outside = 0u64;
    for cell in &cells.cells {
        if !is_for(purpose, project, &cell.origin) {
            continue;
        }
        let own = cell.brought.get(place).map_or(0, |brought| brought.calls);
        let all = cell.all.get(place).copied().unwrap_or_default();
        if let Some(weight) = weights.get_mut(cell.line) {
            *weight += own;
        }
        // A call that began between the two looks at them is in one and not in the other.
        outside += all.saturating_sub(own);
    }
    weights.push(outside);
    weights
}

fn is_for(purpose: &Purpose, project: &str, origin: &Origin) -> bool {
    let is = |has: &Option<Arc<str>>, wanted: &str| has.as_deref() == Some(wanted);
    is(&origin.project, project)
        && match purpose {
            Purpose::Project => true,
            Purpose::Channel(name) => is(&origin.channel, name),
            Purpose::Campaign(name) => is(&origin.campaign, name),
            Purpose::Source(name) => is(&origin.source, name),
        }
}

/// The line that an amount names, where nobody called for it; `None`: it is wider than a line.
fn named(purpose: &Purpose, by: By, tracking: &Tracking) -> Option<Arc<str>> {
    let find = |tag: &str| tracking.sources().iter().find(|source| &*source.tag == tag);
    match (purpose, by) {
        (Purpose::Source(tag), By::Source) => Some(tag.as_str().into()),
        (Purpose::Source(tag), By::Campaign) => find(tag)?.campaign.clone(),
        (Purpose::Source(tag), By::Channel) => find(tag)?.channel.clone(),
        (Purpose::Source(tag), By::Category) => find(tag)?.category.clone(),
        (Purpose::Campaign(name), By::Campaign) | (Purpose::Channel(name), By::Channel) => {
            Some(name.as_str().into())
        }
        (Purpose::Campaign(name), By::Channel) => {
            let all = tracking.sources().iter();
            let mut sources = all.filter(|source| source.campaign.as_deref() == Some(name));
            let first = sources.next()?.channel.clone()?;
            let is_one = sources.all(|source| source.channel.as_ref() == Some(&first));
            is_one.then_some(first)
        }
        (Purpose::Project | Purpose::Channel(_) | Purpose::Campaign(_), _)
        | (Purpose::Source(_), By::Number | By::Rule | By::Day | By::Week | By::Month) => None,
    }
}

/// Whether an amount for which nobody called is in a report: its conditions are on what the amount names, and nothing else.
fn is_in(ask: &Ask<'_>, purpose: &Purpose) -> bool {
    let query = &ask.query;
    let open = Query {
        project: query.project.clone(),
        projects: query.projects.clone(),
        since: query.since,
        until: query.until,
        limit: query.limit,
        cursor: query.cursor,
        source: query.source.clone(),
        campaign: query.campaign.clone(),
        channel: query.channel.clone(),
        category: query.category.clone(),
        ..Query::default()
    };
    let is = |wanted: &Option<String>, by: By| {
        wanted.as_deref().is_none_or(|wanted| {
            named(purpose, by, ask.tracking).is_some_and(|name| *name == *wanted)
        })
    };
    open == *query
        && is(&query.source, By::Source)
        && is(&query.campaign, By::Campaign)
        && is(&query.channel, By::Channel)
        && is(&query.category, By::Category)
}
