//! Projects off season are told where figures are shown.

use axum::http::Method;

use crate::house::{House, crew};

/// A project that rests, whenever the test runs.
const RESTING: &str = "[[project]]\nid = \"lab\"\nlabel = \"Lab\"\ntime_zone = \"Europe/Moscow\"\noff_season = \"2020-01-01..2999-12-31\"\n";

#[tokio::test]
async fn an_off_season_is_told_on_the_board_the_rules_and_the_reports() {
    let house = House::with(&format!("{}{RESTING}", crew()));
    let (cookie, _) = house.log_in("anna").await;
    let page = async |path: &str, language: &str| {
        let headers = [
            ("accept", "text/html"),
            ("accept-language", language),
            ("cookie", cookie.as_str()),
        ];
        house.ask(Method::GET, path, &headers).await.text()
    };
    let now = "Lab: off season until 31\u{a0}December 2999.";
    for path in ["/board", "/rules"] {
        let shown = page(path, "en").await;
        assert!(shown.contains(now), "{path}: {shown}");
    }
    assert!(
        page("/board", "ru")
            .await
            .contains("Lab: не сезон до 31\u{a0}декабря 2999.")
    );
    let report = "/reports/sources?since=2026-11-20&until=2026-11-22";
    let shown = page(report, "en").await;
    let told = "Lab: off season 1\u{a0}January 2020 – 31\u{a0}December 2999. No call went through meanwhile.";
    assert!(shown.contains(told), "{shown}");
    let of_another = page(&format!("{report}&project=shop"), "en").await;
    assert!(!of_another.contains("Lab: off season"), "{of_another}");
}
