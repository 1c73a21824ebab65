//! Properties of the source tree that the compiler cannot check: who imports whom, what stays pure, how files begin.
#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Who may import whom. Bottom to top: a room names only rooms above its own line. ARCHITECTURE.md draws the same table.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("sip", &["base"]),
    ("sdp", &["base"]),
    ("track", &["base"]),
    ("people", &["base"]),
    ("web", &["base"]),
    ("route", &["base", "track"]),
    ("media", &["base", "sdp"]),
    ("call", &["base", "sip", "sdp", "route"]),
    // sdp: the recorder reads what a payload type means.
    ("recording", &["base", "media", "sdp"]),
    ("store", &["base", "call", "track", "recording"]),
    // route: the replay of calls asks both sets of rules.
    ("report", &["base", "track", "route", "store"]),
    ("notify", &["base", "store"]),
    ("phones", &["base", "sdp", "media"]),
    (
        "engine",
        &[
            "base",
            "sip",
            "sdp",
            "track",
            "route",
            "media",
            "call",
            "recording",
            "store",
        ],
    ),
    (
        "api",
        &[
            "base",
            "people",
            "web",
            "track",
            "route",
            "recording",
            "store",
            "report",
            "notify",
            "engine",
        ],
    ),
    (
        "config",
        &[
            "base",
            "people",
            "sip",
            "track",
            "route",
            "media",
            "call",
            "recording",
            "store",
            "report",
            "notify",
            "engine",
            "api",
        ],
    ),
    (
        "cli",
        &[
            "base",
            "people",
            "sip",
            "sdp",
            "track",
            "route",
            "media",
            "call",
            "recording",
            "store",
            "report",
            "notify",
            "phones",
            "engine",
            "api",
            "config",
        ],
    ),
];

/// Rooms that decide and never touch the world, but for the shells below.
const PURE: &[&str] = &[
    "base",
    "sip",
    "sdp",
    "track",
    "people",
    "web",
    "route",
    "media",
    "call",
    "recording",
    "report",
];

/// The shells inside those rooms: they own sockets, files, threads or the clock.
const SHELLS: &[&str] = &[
    "src/base/clock.rs",
    "src/base/entropy.rs",
    "src/media/bell.rs",
    "src/media/command.rs",
    "src/media/driver.rs",
    "src/media/epoll.rs",
    "src/media/late.rs",
    "src/media/leg.rs",
    "src/media/legs.rs",
    "src/media/pool.rs",
    "src/media/ports.rs",
    "src/media/uring.rs",
    "src/media/uring/ring.rs",
    "src/media/worker.rs",
    "src/recording/disk.rs",
    "src/recording/finish.rs",
    "src/recording/finish/batch.rs",
    "src/recording/hash.rs",
    "src/recording/pack.rs",
    "src/recording/recover.rs",
    "src/recording/shelf.rs",
    "src/recording/sketch.rs",
    "src/recording/wav.rs",
    "src/recording/worker.rs",
];

/// What only shells may name.
const PURE_AVOIDS: &[&str] = &[
    "tokio::",
    "mio::",
    "UdpSocket",
    "TcpStream",
    "std::fs",
    "std::thread",
    "std::sync::Mutex",
    "rand::rng",
    "thread_rng",
    "getrandom",
    "Instant::now",
    "SystemTime",
    "async fn",
];

/// Files and folders that hold nothing but tests.
const TEST_FILES: &[&str] = &["smuggling", "tests", "trial", "trials"];

/// Past this a file has a second purpose that wants a file of its own.
const LINES_MAX: usize = 600;

#[test]
fn imports_follow_the_layer_table() {
    let table: BTreeMap<_, _> = MAY_IMPORT.iter().copied().collect();
    let mut wrong = Vec::new();
    for path in sources(Path::new("src")) {
        let Some(room) = room_of(&path) else { continue };
        let Some(allowed) = table.get(room.as_str()) else {
            wrong.push(format!(
                "{}: room `{room}` is missing from MAY_IMPORT",
                path.display()
            ));
            continue;
        };
        for (number, line) in shipped(&path).lines().enumerate() {
            let place = format!("{}:{}", path.display(), number + 1);
            if reaches_above_itself(&path, line) {
                wrong.push(format!("{place}: write `crate::`, not `super::`"));
            }
            for target in imported_rooms(line) {
                if target != room && !allowed.contains(&target.as_str()) {
                    wrong.push(format!("{place}: `{room}` imports `{target}`"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_layer_table_has_no_circle() {
    for (place, (room, allowed)) in MAY_IMPORT.iter().enumerate() {
        for target in *allowed {
            let below = MAY_IMPORT
                .iter()
                .position(|(name, _)| name == target)
                .unwrap();
            assert!(
                below < place,
                "`{room}` may not import `{target}`: it stands higher"
            );
        }
    }
}

#[test]
fn pure_files_reach_no_socket_disk_thread_clock_or_dice() {
    let mut wrong = Vec::new();
    for path in sources(Path::new("src")) {
        let shell = SHELLS.iter().any(|shell| Path::new(shell) == path);
        if shell || !room_of(&path).is_some_and(|room| PURE.contains(&room.as_str())) {
            continue;
        }
        for (number, line) in shipped(&path).lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for word in PURE_AVOIDS.iter().filter(|word| line.contains(**word)) {
                wrong.push(format!(
                    "{}:{}: `{word}` belongs in a shell",
                    path.display(),
                    number + 1
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_shell_that_is_listed_exists() {
    for shell in SHELLS {
        assert!(
            Path::new(shell).is_file(),
            "{shell} is gone: take it off the list"
        );
    }
}

#[test]
fn every_file_is_introduced_and_fits() {
    let mut wrong = Vec::new();
    for path in sources(Path::new("src")) {
        let text = fs::read_to_string(&path).unwrap();
        if !text.starts_with("//! ") {
            wrong.push(format!(
                "{}: the first line says what the file is for",
                path.display()
            ));
        }
        let lines = shipped(&path).lines().count();
        if lines > LINES_MAX {
            wrong.push(format!("{}: {lines} lines, split it", path.display()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The part of a file before its tests: tests may use the world, reach every room, and be long.
fn shipped(path: &Path) -> String {
    let inside = path.with_extension("");
    let mut names = inside.iter().map(|name| name.to_str().unwrap());
    if names.any(|name| TEST_FILES.contains(&name)) {
        return String::new();
    }
    without_tests(&fs::read_to_string(path).unwrap())
}

/// Leaves out the items that are built for tests alone, and keeps their lines empty so that the others keep their numbers.
///
/// rustfmt indents what an item holds: it ends with its first line, or with the bracket that closes at that line's indent.
fn without_tests(text: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut kept = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            kept.push(line);
            continue;
        }
        kept.push("");
        let depth = indent(line);
        let mut is_open = false;
        for line in lines.by_ref() {
            kept.push("");
            let item = line.trim_start();
            let outside = indent(line) != depth || item.starts_with(['#', '/']) || item == ")]";
            if outside || item.is_empty() {
                continue;
            }
            if item.ends_with([';', ',', '}']) && (!is_open || item.starts_with(['}', ')', ']'])) {
                break;
            }
            is_open = true;
        }
    }
    kept.join("\n").trim_end().to_owned()
}

#[test]
fn only_the_items_for_tests_are_left_out_of_a_file() {
    let text = "\
mod a;
#[cfg(test)]
mod rig;
impl B {
    /// C.
    #[cfg(test)]
    fn c() {
        d();
    }

    fn e() {}
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
)]
mod tests {
    use crate::f;
}

#[cfg(test)]
mod more;
fn g() {}
";
    let shipped = without_tests(text);
    let kept: Vec<_> = shipped.lines().filter(|line| !line.is_empty()).collect();
    let wanted = [
        "mod a;",
        "impl B {",
        "    /// C.",
        "    fn e() {}",
        "}",
        "fn g() {}",
    ];
    assert_eq!(kept, wanted);
    assert_eq!(
        shipped.lines().count(),
        text.lines().count(),
        "the numbers of lines"
    );
}

/// Names the rooms a line reaches: `crate::sip::x` reaches `sip`, `crate::{...}` reaches `{`.
///
/// `{` is in no table, so a grouped import fails the check and is written one room a line.
fn imported_rooms(line: &str) -> Vec<String> {
    let line = line.trim_start();
    if line.starts_with("//") {
        return Vec::new();
    }
    let name = |rest: &str| {
        rest.split([':', ';', ' ', ',', '(', ')', '<'])
            .next()
            .unwrap()
            .to_owned()
    };
    line.split("crate::").skip(1).map(name).collect()
}

/// `super::` in a room's root file names a sibling room and would pass unseen.
fn reaches_above_itself(path: &Path, line: &str) -> bool {
    let depth = path.components().count() - usize::from(path.ends_with("mod.rs"));
    let ups = line.matches("super::").count();
    let in_tests = line.contains("use super::*");
    ups > 0 && !in_tests && ups + 1 >= depth
}

fn room_of(path: &Path) -> Option<String> {
    let first = path
        .strip_prefix("src")
        .ok()?
        .components()
        .next()?
        .as_os_str()
        .to_str()?
        .to_owned();
    let name = first.trim_end_matches(".rs").to_owned();
    (!["lib", "main"].contains(&name.as_str())).then_some(name)
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
