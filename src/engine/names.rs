//! Host names of trunks to addresses, through the system's resolver, again every minute.
//!
//! The system is asked, so `/etc/hosts`, `nsswitch.conf` and `resolv.conf` hold as for every other program. It is asked for
//! A and AAAA; a name without a port means port 5060. NAPTR and SRV (RFC 3263 4.1, 4.2) are not asked.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::base::clock::Clock;
use crate::base::map::{Map, keyed};
use crate::base::time::Moment;
use crate::call::trunk::{Addresses, Trunk};
use crate::call::trunks::Trunks;
use crate::sip::place::Place;
use crate::sip::transport::SIP_PORT;

/// How often names are asked again: the usual time to live of a record that is meant to move.
const AGAIN: Duration = Duration::from_secs(60);

/// The longest all names together may take: a resolver that is dead holds a start up no longer, and the names are asked
/// again at once.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// How long an address is remembered that a name no longer shows: a carrier that rotates its records still calls from it.
const REMEMBERED: Duration = Duration::from_secs(300);

/// Addresses kept for one name, the remembered ones too; a carrier lists a handful.
const ADDRESSES_MAX: usize = 32;

/// A trunk's name and where it leads now.
pub(in crate::engine) type Resolved = (Arc<str>, Addresses);

/// When each address of a trunk was last seen.
type Seen = Map<Arc<str>, Vec<(Place, Moment)>>;

/// Resolves every trunk, all names at once. One whose name has no answer in time comes with no address and a warning; calls
/// to it are unreachable.
pub(in crate::engine) async fn resolve(trunks: &[Trunk]) -> Vec<Resolved> {
    let mut questions = JoinSet::new();
    let mut found = Vec::with_capacity(trunks.len());
    for (place, trunk) in trunks.iter().enumerate() {
        let answer = match literal(trunk) {
            Some(address) => Addresses::plain(trunk.transport, [address]),
            None => {
                let (host, port) = (Arc::clone(&trunk.host), trunk.port.unwrap_or(SIP_PORT));
                let transport = trunk.transport;
                questions.spawn(async move {
                    let found = look_up(&host, port).await;
                    (place, found.map(|found| Addresses::plain(transport, found)))
                });
                Addresses::default()
            }
        };
        found.push((Arc::clone(&trunk.id), answer));
    }
    let mut waiting: Vec<bool> = trunks.iter().map(|one| literal(one).is_none()).collect();
    let all = async {
        while let Some(answered) = questions.join_next().await {
            let Ok((place, answer)) = answered else {
                continue;
            };
            if let Some(waits) = waiting.get_mut(place) {
                *waits = false;
            }
            let Some((trunk, addresses)) = found.get_mut(place) else {
                continue;
            };
            match answer {
                Ok(answer) => *addresses = answer,
                Err(error) => {
                    tracing::warn!(%trunk, %error, "the trunk's host name has no address");
                }
            }
        }
    };
    if timeout(ANSWER_TIME, all).await.is_err() {
        for (trunk, _) in trunks.iter().zip(&waiting).filter(|(_, waits)| **waits) {
            tracing::warn!(trunk = %trunk.id, host = %trunk.host, "the resolver did not answer");
        }
    }
    found
}

/// Resolves names every minute and reports what it finds, the first time at once; without names too, so that a change of
/// this machine's own addresses is noticed. Ends when nobody listens.
pub(in crate::engine) async fn keep_resolving(
    clock: Clock,
    trunks: Vec<Trunk>,
    known: Arc<Trunks>,
    report: mpsc::Sender<Vec<Resolved>>,
) {
    let named: Vec<Trunk> = trunks
        .into_iter()
        .filter(|trunk| literal(trunk).is_none())
        .collect();
    let mut seen: Seen = keyed(0);
    for trunk in &named {
        if let Some(line) = known.by_id(&trunk.id) {
            remember(&mut seen, clock.now(), &trunk.id, line.addresses.0.clone());
        }
    }
    loop {
        let found = resolve(&named).await;
        let now = clock.now();
        // A name that has no answer now keeps the addresses it had: yesterday's carrier beats none.
        let found = found
            .into_iter()
            .filter(|(_, addresses)| !addresses.0.is_empty())
            .map(|(id, addresses)| {
                let addresses = remember(&mut seen, now, &id, addresses.0);
                (id, addresses)
            })
            .collect();
        if report.send(found).await.is_err() {
            return;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Puts the addresses that a name showed lately behind those that it shows now.
fn remember(seen: &mut Seen, now: Moment, id: &Arc<str>, shown: Vec<Place>) -> Addresses {
    let before = seen.remove(id).unwrap_or_default();
    let mut kept: Vec<(Place, Moment)> = Vec::with_capacity(shown.len());
    let lately = before.into_iter().filter(|(_, at)| now - *at < REMEMBERED);
    for (address, at) in shown
        .into_iter()
        .map(|address| (address, now))
        .chain(lately)
    {
        if kept.len() < ADDRESSES_MAX && !kept.iter().any(|(one, _)| one.is_at(&address)) {
            kept.push((address, at));
        }
    }
    let addresses = kept.iter().map(|(address, _)| *address).collect();
    seen.insert(Arc::clone(id), kept);
    Addresses(addresses)
}

async fn look_up(host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
    let found = tokio::net::lookup_host((host, port)).await?;
    Ok(found.take(ADDRESSES_MAX).collect())
}

/// The address of a trunk whose host is written as one.
pub(in crate::engine) fn literal(trunk: &Trunk) -> Option<SocketAddr> {
    let host = trunk.host.trim_start_matches('[').trim_end_matches(']');
    let ip: IpAddr = host.parse().ok()?;
    Some(SocketAddr::new(ip, trunk.port.unwrap_or(SIP_PORT)))
}
