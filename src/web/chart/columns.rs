//! Columns over time with the period before behind them, and columns made of parts. Pure.

use plotters::prelude::DrawingBackend;

use crate::web::chart::bars::most;
use crate::web::chart::canvas::{Area, Canvas, Ink, Side, Size};
use crate::web::chart::scale::Scale;
use crate::web::chart::{Grid, Mark, Width};
use crate::web::words::Words;

/// Height of a chart of columns that has a page of its own.
const HEIGHT: u32 = 280;

/// How high a chart of columns is: half of a desk is half of a screen.
pub(super) const fn height(width: Width) -> u32 {
    match width {
        Width::Wide => HEIGHT,
        Width::Half => 170,
        Width::Narrow => 230,
    }
}

/// Room for names below the columns, and for half a text above them.
const BELOW: f64 = 26.0;
const ABOVE: f64 = 12.0;

/// A line of names of parts.
const LEGEND: f64 = 24.0;

/// The widest column: three calls of one day are no wall.
const COLUMN_MAX: f64 = 48.0;

/// Draws columns.
pub(super) fn draw<B: DrawingBackend>(
    canvas: &mut Canvas<'_, B>,
    marks: &[Mark],
    scale: &Scale,
    words: &Words,
) {
    let size = Size::Small;
    let lines = scale.lines(most(marks));
    let top = lines.last().copied().unwrap_or(1.0);
    let written: Vec<String> = lines
        .iter()
        .map(|line| scale.written(*line, words))
        .collect();
    let left = written.iter().map(|text| size.width(text));
    let left = left.fold(0.0, f64::max) + 10.0;
    let bottom = canvas.height - BELOW;
    let tall = bottom - ABOVE;
    let y = |value: f64| bottom - value / top * tall;
    for (line, text) in lines.iter().zip(&written) {
        let at = y(*line);
        canvas.line((left, at), (canvas.width, at), Ink::Line, 1);
        canvas.text(text, (left - 8.0, at), Side::Left, Ink::Quiet, size);
    }
    let slot = slots(canvas.width - left, marks.len());
    let bar = (slot * 0.62).min(COLUMN_MAX);
    let labels: Vec<&str> = marks.iter().map(|mark| mark.label.as_str()).collect();
    let each = every(&labels, slot);
    for (n, mark) in marks.iter().enumerate() {
        let x = left + place(n) * slot;
        let middle = x + slot / 2.0;
        let rect = |value: f64, middle: f64, w: f64| Area {
            x: middle - w / 2.0,
            y: y(value),
            w,
            h: bottom - y(value),
        };
        if let Some(before) = mark.before.filter(|n| *n > 0.0) {
            canvas.rect(rect(before, middle + bar * 0.22, bar), Ink::Before);
        }
        if let Some(value) = mark.value.filter(|n| *n > 0.0) {
            canvas.rect(rect(value, middle - bar * 0.11, bar * 0.78), Ink::Bar);
        }
        if let Some((low, high)) = mark.range {
            let middle = middle - bar * 0.11;
            canvas.line((middle, y(low)), (middle, y(high)), Ink::Range, 2);
        }
        if n % each == 0 {
            let at = (middle, bottom + 14.0);
            canvas.text(&mark.label, at, Side::Middle, Ink::Quiet, size);
        }
        let whole = Area {
            x,
            y: ABOVE,
            w: slot,
            h: tall,
        };
        canvas.hint(whole, &mark.hint);
    }
    // On top of what stands on it.
    canvas.line((left, bottom), (canvas.width, bottom), Ink::Quiet, 1);
}

/// The width of a place for each of so many.
fn slots(room: f64, many: usize) -> f64 {
    (room / place(many.max(1))).max(0.5)
}

#[expect(clippy::cast_precision_loss, reason = "some hundred columns")]
const fn place(n: usize) -> f64 {
    n as f64
}

/// Every how many columns there is room for a name.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a width in columns"
)]
fn every(labels: &[&str], slot: f64) -> usize {
    let widest = labels.iter().map(|label| Size::Small.width(label));
    let widest = widest.fold(0.0, f64::max) + 8.0;
    ((widest / slot).ceil() as usize).max(1)
}

/// Names of parts on each line of the legend.
fn legend(grid: &Grid, width: Width) -> Vec<Vec<usize>> {
    let room = f64::from(width.pixels());
    let mut lines: Vec<Vec<usize>> = Vec::new();
    let mut used = room;
    for (n, name) in grid.columns.iter().enumerate() {
        let wide = named(name);
        if used + wide > room {
            lines.push(Vec::new());
            used = 0.0;
        }
        if let Some(line) = lines.last_mut() {
            line.push(n);
        }
        used += wide;
    }
    lines
}

/// The width of a name with its colour.
fn named(name: &str) -> f64 {
    Size::Normal.width(&Size::Normal.cut(name, 220.0)) + 38.0
}

/// How high a chart of parts is.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "some lines of some pixels"
)]
pub(super) fn stacked_height(grid: &Grid, width: Width) -> u32 {
    HEIGHT + (place(legend(grid, width).len()) * LEGEND) as u32
}

/// Draws columns of parts: each column is its whole, so that a shift shows whatever the number of calls.
pub(super) fn draw_stacked<B: DrawingBackend>(
    canvas: &mut Canvas<'_, B>,
    grid: &Grid,
    width: Width,
) {
    let mut top = 0.0;
    for line in legend(grid, width) {
        let mut x = 0.0;
        for n in line {
            let Some(name) = grid.columns.get(n) else {
                continue;
            };
            let swatch = Area {
                x,
                y: top + 4.0,
                w: 14.0,
                h: 14.0,
            };
            canvas.rect(swatch, part(n));
            let text = Size::Normal.cut(name, 220.0);
            canvas.text(
                &text,
                (x + 20.0, top + 11.0),
                Side::Right,
                Ink::Text,
                Size::Normal,
            );
            x += named(name);
        }
        top += LEGEND;
    }
    let bottom = canvas.height - BELOW;
    let tall = bottom - top - ABOVE;
    let slot = slots(canvas.width, grid.rows.len());
    let bar = (slot * 0.72).min(96.0);
    let labels: Vec<&str> = grid.rows.iter().map(String::as_str).collect();
    let each = every(&labels, slot);
    for (row, label) in grid.rows.iter().enumerate() {
        let x = place(row) * slot;
        let middle = x + slot / 2.0;
        let cells = || (0..grid.columns.len()).filter_map(|n| Some((n, grid.cell(row, n)?)));
        let whole: f64 = cells().filter_map(|(_, cell)| cell.value).sum();
        let mut y = bottom;
        for (n, cell) in cells() {
            let Some(value) = cell.value.filter(|n| *n > 0.0) else {
                continue;
            };
            let h = value / whole * tall;
            let at = Area {
                x: middle - bar / 2.0,
                y: y - h,
                w: bar,
                // A pixel between parts keeps two of like colour apart.
                h: (h - 1.0).max(1.0),
            };
            canvas.rect(at, part(n));
            let fits = h >= 18.0 && Size::Small.width(&cell.shown) <= bar - 4.0;
            if fits {
                let at = (middle, y - h / 2.0);
                canvas.text(&cell.shown, at, Side::Middle, Ink::OnStrong, Size::Small);
            }
            canvas.hint(at, &cell.hint);
            y -= h;
        }
        if row % each == 0 {
            let at = (middle, bottom + 14.0);
            canvas.text(label, at, Side::Middle, Ink::Quiet, Size::Small);
        }
    }
    canvas.line((0.0, bottom), (canvas.width, bottom), Ink::Quiet, 1);
}

fn part(n: usize) -> Ink {
    Ink::Part(u8::try_from(n % 256).unwrap_or(0))
}
