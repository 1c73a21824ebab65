//! Whole configuration files, read from the disk as `ringtag check` reads them.
#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::path::Path;

use ringtag::config::{self, Config};
use ringtag::route::rule::Action;

fn office() -> Config {
    let loaded = config::load(Path::new("tests/data/office.toml")).unwrap();
    assert_eq!(loaded.warnings, []);
    loaded.config
}

#[test]
fn the_office_of_the_manual_loads_without_a_warning() {
    let config = office();
    assert_eq!(config.trunks.len(), 2);
    assert_eq!(config.tracking.numbers(), 3);
    assert_eq!(config.routing.rules().len(), 4);
    assert_eq!(config.country.code(), "RU");
    assert_eq!(
        (config.media.port_min, config.media.port_max),
        (20_000, 29_999)
    );
    assert!(config.recordings.folder.is_absolute());
    assert!(config.recordings.folder.ends_with("tests/recordings"));
    let reject = config.routing.rules().first().unwrap();
    assert_eq!(reject.action, Action::Reject(603));
}
