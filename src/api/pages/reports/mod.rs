//! `GET /reports`: which reports there are; `GET /reports/{name}`: one of them as chart and table; `GET /dashboard`: what a
//! manager reads in ten seconds.

pub(in crate::api) mod dashboard;
mod drawing;
mod figure;
mod labels;
pub(in crate::api) mod letter;
mod links;
mod shown;
mod tables;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State as Shared};
use axum::response::Response;

use crate::api::calls::off_the_loop;
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::pages::filter::{self, Asked};
use crate::api::pages::html;
use crate::api::pages::look::Look;
use crate::api::pages::reports::labels::Labels;
use crate::api::pages::reports::shown::Shown;
use crate::api::pages::show::Shower;
use crate::api::query::Given;
use crate::api::reports;
use crate::api::state::State;
use crate::people::{Right, Who};
use crate::report::ask::{By, Kind};
use crate::store::query::Query;
use crate::web::frame::Here;
use crate::web::list::{Choice, Choices};
use crate::web::report::{Entry, ReportPage, ReportsPage};

/// The list of reports.
pub(in crate::api) async fn list(Asker(who): Asker, look: Look) -> Result<Response, ApiError> {
    let words = look.words();
    let entry = |kind: Kind| Entry {
        title: words.say(&format!("report-{}", kind.word())),
        asks: words.say(&format!("report-asks-{}", kind.word())),
        href: path(kind),
    };
    html(&ReportsPage {
        frame: look.frame(Here::Reports),
        entries: Kind::ALL
            .into_iter()
            .filter(|kind| *kind != Kind::Money || who.may(Right::Money))
            .map(entry)
            .collect(),
    })
}

/// The page of a report.
fn path(kind: Kind) -> String {
    format!("/reports/{}", kind.word())
}

/// A report.
pub(in crate::api) async fn one(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    look: Look,
    name: Result<Path<String>, PathRejection>,
    given: Given,
) -> Result<Response, ApiError> {
    let name = name.map_or_else(|_| String::new(), |Path(name)| name);
    let kind = reports::kind(&name)?;
    let shower = Shower::new(&state, look.words(), look.now());
    let mut asked = Asked::read_report(path(kind), given);
    let query = asked.query(&shower, &who);
    let by = by(kind, &asked);
    let report = reports::Asked {
        kind,
        by,
        query: query.clone(),
    };
    let report = report.make(&state, &who).await?;
    let dates = asked.dates(&shower, &who);
    let labels = Labels::new(&shower, dates, kind, by);
    let shown = Shown {
        words: look.words(),
        dates,
        labels,
        currency: currency(&shower, &query, &who),
        report: &report,
        drawn: drawn(&report, asked.get("figure")),
    };
    let in_use = tags_in_use(&state, &who).await;
    let api =
        |end: &str| asked.for_programs(&format!("/api/v1/reports/{}{end}", kind.word()), &query);
    let words = look.words();
    let (tables, rows_more) = shown.tables(kind);
    let (chart, chart_more) = shown.chart();
    let period = (report.period.since, report.period.until);
    let store = state.store.clone();
    let untracked = off_the_loop(move || store.untracked(period.0, period.1)).await?;
    let is_meant = |id: &str| {
        let one = query.project.as_deref().is_none_or(|asked| asked == id);
        let some = query.projects.as_ref();
        who.sees(id) && one && some.is_none_or(|asked| asked.iter().any(|asked| asked == id))
    };
    html(&ReportPage {
        rests: shower.rested(period, &untracked, |project| is_meant(&project.id)),
        title: words.say(&format!("report-{}", kind.word())),
        asks: words.say(&format!("report-asks-{}", kind.word())),
        path: path(kind),
        cuts: cuts(kind, by, &shower),
        drawn: shown.choices(),
        period: shown.span(&report.period),
        before: shown.span(&report.before),
        of: shown.labels.of(),
        heads: shown.heads(),
        matrix: shown.matrix(),
        tables,
        rows_more,
        chart,
        chart_more,
        csv: who.may(Right::Export).then(|| api(".csv")),
        json: api(""),
        save: format!("/saved/new?report={}&{}", kind.word(), asked.query_text()),
        filter: filter::shown::shown(&asked, &shower, &who, &in_use),
        frame: look.frame(Here::Reports),
    })
}

/// By what the lines are cut: as asked, else as usual. A word of another report is as none.
fn by(kind: Kind, asked: &Asked) -> Option<By> {
    let cuts = kind.cuts();
    let word = asked.get("by");
    let known = word.and_then(|word| cuts.iter().find(|by| by.word() == word));
    known.or_else(|| cuts.first()).copied()
}

/// The column that is drawn: as asked, else as the report has it.
fn drawn(report: &crate::report::table::Report, asked: Option<&str>) -> usize {
    let place = |key| report.columns.iter().position(|column| column.key == key);
    asked.and_then(place).unwrap_or(report.drawn)
}

fn cuts(kind: Kind, by: Option<By>, shower: &Shower) -> Option<Choices> {
    let words = shower.words;
    let values = kind.cuts().iter().map(|cut| Choice {
        value: cut.word().to_owned(),
        text: words.say(&format!("cut-{}", cut.word())),
        chosen: by == Some(*cut),
    });
    let values: Vec<Choice> = values.collect();
    (values.len() > 1).then(|| Choices {
        id: "by".to_owned(),
        name: "by",
        label: words.say("report-by"),
        any: String::new(),
        values,
    })
}

/// The currency of the project that is asked for, else of the first that is theirs.
pub(super) fn currency<'s>(shower: &'s Shower, query: &Query, who: &Who) -> &'s str {
    let own = || {
        let projects = shower.rules.tracking.projects().iter();
        projects
            .map(|project| &*project.id)
            .find(|project| who.sees(project))
    };
    let project = query.project.as_deref().or_else(own);
    shower.currency(project.unwrap_or_default())
}

/// The tags that people use beside those of the lists; free tags are not for whoever sees no numbers.
async fn tags_in_use(state: &State, who: &Who) -> Vec<std::sync::Arc<str>> {
    if !who.may(Right::Numbers) {
        return Vec::new();
    }
    let (store, who) = (state.store.clone(), who.clone());
    let tags = off_the_loop(move || store.tags_lately(|project| who.sees(project)));
    tags.await.unwrap_or_default()
}
