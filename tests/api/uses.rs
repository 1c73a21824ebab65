//! What leaves the house is in the call log: plays, downloads, tables. What leads out ends with whoever was let in.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, header};
use futures_util::StreamExt;
use ringtag::api::gate::Manned;
use ringtag::api::{router, serve};
use ringtag::base::clock::Clock;
use ringtag::base::number::{Caller, Number};
use ringtag::base::time::Moment;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::house::{House, crew};

/// The secret of a token with this role.
async fn token(house: &House, role: &str) -> (String, String) {
    let body = json!({"name": role, "role": role});
    let answer = house.say(Method::POST, "/api/v1/tokens", &body, &[]).await;
    let made = answer.json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), format!("Bearer {}", text("secret")))
}

fn log_of(house: &House) -> Vec<Value> {
    house.state.store.sync().unwrap();
    let months = std::fs::read_dir(house.folder.path().join("data/log")).unwrap();
    months
        .flat_map(|month| {
            let text = std::fs::read_to_string(month.unwrap().path()).unwrap();
            let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
            lines.collect::<Vec<Value>>()
        })
        .collect()
}

#[tokio::test]
async fn a_download_is_told_from_a_play_and_both_name_who() {
    let house = House::new();
    let id = house.recorded(1, &[0; 1_000]);
    let (_, secret) = token(&house, "listener").await;
    let path = format!("/api/v1/calls/{id}/recording.wav");
    let by = [("authorization", secret.as_str())];
    let played = house.ask(Method::GET, &path, &by).await;
    assert!(
        played
            .header(header::CONTENT_DISPOSITION)
            .starts_with("inline")
    );
    let download = format!("{path}?download=1");
    let kept = house.ask(Method::GET, &download, &by).await;
    assert!(
        kept.header(header::CONTENT_DISPOSITION)
            .starts_with("attachment")
    );
    // Neither a look at its head nor the rest of one that was broken off is another.
    house.ask(Method::HEAD, &download, &by).await;
    let rest = [by[0], ("range", "bytes=500-")];
    assert_eq!(house.ask(Method::GET, &download, &rest).await.status, 206);
    house.state.store.sync().unwrap();
    let call = house.get(&format!("/api/v1/calls/{id}")).await.json();
    let uses: Vec<_> = call["uses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|used| (used["what"].as_str().unwrap(), used["by"].as_str().unwrap()))
        .collect();
    assert_eq!(
        uses,
        [
            ("played", "token listener"),
            ("downloaded", "token listener")
        ]
    );
}

#[tokio::test]
async fn whoever_downloads_all_but_the_beginning_has_downloaded() {
    let house = House::new();
    let id = house.recorded(1, &[0; 1_000]);
    let (_, secret) = token(&house, "listener").await;
    let path = format!("/api/v1/calls/{id}/recording.wav?download=1");
    let asked = [("authorization", secret.as_str()), ("range", "bytes=44-")];
    assert_eq!(house.ask(Method::GET, &path, &asked).await.status, 206);
    house.state.store.sync().unwrap();
    let call = house.get(&format!("/api/v1/calls/{id}")).await.json();
    assert_eq!(call["uses"][0]["what"], "downloaded");
}

#[tokio::test]
async fn nothing_leaves_while_the_log_has_no_room_for_its_line() {
    let house = House::new();
    let id = house.recorded(1, &[0; 1_000]);
    let store = &house.state.store;
    let path = format!("/api/v1/calls/{id}/recording.wav");
    let seats: Vec<_> = std::iter::from_fn(|| store.seat()).collect();
    assert!(seats.len() > 500, "{}", seats.len());
    for path in [
        path.as_str(),
        &format!("{path}?download=1"),
        "/api/v1/calls.csv",
    ] {
        let refused = house.get(path).await;
        assert_eq!(refused.status, 503, "{path}");
        assert_eq!(refused.header(header::RETRY_AFTER), "1");
        assert_eq!(refused.code(), "busy");
    }
    drop(seats);
    // What was refused is no play, and whoever comes again is noted.
    assert_eq!(house.get(&path).await.status, 200);
    let uses = store.call(id).unwrap().unwrap().uses;
    assert_eq!(uses.len(), 1, "on the disk before the first byte");
}

#[test]
fn what_left_in_a_table_is_in_the_log_though_the_process_stops_in_the_middle_of_it() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let house = House::new();
    for n in 0..3_500 {
        house.call(n, Caller::Anonymous, false);
        if n % 100 == 0 {
            house.state.store.sync().unwrap();
        }
    }
    house.state.store.sync().unwrap();
    let stops = runtime();
    let begun = stops.block_on(async {
        let request = Request::builder()
            .uri("/api/v1/calls.csv")
            .header("host", "127.0.0.1:8080");
        let request = request.body(Body::empty()).unwrap();
        let response = router(house.state.clone()).oneshot(request).await.unwrap();
        let mut body = response.into_body().into_data_stream();
        let piece = body.next().await.unwrap().unwrap();
        assert!(piece.len() > 1_000);
        body
    });
    // Whoever reads is slow, and the task that writes waits for room.
    assert!(house.state.store.exports().is_empty());
    drop(stops);
    drop(begun);
    let line = runtime().block_on(exported(&house));
    let calls = line["public"]["calls"].as_u64().unwrap();
    assert!((1_000..3_500).contains(&calls), "{line}");
}

#[tokio::test]
async fn a_table_is_in_the_log_and_holds_no_number_for_an_analyst() {
    let house = House::new();
    for n in 0..3 {
        let number = Number::e164("+79161234567").unwrap();
        house.call(n, Caller::Number(number), false);
    }
    house.state.store.sync().unwrap();
    let (_, secret) = token(&house, "analyst").await;
    let by = [("authorization", secret.as_str())];
    let table = house
        .ask(Method::GET, "/api/v1/calls.csv?status=missed", &by)
        .await;
    let text = table.text();
    assert_eq!(text.lines().count(), 4);
    assert!(!text.contains("1234567"), "{text}");
    assert!(text.contains("'+7916*****67"), "{text}");
    let line = exported(&house).await;
    assert_eq!(line["public"]["by"], "token analyst");
    assert_eq!(line["public"]["calls"], 3);
    assert_eq!(line["public"]["filter"]["status"], "missed");
    for path in ["calls?q=7916", "calls.csv?caller=%2B7916*"] {
        let answer = house
            .ask(Method::GET, &format!("/api/v1/{path}"), &by)
            .await;
        assert_eq!(answer.code(), "forbidden", "{path}");
    }
}

#[tokio::test]
async fn a_number_in_somebodys_words_is_hidden_from_an_analyst_and_not_told_by_an_export() {
    let house = House::new();
    let id = house.call(1, Caller::Anonymous, true);
    house.state.store.sync().unwrap();
    let path = format!("/api/v1/calls/{id}");
    let said = json!({"tags": ["call +79161234567", "89161234567", "hot 24"], "note": "x"});
    assert_eq!(
        house.say(Method::PATCH, &path, &said, &[]).await.status,
        200
    );
    let (_, secret) = token(&house, "analyst").await;
    let by = [("authorization", secret.as_str())];
    let call = house.ask(Method::GET, &path, &by).await;
    assert_eq!(call.json()["tags"], json!(["***", "***", "hot 24"]));
    assert!(!call.text().contains("9161234567"), "{}", call.text());
    let table = "/api/v1/calls.csv?tag=89161234567&source=direct&project=shop";
    house.ask(Method::GET, table, &by).await;
    let line = exported(&house).await;
    let told = &line["public"]["filter"];
    assert_eq!(
        (&told["tag"], &told["source"]),
        (&json!(true), &json!("direct"))
    );
    assert!(!line.to_string().contains("9161234567"), "{line}");
}

/// The line of the table that was taken; it follows the table's last byte.
async fn exported(house: &House) -> Value {
    let clock = Clock::start();
    loop {
        let log = log_of(house);
        if let Some(line) = log.into_iter().find(|line| line["event"] == "exported") {
            return line;
        }
        assert!(clock.now() - Moment::START < Duration::from_secs(60));
        tokio::task::yield_now().await;
    }
}

/// Asks for live events over a real connection, and reads until they have begun.
fn listen(address: std::net::SocketAddr, secret: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(40)))
        .unwrap();
    let ask =
        format!("GET /api/v1/live HTTP/1.1\r\nHost: {address}\r\nAuthorization: {secret}\r\n\r\n");
    stream.write_all(ask.as_bytes()).unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("event: hello") {
        let mut piece = [0; 1_024];
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&piece[..read]);
    }
    stream
}

#[tokio::test]
async fn who_is_let_in_no_more_hears_no_more() {
    let house = House::with(&crew());
    let web = ringtag::api::settings::Settings {
        listen: Some("127.0.0.1:0".parse().unwrap()),
        ..house.state.gate.manned().web.clone()
    };
    let users = house.state.gate.manned().users.clone();
    house.state.gate.set_manned(Manned { users, web });
    let server = serve(house.state.clone()).unwrap().unwrap();
    let of = |role: &str, secret: &str| {
        house
            .state
            .store
            .make_token(
                ringtag::store::token::NewToken {
                    name: role.to_owned(),
                    hash: ringtag::people::token::hash(secret),
                    role: role.to_owned(),
                    projects: None,
                },
                "anna",
            )
            .unwrap()
    };
    let one = of("listener", "rt_one");
    of("manager", "rt_other");
    let mut gone = listen(server.address(), "Bearer rt_one");
    let mut stays = listen(server.address(), "Bearer rt_other");
    assert!(house.state.store.revoke_token(&one.id, "anna").unwrap());
    let clock = Clock::start();
    // It is noticed with the next news that is a second old, or with the next beat.
    gone.set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let mut n = 0;
    loop {
        house.call(n, Caller::Anonymous, true);
        n += 1;
        let mut piece = vec![0; 65_536];
        match gone.read(&mut piece) {
            // The last chunk of a body that had no end.
            Ok(read) if piece[..read].ends_with(b"0\r\n\r\n") => break,
            Ok(read) => assert!(read > 0),
            Err(error) => assert!(
                matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ),
                "{error}"
            ),
        }
        assert!(clock.now() - Moment::START < Duration::from_secs(60));
    }
    assert!(stays.read(&mut [0; 1_024]).unwrap() > 0);
    // A listener keeps no server from stopping, and its stream ends as one that is whole.
    server.stop();
    let mut rest = Vec::new();
    stays.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(b"0\r\n\r\n"));
}
