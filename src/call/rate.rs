//! A rate, and how much of it may come at once: a leaky bucket that is one moment long (the virtual scheduling form of ITU-T
//! I.371 A), so that nothing needs to be filled while nothing happens.

use std::time::Duration;

use crate::base::time::Moment;

/// So many in a second, so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::call) struct Rate {
    /// What one of them takes; `None`: there is never one.
    each: Option<Duration>,
    /// How far the bucket may be ahead of the time.
    ahead: Duration,
}

impl Rate {
    /// `count` a second, and what comes in `seconds` at once. At zero a second nothing ever comes.
    pub(in crate::call) fn per_second(count: u64, seconds: u32) -> Self {
        Self {
            each: Duration::from_secs(1).checked_div(u32::try_from(count).unwrap_or(u32::MAX)),
            ahead: Duration::from_secs(u64::from(seconds)),
        }
    }

    /// Takes `weight` of them out of a bucket; false: it does not have so many. `paid` is the bucket: until when all that was
    /// taken is paid for.
    pub(in crate::call) fn take(self, now: Moment, paid: &mut Moment, weight: u32) -> bool {
        let Some(each) = self.each else { return false };
        let then = (*paid).max(now) + each.saturating_mul(weight);
        if then - now > self.ahead {
            return false;
        }
        *paid = then;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_seconds_worth_may_come_at_once_and_then_the_rate() {
        let rate = Rate::per_second(10, 5);
        let mut paid = Moment::START;
        let at = Moment::from_millis;
        let mut burst = |ms: u64| {
            (0..100)
                .take_while(|_| rate.take(at(ms), &mut paid, 1))
                .count()
        };
        assert_eq!(burst(60_000), 50);
        assert_eq!(burst(60_099), 0);
        assert_eq!(burst(60_100), 1);
        assert_eq!(burst(61_100), 10);
        assert_eq!(burst(90_000), 50);
    }

    #[test]
    fn any_rate_can_be_kept() {
        let now = Moment::from_millis(1_000);
        let (none, mut paid) = (Rate::per_second(0, 1), Moment::START);
        assert!(!none.take(now, &mut paid, 1));
        let (one, mut paid) = (Rate::per_second(1, 1), Moment::START);
        assert!(one.take(now, &mut paid, 1) && !one.take(now, &mut paid, 1));
        let (fast, mut paid) = (Rate::per_second(u64::MAX, 1), Moment::START);
        assert!((0..10_000).all(|_| fast.take(now, &mut paid, 1)));
    }

    #[test]
    fn what_weighs_more_takes_more_and_what_is_refused_takes_nothing() {
        let rate = Rate::per_second(10, 1);
        let mut paid = Moment::START;
        let now = Moment::from_millis(1_000);
        assert!(rate.take(now, &mut paid, 8));
        assert!(!rate.take(now, &mut paid, 3));
        assert!(rate.take(now, &mut paid, 2));
        assert!(!rate.take(now, &mut paid, 1));
        assert!(!Rate::per_second(10, 1).take(now, &mut paid, u32::MAX));
    }
}
