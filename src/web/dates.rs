//! Times and days as each language writes them, in a project's time zone.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::base::time::WallTime;
use crate::web::words::Words;

/// Where and how times are shown.
#[derive(Clone)]
pub struct Dates {
    zone: TimeZone,
    now: WallTime,
    words: &'static Words,
}

impl Dates {
    /// Times of `zone`, seen at `now`.
    pub const fn new(zone: TimeZone, now: WallTime, words: &'static Words) -> Self {
        Self { zone, now, words }
    }

    /// Now.
    pub const fn now(&self) -> WallTime {
        self.now
    }

    fn local(&self, at: WallTime) -> DateTime {
        self.zone.to_datetime(at.timestamp())
    }

    /// The day on which `at` falls.
    pub fn date(&self, at: WallTime) -> Date {
        self.local(at).date()
    }

    /// Today.
    pub fn today(&self) -> Date {
        self.date(self.now)
    }

    /// When `date` begins; a midnight that a change of clocks leaves out is the first moment after it.
    pub fn midnight(&self, date: Date) -> WallTime {
        let begins = date.to_zoned(self.zone.clone());
        begins.map_or(WallTime::from_millis(0), |at| {
            WallTime::from_millis(at.timestamp().as_millisecond())
        })
    }

    /// The zone's IANA name.
    pub fn zone_name(&self) -> String {
        self.zone.iana_name().unwrap_or("UTC").to_owned()
    }

    /// `14:32`.
    pub fn time(&self, at: WallTime) -> String {
        let local = self.local(at);
        format!("{:02}:{:02}", local.hour(), local.minute())
    }

    /// `14:32:05`.
    pub fn time_exact(&self, at: WallTime) -> String {
        let local = self.local(at);
        let (hour, minute, second) = (local.hour(), local.minute(), local.second());
        format!("{hour:02}:{minute:02}:{second:02}")
    }

    /// The heading of a day: `Today`, `Yesterday`, `Friday, 20 November`; with its year where that is another.
    pub fn day(&self, date: Date) -> String {
        let today = self.today();
        if date == today {
            return self.words.say("day-today");
        }
        if today.yesterday().is_ok_and(|yesterday| date == yesterday) {
            return self.words.say("day-yesterday");
        }
        self.day_and_weekday(date)
    }

    /// `Friday, 20 November`; with its year where that is another.
    pub fn day_and_weekday(&self, date: Date) -> String {
        let weekday = date.weekday().to_monday_one_offset();
        let weekday = self.words.say(&format!("weekday-{weekday}"));
        format!("{weekday}, {}", self.day_and_month(date))
    }

    /// `20 November`; with its year where that is another.
    pub fn day_and_month(&self, date: Date) -> String {
        let month = self.words.say(&format!("month-{}", date.month()));
        if date.year() == self.today().year() {
            format!("{}\u{a0}{month}", date.day())
        } else {
            format!("{}\u{a0}{month} {}", date.day(), date.year())
        }
    }

    /// `20 November, 14:32`; today only `14:32`.
    pub fn short(&self, at: WallTime) -> String {
        let date = self.date(at);
        if date == self.today() {
            return self.time(at);
        }
        format!("{}, {}", self.day_and_month(date), self.time(at))
    }

    /// `20 November 2026, 14:32:05`.
    pub fn full(&self, at: WallTime) -> String {
        let date = self.date(at);
        let month = self.words.say(&format!("month-{}", date.month()));
        let (day, year) = (date.day(), date.year());
        format!("{day}\u{a0}{month} {year}, {}", self.time_exact(at))
    }

    /// How long ago `at` was, in milliseconds; 0 for what is still to come.
    pub fn ago_ms(&self, at: WallTime) -> u64 {
        u64::try_from(self.now.as_millis().saturating_sub(at.as_millis())).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::web::words::Language;

    fn dates(language: Language, zone: &str) -> Dates {
        let now = "2026-11-22T00:30:00Z".parse().unwrap();
        Dates::new(TimeZone::get(zone).unwrap(), now, Words::of(language))
    }

    #[test]
    fn days_and_times_are_those_of_the_project() {
        let moscow = dates(Language::English, "Europe/Moscow");
        let at: WallTime = "2026-11-21T21:05:09Z".parse().unwrap();
        assert_eq!(moscow.time(at), "00:05");
        assert_eq!(moscow.full(at), "22\u{a0}November 2026, 00:05:09");
        assert_eq!(moscow.date(at), moscow.today());
        let new_york = dates(Language::English, "America/New_York");
        assert_eq!(new_york.today(), date(2026, 11, 21));
        assert_eq!(
            moscow.midnight(date(2026, 11, 22)).to_string(),
            "2026-11-21T21:00:00.000Z"
        );
    }

    #[test]
    fn days_have_their_names() {
        let (en, ru) = (
            dates(Language::English, "Europe/Moscow"),
            dates(Language::Russian, "Europe/Moscow"),
        );
        assert_eq!(en.day(date(2026, 11, 22)), "Today");
        assert_eq!(ru.day(date(2026, 11, 21)), "Вчера");
        assert_eq!(en.day(date(2026, 11, 20)), "Friday, 20\u{a0}November");
        assert_eq!(ru.day(date(2026, 11, 18)), "Среда, 18\u{a0}ноября");
        assert_eq!(ru.day(date(2025, 5, 3)), "Суббота, 3\u{a0}мая 2025");
    }

    #[test]
    fn a_midnight_that_a_change_of_clocks_leaves_out_is_the_first_moment_after() {
        let beirut = dates(Language::English, "Asia/Beirut");
        let begins = beirut.midnight(date(2026, 3, 29));
        assert_eq!(beirut.time(begins), "01:00");
    }
}
