//! Legs that take one another's place in their worker.

use super::*;

on_each_driver! {
    whoever_takes_the_place_of_a_leg_hears_nothing_of_its_sound
    a_flooded_leg_that_is_closed_leaves_nothing_to_the_next
}

/// What came to the new leg that nobody sent there.
fn strange(rig: &mut Rig, phone: &Phone, said: u64) -> u64 {
    let counted = rig.close(phone.leg).1;
    counted.packets_in + counted.refused + counted.malformed - said
}

fn whoever_takes_the_place_of_a_leg_hears_nothing_of_its_sound(engine: Chosen) {
    let mut rig = Rig::new(engine);
    for round in 1..=40 {
        // Any port of the host may send: whatever is taken for the new leg's would be believed.
        let (caller, callee) = rig.call(2 * round, SoundFrom::Ip);
        for sequence in 0..40 {
            caller.say(&sound(sequence));
            callee.say(&sound(sequence));
        }
        // Closed while it is full of what was said, and the place taken at once.
        rig.pool.close(caller.leg, rig.clock.now());
        rig.pool.close(callee.leg, rig.clock.now());
        let (next, other) = rig.call(2 * round + 1, SoundFrom::Ip);
        other.only_hears_from(&next, 100);
        next.only_hears_from(&other, 101);
        assert_eq!(strange(&mut rig, &next, 1), 0, "round {round}");
        assert_eq!(strange(&mut rig, &other, 1), 0, "round {round}");
    }
    assert_eq!(rig.pool.legs(), 0);
}

fn a_flooded_leg_that_is_closed_leaves_nothing_to_the_next(engine: Chosen) {
    let mut rig = Rig::new(engine);
    for round in 1..=10 {
        let (caller, callee) = rig.call(2 * round, SoundFrom::Ip);
        // More than a socket may bring at once: it is left alone for a moment, in which it is closed.
        for sequence in 0..500 {
            caller.say(&sound(sequence));
        }
        rig.pool.close(caller.leg, rig.clock.now());
        rig.pool.close(callee.leg, rig.clock.now());
        let (next, other) = rig.call(2 * round + 1, SoundFrom::Ip);
        for sequence in 1..20 {
            other.only_hears_from(&next, sequence);
        }
        assert_eq!(strange(&mut rig, &next, 19), 0, "round {round}");
        rig.close(other.leg);
    }
}
