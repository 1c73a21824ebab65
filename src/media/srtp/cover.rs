//! What protects one leg's packets from one description to the next: keys, nothing, or what did before.

use crate::media::srtp::guard::Guard;
use crate::media::srtp::refused::Refused;
use crate::sdp::Protection;

/// A leg's protection.
#[derive(Debug, Default)]
pub struct Cover {
    now: Now,
    /// Keys that plain sound has taken the place of: they may be agreed on again, and their count goes on then.
    parked: Option<Box<Guard>>,
}

/// What is in force.
#[derive(Debug, Default)]
enum Now {
    /// Nothing was said yet.
    #[default]
    Unsaid,
    /// Packets pass as they are.
    Plain,
    /// Plain ones are not believed, and no keys are agreed on.
    Barred,
    /// Packets are SRTP.
    Keys(Box<Guard>),
}

impl Cover {
    /// Takes a new description's word. `true`: from now on packets must prove themselves, which those before did not.
    pub fn aim(&mut self, protection: Protection) -> bool {
        let before = std::mem::take(&mut self.now);
        let mut anew = false;
        self.now = match (protection, before) {
            (Protection::Plain, Now::Keys(guard)) => {
                self.parked = Some(guard);
                Now::Plain
            }
            (Protection::Plain, Now::Unsaid | Now::Plain | Now::Barred) => Now::Plain,
            (Protection::Keys(secrets), Now::Keys(mut guard)) => {
                guard.take(&secrets);
                Now::Keys(guard)
            }
            (Protection::Keys(secrets), Now::Unsaid | Now::Plain | Now::Barred) => {
                anew = true;
                Now::Keys(match self.parked.take() {
                    Some(mut guard) => {
                        guard.take(&secrets);
                        guard
                    }
                    None => Box::new(Guard::new(&secrets)),
                })
            }
            (Protection::Kept, Now::Unsaid | Now::Barred) => Now::Barred,
            (Protection::Kept, kept @ (Now::Plain | Now::Keys(_))) => kept,
        };
        anew
    }

    /// Opens what came, where it is to be SRTP, and returns its length.
    ///
    /// # Errors
    /// Why it must not be believed.
    pub fn open(&mut self, packet: &mut [u8], is_rtcp: bool) -> Result<usize, Refused> {
        match &mut self.now {
            Now::Unsaid | Now::Plain => Ok(packet.len()),
            Now::Barred => Err(Refused::Forged),
            Now::Keys(guard) => guard.open(packet, is_rtcp),
        }
    }

    /// Closes the first `length` bytes of `room`, which go out, where they are to be SRTP, and returns their new length.
    ///
    /// # Errors
    /// Why they must not be sent.
    pub fn close(
        &mut self,
        room: &mut [u8],
        length: usize,
        is_rtcp: bool,
    ) -> Result<usize, Refused> {
        match &mut self.now {
            Now::Unsaid | Now::Plain => Ok(length),
            Now::Barred => Err(Refused::Spent),
            Now::Keys(guard) => guard.close(room, length, is_rtcp),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::media::srtp::{ROOM, Receiver, Sender};
    use crate::sdp::keys::MASTER_BYTES_MAX;
    use crate::sdp::{Key, Secrets, Suite};

    fn key(seed: u8) -> Key {
        Key::new(Suite::Aes128Sha1Tag80, &[seed; MASTER_BYTES_MAX])
    }

    fn keys(ours: u8, theirs: u8) -> Protection {
        Protection::Keys(Box::new(Secrets {
            ours: key(ours),
            theirs: key(theirs),
        }))
    }

    fn sound(sequence: u16) -> Vec<u8> {
        let [high, low] = sequence.to_be_bytes();
        let mut packet = vec![0x80, 8, high, low, 0, 0, 0, 0, 0, 0, 0, 9];
        packet.extend([5; 20]);
        packet
    }

    const REPORT: [u8; 12] = [0x81, 201, 0, 2, 0, 0, 0, 9, 1, 2, 3, 4];

    /// A packet of a leg to its peer.
    fn close(cover: &mut Cover, packet: &[u8], is_rtcp: bool) -> Result<Vec<u8>, Refused> {
        let mut room = [packet, &[0; ROOM]].concat();
        let length = cover.close(&mut room, packet.len(), is_rtcp)?;
        room.truncate(length);
        Ok(room)
    }

    fn seal(sender: &mut Sender, packet: &[u8]) -> Vec<u8> {
        let mut room = [packet, &[0; ROOM]].concat();
        let length = sender.protect(&mut room, packet.len()).unwrap();
        room.truncate(length);
        room
    }

    fn open(cover: &mut Cover, packet: &[u8]) -> Result<usize, Refused> {
        cover.open(&mut packet.to_vec(), false)
    }

    /// The index of a report, which is written behind it.
    fn index(cover: &mut Cover) -> u32 {
        let report = close(cover, &REPORT, true).unwrap();
        let (_, rest) = report.split_at(REPORT.len());
        u32::from_be_bytes(*rest.first_chunk().unwrap()) & !(1 << 31)
    }

    #[test]
    fn while_the_sound_is_disabled_keys_stay_in_force_and_nothing_plain_is_believed() {
        let mut cover = Cover::default();
        assert!(cover.aim(keys(1, 2)));
        let mut peer = Sender::new(&key(2)).unwrap();
        let first = seal(&mut peer, &sound(1));
        assert!(open(&mut cover, &first).is_ok());
        assert_eq!(index(&mut cover), 0);
        assert!(!cover.aim(Protection::Kept));
        assert_eq!(open(&mut cover, &sound(2)), Err(Refused::Forged));
        assert_eq!(open(&mut cover, &first), Err(Refused::Replayed));
        assert!(open(&mut cover, &seal(&mut peer, &sound(2))).is_ok());
        assert!(!cover.aim(keys(1, 2)));
        assert_eq!(open(&mut cover, &first), Err(Refused::Replayed));
        assert_eq!(index(&mut cover), 1);
    }

    #[test]
    fn what_begins_disabled_bars_plain_sound_unless_it_is_agreed_on() {
        let mut cover = Cover::default();
        assert!(!cover.aim(Protection::Kept));
        assert_eq!(open(&mut cover, &sound(1)), Err(Refused::Forged));
        assert!(close(&mut cover, &sound(1), false).is_err());
        cover.aim(Protection::Plain);
        assert!(open(&mut cover, &sound(1)).is_ok());
        cover.aim(Protection::Kept);
        assert!(open(&mut cover, &sound(2)).is_ok());
        assert!(cover.aim(keys(1, 2)));
        assert_eq!(open(&mut cover, &sound(3)), Err(Refused::Forged));
    }

    #[test]
    fn keys_that_plain_sound_has_replaced_go_on_where_they_were() {
        let mut cover = Cover::default();
        cover.aim(keys(1, 2));
        let first = seal(&mut Sender::new(&key(2)).unwrap(), &sound(1));
        assert!(open(&mut cover, &first).is_ok());
        assert_eq!(index(&mut cover), 0);
        assert!(!cover.aim(Protection::Plain));
        assert_eq!(close(&mut cover, &sound(7), false), Ok(sound(7)));
        assert!(cover.aim(keys(1, 2)), "what came in between proved nothing");
        assert_eq!(index(&mut cover), 1);
        assert_eq!(open(&mut cover, &first), Err(Refused::Replayed));
    }

    #[test]
    fn the_keys_of_early_dialogs_come_and_go_and_no_index_comes_twice() {
        let mut cover = Cover::default();
        cover.aim(keys(1, 9));
        assert_eq!((index(&mut cover), index(&mut cover)), (0, 1));
        cover.aim(keys(2, 9));
        assert_eq!(index(&mut cover), 0);
        cover.aim(keys(1, 9));
        assert_eq!(index(&mut cover), 2);
    }

    /// What happens to a leg.
    #[derive(Clone, Debug)]
    enum Step {
        Aim(Protection),
        Sends(u16),
        Reports,
        Hears,
        Again(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            2 => (0u8..3, 0u8..3).prop_map(|(ours, theirs)| Step::Aim(keys(ours, 100 + theirs))),
            1 => (0u8..40, 0u8..40).prop_map(|(ours, theirs)| Step::Aim(keys(ours, 100 + theirs))),
            1 => Just(Step::Aim(Protection::Plain)),
            1 => Just(Step::Aim(Protection::Kept)),
            3 => prop_oneof![any::<u16>(), 0u16..9].prop_map(Step::Sends),
            3 => Just(Step::Reports),
            3 => Just(Step::Hears),
            2 => any::<usize>().prop_map(Step::Again),
        ];
        proptest::collection::vec(step, 0..200)
    }

    proptest! {
        #[test]
        fn whatever_is_agreed_on_no_index_of_a_key_goes_out_twice_and_nothing_is_believed_twice(steps in steps()) {
            let mut cover = Cover::default();
            // Peers that forget nothing: what is taken there went out for the first time.
            let mut takers = BTreeMap::new();
            let mut senders = BTreeMap::new();
            let mut heard = Vec::new();
            let mut now: Option<(u8, u8)> = None;
            let mut sequence = 0;
            for step in steps {
                match step {
                    Step::Aim(protection) => {
                        match &protection {
                            Protection::Keys(secrets) => {
                                now = Some((secrets.ours.salt()[0], secrets.theirs.salt()[0]));
                            }
                            Protection::Plain => now = None,
                            Protection::Kept => {}
                        }
                        cover.aim(protection);
                    }
                    Step::Sends(number) => {
                        if let (Some((ours, _)), Ok(mut sent)) = (now, close(&mut cover, &sound(number), false)) {
                            let taker = takers.entry(ours).or_insert_with(|| Receiver::new(&key(ours)).unwrap());
                            prop_assert!(taker.unprotect(&mut sent).is_ok());
                        }
                    }
                    Step::Reports => {
                        if let (Some((ours, _)), Ok(mut sent)) = (now, close(&mut cover, &REPORT, true)) {
                            let taker = takers.entry(ours).or_insert_with(|| Receiver::new(&key(ours)).unwrap());
                            prop_assert!(taker.unprotect_rtcp(&mut sent).is_ok());
                        }
                    }
                    Step::Hears => {
                        if let Some((_, theirs)) = now {
                            prop_assert!(open(&mut cover, &sound(sequence)).is_err(), "plain");
                            let sender = senders.entry(theirs).or_insert_with(|| Sender::new(&key(theirs)).unwrap());
                            sequence += 1;
                            let packet = seal(sender, &sound(sequence));
                            if open(&mut cover, &packet).is_ok() {
                                heard.push(packet);
                            }
                        }
                    }
                    Step::Again(which) => {
                        if now.is_some() && !heard.is_empty() {
                            prop_assert!(open(&mut cover, &heard[which % heard.len()]).is_err());
                        }
                    }
                }
            }
        }
    }
}
