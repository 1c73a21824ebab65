//! Rows: one fixed-width row a call, in memory. Lists and reports scan them. Pure.

use std::hash::BuildHasher;

use foldhash::quality::FixedState;

use crate::base::number::Caller;

/// Set in the key of a caller that is no telephone number. Numbers have at most 15 digits, 50 bits.
const NO_NUMBER: u64 = 1 << 63;

/// A caller in 64 bits: the digits of a number, a hash of anything else, `None` for who hides.
///
/// The hash is the same in every process, because rows are kept in files. Two callers that collide in its 63 bits are
/// counted as one; lists compare the record's text as well.
pub(crate) fn caller_key(caller: &Caller) -> Option<u64> {
    match caller {
        Caller::Number(number) => Some(number.digits()),
        Caller::Other(text) => Some(FixedState::with_seed(0).hash_one(text.as_bytes()) | NO_NUMBER),
        Caller::Anonymous => None,
    }
}
