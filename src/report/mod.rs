//! Figures over many calls: periods, tallies and tables. Pure: rows and the hour are handed in.

pub mod share;
pub mod table;
