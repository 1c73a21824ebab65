//! Letters that somebody asks for and does not wait for.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use lettre::Message;
use serde_json::json;

use ringtag::api::Letters;
use ringtag::base::clock::Clock;
use ringtag::notify::post::Post;
use ringtag::notify::settings::{Security, Settings};
use ringtag::notify::smtp::{Carrier, Failure};

use crate::house::{House, crew};

/// Sooner than the post looks by itself, which is every minute.
const SOON: Duration = Duration::from_secs(40);

/// A server that takes everything and tells to whom it went.
struct Server(Sender<String>);

impl Carrier for Server {
    fn carry(&mut self, letter: &Message) -> Result<(), Failure> {
        let to = letter.envelope().to()[0].to_string();
        self.0
            .send(to)
            .map_err(|gone| Failure::Later(gone.to_string()))
    }

    fn rest(&mut self) {}
}

fn settings() -> Settings {
    Settings {
        host: "mail.example".into(),
        port: 465,
        security: Security::Tls,
        login: None,
        from: "ringtag@shop.example".parse().unwrap(),
        authorities: None,
    }
}

#[tokio::test]
async fn a_letter_goes_out_though_who_asked_for_it_hangs_up_before_the_answer() {
    let mut house = House::with(&crew());
    let (tell, told) = channel();
    let post = Post::start(
        house.state.store.clone(),
        Clock::start(),
        Arc::new(Letters::new(house.state.clone())),
        Some(settings()),
        Box::new(move |_| Box::new(Server(tell.clone()))),
    );
    let post = post.unwrap();
    house.state = house.state.clone().with_post(post.clone());
    let (boris, _) = house.token("boris", "manager", None);
    let bearer = format!("Bearer {boris}");
    let own = [("authorization", bearer.as_str())];
    let report = json!({
        "name": "Sources",
        "report": "sources",
        "project": "shop",
        "filter": {"period": "last-week"},
        "sending": {"weekday": 1, "hour": 9, "recipients": ["anna@shop.example"]},
    });
    let saved = house
        .say(Method::POST, "/api/v1/saved", &report, &own)
        .await;
    assert_eq!(saved.status, 201, "{}", saved.text());
    let id = saved.json()["id"].as_str().unwrap().to_owned();

    let store = house.state.store.clone();
    let asked = || {
        store
            .saved()
            .list()
            .iter()
            .any(|saved| !saved.asked.is_empty())
    };
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("/api/v1/saved/{id}/letters"))
        .header("host", "127.0.0.1:8080")
        .header("content-type", "application/json")
        .header("authorization", &bearer);
    let request = request.body(Body::from("{\"to\":\"recipients\"}")).unwrap();
    {
        let mut answer = pin!(house.send(request));
        poll_fn(|context| {
            // The log has it: nobody listens for the answer any more.
            if asked() {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            answer.as_mut().poll(context).map(drop)
        })
        .await;
    }
    let to = tokio::task::spawn_blocking(move || told.recv_timeout(SOON));
    assert_eq!(to.await.unwrap().as_deref(), Ok("anna@shop.example"));
    tokio::task::spawn_blocking(move || post.stop())
        .await
        .unwrap();
}
