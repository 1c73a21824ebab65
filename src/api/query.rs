//! The parameters of a request, read with an error that names the parameter, what is wrong with it and what would be right.

use std::fmt::Display;

use axum::extract::Query as Pairs;
use axum::extract::rejection::QueryRejection;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::api::error::ApiError;
use crate::api::narrow;
use crate::base::time::WallTime;
use crate::store::query::{LIMIT_MAX, Query};
use crate::track::Tracking;

/// The longest value taken; no id, number or search is as long.
pub(in crate::api) const VALUE_MAX: usize = 256;

/// The parameters in order, as axum splits them.
pub(in crate::api) type Given = Result<Pairs<Vec<(String, String)>>, QueryRejection>;

/// Takes the parameters apart: every name known, none twice, none longer than a person would write.
pub(in crate::api) fn pairs(
    given: Given,
    known: &'static [&'static str],
) -> Result<Vec<(&'static str, String)>, ApiError> {
    split(given, &[known])
}

/// The same where conditions on calls are known, and `own` beside them.
pub(in crate::api) fn conditions_and(
    given: Given,
    own: &'static [&'static str],
) -> Result<Vec<(&'static str, String)>, ApiError> {
    split(given, &[CONDITIONS, own])
}

fn split(
    given: Given,
    known: &[&'static [&'static str]],
) -> Result<Vec<(&'static str, String)>, ApiError> {
    let known = known.concat();
    let Pairs(given) = given.map_err(|_| {
        ApiError::bad(
            "bad-query",
            "the query cannot be read: it is not name=value&name=value",
        )
    })?;
    let mut pairs: Vec<(&'static str, String)> = Vec::with_capacity(given.len().min(known.len()));
    for (name, value) in given {
        let Some(name) = known.iter().copied().find(|known| *known == name) else {
            let name: String = name.chars().take(32).collect();
            let known = known.join(", ");
            return Err(ApiError::bad(
                "unknown-parameter",
                format!("`{name}` is no parameter here; there are {known}"),
            ));
        };
        let seen = pairs.iter().filter(|(seen, _)| *seen == name).count();
        if seen > 0 && !REPEATED.contains(&name) {
            return Err(wrong(name, "is given twice; give it once"));
        }
        if seen >= REPEATS_MAX {
            return Err(wrong(
                name,
                format!("is given more than {REPEATS_MAX} times"),
            ));
        }
        if value.chars().count() > VALUE_MAX {
            return Err(wrong(
                name,
                format!("is longer than {VALUE_MAX} characters"),
            ));
        }
        pairs.push((name, value));
    }
    Ok(pairs)
}

/// What a list of calls knows beside them.
pub(in crate::api) const OF_A_LIST: &[&str] = &["limit", "cursor"];

/// The conditions on calls: of a list, of a table and of a report.
pub(in crate::api) const CONDITIONS: &[&str] = &[
    "since",
    "until",
    "project",
    "source",
    "channel",
    "campaign",
    "category",
    "manager",
    "caller",
    "status",
    "tag",
    "target",
    "goal",
    "stage",
    "outcome",
    "repeat",
    "callback",
    "q",
    "number",
    "rule",
    "offered",
    "taken",
    "stages",
    "first_stage",
    "reason",
    "ended",
    "valued",
    "customer",
    "lead",
    "without",
    "hour",
    "weekday",
    "zone",
    "min_wait_ms",
    "max_wait_ms",
];

/// Parameters that may be given several times: any of the projects and stages will do, and all
/// that is to be missing is missing.
pub(in crate::api) const REPEATED: &[&str] = &["project", "without", "stages"];

/// Most values of one of them.
const REPEATS_MAX: usize = 32;

/// Reads which calls are asked for. A parameter with an empty value is as one left out, as forms send it. `tracking` says
/// which outcomes are sales.
pub(in crate::api) fn calls(given: Given, tracking: &Tracking) -> Result<Query, ApiError> {
    conditions(conditions_and(given, OF_A_LIST)?, tracking)
}

/// The same of parameters that were taken apart.
pub(in crate::api) fn conditions(
    pairs: Vec<(&'static str, String)>,
    tracking: &Tracking,
) -> Result<Query, ApiError> {
    let mut query = Query::default();
    for (name, value) in pairs {
        if value.is_empty() {
            continue;
        }
        match name {
            "since" => query.since = Some(time(name, &value)?),
            "until" => query.until = Some(time(name, &value)?),
            "project" => query.projects.get_or_insert_default().push(value),
            "source" => query.source = Some(value),
            "channel" => query.channel = Some(value),
            "campaign" => query.campaign = Some(value),
            "category" => query.category = Some(value),
            "manager" => query.manager = Some(value),
            "caller" => query.caller = Some(plus(&value)),
            "status" => {
                query.status = Some(
                    value
                        .parse()
                        .map_err(|error| wrong(name, format!(": {error}")))?,
                )
            }
            "tag" => query.tag = Some(value),
            "target" => query.target = Some(flag(name, &value)?),
            "goal" => query.goal = Some(value),
            "stage" => query.stage = Some(value),
            "outcome" => query.outcome = Some(value),
            "q" => query.q = Some(value),
            "limit" => query.limit = Some(limit(name, &value)?),
            "cursor" => {
                query.cursor = Some(value.parse().map_err(|_| {
                    wrong(
                        name,
                        "is no cursor; take `next` of the page before as it is",
                    )
                })?)
            }
            _ => narrow::read(name, &value, &mut query, tracking)?,
        }
    }
    if let Some([_]) = query.projects.as_deref() {
        query.project = query.projects.take().and_then(|mut only| only.pop());
    }
    Ok(query)
}

/// Reads a time: RFC 3339, or a day, which begins at midnight UTC.
pub(in crate::api) fn time(name: &str, text: &str) -> Result<WallTime, ApiError> {
    // A plus that was not escaped came as a space: 2026-11-21T12:30:00 03:00.
    let text = match text.rsplit_once(' ') {
        Some((time, zone)) if time.contains(['T', 't']) => format!("{time}+{zone}"),
        Some(_) | None => text.to_owned(),
    };
    let day = |date: Date| {
        let at = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
        Some(WallTime::from_millis(at.as_millisecond()))
    };
    text.parse()
        .ok()
        .or_else(|| text.parse().ok().and_then(day))
        .ok_or_else(|| {
            wrong(name, "is no time; write 2026-11-21T09:30:00Z, another zone as +03:00, or a day as 2026-11-21")
        })
}

/// Gives a number back its plus, which an unescaped query says as a space.
pub(in crate::api) fn plus(text: &str) -> String {
    match text.strip_prefix(' ') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => format!("+{rest}"),
        Some(_) | None => text.trim().to_owned(),
    }
}

/// Reads `true` or `false`.
pub(in crate::api) fn flag(name: &str, text: &str) -> Result<bool, ApiError> {
    text.parse()
        .map_err(|_| wrong(name, "is neither `true` nor `false`"))
}

fn limit(name: &str, text: &str) -> Result<usize, ApiError> {
    text.parse()
        .ok()
        .filter(|limit| (1..=LIMIT_MAX).contains(limit))
        .ok_or_else(|| wrong(name, format!("is no number from 1 to {LIMIT_MAX}")))
}

/// The parameter `name` is wrong.
pub(in crate::api) fn wrong(name: &str, what: impl Display) -> ApiError {
    let what = what.to_string();
    let space = if what.starts_with(':') { "" } else { " " };
    ApiError::bad("bad-parameter", format!("`{name}`{space}{what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> Given {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Ok(Pairs(pairs.iter().map(own).collect()))
    }

    #[test]
    fn every_filter_is_read() {
        let calls = |given| calls(given, &Tracking::default());
        let query = calls(given(&[
            ("since", "2026-11-21"),
            ("until", "2026-11-21T12:30:00 03:00"),
            ("project", "shop"),
            ("project", "clinic"),
            ("source", "direct"),
            ("channel", "yandex"),
            ("campaign", "весна"),
            ("category", "mowers"),
            ("target", "true"),
            ("goal", "price"),
            ("stage", "offer"),
            ("outcome", "sold"),
            ("repeat", "false"),
            ("callback", "open"),
            ("manager", "desk"),
            ("caller", " 7495*"),
            ("status", "missed"),
            ("tag", "spam"),
            ("q", "Иван"),
            ("limit", "10"),
            ("cursor", "019aa5c4-98f0-7000-8000-000000000001"),
        ]))
        .unwrap();
        assert_eq!(query.since.unwrap().to_string(), "2026-11-21T00:00:00.000Z");
        assert_eq!(query.until.unwrap().to_string(), "2026-11-21T09:30:00.000Z");
        assert_eq!(query.caller.as_deref(), Some("+7495*"));
        assert_eq!(query.q.as_deref(), Some("Иван"));
        assert_eq!(query.limit, Some(10));
        let projects = ["shop".to_owned(), "clinic".to_owned()];
        assert_eq!(query.projects, Some(projects.to_vec()));
        assert_eq!((query.target, query.repeat), (Some(true), Some(false)));
        assert!(query.callback_open && query.goal.is_some() && query.stage.is_some());
        assert!(query.outcome.is_some() && query.channel.is_some());
        assert!(query.cursor.is_some() && query.status.is_some());
        let one = calls(given(&[("project", "shop")])).unwrap();
        assert_eq!((one.project.as_deref(), one.projects), (Some("shop"), None));
        assert_eq!(
            calls(given(&[("status", ""), ("q", "")])).unwrap(),
            Query::default()
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let calls = |given| calls(given, &Tracking::default());
        for pair in [
            ("since", "yesterday"),
            ("until", "2026-13-01"),
            ("limit", "0"),
            ("limit", "1001"),
            ("limit", "-1"),
            ("status", "gone"),
            ("cursor", "../../etc/passwd"),
            ("colour", "red"),
            ("target", "yes"),
            ("repeat", "1"),
            ("callback", "soon"),
            ("q", &"x".repeat(VALUE_MAX + 1)),
        ] {
            assert!(calls(given(&[pair])).is_err(), "{pair:?}");
        }
        assert!(calls(given(&[("q", "a"), ("q", "b")])).is_err());
        assert!(calls(given(&[("q", &"ж".repeat(VALUE_MAX))])).is_ok());
        assert!(calls(given(&[("project", "a"); REPEATS_MAX + 1])).is_err());
    }
}
