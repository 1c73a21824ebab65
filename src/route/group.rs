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
