//! The one page for people until the pages come: what this is, and where to look.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

/// The page.
pub(in crate::api) async fn page() -> Response {
    let kind = [(CONTENT_TYPE, "text/html; charset=utf-8")];
    (kind, include_str!("page.html")).into_response()
}

/// Its style.
pub(in crate::api) async fn style() -> Response {
    let kind = [(CONTENT_TYPE, "text/css; charset=utf-8")];
    (kind, include_str!("page.css")).into_response()
}
