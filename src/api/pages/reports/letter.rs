//! A report as a letter: the figures of its page, as HTML that reads without its picture, as plain text, and its table as a file.

use askama::Template;

use crate::api::error::ApiError;
use crate::api::pages::reports::labels::Labels;
use crate::api::pages::reports::shown::Shown;
use crate::api::pages::show::Shower;
use crate::api::state::State;
use crate::base::time::WallTime;
use crate::notify::letter::{Content, Picture, Table};
use crate::report::ask::{By, Kind};
use crate::report::table::Report;
use crate::store::saved::SavedReport;
use crate::track::Project;
use crate::web::chart::{Mark, Shape, picture};
use crate::web::frame::form_urlencoded;
use crate::web::letter::{Cell, LetterPage, LetterRow};
use crate::web::report;
use crate::web::words::{Language, Words};

/// How wide the picture is drawn, in pixels: a letter's column on a desk, and most of a telephone's.
const PICTURE_WIDTH: u32 = 320;

/// Most bars of the picture, as many as one looks at.
const BARS_MAX: usize = 31;

/// What a letter is made of.
pub(in crate::api) struct Given<'a> {
    /// Which report.
    pub(in crate::api) saved: &'a SavedReport,
    /// Its figures.
    pub(in crate::api) report: &'a Report,
    /// Which it is.
    pub(in crate::api) kind: Kind,
    /// By what its lines are cut.
    pub(in crate::api) by: Option<By>,
    /// Its table, as CSV.
    pub(in crate::api) csv: String,
    /// Whose figures they are.
    pub(in crate::api) project: &'a Project,
    /// The members of its page's address.
    pub(in crate::api) pairs: &'a [(String, String)],
    /// What browsers call the pages, where that is known.
    pub(in crate::api) public: Option<&'a str>,
    /// When it is due.
    pub(in crate::api) now: WallTime,
}

/// Writes the letter, in the language of whoever saved the report.
pub(in crate::api) fn letter(state: &State, given: Given<'_>) -> Result<Content, ApiError> {
    let language: Language = given.saved.language.parse().unwrap_or_default();
    let words = Words::of(language);
    let shower = Shower::new(state, words, given.now);
    let dates = shower.dates(&given.project.id);
    let shown = Shown {
        words,
        dates,
        labels: Labels::new(&shower, dates, given.kind, given.by),
        currency: &given.project.currency,
        report: given.report,
        drawn: given.report.drawn,
    };
    let period = shown.span(&given.report.period);
    let before = words.with("letter-before", &shown.span(&given.report.before));
    let (columns, rows, left_out) = table(&shown);
    let (drawn, bars, picture) = drawn(&shown);
    let page = LetterPage {
        language,
        words,
        name: given.saved.name.clone(),
        project: given.project.label.to_string(),
        period: period.clone(),
        before,
        of: shown.labels.of(),
        columns,
        rows,
        left_out,
        drawn,
        bars,
        picture: picture.as_ref().map(|picture| picture.id.clone()),
        links: given.public.map(|public| links(&given, public)),
        saved_by: shower.who(&given.saved.saved_by),
    };
    let html = page
        .render()
        .map_err(|error| ApiError::ours("writing a letter", &error))?;
    Ok(Content {
        subject: words.with_both("letter-subject", &given.saved.name, &period),
        text: page.text(),
        html,
        pictures: picture.into_iter().collect(),
        tables: vec![Table {
            name: format!("{}.csv", given.saved.report),
            csv: given.csv,
        }],
    })
}

/// The headings, the lines as the page has them, and what is left out.
fn table(shown: &Shown<'_>) -> (Vec<String>, Vec<LetterRow>, Option<String>) {
    if let Some(matrix) = shown.matrix() {
        let rows = matrix.rows.into_iter().map(|(name, cells)| LetterRow {
            name,
            cells: cells.into_iter().map(cell).collect(),
            is_total: false,
        });
        return (matrix.columns, rows.collect(), None);
    }
    let columns = shown.heads().into_iter().map(|head| head.name);
    let (rows, left_out) = shown.rows();
    let rows = rows.into_iter().map(|row| LetterRow {
        name: row.name,
        cells: row.cells.into_iter().map(cell).collect(),
        is_total: row.is_total,
    });
    (columns.collect(), rows.collect(), left_out)
}

fn cell(cell: report::Cell) -> Cell {
    let change = cell.change;
    let change = change.map(|change| match change.was.as_str() {
        "" => change.text,
        was => format!("{}, {was}", change.text),
    });
    let more: Vec<String> = cell.few.into_iter().chain(change).collect();
    Cell {
        now: cell.shown,
        before: more.join(" · "),
    }
}

/// What the picture shows, what stands beside its bars, and the picture.
fn drawn(shown: &Shown<'_>) -> (String, Vec<Cell>, Option<Picture>) {
    let nothing = (String::new(), Vec::new(), None);
    let (Some(drawing), _) = shown.chart() else {
        return nothing;
    };
    let mut marks: Vec<Mark> = match drawing.shape {
        Shape::Bars(marks) | Shape::Columns(marks) | Shape::Funnel(marks) => marks,
        // Nobody reads seven times twenty-four cells without their hours: the table has them.
        Shape::Heat(_) | Shape::Stacked(_) => return nothing,
    };
    // Of days the last ones.
    let odd = marks.len().saturating_sub(BARS_MAX);
    marks.drain(..odd);
    let png = picture(&marks, PICTURE_WIDTH);
    if png.is_empty() {
        return nothing;
    }
    let bars = marks.into_iter().map(|mark| Cell {
        now: mark.label,
        before: mark.shown,
    });
    let picture = Picture {
        id: "chart@ringtag".to_owned(),
        png,
    };
    (drawing.title, bars.collect(), Some(picture))
}

/// The report of that time, and all saved reports.
fn links(given: &Given<'_>, public: &str) -> (String, String) {
    let pairs = given.pairs.iter();
    let query: Vec<String> = pairs
        .map(|(name, value)| format!("{name}={}", form_urlencoded(value)))
        .collect();
    let report = given.kind.word();
    let own = format!("{public}/reports/{report}?{}", query.join("&"));
    (own, format!("{public}/saved"))
}
