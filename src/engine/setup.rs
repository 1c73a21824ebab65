//! Everything the engine is started with, and the part of it that a reload may change.

use std::sync::Arc;

use crate::base::country::Country;
use crate::call::guard;
use crate::call::trunk::Trunk;
use crate::engine::settings::Settings;
use crate::engine::tls::Tls;
use crate::recording::settings::When;
use crate::route::Routing;
use crate::sip::session_timer::Policy;
use crate::track::Tracking;

/// What a start needs.
#[derive(Debug)]
pub struct Setup {
    /// `[sip]`.
    pub sip: Settings,
    /// `[media]`.
    pub media: crate::media::settings::Settings,
    /// `[recordings]`.
    pub recordings: crate::recording::settings::Settings,
    /// `[store]`.
    pub store: crate::store::settings::Settings,
    /// `[numbers] country`.
    pub country: Country,
    /// What decides about calls.
    pub rules: Rules,
}

/// What decides about calls; replaced as a whole by a reload. Calls under way keep what they were decided by.
#[derive(Clone, Debug)]
pub struct Rules {
    /// `[[trunk]]`.
    pub trunks: Vec<Trunk>,
    /// `[[project]]` and `[[source]]`.
    pub tracking: Arc<Tracking>,
    /// `[[manager]]`, `[[group]]` and `[[rule]]`.
    pub routing: Arc<Routing>,
    /// `[guard]`.
    pub guard: guard::Settings,
    /// Certificates and authorities.
    pub tls: Tls,
    /// `[recordings] when`.
    pub record: When,
    /// `session_expires_s` and `min_se_s` of `[sip]`.
    pub session: Policy,
}
