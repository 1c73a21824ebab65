//! What the store's tests share: a store in a folder of its own, made-up calls, and a disk that can refuse.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::base::chance::Chance;
use crate::base::clock::Clock;
use crate::base::id::{CallId, Side};
use crate::base::number::{Caller, Number};
use crate::base::time::{Moment, WallTime};
use crate::call::story::{
    Answered, Began, Ended, Fact, FinishReason, HungUpBy, KeptDialog, Leg, SourceTag, Tried,
    TriedResult, What,
};
use crate::recording::command::{Gap, Kept, Outcome, State};
use crate::store::disk::{Disk, RealDisk, Tape};
use crate::store::handle::{Ghost, Purpose, Setup, Store};
use crate::store::settings::Settings;

/// 2026-11-21T09:30:00.000Z
pub(crate) const MORNING: WallTime = WallTime::from_millis(1_795_253_400_000);

pub(crate) const CALLER: &str = "+79161234567";

/// A folder with a store and recordings.
pub(crate) struct Place {
    _folder: tempfile::TempDir,
    pub(crate) root: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_path_buf();
        Self {
            _folder: folder,
            root,
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub(crate) fn recordings(&self) -> PathBuf {
        self.root.join("recordings")
    }

    pub(crate) fn month(&self, month: &str) -> PathBuf {
        self.data().join(format!("log/{month}.jsonl"))
    }

    pub(crate) fn setup(&self) -> Setup {
        Setup {
            settings: Settings {
                folder: self.data(),
                ladder_days: 7,
            },
            recordings: self.recordings(),
            node: "desk".into(),
            clock: Clock::start_at(MORNING),
            chance: Chance::from_number(11),
        }
    }

    pub(crate) fn open(&self) -> (Store, Vec<Ghost>) {
        let (store, behind) = Store::open(self.setup()).unwrap();
        (store, behind.ghosts)
    }

    pub(crate) fn open_on(&self, disk: impl Disk + 'static) -> Store {
        Store::open_on(self.setup(), Purpose::Serve, Box::new(disk))
            .unwrap()
            .0
    }

    /// Plays a whole recorded call, with a file.
    pub(crate) fn play(&self, store: &Store, call: &Script) {
        let path = self.recording(call);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "sound").unwrap();
        store.tell(call.began());
        store.tell(call.ringing());
        store.tell(call.answered());
        store.tell(call.ended());
        store.recorded(call.outcome());
        store.hashed(call.id, call.kept(hex::encode(Sha256::digest("sound"))));
    }

    pub(crate) fn recording(&self, call: &Script) -> PathBuf {
        self.recordings().join(call.outcome().file)
    }

    /// The folder as a kill -9 at this instant leaves it.
    pub(crate) fn killed(&self) -> Self {
        let copy = Self::new();
        copy_folder(&self.root, &copy.root);
        copy
    }

    /// Whether `text` is in any byte of any file, or in a name.
    pub(crate) fn holds(&self, text: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(&self.root, &mut |path| {
            let bytes = fs::read(path).unwrap();
            if memchr::memmem::find(&bytes, text.as_bytes()).is_some() {
                found.push(path.to_path_buf());
            }
        });
        found
    }
}

pub(crate) fn walk(folder: &Path, visit: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, visit);
        } else if path.is_file() {
            visit(&path);
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else if path.is_file() {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// A call that tells its facts at made-up times.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) id: CallId,
    pub(crate) at: WallTime,
    pub(crate) caller: Caller,
}

impl Script {
    pub(crate) fn new(number: u64, at: WallTime, caller: &str) -> Self {
        Self {
            id: CallId::new(at, &mut Chance::from_number(number)),
            at,
            caller: Caller::from_record(caller),
        }
    }

    /// The `number`th call of the morning, a second after the one before.
    pub(crate) fn nth(number: u64) -> Self {
        Self::new(number, MORNING + Duration::from_secs(number), CALLER)
    }

    pub(crate) fn fact(&self, after_ms: u64, what: What) -> Fact {
        Fact {
            call: self.id,
            at: self.at + Duration::from_millis(after_ms),
            mono: Moment::from_millis(1_000 + after_ms),
            what,
        }
    }

    pub(crate) fn began(&self) -> Fact {
        self.fact(0, What::Began(Box::new(began(self.caller.clone()))))
    }

    pub(crate) fn ringing(&self) -> Fact {
        self.fact(300, What::Ringing)
    }

    pub(crate) fn answered(&self) -> Fact {
        self.fact(2_000, What::Answered(Box::new(answered(&self.caller))))
    }

    pub(crate) fn ended(&self) -> Fact {
        let ended = ended(self.at, &self.caller);
        self.fact(ended.total_ms, What::Ended(Box::new(ended)))
    }

    pub(crate) fn missed(&self) -> Fact {
        let ended = Ended {
            manager: None,
            destination: None,
            answered_at: None,
            wait_ms: 9_000,
            talk_ms: 0,
            total_ms: 9_000,
            answered: false,
            missed: true,
            finish_reason: FinishReason::CallerGaveUp,
            hung_up_by: HungUpBy::Caller,
            sip_status: Some(487),
            ..ended(self.at, &self.caller)
        };
        self.fact(9_000, What::Ended(Box::new(ended)))
    }

    pub(crate) fn kept(&self, sha256: String) -> Kept {
        let Outcome { file, bytes, .. } = self.outcome();
        Kept {
            file,
            bytes,
            sha256,
        }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        Outcome {
            call: self.id,
            file: format!("2026/11/21/{}.wav", self.id).into(),
            duration_ms: 60_000,
            sample_rate_hz: 8_000,
            channels: 2,
            bytes: 1_920_044,
            state: State::Partial,
            gaps: vec![Gap {
                side: Side::Callee,
                from_ms: 10,
                length_ms: 20,
                why: "recorder behind".into(),
            }],
            pauses: Vec::new(),
            parts: Vec::new(),
        }
    }
}

/// A time of the morning.
pub(crate) fn after(seconds: u64) -> WallTime {
    MORNING + Duration::from_secs(seconds)
}

/// A call of `caller` in `project` at a time, which somebody answers or nobody does.
pub(crate) fn call(
    store: &Store,
    number: u64,
    caller: &str,
    project: &str,
    is_answered: bool,
) -> Script {
    let call = Script::new(number, after(number * 100), caller);
    begin(store, &call, project);
    if is_answered {
        store.tell(call.answered());
        store.tell(call.ended());
        store.recorded(call.outcome());
        store.hashed(call.id, call.kept("ab".repeat(32)));
    } else {
        store.tell(call.missed());
    }
    call
}

/// Tells how a call in `project` begins.
pub(crate) fn begin(store: &Store, call: &Script, project: &str) {
    let began = began(call.caller.clone());
    let prior_calls = store.history(project, &call.caller).prior_calls;
    let began = Began {
        source: SourceTag {
            project: project.into(),
            ..began.source
        },
        prior_calls,
        ..began
    };
    store.tell(call.fact(0, What::Began(Box::new(began))));
}

pub(crate) fn began(caller: Caller) -> Began {
    Began {
        source: SourceTag {
            project: "shop".into(),
            tag: "direct-mowers".into(),
            channel: Some("yandex-direct".into()),
            campaign: Some("mowers-spring".into()),
            category: Some("lawn-mowers".into()),
        },
        tracked: true,
        caller,
        caller_from: "P-Asserted-Identity".into(),
        virtual_number: Number::e164("+74950000001").unwrap(),
        trunk: "carrier".into(),
        sip_call_id: "abc-1".into(),
        prior_calls: 0,
        rule: Some("mowers in working hours".into()),
    }
}

pub(crate) fn answered(caller: &Caller) -> Answered {
    Answered {
        rule: "mowers in working hours".into(),
        manager: Some("desk".into()),
        destination: "101".into(),
        recorded: true,
        dialogs: [dialog(caller, "abc-1"), dialog(caller, "def-2")],
    }
}

fn dialog(caller: &Caller, call_id: &str) -> KeptDialog {
    KeptDialog {
        call_id: call_id.into(),
        local: "<sip:+74950000001@127.0.0.1>;tag=1".into(),
        remote: format!("<sip:{caller}@127.0.0.1>;tag=2"),
        target: format!("sip:{caller}@127.0.0.1:5066"),
        routes: vec!["<sip:127.0.0.1;lr>".into()],
        cseq: 7,
        trunk: "carrier".into(),
        peer: "127.0.0.1:5066".parse().unwrap(),
        ours: true,
    }
}

pub(crate) fn ended(at: WallTime, caller: &Caller) -> Ended {
    let leg = |trunk: &str, uri: String, digits: &str| Leg {
        trunk: trunk.into(),
        remote_uri: uri,
        sip_call_id: "abc-1".into(),
        codec: Some("PCMA/8000".into()),
        packets_in: 3_000,
        packets_out: 2_999,
        lost: 1,
        jitter_ms: 0.5,
        digits: digits.into(),
        ..Leg::default()
    };
    Ended {
        rule: Some("mowers in working hours".into()),
        targets_tried: vec![Tried {
            target: "manager:desk".into(),
            trunk: Some("carrier".into()),
            result: TriedResult::Answered,
            sip_status: Some(200),
            ring_ms: 1_700,
        }],
        manager: Some("desk".into()),
        destination: Some("101".into()),
        ringing_at: Some(at + Duration::from_millis(300)),
        answered_at: Some(at + Duration::from_millis(2_000)),
        wait_ms: 2_000,
        talk_ms: 60_000,
        total_ms: 62_000,
        answered: true,
        missed: false,
        finish_reason: FinishReason::Completed,
        hung_up_by: HungUpBy::Callee,
        sip_status: Some(200),
        q850_cause: Some(16),
        legs: vec![
            leg("carrier", format!("sip:{caller}@127.0.0.1"), "12#"),
            leg("pbx", "sip:101@127.0.0.1:5070".into(), ""),
        ],
        transfers: Vec::new(),
    }
}

/// What a test's disk was asked, and what it is to refuse.
#[derive(Debug, Default)]
pub(crate) struct Fault {
    pub(crate) writes: u64,
    pub(crate) syncs: u64,
    /// Bytes that still fit; a write takes what fits and fails.
    pub(crate) room: Option<usize>,
    pub(crate) is_sync_failing: bool,
}

/// The real disk, watched, refusing when told to.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultyDisk(pub(crate) Arc<Mutex<Fault>>);

impl FaultyDisk {
    pub(crate) fn fault<T>(&self, change: impl FnOnce(&mut Fault) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }
}

#[derive(Debug)]
struct FaultyTape {
    inner: Box<dyn Tape>,
    disk: FaultyDisk,
    synced: u64,
    length: u64,
}

impl Disk for FaultyDisk {
    fn append_to(&mut self, path: &Path) -> io::Result<(Box<dyn Tape>, u64)> {
        let (inner, length) = RealDisk.append_to(path)?;
        let tape = FaultyTape {
            inner,
            disk: self.clone(),
            synced: length,
            length,
        };
        Ok((Box::new(tape), length))
    }
}

impl Tape for FaultyTape {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let fits = self.disk.fault(|fault| {
            fault.writes += 1;
            let fits = fault.room.unwrap_or(usize::MAX).min(bytes.len());
            if let Some(room) = &mut fault.room {
                *room -= fits;
            }
            fits
        });
        self.inner.write(&bytes[..fits])?;
        self.length += u64::try_from(fits).unwrap_or(u64::MAX);
        if fits < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let is_failing = self.disk.fault(|fault| {
            fault.syncs += 1;
            fault.is_sync_failing
        });
        if is_failing {
            // The kernel drops the dirty pages of a failed fsync: what was not synced reads as nothing.
            self.inner.cut(self.synced)?;
            self.length = self.synced;
            return Err(io::Error::other("input/output error"));
        }
        self.inner.sync()?;
        self.synced = self.length;
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.length = length.min(self.length);
        self.inner.cut(self.length)
    }
}
