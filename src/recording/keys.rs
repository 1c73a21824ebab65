//! Codes on the keys of the one who answered: `*1` pauses the recording, `*2` has it go on, whatever the configuration says.
//! Only keys that are sent as RFC 4733 events are seen. Knows no file.

use std::sync::Arc;
use std::time::Duration;

use crate::base::time::Moment;
use crate::media::dtmf::Digits;
use crate::media::rtp::Head;
use crate::media::tap::Tapped;
use crate::sdp::Codec;

/// A code is pressed in one go: keys further apart than this are of two.
const BETWEEN: Duration = Duration::from_secs(3);
/// Keys that are remembered: the longest code.
pub const CODE_MAX: usize = 8;
/// What SDP calls RFC 4733 events.
const TELEPHONE_EVENT: &str = "TELEPHONE-EVENT";

/// `pause_digits` and `resume_digits`. Where both are the same, the code pauses and goes on in turns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codes {
    /// Pauses.
    pub pause: Option<Box<str>>,
    /// Goes on.
    pub resume: Option<Box<str>>,
}

/// What a code asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To pause.
    Pause,
    /// To go on.
    Resume,
}

/// The keys of the one who answered.
#[derive(Debug)]
pub struct Keys {
    codes: Codes,
    /// Whether they are those of somebody who may pause.
    heeded: bool,
    /// A bit for each payload type that carries keys.
    events: u128,
    digits: Digits,
    pressed: String,
    last: Moment,
}

impl Keys {
    /// Begins to listen; `None` where no code is configured. `codecs` says what the side's payload types mean.
    pub fn new(codes: &Codes, codecs: &[Codec]) -> Option<Self> {
        (codes.pause.is_some() || codes.resume.is_some()).then(|| Self {
            codes: codes.clone(),
            heeded: true,
            events: events(codecs),
            digits: Digits::default(),
            pressed: String::new(),
            last: Moment::START,
        })
    }

    /// Takes what the side's payload types mean from now on.
    pub fn set_codecs(&mut self, codecs: &Arc<[Codec]>) {
        self.events = events(codecs);
    }

    /// Another party presses from now on, whose keys are heeded or not.
    pub fn turn(&mut self, heeded: bool, codecs: &Arc<[Codec]>) {
        self.heeded = heeded;
        self.pressed.clear();
        self.set_codecs(codecs);
    }

    /// Looks at a packet. `paused` says whether the recording pauses now.
    pub fn packet(&mut self, tapped: &Tapped, payload: &[u8], paused: bool) -> Option<Asked> {
        let is_key = 1_u128.checked_shl(tapped.payload_type.into());
        if !self.heeded || is_key.is_none_or(|bit| self.events & bit == 0) {
            return None;
        }
        let head = Head {
            marker: tapped.marker,
            payload_type: tapped.payload_type,
            sequence: tapped.sequence,
            timestamp: tapped.timestamp,
            ssrc: tapped.ssrc,
        };
        let key = self.digits.packet(&head, payload, tapped.arrival)?;
        if tapped.arrival - self.last > BETWEEN {
            self.pressed.clear();
        }
        self.last = tapped.arrival;
        if self.pressed.len() >= CODE_MAX {
            self.pressed.remove(0);
        }
        self.pressed.push(key);
        let is = |code: &Option<Box<str>>| {
            code.as_ref()
                .is_some_and(|code| self.pressed.ends_with(&**code))
        };
        let asked = match (is(&self.codes.pause), is(&self.codes.resume)) {
            (true, true) if paused => Asked::Resume,
            (true, _) => Asked::Pause,
            (false, true) => Asked::Resume,
            (false, false) => return None,
        };
        self.pressed.clear();
        Some(asked)
    }
}

fn events(codecs: &[Codec]) -> u128 {
    let keys = codecs
        .iter()
        .filter(|codec| &*codec.name == TELEPHONE_EVENT);
    let bits = keys.filter_map(|codec| 1_u128.checked_shl(codec.payload_type.into()));
    bits.fold(0, |all, bit| all | bit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::Side;
    use crate::media::tap::TapId;

    /// A telephone that presses keys, each for 100 ms, and the packets of each.
    struct Phone {
        keys: Keys,
        timestamp: u32,
        paused: bool,
    }

    impl Phone {
        fn new(pause: &str, resume: &str) -> Self {
            let code = |code: &str| (!code.is_empty()).then(|| code.into());
            let codes = Codes {
                pause: code(pause),
                resume: code(resume),
            };
            let event = Codec {
                payload_type: 101,
                name: "TELEPHONE-EVENT".into(),
                clock_hz: 8_000,
                channels: 1,
            };
            Self {
                keys: Keys::new(&codes, &[event]).unwrap(),
                timestamp: 0,
                paused: false,
            }
        }

        fn press(&mut self, key: char, at_ms: u64) -> Option<Asked> {
            self.timestamp += 8_000;
            let place = "0123456789*#".find(key);
            let code = place.and_then(|place| u8::try_from(place).ok())?;
            let mut asked = None;
            for (n, end) in [0, 0, 0x80, 0x80, 0x80].into_iter().enumerate() {
                let tapped = Tapped {
                    tap: TapId(1),
                    side: Side::Callee,
                    payload_type: 101,
                    marker: n == 0,
                    sequence: 0,
                    timestamp: self.timestamp,
                    ssrc: 1,
                    arrival: Moment::from_millis(at_ms),
                    length: 4,
                };
                let said = self.keys.packet(&tapped, &[code, end, 0, 160], self.paused);
                asked = asked.or(said);
            }
            asked
        }
    }

    #[test]
    fn a_code_is_taken_once_when_its_last_key_goes_down() {
        let mut phone = Phone::new("*1", "*2");
        assert_eq!(phone.press('*', 0), None);
        assert_eq!(phone.press('1', 500), Some(Asked::Pause));
        assert_eq!(phone.press('1', 900), None);
        assert_eq!(phone.press('*', 1_200), None);
        assert_eq!(phone.press('*', 1_400), None);
        assert_eq!(phone.press('2', 1_600), Some(Asked::Resume));
    }

    #[test]
    fn keys_far_apart_and_keys_of_a_menu_are_no_code() {
        let mut phone = Phone::new("*1", "*2");
        assert_eq!(phone.press('*', 0), None);
        assert_eq!(phone.press('1', 3_001), None);
        for (n, key) in "4711#0*".chars().enumerate() {
            assert_eq!(phone.press(key, 4_000 + n as u64 * 300), None);
        }
        assert_eq!(phone.press('1', 6_500), Some(Asked::Pause));
    }

    #[test]
    fn one_code_for_both_goes_back_and_forth() {
        let mut phone = Phone::new("**", "**");
        assert_eq!(
            (phone.press('*', 0), phone.press('*', 200)),
            (None, Some(Asked::Pause))
        );
        phone.paused = true;
        assert_eq!(
            (phone.press('*', 900), phone.press('*', 1_100)),
            (None, Some(Asked::Resume))
        );
    }

    #[test]
    fn sound_is_no_key_and_without_codes_nothing_is_looked_at() {
        assert!(Keys::new(&Codes::default(), &[]).is_none());
        let mut phone = Phone::new("*1", "");
        let sound = Tapped {
            tap: TapId(1),
            side: Side::Callee,
            payload_type: 0,
            marker: false,
            sequence: 0,
            timestamp: 0,
            ssrc: 1,
            arrival: Moment::START,
            length: 4,
        };
        assert_eq!(phone.keys.packet(&sound, &[10, 0, 0, 160], false), None);
        assert_eq!(phone.keys.packet(&sound, &[1, 0, 0, 160], false), None);
    }

    #[test]
    fn whom_a_caller_was_sent_on_to_pauses_nothing_unless_it_is_of_the_house() {
        let event: Arc<[Codec]> = [Codec {
            payload_type: 101,
            name: TELEPHONE_EVENT.into(),
            clock_hz: 8_000,
            channels: 1,
        }]
        .into();
        let mut phone = Phone::new("*1", "*2");
        assert_eq!(phone.press('*', 0), None);
        phone.keys.turn(false, &event);
        assert_eq!(phone.press('1', 100), None);
        // Nor after it said anew what it sends.
        phone.keys.set_codecs(&event);
        assert_eq!(phone.press('*', 200), None);
        assert_eq!(phone.press('1', 300), None);
        phone.keys.turn(true, &event);
        assert_eq!(phone.press('1', 400), None, "the star was another's");
        assert_eq!(phone.press('*', 500), None);
        assert_eq!(phone.press('1', 600), Some(Asked::Pause));
    }
}
