//! The task that makes events of the store's news: each call that changed is read and written once, in two forms.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::time::sleep;

use crate::api::live::hub::Hub;
use crate::api::live::hub::ring::Event;
use crate::api::veil;
use crate::base::id::CallId;
use crate::base::time::WallTime;
use crate::store::Store;
use crate::store::feed::{Feed, News};
use crate::store::record::CallRecord;

/// News read at once: others that need the disk get their turn between.
const BATCH: usize = 64;

/// A pause between two looks, so that a burst of news wakes each listener once and not each time.
const PAUSE: Duration = Duration::from_millis(100);

/// Makes events of the store's news for as long as anybody listens.
pub(super) async fn follow(hub: Hub, store: Store) {
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
