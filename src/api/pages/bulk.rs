//! `POST /ui/say`: what is said of several calls at once. Each call has an answer of its own: it was changed, or it was left
//! as it is because somebody else was quicker or because this cannot be said of it. Nothing of that is told as one refusal.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;

use crate::api::calls::bulk::CALLS_MAX;
use crate::api::calls::say::{fits, refused};
use crate::api::calls::{off_the_loop, unknown};
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::pages::html;
use crate::api::pages::look::Look;
use crate::api::pages::looks::local;
use crate::api::pages::say::{Fields, GivenForm, field, fields};
use crate::api::pages::show::Shower;
use crate::api::state::{Rules, State};
use crate::api::veil;
use crate::base::id::CallId;
use crate::people::Who;
use crate::store::Store;
use crate::store::record::CallRecord;
use crate::store::say::{Say, SayError};
use crate::web::frame::Here;
use crate::web::small::{LeftCall, LeftPage};

/// A call that was selected, and the version that its row showed; `None`: the form comes from a page that knew none.
type Picked = (CallId, Option<u64>);

/// Why a call was left as it is.
#[derive(Debug)]
enum Left {
    /// Somebody else was quicker: how it is now, and who that was.
    Changed(Box<CallRecord>, String),
    /// It cannot be said of this call.
    Refused(Option<Box<CallRecord>>, ApiError),
}

/// What became of each call.
#[derive(Debug, Default)]
struct Outcome {
    changed: Vec<CallId>,
    left: Vec<(CallId, Left)>,
}

/// What is said of each call that was selected: a tag is added to those that it has, the rest replaces what was said.
pub(in crate::api) async fn say(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    look: Look,
    headers: HeaderMap,
    form: GivenForm,
) -> Result<Response, ApiError> {
    let fields = fields(form)?;
    let back = local(field(&fields, "back"));
    // The button of one row speaks of that row alone, whatever else is selected.
    let one = Some(field(&fields, "called_back")).filter(|id| !id.is_empty());
    let picked = match one {
        Some(one) => vec![picked(one)?],
        None => all_picked(&fields)?,
    };
    let is_one = one.is_some();
    let shower = Shower::new(&state, look.words(), look.now());
    let (store, rules) = (state.store.clone(), state.rules());
    let done =
        off_the_loop(move || say_all((&store, &rules), &who, &picked, &fields, is_one)).await??;
    let count = u64::try_from(done.changed.len()).unwrap_or(u64::MAX);
    let left: Vec<LeftCall> = done
        .left
        .iter()
        .map(|(id, left)| shower.left(*id, left))
        .collect();
    let wants_json = headers
        .get_all(ACCEPT)
        .iter()
        .any(|accept| accept.as_bytes().starts_with(b"application/json"));
    if wants_json {
        let left = left.iter().map(
            |left| json!({"id": left.id, "caller": left.caller, "why": left.why, "by": left.by}),
        );
        return Ok(Json(json!({
            "text": look.words().count("bulk-done", count),
            "changed": done.changed,
            "left": left.collect::<Vec<_>>(),
        }))
        .into_response());
    }
    if left.is_empty() {
        return Ok(Redirect::to(&told(&back, count)).into_response());
    }
    let page = LeftPage {
        frame: look.frame(Here::Calls),
        done: look.words().count("bulk-done", count),
        left,
        back,
    };
    Ok((StatusCode::CONFLICT, html(&page)?).into_response())
}

/// The list again, with how many calls were changed in the place of what it was told before.
fn told(back: &str, count: u64) -> String {
    let (path, query) = back.split_once('?').unwrap_or((back, ""));
    let is_kept = |pair: &&str| !pair.is_empty() && !pair.starts_with("done=");
    let kept = query.split('&').filter(is_kept).map(ToOwned::to_owned);
    let pairs: Vec<String> = kept.chain([format!("done={count}")]).collect();
    format!("{path}?{}", pairs.join("&"))
}

/// Each call once, in the order of the page. Nothing is said of any when one cannot be read, or when there are too many.
fn all_picked(fields: &Fields) -> Result<Vec<Picked>, ApiError> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for (_, text) in fields.iter().filter(|(name, _)| name == "id") {
        let picked = picked(text)?;
        if seen.insert(picked.0) {
            all.push(picked);
        }
    }
    if all.len() > CALLS_MAX {
        let message = format!("at most {CALLS_MAX} calls are changed at once; select fewer");
        return Err(ApiError::bad("too-many-calls", message));
    }
    Ok(all)
}

/// `id.version`, or an id alone.
fn picked(text: &str) -> Result<Picked, ApiError> {
    let wrong = || ApiError::bad("bad-field", "a selected call is no id of a call");
    let (id, version) = match text.split_once('.') {
        Some((id, version)) => (id, Some(version.parse().map_err(|_| wrong())?)),
        None => (text, None),
    };
    Ok((id.parse().map_err(|_| wrong())?, version))
}

fn say_all(
    (store, rules): (&Store, &Rules),
    who: &Who,
    picked: &[Picked],
    fields: &Fields,
    called_back: bool,
) -> Result<Outcome, ApiError> {
    let mut done = Outcome::default();
    let mut changes = Vec::with_capacity(picked.len());
    for &(id, seen) in picked {
        let call = store.call(id)?.and_then(|call| veil::record(call, who));
        let Some(call) = call else {
            done.left.push((id, Left::Refused(None, unknown())));
            continue;
        };
        let said = said(fields, &call, called_back).and_then(|say| fits(say, &call, rules));
        match said {
            // It is so already, whoever made it so.
            Ok(say) if say.is_empty() => {}
            // Tags are added to those that were read here: what is said between then and now must not be undone either.
            Ok(say) => changes.push((id, say, Some(seen.unwrap_or(call.version)))),
            Err(error) => done
                .left
                .push((id, Left::Refused(Some(Box::new(call)), error))),
        }
    }
    let seen = |id: CallId, changes: &[(CallId, Say, Option<u64>)]| {
        let change = changes.iter().find(|(of, ..)| *of == id);
        change.and_then(|(_, _, seen)| *seen).unwrap_or_default()
    };
    let versions = changes.clone();
    for (id, said) in store.say_all(changes, &who.name) {
        match said {
            Ok(_) => done.changed.push(id),
            Err(error) => done.left.push((id, left(error, who, seen(id, &versions)))),
        }
    }
    Ok(done)
}

/// Why the store did not say it, to `who`, who had seen `version`.
fn left(error: SayError, who: &Who, version: u64) -> Left {
    let SayError::Changed(record) = error else {
        return Left::Refused(None, refused(error, who, Some(version)));
    };
    let Some(record) = veil::record(*record, who) else {
        return Left::Refused(None, unknown());
    };
    let later = record.said.iter().rev().find(|said| said.n > version);
    let by = later.map(|said| said.by.clone()).unwrap_or_default();
    Left::Changed(Box::new(record), by)
}

/// What the form says of one call.
fn said(fields: &Fields, call: &CallRecord, called_back: bool) -> Result<Say, ApiError> {
    if called_back {
        return Ok(Say {
            called_back: call.callback.as_ref().map(|_| true),
            ..Say::default()
        });
    }
    let text = |name| Some(field(fields, name).to_owned()).filter(|text| !text.is_empty());
    let mut tags = call.tags.clone();
    for tag in field(fields, "tag").split(',').map(str::trim) {
        if !tag.is_empty() && !tags.iter().any(|own| own == tag) {
            tags.push(tag.to_owned());
        }
    }
    let say = Say {
        tags: (tags != call.tags).then_some(tags),
        target: match field(fields, "target") {
            "true" => Some(Some(true)),
            "false" => Some(Some(false)),
            _ => None,
        },
        goal: text("goal").map(Some),
        stage: text("stage").map(Some),
        outcome: text("outcome").map(Some),
        ..Say::default()
    };
    say.clean()
        .map_err(|fault| ApiError::bad("bad-field", fault.to_string()))
}

impl Shower {
    /// A call that was left as it is, in words.
    fn left(&self, id: CallId, left: &Left) -> LeftCall {
        let (call, why, by) = match left {
            Left::Changed(call, by) => {
                let by = self.who(by);
                (Some(call), self.words.with("left-changed", &by), by)
            }
            Left::Refused(call, error) => {
                let why = self
                    .words
                    .say_or(&format!("left-{}", error.code()), error.message());
                (call.as_ref(), why, String::new())
            }
        };
        LeftCall {
            id: id.to_string(),
            caller: call.map_or_else(String::new, |call| self.caller(call.caller.as_ref())),
            when: call.map_or_else(String::new, |call| {
                self.dates(&call.project).short(call.started_at)
            }),
            why,
            by,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "019aa5c4-98f0-7000-8000-000000000001";

    fn of(values: &[&str]) -> Result<Vec<Picked>, ApiError> {
        let fields: Vec<_> = values
            .iter()
            .map(|value| ("id".to_owned(), (*value).to_owned()))
            .collect();
        all_picked(&fields)
    }

    #[test]
    fn a_call_is_picked_once_with_the_version_that_its_row_showed() {
        let id: CallId = ID.parse().unwrap();
        assert_eq!(of(&[ID]).unwrap(), [(id, None)]);
        let versions = [format!("{ID}.7"), format!("{ID}.9"), ID.to_owned()];
        let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
        assert_eq!(of(&versions).unwrap(), [(id, Some(7))]);
    }

    #[test]
    fn the_list_is_told_how_many_were_changed_and_not_what_it_was_told_before() {
        assert_eq!(told("/", 2), "/?done=2");
        assert_eq!(told("/?q=&done=7&tag=a", 2), "/?q=&tag=a&done=2");
    }

    #[test]
    fn nothing_is_said_where_a_call_cannot_be_read() {
        for wrong in ["", "x", &format!("{ID}."), &format!("{ID}.x"), ".1"] {
            assert!(of(&[ID, wrong]).is_err(), "{wrong}");
        }
    }
}
