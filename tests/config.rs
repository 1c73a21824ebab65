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

/// What a load test is run with: absolute folders, one number, and no `[numbers]`.
const LOAD_TEST: &str = r#"
[sip]
listen = ["udp:127.0.7.1:15060"]
advertise = "127.0.7.1"
[media]
ports = [20000, 59999]
[recordings]
folder = "/tmp/spool"
when = "none"
[store]
folder = "/tmp/bench/data"
[web]
listen = "127.0.7.1:18080"
[[trunk]]
id = "callers"
host = "127.0.7.2:15070"
allow = ["127.0.7.2"]
[[trunk]]
id = "pbx"
host = "127.0.7.3:15080"
[[project]]
id = "bench"
time_zone = "UTC"
currency = "RUB"
[[source]]
tag = "bench"
project = "bench"
channel = "bench"
category = "general"
numbers = ["+74950000001"]
[[manager]]
id = "desk"
extension = "101"
trunk = "pbx"
[[rule]]
id = "all"
to = ["manager:desk"]
"#;

#[test]
fn a_file_with_absolute_folders_loads_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ringtag.toml");
    std::fs::write(&file, LOAD_TEST).unwrap();
    let loaded = config::load(&file).unwrap();
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.config.store.folder, Path::new("/tmp/bench/data"));
    assert_eq!(loaded.config.recordings.folder, Path::new("/tmp/spool"));
}

#[test]
fn relative_folders_mean_the_same_wherever_the_program_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().canonicalize().unwrap();
    std::fs::create_dir(real.join("config")).unwrap();
    let file = real.join("config/../config/ringtag.toml");
    std::fs::write(&file, "[store]\nfolder = \"../calls\"\n").unwrap();
    let config = config::load(&file).unwrap().config;
    assert_eq!(config.store.folder, real.join("calls"));
}

#[test]
fn a_password_file_is_read_beside_the_configuration() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ringtag.toml");
    let secret = folder.path().join("carrier.secret");
    std::fs::write(&secret, "s3cret\n").unwrap();
    let trunk = "[[trunk]]\nid = \"a\"\nhost = \"b\"\nusername = \"u\"\npassword_file = \"carrier.secret\"\n";
    std::fs::write(&file, trunk).unwrap();
    let warned = |mode| {
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(mode)).unwrap();
        let loaded = config::load(&file).unwrap();
        let password = loaded.config.trunks.first().unwrap().password.clone();
        assert_eq!(password.as_deref(), Some("s3cret"));
        loaded
            .warnings
            .iter()
            .any(|note| note.message.contains("other users"))
    };
    assert!(warned(0o644));
    assert!(!warned(0o600));
}

#[test]
fn what_is_no_text_is_told_at_its_byte() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ringtag.toml");
    std::fs::write(&file, b"[sip]\nadvertise = \"\xff\"\n").unwrap();
    let mistakes = config::load(&file).unwrap_err();
    let [mistake] = mistakes.as_slice() else {
        panic!("{mistakes:#?}");
    };
    assert_eq!((mistake.line, mistake.column), (2, 14));
}

#[test]
fn every_committed_input_of_the_fuzzer_is_read_or_refused_with_its_place() {
    let mut read = 0;
    for file in std::fs::read_dir("fuzz/corpus/config").unwrap() {
        config::probe::file(&std::fs::read(file.unwrap().path()).unwrap());
        read += 1;
    }
    assert!(read > 0);
}
