//! The demo's stage: a folder of its own with a configuration that knows where the two phones are.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::base::chance::Chance;
use crate::base::entropy;

/// The number that is called.
pub(in crate::cli) const VIRTUAL_NUMBER: &str = "+74950000001";
/// Who calls it.
pub(in crate::cli) const CALLER: &str = "+79161234567";
/// Whom the rules ring first.
pub(in crate::cli) const DESK: &str = "101";

/// The configuration; the words in @…@ are replaced.
const TEMPLATE: &str = include_str!("ringtag.toml");

/// Ports for sound: a hundred calls at once.
const PORTS: u16 = 400;

/// Where the search for free ports begins and ends: below those that systems give out by themselves.
const PORTS_FROM: u16 = 12_000;
const PORTS_TO: u16 = 31_000;

/// The folder; it stays after the demo, for its recording and its call log are worth a look.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Stage {
    /// Readable by this user only: it will hold a recording.
    pub(in crate::cli) folder: PathBuf,
}

impl Stage {
    /// Makes the folder and writes the configuration.
    pub(in crate::cli) fn build(caller: SocketAddr, desk: SocketAddr) -> io::Result<Self> {
        let seed = entropy::seed().map_err(io::Error::other)?;
        let mut chance = Chance::from_seed(seed);
        let folder = std::env::temp_dir().join(format!("ringtag-demo-{}", chance.token()));
        DirBuilder::new().mode(0o700).create(&folder)?;
        let first = free_ports(&mut chance);
        let ports = format!("{first}, {}", first + PORTS - 1);
        let text = TEMPLATE
            .replace("@PORTS@", &ports)
            .replace("@CALLER@", &caller.to_string())
            .replace("@DESK@", &desk.to_string());
        let stage = Self { folder };
        fs::write(stage.config(), text)?;
        Ok(stage)
    }

    /// The configuration's path.
    pub(in crate::cli) fn config(&self) -> PathBuf {
        self.folder.join("ringtag.toml")
    }

    /// The path of a recording that a record names.
    pub(in crate::cli) fn recording(&self, file: &str) -> PathBuf {
        self.folder.join("recordings").join(Path::new(file))
    }
}

/// An even first port whose neighbours are free at the ends; the pool passes over single ports that are taken.
fn free_ports(chance: &mut Chance) -> u16 {
    let room = u64::from((PORTS_TO - PORTS_FROM) / 2);
    let candidates =
        std::iter::repeat_with(|| PORTS_FROM + 2 * u16::try_from(chance.below(room)).unwrap_or(0));
    let free = |port: u16| UdpSocket::bind(("127.0.0.1", port)).is_ok();
    candidates
        .take(50)
        .find(|first| free(*first) && free(first + PORTS - 1))
        .unwrap_or(PORTS_FROM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demos_configuration_loads_without_a_warning() {
        let phone = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let stage = Stage::build(phone(40_001), phone(40_002)).unwrap();
        let loaded = crate::config::load(&stage.config());
        fs::remove_dir_all(&stage.folder).unwrap();
        let loaded = loaded.unwrap();
        assert_eq!(loaded.warnings, []);
        let config = loaded.config;
        let number = crate::base::number::Number::e164(VIRTUAL_NUMBER).unwrap();
        assert!(config.tracking.source(number).is_some());
        assert!(config.recordings.folder.starts_with(&stage.folder));
        assert!(config.store.folder.starts_with(&stage.folder));
    }
}
