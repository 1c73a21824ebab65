//! How many lines are busy at once, day by day, and how many the busiest hour needs. Pure.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::base::time::WallTime;
use crate::report::ask::Ask;
use crate::report::erlang::lines_for;
use crate::report::lines::frame;
use crate::report::period::{Buckets, Grain};
use crate::report::table::{Calls, Chart, Column, Figure, Line, Report, Unit};
use crate::report::tally::{calls, count};
use crate::store::pass::Pass;
use crate::store::query::Query;
use crate::store::row::Row;

/// A call that began so long before the period may still be on a line in it; none that lasts longer is known.
const LONGEST: Duration = Duration::from_hours(24);

/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;

/// Calls of the busiest hour that may find all lines busy: one in a hundred.
const BLOCKED: f64 = 0.01;

/// The percentile of the lines that are busy.
const SHARE: u64 = 95;

/// One day.
#[derive(Clone, Debug, Default)]
struct Day {
    calls: u32,
    most: u32,
    /// For how many milliseconds how many lines were busy, by their count.
    times: Vec<u64>,
    /// Milliseconds that lines were busy in the hour in which that was most.
    busiest_ms: u64,
}

/// Goes along all calls in the order in which they began.
#[derive(Debug)]
struct Sweep {
    /// Where each day begins, and the last ends.
    edges: Vec<i64>,
    days: Vec<Day>,
    /// The day in which it stands, and when that is over.
    day: usize,
    day_end: i64,
    /// When the hour in which it stands is over; hours are counted from where the day begins.
    hour_end: i64,
    hour_ms: u64,
    at: i64,
    /// When each line that is busy will be free.
    busy: BinaryHeap<Reverse<i64>>,
}

impl Sweep {
    fn new(edges: Vec<i64>) -> Self {
        let edge = |place: usize| edges.get(place).copied().unwrap_or(i64::MAX);
        let (begin, day_end) = (edge(0), edge(1));
        Self {
            days: vec![Day::default(); edges.len().saturating_sub(1)],
            day: 0,
            day_end,
            hour_end: begin.saturating_add(HOUR_MS).min(day_end),
            hour_ms: 0,
            at: begin,
            busy: BinaryHeap::new(),
            edges,
        }
    }

    /// Takes in a call.
    #[inline]
    fn call(&mut self, begins: i64, ends: i64) {
        self.go_to(begins.max(self.at));
        let lines = {
            if ends > self.at {
                self.busy.push(Reverse(ends));
            }
            u32::try_from(self.busy.len()).unwrap_or(u32::MAX)
        };
        let is_first_of_all = self.edges.first().is_some_and(|first| begins < *first);
        if let Some(day) = self.days.get_mut(self.day) {
            day.calls += u32::from(!is_first_of_all);
            day.most = day.most.max(lines);
        }
    }

    /// Goes on to a time that is not before the one where it stands.
    #[inline]
    fn go_to(&mut self, until: i64) {
        while let Some(&Reverse(ends)) = self.busy.peek()
            && ends <= until
        {
            self.pass(ends);
            self.busy.pop();
        }
        self.pass(until);
    }

    /// Nothing changes before `until`.
    #[inline]
    fn pass(&mut self, until: i64) {
        while self.hour_end <= until && self.day < self.days.len() {
            self.spend(self.hour_end);
            self.next_hour();
        }
        self.spend(until);
    }

    #[inline]
    fn spend(&mut self, until: i64) {
        let lines = self.busy.len();
        let spent = u64::try_from(until - self.at).unwrap_or_default();
        self.at = until;
        self.hour_ms += spent * lines as u64;
        let Some(day) = self.days.get_mut(self.day) else {
            return;
        };
        if day.times.len() <= lines {
            day.times.resize(lines + 1, 0);
        }
        if let Some(time) = day.times.get_mut(lines) {
            *time += spent;
        }
    }

    #[cold]
    fn next_hour(&mut self) {
        let lines = u32::try_from(self.busy.len()).unwrap_or(u32::MAX);
        if let Some(day) = self.days.get_mut(self.day) {
            day.busiest_ms = day.busiest_ms.max(self.hour_ms);
        }
        self.hour_ms = 0;
        if self.hour_end >= self.day_end {
            self.day += 1;
            let end = self.edges.get(self.day + 1);
            self.day_end = end.copied().unwrap_or(i64::MAX);
            // Calls go on over midnight.
            if let Some(day) = self.days.get_mut(self.day) {
                day.most = lines;
            }
        }
        self.hour_end = self.hour_end.saturating_add(HOUR_MS).min(self.day_end);
    }

    /// Ends at `until`.
    fn finish(mut self, until: i64) -> Vec<Day> {
        self.go_to(until.max(self.at));
        if let Some(day) = self.days.get_mut(self.day) {
            day.busiest_ms = day.busiest_ms.max(self.hour_ms);
        }
        self.days
    }
}

impl Day {
    fn join(&mut self, other: &Self) {
        self.calls += other.calls;
        self.most = self.most.max(other.most);
        self.busiest_ms = self.busiest_ms.max(other.busiest_ms);
        if self.times.len() < other.times.len() {
            self.times.resize(other.times.len(), 0);
        }
        for (time, more) in self.times.iter_mut().zip(&other.times) {
            *time += more;
        }
    }

    /// The fewest lines of which no more were busy in so many hundredths of the time.
    fn percentile(&self) -> Figure {
        let all: u64 = self.times.iter().sum();
        let mut within = 0;
        let lines = self.times.iter().position(|time| {
            within += time;
            within.saturating_mul(100) >= all.saturating_mul(SHARE)
        });
        match lines.and_then(|lines| u64::try_from(lines).ok()) {
            Some(lines) if all > 0 => Figure::Count(lines),
            Some(_) | None => Figure::Nothing,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "nobody is busy for 2^53 ms")]
    fn figures(&self) -> Vec<Figure> {
        let load = self.busiest_ms as f64 / HOUR_MS as f64;
        vec![
            count(self.calls),
            count(self.most),
            self.percentile(),
            Figure::Number(load),
            count(lines_for(load, BLOCKED)),
        ]
    }
}

/// Counts the lines that are busy at once. A call holds a line from its beginning to its end.
pub(crate) fn report(ask: &Ask<'_>, rows: &impl Pass) -> Report {
    let (now, before) = (
        ask.span.buckets(Grain::Day),
        ask.span.buckets_before(Grain::Day),
    );
    let mut sweep = Sweep::new(edges(&before, &now));
    let end = ask.now.min(ask.span.until()).as_millis();
    let begin = ask.span.before_since().as_millis();
    let lookback = begin.saturating_sub(i64::try_from(LONGEST.as_millis()).unwrap_or_default());
    let query = Query {
        since: Some(WallTime::from_millis(lookback)),
        ..ask.inside()
    };
    rows.pass(&query, |row, _| {
        let (begins, ends) = (row.started_at.as_millis(), ends(row, end));
        if begins >= begin || ends > begin {
            sweep.call(begins, ends);
        }
    });
    let days = sweep.finish(end);
    let (was, is) = days.split_at(before.len().min(days.len()));
    let mut report = frame(ask, columns(), Chart::Columns);
    let sum = |days: &[Day]| {
        let mut sum = Day::default();
        days.iter().for_each(|day| sum.join(day));
        sum.figures()
    };
    report.drawn = 1;
    report.total = Some(line(String::new(), Vec::new(), sum(is), sum(was)));
    report.lines = is
        .iter()
        .enumerate()
        .map(|(place, day)| {
            let was = was.get(place).map(Day::figures).unwrap_or_default();
            line(now.key(place), now.times(place), day.figures(), was)
        })
        .collect();
    report
}

/// Until when a call holds its line.
#[inline]
fn ends(row: &Row, now: i64) -> i64 {
    if row.is_in_progress() {
        return now;
    }
    let talk = row.talk().unwrap_or_default();
    row.waited_until()
        .as_millis()
        .saturating_add(i64::from(talk))
}

/// Where the days of both periods begin, and where the last ends.
fn edges(before: &Buckets, now: &Buckets) -> Vec<i64> {
    let begins = |days: &Buckets| -> Vec<i64> {
        let begins = (0..days.len()).map(|place| days.ends(place).0.as_millis());
        begins.collect()
    };
    let mut edges = begins(before);
    edges.extend(begins(now));
    let last = now.len().saturating_sub(1);
    edges.push(now.ends(last).1.as_millis());
    edges
}

fn line(key: String, calls: Calls, cells: Vec<Figure>, before: Vec<Figure>) -> Line {
    Line {
        key,
        label: None,
        calls,
        cells,
        before,
    }
}

fn columns() -> Vec<Column> {
    let column = |key, unit, formula| Column {
        key,
        unit,
        formula,
        calls: None,
    };
    vec![
        calls(),
        column(
            "most",
            Unit::Count,
            "most calls at one moment; a call holds a line from its beginning, ringing included, to its end",
        ),
        column(
            "p95",
            Unit::Count,
            "in 95 of 100 milliseconds of the day, nights included, no more lines than that were busy",
        ),
        column(
            "load",
            Unit::Number,
            "erlangs of the busiest hour: time that lines were busy in it / one hour; hours are counted from midnight",
        ),
        column(
            "needed",
            Unit::Count,
            "the fewest lines of which, at that load, no more than 1 % of the calls find all busy (Erlang B)",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_over_midnight_and_a_call_that_ends_as_another_begins_frees_its_line() {
        let day = 24 * HOUR_MS;
        let mut sweep = Sweep::new(vec![0, day, 2 * day]);
        let minute = 60_000;
        for (begins, ends) in [
            (-minute, minute),
            (0, 30 * minute),
            (30 * minute, 60 * minute),
            (day - minute, day + 2 * minute),
            (day - minute, day + minute),
            (day + minute, day + 3 * minute),
        ] {
            sweep.call(begins, ends);
        }
        let days = sweep.finish(2 * day);
        assert_eq!((days[0].calls, days[0].most), (4, 2));
        assert_eq!((days[1].calls, days[1].most), (1, 2));
        assert_eq!(days[0].busiest_ms, 61 * 60_000);
        assert_eq!(days[1].busiest_ms, 5 * 60_000);
        let spent = [1_379, 59, 2].map(|minutes: u64| minutes * 60_000);
        assert_eq!(days[0].times, spent);
        assert_eq!(days[1].times.iter().sum::<u64>(), 24 * 3_600_000);
        // 1,379 of 1,440 minutes are more than 95 of 100.
        assert_eq!(days[0].percentile(), Figure::Count(0));
        assert_eq!(days[1].percentile(), Figure::Count(0));
    }

    proptest::proptest! {
        #[test]
        fn every_moment_has_as_many_lines_as_calls_hold_one(
            calls in proptest::collection::vec((0i64..90_000, 0i64..30_000), 1..60),
        ) {
            let mut calls: Vec<_> = calls.into_iter().map(|(begin, length)| (begin, begin + length)).collect();
            calls.sort_unstable();
            let edges = vec![0, 40_000, 100_000];
            let mut sweep = Sweep::new(edges.clone());
            for (begin, end) in &calls {
                sweep.call(*begin, *end);
            }
            let days = sweep.finish(100_000);
            for (day, edge) in days.iter().zip(edges.windows(2)) {
                let mut times = vec![0u64; calls.len() + 1];
                for at in edge[0]..edge[1] {
                    let busy = calls.iter().filter(|(begin, end)| *begin <= at && at < *end);
                    times[busy.count()] += 1;
                }
                while times.last() == Some(&0) {
                    times.pop();
                }
                let mut swept = day.times.clone();
                while swept.last() == Some(&0) {
                    swept.pop();
                }
                proptest::prop_assert_eq!(swept, times);
            }
        }
    }
}
