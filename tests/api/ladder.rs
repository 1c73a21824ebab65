//! The ladder of a call, and the call that is hung up by hand.

use std::time::Duration;

use axum::http::Method;
use bytes::Bytes;
use serde_json::json;

use ringtag::base::number::Caller;
use ringtag::base::time::WallTime;
use ringtag::call::ladder::Direction;
use ringtag::store::ladder::{Draft, Message};

use crate::house::House;

const SECRET: &str =
    "INVITE sip:101@pbx SIP/2.0\r\nProxy-Authorization: Digest response=\"5ec12e7\"\r\n\r\n";

#[tokio::test]
async fn the_ladder_of_a_call_is_shown_without_secrets_and_one_that_is_not_kept_is_said_so() {
    let house = House::new();
    let call = house.call(1, Caller::Anonymous, false);
    house.state.store.sync().unwrap();
    let path = format!("/api/v1/calls/{call}/ladder");
    let none = house.get(&path).await;
    assert_eq!(
        (none.status.as_u16(), none.code().as_str()),
        (404, "no-ladder")
    );
    let why = String::from_utf8_lossy(&none.body).into_owned();
    assert!(why.contains("kept"), "{why}");
    let message = Message {
        at: WallTime::from_millis(1_795_253_400_000),
        leg: 1,
        direction: Direction::Out,
        transport: "udp",
        peer: "127.0.0.1:5070".parse().unwrap(),
        bytes: Bytes::from_static(SECRET.as_bytes()),
        repeated: 1,
    };
    let draft = Draft {
        messages: vec![message],
        left_out: 0,
    };
    assert!(house.state.store.keep_ladder(call, draft));
    let shown = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let shown = house.get(&path).await;
            if shown.status == 200 {
                return shown;
            }
        }
    });
    assert_eq!(
        shown.await.unwrap().json(),
        json!({
            "rungs": [{
                "at": "2026-11-21T09:30:00.000Z", "leg": 1, "direction": "out", "transport": "udp",
                "peer": "127.0.0.1:5070", "repeated": 1,
                "text": "INVITE sip:101@pbx SIP/2.0\r\nProxy-Authorization: Digest (removed)\r\n\r\n"
            }],
            "left_out": 0
        })
    );
    let nobodys = house
        .get("/api/v1/calls/019aa5c4-98f0-7000-8000-000000000001/ladder")
        .await;
    assert_eq!(nobodys.code(), "unknown-call");
}

#[tokio::test]
async fn a_call_that_is_over_or_nobodys_cannot_be_hung_up() {
    let house = House::new();
    let call = house.call(1, Caller::Anonymous, true);
    house.state.store.sync().unwrap();
    let over = house
        .ask(Method::POST, &format!("/api/v1/calls/{call}/hangup"), &[])
        .await;
    assert_eq!(
        (over.status.as_u16(), over.code().as_str()),
        (409, "call-over")
    );
    let nobodys = "/api/v1/calls/019aa5c4-98f0-7000-8000-000000000001/hangup";
    let nobodys = house.ask(Method::POST, nobodys, &[]).await;
    assert_eq!(
        (nobodys.status.as_u16(), nobodys.code().as_str()),
        (404, "unknown-call")
    );
}
