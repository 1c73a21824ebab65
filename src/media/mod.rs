//! Sound: RTP ports, relaying workers, the tap for the recorder, and the timeline it is laid on.

pub mod command;
pub mod ports;
pub mod settings;
pub mod tap;
