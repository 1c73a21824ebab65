//! A real Chromium, driven by chromedriver and ended with its test. Whatever its console complains of fails the test.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::wd::{Capabilities, PrintConfiguration};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::harness::{PATIENCE, wait_for};
use crate::week::PASSWORD;

/// Chromium asks nothing of the outside and needs no screen, no sound card and no click before sound.
const SWITCHES: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-extensions",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
];

/// What finds mistakes that keep people with a screen reader, a keyboard or weak eyes out; `tests/run` fetches it.
static AXE: LazyLock<String> = LazyLock::new(|| {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/axe/axe.min.js");
    std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}; tests/run fetches it", file.display()))
});

/// A browser with one window and nothing remembered.
pub(crate) struct Browser {
    runtime: Runtime,
    client: Option<Client>,
    driver: Child,
    port: u16,
    _profile: TempDir,
}

impl Browser {
    /// Starts with a window of this size.
    pub(crate) fn start(width: u32, height: u32) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed (Debian: chromium-driver)");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port: u16 = lines
            .find_map(|line| {
                let line = line.ok()?;
                let (_, port) = line.rsplit_once("started successfully on port ")?;
                port.trim_end_matches('.').parse().ok()
            })
            .expect("chromedriver says its port");
        let profile = tempfile::tempdir().unwrap();
        let mut switches = SWITCHES.map(str::to_owned).to_vec();
        switches.push(format!("--window-size={width},{height}"));
        switches.push(format!("--user-data-dir={}", profile.path().display()));
        let wishes = json!({
            "goog:chromeOptions": {
                "args": switches,
                "prefs": {"intl.accept_languages": "en", "profile.content_settings.exceptions.clipboard": {
                    "*": {"setting": 1}
                }},
            },
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let wishes: Capabilities = serde_json::from_value(wishes).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let client = runtime.block_on(
            ClientBuilder::new(HttpConnector::new())
                .capabilities(wishes)
                .connect(&format!("http://127.0.0.1:{port}")),
        );
        Self {
            runtime,
            client: Some(client.expect("Chromium starts")),
            driver,
            port,
            _profile: profile,
        }
    }

    fn client(&self) -> &Client {
        self.client.as_ref().unwrap()
    }

    /// Opens an address and waits until its page is there.
    pub(crate) fn open(&self, url: &str) {
        let opened = self.runtime.block_on(self.client().goto(url));
        opened.unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// Signs in by the page's own form.
    pub(crate) fn sign_in(&self, site: &str, name: &str) {
        self.open(site);
        self.see("document.querySelector('#password')");
        self.fill("#name", name);
        self.fill("#password", PASSWORD);
        self.click(".login .main");
        self.see("document.querySelector('.top nav')");
    }

    /// The address that the window shows.
    pub(crate) fn address(&self) -> String {
        let address = self.runtime.block_on(self.client().current_url());
        address.unwrap().to_string()
    }

    /// Changes the window's size.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let resized = self.client().set_window_size(width, height);
        self.runtime.block_on(resized).unwrap();
    }

    /// What the body of a function without arguments returns in the page.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.try_run(script)
            .unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    fn try_run(&self, script: &str) -> Result<Value, CmdError> {
        self.runtime
            .block_on(self.client().execute(script, Vec::new()))
    }

    /// What a promise in the page comes to: the body of an async function.
    pub(crate) fn ask(&self, script: &str) -> Value {
        let script = format!(
            "const done = arguments[0]; (async () => {{ {script} }})().then(done, (error) => done({{ failed: String(error) }}))"
        );
        let run = self.client().execute_async(&script, Vec::new());
        let answer = self.runtime.block_on(run);
        let answer = answer.unwrap_or_else(|error| panic!("{script}: {error}"));
        assert_eq!(answer.get("failed"), None, "{script}");
        answer
    }

    /// Waits until an expression in the page is true; then returns it.
    pub(crate) fn see(&self, expression: &str) -> Value {
        let script = format!("return {expression};");
        let seen = wait_for(|| {
            // A page that is being left knows nothing for a moment.
            let value = self.try_run(&script).ok()?;
            let is_nothing = matches!(&value, Value::Null | Value::Bool(false))
                || value.as_str().is_some_and(str::is_empty)
                || value.as_f64() == Some(0.0);
            (!is_nothing).then_some(value)
        });
        seen.unwrap_or_else(|| {
            let text = self.try_run("return document.body.innerText;");
            panic!(
                "never true: {expression}; {} shows {text:?}; the console: {:?}",
                self.address(),
                self.console()
            )
        })
    }

    /// Waits until the text of the first such element holds `text`.
    pub(crate) fn see_text(&self, css: &str, text: &str) {
        self.see(&format!(
            "[...document.querySelectorAll({css:?})].some((one) => one.innerText.includes({text:?}))"
        ));
    }

    async fn find(&self, css: &str) -> Element {
        let found = self.client().find(Locator::Css(css)).await;
        found.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    /// Clicks where a person would.
    pub(crate) fn click(&self, css: &str) {
        let clicked = wait_for(|| {
            let click = async { self.find(css).await.click().await };
            match self.runtime.block_on(click) {
                Ok(()) => Some(()),
                // Live events put another row in the place of the one that was found.
                Err(error) if error.is_stale_element_reference() => None,
                Err(error) => panic!("{css}: {error}"),
            }
        });
        clicked.unwrap_or_else(|| panic!("{css}: never stays where it is"));
    }

    /// Presses a button of a form, and waits until another page stands there: one that is opened before would cut the form off.
    pub(crate) fn send(&self, css: &str) {
        self.run("window.isBefore = true;");
        self.click(css);
        self.see("!window.isBefore && document.readyState === 'complete'");
    }

    /// Says yes to what the page asks.
    pub(crate) fn accept(&self) {
        self.answer(true);
    }

    /// Says no to what the page asks.
    pub(crate) fn refuse(&self) {
        self.answer(false);
    }

    fn answer(&self, yes: bool) {
        let answered = wait_for(|| {
            let client = self.client();
            let done = if yes {
                self.runtime.block_on(client.accept_alert())
            } else {
                self.runtime.block_on(client.dismiss_alert())
            };
            done.ok()
        });
        answered.unwrap_or_else(|| panic!("{}: nothing is asked", self.address()));
    }

    /// Types into a field.
    pub(crate) fn fill(&self, css: &str, text: &str) {
        let filled = self.runtime.block_on(async {
            let field = self.find(css).await;
            field.clear().await?;
            field.send_keys(text).await
        });
        filled.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Presses keys one after the other, wherever the focus is.
    pub(crate) fn press(&self, keys: &str) {
        let actions = keys
            .chars()
            .fold(KeyActions::new("keys".to_owned()), |actions, value| {
                actions
                    .then(KeyAction::Down { value })
                    .then(KeyAction::Up { value })
            });
        let pressed = self.client().perform_actions(actions);
        self.runtime.block_on(pressed).unwrap();
    }

    /// A picture of the window.
    pub(crate) fn picture(&self) -> Vec<u8> {
        self.runtime.block_on(self.client().screenshot()).unwrap()
    }

    /// What the console said since it was asked last.
    pub(crate) fn console(&self) -> Vec<String> {
        let answer = self.tell_driver("se/log", &json!({ "type": "browser" }));
        let said = answer["value"].as_array().unwrap().iter();
        said.map(|entry| format!("{}: {}", entry["level"], entry["message"]))
            .collect()
    }

    /// Shows the page as it would be printed, or as on a screen again.
    pub(crate) fn on_paper(&self, is_paper: bool) {
        let media = if is_paper { "print" } else { "" };
        let params = json!({ "media": media });
        let command = json!({ "cmd": "Emulation.setEmulatedMedia", "params": params });
        self.tell_driver("goog/cdp/execute", &command);
    }

    /// The page printed on A4, as PDF.
    pub(crate) fn printed(&self) -> Vec<u8> {
        let sheet = PrintConfiguration::default();
        self.runtime.block_on(self.client().print(sheet)).unwrap()
    }

    /// A command of chromedriver's own, beside the standard's.
    fn tell_driver(&self, command: &str, said: &Value) -> Value {
        let session = self.runtime.block_on(self.client().session_id());
        let path = format!("/session/{}/{command}", session.unwrap().unwrap());
        post(self.port, &path, &said.to_string())
    }

    /// Nothing went wrong in the page: no error, no warning, nothing that its policy refused.
    pub(crate) fn is_quiet(&self) {
        let console = self.console();
        assert!(console.is_empty(), "{}: {console:#?}", self.address());
    }

    /// Nothing in the page keeps anybody out, as far as axe-core can tell.
    pub(crate) fn is_open_to_all(&self) {
        self.run(&format!("{};", *AXE));
        let violations = self.ask(
            "const { violations } = await axe.run(document, { resultTypes: ['violations'] });
             return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html + ' ' + node.failureSummary).join(' | ')}`);",
        );
        let violations = violations.as_array().unwrap();
        assert!(violations.is_empty(), "{}: {violations:#?}", self.address());
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // chromedriver ends its Chromium with the session; killed before, it leaves it behind.
        if let Some(client) = self.client.take() {
            let closed = self.runtime.block_on(async {
                tokio::time::timeout(Duration::from_secs(10), client.close()).await
            });
            if closed.is_err() {
                eprintln!("Chromium does not end");
            }
        }
        let _gone = self.driver.kill();
        let _status = self.driver.wait();
    }
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser").finish_non_exhaustive()
    }
}

/// Keeps a picture or a sheet where `RINGTAG_PICTURES` says, for people to look at.
pub(crate) fn keep(name: &str, bytes: &[u8]) {
    if let Some(folder) = std::env::var_os("RINGTAG_PICTURES") {
        std::fs::write(Path::new(&folder).join(name), bytes).unwrap();
    }
}

/// Sends JSON to chromedriver.
fn post(port: u16, path: &str, body: &str) -> Value {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    // It keeps the connection open, whatever it is asked.
    let mut answer = BufReader::new(stream);
    let mut length = 0;
    let mut line = String::new();
    while answer.read_line(&mut line).unwrap() > 2 {
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    answer.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap()
}
