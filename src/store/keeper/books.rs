//! What people enter that is no call's, on the store's thread: whether it may be entered, beside what waits for the disk.

use crate::store::event::Event;
use crate::store::job::Verdict;
use crate::store::keeper::Keeper;
use crate::store::ledger::SpentLine;

impl Keeper {
    /// Everything that is said and not yet seen by readers, in the order of its lines.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Event> + Clone {
        let written = self.unseen.iter().map(|(_, _, taken)| &taken.event);
        written.chain(self.taken.iter().map(|taken| &taken.event))
    }

    /// Two who change one amount at once notice each other here.
    pub(super) fn judge_spent(&self, line: &SpentLine) -> Verdict {
        let waiting = self.waiting().filter_map(|event| {
            let Event::Spent(line) = event else {
                return None;
            };
            Some(&**line)
        });
        self.shared.view().books.ledger().judge(line, waiting)
    }
}
