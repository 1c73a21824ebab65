//! What a worker asks of the kernel: to wait, to read and to send. `epoll.rs` ● is one way to do it.

use std::collections::VecDeque;
use std::io;
use std::net::UdpSocket;
use std::time::Duration;

use crate::base::clock::Clock;
use crate::base::time::Moment;
use crate::media::bridge::Slot;
use crate::media::relay::{Place, Relay};
use crate::media::throttle::Throttle;

/// Makes a driver on its worker's own thread, of what was asked of the kernel before.
pub type Make = Box<dyn FnOnce() -> io::Result<Box<dyn Driver>> + Send>;

/// A way to wait, read and send for one worker.
pub trait Driver {
    /// Begins to read a socket.
    ///
    /// # Errors
    ///
    /// The kernel has no memory or no watches left.
    fn open(&mut self, place: Place, socket: &UdpSocket) -> io::Result<()>;

    /// Ends the reading of a leg's two sockets. [`Self::gone`] names its slot once the kernel holds
    /// neither any more; until then the leg keeps its slot and its sockets.
    fn close(&mut self, slot: Slot);

    /// What it keeps as every driver does.
    fn books(&mut self) -> &mut Books;

    /// Waits until something has come, or for `at_most`.
    ///
    /// # Errors
    ///
    /// Waiting itself fails, which only a mistake in the program brings about.
    fn wait(&mut self, at_most: Option<Duration>) -> io::Result<()>;

    /// Runs what has come by `now` through `relay`, and says whether the bell was rung.
    ///
    /// # Errors
    ///
    /// The kernel takes no orders any more, which only a mistake in the program brings about.
    fn serve(&mut self, relay: &mut Relay, now: Moment) -> io::Result<bool>;

    /// Names the next leg whose sockets the kernel has let go of.
    fn gone(&mut self) -> Option<Slot> {
        self.books().gone.pop_front()
    }

    /// Waits until something has come or for `at_most`, and runs what came through `relay`.
    ///
    /// # Errors
    ///
    /// Those of [`Self::wait`] and [`Self::serve`].
    fn turn(
        &mut self,
        relay: &mut Relay,
        clock: Clock,
        at_most: Option<Duration>,
    ) -> io::Result<Turn> {
        let at_most = self.books().throttle.at_most(at_most);
        self.wait(at_most)?;
        let now = clock.now();
        let bell = self.serve(relay, now)?;
        Ok(Turn { now, bell })
    }
}

/// What every driver keeps.
#[derive(Debug, Default)]
pub struct Books {
    /// Which sockets are left alone for a moment.
    pub throttle: Throttle,
    /// Legs that the kernel has let go of, in that order.
    pub gone: VecDeque<Slot>,
}

/// What a turn was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The one reading of the clock that serves it: a turn is over within a millisecond.
    pub now: Moment,
    /// Whether the bell was rung.
    pub bell: bool,
}
