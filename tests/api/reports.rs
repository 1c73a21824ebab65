//! Reports against the calls behind them, one by one, and against what another program makes of the same log.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use axum::http::header;
use serde_json::{Value, json};

use ringtag::base::chance::Chance;
use ringtag::base::time::{Moment, WallTime};
use ringtag::call::story::Fact;

use crate::house::{CONFIG, House};
use crate::reports::days::{MORE, call, fill};

mod days;
mod sent_on;

/// Every report, by everything that it is cut by.
const REPORTS: [(&str, &str); 27] = [
    ("sources", ""),
    ("sources", "source"),
    ("sources", "campaign"),
    ("sources", "channel"),
    ("sources", "category"),
    ("sources", "number"),
    ("managers", ""),
    ("hours", ""),
    ("days", "day"),
    ("days", "week"),
    ("days", "month"),
    ("repeat", ""),
    ("reasons", ""),
    ("goals", ""),
    ("missed", "source"),
    ("missed", "rule"),
    ("missed", "day"),
    ("missed", "month"),
    ("funnel", ""),
    ("lines", ""),
    ("answer-time", ""),
    ("money", "source"),
    ("money", "campaign"),
    ("money", "channel"),
    ("money", "category"),
    ("rules", ""),
    ("rules", "rule"),
];

/// Periods and conditions: clocks forward and back, parts of days, a whole year; all calls and few.
const ASKED: [&str; 9] = [
    "project=werk&since=2024-03-25&until=2024-04-08",
    "project=werk&since=2024-10-21&until=2024-11-04",
    "project=werk&since=2024-03-31T00:10:00Z&until=2024-03-31T01:20:00Z",
    "project=shop&since=2024-03-01&until=2024-04-01",
    "since=2024-01-01&until=2025-01-01",
    "since=2024-04-01&until=2024-05-01&status=missed",
    "since=2024-10-01&until=2025-01-01&repeat=true&project=shop&source=direct",
    "project=werk&since=2024-10-01&until=2025-01-01&hour=2&customer=true",
    "since=2024-03-01&until=2024-11-01&channel=outdoor",
];

#[tokio::test]
async fn every_report_is_what_another_program_makes_of_the_log() {
    let house = House::with(MORE);
    fill(&house);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("ringtag.toml");
    std::fs::write(&config, format!("{CONFIG}{MORE}")).unwrap();
    let mut script = Command::new("python3");
    script
        .arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recompute/recompute.py"))
        .arg("--log")
        .arg(house.folder.path().join("data/log"))
        .arg("--config")
        .arg(&config);
    let mut figures = 0;
    for (number, asked) in ASKED.iter().enumerate() {
        for (name, by) in REPORTS {
            let path = format!("/api/v1/reports/{name}?{asked}&by={by}");
            let answer = house.get(&path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            let file = folder.path().join(format!("{number}-{name}-{by}.json"));
            std::fs::write(&file, &answer.body).unwrap();
            script.arg(format!("{name}:{by}={}", file.display()));
            figures += answer.json()["lines"].as_array().unwrap().len();
        }
    }
    assert!(figures > 4_000, "{figures} lines are worth a look");
    let held = script
        .output()
        .expect("python3 (3.11 or later) is installed");
    let said = String::from_utf8_lossy(&held.stdout);
    let wrong = String::from_utf8_lossy(&held.stderr);
    assert!(held.status.success(), "{said}{wrong}");
    assert_eq!(
        said.lines().count(),
        ASKED.len() * REPORTS.len() + 1,
        "{said}"
    );
}

/// Conditions as pairs.
fn pairs(calls: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let calls = calls.as_array().unwrap().iter();
    calls.map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

/// As the document says: of one name the narrower counts, but for `without`, which adds up.
fn narrowed(calls: &[(String, String)], more: &[(String, String)]) -> Vec<(String, String)> {
    let stays = |name: &str| name == "without" || !more.iter().any(|(other, _)| other == name);
    let kept = calls.iter().filter(|(name, _)| stays(name));
    kept.chain(more).cloned().collect()
}

/// What a list shows.
#[derive(Clone, Copy)]
struct Listed {
    calls: u64,
    /// Callers, each once; whoever hides or was erased at each call.
    people: u64,
}

/// How many calls a list shows under these conditions.
async fn listed(
    house: &House,
    calls: &[(String, String)],
    known: &mut BTreeMap<String, Listed>,
) -> Listed {
    let mut pairs: Vec<String> = calls
        .iter()
        .map(|(name, value)| {
            let escaped: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            format!("{name}={escaped}")
        })
        .collect();
    pairs.push("limit=1000".to_owned());
    let path = format!("/api/v1/calls?{}", pairs.join("&"));
    if let Some(listed) = known.get(&path) {
        return *listed;
    }
    let answer = house.get(&path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    let page = answer.json();
    let calls = page["calls"].as_array().unwrap();
    let callers = calls.iter().map(|call| call["caller"].as_str());
    let (named, nobody): (Vec<_>, Vec<_>) =
        callers.partition(|caller| caller.is_some_and(|caller| caller != "anonymous"));
    let named: BTreeSet<_> = named.into_iter().collect();
    let listed = Listed {
        calls: calls.len() as u64,
        people: (named.len() + nobody.len()) as u64,
    };
    known.insert(path, listed);
    listed
}

/// Of how many calls a figure tells.
fn counted(figure: &Value) -> Option<u64> {
    let of = |name: &str, member: &str| figure[name][member].as_u64();
    match figure.as_object() {
        None => Some(0),
        Some(_) => figure["count"]
            .as_u64()
            .or_else(|| of("share", "part"))
            .or_else(|| of("millis", "of")),
    }
}

#[tokio::test]
async fn every_figure_opens_exactly_the_calls_that_it_counts() {
    let house = House::with(MORE);
    fill(&house);
    let (mut cells, mut full) = (0, 0);
    let mut known = BTreeMap::new();
    for asked in [ASKED[0], ASKED[4], ASKED[5], ASKED[6]] {
        for (name, by) in REPORTS {
            let report = house
                .get(&format!("/api/v1/reports/{name}?{asked}&by={by}"))
                .await
                .json();
            let all = pairs(&report["calls"]);
            let lines = report["lines"].as_array().unwrap().iter();
            for line in lines.chain([&report["total"]]) {
                if line.is_null() {
                    continue;
                }
                let of_line = narrowed(&all, &pairs(&line["calls"]));
                for (place, column) in report["columns"].as_array().unwrap().iter().enumerate() {
                    let figure = &line["cells"][place];
                    let (false, Some(count)) = (column["calls"].is_null(), counted(figure)) else {
                        continue;
                    };
                    // Of a figure that says nothing there is nothing to open, and of nothing under conditions that contradict
                    // those of the report neither.
                    cells += 1;
                    let contradicts = asked.contains("status") || asked.contains("repeat");
                    if figure == "nothing" || count == 0 && (contradicts || cells % 16 != 0) {
                        continue;
                    }
                    let calls = narrowed(&of_line, &pairs(&column["calls"]));
                    let listed = listed(&house, &calls, &mut known).await;
                    let key = column["key"].as_str().unwrap();
                    let (listed, count) = match key {
                        "leads" => (listed.people, count),
                        // How many at once, of the calls of that day.
                        "most" | "p95" | "needed" => {
                            (listed.calls, counted(&line["cells"][0]).unwrap())
                        }
                        _ => (listed.calls, count),
                    };
                    let place = format!("{name} by {by}, {asked}: {} {key}", line["key"]);
                    assert_eq!(listed, count, "{place}: {calls:?}");
                    full += u64::from(count > 0);
                }
            }
        }
    }
    assert!(cells > 5_000 && full > 1_500, "{full} of {cells} figures");
}

#[tokio::test]
async fn a_report_is_a_table_too_and_what_it_cannot_be_asked_is_named() {
    let house = House::with(MORE);
    fill(&house);
    let asked = "since=2024-01-01&until=2025-01-01";
    let table = house
        .get(&format!("/api/v1/reports/sources.csv?{asked}&by=campaign"))
        .await;
    assert!(table.header(header::CONTENT_TYPE).starts_with("text/csv"));
    assert!(
        table
            .header(header::CONTENT_DISPOSITION)
            .contains("sources.csv")
    );
    let text = table.text();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert!(
        lines[0].starts_with("key,label,calls,calls_before,answered,"),
        "{text}"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("весна,")),
        "{text}"
    );
    assert!(lines.last().unwrap().starts_with("(total),"), "{text}");
    for (path, status, code) in [
        ("nothing", 404, "unknown-report"),
        ("nothing.csv", 404, "unknown-report"),
        ("sources?by=colour", 400, "bad-parameter"),
        ("hours?by=source", 400, "bad-parameter"),
        ("sources?limit=1", 400, "unknown-parameter"),
        (
            "sources?since=2024-02-01&until=2024-01-01",
            400,
            "bad-period",
        ),
        (
            "sources?since=1800-02-01&until=2024-01-01",
            400,
            "bad-period",
        ),
        ("managers?offered=desk", 400, "bad-parameter"),
        ("missed?callback=done", 400, "bad-parameter"),
        ("funnel?stages=new", 400, "bad-parameter"),
        ("sources?zone=Mars", 404, "unknown-zone"),
    ] {
        let answer = house.get(&format!("/api/v1/reports/{path}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (status, code),
            "{path}"
        );
    }
    let names: Vec<String> = {
        let lines = house
            .get(&format!("/api/v1/reports/managers?{asked}"))
            .await
            .json();
        let lines = lines["lines"].as_array().unwrap().clone();
        lines
            .iter()
            .filter_map(|line| line["label"].as_str().map(ToOwned::to_owned))
            .collect()
    };
    assert!(names.contains(&"The night shift".to_owned()), "{names:?}");
}

#[tokio::test]
async fn the_dashboard_tells_the_last_seven_days_and_what_changed() {
    let house = House::with(MORE);
    let now = house.state.clock.wall().as_millis();
    let hour = 3_600_000;
    // More than there were: 40 calls this week, 4 in the week before.
    for number in 0..44 {
        let days_ago = if number < 40 { 1 } else { 9 };
        let began = now - days_ago * 24 * hour + number * 1_000;
        let mut made = Vec::new();
        let mut chance = Chance::from_number(900 + number.cast_unsigned());
        let call = call(&mut chance, began, false, &mut made);
        made.sort_by_key(|made| made.at);
        for made in made {
            house.state.store.tell(Fact {
                call,
                at: WallTime::from_millis(made.at),
                mono: Moment::from_millis(u64::try_from(made.at - now + 20 * 24 * hour).unwrap()),
                what: made.what,
            });
        }
    }
    house.state.store.sync().unwrap();
    let dashboard = house.get("/api/v1/dashboard").await.json();
    let column = |name: &str| {
        let columns = dashboard["columns"].as_array().unwrap();
        columns
            .iter()
            .position(|column| column["key"] == name)
            .unwrap()
    };
    let of = |period: &str, name: &str| {
        dashboard["total"][period][column(name)]["count"]
            .as_u64()
            .unwrap()
    };
    let (calls, before) = (of("cells", "calls"), of("before", "calls"));
    assert!(calls > 30 && before <= 4, "{calls} {before}");
    let sum: u64 = dashboard["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["cells"][0]["count"].as_u64().unwrap())
        .sum();
    assert_eq!(sum, calls);
    let movers = dashboard["movers"].as_array().unwrap();
    assert!((1..=5).contains(&movers.len()), "{movers:?}");
    assert!(
        movers
            .iter()
            .all(|mover| mover["now"].as_u64() > mover["before"].as_u64())
    );
    let mut known = BTreeMap::new();
    for mover in movers {
        let listed = listed(&house, &pairs(&mover["calls"]), &mut known).await;
        assert_eq!(json!(listed.calls), mover["now"], "{mover}");
    }
    let open = &dashboard["open"];
    let waiting = listed(&house, &pairs(&open["calls"]), &mut known).await;
    assert_eq!(json!(waiting.calls), open["count"]);
    let best = &dashboard["best_hour"];
    let calls = narrowed(&pairs(&dashboard["calls"]), &pairs(&best["calls"]));
    let listed = listed(&house, &calls, &mut known).await;
    assert_eq!(json!(listed.calls), best["cells"][0]["count"]);
    let narrow = house.get("/api/v1/dashboard?project=nobody").await.json();
    assert_eq!(narrow["total"]["cells"][0]["count"], 0);
    assert_eq!(narrow["best_hour"], Value::Null);
    assert_eq!(house.get("/api/v1/dashboard?colour=red").await.status, 400);
}
