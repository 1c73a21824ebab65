//! The names of trunks, kept resolved: at the start, after a reload, and again when their records have grown old.
//!
//! A trunk with an outbound proxy is reached at the proxy. Where nobody answers, what was known stays in use.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use crate::base::clock::Clock;
use crate::base::time::Moment;
use crate::call::trunk::{Addresses, Trunk};
use crate::call::trunks::Trunks;
use crate::engine::resolver::Resolver;
use crate::sip::host::Host;
use crate::sip::locate::{Goal, Located, Means};
use crate::sip::place::Place;

/// Records are good for their time to live, but at least for this: a name whose records say 0 would be asked all the time.
const GOOD_MIN: Duration = Duration::from_secs(30);

/// And at most for this: a carrier that moves in a hurry, and a changed hosts file, are noticed within five minutes.
const GOOD_MAX: Duration = Duration::from_secs(300);

/// How soon a name without an answer is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// How often the loop reports at the latest, so that a change of this machine's own addresses is noticed.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// The longest all names together may take at the start: a resolver that is dead holds it up no longer, and the names are
/// asked again at once.
const FIRST_TIME: Duration = Duration::from_secs(5);

/// The longest one round may take later: four questions in a row, each with two attempts at two servers.
const ROUND_TIME: Duration = Duration::from_secs(32);

/// How long a place is remembered that a name no longer shows: a carrier that rotates its records still calls from it.
const REMEMBERED: Duration = Duration::from_secs(300);

/// Places kept for one name, the remembered ones too; a carrier lists a handful.
const PLACES_MAX: usize = 32;

/// A trunk's name and where it leads now.
pub(in crate::engine) type Resolved = (Arc<str>, Addresses);

/// How names are looked up.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Names {
    /// `[sip] resolver`.
    pub(in crate::engine) server: Option<SocketAddr>,
    /// What our sockets speak.
    pub(in crate::engine) means: Means,
}

/// One name that is kept resolved.
struct Name {
    trunk: Arc<str>,
    goal: Goal,
    /// When each place was last shown.
    seen: Vec<(Place, Moment)>,
    /// When it is asked again.
    due: Moment,
    /// It has no answer, and the log says so.
    troubled: bool,
}

/// What a trunk is reached by: its outbound proxy, else its host.
pub(in crate::engine) fn goal(trunk: &Trunk) -> Goal {
    let (host, port) = match &trunk.outbound_proxy {
        Some(proxy) => (&proxy.host, proxy.port),
        None => (&trunk.host, trunk.port),
    };
    Goal {
        host: Arc::clone(host),
        port,
        transport: (!trunk.any_transport).then_some(trunk.transport),
    }
}

/// The place of a trunk that is reached at an address as written.
pub(in crate::engine) fn literal(trunk: &Trunk) -> Option<Addresses> {
    let goal = goal(trunk);
    let ip = Host::of(&goal.host).ip()?;
    let transport = trunk.transport;
    let port = goal.port.unwrap_or_else(|| transport.default_port());
    Some(Addresses::plain(transport, [SocketAddr::new(ip, port)]))
}

/// Resolves every trunk, all names at once. One whose name has no answer in time comes with no place and a warning; calls to
/// it are unreachable.
pub(in crate::engine) async fn resolve(names: &Names, trunks: &[Trunk]) -> Vec<Addresses> {
    let goals = trunks
        .iter()
        .map(|trunk| literal(trunk).is_none().then(|| goal(trunk)));
    let found = ask(names, goals.collect(), FIRST_TIME).await;
    let mut addresses = Vec::with_capacity(trunks.len());
    for (trunk, found) in trunks.iter().zip(found) {
        addresses.push(match (literal(trunk), found) {
            (Some(literal), _) => literal,
            (None, Some(located)) => {
                if located.places.is_empty() {
                    warn_of(&trunk.id, &goal(trunk), &located, false);
                }
                Addresses(located.places)
            }
            (None, None) => {
                tracing::warn!(trunk = %trunk.id, host = %goal(trunk).host, "the resolver did not answer");
                Addresses::default()
            }
        });
    }
    addresses
}

/// Keeps names resolved and reports what it finds, the first time at once; without names too. Ends when nobody listens.
pub(in crate::engine) async fn keep_resolving(
    clock: Clock,
    names: Names,
    trunks: Vec<Trunk>,
    known: Arc<Trunks>,
    report: mpsc::Sender<Vec<Resolved>>,
) {
    let named = trunks.iter().filter(|trunk| literal(trunk).is_none());
    let mut kept: Vec<Name> = named
        .map(|trunk| Name::new(clock.now(), trunk, &known))
        .collect();
    loop {
        let now = clock.now();
        let due = due(&mut kept, now);
        let goals = due.iter().map(|name| Some(name.goal.clone())).collect();
        let found = ask(&names, goals, ROUND_TIME).await;
        let now = clock.now();
        let mut resolved = Vec::new();
        for (name, found) in due.into_iter().zip(found) {
            let located = found.unwrap_or_else(Located::unanswered);
            if let Some(addresses) = name.learn(now, located) {
                resolved.push((Arc::clone(&name.trunk), addresses));
            }
        }
        if report.send(resolved).await.is_err() {
            return;
        }
        let now = clock.now();
        let next = kept.iter().map(|name| name.due).min();
        let wait = next.map_or(LOOK_AGAIN, |due| (due - now).min(LOOK_AGAIN));
        tokio::time::sleep(wait).await;
    }
}

/// Those that are to be asked for. One that falls due while others are asked for has its turn in the next round: nobody has
/// looked for it, and so nobody can say that the resolver was silent.
fn due(names: &mut [Name], now: Moment) -> Vec<&mut Name> {
    names.iter_mut().filter(|name| name.due <= now).collect()
}

/// Looks for every goal that is one, all at once. `None`: not looked for, or not found in time.
async fn ask(names: &Names, goals: Vec<Option<Goal>>, patience: Duration) -> Vec<Option<Located>> {
    let mut found: Vec<Option<Located>> = goals.iter().map(|_| None).collect();
    if goals.iter().all(Option::is_none) {
        return found;
    }
    let server = names.server;
    // Read each time, so that a changed resolv.conf or hosts file counts.
    let Ok(resolver) = spawn_blocking(move || Resolver::read(server)).await else {
        return found;
    };
    let mut looking = JoinSet::new();
    for (number, goal) in goals.into_iter().enumerate() {
        let Some(goal) = goal else { continue };
        let (resolver, means) = (resolver.clone(), Arc::clone(&names.means));
        looking.spawn(async move { (number, resolver.locate(goal, means).await) });
    }
    let all = async {
        while let Some(done) = looking.join_next().await {
            if let Ok((number, located)) = done
                && let Some(place) = found.get_mut(number)
            {
                *place = Some(located);
            }
        }
    };
    let _whoever_is_late_stays_out = timeout(patience, all).await;
    found
}

impl Name {
    fn new(now: Moment, trunk: &Trunk, known: &Trunks) -> Self {
        let known = known.by_id(&trunk.id);
        let places = known.map(|line| line.addresses.0.as_slice());
        Self {
            trunk: Arc::clone(&trunk.id),
            goal: goal(trunk),
            seen: places
                .unwrap_or_default()
                .iter()
                .map(|p| (*p, now))
                .collect(),
            due: Moment::START,
            troubled: false,
        }
    }

    /// Takes what was found, and returns where the name leads now; `None`: what was known stays in use. What one half of the
    /// resolver's servers could not say counts only while nothing better is known.
    fn learn(&mut self, now: Moment, located: Located) -> Option<Addresses> {
        let keeps = located.unsure && !self.seen.is_empty();
        if located.places.is_empty() || keeps {
            self.due = now + ASK_AGAIN;
            if !std::mem::replace(&mut self.troubled, true) {
                warn_of(&self.trunk, &self.goal, &located, !self.seen.is_empty());
            }
            return None;
        }
        if std::mem::replace(&mut self.troubled, false) {
            tracing::info!(trunk = %self.trunk, host = %self.goal.host, "the host name is resolved again");
        }
        let good = Duration::from_secs(located.ttl_s.unwrap_or(0).into());
        self.due = now + good.clamp(GOOD_MIN, GOOD_MAX);
        Some(self.remember(now, located.places))
    }

    /// Puts the places that the name showed lately behind those that it shows now.
    fn remember(&mut self, now: Moment, shown: Vec<Place>) -> Addresses {
        let last = shown.iter().map(|place| place.rank).max().unwrap_or(0);
        let mut kept: Vec<(Place, Moment)> = shown.into_iter().map(|place| (place, now)).collect();
        for (place, at) in std::mem::take(&mut self.seen) {
            let is_new = !kept.iter().any(|(one, _)| one.is_at(&place));
            if now - at < REMEMBERED && is_new {
                let rank = last.saturating_add(1);
                kept.push((Place { rank, ..place }, at));
            }
        }
        kept.truncate(PLACES_MAX);
        self.seen = kept;
        Addresses(self.seen.iter().map(|(place, _)| *place).collect())
    }
}

/// Says why a name leads nowhere.
fn warn_of(trunk: &Arc<str>, goal: &Goal, located: &Located, known: bool) {
    let host = &goal.host;
    if located.unsure && known {
        tracing::warn!(%trunk, %host, "the resolver does not answer: the addresses known before stay in use");
    } else if located.unsure {
        tracing::warn!(%trunk, %host, "the resolver does not answer: calls to this trunk are unreachable");
    } else if located.beyond_means {
        tracing::warn!(%trunk, %host, "no socket of [sip] listen speaks the protocol and the family of any address of this host: add one");
    } else {
        tracing::warn!(%trunk, %host, "the host name has no address: check `host`, `outbound_proxy` and the name's records");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::trunk::HostPort;
    use crate::sip::transport::Transport;

    fn carrier() -> Name {
        let trunk = Trunk::plain("carrier", "sip.example.com");
        Name::new(Moment::START, &trunk, &Trunks::default())
    }

    fn located(list: &[&str], ttl_s: u32) -> Located {
        let addresses = list.iter().map(|text| text.parse().unwrap());
        Located {
            places: Addresses::plain(Transport::Udp, addresses).0,
            ttl_s: Some(ttl_s),
            ..Located::default()
        }
    }

    fn shown(addresses: &Addresses) -> Vec<String> {
        let show = |place: &Place| place.address.to_string();
        addresses.0.iter().map(show).collect()
    }

    const ONE: &str = "192.0.2.1:5060";
    const TWO: &str = "192.0.2.2:5060";

    #[test]
    fn a_place_that_a_name_no_longer_shows_is_remembered_for_five_minutes() {
        let mut name = carrier();
        let start = Moment::from_millis(1_000);
        let mut shown = |s: u64, list: &[&str]| {
            let now = start + Duration::from_secs(s);
            shown(&name.learn(now, located(list, 60)).unwrap())
        };
        assert_eq!(shown(0, &[ONE]), [ONE]);
        assert_eq!(shown(60, &[TWO]), [TWO, ONE]);
        assert_eq!(shown(299, &[TWO]), [TWO, ONE]);
        assert_eq!(shown(300, &[TWO]), [TWO]);
        assert_eq!(shown(360, &[ONE]), [ONE, TWO]);
        let many: Vec<String> = (1..100).map(|port| format!("192.0.2.1:{port}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(shown(420, &many).len(), PLACES_MAX);
    }

    #[test]
    fn a_remembered_place_ranks_behind_those_that_are_shown() {
        let mut name = carrier();
        name.learn(Moment::START, located(&[ONE], 60));
        let now = Moment::START + Duration::from_secs(60);
        let found = name.learn(now, located(&[TWO], 60)).unwrap();
        let ranks: Vec<u16> = found.0.iter().map(|place| place.rank).collect();
        assert_eq!(ranks, [0, 1]);
    }

    #[test]
    fn what_is_known_stays_in_use_while_nobody_answers() {
        let mut name = carrier();
        let now = Moment::from_millis(1_000);
        assert!(name.learn(now, located(&[ONE], 60)).is_some());
        let silence = Located {
            unsure: true,
            ..Located::default()
        };
        let half = Located {
            unsure: true,
            ..located(&[TWO], 60)
        };
        assert_eq!(name.learn(now, silence), None);
        assert_eq!(name.due, now + ASK_AGAIN);
        assert!(name.troubled);
        assert_eq!(name.learn(now, half.clone()), None);
        assert_eq!(name.seen.len(), 1);
        assert!(name.learn(now, located(&[TWO], 60)).is_some());
        assert!(!name.troubled);
        // At the start half an answer is better than none.
        let mut fresh = carrier();
        assert!(fresh.learn(now, half).is_some());
    }

    #[test]
    fn records_are_asked_for_again_when_they_have_grown_old_within_limits() {
        let mut name = carrier();
        let now = Moment::from_millis(1_000);
        for (ttl_s, expected) in [(0, 30), (45, 45), (86_400, 300)] {
            name.learn(now, located(&[ONE], ttl_s));
            assert_eq!(name.due - now, Duration::from_secs(expected));
        }
    }

    #[test]
    fn only_names_that_are_due_have_their_turn() {
        let now = Moment::from_millis(1_000);
        let mut names = [carrier(), carrier()];
        names[0].learn(now, located(&[ONE], 60));
        let soon = now + Duration::from_secs(59);
        let turn = due(&mut names, soon);
        assert_eq!(turn.len(), 1);
        assert_eq!(turn[0].due, Moment::START);
        assert_eq!(due(&mut names, now + Duration::from_secs(60)).len(), 2);
    }

    #[test]
    fn a_trunk_with_an_outbound_proxy_is_reached_there() {
        let mut trunk = Trunk::plain("carrier", "sip.example.com");
        trunk.port = Some(5070);
        assert_eq!(literal(&trunk), None);
        assert_eq!(goal(&trunk).port, Some(5070));
        trunk.outbound_proxy = Some(HostPort {
            host: "[2001:db8::1]".into(),
            port: None,
        });
        trunk.transport = Transport::Tls;
        let place = literal(&trunk).unwrap().0[0];
        assert_eq!(place.address.to_string(), "[2001:db8::1]:5061");
        assert_eq!(place.transport, Transport::Tls);
    }
}
