//! What happens now, as those who listen hear it.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Request, StatusCode, header};
use futures_util::StreamExt;
use ringtag::api::router;
use ringtag::base::number::{Caller, Number};
use ringtag::store::say::Say;
use serde_json::Value;
use tokio::time::timeout;
use tower::ServiceExt;

use crate::house::House;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody who listens.
struct Ear {
    stream: BodyDataStream,
    text: String,
}

/// One event: its name, id and data.
#[derive(Debug)]
struct Event {
    name: String,
    id: String,
    data: Value,
}

impl Ear {
    async fn on(house: &House, path: &str, last: Option<&str>) -> Self {
        Self::of(house, path, last, None).await
    }

    /// Of a program with this token.
    async fn of(house: &House, path: &str, last: Option<&str>, secret: Option<&str>) -> Self {
        let mut request = Request::get(path).header("host", "127.0.0.1:8080");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        if let Some(secret) = secret {
            request = request.header("authorization", format!("Bearer {secret}"));
        }
        let request = request.body(Body::empty()).unwrap();
        let response = router(house.state.clone()).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap();
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        Self {
            stream: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }

    /// The next event; `None`: there are no more.
    async fn next(&mut self) -> Option<Event> {
        let end = loop {
            if let Some(end) = self.text.find("\n\n") {
                break end;
            }
            let more = timeout(PATIENCE, self.stream.next()).await.unwrap()?;
            self.text += std::str::from_utf8(&more.unwrap()).unwrap();
        };
        let event: String = self.text.drain(..end + 2).collect();
        let field = |name: &str| {
            let line = event.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default().trim().to_owned()
        };
        Some(Event {
            name: field("event:"),
            id: field("id:"),
            data: serde_json::from_str(&field("data:")).unwrap(),
        })
    }

    async fn expect(&mut self, name: &str) -> Event {
        let event = self.next().await.unwrap();
        assert_eq!(event.name, name, "{event:?}");
        event
    }
}

#[tokio::test]
async fn a_call_is_told_as_it_goes_and_a_reconnect_misses_nothing() {
    let house = House::new();
    let mut ear = Ear::on(&house, "/api/v1/live", None).await;
    let hello = ear.expect("hello").await;
    assert_eq!(hello.data["n"].to_string(), hello.id);
    let number = Number::e164("+79161234567").unwrap();
    let id = house.call(1, Caller::Number(number), false).to_string();
    let began = ear.expect("call").await;
    assert_eq!(began.data["kind"], "began");
    assert_eq!(began.data["call"]["id"], id);
    assert_eq!(began.data["call"]["caller"], "+79161234567");
    let ended = ear.expect("call").await;
    assert_eq!(ended.data["kind"], "ended");
    assert_eq!(ended.data["call"]["missed"], true);
    assert_eq!(ended.data["n"].to_string(), ended.id);
    drop(ear);
    // While nobody listens the world goes on.
    let later = house.call(2, Caller::Anonymous, true).to_string();
    house.state.store.sync().unwrap();
    for (path, last) in [
        ("/api/v1/live".to_owned(), Some(began.id.as_str())),
        (format!("/api/v1/live?last={}", began.id), None),
        ("/api/v1/live?last=1".to_owned(), Some(began.id.as_str())),
    ] {
        let mut ear = Ear::on(&house, &path, last).await;
        ear.expect("hello").await;
        let missed = ear.expect("call").await;
        assert_eq!(
            (missed.id, &missed.data["kind"]),
            (ended.id.clone(), &"ended".into())
        );
        assert_eq!(ear.expect("call").await.data["call"]["id"], later);
        assert_eq!(ear.expect("call").await.data["kind"], "ended");
    }
}

#[tokio::test]
async fn who_comes_from_another_log_begins_anew() {
    let house = House::new();
    for last in ["99999999", "x", "", "18446744073709551616"] {
        let mut ear = Ear::on(&house, "/api/v1/live", Some(last)).await;
        ear.expect("hello").await;
        let reset = ear.expect("reset").await;
        assert_eq!(reset.data["n"].to_string(), reset.id, "{last}");
        house.call(1, Caller::Anonymous, true);
        ear.expect("call").await;
    }
    let wrong = house.get("/api/v1/live?last=x").await;
    assert_eq!(wrong.code(), "bad-parameter");
}

#[tokio::test]
async fn after_an_erasure_nobody_is_told_the_number_or_the_note_again() {
    const NUMBER: &str = "+79161234567";
    let house = House::new();
    let mut ear = Ear::on(&house, "/api/v1/live", None).await;
    let from = ear.expect("hello").await.id;
    let caller = Caller::Number(Number::e164(NUMBER).unwrap());
    let id = house.call(1, caller.clone(), false);
    ear.expect("call").await;
    let began = ear.expect("call").await;
    assert_eq!(began.data["call"]["caller"], NUMBER);
    let say = Say {
        note: Some(Some("her name is Olga".to_owned())),
        ..Say::default()
    };
    house.state.store.say(id, say, "anna", None).unwrap();
    let said = ear.expect("call").await;
    assert_eq!(said.data["call"]["note"], "her name is Olga");
    assert_eq!(house.state.store.erase(caller).unwrap().calls, 1);
    // While somebody listens, and when the last one has left.
    let mut calls = 2;
    for is_alone in [false, true] {
        if is_alone {
            drop(ear);
            ear = Ear::on(&house, "/api/v1/live", None).await;
            ear.expect("hello").await;
        }
        for last in [&from, &began.id] {
            let mut again = Ear::on(&house, "/api/v1/live", Some(last)).await;
            again.expect("hello").await;
            again.expect("reset").await;
            calls += 1;
            let next = house.call(calls, Caller::Anonymous, true).to_string();
            loop {
                let event = again.next().await.unwrap();
                let text = event.data.to_string();
                assert!(!text.contains(NUMBER) && !text.contains("Olga"), "{text}");
                if event.data["call"]["id"] == next {
                    break;
                }
            }
        }
        if !is_alone {
            ear.expect("reset").await;
        }
    }
}

#[tokio::test]
async fn who_reads_too_slowly_is_told_to_begin_anew_and_keeps_nobody_waiting() {
    let house = House::new();
    let mut slow = Ear::on(&house, "/api/v1/live", None).await;
    let mut quick = Ear::on(&house, "/api/v1/live", None).await;
    slow.expect("hello").await;
    quick.expect("hello").await;
    // Each call is two events; 1,024 events are kept.
    for round in 0..14 {
        for n in 0..50 {
            house.call(round * 50 + n, Caller::Anonymous, false);
        }
        for _ in 0..100 {
            quick.expect("call").await;
        }
    }
    // What lay in its queue comes first.
    let mut seen = 0;
    while let event = slow.next().await.unwrap()
        && event.name != "reset"
    {
        assert_eq!(event.name, "call");
        seen += 1;
    }
    assert!(seen < 1_400, "{seen}");
    house.call(1_000, Caller::Anonymous, false);
    slow.expect("call").await;
}

#[tokio::test]
async fn one_who_listens_many_times_leaves_room_for_others() {
    let house = House::new();
    let mut ears = Vec::new();
    for _ in 0..32 {
        ears.push(Ear::on(&house, "/api/v1/live", None).await);
    }
    let refused = house.get("/api/v1/live").await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (429, "too-many-of-yours")
    );
    assert_eq!(refused.header(header::RETRY_AFTER), "10");
    let (secret, _) = house.token("board", "admin", None);
    let mut other = Ear::of(&house, "/api/v1/live", None, Some(&secret)).await;
    other.expect("hello").await;
}

#[tokio::test]
async fn who_comes_back_to_much_begins_anew() {
    let house = House::new();
    let mut ear = Ear::on(&house, "/api/v1/live", None).await;
    let from = ear.expect("hello").await.id;
    // Each event has all changes so far, of 8 KB and more: together they are over 256 KB.
    let id = house.call(1, Caller::Anonymous, true);
    ear.expect("call").await;
    ear.expect("call").await;
    let mut last = String::new();
    for n in 0..10 {
        let say = Say {
            note: Some(Some(format!("{n}{}", "ж".repeat(3_900)))),
            ..Say::default()
        };
        house.state.store.say(id, say, "anna", None).unwrap();
        last = ear.expect("call").await.id;
    }
    let mut again = Ear::on(&house, "/api/v1/live", Some(&from)).await;
    again.expect("hello").await;
    assert_eq!(again.expect("reset").await.id, last);
    // What is not much is told.
    let mut again = Ear::on(&house, "/api/v1/live", Some(&last)).await;
    again.expect("hello").await;
    let next = house.call(2, Caller::Anonymous, true).to_string();
    assert_eq!(again.expect("call").await.data["call"]["id"], next);
}

#[tokio::test]
async fn a_thousand_listen_and_what_is_too_many_is_refused() {
    let house = House::new();
    let mut ears = Vec::new();
    for n in 0..32 {
        let (secret, _) = house.token(&format!("board {n}"), "admin", None);
        for _ in 0..32 {
            ears.push(Ear::of(&house, "/api/v1/live", None, Some(&secret)).await);
        }
    }
    let refused = house.get("/api/v1/live").await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (503, "too-many-listeners")
    );
    house.call(1, Caller::Anonymous, true);
    for ear in &mut ears {
        ear.expect("hello").await;
        assert_eq!(ear.expect("call").await.data["kind"], "began");
        assert_eq!(ear.expect("call").await.data["kind"], "ended");
    }
    drop(ears);
    // Their places are free as soon as it is noticed that they left.
    let ask = async || {
        let request = Request::get("/api/v1/live").header("host", "127.0.0.1:8080");
        let request = request.body(Body::empty()).unwrap();
        router(house.state.clone()).oneshot(request).await.unwrap()
    };
    let again = async {
        while ask().await.status() != StatusCode::OK {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, again).await.unwrap();
}
