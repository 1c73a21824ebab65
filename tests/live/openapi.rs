//! The API's document against the running program: schemathesis looks for answers that it does not describe, and a client that
//! a generator made of it does a day's work.
//!
//! Both live under target/openapi, where `tests/run` installs them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use ringtag::base::chance::Chance;
use ringtag::people::password::Kept;
use serde_json::Value;

use crate::commands::{give_up, place};
use crate::harness::{CONFIG, PATIENCE, Ringtag};
use crate::sipp::TO_DESK;

/// How schemathesis looks.
const LOOK: &str = include_str!("schemathesis.toml");

/// A ringtag with an answered and a missed call, which lets nobody in without proof; the secret of an admin's
/// token; the id of the call that was answered.
fn desk() -> (Ringtag, String, String) {
    let ringtag = Ringtag::start(TO_DESK);
    place(&ringtag);
    give_up(&ringtag);
    let calls = ringtag.ended_calls(2);
    let answered = calls.iter().find(|call| call["answered"] == true);
    let id = answered.unwrap()["id"].as_str().unwrap().to_owned();
    let secret = token(&ringtag);
    let password = Kept::make("of no use here", &mut Chance::from_number(3)).unwrap();
    let user = format!("[[user]]\nname = \"anna\"\nrole = \"admin\"\npassword = \"{password}\"\n");
    ringtag.reload(&format!("{CONFIG}\n{TO_DESK}\n{user}"));
    ringtag.wait_for("a door", || {
        (ringtag.get("/api/v1/me").0 == 401).then_some(())
    });
    (ringtag, secret, id)
}

/// Makes a token while nobody needs one.
fn token(ringtag: &Ringtag) -> String {
    let server = SocketAddr::from((ringtag.net.ringtag(), 8080));
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = r#"{"name": "test", "role": "admin"}"#;
    write!(
        stream,
        "POST /api/v1/tokens HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let made: Value = serde_json::from_str(body).unwrap();
    made["secret"].as_str().unwrap().to_owned()
}

fn server(ringtag: &Ringtag) -> String {
    format!("http://{}:8080", ringtag.net.ringtag())
}

fn tool(name: &str) -> PathBuf {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/openapi/bin")
        .join(name);
    assert!(
        tool.exists(),
        "{} is missing: tests/run installs it",
        tool.display()
    );
    tool
}

fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complaint}");
    said.into_owned()
}

#[test]
fn schemathesis_finds_no_answer_that_the_document_does_not_describe() {
    let (ringtag, secret, id) = desk();
    let folder = ringtag.folder.path();
    // Calls that exist, so that not every answer is 404.
    let config = folder.join("schemathesis.toml");
    std::fs::write(
        &config,
        format!("{LOOK}\n[[operations]]\ninclude-path-regex = \"/calls/.id\"\nparameters = {{ \"path.id\" = \"{id}\" }}\n"),
    )
    .unwrap();
    let run = |more: &[&str]| {
        succeed(
            Command::new(tool("st"))
                .current_dir(folder)
                .arg("--config-file")
                .arg(&config)
                .args(["--no-color", "run"])
                .arg(format!("{}/api/v1/openapi.json", server(&ringtag)))
                .args(["-H", &format!("Authorization: Bearer {secret}")])
                .args(["--generation-deterministic"])
                .args(["--request-timeout", "10"])
                .args(more),
        )
    };
    // Events have no end that could be waited for. What revokes tokens would sooner or later revoke the one in use, which
    // it learns from the list: it is asked alone, with made-up ids.
    run(&[
        "--max-examples=20",
        "--exclude-operation-id=live",
        "--exclude-operation-id=revoke_token",
    ]);
    run(&[
        "--max-examples=20",
        "--include-operation-id=revoke_token",
        "--phases=coverage,fuzzing",
    ]);
    let (status, _) = ringtag.get("/healthz");
    assert_eq!(status, 200);
    assert!(!ringtag.log().contains("panicked"));
}

#[test]
fn a_generated_client_does_a_days_work() {
    let (ringtag, secret, _) = desk();
    let folder = ringtag.folder.path();
    let config = folder.join("generator.yml");
    // The generator knows bytes by this name alone.
    let settings = "content_type_overrides:\n  audio/wav: application/octet-stream\n  \
        text/csv: application/octet-stream\npost_hooks: []\n";
    std::fs::write(&config, settings).unwrap();
    let (status, document) = ringtag.get("/api/v1/openapi.json");
    assert_eq!(status, 401, "it is there for whoever is somebody");
    assert!(!document.is_empty());
    succeed(
        Command::new(tool("python"))
            .current_dir(folder)
            .args(["-c", FETCH])
            .arg(server(&ringtag))
            .arg(&secret),
    );
    succeed(
        Command::new(tool("openapi-python-client"))
            .current_dir(folder)
            .args(["generate", "--path", "openapi.json", "--meta", "none"])
            .args(["--output-path", "ringtag_client", "--fail-on-warning"])
            .arg("--config")
            .arg(&config),
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/client.py");
    succeed(
        Command::new(tool("python"))
            .current_dir(folder)
            .env("PYTHONPATH", folder)
            .arg(script)
            .arg(server(&ringtag))
            .arg(&secret),
    );
}

/// Writes the document into the folder.
const FETCH: &str = "import sys, urllib.request as u\n\
    ask = u.Request(sys.argv[1] + '/api/v1/openapi.json', headers={'Authorization': 'Bearer ' + sys.argv[2]})\n\
    open('openapi.json', 'wb').write(u.urlopen(ask).read())";
