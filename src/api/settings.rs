//! What the admin says of HTTP: `[web]`.

use std::net::SocketAddr;

/// `[web]` as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where HTTP listens; loopback only until users exist.
    pub listen: Option<SocketAddr>,
}
