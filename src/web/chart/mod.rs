//! Charts as SVG, drawn without a script and readable in both themes; and their bars as a picture for a letter.
//!
//! They are told labels and numbers and know nothing of reports. Everything that they show stands in a table beside them, so
//! a chart is one image to a screen reader, with a title and a sentence.

use std::fmt::Write as _;

mod bars;
mod canvas;
mod columns;
mod heat;
mod picture;
mod scale;

pub use picture::picture;
pub use scale::Scale;

use crate::web::chart::canvas::Canvas;
use crate::web::words::Words;

/// One figure that is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mark {
    /// What it is of: `billboard`, `22 Nov`.
    pub label: String,
    /// How much; `None`: nothing was counted, which is not zero.
    pub value: Option<f64>,
    /// The same as people read it.
    pub shown: String,
    /// How much in the period before.
    pub before: Option<f64>,
    /// Where the true value lies, of a figure that is made of few calls.
    pub range: Option<(f64, f64)>,
    /// What a pointer that rests on it is told.
    pub hint: String,
}

impl Mark {
    /// The same with what has a length: no infinity, nothing below nought.
    fn drawable(&self) -> Self {
        let fits = |value: &f64| value.is_finite() && *value >= 0.0;
        Self {
            value: self.value.filter(fits),
            before: self.before.filter(fits),
            range: self
                .range
                .filter(|(low, high)| fits(low) && fits(high) && low <= high),
            ..self.clone()
        }
    }
}

/// Figures in rows and columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grid {
    /// Names of the rows: weekdays, weeks.
    pub rows: Vec<String>,
    /// The same where there is room for two letters; empty: there is nothing shorter.
    pub brief: Vec<String>,
    /// Names of the columns: hours, goals.
    pub columns: Vec<String>,
    /// Row by row, a cell a column.
    pub cells: Vec<Mark>,
}

impl Grid {
    /// The cell of a row and a column.
    fn cell(&self, row: usize, column: usize) -> Option<&Mark> {
        self.cells.get(row * self.columns.len() + column)
    }

    fn drawable(&self) -> Self {
        Self {
            cells: drawable(&self.cells),
            ..self.clone()
        }
    }
}

/// What a chart looks like.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A bar a line, as they come.
    Bars(Vec<Mark>),
    /// Time from left to right, the period before behind it.
    Columns(Vec<Mark>),
    /// Weekdays down, hours across; the more, the stronger.
    Heat(Grid),
    /// From the widest to the narrowest.
    Funnel(Vec<Mark>),
    /// A column a row of the grid, made of its cells.
    Stacked(Grid),
}

impl Shape {
    fn drawable(&self) -> Self {
        match self {
            Self::Bars(marks) => Self::Bars(drawable(marks)),
            Self::Columns(marks) => Self::Columns(drawable(marks)),
            Self::Funnel(marks) => Self::Funnel(drawable(marks)),
            Self::Heat(grid) => Self::Heat(grid.drawable()),
            Self::Stacked(grid) => Self::Stacked(grid.drawable()),
        }
    }
}

fn drawable(marks: &[Mark]) -> Vec<Mark> {
    marks.iter().map(Mark::drawable).collect()
}

/// A chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// Names it within its page.
    pub id: &'static str,
    /// What it shows.
    pub title: String,
    /// The same in a sentence: the period, the largest, where the figures stand.
    pub about: String,
    /// What its numbers are.
    pub scale: Scale,
    /// What it looks like.
    pub shape: Shape,
}

/// For how wide a place it is drawn: texts keep their size, so a telephone gets a drawing of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// A desk.
    Wide,
    /// Half of a desk.
    Half,
    /// A telephone.
    Narrow,
}

impl Width {
    /// Pixels of CSS.
    const fn pixels(self) -> u32 {
        match self {
            Self::Wide => 960,
            Self::Half => 520,
            Self::Narrow => 350,
        }
    }

    /// The tail of its class.
    const fn word(self) -> &'static str {
        match self {
            Self::Wide => "wide",
            Self::Half => "half",
            Self::Narrow => "narrow",
        }
    }

    const fn is_narrow(self) -> bool {
        matches!(self, Self::Narrow)
    }
}

impl Drawing {
    /// The SVG, to be put into a page as it is.
    pub fn svg(&self, width: Width, words: &Words) -> String {
        let shape = self.shape.drawable();
        let height = match &shape {
            Shape::Bars(marks) => bars::height(marks, width),
            Shape::Funnel(marks) => bars::funnel_height(marks, width),
            Shape::Columns(_) => columns::height(width),
            Shape::Stacked(grid) => columns::stacked_height(grid, width),
            Shape::Heat(grid) => heat::height(grid, width),
        };
        let mut body = String::new();
        let mut hints = Vec::new();
        {
            let mut canvas = Canvas::svg(&mut body, (width.pixels(), height), &mut hints);
            match &shape {
                Shape::Bars(marks) => bars::draw(&mut canvas, marks, width),
                Shape::Funnel(marks) => bars::draw_funnel(&mut canvas, marks, width),
                Shape::Columns(marks) => {
                    columns::draw(&mut canvas, marks, &self.scale, words);
                }
                Shape::Stacked(grid) => columns::draw_stacked(&mut canvas, grid, width),
                Shape::Heat(grid) => heat::draw(&mut canvas, grid, width),
            }
        }
        // A finger rests on nothing: hints are for a pointer, and what they say stands in the table.
        let hints = if width.is_narrow() {
            String::new()
        } else {
            hints.concat()
        };
        let (id, w) = (self.id, width.pixels());
        let (word, title) = (width.word(), escaped(&self.title));
        let about = escaped(&self.about);
        let drawn = canvas::body(&body);
        format!(
            "<svg class=\"chart {word}\" role=\"img\" viewBox=\"0 0 {w} {height}\" aria-labelledby=\"{id}-{word}-title\" \
             aria-describedby=\"{id}-{word}-about\"><title id=\"{id}-{word}-title\">{title}</title>\
             <desc id=\"{id}-{word}-about\">{about}</desc>\n{drawn}{hints}</svg>"
        )
    }

    /// Whether it draws the period before.
    pub fn has_before(&self) -> bool {
        match &self.shape {
            Shape::Bars(marks) | Shape::Columns(marks) => {
                marks.iter().any(|mark| mark.before.is_some())
            }
            Shape::Heat(_) | Shape::Funnel(_) | Shape::Stacked(_) => false,
        }
    }

    /// Whether there is anything to draw.
    pub fn is_empty(&self) -> bool {
        let is_nothing = |marks: &[Mark]| marks.iter().all(|mark| mark.value.unwrap_or(0.0) <= 0.0);
        match &self.shape {
            Shape::Bars(marks) | Shape::Columns(marks) | Shape::Funnel(marks) => is_nothing(marks),
            Shape::Heat(grid) | Shape::Stacked(grid) => is_nothing(&grid.cells),
        }
    }
}

/// Text for XML: names of sources are what others wrote.
fn escaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            '\'' => written.push_str("&#39;"),
            // XML 1.0 2.2 has no such characters, not even escaped.
            c if c.is_control() => written.push(' '),
            c => written.push(c),
        }
    }
    written
}

/// A place that says more to a pointer.
fn hint(at: canvas::Area, text: &str) -> String {
    let mut written = String::new();
    let canvas::Area { x, y, w, h } = at;
    // Writing into a string does not fail.
    write!(
        written,
        "<rect class=\"hint\" x=\"{x:.0}\" y=\"{y:.0}\" width=\"{w:.0}\" height=\"{h:.0}\"><title>{}</title></rect>",
        escaped(text)
    )
    .unwrap_or_default();
    written
}

#[cfg(test)]
mod tests;
