//! A source: one advertisement and the virtual numbers that it shows.

use std::sync::Arc;

use crate::base::number::Number;
use crate::track::Project;
use crate::track::Sales;

/// One `[[source]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The tracking tag that every call to its numbers carries.
    pub tag: Arc<str>,
    /// Whose advertisement it is.
    pub project: Arc<Project>,
    /// `yandex-direct`, `outdoor`.
    pub channel: Option<Arc<str>>,
    /// `mowers-spring`.
    pub campaign: Option<Arc<str>>,
    /// What the caller is after; rules choose by it.
    pub category: Option<Arc<str>>,
    /// Its virtual numbers.
    pub numbers: Vec<Number>,
}

/// All projects and sources, and which number belongs to whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracking {
    projects: Vec<Arc<Project>>,
    sources: Vec<Arc<Source>>,
    /// Sorted by number, so that a lookup is a handful of comparisons without a hash.
    by_number: Vec<(Number, Arc<Source>)>,
}

impl Tracking {
    /// Joins them. Of two sources with one number the first keeps it; the configuration refuses such a file.
    pub fn new(projects: Vec<Arc<Project>>, sources: Vec<Arc<Source>>) -> Self {
        let mut by_number: Vec<_> = sources
            .iter()
            .flat_map(|source| {
                let with_source = |number: &Number| (*number, Arc::clone(source));
                source.numbers.iter().map(with_source)
            })
            .collect();
        by_number.sort_by_key(|(number, _)| *number);
        by_number.dedup_by_key(|(number, _)| *number);
        Self {
            projects,
            sources,
            by_number,
        }
    }

    /// Finds whose virtual number this is.
    pub fn source(&self, number: Number) -> Option<&Arc<Source>> {
        let place = self
            .by_number
            .binary_search_by_key(&number, |(number, _)| *number)
            .ok()?;
        self.by_number.get(place).map(|(_, source)| source)
    }

    /// Finds a project by its id.
    pub fn project(&self, id: &str) -> Option<&Arc<Project>> {
        self.projects.iter().find(|project| &*project.id == id)
    }

    /// All projects, as written.
    pub fn projects(&self) -> &[Arc<Project>] {
        &self.projects
    }

    /// All sources, as written.
    pub fn sources(&self) -> &[Arc<Source>] {
        &self.sources
    }

    /// Which outcomes are sales.
    pub fn sales(&self) -> Sales {
        let projects = self.projects.iter();
        Sales::new(projects.map(|project| {
            let sales = Arc::clone(&project.labels.sales);
            (Arc::clone(&project.id), sales)
        }))
    }

    /// All virtual numbers, in order.
    pub fn virtual_numbers(&self) -> impl Iterator<Item = Number> {
        self.by_number.iter().map(|(number, _)| *number)
    }

    /// How many virtual numbers there are.
    pub fn numbers(&self) -> usize {
        self.by_number.len()
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    fn number(text: &str) -> Number {
        Number::e164(text).unwrap()
    }

    fn source(tag: &str, numbers: &[&str]) -> Arc<Source> {
        Arc::new(Source {
            tag: tag.into(),
            project: Arc::new(Project::new("shop")),
            channel: None,
            campaign: None,
            category: None,
            numbers: numbers.iter().map(|text| number(text)).collect(),
        })
    }

    #[test]
    fn a_virtual_number_leads_to_its_source_and_no_other_number_does() {
        let one = source("one", &["+74950000009", "+74950000001"]);
        let two = source("two", &["+74950000005"]);
        let tracking = Tracking::new(Vec::new(), vec![one, two]);
        let tag = |text| tracking.source(number(text)).map(|source| &*source.tag);
        assert_eq!(tag("+74950000001"), Some("one"));
        assert_eq!(tag("+74950000005"), Some("two"));
        assert_eq!(tag("+74950000009"), Some("one"));
        assert_eq!(tag("+74950000002"), None);
        assert_eq!(tracking.numbers(), 3);
    }

    #[test]
    fn of_two_sources_with_one_number_the_first_keeps_it() {
        let (one, two) = (
            source("one", &["+74950000001"]),
            source("two", &["+74950000001"]),
        );
        let tracking = Tracking::new(Vec::new(), vec![one, two]);
        assert_eq!(
            &*tracking.source(number("+74950000001")).unwrap().tag,
            "one"
        );
    }
}
