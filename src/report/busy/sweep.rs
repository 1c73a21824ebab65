//! Going along calls in the order in which they began, a day at a time. Pure.
//!
//! Who keeps the calls that hold a line in the order of their ends, call by call, spends most of the time on not knowing which
//! end comes next. A whole day's ends are put in order at once instead, and then gone along beside its beginnings.

use crate::report::busy::day::Day;
use crate::report::busy::order;

/// Goes along all calls.
#[derive(Debug)]
pub(super) struct Sweep {
    /// Where each day begins, and the last ends.
    edges: Vec<i64>,
    /// Nothing is known of what comes after.
    until: i64,
    days: Vec<Day>,
    /// The day whose calls are gathered, when it begins, and when it is over.
    day: usize,
    begin: i64,
    end: i64,
    /// Lines that are busy when it begins.
    busy: usize,
    /// When lines are taken in it and when they are free again, in milliseconds from where it begins.
    begins: Vec<u32>,
    ends: Vec<u32>,
    /// When lines that are busy will be free, after it.
    later: Vec<i64>,
    /// Memory that is kept from one day to the next.
    room: Vec<u32>,
    times: Vec<u64>,
}

impl Sweep {
    /// Begins at the first edge; what happens after `until` is not looked at.
    pub(super) fn new(edges: Vec<i64>, until: i64) -> Self {
        let mut sweep = Self {
            days: vec![Day::default(); edges.len().saturating_sub(1)],
            until,
            day: 0,
            begin: 0,
            end: 0,
            busy: 0,
            begins: Vec::new(),
            ends: Vec::new(),
            later: Vec::new(),
            room: Vec::new(),
            times: Vec::new(),
            edges,
        };
        sweep.open();
        sweep
    }

    /// Takes in a call.
    #[inline]
    pub(super) fn call(&mut self, begins: i64, ends: i64) {
        while begins >= self.end && self.day < self.days.len() {
            self.close();
        }
        // Those that began before the first day hold a line in it and are none of its calls.
        let is_of_day = begins >= self.begin || self.day > 0;
        if let Some(day) = self.days.get_mut(self.day) {
            day.calls += u32::from(is_of_day);
        }
        // One that comes late holds its line from where the day begins.
        let (begins, ends) = (begins.max(self.begin), ends.min(self.until));
        if ends <= begins {
            return;
        }
        self.begins.push(self.of_day(begins));
        if ends <= self.end {
            self.ends.push(self.of_day(ends));
        } else {
            self.later.push(ends);
        }
    }

    /// A moment of the day.
    #[inline]
    fn of_day(&self, at: i64) -> u32 {
        u32::try_from(at - self.begin).unwrap_or(u32::MAX)
    }

    /// Begins with the day where it stands.
    fn open(&mut self) {
        let edge = |place: usize| self.edges.get(place).copied().unwrap_or(i64::MAX);
        (self.begin, self.end) = (edge(self.day), edge(self.day + 1));
        let (begin, end, ends) = (self.begin, self.end, &mut self.ends);
        self.later.retain(|&at| {
            let is_today = at <= end;
            if is_today {
                ends.push(u32::try_from(at - begin).unwrap_or(u32::MAX));
            }
            !is_today
        });
    }

    /// Is done with the day, and goes on to the next.
    #[cold]
    fn close(&mut self) {
        // Calls come in the order of their ids, which is that of their beginnings but for a millisecond.
        if !self.begins.is_sorted() {
            self.begins.sort_unstable();
        }
        order::sort(&mut self.ends, &mut self.room);
        let most = self.busy + self.begins.len();
        if self.times.len() <= most {
            self.times.resize(most + 1, 0);
        }
        let length = self.of_day(self.end.min(self.until).max(self.begin));
        if let Some(day) = self.days.get_mut(self.day) {
            day.follow(&self.begins, &self.ends, self.busy, length, &mut self.times);
        }
        self.busy = most.saturating_sub(self.ends.len());
        self.begins.clear();
        self.ends.clear();
        self.day += 1;
        self.open();
    }

    /// All days, where all calls were.
    pub(super) fn finish(mut self) -> Vec<Day> {
        while self.day < self.days.len() {
            self.close();
        }
        self.days
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::busy::day::HOUR_MS;
    use crate::report::table::Figure;

    const DAY: i64 = 24 * HOUR_MS as i64;
    const MINUTE: i64 = 60_000;

    fn swept(edges: &[i64], until: i64, calls: &[(i64, i64)]) -> Vec<Day> {
        let mut sweep = Sweep::new(edges.to_vec(), until);
        for (begins, ends) in calls {
            sweep.call(*begins, *ends);
        }
        sweep.finish()
    }

    #[test]
    fn lines_are_counted_over_midnight_and_a_call_that_ends_as_another_begins_frees_its_line() {
        let calls = [
            (-MINUTE, MINUTE),
            (0, 30 * MINUTE),
            (30 * MINUTE, 60 * MINUTE),
            (DAY - MINUTE, DAY + 2 * MINUTE),
            (DAY - MINUTE, DAY + MINUTE),
            (DAY + MINUTE, DAY + 3 * MINUTE),
        ];
        let days = swept(&[0, DAY, 2 * DAY], 2 * DAY, &calls);
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

    #[test]
    fn a_call_that_ends_at_midnight_holds_no_line_on_the_next_day() {
        let calls = [(DAY - MINUTE, DAY), (DAY, DAY + MINUTE)];
        let days = swept(&[0, DAY, 2 * DAY], 2 * DAY, &calls);
        assert_eq!([days[0].most, days[1].most], [1, 1]);
        let alone = swept(&[0, DAY, 2 * DAY], 2 * DAY, &calls[..1]);
        assert_eq!([alone[0].most, alone[1].most], [1, 0]);
    }

    #[test]
    fn a_call_lasts_until_now_and_what_has_not_been_yet_has_no_time() {
        let noon = DAY / 2;
        let calls = [(noon - MINUTE, 3 * DAY), (noon, noon), (DAY + 1, DAY + 2)];
        let days = swept(&[0, DAY, 2 * DAY, 3 * DAY], noon, &calls);
        assert_eq!(
            days[0].times,
            [noon - MINUTE, MINUTE].map(i64::unsigned_abs)
        );
        assert_eq!([days[0].calls, days[1].calls, days[2].calls], [2, 1, 0]);
        assert_eq!((days[1].most, days[1].percentile()), (0, Figure::Nothing));
    }

    proptest::proptest! {
        #[test]
        fn every_moment_has_as_many_lines_as_calls_hold_one(
            calls in proptest::collection::vec((0i64..90_000, 0i64..30_000), 1..400),
            is_shuffled in proptest::prelude::any::<bool>(),
        ) {
            let mut calls: Vec<_> = calls.into_iter().map(|(begin, length)| (begin, begin + length)).collect();
            if !is_shuffled {
                calls.sort_unstable();
            }
            // Whatever its order, a day's calls come before the next day's.
            calls.sort_by_key(|(begin, _)| *begin >= 40_000);
            let edges = [0, 40_000, 100_000];
            let days = swept(&edges, 100_000, &calls);
            for (day, edge) in days.iter().zip(edges.windows(2)) {
                // In each millisecond those are busy that began in it or before, and have not ended.
                let mut changes = vec![0i64; 130_000];
                for (begin, end) in &calls {
                    changes[usize::try_from(*begin.max(&edge[0])).unwrap()] += 1;
                    changes[usize::try_from(*end.max(&edge[0])).unwrap()] -= 1;
                }
                let mut times = vec![0u64; calls.len() + 1];
                let mut busy = 0;
                let whole = usize::try_from(edge[0]).unwrap()..usize::try_from(edge[1]).unwrap();
                for change in &changes[whole] {
                    busy += change;
                    times[usize::try_from(busy).unwrap()] += 1;
                }
                while times.last() == Some(&0) {
                    times.pop();
                }
                let mut swept = day.times.clone();
                while swept.last() == Some(&0) {
                    swept.pop();
                }
                proptest::prop_assert_eq!(day.most as usize, times.len() - 1);
                proptest::prop_assert_eq!(swept, times);
                let begun = calls.iter().filter(|(begin, _)| edge[0] <= *begin && *begin < edge[1]);
                proptest::prop_assert_eq!(day.calls as usize, begun.count());
            }
        }
    }
}
