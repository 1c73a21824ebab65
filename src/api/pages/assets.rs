//! `GET /assets/{version}/{name}`: what the pages are drawn with.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::api::error::ApiError;
use crate::web::assets;

/// A file of the version that is built in may be kept for ever: its path changes with it. A page of another version, which a
/// browser kept open over an update, gets what there is now.
pub(in crate::api) async fn asset(
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let missing = || ApiError::missing("not-found", "there is no such file");
    let Path((version, name)) = path.map_err(|_| missing())?;
    let asset = assets::find(&name).ok_or_else(missing)?;
    let tag = format!("\"{}\"", assets::version());
    let kept = if version == assets::version() {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let head = [(CACHE_CONTROL, kept), (ETAG, tag.as_str())];
    let known = headers.get(IF_NONE_MATCH);
    if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    Ok((head, [(CONTENT_TYPE, asset.kind)], asset.body).into_response())
}
