//! The thin shell around the pure core: sockets, the one clock, admission, performing what calls wish, reload, drain.

pub mod gauges;
pub mod limits;
pub mod settings;
