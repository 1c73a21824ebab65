//! SIP without sockets: messages, transactions, dialogs (RFC 3261).

pub mod auth;
pub mod dialog;
pub mod endpoint;
pub mod frame;
pub mod header;
pub mod headers;
pub mod host;
mod lines;
pub mod malformed;
pub mod message;
pub mod method;
pub mod name_addr;
pub mod outgoing;
pub mod place;
pub mod probe;
pub mod registration;
pub mod reply;
pub mod scan;
mod slab;
pub mod status;
mod timers;
pub mod transaction;
pub mod transport;
pub mod uri;
pub mod via;
pub mod write;
