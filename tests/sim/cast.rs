//! Who takes part in a run, and what each means to do: drawn by chance of the seed.

use std::net::SocketAddr;
use std::time::Duration;

use ringtag::base::number::Number;
use ringtag::base::time::Moment;

use crate::phone::{Act, Habits, Phone};
use crate::text::uri;
use crate::world::{TCP_PBX, US, World};

impl World {
    pub(crate) fn at(&mut self, from: Moment, most_ms: u64) -> Moment {
        from + Duration::from_millis(self.chance.below(most_ms))
    }

    pub(crate) fn caller(&mut self, n: u8) -> Phone {
        let number = Number::e164(&format!("+7495000000{}", 1 + self.chance.below(7))).unwrap();
        let dial = self.at(Moment::from_millis(100), 30_000);
        let mut plan = vec![(dial, Act::Dial)];
        match self.chance.below(4) {
            // In the first moments everything crosses everything.
            0 => plan.push((self.at(dial, 3_000), Act::Cancel)),
            1 => plan.push((self.at(dial, 40_000), Act::Cancel)),
            _patient => {}
        }
        // In an early dialog, where there is one by then.
        for _ in 0..self.chance.below(3) {
            let with_sdp = self.chance.below(3) > 0;
            plan.push((self.at(dial, 12_000), Act::Update(with_sdp)));
        }
        self.while_talking(&mut plan, dial);
        let us = US.parse().unwrap();
        let tcp = self.chance.below(5) == 0;
        let habits = Habits::draw(&mut self.chance, tcp);
        let mut phone = Phone::caller(n, us, &number.to_string(), habits, plan);
        if self.chance.below(6) == 0 {
            phone.offers_late();
        }
        phone
    }

    pub(crate) fn while_talking(&mut self, plan: &mut Vec<(Moment, Act)>, from: Moment) {
        // Now and then long enough for sessions to be refreshed, and to be over.
        let most_ms = [60_000, 60_000, 150_000][usize::try_from(self.chance.below(3)).unwrap()];
        for _ in 0..self.chance.below(4) {
            let at = self.at(from, most_ms);
            let act = match self.chance.below(8) {
                0 | 1 => Act::Hold(true),
                2 => Act::Hold(false),
                3 => Act::AskOffer,
                4 | 5 => Act::Update(true),
                6 => Act::Update(false),
                _digit => Act::Digit,
            };
            plan.push((at, act));
        }
        let end = self.at(from, most_ms);
        plan.push((end, Act::HangUp));
        // Whoever missed that moment hangs up later.
        plan.push((from + Duration::from_secs(150), Act::HangUp));
        if self.chance.below(25) == 0 {
            plan.push((self.at(from, most_ms), Act::Die));
        }
    }

    /// Whoever an INVITE reaches: one phone, or several behind it.
    pub(crate) fn callees(&mut self, home: SocketAddr, invite: &str) -> Vec<usize> {
        let first = self.phones.len();
        let forks = match self.chance.below(6) {
            0 => 2 + self.chance.below(2),
            _single => 1,
        };
        for fork in 0..forks {
            let mut phone = self.callee(home, invite);
            phone.is_fork = fork > 0;
            self.phones.push(phone);
        }
        (first..self.phones.len()).collect()
    }

    fn callee(&mut self, home: SocketAddr, invite: &str) -> Phone {
        let now = self.now;
        let mut plan = Vec::new();
        let ring = self.at(now, 2_000);
        let answer = self.at(ring, 9_000);
        let early = self.chance.below(4) == 0;
        match self.chance.below(12) {
            0 => plan.push((now, Act::Die)),
            1 => plan.push((
                ring,
                Act::Say(
                    [486, 603, 404, 480, 503, 488, 302]
                        [usize::try_from(self.chance.below(7)).unwrap()],
                    false,
                ),
            )),
            2 => plan.push((ring, Act::Say(180, false))),
            3 => plan.push((ring, Act::Say(100, false))),
            4 => plan.extend([(ring, Act::Say(180, false)), (answer, Act::Say(486, false))]),
            5 => plan.extend([
                (ring, Act::Say(180, false)),
                (self.at(ring, 3_000), Act::Say(183, true)),
                (answer, Act::Answer),
            ]),
            6 => plan.push((ring, Act::Answer)),
            _answers => plan.extend([
                (ring, Act::Say(if early { 183 } else { 180 }, early)),
                (answer, Act::Answer),
            ]),
        }
        // No phone rings for ever: what it was told to stop may all have been lost.
        plan.push((now + Duration::from_secs(180), Act::Say(480, false)));
        if self.chance.below(4) == 0 {
            let with_sdp = self.chance.below(3) > 0;
            plan.push((self.at(ring, 9_000), Act::Update(with_sdp)));
        }
        if self.chance.below(5) == 0 {
            let extension = [101, 102, 103, 109][usize::try_from(self.chance.below(4)).unwrap()];
            let leaves = self.chance.below(3) == 0;
            plan.push((self.at(answer, 20_000), Act::Refer(extension, leaves)));
        }
        self.while_talking(&mut plan, answer);
        let n = self.phones.len();
        let tcp = home == TCP_PBX.parse().unwrap();
        let habits = Habits::draw(&mut self.chance, tcp);
        let mut phone = Phone::callee(n, invite, home, habits, plan);
        if self.chance.below(25) == 0 {
            phone.speaks_another_codec();
        }
        let line = format!("{} gets {}", phone.name, uri(invite));
        self.note(&line);
        phone
    }
}
