//! The lines of many calls in one piece, for an index that is made in one go. Pure.
//!
//! Each call is its id, the length of what follows, and its places one after the other: the month and the first byte as they
//! differ from where the line before it ended, then the line's length, all as LEB128. A call's lines stand close to each
//! other, so most take four or five bytes.

use crate::base::id::CallId;
use crate::store::place::{Month, Place};

/// Appends the lines of a call.
pub(crate) fn put(out: &mut Vec<u8>, call: CallId, lines: &[Place]) {
    let mut places = Vec::with_capacity(8 * lines.len());
    put_places(&mut places, lines);
    put_call(out, call, &places);
}

/// Appends a call whose places are written already.
pub(crate) fn put_call(out: &mut Vec<u8>, call: CallId, places: &[u8]) {
    out.extend_from_slice(&call.to_bytes());
    put_number(out, u64::try_from(places.len()).unwrap_or(u64::MAX));
    out.extend_from_slice(places);
}

/// Appends places.
pub(crate) fn put_places(out: &mut Vec<u8>, lines: &[Place]) {
    let mut before = Before::default();
    for &place in lines {
        put_number(out, zigzag(i64::from(place.month.0), before.month));
        let from = if i64::from(place.month.0) == before.month {
            before.end
        } else {
            0
        };
        put_number(out, zigzag(signed(place.offset), from));
        put_number(out, u64::from(place.length));
        before = Before::after(place);
    }
}

/// Takes back what [`put_places`] wrote; `None`: it is malformed.
pub(crate) fn places(mut from: &[u8]) -> Option<Vec<Place>> {
    let mut before = Before::default();
    let mut places = Vec::new();
    while !from.is_empty() {
        let month = unzigzag(take_number(&mut from)?, before.month);
        let start = if month == before.month { before.end } else { 0 };
        let place = Place {
            month: Month(u32::try_from(month).ok()?),
            offset: u64::try_from(unzigzag(take_number(&mut from)?, start)).ok()?,
            length: u32::try_from(take_number(&mut from)?).ok()?,
        };
        before = Before::after(place);
        places.push(place);
    }
    Some(places)
}

/// The lines of `call` in a piece that [`put`] made; `None`: it is not in it, or the piece is malformed.
pub(crate) fn find(mut from: &[u8], call: CallId) -> Option<Vec<Place>> {
    loop {
        let (id, rest) = from.split_first_chunk()?;
        from = rest;
        let length = usize::try_from(take_number(&mut from)?).ok()?;
        let (lines, rest) = from.split_at_checked(length)?;
        if CallId::from_bytes(*id) == call {
            return places(lines);
        }
        from = rest;
    }
}

/// Where a line stands whose next one is written.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    month: i64,
    end: i64,
}

impl Before {
    fn after(place: Place) -> Self {
        Self {
            month: i64::from(place.month.0),
            end: signed(place.end()),
        }
    }
}

/// No file is so long that this is another number.
fn signed(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

/// A difference as a number that is small when the difference is, on either side.
fn zigzag(to: i64, from: i64) -> u64 {
    let by = to.wrapping_sub(from);
    (by.wrapping_shl(1) ^ (by >> 63)).cast_unsigned()
}

fn unzigzag(by: u64, from: i64) -> i64 {
    from.wrapping_add((by >> 1).cast_signed() ^ -((by & 1).cast_signed()))
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(low_bits(number) | 0x80);
        number >>= 7;
    }
    out.push(low_bits(number));
}

fn low_bits(number: u64) -> u8 {
    u8::try_from(number & 0x7f).unwrap_or_default()
}

fn take_number(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..u64::BITS).step_by(7) {
        let (&byte, rest) = from.split_first()?;
        *from = rest;
        let bits = u64::from(byte & 0x7f);
        // The last byte has one bit of 64.
        if bits << shift >> shift != bits {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::trial::Script;

    fn any_place() -> impl Strategy<Value = Place> {
        let offset = prop_oneof![0..5_000_000_000u64, any::<u32>().prop_map(u64::from)];
        (1..3_000u32, 1..=12u32, any::<u32>(), offset).prop_map(|(year, month, length, offset)| {
            Place {
                month: Month(year * 100 + month),
                length,
                offset,
            }
        })
    }

    proptest! {
        #[test]
        fn what_is_packed_is_found_again(
            calls in proptest::collection::vec(proptest::collection::vec(any_place(), 0..12), 1..20),
        ) {
            let mut packed = Vec::new();
            for (number, lines) in (0..).zip(&calls) {
                put(&mut packed, Script::nth(number).id, lines);
            }
            for (number, lines) in (0..).zip(&calls) {
                let found = find(&packed, Script::nth(number).id);
                prop_assert_eq!(found.as_ref(), Some(lines));
            }
            prop_assert_eq!(find(&packed, Script::nth(99).id), None);
        }

        #[test]
        fn a_malformed_piece_is_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(places(&bytes));
            drop(find(&bytes, Script::nth(1).id));
        }
    }

    #[test]
    fn a_call_whose_lines_stand_together_takes_few_bytes() {
        let line = |offset| Place {
            month: Month(202_611),
            length: 650,
            offset,
        };
        let lines: Vec<Place> = (0..7).map(|n| line(200_000_000 + n * 700)).collect();
        let mut packed = Vec::new();
        put(&mut packed, Script::nth(1).id, &lines);
        assert!(packed.len() < 64, "{} bytes", packed.len());
    }
}
