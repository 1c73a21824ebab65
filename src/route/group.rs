//! Managers and the groups they ring in, each group by its strategy.

use std::sync::Arc;

use crate::base::time::WallTime;
use crate::route::decision::Target;

/// One `[[manager]]`: a person or a desk that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    /// Its name in the configuration and in records.
    pub id: Arc<str>,
    /// What people read.
    pub label: Arc<str>,
    /// What rings.
    pub target: Target,
    /// Share of the calls in weighted groups, at least 1.
    pub weight: u32,
}

/// One `[[group]]`: managers that share calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name in the configuration.
    pub id: Arc<str>,
    /// As written.
    pub members: Vec<Arc<Manager>>,
    /// Who rings when.
    pub strategy: Strategy,
    /// For how long each member rings, unless the rule says.
    pub ring_s: Option<u32>,
}

/// In which order a group's members ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Together; the first to answer wins.
    All,
    /// As written.
    #[default]
    InOrder,
    /// As written, each call beginning with the next member.
    RoundRobin,
    /// Shuffled.
    Random,
    /// Who took a call longest ago first; who never took one before them.
    LeastRecent,
    /// Shuffled, heavier members more often first.
    Weighted,
}

impl Strategy {
    /// Each of them.
    pub const ALL: [Self; 6] = [
        Self::All,
        Self::InOrder,
        Self::RoundRobin,
        Self::Random,
        Self::LeastRecent,
        Self::Weighted,
    ];

    /// The word of the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::InOrder => "in-order",
            Self::RoundRobin => "round-robin",
            Self::Random => "random",
            Self::LeastRecent => "least-recent",
            Self::Weighted => "weighted",
        }
    }
}

/// What the order of a group may depend on.
pub(in crate::route) struct Circumstances<'a> {
    /// How many calls a group had.
    pub(in crate::route) rotation: &'a dyn Fn(&str) -> u64,
    /// When a manager last took a call.
    pub(in crate::route) last_taken: &'a dyn Fn(&str) -> Option<WallTime>,
    /// The dice, rolled once a call.
    pub(in crate::route) chance: u64,
}

impl Group {
    /// Returns the members in the order in which they ring for this call.
    pub(in crate::route) fn order(&self, now: &Circumstances<'_>) -> Vec<&Arc<Manager>> {
        let mut members: Vec<_> = self.members.iter().collect();
        match self.strategy {
            Strategy::All | Strategy::InOrder => {}
            Strategy::RoundRobin => {
                let count = u64::try_from(members.len()).unwrap_or(1).max(1);
                let first = usize::try_from((now.rotation)(&self.id) % count).unwrap_or(0);
                members.rotate_left(first);
            }
            Strategy::Random => return draw(members, now.chance, |_| 1),
            Strategy::LeastRecent => {
                members.sort_by_cached_key(|manager| (now.last_taken)(&manager.id));
            }
            Strategy::Weighted => return draw(members, now.chance, |manager| manager.weight),
        }
        members
    }
}

/// Draws members one by one, each with the share that its weight has among those left.
fn draw(
    mut members: Vec<&Arc<Manager>>,
    chance: u64,
    weight: impl Fn(&Manager) -> u32,
) -> Vec<&Arc<Manager>> {
    let mut state = chance;
    let mut order = Vec::with_capacity(members.len());
    while !members.is_empty() {
        let total: u64 = members.iter().map(|m| u64::from(weight(m))).sum();
        let mut ticket = below(splitmix(&mut state), total);
        let drawn = members.iter().position(|manager| {
            let weight = u64::from(weight(manager));
            let hit = ticket < weight;
            ticket = ticket.saturating_sub(weight);
            hit
        });
        order.push(members.remove(drawn.unwrap_or(0)));
    }
    order
}

/// SplitMix64 (Steele, Lea, Flood 2014): spreads one 64-bit roll over as many draws as a group has members.
const fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn below(random: u64, bound: u64) -> u64 {
    u64::try_from((u128::from(random) * u128::from(bound)) >> 64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::decision::Dial;

    fn group(strategy: Strategy, members: &[(&str, u32)]) -> Group {
        let manager = |(id, weight): &(&str, u32)| {
            Arc::new(Manager {
                id: (*id).into(),
                label: (*id).into(),
                target: Target {
                    name: format!("manager:{id}").into(),
                    manager: Some((*id).into()),
                    dial: Dial::Extension((*id).into()),
                    trunk: "pbx".into(),
                    spare: Arc::default(),
                },
                weight: *weight,
            })
        };
        Group {
            id: "sales".into(),
            members: members.iter().map(manager).collect(),
            strategy,
            ring_s: None,
        }
    }

    const THREE: [(&str, u32); 3] = [("a", 1), ("b", 1), ("c", 1)];

    fn order(group: &Group, calls: u64, chance: u64) -> String {
        let members = group.order(&Circumstances {
            rotation: &|_| calls,
            last_taken: &|id| match id {
                "a" => Some(WallTime::from_millis(2_000)),
                "b" => None,
                _ => Some(WallTime::from_millis(1_000)),
            },
            chance,
        });
        members.iter().map(|manager| &*manager.id).collect()
    }

    #[test]
    fn all_and_in_order_keep_the_order_of_the_file() {
        for strategy in [Strategy::All, Strategy::InOrder] {
            assert_eq!(order(&group(strategy, &THREE), 7, 9), "abc");
        }
    }

    #[test]
    fn round_robin_begins_with_the_next_member_at_each_call() {
        let group = group(Strategy::RoundRobin, &THREE);
        let begun: Vec<_> = (0..4).map(|calls| order(&group, calls, 0)).collect();
        assert_eq!(begun, ["abc", "bca", "cab", "abc"]);
    }

    #[test]
    fn least_recent_begins_with_who_never_took_a_call() {
        assert_eq!(order(&group(Strategy::LeastRecent, &THREE), 0, 0), "bca");
    }

    #[test]
    fn random_gives_every_order_its_share_and_every_member_once() {
        let group = group(Strategy::Random, &THREE);
        let mut counts = std::collections::BTreeMap::new();
        for call in 0..6_000u64 {
            *counts
                .entry(order(&group, 0, splitmix(&mut { call })))
                .or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 6, "{counts:?}");
        assert!(
            counts.values().all(|count| (850..1150).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn a_heavier_member_is_first_by_its_share() {
        let group = group(Strategy::Weighted, &[("a", 1), ("b", 2), ("c", 1)]);
        let first = |call: u64| order(&group, 0, splitmix(&mut { call })).chars().next();
        let b = (0..4_000).filter(|call| first(*call) == Some('b')).count();
        assert!((1_850..2_150).contains(&b), "{b}");
    }

    #[test]
    fn the_same_roll_gives_the_same_order() {
        for strategy in [Strategy::Random, Strategy::Weighted] {
            let group = group(strategy, &THREE);
            assert_eq!(order(&group, 0, 42), order(&group, 5, 42));
        }
    }
}
