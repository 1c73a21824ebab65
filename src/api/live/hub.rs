//! What happens now, for all who listen: each piece of news is read and written once, however many they are.
//!
//! One task follows the store's feed while anybody listens. It reads each call that changed, writes it as an event in two
//! forms (with numbers, and masked), and keeps the last of them in a ring. Listeners read the ring at their own pace; who falls
//! behind it is told to begin anew. When a person is erased everything is dropped and all begin anew, and nothing is kept while
//! nobody listens: what is made again is read of the calls as they are then.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::api::live::hub::follow::follow;
use crate::api::live::hub::ring::{Event, Ring};
use crate::people::Who;
use crate::store::Store;
use crate::store::feed::Feed;

pub(in crate::api) use crate::api::live::hub::ring::{Crowd, Heard, LISTENERS_MAX, OWN_MAX};

mod follow;
mod ring;

/// All of it. Clones are the same.
#[derive(Clone, Debug)]
pub(in crate::api) struct Hub(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    ring: Mutex<Ring>,
    /// The number of the line up to which the ring is made.
    made: watch::Sender<u64>,
}

impl Default for Hub {
    fn default() -> Self {
        Self(Arc::new(Shared {
            ring: Mutex::default(),
            made: watch::Sender::new(0),
        }))
    }
}

impl Hub {
    /// Begins to listen in `name`. `since` is the last line that the listener knows of, `None` for now.
    ///
    /// # Errors
    /// Too many do.
    pub(in crate::api) fn listen(
        &self,
        store: &Store,
        name: &Arc<str>,
        since: Option<u64>,
    ) -> Result<Ear, Crowd> {
        let feed = store.feed();
        let last = feed.last();
        let mut ring = self.ring();
        ring.room_for(name)?;
        if ring.follower.is_none() {
            // The first of all decides from where on there are events.
            let known = since.filter(|&since| since > 0 && feed.since(Some(since)).1);
            ring.begin_anew(known.unwrap_or(last));
            ring.forgotten = feed.forgotten();
            let follower = tokio::spawn(follow(self.clone(), store.clone()));
            ring.follower = Some(follower.abort_handle());
        }
        ring.enter(name);
        drop(ring);
        let at = match since {
            Some(since) if since <= last => since,
            // Of another log, or none that was ever told.
            Some(_) => 0,
            None => last,
        };
        Ok(Ear {
            hub: self.clone(),
            made: self.0.made.subscribe(),
            heeded: feed.forgotten(),
            feed,
            name: Arc::clone(name),
            at,
        })
    }

    /// Ends everybody's listening.
    pub(in crate::api) fn close(&self) {
        self.ring().is_closed = true;
        self.wake();
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        let end = self.ring().end;
        self.0.made.send_replace(end);
    }

    /// The ring, without what an erasure has taken back.
    fn ring_after(&self, feed: &Feed) -> MutexGuard<'_, Ring> {
        let mut ring = self.ring();
        ring.heed(feed.forgotten());
        ring
    }

    /// Where the news that is to be made begins, and in which life; `None`: nobody listens any more.
    fn goes_on_at(&self, feed: &Feed) -> Option<(u64, u64)> {
        let ring = self.ring_after(feed);
        (!ring.is_closed).then_some((ring.end, ring.life))
    }

    /// Takes in events that were made in this life and tells where it goes on then; `false`: they were made in an earlier one.
    fn take(&self, feed: &Feed, life: u64, events: Vec<Event>, end: u64) -> bool {
        let mut ring = self.ring_after(feed);
        let is_of_now = ring.life == life;
        if is_of_now {
            for event in events {
                ring.end = event.n;
                ring.push(event);
            }
            ring.end = ring.end.max(end);
        }
        is_of_now
    }
}

/// Somebody who listens.
#[derive(Debug)]
pub(in crate::api) struct Ear {
    hub: Hub,
    made: watch::Receiver<u64>,
    feed: Feed,
    /// The line of the last erasure before what was heard last.
    heeded: u64,
    name: Arc<str>,
    at: u64,
}

impl Ear {
    /// The last line that this listener knows of.
    pub(in crate::api) const fn at(&self) -> u64 {
        self.at
    }

    /// What happened since it was asked last, as `who` may see it.
    pub(in crate::api) fn hear(&mut self, who: &Who) -> Heard {
        let ring = self.hub.ring_after(&self.feed);
        self.heeded = ring.forgotten;
        let heard = ring.after(self.at, who);
        drop(ring);
        match heard {
            Heard::All { end, .. } | Heard::TooMuch { end } => self.at = end,
            Heard::Over => {}
        }
        heard
    }

    /// Whether what was heard last may still be told: nobody was erased since.
    pub(in crate::api) fn stands(&self) -> bool {
        self.feed.forgotten() <= self.heeded
    }

    /// Waits until there is more.
    pub(in crate::api) async fn more(&mut self) {
        // The sender lives in the hub that this ear holds.
        self.made.changed().await.unwrap_or_default();
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.hub.ring().leave(&self.name);
    }
}
