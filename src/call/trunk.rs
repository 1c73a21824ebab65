//! A trunk: where calls come from and go to, as the admin means it (`[[trunk]]`).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::base::country::Country;
use crate::base::sound::{SoundFrom, Srtp};
use crate::sip::place::Place;
use crate::sip::transport::Transport;

/// One `[[trunk]]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Trunk {
    /// Its name in the configuration.
    pub id: Arc<str>,
    /// Host name or address as written, without the port; put into request-URIs.
    pub host: Arc<str>,
    /// The port as written; `None`: the transport's default.
    pub port: Option<u16>,
    /// The protocol toward it.
    pub transport: Transport,
    /// Nobody wrote the protocol down: the records of its name may choose another (RFC 3263 4.1).
    pub any_transport: bool,
    /// Source addresses taken for this trunk beside the host's own.
    pub allow: Vec<Allow>,
    /// Where the dialled number is read.
    pub did_from: DidFrom,
    /// Which number is shown when a call goes out here.
    pub caller_id: CallerId,
    /// How numbers are written toward it.
    pub number_format: NumberFormat,
    /// Where its sound may come from.
    pub media: SoundFrom,
    /// Whether its sound is encrypted with keys of ours.
    pub srtp: Srtp,
    /// Whether its P-Asserted-Identity, Diversion and History-Info are believed.
    pub trusted: bool,
    /// Most calls at once, in and out; `None`: no limit of its own.
    pub max_calls: Option<u32>,
    /// Whether a registration is kept there.
    pub register: bool,
    /// The user of its digest challenges and of the registration.
    pub username: Option<Arc<str>>,
    /// The secret of its digest challenges. Never written anywhere; `Debug` leaves it out.
    pub password: Option<Arc<str>>,
    /// Where requests toward it are sent first (RFC 3261 8.1.2), in the place of its own host.
    pub outbound_proxy: Option<HostPort>,
    /// Seconds between two OPTIONS that ask whether it is there; `None`: it is not asked.
    pub health_s: Option<u32>,
    /// Most new calls in a second, in and out together; `None`: no limit of its own.
    pub calls_per_s: Option<u32>,
    /// Whether provisional responses are acknowledged on calls to it.
    pub reliable: Reliable,
    /// Whether its REFER and its INVITE with Replaces move calls.
    pub transfers: bool,
    /// The numbers that may be dialled here.
    pub reach: Reach,
    /// What it must prove before it begins a call; `None`: its address is proof enough.
    pub inbound: Option<Login>,
}

impl Trunk {
    /// A trunk of which only the name and the host are written: everything else as the configuration's defaults are.
    pub fn plain(id: &str, host: &str) -> Self {
        Self {
            id: id.into(),
            host: host.into(),
            port: None,
            transport: Transport::Udp,
            any_transport: true,
            allow: Vec::new(),
            did_from: DidFrom::default(),
            caller_id: CallerId::default(),
            number_format: NumberFormat::default(),
            media: SoundFrom::default(),
            srtp: Srtp::default(),
            trusted: false,
            max_calls: None,
            register: false,
            username: None,
            password: None,
            outbound_proxy: None,
            health_s: None,
            calls_per_s: None,
            reliable: Reliable::default(),
            transfers: false,
            reach: Reach::default(),
            inbound: None,
        }
    }
}

/// A host as written, and its port where one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A name or an address; an IPv6 address in its brackets.
    pub host: Arc<str>,
    /// As written; `None`: RFC 3263 finds it, or the transport's default.
    pub port: Option<u16>,
}

/// `reliable`: whether provisional responses on calls to a trunk are acknowledged with PRACK (RFC 3262).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Reliable {
    /// Not offered to it.
    Off,
    /// Offered: the trunk chooses.
    #[default]
    Supported,
    /// Required of it.
    Required,
}

/// `countries` and `prefixes`: a number may be dialled when it lies in one of them, and any number when both are empty.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Reach {
    /// Whole countries.
    pub countries: Vec<Country>,
    /// Beginnings of E.164 numbers, with the plus: `+7495`.
    pub prefixes: Vec<Arc<str>>,
}

/// A user and its secret. `Debug` leaves the secret out.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub username: Arc<str>,
    /// The secret; never written anywhere.
    pub password: Arc<str>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// One entry of `allow`. An exact address with port wins, then the longest prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allow {
    /// The address, or the network's address.
    pub address: IpAddr,
    /// How many leading bits count: 32 or 128 for one host.
    pub prefix: u8,
    /// The port, where one is written.
    pub port: Option<u16>,
}

/// `did_from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DidFrom {
    /// The request-URI.
    #[default]
    RequestUri,
    /// The To header: what `register = true` means where nothing is written, for the request-URI is our contact then.
    To,
    /// The first Diversion (RFC 5806), from a trusted trunk only.
    Diversion,
    /// The first History-Info (RFC 7044), from a trusted trunk only.
    HistoryInfo,
}

/// `caller_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CallerId {
    /// The caller's own number.
    #[default]
    Caller,
    /// The virtual number that was dialled, with the caller in Diversion.
    VirtualNumber,
}

/// `number_format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum NumberFormat {
    /// `+74950000001`
    #[default]
    E164,
    /// `74950000001`
    Digits,
    /// As dialled inside the country of `[numbers]`.
    National,
}

/// Where a trunk is reached now, as RFC 3263 found it: at its outbound proxy where it has one, else at its host. Made by the
/// shell, refreshed by it; [`in_order`](crate::sip::place::in_order) says which is tried first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses(pub Vec<Place>);

impl Addresses {
    /// Addresses that are spoken to alike, tried in this order.
    pub fn plain(transport: Transport, list: impl IntoIterator<Item = SocketAddr>) -> Self {
        let place = |(rank, address)| Place {
            rank,
            ..Place::plain(transport, address)
        };
        Self((0..).zip(list).map(place).collect())
    }
}

impl std::fmt::Debug for Trunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trunk")
            .field("id", &self.id)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}
