//! Where recordings lie: made in the day's folder as `.part`, synced and renamed when whole.

use std::fs;
use std::fs::DirBuilder;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use crate::recording::notes;
use crate::recording::notes::Notes;
use crate::recording::pack;
use crate::recording::plan;
use crate::recording::sketch;

/// People's voices are the owner's and the group's to read.
const FILE_MODE: u32 = 0o640;
const FOLDER_MODE: u32 = 0o750;

/// Makes the `.part` file of a recording, and its folders where they are missing.
///
/// # Errors
/// What the disk says; a file that is already there is never touched.
pub fn make(folder: &Path, file: &Path) -> io::Result<File> {
    let path = folder.join(plan::growing(file.to_owned()));
    let open = || {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(&path)
    };
    match open() {
        // The day's first call, or somebody removed the folder.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(day) = path.parent() {
                DirBuilder::new()
                    .recursive(true)
                    .mode(FOLDER_MODE)
                    .create(day)?;
            }
            open()
        }
        made => made,
    }
}

/// Opens the `.part` file of a recording again.
///
/// # Errors
/// What the disk says.
pub fn open_growing(folder: &Path, file: &Path) -> io::Result<File> {
    let path = folder.join(plan::growing(file.to_owned()));
    OpenOptions::new().write(true).open(path)
}

/// Gives a whole, synced file its name without `.part`; its notes are no longer needed. [`sync_folders`] makes it last.
///
/// # Errors
/// What the disk says.
pub fn rename(folder: &Path, file: &Path) -> io::Result<()> {
    let finished = folder.join(file);
    fs::rename(plan::growing(finished.clone()), &finished)?;
    match fs::remove_file(notes::path_of(finished)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(file = %file.display(), %error, "the notes of a finished recording stay behind; remove them");
        }
        Ok(()) | Err(_) => {}
    }
    Ok(())
}

/// Writes what a growing recording lacks beside it. Not synced: a crash of the process loses nothing, a power cut may.
///
/// # Errors
/// What the disk says.
pub fn note(folder: &Path, file: &Path, notes: &Notes) -> io::Result<()> {
    let text = serde_json::to_vec(notes)?;
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(folder.join(notes::path_of(file.to_owned())))?
        .write_all(&text)
}

/// Reads what was noted of a recording; nothing where there is nothing, or nothing legible.
pub fn noted(folder: &Path, file: &Path) -> Notes {
    let text = fs::read(folder.join(notes::path_of(file.to_owned())));
    text.ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default()
}

/// Makes the names in `day` last, which lies below `folder`, and those of the folders above it up to
/// `folder`, each of which may be new.
///
/// # Errors
/// What the disk says.
pub fn sync_folders(folder: &Path, day: &Path) -> io::Result<()> {
    day.ancestors()
        .try_for_each(|below| sync_folder(folder, below))
}

/// Makes the names in one folder last, which is `folder` or lies below it.
///
/// # Errors
/// What the disk says.
pub fn sync_folder(folder: &Path, below: &Path) -> io::Result<()> {
    File::open(folder.join(below))?.sync_all()
}

/// The name under which a finished recording is kept, relative to `folder`: its own, or that of its FLAC.
pub fn kept(folder: &Path, file: &Path) -> PathBuf {
    let packed = file.with_extension(pack::ENDING);
    let is_packed = !folder.join(file).exists() && folder.join(&packed).exists();
    if is_packed { packed } else { file.to_owned() }
}

/// Every path that a recording whose first file is `file` may have on the disk, and what was made from it: what there is of it
/// goes with it. The WAV files come before what is made from them.
pub fn belongings(folder: &Path, file: &Path) -> Vec<PathBuf> {
    let first = file.with_extension("").with_extension("wav");
    let mut all = Vec::new();
    for number in 1.. {
        let wav = plan::part_of(&first, number);
        let flac = wav.with_extension(pack::ENDING);
        let forms = [wav.clone(), flac].map(|form| [form.clone(), plan::growing(form)]);
        let forms = forms.into_iter().flatten().map(|form| folder.join(form));
        let there: Vec<_> = forms.filter(|path| path.exists()).collect();
        if number > 1 && there.is_empty() {
            break;
        }
        all.extend(there);
        all.push(sketch::path_of(&folder.join(wav)));
    }
    all.push(folder.join(notes::path_of(first)));
    all
}

/// Returns the path of a file in `folder`; `None` for a name that leads out of it, or to nothing.
pub fn inside(folder: &Path, file: &Path) -> Option<PathBuf> {
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    (file.file_name().is_some() && file.components().all(is_plain)).then(|| folder.join(file))
}

/// Finds every `.part` below `YYYY/MM/DD` and returns its path without the ending, oldest day first.
/// A folder that cannot be read is logged and left out.
pub fn growing(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for digits in [4, 2, 2] {
        found = found
            .iter()
            .flat_map(|below| {
                names(&folder.join(below))
                    .into_iter()
                    .filter_map(move |name| {
                        let is_date =
                            name.len() == digits && name.bytes().all(|b| b.is_ascii_digit());
                        is_date.then(|| below.join(name))
                    })
            })
            .collect();
    }
    found
        .iter()
        .flat_map(|day| {
            names(&folder.join(day))
                .into_iter()
                .filter_map(|name| Some(day.join(name.strip_suffix(plan::PART)?)))
        })
        .collect()
}

/// The names in a folder, sorted; those that are no text are not ours.
fn names(folder: &Path) -> Vec<String> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // Nothing was recorded yet; a file among the folders is somebody else's.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Vec::new();
        }
        Err(error) => {
            tracing::error!(folder = %folder.display(), %error, "cannot look for unfinished recordings; check the folder's permissions");
            return Vec::new();
        }
    };
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leaves_the_folder_is_none() {
        let folder = Path::new("/srv/recordings");
        for file in [
            "../x.wav",
            "/etc/passwd",
            "2026/../../x.wav",
            "",
            ".",
            "./x.wav/..",
        ] {
            assert_eq!(inside(folder, Path::new(file)), None, "{file}");
        }
        let path = inside(folder, Path::new("2026/11/21/x.wav")).unwrap();
        assert_eq!(path, Path::new("/srv/recordings/2026/11/21/x.wav"));
    }

    #[test]
    fn everything_of_a_recording_belongs_to_it_and_nothing_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let (day, first) = (folder.path().join("d"), Path::new("d/019aa5c4.wav"));
        fs::create_dir(&day).unwrap();
        let its = [
            "019aa5c4.flac",
            "019aa5c4.peaks",
            "019aa5c4.wav.gaps",
            "019aa5c4.2.wav",
            "019aa5c4.2.peaks",
            "019aa5c4.3.flac.part",
        ];
        let others = ["019aa5c5.wav", "019aa5c4.5.wav"];
        for name in its.iter().chain(&others) {
            fs::write(day.join(name), "sound").unwrap();
        }
        assert_eq!(kept(folder.path(), first), Path::new("d/019aa5c4.flac"));
        for path in belongings(folder.path(), first) {
            let is_its = its.iter().any(|name| day.join(name) == path);
            assert!(is_its || !path.exists(), "{}", path.display());
            drop(fs::remove_file(path));
        }
        let left = names(&day);
        assert_eq!(
            left,
            ["019aa5c4.5.wav", "019aa5c5.wav"],
            "no file lies behind a number that is missing"
        );
    }
}
