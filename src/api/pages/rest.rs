//! Projects that are off season, in words.

use crate::api::pages::show::Shower;
use crate::base::time::WallTime;
use crate::track::{Project, Rest};

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
}
