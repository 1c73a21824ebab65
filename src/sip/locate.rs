//! From a host to the places where it is reached: NAPTR, then SRV, then A and AAAA (RFC 3263 section 4), without a resolver.
//!
//! The machine says what to look up and is told what came; whoever has the resolver asks all that [`Locate::poll`] gives, in
//! any order. An address as host needs nothing, and a port as written needs addresses only.

mod words;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use crate::sip::host::Host;
use crate::sip::place::Place;
use crate::sip::transport::Transport;

pub use crate::sip::locate::words::{Answer, Goal, Kind, Located, Means, Question, Record};

/// NAPTR records that are followed: one for each protocol, and a few of other orders.
const SERVICES_MAX: usize = 8;
/// SRV records of one service that are followed, those of the lowest priorities: a large carrier lists a dozen.
const SERVERS_MAX: usize = 16;
/// Addresses of one server that are kept.
const ADDRESSES_MAX: usize = 8;
/// Places kept in all.
const PLACES_MAX: usize = 32;
/// Records that are looked at in one answer; whoever sends more has no carrier behind it.
const RECORDS_MAX: usize = 64;

/// One host on its way to places.
#[derive(Debug)]
pub struct Locate {
    goal: Goal,
    means: Means,
    stage: Stage,
    questions: VecDeque<Question>,
    ttl_s: Option<u32>,
    unsure: bool,
}

#[derive(Debug)]
enum Stage {
    /// The domain's protocols were asked for.
    Services(Question),
    /// The servers of each service were asked for.
    Servers(Vec<Service>),
    /// The addresses of each server were asked for.
    Addresses(Vec<Server>),
    Done(Located),
}

/// One service that may be offered, in the order of preference.
#[derive(Debug)]
struct Service {
    transport: Transport,
    question: Question,
    answer: Option<Vec<Srv>>,
}

/// An SRV record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Srv {
    priority: u16,
    weight: u16,
    port: u16,
    target: String,
}

/// One server whose addresses are looked for.
#[derive(Debug)]
struct Server {
    rank: u16,
    weight: u16,
    transport: Transport,
    port: u16,
    name: String,
    v4: Option<Vec<IpAddr>>,
    v6: Option<Vec<IpAddr>>,
}

impl Locate {
    /// Starts to look for `goal`.
    pub fn new(goal: Goal, means: Means) -> Self {
        let mut machine = Self {
            goal,
            means,
            stage: Stage::Done(Located::default()),
            questions: VecDeque::new(),
            ttl_s: None,
            unsure: false,
        };
        let ip = Host::of(&machine.goal.host).ip();
        match (ip, machine.goal.port) {
            (Some(ip), _) => machine.take_literal(ip),
            (None, Some(port)) => machine.ask_for_host(port),
            (None, None) => machine.ask_for_services(),
        }
        machine
    }

    /// Returns the next thing to look up, or `None` when drained.
    pub fn poll(&mut self) -> Option<Question> {
        self.questions.pop_front()
    }

    /// Takes what came of a question.
    pub fn handle_answer(&mut self, question: &Question, answer: Answer) {
        let records = self.records(answer);
        match &mut self.stage {
            Stage::Services(asked) if asked == question => self.handle_services(records),
            Stage::Servers(services) => {
                let open = |one: &&mut Service| one.question == *question && one.answer.is_none();
                for service in services.iter_mut().filter(open) {
                    service.answer = Some(servers(&records));
                }
                if services.iter().all(|service| service.answer.is_some()) {
                    self.handle_servers();
                }
            }
            Stage::Addresses(servers) => {
                let named = |server: &&mut Server| server.name == question.name;
                for server in servers.iter_mut().filter(named) {
                    server.take(question.kind, &records);
                }
                if servers.iter().all(Server::is_found) {
                    self.handle_addresses();
                }
            }
            Stage::Services(_) | Stage::Done(_) => {}
        }
    }

    /// Returns what was found, once no answer is awaited any more.
    pub fn located(&self) -> Option<&Located> {
        match &self.stage {
            Stage::Done(located) => Some(located),
            Stage::Services(_) | Stage::Servers(_) | Stage::Addresses(_) => None,
        }
    }

    /// The records of an answer; what else it says is kept.
    fn records(&mut self, answer: Answer) -> Vec<Record> {
        match answer {
            Answer::Found { mut records, ttl_s } => {
                records.truncate(RECORDS_MAX);
                self.ttl_s = Some(self.ttl_s.map_or(ttl_s, |least| least.min(ttl_s)));
                records
            }
            Answer::Nothing => Vec::new(),
            Answer::Failed => {
                self.unsure = true;
                Vec::new()
            }
        }
    }

    /// RFC 3263 4.1: what is an address is taken as it is.
    fn take_literal(&mut self, ip: IpAddr) {
        let transport = self.goal.transport.unwrap_or(Transport::Udp);
        let port = self.goal.port.unwrap_or_else(|| transport.default_port());
        let place = Place::plain(transport, SocketAddr::new(ip, port));
        self.stage = Stage::Done(Located {
            places: vec![place],
            ..Located::default()
        });
    }

    fn ask(&mut self, name: String, kind: Kind) -> Question {
        let question = Question { name, kind };
        if !self.questions.contains(&question) {
            self.questions.push_back(question.clone());
        }
        question
    }

    /// RFC 3263 4.1: the protocol first, where nobody has chosen it.
    fn ask_for_services(&mut self) {
        match self.goal.transport {
            None => {
                let name = absolute(&self.goal.host);
                let question = self.ask(name, Kind::Naptr);
                self.stage = Stage::Services(question);
            }
            Some(transport) => self.ask_for_servers(&[transport]),
        }
    }

    /// The NAPTR records came, or none that we can follow: then each protocol that we speak is asked for.
    fn handle_services(&mut self, records: Vec<Record>) {
        let mut usable: Vec<(u16, u16, Transport, String)> = records
            .into_iter()
            .filter_map(|record| self.usable(record))
            .collect();
        usable.sort_by_key(|(order, preference, ..)| (*order, *preference));
        let lowest = usable.first().map(|(order, ..)| *order);
        // RFC 3403 4.1: once an order matched, the others are not looked at.
        usable.retain(|(order, ..)| Some(*order) == lowest);
        usable.truncate(SERVICES_MAX);
        if usable.is_empty() {
            let spoken = [Transport::Udp, Transport::Tcp, Transport::Tls];
            let ours = spoken.into_iter().filter(|one| self.speaks(*one));
            let ours: Vec<Transport> = ours.collect();
            return self.ask_for_servers(&ours);
        }
        let services = usable
            .into_iter()
            .map(|(_, _, transport, name)| self.service(transport, name))
            .collect();
        self.stage = Stage::Servers(services);
    }

    /// What a NAPTR record says, where it is one of SIP's (RFC 3263 4.1) and we speak what it names.
    fn usable(&self, record: Record) -> Option<(u16, u16, Transport, String)> {
        let Record::Naptr {
            order,
            preference,
            flags,
            service,
            replacement,
        } = record
        else {
            return None;
        };
        let transport = match service.to_ascii_uppercase().as_str() {
            "SIP+D2U" => Transport::Udp,
            "SIP+D2T" => Transport::Tcp,
            "SIPS+D2T" => Transport::Tls,
            _of_another_application => return None,
        };
        let leads_on = flags.eq_ignore_ascii_case("s") && !is_root(&replacement);
        (leads_on && self.speaks(transport)).then(|| {
            let name = absolute(&replacement);
            (order, preference, transport, name)
        })
    }

    /// RFC 3263 4.2: the servers of each protocol. None has a service of its own but these.
    fn ask_for_servers(&mut self, transports: &[Transport]) {
        let host = absolute(&self.goal.host);
        let mut services = Vec::with_capacity(transports.len());
        for transport in transports.iter().copied() {
            let prefix = match transport {
                Transport::Udp => "_sip._udp",
                Transport::Tcp => "_sip._tcp",
                Transport::Tls => "_sips._tcp",
                Transport::Ws | Transport::Wss => continue,
            };
            let name = format!("{prefix}.{host}");
            services.push(self.service(transport, name));
        }
        if services.is_empty() {
            return self.ask_for_the_host_itself();
        }
        self.stage = Stage::Servers(services);
    }

    fn service(&mut self, transport: Transport, name: String) -> Service {
        Service {
            transport,
            question: self.ask(name, Kind::Srv),
            answer: None,
        }
    }

    /// The SRV records came: the addresses of their servers, or the host's own where there are none at all.
    fn handle_servers(&mut self) {
        let Stage::Servers(services) = &mut self.stage else {
            return;
        };
        let services = std::mem::take(services);
        let mut found = Vec::new();
        let mut any = false;
        // A rank for each priority of each service: the services one after the other, as they are preferred.
        let mut rank = 0_u16;
        for Service {
            transport, answer, ..
        } in services
        {
            let mut last = None;
            for srv in answer.unwrap_or_default() {
                any = true;
                if is_root(&srv.target) || srv.port == 0 {
                    continue;
                }
                if last.is_some_and(|priority| priority != srv.priority) {
                    rank = rank.saturating_add(1);
                }
                last = Some(srv.priority);
                found.push(Server {
                    rank,
                    weight: srv.weight,
                    transport,
                    port: srv.port,
                    name: absolute(&srv.target),
                    v4: None,
                    v6: None,
                });
            }
            rank = rank.saturating_add(1);
        }
        match (found.is_empty(), any) {
            (true, false) => self.ask_for_the_host_itself(),
            // RFC 2782: a target of "." says that the service is not there.
            (true, true) => self.finish(Vec::new()),
            (false, _) => self.ask_for_addresses(found),
        }
    }

    /// RFC 3263 4.2: without SRV records the host itself, at the protocol's own port.
    fn ask_for_the_host_itself(&mut self) {
        let transport = self.goal.transport.unwrap_or(Transport::Udp);
        self.ask_for_host(transport.default_port());
    }

    fn ask_for_host(&mut self, port: u16) {
        let host = Server {
            rank: 0,
            weight: 0,
            transport: self.goal.transport.unwrap_or(Transport::Udp),
            port,
            // As written, so that the search list and the hosts file of the machine hold.
            name: self.goal.host.to_string(),
            v4: None,
            v6: None,
        };
        self.ask_for_addresses(vec![host]);
    }

    fn ask_for_addresses(&mut self, servers: Vec<Server>) {
        for server in &servers {
            for kind in [Kind::A, Kind::Aaaa] {
                self.ask(server.name.clone(), kind);
            }
        }
        self.stage = Stage::Addresses(servers);
    }

    fn handle_addresses(&mut self) {
        let Stage::Addresses(servers) = &mut self.stage else {
            return;
        };
        let servers = std::mem::take(servers);
        let mut places = Vec::new();
        for (number, server) in (0_u16..).zip(servers) {
            let (v4, v6) = (server.v4.unwrap_or_default(), server.v6.unwrap_or_default());
            // The family that is listened on first is preferred (RFC 3263 leaves it open).
            let own = self.means.iter().find(|(one, _)| *one == server.transport);
            let addresses = match own.is_some_and(|(_, ours)| ours.is_ipv6()) {
                true => [v6, v4],
                false => [v4, v6],
            };
            let addresses = addresses.into_iter().flatten();
            places.extend(addresses.take(ADDRESSES_MAX).map(|ip| Place {
                rank: server.rank,
                server: number,
                weight: server.weight,
                transport: server.transport,
                address: SocketAddr::new(ip, server.port),
            }));
        }
        self.finish(places);
    }

    /// Keeps what can be reached, each place once.
    fn finish(&mut self, places: Vec<Place>) {
        let mut located = Located {
            ttl_s: self.ttl_s,
            unsure: self.unsure,
            ..Located::default()
        };
        for place in places {
            let family = place.address.is_ipv4();
            let reachable = |(transport, ours): &(Transport, SocketAddr)| {
                *transport == place.transport && ours.is_ipv4() == family
            };
            if !self.means.iter().any(reachable) {
                located.beyond_means = true;
            } else if located.places.len() < PLACES_MAX
                && !located.places.iter().any(|one| one.is_at(&place))
            {
                located.places.push(place);
            }
        }
        self.stage = Stage::Done(located);
    }

    fn speaks(&self, transport: Transport) -> bool {
        self.means.iter().any(|(one, _)| *one == transport)
    }
}

impl Server {
    /// Takes the addresses of one family.
    fn take(&mut self, kind: Kind, records: &[Record]) {
        let of_family = |record: &Record| match record {
            Record::Address(ip) => (ip.is_ipv4() == (kind == Kind::A)).then_some(*ip),
            Record::Naptr { .. } | Record::Srv { .. } => None,
        };
        let found = Some(records.iter().filter_map(of_family).collect());
        match kind {
            Kind::A => self.v4 = found,
            Kind::Aaaa => self.v6 = found,
            Kind::Naptr | Kind::Srv => {}
        }
    }

    const fn is_found(&self) -> bool {
        self.v4.is_some() && self.v6.is_some()
    }
}

/// The SRV records of an answer, those of the lowest priorities.
fn servers(records: &[Record]) -> Vec<Srv> {
    let srv = |record: &Record| match record {
        Record::Srv {
            priority,
            weight,
            port,
            target,
        } => Some(Srv {
            priority: *priority,
            weight: *weight,
            port: *port,
            target: target.clone(),
        }),
        Record::Naptr { .. } | Record::Address(_) => None,
    };
    let mut found: Vec<Srv> = records.iter().filter_map(srv).collect();
    found.sort();
    found.truncate(SERVERS_MAX);
    found
}

/// A name with the dot at its end that keeps search lists away.
fn absolute(name: &str) -> String {
    format!("{}.", name.strip_suffix('.').unwrap_or(name))
}

fn is_root(name: &str) -> bool {
    name.is_empty() || name == "."
}

#[cfg(test)]
mod tests;
