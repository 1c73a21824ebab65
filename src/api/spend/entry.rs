//! `/api/v1/spend` and `/api/v1/spend/{id}`: amounts one by one, with all that each ever was.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::api::body::Members;
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::openapi::money::{
    NewSpend, OneSpend, SpendAsked, SpendChange, SpendList, SpendShown, VersionAsked,
};
use crate::api::query::{self, Given, wrong};
use crate::api::spend::{change, decimal, ids, is_theirs, known, message, unknown, written};
use crate::api::state::State;
use crate::base::id::EntryId;
use crate::people::Who;
use crate::store::ledger::check::{Written, Wrong};
use crate::store::ledger::{Change, Entry, Item, Purpose, Version, Way, sheet};

/// Entries on a page when nobody says how many.
const LIMIT_DEFAULT: usize = 200;

/// Most entries on a page: some 500 KB of them.
const LIMIT_MAX: usize = 1_000;

/// What a list can be asked for.
pub(in crate::api) const SPEND: &[&str] =
    &["project", "since", "until", "removed", "limit", "cursor"];

/// The members of an amount.
const MEMBERS: [&str; 10] = [
    "project", "source", "campaign", "channel", "cost", "from", "until", "amount", "currency",
    "note",
];

/// The id in a path, as axum takes it out.
type GivenId = Result<Path<String>, PathRejection>;

/// What is asked for.
#[derive(Clone, Debug)]
pub(in crate::api) struct Asked {
    /// Whose.
    pub(in crate::api) project: Option<String>,
    /// With a day in it that is this one or later.
    pub(in crate::api) since: Option<Date>,
    /// With a day in it before this one.
    pub(in crate::api) until: Option<Date>,
    /// Those that were taken out as well.
    pub(in crate::api) removed: bool,
}

impl Asked {
    /// Whether an entry is one of those.
    pub(in crate::api) fn has(&self, item: &Item, who: &Who) -> bool {
        let Some(entry) = item.last() else {
            return false;
        };
        who.sees(&entry.project)
            && (self.removed || item.now().is_some())
            && self.project.as_ref().is_none_or(|id| *id == entry.project)
            && self.since.is_none_or(|since| since <= entry.until)
            && self.until.is_none_or(|until| entry.from < until)
    }
}

/// What was entered, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/spend",
    operation_id = "list_spend",
    tag = "money",
    params(SpendAsked),
    responses((status = 200, description = "One page.", body = SpendList)),
)]
pub(in crate::api) async fn list(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    given: Given,
) -> Result<Response, ApiError> {
    let mut asked = Asked {
        project: None,
        since: None,
        until: None,
        removed: false,
    };
    let (mut limit, mut cursor) = (LIMIT_DEFAULT, None);
    for (name, value) in query::pairs(given, SPEND)? {
        match name {
            _ if value.is_empty() => {}
            "project" => asked.project = Some(value),
            "since" => asked.since = Some(day(name, &value)?),
            "until" => asked.until = Some(day(name, &value)?),
            "removed" => {
                let flag = value.parse();
                asked.removed = flag.map_err(|_| wrong(name, "is neither true nor false"))?;
            }
            "limit" => {
                let number = value.parse().ok().filter(|n| (1..=LIMIT_MAX).contains(n));
                let right = || wrong(name, format!("is no number from 1 to {LIMIT_MAX}"));
                limit = number.ok_or_else(right)?;
            }
            _ => {
                let id = value.parse::<EntryId>();
                cursor = Some(id.map_err(|_| wrong(name, "is no cursor of a page"))?);
            }
        }
    }
    let ledger = state.store.ledger();
    let items: Vec<&Item> = ledger
        .items()
        .filter(|item| asked.has(item, &who))
        .collect();
    let mut rest = items
        .into_iter()
        .rev()
        .filter(|item| cursor.is_none_or(|cursor| item.id < cursor));
    let page: Vec<&Item> = rest.by_ref().take(limit).collect();
    let last = page.last().map(|item| item.id);
    let next = rest.next().and(last);
    let entries: Vec<Value> = page.into_iter().map(shown).collect();
    Ok(Json(json!({ "entries": entries, "next": next })).into_response())
}

/// One amount with all that it ever was.
#[utoipa::path(
    get,
    path = "/api/v1/spend/{id}",
    operation_id = "get_spend",
    tag = "money",
    params(OneSpend),
    responses((status = 200, description = "The amount.", body = SpendShown)),
)]
pub(in crate::api) async fn one(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    id: GivenId,
) -> Result<Response, ApiError> {
    let ledger = state.store.ledger();
    let item = id_of(id).and_then(|id| ledger.get(id));
    let item = item
        .filter(|item| is_theirs(item, &who))
        .ok_or_else(unknown)?;
    Ok(Json(shown(item)).into_response())
}

/// Enters an amount. It is spread evenly over its days.
#[utoipa::path(
    post,
    path = "/api/v1/spend",
    operation_id = "enter_spend",
    tag = "money",
    request_body(content = NewSpend),
    responses((status = 201, description = "It is entered.", body = SpendShown)),
)]
pub(in crate::api) async fn enter(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    members: Members,
) -> Result<Response, ApiError> {
    let given = fill(Written::default(), members.only(&MEMBERS)?)?;
    let entry = read(&state, &who, &given)?;
    let id = ids(&state)?();
    let new = Change {
        id,
        replaces: None,
        now: Some(entry),
    };
    change(&state, &who, vec![new], Way::Hand).await?;
    answer(&state, id, StatusCode::CREATED)
}

/// Corrects an amount: members that are left out stay. What it was before stays in its history.
#[utoipa::path(
    patch,
    path = "/api/v1/spend/{id}",
    operation_id = "correct_spend",
    tag = "money",
    params(OneSpend),
    request_body(content = SpendChange),
    responses((status = 200, description = "It is corrected.", body = SpendShown)),
)]
pub(in crate::api) async fn correct(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    id: GivenId,
    members: Members,
) -> Result<Response, ApiError> {
    let (id, seen, now) = current(&state, &who, id)?;
    let mut known = MEMBERS.to_vec();
    known.push("version");
    let mut members = members.only(&known)?;
    let seen = match members.take("version") {
        None | Some(Value::Null) => seen,
        Some(version) => {
            let number = version.as_u64();
            number.ok_or_else(|| members.wrong("version", "is no version of an amount"))?
        }
    };
    let entry = read(&state, &who, &fill(written(&now), members)?)?;
    let corrected = Change {
        id,
        replaces: Some(seen),
        now: Some(entry),
    };
    change(&state, &who, vec![corrected], Way::Hand).await?;
    answer(&state, id, StatusCode::OK)
}

/// Takes an amount out. Its history stays.
#[utoipa::path(
    delete,
    path = "/api/v1/spend/{id}",
    operation_id = "remove_spend",
    tag = "money",
    params(OneSpend, VersionAsked),
    responses((status = 204, description = "It is taken out.")),
)]
pub(in crate::api) async fn remove(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    id: GivenId,
    given: Given,
) -> Result<Response, ApiError> {
    let (id, mut seen, _) = current(&state, &who, id)?;
    for (name, value) in query::pairs(given, &["version"])? {
        if !value.is_empty() {
            let version = value.parse();
            seen = version.map_err(|_| wrong(name, "is no version of an amount"))?;
        }
    }
    let removed = Change {
        id,
        replaces: Some(seen),
        now: None,
    };
    change(&state, &who, vec![removed], Way::Hand).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn id_of(id: GivenId) -> Option<EntryId> {
    id.ok().and_then(|Path(id)| id.parse().ok())
}

/// An amount in force that is theirs, and its version.
fn current(state: &State, who: &Who, id: GivenId) -> Result<(EntryId, u64, Entry), ApiError> {
    let ledger = state.store.ledger();
    let item = id_of(id).and_then(|id| ledger.get(id));
    let item = item
        .filter(|item| is_theirs(item, who))
        .ok_or_else(unknown)?;
    let now = item.now().cloned().ok_or_else(unknown)?;
    Ok((item.id, item.version(), now))
}

fn answer(state: &State, id: EntryId, status: StatusCode) -> Result<Response, ApiError> {
    let ledger = state.store.ledger();
    let item = ledger.get(id).ok_or_else(unknown)?;
    Ok((status, Json(shown(item))).into_response())
}

/// Puts the members of a body in the places of what is written.
fn fill(mut written: Written, mut members: Members) -> Result<Written, ApiError> {
    let mut names_purpose = false;
    for name in MEMBERS {
        let Some(value) = members.take(name) else {
            continue;
        };
        let text = match value {
            Value::Null => String::new(),
            Value::String(text) => text,
            Value::Number(number) if name == "amount" => number.to_string(),
            Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                return Err(members.wrong(name, "is no text"));
            }
        };
        if ["source", "campaign", "channel"].contains(&name) && !names_purpose {
            names_purpose = true;
            for place in [
                &mut written.source,
                &mut written.campaign,
                &mut written.channel,
            ] {
                place.clear();
            }
        }
        let place = match name {
            "project" => &mut written.project,
            "source" => &mut written.source,
            "campaign" => &mut written.campaign,
            "channel" => &mut written.channel,
            "cost" => &mut written.cost,
            "from" => &mut written.from,
            "until" => &mut written.until,
            "amount" => &mut written.amount,
            "currency" => &mut written.currency,
            _ => &mut written.note,
        };
        *place = text;
    }
    Ok(written)
}

fn read(state: &State, who: &Who, written: &Written) -> Result<Entry, ApiError> {
    written
        .read(&known(state, who), None)
        .map_err(|all| all.first().map_or_else(unknown, bad))
}

fn bad(wrong: &Wrong) -> ApiError {
    ApiError::bad("bad-member", message(wrong)).with("member", wrong.member)
}

fn day(name: &'static str, value: &str) -> Result<Date, ApiError> {
    let day = value
        .parse()
        .ok()
        .filter(|_| value.len() == "2026-11-22".len());
    day.ok_or_else(|| wrong(name, "is no day; write it as 2026-11-22"))
}

/// An amount with its history.
pub(super) fn shown(item: &Item) -> Value {
    let version = |version: &Version| {
        let mut said = version.now.as_ref().map_or_else(|| json!({}), members);
        if let Some(said) = said.as_object_mut() {
            said.insert("version".to_owned(), version.n.into());
            said.insert("at".to_owned(), version.at.to_string().into());
            said.insert("by".to_owned(), version.by.clone().into());
            said.insert("way".to_owned(), version.way.word().into());
            said.insert("removed".to_owned(), version.now.is_none().into());
        }
        said
    };
    let mut entry = item.last().map_or_else(|| json!({}), members);
    if let Some(entry) = entry.as_object_mut() {
        entry.insert("id".to_owned(), item.id.to_string().into());
        entry.insert("version".to_owned(), item.version().into());
        entry.insert("removed".to_owned(), item.now().is_none().into());
        let history: Vec<Value> = item.versions.iter().map(version).collect();
        entry.insert("history".to_owned(), history.into());
    }
    entry
}

/// The members of an amount.
pub(super) fn members(entry: &Entry) -> Value {
    let name = |word: &str| match &entry.purpose {
        Purpose::Project => None,
        Purpose::Channel(name) | Purpose::Campaign(name) | Purpose::Source(name) => {
            Some(name).filter(|_| entry.purpose.word() == word)
        }
    };
    json!({
        "project": entry.project,
        "source": name("source"),
        "campaign": name("campaign"),
        "channel": name("channel"),
        "cost": entry.cost.word(),
        "from": entry.from.to_string(),
        "until": entry.until.to_string(),
        "amount": decimal(entry.hundredths),
        "hundredths": entry.hundredths,
        "currency": entry.currency,
        "note": entry.note,
    })
}

/// What somebody should look at, as programs read it.
pub(super) fn doubts(all: &[Wrong]) -> Vec<Value> {
    let doubt = |wrong: &Wrong| json!({"code": wrong.word, "message": message(wrong)});
    all.iter().map(doubt).collect()
}

/// The faults of a table, as programs read them.
pub(super) fn faults(all: &[sheet::Fault]) -> Vec<Value> {
    let fault = |fault: &sheet::Fault| {
        json!({
            "line": fault.line,
            "column": fault.wrong.member,
            "code": fault.wrong.word,
            "message": message(&fault.wrong),
        })
    };
    all.iter().map(fault).collect()
}
