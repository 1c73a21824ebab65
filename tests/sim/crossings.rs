//! What takes two phones that know of each other: calls that are joined, taken over or picked up by Replaces (RFC 3891).

use ringtag::base::time::Moment;

use crate::phone::{Act, Habits, Phone};
use crate::world::{TCP_PBX, World};

/// What is tried at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Crossing {
    /// A phone sends its caller to whom another phone of its trunk talks with.
    Join,
    /// A new phone takes the place of another of its trunk, whatever that is doing.
    Replace,
}

impl World {
    /// Draws what is tried, and when.
    pub(crate) fn plan_crossings(&mut self) {
        for _ in 0..self.chance.below(8) {
            let what = match self.chance.below(5) {
                0 | 1 => Crossing::Replace,
                _usual => Crossing::Join,
            };
            let at = self.at(Moment::from_millis(2_000), 70_000);
            self.crossings.push((at, what));
        }
    }

    pub(crate) fn cross(&mut self, what: Crossing) {
        match what {
            Crossing::Join => self.join(),
            Crossing::Replace => self.replace(),
        }
    }

    /// One of these, if there is any.
    fn one_of(&mut self, which: impl Fn(&Phone) -> bool) -> Option<usize> {
        let found: Vec<usize> = (0..self.phones.len())
            .filter(|at| which(&self.phones[*at]))
            .collect();
        let among = u64::try_from(found.len()).unwrap();
        (among > 0).then(|| found[usize::try_from(self.chance.below(among)).unwrap()])
    }

    fn join(&mut self) {
        let Some(by) = self.one_of(|phone| phone.is_office() && phone.is_up()) else {
            return;
        };
        let (home, call_id) = (self.phones[by].address, self.phones[by].call_id.clone());
        let other = self.one_of(|phone| {
            phone.address == home && phone.is_office() && phone.is_up() && phone.call_id != call_id
        });
        let Some(other) = other else { return };
        let named = self.phones[other].replaces();
        let leaves = self.chance.below(3) == 0;
        let now = self.now;
        let line = format!(
            "{} is told to join {}",
            self.phones[by].name, self.phones[other].name
        );
        self.note(&line);
        self.phones[by].refer_to_party_of(now, &named, leaves);
        self.flush(by);
        // Some hang up both at once.
        if self.chance.below(4) == 0 {
            let at = self.at(now, 400);
            self.phones[other].will(at, Act::HangUp);
        }
    }

    fn replace(&mut self) {
        let Some(of) = self.one_of(|phone| phone.is_office() && phone.is_left()) else {
            return;
        };
        let (home, named) = (self.phones[of].address, self.phones[of].replaces());
        let now = self.now;
        let tcp = home == TCP_PBX.parse().unwrap();
        let mut plan = vec![(now, Act::Dial)];
        if self.chance.below(4) == 0 {
            plan.push((self.at(now, 2_000), Act::Cancel));
        }
        self.while_talking(&mut plan, now);
        let habits = Habits::draw(&mut self.chance, tcp);
        let early_only = self.chance.below(4) == 0;
        let mut phone = Phone::picker(self.phones.len(), home, habits, plan);
        phone.replaces = Some(match early_only {
            true => format!("{named};early-only"),
            false => named,
        });
        let line = format!("{} goes for {}", phone.name, self.phones[of].name);
        self.note(&line);
        self.phones.push(phone);
    }
}
