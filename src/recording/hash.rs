//! SHA-256 of finished recordings, in a thread of its own: sound and the log wait for no hash.

use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;

use sha2::Digest;
use sha2::Sha256;

/// Bytes read at once: large enough that system calls do not count.
const READ_BYTES: usize = 64 * 1024;

/// Returns a file's SHA-256 in lower-case hexadecimal.
///
/// # Errors
/// What the disk says.
pub fn of(path: &Path) -> io::Result<String> {
    and_length(path).map(|(sha256, _)| sha256)
}

/// Returns a file's SHA-256 in lower-case hexadecimal, and how many bytes it is of.
///
/// # Errors
/// What the disk says.
pub fn and_length(path: &Path) -> io::Result<(String, u64)> {
    let mut length = 0;
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => return Ok((hex::encode(hash.finalize()), length)),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        length += read as u64;
        hash.update(buffer.get(..read).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_hashes_as_fips_180_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(
            of(&path).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        std::fs::write(&path, vec![b'a'; 1_000_000]).unwrap();
        assert_eq!(
            of(&path).unwrap(),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        );
        assert!(of(&folder.path().join("none")).is_err());
    }
}
