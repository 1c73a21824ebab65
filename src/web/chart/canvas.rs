//! All of plotters: rectangles, lines and texts of an SVG or a bitmap. Pure.
//!
//! Colours are those of the light theme; the style sheet finds them by their value and puts its own in their place.

use plotters::backend::{BitMapBackend, SVGBackend};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{PathElement, Polygon, Rectangle, Text};
use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle, TextStyle};

/// What something is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// Texts.
    Text,
    /// Texts that matter less.
    Quiet,
    /// Texts on the strongest colours.
    OnStrong,
    /// Lines of the scale.
    Line,
    /// The period that is asked for.
    Bar,
    /// The period before.
    Before,
    /// How far a figure of few calls may be off.
    Range,
    /// How much, from none to the most.
    Heat(u8),
    /// Parts of a whole, each with its own.
    Part(u8),
}

/// How many colours parts of a whole have; later ones begin anew.
pub(super) const PARTS: u8 = 8;

/// How many steps there are from none to the most.
pub(super) const STEPS: u8 = 5;

impl Ink {
    const fn colour(self) -> RGBColor {
        match self {
            Self::Text => RGBColor(0x1b, 0x22, 0x25),
            Self::Quiet => RGBColor(0x56, 0x62, 0x68),
            Self::OnStrong => RGBColor(0xff, 0xff, 0xff),
            Self::Line => RGBColor(0xe1, 0xde, 0xd5),
            Self::Bar => RGBColor(0x0b, 0x5f, 0x7a),
            Self::Before => RGBColor(0xc4, 0xd0, 0xd3),
            Self::Range => RGBColor(0x80, 0x52, 0x00),
            Self::Heat(step) => match step {
                0 => RGBColor(0xf1, 0xef, 0xe9),
                1 => RGBColor(0xcf, 0xe1, 0xe6),
                2 => RGBColor(0x9f, 0xc3, 0xce),
                3 => RGBColor(0x5a, 0x96, 0xa9),
                4 => RGBColor(0x2a, 0x74, 0x8c),
                _ => RGBColor(0x0a, 0x4f, 0x66),
            },
            Self::Part(n) => match n % PARTS {
                0 => RGBColor(0x1c, 0x6c, 0x86),
                1 => RGBColor(0xc9, 0x8a, 0x1b),
                2 => RGBColor(0x2f, 0x85, 0x52),
                3 => RGBColor(0xb6, 0x4a, 0x3c),
                4 => RGBColor(0x6f, 0x5a, 0xa8),
                5 => RGBColor(0x8f, 0x9a, 0x9e),
                6 => RGBColor(0x9a, 0x6b, 0x4f),
                _ => RGBColor(0x4f, 0x8f, 0xc4),
            },
        }
    }

    /// How the style sheet knows it.
    #[cfg(test)]
    pub(super) fn written(self) -> String {
        let RGBColor(r, g, b) = self.colour();
        format!("#{r:02X}{g:02X}{b:02X}")
    }
}

/// A place on the canvas.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) w: f64,
    pub(super) h: f64,
}

/// Where a text stands from its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// It begins there.
    Right,
    /// It ends there.
    Left,
    /// Its middle is there.
    Middle,
}

/// Sizes of texts, in pixels of CSS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// What is read.
    Normal,
    /// What stands in narrow places.
    Small,
    /// Two digits of a cell on a telephone.
    Tiny,
}

impl Size {
    const fn pixels(self) -> f64 {
        match self {
            Self::Normal => 14.0,
            Self::Small => 12.0,
            Self::Tiny => 9.5,
        }
    }

    /// How wide a text is at most: fonts are the reader's own, so it is the width of a wide one.
    pub(super) fn width(self, text: &str) -> f64 {
        let of = |c: char| match c {
            'i' | 'j' | 'l' | 't' | 'f' | 'r' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | ' '
            | '\u{a0}' | '(' | ')' => 0.36,
            'm' | 'w' | 'M' | 'W' | 'ш' | 'щ' | 'ж' | 'ю' | 'ы' | 'Ш' | 'Щ' | 'Ж' | 'Ю' | 'Ф'
            | '@' | '%' => 0.88,
            c if c.is_uppercase() => 0.70,
            // Chinese, Japanese and Korean writing, and pictures.
            c if u32::from(c) >= 0x1100 => 1.05,
            _ => 0.58,
        };
        text.chars().map(of).sum::<f64>() * self.pixels()
    }

    /// As much of a text as there is room for.
    pub(super) fn cut(self, text: &str, room: f64) -> String {
        // Room that was measured by this very text is a hair too small where sums round.
        if self.width(text) <= room + 0.01 {
            return text.to_owned();
        }
        let mut kept = String::new();
        let dots = self.width("…");
        for c in text.chars() {
            kept.push(c);
            if self.width(&kept) + dots > room {
                kept.pop();
                break;
            }
        }
        format!("{}…", kept.trim_end())
    }
}

/// What is drawn on.
pub(super) struct Canvas<'a, B: DrawingBackend> {
    area: DrawingArea<B, Shift>,
    hints: Option<&'a mut Vec<String>>,
    /// Where there are no fonts no text is drawn.
    writes: bool,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl<'a> Canvas<'a, SVGBackend<'a>> {
    /// An SVG in the making; hints gather beside it.
    pub(super) fn svg(into: &'a mut String, size: (u32, u32), hints: &'a mut Vec<String>) -> Self {
        let area = SVGBackend::with_string(into, size).into_drawing_area();
        Self::on(area, Some(hints), true, size)
    }
}

impl<'a> Canvas<'a, BitMapBackend<'a>> {
    /// A picture of three bytes a pixel, white all over.
    pub(super) fn bitmap(pixels: &'a mut [u8], size: (u32, u32)) -> Self {
        pixels.fill(0xff);
        let area = BitMapBackend::with_buffer(pixels, size).into_drawing_area();
        Self::on(area, None, false, size)
    }
}

impl<'a, B: DrawingBackend> Canvas<'a, B> {
    fn on(
        area: DrawingArea<B, Shift>,
        hints: Option<&'a mut Vec<String>>,
        writes: bool,
        (width, height): (u32, u32),
    ) -> Self {
        let (width, height) = (f64::from(width), f64::from(height));
        Self {
            area,
            hints,
            writes,
            width,
            height,
        }
    }

    /// A filled rectangle; of less than a pixel there is still a pixel to see.
    pub(super) fn rect(&self, at: Area, ink: Ink) {
        let corners = [
            (px(at.x), px(at.y)),
            (
                px(at.x + at.w).max(px(at.x) + 1),
                px(at.y + at.h).max(px(at.y) + 1),
            ),
        ];
        // Drawing into memory does not fail.
        drop(self.area.draw(&Rectangle::new(corners, filled(ink))));
    }

    /// A line.
    pub(super) fn line(&self, from: (f64, f64), to: (f64, f64), ink: Ink, thick: u32) {
        let points = vec![(px(from.0), px(from.1)), (px(to.0), px(to.1))];
        let style = ShapeStyle {
            color: ink.colour().to_rgba(),
            filled: false,
            stroke_width: thick,
        };
        drop(self.area.draw(&PathElement::new(points, style)));
    }

    /// A filled shape with these corners.
    pub(super) fn shape(&self, corners: &[(f64, f64)], ink: Ink) {
        let points: Vec<_> = corners.iter().map(|(x, y)| (px(*x), px(*y))).collect();
        drop(self.area.draw(&Polygon::new(points, filled(ink))));
    }

    /// A text, its middle at the height of `at`.
    pub(super) fn text(&self, text: &str, at: (f64, f64), side: Side, ink: Ink, size: Size) {
        if !self.writes {
            return;
        }
        let side = match side {
            Side::Right => HPos::Left,
            Side::Left => HPos::Right,
            Side::Middle => HPos::Center,
        };
        // plotters writes sizes in points of its own: divided by 1.24.
        let font = ("sans-serif", size.pixels() * 1.24).into_font();
        let colour = ink.colour();
        let style = TextStyle::from(font)
            .color(&colour)
            .pos(Pos::new(side, VPos::Center));
        // XML has no control characters; plotters escapes the rest.
        let text: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        drop(
            self.area
                .draw(&Text::new(text, (px(at.0), px(at.1)), style)),
        );
    }

    /// What a pointer is told that rests on this place.
    pub(super) fn hint(&mut self, at: Area, text: &str) {
        if let Some(hints) = &mut self.hints
            && !text.is_empty()
        {
            hints.push(crate::web::chart::hint(at, text));
        }
    }
}

fn filled(ink: Ink) -> ShapeStyle {
    ink.colour().filled()
}

/// The nearest pixel.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a canvas is some thousand pixels wide, and what is not a number is no place"
)]
fn px(at: f64) -> i32 {
    at.round() as i32
}

/// What is inside the SVG that plotters wrote, without what says nothing: texts are escaped, so that no label looks so.
pub(super) fn body(svg: &str) -> String {
    let inside = svg.split_once(">\n").map_or("", |(_, rest)| rest);
    let inside = inside.trim_end().trim_end_matches("</svg>");
    inside
        .replace(" opacity=\"1\"", "")
        .replace(" stroke=\"none\"", "")
        .replace(" font-family=\"sans-serif\"", "")
        .replace("\n</text>", "</text>")
}
