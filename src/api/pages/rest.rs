//! Projects that are off season, in words.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::pages::show::Shower;
use crate::base::time::WallTime;
use crate::track::{DateRange, Project, Rest};
use crate::web::dates::Dates;

impl Shower {
    /// Those of the projects that somebody sees whose calls are not tracked at `at`.
    pub(super) fn rests(&self, at: WallTime, sees: impl Fn(&Project) -> bool) -> Vec<String> {
        let projects = self.rules.tracking.projects().iter();
        let told = projects
            .filter(|project| sees(project))
            .filter_map(|project| {
                Some(match project.rest(at)? {
                    Rest::Always => self.words.with("rest-always", &project.label),
                    Rest::Season(days) => {
                        let last = self.dates(&project.id).day_and_month(days.last());
                        self.words.with_both("rest-season", &project.label, &last)
                    }
                })
            });
        told.collect()
    }

    /// What of a period the reports do not show: of each project that somebody sees its off-season, and how many calls went
    /// through untracked.
    pub(super) fn rested(
        &self,
        (since, until): (WallTime, WallTime),
        untracked: &BTreeMap<Arc<str>, u64>,
        sees: impl Fn(&Project) -> bool,
    ) -> Vec<String> {
        let last = WallTime::from_millis(until.as_millis().saturating_sub(1));
        let projects = self.rules.tracking.projects().iter();
        let told = projects
            .filter(|project| sees(project))
            .filter_map(|project| {
                let dates = self.dates(&project.id);
                let period = DateRange::new(dates.date(since), dates.date(last))?;
                let seasons = project.off_season.iter().filter(|days| days.meets(&period));
                let seasons: Vec<_> = seasons.map(|days| span(dates, *days)).collect();
                let calls = untracked.get(&project.id).copied().unwrap_or(0);
                let calls = self.words.count("rest-calls", calls);
                match (project.tracking, seasons.as_slice()) {
                    (true, []) => None,
                    (true, seasons) => {
                        let seasons = seasons.join(", ");
                        let season = self
                            .words
                            .with_both("rest-seasons", &project.label, &seasons);
                        Some(format!("{season} {calls}"))
                    }
                    (false, _) => {
                        let off = self.words.with("rest-always", &project.label);
                        Some(format!("{off} {calls}"))
                    }
                }
            });
        told.collect()
    }
}

/// `1 December – 28 February 2027`.
fn span(dates: &Dates, days: DateRange) -> String {
    let [first, last] = [days.first(), days.last()].map(|day| dates.day_and_month(day));
    match days.first() == days.last() {
        true => first,
        false => format!("{first} – {last}"),
    }
}
