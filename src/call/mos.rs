//! How good the sound of a leg was, as an estimate: the E-model of ITU-T G.107 with its defaults, from what was counted.
//!
//! It knows loss, delay and codec and nothing of echo, noise or microphones: a comparison between legs, no judgement of one.

/// R of a connection without any impairment but those of the narrow band (G.107: the default, with A = 0).
const R_BEST: f64 = 93.2;

/// Packets below which nothing is said: two seconds of sound.
const PACKETS_MIN: u64 = 100;

/// Sound in a packet, and what a receiver holds back beyond the jitter.
const PACKET_MS: f64 = 20.0;

/// What was counted of the sound that came from a leg's peer.
#[derive(Clone, Copy, Debug)]
pub(in crate::call) struct Counted {
    pub(in crate::call) packets: u64,
    pub(in crate::call) lost: u64,
    pub(in crate::call) jitter_ms: f32,
    /// There and back; where nobody measured it, nothing is taken off for it.
    pub(in crate::call) rtt_ms: Option<f32>,
}

/// A mean opinion from 1 to 4.5. `None`: too little sound, or a codec for which the ITU gives no figures (G.113 appendix I).
pub(in crate::call) fn estimate(codec: &str, counted: Counted) -> Option<f32> {
    if counted.packets < PACKETS_MIN {
        return None;
    }
    // Impairment of the codec, and how well it bears loss (Ie, Bpl).
    let (impairment, robustness) = match codec {
        // A receiver conceals what is lost (G.711 appendix I).
        "PCMA" | "PCMU" => (0.0, 25.1),
        "G729" => (11.0, 19.0),
        "GSM" => (20.0, 43.0),
        "G723" => (15.0, 16.1),
        _ => return None,
    };
    let sent = counted.packets.saturating_add(counted.lost);
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share of packets: 53 bits are more than any call has"
    )]
    let loss = 100.0 * counted.lost as f64 / sent as f64;
    let way_ms = f64::from(counted.rtt_ms.unwrap_or(0.0)) / 2.0;
    let delay_ms = way_ms + 2.0 * f64::from(counted.jitter_ms) + PACKET_MS;
    let late = if delay_ms > 177.3 {
        0.11 * (delay_ms - 177.3)
    } else {
        0.0
    };
    let lossy = impairment + (95.0 - impairment) * loss / (loss + robustness);
    Some(opinion(R_BEST - 0.024 * delay_ms - late - lossy))
}

/// The mean opinion of a rating (G.107 annex B).
fn opinion(r: f64) -> f32 {
    let mos = match r {
        r if r <= 0.0 => 1.0,
        r if r >= 100.0 => 4.5,
        r => 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7.0e-6,
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a figure for people: it has two digits"
    )]
    let rounded = ((mos.max(1.0) * 100.0).round() / 100.0) as f32;
    rounded
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Counted = Counted {
        packets: 5_000,
        lost: 0,
        jitter_ms: 0.0,
        rtt_ms: None,
    };

    fn of(codec: &str, counted: Counted) -> f32 {
        estimate(codec, counted).unwrap()
    }

    #[test]
    fn clean_sound_is_as_good_as_its_codec() {
        assert!(
            (of("PCMA", GOOD) - 4.40).abs() < 0.02,
            "{}",
            of("PCMA", GOOD)
        );
        assert!(
            (of("G729", GOOD) - 4.09).abs() < 0.03,
            "{}",
            of("G729", GOOD)
        );
    }

    #[test]
    fn loss_delay_and_jitter_make_it_worse() {
        let lossy = Counted { lost: 264, ..GOOD };
        let far = Counted {
            rtt_ms: Some(600.0),
            ..GOOD
        };
        let uneven = Counted {
            jitter_ms: 60.0,
            ..GOOD
        };
        for worse in [lossy, far, uneven] {
            assert!(of("PCMU", worse) < of("PCMU", GOOD) - 0.05, "{worse:?}");
        }
        // 5 % of loss, G.711 with concealment: R = 93.2 - 0.48 - 95 * 5 / 30.1 = 76.9.
        assert!(
            (of("PCMU", lossy) - 3.90).abs() < 0.03,
            "{}",
            of("PCMU", lossy)
        );
    }

    #[test]
    fn nothing_is_said_of_too_little_sound_or_an_unknown_codec() {
        assert_eq!(estimate("OPUS", GOOD), None);
        let short = Counted {
            packets: 99,
            ..GOOD
        };
        assert_eq!(estimate("PCMA", short), None);
    }

    #[test]
    fn the_worst_is_one() {
        let gone = Counted {
            packets: 100,
            lost: u64::MAX,
            jitter_ms: 5_000.0,
            rtt_ms: Some(9_000.0),
        };
        assert!((of("PCMA", gone) - 1.0).abs() < 0.01);
    }
}
