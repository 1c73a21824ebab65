//! A token bucket on our own clock: so many a second, and one second's worth at once after a pause.

use std::time::Duration;

use crate::base::time::Moment;

const SECOND: Duration = Duration::from_secs(1);

/// One bucket, kept as the moment when it is full again (the virtual scheduling form of the leaky bucket, ITU-T I.371 A):
/// nothing needs to be filled while nothing happens.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::call) struct Rate {
    full_at: Moment,
}

impl Rate {
    /// Takes a token; `false`: there is none. At zero a second there never is.
    pub(in crate::call) fn take(&mut self, now: Moment, per_s: u32) -> bool {
        let Some(each) = SECOND.checked_div(per_s) else {
            return false;
        };
        let full_at = self.full_at.max(now) + each;
        let has_one = full_at <= now + SECOND;
        if has_one {
            self.full_at = full_at;
        }
        has_one
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(rate: &mut Rate, at_ms: u64, tries: usize) -> usize {
        let now = Moment::from_millis(at_ms);
        (0..tries).filter(|_| rate.take(now, 10)).count()
    }

    #[test]
    fn a_second_of_calls_may_come_at_once_and_then_one_each_interval() {
        let mut rate = Rate::default();
        assert_eq!(taken(&mut rate, 5_000, 50), 10);
        assert_eq!(taken(&mut rate, 5_099, 50), 0);
        assert_eq!(taken(&mut rate, 5_100, 50), 1);
        assert_eq!(taken(&mut rate, 5_500, 50), 4);
        assert_eq!(taken(&mut rate, 9_000, 50), 10);
    }

    #[test]
    fn any_rate_can_be_kept() {
        let now = Moment::from_millis(1_000);
        assert!(!Rate::default().take(now, 0));
        let mut one = Rate::default();
        assert!(one.take(now, 1) && !one.take(now, 1));
        let mut fast = Rate::default();
        assert!((0..10_000).all(|_| fast.take(now, u32::MAX)));
    }
}
