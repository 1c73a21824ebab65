//! `ringtag check`: every mistake of the configuration with its place and remedy, or what was understood.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::base::clock::Clock;
use crate::base::time::WallTime;
use crate::cli::{DONE, WRONG_INPUT, count};
use crate::config::{self, Config, Grade, Mistake};
use crate::media::choice::Choice;
use crate::media::uring;

/// What a program reads.
#[derive(Serialize)]
struct Report<'a> {
    /// Whether `ringtag serve` starts with it.
    ok: bool,
    mistakes: Vec<&'a Mistake>,
    warnings: Vec<&'a Mistake>,
    understood: Option<Understood>,
    /// Projects that are not tracked always.
    rests: Vec<Resting>,
    /// By what sound would be relayed on this machine, or why it could not be.
    sound: Option<String>,
}

/// How much of everything there is.
#[derive(Serialize)]
struct Understood {
    trunks: usize,
    projects: usize,
    sources: usize,
    numbers: usize,
    managers: usize,
    groups: usize,
    rules: usize,
}

/// A project that is not tracked, or not on some days.
#[derive(Serialize)]
struct Resting {
    project: Arc<str>,
    /// Whether a call that began now would be.
    tracked_now: bool,
    /// As written; empty with `tracking = false`.
    off_season: Vec<String>,
}

/// Reads `file` and prints what is wrong with it.
///
/// # Errors
/// The output cannot be written.
pub(in crate::cli) fn check(file: &Path, json: bool, out: &mut dyn Write) -> io::Result<u8> {
    check_with(file, json, out, Clock::start().wall(), uring::trial)
}

fn check_with(
    file: &Path,
    json: bool,
    out: &mut dyn Write,
    now: WallTime,
    trial: impl FnOnce() -> io::Result<()>,
) -> io::Result<u8> {
    let (notes, understood, rests, choice) = match config::load(file) {
        Ok(loaded) => {
            let understood = Understood::of(&loaded.config);
            let rests = Resting::of(&loaded.config, now);
            let choice = Choice::make(loaded.config.media.engine, trial);
            (loaded.warnings, Some(understood), rests, Some(choice))
        }
        Err(mistakes) => (mistakes, None, Vec::new(), None),
    };
    let ok = matches!(choice, Some(Ok(_)));
    let code = if ok { DONE } else { WRONG_INPUT };
    let sound = choice.map(|choice| match choice {
        Ok(choice) => choice.to_string(),
        Err(refused) => refused.to_string(),
    });
    if json {
        print_json(ok, &notes, understood, rests, sound, out)?;
        return Ok(code);
    }
    for note in &notes {
        writeln!(out, "{note}")?;
    }
    let shown = file.display();
    let mistakes = of_grade(&notes, Grade::Error).len();
    let warnings = count(of_grade(&notes, Grade::Warning).len(), "warning");
    match understood {
        Some(understood) if notes.is_empty() => writeln!(out, "{shown}: {understood}")?,
        Some(understood) => writeln!(out, "{shown}: {understood}; {warnings}")?,
        None => writeln!(out, "{shown}: {}, {warnings}", count(mistakes, "mistake"))?,
    }
    for resting in &rests {
        writeln!(out, "{resting}")?;
    }
    if let Some(sound) = sound {
        writeln!(out, "sound: {sound}")?;
    }
    Ok(code)
}

fn print_json(
    ok: bool,
    notes: &[Mistake],
    understood: Option<Understood>,
    rests: Vec<Resting>,
    sound: Option<String>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let report = Report {
        ok,
        mistakes: of_grade(notes, Grade::Error),
        warnings: of_grade(notes, Grade::Warning),
        understood,
        rests,
        sound,
    };
    serde_json::to_writer_pretty(&mut *out, &report)?;
    writeln!(out)
}

fn of_grade(notes: &[Mistake], grade: Grade) -> Vec<&Mistake> {
    notes.iter().filter(|note| note.grade == grade).collect()
}

impl Resting {
    /// The projects that rest, at some time or always.
    fn of(config: &Config, now: WallTime) -> Vec<Self> {
        let projects = config.tracking.projects().iter();
        let resting =
            projects.filter(|project| !project.tracking || !project.off_season.is_empty());
        let rests = resting.map(|project| Self {
            project: Arc::clone(&project.id),
            tracked_now: project.tracks(now),
            off_season: match project.tracking {
                true => project.off_season.iter().map(ToString::to_string).collect(),
                false => Vec::new(),
            },
        });
        rests.collect()
    }
}

/// `project "shop": off season 2026-12-01..2027-02-28; tracked now`
impl std::fmt::Display for Resting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            project,
            off_season,
            ..
        } = self;
        if off_season.is_empty() {
            return write!(
                f,
                "project \"{project}\": tracking is off, calls go through unrecorded and unreported"
            );
        }
        let now = if self.tracked_now {
            "tracked now"
        } else {
            "not tracked now"
        };
        write!(
            f,
            "project \"{project}\": off season {}; {now}",
            off_season.join(", ")
        )
    }
}

impl Understood {
    fn of(config: &Config) -> Self {
        Self {
            trunks: config.trunks.len(),
            projects: config.tracking.projects().len(),
            sources: config.tracking.sources().len(),
            numbers: config.tracking.numbers(),
            managers: config.routing.managers().len(),
            groups: config.routing.groups().len(),
            rules: config.routing.rules().len(),
        }
    }
}

/// `2 trunks, 1 project, 3 virtual numbers of 2 sources, 3 managers in 1 group, 4 rules`
impl std::fmt::Display for Understood {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}, {}, {} of {}, {} and {}, {}",
            count(self.trunks, "trunk"),
            count(self.projects, "project"),
            count(self.numbers, "virtual number"),
            count(self.sources, "source"),
            count(self.managers, "manager"),
            count(self.groups, "group"),
            count(self.rules, "rule"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> WallTime {
        "2026-12-24T12:00:00Z".parse().unwrap()
    }

    fn checked(text: &str, json: bool) -> (u8, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ringtag.toml");
        std::fs::write(&file, text).unwrap();
        let mut out = Vec::new();
        let code = check_with(&file, json, &mut out, now(), || Ok(())).unwrap();
        let shown = String::from_utf8(out).unwrap();
        (
            code,
            shown.replace(&file.display().to_string(), "ringtag.toml"),
        )
    }

    fn office(trial: io::Result<()>) -> (u8, String) {
        let mut out = Vec::new();
        let file = Path::new("tests/data/office.toml");
        let code = check_with(file, false, &mut out, now(), || trial).unwrap();
        (code, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_good_file_says_in_one_line_what_was_understood_and_in_another_what_relays_sound() {
        let (code, shown) = office(Ok(()));
        assert_eq!(code, DONE);
        assert_eq!(
            shown,
            "tests/data/office.toml: 2 trunks, 1 project, 3 virtual numbers of 2 sources, \
             3 managers and 1 group, 4 rules\nsound: io_uring\n"
        );
        let (code, shown) = office(Err(io::ErrorKind::PermissionDenied.into()));
        assert_eq!(code, DONE);
        assert!(
            shown.ends_with("sound: epoll, because io_uring is refused here: permission denied\n"),
            "{shown}"
        );
    }

    #[test]
    fn projects_that_rest_are_told() {
        let text = "[web]\nlisten = \"none\"\n[[project]]\nid = \"lab\"\ntracking = false\n\
                    [[project]]\nid = \"shop\"\ntime_zone = \"Europe/Moscow\"\noff_season = \"2026-12-01..2027-02-28\"\n";
        let (code, shown) = checked(text, false);
        assert_eq!(code, DONE, "{shown}");
        assert!(
            shown.contains(
                "project \"lab\": tracking is off, calls go through unrecorded and unreported\n"
            ),
            "{shown}"
        );
        assert!(
            shown
                .contains("project \"shop\": off season 2026-12-01..2027-02-28; not tracked now\n"),
            "{shown}"
        );
        let (_, shown) = checked(text, true);
        let report: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(report["rests"][1]["tracked_now"], false);
        assert_eq!(
            report["rests"][1]["off_season"][0],
            "2026-12-01..2027-02-28"
        );
    }

    #[test]
    fn all_mistakes_are_printed_in_the_order_of_the_file_and_the_code_is_2() {
        let (code, shown) = checked(
            "[sip]\ndrain_s = \"30\"\n\n[web]\nlistne = \"none\"\n",
            false,
        );
        assert_eq!(code, WRONG_INPUT);
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(
            lines[1],
            "ringtag.toml:2:11: `drain_s` is a string, not a whole number; write drain_s = 30"
        );
        assert_eq!(
            lines[2],
            "ringtag.toml:5:1: [web] has no key `listne`; did you mean `listen`?"
        );
        assert_eq!(lines[3], "ringtag.toml: 2 mistakes, 1 warning");
    }

    #[test]
    fn a_program_reads_the_same_as_json() {
        let (code, shown) = checked("[web]\nlistne = \"none\"\n", true);
        let report: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(code, WRONG_INPUT);
        assert_eq!(report["ok"], false);
        assert_eq!(report["mistakes"][0]["line"], 2);
        assert_eq!(report["mistakes"][0]["column"], 1);
        assert_eq!(report["warnings"][0]["grade"], "warning");
    }

    #[test]
    fn a_file_that_is_not_there_is_the_users_mistake() {
        let mut out = Vec::new();
        let code = check(Path::new("nowhere/ringtag.toml"), false, &mut out).unwrap();
        assert_eq!(code, WRONG_INPUT);
        let shown = String::from_utf8(out).unwrap();
        assert!(
            shown.starts_with("nowhere/ringtag.toml: it cannot be read:"),
            "{shown}"
        );
    }
}
