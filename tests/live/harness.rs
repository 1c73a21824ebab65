//! A ringtag of its own for each test: its own loopback network, folders and process, ended with the test.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use ringtag::base::clock::Clock;
use serde_json::Value;
use tempfile::TempDir;

/// How long a test waits for a fact. Far more than a loaded machine needs; a fact that is missing by then never comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What a test that fails shows: everything but the pages of the index, thousands of lines that hide what happened.
const LOGGED: &str = "debug,sled=info";

/// The virtual number of every configuration here.
pub(crate) const NUMBER: &str = "+74950000001";

/// A loopback network that no other test uses, so that ports can be the usual ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Net {
    a: u8,
    b: u8,
}

impl Net {
    /// Takes a network: the process and a counter choose it.
    pub(crate) fn take() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let n = std::process::id().wrapping_mul(7).wrapping_add(step) % (200 * 250);
        Self {
            a: u8::try_from(20 + n / 250).unwrap(),
            b: u8::try_from(1 + n % 250).unwrap(),
        }
    }

    /// One of its hosts.
    pub(crate) fn host(self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, self.a, self.b, last)
    }

    /// ringtag's own host.
    pub(crate) fn ringtag(self) -> Ipv4Addr {
        self.host(1)
    }

    /// The carrier's host.
    pub(crate) fn carrier(self) -> Ipv4Addr {
        self.host(2)
    }

    /// The PBX's host.
    pub(crate) fn pbx(self) -> Ipv4Addr {
        self.host(3)
    }

    /// Another PBX's host.
    pub(crate) fn spare(self) -> Ipv4Addr {
        self.host(4)
    }
}

/// A running ringtag.
pub(crate) struct Ringtag {
    pub(crate) net: Net,
    pub(crate) folder: TempDir,
    child: Child,
}

/// The configuration of most tests: a carrier, a PBX, a spare PBX; `{net}` is the network, `{folder}` the folder.
pub(crate) const CONFIG: &str = r#"
[sip]
listen = ["udp:{ringtag}:5060", "tcp:{ringtag}:5060"]
drain_s = 2
[media]
bind = "{ringtag}"
ports = [20000, 24999]
[recordings]
folder = "{folder}/recordings"
[store]
folder = "{folder}/data"
[web]
listen = "{ringtag}:8080"

[[trunk]]
id = "carrier"
host = "{carrier}:5060"
allow = ["{carrier}"]
[[trunk]]
id = "pbx"
host = "{pbx}:5060"
allow = ["{pbx}"]
[[trunk]]
id = "spare"
host = "{spare}:5060"
allow = ["{spare}"]

[[project]]
id = "shop"
time_zone = "Europe/Moscow"
currency = "RUB"
[[source]]
tag = "billboard"
project = "shop"
channel = "outdoor"
category = "general"
numbers = ["+74950000001"]

[[manager]]
id = "desk"
extension = "101"
trunk = "pbx"
[[manager]]
id = "second"
extension = "102"
trunk = "spare"
"#;

impl Ringtag {
    /// Starts with [`CONFIG`] and these rules.
    pub(crate) fn start(rules: &str) -> Self {
        Self::start_with(&format!("{CONFIG}\n{rules}"))
    }

    /// Starts with this whole configuration.
    pub(crate) fn start_with(config: &str) -> Self {
        let net = Net::take();
        let folder = tempfile::tempdir().unwrap();
        let ringtag = Self::start_in(net, folder, config);
        ringtag.expect("ringtag starts")
    }

    /// Starts in a folder that is there already; `Err` holds what it said instead of `ready`.
    pub(crate) fn start_in(net: Net, folder: TempDir, config: &str) -> Result<Self, String> {
        Self::start_as(net, folder, config, "json", &[])
    }

    /// Starts where the kernel refuses one system call, as a sandbox has it do; `Err` holds what it said instead of `ready`.
    pub(crate) fn start_without(call: &str, config: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let trace = folder.path().join("trace").display().to_string();
        let watched = format!("trace={call}");
        let refused = format!("inject={call}:error=EPERM");
        // -D: the process that is started is ringtag itself, and strace ends with it.
        let before = [
            "strace", "-D", "-f", "-o", &trace, "-e", &watched, "-e", &refused,
        ];
        Self::start_as(Net::take(), folder, config, "json", &before)
    }

    /// Starts with this whole configuration and a log of this format.
    pub(crate) fn start_logging(config: &str, format: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ringtag = Self::start_as(Net::take(), folder, config, format, &[]);
        ringtag.expect("ringtag starts")
    }

    fn start_as(
        net: Net,
        folder: TempDir,
        config: &str,
        format: &str,
        before: &[&str],
    ) -> Result<Self, String> {
        let file = folder.path().join("ringtag.toml");
        fs::write(&file, fill(config, net, folder.path())).unwrap();
        let log = File::create(folder.path().join("ringtag.log")).unwrap();
        let mut words = before.iter().map(PathBuf::from).chain([program()]);
        let mut child = Command::new(words.next().unwrap())
            .args(words)
            .args(["serve", "--log-format", format, "--config"])
            .arg(&file)
            .env(
                "RINGTAG_LOG",
                std::env::var("RINGTAG_LOG").unwrap_or_else(|_unset| LOGGED.to_owned()),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines
            .by_ref()
            .any(|line| line.is_ok_and(|line| line == "ready"));
        if !ready {
            let _status = child.wait();
            return Err(fs::read_to_string(folder.path().join("ringtag.log")).unwrap());
        }
        Ok(Self { net, folder, child })
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("ringtag.toml")
    }

    /// The recordings' folder.
    pub(crate) fn recordings(&self) -> PathBuf {
        self.folder.path().join("recordings")
    }

    /// The file that a call's record names.
    pub(crate) fn recording_of(&self, call: &Value) -> PathBuf {
        self.recordings()
            .join(call["recording"]["file"].as_str().unwrap())
    }

    /// Everything it logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("ringtag.log")).unwrap()
    }

    /// Asks over HTTP; the status and the body.
    pub(crate) fn get(&self, path: &str) -> (u16, Vec<u8>) {
        http_get(SocketAddr::from((self.net.ringtag(), 8080)), path)
    }

    /// The calls as the API shows them, newest first.
    pub(crate) fn calls(&self) -> Vec<Value> {
        let (status, body) = self.get("/api/v1/calls?limit=1000");
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        let page: Value = serde_json::from_slice(&body).unwrap();
        page["calls"].as_array().unwrap().clone()
    }

    /// Waits until `count` calls have ended and the recordings of those that were answered are finished and hashed.
    pub(crate) fn ended_calls(&self, count: usize) -> Vec<Value> {
        self.wait_for(&format!("{count} ended calls"), || {
            let calls = self.calls();
            let done = |call: &Value| {
                !call["ended_at"].is_null()
                    && (call["answered"] == false || !call["recording"]["sha256"].is_null())
            };
            (calls.len() == count && calls.iter().all(done)).then_some(calls)
        })
    }

    /// The value of one line of /metrics.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let (status, body) = self.get("/metrics");
        assert_eq!(status, 200);
        let text = String::from_utf8(body).unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no metric {name} in\n{text}"))
            .parse()
            .unwrap()
    }

    /// Waits for a fact; shows the log when it does not come.
    pub(crate) fn wait_for<T>(&self, what: &str, fact: impl FnMut() -> Option<T>) -> T {
        wait_for(fact).unwrap_or_else(|| panic!("{what} never came; the log:\n{}", self.log()))
    }

    /// Writes another configuration and reloads it; what came of it is for the test to wait for.
    pub(crate) fn reload(&self, config: &str) {
        fs::write(self.config(), fill(config, self.net, self.folder.path())).unwrap();
        self.signal("HUP");
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.pid().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Stops it with SIGTERM and waits.
    pub(crate) fn stop(mut self) -> (ExitStatus, TempDir) {
        self.signal("TERM");
        let status = self.wait();
        (status, self.into_folder())
    }

    /// kill -9.
    pub(crate) fn kill(mut self) -> (Net, TempDir) {
        self.child.kill().unwrap();
        self.wait();
        (self.net, self.into_folder())
    }

    /// Waits for its end after a signal of the test's own.
    pub(crate) fn end(mut self) -> (ExitStatus, TempDir) {
        let status = self.wait();
        (status, self.into_folder())
    }

    fn wait(&mut self) -> ExitStatus {
        wait_for(|| self.child.try_wait().unwrap()).expect("ringtag ends after a signal")
    }

    fn into_folder(mut self) -> TempDir {
        let other = tempfile::tempdir().unwrap();
        std::mem::replace(&mut self.folder, other)
    }

    /// Runs a command of the program on this one's configuration.
    pub(crate) fn command(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        command(&self.config(), arguments)
    }
}

impl Drop for Ringtag {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _gone = self.child.kill();
            let _status = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("ringtag's log:\n{}", self.log());
        }
    }
}

/// The program: the one built with the tests, or the one that `RINGTAG_BIN` names.
fn program() -> PathBuf {
    std::env::var_os("RINGTAG_BIN").map_or_else(
        || PathBuf::from(env!("CARGO_BIN_EXE_ringtag")),
        PathBuf::from,
    )
}

/// Runs a command of the program: exit code, standard output, standard error.
pub(crate) fn command(config: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ringtag"))
        .args(arguments)
        .arg("--config")
        .arg(config)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// Fills the names of [`CONFIG`] in.
pub(crate) fn fill(text: &str, net: Net, folder: &Path) -> String {
    text.replace("{ringtag}", &net.ringtag().to_string())
        .replace("{carrier}", &net.carrier().to_string())
        .replace("{pbx}", &net.pbx().to_string())
        .replace("{spare}", &net.spare().to_string())
        .replace("{folder}", &folder.display().to_string())
}

/// Whether the recording of a call in which nobody speaks lacks nothing else: longer than a moment it says that it is silent.
pub(crate) fn is_whole(call: &Value) -> bool {
    let recording = &call["recording"];
    let mut gaps = recording["gaps"].as_array().into_iter().flatten();
    matches!(recording["state"].as_str(), Some("complete" | "partial"))
        && gaps.all(|gap| gap["why"] == "no packet came from this side")
}

/// Waits until `fact` is there, at most [`PATIENCE`].
pub(crate) fn wait_for<T>(fact: impl FnMut() -> Option<T>) -> Option<T> {
    wait_for_at_most(PATIENCE, fact)
}

/// Waits until `fact` is there, for facts that take their time.
#[expect(
    clippy::disallowed_methods,
    reason = "a test of a running program waits in real time"
)]
pub(crate) fn wait_for_at_most<T>(
    patience: Duration,
    mut fact: impl FnMut() -> Option<T>,
) -> Option<T> {
    let clock = Clock::start();
    let until = clock.now() + patience;
    loop {
        if let Some(found) = fact() {
            return Some(found);
        }
        if clock.now() > until {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The smallest HTTP client that tells status and body.
pub(crate) fn http_get(server: SocketAddr, path: &str) -> (u16, Vec<u8>) {
    http(
        server,
        &format!("GET {path} HTTP/1.1\r\nHost: {server}"),
        "",
    )
}

/// The same for what changes something.
pub(crate) fn http_post(server: SocketAddr, path: &str, body: &str) -> (u16, Vec<u8>) {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: {server}\r\nContent-Length: {length}");
    http(server, &head, body)
}

fn http(server: SocketAddr, head: &str, body: &str) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "{head}\r\nConnection: close\r\n\r\n{body}").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let head = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("a whole head");
    let text = String::from_utf8_lossy(&answer[..head]).to_lowercase();
    assert!(!text.contains("transfer-encoding: chunked"), "{text}");
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer[head + 4..].to_vec())
}

/// The first file below `folder` whose name ends so.
pub(crate) fn find(folder: &Path, ending: &str) -> Option<PathBuf> {
    for entry in fs::read_dir(folder).ok()? {
        let path = entry.ok()?.path();
        if path.is_dir() {
            if let Some(found) = find(&path, ending) {
                return Some(found);
            }
        } else if path.to_string_lossy().ends_with(ending) {
            return Some(path);
        }
    }
    None
}
