//! Bars, the period before as a thin one below each, and the funnel. Pure.

use plotters::prelude::DrawingBackend;

use crate::web::chart::canvas::{Area, Canvas, Ink, Side, Size};
use crate::web::chart::{Mark, Width};

/// Height of a line of a wide chart, and of a telephone's, whose names stand above their bars.
const LINE: f64 = 34.0;
const LINE_NARROW: f64 = 50.0;

/// Height of a bar and of the thin one below it.
const BAR: f64 = 16.0;
const THIN: f64 = 5.0;

/// What stays free above and below.
const EDGE: f64 = 4.0;

/// How high bars are.
pub(super) fn height(marks: &[Mark], width: Width) -> u32 {
    tall(marks.len(), line(width))
}

/// How high a funnel is.
pub(super) fn funnel_height(marks: &[Mark], width: Width) -> u32 {
    tall(marks.len(), funnel_line(width))
}

const fn line(width: Width) -> f64 {
    if width.is_narrow() { LINE_NARROW } else { LINE }
}

const fn funnel_line(width: Width) -> f64 {
    if width.is_narrow() { 58.0 } else { 44.0 }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "some lines of some pixels"
)]
fn tall(lines: usize, line: f64) -> u32 {
    (lines.max(1) as f64 * line + 2.0 * EDGE) as u32
}

/// Draws bars.
pub(super) fn draw<B: DrawingBackend>(canvas: &mut Canvas<'_, B>, marks: &[Mark], width: Width) {
    let most = most(marks);
    let size = Size::Normal;
    let widest = |text: &dyn Fn(&Mark) -> f64| marks.iter().map(text).fold(0.0, f64::max);
    let values = widest(&|mark| size.width(&mark.shown)).min(canvas.width * 0.3) + 10.0;
    let names = if width.is_narrow() {
        0.0
    } else {
        (widest(&|mark| size.width(&mark.label)) + 14.0).min(canvas.width * 0.3)
    };
    let room = canvas.width - names - values;
    let mut y = EDGE;
    for mark in marks {
        let tall = line(width);
        let label = size.cut(
            &mark.label,
            if width.is_narrow() {
                canvas.width - values
            } else {
                names - 14.0
            },
        );
        let bar = if width.is_narrow() {
            canvas.text(&label, (0.0, y + 10.0), Side::Right, Ink::Text, size);
            y + 21.0
        } else {
            let at = (names - 14.0, y + (BAR + THIN) / 2.0 + 2.0);
            canvas.text(&label, at, Side::Left, Ink::Text, size);
            y + 3.0
        };
        one(canvas, mark, (names, bar), (BAR, THIN), room / most);
        let end = [mark.value, mark.range.map(|(_, high)| high)]
            .into_iter()
            .flatten()
            .fold(0.0, f64::max);
        let at = (names + end * room / most + 8.0, bar + BAR / 2.0);
        canvas.text(&mark.shown, at, Side::Right, Ink::Text, size);
        let whole = Area {
            x: 0.0,
            y,
            w: canvas.width,
            h: tall,
        };
        canvas.hint(whole, &mark.hint);
        y += tall;
    }
}

/// Draws one bar, how far it may be off, and the one before it below.
pub(super) fn one<B: DrawingBackend>(
    canvas: &Canvas<'_, B>,
    mark: &Mark,
    (x, y): (f64, f64),
    (bar, thin): (f64, f64),
    per_unit: f64,
) {
    let rect = |y, h, value: f64| Area {
        x,
        y,
        w: value * per_unit,
        h,
    };
    if let Some(value) = mark.value.filter(|value| *value > 0.0) {
        canvas.rect(rect(y, bar, value), Ink::Bar);
    } else {
        canvas.rect(rect(y, bar, 0.0), Ink::Line);
    }
    if let Some(before) = mark.before.filter(|before| *before > 0.0) {
        canvas.rect(rect(y + bar + 1.0, thin, before), Ink::Before);
    }
    if let Some((low, high)) = mark.range {
        let middle = y + bar / 2.0;
        let (from, to) = (x + low * per_unit, x + high * per_unit);
        canvas.line((from, middle), (to, middle), Ink::Range, 2);
        for end in [from, to] {
            canvas.line((end, middle - 4.0), (end, middle + 4.0), Ink::Range, 2);
        }
    }
}

/// The largest figure, and never nought, since others are held against it.
pub(super) fn most(marks: &[Mark]) -> f64 {
    let all = marks.iter().flat_map(|mark| {
        let high = mark.range.map(|(_, high)| high);
        [mark.value, mark.before, high]
    });
    let most = all.flatten().filter(|n| n.is_finite()).fold(0.0, f64::max);
    if most > 0.0 { most } else { 1.0 }
}

/// Draws a funnel: bars around a middle, each narrowing to the next.
pub(super) fn draw_funnel<B: DrawingBackend>(
    canvas: &mut Canvas<'_, B>,
    marks: &[Mark],
    width: Width,
) {
    let most = most(marks);
    let size = Size::Normal;
    let tall = funnel_line(width);
    let names = if width.is_narrow() {
        0.0
    } else {
        let widest = marks.iter().map(|mark| size.width(&mark.label));
        (widest.fold(0.0, f64::max) + 14.0).min(canvas.width * 0.3)
    };
    let values = marks.iter().map(|mark| size.width(&mark.shown));
    let values = values.fold(0.0, f64::max) + 14.0;
    let values = if width.is_narrow() { 0.0 } else { values };
    let room = canvas.width - names - values;
    let middle = names + room / 2.0;
    let (top, bar) = if width.is_narrow() {
        (22.0, 24.0)
    } else {
        (2.0, 30.0)
    };
    let half = |mark: &Mark| mark.value.unwrap_or(0.0) * room / most / 2.0;
    for (n, mark) in marks.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "a few stages")]
        let y = EDGE + n as f64 * tall;
        let own = half(mark);
        if let Some(next) = marks.get(n + 1) {
            let (from, to) = (y + top + bar, y + tall + top);
            let corners = [
                (middle - own, from),
                (middle + own, from),
                (middle + half(next), to),
                (middle - half(next), to),
            ];
            canvas.shape(&corners, Ink::Heat(1));
        }
        let at = Area {
            x: middle - own,
            y: y + top,
            w: own * 2.0,
            h: bar,
        };
        canvas.rect(at, if own > 0.0 { Ink::Bar } else { Ink::Line });
        if width.is_narrow() {
            let shown = size.width(&mark.shown) + 8.0;
            let label = size.cut(&mark.label, canvas.width - shown);
            canvas.text(&label, (0.0, y + 10.0), Side::Right, Ink::Text, size);
            let end = (canvas.width, y + 10.0);
            canvas.text(&mark.shown, end, Side::Left, Ink::Text, size);
        } else {
            let label = size.cut(&mark.label, names - 14.0);
            let line = y + top + bar / 2.0;
            canvas.text(&label, (names - 14.0, line), Side::Left, Ink::Text, size);
            let end = (canvas.width, line);
            canvas.text(&mark.shown, end, Side::Left, Ink::Text, size);
        }
        let whole = Area {
            x: 0.0,
            y,
            w: canvas.width,
            h: tall,
        };
        canvas.hint(whole, &mark.hint);
    }
}
