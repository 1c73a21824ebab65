//! Strangers and floods: who is heard at all, who is banned and for how long.

pub mod settings;

pub use crate::call::guard::settings::Settings;
