//! How far sales got: calls by stage, in the project's order. Pure.

use std::collections::BTreeMap;

use crate::report::ask::Ask;
use crate::report::conditions::is;
use crate::report::lines::frame;
use crate::report::table::{Calls, Chart, Column, Figure, Line, Report, Unit};
use crate::report::tally::{count, share};
use crate::report::words::known;
use crate::store::names::Name;
use crate::store::pass::Pass;

/// Counts calls by the stage that people gave them: all calls first, then each stage with those that went further.
///
/// A stage that no project has any more stands before the others: nobody knows how far it was.
pub(crate) fn report(ask: &Ask<'_>, rows: &impl Pass) -> Report {
    let since = ask.span.since();
    // By the number of the stage's name; the first is of calls without one.
    let mut counts: Vec<[u32; 2]> = vec![[0; 2]];
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    rows.pass(&ask.both(), |row, all| {
        let place = usize::from(row.stage.0);
        if counts.len() <= place {
            counts.resize(place + 1, [0; 2]);
        }
        let is_before = usize::from(row.started_at < since);
        let Some(counted) = counts.get_mut(place) else {
            return;
        };
        if *counted == [0; 2] && row.stage != Name::default() {
            let word = all.names().words.get(row.stage);
            names.insert(
                word.map_or_else(|| "…".to_owned(), ToString::to_string),
                place,
            );
        }
        if let Some(counted) = counted.get_mut(is_before) {
            *counted += 1;
        }
    });
    let known = known(
        ask,
        |labels| &labels.stages,
        names.keys().cloned().collect(),
    );
    let stages: Vec<&String> = known.others.iter().chain(&known.configured).collect();
    let here = |stage: &String| {
        let place = names.get(stage).and_then(|place| counts.get(*place));
        place.copied().unwrap_or_default()
    };
    let sum = |counts: &mut dyn Iterator<Item = [u32; 2]>| {
        counts.fold([0, 0], |sum, count| [sum[0] + count[0], sum[1] + count[1]])
    };
    let all = sum(&mut counts.iter().copied());
    let none = counts.first().copied().unwrap_or_default();
    let mut report = frame(ask, columns(), Chart::Funnel);
    report
        .lines
        .push(line("calls", Vec::new(), all, all, all, none));
    let mut above = all;
    for (place, stage) in stages.iter().enumerate() {
        let further = stages.get(place..).unwrap_or_default();
        let reached = sum(&mut further.iter().map(|stage| here(stage)));
        let calls = further.iter().map(|stage| is("stages", stage.as_str()));
        report.lines.push(line(
            stage,
            calls.collect(),
            reached,
            above,
            all,
            here(stage),
        ));
        above = reached;
    }
    report
}

fn line(
    key: &str,
    calls: Calls,
    reached: [u32; 2],
    above: [u32; 2],
    all: [u32; 2],
    here: [u32; 2],
) -> Line {
    let figures = |[reached, above, all, here]: [u32; 4]| -> Vec<Figure> {
        vec![
            count(reached),
            share(reached, all),
            share(reached, above),
            count(here),
        ]
    };
    Line {
        key: key.to_owned(),
        label: None,
        calls,
        cells: figures([reached[0], above[0], all[0], here[0]]),
        before: figures([reached[1], above[1], all[1], here[1]]),
    }
}

fn columns() -> Vec<Column> {
    let column = |key, unit, formula, calls: Calls| Column {
        key,
        unit,
        formula,
        calls: Some(calls),
    };
    vec![
        column(
            "reached",
            Unit::Count,
            "calls at this stage or a later one, in the order of the project's `stages`",
            Vec::new(),
        ),
        column("share", Unit::Share, "reached / all calls", Vec::new()),
        column(
            "step",
            Unit::Share,
            "reached / reached of the line above",
            Vec::new(),
        ),
        column(
            "here",
            Unit::Count,
            "calls at this very stage; in the first line, calls without a stage",
            vec![is("first_stage", "true")],
        ),
    ]
}
