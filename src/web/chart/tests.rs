//! What every chart owes to who reads it.

use std::fs;

use super::canvas::{Ink, PARTS, STEPS};
use super::*;
use crate::web::words::{Language, Words};

fn mark(label: &str, value: f64) -> Mark {
    Mark {
        label: label.to_owned(),
        value: Some(value),
        shown: format!("{value}"),
        before: Some(value / 2.0),
        range: None,
        hint: format!("{label}: {value}"),
    }
}

fn grid(rows: usize, columns: usize) -> Grid {
    let names = |n: usize| (0..n).map(|n| format!("{n:02}")).collect();
    Grid {
        rows: names(rows),
        brief: names(rows),
        columns: names(columns),
        cells: (0..rows * columns)
            .map(|n| mark("cell", f64::from(u32::try_from(n).unwrap())))
            .collect(),
    }
}

fn shapes(marks: Vec<Mark>) -> Vec<Shape> {
    vec![
        Shape::Bars(marks.clone()),
        Shape::Columns(marks.clone()),
        Shape::Funnel(marks),
        Shape::Heat(grid(7, 24)),
        Shape::Stacked(grid(12, 10)),
    ]
}

fn drawn(shape: Shape, width: Width) -> String {
    let drawing = Drawing {
        id: "chart",
        title: "Calls by <source>".to_owned(),
        about: "The most: \"billboard\" & others".to_owned(),
        scale: Scale::Count,
        shape,
    };
    drawing.svg(width, Words::of(Language::Russian))
}

const WIDTHS: [Width; 3] = [Width::Wide, Width::Half, Width::Narrow];

#[test]
fn a_name_that_is_markup_stays_a_name() {
    let hostile = "</text><script>alert(1)</script>\u{1b}\u{0}\" onload='x'";
    for shape in shapes(vec![mark(hostile, 3.0), mark("]]>&amp;", 1.0)]) {
        for width in WIDTHS {
            let svg = drawn(shape.clone(), width);
            assert!(
                !svg.contains("<script") && !svg.contains(" onload='"),
                "{svg}"
            );
            assert!(!svg.contains(['\u{1b}', '\0']), "{svg}");
            let tags = [
                "svg", "title", "desc", "text", "rect", "line", "polyline", "polygon",
            ];
            for tag in svg.split('<').skip(1) {
                let name = tag.trim_start_matches('/');
                let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next();
                assert!(name.is_some_and(|name| tags.contains(&name)), "<{tag}");
            }
        }
    }
}

#[test]
fn a_chart_is_one_image_with_a_title_and_a_sentence() {
    for shape in shapes(vec![mark("direct", 12.0), mark("maps", 0.0)]) {
        for width in WIDTHS {
            let svg = drawn(shape.clone(), width);
            assert!(svg.starts_with("<svg class=\"chart ") && svg.contains("role=\"img\""));
            assert!(svg.contains(">Calls by &lt;source&gt;</title>"));
            assert!(svg.contains(">The most: &quot;billboard&quot; &amp; others</desc>"));
            assert_eq!(svg.matches("<svg").count(), 1);
            assert_eq!(svg.matches("</svg>").count(), 1);
            // The policy of the pages refuses styles that stand in them.
            assert!(!svg.contains("style="), "{svg}");
        }
    }
}

#[test]
fn nothing_is_drawn_beyond_the_edge() {
    let number = |tag: &str, name: &str| -> f64 {
        let (_, rest) = tag.split_once(&format!(" {name}=\"")).unwrap();
        rest.split('"').next().unwrap().parse().unwrap()
    };
    let odd = |value| Mark {
        value: Some(value),
        range: Some((0.1, 0.9)),
        ..mark(&"very long name ".repeat(20), 4.0)
    };
    let marks = [4.0, f64::NAN, f64::INFINITY, -1.0, 0.0].map(odd);
    for shape in shapes(marks.to_vec()) {
        for width in WIDTHS {
            let svg = drawn(shape.clone(), width);
            let rects = svg.split("<rect ").skip(1);
            for rect in rects.map(|rect| format!(" {rect}")) {
                let (from, wide) = (number(&rect, "x"), number(&rect, "width"));
                assert!(from >= 0.0 && wide >= 0.0, "{rect}");
                let edge = f64::from(width.pixels()) + 1.0;
                assert!(from + wide <= edge, "{width:?}: {rect}");
            }
            assert!(svg.contains("<rect ") && !svg.contains("NaN"), "{svg}");
        }
    }
}

#[test]
fn the_style_sheet_knows_every_colour_that_is_drawn() {
    let style = fs::read_to_string("src/web/assets/report.css").unwrap();
    let mut inks = vec![
        Ink::Text,
        Ink::Quiet,
        Ink::OnStrong,
        Ink::Line,
        Ink::Bar,
        Ink::Before,
        Ink::Range,
    ];
    inks.extend((0..=STEPS).map(Ink::Heat));
    inks.extend((0..PARTS).map(Ink::Part));
    for ink in inks {
        let colour = ink.written();
        assert!(style.contains(&colour), "{ink:?} {colour}");
    }
}

#[test]
fn a_chart_is_light() {
    let marks: Vec<Mark> = (0..31).map(|n| mark(&format!("day {n}"), 7.0)).collect();
    for shape in shapes(marks) {
        let both = drawn(shape.clone(), Width::Wide).len() + drawn(shape, Width::Narrow).len();
        // A week in which every hour had calls has a figure in each of its 168 cells, for a desk and for a telephone.
        assert!(both < 70_000, "{both} bytes");
    }
}
