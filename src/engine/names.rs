//! Host names of trunks to addresses, through the system's resolver, again every minute.
//!
//! Addresses and ports only; NAPTR and SRV (RFC 3263) are not asked.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::call::trunk::{Addresses, Trunk};

/// How often names are asked again: the usual time to live of a record that is meant to move.
const AGAIN: Duration = Duration::from_secs(60);

/// The longest one name may take. The resolver's own retries end near it.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// Addresses kept for one name; a carrier lists a handful.
const ADDRESSES_MAX: usize = 16;

/// The port of SIP over UDP and TCP where none is written (RFC 3261 19.1.2).
const PORT: u16 = 5060;

/// A trunk's name and where it leads now.
pub(in crate::engine) type Resolved = (Arc<str>, Addresses);

/// Resolves every trunk. One whose name has no answer comes with no address and a warning; calls to it are unreachable.
pub(in crate::engine) async fn resolve(trunks: &[Trunk]) -> Vec<Resolved> {
    let mut all = Vec::with_capacity(trunks.len());
    for trunk in trunks {
        all.push((Arc::clone(&trunk.id), Addresses(addresses(trunk).await)));
    }
    all
}

/// Resolves names every minute and reports what it finds, the first time at once; without names too, so that a change of
/// this machine's own addresses is noticed. Ends when nobody listens.
pub(in crate::engine) async fn keep_resolving(
    trunks: Vec<Trunk>,
    report: mpsc::Sender<Vec<Resolved>>,
) {
    let named: Vec<Trunk> = trunks
        .into_iter()
        .filter(|trunk| literal(trunk).is_none())
        .collect();
    loop {
        let found = resolve(&named).await;
        // A name that has no answer now keeps the addresses it had: yesterday's carrier beats none.
        let found = found
            .into_iter()
            .filter(|(_, addresses)| !addresses.0.is_empty())
            .collect();
        if report.send(found).await.is_err() {
            return;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn addresses(trunk: &Trunk) -> Vec<SocketAddr> {
    if let Some(address) = literal(trunk) {
        return vec![address];
    }
    let question = (&*trunk.host, trunk.port.unwrap_or(PORT));
    match timeout(ANSWER_TIME, tokio::net::lookup_host(question)).await {
        Ok(Ok(found)) => found.take(ADDRESSES_MAX).collect::<Vec<_>>(),
        Ok(Err(error)) => {
            tracing::warn!(trunk = %trunk.id, host = %trunk.host, %error, "the trunk's name has no address");
            Vec::new()
        }
        Err(_) => {
            tracing::warn!(trunk = %trunk.id, host = %trunk.host, "the resolver did not answer");
            Vec::new()
        }
    }
}

/// The address of a trunk whose host is written as one.
pub(in crate::engine) fn literal(trunk: &Trunk) -> Option<SocketAddr> {
    let host = trunk.host.trim_start_matches('[').trim_end_matches(']');
    let ip: IpAddr = host.parse().ok()?;
    Some(SocketAddr::new(ip, trunk.port.unwrap_or(PORT)))
}
