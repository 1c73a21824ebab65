//! The pages: templates checked when they are compiled, their words in English and Russian, their assets. Pure: it is told
//! what to show and asks for nothing.

pub mod assets;
pub mod board;
pub mod call;
pub mod chart;
pub mod dashboard;
pub mod dates;
pub mod figures;
pub mod frame;
pub mod letter;
pub mod list;
pub mod player;
pub mod report;
pub mod row;
pub mod rules;
pub mod saved;
pub mod sessions;
pub mod small;
pub mod spend;
pub mod words;

pub use frame::Frame;
pub use words::{Language, Words};
