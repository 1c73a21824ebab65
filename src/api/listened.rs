//! Who listened to what lately, so that a seek, or the rest of a file that was broken off, is no new use.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::base::id::CallId;
use crate::base::time::Moment;
use crate::store::remark::UseKind;

/// Requests of one asker for one recording that are so close are one use: players fetch in parts and seek, and a download
/// that was broken off goes on.
const ONE_USE: Duration = Duration::from_secs(600);

/// Uses remembered; older ones are forgotten, and their next request counts as a new one.
const USES_MAX: usize = 256;

/// One use under way.
#[derive(Debug)]
struct Lately {
    call: CallId,
    by: Arc<str>,
    kind: UseKind,
    at: Moment,
}

/// The uses of the last minutes.
#[derive(Debug, Default)]
pub(in crate::api) struct Listened(Mutex<Vec<Lately>>);

impl Listened {
    /// Whether this request is a use that the call log should know of: it begins at the beginning, or comes from somebody
    /// who has not used the recording so lately. Whoever asks for a later part alone has had the sound as well. Once the log
    /// knows it, [`Self::noted`] remembers it; before, the next request is as new as this one.
    pub(in crate::api) fn is_new(
        &self,
        call: CallId,
        by: &Arc<str>,
        kind: UseKind,
        from_start: bool,
        now: Moment,
    ) -> bool {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uses.retain(|lately| now - lately.at < ONE_USE);
        let known = uses
            .iter_mut()
            .find(|lately| lately.call == call && lately.by == *by && lately.kind == kind);
        if let Some(known) = known {
            known.at = now;
            return from_start;
        }
        true
    }

    /// Remembers a use that the log knows of.
    pub(in crate::api) fn noted(&self, call: CallId, by: &Arc<str>, kind: UseKind, now: Moment) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uses.retain(|other| other.call != call || other.by != *by || other.kind != kind);
        if uses.len() >= USES_MAX {
            uses.remove(0);
        }
        uses.push(Lately {
            call,
            by: Arc::clone(by),
            kind,
            at: now,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::chance::Chance;
    use crate::base::time::WallTime;

    #[test]
    fn a_seek_is_no_new_play_and_an_hour_later_is() {
        let listened = Listened::default();
        let call = CallId::new(WallTime::from_millis(1), &mut Chance::from_number(1));
        let (me, other): (Arc<str>, Arc<str>) = ("anna".into(), "boris".into());
        let is_new = |by, from_start, ms| {
            let now = Moment::from_millis(ms);
            let is_new = listened.is_new(call, by, UseKind::Played, from_start, now);
            assert_eq!(
                is_new,
                listened.is_new(call, by, UseKind::Played, from_start, now),
                "what is not noted is new again"
            );
            listened.noted(call, by, UseKind::Played, now);
            is_new
        };
        assert!(is_new(&me, true, 0));
        assert!(!is_new(&me, false, 1_000));
        assert!(is_new(&me, true, 2_000));
        assert!(is_new(&other, false, 3_000));
        assert!(is_new(&me, false, 3_600_000));
    }

    #[test]
    fn who_has_played_a_recording_has_not_downloaded_it() {
        let listened = Listened::default();
        let call = CallId::new(WallTime::from_millis(1), &mut Chance::from_number(1));
        let me: Arc<str> = "anna".into();
        let is_new = |kind| {
            let now = Moment::from_millis(5);
            let is_new = listened.is_new(call, &me, kind, false, now);
            listened.noted(call, &me, kind, now);
            is_new
        };
        assert!(is_new(UseKind::Played));
        assert!(is_new(UseKind::Downloaded));
        assert!(!is_new(UseKind::Downloaded));
    }
}
