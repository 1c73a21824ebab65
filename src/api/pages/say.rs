//! What a form says of a call, and `POST /ui/say`: of several at once.

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State as Shared};
use axum::response::{IntoResponse, Redirect, Response};

use crate::api::calls::say::{fits, refused};
use crate::api::calls::{off_the_loop, unknown};
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::pages::looks::local;
use crate::api::state::{Rules, State};
use crate::api::veil;
use crate::base::id::CallId;
use crate::people::Who;
use crate::store::Store;
use crate::store::record::CallRecord;
use crate::store::say::Say;

/// Most calls at once, as in the API.
const CALLS_MAX: usize = 500;

/// Fields of a form, in order.
type Fields = [(String, String)];

/// A form as axum reads it.
pub(super) type GivenForm = Result<Form<Vec<(String, String)>>, FormRejection>;

/// The fields of a form.
pub(super) fn fields(form: GivenForm) -> Result<Vec<(String, String)>, ApiError> {
    let read = form.map(|Form(fields)| fields);
    read.map_err(|_| {
        ApiError::bad(
            "bad-form",
            "this is no form; send its fields as a page does",
        )
    })
}

fn field<'f>(fields: &'f Fields, name: &str) -> &'f str {
    let field = fields.iter().find(|(own, _)| own == name);
    field.map_or("", |(_, value)| value.trim())
}

/// What a whole form changes of what the call is said to be.
pub(super) fn changes(fields: &Fields, call: &CallRecord) -> Result<Say, ApiError> {
    let text = |name| Some(field(fields, name).to_owned()).filter(|text| !text.is_empty());
    let changed = |new: Option<String>, old: &Option<String>| (new != *old).then_some(new);
    let mut tags: Vec<String> = Vec::new();
    let given = fields.iter().filter(|(name, _)| name == "tags");
    let given = given.map(|(_, tag)| tag.as_str());
    for tag in given.chain(field(fields, "new_tag").split(',')) {
        let tag = tag.trim();
        if !tag.is_empty() && !tags.iter().any(|own| own == tag) {
            tags.push(tag.to_owned());
        }
    }
    let target = match field(fields, "target") {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    let value = amount(field(fields, "value"))?;
    let back = field(fields, "called_back") == "true";
    let was_back = call.callback.as_ref().map(|back| back.done.is_some());
    let say = Say {
        tags: (tags != call.tags).then_some(tags),
        target: (target != call.target).then_some(target),
        goal: changed(text("goal"), &call.goal),
        stage: changed(text("stage"), &call.stage),
        outcome: changed(text("outcome"), &call.outcome),
        value: (value != call.value).then_some(value),
        // Browsers end a form's lines with CR LF.
        note: changed(
            text("note").map(|note| note.replace("\r\n", "\n")),
            &call.note,
        ),
        called_back: was_back.filter(|was| *was != back).map(|_| back),
    };
    say.clean()
        .map_err(|fault| ApiError::bad("bad-field", fault.to_string()))
}

/// An amount as people write it: `12 500,50`.
fn amount(text: &str) -> Result<Option<f64>, ApiError> {
    let plain: String = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| if c == ',' { '.' } else { c })
        .collect();
    if plain.is_empty() {
        return Ok(None);
    }
    let wrong = |_| ApiError::bad("bad-field", "the value is no amount; write 12500 or 99.50");
    plain.parse().map(Some).map_err(wrong)
}

/// What is said of each call that was selected: a tag is added to those that it has, the rest replaces what was said.
pub(in crate::api) async fn say(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    form: GivenForm,
) -> Result<Response, ApiError> {
    let fields = fields(form)?;
    let back = local(field(&fields, "back"));
    // The button of one row speaks of that row alone, whatever else is selected.
    let one = Some(field(&fields, "called_back")).filter(|id| !id.is_empty());
    let ids: Vec<CallId> = match one {
        Some(id) => id.parse().into_iter().collect(),
        None => {
            let ids = fields.iter().filter(|(name, _)| name == "id");
            ids.filter_map(|(_, id)| id.parse().ok())
                .take(CALLS_MAX)
                .collect()
        }
    };
    let is_one = one.is_some();
    let (store, rules, asker) = (state.store.clone(), state.rules(), who.clone());
    let done =
        off_the_loop(move || say_all((&store, &rules), &asker, &ids, &fields, is_one)).await??;
    let join = if back.contains('?') { '&' } else { '?' };
    Ok(Redirect::to(&format!("{back}{join}done={done}")).into_response())
}

fn say_all(
    (store, rules): (&Store, &Rules),
    who: &Who,
    ids: &[CallId],
    fields: &Fields,
    called_back: bool,
) -> Result<u64, ApiError> {
    let mut changes = Vec::with_capacity(ids.len());
    for id in ids {
        let call = store.call(*id)?.and_then(|call| veil::record(call, who));
        let call = call.ok_or_else(unknown)?;
        let say = if called_back {
            Say {
                called_back: call.callback.as_ref().map(|_| true),
                ..Say::default()
            }
        } else {
            added(fields, &call)?
        };
        fits(&say, &call, rules)?;
        if !say.is_empty() {
            changes.push((*id, say, None));
        }
    }
    let mut done = 0;
    for (_, said) in store.say_all(changes, &who.name) {
        said.map_err(|error| refused(error, who, None))?;
        done += 1;
    }
    Ok(done)
}

/// What the bar of several calls says of one of them.
fn added(fields: &Fields, call: &CallRecord) -> Result<Say, ApiError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        assert_eq!(amount("").unwrap(), None);
        assert_eq!(amount(" 12\u{a0}500,50 ").unwrap(), Some(12_500.5));
        assert_eq!(amount("99.5").unwrap(), Some(99.5));
        assert!(amount("much").is_err());
    }
}
