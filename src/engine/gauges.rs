//! What the engine counts and shows: written by its thread, read by HTTP and the command line.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::call::story::FinishReason;
use crate::media::choice::Chosen;
use crate::media::late::Lateness;

/// What relays sound.
#[derive(Debug)]
struct Media {
    chosen: Chosen,
    workers: Vec<Arc<Lateness>>,
}

/// Counters and gauges of one running ringtag. Relaxed: each figure stands alone.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Calls under way.
    pub calls_live: AtomicU64,
    /// Calls under way that somebody has answered.
    pub calls_talking: AtomicU64,
    /// The most calls at once that ports and descriptors allow.
    pub calls_limit: AtomicU64,
    /// Calls that began.
    pub calls_began: AtomicU64,
    /// Calls that were answered.
    pub calls_answered: AtomicU64,
    /// Calls that ended, by reason; read with [`Self::ended`].
    ended: [AtomicU64; FinishReason::ALL.len()],
    /// Requests refused because they came from nobody known, or to none of our numbers.
    pub refused: AtomicU64,
    /// Sources that are banned now.
    pub banned: AtomicU64,
    /// Bans that began.
    pub bans: AtomicU64,
    /// Messages of banned sources that were not read.
    pub dropped_banned: AtomicU64,
    /// Messages beyond a rate that were not read.
    pub dropped_too_fast: AtomicU64,
    /// Transactions that are kept: ours, and those of peers.
    pub transactions: AtomicU64,
    /// Calls that nobody has answered yet.
    pub half_open: AtomicU64,
    /// INVITEs answered 503 for want of room.
    pub overloaded: AtomicU64,
    /// Calls whose SIP messages are not kept though they should be.
    pub ladders_missed: AtomicU64,
    /// SIP datagrams and stream pieces received.
    pub sip_received: AtomicU64,
    /// SIP messages sent.
    pub sip_sent: AtomicU64,
    /// SIP messages that the kernel would not take.
    pub sip_unsent: AtomicU64,
    /// Stream connections open.
    pub connections: AtomicU64,
    /// Stream connections that a limit did not let come to be.
    pub connections_turned_away: AtomicU64,
    /// Stream connections that never stood: nobody answered, the handshake failed, or the peer is not who it should be.
    pub connections_unshaken: AtomicU64,
    /// Port pairs that no leg holds; one that was held rests a second before it is bound again.
    pub port_pairs_free: AtomicU64,
    /// Legs that hold a port pair.
    pub legs_open: AtomicU64,
    /// RTP packets received on legs that have closed.
    pub rtp_received: AtomicU64,
    /// RTP packets sent on legs that have closed.
    pub rtp_sent: AtomicU64,
    /// RTP packets from addresses that may not send, on legs that have closed.
    pub rtp_refused: AtomicU64,
    /// Packets that were not under the key of SRTP agreed on.
    pub srtp_failed: AtomicU64,
    /// Packets that a recording missed because the recorder was behind.
    pub rtp_untapped: AtomicU64,
    /// Recordings being written.
    pub recordings_open: AtomicU64,
    /// 1 while the disk refuses recordings: from the first that it refused until it takes one again.
    pub recordings_disk_error: AtomicU64,
    /// Recordings that were finished whole.
    pub recordings_complete: AtomicU64,
    /// Recordings that lack something.
    pub recordings_damaged: AtomicU64,
    /// Registrations that stand.
    pub registrations: AtomicU64,
    /// Configurations loaded since the start.
    pub reloads: AtomicU64,
    /// Reloads refused because of a mistake.
    pub reloads_failed: AtomicU64,
    /// By what sound is relayed, and how late each worker is.
    media: OnceLock<Media>,
    /// The trunks that are asked whether they are there, and whether they are.
    trunks_up: Mutex<BTreeMap<Arc<str>, bool>>,
    /// No new calls are taken.
    draining: AtomicBool,
    /// Sockets are bound and calls are taken.
    ready: AtomicBool,
}

impl Gauges {
    /// Counts the end of a call.
    pub fn count_end(&self, reason: FinishReason) {
        if let Some(counter) = self.ended.get(reason as usize) {
            add(counter, 1);
        }
    }

    /// How many calls ended for `reason`.
    pub fn ended(&self, reason: FinishReason) -> u64 {
        self.ended.get(reason as usize).map_or(0, read)
    }

    /// How many calls ended, by the reason's word, every reason once.
    pub fn ended_by_word(&self) -> impl Iterator<Item = (&'static str, u64)> {
        FinishReason::ALL
            .into_iter()
            .map(|reason| (reason.word(), self.ended(reason)))
    }

    /// Shows these trunks and no others as asked by OPTIONS; one that is new is taken to be there.
    pub fn watch_trunks(&self, ids: impl IntoIterator<Item = Arc<str>>) {
        let mut shown = self.shown_trunks();
        let before = std::mem::take(&mut *shown);
        shown.extend(ids.into_iter().map(|id| {
            let up = before.get(&id).copied().unwrap_or(true);
            (id, up)
        }));
    }

    /// Shows that a trunk went out or came back.
    pub fn set_trunk_up(&self, id: &str, up: bool) {
        if let Some(shown) = self.shown_trunks().get_mut(id) {
            *shown = up;
        }
    }

    /// The trunks that are asked by OPTIONS, and whether they answer.
    pub fn trunks_up(&self) -> BTreeMap<Arc<str>, bool> {
        self.shown_trunks().clone()
    }

    fn shown_trunks(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, bool>> {
        // Nothing is left half done under the lock.
        self.trunks_up
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that calls are taken from now on.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    /// Says that no new calls are taken.
    pub fn set_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Says by what sound is relayed and where its workers show how late they are. Said once.
    pub(in crate::engine) fn relays(&self, chosen: Chosen, workers: Vec<Arc<Lateness>>) {
        let _said_before = self.media.set(Media { chosen, workers });
    }

    /// By what sound is relayed, once that is known.
    pub fn media_engine(&self) -> Option<&'static str> {
        self.media.get().map(|media| media.chosen.name())
    }

    /// For each media worker its longest turn of late, and for how long it was not let run since the start.
    pub fn media_lateness(&self) -> impl Iterator<Item = (Duration, Duration)> {
        let workers = self
            .media
            .get()
            .into_iter()
            .flat_map(|media| &media.workers);
        workers.map(|worker| (worker.longest(), worker.starved()))
    }

    /// Whether new calls are taken.
    pub fn takes_calls(&self) -> bool {
        self.ready.load(Ordering::Relaxed) && !self.is_draining()
    }

    /// Whether ringtag is on its way out.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// Adds to a counter.
pub fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

/// Sets a gauge.
pub fn set(gauge: &AtomicU64, value: u64) {
    gauge.store(value, Ordering::Relaxed);
}

/// Reads a counter or gauge.
pub fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trunk_that_is_asked_is_shown_as_there_until_it_is_not() {
        let gauges = Gauges::default();
        let shown = || gauges.trunks_up().into_iter().collect::<Vec<_>>();
        gauges.watch_trunks(["a".into(), "b".into()]);
        gauges.set_trunk_up("b", false);
        gauges.set_trunk_up("stranger", true);
        assert_eq!(shown(), [("a".into(), true), ("b".into(), false)]);
        gauges.watch_trunks(["b".into(), "c".into()]);
        assert_eq!(shown(), [("b".into(), false), ("c".into(), true)]);
    }

    #[test]
    fn every_reason_has_a_counter_of_its_own() {
        let gauges = Gauges::default();
        for reason in FinishReason::ALL {
            gauges.count_end(reason);
            assert_eq!(gauges.ended(reason), 1);
        }
    }
}
