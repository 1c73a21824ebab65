//! Makes up a believable call log, to look at the pages with and to measure on.
//!
//! `cargo run --release --example calls -- --calls 1000000 --years 2 --projects 3 FOLDER` writes FOLDER/data and
//! FOLDER/recordings, for `[store] folder` and `[recordings] folder`. The same `--seed` makes the same log.
#![expect(clippy::print_stdout, reason = "a command talks to who runs it")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use sha2::{Digest as _, Sha256};

use ringtag::base::chance::Chance;
use ringtag::base::id::CallId;
use ringtag::base::number::{Caller, Number};
use ringtag::base::time::WallTime;
use ringtag::call::story::{
    Answered, Began, Ended, FinishReason, HungUpBy, KeptDialog, Leg, Role, SourceTag, Tried,
    TriedResult, What,
};
use ringtag::recording::command::{Outcome, State};
use ringtag::store::maker::{Made, Maker};
use ringtag::store::say::Say;

/// Recordings of the made-up house are kept so long. Of what is younger only the newest calls have one, with sound.
const KEPT_DAYS: i64 = 30;

const DAY_MS: i64 = 86_400_000;

/// Moscow, whose shops these are.
const ZONE_MS: i64 = 3 * 3_600_000;

#[derive(Parser)]
#[command(about = "Makes up a believable call log")]
struct Asked {
    /// How many calls.
    #[arg(long, default_value_t = 100_000)]
    calls: u64,
    /// Over how many years; they end today.
    #[arg(long, default_value_t = 2)]
    years: u32,
    /// How many projects.
    #[arg(long, default_value_t = 3)]
    projects: usize,
    /// How many of the newest calls have a recording that can be listened to.
    #[arg(long, default_value_t = 20)]
    sound: u64,
    /// The same seed makes the same log.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The last day of the log; left out: today.
    #[arg(long)]
    until: Option<WallTime>,
    /// Where data/ and recordings/ go.
    folder: PathBuf,
}

/// A project with what belongs to it.
struct Project {
    sources: Vec<Source>,
    managers: Vec<(Arc<str>, String)>,
    rule: Arc<str>,
    /// Who has called, the newest last.
    callers: Vec<u64>,
    priors: std::collections::BTreeMap<u64, u32>,
}

struct Source {
    tag: SourceTag,
    number: Number,
    /// How often it is the cause, beside the others.
    weight: u64,
}

const PROJECTS: [(&str, &[&str]); 6] = [
    ("mowers", &["lawn-mowers", "chainsaws", "trimmers"]),
    ("windows", &["windows", "balconies", "doors"]),
    ("dental", &["implants", "braces", "check-up"]),
    ("tyres", &["summer-tyres", "winter-tyres", "wheels"]),
    ("kitchens", &["kitchens", "wardrobes"]),
    ("movers", &["flats", "offices"]),
];

const CHANNELS: [(&str, &str, u64); 7] = [
    ("yandex-direct", "search", 30),
    ("google-ads", "search", 14),
    ("site", "organic", 22),
    ("avito", "ads", 12),
    ("maps", "card", 10),
    ("billboard", "ring-road", 5),
    ("leaflet", "letterbox", 3),
];

const PEOPLE: [&str; 12] = [
    "anna", "boris", "vera", "gleb", "dina", "egor", "zhanna", "ivan", "kira", "lev", "maria",
    "nikita",
];

const GOALS: [&str; 5] = ["price", "problem", "order", "delivery", "advice"];
const STAGES: [&str; 4] = ["new", "talking", "offer", "closed"];
const OUTCOMES: [&str; 5] = ["sold", "appointment", "thinks", "refused", "not-ours"];
const TAGS: [&str; 8] = [
    "hot",
    "regular",
    "call-again",
    "wholesale",
    "complaint",
    "discount",
    "competitor",
    "spam",
];
const NOTES: [&str; 8] = [
    "Asked for a price, will call back on Monday.",
    "Просил перезвонить после обеда.",
    "Нужна доставка за город, уточнить адрес.",
    "Compares with a competitor, wants a discount.",
    "Оформил заказ, ждёт счёт на почту.",
    "Complained about the waiting time.",
    "Перепутал номер, но заинтересовался.",
    "Wants to speak to the same manager as last time.",
];

/// Share of a day's calls by the hour, from midnight, in a house that is open from nine to nine.
const HOURS: [u64; 24] = [
    1, 1, 0, 0, 0, 1, 3, 9, 28, 62, 80, 84, 76, 66, 70, 72, 68, 60, 46, 32, 18, 10, 5, 2,
];

/// By the day of the week, from Monday.
const WEEK: [u64; 7] = [116, 110, 106, 104, 100, 66, 48];

/// By the month, from January: spring and autumn are busy.
const SEASON: [u64; 12] = [62, 74, 104, 128, 134, 112, 92, 88, 108, 112, 98, 84];

/// Something that is to be told, the earliest first.
type Later = Reverse<(i64, u64, CallId)>;

/// The made-up world.
struct World {
    chance: Chance,
    projects: Vec<Project>,
    maker: Maker,
    later: BinaryHeap<Later>,
    waiting: std::collections::BTreeMap<u64, Made>,
    told: u64,
    end_ms: i64,
    recordings: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let asked = Asked::parse();
    let mut chance = Chance::from_number(asked.seed);
    let until = match asked.until {
        Some(until) => until,
        None => ringtag::base::clock::Clock::start().wall(),
    };
    let end_ms = until.as_millis();
    let days = i64::from(asked.years.max(1)) * 365;
    let begin = WallTime::from_millis((end_ms - days * DAY_MS).div_euclid(DAY_MS) * DAY_MS);
    let data = asked.folder.join("data");
    let maker = Maker::begin(&data, "made-up", chance.fork(), begin)?;
    let count = asked.projects.clamp(1, PROJECTS.len());
    let projects = (0..count).map(|at| project(at, &mut chance)).collect();
    let mut world = World {
        chance,
        projects,
        maker,
        later: BinaryHeap::new(),
        waiting: std::collections::BTreeMap::new(),
        told: 0,
        end_ms,
        recordings: asked.folder.join("recordings"),
    };
    let times = times(&mut world.chance, begin, end_ms, asked.calls);
    let silent = asked.calls.saturating_sub(asked.sound);
    for (number, at_ms) in (0..).zip(times) {
        world.tell_until(at_ms)?;
        world.call(WallTime::from_millis(at_ms), number >= silent)?;
    }
    world.tell_until(i64::MAX)?;
    let lines = world.maker.finish()?;
    println!(
        "{} calls in {lines} lines: {}",
        asked.calls,
        data.join("log").display()
    );
    println!("with [store] folder = \"{}\"", data.display());
    println!(
        "and [recordings] folder = \"{}\"",
        asked.folder.join("recordings").display()
    );
    Ok(())
}

/// When calls begin, in order: by day of the week, season and hour, with a little growth over the years.
fn times(chance: &mut Chance, begin: WallTime, end_ms: i64, calls: u64) -> Vec<i64> {
    let first = begin.as_millis();
    let days = (end_ms - first).div_euclid(DAY_MS) + 1;
    let weights: Vec<u64> = (0..days)
        .map(|day| {
            let at = WallTime::from_millis(first + day * DAY_MS + ZONE_MS).timestamp();
            let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
            let week = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0);
            let month = usize::try_from(date.month() - 1).unwrap_or(0);
            let of = |table: &[u64], at: usize| table.get(at).copied().unwrap_or(1);
            let growth =
                70 + 60 * u64::try_from(day).unwrap_or(0) / u64::try_from(days).unwrap_or(1);
            of(&WEEK, week) * of(&SEASON, month) * growth * (80 + chance.below(40)) / 10_000
        })
        .collect();
    let all: u64 = weights.iter().sum::<u64>().max(1);
    let mut times = Vec::with_capacity(usize::try_from(calls).unwrap_or(0));
    let mut seen = 0;
    for (day, weight) in (0..days).zip(weights) {
        let before = u128::from(calls) * u128::from(seen) / u128::from(all);
        seen += weight;
        let after = u128::from(calls) * u128::from(seen) / u128::from(all);
        for _ in before..after {
            let hour = i64::try_from(weighted(chance, &HOURS, |&weight| weight)).unwrap_or(0);
            let within = i64::try_from(chance.below(3_600_000)).unwrap_or(0);
            // The hours are those of the shops; whoever calls after the end calls at the end.
            let at = first + day * DAY_MS + hour * 3_600_000 + within - ZONE_MS;
            times.push(at.clamp(first + 1_000, end_ms - 600_000));
        }
    }
    times.sort_unstable();
    times
}

fn weighted<T>(chance: &mut Chance, list: &[T], weight: impl Fn(&T) -> u64) -> usize {
    let mut left = chance.below(list.iter().map(&weight).sum());
    for (at, one) in list.iter().enumerate() {
        match left.checked_sub(weight(one)) {
            Some(rest) => left = rest,
            None => return at,
        }
    }
    0
}

fn pick<'a, T>(chance: &mut Chance, list: &'a [T]) -> Option<&'a T> {
    let bound = u64::try_from(list.len()).unwrap_or(0);
    list.get(usize::try_from(chance.below(bound)).unwrap_or(0))
}

fn word(chance: &mut Chance, list: &[&str]) -> String {
    pick(chance, list).map_or_else(String::new, |word| (*word).to_owned())
}

fn project(at: usize, chance: &mut Chance) -> Project {
    let (id, categories) = PROJECTS.get(at).copied().unwrap_or(("shop", &["things"]));
    let place = u64::try_from(at).unwrap_or(0);
    let mut sources = Vec::new();
    for (category, nth) in categories.iter().zip(0u64..) {
        for ((channel, kind, weight), way) in CHANNELS.iter().zip(0u64..) {
            // Not everything is advertised everywhere.
            if nth > 0 && chance.below(3) == 0 {
                continue;
            }
            sources.push(Source {
                tag: SourceTag {
                    project: id.into(),
                    tag: format!("{channel}-{category}").into(),
                    channel: Some((*channel).into()),
                    campaign: Some(format!("{category}-{kind}").into()),
                    category: Some((*category).into()),
                },
                number: Number::from_digits(74_950_000_000 + place * 1_000 + nth * 100 + way),
                weight: weight * 10 / (nth + 1),
            });
        }
    }
    let managers = PEOPLE.iter().cycle().skip(at * 4).take(5).zip(101..);
    Project {
        sources,
        managers: managers
            .map(|(name, line)| ((*name).into(), (line + 10 * at).to_string()))
            .collect(),
        rule: format!("{id} in working hours").into(),
        callers: Vec::new(),
        priors: std::collections::BTreeMap::new(),
    }
}

impl Project {
    /// Somebody who calls: now and then who called lately, or who hides.
    fn caller(&mut self, chance: &mut Chance) -> Caller {
        match chance.below(100) {
            0..2 => return Caller::Anonymous,
            2 => return Caller::Other(format!("{}", 200 + chance.below(40)).into()),
            3..38 if !self.callers.is_empty() => {
                // Who called lately calls again sooner.
                let all = u64::try_from(self.callers.len()).unwrap_or(1);
                let reach = all.min(1 + chance.below(all).min(chance.below(all)));
                let at = usize::try_from(all - 1 - chance.below(reach)).unwrap_or(0);
                let digits = self.callers.get(at).copied().unwrap_or(79_160_000_000);
                return Caller::Number(Number::from_digits(digits));
            }
            _ => {}
        }
        let prefix = pick(
            chance,
            &[
                79_000_000_000,
                79_100_000_000,
                79_200_000_000,
                74_950_000_000,
            ],
        );
        let digits =
            prefix.copied().unwrap_or(79_000_000_000) + 10_000_000 + chance.below(99_000_000);
        self.callers.push(digits);
        Caller::Number(Number::from_digits(digits))
    }
}

fn dialog(chance: &mut Chance, caller: &Caller, trunk: &str) -> KeptDialog {
    KeptDialog {
        call_id: format!("{}@192.0.2.10", chance.token()),
        local: format!("<sip:+74950000001@192.0.2.10>;tag={}", chance.token()),
        remote: format!("<sip:{caller}@192.0.2.1>;tag={}", chance.token()),
        target: format!("sip:{caller}@192.0.2.1:5060"),
        routes: Vec::new(),
        cseq: 1,
        trunk: trunk.into(),
        peer: std::net::SocketAddr::from(([192, 0, 2, 1], 5060)),
        ours: trunk == "pbx",
    }
}

fn leg(role: Role, trunk: &str, uri: String, sip_call_id: String, talk_ms: u64) -> Leg {
    Leg {
        trunk: trunk.into(),
        remote_uri: uri,
        sip_call_id,
        codec: (talk_ms > 0).then(|| "PCMA/8000".into()),
        packets_in: talk_ms / 20,
        packets_out: talk_ms / 20,
        lost: talk_ms / 40_000,
        jitter_ms: if talk_ms > 0 { 1.25 } else { 0.0 },
        role: Some(role),
        joined_ms: (talk_ms > 0).then_some(0),
        left_ms: (talk_ms > 0).then_some(talk_ms),
        ..Leg::default()
    }
}

impl World {
    /// Tells what is due before `at_ms`.
    fn tell_until(&mut self, at_ms: i64) -> Result<(), Box<dyn Error>> {
        while let Some(Reverse((due, number, call))) = self.later.peek().copied() {
            // What would come after the end has not happened yet.
            if due > at_ms || due > self.end_ms {
                return Ok(());
            }
            self.later.pop();
            if let Some(made) = self.waiting.remove(&number) {
                self.maker.tell(call, WallTime::from_millis(due), made)?;
            }
        }
        Ok(())
    }

    fn at(&mut self, call: CallId, at: WallTime, made: Made) {
        self.told += 1;
        self.later.push(Reverse((at.as_millis(), self.told, call)));
        self.waiting.insert(self.told, made);
    }

    /// One call with everything that comes of it.
    fn call(&mut self, at: WallTime, has_sound: bool) -> Result<(), Box<dyn Error>> {
        let chance = &mut self.chance;
        let id = CallId::new(at, chance);
        let many = self.projects.len();
        let which = chance.below(u64::try_from(many * (many + 1) / 2).unwrap_or(1));
        // The first project is the largest.
        let place = (0..many).find(|&at| {
            let before = (0..=at).map(|at| many - at).sum::<usize>();
            which < u64::try_from(before).unwrap_or(0)
        });
        let Some(project) = self.projects.get_mut(place.unwrap_or(0)) else {
            return Ok(());
        };
        let source = weighted(chance, &project.sources, |source| source.weight);
        let Some(source) = project.sources.get(source) else {
            return Ok(());
        };
        let (tag, number) = (source.tag.clone(), source.number);
        let caller = project.caller(chance);
        let priors = match &caller {
            Caller::Number(number) => Some(project.priors.entry(number.digits()).or_default()),
            Caller::Other(_) | Caller::Anonymous => None,
        };
        let prior_calls = priors.map_or(0, |priors| {
            *priors += 1;
            *priors - 1
        });
        let manager = pick(chance, &project.managers).cloned();
        let (manager, line) = manager.unwrap_or_else(|| ("desk".into(), "101".into()));
        let rule = Arc::clone(&project.rule);
        let hour = (at.as_millis() + ZONE_MS).rem_euclid(DAY_MS) / 3_600_000;
        let missed_percent = if (9..21).contains(&hour) { 14 } else { 71 };
        let is_missed = chance.below(100) < missed_percent && !has_sound;
        let rings_ms = 2_000 + chance.below(9_000) + chance.below(9_000);
        let ringing_at = at + Duration::from_millis(300 + chance.below(600));
        let wait_ms = 900 + rings_ms;
        // Most talks are short, few are long.
        let long_ms = chance.below(600_000);
        let talk_ms = if is_missed {
            0
        } else {
            4_000 + chance.below(40_000) + chance.below(1 + long_ms)
        };
        let sip_call_id = format!("{}@192.0.2.1", chance.token());
        let began = Began {
            source: tag,
            tracked: true,
            caller: caller.clone(),
            caller_from: "P-Asserted-Identity".into(),
            virtual_number: number,
            trunk: "carrier".into(),
            sip_call_id: sip_call_id.clone(),
            prior_calls,
            rule: Some(Arc::clone(&rule)),
        };
        let is_old = at.as_millis() < self.end_ms - KEPT_DAYS * DAY_MS - 3_600_000;
        let is_recorded = !is_missed && (is_old || has_sound);
        let dialogs = [
            dialog(chance, &caller, "carrier"),
            dialog(chance, &Caller::Other(line.as_str().into()), "pbx"),
        ];
        let (reason, result, status) = match (is_missed, chance.below(10)) {
            (false, _) => (FinishReason::Completed, TriedResult::Answered, 200),
            (true, 0..6) => (FinishReason::CallerGaveUp, TriedResult::Cancelled, 487),
            (true, 6..9) => (FinishReason::NoAnswer, TriedResult::NoAnswer, 480),
            (true, _) => (FinishReason::Busy, TriedResult::Busy, 486),
        };
        let answered_at = at + Duration::from_millis(wait_ms);
        let ended_at = answered_at + Duration::from_millis(talk_ms);
        let by_caller = is_missed || chance.below(5) < 3;
        let [theirs, _] = &dialogs;
        let ended = Ended {
            rule: Some(Arc::clone(&rule)),
            targets_tried: vec![Tried {
                target: format!("manager:{manager}"),
                trunk: Some("pbx".into()),
                result,
                sip_status: Some(status),
                ring_ms: rings_ms,
            }],
            manager: (!is_missed).then(|| Arc::clone(&manager)),
            destination: (!is_missed).then(|| line.clone()),
            ringing_at: Some(ringing_at),
            answered_at: (!is_missed).then_some(answered_at),
            wait_ms,
            talk_ms,
            total_ms: wait_ms + talk_ms,
            answered: !is_missed,
            missed: is_missed,
            finish_reason: reason,
            hung_up_by: if by_caller {
                HungUpBy::Caller
            } else {
                HungUpBy::Callee
            },
            sip_status: Some(status),
            q850_cause: Some(if is_missed { 31 } else { 16 }),
            legs: vec![
                leg(
                    Role::Caller,
                    "carrier",
                    theirs.target.clone(),
                    sip_call_id,
                    talk_ms,
                ),
                leg(
                    Role::Callee,
                    "pbx",
                    format!("sip:{line}@192.0.2.20"),
                    theirs.call_id.clone(),
                    talk_ms,
                ),
            ],
            transfers: Vec::new(),
        };
        let by = manager.to_string();
        let said = said(chance, is_missed);
        let after_ms = 20_000 + chance.below(3_600_000);
        let is_played = is_recorded && chance.below(20) == 0;
        self.at(id, at, Made::Fact(What::Began(Box::new(began))));
        if reason != FinishReason::Busy {
            self.at(id, ringing_at, Made::Fact(What::Ringing));
        }
        if !is_missed {
            let answered = Answered {
                rule,
                manager: Some(manager),
                destination: line,
                recorded: is_recorded,
                dialogs,
            };
            self.at(
                id,
                answered_at,
                Made::Fact(What::Answered(Box::new(answered))),
            );
        }
        self.at(id, ended_at, Made::Fact(What::Ended(Box::new(ended))));
        if is_recorded {
            self.record(id, ended_at, talk_ms, has_sound)?;
        }
        let then = ended_at + Duration::from_millis(after_ms);
        if is_played {
            self.at(id, then, Made::Played(by.clone()));
        }
        if let Some(said) = said {
            self.at(
                id,
                then + Duration::from_secs(30),
                Made::Said(Box::new(said), by.clone()),
            );
        }
        if is_played && self.chance.below(3) == 0 {
            let text = word(&mut self.chance, &NOTES);
            let at_ms = self.chance.below(talk_ms.max(1));
            self.at(
                id,
                then + Duration::from_secs(60),
                Made::Pinned { at_ms, text, by },
            );
        }
        Ok(())
    }

    /// The recording of a call: real for the newest, long deleted for the others.
    fn record(
        &mut self,
        id: CallId,
        ended_at: WallTime,
        talk_ms: u64,
        has_sound: bool,
    ) -> Result<(), Box<dyn Error>> {
        let day = ended_at.to_string();
        let day = day.get(..10).unwrap_or("1970-01-01").replace('-', "/");
        let file = format!("{day}/{id}.wav");
        let hash = if has_sound {
            sound(&self.recordings.join(&file), talk_ms)?
        } else {
            hex::encode(Sha256::digest(&file))
        };
        let outcome = Outcome {
            call: id,
            file: file.as_str().into(),
            duration_ms: talk_ms,
            sample_rate_hz: 8_000,
            channels: 2,
            bytes: 44 + talk_ms * 32,
            state: State::Complete,
            gaps: Vec::new(),
            pauses: Vec::new(),
            parts: Vec::new(),
        };
        let done = ended_at + Duration::from_millis(40);
        self.at(id, done, Made::Recorded(Box::new(outcome)));
        self.at(id, done + Duration::from_millis(900), Made::Hashed(hash));
        if !has_sound {
            let kept = Duration::from_secs(u64::try_from(KEPT_DAYS * 86_400).unwrap_or(0));
            self.at(id, ended_at + kept, Made::Pruned(file));
        }
        Ok(())
    }
}

/// What a manager says of a call; of most they say nothing.
fn said(chance: &mut Chance, is_missed: bool) -> Option<Say> {
    if is_missed {
        let is_done = chance.below(4) == 0;
        return is_done.then(|| Say {
            called_back: Some(true),
            ..Say::default()
        });
    }
    if chance.below(10) >= 4 {
        return None;
    }
    let mut tags = Vec::new();
    for _ in 0..chance.below(3) {
        tags.push(word(chance, &TAGS));
    }
    let outcome = word(chance, &OUTCOMES);
    let value = u32::try_from(1 + chance.below(400)).map_or(1.0, f64::from) * 250.0;
    let lists = [&TAGS[..], &GOALS, &STAGES, &OUTCOMES].concat();
    Some(Say {
        listed: lists.into_iter().map(str::to_owned).collect(),
        tags: (!tags.is_empty()).then_some(tags),
        target: Some(Some(outcome != "not-ours" && chance.below(6) > 0)),
        goal: Some(Some(word(chance, &GOALS))),
        stage: (chance.below(2) == 0).then(|| Some(word(chance, &STAGES))),
        value: (outcome == "sold").then_some(Some(value)),
        outcome: Some(Some(outcome)),
        note: (chance.below(4) == 0).then(|| Some(word(chance, &NOTES))),
        called_back: None,
    })
}

/// Writes a recording in which two take turns, and returns its hash.
fn sound(path: &Path, talk_ms: u64) -> Result<String, Box<dyn Error>> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(path, spec)?;
    for frame in 0..talk_ms * 8 {
        let second = frame / 8_000;
        // Voices as hills of a low and a high tone, with a pause in every seventh second.
        let hill = (frame % 8_000).min(8_000 - frame % 8_000);
        let loud = i16::try_from(hill * 2).unwrap_or(0);
        let tone = |half: u64| {
            if (frame / half).is_multiple_of(2) {
                loud
            } else {
                -loud
            }
        };
        let is_caller = (second / 3).is_multiple_of(2);
        let is_silent = second % 7 == 6;
        wav.write_sample(if is_caller && !is_silent { tone(20) } else { 0 })?;
        wav.write_sample(if !is_caller && !is_silent {
            tone(13)
        } else {
            0
        })?;
    }
    wav.finalize()?;
    Ok(hex::encode(Sha256::digest(fs::read(path)?)))
}
