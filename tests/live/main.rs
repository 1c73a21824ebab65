//! The built program against real SIP clients on loopback: sipp, baresip, PJSIP and Kamailio call and carry, strace and kill -9 do their worst.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unwrap_in_result,
    clippy::print_stderr,
    reason = "a failed check ends the test"
)]

mod admission;
mod banlist;
mod baresip;
mod browser;
mod browser_calls;
mod browser_follows;
mod browser_looks;
mod browser_operator;
mod browser_print;
mod browser_reports;
mod browser_rights;
mod browser_rules;
mod browser_saved;
mod browser_spend;
mod commands;
mod crash;
mod disk;
mod dns;
mod early;
mod full;
mod gone;
mod harness;
mod kamailio;
mod ladder;
mod letters;
mod media;
mod names;
mod offers;
mod openapi;
mod pjsip;
mod pjsip_early;
mod pjsip_joined;
mod pjsip_picks_up;
mod pjsip_talks;
mod pjsip_transfers;
mod script;
mod secure;
mod sessions;
mod siege;
mod sipp;
mod sound;
mod srtp;
mod stop;
mod strangers;
#[expect(
    dead_code,
    reason = "how a message is read is for the reader's own tests"
)]
#[path = "../torture/table.rs"]
mod table;
mod talks;
mod tapes;
mod tls;
mod torture;
mod transfers;
mod trunks;
mod websocket;
mod week;
mod wideband;
