//! What the admin says of strangers and floods: `[guard]`, but for connections, which are the engine's.

use std::time::Duration;

/// `[guard]` as meant. A reload changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Messages a second that one address may send which is no trunk's and takes part in no call.
    pub requests_per_s: u32,
    /// Requests of such an address that are refused within a minute before it is banned.
    pub refusals_before_ban: u32,
    /// How long a ban lasts; zero: nobody is banned, what is too much is dropped.
    pub ban: Duration,
    /// Most calls at once that nobody has answered yet.
    pub half_open_max: u32,
    /// Most of those from one address.
    pub half_open_per_source_max: u32,
    /// Different numbers that one caller may dial within `numbers_within`; 0: any.
    pub numbers_max: u32,
    /// The same for one address of an untrusted trunk; 0: any.
    pub numbers_per_address_max: u32,
    /// The time in which different numbers are counted, and for which whoever dialled too many is refused.
    pub numbers_within: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // A monitor asks once in some seconds, a phone that is set up wrongly less than ten times a second.
            requests_per_s: 20,
            // A mistyped account tries every half minute or slower; scanners try hundreds a second.
            refusals_before_ban: 20,
            // Long enough that a scanner goes elsewhere, short enough that an admin who tried things out waits.
            ban: Duration::from_secs(600),
            // A hundred new calls a second that ring for 20 s each.
            half_open_max: 2_000,
            half_open_per_source_max: 1_000,
            // Nobody calls so many advertisements of one business within a minute.
            numbers_max: 20,
            // A carrier sends the calls of all its callers from one address.
            numbers_per_address_max: 0,
            numbers_within: Duration::from_secs(60),
        }
    }
}
