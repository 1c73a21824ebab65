//! The lines about strangers: refused, banned, heard again. One shape for each, which programs read (`docs/fail2ban.md`).
//!
//! A flood must not fill the disk, and no source may hide behind another one's flood: each gets at most one line a second of
//! a kind, what came meanwhile is counted in its next one, and those for whom a second had no room have theirs later.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use tracing::{info, warn};

use crate::base::map::{Map, keyed};
use crate::base::time::Moment;
use crate::call::guard::source::Source;

/// Lines in one second: some 600 MB a day at worst.
const LINES_PER_S: usize = 50;

/// Sources that wait for their line, with those that have had one lately: an hour's worth of lines, and some megabytes.
const SOURCES_MAX: usize = 65_536;

const SECOND: Duration = Duration::from_secs(1);

/// What happened to a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A request of its was refused.
    Refused {
        /// Where it came from.
        peer: SocketAddr,
        /// The answer; 0: none.
        status: u16,
        /// A phrase of ours.
        why: &'static str,
    },
    /// It is not heard for so long.
    Banned {
        /// Where the last of its messages came from.
        peer: SocketAddr,
        /// For how long.
        ban_s: u64,
        /// A phrase of ours.
        why: &'static str,
    },
    /// It is heard again.
    Heard {
        /// Who.
        source: Source,
        /// Messages that were dropped unread.
        dropped: u64,
    },
}

/// One line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    what: What,
    /// How often it happened since the last line.
    times: u64,
}

/// Whose lines of which kind.
type Key = (Source, u8);

/// Who had a line in this second, and who waits for one.
#[derive(Debug)]
pub struct Strangers {
    second: Moment,
    /// Lines written in this second.
    written: usize,
    lines: Map<Key, Line>,
    order: VecDeque<Key>,
    /// For whom there was no room at all.
    unnamed: u64,
}

impl Strangers {
    /// Nothing happened yet.
    pub fn new(key: u64) -> Self {
        Self {
            second: Moment::START,
            written: 0,
            lines: keyed(key),
            order: VecDeque::new(),
            unnamed: 0,
        }
    }

    /// Something happened: it is written now, or later.
    pub fn tell(&mut self, now: Moment, what: What) {
        self.handle_timeout(now);
        if let Some(line) = self.take(what) {
            write(&line);
        }
    }

    /// Writes what has waited, when its second has come.
    pub fn handle_timeout(&mut self, now: Moment) {
        for line in self.due(now) {
            write(&line);
        }
        let unnamed = std::mem::take(&mut self.unnamed);
        if unnamed > 0 {
            warn!(unnamed, "more was refused than sources can be remembered");
        }
    }

    /// When [`Self::handle_timeout`] is wanted next.
    pub fn poll_timeout(&self) -> Option<Moment> {
        (!self.order.is_empty()).then(|| self.second + SECOND)
    }

    /// Returns the line to write at once.
    fn take(&mut self, what: What) -> Option<Line> {
        let key = what.key();
        if let Some(line) = self.lines.get_mut(&key) {
            line.what = what;
            line.times += 1;
            return None;
        }
        if self.lines.len() >= SOURCES_MAX {
            self.unnamed += 1;
            return None;
        }
        let now = self.written < LINES_PER_S;
        self.written += usize::from(now);
        self.order.push_back(key);
        let times = u64::from(!now);
        self.lines.insert(key, Line { what, times });
        now.then_some(Line { what, times: 1 })
    }

    /// Begins a new second where the last one is over, and returns its first lines.
    fn due(&mut self, now: Moment) -> Vec<Line> {
        if now - self.second < SECOND {
            return Vec::new();
        }
        self.second = now;
        self.written = 0;
        let mut due = Vec::new();
        // Each is looked at once; who is written waits a second behind the others.
        for _ in 0..self.order.len() {
            if due.len() >= LINES_PER_S {
                break;
            }
            let Some(key) = self.order.pop_front() else {
                break;
            };
            match self.lines.get_mut(&key) {
                Some(line) if line.times > 0 => {
                    due.push(*line);
                    line.times = 0;
                    self.order.push_back(key);
                }
                Some(_) | None => {
                    self.lines.remove(&key);
                }
            }
        }
        self.written = due.len();
        due
    }
}

impl What {
    fn key(&self) -> Key {
        match self {
            Self::Refused { peer, .. } => (Source::of(peer.ip()), 0),
            Self::Banned { peer, .. } => (Source::of(peer.ip()), 1),
            Self::Heard { source, .. } => (*source, 2),
        }
    }
}

fn write(line: &Line) {
    let times = line.times;
    match line.what {
        What::Refused { peer, status, why } => warn!(%peer, status, why, times, "refused"),
        What::Banned { peer, ban_s, why } => warn!(%peer, ban_s, why, times, "banned"),
        What::Heard { source, dropped } => info!(%source, dropped, "a ban is over"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(host: u16) -> What {
        let [high, low] = host.to_be_bytes();
        What::Refused {
            peer: SocketAddr::from(([203, 0, high, low], 5060)),
            status: 403,
            why: "not from a trunk",
        }
    }

    fn at(ms: u64) -> Moment {
        Moment::from_millis(100_000 + ms)
    }

    /// What is written when `what` happens.
    fn tell(strangers: &mut Strangers, now: Moment, what: What) -> Vec<Line> {
        let mut lines = strangers.due(now);
        lines.extend(strangers.take(what));
        lines
    }

    #[test]
    fn the_first_is_written_at_once_and_the_rest_of_the_second_in_one_line() {
        let mut strangers = Strangers::new(1);
        let mut written = Vec::new();
        for ms in 0..1_000 {
            written.extend(tell(&mut strangers, at(ms), refused(1)));
        }
        let what = refused(1);
        assert_eq!(written, [Line { what, times: 1 }]);
        assert_eq!(strangers.poll_timeout(), Some(at(1_000)));
        assert_eq!(strangers.due(at(1_000)), [Line { what, times: 999 }]);
        assert_eq!(strangers.due(at(2_000)), []);
        assert_eq!(strangers.poll_timeout(), None);
        assert!(strangers.lines.is_empty());
        assert_eq!(tell(&mut strangers, at(9_000), what).len(), 1);
    }

    #[test]
    fn no_source_hides_behind_the_flood_of_another_and_no_second_has_more_than_its_lines() {
        let mut strangers = Strangers::new(1);
        let mut seen = std::collections::BTreeMap::new();
        for second in 0..60_u64 {
            let mut count = 0;
            for n in 0..10_000_u64 {
                // One source sends most, a thousand others two messages each in the first ten seconds.
                let host = match n % 50 {
                    0 if second < 10 => 1 + u16::try_from(n / 50 + 200 * (second % 5)).unwrap(),
                    _ => 0,
                };
                let now = at(second * 1_000 + n / 10);
                for line in tell(&mut strangers, now, refused(host)) {
                    count += 1;
                    let (source, _) = line.what.key();
                    *seen.entry(source).or_insert(0) += line.times;
                }
            }
            assert!(count <= LINES_PER_S, "{count} lines in second {second}");
        }
        assert_eq!(seen.len(), 1_001);
        let few = seen.values().filter(|times| **times == 2).count();
        assert_eq!(few, 1_000);
    }

    #[test]
    fn a_refusal_a_ban_and_its_end_are_lines_of_their_own() {
        let mut strangers = Strangers::new(1);
        let peer: SocketAddr = "[2001:db8::1]:5060".parse().unwrap();
        let source = Source::of(peer.ip());
        for what in [
            What::Refused {
                peer,
                status: 403,
                why: "x",
            },
            What::Banned {
                peer,
                ban_s: 600,
                why: "x",
            },
            What::Heard { source, dropped: 7 },
        ] {
            assert_eq!(tell(&mut strangers, at(0), what), [Line { what, times: 1 }]);
        }
    }

    #[test]
    fn what_cannot_be_remembered_is_counted() {
        let mut strangers = Strangers::new(1);
        strangers.second = at(0);
        for n in 0..u32::try_from(SOURCES_MAX).unwrap() + 10 {
            let peer = SocketAddr::new(std::net::Ipv4Addr::from_bits(n).into(), 5060);
            let what = What::Refused {
                peer,
                status: 403,
                why: "x",
            };
            strangers.take(what);
        }
        assert_eq!(
            (strangers.lines.len(), strangers.unnamed),
            (SOURCES_MAX, 10)
        );
    }
}
