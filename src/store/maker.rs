//! A log of calls that never were, line by line as the store writes them: for benchmarks, and for looking at the pages.
//!
//! Its lines may be of any time, as long as they are told in order; nothing of it reaches a log that is in use.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::chance::Chance;
use crate::base::id::CallId;
use crate::base::time::{Moment, WallTime};
use crate::call::story::What;
use crate::recording::command::Outcome;
use crate::store::disk::RealDisk;
use crate::store::error::StoreError;
use crate::store::event::upkeep::{Started, Upkeep};
use crate::store::event::{Event, Hashed, Parts, Pruned};
use crate::store::line::Head;
use crate::store::log::Log;
use crate::store::remark::Kind;
use crate::store::say::{Say, clean_by};
use crate::store::scan;
use crate::store::spoken::{PinnedLine, PinnedPersonal, SaidLine, Used};

/// Lines between two writes to the disk: 16 MB or so.
const WRITE_EVERY: u64 = 16_384;

/// One thing that happened to a call.
#[derive(Clone, Debug)]
pub enum Made {
    /// What the call itself tells.
    Fact(What),
    /// Its recording is finished.
    Recorded(Box<Outcome>),
    /// The SHA-256 of its recording.
    Hashed(String),
    /// Its recording, this file, was deleted because its time was over.
    Pruned(String),
    /// Somebody said what it was.
    Said(Box<Say>, String),
    /// Somebody pinned a note to a moment of its recording.
    Pinned {
        /// Where.
        at_ms: u64,
        /// What it says.
        text: String,
        /// Who.
        by: String,
    },
    /// Somebody listened.
    Played(String),
}

/// Writes a log from its first line on.
#[derive(Debug)]
pub struct Maker {
    log: Log,
    begin: WallTime,
    lines: u64,
}

impl Maker {
    /// Begins a log in the store's `folder`, whose clock begins at `begin`.
    ///
    /// # Errors
    /// There is a log already, or the disk refuses.
    pub fn begin(
        folder: &Path,
        node: &str,
        mut chance: Chance,
        begin: WallTime,
    ) -> Result<Self, StoreError> {
        let path = folder.join("log");
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(StoreError::disk("making the folder", &path))?;
        if !scan::months(&path)?.is_empty() {
            let other = std::io::ErrorKind::AlreadyExists.into();
            return Err(StoreError::disk("making up a log beside the one in", &path)(other));
        }
        let mut maker = Self {
            log: new_log(path, node, &mut chance),
            begin,
            lines: 0,
        };
        let started = Started {
            version: env!("CARGO_PKG_VERSION").into(),
            torn_bytes: 0,
            crashed: 0,
        };
        maker.append(begin, None, &Event::Upkeep(Upkeep::Started(started)))?;
        Ok(maker)
    }

    /// Tells what happened to a call at a time that is not before the last.
    ///
    /// # Errors
    /// The disk refuses, or what is said is not within the limits.
    pub fn tell(&mut self, call: CallId, at: WallTime, made: Made) -> Result<(), StoreError> {
        let event = match made {
            Made::Fact(what) => Event::from(what),
            Made::Recorded(outcome) => Event::Recorded(Box::new((*outcome).into())),
            Made::Hashed(sha256) => Event::Hashed(Hashed {
                sha256,
                file: None,
                bytes: None,
            }),
            Made::Pruned(file) => Event::Pruned(Pruned { file }),
            Made::Said(say, by) => {
                let say = say.clean();
                let say = say.map_err(|fault| StoreError::Told(fault.to_string()))?;
                let said = SaidLine::split(say, clean_by(&by), Kind::Person);
                Event::Said(Box::new(said))
            }
            Made::Pinned { at_ms, text, by } => Event::Pinned(Box::new(Parts {
                public: PinnedLine { by, at_ms },
                pii: Some(PinnedPersonal { text }),
            })),
            Made::Played(by) => Event::Played(Used { by }),
        };
        self.append(at, Some(call), &event)
    }

    /// Writes the rest to the disk and returns how many lines there are.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn finish(mut self) -> Result<u64, StoreError> {
        self.log.sync()?;
        Ok(self.log.head().n)
    }

    fn append(
        &mut self,
        at: WallTime,
        call: Option<CallId>,
        event: &Event,
    ) -> Result<(), StoreError> {
        let since_ms = at.as_millis().saturating_sub(self.begin.as_millis());
        let mono = Moment::from_millis(u64::try_from(since_ms).unwrap_or(0));
        self.log.append(at, mono, call, event)?;
        self.lines += 1;
        if self.lines.is_multiple_of(WRITE_EVERY) {
            self.log.sync()?;
        }
        Ok(())
    }
}

fn new_log(path: PathBuf, node: &str, chance: &mut Chance) -> Log {
    let node: Arc<str> = node.into();
    Log::new(
        path,
        node,
        Box::new(RealDisk),
        chance.fork(),
        None,
        Head::default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::handle::{Store, Verdict};
    use crate::store::trial::{CALLER, MORNING, Place, Script};

    #[test]
    fn a_made_up_log_is_whole_and_says_what_was_told() {
        let place = Place::new();
        let begin = || Maker::begin(&place.data(), "made", Chance::from_number(1), MORNING);
        let mut maker = begin().unwrap();
        let call = Script::new(1, MORNING, CALLER);
        for fact in [call.began(), call.ringing(), call.missed()] {
            maker.tell(call.id, fact.at, Made::Fact(fact.what)).unwrap();
        }
        let say = Say {
            outcome: Some(Some("later".into())),
            ..Say::default()
        };
        let later = MORNING + std::time::Duration::from_secs(40 * 86_400);
        let said = Made::Said(Box::new(say), "anna".into());
        maker.tell(call.id, later, said).unwrap();
        assert_eq!(
            maker.finish().unwrap(),
            7,
            "and a line that opens each month"
        );
        assert!(begin().is_err(), "nothing is made up beside a log");
        let store = Store::look(place.setup()).unwrap();
        assert!(matches!(
            store.verify().unwrap(),
            Verdict::Whole { months: 2, .. }
        ));
        let record = store.call(call.id).unwrap().unwrap();
        assert_eq!(record.outcome.as_deref(), Some("later"));
        assert_eq!(record.said[0].at, later);
        assert!(record.awaits_callback());
    }
}
