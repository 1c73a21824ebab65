//! `GET /api/v1/calls/{id}/peaks`: what the waveform of a recording is drawn from (`recording::peaks` says what the bytes
//! mean). Made once and kept beside the file; while the call runs, made of what there is so far.

use std::io;
use std::path::Path as FilePath;
use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use crate::api::calls::{GivenId, find};
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::openapi::parts::Binary;
use crate::api::openapi::query::{OneCall, PeaksAsked};
use crate::api::query::{Given, pairs, wrong};
use crate::api::recording::{Finished, matches, open_finished, open_growing, part_of, put};
use crate::api::state::State;
use crate::base::id::CallId;
use crate::base::time::WallTime;
use crate::recording::peaks;
use crate::recording::sketch;

/// Recordings read for their peaks at the same time: a day's page that is opened by many must leave calls a core.
const AT_ONCE: usize = 1;

const DOING: &str = "reading a recording for its waveform";

/// Who may read a recording for its peaks now.
#[derive(Clone, Debug)]
pub(in crate::api) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Turns {
    /// Does what reads much, when its turn has come. Who asked and left does not give the turn to the next before it is done.
    async fn take<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<io::Result<T>, ApiError> {
        let turn = Arc::clone(&self.0).acquire_owned().await;
        let done = tokio::task::spawn_blocking(move || {
            let done = read();
            drop(turn);
            done
        });
        done.await.map_err(|error| ApiError::ours(DOING, &error))
    }
}

/// What the waveform of a recording is drawn from, from bucket `from` on (left out: all of it).
#[utoipa::path(
    get,
    path = "/api/v1/calls/{id}/peaks",
    operation_id = "get_peaks",
    tag = "sound",
    params(OneCall, PeaksAsked),
    responses(
        (status = 200, description = "A head and the loudest sample of each bucket of each side.", content_type = "application/octet-stream", body = Binary),
        (status = 304, description = "They are those that If-None-Match names."),
    ),
)]
pub(in crate::api) async fn peaks(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    method: Method,
    id: GivenId,
    headers: HeaderMap,
    given: Given,
) -> Result<Response, ApiError> {
    let call = find(&state, &who, id).await?;
    let Asked { from, part } = asked(given)?;
    let mut head = HeaderMap::new();
    put(&mut head, CONTENT_TYPE, "application/octet-stream");
    if let (None, Some(answered_at)) = (&call.recording, call.answered_at)
        && let Some(bytes) = so_far(&state, (call.id, part), answered_at, from).await?
    {
        put(&mut head, CACHE_CONTROL, "no-store");
        return Ok(answer(&method, head, bytes));
    }
    let Finished { etag, path, .. } = open_finished(&state, &call, part).await?;
    put(&mut head, ETAG, &etag);
    put(&mut head, CACHE_CONTROL, "private, no-cache");
    if matches(&headers, IF_NONE_MATCH, &etag).unwrap_or(false) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    let mut bytes = of_finished(&state, path.into()).await?;
    let files = call.recording.as_ref().map_or(1, |it| it.parts.len() + 1);
    if usize::try_from(part).is_ok_and(|part| part < files) {
        peaks::set_followed(&mut bytes);
    }
    Ok(answer(&method, head, peaks::since(bytes, from)))
}

/// What the parameters say.
struct Asked {
    /// The first bucket.
    from: u32,
    /// Which of the recording's files.
    part: u32,
}

fn asked(given: Given) -> Result<Asked, ApiError> {
    let mut asked = Asked { from: 0, part: 1 };
    for (name, value) in pairs(given, &["from", "part"])? {
        match (name, value.as_str()) {
            (_, "") => {}
            ("part", _) => asked.part = part_of(name, &value)?,
            _ => {
                let number = value.parse();
                let wrong = |_| wrong(name, "is no number of a bucket; give 0 or more");
                asked.from = number.map_err(wrong)?;
            }
        }
    }
    Ok(asked)
}

fn answer(method: &Method, mut head: HeaderMap, bytes: Vec<u8>) -> Response {
    if method == Method::HEAD {
        put(&mut head, CONTENT_LENGTH, &bytes.len().to_string());
        return (StatusCode::OK, head).into_response();
    }
    (StatusCode::OK, head, bytes).into_response()
}

/// Peaks that are kept cost nobody a turn.
async fn of_finished(state: &State, path: Arc<FilePath>) -> Result<Vec<u8>, ApiError> {
    let looked = Arc::clone(&path);
    let kept = tokio::task::spawn_blocking(move || sketch::kept(&looked));
    let kept = kept.await.map_err(|error| ApiError::ours(DOING, &error))?;
    if let Some(kept) = kept.map_err(|error| refused(&error))? {
        return Ok(kept);
    }
    let made = state.turns.take(move || {
        // Whoever waited for the same recording finds it done.
        sketch::kept(&path)?.map_or_else(|| sketch::make(&path), Ok)
    });
    made.await?.map_err(|error| refused(&error))
}

/// The peaks of a recording that grows; `None`: none does.
async fn so_far(
    state: &State,
    (call, part): (CallId, u32),
    answered_at: WallTime,
    from: u32,
) -> Result<Option<Vec<u8>>, ApiError> {
    let Some(file) = open_growing(state, call, answered_at, part).await? else {
        return Ok(None);
    };
    let next = open_growing(state, call, answered_at, part.saturating_add(1)).await?;
    let read = state.turns.take(move || {
        let mut bytes = sketch::so_far(&file, from)?;
        if next.is_some() {
            peaks::set_followed(&mut bytes);
        }
        Ok(bytes)
    });
    read.await?.map(Some).map_err(|error| refused(&error))
}

fn gone() -> ApiError {
    ApiError::new(
        StatusCode::GONE,
        "recording-gone",
        "the file of this recording was removed",
    )
}

fn refused(error: &io::Error) -> ApiError {
    if error.kind() == io::ErrorKind::NotFound {
        gone()
    } else {
        ApiError::ours(DOING, error)
    }
}
