//! HTTP: health and metrics, the calls and their recordings, why a call goes where it goes.
//!
//! `door` says who asks and whether they may, before every route; `guard` answers to our own names only. Without users
//! there is nobody to tell apart: this machine alone is answered.

pub mod gate;
pub mod replay;
pub mod serve;
pub mod settings;
pub mod state;
pub mod visitor;

mod accept;
mod body;
mod calls;
mod cookie;
mod csrf;
mod dashboard;
mod door;
mod error;
mod explain;
mod form;
mod guard;
mod health;
mod letters;
mod listened;
mod live;
mod login;
mod me;
mod metrics;
mod narrow;
mod openapi;
mod pages;
mod paths;
mod peaks;
mod query;
mod range;
mod recording;
mod reports;
mod room;
mod route;
mod router;
mod saved;
mod sessions;
mod spend;
mod stall;
mod stream;
mod tokens;
mod veil;

pub use letters::Letters;
pub use router::{router, routes};
pub use serve::{ServeError, Server, serve};
pub use state::{Rules, State};
