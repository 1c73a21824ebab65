//! Saved reports by e-mail, to a mail server from PyPI that asks for STARTTLS and a login: what arrives, what it does when it is
//! down, busy or breaks off, and whom it is not told anything.
//!
//! aiosmtpd lives under target/mail, where `tests/run` installs it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::{Value, json};

use crate::commands::{give_up, place};
use crate::harness::{CONFIG, Net, PATIENCE, Ringtag};
use crate::secure::{Authority, file};
use crate::sipp::TO_DESK;

const SERVER: &str = include_str!("postbox.py");

/// Where the mail server listens, on a host of the test's own.
const PORT: u16 = 2525;

/// A mail server. It ends with the test.
pub(crate) struct Postbox {
    child: Child,
    _input: ChildStdin,
    folder: PathBuf,
}

impl Postbox {
    /// Starts one that keeps what it takes in the folder `mail` and shows the certificate `mail.pem`.
    pub(crate) fn start(net: Net, folder: &Path) -> Self {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/mail/bin/python");
        assert!(
            python.exists(),
            "{} is missing: tests/run installs it",
            python.display()
        );
        let own = folder.join("mail");
        fs::create_dir_all(&own).unwrap();
        let script = folder.join("postbox.py");
        fs::write(&script, SERVER).unwrap();
        let mut child = Command::new(python)
            .arg(&script)
            .args([host(net), PORT.to_string()])
            .arg(&own)
            .args([file(folder, "mail.pem"), file(folder, "mail.key")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let is_ready = lines.any(|line| line.is_ok_and(|line| line == "ready"));
        assert!(is_ready, "the mail server starts");
        Self {
            _input: child.stdin.take().unwrap(),
            child,
            folder: own,
        }
    }

    /// Letters whose file's name begins so, in any order.
    pub(crate) fn letters(&self, kind: &str) -> Vec<Value> {
        let files = fs::read_dir(&self.folder).unwrap();
        let files = files.map(|file| file.unwrap().path());
        let own = files.filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let number = name
                .strip_prefix(kind)
                .and_then(|name| name.strip_suffix(".json"));
            number.is_some_and(|number| number.parse::<u32>().is_ok())
        });
        own.map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
            .collect()
    }

    /// What it took: how many letters for each recipient.
    pub(crate) fn taken(&self) -> BTreeMap<String, usize> {
        let mut taken = BTreeMap::new();
        for letter in self.letters("") {
            for to in letter["to"].as_array().unwrap() {
                *taken.entry(to.as_str().unwrap().to_owned()).or_default() += 1;
            }
        }
        taken
    }
}

impl Drop for Postbox {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Says what the mail server does from now on.
pub(crate) fn behave(folder: &Path, mode: &str) {
    let own = folder.join("mail");
    fs::create_dir_all(&own).unwrap();
    let new = own.join("mode.new");
    fs::write(&new, mode).unwrap();
    fs::rename(new, own.join("mode")).unwrap();
}

pub(crate) fn host(net: Net) -> String {
    net.host(9).to_string()
}

/// Lays down certificates, the password, and that letters are taken.
pub(crate) fn furnish(net: Net, folder: &Path) {
    let authority = Authority::new(folder, "ca");
    authority.sign("mail", host(net), 2050);
    Authority::new(folder, "stranger");
    fs::write(folder.join("mail.secret"), "let me post\n").unwrap();
    behave(folder, "take");
}

/// A folder with certificates, and a configuration that sends letters; `more` goes into `[mail]`.
fn prepare(net: Net, folder: &Path, more: &str) -> String {
    furnish(net, folder);
    let web = "[web]\nlisten = \"{ringtag}:8080\"";
    assert!(CONFIG.contains(web));
    let config = CONFIG.replace(
        web,
        &format!("{web}\npublic_url = \"https://calls.example.com\""),
    );
    format!("{config}{TO_DESK}{}", section(net, more))
}

/// `[mail]`.
pub(crate) fn section(net: Net, more: &str) -> String {
    let server = host(net);
    format!(
        "\n[mail]\nsmtp = \"smtp://{server}:{PORT}\"\nfrom = \"Отчёты <ringtag@shop.example>\"\n\
         username = \"ringtag\"\npassword_file = \"mail.secret\"\n{more}\n"
    )
}

fn start(more: &str) -> (Ringtag, String) {
    let (net, folder) = (Net::take(), tempfile::tempdir().unwrap());
    let config = prepare(net, folder.path(), more);
    let ringtag = Ringtag::start_in(net, folder, &config).expect("ringtag starts");
    (ringtag, config)
}

/// Asks the API.
fn ask(ringtag: &Ringtag, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let server = SocketAddr::from((ringtag.net.ringtag(), 8080));
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = body.to_string();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

/// Saves a report of this week that goes to two people; its id.
fn save(ringtag: &Ringtag, language: &str) -> String {
    let (status, saved) = ask(
        ringtag,
        "POST",
        "/api/v1/saved",
        &json!({
            "name": "Источники <недели>",
            "report": "sources",
            "filter": {"period": "this-week"},
            "language": language,
            "sending": {"weekday": 1, "hour": 9, "recipients": ["anna@shop.example", "boris@shop.example"]},
        }),
    );
    assert_eq!(status, 201, "{saved}");
    assert_eq!(saved["project"], "shop");
    assert!(saved["sending"]["next"].is_string(), "{saved}");
    assert_eq!(saved["withheld"], Value::Null);
    saved["id"].as_str().unwrap().to_owned()
}

fn send(ringtag: &Ringtag, id: &str, to: &str) {
    let path = format!("/api/v1/saved/{id}/letters");
    let (status, answer) = ask(ringtag, "POST", &path, &json!({ "to": to }));
    assert_eq!(status, 202, "{answer}");
}

/// The saved report as the API shows it.
fn shown(ringtag: &Ringtag, id: &str) -> Value {
    let (status, body) = ringtag.get("/api/v1/saved");
    assert_eq!(status, 200);
    let list: Value = serde_json::from_slice(&body).unwrap();
    let saved = list["saved"].as_array().unwrap();
    let saved = saved.iter().find(|saved| saved["id"] == id);
    saved.expect("it is saved").clone()
}

/// Waits until the last try of every letter that waits said so.
fn wait_for_reason(ringtag: &Ringtag, id: &str, letters: usize, said: &str) -> Vec<String> {
    ringtag.wait_for(said, || {
        let shown = shown(ringtag, id);
        let waiting = shown["waiting"].as_array().unwrap();
        let why: Vec<_> = waiting
            .iter()
            .filter_map(|waits| waits["why"].as_str())
            .collect();
        let all = why.len() == letters && why.iter().all(|why| why.contains(said));
        all.then(|| why.into_iter().map(str::to_owned).collect())
    })
}

pub(crate) fn part<'l>(letter: &'l Value, kind: &str) -> &'l Value {
    let parts = letter["parts"].as_array().unwrap();
    let part = parts.iter().find(|part| part["type"] == kind);
    part.unwrap_or_else(|| panic!("no {kind} in {letter}"))
}

/// The report of a letter as the API has it as a table.
fn figures(ringtag: &Ringtag, letter: &Value) -> String {
    let text = part(letter, "text/plain")["text"].as_str().unwrap();
    let (_, query) = text.split_once("/reports/sources?").unwrap();
    let query = query.lines().next().unwrap();
    let (rest, until) = query.split_once("until=").unwrap();
    let last: jiff::civil::Date = until.parse().unwrap();
    let path = format!(
        "/api/v1/reports/sources.csv?{rest}until={}",
        last.tomorrow().unwrap()
    );
    let (status, body) = ringtag.get(&path);
    assert_eq!(status, 200, "{path}");
    String::from_utf8(body).unwrap()
}

#[test]
fn a_saved_report_arrives_with_text_pictures_and_its_table() {
    let (ringtag, _) = start("tls_ca_file = \"ca.pem\"");
    let postbox = Postbox::start(ringtag.net, ringtag.folder.path());
    place(&ringtag);
    give_up(&ringtag);
    ringtag.ended_calls(2);
    let id = save(&ringtag, "ru");
    send(&ringtag, &id, "recipients");
    let letters = ringtag.wait_for("two letters", || {
        let letters = postbox.letters("");
        (letters.len() == 2).then_some(letters)
    });
    // The same days, as the link of the letter names them: its last day is the last that is shown.
    let csv = figures(&ringtag, &letters[0]);
    assert!(csv.contains("billboard"), "{csv}");
    for letter in &letters {
        assert_eq!(letter["tls"], true);
        assert_eq!(letter["login"], true);
        assert_eq!(letter["ascii"], true);
        assert_eq!(letter["from"], "ringtag@shop.example");
        let subject = letter["subject"].as_str().unwrap();
        assert!(subject.starts_with("Источники <недели>: "), "{subject}");
        assert_eq!(
            letter["tree"],
            json!([
                "multipart/mixed",
                "multipart/alternative",
                "text/plain",
                "multipart/related",
                "text/html",
                "image/png",
                "text/csv"
            ])
        );
        let picture = part(letter, "image/png");
        assert_eq!(picture["hex"], "89504e470d0a1a0a");
        assert!(picture["bytes"].as_u64().unwrap() > 100, "{picture}");
        let html = part(letter, "text/html")["text"].as_str().unwrap();
        let cid = picture["cid"].as_str().unwrap().trim_matches(['<', '>']);
        assert!(html.contains(&format!("src=\"cid:{cid}\"")), "{html}");
        assert!(
            html.contains("billboard") && html.contains("lang=\"ru\""),
            "{html}"
        );
        assert!(!html.contains("<недели>"), "{html}");
        assert!(
            html.contains("https://calls.example.com/reports/sources?project=shop"),
            "{html}"
        );
        let text = part(letter, "text/plain")["text"].as_str().unwrap();
        assert!(
            text.contains("billboard") && text.contains("https://calls.example.com/saved"),
            "{text}"
        );
        let table = part(letter, "text/csv");
        assert_eq!(table["file"], "sources.csv");
        assert_eq!(table["disposition"], "attachment");
        assert_eq!(table["text"], csv);
    }
    let recipients: Vec<_> = postbox.taken().into_iter().collect();
    assert_eq!(
        recipients,
        [
            ("anna@shop.example".to_owned(), 1),
            ("boris@shop.example".to_owned(), 1)
        ]
    );
    let delivered = ringtag.wait_for("the log says so", || {
        let shown = shown(&ringtag, &id);
        let is_done =
            shown["waiting"].as_array().unwrap().is_empty() && shown["delivered"].is_object();
        is_done.then_some(shown["delivered"].clone())
    });
    let ids: Vec<_> = letters
        .iter()
        .map(|letter| letter["message_id"].clone())
        .collect();
    assert!(
        ids.contains(&delivered["message_id"]) && ids[0] != ids[1],
        "{delivered} {ids:?}"
    );
    assert!((ringtag.metric("ringtag_letters_delivered_total") - 2.0).abs() < 0.1);
    assert!(
        ringtag.metric("ringtag_letters_waiting") < 0.1
            && ringtag.metric("ringtag_letters_dead") < 0.1
    );
    // A report of somebody is not kept: the log would have their number for ever.
    for filter in [
        json!({"caller": "+79161234567"}),
        json!({"q": "Ivan"}),
        json!({"colour": "red"}),
    ] {
        let body = json!({"name": "x", "report": "sources", "filter": filter});
        assert_eq!(ask(&ringtag, "POST", "/api/v1/saved", &body).0, 409);
    }
}

#[test]
fn a_mail_server_that_is_down_busy_or_breaks_off_has_each_letter_once_in_the_end() {
    let (ringtag, config) = start("tls_ca_file = \"ca.pem\"");
    let id = save(&ringtag, "en");
    // Nobody listens.
    send(&ringtag, &id, "recipients");
    wait_for_reason(&ringtag, &id, 2, "refused");
    assert!((ringtag.metric("ringtag_letters_waiting") - 2.0).abs() < 0.1);
    // The process is killed, and the next one knows what waits.
    let (net, folder) = ringtag.kill();
    let ringtag = Ringtag::start_in(net, folder, &config).expect("ringtag starts");
    wait_for_reason(&ringtag, &id, 2, "refused");
    // It listens and is busy.
    let folder = ringtag.folder.path().to_owned();
    behave(&folder, "busy");
    let postbox = Postbox::start(ringtag.net, &folder);
    send(&ringtag, &id, "again");
    wait_for_reason(&ringtag, &id, 2, "421");
    // It breaks off after the letter.
    behave(&folder, "cut");
    send(&ringtag, &id, "again");
    let cut = ringtag.wait_for("two that were cut off", || {
        let cut = postbox.letters("cut-");
        (cut.len() == 2).then_some(cut)
    });
    assert!(postbox.taken().is_empty());
    ringtag.wait_for("no 421 any more", || {
        let shown = shown(&ringtag, &id);
        let waiting = shown["waiting"].as_array().unwrap();
        let is_cut = |waits: &Value| !waits["why"].as_str().unwrap_or("421").contains("421");
        (waiting.len() == 2 && waiting.iter().all(is_cut)).then_some(())
    });
    // It refuses one of them for good, which keeps no other from having theirs.
    behave(&folder, "refuse anna@shop.example");
    send(&ringtag, &id, "again");
    let dead = ringtag.wait_for("one that is given up", || {
        let shown = shown(&ringtag, &id);
        let is_so =
            shown["waiting"].as_array().unwrap().is_empty() && shown["delivered"].is_object();
        is_so.then(|| shown["dead"].as_array().unwrap().clone())
    });
    assert_eq!(dead.len(), 1, "{dead:?}");
    assert_eq!(dead[0]["recipient"], "anna@shop.example");
    assert!(dead[0]["why"].as_str().unwrap().contains("550"), "{dead:?}");
    assert!((ringtag.metric("ringtag_letters_dead") - 1.0).abs() < 0.1);
    // Killed again: it is still given up, and nobody who has theirs gets it again.
    let (net, folder) = ringtag.kill();
    behave(folder.path(), "take");
    let ringtag = Ringtag::start_in(net, folder, &config).expect("ringtag starts");
    // Nothing that is dead or delivered comes back with the process.
    assert_eq!(shown(&ringtag, &id)["dead"].as_array().unwrap().len(), 1);
    send(&ringtag, &id, "again");
    ringtag.wait_for("the last one", || {
        let shown = shown(&ringtag, &id);
        let is_so = shown["dead"].as_array().unwrap().is_empty()
            && shown["waiting"].as_array().unwrap().is_empty();
        is_so.then_some(())
    });
    let taken: Vec<_> = postbox.taken().into_iter().collect();
    assert_eq!(
        taken,
        [
            ("anna@shop.example".to_owned(), 1),
            ("boris@shop.example".to_owned(), 1)
        ]
    );
    // What was cut off bears the id of what arrived, so that a server that had kept it could tell.
    let ids = |letters: &[Value]| {
        let mut ids: Vec<_> = letters
            .iter()
            .map(|letter| letter["message_id"].to_string())
            .collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&cut), ids(&postbox.letters("")));
    let (code, said, _) = ringtag.command(&["verify"]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_server_that_is_not_to_be_trusted_or_refuses_the_login_is_told_no_letter_and_the_reason_is_plain()
 {
    let (ringtag, config) = start("tls_ca_file = \"stranger.pem\"");
    let folder = ringtag.folder.path().to_owned();
    let postbox = Postbox::start(ringtag.net, &folder);
    let id = save(&ringtag, "en");
    send(&ringtag, &id, "recipients");
    let why = wait_for_reason(&ringtag, &id, 2, "is not to be trusted");
    assert!(
        why[0].contains("UnknownIssuer") && why[0].contains("tls_ca_file"),
        "{why:?}"
    );
    // Another password than the server's; a reload is enough.
    fs::write(folder.join("mail.secret"), "let me in\n").unwrap();
    ringtag.reload(&config.replace("stranger.pem", "ca.pem"));
    let why = wait_for_reason(&ringtag, &id, 2, "the login was refused");
    assert!(
        why[0].contains("535") && !why[0].contains("let me in"),
        "{why:?}"
    );
    assert!(postbox.letters("").is_empty() && postbox.letters("cut-").is_empty());
    // The right one: what waits goes out at once.
    fs::write(folder.join("mail.secret"), "let me post\n").unwrap();
    ringtag.reload(&config.replace("stranger.pem", "ca.pem"));
    ringtag.wait_for("both letters", || {
        (postbox.taken().len() == 2).then_some(())
    });
    assert!(!ringtag.log().contains("let me post"));
}
