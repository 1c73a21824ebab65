//! What of the calls somebody may see: other projects' calls are not there, and who counts calls sees no numbers.

use std::borrow::Cow;

use axum::http::StatusCode;

use crate::api::error::ApiError;
use crate::base::number::{Caller, Number};
use crate::people::{Projects, Right, Who};
use crate::store::query::Query;
use crate::store::record::CallRecord;
use crate::store::remark::{Field, Words};

/// What stands in the place of a thing that is not shown. Its length says nothing of what it hides.
const HIDDEN: &str = "***";

/// From this many digits on a text that was dialled is a telephone number and no extension.
const NUMBER_DIGITS_MIN: usize = 7;

/// Returns the call as `who` may see it; `None`: it belongs to a project that is not theirs, and is for them like a call that
/// does not exist.
pub(in crate::api) fn record(record: CallRecord, who: &Who) -> Option<CallRecord> {
    if !who.sees(&record.project) {
        None
    } else if who.may(Right::Numbers) {
        Some(record)
    } else {
        Some(masked(record))
    }
}

/// As [`record`], of a record that others look at too.
pub(in crate::api) fn shared(call: &CallRecord, who: &Who) -> Option<CallRecord> {
    who.sees(&call.project)
        .then(|| call.clone())
        .and_then(|call| record(call, who))
}

/// Limits a list to what `who` may see.
///
/// # Errors
/// They see no numbers, and ask for calls by what the numbers are.
pub(in crate::api) fn query(mut query: Query, who: &Who) -> Result<Query, ApiError> {
    let tells = [("caller", query.caller.is_some()), ("q", query.q.is_some())];
    if let Some((name, _)) = tells.into_iter().find(|(_, asked)| *asked)
        && !who.may(Right::Numbers)
    {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            format!("`{name}` would tell numbers, which your role does not see; leave it out"),
        ));
    }
    if let Projects::These(own) = &who.projects {
        let own = own.iter().map(ToString::to_string);
        query.projects = Some(match query.projects.take() {
            Some(asked) => own.filter(|own| asked.contains(own)).collect(),
            None => own.collect(),
        });
    }
    Ok(query)
}

/// Hides the numbers of the people who talked, what leads to them, and what was written of them. What the caller dialled
/// is an advertisement's number and stays.
pub(in crate::api) fn masked(mut record: CallRecord) -> CallRecord {
    record.caller = record.caller.map(caller);
    hide_number(&mut record.destination);
    for tried in &mut record.targets_tried {
        tried.target = target(&tried.target);
    }
    for transfer in &mut record.transfers {
        transfer.by = target(&transfer.by);
        transfer.to = target(&transfer.to);
    }
    for leg in &mut record.legs {
        // Telephones build their Call-IDs from numbers and addresses.
        for text in [&mut leg.remote_uri, &mut leg.sip_call_id, &mut leg.digits] {
            if !text.is_empty() {
                HIDDEN.clone_into(text);
            }
        }
    }
    record.note = None;
    record.notes.clear();
    // People write numbers into tags too.
    record.tags.iter_mut().for_each(hide_in_word);
    for word in [&mut record.goal, &mut record.stage, &mut record.outcome] {
        word.iter_mut().for_each(hide_in_word);
    }
    for said in &mut record.said {
        if matches!(said.what, Field::Note | Field::Pinned) {
            (said.from, said.to) = (None, None);
        }
        for words in [&mut said.from, &mut said.to].into_iter().flatten() {
            match words {
                Words::Text(text) => hide_in_word(text),
                Words::List(list) => list.iter_mut().for_each(hide_in_word),
                Words::Flag(_) | Words::Amount(_) => {}
            }
        }
    }
    record
}

fn caller(caller: Caller) -> Caller {
    match caller {
        Caller::Number(number) => Caller::Other(number.masked().into()),
        Caller::Other(_) => Caller::Other(HIDDEN.into()),
        Caller::Anonymous => Caller::Anonymous,
    }
}

/// `number:+79161234567@carrier` becomes `number:+7916*****67@carrier`; `ext:101@pbx` stays.
fn target(target: &str) -> String {
    let (kind, rest) = target.split_once(':').unwrap_or(("", target));
    let (dialled, trunk) = match rest.rsplit_once('@') {
        Some((dialled, trunk)) => (dialled, Some(trunk)),
        None => (rest, None),
    };
    let mut shown = String::with_capacity(target.len());
    if !kind.is_empty() {
        shown.push_str(kind);
        shown.push(':');
    }
    shown.push_str(&number(dialled));
    if let Some(trunk) = trunk {
        shown.push('@');
        shown.push_str(trunk);
    }
    shown
}

fn hide_number(text: &mut Option<String>) {
    *text = text.take().map(|text| number(&text).into_owned());
}

fn hide_in_word(word: &mut String) {
    if let Cow::Owned(masked) = number(word) {
        *word = masked;
    } else if word.bytes().filter(u8::is_ascii_digit).count() >= NUMBER_DIGITS_MIN {
        HIDDEN.clone_into(word);
    }
}

/// A number masked, an extension or a name as it is.
fn number(text: &str) -> Cow<'_, str> {
    if let Some(number) = Number::e164(text) {
        return Cow::Owned(number.masked());
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits >= NUMBER_DIGITS_MIN {
        Cow::Borrowed(HIDDEN)
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::Role;

    #[test]
    fn numbers_are_masked_and_extensions_and_names_are_not() {
        assert_eq!(
            target("number:+79161234567@carrier"),
            "number:+7916*****67@carrier"
        );
        for stays in ["ext:101@pbx", "manager:desk", "group:sales", ""] {
            assert_eq!(target(stays), stays);
        }
        assert_eq!(target("ext:89161234567@pbx"), "ext:***@pbx");
        let number = Number::e164("+79161234567").unwrap();
        assert_eq!(caller(Caller::Number(number)).to_string(), "+7916*****67");
        assert_eq!(caller(Caller::Other("Иван".into())).to_string(), "***");
        assert_eq!(caller(Caller::Anonymous), Caller::Anonymous);
    }

    fn anna(role: Role) -> Who {
        Who {
            name: "anna".into(),
            role,
            projects: Projects::These(["shop".into(), "clinic".into()].into()),
        }
    }

    #[test]
    fn a_list_holds_what_is_asked_for_and_theirs() {
        let of = |projects: Option<&[&str]>| {
            let asked = projects.map(|list| list.iter().map(ToString::to_string).collect());
            let asked = Query {
                projects: asked,
                ..Query::default()
            };
            query(asked, &anna(Role::Manager))
                .unwrap()
                .projects
                .unwrap()
        };
        assert_eq!(of(None), ["shop", "clinic"]);
        assert_eq!(of(Some(&["clinic", "bank"])), ["clinic"]);
        assert_eq!(of(Some(&["bank"])), [""; 0]);
        let all = query(Query::default(), &Who::this_machine()).unwrap();
        assert_eq!(all.projects, None);
    }

    #[test]
    fn who_sees_no_numbers_cannot_ask_for_them() {
        for asked in [
            Query {
                caller: Some("+7916*".to_owned()),
                ..Query::default()
            },
            Query {
                q: Some("79161".to_owned()),
                ..Query::default()
            },
        ] {
            assert!(query(asked.clone(), &anna(Role::Listener)).is_ok());
            let refused = query(asked, &anna(Role::Analyst)).unwrap_err();
            assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        }
    }
}
