//! The configuration: TOML as written becomes each room's own settings, or every mistake with its place.

pub mod draft;
pub mod load;
pub mod mistake;
pub mod reload;

mod barred;
mod book;
mod conduct;
mod guard;
mod host;
mod known;
mod labels;
mod later;
mod mail;
mod manner;
mod outside;
mod people;
pub mod probe;
mod read;
mod rules;
mod secret;
mod settings;
mod shadow;
mod sockets;
mod tls;
mod tracking;
#[cfg(test)]
mod trial;
mod trunk;
mod users;
mod walk;
mod web;

use std::path::PathBuf;

use crate::api;
use crate::base::country::Country;
use crate::call;
use crate::call::trunk::Trunk;
use crate::engine;
use crate::engine::tls::Tls;
use crate::media;
use crate::notify;
use crate::people::Users;
use crate::recording;
use crate::route::Routing;
use crate::store;
use crate::track::Tracking;

pub use draft::draft;
pub use load::load;
pub use mistake::{Grade, Mistake};

/// Everything an admin says, as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The file that it was read from.
    pub file: PathBuf,
    /// `[sip]`
    pub sip: engine::settings::Settings,
    /// Certificates and authorities of `[sip]` and `[[trunk]]`
    pub tls: Tls,
    /// `[media]`
    pub media: media::settings::Settings,
    /// `[recordings]`
    pub recordings: recording::settings::Settings,
    /// `[store]`
    pub store: store::settings::Settings,
    /// `[web]`
    pub web: api::settings::Settings,
    /// `[mail]`; `None`: no letters are sent.
    pub mail: Option<notify::settings::Settings>,
    /// `[[user]]`
    pub users: Users,
    /// `[guard]`, but for connections
    pub guard: call::guard::Settings,
    /// `[numbers] country`
    pub country: Country,
    /// `[[trunk]]`
    pub trunks: Vec<Trunk>,
    /// `[[project]]` and `[[source]]`
    pub tracking: Tracking,
    /// `[[manager]]`, `[[group]]` and `[[rule]]`
    pub routing: Routing,
}

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// As meant.
    pub config: Config,
    /// What can be used but is hardly meant.
    pub warnings: Vec<Mistake>,
}
