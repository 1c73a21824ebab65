//! What a form says of a call.

use std::collections::BTreeSet;

use axum::extract::Form;
use axum::extract::rejection::FormRejection;

use crate::api::error::ApiError;
use crate::store::record::CallRecord;
use crate::store::say::Say;

/// Fields of a form, in order.
pub(super) type Fields = [(String, String)];

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

/// The first field of this name, trimmed; empty: there is none.
pub(super) fn field<'f>(fields: &'f Fields, name: &str) -> &'f str {
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
        listed: BTreeSet::new(),
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
