//! Trials of the ring: its bounds, who is behind it, and what an erasure takes along.

use super::*;
use crate::people::Projects;

fn event(n: u64, bytes: usize) -> Event {
    Event {
        n,
        project: "shop".into(),
        full: Bytes::from(n.to_string()),
        masked: Bytes::from(vec![b'x'; bytes]),
    }
}

fn who() -> Who {
    Who::this_machine()
}

fn numbers(heard: &Heard) -> Option<Vec<u64>> {
    match heard {
        Heard::All { texts, .. } => {
            let number = |text: &Bytes| std::str::from_utf8(text).unwrap().parse().unwrap();
            Some(texts.iter().map(number).collect())
        }
        Heard::TooMuch { .. } | Heard::Over => None,
    }
}

#[test]
fn the_ring_is_bounded_in_events_and_bytes_and_says_who_is_behind_it() {
    let mut ring = Ring::default();
    ring.begin_anew(10);
    for n in (12..).step_by(2).take(EVENTS_MAX) {
        ring.push(event(n, 1));
        ring.end = n;
    }
    assert_eq!(ring.floor, 10);
    assert_eq!(
        numbers(&ring.after(10, &who())).map(|all| all.len()),
        Some(EVENTS_MAX)
    );
    let newest = ring.end;
    assert_eq!(numbers(&ring.after(newest - 1, &who())), Some(vec![newest]));
    assert_eq!(numbers(&ring.after(newest, &who())), Some(Vec::new()));
    ring.push(event(newest + 2, 1));
    assert_eq!(ring.floor, 12);
    assert!(matches!(ring.after(11, &who()), Heard::TooMuch { .. }));
    assert!(numbers(&ring.after(12, &who())).is_some());
    ring.push(event(newest + 4, BYTES_MAX - 50));
    assert!((2..20).contains(&ring.events.len()));
    ring.push(event(newest + 6, BYTES_MAX + 1));
    assert_eq!((ring.events.len(), ring.bytes), (0, 0));
    assert!(matches!(
        ring.after(newest + 5, &who()),
        Heard::TooMuch { .. }
    ));
    ring.is_closed = true;
    assert!(matches!(ring.after(newest + 6, &who()), Heard::Over));
}

#[test]
fn an_erasure_and_the_last_who_leaves_take_everything_along() {
    let mut ring = Ring::default();
    ring.begin_anew(10);
    ring.push(event(11, 1));
    ring.end = 11;
    let life = ring.life;
    ring.heed(0);
    assert_eq!(numbers(&ring.after(10, &who())), Some(vec![11]));
    ring.heed(12);
    assert_ne!(ring.life, life);
    assert!(matches!(ring.after(11, &who()), Heard::TooMuch { end: 12 }));
    assert_eq!(numbers(&ring.after(12, &who())), Some(Vec::new()));
    ring.enter(&"anna".into());
    ring.enter(&"boris".into());
    ring.push(event(13, 1));
    ring.leave("anna");
    assert_eq!(ring.events.len(), 1);
    ring.leave("boris");
    assert!(ring.names.is_empty());
    assert_eq!((ring.events.len(), ring.bytes), (0, 0));
}

#[test]
fn whoever_is_too_far_behind_begins_anew_and_what_is_heard_is_not_copied() {
    let mut ring = Ring::default();
    ring.begin_anew(10);
    let part = Bytes::from(vec![b'x'; BEHIND_MAX / 4]);
    for n in 11..=15 {
        ring.push(Event {
            n,
            project: "shop".into(),
            full: part.clone(),
            masked: Bytes::new(),
        });
        ring.end = n;
    }
    assert!(matches!(ring.after(10, &who()), Heard::TooMuch { end: 15 }));
    let Heard::All { texts, end } = ring.after(11, &who()) else {
        panic!("four parts are not too much");
    };
    assert_eq!((texts.len(), end), (4, 15));
    assert!(texts.iter().all(|text| text.as_ptr() == part.as_ptr()));
    // What is none of theirs puts nobody behind.
    let mut other = who();
    other.projects = Projects::These(["clinic".into()].into());
    assert!(matches!(ring.after(10, &other), Heard::All { texts, .. } if texts.is_empty()));
}

#[test]
fn one_name_leaves_room_for_others() {
    let mut ring = Ring::default();
    let anna: Arc<str> = "anna".into();
    for _ in 0..OWN_MAX {
        assert_eq!(ring.room_for(&anna), Ok(()));
        ring.enter(&anna);
    }
    assert_eq!(ring.room_for(&anna), Err(Crowd::Own));
    assert_eq!(ring.room_for("boris"), Ok(()));
    ring.leave(&anna);
    assert_eq!(ring.room_for(&anna), Ok(()));
    ring.listeners = LISTENERS_MAX;
    assert_eq!(ring.room_for("boris"), Err(Crowd::House));
}
