//! Trials of the orders to the recorder: none is lost, and who left owes nothing.

use crossbeam_channel::Receiver;

use super::*;
use crate::base::chance::Chance;
use crate::base::clock::Clock;
use crate::media::choice::Chosen;
use crate::media::settings::Engine;

/// Sound on one worker, with ten ports from `port_min` on and room for so many orders to the recorder.
pub(super) fn sound(port_min: u16, orders: usize) -> (Sound, Receiver<Command>) {
    let settings = crate::media::settings::Settings {
        bind: None,
        advertise: None,
        port_min,
        port_max: port_min + 10,
        silence: Duration::from_secs(60),
        workers: 1,
        engine: Engine::Auto,
        taps: true,
    };
    // Nobody reads the ring: no packet comes.
    let (pool, _readers) =
        Pool::start(&settings, Chosen::Epoll, Clock::start(), 1, Arc::new(|| ())).unwrap();
    let (recorder, orders) = crossbeam_channel::bounded(orders);
    let sound = Sound::new(&settings, pool, recorder, 1, Arc::new(Gauges::default()));
    (sound, orders)
}

#[test]
fn a_recording_for_which_the_recorder_has_no_room_is_reported_and_no_order_of_another_is_lost() {
    let (mut sound, orders) = sound(20_000, 1);
    let wall = WallTime::from_millis(1_795_253_400_125);
    let mut chance = Chance::from_number(1);
    let [first, second] = [(); 2].map(|()| CallId::new(wall, &mut chance));
    let at = Moment::from_millis;

    sound.record(first, wall, at(0), LegId(1), LegId(2));
    sound.record(second, wall, at(1_000), LegId(3), LegId(4));
    sound.stop(first, at(5_000));
    assert!(sound.is_behind());
    sound.stop(second, at(4_000));

    let outcome = sound.next_unrecorded().unwrap();
    assert_eq!(outcome.call, second);
    assert_eq!(outcome.state, State::Truncated);
    let gap = &outcome.gaps[1];
    assert_eq!((gap.side, gap.length_ms), (Side::Callee, 3_000));
    assert_eq!(gap.why, "recorder behind");
    assert_eq!(sound.next_unrecorded(), None);
    assert!(matches!(orders.try_recv(), Ok(Command::Start { call, .. }) if call == first));
    sound.flush(at(5_000));
    assert!(matches!(
        orders.try_recv(),
        Ok(Command::Stop { tap: TapId(0), .. })
    ));
    assert!(!sound.is_behind());
    drop(orders);
    sound.record(first, wall, at(6_000), LegId(1), LegId(2));
    sound.shut_down(at(7_000));
    assert_eq!(
        sound.next_unrecorded().unwrap().gaps[0].why,
        "recorder gone"
    );
}

#[test]
fn another_party_is_recorded_under_a_name_of_its_own_and_who_left_owes_nothing() {
    let (mut sound, orders) = sound(21_000, 100);
    let wall = WallTime::from_millis(1_795_253_400_125);
    let call = CallId::new(wall, &mut Chance::from_number(1));
    let at = Moment::from_millis;
    for leg in 1..=3 {
        sound.legs.insert(LegId(leg), Leg::default());
    }
    sound.record(call, wall, at(0), LegId(1), LegId(2));
    assert!(matches!(
        orders.try_recv(),
        Ok(Command::Start { tap: TapId(0), .. })
    ));
    // The first callee hangs up, and the other is there two seconds later.
    let mut ways = Ways::new(Clock::start(), 1);
    sound.perform(at(5_000), &mut ways, MediaWish::Close { leg: LegId(2) });
    assert!(matches!(
        orders.try_recv(),
        Ok(Command::Sends {
            tap: TapId(0),
            side: Side::Callee,
            sends: false,
            ..
        })
    ));
    sound.turn(call, at(7_000), (LegId(3), false));
    assert!(matches!(
        orders.try_recv(),
        Ok(Command::Turn {
            tap: TapId(0),
            next: TapId(1),
            ours: false,
            sends: true,
            ..
        })
    ));
    // What is told of either side now is told under the new name.
    for leg in [LegId(1), LegId(3)] {
        sound.perform(at(8_000), &mut ways, MediaWish::Anew { leg });
        assert!(matches!(
            orders.try_recv(),
            Ok(Command::Anew { tap: TapId(1), .. })
        ));
    }
    sound.stop(call, at(9_000));
    assert!(matches!(
        orders.try_recv(),
        Ok(Command::Stop { tap: TapId(0), .. })
    ));
}
