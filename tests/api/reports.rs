//! Reports against the calls behind them, one by one, and against what another program makes of the same log.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use axum::http::header;
use serde_json::{Value, json};

use ringtag::base::chance::Chance;
use ringtag::base::id::{CallId, EntryId};
use ringtag::base::number::{Caller, Number};
use ringtag::base::time::{Moment, WallTime};
use ringtag::call::story::{
    Answered, Began, Ended, Fact, FinishReason, HungUpBy, KeptDialog, SourceTag, Transfer,
    Transferred, Tried, TriedResult, What,
};
use ringtag::store::ledger::{Change, Cost, Entry, Purpose, Way};
use ringtag::store::say::Say;

use crate::house::{CONFIG, House};

/// A second project, where clocks change, with words of its own, and managers whose phones ring together.
const MORE: &str = r#"
[[project]]
id = "werk"
time_zone = "Europe/Berlin"
deal_profit = 450
outcomes = ["verkauft", "termin", "nichts"]
sales = ["verkauft", "termin"]
stages = ["neu", "angebot", "zu"]
goals = ["preis", "hilfe"]
[[source]]
tag = "plakat"
project = "werk"
numbers = "+493000000001"
[[manager]]
id = "senior"
extension = "102"
trunk = "pbx"
[[manager]]
id = "night"
label = "The night shift"
extension = "103"
trunk = "pbx"
"#;

/// Where calls crowd: clocks in Berlin go forward and back, a month ends, a year ends; Moscow's midnight is 21:00.
const CROWDED: [&str; 8] = [
    "2024-03-30T21:30:00Z",
    "2024-03-31T00:30:00Z",
    "2024-03-31T21:40:00Z",
    "2024-04-04T09:00:00Z",
    "2024-04-11T20:30:00Z",
    "2024-10-26T21:30:00Z",
    "2024-10-27T00:15:00Z",
    "2024-12-31T20:30:00Z",
];

struct Made {
    at: i64,
    call: CallId,
    what: What,
}

fn at(text: &str) -> i64 {
    text.parse::<WallTime>().unwrap().as_millis()
}

fn one<'w>(chance: &mut Chance, words: &[&'w str]) -> &'w str {
    words[usize::try_from(chance.below(words.len() as u64)).unwrap()]
}

fn some(chance: &mut Chance, words: &[&str]) -> Option<Option<String>> {
    match one(chance, words) {
        "" => None,
        "-" => Some(None),
        word => Some(Some(word.to_owned())),
    }
}

/// Calls of two projects: repeated callers, who hides, midnight, transfers, phones that ring together, off-season, calls
/// missed and answered for, some of which people said something of; three are still in progress.
fn fill(house: &House) -> Vec<CallId> {
    let chance = &mut Chance::from_number(31);
    let mut made = Vec::new();
    let mut ids = Vec::new();
    for (place, crowd) in CROWDED.iter().enumerate() {
        for number in 0..60 {
            let began = at(crowd) + i64::try_from(chance.below(5_400_000)).unwrap();
            let runs = place == 7 && number < 3;
            ids.push(call(chance, began, runs, &mut made));
        }
    }
    made.sort_by_key(|made| made.at);
    let base = at(CROWDED[0]) - 1_000;
    for (number, Made { at, call, what }) in made.into_iter().enumerate() {
        house.state.store.tell(Fact {
            call,
            at: WallTime::from_millis(at),
            mono: Moment::from_millis(u64::try_from(at - base).unwrap()),
            what,
        });
        if number % 500 == 0 {
            house.state.store.sync().unwrap();
        }
    }
    house.state.store.sync().unwrap();
    for id in &ids {
        speak(house, chance, *id);
    }
    let gone = Caller::Number(Number::from_digits(79_160_000_003));
    house.state.store.erase(gone).unwrap();
    house.state.store.sync().unwrap();
    enter(house);
    ids
}

/// What all that cost: for sources, campaigns and channels that calls had and that none had, over days on which clocks change,
/// in amounts that do not divide; one is corrected and one taken out.
fn enter(house: &House) {
    let chance = &mut Chance::from_number(32);
    let mut amount = |project: &str, purpose: Purpose, cost: Cost, days: [&str; 2], hundredths| {
        let [from, until] = days.map(|day| day.parse().unwrap());
        Change {
            id: EntryId::new(WallTime::from_millis(at(CROWDED[0])), chance),
            replaces: None,
            now: Some(Entry {
                project: project.to_owned(),
                purpose,
                cost,
                from,
                until,
                hundredths,
                currency: "RUB".to_owned(),
                note: String::new(),
            }),
        }
    };
    let source = |name: &str| Purpose::Source(name.to_owned());
    let campaign = |name: &str| Purpose::Campaign(name.to_owned());
    let channel = |name: &str| Purpose::Channel(name.to_owned());
    let (year, spring) = (["2024-01-01", "2024-12-31"], ["2024-03-20", "2024-04-07"]);
    let (paid, served, salary) = (Cost::Advertising, Cost::Service, Cost::Salary);
    let mut changes = vec![
        amount("shop", Purpose::Project, salary, year, 120_000_007),
        amount("werk", Purpose::Project, served, spring, 99_999),
        amount("shop", campaign("весна"), paid, spring, 1_000_003),
        amount(
            "shop",
            campaign("осень"),
            paid,
            ["2024-10-26", "2024-10-27"],
            70_001,
        ),
        amount("shop", campaign("зима"), paid, year, 5_000),
        amount(
            "shop",
            source("direct"),
            paid,
            ["2024-03-31", "2024-03-31"],
            333,
        ),
        amount("shop", source("map"), served, year, 31_415_926),
        amount(
            "shop",
            channel("yandex"),
            paid,
            ["2024-12-31", "2025-01-31"],
            77_777,
        ),
        amount(
            "werk",
            channel("outdoor"),
            paid,
            ["2024-03-31", "2024-04-01"],
            25_001,
        ),
        amount(
            "werk",
            source("plakat"),
            paid,
            ["2024-10-27", "2024-11-02"],
            4_004,
        ),
        amount("werk", source("flugblatt"), paid, year, 12_345),
        amount("werk", campaign("nobody"), paid, spring, 1),
    ];
    let enter = |changes| {
        let store = &house.state.store;
        store.spend(changes, Way::Import, "anna").unwrap();
    };
    enter(changes.clone());
    let ledger = house.state.store.ledger();
    let version = |id: EntryId| {
        let item = ledger.items().find(|item| item.id == id);
        item.unwrap().version()
    };
    let (mut corrected, mut gone) = (changes.swap_remove(2), changes.swap_remove(4));
    corrected.replaces = Some(version(corrected.id));
    corrected.now.as_mut().unwrap().hundredths += 500;
    gone.replaces = Some(version(gone.id));
    gone.now = None;
    enter(vec![corrected, gone]);
}

fn call(chance: &mut Chance, began: i64, runs: bool, made: &mut Vec<Made>) -> CallId {
    let id = CallId::new(WallTime::from_millis(began), chance);
    let berlin = chance.below(2) == 0;
    let caller = match chance.below(12) {
        0 => Caller::Anonymous,
        1 => Caller::Other("101".into()),
        digits => Caller::Number(Number::from_digits(79_160_000_000 + digits)),
    };
    let source = if berlin {
        SourceTag {
            project: "werk".into(),
            tag: one(chance, &["plakat", "zeitung"]).into(),
            channel: Some(one(chance, &["outdoor", "print"]).into()),
            campaign: None,
            category: None,
        }
    } else {
        SourceTag {
            project: "shop".into(),
            tag: one(chance, &["direct", "map"]).into(),
            channel: (chance.below(2) == 0).then(|| "yandex".into()),
            campaign: Some(one(chance, &["весна", "осень"]).into()),
            category: (chance.below(3) > 0).then(|| "mowers".into()),
        }
    };
    let tracked = runs || chance.below(9) > 0;
    let rule = one(chance, &["mowers", "at night", ""]);
    let rule: Option<std::sync::Arc<str>> = (!rule.is_empty()).then(|| rule.into());
    let mut tell = |at: i64, what| made.push(Made { at, call: id, what });
    let number = 74_950_000_001 + chance.below(3);
    tell(
        began,
        What::Began(Box::new(Began {
            source,
            tracked,
            caller,
            caller_from: "From".to_owned(),
            virtual_number: Number::from_digits(number),
            trunk: "carrier".into(),
            sip_call_id: format!("{began}"),
            prior_calls: u32::try_from(chance.below(3)).unwrap(),
            rule: rule.clone(),
        })),
    );
    let wait = i64::try_from(match chance.below(5) {
        0 => 5_000 * chance.below(30),
        _ => 400 + chance.below(40_000),
    })
    .unwrap();
    // One at night, alone; or all phones at once; or one after the other.
    let targets: &[&str] = match chance.below(4) {
        0 => &["manager:night"],
        1 => &["manager:desk", "manager:senior", "manager:night"],
        2 => &["ext:101@pbx", "manager:senior", "manager:senior"],
        _ => &[],
    };
    let answered = !runs && !targets.is_empty() && chance.below(10) < 6;
    let manager = answered
        .then(|| one(chance, targets))
        .and_then(|to| to.strip_prefix("manager:"));
    let rejected = !answered && chance.below(10) == 0;
    let talk = if answered {
        // Some over midnight, and one for longer than a day.
        i64::try_from(1_000 + chance.below(600_000) * (1 + chance.below(2) * chance.below(20)))
            .unwrap()
    } else {
        0
    };
    let over = began + wait + talk;
    if answered {
        tell(
            began + wait,
            What::Answered(Box::new(Answered {
                rule: rule.clone().unwrap_or_else(|| "mowers".into()),
                manager: manager.map(Into::into),
                destination: "101".to_owned(),
                recorded: false,
                dialogs: [dialog(), dialog()],
            })),
        );
    }
    if runs {
        return id;
    }
    // Whoever took it sends the caller on, to somebody it was not offered to, or was.
    let transfers: Vec<Transfer> = match (answered, chance.below(3)) {
        (true, 0) => vec![transfer(began + wait + talk / 2)],
        (_, _) => Vec::new(),
    };
    for transfer in &transfers {
        let at = transfer.at.as_millis() + 3;
        let moved = Transferred {
            transfer: transfer.clone(),
            dialog: Some(dialog()),
        };
        tell(at, What::Transferred(Box::new(moved)));
    }
    let reason = match (answered, rejected, chance.below(4)) {
        (true, _, 0) => FinishReason::Transferred,
        (true, ..) => FinishReason::Completed,
        (false, true, _) => FinishReason::Rejected,
        (false, false, 0) => FinishReason::Busy,
        (false, false, 1) => FinishReason::NoAnswer,
        (false, false, _) => FinishReason::CallerGaveUp,
    };
    let whole = |millis: i64| u64::try_from(millis).unwrap();
    let tried = targets.iter().map(|target| Tried {
        target: (*target).to_owned(),
        trunk: None,
        result: TriedResult::NoAnswer,
        sip_status: None,
        ring_ms: 0,
    });
    tell(
        over,
        What::Ended(Box::new(Ended {
            rule: if answered {
                Some(rule.unwrap_or_else(|| "mowers".into()))
            } else {
                rule
            },
            targets_tried: tried.collect(),
            manager: manager.map(Into::into),
            destination: answered.then(|| "101".to_owned()),
            ringing_at: None,
            answered_at: answered.then(|| WallTime::from_millis(began + wait)),
            wait_ms: whole(wait),
            talk_ms: whole(talk),
            total_ms: whole(wait + talk),
            answered,
            missed: tracked && !answered && !rejected,
            finish_reason: reason,
            hung_up_by: HungUpBy::Caller,
            sip_status: None,
            q850_cause: None,
            legs: Vec::new(),
            transfers,
        })),
    );
    id
}

fn transfer(at: i64) -> Transfer {
    Transfer {
        at: WallTime::from_millis(at),
        by: "ext:101@pbx".to_owned(),
        to: "manager:night".to_owned(),
        result: TriedResult::Answered,
        sip_status: Some(200),
        joined: None,
    }
}

fn dialog() -> KeptDialog {
    KeptDialog {
        call_id: "a".to_owned(),
        local: "<sip:a@192.0.2.1>;tag=1".to_owned(),
        remote: "<sip:b@192.0.2.2>;tag=2".to_owned(),
        target: "sip:b@192.0.2.2".to_owned(),
        routes: Vec::new(),
        cseq: 1,
        trunk: "pbx".into(),
        peer: "192.0.2.2:5060".parse().unwrap(),
        ours: true,
    }
}

fn speak(house: &House, chance: &mut Chance, id: CallId) {
    if chance.below(2) == 0 {
        return;
    }
    let say = Say {
        target: [None, Some(None), Some(Some(true)), Some(Some(false))]
            [usize::try_from(chance.below(4)).unwrap()],
        goal: some(
            chance,
            &["price", "order", "preis", "hilfe", "old goal", "", "-"],
        ),
        stage: some(
            chance,
            &["new", "offer", "neu", "angebot", "zu", "old stage", "", "-"],
        ),
        outcome: some(
            chance,
            &["sold", "appointment", "verkauft", "termin", "nichts", ""],
        ),
        value: [
            None,
            Some(None),
            Some(Some(19.99)),
            Some(Some(0.0)),
            Some(Some(1e4)),
        ][usize::try_from(chance.below(5)).unwrap()],
        called_back: Some(chance.below(5) == 0),
        listed: ["sold", "price", "new", "offer", "verkauft"]
            .map(Into::into)
            .into(),
        ..Say::default()
    };
    // What does not fit (a call back after an answer) is refused, and that is no matter here.
    let said = house.state.store.say(id, say.clone(), "anna", None);
    if said.is_err() {
        let say = Say {
            called_back: None,
            ..say
        };
        let again = house.state.store.say(id, say, "anna", None);
        assert!(
            again.is_ok()
                || house
                    .state
                    .store
                    .call(id)
                    .unwrap()
                    .is_none_or(|call| !call.tracked)
        );
    }
}

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

/// How many calls a list shows under these conditions.
async fn listed(
    house: &House,
    calls: &[(String, String)],
    known: &mut BTreeMap<String, u64>,
) -> u64 {
    let mut pairs: Vec<String> = calls
        .iter()
        .map(|(name, value)| {
            let escaped: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            format!("{name}={escaped}")
        })
        .collect();
    pairs.push("limit=1000".to_owned());
    let path = format!("/api/v1/calls?{}", pairs.join("&"));
    if let Some(count) = known.get(&path) {
        return *count;
    }
    let answer = house.get(&path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    let count = answer.json()["calls"].as_array().unwrap().len() as u64;
    known.insert(path, count);
    count
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
                    let place =
                        format!("{name} by {by}, {asked}: {} {}", line["key"], column["key"]);
                    assert_eq!(listed, count, "{place}: {calls:?}");
                    full += u64::from(count > 0);
                }
            }
        }
    }
    assert!(cells > 5_000 && full > 1_500, "{full} of {cells} figures");
}

/// Calls as they would be if some had not been sent on, and as they are: half the time through each of those that were answered
/// the caller goes on with somebody else, and one of them ends since its party went on in another call.
fn sent_on(house: &House, is_sent: bool) {
    for number in 0..6 {
        let chance = &mut Chance::from_number(40 + number);
        let began = at(CROWDED[3]) + i64::try_from(number).unwrap() * 30_000;
        let id = CallId::new(WallTime::from_millis(began), chance);
        let (answered, ends) = (began + 10_000, began + 130_000);
        let joined = (number == 5).then_some(id);
        let tell = |at: i64, what| {
            house.state.store.tell(Fact {
                call: id,
                at: WallTime::from_millis(at),
                mono: Moment::from_millis(u64::try_from(at - began).unwrap() + 600_000 * number),
                what,
            });
        };
        tell(
            began,
            What::Began(Box::new(Began {
                source: SourceTag {
                    project: "shop".into(),
                    tag: "direct".into(),
                    channel: None,
                    campaign: None,
                    category: None,
                },
                tracked: true,
                caller: Caller::Number(Number::from_digits(79_160_000_100 + number)),
                caller_from: "From".to_owned(),
                virtual_number: Number::from_digits(74_950_000_001),
                trunk: "carrier".into(),
                sip_call_id: format!("sent-{number}"),
                prior_calls: 0,
                rule: Some("mowers".into()),
            })),
        );
        tell(
            answered,
            What::Answered(Box::new(Answered {
                rule: "mowers".into(),
                manager: Some("desk".into()),
                destination: "101".to_owned(),
                recorded: false,
                dialogs: [dialog(), dialog()],
            })),
        );
        let moved = Transfer {
            by: "manager:desk".to_owned(),
            to: "manager:senior".to_owned(),
            joined,
            ..transfer(answered + 60_000)
        };
        if is_sent {
            let told = Transferred {
                transfer: moved.clone(),
                dialog: Some(dialog()),
            };
            tell(answered + 61_000, What::Transferred(Box::new(told)));
        }
        let reason = if joined.is_some() {
            FinishReason::Transferred
        } else {
            FinishReason::Completed
        };
        tell(
            ends,
            What::Ended(Box::new(Ended {
                rule: Some("mowers".into()),
                targets_tried: vec![Tried {
                    target: "manager:desk".to_owned(),
                    trunk: None,
                    result: TriedResult::Answered,
                    sip_status: Some(200),
                    ring_ms: 9_000,
                }],
                manager: Some("desk".into()),
                destination: Some("101".to_owned()),
                ringing_at: None,
                answered_at: Some(WallTime::from_millis(answered)),
                wait_ms: 10_000,
                talk_ms: 120_000,
                total_ms: 130_000,
                answered: true,
                missed: false,
                finish_reason: reason,
                hung_up_by: HungUpBy::Caller,
                sip_status: None,
                q850_cause: None,
                legs: Vec::new(),
                transfers: if is_sent { vec![moved] } else { Vec::new() },
            })),
        );
    }
    house.state.store.sync().unwrap();
}

#[tokio::test]
async fn a_call_that_was_sent_on_is_one_call_of_who_took_it_and_talks_to_its_end() {
    let (house, other) = (House::with(MORE), House::with(MORE));
    sent_on(&house, true);
    sent_on(&other, false);
    let calls = house.get("/api/v1/calls").await.json();
    let calls = calls["calls"].as_array().unwrap();
    assert!(
        calls
            .iter()
            .all(|call| call["transfers"][0]["to"] == "manager:senior")
    );
    let asked = "project=shop&since=2024-04-01&until=2024-05-01";
    let mut reports = BTreeMap::new();
    for (name, by) in REPORTS {
        let path = format!("/api/v1/reports/{name}?{asked}&by={by}");
        let (report, same) = (house.get(&path).await.json(), other.get(&path).await.json());
        assert_eq!(report, same, "{path}");
        reports.insert(name, report);
    }
    let figure = |report: &str, line: &str, column: &str| {
        let report = &reports[report];
        let place = |list: &str, name: &str| {
            let list = report[list].as_array().unwrap();
            list.iter().position(|one| one["key"] == name)
        };
        let line = place("lines", line)?;
        let column = place("columns", column).unwrap();
        Some(report["lines"][line]["cells"][column].clone())
    };
    let count = |count: u64| Some(json!({ "count": count }));
    assert_eq!(figure("managers", "desk", "offered"), count(6));
    assert_eq!(figure("managers", "desk", "answered"), count(6));
    let talk = Some(json!({ "millis": { "millis": 120_000, "of": 6 } }));
    assert_eq!(figure("managers", "desk", "talk"), talk);
    assert_eq!(figure("managers", "senior", "offered"), None);
    assert_eq!(figure("reasons", "transferred", "calls"), count(1));
    assert_eq!(figure("reasons", "completed", "calls"), count(5));
    assert_eq!(
        figure("sources", "direct", "calls"),
        None,
        "the last cut is by number"
    );
    assert_eq!(figure("sources", "+74950000001", "talk"), talk);
    // Each holds its line for 130 s, and they begin 30 s apart.
    assert_eq!(figure("lines", "2024-04-04", "most"), count(5));
    assert_eq!(figure("answer-time", "10-15", "answered"), count(6));
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
        assert_eq!(json!(listed), mover["now"], "{mover}");
    }
    let open = &dashboard["open"];
    let waiting = listed(&house, &pairs(&open["calls"]), &mut known).await;
    assert_eq!(json!(waiting), open["count"]);
    let best = &dashboard["best_hour"];
    let calls = narrowed(&pairs(&dashboard["calls"]), &pairs(&best["calls"]));
    let listed = listed(&house, &calls, &mut known).await;
    assert_eq!(json!(listed), best["cells"][0]["count"]);
    let narrow = house.get("/api/v1/dashboard?project=nobody").await.json();
    assert_eq!(narrow["total"]["cells"][0]["count"], 0);
    assert_eq!(narrow["best_hour"], Value::Null);
    assert_eq!(house.get("/api/v1/dashboard?colour=red").await.status, 400);
}
