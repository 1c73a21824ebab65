//! What the admin says of sound: `[media]`.

use std::net::IpAddr;
use std::time::Duration;

/// `[media]` as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The address to bind; `None`: the local address toward the peer.
    pub bind: Option<IpAddr>,
    /// The address put into SDP; `None`: the address bound.
    pub advertise: Option<IpAddr>,
    /// First port of the range, even.
    pub port_min: u16,
    /// Last port of the range.
    pub port_max: u16,
    /// A call is ended when no packet came from either side for so long.
    pub silence: Duration,
    /// How many worker threads relay.
    pub workers: usize,
    /// By what the workers wait, read and send.
    pub engine: Engine,
    /// Whether any call may be recorded: without, there is no ring to a recorder.
    pub taps: bool,
}

/// `[media] engine`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// io_uring where the kernel lets us, else epoll.
    #[default]
    Auto,
    /// io_uring or nothing.
    IoUring,
    /// epoll.
    Epoll,
}
