//! `GET /api/v1/calls/{id}/recording.wav`: whole or in parts (RFC 9110 14), every play in the call log. While the call
//! runs, what there is of it so far. A recording that was packed keeps the address, and its Content-Type says what it is.

use std::io::{self, SeekFrom};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use axum::extract::State as Shared;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::api::calls::notes::AT_MS_MAX;
use crate::api::calls::say::busy;
use crate::api::calls::{GivenId, find, off_the_loop};
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::openapi::parts::Binary;
use crate::api::openapi::query::{OneCall, RecordingAsked};
use crate::api::query::{Given, pairs, wrong};
use crate::api::range::{Wanted, wanted};
use crate::api::state::State;
use crate::api::stream::{self, Source};
use crate::base::id::CallId;
use crate::base::time::WallTime;
use crate::recording::mix::FRAME_BYTES;
use crate::recording::pack;
use crate::recording::plan;
use crate::recording::shelf;
use crate::recording::tape::RATE_HZ;
use crate::recording::wav;
use crate::store::record::CallRecord;
use crate::store::remark::UseKind;
use crate::store::say::SayError;

/// How much is read at once: eight seconds of stereo, one system call.
const PIECE: usize = 256 * 1_024;

/// Sends the recording, or its first `until_ms`: whoever listens while it grows asks for what there was at one moment, and
/// may then seek in it as in any other. Of one that was packed as FLAC, all is sent. A play is in the call log.
#[utoipa::path(
    get,
    path = "/api/v1/calls/{id}/recording.wav",
    operation_id = "get_recording",
    tag = "sound",
    params(OneCall, RecordingAsked),
    responses(
        (status = 200, description = "All of it; while the call runs, what there is of it so far.", content_type = "audio/wav", body = Binary),
        (status = 206, description = "The part that Range asks for.", content_type = "audio/wav", body = Binary),
        (status = 304, description = "It is the one that If-None-Match names."),
    ),
)]
pub(in crate::api) async fn recording(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    method: Method,
    id: GivenId,
    headers: HeaderMap,
    given: Given,
) -> Result<Response, ApiError> {
    let call = find(&state, &who, id).await?;
    let Asked {
        until_ms,
        is_download,
        part,
    } = asked(given)?;
    let sound = open(&state, &call, until_ms, part).await?;
    let length = sound.end;
    let mut common = HeaderMap::new();
    let (kind, ending) = match sound.is_packed {
        true => ("audio/flac", pack::ENDING),
        false => ("audio/wav", "wav"),
    };
    put(&mut common, CONTENT_TYPE, kind);
    let (mut status, mut first, mut last) = (StatusCode::OK, 0, length);
    if let Some(etag) = &sound.etag {
        if !matches(&headers, IF_MATCH, etag).unwrap_or(true) {
            return Err(ApiError::new(
                StatusCode::PRECONDITION_FAILED,
                "changed",
                "the recording is not the one that If-Match names",
            ));
        }
        put(&mut common, ETAG, etag);
        put(&mut common, ACCEPT_RANGES, "bytes");
        // The sound may stay in the listener's own cache for the session, never in a shared one, and is asked for again.
        put(&mut common, CACHE_CONTROL, "private, no-cache");
        if matches(&headers, IF_NONE_MATCH, etag).unwrap_or(false) {
            return Ok((StatusCode::NOT_MODIFIED, common).into_response());
        }
        // RFC 9110 14.2 defines ranges for GET alone.
        let asked = (method == Method::GET)
            .then(|| asked_range(&headers, etag))
            .flatten();
        match asked.map(|asked| wanted(asked.as_bytes(), length)) {
            Some(Wanted::Part {
                first: from,
                last: to,
            }) => {
                put(
                    &mut common,
                    CONTENT_RANGE,
                    &format!("bytes {from}-{to}/{length}"),
                );
                (status, first, last) = (StatusCode::PARTIAL_CONTENT, from, to + 1);
            }
            Some(Wanted::Nothing) => return Ok(beyond_the_end(length)),
            Some(Wanted::Whole) | None => {}
        }
    } else {
        // It is another file with every second: no tag, no part of it and no copy kept.
        put(&mut common, CACHE_CONTROL, "no-store");
        put(&mut common, ACCEPT_RANGES, "none");
    }
    put(&mut common, CONTENT_LENGTH, &(last - first).to_string());
    let shown = if is_download { "attachment" } else { "inline" };
    put(
        &mut common,
        CONTENT_DISPOSITION,
        &match part {
            1 => format!("{shown}; filename=\"{}.{ending}\"", call.id),
            _ => format!("{shown}; filename=\"{}.{part}.{ending}\"", call.id),
        },
    );
    if method == Method::HEAD {
        return Ok((status, common).into_response());
    }
    // Who follows a call asks again and again for a little more: that is one play.
    let (kind, from_start) = if is_download {
        (UseKind::Downloaded, first == 0)
    } else {
        (UseKind::Played, first == 0 && until_ms.is_none())
    };
    note(&state, call.id, &who.name, kind, from_start).await?;
    let (source, body) = stream::body();
    tokio::spawn(async move {
        let grows = sound.header.is_some();
        if let Err(error) = send(&source, sound, first, last).await {
            if grows {
                // The call ended sooner than it had been told: what was written beyond its end was cut.
                tracing::info!(call = %call.id, %error, "a growing recording was cut while it was sent");
            } else {
                tracing::error!(call = %call.id, %error, "a recording was cut short");
            }
            // Nobody is there to read it when this fails too.
            source.send(Err(error)).await.unwrap_or_default();
        }
    });
    Ok((status, common, body).into_response())
}

/// What the parameters say.
struct Asked {
    /// Only so much from the beginning.
    until_ms: Option<u64>,
    /// To be kept as a file, which the call log knows from a play.
    is_download: bool,
    /// Which of its files.
    part: u32,
}

fn asked(given: Given) -> Result<Asked, ApiError> {
    let mut asked = Asked {
        until_ms: None,
        is_download: false,
        part: 1,
    };
    for (name, value) in pairs(given, &["until_ms", "download", "part"])? {
        match (name, value.as_str()) {
            (_, "") | ("download", "0") => {}
            ("download", "1") => asked.is_download = true,
            ("part", _) => asked.part = part_of(name, &value)?,
            ("download", _) => return Err(wrong(name, "is neither 1 nor 0")),
            _ => {
                let ms = value.parse().ok().filter(|ms| *ms <= AT_MS_MAX);
                let right = format_args!("is no number of milliseconds from 0 to {AT_MS_MAX}");
                asked.until_ms = Some(ms.ok_or_else(|| wrong(name, right))?);
            }
        }
    }
    Ok(asked)
}

/// Reads which of a recording's files is asked for.
pub(in crate::api) fn part_of(name: &str, value: &str) -> Result<u32, ApiError> {
    let part = value.parse().ok().filter(|part| *part > 0);
    part.ok_or_else(|| wrong(name, "is no number of a file; the first is 1"))
}

/// The range that is asked for, when it is one of this very file.
fn asked_range<'a>(headers: &'a HeaderMap, etag: &str) -> Option<&'a HeaderValue> {
    let same = |tag: &HeaderValue| tag.as_bytes() == etag.as_bytes();
    // A part of another file is no use: If-Range asks for the whole one then (13.1.5).
    let asked = headers.get(IF_RANGE).is_none_or(same);
    headers.get(RANGE).filter(|_| asked)
}

fn beyond_the_end(length: u64) -> Response {
    let mut refusal = ApiError::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        "range-beyond-end",
        format!("the recording has {length} bytes; none of those asked for exist"),
    )
    .into_response();
    let all = format!("bytes */{length}");
    put(refusal.headers_mut(), CONTENT_RANGE, &all);
    refusal
}

/// Tells the call log of a new use, and returns when it is on the disk: nothing is heard of which the log does not know.
async fn note(
    state: &State,
    call: CallId,
    by: &Arc<str>,
    kind: UseKind,
    from_start: bool,
) -> Result<(), ApiError> {
    let now = state.clock.now();
    if !state.listened.is_new(call, by, kind, from_start, now) {
        return Ok(());
    }
    let (store, listened, whose) = (state.store.clone(), state.listened.clone(), Arc::clone(by));
    // To its end: a player that asks anew while the disk is slow is not a second one.
    let told = off_the_loop(move || {
        store.used(call, kind, &whose)?;
        listened.noted(call, &whose, kind, now);
        Ok(())
    });
    told.await?.map_err(|error: SayError| {
        tracing::error!(%call, %error, "a recording is not sent: that somebody hears it cannot be noted");
        busy(&"that this recording is used cannot be noted just now; try again in a moment")
    })
}

/// What is sent: a file, or the beginning of one under a header of its own.
struct Sound {
    file: File,
    /// Stands in the place of the file's.
    header: Option<Bytes>,
    /// Where the sound ends.
    end: u64,
    /// `None`: it is another with every second.
    etag: Option<String>,
    /// It is FLAC.
    is_packed: bool,
}

/// Opens the recording of a call, finished or growing.
async fn open(
    state: &State,
    call: &CallRecord,
    until_ms: Option<u64>,
    part: u32,
) -> Result<Sound, ApiError> {
    if let (None, Some(answered_at)) = (&call.recording, call.answered_at)
        && let Some(growing) = open_growing(state, call.id, answered_at, part).await?
    {
        return cut(growing, until_ms).await;
    }
    let Finished {
        file,
        length,
        etag,
        path,
    } = open_finished(state, call, part).await?;
    let is_packed = path
        .extension()
        .is_some_and(|ending| ending == pack::ENDING);
    if until_ms.is_some() && !is_packed {
        return cut(file.into_std().await, until_ms).await;
    }
    Ok(Sound {
        file,
        header: None,
        end: length,
        etag: Some(etag),
        is_packed,
    })
}

/// Opens the growing file of a call; `None`: there is none, because the call is not recorded or its file is being
/// finished.
pub(in crate::api) async fn open_growing(
    state: &State,
    call: CallId,
    answered_at: WallTime,
    part: u32,
) -> Result<Option<std::fs::File>, ApiError> {
    let file = plan::part_of(&plan::path_of(call, answered_at), part);
    let path = plan::growing(state.recordings.join(file));
    match File::open(path).await {
        Ok(file) => Ok(Some(file.into_std().await)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ApiError::ours(GROWING, &error)),
    }
}

const GROWING: &str = "reading a growing recording";

/// Takes a file as it is now, up to a moment. What has been written does not change, so the beginning has a tag.
async fn cut(file: std::fs::File, until_ms: Option<u64>) -> Result<Sound, ApiError> {
    let cut = tokio::task::spawn_blocking(move || {
        let (header, frames) = wav::snapshot(&file, RATE_HZ, until_ms)?;
        let end = wav::HEADER_BYTES + frames * FRAME_BYTES;
        Ok::<_, io::Error>(Sound {
            file: File::from_std(file),
            header: Some(Bytes::copy_from_slice(&header)),
            end,
            etag: until_ms.map(|_| format!("\"{end:x}-begun\"")),
            is_packed: false,
        })
    });
    let cut = cut.await.map_err(|error| ApiError::ours(GROWING, &error))?;
    cut.map_err(|error| ApiError::ours(GROWING, &error))
}

/// A file of a finished recording.
pub(in crate::api) struct Finished {
    pub(in crate::api) file: File,
    pub(in crate::api) length: u64,
    pub(in crate::api) etag: String,
    pub(in crate::api) path: PathBuf,
}

/// Opens a file that the record names, and says its length and its tag.
pub(in crate::api) async fn open_finished(
    state: &State,
    call: &CallRecord,
    part: u32,
) -> Result<Finished, ApiError> {
    let Some(recording) = &call.recording else {
        let message = match call.ended_at {
            Some(_) => "this call was not recorded, or its recording is being finished",
            None => "the call is under way and not recorded so far",
        };
        return Err(ApiError::missing("no-recording", message));
    };
    let gone = || {
        ApiError::new(
            StatusCode::GONE,
            "recording-gone",
            "the file of this recording was removed",
        )
    };
    let later = |part: u32| {
        let at = usize::try_from(part).ok()?.checked_sub(2)?;
        recording.parts.get(at)
    };
    let named = match part {
        1 => Some(&recording.file),
        _ => later(part).map(|part| &part.file),
    };
    let named = named.ok_or_else(|| {
        let message = format!("this recording has {} files", recording.parts.len() + 1);
        ApiError::missing("no-part", message)
    })?;
    let path = shelf::inside(&state.recordings, FilePath::new(named)).ok_or_else(gone)?;
    let opened = async {
        // It may have been packed while the record was on its way.
        let packed = path.with_extension(pack::ENDING);
        let (path, file) = match File::open(&path).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = File::open(&packed).await?;
                (packed, file)
            }
            opened => (path, opened?),
        };
        let about = file.metadata().await?;
        Ok::<_, io::Error>((path, file, about))
    };
    match opened.await {
        Ok((path, file, about)) if about.is_file() => {
            let changed = about.modified().ok();
            let changed = changed.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            let changed = changed.unwrap_or_default().as_nanos();
            Ok(Finished {
                file,
                length: about.len(),
                etag: format!("\"{:x}-{changed:x}\"", about.len()),
                path,
            })
        }
        Ok(_) => Err(gone()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(gone()),
        Err(error) => Err(ApiError::ours("reading the recording", &error)),
    }
}

/// Sends the bytes from `first` up to, not including, `end`.
async fn send(source: &Source, sound: Sound, mut first: u64, end: u64) -> io::Result<()> {
    let Sound {
        mut file, header, ..
    } = sound;
    if let Some(header) = header {
        let until = end.min(header.len() as u64);
        let asked = usize::try_from(first).ok().zip(usize::try_from(until).ok());
        let piece = asked.filter(|(first, until)| first < until);
        if let Some((from, to)) = piece {
            first = until;
            if source.send(Ok(header.slice(from..to))).await.is_err() {
                return Ok(());
            }
        }
    }
    file.seek(SeekFrom::Start(first)).await?;
    let mut left = end - first;
    while left > 0 {
        let size = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let mut piece = vec![0; size];
        let read = file.read(&mut piece).await?;
        if read == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the file was cut while it was sent",
            ));
        }
        piece.truncate(read);
        left -= u64::try_from(read).unwrap_or(left);
        if source.send(Ok(Bytes::from(piece))).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Whether a list of entity tags holds ours; `None`: the header is not there (RFC 9110 13.1).
pub(in crate::api) fn matches(headers: &HeaderMap, name: HeaderName, etag: &str) -> Option<bool> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    Some(
        values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|tag| {
                let tag = tag.trim();
                tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
            }),
    )
}

/// Everything put here is made of digits and words of ours; what could not be a header would be left out.
pub(in crate::api) fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = value.parse() {
        headers.insert(name, value);
    }
}
