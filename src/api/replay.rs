//! `POST /api/v1/replay`, and the same for commands: past calls against an edited configuration, which is read, tried and
//! forgotten. It is never loaded and never written, and nothing that it names is opened.

use std::time::Duration;

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Request, State as Shared};
use axum::http::StatusCode;
use axum::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use tokio::time::timeout;

use crate::api::calls::off_the_loop;
use crate::api::error::ApiError;
use crate::api::openapi::parts::Binary;
use crate::api::openapi::query::ReplayAsked;
use crate::api::openapi::tried::ReplayShown;
use crate::api::query::{Given, pairs, time, wrong};
use crate::api::state::{Edited, Fault, InForce, Rules, State};
use crate::base::time::WallTime;
use crate::report::replay::{Replay, Side};
use crate::report::replayed::Replayed;
use crate::store::Store;

/// The longest configuration that is tried: twenty thousand lines.
pub(in crate::api) const TEXT_MAX: usize = 1 << 20;

/// How long it may take to arrive.
const ARRIVAL_MAX: Duration = Duration::from_secs(30);

/// Calls of so many days are replayed where nothing else is asked for.
pub const DAYS: i64 = 7;

const DAY_MS: i64 = 86_400_000;

/// The name of the edited configuration in its mistakes.
const NAME: &str = "the edited configuration";

/// What commands ask.
pub const WHAT: &str = "replay";

/// What a command asks with.
#[derive(Debug, Serialize, Deserialize)]
pub struct Asked {
    /// The edited configuration.
    pub toml: String,
    /// Calls that began then or later.
    pub since: WallTime,
    /// And before this.
    pub until: WallTime,
}

/// Holds the calls between `since` and `until` against the rules in force and against others. Reads memory alone; a million
/// calls take a second, so not for an async thread.
pub fn replay(
    store: &Store,
    in_force: &Rules,
    edited: &Rules,
    since: WallTime,
    until: WallTime,
) -> Replayed {
    let (old, new) = (recording(in_force), recording(edited));
    let mut replay = Replay::new(side(in_force, &old), side(edited, &new), since, until);
    store.past(until, |past| replay.take(&past));
    replay.finish()
}

fn recording(rules: &Rules) -> impl Fn(bool, Option<bool>) -> bool {
    |tracked, wish| rules.records(tracked, wish)
}

fn side<'a>(rules: &'a Rules, records: &'a dyn Fn(bool, Option<bool>) -> bool) -> Side<'a> {
    Side {
        tracking: &rules.tracking,
        routing: &rules.routing,
        records,
    }
}

/// The days that are replayed at `now` where nothing else is asked for.
pub fn usual(now: WallTime) -> (WallTime, WallTime) {
    let since = now.as_millis().saturating_sub(DAYS * DAY_MS);
    (WallTime::from_millis(since), now)
}

/// Answers what commands ask of the rules in force.
pub fn commands(
    in_force: InForce,
) -> impl Fn(&Store, &str, Value) -> Result<Box<RawValue>, String> + Send + Sync {
    move |store, what, with| {
        if what != WHAT {
            return Err("the server does not understand the question".to_owned());
        }
        let asked: Asked = serde_json::from_value(with).map_err(|error| error.to_string())?;
        let rules = in_force.get();
        let edited = rules.reading.read(NAME, &asked.toml);
        // The command has read it already and named every mistake.
        let edited = edited.map_err(|_| "the edited configuration has mistakes".to_owned())?;
        let replayed = replay(store, &rules, &edited.rules, asked.since, asked.until);
        to_raw_value(&replayed).map_err(|error| error.to_string())
    }
}

/// What a replay answers.
#[derive(Serialize)]
struct Answered {
    #[serde(flatten)]
    replayed: Replayed,
    warnings: Vec<Fault>,
}

/// Past calls against an edited configuration: which of them would be treated otherwise, and how, before it is loaded.
///
/// The body is the configuration as it would be written, in TOML (also as `application/toml` or `text/plain`). It is read and forgotten: nothing is loaded or written, and
/// no file, secret or environment variable that it names is read. Calls between `since` and `until` (left out: the last seven
/// days) are asked about in the order of time under the rules in force and under the edited ones, with the same history of
/// their callers. Groups that ring in an order of chance are compared by their members and their strategy. Mistakes of the
/// configuration are `bad-configuration` with all of them as `mistakes`.
#[utoipa::path(
    post,
    path = "/api/v1/replay",
    operation_id = "replay",
    tag = "house",
    params(ReplayAsked),
    request_body(content = Binary, content_type = "application/octet-stream", description = "The edited configuration, of at most 1 MiB."),
    responses((status = 200, description = "What would be otherwise.", body = ReplayShown)),
)]
pub(in crate::api) async fn post(
    Shared(state): Shared<State>,
    given: Given,
    toml: Toml,
) -> Result<Response, ApiError> {
    let (mut since, mut until) = (None, None);
    for (name, value) in pairs(given, &["since", "until"])? {
        let place = if name == "since" {
            &mut since
        } else {
            &mut until
        };
        if !value.is_empty() {
            *place = Some(time(name, &value)?);
        }
    }
    let (edited, replayed) = tried(&state, toml.0, since, until).await?;
    let edited = edited.map_err(|faults| refused(&faults))?;
    match replayed {
        Some(replayed) => Ok(Json(Answered {
            replayed,
            warnings: edited.warnings,
        })
        .into_response()),
        None => Err(ApiError::ours("replaying calls", &"there is no answer")),
    }
}

/// Reads the text and, where it has no mistake, holds the calls against it. One at a time: it keeps a core busy.
pub(in crate::api) async fn tried(
    state: &State,
    text: String,
    since: Option<WallTime>,
    until: Option<WallTime>,
) -> Result<(Result<Edited, Vec<Fault>>, Option<Replayed>), ApiError> {
    let (usual_since, now) = usual(state.clock.wall());
    let until = until.unwrap_or(now);
    let since = since.unwrap_or_else(|| match until < usual_since {
        true => usual(until).0,
        false => usual_since,
    });
    if since >= until {
        return Err(wrong("since", "is not before `until`"));
    }
    let busy = |_| {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "another replay is under way; try again in a moment",
        )
    };
    let turn = state.replaying.clone().try_acquire_owned().map_err(busy)?;
    let rules = state.rules();
    let store = state.store.clone();
    off_the_loop(move || {
        let _turn = turn;
        let edited = rules.reading.read(NAME, &text);
        let replayed = edited
            .as_ref()
            .ok()
            .map(|edited| replay(&store, &rules, &edited.rules, since, until));
        (edited, replayed)
    })
    .await
}

/// The configuration has mistakes.
fn refused(faults: &[Fault]) -> ApiError {
    let mistakes: Vec<_> = faults.iter().filter(|fault| !fault.warning).collect();
    let first = mistakes.first().map_or_else(String::new, |fault| {
        let Fault {
            line,
            column,
            message,
            remedy,
            ..
        } = fault;
        format!("; the first: {line}:{column}: {message}; {remedy}")
    });
    let message = match mistakes.len() {
        1 => format!("the configuration has a mistake{first}"),
        many => format!("the configuration has {many} mistakes{first}"),
    };
    let all = serde_json::to_value(faults).unwrap_or_default();
    ApiError::bad("bad-configuration", message).with("mistakes", all)
}

/// The text of an edited configuration.
pub(in crate::api) struct Toml(pub(in crate::api) String);

impl<S: Sync> FromRequest<S> for Toml {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        if !is_toml(request.headers()) {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "the body must be the configuration: send it as it is with Content-Type: application/toml",
            )
            .header(ACCEPT, HeaderValue::from_static("application/toml, text/plain")));
        }
        let bytes = match timeout(ARRIVAL_MAX, to_bytes(request.into_body(), TEXT_MAX)).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(_)) => {
                return Err(ApiError::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "too-large",
                    format!("the configuration is longer than {TEXT_MAX} bytes, or was cut off"),
                ));
            }
            Err(_) => {
                return Err(ApiError::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "too-slow",
                    "the configuration took too long to arrive",
                ));
            }
        };
        let text = String::from_utf8(bytes.to_vec());
        text.map(Self).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            let line = bytes
                .iter()
                .take(good)
                .filter(|byte| **byte == b'\n')
                .count()
                + 1;
            ApiError::bad(
                "bad-configuration",
                format!(
                    "line {line} is not UTF-8, which TOML is written in; save the file as UTF-8"
                ),
            )
        })
    }
}

/// `application/toml`, `text/plain` or plain bytes, as they are.
fn is_toml(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    let known = kind.is_some_and(|kind| {
        ["application/toml", "text/plain", "application/octet-stream"]
            .iter()
            .any(|known| kind.eq_ignore_ascii_case(known))
    });
    known && !headers.contains_key(CONTENT_ENCODING)
}
