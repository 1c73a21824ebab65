//! Whether a call is recorded, and where its file lies. Knows no disk.

use std::path::Path;
use std::path::PathBuf;

use crate::base::id::CallId;
use crate::base::time::WallTime;
use crate::recording::settings::When;

/// Says whether a call is recorded: tracking off, then the rule's `record`, then `recordings.when`;
/// `When::None` is absolute.
pub const fn should_record(tracking: bool, rule: Option<bool>, when: When) -> bool {
    match (tracking, when, rule) {
        (false, _, _) | (true, When::None, _) | (true, When::ByRule, None) => false,
        (true, When::All | When::ByRule, Some(record)) => record,
        (true, When::All, None) => true,
    }
}

/// Returns a recording's path below the recordings folder: `2026/11/21/<call id>.wav`, the date in UTC.
pub fn path_of(call: CallId, wall: WallTime) -> PathBuf {
    let day = wall.timestamp().strftime("%Y/%m/%d");
    PathBuf::from(format!("{day}/{call}.wav"))
}

/// Returns the path of a recording's file `number`: the first has the recording's own, the second is `<call id>.2.wav`.
pub fn part_of(first: &Path, number: u32) -> PathBuf {
    if number <= 1 {
        return first.to_owned();
    }
    let name = first.file_name().unwrap_or_default().to_string_lossy();
    let (call, ending) = name.split_once('.').unwrap_or((&name, ""));
    first.with_file_name(format!("{call}.{number}.{ending}"))
}

/// Which of a recording's files this is, by its name.
pub fn number_of(file: &Path) -> u32 {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let second = name.split('.').nth(1);
    second.and_then(|word| word.parse().ok()).unwrap_or(1)
}

/// Returns the path while the file grows: `<call id>.wav.part`.
pub fn growing(finished: PathBuf) -> PathBuf {
    let mut name = finished.into_os_string();
    name.push(PART);
    name.into()
}

/// What a file's name ends with while it grows.
pub const PART: &str = ".part";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::chance::Chance;

    #[test]
    fn tracking_off_beats_the_rule_and_the_rule_beats_the_setting() {
        for rule in [None, Some(true), Some(false)] {
            for when in [When::All, When::None, When::ByRule] {
                assert!(!should_record(false, rule, when), "{rule:?} {when:?}");
            }
        }
        assert!(should_record(true, None, When::All));
        assert!(!should_record(true, Some(false), When::All));
        assert!(!should_record(true, None, When::ByRule));
        assert!(should_record(true, Some(true), When::ByRule));
    }

    #[test]
    fn the_files_of_a_long_recording_are_numbered() {
        let first = Path::new("2026/11/21/019aa5c4.wav");
        assert_eq!(part_of(first, 1), first);
        let second = part_of(first, 2);
        assert_eq!(second, Path::new("2026/11/21/019aa5c4.2.wav"));
        for (file, number) in [
            (first.to_owned(), 1),
            (second.clone(), 2),
            (growing(second), 2),
        ] {
            assert_eq!(number_of(&file), number, "{}", file.display());
        }
        assert_eq!(number_of(Path::new("a/019aa5c4.flac")), 1);
        assert_eq!(number_of(Path::new("a/019aa5c4.12.flac")), 12);
    }

    #[test]
    fn none_is_absolute() {
        assert!(!should_record(true, Some(true), When::None));
    }

    #[test]
    fn a_file_lies_under_its_day_in_utc() {
        let late = WallTime::from_millis(1_795_305_599_999);
        let call = CallId::new(late, &mut Chance::from_number(1));
        assert_eq!(late.to_string(), "2026-11-21T23:59:59.999Z");
        let path = path_of(call, late);
        assert_eq!(path.to_str().unwrap(), format!("2026/11/21/{call}.wav"));
        assert_eq!(
            growing(path).to_str().unwrap(),
            format!("2026/11/21/{call}.wav.part")
        );
    }
}
