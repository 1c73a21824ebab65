//! Dialogs that a call has left: BYEs on their way, and those that must wait for an ACK first.
//!
//! A call ends when its peers were told, not when they have heard. What is left is kept here, small, until the peer answered
//! its BYE or nothing came for 64 * T1. The dialogs that a crash left behind end the same way.

use std::sync::Arc;

use crate::base::chance::Token;
use crate::base::map::{Map, keyed};
use crate::call::digest::Answered;
use crate::call::headers::Why;
use crate::call::trunk::Trunk;
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::{ClientKey, ServerKey};
use crate::sip::transport::Path;

/// One dialog that a call has left.
#[derive(Debug)]
pub(in crate::call) struct Farewell {
    pub(in crate::call) dialog: Dialog,
    /// `None`: a dialog of nobody we know.
    pub(in crate::call) trunk: Option<Arc<Trunk>>,
    pub(in crate::call) path: Path,
    /// Our tag in it.
    pub(in crate::call) tag: Option<Token>,
    pub(in crate::call) why: Why,
    pub(in crate::call) proven: Answered,
    /// The trunk of a dialog that a crash left behind: its end is noted.
    pub(in crate::call) ghost: Option<Arc<str>>,
}

/// All of them.
#[derive(Debug)]
pub(in crate::call) struct Farewells {
    said: Map<ClientKey, Farewell>,
    unacked: Map<ServerKey, Farewell>,
}

impl Farewells {
    /// Starts with none.
    pub(in crate::call) fn new(key: u64) -> Self {
        Self {
            said: keyed(key),
            unacked: keyed(key),
        }
    }

    /// Keeps a dialog until its BYE is answered.
    pub(in crate::call) fn said(&mut self, bye: ClientKey, farewell: Farewell) {
        self.said.insert(bye, farewell);
    }

    /// Keeps a dialog whose BYE waits for the ACK of our 2xx (RFC 3261 15).
    pub(in crate::call) fn wait(&mut self, server: ServerKey, farewell: Farewell) {
        self.unacked.insert(server, farewell);
    }

    /// Takes the dialog of an answered BYE.
    pub(in crate::call) fn answered(&mut self, bye: ClientKey) -> Option<Farewell> {
        self.said.remove(&bye)
    }

    /// Takes the dialog whose ACK came, or will never come, or whose peer said BYE first.
    pub(in crate::call) fn released(&mut self, server: ServerKey) -> Option<Farewell> {
        self.unacked.remove(&server)
    }

    /// How many peers have not heard yet.
    pub(in crate::call) fn len(&self) -> usize {
        self.said.len() + self.unacked.len()
    }
}
