//! Lists and tables of calls, one call, and why a call goes where it goes.

use axum::http::{Method, StatusCode, header};

use crate::house::House;
use ringtag::base::id::CallId;
use ringtag::base::number::{Caller, Number};

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
