//! `GET /api/v1/live`: calls as they begin, ring, are answered and end, and what people say of them, as server-sent events
//! (HTML, 9.2).
//!
//! `hello` comes first and says from which line of the log on events follow; `call` has a call as it stands; `reset` says that
//! something was missed and the list is to be read again; `beat` comes every 15 seconds. The id of an event is the number of
//! its line, which a reconnecting browser sends back as `Last-Event-ID`.

use std::time::Duration;

use axum::extract::State as Shared;
use axum::http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use crate::api::door::{Asker, Stay};
use crate::api::error::ApiError;
use crate::api::live::hub::{Crowd, Ear, Heard, OWN_MAX};
use crate::api::openapi::query::LiveAsked;
use crate::api::query::{Given, pairs, wrong};
use crate::api::state::State;
use crate::api::stream::{self, Source};
use crate::base::time::Moment;
use crate::people::Who;

pub(in crate::api) mod hub;

/// Something comes at least so often, so that proxies keep the connection and a page knows that it stands.
const BEAT: Duration = Duration::from_secs(15);

/// A listener that takes nothing for so long is cut off.
const SEND_MAX: Duration = Duration::from_secs(30);

/// How often a listener's session is looked at while there are events.
const LOOK: Duration = Duration::from_secs(1);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Keeps nginx from collecting events before it passes them on.
const NO_BUFFERING: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

/// What happens now, as server-sent events. `hello` says from where on events follow, `call` has `{"n", "kind", "at", "call"}` with
/// kind began, ringing, answered, ended, recorded or said, `reset` asks to read the list again, `beat` comes every 15 seconds.
#[utoipa::path(
    get,
    path = "/api/v1/live",
    operation_id = "live",
    tag = "calls",
    params(
        LiveAsked,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was seen."),
    ),
    responses((status = 200, description = "Events, without end.", content_type = "text/event-stream", body = String)),
)]
pub(in crate::api) async fn live(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    stay: Stay,
    method: Method,
    headers: HeaderMap,
    given: Given,
) -> Result<Response, ApiError> {
    let since = since(&headers, given)?;
    let head = [
        (CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        NO_BUFFERING,
    ];
    if method == Method::HEAD {
        return Ok(head.into_response());
    }
    let ear = state.live.listen(&state.store, &who.name, since);
    let ear = ear.map_err(refused)?;
    let (source, body) = stream::body();
    let looked = state.clock.now();
    let listener = Listener {
        state,
        who,
        stay,
        ear,
        source,
        looked,
    };
    tokio::spawn(listener.tell());
    Ok((head, body).into_response())
}

/// Why somebody cannot listen now, and what helps.
fn refused(crowd: Crowd) -> ApiError {
    let error = match crowd {
        Crowd::House => ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too-many-listeners",
            "too many pages are listening already; close some",
        ),
        Crowd::Own => ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-of-yours",
            format!(
                "you are listening {OWN_MAX} times already; close some of your pages or streams"
            ),
        ),
    };
    error.header(RETRY_AFTER, HeaderValue::from_static("10"))
}

/// The last event that was seen. A browser that reconnects says it in the header, whatever its address had.
fn since(headers: &HeaderMap, given: Given) -> Result<Option<u64>, ApiError> {
    let mut asked = pairs(given, &["last"])?.into_iter();
    let asked = asked.find(|(_, value)| !value.is_empty());
    let asked = asked.map(|(name, value)| {
        let number = value.parse();
        number.map_err(|_| wrong(name, "is no id of an event; give that of the last one seen"))
    });
    let asked = asked.transpose()?;
    // An id that is none of ours is older than everything: its listener begins anew.
    let header = headers.get(LAST_EVENT_ID);
    let header = header.map(|id| id.to_str().ok().and_then(|id| id.parse().ok()).unwrap_or(0));
    Ok(header.or(asked))
}

/// One who listens, until they leave, may no longer listen, or the server stops.
struct Listener {
    state: State,
    who: Who,
    stay: Stay,
    ear: Ear,
    source: Source,
    looked: Moment,
}

impl Listener {
    async fn tell(mut self) {
        let hello = format!("retry: 2000\nevent: hello\n{}", self.place());
        if self.send(hello.into()).await.is_none() {
            return;
        }
        let mut beat = interval_at(Instant::now() + BEAT, BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while let Some(texts) = self.news() {
            if self.pass_on(texts).await.is_none() {
                return;
            }
            let is_beat = tokio::select! {
                () = self.ear.more() => false,
                _ = beat.tick() => true,
                // Whoever has left is not waited for.
                () = self.source.closed() => return,
            };
            if is_beat {
                let text = format!(
                    "event: beat\ndata: {{\"at\":\"{}\"}}\n\n",
                    self.state.clock.wall()
                );
                if !self.may_stay() || self.send(text.into()).await.is_none() {
                    return;
                }
            }
        }
    }

    /// What there is to send; `None`: there will be nothing more.
    fn news(&mut self) -> Option<Vec<Bytes>> {
        match self.ear.hear(&self.who) {
            Heard::All { texts, .. } => Some(texts),
            Heard::TooMuch { .. } => Some(vec![format!("event: reset\n{}", self.place()).into()]),
            Heard::Over => None,
        }
    }

    /// Sends the ring's own bytes one by one; `None`: the listener has left, does not read, or may no longer listen.
    async fn pass_on(&mut self, texts: Vec<Bytes>) -> Option<()> {
        for text in texts {
            if self.state.clock.now() - self.looked >= LOOK && !self.may_stay() {
                return None;
            }
            if !self.ear.stands() {
                // The hub says next that all begin anew.
                return Some(());
            }
            self.send(text).await?;
        }
        Some(())
    }

    /// Where this listener stands, as the end of an event.
    fn place(&self) -> String {
        let n = self.ear.at();
        format!("id: {n}\ndata: {{\"n\":{n}}}\n\n")
    }

    fn may_stay(&mut self) -> bool {
        self.looked = self.state.clock.now();
        self.stay.holds(&self.state)
    }

    /// `None`: the listener has left, or does not read.
    async fn send(&self, text: Bytes) -> Option<()> {
        timeout(SEND_MAX, self.source.send(Ok(text)))
            .await
            .ok()?
            .ok()
    }
}
