//! The B2BUA without a socket: one machine for one call, and the switchboard that holds them all.

mod alarms;
mod between;
mod breadth;
mod causes;
mod contact;
pub mod desk;
mod dialled;
mod digest;
mod door;
mod events;

#[cfg(test)]
mod encrypted;
mod farewell;
mod goal;
pub mod guard;
mod hands;
mod headers;
mod health;
mod heard;
mod identity;
pub mod ladder;
mod leg;
mod machine;
mod mos;
mod offer_answer;
#[cfg(test)]
mod offers;
mod outcome;
mod places;
mod privacy;
pub mod probe;
mod rate;
mod reach;
mod registrar;
mod reply;
#[cfg(test)]
mod rig;
mod routes;
mod screen;
mod sips;
#[cfg(test)]
mod smuggling;
mod speak;
pub mod story;
pub mod switchboard;
mod takeover;
mod timers;
pub mod trunk;
pub mod trunks;
mod unfit;
mod upkeep;
mod usage;
