//! `[guard]`: what strangers may do before they are not heard any more, and what one source may take.

use std::time::Duration;

use crate::call::guard;
use crate::config::walk::Section;
use crate::engine::settings::Connections;

/// More messages a second than one core reads.
const REQUESTS_PER_S_MAX: u32 = 1_000_000;
/// More refusals in a minute than the log should show of one source.
const REFUSALS_MAX: u32 = 1_000_000;
/// A source that shall be shut out for longer belongs into the firewall.
const BAN_S_MAX: u32 = 86_400;
/// More calls at once than a machine has ports for.
const HALF_OPEN_MAX: u32 = 1_000_000;
/// More numbers than a hunt dials before somebody looks; each costs memory for each source.
const NUMBERS_MAX: u32 = 1_000;
/// What a source dialled an hour ago says nothing of what it does now.
const NUMBERS_WITHIN_S_MAX: u32 = 3_600;
/// Descriptors are kept for so many: see `engine::limits`.
const CONNECTIONS_MAX: u32 = 1_024;

/// Reads `[guard]`.
pub(in crate::config) fn read(mut section: Section<'_, '_>) -> (guard::Settings, Connections) {
    let usual = guard::Settings::default();
    let number = |section: &mut Section<'_, '_>, key, limits, usual: u32| {
        let sample = usual.to_string();
        section.number(key, limits, &sample).unwrap_or(usual)
    };
    let seconds = u32::try_from(usual.ban.as_secs()).unwrap_or(BAN_S_MAX);
    let within = u32::try_from(usual.numbers_within.as_secs()).unwrap_or(NUMBERS_WITHIN_S_MAX);
    let settings = guard::Settings {
        requests_per_s: number(
            &mut section,
            "requests_per_s",
            1..=REQUESTS_PER_S_MAX,
            usual.requests_per_s,
        ),
        refusals_before_ban: number(
            &mut section,
            "refusals_before_ban",
            1..=REFUSALS_MAX,
            usual.refusals_before_ban,
        ),
        ban: Duration::from_secs(u64::from(number(
            &mut section,
            "ban_s",
            0..=BAN_S_MAX,
            seconds,
        ))),
        half_open_max: number(
            &mut section,
            "half_open_max",
            1..=HALF_OPEN_MAX,
            usual.half_open_max,
        ),
        half_open_per_source_max: number(
            &mut section,
            "half_open_per_source_max",
            1..=HALF_OPEN_MAX,
            usual.half_open_per_source_max,
        ),
        numbers_max: number(
            &mut section,
            "numbers_max",
            0..=NUMBERS_MAX,
            usual.numbers_max,
        ),
        numbers_per_address_max: number(
            &mut section,
            "numbers_per_address_max",
            0..=NUMBERS_MAX,
            usual.numbers_per_address_max,
        ),
        numbers_within: Duration::from_secs(u64::from(number(
            &mut section,
            "numbers_within_s",
            1..=NUMBERS_WITHIN_S_MAX,
            within,
        ))),
    };
    let usual = Connections::default();
    let connections = Connections {
        max: number(
            &mut section,
            "connections_max",
            1..=CONNECTIONS_MAX,
            usual.max,
        ),
        per_source_max: number(
            &mut section,
            "connections_per_source_max",
            1..=CONNECTIONS_MAX,
            usual.per_source_max,
        ),
    };
    section.finish();
    (settings, connections)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::trial::{good, mistakes};

    #[test]
    fn every_key_left_out_has_its_default() {
        let config = good("");
        assert_eq!(config.guard, guard::Settings::default());
        assert_eq!(config.sip.connections, Connections::default());
    }

    #[test]
    fn what_is_written_is_meant() {
        let config = good(
            "[guard]\nrequests_per_s = 5\nrefusals_before_ban = 3\nban_s = 0\nhalf_open_max = 7\n\
             half_open_per_source_max = 6\nnumbers_max = 0\nnumbers_per_address_max = 50\nnumbers_within_s = 30\nconnections_max = 9\nconnections_per_source_max = 8\n",
        );
        let guard = config.guard;
        assert_eq!((guard.requests_per_s, guard.refusals_before_ban), (5, 3));
        assert_eq!(guard.ban, Duration::ZERO);
        assert_eq!(
            (guard.half_open_max, guard.half_open_per_source_max),
            (7, 6)
        );
        assert_eq!((guard.numbers_max, guard.numbers_per_address_max), (0, 50));
        assert_eq!(guard.numbers_within, Duration::from_secs(30));
        let connections = config.sip.connections;
        assert_eq!((connections.max, connections.per_source_max), (9, 8));
    }

    #[test]
    fn a_limit_that_cannot_be_is_refused_with_one_that_can() {
        assert_eq!(
            mistakes("[guard]\nrequests_per_s = 0\nban_s = 90000\n"),
            [
                "2:18: `requests_per_s` is 0, outside 1 to 1000000; write a number from 1 to 1000000, such as 20",
                "3:9: `ban_s` is 90000, outside 0 to 86400; write a number from 0 to 86400, such as 600",
            ]
        );
    }
}
