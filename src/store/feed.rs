//! Live news: what the synced lines of the log say, for those who look on. A ring of the last of them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::watch;

use crate::base::id::CallId;
use crate::base::time::WallTime;
use crate::store::event::Event;

/// News kept for who was away for a moment: those of a busy minute. What is older is read from the list of calls.
pub const NEWS_KEPT: usize = 4_096;

/// One piece of news. The call itself is read by who needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The number of the log's line; numbers rise.
    pub n: u64,
    /// When it happened.
    pub at: WallTime,
    /// To which call.
    pub call: CallId,
    /// Of which project.
    pub project: Arc<str>,
    /// What.
    pub what: LiveKind,
}

/// What happened to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LiveKind {
    /// It came.
    Began,
    /// Its first target rings.
    Ringing,
    /// A target answered.
    Answered,
    /// It is over.
    Ended,
    /// Its recording is finished.
    Recorded,
    /// Somebody said something of it: tags, a note, a pinned note.
    Said,
}

impl LiveKind {
    /// The word of the news.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Began => "began",
            Self::Ringing => "ringing",
            Self::Answered => "answered",
            Self::Ended => "ended",
            Self::Recorded => "recorded",
            Self::Said => "said",
        }
    }

    /// What an event is to those who look on; `None`: nothing.
    pub(crate) const fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Began(_) => Some(Self::Began),
            Event::Ringing => Some(Self::Ringing),
            Event::Answered(_) => Some(Self::Answered),
            Event::Ended(_) => Some(Self::Ended),
            Event::Recorded(_) => Some(Self::Recorded),
            // A transfer changes whom the caller talks to: the record says so.
            Event::Transferred(_) => Some(Self::Answered),
            Event::Said(_) | Event::Pinned(_) | Event::Unpinned(_) => Some(Self::Said),
            Event::Hashed(_)
            | Event::Played(_)
            | Event::Downloaded(_)
            | Event::House(_)
            | Event::Pruned(_)
            | Event::Upkeep(_)
            | Event::Erased(_)
            | Event::Unknown => None,
        }
    }
}

/// The ring, on the store's side.
#[derive(Debug)]
pub(crate) struct Ring {
    kept: Arc<Mutex<Kept>>,
    /// The number of the last line that is synced.
    last: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    ring: VecDeque<News>,
    /// Every piece of news of a later line is in the ring.
    complete_after: u64,
    /// Whatever was read of calls before this line was synced may be of a person who is erased.
    forgotten: u64,
}

impl Ring {
    /// Begins behind line `n`.
    pub(crate) fn new(n: u64) -> Self {
        let kept = Kept {
            ring: VecDeque::new(),
            complete_after: n,
            forgotten: 0,
        };
        Self {
            kept: Arc::new(Mutex::new(kept)),
            last: watch::Sender::new(n),
        }
    }

    /// Takes in what was synced, in order, of which `last` is the last line.
    pub(crate) fn publish(&self, news: impl Iterator<Item = News>, last: u64) {
        let mut kept = lock(&self.kept);
        for one in news {
            if kept.ring.len() == NEWS_KEPT
                && let Some(gone) = kept.ring.pop_front()
            {
                kept.complete_after = gone.n;
            }
            kept.ring.push_back(one);
        }
        drop(kept);
        self.last.send_replace(last);
    }

    /// A person was erased up to line `last`: whoever listens is to drop what they read of calls and to begin anew.
    pub(crate) fn forget(&self, last: u64) {
        let mut kept = lock(&self.kept);
        kept.ring.clear();
        kept.complete_after = last;
        kept.forgotten = last;
        drop(kept);
        self.last.send_replace(last);
    }

    /// The line up to which what was read of calls is to be dropped.
    pub(crate) fn forgotten(&self) -> u64 {
        lock(&self.kept).forgotten
    }

    /// For one who listens from now on.
    pub(crate) fn listen(&self) -> Feed {
        Feed {
            kept: Arc::clone(&self.kept),
            seen: self.last.subscribe(),
        }
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Live news as a listener holds it. Clones listen each for themselves.
#[derive(Clone, Debug)]
pub struct Feed {
    kept: Arc<Mutex<Kept>>,
    seen: watch::Receiver<u64>,
}

impl Feed {
    /// The number of the last synced line: a listener that begins now has seen everything up to it.
    pub fn last(&self) -> u64 {
        *self.seen.borrow()
    }

    /// The news of lines after `n`, and whether they are all: `false` where the ring does not reach back so far, or `n` is
    /// of another log. `None` is everything that the ring holds, which is all only in a new log.
    pub fn since(&self, n: Option<u64>) -> (Vec<News>, bool) {
        let last = self.last();
        let kept = lock(&self.kept);
        let after = n.unwrap_or_default();
        let from = kept.ring.partition_point(|news| news.n <= after);
        let news = kept.ring.range(from..).cloned().collect();
        // A number that no line has yet is of another log.
        (news, (kept.complete_after..=last).contains(&after))
    }

    /// What was read of calls before this line was synced is to be dropped: somebody was erased.
    pub fn forgotten(&self) -> u64 {
        lock(&self.kept).forgotten
    }

    /// Waits for lines that were synced after the last time this listener waited; `false`: the store is gone.
    pub async fn changed(&mut self) -> bool {
        self.seen.changed().await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::trial::Script;

    fn news(n: u64) -> News {
        let script = Script::nth(n);
        News {
            n,
            at: script.at,
            call: script.id,
            project: "shop".into(),
            what: LiveKind::Began,
        }
    }

    #[test]
    fn who_was_away_too_long_or_comes_from_another_log_is_told() {
        let ring = Ring::new(10);
        let feed = ring.listen();
        assert_eq!(feed.since(Some(10)), (Vec::new(), true));
        assert!(!feed.since(Some(9)).1, "before this process");
        assert!(!feed.since(Some(11)).1, "of another log");
        let most = u64::try_from(NEWS_KEPT).unwrap();
        ring.publish((11..=10 + most).map(news), 10 + most);
        let (all, is_complete) = feed.since(Some(10));
        assert!(is_complete);
        assert_eq!(all.len(), NEWS_KEPT);
        ring.publish([news(11 + most)].into_iter(), 12 + most);
        assert!(!feed.since(Some(10)).1);
        let (rest, is_complete) = feed.since(Some(9 + most));
        assert!(is_complete);
        let numbers: Vec<u64> = rest.iter().map(|news| news.n).collect();
        assert_eq!(numbers, [10 + most, 11 + most]);
        assert_eq!(feed.last(), 12 + most);
    }

    #[tokio::test]
    async fn an_erasure_wakes_who_listens_and_leaves_no_news_of_earlier_lines() {
        let ring = Ring::new(0);
        let mut feed = ring.listen();
        ring.publish([news(1)].into_iter(), 1);
        assert!(feed.changed().await);
        assert_eq!(feed.forgotten(), 0);
        ring.forget(2);
        assert!(feed.changed().await);
        assert_eq!((feed.forgotten(), feed.last()), (2, 2));
        assert_eq!(feed.since(Some(1)), (Vec::new(), false));
        ring.publish([news(3)].into_iter(), 3);
        assert_eq!(feed.since(Some(2)), (vec![news(3)], true));
        assert_eq!(feed.forgotten(), 2);
    }

    #[tokio::test]
    async fn a_listener_wakes_when_lines_are_synced_and_learns_that_the_store_is_gone() {
        let ring = Ring::new(0);
        let mut feed = ring.listen();
        ring.publish([news(1)].into_iter(), 1);
        assert!(feed.changed().await);
        assert_eq!(feed.since(Some(0)).0.len(), 1);
        drop(ring);
        assert!(!feed.changed().await);
    }
}
