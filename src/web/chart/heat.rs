//! Weekdays down, hours across: the more, the stronger. Pure.

use plotters::prelude::DrawingBackend;

use crate::web::chart::bars::most;
use crate::web::chart::canvas::{Area, Canvas, Ink, STEPS, Side, Size};
use crate::web::chart::{Grid, Width};

/// Room for the hours above.
const ABOVE: f64 = 24.0;

/// Between two cells.
const GAP: f64 = 2.0;

const fn line(width: Width) -> f64 {
    if width.is_narrow() { 26.0 } else { 32.0 }
}

/// How high it is.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "some lines of some pixels"
)]
pub(super) fn height(grid: &Grid, width: Width) -> u32 {
    (ABOVE + grid.rows.len().max(1) as f64 * line(width)) as u32
}

/// Draws it.
pub(super) fn draw<B: DrawingBackend>(canvas: &mut Canvas<'_, B>, grid: &Grid, width: Width) {
    let size = Size::Small;
    let is_brief = width.is_narrow() && grid.brief.len() == grid.rows.len();
    let names = if is_brief { &grid.brief } else { &grid.rows };
    let widths = names.iter().map(|name| size.width(name));
    let left = (widths.fold(0.0, f64::max) + 10.0).min(canvas.width * 0.25);
    #[expect(clippy::cast_precision_loss, reason = "24 hours, 7 days")]
    let place = |n: usize| n as f64;
    let wide = (canvas.width - left) / place(grid.columns.len().max(1));
    let widest = grid.columns.iter().map(|name| size.width(name));
    let each = if widest.fold(0.0, f64::max) + 4.0 > wide {
        3
    } else {
        1
    };
    for (n, name) in grid
        .columns
        .iter()
        .enumerate()
        .filter(|(n, _)| n % each == 0)
    {
        let at = (left + (place(n) + 0.5) * wide, ABOVE / 2.0 - 2.0);
        canvas.text(name, at, Side::Middle, Ink::Quiet, size);
    }
    let most = most(&grid.cells);
    let fit = |size: Size| {
        let mut shown = grid.cells.iter().map(|cell| size.width(&cell.shown));
        shown.all(|text| text <= wide - GAP)
    };
    // One size for all of them.
    let figures = if fit(size) { size } else { Size::Tiny };
    for (row, name) in names.iter().enumerate() {
        let y = ABOVE + place(row) * line(width);
        let middle = y + line(width) / 2.0;
        let name = size.cut(name, left - 10.0);
        canvas.text(&name, (left - 10.0, middle), Side::Left, Ink::Text, size);
        for column in 0..grid.columns.len() {
            let Some(cell) = grid.cell(row, column) else {
                continue;
            };
            let x = left + place(column) * wide;
            let at = Area {
                x,
                y: y + GAP / 2.0,
                w: wide - GAP,
                h: line(width) - GAP,
            };
            let step = step(cell.value.unwrap_or(0.0), most);
            canvas.rect(at, Ink::Heat(step));
            if step > 0 && figures.width(&cell.shown) <= wide - GAP {
                let ink = if step >= 4 { Ink::OnStrong } else { Ink::Text };
                let at = (x + (wide - GAP) / 2.0, middle);
                canvas.text(&cell.shown, at, Side::Middle, ink, figures);
            }
            canvas.hint(at, &cell.hint);
        }
    }
}

/// Which of the steps: none only for nothing.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and the number of steps"
)]
fn step(value: f64, most: f64) -> u8 {
    if value.is_nan() || value <= 0.0 {
        return 0;
    }
    let step = (value / most * f64::from(STEPS)).ceil();
    step.clamp(1.0, f64::from(STEPS)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_is_told_from_none_and_the_most_is_the_strongest() {
        assert_eq!(step(0.0, 1_000.0), 0);
        assert_eq!(step(1.0, 1_000.0), 1);
        assert_eq!(step(500.0, 1_000.0), 3);
        assert_eq!(step(1_000.0, 1_000.0), 5);
        assert_eq!(step(f64::NAN, 1.0), 0);
    }
}
