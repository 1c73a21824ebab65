//! Past calls against an edited configuration, over HTTP.

use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::house::{Answer, CONFIG, House};
use ringtag::base::number::{Caller, Number};

async fn tried(house: &House, query: &str, kind: &str, toml: impl Into<Body>) -> Answer {
    let request = Request::builder()
        .method("POST")
        .uri(format!("/api/v1/replay{query}"))
        .header("host", "127.0.0.1:8080")
        .header("content-type", kind)
        .body(toml.into())
        .unwrap();
    house.send(request).await
}

const TOML: &str = "application/toml";

/// All that was made up, and nothing else: the calls are of a day of 2026 that may be to come.
const ALWAYS: &str = "?since=2026-01-01&until=2027-12-31";

fn number(text: &str) -> Caller {
    Caller::Number(Number::e164(text).unwrap())
}

#[tokio::test]
async fn past_calls_are_held_against_an_edited_configuration() {
    let house = House::new();
    let first = house.call(1, number("+79161234567"), true);
    let again = house.call(2, number("+79161234567"), false);
    house.state.store.sync().unwrap();
    let same = tried(&house, ALWAYS, TOML, CONFIG).await.json();
    assert_eq!((&same["calls"], &same["differ"]), (&2.into(), &0.into()));
    let edited = CONFIG.replace(
        "[[rule]]\nid = \"mowers\"",
        "[[rule]]\nid = \"again\"\nrepeat = true\nreject = 480\n[[rule]]\nid = \"mowers\"",
    );
    let answer = tried(&house, ALWAYS, "text/plain; charset=utf-8", edited).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let told = answer.json();
    assert_eq!(told["differ"], 1);
    let difference = &told["differences"][0];
    assert_eq!(difference["id"], again.to_string());
    assert_eq!(difference["caller"], "+79161234567");
    assert_eq!(difference["changes"][0], "reject");
    assert_eq!(difference["old"]["rule"], "mowers");
    assert_eq!(difference["new"]["rule"], "again");
    assert_eq!(difference["new"]["reject"], 480);
    assert!(!answer.text().contains(&first.to_string()));
    // Nothing of it was loaded.
    let route = "/api/v1/route?to=%2B74950000001&from=%2B79161234567";
    assert_eq!(house.get(route).await.json()["rule"], "mowers");
    let before = tried(&house, "?until=2026-01-01", TOML, CONFIG)
        .await
        .json();
    assert_eq!(before["calls"], 0);
}

#[tokio::test]
async fn every_mistake_of_an_edited_configuration_is_named_and_no_secret() {
    let house = House::new();
    let edited = CONFIG.replace("manager:desk", "manager:dask").replace(
        "host = \"127.0.0.1:5066\"",
        "host = \"127.0.0.1:5066\"\nusername = \"u\"\npassword = \"hunter2\"\nport = 5",
    );
    let answer = tried(&house, "", TOML, edited).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::BAD_REQUEST, "bad-configuration")
    );
    assert!(!answer.text().contains("hunter2"), "{}", answer.text());
    let told = answer.json();
    let mistakes = told["error"]["mistakes"].as_array().unwrap();
    let grave: Vec<_> = mistakes
        .iter()
        .filter(|one| one["warning"] == false)
        .collect();
    assert_eq!(grave.len(), 2, "{mistakes:#?}");
    assert_eq!(grave[0]["line"], 13);
    // What names files is tried without them, and says nothing of this machine.
    let keyed = CONFIG.replace(
        "host = \"127.0.0.1:5066\"",
        "host = \"127.0.0.1:5066\"\nusername = \"u\"\npassword_file = \"/etc/shadow\"",
    );
    let answer = tried(&house, "", TOML, keyed).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(!answer.text().contains("shadow"), "{}", answer.text());
}

#[tokio::test]
async fn what_is_no_configuration_is_refused() {
    let house = House::new();
    let json = tried(&house, "", "application/json", "{}").await;
    assert_eq!(json.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let long = tried(&house, "", TOML, "#".repeat((1 << 20) + 1)).await;
    assert_eq!(long.status, StatusCode::PAYLOAD_TOO_LARGE);
    let binary = tried(&house, "", TOML, vec![b'\n', 0xff]).await;
    assert_eq!(binary.code(), "bad-configuration");
    let backwards = tried(&house, "?since=2026-11-22&until=2026-11-21", TOML, CONFIG).await;
    assert_eq!(backwards.code(), "bad-parameter");
}
