//! What somebody says of a call: read from a body, held against the words of the project, refused with the member's name.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use axum::http::header::IF_MATCH;
use axum::http::{HeaderMap, HeaderValue};
use serde_json::Value;

use crate::api::body::Members;
use crate::api::calls::unknown;
use crate::api::error::ApiError;
use crate::api::state::Rules;
use crate::people::Who;
use crate::store::record::CallRecord;
use crate::store::remark::Field;
use crate::store::say::{Fault, Say, SayError};

/// What can be said.
const MEMBERS: [&str; 8] = [
    "tags",
    "target",
    "goal",
    "stage",
    "outcome",
    "value",
    "note",
    "called_back",
];

/// Reads what is said (RFC 7396): a member that is missing leaves things as they are, null takes them away.
pub(in crate::api) fn read(members: Members) -> Result<Say, ApiError> {
    let mut members = members.only(&MEMBERS)?;
    let say = Say {
        tags: tags(&mut members)?,
        target: of(&mut members, "target", "true, false or null", |value| {
            value.as_bool()
        })?,
        goal: text(&mut members, "goal")?,
        stage: text(&mut members, "stage")?,
        outcome: text(&mut members, "outcome")?,
        value: of(&mut members, "value", "a number or null", Value::as_f64)?,
        note: text(&mut members, "note")?,
        listed: BTreeSet::new(),
        called_back: of(&mut members, "called_back", "true or false", Value::as_bool)?
            .map(Option::unwrap_or_default),
    };
    say.clean().map_err(|fault| members.fault(&fault))
}

fn of<T>(
    members: &mut Members,
    name: &str,
    right: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<Option<T>>, ApiError> {
    match members.take(name) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(value) => match read(&value) {
            Some(read) => Ok(Some(Some(read))),
            None => Err(members.wrong(name, format_args!("is wrong; give {right}"))),
        },
    }
}

fn text(members: &mut Members, name: &str) -> Result<Option<Option<String>>, ApiError> {
    let read = |value: &Value| value.as_str().map(str::to_owned);
    of(members, name, "a text or null", read)
}

fn tags(members: &mut Members) -> Result<Option<Vec<String>>, ApiError> {
    let read = |value: &Value| -> Option<Vec<String>> {
        let text = |tag: &Value| tag.as_str().map(str::to_owned);
        value.as_array()?.iter().map(text).collect()
    };
    let tags = of(members, "tags", "a list of texts, or null for none", read)?;
    Ok(tags.map(Option::unwrap_or_default))
}

impl Members {
    /// What the store found wrong, under the member's name.
    pub(in crate::api::calls) fn fault(&self, fault: &Fault) -> ApiError {
        self.wrong(fault.field.word(), format_args!("is wrong: {}", fault.why))
    }
}

/// Checks that what is said is for this call: the words are those that its project has, and only a missed call is called back.
/// Returns it with what of it stands in the project's lists.
pub(in crate::api) fn fits(
    mut say: Say,
    call: &CallRecord,
    rules: &Rules,
) -> Result<Say, ApiError> {
    if say.called_back == Some(true) && !call.missed {
        return Err(conflict(
            "not-missed",
            Field::CalledBack,
            "this call was not missed, so nobody is to call back",
        ));
    }
    // A project that left the configuration has no words any more, and refuses none.
    let Some(project) = rules.tracking.project(&call.project) else {
        return Ok(say);
    };
    let labels = &project.labels;
    for (field, said, words) in [
        (Field::Goal, &say.goal, &labels.goals),
        (Field::Stage, &say.stage, &labels.stages),
        (Field::Outcome, &say.outcome, &labels.outcomes),
    ] {
        let Some(Some(said)) = said else { continue };
        if words.iter().any(|word| **word == **said) {
            continue;
        }
        let name = field.word();
        let list: Vec<&str> = words.iter().map(|word| &**word).collect();
        let message = if list.is_empty() {
            format!("project {} has no {name}s", project.id)
        } else {
            let list = list.join(", ");
            format!(
                "`{said}` is no {name} of project {}; there are {list}",
                project.id
            )
        };
        return Err(conflict("not-in-list", field, message));
    }
    // Each list has its own words, and what is in none may be anything.
    let tags = say.tags.iter().flatten();
    let tags = tags.filter(|tag| labels.tags.iter().any(|word| **word == ***tag));
    let words = [&say.goal, &say.stage, &say.outcome];
    let words = words.into_iter().filter_map(|word| word.as_ref()?.as_ref());
    say.listed = tags.chain(words).cloned().collect();
    Ok(say)
}

/// It could be said, but not of this call.
fn conflict(code: &'static str, field: Field, message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::CONFLICT, code, message.into()).with("member", field.word())
}

/// The version that `If-Match` names (RFC 9110 13.1.1); `None`: none is asked for. Weak tags are taken as well: a proxy that
/// compresses makes every tag weak. A tag that was never ours is the version before all others.
pub(in crate::api) fn if_version(headers: &HeaderMap) -> Option<u64> {
    let values = headers.get_all(IF_MATCH).iter();
    let tags: Vec<&str> = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
        .collect();
    if tags.is_empty() || tags.contains(&"*") {
        return None;
    }
    let version = |tag: &str| -> Option<u64> {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag.trim_matches('"').parse().ok()
    };
    Some(tags.into_iter().filter_map(version).max().unwrap_or(0))
}

/// The tag of a version.
pub(in crate::api) fn etag(version: u64) -> HeaderValue {
    // Digits between quotes are always a header.
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// Why it was not said, to `who`, who had seen `version`.
pub(in crate::api) fn refused(error: SayError, who: &Who, version: Option<u64>) -> ApiError {
    let conflict =
        |code, error: &SayError| ApiError::new(StatusCode::CONFLICT, code, error.to_string());
    match error {
        SayError::NoCall => unknown(),
        SayError::NoNote(_) => ApiError::missing("unknown-note", error.to_string()),
        SayError::Changed(record) => changed(*record, who, version.unwrap_or_default()),
        SayError::Wrong(fault) => {
            ApiError::bad("bad-member", fault.to_string()).with("member", fault.field.word())
        }
        SayError::Erased => conflict("erased", &error),
        SayError::Full => conflict("full", &error),
        SayError::Busy => busy(&error),
        SayError::Store(error) => error.into(),
    }
}

/// It cannot be noted just now, and so it is not done.
pub(in crate::api) fn busy(why: &dyn std::fmt::Display) -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", why.to_string()).header(
        axum::http::header::RETRY_AFTER,
        HeaderValue::from_static("1"),
    )
}

/// Somebody was quicker: what they said, and the version to go on from.
fn changed(record: CallRecord, who: &Who, seen: u64) -> ApiError {
    let version = record.version;
    let Some(record) = crate::api::veil::record(record, who) else {
        return unknown();
    };
    let later: Vec<_> = record.said.iter().filter(|said| said.n > seen).collect();
    let by = later.last().map_or("somebody", |said| &said.by);
    ApiError::new(
        StatusCode::PRECONDITION_FAILED,
        "changed",
        format!("{by} has changed this call meanwhile; look at `changes` and send yours with version {version}"),
    )
    .with("version", version)
    .with("changes", serde_json::to_value(&later).unwrap_or_default())
    .header(axum::http::header::ETAG, etag(version))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_of(value: Value) -> Result<Say, ApiError> {
        read(Members::of("", value)?)
    }

    #[test]
    fn null_takes_away_and_what_is_missing_stays() {
        let said = read_of(json!({"goal": null, "tags": null, "called_back": null})).unwrap();
        assert_eq!(said.goal, Some(None));
        assert_eq!(said.tags, Some(Vec::new()));
        assert_eq!(said.called_back, Some(false));
        assert_eq!((said.stage, said.value), (None, None));
        let said = read_of(json!({"value": 12, "target": false, "note": " ok "})).unwrap();
        assert_eq!(said.value, Some(Some(12.0)));
        assert_eq!(said.target, Some(Some(false)));
        assert_eq!(said.note, Some(Some("ok".to_owned())));
        assert!(read_of(json!({})).unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_by_its_member() {
        for (member, value) in [
            ("tags", json!({"tags": "hot"})),
            ("tags", json!({"tags": ["hot", 1]})),
            ("tags", json!({"tags": ["x".repeat(65)]})),
            ("target", json!({"target": "yes"})),
            ("goal", json!({"goal": 1})),
            ("goal", json!({"goal": "a\u{0}b"})),
            ("value", json!({"value": "12"})),
            ("value", json!({"value": 1e300})),
            ("note", json!({"note": "x".repeat(4_001)})),
            ("called_back", json!({"called_back": 1})),
            ("colour", json!({"colour": "red"})),
        ] {
            let error = read_of(value).unwrap_err();
            assert_eq!(error.status(), StatusCode::BAD_REQUEST, "{member}");
            assert_eq!(error.value()["member"], member);
        }
    }

    #[test]
    fn the_version_is_read_from_any_tag_of_ours() {
        let of = |tags: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for tag in tags {
                headers.append(IF_MATCH, HeaderValue::from_static(tag));
            }
            if_version(&headers)
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["*"]), None);
        assert_eq!(of(&["", " , "]), None);
        assert_eq!(of(&["\"7\""]), Some(7));
        assert_eq!(of(&["W/\"7\""]), Some(7));
        assert_eq!(of(&["\"7\", \"9\""]), Some(9));
        assert_eq!(of(&["\"abc\""]), Some(0));
        assert_eq!(etag(7), "\"7\"");
    }
}
