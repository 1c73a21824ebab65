//! `GET /api/v1/reports/{name}` and `GET /api/v1/reports/{name}.csv`: figures over many calls.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State as Shared};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::api::calls::off_the_loop;
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::openapi::query::{CallsAsked, CutAsked, OneReport};
use crate::api::openapi::report::ReportShown;
use crate::api::query::{self, Given, wrong};
use crate::api::spend;
use crate::api::state::{Rules, State};
use crate::api::veil;
use crate::people::Who;
use crate::report::ask::{Ask, By, Kind};
use crate::report::period::{Span, midnight};
use crate::report::run;
use crate::report::sheet;
use crate::report::table::Report;
use crate::store::query::Query;

/// The name in a path, as axum takes it out.
type GivenName = Result<Path<String>, PathRejection>;

/// What a report knows beside the conditions on its calls: by what its lines are cut.
const OF_A_REPORT: &[&str] = &["by"];

/// A report: its columns with the formula of each, its lines with the figures of the period and of the one before, and the
/// conditions under which a list shows the calls behind each figure: those of the report, of the line and of the column
/// together. As a table: the same name with `.csv`.
///
/// Without `since` and `until` it is of 30 days, today the last. A day as one of them begins where the project is.
#[utoipa::path(
    get,
    path = "/api/v1/reports/{name}",
    operation_id = "get_report",
    tag = "figures",
    params(OneReport, CutAsked, CallsAsked),
    responses((status = 200, description = "The report.", body = ReportShown)),
)]
pub(in crate::api) async fn one(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    name: GivenName,
    given: Given,
) -> Result<Response, ApiError> {
    let name = name.map_or_else(|_| String::new(), |Path(name)| name);
    let Some(table) = name.strip_suffix(".csv") else {
        return Ok(Json(report(&state, &who, &name, given).await?).into_response());
    };
    let report = report(&state, &who, table, given).await?;
    let file = format!("attachment; filename=\"{}.csv\"", report.name);
    let head = [
        (
            CONTENT_TYPE,
            "text/csv; charset=utf-8; header=present".to_owned(),
        ),
        (CONTENT_DISPOSITION, file),
    ];
    let text = sheet::write(&report).map_err(|error| ApiError::ours("writing a report", &error))?;
    Ok((head, text).into_response())
}

/// Makes the report that an address asks for, of the calls that `who` may see.
pub(in crate::api) async fn report(
    state: &State,
    who: &Who,
    name: &str,
    given: Given,
) -> Result<Report, ApiError> {
    let kind = kind(name)?;
    let asked = Asked::read(given, kind, &state.rules(), who)?;
    asked.make(state, who).await
}

/// The report of a name.
pub(in crate::api) fn kind(name: &str) -> Result<Kind, ApiError> {
    name.parse().map_err(|_| {
        let words = Kind::ALL.map(Kind::word).join(", ");
        ApiError::missing(
            "unknown-report",
            format!("there is no such report; there are {words}"),
        )
    })
}

/// What is asked for, as far as it does not depend on the hour.
#[derive(Clone, Debug)]
pub(in crate::api) struct Asked {
    /// Which report.
    pub(in crate::api) kind: Kind,
    /// By what its lines are cut; `None`: by what it usually is.
    pub(in crate::api) by: Option<By>,
    /// Of which calls, and of which time where that is said.
    pub(in crate::api) query: Query,
}

impl Asked {
    /// Reads it. A day as `since` or `until` begins where the project is, and the report ends where the last day begins, as a
    /// list does.
    pub(in crate::api) fn read(
        given: Given,
        kind: Kind,
        rules: &Rules,
        who: &Who,
    ) -> Result<Self, ApiError> {
        let (mut by, mut days, mut rest) = (None, Vec::new(), Vec::new());
        for (name, value) in query::conditions_and(given, OF_A_REPORT)? {
            match (name, value.parse::<Date>()) {
                ("since" | "until", Ok(day)) if value.len() == "2026-11-22".len() => {
                    days.push((name, day))
                }
                ("by", _) if !value.is_empty() => by = Some(cut(kind, &value)?),
                ("by", _) => {}
                (_, _) => rest.push((name, value)),
            }
        }
        let mut query = query::conditions(rest, &rules.tracking)?;
        own_conditions(kind, &query)?;
        let zone = zone(&query, rules, who);
        if query.narrow.hour.is_some() || query.narrow.weekday.is_some() {
            // An hour is one of the report's clocks.
            query.narrow.zone = zone.iana_name().map(ToOwned::to_owned);
        }
        for (name, day) in days {
            let begins = Some(midnight(&zone, day));
            if name == "since" {
                query.since = begins;
            } else {
                query.until = begins;
            }
        }
        Ok(Self { kind, by, query })
    }

    /// Makes the report, of the calls that `who` may see.
    ///
    /// # Errors
    /// The period is none, they ask for calls by what they may not see, or for money that they do not.
    pub(in crate::api) async fn make(self, state: &State, who: &Who) -> Result<Report, ApiError> {
        let rules = state.rules();
        if self.kind == Kind::Money {
            spend::may_see(&self.query, &rules, who)?;
        }
        let names_projects = self.query.project.is_some() || self.query.projects.is_some();
        let query = veil::query(self.query, who)?;
        let zone = zone(&query, &rules, who);
        let now = state.clock.wall();
        let span = Span::new(query.since, query.until, now, zone)
            .map_err(|none| ApiError::bad("bad-period", none.to_string()))?;
        let store = state.store.clone();
        let (kind, by) = (self.kind, self.by);
        let mut report = off_the_loop(move || {
            let ask = Ask {
                kind,
                by,
                query,
                span,
                now,
                tracking: &rules.tracking,
                routing: &rules.routing,
            };
            run::run(&store, &ask)
        })
        .await?;
        if !names_projects {
            // Theirs are no condition that they gave.
            report.calls.retain(|(name, _)| *name != "project");
        }
        Ok(report)
    }
}

/// Refuses a condition that the lines or columns of a report are made of, where both together would be no condition of a
/// list.
fn own_conditions(kind: Kind, query: &Query) -> Result<(), ApiError> {
    let narrow = &query.narrow;
    let own = match kind {
        Kind::Managers => [
            ("offered", narrow.offered.is_some()),
            ("taken", narrow.taken.is_some()),
        ],
        Kind::Funnel => [
            ("stages", !narrow.stages.is_empty()),
            ("first_stage", narrow.first_stage),
        ],
        Kind::Missed => [
            ("callback", narrow.called_back.is_some()),
            ("callback", query.callback_open),
        ],
        Kind::Sources
        | Kind::Hours
        | Kind::Days
        | Kind::Repeat
        | Kind::Reasons
        | Kind::Goals
        | Kind::Lines
        | Kind::AnswerTime
        | Kind::Rules
        | Kind::Money => return Ok(()),
    };
    match own.into_iter().find(|(_, is_asked)| *is_asked) {
        Some((name, _)) => Err(wrong(
            name,
            "is what this report itself tells apart; leave it out",
        )),
        None => Ok(()),
    }
}

/// By what lines are to be cut.
fn cut(kind: Kind, word: &str) -> Result<By, ApiError> {
    let cuts = kind.cuts();
    let known = cuts.iter().find(|by| by.word() == word);
    known.copied().ok_or_else(|| {
        let words: Vec<_> = cuts.iter().map(|by| by.word()).collect();
        match words.is_empty() {
            true => wrong(
                "by",
                format!("is nothing that `{}` is cut by; leave it out", kind.word()),
            ),
            false => wrong("by", format!("is none of {}", words.join(", "))),
        }
    })
}

/// Where the days of a report begin: in the zone that is asked for, else at the project, else at the first that is theirs.
pub(in crate::api) fn zone(query: &Query, rules: &Rules, who: &Who) -> TimeZone {
    let asked = query.narrow.zone.as_deref().map(TimeZone::get);
    if let Some(Ok(zone)) = asked {
        return zone;
    }
    let projects = rules.tracking.projects();
    let mut named = query.project.iter().chain(query.projects.iter().flatten());
    let asked = named.find_map(|id| rules.tracking.project(id).filter(|_| who.sees(id)));
    let own = || projects.iter().find(|project| who.sees(&project.id));
    let project = asked.or_else(own);
    project.map_or(TimeZone::UTC, |project| project.time_zone.clone())
}
