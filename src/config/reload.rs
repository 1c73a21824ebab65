//! What a reload cannot change: sockets and folders that stay as they are until a restart.

use crate::config::Config;

/// Returns the keys that differ between `old` and `new` and take effect only after a restart.
pub fn needs_restart(old: &Config, new: &Config) -> Vec<String> {
    let ports = |config: &Config| (config.media.port_min, config.media.port_max);
    let checks = [
        ("sip.listen", old.sip.listen != new.sip.listen),
        ("sip.advertise", old.sip.advertise != new.sip.advertise),
        ("media.bind", old.media.bind != new.media.bind),
        (
            "media.advertise",
            old.media.advertise != new.media.advertise,
        ),
        ("media.ports", ports(old) != ports(new)),
        ("media.silence_s", old.media.silence != new.media.silence),
        ("media.workers", old.media.workers != new.media.workers),
        (
            "recordings.folder",
            old.recordings.folder != new.recordings.folder,
        ),
        ("store.folder", old.store.folder != new.store.folder),
        ("web.listen", old.web.listen != new.web.listen),
    ];
    checks
        .into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(key, _)| key.to_owned())
        .collect()
}
