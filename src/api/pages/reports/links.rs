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
    let mut all: Vec<(&'static str, String)> = Vec::new();
    for narrower in conditions {
        narrow(&mut all, narrower);
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

/// Adds conditions to wider ones: of a name that both have the narrower stays.
fn narrow(all: &mut Vec<(&'static str, String)>, narrower: &Calls) {
    let has = |name: &str| narrower.iter().any(|(other, _)| *other == name);
    // Both hold: busy, and missed. A list has one place for how calls stand and one for why they ended.
    let is_reason = |word: &str| !["answered", "missed", "in-progress"].contains(&word);
    let reason = all
        .iter()
        .find(|(name, value)| *name == "status" && is_reason(value))
        .filter(|_| has("status") && !has("reason"))
        .map(|(_, value)| ("reason", value.clone()));
    // What is to be missing adds up.
    all.retain(|(name, _)| *name == "without" || !has(name));
    all.extend(reason);
    for condition in narrower {
        if !all.contains(condition) {
            all.push(condition.clone());
        }
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
            "/?project=garden&since=2026-11-20&until=2026-11-20T11%3A00%3A00.000Z"
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
        assert_eq!(
            link(&[&[("status", "busy")], &[("status", "missed")]]),
            "/?reason=busy&status=missed"
        );
        assert_eq!(
            link(&[
                &[("stages", "new")],
                &[("stages", "offer"), ("stages", "closed")]
            ]),
            "/?stages=offer&stages=closed"
        );
    }
}
