//! Keys that a later version brings: whoever writes them today is told so, not that they do not exist.

/// Section as written, and its keys to come. The empty section is the file itself.
const COMING: &[(&str, &[&str])] = &[
    // Several networks, news by webhook and SMS, dynamic numbers, money, speech.
    (
        "",
        &[
            "interface",
            "webhook",
            "notify",
            "sms",
            "pool",
            "callback",
            "cost",
            "speech",
        ],
    ),
    ("[media]", &["srtp", "io_uring"]),
    ("[recordings]", &["announce"]),
    ("[[trunk]]", &["interface"]),
    ("[[source]]", &["cost", "pool"]),
    ("[[manager]]", &["email", "user"]),
    ("[[rule]]", &["announce"]),
];

/// Whether a later version reads `key` in `section`.
pub(in crate::config) fn is_coming(section: &str, key: &str) -> bool {
    COMING
        .iter()
        .any(|(name, keys)| *name == section && keys.contains(&key))
}
