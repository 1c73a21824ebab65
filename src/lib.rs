//! ringtag: a SIP/RTP back-to-back user agent with call recording and call tracking.
//!
//! The rooms are described in ARCHITECTURE.md; `tests/tidy.rs` keeps who may import whom.

pub mod api;
pub mod base;
pub mod call;
pub mod cli;
pub mod config;
pub mod engine;
pub mod media;
pub mod notify;
pub mod people;
pub mod phones;
pub mod recording;
pub mod report;
pub mod route;
pub mod sdp;
pub mod sip;
pub mod store;
pub mod track;
pub mod web;
