//! A report as its chart shows it.

use crate::api::pages::reports::figure;
use crate::api::pages::reports::shown::Shown;
use crate::report::table::{Chart, Figure, Line};
use crate::web::chart::{Drawing, Grid, Mark, Shape};

/// Most bars: more make a wall that nobody reads.
const BARS_MAX: usize = 16;

/// Most columns: three months of days.
const COLUMNS_MAX: usize = 120;

impl Shown<'_> {
    /// The chart, and what is said of what it leaves out. `None`: there is nothing to draw.
    pub(super) fn chart(&self) -> (Option<Drawing>, Option<String>) {
        let Some(column) = self.report.columns.get(self.drawn) else {
            return (None, None);
        };
        let mut left = 0;
        let mut marks = |most: usize| -> Vec<Mark> {
            let all = self.report.lines.iter().filter_map(|line| self.mark(line));
            let mut all: Vec<Mark> = all.collect();
            if self.report.chart == Chart::Bars {
                // What has no figure has no bar.
                all.retain(|mark| mark.value.is_some() || mark.before.is_some());
            }
            all.truncate(most);
            left = self.report.lines.len() - all.len();
            all
        };
        let shape = match self.report.chart {
            Chart::Bars => Shape::Bars(marks(BARS_MAX)),
            Chart::Columns => Shape::Columns(marks(COLUMNS_MAX)),
            Chart::Funnel => Shape::Funnel(marks(BARS_MAX)),
            Chart::Heat => Shape::Heat(self.heat()),
            Chart::Stacked => Shape::Stacked(self.goals()),
        };
        let name = self.name(column);
        let about = self.words.with_both(
            "chart-about",
            &self.span(&self.report.period),
            &self.span(&self.report.before),
        );
        let drawing = Drawing {
            id: "chart",
            title: self
                .words
                .with_both("chart-title", &name, &self.labels.of()),
            about,
            scale: self.writer().scale(column.unit),
            shape,
        };
        if drawing.is_empty() {
            return (None, None);
        }
        (Some(drawing), self.left("report-chart-more", left))
    }

    /// The figure of a line that is drawn.
    fn mark(&self, line: &Line) -> Option<Mark> {
        let now = line.cells.get(self.drawn)?;
        let before = line.before.get(self.drawn);
        Some(self.marked(
            self.labels.brief(line),
            &self.labels.name(line),
            now,
            before,
        ))
    }

    fn marked(&self, label: String, name: &str, now: &Figure, before: Option<&Figure>) -> Mark {
        let writer = self.writer();
        let shown = writer.shown(now);
        let was = before
            .filter(|before| figure::value(before).is_some())
            .map(|before| self.words.with("change-was", &writer.shown(before)));
        let hint = match was {
            Some(was) => format!("{name}: {shown}, {was}"),
            None => format!("{name}: {shown}"),
        };
        Mark {
            label,
            value: figure::value(now),
            shown,
            before: before.and_then(figure::value),
            range: figure::range(now),
            hint,
        }
    }

    /// Weeks with what each is made of. What nobody ever wanted has no colour.
    fn goals(&self) -> Grid {
        let mut grid = Grid::default();
        let mut cells: Vec<(usize, usize, Mark)> = Vec::new();
        let place = |names: &mut Vec<String>, name: String| {
            let known = names.iter().position(|known| *known == name);
            known.unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            })
        };
        for line in &self.report.lines {
            let Some((week, goal)) = self.labels.week_and_goal(line) else {
                continue;
            };
            let row = place(&mut grid.rows, week);
            if let Some(now) = line.cells.first().filter(|now| **now != Figure::Count(0)) {
                let column = place(&mut grid.columns, goal);
                let mark = self.marked(String::new(), &self.labels.name(line), now, None);
                cells.push((row, column, mark));
            }
        }
        let wide = grid.columns.len();
        grid.cells = vec![Mark::default(); grid.rows.len() * wide];
        for (row, column, mark) in cells {
            if let Some(cell) = grid.cells.get_mut(row * wide + column) {
                *cell = mark;
            }
        }
        grid
    }

    fn heat(&self) -> Grid {
        let weekday = |n: u8| self.words.say(&format!("weekday-{n}"));
        let brief = |n: u8| self.words.say(&format!("weekday-brief-{n}"));
        let writer = self.writer();
        let cell = |(day, hour): (u8, u8)| {
            let Some((line, now)) = self.at(day, hour) else {
                return Mark::default();
            };
            let name = format!("{}, {hour:02}:00–{hour:02}:59", weekday(day));
            let mark = self.marked(String::new(), &name, now, line.before.get(self.drawn));
            Mark {
                shown: writer.tight(now),
                ..mark
            }
        };
        let places = (1..=7).flat_map(|day| (0..24).map(move |hour| (day, hour)));
        Grid {
            rows: (1..=7).map(weekday).collect(),
            brief: (1..=7).map(brief).collect(),
            columns: (0..24).map(|hour: u8| format!("{hour:02}")).collect(),
            cells: places.map(cell).collect(),
        }
    }
}
