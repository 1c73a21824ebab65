//! What the admin says of the process: `[sip]`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::sip::session_timer::Policy;
use crate::sip::transport::Transport;

/// `[sip]` as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where SIP listens.
    pub listen: Vec<Listen>,
    /// The host put into Via and Contact; `None`: the local address toward the peer.
    pub advertise: Option<String>,
    /// The server that is asked for names; `None`: those of the machine's resolv.conf.
    pub resolver: Option<SocketAddr>,
    /// `[guard]`: stream connections at once.
    pub connections: Connections,
    /// The pages whose scripts may connect over WebSocket; empty: any.
    pub origins: Arc<[Arc<str>]>,
    /// On stop: how long calls may go on before they are ended.
    pub drain: Duration,
    /// How long sessions last that nobody refreshes.
    pub session: Policy,
}

/// How many stream connections may be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// At once, ours too. Past that the stranger's that was idle longest gives way.
    pub max: u32,
    /// At once from one address, so that one host cannot take all of them.
    pub per_source_max: u32,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            // A carrier or PBX keeps a handful; descriptors are for calls.
            max: 1_024,
            per_source_max: 64,
        }
    }
}

/// One listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The protocol.
    pub transport: Transport,
    /// Address and port.
    pub address: SocketAddr,
}
