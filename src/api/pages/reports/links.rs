//! From a figure to the list of the calls behind it.

use jiff::civil::Date;

use crate::base::time::WallTime;
use crate::report::table::Calls;
use crate::web::dates::Dates;
use crate::web::frame::form_urlencoded;

/// The list of the calls that meet all of these conditions: those of a report, of a line, of a column, the narrower later.
///
/// Times that are midnights are written as days, which the list shows in its fields.
pub(super) fn list(dates: &Dates, conditions: &[&Calls]) -> String {
    let mut all: Vec<(&str, String)> = Vec::new();
    for (name, value) in conditions.iter().copied().flatten() {
        put(&mut all, name, value);
    }
    let pairs = all.into_iter().map(|(name, value)| {
        let value = match name {
            "since" | "until" => day(dates, name, &value),
            _ => value,
        };
        format!("{name}={}", form_urlencoded(&value))
    });
    let query: Vec<String> = pairs.collect();
    if query.is_empty() {
        "/".to_owned()
    } else {
        format!("/?{}", query.join("&"))
    }
}

/// Adds a condition to those before it.
fn put<'n>(all: &mut Vec<(&'n str, String)>, name: &'n str, value: &str) {
    let known = all.iter().position(|(known, _)| *known == name);
    let Some(known) = known.and_then(|known| all.get_mut(known)) else {
        all.push((name, value.to_owned()));
        return;
    };
    if known.1 == value {
        return;
    }
    match name {
        // Each of them is to be missing.
        "without" => all.push((name, value.to_owned())),
        // Both hold: busy, and missed. A list has one place for how calls stand and one for why they ended.
        "status" => {
            let is_reason = |word: &str| !["answered", "missed", "in-progress"].contains(&word);
            if is_reason(&known.1) {
                let reason = std::mem::replace(&mut known.1, value.to_owned());
                put(all, "reason", &reason);
            } else if is_reason(value) {
                put(all, "reason", value);
            } else {
                known.1 = value.to_owned();
            }
        }
        // The narrower one.
        _ => known.1 = value.to_owned(),
    }
}

/// A moment as the day that it begins or ends, where it does.
fn day(dates: &Dates, name: &str, value: &str) -> String {
    let Ok(at) = value.parse::<WallTime>() else {
        return value.to_owned();
    };
    let date = dates.date(at);
    let is_midnight = dates.midnight(date) == at;
    let day: Option<Date> = match (is_midnight, name) {
        (false, _) => None,
        (true, "since") => Some(date),
        // The list shows its last day whole.
        (true, _) => date.yesterday().ok(),
    };
    day.map_or_else(|| value.to_owned(), |day| day.to_string())
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::web::words::{Language, Words};

    fn link(conditions: &[&[(&'static str, &str)]]) -> String {
        let zone = TimeZone::get("Europe/Moscow").unwrap();
        let now = "2026-11-22T09:00:00Z".parse().unwrap();
        let dates = Dates::new(zone, now, Words::of(Language::English));
        let own = |(name, value): &(&'static str, &str)| (*name, (*value).to_owned());
        let calls: Vec<Calls> = conditions
            .iter()
            .map(|calls| calls.iter().map(own).collect())
            .collect();
        list(&dates, &calls.iter().collect::<Vec<_>>())
    }

    #[test]
    fn conditions_hold_together_and_midnights_are_days() {
        let report = [
            ("since", "2026-10-31T21:00:00.000Z"),
            ("until", "2026-11-22T21:00:00.000Z"),
            ("project", "garden"),
        ];
        assert_eq!(
            link(&[&report, &[("source", "a&b")], &[("status", "missed")]]),
            "/?since=2026-11-01&until=2026-11-22&project=garden&source=a%26b&status=missed"
        );
        let day = [
            ("since", "2026-11-19T21:00:00.000Z"),
            ("until", "2026-11-20T11:00:00.000Z"),
        ];
        assert_eq!(
            link(&[&report, &day]),
            "/?since=2026-11-20&until=2026-11-20T11%3A00%3A00.000Z&project=garden"
        );
    }

    #[test]
    fn what_lacks_two_things_lacks_both_and_what_is_busy_stays_busy() {
        assert_eq!(
            link(&[
                &[("without", "goal")],
                &[("without", "stage"), ("without", "goal")]
            ]),
            "/?without=goal&without=stage"
        );
        let both = "/?status=missed&reason=busy";
        assert_eq!(
            link(&[&[("status", "busy")], &[("status", "missed")]]),
            both
        );
        assert_eq!(
            link(&[&[("status", "missed")], &[("status", "busy")]]),
            both
        );
    }
}
