//! What a reload cannot change. Trunks, projects, sources, people, users, `[web]` but for its address, rules, `[guard]` but for connections, and `recordings.when` take effect at once;
//! sockets, folders and what the threads were started with stay as they are until a restart.

use crate::config::Config;
use crate::recording::settings::When;

/// Returns the keys that differ between `old` and `new` and take effect only after a restart.
pub fn needs_restart(old: &Config, new: &Config) -> Vec<String> {
    let ports = |config: &Config| (config.media.port_min, config.media.port_max);
    let bound = |config: &Config| config.web.binds(!config.users.is_empty());
    let manner = |config: &Config| config.recordings.manner;
    let checks = [
        ("sip.listen", old.sip.listen != new.sip.listen),
        ("sip.advertise", old.sip.advertise != new.sip.advertise),
        ("sip.resolver", old.sip.resolver != new.sip.resolver),
        (
            "guard.connections_max",
            old.sip.connections.max != new.sip.connections.max,
        ),
        (
            "guard.connections_per_source_max",
            old.sip.connections.per_source_max != new.sip.connections.per_source_max,
        ),
        ("sip.origins", old.sip.origins != new.sip.origins),
        ("numbers.country", old.country != new.country),
        ("media.bind", old.media.bind != new.media.bind),
        (
            "media.advertise",
            old.media.advertise != new.media.advertise,
        ),
        ("media.ports", ports(old) != ports(new)),
        ("media.silence_s", old.media.silence != new.media.silence),
        ("media.workers", old.media.workers != new.media.workers),
        ("media.engine", old.media.engine != new.media.engine),
        (
            "recordings.folder",
            old.recordings.folder != new.recordings.folder,
        ),
        (
            "recordings.when",
            // Without a recorder nothing can be recorded; with one, nothing need be.
            old.recordings.when == When::None && new.recordings.when != When::None,
        ),
        (
            "recordings.keep_days",
            old.recordings.keep_days != new.recordings.keep_days,
        ),
        (
            "recordings.format",
            old.recordings.format != new.recordings.format,
        ),
        (
            "recordings.part_mb",
            old.recordings.part_bytes != new.recordings.part_bytes,
        ),
        (
            "recordings.pause_digits",
            old.recordings.codes.pause != new.recordings.codes.pause,
        ),
        (
            "recordings.resume_digits",
            old.recordings.codes.resume != new.recordings.codes.resume,
        ),
        (
            "recordings.pause_on_hold",
            old.recordings.pause_on_hold != new.recordings.pause_on_hold,
        ),
        (
            "recordings.opus_rate",
            manner(old).opus_rate_hz != manner(new).opus_rate_hz,
        ),
        (
            "recordings.mask_digits",
            manner(old).mask_digits != manner(new).mask_digits,
        ),
        ("media.conceal", manner(old).conceal != manner(new).conceal),
        ("store.folder", old.store.folder != new.store.folder),
        (
            "store.ladder_days",
            old.store.ladder_days != new.store.ladder_days,
        ),
        (
            "web.listen",
            // The first user opens it to others, who have to wait for the restart; the last one's leave closes it at once.
            bound(old) != bound(new),
        ),
    ];
    let differing = checks.into_iter().filter(|(_, differs)| *differs);
    differing.map(|(key, _)| key.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::trial::{OFFICE, good};

    #[test]
    fn sockets_and_folders_wait_for_a_restart() {
        let old = good("");
        let new = good(
            "[sip]\nlisten = \"udp:127.0.0.1:5070\"\n[media]\nports = [30000, 30999]\n[store]\nfolder = \"/srv/calls\"\n[web]\nlisten = \"none\"\n",
        );
        assert_eq!(
            needs_restart(&old, &new),
            ["sip.listen", "media.ports", "store.folder", "web.listen"]
        );
    }

    #[test]
    fn users_take_effect_at_once_but_pages_for_others_wait_for_a_restart() {
        const ANNA: &str = "[[user]]\nname = \"anna\"\nrole = \"admin\"\npassword = \"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$0000000000000000000000000000000000000000000\"\n";
        let here = good(&format!("[web]\nsession_h = 1\n{ANNA}"));
        assert_eq!(needs_restart(&good(""), &here), [""; 0]);
        let open = "[web]\nlisten = \"0.0.0.0:8080\"\n";
        let others = good(&format!("{open}{ANNA}"));
        assert_eq!(needs_restart(&good(open), &others), ["web.listen"]);
    }

    #[test]
    fn rules_numbers_and_trunks_do_not() {
        let new = format!(
            "{OFFICE}[recordings]\nwhen = \"none\"\n[[rule]]\nid = \"all\"\nto = \"manager:desk\"\n"
        );
        assert_eq!(needs_restart(&good(""), &good(&new)), [""; 0]);
    }

    #[test]
    fn a_house_without_a_recorder_gets_one_by_a_restart() {
        let none = good("[recordings]\nwhen = \"none\"\n");
        assert_eq!(needs_restart(&none, &good("")), ["recordings.when"]);
        assert_eq!(needs_restart(&good(""), &none), [""; 0]);
    }

    #[test]
    fn a_file_that_says_the_same_in_other_words_needs_nothing() {
        let old = good("[sip]\ndrain_s = 30\n[recordings]\nfolder = \"../recordings\"\n");
        assert_eq!(needs_restart(&old, &good("")), [""; 0]);
    }
}
