//! The real switchboard between simulated phones, over a network that loses, delays, repeats and reorders.
//!
//! Every run is determined by its seed: `RINGTAG_SEED=17 cargo test --test sim` replays one, `RINGTAG_SEEDS=10000` runs more. After each run the laws of the
//! house are held against everything that happened; a broken one prints the seed and the ladder of messages.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::expect_used,
    reason = "a simulation that fails stops, and says where"
)]

#[path = "sim/cast.rs"]
mod cast;
#[path = "sim/crossings.rs"]
mod crossings;
#[path = "sim/network.rs"]
mod network;
#[path = "sim/phone.rs"]
mod phone;
#[path = "sim/streams.rs"]
mod streams;
#[path = "sim/text.rs"]
mod text;
#[path = "sim/watch.rs"]
mod watch;
#[path = "sim/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use ringtag::base::id::{CallId, LegId};
use ringtag::base::time::Moment;
use ringtag::call::desk::MediaWish;
use ringtag::call::probe;
use ringtag::call::story::{Ended, What};
use ringtag::config;
use ringtag::config::Config;

use phone::Phone;
use world::World;

/// Says how it was broken, where it was.
type Law = fn(&World) -> Result<(), String>;

/// Seeds of a run; `RINGTAG_SEEDS` asks for more.
const SEEDS: u64 = 1_000;

const OFFICE: &str = r#"
[[trunk]]
id = "carrier"
host = "10.66.0.1"
allow = ["10.66.0.0/16"]
[[trunk]]
id = "pbx"
host = "10.67.0.1"
transfers = true
[[trunk]]
id = "streams"
host = "10.68.0.1"
transport = "tcp"
transfers = true
[[trunk]]
id = "strict"
host = "10.69.0.1"
reliable = "required"
[[project]]
id = "shop"
time_zone = "Europe/Moscow"
[[source]]
tag = "one"
category = "one"
numbers = ["+74950000001"]
[[source]]
tag = "order"
category = "order"
numbers = ["+74950000002"]
[[source]]
tag = "all"
category = "all"
numbers = ["+74950000003", "+74950000004"]
[[source]]
tag = "refused"
category = "refused"
numbers = ["+74950000005"]
[[source]]
tag = "nobody"
category = "nobody"
numbers = ["+74950000006"]
[[manager]]
id = "a"
extension = "101"
trunk = "pbx"
[[manager]]
id = "b"
extension = "102"
trunk = "streams"
[[manager]]
id = "c"
extension = "103"
trunk = "strict"
[[group]]
id = "order"
members = ["a", "b", "c"]
strategy = "in-order"
ring_s = 8
[[group]]
id = "all"
members = ["a", "b", "c"]
strategy = "all"
ring_s = 12
[[rule]]
id = "one"
category = "one"
to = "manager:a"
[[rule]]
id = "order"
category = "order"
to = "group:order"
[[rule]]
id = "all"
category = "all"
to = ["group:all", "manager:a"]
[[rule]]
id = "refused"
category = "refused"
reject = 603
"#;

#[test]
fn the_laws_hold_first_quarter() {
    run(0);
}

#[test]
fn the_laws_hold_second_quarter() {
    run(1);
}

#[test]
fn the_laws_hold_third_quarter() {
    run(2);
}

#[test]
fn the_laws_hold_last_quarter() {
    run(3);
}

/// Every fourth seed, so that the quarters can run beside each other.
#[test]
fn every_committed_play_of_the_fuzzer_leaves_nothing_behind() {
    let mut played = 0;
    for file in std::fs::read_dir("fuzz/corpus/calls").unwrap() {
        probe::calls(&std::fs::read(file.unwrap().path()).unwrap());
        played += 1;
    }
    assert!(played > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_play_leaves_anything_behind(play in vec(any::<u8>(), 0..400)) {
        probe::calls(&play);
    }
}

fn run(quarter: u64) {
    let config = Arc::new(office());
    if let Ok(seed) = std::env::var("RINGTAG_SEED") {
        let seed: u64 = seed.parse().expect("RINGTAG_SEED is a number");
        if seed % 4 == quarter {
            let world = hold_to_the_laws(seed, &config);
            for line in &world.ladder {
                eprintln!("{line}");
            }
        }
        return;
    }
    let seeds = std::env::var("RINGTAG_SEEDS").map_or(SEEDS, |seeds| {
        seeds.parse().expect("RINGTAG_SEEDS is a number")
    });
    let mut reasons: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut transfers: BTreeMap<&'static str, usize> = BTreeMap::new();
    for seed in (quarter..seeds).step_by(4) {
        let world = hold_to_the_laws(seed, &config);
        for (_, ended) in records(&world) {
            *reasons.entry(ended.finish_reason.word()).or_default() += 1;
            for transfer in &ended.transfers {
                if transfer.joined.is_some() {
                    *transfers.entry("joined").or_default() += 1;
                }
                *transfers.entry(transfer.result.word()).or_default() += 1;
            }
        }
    }
    eprintln!("quarter {quarter}: {reasons:?}, transfers {transfers:?}");
    assert!(transfers.len() > 1, "transfers: {transfers:?}");
    // A simulation in which nothing happens proves nothing.
    for reason in [
        "completed",
        "caller-gave-up",
        "no-answer",
        "busy",
        "rejected",
        "session-expired",
        "transferred",
    ] {
        assert!(
            reasons.contains_key(reason),
            "no call ended so: {reason}; {reasons:?}"
        );
    }
}

fn office() -> Config {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ringtag.toml");
    std::fs::write(&file, OFFICE).unwrap();
    load(&file)
}

fn load(file: &Path) -> Config {
    match config::load(file) {
        Ok(loaded) => loaded.config,
        Err(mistakes) => panic!("{mistakes:#?}"),
    }
}

fn hold_to_the_laws(seed: u64, config: &Arc<Config>) -> World {
    let mut world = World::new(seed, config);
    world.run();
    let laws: [(&str, Law); 10] = [
        ("each INVITE has one final response", one_final_response),
        (
            "each admitted call has one record, told in order",
            one_record,
        ),
        ("ports opened are ports closed", ports),
        ("no working phone is left in a call", nobody_is_left),
        ("what is recorded is what was bridged", recorded_is_bridged),
        ("nothing is left in the switchboard", nothing_is_left),
        ("every question is followed by its call's end", gone_once),
        ("no phone saw a law broken", phones_agree),
        ("sessions are refreshed, or end", sessions_are_kept),
        (
            "where nothing is lost, nothing is sent in vain",
            nothing_in_vain,
        ),
    ];
    for (law, holds) in laws {
        if let Err(how) = holds(&world) {
            let ladder = world.ladder.join("\n");
            panic!(
                "{ladder}\n\nseed {seed} broke the law: {law}: {how}\nreplay it with RINGTAG_SEED={seed}"
            );
        }
    }
    world
}

fn one_final_response(world: &World) -> Result<(), String> {
    for (invite, finals) in &world.finals {
        // What waits for a connection that never comes is not seen to be sent.
        let unseen = |phone: &Phone| phone.call_id == invite.0 && phone.habits.tcp;
        let may_miss = world.fragile && world.phones.iter().any(unseen);
        if finals.len() != 1 && !(finals.is_empty() && may_miss) {
            return Err(format!("{invite:?} got {finals:?}"));
        }
    }
    for phone in &world.phones {
        if let Some((number, finals)) = phone.finals.iter().find(|(_, finals)| finals.len() > 1) {
            return Err(format!(
                "{} saw for INVITE {number}: {finals:?}",
                phone.name
            ));
        }
    }
    Ok(())
}

fn one_record(world: &World) -> Result<(), String> {
    let mut by_call: BTreeMap<CallId, Vec<u8>> = BTreeMap::new();
    let mut last = Moment::START;
    for fact in &world.facts {
        let step = match &fact.what {
            What::Began(_) => Some(0),
            What::Ringing => Some(1),
            What::Answered(_) => Some(2),
            // Any number of them, while the call is up.
            What::Transferred(_) => None,
            What::Ended(_) => Some(3),
        };
        by_call.entry(fact.call).or_default().extend(step);
        if fact.mono < last {
            return Err(format!("{} told out of order", fact.call));
        }
        last = fact.mono;
    }
    for (call, steps) in &by_call {
        let rising = steps.windows(2).all(|pair| pair[0] < pair[1]);
        if !rising || steps.first() != Some(&0) || steps.last() != Some(&3) {
            return Err(format!("{call} was told as {steps:?}"));
        }
    }
    for (call, ended) in records(world) {
        let steps = &by_call[&call];
        if ended.answered != steps.contains(&2) {
            return Err(format!("{call}: answered {} and {steps:?}", ended.answered));
        }
        if ended.total_ms != ended.wait_ms + ended.talk_ms {
            return Err(format!("{call}: {ended:?}"));
        }
    }
    match by_call.len() == world.admitted {
        true => Ok(()),
        false => Err(format!(
            "{} admitted, {} told",
            world.admitted,
            by_call.len()
        )),
    }
}

fn records(world: &World) -> impl Iterator<Item = (CallId, &Ended)> {
    world.facts.iter().filter_map(|fact| {
        if let What::Ended(ended) = &fact.what {
            Some((fact.call, &**ended))
        } else {
            None
        }
    })
}

fn ports(world: &World) -> Result<(), String> {
    let mut closed: BTreeMap<LegId, usize> = BTreeMap::new();
    for (_, wish) in &world.media {
        if let MediaWish::Close { leg } = wish {
            *closed.entry(*leg).or_default() += 1;
        }
    }
    for leg in &world.opened {
        if closed.get(leg) != Some(&1) {
            return Err(format!("{leg} was closed {:?} times", closed.get(leg)));
        }
    }
    match closed
        .keys()
        .find(|leg| !world.opened.contains(leg) && !world.refused_ports.contains(leg))
    {
        Some(leg) => Err(format!("{leg} was closed and never opened")),
        None => Ok(()),
    }
}

fn nobody_is_left(world: &World) -> Result<(), String> {
    match world.left() {
        left if left.is_empty() => Ok(()),
        left => Err(format!("{left:#?}")),
    }
}

fn recorded_is_bridged(world: &World) -> Result<(), String> {
    let mut began: BTreeMap<CallId, Moment> = BTreeMap::new();
    let mut spans: BTreeMap<CallId, u128> = BTreeMap::new();
    for (_, wish) in &world.media {
        match wish {
            MediaWish::Record { call, at, .. } => {
                if began.insert(*call, *at).is_some() {
                    return Err(format!("{call} is recorded twice"));
                }
            }
            MediaWish::StopRecord { call, at } => {
                let from = began
                    .get(call)
                    .ok_or_else(|| format!("{call} stops before it begins"))?;
                let span = (*at - *from).as_millis();
                if spans.insert(*call, span).is_some() {
                    return Err(format!("{call} stops twice"));
                }
            }
            MediaWish::Open { .. }
            | MediaWish::Aim { .. }
            | MediaWish::Bridge { .. }
            | MediaWish::Watch { .. }
            | MediaWish::Turn { .. }
            | MediaWish::Anew { .. }
            | MediaWish::Close { .. } => {}
        }
    }
    for (call, ended) in records(world) {
        match (began.contains_key(&call), spans.get(&call)) {
            (false, None) => {}
            (true, Some(span)) if *span == u128::from(ended.talk_ms) => {}
            (recorded, span) => {
                return Err(format!(
                    "{call}: recorded {recorded} for {span:?} of {} ms",
                    ended.talk_ms
                ));
            }
        }
    }
    Ok(())
}

fn nothing_is_left(world: &World) -> Result<(), String> {
    let board = &world.board;
    let nothing = board.live().calls == 0
        && board.is_idle()
        && board.kept().iter().all(|kept| *kept == 0)
        && board.transactions() == (0, 0);
    match nothing {
        true => Ok(()),
        false => Err(format!(
            "{board:?} keeps {:?}, transactions {:?}",
            board.kept(),
            board.transactions()
        )),
    }
}

fn gone_once(world: &World) -> Result<(), String> {
    let mut gone = world.gone.clone();
    gone.sort_unstable();
    match gone.iter().eq(world.asked.iter()) {
        true => Ok(()),
        false => Err(format!("asked about {:?}, gone {gone:?}", world.asked)),
    }
}

fn nothing_in_vain(world: &World) -> Result<(), String> {
    // A phone that dies leaves others speaking in vain, through us too: a late offer waits for the other side's ACK.
    if !world.lossless || world.phones.iter().any(|phone| phone.dead) {
        return Ok(());
    }
    for phone in &world.phones {
        let name = &phone.name;
        if let Some(what) = phone.in_vain.first() {
            return Err(format!("{name} sent {what} in vain"));
        }
        if phone.unanswered {
            return Err(format!("{name} got an ACK that does not answer its offer"));
        }
    }
    Ok(())
}

/// RFC 4028: who promised to refresh does, and whoever waits for it in vain ends the call.
fn sessions_are_kept(world: &World) -> Result<(), String> {
    if !world.lossless || world.phones.iter().any(|phone| phone.dead) {
        return Ok(());
    }
    for phone in &world.phones {
        if phone.unrefreshed {
            return Err(format!("{}'s session was not refreshed", phone.name));
        }
        if phone.outlived {
            return Err(format!("{} did not refresh and was let live", phone.name));
        }
    }
    Ok(())
}

fn phones_agree(world: &World) -> Result<(), String> {
    if let Some(how) = world.broken.as_ref().or(world.watch.broken.as_ref()) {
        return Err(how.clone());
    }
    let broken = world.phones.iter().find_map(|phone| {
        let how = phone.broken.as_ref()?;
        Some(format!("{}: {how}", phone.name))
    });
    broken.map_or(Ok(()), Err)
}
