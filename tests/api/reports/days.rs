//! Days made by hand: clocks that go forward and back, midnight, transfers, phones that ring together, an off-season, amounts.

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

use crate::house::House;

/// A second project, where clocks change, with words of its own, and managers whose phones ring together.
pub(super) const MORE: &str = r#"
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
pub(super) const CROWDED: [&str; 8] = [
    "2024-03-30T21:30:00Z",
    "2024-03-31T00:30:00Z",
    "2024-03-31T21:40:00Z",
    "2024-04-04T09:00:00Z",
    "2024-04-11T20:30:00Z",
    "2024-10-26T21:30:00Z",
    "2024-10-27T00:15:00Z",
    "2024-12-31T20:30:00Z",
];

/// What happened to a call.
pub(super) struct Made {
    pub(super) at: i64,
    pub(super) call: CallId,
    pub(super) what: What,
}

pub(super) fn at(text: &str) -> i64 {
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
pub(super) fn fill(house: &House) -> Vec<CallId> {
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
pub(super) fn enter(house: &House) {
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

pub(super) fn call(chance: &mut Chance, began: i64, runs: bool, made: &mut Vec<Made>) -> CallId {
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

pub(super) fn transfer(at: i64) -> Transfer {
    Transfer {
        at: WallTime::from_millis(at),
        by: "ext:101@pbx".to_owned(),
        to: "manager:night".to_owned(),
        result: TriedResult::Answered,
        sip_status: Some(200),
        joined: None,
    }
}

pub(super) fn dialog() -> KeptDialog {
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
