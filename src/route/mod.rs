//! Who answers: the TOML rules as types, decided without a clock or a socket.

pub mod decision;

pub use decision::Decision;
