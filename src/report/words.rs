//! The words that the projects of a report have for a call, in their order. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::report::ask::Ask;
use crate::track::{Labels, Project};

/// Words of the configuration in its order, and those besides that people said, in the order of the alphabet.
pub(crate) struct Known {
    pub(crate) configured: Vec<String>,
    pub(crate) others: Vec<String>,
}

/// Sorts the words that were said.
pub(crate) fn known(
    ask: &Ask<'_>,
    of: fn(&Labels) -> &[Arc<str>],
    mut said: BTreeSet<String>,
) -> Known {
    let is_asked = |project: &&Arc<Project>| {
        let one = ask.query.project.as_ref();
        let some = ask.query.projects.as_ref();
        one.is_none_or(|id| **id == *project.id)
            && some.is_none_or(|ids| ids.iter().any(|id| **id == *project.id))
    };
    let mut configured: Vec<String> = Vec::new();
    let projects = ask.tracking.projects().iter().filter(is_asked);
    let mut add = |labels: &Labels| {
        for word in of(labels) {
            if !configured.iter().any(|known| **known == **word) {
                configured.push(word.to_string());
            }
        }
    };
    projects.for_each(|project| add(&project.labels));
    if ask.tracking.projects().is_empty() {
        // A log without its configuration.
        add(&Labels::default());
    }
    for word in &configured {
        said.remove(word);
    }
    Known {
        configured,
        others: said.into_iter().collect(),
    }
}
