//! Which outcomes make a customer of a caller, project by project.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::track::labels::OUTCOMES;

/// The outcomes that are sales.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sales {
    projects: BTreeMap<Arc<str>, Arc<[Arc<str>]>>,
}

impl Sales {
    /// Those of these projects.
    pub fn new(projects: impl IntoIterator<Item = (Arc<str>, Arc<[Arc<str>]>)>) -> Self {
        Self {
            projects: projects.into_iter().collect(),
        }
    }

    /// Whether a call of `project` that came out so made a customer. A project that the configuration no longer has had the
    /// usual words.
    pub fn are(&self, project: &str, outcome: &str) -> bool {
        self.of(project).any(|sale| sale == outcome)
    }

    /// The outcomes of `project` that are sales.
    pub fn of(&self, project: &str) -> impl Iterator<Item = &str> {
        let own = self.projects.get(project);
        let usual = OUTCOMES.first().copied().filter(|_| own.is_none());
        let own = own.into_iter().flat_map(|sales| sales.iter());
        own.map(|sale| &**sale).chain(usual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sale_is_what_the_project_says() {
        let sales = Sales::new([("shop".into(), Arc::from([Arc::from("paid")]))]);
        assert!(sales.are("shop", "paid") && !sales.are("shop", "sold"));
        assert!(sales.are("gone", "sold") && !sales.are("gone", "appointment"));
    }
}
