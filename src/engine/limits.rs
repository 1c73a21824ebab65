//! How many calls fit: what ports and descriptors allow, with the reason an operator reads at start.

use std::fmt;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors of one recorded call that talks: two legs with an RTP and an RTCP socket each, and its WAV file.
const DESCRIPTORS_PER_CALL: u64 = 5;

/// Descriptors kept for listeners, connections, the log, the index and the finishing of files, and 1,536 for HTTP: 1,024 pages
/// that listen to what happens, and 256 requests that may each have a recording open.
const DESCRIPTORS_KEPT: u64 = 1_280 + 1_536;

/// Port pairs of one call that talks: the caller's and the answering target's. A group that rings all at once takes one
/// for each member until one answers. That is not reckoned here: a member for whom no pair is free then is not rung
/// (`no-capacity`), and the others ring.
pub(in crate::engine) const PAIRS_PER_CALL: usize = 2;

/// What bounds the number of calls at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most calls at once.
    pub calls: u64,
    /// Port pairs of `media.ports`.
    pub pairs: u64,
    /// Descriptors this process may open.
    pub descriptors: u64,
}

impl Limits {
    /// Raises the soft limit on descriptors to the hard one and computes what follows.
    pub fn of_this_process(pairs: u64) -> Self {
        Self::from(pairs, raise_descriptors())
    }

    fn from(pairs: u64, descriptors: u64) -> Self {
        let by_descriptors = descriptors.saturating_sub(DESCRIPTORS_KEPT) / DESCRIPTORS_PER_CALL;
        Self {
            // Even a starved machine takes one call, and says why it takes no second.
            calls: (pairs / PAIRS_PER_CALL as u64).min(by_descriptors).max(1),
            pairs,
            descriptors,
        }
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_ports = self.pairs / PAIRS_PER_CALL as u64;
        let (what, remedy) = if self.calls == by_ports {
            ("media.ports", "widen the range for more")
        } else {
            (
                "the limit on open files",
                "raise it (ulimit -n, LimitNOFILE=) for more",
            )
        };
        write!(
            f,
            "{} calls at once, bounded by {what}: {} port pairs make {by_ports} calls, {} descriptors make {}; {remedy}; \
             a group that rings all at once takes a pair for each member while it rings",
            self.calls,
            self.pairs,
            self.descriptors,
            self.descriptors.saturating_sub(DESCRIPTORS_KEPT) / DESCRIPTORS_PER_CALL,
        )
    }
}

/// Stands for "no limit": more than any machine has.
const UNLIMITED: u64 = 1 << 32;

/// Returns the number of descriptors that may be open after asking for as many as the hard limit allows.
fn raise_descriptors() -> u64 {
    let now = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: now.maximum,
        maximum: now.maximum,
    };
    let granted = match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => now.maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit on open files stays as it is");
            now.current
        }
    };
    granted.unwrap_or(UNLIMITED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tighter_of_ports_and_descriptors_decides_and_is_named() {
        let by_ports = Limits::from(5_000, 1_000_000);
        assert_eq!(by_ports.calls, 2_500);
        assert!(by_ports.to_string().contains("bounded by media.ports"));
        assert!(by_ports.to_string().contains("a pair for each member"));
        let by_files = Limits::from(5_000, 4_096);
        assert_eq!(by_files.calls, 256);
        assert!(
            by_files
                .to_string()
                .contains("bounded by the limit on open files")
        );
    }
}
