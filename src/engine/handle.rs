//! A ringtag that runs: what other threads ask of it, and how its end is waited for.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::base::clock::Clock;
use crate::base::id::CallId;
use crate::engine::gauges::Gauges;
use crate::engine::limits::Limits;
use crate::engine::run::Order;
use crate::engine::settings::Listen;
use crate::engine::setup::Rules;
use crate::store::Store;
use crate::store::ladder::Draft;

/// How soon an order is given again that found no room: the engine takes hundreds in that time.
const TURN: Duration = Duration::from_millis(1);

/// A ringtag that runs.
#[derive(Debug)]
pub struct Running {
    /// What to ask of it.
    pub handle: Handle,
    /// Where SIP listens, with the ports that the system chose where 0 was asked for.
    pub listening: Vec<Listen>,
    /// What bounds it.
    pub limits: Limits,
    pub(in crate::engine) engine: JoinHandle<()>,
    /// Closed when the engine's thread ends, in a panic too.
    pub(in crate::engine) ended: oneshot::Receiver<()>,
    /// None where nothing is recorded.
    pub(in crate::engine) recorder: Option<JoinHandle<()>>,
}

/// The engine does not take an order: it is stopping, or people give more orders than it can carry out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine takes no orders now; ask again in a moment")]
pub struct Busy;

/// What other threads may ask of a running ringtag.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(in crate::engine) orders: mpsc::Sender<Order>,
    /// Its counters.
    pub gauges: Arc<Gauges>,
    /// Its call log.
    pub store: Store,
    /// Its clocks.
    pub clock: Clock,
}

impl Handle {
    /// Puts new rules in force. Calls under way keep the ones they were decided by.
    pub fn reload(&self, rules: Rules) -> bool {
        self.order(Order::Reload(Box::new(rules)))
    }

    /// Takes no new calls, waits at most `patience` for those under way, then ends them and stops. `false`: the engine is gone.
    pub fn drain(&self, patience: Duration) -> bool {
        self.gauges.set_draining();
        insist(&self.orders, Order::Drain(patience))
    }

    /// Ends every call and stops. `false`: the engine is gone.
    pub fn end_now(&self) -> bool {
        insist(&self.orders, Order::EndNow)
    }

    /// Ends one call, as "hung up by the system"; `false`: no call of this id is under way.
    ///
    /// # Errors
    /// The engine is gone, or has dozens of orders to carry out.
    pub async fn hang_up(&self, call: CallId, by: Arc<str>) -> Result<bool, Busy> {
        let (answer, answered) = oneshot::channel();
        self.ask(Order::HangUp { call, by, answer }, answered).await
    }

    /// Has the recording of a call pause from now on, or go on; `false`: none is under way.
    ///
    /// # Errors
    /// As [`Self::hang_up`].
    pub async fn pause_recording(
        &self,
        call: CallId,
        by: Arc<str>,
        paused: bool,
    ) -> Result<bool, Busy> {
        let (answer, answered) = oneshot::channel();
        let order = Order::Pause {
            call,
            by,
            paused,
            answer,
        };
        self.ask(order, answered).await
    }

    /// The messages so far of a call in progress; `None`: it is not, or none are kept of it.
    ///
    /// # Errors
    /// As [`Self::hang_up`].
    pub async fn ladder(&self, call: CallId) -> Result<Option<Draft>, Busy> {
        let (answer, answered) = oneshot::channel();
        self.ask(Order::Ladder(call, answer), answered).await
    }

    async fn ask<T>(&self, order: Order, answered: oneshot::Receiver<T>) -> Result<T, Busy> {
        if !self.order(order) {
            return Err(Busy);
        }
        answered.await.map_err(|_| Busy)
    }

    /// Whether the engine took the order: it is gone, or has dozens to carry out, when it did not.
    fn order(&self, order: Order) -> bool {
        self.orders.try_send(order).is_ok()
    }
}

/// Gives an order that nobody gives a second time: where others fill the queue it waits for its turn.
fn insist(orders: &mpsc::Sender<Order>, mut order: Order) -> bool {
    loop {
        match orders.try_send(order) {
            Ok(()) => return true,
            Err(TrySendError::Full(back)) => order = back,
            Err(TrySendError::Closed(_)) => return false,
        }
        thread::park_timeout(TURN);
    }
}

impl Running {
    /// Waits until the engine's thread has ended. Nothing is lost when the wait is given up and begun again.
    pub async fn ended(&mut self) {
        // Nothing is ever sent: the sender's end is the message.
        let _closed = (&mut self.ended).await.is_err();
    }

    /// Waits for the engine and the recorder to end, has `last` done, then writes and syncs what the call log still holds.
    pub fn join(self, last: impl FnOnce()) {
        let Self {
            handle,
            engine,
            recorder,
            ..
        } = self;
        let threads = [("engine", Some(engine)), ("recorder", recorder)];
        for (name, thread) in threads
            .into_iter()
            .filter_map(|(name, thread)| Some((name, thread?)))
        {
            if thread.join().is_err() {
                tracing::error!(name, "a thread ended in a panic; the log above says where");
            }
        }
        last();
        handle.store.shutdown();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_to_stop_waits_where_others_fill_the_queue() {
        let (orders, mut taken) = mpsc::channel(1);
        orders.try_send(Order::EndNow).unwrap();
        let stops = thread::spawn({
            let orders = orders.clone();
            move || insist(&orders, Order::Drain(Duration::ZERO))
        });
        assert!(matches!(taken.blocking_recv(), Some(Order::EndNow)));
        assert!(matches!(taken.blocking_recv(), Some(Order::Drain(_))));
        assert!(stops.join().unwrap());
        drop(taken);
        assert!(!insist(&orders, Order::EndNow));
    }
}
