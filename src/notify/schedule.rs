//! When a weekly letter is due: a day and an hour on the clocks of a project. Pure.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use crate::base::time::WallTime;

/// Once a week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weekly {
    /// Monday 1 to Sunday 7 (ISO 8601).
    pub weekday: u8,
    /// 0 to 23.
    pub hour: u8,
    /// Whose clocks.
    pub zone: TimeZone,
}

/// One week's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    /// When.
    pub at: WallTime,
    /// The day on the clocks of the project, which names the turn: it stays the same when the hour or the zone is changed.
    pub day: Date,
}

impl Weekly {
    /// The last turn that has come, `now` included.
    pub fn last(&self, now: WallTime) -> Option<Turn> {
        let turn = self.near(now, 0)?;
        if turn.at <= now {
            Some(turn)
        } else {
            self.near(now, -1)
        }
    }

    /// The next turn that has not come.
    pub fn next(&self, now: WallTime) -> Option<Turn> {
        let turn = self.near(now, 0)?;
        if turn.at > now {
            Some(turn)
        } else {
            self.near(now, 1)
        }
    }

    /// The turn of the week from Monday to Sunday that `now` is in, or of one so many weeks away. `None`: past the calendar's end,
    /// or no such weekday.
    fn near(&self, now: WallTime, weeks: i64) -> Option<Turn> {
        let weekday = Weekday::from_monday_one_offset(i8::try_from(self.weekday).ok()?).ok()?;
        let hour = i8::try_from(self.hour).ok().filter(|hour| *hour < 24)?;
        let today = now.timestamp().to_zoned(self.zone.clone()).date();
        let days = i64::from(weekday.to_monday_zero_offset())
            - i64::from(today.weekday().to_monday_zero_offset());
        let day = today.checked_add((days + 7 * weeks).days()).ok()?;
        // An hour that the clocks skip is read as the one after it, an hour that comes twice is its first.
        let at = day.at(hour, 0, 0, 0).to_zoned(self.zone.clone()).ok()?;
        Some(Turn {
            at: WallTime::from_millis(at.timestamp().as_millisecond()),
            day,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weekly(weekday: u8, hour: u8, zone: &str) -> Weekly {
        let zone = TimeZone::get(zone).unwrap();
        Weekly {
            weekday,
            hour,
            zone,
        }
    }

    fn at(text: &str) -> WallTime {
        text.parse().unwrap()
    }

    #[test]
    fn a_turn_has_come_from_its_hour_on_in_the_projects_zone() {
        let monday = weekly(1, 9, "Europe/Moscow");
        let before = monday.last(at("2026-11-23T05:59:59.999Z")).unwrap();
        let after = monday.last(at("2026-11-23T06:00:00Z")).unwrap();
        assert_eq!(
            (before.at, before.day.to_string()),
            (at("2026-11-16T06:00:00Z"), "2026-11-16".into())
        );
        assert_eq!(
            (after.at, after.day.to_string()),
            (at("2026-11-23T06:00:00Z"), "2026-11-23".into())
        );
        assert_eq!(monday.next(at("2026-11-23T05:59:59.999Z")), Some(after));
        assert_eq!(monday.next(after.at).unwrap().day.to_string(), "2026-11-30");
        // Late on Sunday in London it is Monday in Auckland.
        let early = weekly(1, 0, "Pacific/Auckland");
        assert_eq!(
            early.last(at("2026-11-22T11:00:00Z")).unwrap().at,
            at("2026-11-22T11:00:00Z")
        );
    }

    #[test]
    fn an_hour_that_clocks_skip_or_repeat_comes_once() {
        // 2026-03-29 in Berlin: 02:00 becomes 03:00. 2026-10-25: 03:00 becomes 02:00.
        let sunday = weekly(7, 2, "Europe/Berlin");
        let turn = |now: &str| sunday.last(at(now)).unwrap().at;
        assert_eq!(turn("2026-03-29T12:00:00Z"), at("2026-03-29T01:00:00Z"));
        assert_eq!(turn("2026-10-25T00:00:00Z"), at("2026-10-25T00:00:00Z"));
        assert_eq!(turn("2026-10-25T01:30:00Z"), at("2026-10-25T00:00:00Z"));
        // At nine it stays nine on both sides of the change.
        let monday = weekly(1, 9, "Europe/Berlin");
        assert_eq!(
            monday.last(at("2026-03-24T00:00:00Z")).unwrap().at,
            at("2026-03-23T08:00:00Z")
        );
        assert_eq!(
            monday.last(at("2026-03-31T00:00:00Z")).unwrap().at,
            at("2026-03-30T07:00:00Z")
        );
    }

    #[test]
    fn no_week_is_left_out_and_none_comes_twice_in_years_of_hours() {
        for zone in [
            "Europe/Berlin",
            "America/Sao_Paulo",
            "Pacific/Apia",
            "Australia/Lord_Howe",
        ] {
            for (weekday, hour) in [(7, 0), (7, 2), (5, 23)] {
                let weekly = weekly(weekday, hour, zone);
                // Samoa went over the date line on 2011-12-30, which was no day there.
                let mut now = at("2011-11-30T00:00:00Z");
                let mut last = weekly.last(now).unwrap();
                for _ in 0..24 * 365 * 3 {
                    now = WallTime::from_millis(now.as_millis() + 3_600_000);
                    let turn = weekly.last(now).unwrap();
                    assert!(
                        turn.at <= now && weekly.next(now).unwrap().at > now,
                        "{zone} {now}"
                    );
                    if turn != last {
                        assert_eq!(last.day.checked_add(7.days()).unwrap(), turn.day, "{zone}");
                        last = turn;
                    }
                }
            }
        }
    }

    #[test]
    fn no_weekday_and_no_hour_beyond_the_clock_have_a_turn() {
        assert_eq!(weekly(0, 9, "UTC").last(at("2026-11-23T00:00:00Z")), None);
        assert_eq!(weekly(8, 9, "UTC").last(at("2026-11-23T00:00:00Z")), None);
        assert_eq!(weekly(1, 24, "UTC").last(at("2026-11-23T00:00:00Z")), None);
    }
}
