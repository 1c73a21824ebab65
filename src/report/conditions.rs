//! The conditions of a query as members of a list's address, so that every figure opens its calls. Pure.

use crate::report::table::Calls;
use crate::store::query::{Query, Status};

/// What `query` asks for, under the names that the API and the pages read.
pub(crate) fn of(query: &Query) -> Calls {
    let mut calls = Calls::new();
    let mut add = |name, value: Option<String>| calls.extend(value.map(|value| (name, value)));
    let texts = [
        ("project", &query.project),
        ("source", &query.source),
        ("channel", &query.channel),
        ("campaign", &query.campaign),
        ("category", &query.category),
        ("manager", &query.manager),
        ("caller", &query.caller),
        ("tag", &query.tag),
        ("goal", &query.goal),
        ("stage", &query.stage),
        ("outcome", &query.outcome),
        ("q", &query.q),
        ("number", &query.narrow.number),
        ("rule", &query.narrow.rule),
        ("offered", &query.narrow.offered),
        ("zone", &query.narrow.zone),
    ];
    for (name, text) in texts {
        add(name, text.clone());
    }
    let narrow = &query.narrow;
    let word = |value: Option<&dyn ToString>| value.map(ToString::to_string);
    fn shown<T: ToString>(value: &Option<T>) -> Option<&dyn ToString> {
        value.as_ref().map(|value| value as &dyn ToString)
    }
    add("since", word(shown(&query.since)));
    add("until", word(shown(&query.until)));
    // A column has a status too, and of two members with one name the narrower counts.
    match query.status {
        Some(Status::Ended(reason)) => add("reason", Some(reason.word().to_owned())),
        Some(Status::InProgress) => add("ended", Some("false".to_owned())),
        Some(status @ (Status::Answered | Status::Missed)) => {
            add("status", Some(status.word().to_owned()));
        }
        None => {}
    }
    add("target", word(shown(&query.target)));
    add("repeat", word(shown(&query.repeat)));
    add("repeat", narrow.hidden.then(|| "unknown".to_owned()));
    add("callback", query.callback_open.then(|| "open".to_owned()));
    add(
        "callback",
        narrow.called_back.map(|back| back.word().to_owned()),
    );
    add(
        "reason",
        narrow.reason.map(|reason| reason.word().to_owned()),
    );
    add("valued", word(shown(&narrow.valued)));
    add("ended", word(shown(&narrow.ended)));
    add("taken", narrow.taken.map(|taken| taken.word().to_owned()));
    add("first_stage", narrow.first_stage.then(|| "true".to_owned()));
    add("hour", word(shown(&narrow.hour)));
    add("weekday", word(shown(&narrow.weekday)));
    add("min_wait_ms", word(shown(&narrow.min_wait_ms)));
    add("max_wait_ms", word(shown(&narrow.max_wait_ms)));
    add(
        "customer",
        narrow.customers.as_ref().map(|_| "true".to_owned()),
    );
    add("lead", narrow.leads.as_ref().map(|_| "true".to_owned()));
    for project in query.projects.iter().flatten() {
        add("project", Some(project.clone()));
    }
    for stage in &narrow.stages {
        add("stages", Some(stage.clone()));
    }
    for part in &narrow.without {
        add("without", Some(part.word().to_owned()));
    }
    calls
}

/// A condition.
pub(crate) fn is(name: &'static str, value: impl Into<String>) -> (&'static str, String) {
    (name, value.into())
}
