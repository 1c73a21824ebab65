//! The pages: what the store says becomes what `web` shows, in the language and the theme of whoever looks.

pub(in crate::api) mod assets;
pub(in crate::api) mod board;
pub(in crate::api) mod bulk;
pub(in crate::api) mod call;
pub(in crate::api) mod calls;
pub(in crate::api) mod faults;
mod filter;
mod legs;
pub(in crate::api) mod look;
pub(in crate::api) mod looks;
mod path;
pub(in crate::api) mod people;
mod player;
pub(in crate::api) mod reports;
mod rest;
pub(in crate::api) mod rules;
pub(in crate::api) mod saved;
mod say;
mod show;
pub(in crate::api) mod spend;
mod told;

use askama::Template;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::api::error::ApiError;

/// Writes a page.
pub(in crate::api) fn html(page: &impl Template) -> Result<Response, ApiError> {
    let text = page
        .render()
        .map_err(|error| ApiError::ours("writing a page", &error))?;
    Ok(([(CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response())
}
