//! What is known of the places where trunks live: which failed lately, and which have stopped answering.
//!
//! A name's records say in which order its places are tried (RFC 3263 4.2). What failed lately is tried behind all others,
//! so that each call does not wait for the same dead server; what a health check found out is not tried at all.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::base::chance::Chance;
use crate::base::time::Moment;
use crate::call::trunks::Line;
use crate::sip::place::{Place, in_order};
use crate::sip::transport::Transport;

/// How long a place that failed stands behind the others: long enough that few calls pay for it, and short enough that a
/// server which restarted has its share again soon.
const AVOIDED: Duration = Duration::from_secs(60);

/// The longest that a place's own Retry-After is believed: beyond an hour it is a mistake.
const AVOIDED_MAX: Duration = Duration::from_secs(3_600);

/// Places remembered as failed. Only those of our own trunks enter; a thousand are more than any configuration leads to.
const FAILED_MAX: usize = 1_024;

/// Places of one trunk that one request tries. A caller waits for each, and the plan has other targets.
const TRIED_MAX: usize = 8;

/// One door: the protocol and the address.
type Door = (Transport, SocketAddr);

/// All of it.
#[derive(Debug, Default)]
pub(in crate::call) struct Places {
    /// Until when each stands behind the others.
    failed: BTreeMap<Door, Moment>,
    /// Which of a trunk's places say nothing to its health checks.
    out: BTreeSet<(Arc<str>, Door)>,
}

impl Places {
    /// A place did not answer, or said that it cannot serve; after `retry_after_s` it may, where it said so.
    pub(in crate::call) fn failed(
        &mut self,
        now: Moment,
        place: &Place,
        retry_after_s: Option<u32>,
    ) {
        let asked = Duration::from_secs(retry_after_s.unwrap_or(0).into());
        if self.failed.len() >= FAILED_MAX {
            self.failed.retain(|_, until| *until > now);
        }
        if self.failed.len() < FAILED_MAX {
            let until = now + asked.clamp(AVOIDED, AVOIDED_MAX);
            self.failed.insert(door(place), until);
        }
    }

    /// A place answered.
    pub(in crate::call) fn answered(&mut self, place: &Place) {
        self.failed.remove(&door(place));
    }

    /// A health check found out whether a trunk's place answers.
    pub(in crate::call) fn set_out(&mut self, trunk: &Arc<str>, place: &Place, out: bool) {
        let key = (Arc::clone(trunk), door(place));
        if out {
            self.out.insert(key);
        } else {
            self.out.remove(&key);
        }
    }

    /// Returns where a call to a trunk goes, first to last; empty where its name leads nowhere or nothing answers.
    pub(in crate::call) fn ways(
        &self,
        now: Moment,
        line: &Line,
        chance: &mut Chance,
    ) -> Vec<Place> {
        let mut ways = self.all_ways(now, line, chance);
        if !self.out.is_empty() {
            ways.retain(|place| !self.is_out(line, place));
        }
        ways.truncate(TRIED_MAX);
        ways
    }

    /// Returns the same for what must not depend on health checks, a registration: what is out comes last.
    pub(in crate::call) fn all_ways(
        &self,
        now: Moment,
        line: &Line,
        chance: &mut Chance,
    ) -> Vec<Place> {
        let mut ways = in_order(&line.addresses.0, chance);
        if !self.failed.is_empty() || !self.out.is_empty() {
            // The sort is stable: among those that failed the order stays, too.
            ways.sort_by_key(|place| {
                let until = self.failed.get(&door(place));
                let failed = until.is_some_and(|until| *until > now);
                (self.is_out(line, place), failed)
            });
        }
        ways
    }

    fn is_out(&self, line: &Line, place: &Place) -> bool {
        let key = (Arc::clone(&line.trunk.id), door(place));
        self.out.contains(&key)
    }
}

const fn door(place: &Place) -> Door {
    (place.transport, place.address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::rig::{CARRIER, PBX, SPARE, at, trunk};

    fn line() -> Line {
        Line {
            trunk: Arc::new(trunk("pbx", 5070)),
            addresses: at(&[CARRIER, PBX, SPARE]),
        }
    }

    fn order(places: &Places, now: Moment) -> Vec<String> {
        let mut chance = Chance::from_number(1);
        let ways = places.ways(now, &line(), &mut chance);
        ways.iter().map(|place| place.address.to_string()).collect()
    }

    #[test]
    fn a_place_that_failed_is_tried_last_for_a_minute_or_until_it_answers() {
        let mut places = Places::default();
        let first = line().addresses.0[0];
        assert_eq!(order(&places, Moment::START), [CARRIER, PBX, SPARE]);
        places.failed(Moment::START, &first, None);
        assert_eq!(order(&places, Moment::START), [PBX, SPARE, CARRIER]);
        let later = Moment::START + AVOIDED;
        assert_eq!(order(&places, later), [CARRIER, PBX, SPARE]);
        places.failed(later, &first, Some(300));
        assert_eq!(order(&places, later + AVOIDED * 4), [PBX, SPARE, CARRIER]);
        places.answered(&first);
        assert_eq!(order(&places, later), [CARRIER, PBX, SPARE]);
        places.failed(later, &first, Some(u32::MAX));
        assert_eq!(order(&places, later + AVOIDED_MAX), [CARRIER, PBX, SPARE]);
    }

    #[test]
    fn a_place_that_is_out_is_not_tried_for_its_trunk_alone() {
        let mut places = Places::default();
        let first = line().addresses.0[0];
        places.set_out(&"other".into(), &first, true);
        assert_eq!(order(&places, Moment::START), [CARRIER, PBX, SPARE]);
        places.set_out(&"pbx".into(), &first, true);
        assert_eq!(order(&places, Moment::START), [PBX, SPARE]);
        places.set_out(&"pbx".into(), &first, false);
        assert_eq!(order(&places, Moment::START), [CARRIER, PBX, SPARE]);
    }

    #[test]
    fn failures_remembered_and_places_tried_are_bounded() {
        let mut places = Places::default();
        for port in 1..2_000 {
            let address = SocketAddr::new("192.0.2.1".parse().unwrap(), port);
            let place = Place::plain(Transport::Udp, address);
            places.failed(Moment::START, &place, None);
        }
        assert_eq!(places.failed.len(), FAILED_MAX);
        let many: Vec<String> = (1..40).map(|port| format!("192.0.2.1:{port}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let line = Line {
            addresses: at(&many),
            ..line()
        };
        let ways = places.ways(Moment::START, &line, &mut Chance::from_number(1));
        assert_eq!(ways.len(), TRIED_MAX);
    }
}
