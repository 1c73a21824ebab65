//! A report as its page shows it: heads, lines, figures with their calls.

use crate::api::pages::reports::figure::Writer;
use crate::api::pages::reports::labels::Labels;
use crate::api::pages::reports::links;
use crate::base::time::WallTime;
use crate::report::table::{Calls, Chart, Column, Figure, Line, Period, Report, Unit, Verdict};
use crate::web::dates::Dates;
use crate::web::list::{Choice, Choices};
use crate::web::report::{Cell, Head, Matrix, Mood, Row};
use crate::web::words::Words;

/// Most lines on a page: who wants more takes the table.
const LINES_MAX: usize = 120;

/// A report and what is needed to show it.
pub(super) struct Shown<'a> {
    pub(super) words: &'static Words,
    pub(super) dates: &'a Dates,
    pub(super) labels: Labels<'a>,
    pub(super) currency: &'a str,
    pub(super) report: &'a Report,
    /// The column that the chart draws.
    pub(super) drawn: usize,
}

impl<'a> Shown<'a> {
    pub(super) const fn writer(&self) -> Writer<'a> {
        Writer {
            words: self.words,
            currency: self.currency,
        }
    }

    /// What a column is called.
    pub(super) fn name(&self, column: &Column) -> String {
        let name = format!("figure-{}", column.key);
        self.words.say_or(&name, column.key)
    }

    /// How a column's figures are worked out: some mean something of their own in a report.
    fn formula(&self, column: &Column) -> String {
        let (report, key) = (self.report.name, column.key);
        let usual = || self.words.say_or(&format!("formula-{key}"), column.formula);
        let own = format!("formula-{report}-{key}");
        if self.words.has(&own) {
            self.words.say(&own)
        } else {
            usual()
        }
    }

    /// The heads of the table.
    pub(super) fn heads(&self) -> Vec<Head> {
        let head = |column: &Column| Head {
            key: column.key,
            name: self.name(column),
            formula: self.formula(column),
        };
        self.report.columns.iter().map(head).collect()
    }

    /// Which figure may be drawn.
    pub(super) fn choices(&self) -> Option<Choices> {
        let values = self.report.columns.iter().enumerate();
        // Whether it pays has no length.
        let values = values.filter(|(_, column)| {
            column.unit != Unit::Verdict && self.report.chart != Chart::Stacked
        });
        let values: Vec<Choice> = values
            .map(|(place, column)| Choice {
                value: column.key.to_owned(),
                text: self.name(column),
                chosen: place == self.drawn,
            })
            .collect();
        (values.len() > 1).then(|| Choices {
            id: "figure".to_owned(),
            name: "figure",
            label: self.words.say("report-drawn"),
            any: String::new(),
            values,
        })
    }

    /// The first and the last day, or the moments where it is no whole days.
    pub(super) fn span(&self, period: &Period) -> String {
        let dates = self.dates;
        let begins = |at: WallTime| dates.midnight(dates.date(at)) == at;
        if !begins(period.since) || !begins(period.until) {
            let moment = |at| {
                format!(
                    "{}, {}",
                    dates.day_and_month(dates.date(at)),
                    dates.time(at)
                )
            };
            let ends = [period.since, period.until].map(moment);
            return ends.join(" – ");
        }
        let last = WallTime::from_millis(period.until.as_millis().saturating_sub(1));
        let (first, last) = (dates.date(period.since), dates.date(last));
        if first == last {
            return dates.day_and_weekday(first);
        }
        if first.month() == last.month() && first.year() == last.year() {
            return format!("{}–{}", first.day(), dates.day_and_month(last));
        }
        let ends = [first, last].map(|day| dates.day_and_month(day));
        ends.join(" – ")
    }

    /// The lines, all of them together first, and what is said of those that are left out.
    pub(super) fn rows(&self) -> (Vec<Row>, Option<String>) {
        if self.report.chart == Chart::Heat || self.is_empty() {
            return (Vec::new(), None);
        }
        let total = self.report.total.iter().map(|line| {
            let name = self.words.say("line-total");
            self.row(line, name, true)
        });
        let lines = self.report.lines.iter().take(LINES_MAX);
        let lines = lines.map(|line| self.row(line, self.labels.name(line), false));
        let rows = total.chain(lines).collect();
        let left = self.report.lines.len().saturating_sub(LINES_MAX);
        (rows, self.left("report-rows-more", left))
    }

    /// Whether nothing was counted, neither now nor before.
    fn is_empty(&self) -> bool {
        let is_nothing = |figure: &Figure| matches!(figure, Figure::Nothing | Figure::Count(0));
        self.report.lines.iter().all(|line| {
            let firsts = [line.cells.first(), line.before.first()];
            firsts.into_iter().flatten().all(is_nothing)
        })
    }

    /// What is said of so many that are left out.
    pub(super) fn left(&self, name: &str, left: usize) -> Option<String> {
        let left = u64::try_from(left).unwrap_or(u64::MAX);
        (left > 0).then(|| self.words.count(name, left))
    }

    fn row(&self, line: &Line, name: String, is_total: bool) -> Row {
        let columns = self.report.columns.iter().zip(&line.cells);
        let cell = |(place, (column, figure)): (usize, (&Column, &Figure))| {
            self.cell(line, column, figure, line.before.get(place))
        };
        let is_one = !is_total && !line.calls.is_empty();
        Row {
            name,
            href: is_one.then(|| links::list(self.dates, &[&self.report.calls, &line.calls])),
            is_total,
            cells: columns.enumerate().map(cell).collect(),
        }
    }

    pub(super) fn cell(
        &self,
        line: &Line,
        column: &Column,
        figure: &Figure,
        before: Option<&Figure>,
    ) -> Cell {
        let writer = self.writer();
        Cell {
            shown: writer.shown(figure),
            href: self.href(line, column, figure),
            few: writer.few(figure),
            mood: match figure {
                Figure::Verdict(Verdict::Pays) => Mood::Good,
                Figure::Verdict(Verdict::DoesNotPay) => Mood::Bad,
                Figure::Verdict(Verdict::Untold)
                | Figure::Nothing
                | Figure::Count(_)
                | Figure::Share(_)
                | Figure::Millis { .. }
                | Figure::Money(_)
                | Figure::Number(_) => Mood::Neutral,
            },
            change: before.and_then(|before| writer.change(column.key, figure, before)),
        }
    }

    /// The calls of the report that meet these conditions too.
    pub(super) fn list(&self, narrower: &Calls) -> String {
        links::list(self.dates, &[&self.report.calls, narrower])
    }

    /// The calls behind a figure; of none there is no list.
    pub(super) fn href(&self, line: &Line, column: &Column, figure: &Figure) -> Option<String> {
        let calls = column.calls.as_ref()?;
        let is_nothing = match figure {
            Figure::Nothing | Figure::Count(0) | Figure::Money(0) => true,
            Figure::Share(share) => share.part == 0,
            Figure::Millis { of, .. } => *of == 0,
            Figure::Count(_) | Figure::Money(_) | Figure::Number(_) | Figure::Verdict(_) => false,
        };
        // What was spent on something for which nobody called is carried by no call.
        let mut cells = self.report.columns.iter().zip(&line.cells);
        let is_of_none =
            cells.any(|(other, cell)| other.calls == column.calls && *cell == Figure::Count(0));
        let conditions = [&self.report.calls, &line.calls, calls];
        (!is_nothing && !is_of_none).then(|| links::list(self.dates, &conditions))
    }

    /// Weekdays down, hours across, of the figure that is drawn.
    pub(super) fn matrix(&self) -> Option<Matrix> {
        if self.report.chart != Chart::Heat || self.is_empty() {
            return None;
        }
        let column = self.report.columns.get(self.drawn)?;
        let writer = self.writer();
        let cell = |weekday: u8, hour: u8| {
            let (line, figure) = self.at(weekday, hour)?;
            Some(Cell {
                shown: writer.tight(figure),
                href: self.href(line, column, figure),
                ..Cell::default()
            })
        };
        let row = |weekday: u8| {
            let cells = (0..24).map(|hour| cell(weekday, hour).unwrap_or_default());
            (
                self.words.say(&format!("weekday-{weekday}")),
                cells.collect(),
            )
        };
        Some(Matrix {
            columns: (0..24).map(|hour| format!("{hour:02}")).collect(),
            rows: (1..=7).map(row).collect(),
        })
    }

    /// The line of an hour of a weekday, and its figure that is drawn.
    pub(super) fn at(&self, weekday: u8, hour: u8) -> Option<(&'a Line, &'a Figure)> {
        let key = format!("{weekday}-{hour:02}");
        let line = self.report.lines.iter().find(|line| line.key == key)?;
        Some((line, line.cells.get(self.drawn)?))
    }
}
