//! One source that dials many different numbers in a short time: a hunt for numbers that cost or answer, and no customer.
//!
//! A source is a caller, or the address that a call of an untrusted trunk came from. Callers that hide share no name and
//! are counted by their address alone.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;
use std::time::Duration;

use foldhash::quality::FixedState;

use crate::base::number::Caller;
use crate::base::time::Moment;
use crate::call::guard::Settings;

/// Sources that are remembered at once. A flood of invented callers pushes the oldest out: each of them dialled little.
const SOURCES_MAX: usize = 8_192;

/// What is remembered of those that dialled lately. Sources and numbers are kept as hashes.
#[derive(Debug)]
pub(in crate::call) struct FanOut {
    settings: Settings,
    hasher: FixedState,
    sources: BTreeMap<u64, Source>,
    /// The sources by when they dialled last; the number makes each entry one of its own.
    by_age: BTreeMap<(Moment, u64), u64>,
    dialled: u64,
}

#[derive(Debug)]
struct Source {
    /// Its place in `by_age`.
    age: (Moment, u64),
    /// Different numbers within the time, each with when it was dialled last.
    numbers: Vec<(u64, Moment)>,
    /// It dialled too many: nothing more is taken before.
    refused_until: Option<Moment>,
}

impl FanOut {
    /// Starts with nobody.
    pub(in crate::call) fn new(key: u64) -> Self {
        Self {
            settings: Settings::default(),
            hasher: FixedState::with_seed(key),
            sources: BTreeMap::new(),
            by_age: BTreeMap::new(),
            dialled: 0,
        }
    }

    /// Takes other limits; what was counted stays.
    pub(in crate::call) const fn set(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Counts a call to `number`, as it was dialled. `address`: where it came from, if that is to be counted too. Returns
    /// whether one of the two has dialled too many.
    pub(in crate::call) fn is_over(
        &mut self,
        now: Moment,
        (caller, address): (&Caller, Option<IpAddr>),
        number: &str,
    ) -> bool {
        let number = self.hasher.hash_one(number);
        let settings = self.settings;
        let within = settings.numbers_within;
        let caller = match caller {
            Caller::Anonymous => None,
            Caller::Number(_) | Caller::Other(_) => Some(self.key("caller", caller)),
        };
        let address = address.map(|address| self.key("address", address));
        let mut over = false;
        for (source, max) in [
            (caller, settings.numbers_max),
            (address, settings.numbers_per_address_max),
        ] {
            if let Some(source) = source
                && let Ok(max) = usize::try_from(max)
                && max > 0
            {
                over |= self.count(now, source, number, (max, within));
            }
        }
        over
    }

    fn key(&self, kind: &str, what: impl Hash) -> u64 {
        self.hasher.hash_one((kind, what))
    }

    fn count(
        &mut self,
        now: Moment,
        key: u64,
        number: u64,
        (max, within): (usize, Duration),
    ) -> bool {
        self.dialled += 1;
        let age = (now, self.dialled);
        self.forget_old(now, within);
        let source = self.sources.entry(key).or_insert(Source {
            age,
            numbers: Vec::new(),
            refused_until: None,
        });
        self.by_age.remove(&source.age);
        self.by_age.insert(age, key);
        source.age = age;
        source.numbers.retain(|(_, at)| now - *at < within);
        let is_room = source.numbers.len() < max;
        let mut numbers = source.numbers.iter_mut();
        match numbers.find(|(known, _)| *known == number) {
            Some((_, at)) => *at = now,
            None if is_room => source.numbers.push((number, now)),
            // Whoever goes on hunting is refused as long as that lasts.
            None => source.refused_until = Some(now + within),
        }
        source.refused_until.is_some_and(|until| now < until)
    }

    /// Forgets who dialled nothing for so long, and the oldest where there are too many.
    fn forget_old(&mut self, now: Moment, within: Duration) {
        while let Some(oldest) = self.by_age.first_entry() {
            let (at, _) = *oldest.key();
            if now - at < within && self.sources.len() < SOURCES_MAX {
                return;
            }
            let key = oldest.remove();
            self.sources.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::desk::Note;
    use crate::call::rig::*;
    use crate::call::story::FinishReason;

    fn settings(numbers_max: u32, numbers_per_address_max: u32) -> Settings {
        Settings {
            numbers_max,
            numbers_per_address_max,
            numbers_within: Duration::from_secs(60),
            ..Settings::default()
        }
    }

    fn table(numbers_max: u32, numbers_per_address_max: u32) -> FanOut {
        let mut table = FanOut::new(1);
        table.set(settings(numbers_max, numbers_per_address_max));
        table
    }

    fn caller(text: &str) -> Caller {
        Caller::from_record(text)
    }

    #[test]
    fn a_caller_that_dials_too_many_numbers_is_refused_until_it_stops() {
        let mut table = table(3, 0);
        let mut dial = |at_s: u64, number: &str| {
            let now = Moment::from_millis(at_s * 1_000);
            table.is_over(now, (&caller("+79160000001"), None), number)
        };
        assert!(!dial(0, "a") && !dial(1, "b") && !dial(2, "c"));
        assert!(!dial(3, "a"), "the same number again is no other");
        assert!(dial(4, "d"));
        assert!(dial(5, "a"), "now no number is taken");
        assert!(dial(63, "a"));
        assert!(!dial(64, "a"), "a minute without a new one");
    }

    #[test]
    fn slow_callers_other_callers_and_those_that_hide_are_not_refused() {
        let mut table = table(2, 0);
        for second in 0..100_u64 {
            let now = Moment::from_millis(second * 31_000);
            let number = second.to_string();
            let one = (&caller("+79160000001"), None);
            assert!(!table.is_over(now, one, &number));
            let other = caller(&format!("1{second}"));
            assert!(!table.is_over(now, (&other, None), &number));
            assert!(!table.is_over(now, (&Caller::Anonymous, None), &number));
        }
    }

    #[test]
    fn an_address_is_counted_where_it_is_asked_for() {
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let over = |table: &mut FanOut, number: u32| {
            let hides = (&Caller::Anonymous, Some(address));
            table.is_over(Moment::START, hides, &number.to_string())
        };
        let mut not_asked = table(3, 0);
        assert!((0..100).all(|number| !over(&mut not_asked, number)));
        let mut asked = table(3, 5);
        assert!((0..5).all(|number| !over(&mut asked, number)));
        assert!(over(&mut asked, 6));
    }

    #[test]
    fn a_flood_of_invented_callers_takes_no_more_memory_than_it_may() {
        let mut table = table(3, 0);
        for number in 0..3 * SOURCES_MAX {
            let invented = caller(&number.to_string());
            table.is_over(Moment::START, (&invented, None), "a");
        }
        assert!(table.sources.len() <= SOURCES_MAX);
        assert_eq!(table.sources.len(), table.by_age.len());
        let later = Moment::from_millis(60_000);
        table.is_over(later, (&caller("1"), None), "a");
        assert_eq!(table.sources.len(), 1, "after a minute all are forgotten");
    }

    #[test]
    fn a_hunt_for_numbers_is_403_for_ours_and_others_alike_and_ours_are_recorded() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.board.set_guard(settings(2, 0));
        let mut dial = |number: &str, branch: &str| {
            let text = invite(number, &sdp("127.0.0.2", 4_000, ""));
            let text = text
                .replace("z9hG4bKin", branch)
                .replace("incoming", branch);
            rig.from(CARRIER, &text);
            rig.lines_to(CARRIER).pop().unwrap()
        };
        assert!(dial("+74950000008", "z9hG4bK1").starts_with("SIP/2.0 404"));
        assert!(dial("+74950000009", "z9hG4bK2").starts_with("SIP/2.0 404"));
        assert!(dial("+74950000010", "z9hG4bK3").starts_with("SIP/2.0 403"));
        assert!(dial(NUMBER, "z9hG4bK4").starts_with("SIP/2.0 403"));
        let ended = rig.ended();
        assert_eq!(ended.finish_reason, FinishReason::TooManyNumbers);
        assert_eq!((ended.sip_status, ended.missed), (Some(403), false));
        assert!(matches!(
            rig.notes.last(),
            Some(Note::Refused { status: 403, .. })
        ));
        rig.assert_clean();
    }
}
