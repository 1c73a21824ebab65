//! Calls that were sent on, beside the same calls that were not: what a transfer is to a report.

use std::collections::BTreeMap;

use serde_json::json;

use ringtag::base::chance::Chance;
use ringtag::base::id::CallId;
use ringtag::base::number::{Caller, Number};
use ringtag::base::time::{Moment, WallTime};
use ringtag::call::story::{
    Answered, Began, Ended, Fact, FinishReason, HungUpBy, SourceTag, Transfer, Transferred, Tried,
    TriedResult, What,
};

use crate::house::House;
use crate::reports::REPORTS;
use crate::reports::days::{CROWDED, MORE, at, dialog, transfer};

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
