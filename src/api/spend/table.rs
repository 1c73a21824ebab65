//! `/api/v1/spend.csv`: amounts as a table, taken and brought. What is brought is entered whole or not at all.

use axum::Json;
use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::api::calls::off_the_loop;
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::form;
use crate::api::openapi::money::{SheetAsked, SpendEntered};
use crate::api::openapi::parts::Refusal;
use crate::api::query::{self, Given, wrong};
use crate::api::spend::entry::{doubts, faults, members};
use crate::api::spend::{change, ids, is_theirs, known};
use crate::api::state::State;
use crate::people::Who;
use crate::store::ledger::sheet::{self, Sheet, SheetRow};
use crate::store::ledger::{Change, Way};

/// The amounts in force, as a table that can be brought again.
#[utoipa::path(
    get,
    path = "/api/v1/spend.csv",
    operation_id = "spend_csv",
    tag = "money",
    responses((status = 200, description = "The table.", content_type = "text/csv", body = String)),
)]
pub(in crate::api) async fn take(
    Shared(state): Shared<State>,
    Asker(who): Asker,
) -> Result<Response, ApiError> {
    let ledger = state.store.ledger();
    let table = off_the_loop(move || {
        let own = ledger.items().filter(|item| is_theirs(item, &who));
        sheet::write(own.filter_map(|item| item.now()))
    });
    let table = table
        .await?
        .map_err(|error| ApiError::ours("writing a table", &error))?;
    let head = [
        (CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (CONTENT_DISPOSITION, "attachment; filename=\"spend.csv\""),
    ];
    Ok((head, table).into_response())
}

/// Enters a table of amounts: all rows or none. A header line names the columns `source`, `campaign` or `channel`, `from`,
/// `until`, `amount`, and, where they are needed, `project`, `cost`, `currency`, `note`; commas or semicolons are between them.
/// Every bad row is named by its line. With `dry` nothing is entered, and the answer is the same.
#[utoipa::path(
    post,
    path = "/api/v1/spend.csv",
    operation_id = "import_spend",
    tag = "money",
    params(SheetAsked),
    request_body(content = String, content_type = "text/csv"),
    responses(
        (status = 200, description = "What was entered, or would be.", body = SpendEntered),
        (status = 422, description = "Rows are bad, and nothing was entered: `rows` of the error has each with its line.", body = Refusal),
    ),
)]
pub(in crate::api) async fn bring(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    given: Given,
    request: Request,
) -> Result<Response, ApiError> {
    let (mut project, mut is_dry) = (None, false);
    for (name, value) in query::pairs(given, &["project", "dry"])? {
        match name {
            _ if value.is_empty() => {}
            "project" => project = Some(value),
            _ => {
                let flag = value.parse();
                is_dry = flag.map_err(|_| wrong(name, "is neither true nor false"))?;
            }
        }
    }
    // One more than is read, so that what is too long says so itself.
    let bytes = form::arrive(request.into_body(), 2 * sheet::BYTES_MAX).await?;
    let sheet = look(&state, &who, bytes.to_vec(), project).await?;
    if !sheet.faults.is_empty() {
        let count = sheet.faults.len() + sheet.more;
        let message = format!(
            "{count} of the rows are bad, and nothing was entered; mend them and send the table again"
        );
        return Err(
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-rows", message)
                .with("rows", faults(&sheet.faults))
                .with("more", sheet.more),
        );
    }
    let shown: Vec<Value> = sheet.rows.iter().map(row).collect();
    let entered = if is_dry { 0 } else { sheet.rows.len() };
    if !is_dry {
        enter(&state, &who, sheet).await?;
    }
    Ok(Json(json!({"entered": entered, "rows": shown})).into_response())
}

/// Reads a table.
pub(in crate::api) async fn look(
    state: &State,
    who: &Who,
    bytes: Vec<u8>,
    project: Option<String>,
) -> Result<Sheet, ApiError> {
    let (known, ledger) = (known(state, who), state.store.ledger());
    off_the_loop(move || Sheet::read(&bytes, &known, &ledger, project.as_deref())).await
}

/// Enters all of a table that has no fault.
pub(in crate::api) async fn enter(state: &State, who: &Who, sheet: Sheet) -> Result<(), ApiError> {
    let mut id = ids(state)?;
    let new = |row: SheetRow| Change {
        id: id(),
        replaces: None,
        now: Some(row.entry),
    };
    let changes = sheet.rows.into_iter().map(new).collect();
    change(state, who, changes, Way::Import).await
}

fn row(row: &SheetRow) -> Value {
    let mut shown = members(&row.entry);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("line".to_owned(), row.line.into());
        shown.insert("doubts".to_owned(), doubts(&row.doubts).into());
    }
    shown
}
