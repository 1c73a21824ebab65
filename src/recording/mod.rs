//! Recordings: which calls are recorded, two timelines mixed to stereo, WAV files that survive a crash.

pub mod command;
pub mod disk;
pub mod finish;
pub mod gaps;
pub mod hash;
pub mod keys;
pub mod mix;
pub mod notes;
pub mod pack;
pub mod pause;
pub mod peaks;
pub mod plan;
pub mod presence;
pub mod probe;
pub mod recover;
pub mod settings;
pub mod shelf;
pub mod sketch;
pub mod take;
pub mod tape;
pub mod wav;
pub mod worker;
pub mod writing;
