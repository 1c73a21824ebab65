//! The lines of all calls while the whole log is read, so that the index is written once, sorted, and in pieces: keeping each
//! call as it ends costs the index more than reading the log. Pure.

use crate::base::id::CallId;
use crate::store::pack;
use crate::store::place::Place;

/// Calls in one piece: some 7 KB, of which a reader looks at half until it has found its own.
const PIECE: usize = 128;

/// Lines of calls that are over. A call takes some 60 bytes, a line that came later 32.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    calls: Vec<Kept>,
    /// Their places as [`pack::put_places`] writes them.
    places: Vec<u8>,
    /// What came after a call was kept, in the order of the log.
    late: Vec<(CallId, Place)>,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    call: CallId,
    start: usize,
    length: u32,
}

impl Gathered {
    /// Keeps the lines of a call.
    pub(crate) fn keep(&mut self, call: CallId, lines: &[Place]) {
        let start = self.places.len();
        pack::put_places(&mut self.places, lines);
        let length = u32::try_from(self.places.len() - start).unwrap_or(u32::MAX);
        self.calls.push(Kept {
            call,
            start,
            length,
        });
    }

    /// Keeps one more line of a call that was kept.
    pub(crate) fn keep_late(&mut self, call: CallId, place: Place) {
        self.late.push((call, place));
    }

    /// Gives the lines of a call back; `None`: it was not kept. Looks at the newest first.
    pub(crate) fn take_back(&mut self, call: CallId) -> Option<Vec<Place>> {
        let place = self.calls.iter().rposition(|kept| kept.call == call)?;
        let kept = self.calls.remove(place);
        let mut lines = self.lines(kept);
        self.late.retain(|&(late, place)| {
            if late == call {
                lines.push(place);
            }
            late != call
        });
        Some(lines)
    }

    /// All calls by their ids, in pieces, each with the first id in it.
    pub(crate) fn pieces(&mut self) -> impl Iterator<Item = (CallId, Vec<u8>)> {
        // Of what has one id the order of the log stays.
        self.calls.sort_by_key(|kept| kept.call);
        self.late.sort_by_key(|&(call, _)| call);
        let this = &*self;
        let mut late = this.late.iter().peekable();
        let mut calls = this.calls.iter().peekable();
        std::iter::from_fn(move || {
            let first = calls.peek()?.call;
            let mut piece = Vec::new();
            let mut count = 0;
            while count < PIECE
                && let Some(&kept) = calls.next()
            {
                count += 1;
                while late.next_if(|(call, _)| *call < kept.call).is_some() {}
                let is_alone = calls.peek().is_none_or(|next| next.call != kept.call)
                    && late.peek().is_none_or(|(call, _)| *call != kept.call);
                if is_alone {
                    pack::put_call(&mut piece, kept.call, this.bytes(kept));
                    continue;
                }
                let mut lines = this.lines(kept);
                while let Some(&again) = calls.next_if(|next| next.call == kept.call) {
                    lines.extend(this.lines(again));
                }
                while let Some(&(_, place)) = late.next_if(|(call, _)| *call == kept.call) {
                    lines.push(place);
                }
                pack::put(&mut piece, kept.call, &lines);
            }
            Some((first, piece))
        })
    }

    fn bytes(&self, kept: Kept) -> &[u8] {
        let length = usize::try_from(kept.length).unwrap_or(usize::MAX);
        self.places
            .get(kept.start..kept.start.saturating_add(length))
            .unwrap_or_default()
    }

    fn lines(&self, kept: Kept) -> Vec<Place> {
        pack::places(self.bytes(kept)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::place::Month;
    use crate::store::trial::Script;

    fn line(offset: u64) -> Place {
        Place {
            month: Month(202_611),
            length: 80,
            offset,
        }
    }

    /// All that is gathered, call by call.
    fn all(gathered: &mut Gathered, calls: u64) -> Vec<Option<Vec<Place>>> {
        let pieces: Vec<(CallId, Vec<u8>)> = gathered.pieces().collect();
        assert!(pieces.is_sorted_by(|(a, _), (b, _)| a < b));
        let find = |number| {
            let call = Script::nth(number).id;
            let at = pieces.partition_point(|(first, _)| *first <= call);
            pack::find(&pieces[at.checked_sub(1)?].1, call)
        };
        (0..calls).map(find).collect()
    }

    #[test]
    fn calls_come_sorted_in_pieces_each_with_all_of_its_lines_in_order() {
        let mut gathered = Gathered::default();
        let count = 3 * u64::try_from(PIECE).unwrap() + 2;
        let mut wanted = Vec::new();
        for number in 0..count {
            wanted.push(Some(vec![line(number * 100), line(number * 100 + 10)]));
        }
        // They end in another order than they began in.
        for number in (0..count).map(|number| number ^ 1) {
            let lines = wanted[usize::try_from(number).unwrap()].clone().unwrap();
            gathered.keep(Script::nth(number).id, &lines);
        }
        for (number, offset) in [(7, 90_000), (200, 90_100), (7, 90_200)] {
            gathered.keep_late(Script::nth(number).id, line(offset));
            let lines = &mut wanted[usize::try_from(number).unwrap()];
            lines.as_mut().unwrap().push(line(offset));
        }
        // Nothing is known of this one.
        gathered.keep_late(Script::nth(count + 5).id, line(1));
        assert!(all(&mut gathered, count) == wanted);
    }

    #[test]
    fn a_call_that_is_taken_back_is_gone_with_all_of_its_lines_until_it_is_kept_again() {
        let mut gathered = Gathered::default();
        for number in 0..3 {
            gathered.keep(Script::nth(number).id, &[line(number)]);
        }
        gathered.keep_late(Script::nth(1).id, line(50));
        assert_eq!(gathered.take_back(Script::nth(9).id), None);
        assert_eq!(
            gathered.take_back(Script::nth(1).id),
            Some(vec![line(1), line(50)])
        );
        assert_eq!(
            all(&mut gathered, 3),
            [Some(vec![line(0)]), None, Some(vec![line(2)])]
        );
        gathered.keep(Script::nth(1).id, &[line(1), line(50), line(60)]);
        assert_eq!(
            all(&mut gathered, 3)[1],
            Some(vec![line(1), line(50), line(60)])
        );
    }
}
