//! Addresses that hide where none belong: in free text, private attributes, names of participants.
//!
//! What ringtag understands is replaced where it stands (`relay.rs`). Any other line that carries an IP address, or the name
//! that the description gives as its own host, would tell one side where the other is, so it does not pass.

use memchr::memmem;

use crate::sdp::session::Session;

/// Numbers of an IPv4 address.
const QUAD: usize = 4;

/// Groups of a whole IPv6 address; one more where a port follows it, and one where a name in letters of hexadecimal comes before.
/// Fingerprints, which are written alike (RFC 8122 5), have 16 and more.
const GROUPS: std::ops::RangeInclusive<usize> = 8..=10;

/// The host names that a description gives for itself in `o=` and `c=`.
#[derive(Debug, Default)]
pub(in crate::sdp) struct Hosts(Vec<Vec<u8>>);

impl Hosts {
    /// Reads them. Nearly every description writes addresses and has none.
    pub(in crate::sdp) fn of(session: &Session) -> Self {
        let mut names = Vec::new();
        for line in session
            .lines
            .iter()
            .filter(|line| matches!(line.kind, b'o' | b'c'))
        {
            let value = session.value(line).trim_ascii_end();
            let host = value.rsplit(|b| *b == b' ').next().unwrap_or_default();
            // A name without a dot leads nowhere from outside.
            if host.contains(&b'.') && !has_quad(host) {
                names.push(host.to_ascii_lowercase());
            }
        }
        Self(names)
    }

    /// Whether a line's value tells of an address.
    pub(in crate::sdp) fn are_told_by(&self, value: &[u8]) -> bool {
        let named = || {
            let value = value.to_ascii_lowercase();
            self.0
                .iter()
                .any(|name| memmem::find(&value, name).is_some())
        };
        has_quad(value) || has_groups(value) || (!self.0.is_empty() && named())
    }
}

/// Whether four numbers with dots between them stand in it, leading zeros and numbers above 255 included: readers differ.
fn has_quad(value: &[u8]) -> bool {
    // Nearly every line ends here.
    if memchr::memchr_iter(b'.', value).count() < QUAD - 1 {
        return false;
    }
    value
        .split(|b| !b.is_ascii_digit() && *b != b'.')
        .filter(|run| run.len() > 2 * QUAD - 2)
        .any(|run| {
            let numbers = run
                .split(|b| *b == b'.')
                .filter(|number| !number.is_empty());
            numbers.count() >= QUAD
        })
}

/// Whether an IPv6 address stands in it (RFC 4291 2.2).
fn has_groups(value: &[u8]) -> bool {
    if memchr::memchr_iter(b':', value).count() < 2 {
        return false;
    }
    value
        .split(|b| !b.is_ascii_hexdigit() && *b != b':')
        .any(|run| {
            let groups = run.split(|b| *b == b':');
            let shortened = run.windows(2).any(|two| two == b"::");
            let whole = || groups.filter(|group| !group.is_empty()).count();
            (shortened && run.iter().any(u8::is_ascii_hexdigit)) || GROUPS.contains(&whole())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::parse::parse;

    fn told(value: &str) -> bool {
        let text = b"v=0\r\no=- 1 1 IN IP4 pbx.office.example\r\n";
        Hosts::of(&parse(text).unwrap()).are_told_by(value.as_bytes())
    }

    #[test]
    fn addresses_are_found_wherever_they_stand() {
        for value in [
            "X-nat:10.1.1.5",
            "x-addr:udp/10.001.001.005:4000",
            "call from 10.1.1.5.",
            "http://10.1.1.5/",
            "ssrc:1 cname:anna@10.1.1.5",
            "X-six:2001:db8::1",
            "X-six [fd00::1]:4000",
            "X-six:::1",
            "X-whole:2001:db8:0:0:0:0:0:1",
            "addr:2001:db8:0:0:0:0:0:1:4000",
            "X-mapped:::ffff:10.1.1.5",
            "anna@PBX.office.example",
        ] {
            assert!(told(value), "{value}");
        }
    }

    #[test]
    fn what_only_looks_alike_is_left_alone() {
        for value in [
            "rtpmap:101 telephone-event/8000",
            "fmtp:101 0-15,66,70",
            "fmtp:96 mode-set=0,2,4,7; octet-align=1; version=1.2.3",
            "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:4",
            "fingerprint:SHA-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB",
            "fingerprint:md5 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B",
            "ssrc:3735928559 cname:anna@office",
            "X-time:12:34:56",
            "mac 00:11:22:33:44:55",
            "bandwidth.1.2",
            "",
        ] {
            assert!(!told(value), "{value}");
        }
    }
}
