//! What is at work under the keys of one direction, those that were left included.
//!
//! Keys come back: a caller hears one early dialog of a target, then another, then the first one answers, each with a key of
//! its own. A count that began anew under a key would repeat (RFC 3711 9.1), a memory of what came would let it be played
//! again. So both are kept beside the key, and a key whose count is given up is never used again.

use std::collections::VecDeque;

use crate::sdp::Key;

/// Keys that may come back: twice the early dialogs that one target is heard in.
const LEFT_MAX: usize = 16;

/// Keys that may not: as many as a telephone names that takes another one every minute for half a day.
const SPENT_MAX: usize = 1_000;

/// Keys and what each counts.
#[derive(Debug)]
pub(in crate::media::srtp) struct Keyring<T> {
    /// `None`: no packet passes.
    now: Option<(Key, T)>,
    /// The one left last comes first.
    left: VecDeque<(Key, T)>,
    spent: Vec<Key>,
}

impl<T> Default for Keyring<T> {
    fn default() -> Self {
        Self {
            now: None,
            left: VecDeque::new(),
            spent: Vec::new(),
        }
    }
}

impl<T> Keyring<T> {
    /// Goes on under `key`: where it was left, or as `make` begins it. Where neither can be, nothing passes.
    pub(in crate::media::srtp) fn take(&mut self, key: &Key, make: fn(&Key) -> Option<T>) {
        if self.now.as_ref().is_some_and(|(now, _)| now == key) {
            return;
        }
        if let Some(left) = self.now.take() {
            self.left.push_front(left);
        }
        let known = self.left.iter().position(|(left, _)| left == key);
        self.now = match known {
            Some(at) => self.left.remove(at),
            // What was spent without a note could be taken again.
            None if self.spent.len() >= SPENT_MAX || self.spent.contains(key) => None,
            None => make(key).map(|made| (key.clone(), made)),
        };
        while self.left.len() > LEFT_MAX
            && let Some((key, _)) = self.left.pop_back()
        {
            self.spent.push(key);
        }
    }

    /// What counts under the key that is in use.
    pub(in crate::media::srtp) fn now(&mut self) -> Option<&mut T> {
        self.now.as_mut().map(|(_, counts)| counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::Suite;
    use crate::sdp::keys::MASTER_BYTES_MAX;

    fn key(number: u16) -> Key {
        let mut chance = [0; MASTER_BYTES_MAX];
        chance[..2].copy_from_slice(&number.to_be_bytes());
        Key::new(Suite::Aes128Sha1Tag80, &chance)
    }

    fn take(ring: &mut Keyring<u32>, number: u16) -> Option<u32> {
        ring.take(&key(number), |_| Some(0));
        ring.now().map(|count| {
            *count += 1;
            *count
        })
    }

    #[test]
    fn a_key_that_comes_back_goes_on_where_it_was_left() {
        let mut ring = Keyring::default();
        for (number, count) in [(1, 1), (1, 2), (2, 1), (1, 3), (3, 1), (2, 2), (1, 4)] {
            assert_eq!(take(&mut ring, number), Some(count), "{number}");
        }
    }

    #[test]
    fn a_key_whose_count_was_given_up_is_used_no_more() {
        let mut ring = Keyring::default();
        for number in 0..20 {
            assert_eq!(take(&mut ring, number), Some(1));
        }
        assert_eq!(take(&mut ring, 2), None);
        assert_eq!(take(&mut ring, 19), Some(2));
        assert_eq!(take(&mut ring, 5), Some(2));
        assert_eq!(take(&mut ring, 20), Some(1));
    }

    #[test]
    fn the_keys_of_one_leg_come_to_an_end() {
        let mut ring = Keyring::default();
        for number in 0..3_000 {
            let _end = take(&mut ring, number);
        }
        assert_eq!(take(&mut ring, 3_000), None);
        assert_eq!(take(&mut ring, 0), None);
        assert!(ring.left.len() <= LEFT_MAX && ring.spent.len() <= SPENT_MAX + 1);
        let last = u16::try_from(LEFT_MAX + SPENT_MAX).unwrap();
        assert_eq!(take(&mut ring, last), Some(2));
    }
}
