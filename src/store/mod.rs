//! The store: the call log is the truth, the rows and the index over it can be deleted.

pub mod credit;
pub mod csv;
pub mod error;
pub mod handle;
pub mod history;
pub mod query;
pub mod record;
pub(crate) mod rows;
pub mod settings;

pub use handle::Store;
