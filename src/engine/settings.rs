//! What the admin says of the process: `[sip]`.

use std::net::SocketAddr;
use std::time::Duration;

use crate::sip::transport::Transport;

/// `[sip]` as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where SIP listens.
    pub listen: Vec<Listen>,
    /// The host put into Via and Contact; `None`: the local address toward the peer.
    pub advertise: Option<String>,
    /// On stop: how long calls may go on before they are ended.
    pub drain: Duration,
}

/// One listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// UDP or TCP.
    pub transport: Transport,
    /// Address and port.
    pub address: SocketAddr,
}
