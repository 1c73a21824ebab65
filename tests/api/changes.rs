//! What people say of calls: changes, conflicts, several at once, notes.

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::{Value, json};

use ringtag::base::id::CallId;
use ringtag::base::number::Caller;

use crate::house::{Answer, House};

impl House {
    /// Sends JSON.
    pub(crate) async fn say(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1:8080")
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap())
            .await
    }

    fn ended(&self, n: i64, answered: bool) -> CallId {
        let id = self.call(n, Caller::Anonymous, answered);
        self.state.store.sync().unwrap();
        id
    }
}

fn path_of(id: CallId) -> String {
    format!("/api/v1/calls/{id}")
}

#[tokio::test]
async fn what_is_left_out_stays_and_null_takes_away() {
    let house = House::new();
    let path = path_of(house.ended(1, true));
    let first = json!({"tags": ["hot", " hot "], "goal": "price", "target": true, "value": 12.5});
    let answer = house.say(Method::PATCH, &path, &first, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let call = answer.json();
    assert_eq!(call["tags"], json!(["hot"]));
    assert_eq!(
        (&call["goal"], &call["target"]),
        (&json!("price"), &json!(true))
    );
    let tag = format!("\"{}\"", call["version"]);
    assert_eq!(answer.header(header::ETAG), tag);
    let second = json!({"goal": null, "note": "будет думать"});
    let call = house.say(Method::PATCH, &path, &second, &[]).await.json();
    assert_eq!(call["goal"], Value::Null);
    assert_eq!(call["note"], "будет думать");
    assert_eq!(call["value"], 12.5);
    assert_eq!(call["said"].as_array().unwrap().len(), 6);
    assert_eq!(call["said"][0]["by"], "this machine");
    // What was said is what is read.
    assert_eq!(house.get(&path).await.json(), call);
    let found = house.get("/api/v1/calls?tag=hot&target=true").await.json();
    assert_eq!(found["calls"][0], call);
}

#[tokio::test]
async fn two_people_at_once_notice_each_other() {
    let house = House::new();
    let path = path_of(house.ended(1, true));
    let seen = house.get(&path).await;
    let seen = seen.header(header::ETAG).to_owned();
    assert!(seen.starts_with('"'), "{seen}");
    let quick = json!({"stage": "offer"});
    let if_seen = [("if-match", seen.as_str())];
    let answer = house.say(Method::PATCH, &path, &quick, &if_seen).await;
    assert_eq!(answer.status, 200);
    let slow = json!({"stage": "closed"});
    let refused = house.say(Method::PATCH, &path, &slow, &if_seen).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (412, "changed")
    );
    let error = &refused.json()["error"];
    assert_eq!(error["version"], answer.json()["version"]);
    assert_eq!(error["changes"].as_array().unwrap().len(), 1);
    assert_eq!(error["changes"][0]["to"], "offer");
    assert_eq!(refused.header(header::ETAG), answer.header(header::ETAG));
    assert_eq!(house.get(&path).await.json()["stage"], "offer");
    let now = answer.header(header::ETAG).to_owned();
    let answer = house
        .say(Method::PATCH, &path, &slow, &[("if-match", &now)])
        .await;
    assert_eq!(answer.status, 200);
    // Who names no version writes over the other, and the history has both.
    let said = answer.json()["said"].as_array().unwrap().len();
    assert_eq!(said, 2);
    assert_eq!(
        house.say(Method::PATCH, &path, &quick, &[]).await.status,
        200
    );
}

#[tokio::test]
async fn what_cannot_be_said_is_named() {
    let house = House::new();
    let answered = path_of(house.ended(1, true));
    let missed = path_of(house.ended(2, false));
    for (path, body, status, code, member) in [
        (
            &answered,
            json!({"gaol": "price"}),
            400,
            "unknown-member",
            "gaol",
        ),
        (&answered, json!({"tags": "hot"}), 400, "bad-member", "tags"),
        (
            &answered,
            json!({"goal": "beer"}),
            409,
            "not-in-list",
            "goal",
        ),
        (
            &answered,
            json!({"outcome": "?"}),
            409,
            "not-in-list",
            "outcome",
        ),
        (
            &answered,
            json!({"called_back": true}),
            409,
            "not-missed",
            "called_back",
        ),
        (
            &missed,
            json!({"called_back": "yes"}),
            400,
            "bad-member",
            "called_back",
        ),
    ] {
        let answer = house.say(Method::PATCH, path, &body, &[]).await;
        let text = answer.text();
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (status, code),
            "{text}"
        );
        assert_eq!(answer.json()["error"]["member"], member, "{text}");
    }
    let call = house
        .say(Method::PATCH, &missed, &json!({"called_back": true}), &[])
        .await
        .json();
    assert_eq!(call["callback"]["done"]["by"], "this machine");
    let open = house.get("/api/v1/calls?callback=open").await.json();
    assert_eq!(open["calls"], json!([]));
    let nobodys = "/api/v1/calls/019aa5c4-98f0-7000-8000-000000000001";
    let answer = house.say(Method::PATCH, nobodys, &json!({}), &[]).await;
    assert_eq!(answer.code(), "unknown-call");
    let request = Request::patch(&answered)
        .header("host", "127.0.0.1")
        .body(Body::from("{}"));
    let answer = house.send(request.unwrap()).await;
    assert_eq!(answer.code(), "unsupported-media-type");
    assert_eq!(answer.header(header::ACCEPT), "application/json");
}

#[tokio::test]
async fn several_calls_are_changed_at_once_and_each_has_its_answer() {
    let house = House::new();
    let (one, other) = (house.ended(1, true), house.ended(2, false));
    let nobodys = "019aa5c4-98f0-7000-8000-000000000001";
    let body = json!({"ids": [one, nobodys, other, one], "set": {"tags": ["spam"]}});
    let answer = house.say(Method::PATCH, "/api/v1/calls", &body, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let results = answer.json()["results"].clone();
    let of = |place: usize| {
        (
            results[place]["id"].clone(),
            results[place]["status"].clone(),
        )
    };
    assert_eq!(of(0), (json!(one), json!(200)));
    assert_eq!(of(1), (json!(nobodys), json!(404)));
    assert_eq!(of(2), (json!(other), json!(200)));
    assert_eq!(results.as_array().unwrap().len(), 3);
    assert_eq!(results[1]["error"]["code"], "unknown-call");
    let found = house.get("/api/v1/calls?tag=spam").await.json();
    assert_eq!(found["calls"].as_array().unwrap().len(), 2);
    let called = json!({"ids": [one, other], "set": {"called_back": true}});
    let answer = house
        .say(Method::PATCH, "/api/v1/calls", &called, &[])
        .await;
    assert_eq!(answer.json()["results"][0]["error"]["code"], "not-missed");
    assert_eq!(answer.json()["results"][1]["status"], 200);
    for (body, member) in [
        (json!({"ids": [], "set": {}}), "ids"),
        (json!({"ids": ["x"], "set": {}}), "ids[0]"),
        (json!({"ids": vec![one; 501], "set": {}}), "ids"),
        (json!({"ids": [one]}), "set"),
        (json!({"ids": [one], "set": []}), "set"),
        (json!({"ids": [one], "set": {"goal": 1}}), "set.goal"),
        (json!({"ids": [one], "set": {}, "colour": 1}), "colour"),
    ] {
        let answer = house.say(Method::PATCH, "/api/v1/calls", &body, &[]).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(
            answer.json()["error"]["member"],
            member,
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_note_is_pinned_to_a_moment_and_taken_off() {
    let house = House::new();
    let path = path_of(house.ended(1, true));
    let notes = format!("{path}/notes");
    let note = json!({"at_ms": 65_000.0, "text": "просит скидку"});
    let answer = house.say(Method::POST, &notes, &note, &[]).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let pinned = answer.json()["notes"][0].clone();
    assert_eq!(pinned["text"], "просит скидку");
    assert_eq!(pinned["at_ms"], 65_000);
    for (body, member) in [
        (json!({"text": "x"}), "at_ms"),
        (json!({"at_ms": -1, "text": "x"}), "at_ms"),
        (json!({"at_ms": 1.5, "text": "x"}), "at_ms"),
        (json!({"at_ms": 1, "text": "  "}), "text"),
        (json!({"at_ms": 1, "text": "\u{7}"}), "text"),
        (json!({"at_ms": 1, "text": "x".repeat(1_001)}), "text"),
    ] {
        let answer = house.say(Method::POST, &notes, &body, &[]).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.json()["error"]["member"], member);
    }
    let one = format!("{notes}/{}", pinned["id"]);
    let answer = house.ask(Method::DELETE, &one, &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["notes"], json!([]));
    assert_eq!(answer.json()["said"].as_array().unwrap().len(), 2);
    for gone in [one, format!("{notes}/x"), format!("{notes}/%ff")] {
        let answer = house.ask(Method::DELETE, &gone, &[]).await;
        assert_eq!(answer.status, 404, "{gone}");
    }
}
