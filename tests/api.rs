//! HTTP as its users meet it: the router over a store in a temporary folder.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed check ends the test"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::Value;
use tower::ServiceExt;

use ringtag::api::{Rules, State, router};
use ringtag::base::chance::Chance;
use ringtag::base::clock::Clock;
use ringtag::base::id::CallId;
use ringtag::base::number::{Caller, Number};
use ringtag::base::time::{Moment, WallTime};
use ringtag::call::story::{Began, Ended, Fact, FinishReason, HungUpBy, SourceTag, What};
use ringtag::engine::gauges::Gauges;
use ringtag::recording::command::{Outcome, State as Whole};
use ringtag::store::Store;
use ringtag::store::handle::Setup;

const CONFIG: &str = r#"
[sip]
listen = ["udp:127.0.0.1:5060"]
[store]
folder = "data"
[recordings]
folder = "recordings"
[[trunk]]
id = "carrier"
host = "127.0.0.1:5066"
[[trunk]]
id = "pbx"
host = "127.0.0.1:5070"
[[project]]
id = "shop"
time_zone = "Europe/Moscow"
[[source]]
tag = "direct"
project = "shop"
category = "mowers"
numbers = "+74950000001"
[[manager]]
id = "desk"
extension = "101"
trunk = "pbx"
[[rule]]
id = "nuisance"
caller = "+7800*"
reject = 603
[[rule]]
id = "mowers"
category = "mowers"
to = "manager:desk"
"#;

/// A house with a store and rules, asked through the router.
struct House {
    folder: tempfile::TempDir,
    state: State,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ringtag.toml");
        std::fs::write(&file, CONFIG).unwrap();
        let config = ringtag::config::load(&file).unwrap().config;
        let clock = Clock::start();
        let (store, _) = Store::open(Setup {
            settings: config.store,
            recordings: config.recordings.folder.clone(),
            node: "test".into(),
            clock,
            chance: Chance::from_number(1),
        })
        .unwrap();
        let rules = Rules {
            country: config.country,
            tracking: Arc::new(config.tracking),
            routing: Arc::new(config.routing),
        };
        let gauges = Arc::new(Gauges::default());
        let state = State::new(store, gauges, clock, config.recordings.folder, rules);
        Self { folder, state }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = router(self.state.clone()).oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX)
            .await
            .unwrap()
            .to_vec();
        Answer {
            status: head.status,
            headers: head.headers,
            body,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[]).await
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1:8080");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// A call that was answered and ended, or missed.
    fn call(&self, n: i64, caller: Caller, answered: bool) -> CallId {
        let at = WallTime::from_millis(1_795_253_400_000 + n * 60_000);
        let id = CallId::new(at, &mut Chance::from_number(n.cast_unsigned()));
        let tell = |what| {
            self.state.store.tell(Fact {
                call: id,
                at,
                mono: Moment::from_millis(1),
                what,
            });
        };
        tell(What::Began(Box::new(Began {
            source: SourceTag {
                project: "shop".into(),
                tag: "direct".into(),
                channel: None,
                campaign: Some("весна".into()),
                category: Some("mowers".into()),
            },
            tracked: true,
            caller,
            caller_from: "From".to_owned(),
            virtual_number: Number::e164("+74950000001").unwrap(),
            trunk: "carrier".into(),
            sip_call_id: format!("call-{n}"),
            prior_calls: 0,
            rule: Some("mowers".into()),
        })));
        tell(What::Ended(Box::new(Ended {
            rule: Some("mowers".into()),
            targets_tried: Vec::new(),
            manager: answered.then(|| "desk".into()),
            destination: answered.then(|| "101".to_owned()),
            ringing_at: None,
            answered_at: answered.then_some(at),
            wait_ms: 1_000,
            talk_ms: if answered { 4_000 } else { 0 },
            total_ms: 5_000,
            answered,
            missed: !answered,
            finish_reason: if answered {
                FinishReason::Completed
            } else {
                FinishReason::NoAnswer
            },
            hung_up_by: HungUpBy::Caller,
            sip_status: Some(if answered { 200 } else { 480 }),
            q850_cause: None,
            legs: Vec::new(),
            transfers: Vec::new(),
        })));
        id
    }

    /// A call with a recording of these bytes.
    fn recorded(&self, n: i64, sound: &[u8]) -> CallId {
        let id = self.call(n, Caller::Anonymous, true);
        let file = PathBuf::from(format!("2026/11/21/{id}.wav"));
        let path = self.state.recordings.join(&file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, sound).unwrap();
        self.state.store.recorded(Outcome {
            call: id,
            file,
            duration_ms: 1,
            sample_rate_hz: 8_000,
            channels: 2,
            bytes: sound.len() as u64,
            state: Whole::Complete,
            gaps: Vec::new(),
        });
        self.state.store.sync().unwrap();
        id
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    fn header(&self, name: header::HeaderName) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The code of an error, which must have its sentence too.
    fn code(&self) -> String {
        let error = &self.json()["error"];
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|text| text.len() > 10),
            "{error}"
        );
        error["code"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn it_lives_at_once_and_is_ready_while_it_takes_calls() {
    let house = House::new();
    assert_eq!(house.get("/healthz").await.status, StatusCode::OK);
    let starting = house.get("/readyz").await;
    assert_eq!(
        (starting.status, starting.code().as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "starting")
    );
    house.state.gauges.set_ready();
    assert_eq!(house.get("/readyz").await.status, StatusCode::OK);
    house.state.gauges.set_draining();
    let draining = house.get("/readyz").await;
    assert_eq!(
        (draining.status, draining.code().as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "draining")
    );
    let metrics = house.get("/metrics").await;
    assert!(
        metrics
            .header(header::CONTENT_TYPE)
            .starts_with("text/plain; version=0.0.4")
    );
    assert!(metrics.text().contains("\nringtag_draining 1\n"));
}

#[tokio::test]
async fn every_refusal_is_json_with_its_status() {
    let house = House::new();
    for (method, path, status, code) in [
        (Method::GET, "/nothing", 404, "not-found"),
        (Method::GET, "/api/v1/calls/", 404, "not-found"),
        (Method::POST, "/api/v1/calls", 405, "method-not-allowed"),
        (Method::DELETE, "/metrics", 405, "method-not-allowed"),
        (
            Method::GET,
            "/api/v1/calls?colour=red",
            400,
            "unknown-parameter",
        ),
        (Method::GET, "/api/v1/calls?limit=0", 400, "bad-parameter"),
        (Method::GET, "/api/v1/calls?q=a&q=b", 400, "bad-parameter"),
        (
            Method::GET,
            "/api/v1/calls?since=tomorrow",
            400,
            "bad-parameter",
        ),
        (
            Method::GET,
            "/api/v1/calls.csv?status=odd",
            400,
            "bad-parameter",
        ),
        (Method::GET, "/api/v1/route", 400, "bad-parameter"),
        (Method::GET, "/api/v1/route?to=abc", 400, "bad-parameter"),
        (
            Method::GET,
            "/api/v1/route?to=%2B74950000009",
            404,
            "unknown-number",
        ),
    ] {
        let answer = house.ask(method, path, &[]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (status, code),
            "{path}"
        );
        assert_eq!(
            answer.header(header::CONTENT_TYPE),
            "application/json",
            "{path}"
        );
    }
    assert_eq!(
        house
            .ask(Method::POST, "/metrics", &[])
            .await
            .header(header::ALLOW),
        "GET,HEAD"
    );
}

#[tokio::test]
async fn hostile_ids_are_nobodys() {
    let house = House::new();
    for id in [
        "x",
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "%ff%fe",
        "{019aa5c4-98f0-7000-8000-000000000001}",
        "019aa5c498f070008000000000000001",
        "019aa5c4-98f0-7000-8000-000000000001",
        "%F0%9F%98%80",
    ] {
        for tail in ["", "/recording.wav"] {
            let answer = house.get(&format!("/api/v1/calls/{id}{tail}")).await;
            assert_eq!(
                (answer.status.as_u16(), answer.code().as_str()),
                (404, "unknown-call"),
                "{id}"
            );
        }
    }
}

#[tokio::test]
async fn only_loopback_names_are_answered() {
    let house = House::new();
    let with = |hosts: &[&str], uri: &str| {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header("host", *host);
        }
        request.body(Body::empty()).unwrap()
    };
    for host in ["localhost:8080", "127.0.0.1", "[::1]:8080"] {
        assert_eq!(
            house.send(with(&[host], "/healthz")).await.status,
            StatusCode::OK,
            "{host}"
        );
    }
    for request in [
        with(&["evil.example"], "/api/v1/calls"),
        with(&["127.0.0.1.evil.example"], "/api/v1/calls"),
        with(&[], "/api/v1/calls"),
        with(&["localhost", "evil.example"], "/api/v1/calls"),
        with(&["localhost"], "http://evil.example/api/v1/calls"),
    ] {
        let answer = house.send(request).await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST);
        assert_eq!(answer.code(), "wrong-host");
    }
}

#[tokio::test]
async fn answers_are_kept_by_nobody_and_framed_by_nobody() {
    let house = House::new();
    for path in ["/", "/api/v1/calls", "/nothing"] {
        let answer = house.get(path).await;
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store", "{path}");
        assert_eq!(
            answer.header(header::X_CONTENT_TYPE_OPTIONS),
            "nosniff",
            "{path}"
        );
        assert!(
            answer
                .header(header::CONTENT_SECURITY_POLICY)
                .contains("frame-ancestors 'none'")
        );
    }
    let page = house.get("/").await;
    assert!(page.text().contains("/api/v1/calls"));
    assert!(page.header(header::CONTENT_TYPE).starts_with("text/html"));
    assert!(
        house
            .get("/style.css")
            .await
            .header(header::CONTENT_TYPE)
            .starts_with("text/css")
    );
}

#[tokio::test]
async fn a_route_is_explained() {
    let house = House::new();
    let answer = house
        .get("/api/v1/route?to=%2B74950000001&from=%2B79161234567")
        .await
        .json();
    assert_eq!(answer["rule"], "mowers");
    assert_eq!(answer["steps"][0]["targets"][0], "manager:desk");
    assert_eq!(answer["passed"][0]["rule"], "nuisance");
    // A plus that nobody escaped is understood, and so is a national form.
    let rejected = house
        .get("/api/v1/route?to=+74950000001&from=+78001234567")
        .await
        .json();
    assert_eq!(rejected["reject"], 603);
    let national = house
        .get("/api/v1/route?to=84950000001&at=2026-11-21")
        .await
        .json();
    assert_eq!(national["number"], "+74950000001");
    assert_eq!(national["local_time"], "Sat 2026-11-21 03:00");
}

#[tokio::test]
async fn calls_are_listed_newest_first_and_page_by_page() {
    let house = House::new();
    let ids: Vec<CallId> = (0..5)
        .map(|n| house.call(n, Caller::Anonymous, n % 2 == 0))
        .collect();
    house.state.store.sync().unwrap();
    let mut seen = Vec::new();
    let mut path = "/api/v1/calls?limit=2".to_owned();
    loop {
        let page = house.get(&path).await.json();
        let calls = page["calls"].as_array().unwrap();
        assert!(calls.len() <= 2);
        seen.extend(
            calls
                .iter()
                .map(|call| call["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => path = format!("/api/v1/calls?limit=2&cursor={next}"),
            None => break,
        }
    }
    let newest_first: Vec<String> = ids.iter().rev().map(ToString::to_string).collect();
    assert_eq!(seen, newest_first);
    let missed = house.get("/api/v1/calls?status=missed").await.json();
    assert_eq!(missed["calls"].as_array().unwrap().len(), 2);
    let one = house.get(&format!("/api/v1/calls/{}", ids[0])).await.json();
    assert_eq!(one["campaign"], "весна");
    assert_eq!(one["talk_ms"], 4_000);
}

#[tokio::test]
async fn the_table_holds_every_call_and_no_formula() {
    let house = House::new();
    for n in 0..3 {
        house.call(n, Caller::Other("=1+1,\"x\"".into()), true);
    }
    house.call(
        9,
        Caller::Number(Number::e164("+79161234567").unwrap()),
        false,
    );
    house.state.store.sync().unwrap();
    let answer = house.get("/api/v1/calls.csv").await;
    assert!(answer.header(header::CONTENT_TYPE).starts_with("text/csv"));
    let text = answer.text();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 5);
    assert!(lines[0].starts_with("id,started_at,ended_at,project,"));
    assert!(lines[1].contains(",+79161234567,"));
    assert!(lines[1].contains(",no-answer,caller,1000,"));
    assert!(lines[2].contains(",\"'=1+1,\"\"x\"\"\","));
    let two = house.get("/api/v1/calls.csv?limit=2").await.text();
    assert_eq!(two.split_terminator("\r\n").count(), 3);
    let head = house.ask(Method::HEAD, "/api/v1/calls.csv", &[]).await;
    assert!(head.status == StatusCode::OK && head.body.is_empty());
}

#[tokio::test]
async fn a_recording_is_sent_whole_or_in_parts() {
    let house = House::new();
    let sound: Vec<u8> = (0..600_000u32).map(|n| n.to_le_bytes()[0]).collect();
    let path = format!("/api/v1/calls/{}/recording.wav", house.recorded(1, &sound));
    let whole = house.get(&path).await;
    assert_eq!((whole.status, whole.body == sound), (StatusCode::OK, true));
    assert_eq!(whole.header(header::CONTENT_TYPE), "audio/wav");
    assert_eq!(whole.header(header::ACCEPT_RANGES), "bytes");
    assert_eq!(whole.header(header::CONTENT_LENGTH), "600000");
    let etag = whole.header(header::ETAG).to_owned();
    for (range, status, expected, content_range) in [
        ("bytes=0-9", 206, 0..10, "bytes 0-9/600000"),
        (
            "bytes=599990-",
            206,
            599_990..600_000,
            "bytes 599990-599999/600000",
        ),
        (
            "bytes=-5",
            206,
            599_995..600_000,
            "bytes 599995-599999/600000",
        ),
        (
            "bytes=300000-99999999",
            206,
            300_000..600_000,
            "bytes 300000-599999/600000",
        ),
        ("bytes=0-4,5-9", 206, 0..10, "bytes 0-9/600000"),
        ("bytes=0-4,10-14", 200, 0..600_000, ""),
        ("bytes=9-0", 200, 0..600_000, ""),
        ("seconds=0-9", 200, 0..600_000, ""),
    ] {
        let part = house.ask(Method::GET, &path, &[("range", range)]).await;
        assert_eq!(part.status.as_u16(), status, "{range}");
        assert_eq!(part.header(header::CONTENT_RANGE), content_range, "{range}");
        assert!(part.body == sound[expected], "{range}");
    }
    let beyond = house
        .ask(Method::GET, &path, &[("range", "bytes=600000-")])
        .await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.header(header::CONTENT_RANGE), "bytes */600000");
    assert_eq!(beyond.code(), "range-beyond-end");
    let head = house
        .ask(Method::HEAD, &path, &[("range", "bytes=0-9")])
        .await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(head.header(header::CONTENT_LENGTH), "600000");
    let same = house
        .ask(Method::GET, &path, &[("if-none-match", &etag)])
        .await;
    assert_eq!(
        (same.status, same.body.len()),
        (StatusCode::NOT_MODIFIED, 0)
    );
    let ranged = |tag: String| {
        let path = path.clone();
        let house = &house;
        async move {
            house
                .ask(
                    Method::GET,
                    &path,
                    &[("range", "bytes=0-9"), ("if-range", &tag)],
                )
                .await
                .status
        }
    };
    assert_eq!(ranged(etag.clone()).await, StatusCode::PARTIAL_CONTENT);
    assert_eq!(ranged("\"other\"".to_owned()).await, StatusCode::OK);
    assert_eq!(ranged(format!("W/{etag}")).await, StatusCode::OK);
    let other = house
        .ask(Method::GET, &path, &[("if-match", "\"other\"")])
        .await;
    assert_eq!(other.status, StatusCode::PRECONDITION_FAILED);
}

#[tokio::test]
async fn a_call_without_a_recording_says_why() {
    let house = House::new();
    let never = house.call(1, Caller::Anonymous, false);
    let removed = house.recorded(2, b"RIFF");
    std::fs::remove_dir_all(&*house.state.recordings).unwrap();
    let answer = house
        .get(&format!("/api/v1/calls/{never}/recording.wav"))
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (404, "no-recording")
    );
    let answer = house
        .get(&format!("/api/v1/calls/{removed}/recording.wav"))
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (410, "recording-gone")
    );
}

#[tokio::test]
async fn a_growing_recording_is_sent_as_far_as_it_goes() {
    use ringtag::recording::wav::Wav;

    let house = House::new();
    let id = house.call(1, Caller::Anonymous, true);
    house.state.store.sync().unwrap();
    let part = house.state.recordings.join("2026/11/21");
    std::fs::create_dir_all(&part).unwrap();
    let part = part.join(format!("{id}.wav.part"));
    let mut wav = Wav::begin(std::fs::File::create(&part).unwrap(), 8_000).unwrap();
    wav.append(&[7; 400_000]).unwrap();
    // Half of the next block is on the disk.
    let half = std::fs::File::options().append(true).open(&part).unwrap();
    std::io::Write::write_all(&mut &half, &[9; 1_001]).unwrap();
    let path = format!("/api/v1/calls/{id}/recording.wav");
    let answer = house
        .ask(Method::GET, &path, &[("range", "bytes=0-9")])
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header(header::CONTENT_TYPE), "audio/wav");
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    assert_eq!(answer.header(header::CONTENT_LENGTH), "401044");
    assert!(!answer.headers.contains_key(header::ETAG));
    assert_eq!(answer.body.len(), 401_044);
    let reader = hound::WavReader::new(answer.body.as_slice()).unwrap();
    assert_eq!(reader.duration(), 100_250);
    let head = house.ask(Method::HEAD, &path, &[]).await;
    assert_eq!(head.header(header::CONTENT_LENGTH), "401044");
    assert!(head.body.is_empty());
    std::fs::remove_file(&part).unwrap();
    assert_eq!(house.get(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_play_is_in_the_call_log() {
    let house = House::new();
    let id = house.recorded(1, &[0; 1_000]);
    let path = format!("/api/v1/calls/{id}/recording.wav");
    house.get(&path).await;
    // A seek within the same play, and a look at the head, are no plays.
    house
        .ask(Method::GET, &path, &[("range", "bytes=500-")])
        .await;
    house.ask(Method::HEAD, &path, &[]).await;
    house
        .ask(Method::GET, &path, &[("range", "bytes=0-99")])
        .await;
    house.state.store.sync().unwrap();
    let mut plays = 0;
    for month in std::fs::read_dir(house.folder.path().join("data/log")).unwrap() {
        let text = std::fs::read_to_string(month.unwrap().path()).unwrap();
        plays += text
            .lines()
            .filter(|line| line.contains("\"played\""))
            .count();
    }
    assert_eq!(plays, 2);
}

#[tokio::test]
async fn the_server_binds_loopback_only_and_stops() {
    use ringtag::api::settings::Settings;
    use ringtag::api::{ServeError, serve};
    use std::io::{Read, Write};

    let house = House::new();
    let listen = |text: &str| Settings {
        listen: Some(text.parse().unwrap()),
    };
    let open = serve(&listen("0.0.0.0:0"), house.state.clone())
        .unwrap()
        .unwrap();
    assert!(open.address().ip().is_loopback(), "{open:?}");
    open.stop();
    assert!(
        serve(&Settings { listen: None }, house.state.clone())
            .unwrap()
            .is_none()
    );
    let server = serve(&listen("127.0.0.1:0"), house.state.clone())
        .unwrap()
        .unwrap();
    let address: SocketAddr = server.address();
    let again = Settings {
        listen: Some(address),
    };
    let taken = serve(&again, house.state);
    assert!(matches!(taken, Err(ServeError::Bind { .. })), "{taken:?}");
    let ask = |text: String| {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = ask(format!(
        "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    ));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("{\"status\":\"ok\"}"), "{answer}");
    let long = ask(format!(
        "GET /{} HTTP/1.1\r\nHost: {address}\r\n\r\n",
        "x".repeat(100_000)
    ));
    assert!(long.starts_with("HTTP/1.1 4"), "{long}");
    server.stop();
    assert!(std::net::TcpStream::connect(address).is_err());
}
