//! What people enter that is no call's, on the store's thread: whether it may be entered, beside what waits for the disk.

use crate::store::event::Event;
use crate::store::event::house::House;
use crate::store::job::{Refusal, Verdict};
use crate::store::keeper::Keeper;
use crate::store::ledger::SpentLine;
use crate::store::saved::{ASKED_MAX, Deed, SAVED_MAX, SavedLine};

impl Keeper {
    /// Everything that is said and not yet seen by readers, in the order of its lines.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Event> + Clone {
        let written = self.unseen.iter().map(|(_, _, taken)| &taken.event);
        written.chain(self.taken.iter().map(|taken| &taken.event))
    }

    /// Reports of which letters are asked for are there, and neither they nor their letters are too many.
    pub(super) fn judge_saved(&self, line: &SavedLine) -> Verdict {
        let saved = self.shared.view().books.saved();
        let waiting = self.waiting().filter_map(|event| {
            let Event::House(House::SavedReport(parts)) = event else {
                return None;
            };
            Some(&parts.public.deed)
        });
        match &line.deed {
            Deed::Saved(report) => {
                let is_new = saved.find(&report.id).is_none();
                let coming = waiting
                    .filter(|deed| matches!(deed, Deed::Saved(_)))
                    .count();
                if is_new && saved.list().len() + coming >= SAVED_MAX {
                    return Err(Refusal::Many);
                }
            }
            Deed::Removed { report } => {
                saved.find(report).ok_or(Refusal::NoEntry)?;
            }
            Deed::Asked { report, .. } => {
                let asked = saved.find(report).ok_or(Refusal::NoEntry)?.asked.len();
                let is_of_it = |deed: &&Deed| matches!(deed, Deed::Asked { report: other, .. } if other == report);
                if asked + waiting.filter(is_of_it).count() >= ASKED_MAX {
                    return Err(Refusal::Full);
                }
            }
        }
        Ok(())
    }

    /// Two who change one amount at once notice each other here.
    pub(super) fn judge_spent(&self, line: &SpentLine) -> Verdict {
        let waiting = self.waiting().filter_map(|event| {
            let Event::House(House::Spent(line)) = event else {
                return None;
            };
            Some(&**line)
        });
        self.shared.view().books.ledger().judge(line, waiting)
    }
}
