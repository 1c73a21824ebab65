//! A saved report as it is asked for, read with an error that names the member and what would be right.

use axum::extract::Query as Pairs;
use axum::http::StatusCode;
use serde_json::Value;

use crate::api::body::Members;
use crate::api::error::ApiError;
use crate::api::reports;
use crate::api::saved::members::{self, PERIOD};
use crate::api::state::State;
use crate::base::entropy;
use crate::notify::address::Address;
use crate::people::{Right, Who};
use crate::report::relative::Relative;
use crate::store::saved::{MEMBERS_MAX, NAME_MAX, RECIPIENTS_MAX, SavedReport, Sending, VALUE_MAX};
use crate::web::words::Language;

/// Members that ask for a person. What is saved stays in the log, where nobody's number belongs outside of their calls.
const OF_PEOPLE: [&str; 2] = ["caller", "q"];

/// Reads a report that is to be saved.
pub(in crate::api) fn new(
    members: Members,
    state: &State,
    who: &Who,
) -> Result<SavedReport, ApiError> {
    let mut members =
        members.only(&["name", "report", "project", "filter", "language", "sending"])?;
    let id = new_id()?;
    let name = name(&mut members)?;
    let report = members.need("report", "the name of a report")?;
    let report = report.as_str().unwrap_or_default();
    let kind = reports::kind(report).map_err(|error| odd("report", error.message()))?;
    let project = project(&mut members, state, who)?;
    let filter = filter(&mut members)?;
    let language = language(&mut members)?;
    let sending = sending(&mut members, state, who, None)?;
    let report = SavedReport {
        id,
        project,
        name,
        report: kind.word().to_owned(),
        filter,
        language,
        saved_by: who.name.to_string(),
        saved_at: state.clock.wall(),
        sending,
    };
    check(&report, state, who).map_err(|error| odd("filter", error.message()))?;
    Ok(report)
}

/// Reads what is to be changed.
pub(in crate::api) fn changed(
    members: Members,
    state: &State,
    who: &Who,
    old: SavedReport,
) -> Result<SavedReport, ApiError> {
    let mut members = members.only(&["name", "language", "sending"])?;
    let mut report = SavedReport {
        saved_by: who.name.to_string(),
        saved_at: state.clock.wall(),
        ..old
    };
    if let Some(name) = members.take("name") {
        report.name = read_name(&members, &name)?;
    }
    if let Some(given) = members.take("language") {
        report.language = read_language(&members, &given)?;
    }
    report.sending = sending(&mut members, state, who, report.sending)?;
    check(&report, state, who).map_err(|error| odd("filter", error.message()))?;
    Ok(report)
}

/// Eight bytes of chance: nobody guesses the address of another's report, and two never meet.
fn new_id() -> Result<String, ApiError> {
    let seed = entropy::seed().map_err(|error| ApiError::ours("naming a report", &error))?;
    let short = seed.get(..8).unwrap_or(&seed);
    Ok(hex::encode(short))
}

fn name(members: &mut Members) -> Result<String, ApiError> {
    let name = members.need("name", "what people call it")?;
    read_name(members, &name)
}

fn read_name(members: &Members, name: &Value) -> Result<String, ApiError> {
    let name = name.as_str().map(str::trim);
    let name = name.filter(|name| (1..=NAME_MAX).contains(&name.chars().count()));
    let name = name.filter(|name| !name.chars().any(char::is_control));
    name.map(str::to_owned).ok_or_else(|| {
        let right = format_args!("is wrong; give 1 to {NAME_MAX} characters in one line");
        members.wrong("name", right)
    })
}

fn project(members: &mut Members, state: &State, who: &Who) -> Result<String, ApiError> {
    let rules = state.rules();
    let mut own = rules.tracking.projects().iter();
    let mut own = own.by_ref().filter(|project| who.sees(&project.id));
    let Some(given) = members.take("project") else {
        return match (own.next(), own.next()) {
            (Some(only), None) => Ok(only.id.to_string()),
            (_, _) => Err(members.wrong("project", "is missing; give the id of one")),
        };
    };
    let known = given.as_str().and_then(|id| rules.tracking.project(id));
    let known = known.filter(|project| who.sees(&project.id));
    known
        .map(|project| project.id.to_string())
        .ok_or_else(|| odd("project", "it is no project of yours"))
}

/// What is right by itself, and not for this report or this house.
fn odd(member: &'static str, message: impl Into<String>) -> ApiError {
    let message = format!("`{member}` does not fit: {}", message.into());
    ApiError::new(StatusCode::CONFLICT, "bad-report", message).with("member", member)
}

fn filter(members: &mut Members) -> Result<Vec<(String, String)>, ApiError> {
    let given = match members.take("filter") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(given) => given,
    };
    let wrong = |what: String| members.wrong("filter", what);
    let Value::Object(given) = given else {
        return Err(wrong(
            "is no JSON object; write {\"source\": \"billboard\"}".into(),
        ));
    };
    if given.len() > MEMBERS_MAX {
        return Err(odd(
            "filter",
            format!("it has more than {MEMBERS_MAX} members"),
        ));
    }
    let mut filter = Vec::with_capacity(given.len());
    for (name, value) in given {
        let name: String = name.chars().take(64).collect();
        if OF_PEOPLE.contains(&name.as_str()) {
            return Err(odd(
                "filter",
                format!(
                    "it has `{name}`, which is about a person; a saved report is about all of them"
                ),
            ));
        }
        if name == "project" {
            return Err(odd("filter", "it has `project`, which stands beside it"));
        }
        let value = value
            .as_str()
            .filter(|value| value.chars().count() <= VALUE_MAX);
        let value = value.ok_or_else(|| {
            wrong(format!(
                "has a `{name}` that is no text of at most {VALUE_MAX} characters"
            ))
        })?;
        if name == PERIOD && !value.is_empty() && value.parse::<Relative>().is_err() {
            let words = Relative::ALL.map(Relative::word).join(", ");
            return Err(odd(
                "filter",
                format!("it has no such `period`; there are {words}"),
            ));
        }
        if !value.is_empty() {
            filter.push((name, value.to_owned()));
        }
    }
    let has = |name: &str| filter.iter().any(|(other, _)| other == name);
    if has(PERIOD) && (has("since") || has("until")) {
        return Err(odd(
            "filter",
            "it has a `period` and its ends; give one of both",
        ));
    }
    Ok(filter)
}

fn language(members: &mut Members) -> Result<String, ApiError> {
    match members.take("language") {
        None => Ok(Language::default().code().to_owned()),
        Some(given) => read_language(members, &given),
    }
}

fn read_language(members: &Members, given: &Value) -> Result<String, ApiError> {
    let language = given
        .as_str()
        .and_then(|code| code.parse::<Language>().ok());
    let language = language.ok_or_else(|| {
        let codes = Language::ALL.map(Language::code).join(", ");
        members.wrong("language", format!("is none; there are {codes}"))
    })?;
    Ok(language.code().to_owned())
}

/// When it is sent; `old`: what holds where nothing is said of it.
fn sending(
    members: &mut Members,
    state: &State,
    who: &Who,
    old: Option<Sending>,
) -> Result<Option<Sending>, ApiError> {
    let given = match members.take("sending") {
        None => return Ok(old),
        Some(Value::Null) => return Ok(None),
        Some(given) => given,
    };
    if !who.may(Right::Mail) {
        let message = "having reports sent outside is not yours to do; ask a manager";
        let refusal = ApiError::new(StatusCode::FORBIDDEN, "forbidden", message);
        return Err(refusal.with("right", Right::Mail.word()));
    }
    let mut members = Members::of("sending.", given)?.only(&["weekday", "hour", "recipients"])?;
    let weekday = number(&mut members, "weekday", 1, 7, "Monday 1 to Sunday 7")?;
    let hour = number(&mut members, "hour", 0, 23, "an hour, 0 to 23")?;
    let recipients = recipients(&mut members)?;
    // A turn that has passed is not made up for when its hour is set again; one that was set before stays due.
    let same = old.filter(|old| old.weekday == weekday && old.hour == hour);
    Ok(Some(Sending {
        weekday,
        hour,
        recipients,
        since: same.map_or_else(|| state.clock.wall(), |old| old.since),
    }))
}

fn number(
    members: &mut Members,
    name: &str,
    min: u8,
    max: u8,
    right: &str,
) -> Result<u8, ApiError> {
    let given = members.need(name, right)?;
    // To JSON 1.0 is whole too.
    let given = given.as_f64();
    let number = (min..=max).find(|number| given == Some(f64::from(*number)));
    number.ok_or_else(|| members.wrong(name, format!("is wrong; give {right}")))
}

fn recipients(members: &mut Members) -> Result<Vec<String>, ApiError> {
    let given = members.need("recipients", "a list of addresses")?;
    let texts: Option<Vec<&str>> = given
        .as_array()
        .and_then(|list| list.iter().map(Value::as_str).collect());
    let texts = texts.filter(|texts| (1..=RECIPIENTS_MAX).contains(&texts.len()));
    let texts = texts.ok_or_else(|| {
        let right =
            format!("is wrong; give 1 to {RECIPIENTS_MAX} addresses; a mailing list is one");
        members.wrong("recipients", right)
    })?;
    let mut read: Vec<String> = Vec::with_capacity(texts.len());
    for text in texts {
        let address: Address = text.trim().parse().map_err(|why| {
            let shown: String = text.chars().take(64).collect();
            members.wrong("recipients", format!("has `{shown}`: {why}"))
        })?;
        let address = address.to_string();
        let mut others = read.iter();
        // One letter is enough.
        if !others.any(|other| other.eq_ignore_ascii_case(&address)) {
            read.push(address);
        }
    }
    Ok(read)
}

/// Whether the report can be made, by who saves it: what its page would say of such an address.
fn check(report: &SavedReport, state: &State, who: &Who) -> Result<(), ApiError> {
    let rules = state.rules();
    let kind = reports::kind(&report.report)?;
    let project = rules.tracking.project(&report.project);
    let zone = project.map_or(jiff::tz::TimeZone::UTC, |project| project.time_zone.clone());
    let pairs = members::at(report, state.clock.wall(), &zone);
    reports::Asked::read(Ok(Pairs(pairs)), kind, &rules, who)?.check(&rules, who)
}
