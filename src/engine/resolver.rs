//! DNS, as hickory-resolver asks it: the machine's resolv.conf and hosts file, or the one server that the admin names.
//!
//! What is asked and what follows from the answers is `sip::locate`'s; this file is all that knows the library.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::rdata::{NAPTR, SRV};
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::{ResolverBuilder, TokioResolver};
use tokio::task::JoinSet;

use crate::sip::locate::{Answer, Goal, Kind, Locate, Located, Means, Question, Record};

/// How long one server is waited for before it is asked again, or another one.
const SERVER_TIME: Duration = Duration::from_secs(2);

/// How often each is asked.
const ATTEMPTS: usize = 2;

/// A resolver with its configuration as it was read.
#[derive(Clone)]
pub(in crate::engine) struct Resolver {
    inner: Option<Arc<TokioResolver>>,
}

impl Resolver {
    /// Reads the machine's files, which waits for the disk. `server` is asked in the place of those in resolv.conf.
    pub(in crate::engine) fn read(server: Option<SocketAddr>) -> Self {
        let system = match server {
            Some(_) => None,
            None => TokioResolver::builder_tokio().ok(),
        };
        // Without a resolv.conf the C library asks this machine, and so do we.
        let local = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53);
        let mut builder = system.unwrap_or_else(|| asking(server.unwrap_or(local)));
        let options = builder.options_mut();
        options.timeout = options.timeout.min(SERVER_TIME);
        options.attempts = ATTEMPTS;
        // Whoever asks again wants to know what holds now.
        options.cache_size = 0;
        match builder.build() {
            Ok(inner) => Self {
                inner: Some(Arc::new(inner)),
            },
            Err(error) => {
                tracing::warn!(%error, "no names can be looked up");
                Self { inner: None }
            }
        }
    }

    /// Follows a host's records to its places.
    pub(in crate::engine) async fn locate(&self, goal: Goal, means: Means) -> Located {
        let mut machine = Locate::new(goal, means);
        let mut asking = JoinSet::new();
        loop {
            while let Some(question) = machine.poll() {
                let resolver = self.clone();
                asking.spawn(async move {
                    let answer = resolver.ask(&question).await;
                    (question, answer)
                });
            }
            match asking.join_next().await {
                Some(Ok((question, answer))) => machine.handle_answer(&question, answer),
                Some(Err(_ended_with_the_runtime)) => {}
                None => break,
            }
        }
        let located = machine.located().cloned();
        located.unwrap_or_else(Located::unanswered)
    }

    async fn ask(&self, question: &Question) -> Answer {
        let Some(inner) = &self.inner else {
            return Answer::Failed;
        };
        let kind = match question.kind {
            Kind::Naptr => RecordType::NAPTR,
            Kind::Srv => RecordType::SRV,
            Kind::A => RecordType::A,
            Kind::Aaaa => RecordType::AAAA,
        };
        match inner.lookup(question.name.as_str(), kind).await {
            Ok(found) => {
                let answers = found.answers();
                // The aliases on the way count, too: they may be the first to change.
                let ttl_s = answers.iter().map(|one| one.ttl).min().unwrap_or(0);
                let records = answers.iter().filter_map(|one| record(&one.data)).collect();
                Answer::Found { records, ttl_s }
            }
            Err(error) => failed(question, &error),
        }
    }
}

/// What an error says: that there is nothing, or that nobody knows.
fn failed(question: &Question, error: &NetError) -> Answer {
    if error.is_no_records_found() {
        return Answer::Nothing;
    }
    tracing::debug!(name = question.name, kind = ?question.kind, %error, "a name was not resolved");
    Answer::Failed
}

fn record(data: &RData) -> Option<Record> {
    if let RData::SRV(srv) = data {
        return Some(server(srv));
    }
    if let RData::NAPTR(naptr) = data {
        return Some(service(naptr));
    }
    data.ip_addr().map(Record::Address)
}

fn server(srv: &SRV) -> Record {
    Record::Srv {
        priority: srv.priority,
        weight: srv.weight,
        port: srv.port,
        target: srv.target.to_ascii().to_ascii_lowercase(),
    }
}

fn service(naptr: &NAPTR) -> Record {
    Record::Naptr {
        order: naptr.order,
        preference: naptr.preference,
        flags: String::from_utf8_lossy(&naptr.flags).into_owned(),
        service: String::from_utf8_lossy(&naptr.services).into_owned(),
        replacement: naptr.replacement.to_ascii().to_ascii_lowercase(),
    }
}

/// A builder of a resolver that asks one server.
fn asking(server: SocketAddr) -> ResolverBuilder<TokioRuntimeProvider> {
    let mut one = NameServerConfig::udp_and_tcp(server.ip());
    for connection in &mut one.connections {
        connection.port = server.port();
    }
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![one]);
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
}
