//! The thin shell around the pure core: sockets, the one clock, admission, performing what calls wish, reload, drain.

pub mod error;
pub mod gauges;
pub mod handle;
pub mod limits;
pub mod settings;
pub mod setup;
pub mod start;
pub mod strangers;
pub mod tls;

mod admit;
mod aftermath;
mod datagrams;
mod ladders;
mod names;
mod pace;
mod post;
mod resolver;
mod retention;
mod run;
mod sound;
mod streams;
mod tell;
mod ways;
