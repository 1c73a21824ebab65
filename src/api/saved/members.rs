//! The filter of a saved report as an address has it, with a period that moves on turned into days.

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::base::time::WallTime;
use crate::report::relative::Relative;
use crate::store::saved::SavedReport;

/// The member that says a period in a word.
pub(in crate::api) const PERIOD: &str = "period";

/// The members of the report's address as they are at `at`: the project, the conditions, the first day and the day after the
/// last.
pub(in crate::api) fn at(
    report: &SavedReport,
    at: WallTime,
    zone: &TimeZone,
) -> Vec<(String, String)> {
    let mut members = vec![("project".to_owned(), report.project.clone())];
    for (name, value) in &report.filter {
        if name != PERIOD {
            members.push((name.clone(), value.clone()));
        }
    }
    if let Some(period) = period(report) {
        let today = zone.to_datetime(at.timestamp()).date();
        let (since, until) = period.days(today);
        members.push(("since".to_owned(), since.to_string()));
        members.push(("until".to_owned(), until.to_string()));
    }
    members
}

/// The same for the report's page, whose last day is the last that is shown.
pub(in crate::api) fn on_page(
    report: &SavedReport,
    at: WallTime,
    zone: &TimeZone,
) -> Vec<(String, String)> {
    let mut members = self::at(report, at, zone);
    for (name, value) in &mut members {
        if name == "until" {
            *value = beside(value, -1);
        }
    }
    members
}

/// So many days after a day; whatever is no day stays as it is.
pub(in crate::api) fn beside(day: &str, days: i64) -> String {
    let read: Option<Date> = day.parse().ok().filter(|_| day.len() == "2026-11-22".len());
    let moved = read.and_then(|day| day.checked_add(days.days()).ok());
    moved.map_or_else(|| day.to_owned(), |day| day.to_string())
}

/// The period that moves on, where it has one.
pub(in crate::api) fn period(report: &SavedReport) -> Option<Relative> {
    let mut members = report.filter.iter();
    let (_, word) = members.find(|(name, _)| name == PERIOD)?;
    word.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_week_is_another_one_each_week() {
        let report = SavedReport {
            id: "ab12".into(),
            project: "shop".into(),
            name: "Sources".into(),
            report: "sources".into(),
            filter: vec![
                ("period".into(), "last-week".into()),
                ("by".into(), "campaign".into()),
            ],
            language: "en".into(),
            saved_by: "anna".into(),
            saved_at: WallTime::default(),
            sending: None,
        };
        let moscow = TimeZone::get("Europe/Moscow").unwrap();
        let of = |time: &str| {
            let members = at(&report, time.parse().unwrap(), &moscow);
            let members: Vec<_> = members
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            members.join("&")
        };
        assert_eq!(
            of("2026-11-23T06:00:00Z"),
            "project=shop&by=campaign&since=2026-11-16&until=2026-11-23"
        );
        // In Moscow it is Monday by then.
        assert_eq!(
            of("2026-11-29T21:00:00Z"),
            "project=shop&by=campaign&since=2026-11-23&until=2026-11-30"
        );
    }
}
