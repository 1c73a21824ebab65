//! A week of a small shop, in a call log of its own: believable calls for what is shown, hostile ones for what must not be run.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ringtag::base::chance::Chance;
use ringtag::base::clock::Clock;
use ringtag::base::id::{CallId, Side};
use ringtag::base::number::{Caller, Number};
use ringtag::base::time::{Moment, WallTime};
use ringtag::call::story::{
    Began, Ended, Fact, FinishReason, HungUpBy, Leg, Role, SourceTag, Tried, TriedResult, What,
};
use ringtag::people::password::Kept;
use ringtag::recording::command::{Gap, Outcome, State};
use ringtag::recording::wav::Wav;
use ringtag::store::Store;
use ringtag::store::handle::Setup;
use ringtag::store::say::Say;
use tempfile::TempDir;

use crate::harness::{Net, Ringtag, fill};

/// The password of everybody here.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// What somebody of markup calls himself.
pub(crate) const HOSTILE: &str = "<img src=x onerror=\"document.title='hacked'\">";

const CONFIG: &str = r#"
[sip]
listen = ["udp:{ringtag}:5060"]
[media]
bind = "{ringtag}"
ports = [20000, 20999]
[recordings]
folder = "{folder}/recordings"
[store]
folder = "{folder}/data"
[web]
listen = "{ringtag}:8080"

[[trunk]]
id = "carrier"
host = "{carrier}:5060"
allow = ["{carrier}"]
[[trunk]]
id = "pbx"
host = "{pbx}:5060"
allow = ["{pbx}"]

[[project]]
id = "garden"
label = "Садовый центр"
time_zone = "Europe/Moscow"
tags = ["vip", "доставка", "повторный"]
deal_profit = 15000
[[source]]
tag = "direct-mowers"
project = "garden"
channel = "Яндекс Директ"
campaign = "Газонокосилки весна"
category = "mowers"
numbers = ["+74950000001"]
[[source]]
tag = "billboard"
project = "garden"
channel = "Щит на МКАД"
category = "general"
numbers = ["+74950000002"]
[[source]]
tag = "maps"
project = "garden"
channel = "Карты"
category = "general"
numbers = ["+74950000003"]
[[project]]
id = "clinic"
time_zone = "Europe/Moscow"
deal_profit = 4000
[[source]]
tag = "clinic-site"
project = "clinic"
numbers = ["+74950000009"]

[[manager]]
id = "anna"
label = "Анна Ковалёва"
extension = "101"
trunk = "pbx"
[[manager]]
id = "oleg"
label = "Олег Дорн"
extension = "102"
trunk = "pbx"
[[rule]]
id = "all"
to = ["manager:anna", "manager:oleg"]

[[user]]
name = "root"
role = "admin"
password = "{hash}"
[[user]]
name = "anna"
role = "manager"
projects = ["garden"]
password = "{hash}"
[[user]]
name = "oleg"
role = "listener"
projects = ["garden"]
password = "{hash}"
[[user]]
name = "vera"
role = "analyst"
projects = ["garden"]
password = "{hash}"
"#;

/// One call as it is told.
struct Told {
    hours_ago: f64,
    caller: &'static str,
    source: usize,
    /// Index of the manager; `None`: missed.
    manager: Option<usize>,
    wait_s: u64,
    talk_s: u64,
    prior: u32,
}

const fn told(
    hours_ago: f64,
    caller: &'static str,
    source: usize,
    manager: Option<usize>,
    (wait_s, talk_s): (u64, u64),
    prior: u32,
) -> Told {
    Told {
        hours_ago,
        caller,
        source,
        manager,
        wait_s,
        talk_s,
        prior,
    }
}

const SOURCES: [(&str, &str, Option<&str>, &str, &str); 4] = [
    (
        "direct-mowers",
        "Яндекс Директ",
        Some("Газонокосилки весна"),
        "mowers",
        "+74950000001",
    ),
    ("billboard", "Щит на МКАД", None, "general", "+74950000002"),
    ("maps", "Карты", None, "general", "+74950000003"),
    ("clinic-site", "Сайт", None, "general", "+74950000009"),
];
const MANAGERS: [(&str, &str); 2] = [("anna", "101"), ("oleg", "102")];

/// The oldest first.
const CALLS: [Told; 20] = [
    told(97.0, "+79161230011", 0, Some(0), (6, 214), 0),
    told(96.2, "+79035554412", 1, None, (31, 0), 0),
    told(95.9, HOSTILE, 1, Some(1), (12, 33), 0),
    told(73.5, "+74957771020", 2, Some(0), (4, 412), 0),
    told(72.0, "+79261112233", 0, Some(1), (11, 67), 0),
    told(71.4, "+79261112233", 0, Some(1), (5, 188), 1),
    told(50.1, "+79851234567", 0, None, (22, 0), 0),
    told(49.0, "+79167778899", 1, Some(0), (9, 301), 0),
    told(48.3, "+79039998877", 2, Some(1), (7, 44), 0),
    told(26.0, "+79163334455", 0, Some(0), (5, 520), 2),
    told(25.2, "anonymous", 1, None, (40, 0), 0),
    told(24.8, "+79264445566", 0, Some(0), (3, 140), 0),
    told(5.0, "+74959990000", 3, Some(1), (5, 60), 0),
    told(4.6, "+79161230011", 0, Some(0), (6, 190), 1),
    told(4.1, "+79035554412", 1, Some(1), (8, 95), 1),
    told(3.2, "+79857654321", 0, None, (28, 0), 0),
    told(2.4, "+79039998877", 2, Some(1), (10, 254), 1),
    told(1.7, "+79262223344", 0, Some(0), (4, 86), 0),
    told(0.9, "+79851112200", 1, None, (35, 0), 0),
    told(0.3, "+79163334455", 0, Some(0), (5, 190), 3),
];
/// Which of them has a recording that can be heard.
const RECORDED: usize = 13;
/// Which of them is of somebody with a name of markup; it has one too.
const OF_MARKUP: usize = 2;
/// Which of them is of another project.
const FOREIGN: usize = 12;

/// The rule of a week, and the rules of a season.
const RULE: &str = "[[rule]]\nid = \"all\"\nto = [\"manager:anna\", \"manager:oleg\"]\n";
const RULES: &str = r#"[[group]]
id = "sales"
members = ["anna", "oleg"]
strategy = "round-robin"
[[rule]]
id = "nuisance"
caller = "+7800*"
reject = 603
[[rule]]
id = "again"
repeat = true
to = ["manager:last", "group:sales"]
[[rule]]
id = "mowers"
category = "mowers"
to = ["group:sales"]
[[rule]]
id = "all"
to = ["manager:anna", "manager:oleg"]
"#;

/// The week, and a ringtag that serves it.
pub(crate) struct Week {
    pub(crate) ringtag: Ringtag,
    /// The calls, the oldest first.
    pub(crate) calls: Vec<CallId>,
}

impl Week {
    /// Writes the log and starts ringtag on it.
    pub(crate) fn start() -> Self {
        Self::after(|_, _| (), CONFIG)
    }

    /// The same after two busy months, for what many calls look like.
    pub(crate) fn of_a_season() -> Self {
        Self::after(season, &CONFIG.replace(RULE, RULES))
    }

    fn after(before: fn(&Store, WallTime), config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let net = Net::take();
        let hash = Kept::make(PASSWORD, &mut Chance::from_number(1)).unwrap();
        let config = config.replace("{hash}", &hash.to_string());
        let calls = write(&config, net, &folder, before);
        let ringtag = Ringtag::start_in(net, folder, &config);
        Self {
            ringtag: ringtag.expect("ringtag starts"),
            calls,
        }
    }

    /// The address of a page.
    pub(crate) fn page(&self, path: &str) -> String {
        format!("http://{}:8080{path}", self.ringtag.net.ringtag())
    }

    /// The call whose recording is there to be heard.
    pub(crate) fn recorded(&self) -> CallId {
        self.calls[RECORDED]
    }

    /// The call of somebody with a name of markup.
    pub(crate) fn hostile(&self) -> CallId {
        self.calls[OF_MARKUP]
    }

    /// A call of a project that is not the manager's.
    pub(crate) fn foreign(&self) -> CallId {
        self.calls[FOREIGN]
    }
}

fn write(config: &str, net: Net, folder: &TempDir, before: fn(&Store, WallTime)) -> Vec<CallId> {
    let file = folder.path().join("ringtag.toml");
    fs::write(&file, fill(config, net, folder.path())).unwrap();
    let config = ringtag::config::load(&file).unwrap().config;
    let recordings = config.recordings.folder.clone();
    let clock = Clock::start();
    let (store, _) = Store::open(Setup {
        settings: config.store,
        recordings: recordings.clone(),
        node: "test".into(),
        clock,
        chance: Chance::from_number(1),
    })
    .unwrap();
    let mut chance = Chance::from_number(7);
    let now = clock.wall();
    before(&store, now);
    let ids = CALLS.each_ref().map(|call| {
        #[expect(clippy::cast_possible_truncation, reason = "a week in milliseconds")]
        let at = WallTime::from_millis(now.as_millis() - (call.hours_ago * 3_600_000.0) as i64);
        let id = CallId::new(at, &mut chance);
        tell(&store, id, at, call, "all");
        id
    });
    for n in [RECORDED, OF_MARKUP] {
        record(&store, ids[n], &recordings, &CALLS[n]);
    }
    store.sync().unwrap();
    remark(&store, &ids);
    store.sync().unwrap();
    store.shutdown();
    ids.to_vec()
}

/// Some 600 calls of the nine weeks before: more on workdays, most before noon, one in six missed, and more from the
/// advertisement than from the billboard.
fn season(store: &Store, now: WallTime) {
    const DAY_MS: i64 = 86_400_000;
    let mut chance = Chance::from_number(11);
    let midnight = now.as_millis() / DAY_MS * DAY_MS - 3 * 3_600_000;
    let mut said = Vec::new();
    for day in (0..63).rev() {
        let begins = midnight - day * DAY_MS;
        // 1970 began on a Thursday.
        let weekday = (begins / DAY_MS + 4) % 7;
        let calls = if weekday > 4 { 3 } else { 9 } + chance.below(6) + u64::from(day < 8) * 3;
        let mut times: Vec<i64> = (0..calls)
            .map(|_| {
                let hour = 9 + chance.below(6) + chance.below(5);
                let ms = hour * 3_600_000 + chance.below(3_600_000);
                begins + i64::try_from(ms).unwrap()
            })
            .filter(|at| *at < now.as_millis() - 3_600_000)
            .collect();
        times.sort_unstable();
        for at in times {
            let at = WallTime::from_millis(at);
            let id = CallId::new(at, &mut chance);
            let source = [0, 0, 0, 1, 2, 2][usize::try_from(chance.below(6)).unwrap()];
            let is_missed = chance.below(if source == 1 { 3 } else { 7 }) == 0;
            let manager = usize::try_from(chance.below(2)).unwrap();
            let call = Told {
                hours_ago: 0.0,
                caller: format!("+7916{:07}", chance.below(9_999_999)).leak(),
                source,
                manager: (!is_missed).then_some(manager),
                wait_s: 3 + chance.below(12) + chance.below(20),
                talk_s: if is_missed { 0 } else { 25 + chance.below(300) },
                prior: u32::try_from(chance.below(4) / 2).unwrap(),
            };
            let rule = match (call.prior, source) {
                (0, 0) => "mowers",
                (0, _) => "all",
                (_, _) => "again",
            };
            tell(store, id, at, &call, rule);
            if !is_missed && chance.below(10) < 8 {
                said.push((id, source));
            }
        }
    }
    store.sync().unwrap();
    for (id, source) in said {
        let goals = [
            "price", "price", "price", "order", "order", "delivery", "advice", "problem",
        ];
        let stages = ["new", "new", "in-talks", "in-talks", "offer"];
        let is_sold = chance.below(if source == 0 { 4 } else { 6 }) == 0;
        let one =
            |words: &[&str], n: u64| Some(Some(words[usize::try_from(n).unwrap()].to_owned()));
        let say = Say {
            goal: one(&goals, chance.below(8)),
            target: Some(Some(chance.below(5) > 0)),
            stage: if is_sold {
                one(&["closed"], 0)
            } else {
                one(&stages, chance.below(5))
            },
            outcome: is_sold.then(|| Some("sold".to_owned())),
            value: is_sold.then(|| {
                let thousands = u32::try_from(9 + chance.below(60)).unwrap();
                Some(f64::from(thousands) * 1_000.0)
            }),
            ..Say::default()
        };
        drop(store.say(id, say, "anna", None).unwrap());
    }
}

fn tell(store: &Store, id: CallId, at: WallTime, call: &Told, rule: &str) {
    let (tag, channel, campaign, category, number) = SOURCES[call.source];
    let fact = |after_s: u64, what| Fact {
        call: id,
        at: at + Duration::from_secs(after_s),
        mono: Moment::from_millis(1),
        what,
    };
    let project = if call.source == 3 { "clinic" } else { "garden" };
    store.tell(fact(
        0,
        What::Began(Box::new(Began {
            source: SourceTag {
                project: project.into(),
                tag: tag.into(),
                channel: Some(channel.into()),
                campaign: campaign.map(Arc::from),
                category: Some(category.into()),
            },
            tracked: true,
            caller: Caller::from_record(call.caller),
            caller_from: "From".to_owned(),
            virtual_number: Number::e164(number).unwrap(),
            trunk: "carrier".into(),
            sip_call_id: format!("{id}@carrier"),
            prior_calls: call.prior,
            rule: Some(rule.into()),
        })),
    ));
    let answered = call.manager.is_some();
    let after = call.wait_s + call.talk_s;
    let tried = |of: usize, result| Tried {
        target: format!("manager:{}", MANAGERS[of].0),
        trunk: Some("pbx".into()),
        result,
        sip_status: Some(if answered { 200 } else { 480 }),
        ring_ms: call.wait_s * 800,
    };
    let tried = match call.manager {
        Some(1) => vec![
            tried(0, TriedResult::NoAnswer),
            tried(1, TriedResult::Answered),
        ],
        Some(of) => vec![tried(of, TriedResult::Answered)],
        None => vec![
            tried(0, TriedResult::NoAnswer),
            tried(1, TriedResult::Cancelled),
        ],
    };
    store.tell(fact(
        after,
        What::Ended(Box::new(Ended {
            rule: Some(rule.into()),
            targets_tried: tried,
            manager: call.manager.map(|of| MANAGERS[of].0.into()),
            destination: call.manager.map(|of| MANAGERS[of].1.to_owned()),
            ringing_at: Some(at + Duration::from_secs(1)),
            answered_at: answered.then_some(at + Duration::from_secs(call.wait_s)),
            wait_ms: call.wait_s * 1_000,
            talk_ms: call.talk_s * 1_000,
            total_ms: after * 1_000,
            answered,
            missed: !answered,
            finish_reason: if answered {
                FinishReason::Completed
            } else {
                FinishReason::CallerGaveUp
            },
            hung_up_by: HungUpBy::Caller,
            sip_status: Some(if answered { 200 } else { 487 }),
            q850_cause: Some(16),
            legs: vec![
                leg(call, "carrier", Role::Caller),
                leg(call, "pbx", Role::Callee),
            ],
            transfers: Vec::new(),
        })),
    ));
}

fn leg(call: &Told, trunk: &str, role: Role) -> Leg {
    Leg {
        trunk: trunk.into(),
        remote_uri: format!("sip:{}@{trunk}", call.caller),
        sip_call_id: format!("{HOSTILE}@{trunk}"),
        codec: call.manager.map(|_| "PCMA/8000".to_owned()),
        packets_in: call.talk_s * 50,
        packets_out: call.talk_s * 50,
        lost: call.talk_s / 60,
        jitter_ms: 2.5,
        digits: String::new(),
        digit_times: Vec::new(),
        role: Some(role),
        joined_ms: call.manager.map(|_| 0),
        left_ms: None,
        srtp: None,
        srtp_failed: 0,
        rtt_ms: None,
        lost_there: None,
        jitter_there_ms: None,
        mos_estimate: None,
    }
}

/// Two who talk in turns, now and then both, now and then neither.
fn record(store: &Store, id: CallId, folder: &Path, call: &Told) {
    let answered_at = id.began() + Duration::from_secs(call.wait_s);
    let file = ringtag::recording::plan::path_of(id, answered_at);
    let path = folder.join(&file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut wav = Wav::begin(File::create(&path).unwrap(), 8_000).unwrap();
    let mut chance = Chance::from_number(3);
    let mut below = |n: u64| chance.below(n);
    // Milliseconds of the turn that goes on and of the syllable in it; whose it is: 0, 1 or nobody's; how loud both are.
    let (mut turn, mut syllable, mut whose, mut loud, mut tall) = (0, 0, 2, 0, 0);
    for ms in 0..call.talk_s * 1_000 {
        if turn == 0 {
            whose = (whose + 1 + below(4) / 3) % 3;
            turn = 400 + below(if whose == 2 { 5_000 } else { 9_000 });
            loud = 4_000 + below(9_000);
        }
        if syllable == 0 {
            syllable = 80 + below(400);
            tall = if below(6) == 0 {
                0
            } else {
                loud * (20 + below(80)) / 100
            };
        }
        (turn, syllable) = (turn - 1, syllable - 1);
        let mut block = Vec::with_capacity(32);
        for n in 0..8 {
            for side in 0..2 {
                let gap = side == 0 && (60_000..75_000).contains(&ms);
                let tall = if gap {
                    0
                } else if side == whose {
                    tall
                } else {
                    40
                };
                let phase = ((ms * 8 + n) * (140 + 60 * side)) as f64 / 8_000.0;
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a third of full scale at most"
                )]
                let sample = ((phase * std::f64::consts::TAU).sin() * tall as f64) as i16;
                block.extend(sample.to_le_bytes());
            }
        }
        wav.append(&block).unwrap();
    }
    let duration_ms = call.talk_s * 1_000;
    let gap = Gap {
        side: Side::Caller,
        from_ms: 60_000,
        length_ms: 15_000,
        why: "no packet came from this side".to_owned(),
    };
    store.recorded(Outcome {
        call: id,
        file,
        duration_ms,
        sample_rate_hz: 8_000,
        channels: 2,
        bytes: wav.bytes(),
        state: State::Partial,
        gaps: (duration_ms > 75_000).then_some(gap).into_iter().collect(),
        pauses: Vec::new(),
        parts: Vec::new(),
    });
}

/// What people said of the calls since.
fn remark(store: &Store, calls: &[CallId; 20]) {
    let some = |text: &str| Some(Some(text.to_owned()));
    let say = |n: usize, by: &str, say: Say| drop(store.say(calls[n], say, by, None).unwrap());
    let tags = |tags: &[&str]| Some(tags.iter().map(|&tag| tag.to_owned()).collect());
    say(
        0,
        "anna",
        Say {
            goal: some("price"),
            stage: some("offer"),
            ..Say::default()
        },
    );
    say(
        3,
        "anna",
        Say {
            goal: some("order"),
            outcome: some("sold"),
            value: Some(Some(48_900.0)),
            tags: tags(&["vip"]),
            ..Say::default()
        },
    );
    say(
        7,
        "anna",
        Say {
            goal: some("delivery"),
            tags: tags(&["доставка"]),
            ..Say::default()
        },
    );
    say(
        9,
        "root",
        Say {
            target: Some(Some(false)),
            note: some("Ищет работу, не клиент."),
            ..Say::default()
        },
    );
    say(
        RECORDED,
        "anna",
        Say {
            goal: some("price"),
            stage: some("in-talks"),
            tags: tags(&["доставка"]),
            value: Some(Some(32_500.0)),
            note: some("Сравнивает с другой косилкой. Ждёт счёт до вечера."),
            target: Some(Some(true)),
            ..Say::default()
        },
    );
    say(
        OF_MARKUP,
        "oleg",
        Say {
            note: some(HOSTILE),
            tags: tags(&[HOSTILE]),
            ..Say::default()
        },
    );
    say(
        16,
        "oleg",
        Say {
            goal: some("advice"),
            outcome: some("call-back"),
            ..Say::default()
        },
    );
    say(
        19,
        "anna",
        Say {
            goal: some("order"),
            stage: some("closed"),
            outcome: some("sold"),
            value: Some(Some(61_000.0)),
            tags: tags(&["vip", "повторный"]),
            ..Say::default()
        },
    );
    for (at_ms, text) in [
        (24_000, "Спрашивает цену с доставкой"),
        (131_000, "Обещали перезвонить до вечера"),
    ] {
        drop(store.pin(calls[RECORDED], at_ms, text, "anna").unwrap());
    }
    drop(store.pin(calls[OF_MARKUP], 1_000, HOSTILE, "oleg").unwrap());
}
