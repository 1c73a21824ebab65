//! The lines that were busy on one day. Pure.

use crate::report::erlang::lines_for;
use crate::report::table::Figure;
use crate::report::tally::count;

/// Milliseconds of an hour.
pub(super) const HOUR_MS: u32 = 3_600_000;

/// Calls of the busiest hour that may find all lines busy: one in a hundred.
const BLOCKED: f64 = 0.01;

/// The percentile of the lines that are busy.
const SHARE: u64 = 95;

/// One day, or several.
#[derive(Clone, Debug, Default)]
pub(super) struct Day {
    pub(super) calls: u32,
    pub(super) most: u32,
    /// For how many milliseconds how many lines were busy, by their count.
    pub(super) times: Vec<u64>,
    /// Milliseconds that lines were busy in the hour in which that was most.
    pub(super) busiest_ms: u64,
}

impl Day {
    /// Goes along a day of `length` milliseconds on which calls begin and end at these times, both in order. `busy` lines are
    /// held when it begins; `times` is memory for as many lines as there could be, all 0, and is left so.
    pub(super) fn follow(
        &mut self,
        begins: &[u32],
        ends: &[u32],
        busy: usize,
        length: u32,
        times: &mut [u64],
    ) {
        let (mut busy, mut most, mut at) = (busy, busy, 0);
        let (mut begin, mut end) = (0, 0);
        let time = |list: &[u32], place: usize| list.get(place).copied().unwrap_or(u32::MAX);
        let mut hour_end = 0;
        while hour_end < length {
            hour_end = length.min(hour_end.saturating_add(HOUR_MS));
            let mut hour_ms = 0;
            let mut spend = |until: u32, busy: usize| {
                let spent = u64::from(until - at);
                at = until;
                hour_ms += spent * busy as u64;
                if let Some(time) = times.get_mut(busy) {
                    *time += spent;
                }
            };
            loop {
                let (begins_at, ends_at) = (time(begins, begin), time(ends, end));
                let next = begins_at.min(ends_at);
                if next >= hour_end {
                    break;
                }
                spend(next, busy);
                // Which of the two comes next nobody can foresee, a processor neither: so there is no branch on it.
                let is_end = usize::from(ends_at <= begins_at);
                end += is_end;
                begin += 1 - is_end;
                busy = (busy + 1).saturating_sub(2 * is_end);
                most = most.max(busy);
            }
            spend(hour_end, busy);
            self.busiest_ms = self.busiest_ms.max(hour_ms);
        }
        self.most = u32::try_from(most).unwrap_or(u32::MAX);
        if let Some(times) = times.get_mut(..=most) {
            self.times = times.to_vec();
            times.fill(0);
        }
    }

    /// Takes another day along.
    pub(super) fn join(&mut self, other: &Self) {
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
    pub(super) fn percentile(&self) -> Figure {
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

    /// The figures of a line.
    #[expect(clippy::cast_precision_loss, reason = "nobody is busy for 2^53 ms")]
    pub(super) fn figures(&self) -> Vec<Figure> {
        let load = self.busiest_ms as f64 / f64::from(HOUR_MS);
        vec![
            count(self.calls),
            count(self.most),
            self.percentile(),
            Figure::Number(load),
            count(lines_for(load, BLOCKED)),
        ]
    }
}
