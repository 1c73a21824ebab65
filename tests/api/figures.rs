//! The pages of reports: every figure opens the calls that it counts, and what is asked for is kept in the address.

use axum::http::{Method, StatusCode};
use regex::Regex;

use ringtag::base::number::{Caller, Number};
use ringtag::report::ask::Kind;
use ringtag::store::say::Say;

use crate::house::{House, crew};

/// Days in which the calls of a house lie, whenever the test runs.
const DAYS: &str = "since=2026-11-20&until=2026-11-22";

/// A house with answered and missed calls, of which people said something.
async fn house() -> (House, String) {
    let house = House::with(&crew());
    let number = |n: i64| Caller::Number(Number::e164(&format!("+7916123456{}", n % 4)).unwrap());
    for n in 0..9 {
        let id = house.call(n * 97, number(n), n % 3 != 0);
        house.state.store.sync().unwrap();
        let say = match n % 4 {
            0 => Say {
                target: Some(Some(true)),
                goal: Some(Some("price".to_owned())),
                ..Say::default()
            },
            1 => Say {
                outcome: Some(Some("sold".to_owned())),
                stage: Some(Some("closed".to_owned())),
                value: Some(Some(1_500.5)),
                ..Say::default()
            },
            _ => continue,
        };
        house.state.store.say(id, say, "anna", None).unwrap();
    }
    house.state.store.sync().unwrap();
    let (cookie, _) = house.log_in("anna").await;
    (house, cookie)
}

async fn page(house: &House, cookie: &str, path: &str) -> String {
    let headers = [
        ("accept", "text/html"),
        ("accept-language", "en"),
        ("cookie", cookie),
    ];
    let answer = house.ask(Method::GET, path, &headers).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    answer.text()
}

/// Addresses and texts of the links in table cells.
fn figures(page: &str) -> Vec<(String, String)> {
    let cell = Regex::new(r#"<td><a href="([^"]+)">([^<]+)</a>"#).unwrap();
    let read = |found: regex::Captures<'_>| {
        let href = found[1].replace("&#38;", "&").replace("&amp;", "&");
        (href, found[2].to_owned())
    };
    cell.captures_iter(page).map(read).collect()
}

/// How many calls a figure counts, where it is that kind of figure.
fn counted(text: &str) -> Option<u64> {
    let digits = text.replace(',', "");
    let first = digits.split(" of ").next()?;
    first.parse().ok()
}

#[tokio::test]
async fn every_figure_of_every_report_opens_as_many_calls_as_it_counts() {
    let (house, cookie) = house().await;
    let shelf = page(&house, &cookie, "/reports").await;
    let link = Regex::new(r#"class="card" href="(/reports/[^"]+)""#).unwrap();
    let reports: Vec<String> = link
        .captures_iter(&shelf)
        .map(|found| found[1].to_owned())
        .collect();
    assert!(reports.len() >= 2, "{shelf}");
    let total = Regex::new(r#"<p class="total">([0-9,]+) calls?</p>"#).unwrap();
    let cut = Regex::new(r#"<select id="by" name="by">(.*?)</select>"#).unwrap();
    let value = Regex::new(r#"<option value="([^"]+)""#).unwrap();
    let mut followed = 0;
    for report in reports {
        let of = page(&house, &cookie, &format!("{report}?{DAYS}")).await;
        let cuts: Vec<String> = cut.captures(&of).map_or_else(
            || vec![String::new()],
            |cuts| {
                let cuts = value.captures_iter(cuts.get(1).unwrap().as_str());
                cuts.map(|cut| format!("&by={}", &cut[1])).collect()
            },
        );
        for cut in cuts {
            for more in [
                "",
                "&status=missed",
                "&target=true",
                "&goal=price",
                "&status=no-answer",
            ] {
                let path = format!("{report}?{DAYS}{cut}{more}");
                for (href, text) in figures(&page(&house, &cookie, &path).await) {
                    let list = page(&house, &cookie, &href).await;
                    assert!(!list.contains("Not understood"), "{path}: {href}");
                    let found = total.captures(&list).map(|n| n[1].replace(',', ""));
                    let found: Option<u64> = found.and_then(|n| n.parse().ok());
                    let found = found.unwrap_or_else(|| panic!("{path}: {href} says how many"));
                    if let Some(counted) = counted(&text) {
                        let is_so = match report.as_str() {
                            // Leads are people, and people may call again.
                            _ if href.contains("lead=true") => found >= counted,
                            // How many at once, of the calls of that day.
                            "/reports/lines" => found > 0,
                            _ => found == counted,
                        };
                        assert!(is_so, "{path}: {text} opens {found} by {href}");
                        followed += 1;
                    }
                }
            }
        }
    }
    assert!(followed > 50, "{followed}");
}

#[tokio::test]
async fn every_report_and_every_figure_has_a_name_and_a_formula_in_both_languages() {
    let (house, cookie) = house().await;
    let head = Regex::new(r#"popovertarget="how-([a-z0-9_]+)">([^<]+)<"#).unwrap();
    let how = Regex::new(r#"id="how-[a-z0-9_]+"><h2>[^<]+</h2><p>([^<]+)</p>"#).unwrap();
    for kind in Kind::ALL {
        let path = format!("/reports/{}?{DAYS}", kind.word());
        let mut formulas = Vec::new();
        for language in ["en", "ru"] {
            let headers = [
                ("accept", "text/html"),
                ("accept-language", language),
                ("cookie", cookie.as_str()),
            ];
            let text = house.ask(Method::GET, &path, &headers).await.text();
            assert!(
                !text.contains(">report-") && !text.contains(">cut-"),
                "{path} {language}"
            );
            for found in head.captures_iter(&text) {
                assert_ne!(found[1], found[2], "{path} {language}");
            }
            formulas.push(
                how.captures_iter(&text)
                    .map(|found| found[1].to_owned())
                    .collect::<Vec<_>>(),
            );
        }
        let [english, russian] = &formulas[..] else {
            panic!("two languages");
        };
        assert_eq!(english.len(), russian.len(), "{path}");
        assert!(
            english.iter().zip(russian).all(|(a, b)| a != b),
            "{path}: {russian:?}"
        );
    }
}

#[tokio::test]
async fn the_dashboard_opens_the_calls_behind_its_figures() {
    let (house, cookie) = house().await;
    let text = page(&house, &cookie, "/dashboard").await;
    assert!(text.contains("aria-current=\"page\">Dashboard<"), "{text}");
    let made = house
        .ask(Method::GET, "/api/v1/dashboard", &[("cookie", &cookie)])
        .await
        .json();
    // Whenever the test runs, the calls of the house are of one day: the seven days have them all, or none.
    let calls = made["total"]["cells"][0]["count"].as_u64().unwrap();
    if calls == 0 && made["open"]["count"] == 0 {
        assert!(text.contains("No calls in the last two weeks."), "{text}");
        return;
    }
    assert!(text.contains("Not called back"), "{text}");
    let tile = Regex::new(r#"<p class="figure"><a href="([^"]+)">([0-9,]+)</a>"#).unwrap();
    let total = Regex::new(r#"<p class="total">([0-9,]+) calls?</p>"#).unwrap();
    let mut followed = 0;
    for found in tile.captures_iter(&text) {
        let href = found[1].replace("&#38;", "&").replace("&amp;", "&");
        let list = page(&house, &cookie, &href).await;
        assert_eq!(
            total.captures(&list).map(|n| n[1].to_owned()),
            Some(found[2].to_owned()),
            "{href}"
        );
        followed += 1;
    }
    assert!(followed > 0, "{text}");
}

#[tokio::test]
async fn a_report_keeps_what_was_asked_in_its_address() {
    let (house, cookie) = house().await;
    let path = format!("/reports/sources?{DAYS}&by=campaign&figure=missed_share&status=missed");
    let text = page(&house, &cookie, &path).await;
    for kept in [
        "<option value=\"campaign\" selected>",
        "<option value=\"missed_share\" selected>",
        "20–22\u{a0}November",
        "beside 17–19\u{a0}November",
        "value=\"2026-11-20\"",
    ] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    for link in ["/api/v1/reports/sources.csv?", "/api/v1/reports/sources?"] {
        let query = text.split(link).nth(1).unwrap().split('"').next().unwrap();
        let query = query.replace("&#38;", "&").replace("&amp;", "&");
        assert!(
            query.contains("by=campaign") && query.contains("status=missed"),
            "{query}"
        );
        assert!(
            query.contains("since=2026-11-19T21%3A00%3A00.000Z"),
            "{query}"
        );
    }
    // Of few calls a share is no bare number.
    assert!(text.contains("3 of 3: "), "{text}");
}

#[tokio::test]
async fn a_report_without_calls_says_what_to_do_and_an_unknown_one_is_not_there() {
    let (house, cookie) = house().await;
    let empty = page(
        &house,
        &cookie,
        "/reports/sources?since=2020-01-01&until=2020-01-02",
    )
    .await;
    assert!(
        empty.contains("No calls like that in this period."),
        "{empty}"
    );
    let backwards = house
        .ask(
            Method::GET,
            "/reports/sources?since=2026-11-22&until=2026-11-20",
            &[("accept", "text/html"), ("cookie", &cookie)],
        )
        .await;
    assert_eq!(backwards.status, StatusCode::BAD_REQUEST);
    let none = house
        .ask(
            Method::GET,
            "/reports/weather",
            &[("accept", "text/html"), ("cookie", &cookie)],
        )
        .await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    let odd = page(
        &house,
        &cookie,
        "/reports/days?by=colour&figure=red&hour=25&without=sense",
    )
    .await;
    assert!(odd.contains("Not understood and left out"), "{odd}");
}
