//! The whole file: parses the TOML, reads section after section, and joins what they mean.

use std::cell::OnceCell;
use std::path::Path;
use std::sync::Arc;

use toml::de::DeTable;

use crate::config::barred;
use crate::config::book::Book;
use crate::config::guard;
use crate::config::known::Known;
use crate::config::mail;
use crate::config::manner;
use crate::config::mistake::{Grade, Mistake};
use crate::config::outside::Outside;
use crate::config::people;
use crate::config::rules::{self, Names};
use crate::config::settings;
use crate::config::shadow;
use crate::config::sockets;
use crate::config::tls::Disk;
use crate::config::tracking;
use crate::config::trunk;
use crate::config::users;
use crate::config::walk::Section;
use crate::config::web;
use crate::config::{Config, Loaded};
use crate::engine::tls::Tls;
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
    let trusted = OnceCell::new();
    let disk = Disk {
        base,
        outside,
        trusted: &trusted,
    };
    let (mut sip, served) = settings::sip(root.table("sip", "[sip]"), disk);
    let (guard, connections) = guard::read(root.table("guard", "[guard]"));
    sip.connections = connections;
    let country = settings::country(root.table("numbers", "[numbers]"));
    let mut heard = root.table("media", "[media]");
    let mut kept = root.table("recordings", "[recordings]");
    let manner = manner::read(&mut heard, &mut kept);
    let media = settings::media(heard, &sip);
    let recordings = settings::recordings(kept, base, manner);
    let store = settings::store(root.table("store", "[store]"), base);
    let (trunks, toward) = trunk::trunks(root.tables("trunk", "[[trunk]]"), &sip.listen, disk);
    sockets::check_trunks(book, &trunks, &sip.listen);
    let project_sections = root.tables("project", "[[project]]");
    let without_zone: Vec<_> = project_sections
        .iter()
        .filter(|section| !section.has("time_zone"))
        .map(|section| section.at)
        .collect();
    let projects = tracking::projects(project_sections);
    let users = users::users(root.tables("user", "[[user]]"), &projects);
    let web = web::web(root.table("web", "[web]"), &sip, &users, disk);
    let mail = mail::mail(root.table("mail", "[mail]"), disk);
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
    let barred = country.map(|country| {
        let limits = barred::Limits {
            trunks: &trunks,
            sources: &sources.known,
            country,
        };
        barred::check(book, &managers, &rules, &limits)
    });
    if rules.meanings().any(|(rule, _)| rule.when.hours.is_some()) {
        without_zone.iter().for_each(|at| no_zone(book, *at));
    }
    Some(Config {
        file: file.to_owned(),
        sip,
        guard,
        tls: Tls { served, toward },
        media,
        recordings,
        store,
        web,
        mail,
        users,
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
        )
        .with_barred(barred.unwrap_or_default()),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::config::trial::{good, mistakes, notes};

    /// The project's own file.
    const OWN: &str = include_str!("../../config/ringtag.toml");

    /// A section as its header is written, and its lines `key = value  # comment`, those behind a # too.
    type Sections = BTreeMap<&'static str, Vec<(&'static str, &'static str)>>;

    fn sections() -> Sections {
        let mut sections = Sections::new();
        let mut header = "";
        for line in OWN.lines() {
            if line.starts_with('[') {
                header = line;
            }
            let line = line.trim_start_matches("# ");
            if let Some((key, rest)) = line.split_once(" = ")
                && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            {
                sections.entry(header).or_default().push((key, rest));
            }
        }
        sections
    }

    /// The keys of a section whose value is followed by the word "default", with their values.
    fn defaults(sections: &Sections, header: &str) -> String {
        let stated = sections[header].iter().filter_map(|(key, rest)| {
            let (value, comment) = rest.split_once(" # ")?;
            comment
                .starts_with("default")
                .then(|| format!("{key} = {}\n", value.trim()))
        });
        stated.collect()
    }

    #[test]
    fn the_projects_own_file_has_no_mistake_and_no_warning() {
        assert_eq!(notes(OWN), [""; 0]);
    }

    #[test]
    fn every_default_that_the_own_file_states_is_the_codes() {
        let sections = sections();
        // What a section needs beside its defaults, and what stands on its own.
        let whole = |with: &dyn Fn(&str) -> String| {
            [
                ("[sip]", ""),
                ("[numbers]", ""),
                ("[media]", ""),
                ("[recordings]", ""),
                ("[store]", ""),
                ("[web]", ""),
                ("[mail]", ""),
                ("[guard]", ""),
                ("[[trunk]]", "id = \"pbx\"\nhost = \"192.0.2.1\"\n"),
                ("[[project]]", "id = \"shop\"\n"),
                ("[[source]]", "tag = \"a\"\nnumbers = \"+74950000001\"\n"),
                ("[[manager]]", "id = \"desk\"\nextension = \"101\"\n"),
                ("[[group]]", "id = \"sales\"\nmembers = \"desk\"\n"),
            ]
            .map(|(header, needed)| format!("{header}\n{needed}{}", with(header)))
            .concat()
        };
        let stated = whole(&|header| defaults(&sections, header));
        let left_out = whole(&|_| String::new());
        assert!(
            stated.lines().count() > left_out.lines().count() + 20,
            "{stated}"
        );
        assert_eq!(good(&stated), good(&left_out));
        let ring_s = format!("ring_s = {}\n", crate::route::rule::RING_S);
        assert_eq!(defaults(&sections, "[[rule]]"), ring_s);
    }

    #[test]
    fn no_beginning_of_a_file_and_no_lost_character_upsets_the_reader() {
        let lines = OWN.lines().count();
        for end in (0..OWN.len())
            .filter(|end| OWN.is_char_boundary(*end))
            .step_by(7)
        {
            let without = OWN.chars().enumerate().filter(|(place, _)| *place != end);
            for text in [OWN[..end].to_owned(), without.map(|(_, c)| c).collect()] {
                for note in notes(&text) {
                    let line: usize = note.split(':').next().unwrap().parse().unwrap();
                    assert!((1..=lines + 1).contains(&line), "{note}");
                }
            }
        }
    }

    #[test]
    fn every_key_stands_in_the_own_file() {
        let sections = sections();
        for header in sections.keys().filter(|header| !header.is_empty()) {
            let found = mistakes(&format!("{header}\nqqqq = 1\n")).join("\n");
            let (_, keys) = found.split_once("there are: ").unwrap();
            for key in keys.lines().next().unwrap().split(", ") {
                let is_stated = sections[header].iter().any(|(stated, _)| *stated == key);
                assert!(is_stated, "{header} does not state `{key}`");
            }
        }
        assert_eq!(
            sections.keys().filter(|header| !header.is_empty()).count(),
            14
        );
    }
}
