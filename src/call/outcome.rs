//! What came of a target, and what the caller is told when all of them failed: one table each.

use crate::call::story::{FinishReason, Tried, TriedResult};

/// What a target's final status other than 2xx says about it.
pub(in crate::call) const fn of_status(status: u16) -> TriedResult {
    match status {
        486 | 600 => TriedResult::Busy,
        // 487 without a CANCEL of ours: it was cancelled on the target's side, as when a queue there gave up.
        408 | 480 | 487 => TriedResult::NoAnswer,
        488 | 606 => TriedResult::CodecMismatch,
        _ => TriedResult::Rejected,
    }
}

/// The caller's final status and the record's reason once every target has failed.
///
/// 486: all were busy. 480: some rang, or were reached and would not. 503: none was reached. 488: none that was reached
/// understood the codecs. Busy lines beside dead ones, full ones or other codecs are 480, since trying again later may
/// help; the record's reason then still says what those said who could be asked: `busy`.
pub(in crate::call) fn of_all(tried: &[Tried]) -> (u16, FinishReason) {
    // Who redirected said nothing of itself.
    let tried = || {
        let spoke = |one: &&Tried| one.result != TriedResult::Redirected;
        tried.iter().filter(spoke)
    };
    let any = |result| tried().any(|one| one.result == result);
    let rang = tried().any(|one| one.ring_ms > 0 && one.result != TriedResult::Busy);
    if rang || any(TriedResult::NoAnswer) {
        (480, FinishReason::NoAnswer)
    } else if any(TriedResult::Rejected) {
        (480, FinishReason::Rejected)
    } else if any(TriedResult::Busy) {
        let all = tried().all(|one| one.result == TriedResult::Busy);
        (if all { 486 } else { 480 }, FinishReason::Busy)
    } else if any(TriedResult::CodecMismatch) {
        (488, FinishReason::CodecMismatch)
    } else if any(TriedResult::SrtpMismatch) {
        (488, FinishReason::SrtpMismatch)
    } else if any(TriedResult::Unreachable)
        || any(TriedResult::NotAllowed)
        || any(TriedResult::Loop)
        || tried().next().is_none()
    {
        (503, FinishReason::Unreachable)
    } else {
        (503, FinishReason::Overload)
    }
}

/// The record's reason for an INVITE that is refused with `status` before any rule is asked.
pub(in crate::call) const fn of_refusal(status: u16) -> FinishReason {
    match status {
        // Its media, or the only media type that it takes.
        406 | 415 | 488 => FinishReason::CodecMismatch,
        503 => FinishReason::Shutdown,
        // Nothing else about an INVITE of a trunk is forbidden before a rule is asked.
        403 => FinishReason::TooManyNumbers,
        _ => FinishReason::BadRequest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::story::TriedResult::*;

    fn all(results: &[(TriedResult, u64)]) -> (u16, FinishReason) {
        let tried: Vec<Tried> = results
            .iter()
            .map(|(result, ring_ms)| Tried {
                target: "manager:desk".to_owned(),
                trunk: None,
                result: *result,
                sip_status: None,
                ring_ms: *ring_ms,
            })
            .collect();
        of_all(&tried)
    }

    #[test]
    fn the_caller_hears_busy_only_when_all_were_busy() {
        assert_eq!(all(&[(Busy, 0), (Busy, 900)]), (486, FinishReason::Busy));
        assert_eq!(
            all(&[(Busy, 0), (Unreachable, 0)]),
            (480, FinishReason::Busy)
        );
        assert_eq!(
            all(&[(Busy, 0), (NoCapacity, 0)]),
            (480, FinishReason::Busy)
        );
        assert_eq!(
            all(&[(CodecMismatch, 0), (Busy, 0)]),
            (480, FinishReason::Busy)
        );
        assert_eq!(
            all(&[(Busy, 0), (NoAnswer, 5_000)]),
            (480, FinishReason::NoAnswer)
        );
        assert_eq!(
            all(&[(Rejected, 700), (Busy, 0)]),
            (480, FinishReason::NoAnswer)
        );
        assert_eq!(
            all(&[(Rejected, 0), (Busy, 0)]),
            (480, FinishReason::Rejected)
        );
    }

    #[test]
    fn nobody_reached_is_503_and_no_common_codec_is_488() {
        assert_eq!(all(&[(Unreachable, 0)]), (503, FinishReason::Unreachable));
        assert_eq!(all(&[]), (503, FinishReason::Unreachable));
        assert_eq!(all(&[(NoCapacity, 0)]), (503, FinishReason::Overload));
        assert_eq!(
            all(&[(NoCapacity, 0), (Unreachable, 0)]),
            (503, FinishReason::Unreachable)
        );
        assert_eq!(
            all(&[(CodecMismatch, 0), (Unreachable, 0)]),
            (488, FinishReason::CodecMismatch)
        );
    }

    #[test]
    fn a_status_says_what_came_of_a_target() {
        assert_eq!(of_status(486), Busy);
        assert_eq!(of_status(600), Busy);
        assert_eq!(of_status(480), NoAnswer);
        assert_eq!(of_status(408), NoAnswer);
        assert_eq!(of_status(603), Rejected);
        assert_eq!(of_status(404), Rejected);
        assert_eq!(of_status(302), Rejected);
        assert_eq!(of_status(488), CodecMismatch);
    }
}
