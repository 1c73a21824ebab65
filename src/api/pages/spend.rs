//! `/spend`: what advertising costs. It is entered, corrected and taken out with forms, and brought as a table that is looked at
//! before any of it is entered.

mod shown;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::ToSpan;
use jiff::civil::Date;

use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::pages::html;
use crate::api::pages::look::Look;
use crate::api::pages::say::{Fields, GivenForm, field, fields};
use crate::api::pages::show::Shower;
use crate::api::pages::spend::shown::Shown;
use crate::api::query::{self, Given};
use crate::api::reports;
use crate::api::spend::entry::Asked;
use crate::api::spend::table::{enter, look};
use crate::api::spend::{self, ids, is_theirs, known, sentence, unknown, written};
use crate::api::state::State;
use crate::base::id::EntryId;
use crate::people::{Right, Who};
use crate::report::ask::{By, Kind};
use crate::store::ledger::check::{WHOLE, Written};
use crate::store::ledger::sheet::Sheet;
use crate::store::ledger::{Change, Way};
use crate::store::query::Query;
use crate::web::frame::Here;
use crate::web::spend::{Form, Import, SpendPage};

/// Days that the list begins with: a quarter, today the last.
const DAYS_SHOWN: i64 = 90;

/// What the address may say.
const PARAMETERS: &[&str] = &["project", "since", "until", "removed", "edit", "done", "n"];

/// What the address says.
#[derive(Debug, Default)]
struct Address {
    project: Option<String>,
    since: Option<Date>,
    until: Option<Date>,
    removed: bool,
    edit: Option<EntryId>,
    done: String,
    count: u64,
}

/// What is shown besides the list: a form that was refused, a table that was looked at.
#[derive(Debug, Default)]
struct Besides {
    written: Option<(Option<(EntryId, u64)>, Written)>,
    faults: Vec<String>,
    import: Option<(String, Option<String>, Sheet)>,
}

/// `GET /spend`.
pub(in crate::api) async fn page(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    look: Look,
    given: Given,
) -> Result<Response, ApiError> {
    let address = Address::read(given)?;
    html(&whole(&state, &who, &look, address, Besides::default()).await?)
}

/// `POST /spend`: an amount is entered, corrected or taken out.
pub(in crate::api) async fn change(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    look: Look,
    form: GivenForm,
) -> Result<Response, ApiError> {
    let fields = fields(form)?;
    let seen = seen(&fields)?;
    if let Some((id, _)) = seen {
        let ledger = state.store.ledger();
        let item = ledger.get(id).filter(|item| is_theirs(item, &who));
        item.ok_or_else(unknown)?;
    }
    let is_removed = field(&fields, "remove") == "true";
    let written = from_form(&fields);
    let read = written.read(&known(&state, &who), None);
    let now = match (read, is_removed) {
        (_, true) => None,
        (Ok(entry), false) => Some(entry),
        (Err(all), false) => {
            let faults = all.iter().map(|wrong| sentence(look.words(), wrong));
            let faults = faults.collect();
            return refused(&state, &who, &look, seen, written, faults).await;
        }
    };
    let done = match (seen, is_removed) {
        (_, true) => "removed",
        (Some(_), false) => "corrected",
        (None, false) => "entered",
    };
    let id = match seen {
        Some((id, _)) => id,
        None => ids(&state)?(),
    };
    let change = Change {
        id,
        replaces: seen.map(|(_, version)| version),
        now,
    };
    match spend::change(&state, &who, vec![change], Way::Hand).await {
        Ok(()) => Ok(Redirect::to(&format!("/spend?done={done}")).into_response()),
        Err(error) if error.is("changed") => {
            let faults = vec![look.words().say("spend-wrong-changed")];
            refused(&state, &who, &look, None, Written::default(), faults).await
        }
        Err(error) => Err(error),
    }
}

/// `POST /spend/import`: a table is looked at, and entered once that is confirmed.
pub(in crate::api) async fn import(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    page: Look,
    form: GivenForm,
) -> Result<Response, ApiError> {
    let fields = fields(form)?;
    let text = fields.iter().find(|(name, _)| name == "text");
    let text = text.map_or("", |(_, text)| text.as_str()).to_owned();
    let project = Some(field(&fields, "project").to_owned()).filter(|id| !id.is_empty());
    let sheet = look(&state, &who, text.clone().into_bytes(), project.clone()).await?;
    let is_good = sheet.faults.is_empty();
    if is_good && field(&fields, "confirm") == "true" {
        let count = sheet.rows.len();
        enter(&state, &who, sheet).await?;
        let there = format!("/spend?done=imported&n={count}");
        return Ok(Redirect::to(&there).into_response());
    }
    let besides = Besides {
        import: Some((text, project, sheet)),
        ..Besides::default()
    };
    let shown = whole(&state, &who, &page, Address::default(), besides).await?;
    let status = if is_good {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    Ok((status, html(&shown)?).into_response())
}

/// The page with the form as it was sent, and why it was not taken.
async fn refused(
    state: &State,
    who: &Who,
    look: &Look,
    seen: Option<(EntryId, u64)>,
    written: Written,
    faults: Vec<String>,
) -> Result<Response, ApiError> {
    let besides = Besides {
        written: Some((seen, written)),
        faults,
        ..Besides::default()
    };
    let shown = whole(state, who, look, Address::default(), besides).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&shown)?).into_response())
}

async fn whole(
    state: &State,
    who: &Who,
    look: &Look,
    address: Address,
    besides: Besides,
) -> Result<SpendPage, ApiError> {
    let shower = Shower::new(state, look.words(), look.now());
    let known = known(state, who);
    let ledger = state.store.ledger();
    let query = Query {
        project: address.project.clone(),
        ..Query::default()
    };
    let report = reports::Asked {
        kind: Kind::Money,
        by: Some(By::Source),
        query: query.clone(),
    };
    let report = report.make(state, who).await;
    let shown = Shown {
        shower: &shower,
        known: &known,
        who,
    };
    // Projects whose currencies differ have no figures in common.
    let results = report.ok().map(|report| shown.results(&report, &query));
    let today = shown.today(address.project.as_deref());
    let since = address
        .since
        .or_else(|| today.checked_sub((DAYS_SHOWN - 1).days()).ok());
    let asked = Asked {
        project: address.project.clone(),
        since,
        until: address.until.and_then(|last| last.tomorrow().ok()),
        removed: address.removed,
    };
    let edited = address.edit.and_then(|id| ledger.get(id));
    let edited = edited.filter(|item| is_theirs(item, who));
    let (seen, written) = match (besides.written, edited) {
        (Some((seen, written)), _) => (seen, written),
        (None, Some(item)) => {
            let now = item.now().map(written).unwrap_or_default();
            (Some((item.id, item.version())), now)
        }
        (None, None) => (None, Written::default()),
    };
    let (rows, more) = shown.rows(&ledger, &asked);
    let import = match besides.import {
        Some((text, project, sheet)) => shown.import(text, project.as_deref(), &sheet),
        None => Import {
            projects: shown.projects(None),
            ..Import::default()
        },
    };
    let words = look.words();
    let done = match address.done.as_str() {
        "imported" => Some(words.count("spend-done-imported", address.count)),
        done @ ("entered" | "corrected" | "removed") => {
            Some(words.say(&format!("spend-done-{done}")))
        }
        _ => None,
    };
    Ok(SpendPage {
        done,
        results,
        enters: who.may(Right::Spend),
        form: Form {
            id: seen.map_or_else(String::new, |(id, _)| id.to_string()),
            version: seen.map_or(0, |(_, version)| version),
            ..shown.form(&written)
        },
        faults: besides.faults,
        import,
        projects: shown.projects(address.project.as_deref()),
        since: since.map_or_else(String::new, |day| day.to_string()),
        until: address
            .until
            .map_or_else(String::new, |day| day.to_string()),
        removed: address.removed,
        rows,
        more,
        frame: look.frame(Here::Spend),
    })
}

impl Address {
    fn read(given: Given) -> Result<Self, ApiError> {
        let mut address = Self::default();
        for (name, value) in query::pairs(given, PARAMETERS)? {
            match name {
                _ if value.is_empty() => {}
                "project" => address.project = Some(value),
                // What no browser sends is passed by: the page shows what is asked for then.
                "since" => address.since = value.parse().ok(),
                "until" => address.until = value.parse().ok(),
                "removed" => address.removed = value == "true",
                "edit" => address.edit = value.parse().ok(),
                "n" => address.count = value.parse().unwrap_or(0),
                _ => address.done = value,
            }
        }
        Ok(address)
    }
}

/// Which entry a form is of, and the version that it showed; `None`: a new one.
fn seen(fields: &Fields) -> Result<Option<(EntryId, u64)>, ApiError> {
    let id = field(fields, "id");
    if id.is_empty() {
        return Ok(None);
    }
    let id = id.parse().map_err(|_| unknown())?;
    let version = field(fields, "version").parse();
    let wrong = |_| ApiError::bad("bad-field", "`version` is no version of an amount");
    Ok(Some((id, version.map_err(wrong)?)))
}

/// What a form says: its `for` is project, kind of thing and name.
fn from_form(fields: &Fields) -> Written {
    let mut parts = field(fields, "for").splitn(3, '|');
    let mut part = || parts.next().unwrap_or_default().to_owned();
    let (project, of, name) = (part(), part(), part());
    let own = |word: &str| {
        if of == word {
            name.clone()
        } else {
            String::new()
        }
    };
    let text = |name| field(fields, name).to_owned();
    Written {
        source: if of == "project" {
            WHOLE.to_owned()
        } else {
            own("source")
        },
        campaign: own("campaign"),
        channel: own("channel"),
        project,
        cost: text("cost"),
        from: text("from"),
        until: text("until"),
        amount: text("amount"),
        currency: String::new(),
        note: text("note"),
    }
}
