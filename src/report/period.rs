//! Of which time a report is, what it stands beside, and the days, weeks and months in it, as a project's calendar has them.
//! Pure: the hour is handed in.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};

use crate::base::time::WallTime;
use crate::report::conditions::is;
use crate::report::table::{Calls, Period};

/// Days of a report for which no period was asked, today included.
const DAYS_DEFAULT: i64 = 30;

/// The longest period: more lines of days than anybody reads, and few enough to be made.
const YEARS_MAX: i64 = 100;

/// Milliseconds of that many years.
const PERIOD_MAX_MS: i64 = YEARS_MAX * 366 * 86_400_000;

/// A period, and the one before it, which ends where it begins.
#[derive(Clone, Debug)]
pub struct Span {
    zone: TimeZone,
    before: WallTime,
    since: WallTime,
    until: WallTime,
}

/// Why a period is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSpan {
    /// It ends before anything could be in it.
    #[error("the period ends before it begins; `since` is to be earlier than `until`")]
    Backwards,
    /// It is longer than any log.
    #[error(
        "the period is longer than {YEARS_MAX} years; move `since` and `until` closer together"
    )]
    Long,
}

/// Into what a period is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// From midnight to midnight.
    Day,
    /// From Monday to Monday.
    Week,
    /// From the first to the first.
    Month,
}

impl Span {
    /// The period that was asked for: where only one end was named, or none, 30 days with today as the last.
    ///
    /// The period before has the same length: as many months where it is whole months, as many days where it is whole days,
    /// so that a change of clocks moves nothing, and else as much time.
    ///
    /// # Errors
    /// It ends before it begins, or is longer than anybody could want.
    pub fn new(
        since: Option<WallTime>,
        until: Option<WallTime>,
        now: WallTime,
        zone: TimeZone,
    ) -> Result<Self, NoSpan> {
        let today = date(&zone, now);
        let until = until.unwrap_or_else(|| {
            let tomorrow = midnight(&zone, shifted(today, 1));
            since.map_or(tomorrow, |since| {
                tomorrow.max(midnight(&zone, shifted(date(&zone, since), 1)))
            })
        });
        let since = since.unwrap_or_else(|| {
            // The last day is the one of the last moment before the end.
            let last = date(
                &zone,
                WallTime::from_millis(until.as_millis().saturating_sub(1)),
            );
            midnight(&zone, shifted(last, 1 - DAYS_DEFAULT))
        });
        if since >= until {
            return Err(NoSpan::Backwards);
        }
        if until.as_millis().saturating_sub(since.as_millis()) > PERIOD_MAX_MS {
            return Err(NoSpan::Long);
        }
        let before = before(&zone, since, until);
        Ok(Self {
            zone,
            before,
            since,
            until,
        })
    }

    /// A period beside the one of these days before it: `days` of them until `until`, to the same time of day.
    pub fn last_days(days: i64, until: WallTime, zone: TimeZone) -> Self {
        let back = |days: i64| {
            let at = Zoned::new(until.timestamp(), zone.clone());
            at.checked_sub(days.days()).map_or(until, |at| wall(&at))
        };
        Self {
            before: back(days.saturating_mul(2)),
            since: back(days),
            until,
            zone,
        }
    }

    /// Where its days begin.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// When it begins.
    pub const fn since(&self) -> WallTime {
        self.since
    }

    /// When it is over.
    pub const fn until(&self) -> WallTime {
        self.until
    }

    /// When the period before begins.
    pub const fn before_since(&self) -> WallTime {
        self.before
    }

    /// The period.
    pub fn period(&self) -> Period {
        self.named(self.since, self.until)
    }

    /// The period before.
    pub fn before(&self) -> Period {
        self.named(self.before, self.since)
    }

    fn named(&self, since: WallTime, until: WallTime) -> Period {
        Period {
            since,
            until,
            time_zone: self.zone.iana_name().unwrap_or("UTC").to_owned(),
        }
    }

    /// The days, weeks or months of the period; the first and the last may be parts of theirs.
    pub(crate) fn buckets(&self, grain: Grain) -> Buckets {
        Buckets::new(&self.zone, grain, self.since, self.until)
    }

    /// Those of the period before.
    pub(crate) fn buckets_before(&self, grain: Grain) -> Buckets {
        Buckets::new(&self.zone, grain, self.before, self.since)
    }
}

impl Span {
    /// The week before the one in which the period begins.
    pub(crate) fn week_before(&self) -> (WallTime, WallTime) {
        let monday = Grain::Week.first(date(&self.zone, self.since));
        let before = shifted(monday, -7);
        (midnight(&self.zone, before), midnight(&self.zone, monday))
    }
}

/// The days, weeks or months of some time.
#[derive(Clone, Debug)]
pub(crate) struct Buckets {
    /// The first day of each, whole ones as well as parts.
    days: Vec<Date>,
    /// When each begins, and when the last ends.
    edges: Vec<i64>,
    grain: Grain,
    /// The one that was asked for last, and its ends.
    last: (usize, i64, i64),
}

impl Buckets {
    fn new(zone: &TimeZone, grain: Grain, since: WallTime, until: WallTime) -> Self {
        let mut day = grain.first(date(zone, since));
        let (mut days, mut edges) = (vec![day], vec![since.as_millis()]);
        loop {
            let next = grain.next(day);
            let begins = midnight(zone, next);
            // Past the last year that a calendar has, days do not go on.
            if begins >= until || next <= day {
                break;
            }
            day = next;
            // A day that a zone left out whole, to be on the other side of the date line, is none.
            let is_none = edges.last().is_some_and(|edge| *edge >= begins.as_millis());
            if is_none && let Some(last) = days.last_mut() {
                *last = day;
            } else {
                days.push(day);
                edges.push(begins.as_millis());
            }
        }
        edges.push(until.as_millis());
        Self {
            days,
            edges,
            grain,
            last: (0, 1, 0),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.days.len()
    }

    /// The word of one: 2026-11-22, 2026-11.
    pub(crate) fn key(&self, place: usize) -> String {
        let Some(day) = self.days.get(place) else {
            return String::new();
        };
        match self.grain {
            Grain::Day | Grain::Week => day.to_string(),
            Grain::Month => format!("{:04}-{:02}", day.year(), day.month()),
        }
    }

    /// When one begins and when it is over.
    pub(crate) fn ends(&self, place: usize) -> (WallTime, WallTime) {
        let edge =
            |place| WallTime::from_millis(self.edges.get(place).copied().unwrap_or_default());
        (edge(place), edge(place.saturating_add(1)))
    }

    /// What narrows calls to those of one.
    pub(crate) fn times(&self, place: usize) -> Calls {
        let (since, until) = self.ends(place);
        vec![
            is("since", since.to_string()),
            is("until", until.to_string()),
        ]
    }

    /// The one in which `at` lies. Calls come in the order of time, so the answer is nearly always the last one.
    #[inline]
    pub(crate) fn place(&mut self, at: WallTime) -> Option<usize> {
        let (place, since, until) = self.last;
        let millis = at.as_millis();
        if since <= millis && millis < until {
            return Some(place);
        }
        self.find(millis)
    }

    #[cold]
    fn find(&mut self, millis: i64) -> Option<usize> {
        let place = self
            .edges
            .partition_point(|edge| *edge <= millis)
            .checked_sub(1)?;
        let (since, until) = (self.edges.get(place)?, self.edges.get(place + 1)?);
        self.last = (place, *since, *until);
        Some(place)
    }
}

impl Grain {
    /// The day on which the one begins in which `day` lies.
    fn first(self, day: Date) -> Date {
        match self {
            Self::Day => day,
            Self::Week => shifted(day, -i64::from(day.weekday().to_monday_zero_offset())),
            Self::Month => day.first_of_month(),
        }
    }

    /// The first day of the one that follows.
    fn next(self, first: Date) -> Date {
        match self {
            Self::Day => shifted(first, 1),
            Self::Week => shifted(first, 7),
            Self::Month => first.checked_add(1.month()).unwrap_or(first),
        }
    }
}

/// The day on which `at` falls.
pub(crate) fn date(zone: &TimeZone, at: WallTime) -> Date {
    zone.to_datetime(at.timestamp()).date()
}

/// When `day` begins; a midnight that a change of clocks leaves out is the first moment after it.
pub fn midnight(zone: &TimeZone, day: Date) -> WallTime {
    let begins = day.to_zoned(zone.clone());
    begins.map_or(WallTime::from_millis(i64::MAX), |at| wall(&at))
}

fn wall(at: &Zoned) -> WallTime {
    WallTime::from_millis(at.timestamp().as_millisecond())
}

fn shifted(day: Date, days: i64) -> Date {
    day.checked_add(days.days()).unwrap_or(day)
}

/// When the period before one begins.
fn before(zone: &TimeZone, since: WallTime, until: WallTime) -> WallTime {
    let (first, end) = (date(zone, since), date(zone, until));
    let elapsed = until.as_millis().saturating_sub(since.as_millis());
    let elapsed = WallTime::from_millis(since.as_millis().saturating_sub(elapsed));
    if midnight(zone, first) != since || midnight(zone, end) != until {
        return elapsed;
    }
    let back = if first.day() == 1 && end.day() == 1 {
        let years = i32::from(end.year()) - i32::from(first.year());
        let months = i32::from(end.month()) - i32::from(first.month());
        first.checked_sub((years * 12 + months).months())
    } else {
        // Days are counted by the calendar: one of 23 hours is one.
        first.until(end).and_then(|days| first.checked_sub(days))
    };
    back.map_or(elapsed, |day| midnight(zone, day))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> WallTime {
        text.parse().unwrap()
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn span(zone_name: &str, since: &str, until: &str) -> Span {
        let noon = at("2026-11-22T12:00:00Z");
        Span::new(Some(at(since)), Some(at(until)), noon, zone(zone_name)).unwrap()
    }

    #[test]
    fn without_a_period_it_is_thirty_days_with_today_as_the_last() {
        let moscow = zone("Europe/Moscow");
        let of = |since, until| {
            let span = Span::new(since, until, at("2026-11-22T22:30:00Z"), moscow.clone()).unwrap();
            let ends = [span.before_since(), span.since(), span.until()];
            ends.map(|end| end.to_string())
        };
        // In Moscow it is the 23rd by then.
        assert_eq!(
            of(None, None),
            [
                "2026-09-24T21:00:00.000Z",
                "2026-10-24T21:00:00.000Z",
                "2026-11-23T21:00:00.000Z"
            ]
        );
        let one_end = of(Some(at("2026-11-20T21:00:00Z")), None);
        assert_eq!(one_end[2], "2026-11-23T21:00:00.000Z");
        let future = of(Some(at("2027-01-01T21:00:00Z")), None);
        assert_eq!(future[2], "2027-01-02T21:00:00.000Z");
        let other_end = of(None, Some(at("2026-10-31T21:00:00Z")));
        assert_eq!(other_end[1], "2026-10-01T21:00:00.000Z");
    }

    #[test]
    fn the_period_before_is_as_long_by_the_calendar() {
        for (place, since, until, before) in [
            // A month beside the month before, though that is longer.
            (
                "Europe/Moscow",
                "2026-10-31T21:00:00Z",
                "2026-11-30T21:00:00Z",
                "2026-09-30T21:00:00Z",
            ),
            // A quarter beside the quarter before; its clocks changed.
            (
                "Europe/Berlin",
                "2026-06-30T22:00:00Z",
                "2026-09-30T22:00:00Z",
                "2026-03-31T22:00:00Z",
            ),
            // A week that has an hour less beside a whole one.
            (
                "Europe/Berlin",
                "2026-03-22T23:00:00Z",
                "2026-03-29T22:00:00Z",
                "2026-03-15T23:00:00Z",
            ),
            (
                "Europe/Berlin",
                "2026-03-29T22:00:00Z",
                "2026-04-05T22:00:00Z",
                "2026-03-22T23:00:00Z",
            ),
            // Not from midnight to midnight: as much time.
            (
                "Europe/Berlin",
                "2026-03-29T00:30:00Z",
                "2026-03-29T01:30:00Z",
                "2026-03-28T23:30:00Z",
            ),
        ] {
            let span = span(place, since, until);
            assert_eq!(span.before_since(), at(before), "{place} {since}");
            assert_eq!(span.before().until, span.period().since);
        }
    }

    #[test]
    fn what_is_no_period_is_refused() {
        let ask = |since: &str, until: &str| {
            let ends = (Some(at(since)), Some(at(until)));
            Span::new(ends.0, ends.1, at("2026-11-22T12:00:00Z"), TimeZone::UTC).err()
        };
        assert_eq!(
            ask("2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z"),
            Some(NoSpan::Backwards)
        );
        assert_eq!(
            ask("1770-01-01T00:00:00Z", "2026-11-22T00:00:00Z"),
            Some(NoSpan::Long)
        );
        assert_eq!(ask("1970-01-01T00:00:00Z", "2026-11-22T00:00:00Z"), None);
    }

    #[test]
    fn seven_days_are_seven_though_clocks_change() {
        let span = Span::last_days(7, at("2026-03-31T10:00:00Z"), zone("Europe/Berlin"));
        assert_eq!(span.since(), at("2026-03-24T11:00:00Z"));
        assert_eq!(span.before_since(), at("2026-03-17T11:00:00Z"));
    }

    #[test]
    fn days_have_23_24_and_25_hours() {
        let hours = |since: &str, until: &str| {
            let days = span("Europe/Berlin", since, until).buckets(Grain::Day);
            let lengths = (0..days.len()).map(|place| {
                let (begin, end) = days.ends(place);
                (
                    days.key(place),
                    (end.as_millis() - begin.as_millis()) / 3_600_000,
                )
            });
            lengths.collect::<Vec<_>>()
        };
        let spring = hours("2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z");
        let want = [("2026-03-28", 24), ("2026-03-29", 23), ("2026-03-30", 24)];
        assert_eq!(spring, want.map(|(day, hours)| (day.to_owned(), hours)));
        let autumn = hours("2026-10-24T22:00:00Z", "2026-10-26T12:00:00Z");
        let want = [("2026-10-25", 25), ("2026-10-26", 13)];
        assert_eq!(autumn, want.map(|(day, hours)| (day.to_owned(), hours)));
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first_and_the_ends_are_parts() {
        let span = span(
            "Europe/Moscow",
            "2026-10-30T21:00:00Z",
            "2026-11-10T21:00:00Z",
        );
        let keys = |grain| {
            let buckets = span.buckets(grain);
            (0..buckets.len())
                .map(|place| buckets.key(place))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            keys(Grain::Week),
            ["2026-10-26", "2026-11-02", "2026-11-09"]
        );
        assert_eq!(keys(Grain::Month), ["2026-10", "2026-11"]);
        assert_eq!(keys(Grain::Day).len(), 11);
        let mut weeks = span.buckets(Grain::Week);
        for (time, place) in [
            ("2026-10-30T20:59:59.999Z", None),
            ("2026-10-30T21:00:00Z", Some(0)),
            ("2026-11-01T20:59:59.999Z", Some(0)),
            ("2026-11-01T21:00:00Z", Some(1)),
            ("2026-10-31T00:00:00Z", Some(0)),
            ("2026-11-10T20:59:59.999Z", Some(2)),
            ("2026-11-10T21:00:00Z", None),
        ] {
            assert_eq!(weeks.place(at(time)), place, "{time}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_moment_of_a_period_is_in_the_day_that_the_calendar_has(
            begin in 0i64..2_000_000_000,
            length in 1i64..40_000_000,
            inside in proptest::collection::vec(0f64..1.0, 1..20),
            place in proptest::sample::select(vec![
                "Europe/Berlin", "Europe/Moscow", "America/Sao_Paulo", "Pacific/Apia", "Asia/Gaza", "UTC",
            ]),
        ) {
            let zone = zone(place);
            let wall = |seconds: i64| WallTime::from_millis(seconds * 1_000);
            let ends = (Some(wall(begin)), Some(wall(begin + length)));
            let span = Span::new(ends.0, ends.1, wall(0), zone.clone()).unwrap();
            let mut days = span.buckets(Grain::Day);
            for share in inside {
                #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any moment will do")]
                let at = wall(begin + (length as f64 * share) as i64);
                let key = days.place(at).map(|place| days.key(place));
                proptest::prop_assert_eq!(key, Some(date(&zone, at).to_string()));
            }
        }
    }
}
