//! Recordings whose time is over are removed, once an hour, away from the engine's thread.

use std::time::Duration;

use crate::base::clock::Clock;
use crate::base::time::WallTime;
use crate::store::Store;

/// How often: a recording outlives its days by an hour at most.
const EVERY: Duration = Duration::from_hours(1);

const DAY_MS: i64 = 86_400_000;

/// Removes recordings older than `keep_days`, now and every hour, for as long as the runtime runs.
pub(in crate::engine) async fn keep(store: Store, clock: Clock, keep_days: u32) {
    loop {
        let before =
            WallTime::from_millis(clock.wall().as_millis() - i64::from(keep_days) * DAY_MS);
        let asked = store.clone();
        let pruned = tokio::task::spawn_blocking(move || asked.prune_recordings(before)).await;
        match pruned {
            Ok(Ok(0)) => {}
            Ok(Ok(count)) => {
                tracing::info!(
                    count,
                    keep_days,
                    "recordings whose time was over were removed"
                );
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "recordings whose time is over were not removed; tried again in an hour");
            }
            // The runtime is being taken down.
            Err(_) => return,
        }
        tokio::time::sleep(EVERY).await;
    }
}
