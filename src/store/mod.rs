//! The store: the call log is the truth, the rows and the index over it can be deleted.

pub(crate) mod ahead;
pub(crate) mod books;
pub(crate) mod callback;
pub(crate) mod caller;
pub mod control;
pub mod credit;
pub mod csv;
pub(crate) mod db;
pub(crate) mod disk;
pub(crate) mod erase;
pub mod error;
pub(crate) mod event;
pub mod export;
pub mod feed;
pub(crate) mod filter;
pub(crate) mod fold;
pub(crate) mod gather;
pub(crate) mod gist;
pub mod handle;
pub(crate) mod heard;
pub mod history;
pub(crate) mod job;
pub(crate) mod keeper;
pub mod ladder;
pub(crate) mod ladders;
pub mod ledger;
pub(crate) mod line;
pub(crate) mod log;
pub mod looked;
pub mod maker;
pub(crate) mod names;
pub(crate) mod pack;
pub(crate) mod place;
pub mod query;
pub mod record;
pub(crate) mod recover;
pub mod remark;
pub(crate) mod row;
pub(crate) mod rows;
pub mod say;
pub(crate) mod scan;
pub mod settings;
pub(crate) mod shared;
pub(crate) mod shelved;
pub(crate) mod skim;
pub(crate) mod snapshot;
pub(crate) mod spoken;
pub(crate) mod texts;
pub mod token;
#[cfg(test)]
pub(crate) mod trial;
#[cfg(test)]
mod trials;
pub mod verify;
pub(crate) mod view;

pub use handle::Store;
