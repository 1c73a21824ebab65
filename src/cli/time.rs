//! Times as people type them: a date, a date and time, RFC 3339, `today`, or how long ago.

use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::base::clock::Clock;
use crate::base::time::WallTime;

/// Reads a time in this machine's zone.
///
/// # Errors
/// A sentence that shows the forms.
pub(in crate::cli) fn parse_time(text: &str) -> Result<WallTime, String> {
    read(text, Clock::start().wall(), &TimeZone::system()).ok_or_else(|| {
        format!(
            "`{text}` is no time; write 2026-11-21, 2026-11-21T09:30, RFC 3339 with an offset, today, yesterday, 90m, 2h or 7d"
        )
    })
}

fn read(text: &str, now: WallTime, zone: &TimeZone) -> Option<WallTime> {
    if let Ok(at) = text.parse::<WallTime>() {
        return Some(at);
    }
    let today = now.timestamp().to_zoned(zone.clone()).date();
    let day = match text {
        "today" => Some(today),
        "yesterday" => today.yesterday().ok(),
        _ => text.parse::<Date>().ok().filter(|_| !text.contains('T')),
    };
    let at = match day {
        Some(day) => day.to_datetime(jiff::civil::Time::midnight()),
        None => match ago(text) {
            Some(ago) => return before(now, ago),
            None => text.parse::<DateTime>().ok()?,
        },
    };
    let zoned = at.to_zoned(zone.clone()).ok()?;
    Some(WallTime::from_millis(zoned.timestamp().as_millisecond()))
}

/// `90m`, `2h`, `7d`.
fn ago(text: &str) -> Option<Duration> {
    let unit_s = match text.chars().last()? {
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let count: u64 = text.get(..text.len() - 1)?.parse().ok()?;
    Some(Duration::from_secs(count.checked_mul(unit_s)?))
}

fn before(now: WallTime, ago: Duration) -> Option<WallTime> {
    let ago = i64::try_from(ago.as_millis()).ok()?;
    Some(WallTime::from_millis(now.as_millis().checked_sub(ago)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_type_them() {
        let now: WallTime = "2026-11-21T12:00:00Z".parse().unwrap();
        let zone = TimeZone::get("Europe/Moscow").unwrap();
        let read = |text| read(text, now, &zone).map(|at| at.to_string());
        let is = |text, expected: &str| assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        is("2026-11-20T09:30:00+03:00", "2026-11-20T06:30:00.000Z");
        is("2026-11-20", "2026-11-19T21:00:00.000Z");
        is("2026-11-20T09:30", "2026-11-20T06:30:00.000Z");
        is("today", "2026-11-20T21:00:00.000Z");
        is("yesterday", "2026-11-19T21:00:00.000Z");
        is("2h", "2026-11-21T10:00:00.000Z");
        is("7d", "2026-11-14T12:00:00.000Z");
        for wrong in ["", "h", "-2h", "soon", "99999999999999999999d"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
