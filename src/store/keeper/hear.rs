//! What people say, on the store's thread: whether it may be said, and its way into the log.
//!
//! Two people who change a call at once notice each other here, because everything that is said passes through this one
//! thread: the second names a version that is no longer the last.

use crate::base::id::CallId;
use crate::store::event::Event;
use crate::store::event::house::House;
use crate::store::job::{Refusal, Speech, Verdict};
use crate::store::keeper::{Keeper, Room, Taken};
use crate::store::rows::line_number;
use crate::store::token::{TOKENS_MAX, Token};

impl Keeper {
    /// Takes in what somebody says, or notes why not. Either is answered after the next sync.
    pub(super) fn hear(&mut self, speech: Speech) {
        let Speech {
            call,
            at,
            mono,
            event,
            if_version,
            answer,
        } = speech;
        let is_use = matches!(event, Event::Played(_) | Event::Downloaded(_));
        let verdict = match call {
            Some(call) if !is_use => self
                .judge(call, &event, if_version)
                .and_then(|()| self.has_room(call, &event)),
            Some(_) => Ok(()),
            None => self.judge_house(&event),
        };
        if verdict.is_ok() {
            self.taken.push_back(Taken {
                call,
                at,
                mono,
                event,
                room: Room::People,
            });
        } else {
            self.heard += 1;
        }
        self.speakers.extend(answer.map(|answer| (answer, verdict)));
    }

    fn judge(&self, call: CallId, event: &Event, if_version: Option<u64>) -> Verdict {
        let view = self.shared.view();
        let Some(row) = view.rows.get(call).filter(|row| row.is_tracked()) else {
            return Err(Refusal::NoCall);
        };
        let is_personal = match event {
            Event::Said(parts) => parts.pii.is_some(),
            Event::Pinned(_) => true,
            Event::Began(_)
            | Event::Ringing
            | Event::Answered(_)
            | Event::Transferred(_)
            | Event::Ended(_)
            | Event::Recorded(_)
            | Event::Hashed(_)
            | Event::Played(_)
            | Event::Downloaded(_)
            | Event::Unpinned(_)
            | Event::House(_)
            | Event::Pruned(_)
            | Event::Upkeep(_)
            | Event::Erased(_)
            | Event::Unknown => false,
        };
        if is_personal && row.is_erased() {
            return Err(Refusal::Erased);
        }
        let Some(seen) = if_version else {
            return Ok(());
        };
        // What the call itself did meanwhile is nobody's words: only another speaker's line counts. The version of a call
        // whose person was erased is one more than its last line's number.
        let said = row.said.saturating_add(u32::from(row.is_erased()));
        let is_later = row.said > 0 && said > line_number(seen);
        if is_later || self.spoken_of.contains_key(&call) {
            return Err(Refusal::Changed);
        }
        Ok(())
    }

    fn has_room(&mut self, call: CallId, event: &Event) -> Verdict {
        match self.take_talk(call, event) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::Full),
            Err(error) => {
                tracing::error!(%call, %error, "how much was said of a call cannot be read");
                Err(Refusal::Unread)
            }
        }
    }

    fn judge_house(&self, event: &Event) -> Verdict {
        let Event::House(house) = event else {
            return Ok(());
        };
        match house {
            House::Spent(line) => self.judge_spent(line),
            House::SavedReport(parts) => self.judge_saved(&parts.public),
            House::TokenMade(new) => self.judge_token(new),
            House::Exported(_) | House::TokenRevoked(_) | House::Mailed(_) => Ok(()),
        }
    }

    /// What a program does stands in the log under its token's name: no two good tokens share one.
    fn judge_token(&self, new: &Token) -> Verdict {
        let view = self.shared.view();
        let tokens = view.tokens.list();
        let made: Vec<_> = self
            .waiting()
            .filter_map(|event| {
                let Event::House(House::TokenMade(token)) = event else {
                    return None;
                };
                Some(&**token)
            })
            .collect();
        if tokens
            .iter()
            .chain(made.iter().copied())
            .any(|token| token.name == new.name)
        {
            return Err(Refusal::Taken);
        }
        if tokens.len() + made.len() >= TOKENS_MAX {
            return Err(Refusal::Many);
        }
        Ok(())
    }
}
