//! HTTP as its users meet it: the router over a store in a temporary folder.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed check ends the test"
)]

mod calls;
mod changes;
mod figures;
mod house;
mod ladder;
mod letters;
mod live;
mod matrix;
mod openapi;
mod pages;
mod peaks;
mod people;
mod reach;
mod recordings;
mod refusals;
mod replay;
mod reports;
mod saved;
mod seasons;
mod server;
mod spend;
mod tokens;
mod uses;
