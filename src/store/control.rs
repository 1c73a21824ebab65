//! The control socket: how a command asks the server that has the store. One JSON line asks, one JSON line answers.
//!
//! The socket is in the store's folder, with mode 0600, and only the server's own user and root are answered: whoever may
//! read the log may ask for it.

use std::fmt;
use std::fs;
use std::fs::{File, Permissions};
use std::io;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::base::id::CallId;
use crate::base::number::Caller;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::handle::{Erased, WeakStore};
use crate::store::query::{Page, Query};
use crate::store::record::CallRecord;
use crate::store::verify::Verdict;

/// The socket's name in the store's folder.
const NAME: &str = "control.sock";

/// Longest path that a socket can be bound to (108 bytes on Linux with the closing NUL).
const PATH_MAX: usize = 107;

/// Longest question: an edited configuration of the length that the pages take, escaped.
const ASK_MAX: u64 = 4 << 20;

/// Questions answered at once. They come from people and their scripts, and each may read the whole log.
const AT_ONCE: usize = 4;

/// How long a command may take to put its question, or to take its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A question.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
enum Ask {
    Calls { query: Box<Query> },
    Call { id: CallId },
    Verify,
    Erase { caller: Caller },
    Reindex,
    House { what: String, with: Value },
}

/// Answers questions that are not the store's.
pub struct Answering(Box<Said>);

type Said = dyn Fn(&Store, &str, Value) -> Result<Box<RawValue>, String> + Send + Sync;

impl Answering {
    /// Answers with `answer`, which is told what is asked and with what. It must not hold the store.
    pub fn new(
        answer: impl Fn(&Store, &str, Value) -> Result<Box<RawValue>, String> + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(answer))
    }
}

impl fmt::Debug for Answering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answering")
    }
}

/// An answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Ok(Box<RawValue>),
    Error { message: String },
}

/// The server's end.
#[derive(Debug)]
pub(crate) struct Control {
    path: PathBuf,
    folder: PathBuf,
    is_stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    /// Listens in the store's folder, which this process has locked.
    pub(crate) fn listen(folder: &Path, store: WeakStore) -> Result<Self, StoreError> {
        let path = folder.join(NAME);
        let bind = || -> io::Result<UnixListener> {
            // The lock is ours: a socket that is there was left behind.
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
            let short = Short::new(folder)?;
            let listener = UnixListener::bind(&short.path)?;
            fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            Ok(listener)
        };
        let listener = bind().map_err(StoreError::disk("listening on", &path))?;
        let is_stopping = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&is_stopping);
        let thread = thread::Builder::new()
            .name("store-control".into())
            .spawn(move || accept(&listener, &store, &stopping))
            .map_err(StoreError::disk("starting the thread of", &path))?;
        Ok(Self {
            path,
            folder: folder.to_path_buf(),
            is_stopping,
            thread: Some(thread),
        })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::Release);
        // A connection wakes the thread. Where the socket was deleted by hand it sleeps on and is left to the process's end.
        let woken = Short::new(&self.folder).and_then(|short| UnixStream::connect(short.path));
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            drop(thread.join());
        }
        drop(fs::remove_file(&self.path));
    }
}

/// The socket's path, short enough to be bound: through this process's open folder where the real one is too long.
#[derive(Debug)]
struct Short {
    path: PathBuf,
    _folder: Option<File>,
}

impl Short {
    fn new(folder: &Path) -> io::Result<Self> {
        let path = folder.join(NAME);
        if path.as_os_str().as_bytes().len() <= PATH_MAX {
            return Ok(Self {
                path,
                _folder: None,
            });
        }
        let open = File::open(folder)?;
        Ok(Self {
            path: PathBuf::from(format!("/proc/self/fd/{}/{NAME}", open.as_raw_fd())),
            _folder: Some(open),
        })
    }
}

fn accept(listener: &UnixListener, store: &WeakStore, is_stopping: &AtomicBool) {
    let running = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if is_stopping.load(Ordering::Acquire) {
            return;
        }
        let stream = match stream {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "a command could not reach the control socket");
                // Out of descriptors, most likely: asking again at once would only spin.
                thread::park_timeout(Duration::from_millis(100));
                continue;
            }
        };
        let (store, count) = (store.clone(), Arc::clone(&running));
        count.fetch_add(1, Ordering::AcqRel);
        let spawned = thread::Builder::new()
            .name("store-ask".into())
            .spawn(move || {
                let is_busy = count.load(Ordering::Acquire) > AT_ONCE;
                if let Err(error) = converse(&stream, &store, is_busy) {
                    tracing::debug!(%error, "a command went away from the control socket");
                }
                count.fetch_sub(1, Ordering::AcqRel);
            });
        if spawned.is_err() {
            running.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

fn converse(stream: &UnixStream, store: &WeakStore, is_busy: bool) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream).take(ASK_MAX).read_line(&mut line)?;
    let answer = if !is_ours(stream) {
        refuse("only the user of the server and root may ask")
    } else if is_busy {
        refuse("the server answers enough commands already; try again")
    } else {
        answer(&line, store)
    };
    let mut bytes = serde_json::to_vec(&answer)?;
    bytes.push(b'\n');
    (&*stream).write_all(&bytes)
}

/// Whether the other end runs as our user or as root; the mode of the socket says so too, but is set after it is bound.
fn is_ours(stream: &UnixStream) -> bool {
    let ours = rustix::process::geteuid();
    rustix::net::sockopt::socket_peercred(stream)
        .is_ok_and(|peer| peer.uid == ours || peer.uid.is_root())
}

fn answer(line: &str, store: &WeakStore) -> Answer {
    let Some(store) = store.upgrade() else {
        return refuse("the server is stopping");
    };
    match serde_json::from_str(line) {
        Ok(Ask::Calls { query }) => give(store.list(&query)),
        Ok(Ask::Call { id }) => give(store.call(id)),
        Ok(Ask::Verify) => give(store.sync().and_then(|()| store.verify())),
        Ok(Ask::Erase { caller }) => give(store.erase(caller)),
        Ok(Ask::House { what, with }) => match store.answering() {
            Some(answering) => match (answering.0)(&store, &what, with) {
                Ok(json) => Answer::Ok(json),
                Err(message) => refuse(&message),
            },
            None => refuse("the server is starting; try again"),
        },
        Ok(Ask::Reindex) => {
            refuse("a server runs on this store; stop it, then run `ringtag reindex`")
        }
        Err(error) => refuse(&format!(
            "the server does not understand the question: {error}"
        )),
    }
}

fn give<T: Serialize>(result: Result<T, StoreError>) -> Answer {
    let json = result.and_then(|value| Ok(serde_json::value::to_raw_value(&value)?));
    match json {
        Ok(json) => Answer::Ok(json),
        Err(error) => refuse(&error.to_string()),
    }
}

fn refuse(message: &str) -> Answer {
    Answer::Error {
        message: message.to_owned(),
    }
}

/// A command's end: asks the server that has the store.
#[derive(Debug)]
pub struct Client {
    folder: PathBuf,
}

impl Client {
    /// Finds the server of the store in `folder`; `None`: none runs.
    ///
    /// # Errors
    /// There is one, and this user may not ask it.
    pub fn find(folder: &Path) -> Result<Option<Self>, StoreError> {
        let client = Self {
            folder: folder.to_path_buf(),
        };
        match client.connect() {
            Ok(_) => Ok(Some(client)),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(client.error(error)),
        }
    }

    /// As [`crate::store::Store::list`].
    ///
    /// # Errors
    /// What the server says, or that it went away.
    pub fn list(&self, query: &Query) -> Result<Page, StoreError> {
        let query = Box::new(query.clone());
        self.ask(&Ask::Calls { query })
    }

    /// As [`crate::store::Store::call`].
    ///
    /// # Errors
    /// What the server says, or that it went away.
    pub fn call(&self, id: CallId) -> Result<Option<CallRecord>, StoreError> {
        self.ask(&Ask::Call { id })
    }

    /// As [`crate::store::Store::verify`], of everything told before.
    ///
    /// # Errors
    /// What the server says, or that it went away.
    pub fn verify(&self) -> Result<Verdict, StoreError> {
        self.ask(&Ask::Verify)
    }

    /// As [`crate::store::Store::erase`].
    ///
    /// # Errors
    /// What the server says, or that it went away.
    pub fn erase(&self, caller: Caller) -> Result<Erased, StoreError> {
        self.ask(&Ask::Erase { caller })
    }

    /// Asks for [`crate::store::Store::reindex`], which no server grants: its refusal says what to do.
    ///
    /// # Errors
    /// Always.
    pub fn reindex(&self) -> Result<u64, StoreError> {
        self.ask(&Ask::Reindex)
    }

    /// Asks what the rooms above the store answer ([`crate::store::Store::answer_with`]).
    ///
    /// # Errors
    /// What the server says, or that it went away.
    pub fn house<T: DeserializeOwned>(&self, what: &str, with: Value) -> Result<T, StoreError> {
        let what = what.to_owned();
        self.ask(&Ask::House { what, with })
    }

    fn connect(&self) -> io::Result<UnixStream> {
        UnixStream::connect(Short::new(&self.folder)?.path)
    }

    fn ask<T: DeserializeOwned>(&self, ask: &Ask) -> Result<T, StoreError> {
        let mut question = serde_json::to_vec(ask)?;
        question.push(b'\n');
        let converse = || -> io::Result<String> {
            let mut stream = self.connect()?;
            stream.write_all(&question)?;
            let mut line = String::new();
            // An erasure and a check take as long as they take.
            BufReader::new(stream).read_line(&mut line)?;
            Ok(line)
        };
        let line = converse().map_err(|error| self.error(error))?;
        match serde_json::from_str(&line)? {
            Answer::Ok(json) => Ok(serde_json::from_str(json.get())?),
            Answer::Error { message } => Err(StoreError::Told(message)),
        }
    }

    fn error(&self, source: io::Error) -> StoreError {
        StoreError::disk("asking the server at", &self.folder.join(NAME))(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::query::Status;
    use crate::store::trial::{CALLER, Place, Script};

    #[test]
    fn a_command_asks_the_server_and_gets_what_the_store_says() {
        let place = Place::new();
        assert!(Client::find(&place.data()).unwrap().is_none());
        let (store, _) = place.open();
        let call = Script::nth(1);
        place.play(&store, &call);
        store.sync().unwrap();
        let client = Client::find(&place.data()).unwrap().unwrap();
        assert_eq!(client.call(call.id).unwrap(), store.call(call.id).unwrap());
        let query = Query {
            status: Some(Status::Answered),
            ..Query::default()
        };
        assert_eq!(client.list(&query).unwrap(), store.list(&query).unwrap());
        assert_eq!(client.verify().unwrap(), store.verify().unwrap());
        assert_eq!(client.erase(Caller::from_record(CALLER)).unwrap().calls, 1);
        let refusal = client.reindex().unwrap_err();
        assert!(refusal.to_string().contains("stop it"), "{refusal}");
        drop(store);
        assert!(Client::find(&place.data()).unwrap().is_none());
    }

    #[test]
    fn the_socket_is_for_its_owner_only_and_a_left_one_is_replaced() {
        let place = Place::new();
        fs::create_dir_all(place.data()).unwrap();
        drop(UnixListener::bind(place.data().join(NAME)).unwrap());
        let (_store, _) = place.open();
        let mode = fs::metadata(place.data().join(NAME))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_rooms_above_answer_what_is_theirs_once_they_are_there() {
        let place = Place::new();
        let (store, _) = place.open();
        let client = Client::find(&place.data()).unwrap().unwrap();
        let ask = |what: &str| client.house::<String>(what, Value::from("ping"));
        assert!(ask("echo").unwrap_err().to_string().contains("starting"));
        store.answer_with(Answering::new(|store: &Store, what, with| match what {
            "echo" => serde_json::value::to_raw_value(&format!("{with} {}", store.rows()))
                .map_err(|error| error.to_string()),
            _ => Err("what?".to_owned()),
        }));
        assert_eq!(ask("echo").unwrap(), "\"ping\" 0");
        assert!(ask("other").unwrap_err().to_string().contains("what?"));
    }

    #[test]
    fn nonsense_is_answered_with_an_error() {
        let place = Place::new();
        let (store, _) = place.open();
        for nonsense in [
            "",
            "{}\n",
            r#"{"ask":"calls","query":{"wher":1}}"#,
            "\u{0}\n",
        ] {
            let mut stream = UnixStream::connect(place.data().join(NAME)).unwrap();
            stream.write_all(nonsense.as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line).unwrap();
            assert!(line.starts_with(r#"{"error":{"message":"#), "{line}");
        }
        assert!(store.sync().is_ok());
    }

    #[test]
    fn a_folder_with_a_long_name_has_a_socket_too() {
        let place = Place::new();
        let long = place.root.join("x".repeat(200));
        let mut setup = place.setup();
        setup.settings.folder = long.clone();
        let (store, _) = Store::open(setup).unwrap();
        let client = Client::find(&long).unwrap().unwrap();
        assert_eq!(client.list(&Query::default()).unwrap(), Page::default());
        drop(store);
    }
}
