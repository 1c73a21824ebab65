//! Sound: RTP ports, relaying workers, the tap for the recorder, and the timeline it is laid on.

pub mod bell;
pub mod bridge;
pub mod choice;
pub mod codec;
pub mod command;
pub mod driver;
pub mod dtmf;
pub mod epoll;
pub mod flood;
pub mod latch;
pub mod late;
pub mod leg;
pub mod legs;
pub mod pool;
pub mod ports;
pub mod relay;
pub mod rtcp;
pub mod rtp;
pub mod settings;
pub mod srtp;
pub mod stats;
pub mod tap;
pub mod throttle;
pub mod timeline;
pub mod uring;
pub mod worker;
