//! What is said about finding a host: the goal, questions and answers, records, and what was found (RFC 3263, plain data).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::sip::place::Place;
use crate::sip::transport::Transport;

/// What is to be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goal {
    /// A name or an address; an IPv6 address with or without brackets.
    pub host: Arc<str>,
    /// The port as written.
    pub port: Option<u16>,
    /// The protocol as written; `None`: the host's records choose, and UDP where they say nothing.
    pub transport: Option<Transport>,
}

/// What our own sockets speak: protocol and address each, in the order in which they are preferred.
pub type Means = Arc<[(Transport, SocketAddr)]>;

/// Which records are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Which protocols a domain is reached by (RFC 3403).
    Naptr,
    /// Which servers stand for a service (RFC 2782).
    Srv,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

/// One thing to look up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The name. One that the admin wrote comes as written, one out of a record ends in a dot.
    pub name: String,
    /// Which records.
    pub kind: Kind,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// These records, good for so many seconds.
    Found {
        /// What the name has.
        records: Vec<Record>,
        /// The shortest time to live among them.
        ttl_s: u32,
    },
    /// The name has no such records, for sure.
    Nothing,
    /// Nobody could say.
    Failed,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// One way to reach a domain.
    Naptr {
        /// Lower ones are used, and others not at all.
        order: u16,
        /// Lower ones come first.
        preference: u16,
        /// `s`: the replacement has SRV records.
        flags: String,
        /// `SIP+D2U`.
        service: String,
        /// Where to ask on.
        replacement: String,
    },
    /// One server of a service.
    Srv {
        /// Lower ones come first.
        priority: u16,
        /// How often among those of its priority.
        weight: u16,
        /// Its port.
        port: u16,
        /// Its name; `.`: the service is decidedly not offered.
        target: String,
    },
    /// An address.
    Address(IpAddr),
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Located {
    /// Where the host is reached; empty: nowhere.
    pub places: Vec<Place>,
    /// For how many seconds; `None`: nothing that was found says so.
    pub ttl_s: Option<u32>,
    /// Whether a question was not answered: what is known from before is then worth more.
    pub unsure: bool,
    /// Whether places were left out because no socket of ours speaks their protocol and family.
    pub beyond_means: bool,
}

impl Located {
    /// Nobody could say.
    pub fn unanswered() -> Self {
        Self {
            unsure: true,
            ..Self::default()
        }
    }
}
