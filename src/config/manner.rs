//! How what is heard becomes a recording's sound: `[media] conceal`, `[recordings] opus_rate` and `mask_digits`.

use crate::config::walk::Section;
use crate::recording::settings::Manner;
use crate::recording::settings::OPUS_RATES_HZ;

/// Reads the keys of `[media]` and `[recordings]` that say so. Both sections have others.
pub(in crate::config) fn read(
    media: &mut Section<'_, '_>,
    recordings: &mut Section<'_, '_>,
) -> Manner {
    let default = Manner::default();
    let most = OPUS_RATES_HZ
        .into_iter()
        .max()
        .unwrap_or(default.opus_rate_hz);
    let rate_hz = recordings
        .number("opus_rate", 1..=most, "48000")
        .filter(|rate_hz| {
            let is_known = OPUS_RATES_HZ.contains(rate_hz);
            if !is_known {
                recordings.book.error(
                    recordings.place("opus_rate"),
                    format!("`opus_rate` is {rate_hz}, which Opus is not decoded to"),
                    "write 8000, 12000, 16000, 24000 or 48000",
                );
            }
            is_known
        });
    Manner {
        opus_rate_hz: rate_hz.unwrap_or(default.opus_rate_hz),
        conceal: media.flag("conceal").unwrap_or(default.conceal),
        mask_digits: recordings
            .flag("mask_digits")
            .unwrap_or(default.mask_digits),
    }
}
