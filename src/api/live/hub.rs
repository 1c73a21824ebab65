//! What happens now, for all who listen: each piece of news is read and written once, however many they are.
//!
//! One task follows the store's feed while anybody listens. It reads each call that changed, writes it as an event in two
//! forms (with numbers, and masked), and keeps the last of them in a ring. Listeners read the ring at their own pace; who falls
//! behind it is told to begin anew. When a person is erased everything is dropped and all begin anew, and nothing is kept while
//! nobody listens: what is made again is read of the calls as they are then.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::api::veil;
use crate::base::id::CallId;
use crate::base::time::WallTime;
use crate::people::{Right, Who};
use crate::store::Store;
use crate::store::feed::{Feed, News};
use crate::store::record::CallRecord;

/// Most listeners at once: the desks and boards of a big house, each in several tabs. The rest of the connections is left for
/// requests (`serve`).
pub(in crate::api) const LISTENERS_MAX: usize = 1_024;

/// Most of them of one name, so that one who opens many leaves room for others: a person's tabs on several screens.
pub(in crate::api) const OWN_MAX: usize = 32;

/// Most bytes of events that one listener is behind. Whoever is further behind reads the list again, which is shorter, and
/// what is kept for all who never read stays within bounds.
const BEHIND_MAX: usize = 256 * 1_024;

/// Events kept for who was away for a moment or reads slowly.
const EVENTS_MAX: usize = 1_024;

/// Bytes of them in both forms. A usual event has 4 KB, a call that people wrote much of a hundred times that.
const BYTES_MAX: usize = 8 * 1_024 * 1_024;

/// News read at once: others that need the disk get their turn between.
const BATCH: usize = 64;

/// A pause between two looks, so that a burst of news wakes each listener once and not each time.
const PAUSE: Duration = Duration::from_millis(100);

/// All of it. Clones are the same.
#[derive(Clone, Debug)]
pub(in crate::api) struct Hub(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    ring: Mutex<Ring>,
    /// The number of the line up to which the ring is made.
    made: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Ring {
    events: VecDeque<Event>,
    bytes: usize,
    /// Events of lines up to this one are not in the ring.
    floor: u64,
    /// Events of lines up to this one have been made.
    end: u64,
    listeners: usize,
    /// How many of them each name has.
    names: HashMap<Arc<str>, usize>,
    /// The task that makes events, while anybody listens.
    follower: Option<AbortHandle>,
    /// Rises when everything is dropped: what was being read then is of no use.
    life: u64,
    /// The line of the last erasure that was heeded.
    forgotten: u64,
    is_closed: bool,
}

/// One piece of news as it is sent.
#[derive(Debug)]
pub(in crate::api) struct Event {
    n: u64,
    project: Arc<str>,
    full: Bytes,
    masked: Bytes,
}

impl Event {
    /// The event as `who` may see it; `None`: it is none of theirs.
    pub(in crate::api) fn text(&self, who: &Who) -> Option<&Bytes> {
        let text = if who.may(Right::Numbers) {
            &self.full
        } else {
            &self.masked
        };
        who.sees(&self.project).then_some(text)
    }

    fn bytes(&self) -> usize {
        self.full.len() + self.masked.len()
    }
}

/// What happened after a line.
#[derive(Debug)]
pub(in crate::api) enum Heard {
    /// This, and nothing else up to line `end`.
    All {
        /// Each event as it is sent, in order; the bytes are the ring's.
        texts: Vec<Bytes>,
        /// Where to go on.
        end: u64,
    },
    /// More than is kept, or than one may be behind.
    TooMuch {
        /// Where to go on.
        end: u64,
    },
    /// Nothing more: the server stops.
    Over,
}

/// Why somebody cannot listen now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Crowd {
    /// [`LISTENERS_MAX`] do.
    House,
    /// They do already, [`OWN_MAX`] times.
    Own,
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

impl Ring {
    fn push(&mut self, event: Event) {
        self.bytes += event.bytes();
        self.events.push_back(event);
        while self.events.len() > EVENTS_MAX || self.bytes > BYTES_MAX {
            let Some(gone) = self.events.pop_front() else {
                return;
            };
            self.bytes -= gone.bytes();
            self.floor = gone.n;
        }
    }

    /// Nothing is known of the lines up to `end`.
    fn begin_anew(&mut self, end: u64) {
        self.events.clear();
        self.bytes = 0;
        self.floor = end;
        self.end = end;
        self.life += 1;
    }

    /// Drops everything where somebody was erased since the last time.
    fn heed(&mut self, forgotten: u64) {
        if forgotten > self.forgotten {
            self.forgotten = forgotten;
            self.begin_anew(forgotten.max(self.end));
        }
    }

    fn room_for(&self, name: &str) -> Result<(), Crowd> {
        if self.listeners >= LISTENERS_MAX {
            return Err(Crowd::House);
        }
        let own = self.names.get(name).copied().unwrap_or_default();
        if own >= OWN_MAX {
            return Err(Crowd::Own);
        }
        Ok(())
    }

    fn enter(&mut self, name: &Arc<str>) {
        self.listeners += 1;
        *self.names.entry(Arc::clone(name)).or_default() += 1;
    }

    /// One listener less. Nothing is kept for nobody.
    fn leave(&mut self, name: &str) {
        self.listeners -= 1;
        if let Some(own) = self.names.get_mut(name) {
            *own -= 1;
            if *own == 0 {
                self.names.remove(name);
            }
        }
        if self.listeners == 0 {
            self.begin_anew(0);
            if let Some(follower) = self.follower.take() {
                follower.abort();
            }
        }
    }

    fn after(&self, at: u64, who: &Who) -> Heard {
        if self.is_closed {
            return Heard::Over;
        }
        if at < self.floor {
            return Heard::TooMuch { end: self.end };
        }
        let from = self.events.partition_point(|event| event.n <= at);
        let mut texts = Vec::new();
        let mut behind = 0;
        for text in self
            .events
            .range(from..)
            .filter_map(|event| event.text(who))
        {
            behind += text.len();
            if behind > BEHIND_MAX {
                return Heard::TooMuch { end: self.end };
            }
            texts.push(text.clone());
        }
        Heard::All {
            texts,
            // A listener may begin ahead of what has been made.
            end: self.end.max(at),
        }
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

/// Makes events of the store's news for as long as anybody listens.
async fn follow(hub: Hub, store: Store) {
    let mut feed = store.feed();
    while let Some((end, life)) = hub.goes_on_at(&feed) {
        let is_done = catch_up(&hub, &store, &feed, end, life).await;
        hub.wake();
        sleep(PAUSE).await;
        if is_done && !feed.changed().await {
            return;
        }
    }
}

/// Makes events of what there is after line `end`; `false`: everything was dropped meanwhile.
async fn catch_up(hub: &Hub, store: &Store, feed: &Feed, end: u64, life: u64) -> bool {
    let last = feed.last();
    let (news, is_complete) = feed.since(Some(end));
    if !is_complete {
        let mut ring = hub.ring_after(feed);
        if ring.life == life {
            ring.begin_anew(last);
        }
        return true;
    }
    for batch in news.chunks(BATCH) {
        let (store, batch) = (store.clone(), batch.to_vec());
        let made = tokio::task::spawn_blocking(move || events(&store, &batch));
        match made.await {
            Ok(events) => {
                if !hub.take(feed, life, events, 0) {
                    return false;
                }
            }
            Err(error) => tracing::error!(%error, "live events were not made"),
        }
    }
    hub.take(feed, life, Vec::new(), last)
}

/// What is sent as `data`.
#[derive(Serialize)]
struct Data<'a> {
    n: u64,
    kind: &'static str,
    at: WallTime,
    call: &'a CallRecord,
}

/// Reads each call of the news once, as it stands now, and writes the events. Reads files.
fn events(store: &Store, news: &[News]) -> Vec<Event> {
    let mut calls: BTreeMap<CallId, Option<(CallRecord, CallRecord)>> = BTreeMap::new();
    let mut made = Vec::with_capacity(news.len());
    for one in news {
        let call = calls
            .entry(one.call)
            .or_insert_with(|| match store.call(one.call) {
                Ok(call) => call.map(|call| (veil::masked(call.clone()), call)),
                Err(error) => {
                    tracing::error!(call = %one.call, %error, "live news of a call cannot be read");
                    None
                }
            });
        let Some((masked, full)) = calls_tracked(call) else {
            continue;
        };
        made.push(Event {
            n: one.n,
            project: Arc::clone(&one.project),
            full: text(one, full),
            masked: text(one, masked),
        });
    }
    made
}

/// Off-season calls are nobody's news.
fn calls_tracked(call: &Option<(CallRecord, CallRecord)>) -> Option<&(CallRecord, CallRecord)> {
    call.as_ref().filter(|(call, _)| call.tracked)
}

/// One event as it goes over the wire (HTML, 9.2.5). JSON on one line holds no line end that would cut it.
fn text(news: &News, call: &CallRecord) -> Bytes {
    let data = Data {
        n: news.n,
        kind: news.what.word(),
        at: news.at,
        call,
    };
    let data = serde_json::to_string(&data).unwrap_or_default();
    format!("event: call\nid: {}\ndata: {data}\n\n", news.n).into()
}

#[cfg(test)]
mod tests;
