//! The whole file: parses the TOML, reads section after section, and joins what they mean.

use std::path::Path;
use std::sync::Arc;

use toml::de::DeTable;

use crate::config::known::Known;
use crate::config::mistake::{Grade, Mistake};
use crate::config::outside::Outside;
use crate::config::people;
use crate::config::rules::{self, Names};
use crate::config::settings;
use crate::config::shadow;
use crate::config::tracking;
use crate::config::trunk;
use crate::config::walk::{Book, Section};
use crate::config::{Config, Loaded};
use crate::route::Routing;
use crate::track::{Project, Tracking};

/// Reads `text`, the contents of `file`; relative paths in it count from `base`.
///
/// # Errors
/// Every mistake and every warning, in the order of the file.
pub(in crate::config) fn read(
    file: &Path,
    text: &str,
    base: &Path,
    outside: &dyn Outside,
) -> Result<Loaded, Vec<Mistake>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let places: Vec<_> = errors
        .iter()
        .map(|error| error.span().map_or(0, |span| span.start))
        .collect();
    let sound_to = places.iter().copied().min().unwrap_or(text.len());
    let book = Book::new(file, text, sound_to);
    let mut told = None;
    for (error, at) in errors.iter().zip(places) {
        // One slip often upsets the parser several times on its line.
        let line = book.line(at);
        if told != Some(line) {
            book.syntax(at, error.message());
            told = Some(line);
        }
    }
    let config = config(&book, file, table.get_ref(), base, outside);
    let mut mistakes = book.close();
    match config {
        Some(config)
            if mistakes
                .iter()
                .all(|mistake| mistake.grade == Grade::Warning) =>
        {
            Ok(Loaded {
                config,
                warnings: mistakes,
            })
        }
        Some(_) | None => {
            mistakes.dedup();
            Err(mistakes)
        }
    }
}

fn config<'t>(
    book: &Book<'t>,
    file: &Path,
    table: &'t DeTable<'t>,
    base: &Path,
    outside: &dyn Outside,
) -> Option<Config> {
    let mut root = Section::root(book, table);
    let sip = settings::sip(root.table("sip", "[sip]"));
    let country = settings::country(root.table("numbers", "[numbers]"));
    let media = settings::media(root.table("media", "[media]"), &sip);
    let recordings = settings::recordings(root.table("recordings", "[recordings]"), base);
    let store = settings::store(root.table("store", "[store]"), base);
    let web = settings::web(root.table("web", "[web]"));
    let trunks = trunk::trunks(root.tables("trunk", "[[trunk]]"), base, outside);
    let project_sections = root.tables("project", "[[project]]");
    let without_zone: Vec<_> = project_sections
        .iter()
        .filter(|section| !section.has("time_zone"))
        .map(|section| section.at)
        .collect();
    let projects = tracking::projects(project_sections);
    let sources = tracking::sources(root.tables("source", "[[source]]"), &projects, country);
    let managers = people::managers(root.tables("manager", "[[manager]]"), &trunks, country);
    let groups = people::groups(root.tables("group", "[[group]]"), &managers);
    let names = Names {
        trunks: &trunks,
        projects: &projects,
        sources: &sources,
        managers: &managers,
        groups: &groups,
        country,
        recordings: recordings.when,
    };
    let rules = rules::rules(root.tables("rule", "[[rule]]"), &names);
    root.finish();
    shadow::check(book, &rules, &sources.known, recordings.when);
    if rules.meanings().any(|(rule, _)| rule.when.hours.is_some()) {
        without_zone.iter().for_each(|at| no_zone(book, *at));
    }
    Some(Config {
        file: file.to_owned(),
        sip,
        media,
        recordings,
        store,
        web,
        country: country?,
        trunks: trunks
            .meanings()
            .map(|(trunk, _)| (**trunk).clone())
            .collect(),
        tracking: Tracking::new(all::<Project>(&projects), all(&sources.known)),
        routing: Routing::new(
            rules.meanings().map(|(rule, _)| (**rule).clone()).collect(),
            all(&groups),
            all(&managers),
        ),
    })
}

fn no_zone(book: &Book<'_>, at: usize) {
    book.warn(
        at,
        "rules go by the hours of this project, which has no `time_zone` and so lives by UTC",
        "add time_zone = \"Europe/Moscow\", or whichever is its own",
    );
}

fn all<T>(known: &Known<T>) -> Vec<Arc<T>> {
    known
        .meanings()
        .map(|(meaning, _)| Arc::clone(meaning))
        .collect()
}
