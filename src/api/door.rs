//! Who asks, and whether they may: stands before every route and reads what the route needs from the table.

use axum::extract::{FromRequestParts, MatchedPath, Request, State as Shared};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api::error::ApiError;
use crate::api::paths::{Needs, Table};
use crate::people::Who;

/// Lets a request through to its handler, with who asks beside it, or refuses it.
pub(in crate::api) async fn admit(
    Shared(table): Shared<Table>,
    path: MatchedPath,
    mut request: Request,
    next: Next,
) -> Response {
    // A path without a row of its own is nobody's: what is forgotten is closed.
    let method = request.method().to_string();
    let needs = table
        .iter()
        .find(|((row, of), _)| *row == path.as_str() && *of == method)
        .map(|(_, needs)| *needs);
    let who = Who::this_machine();
    let may = match needs {
        Some(Needs::Nothing | Needs::Somebody) => true,
        Some(Needs::This(right)) => who.may(right),
        // Another method than the route has: its own fallback says so.
        None => true,
    };
    if !may {
        return not_yours().into_response();
    }
    request.extensions_mut().insert(who);
    next.run(request).await
}

/// Who asks, as a handler's argument.
pub(in crate::api) struct Asker(pub(in crate::api) Who);

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let who = parts.extensions.get::<Who>().cloned();
        who.map(Self).ok_or_else(not_yours)
    }
}

fn not_yours() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "forbidden",
        "your role does not allow this; ask who administers ringtag",
    )
}
