//! What the pages are drawn with: one style, small modules, an icon. All of it is in the binary.
//!
//! Modules import each other by relative names, so they share a folder whose name changes with any of them: a browser keeps
//! what it has for ever and never mixes two versions.

use std::fmt::Write as _;
use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// One file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Its name below `/assets/VERSION/`.
    pub name: &'static str,
    /// Its media type.
    pub kind: &'static str,
    /// Its bytes.
    pub body: &'static str,
}

const STYLE: &str = "text/css; charset=utf-8";
const MODULE: &str = "text/javascript; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

macro_rules! asset {
    ($name:literal, $kind:expr) => {
        Asset {
            name: $name,
            kind: $kind,
            body: include_str!(concat!("assets/", $name)),
        }
    };
}

/// Every file.
pub const ALL: &[Asset] = &[
    asset!("app.css", STYLE),
    asset!("app.js", MODULE),
    asset!("board.js", MODULE),
    asset!("call.js", MODULE),
    asset!("calls.js", MODULE),
    asset!("ladder.js", MODULE),
    asset!("live.js", MODULE),
    asset!("icon.svg", PICTURE),
    asset!("parts.js", MODULE),
    asset!("peaks.js", MODULE),
    asset!("pins.js", MODULE),
    asset!("player.css", STYLE),
    asset!("player.js", MODULE),
    asset!("report.css", STYLE),
    asset!("report.js", MODULE),
    asset!("saved.css", STYLE),
    asset!("rules.css", STYLE),
    asset!("rules.js", MODULE),
    asset!("sides.js", MODULE),
    asset!("spend.js", MODULE),
    asset!("waveform.js", MODULE),
];

/// Begins the path of every asset.
pub const FOLDER: &str = "/assets/";

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for asset in ALL {
        hash.update(asset.name.as_bytes());
        hash.update([0]);
        hash.update(asset.body.as_bytes());
        hash.update([0]);
    }
    // 48 bits tell the few versions apart that one browser ever saw.
    hash.finalize()
        .iter()
        .take(6)
        .fold(String::new(), |mut text, byte| {
            // Writing into a string does not fail.
            write!(text, "{byte:02x}").unwrap_or_default();
            text
        })
});

/// The folder's name: a hash of everything in it.
pub fn version() -> &'static str {
    &VERSION
}

/// The path of the asset `name`.
pub fn path(name: &str) -> String {
    format!("{FOLDER}{}/{name}", version())
}

/// Finds an asset.
pub fn find(name: &str) -> Option<&'static Asset> {
    ALL.iter().find(|asset| asset.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn no_asset_asks_anything_of_the_outside() {
        for asset in ALL {
            for outside in ["http://", "https://", "//cdn", "@import", "eval("] {
                let text = asset.body.replace("http://www.w3.org/2000/svg", "");
                assert!(!text.contains(outside), "{}: {outside}", asset.name);
            }
        }
    }

    #[test]
    fn modules_import_only_what_is_there() {
        for asset in ALL {
            for line in asset
                .body
                .lines()
                .filter(|line| line.starts_with("import "))
            {
                let name = line.rsplit_once("'./").unwrap().1;
                let name = name.trim_end_matches([';', '\'']);
                assert!(find(name).is_some(), "{}: {name}", asset.name);
            }
        }
    }

    #[test]
    fn the_folder_is_named_by_what_is_in_it() {
        assert_eq!(version().len(), 12);
        assert!(path("app.css").starts_with("/assets/") && path("app.css").ends_with("/app.css"));
        assert!(find("../words/en.ftl").is_none());
    }

    /// Adds an asset and the modules that it imports.
    fn load(name: &str, loaded: &mut BTreeSet<String>) {
        if !loaded.insert(name.to_owned()) {
            return;
        }
        let body = find(name).unwrap().body;
        for line in body.lines().filter(|line| line.starts_with("import ")) {
            let name = line.rsplit_once("'./").unwrap().1;
            load(name.trim_end_matches([';', '\'']), loaded);
        }
    }

    #[test]
    fn everything_a_page_may_load_is_light() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/templates");
        let own = |page: &str| -> Vec<String> {
            let named = page.split("frame.asset(\"").skip(1);
            named
                .map(|rest| rest.split_once('"').unwrap().0.to_owned())
                .collect()
        };
        let frame = own(&fs::read_to_string(folder.join("frame.html")).unwrap());
        let mut heaviest = 0;
        for page in fs::read_dir(folder).unwrap() {
            let path = page.unwrap().path();
            let mut loaded = BTreeSet::new();
            for name in frame
                .iter()
                .chain(&own(&fs::read_to_string(&path).unwrap()))
            {
                load(name, &mut loaded);
            }
            let weight: usize = loaded
                .iter()
                .map(|name| find(name).unwrap().body.len())
                .sum();
            let page = path.display();
            assert!(
                weight < 110_000,
                "{page}: {weight} bytes; a page may weigh 150 KB in all"
            );
            heaviest = heaviest.max(weight);
        }
        assert!(heaviest > find("app.css").unwrap().body.len());
    }
}
