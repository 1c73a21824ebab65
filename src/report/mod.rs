//! Figures over many calls: periods, tallies and tables. Pure: rows and the hour are handed in.

pub mod ask;
mod conditions;
mod days;
mod groups;
mod lines;
pub mod money;
pub mod period;
pub mod relative;
pub mod replay;
pub mod replayed;
pub mod run;
pub mod share;
mod sources;
pub mod table;
mod tally;
