//! SIP's statuses and the causes of ITU-T Q.850, each in the words of the other (RFC 3398 7.2.4.1 and 8.2.6.1).
//!
//! A cause that a peer named always counts for more than one that its status stands for.

/// "Recovery on timer expiry": what a telephone network calls a peer that said nothing.
const TIMER_EXPIRED: u8 = 102;
/// Causes have seven bits, and 0 is none.
pub(in crate::call) const CAUSE_MAX: u8 = 127;

/// The cause that a final status stands for; `None`: it says nothing about a telephone.
pub(in crate::call) const fn of_status(status: u16) -> Option<u8> {
    Some(match status {
        404 | 485 | 604 => 1,
        486 | 600 => 17,
        480 => 18,
        401 | 402 | 403 | 407 | 603 => 21,
        410 => 22,
        482 | 483 => 25,
        484 => 28,
        502 => 38,
        400 | 481 | 500 | 503 => 41,
        405 => 63,
        406 | 415 | 501 => 79,
        408 | 504 => TIMER_EXPIRED,
        413 | 414 | 416 | 420 | 421 | 423 | 505 | 513 => 127,
        _ => return None,
    })
}

/// The status that a cause stands for; `None`: it says no more than that it failed.
pub(in crate::call) const fn to_status(cause: u8) -> Option<u16> {
    Some(match cause {
        1..=3 | 26 => 404,
        17 => 486,
        18 => 408,
        19 | 20 | 31 => 480,
        21 | 55 | 57 | 87 => 403,
        22 | 23 => 410,
        27 => 502,
        28 => 484,
        29 | 79 => 501,
        34 | 38 | 41 | 42 | 47 | 58 | 88 => 503,
        65 | 70 => 488,
        TIMER_EXPIRED => 504,
        111 | 127 => 500,
        _ => return None,
    })
}

/// What a target's final answer says of the telephone behind it: a gateway that had no better status for what its network
/// told says it in the cause.
pub(in crate::call) fn telling(status: u16, cause: Option<u8>) -> u16 {
    match status {
        480 | 500 | 503 => cause.and_then(to_status).unwrap_or(status),
        _ => status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::desk::Told;
    use crate::call::rig::*;
    use crate::call::story::*;

    #[test]
    fn a_status_and_a_cause_stand_for_each_other() {
        for (status, cause) in [
            (404, 1),
            (486, 17),
            (410, 22),
            (484, 28),
            (502, 38),
            (501, 79),
            (504, 102),
        ] {
            assert_eq!(of_status(status), Some(cause), "{status}");
        }
        for (cause, status) in [
            (1, 404),
            (17, 486),
            (18, 408),
            (21, 403),
            (34, 503),
            (127, 500),
        ] {
            assert_eq!(to_status(cause), Some(status), "{cause}");
        }
        assert_eq!(of_status(487), None, "it was taken back, it did not fail");
        assert_eq!(of_status(200), None);
        assert_eq!(to_status(16), None, "an ordinary end is no failure");
        assert_eq!(to_status(0), None);
    }

    #[test]
    fn a_cause_speaks_where_the_status_says_nothing() {
        assert_eq!(telling(480, Some(17)), 486);
        assert_eq!(telling(503, Some(19)), 480);
        assert_eq!(telling(500, Some(16)), 500);
        assert_eq!(telling(404, Some(17)), 404);
        assert_eq!(telling(480, None), 480);
    }

    /// The Reason that a caller hears and the record's word, result and cause, when a target refuses.
    fn refused(status: u16, reason: &str) -> (String, FinishReason, TriedResult, Option<u8>) {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.from(PBX, &reply_with(&toward, status, "x", reason, ""));
        let heard = rig.all_to(CARRIER).pop().unwrap();
        let ended = rig.ended();
        let result = ended.targets_tried[0].result;
        let said = header(&heard, "Reason");
        let all = (said, ended.finish_reason, result, ended.q850_cause);
        rig.seconds(64);
        rig.assert_clean();
        all
    }

    #[test]
    fn the_cause_of_a_refusal_reaches_the_record_and_the_caller() {
        let given =
            "Reason: SIP;cause=404, Q.850 ;cause=1;text=\"Unallocated (unassigned) number\"\r\n";
        assert_eq!(
            refused(404, given),
            (
                "Q.850;cause=1".to_owned(),
                FinishReason::Rejected,
                TriedResult::Rejected,
                Some(1)
            )
        );
        // What a status stands for is for the record: the caller hears what we say ourselves.
        assert_eq!(
            refused(404, ""),
            (
                String::new(),
                FinishReason::Rejected,
                TriedResult::Rejected,
                Some(1)
            )
        );
        assert_eq!(refused(486, "").3, Some(17));
        assert_eq!(refused(487, "").3, None);
    }

    #[test]
    fn a_gateways_cause_tells_busy_from_not_there() {
        let busy = refused(480, "Reason: Q.850;cause=17\r\n");
        assert_eq!((busy.1, busy.2), (FinishReason::Busy, TriedResult::Busy));
        let absent = refused(500, "Reason: Q.850;cause=19\r\n");
        assert_eq!(absent.2, TriedResult::NoAnswer);
    }

    #[test]
    fn what_is_no_cause_is_not_passed() {
        for odd in ["0", "128", "300", "16\0", "-1", "x"] {
            let reason = format!("Reason: Q.850;cause={odd};text=\"a\"\r\n");
            let (said, _, _, cause) = refused(486, &reason.replace('\0', ""));
            if odd == "16\0" {
                assert_eq!((&*said, cause), ("Q.850;cause=16", Some(16)));
            } else {
                assert_eq!((&*said, cause), ("", Some(17)), "{odd}");
            }
        }
    }

    #[test]
    fn a_callers_reasons_reach_the_target_by_cancel_and_by_bye() {
        let given = "Q.850;cause=16;text=\"gone\", SIP;cause=600;text=\"never\"";
        let mut rig = Rig::new(one_by_one(&["101"]));
        let invite = rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.from(PBX, &reply(&toward, 180, "x", ""));
        rig.all_to(CARRIER);
        rig.from(CARRIER, &cancel(&invite, given));
        let cancelled = rig.to(PBX, "CANCEL");
        assert_eq!(
            header(&cancelled, "Reason"),
            "SIP;cause=600, Q.850;cause=16"
        );
        let heard = rig.all_to(CARRIER).pop().unwrap();
        assert!(heard.starts_with("SIP/2.0 487"), "{heard}");
        assert_eq!(header(&heard, "Reason"), "", "it knows why");
        assert_eq!(rig.ended().q850_cause, Some(16));
        rig.from(PBX, &reply(&toward, 487, "x", ""));
        rig.assert_clean();

        let mut rig = Rig::new(one_by_one(&["101"]));
        let (mut caller, _) = rig.up();
        let bye = caller.request("BYE", "");
        let reason = format!("Reason: {given}\r\nMax-Forwards");
        rig.from(CARRIER, &bye.replace("Max-Forwards", &reason));
        let passed = rig.to(PBX, "BYE");
        assert_eq!(header(&passed, "Reason"), "SIP;cause=600, Q.850;cause=16");
        assert_eq!(rig.ended().q850_cause, Some(16));
        rig.from(PBX, &reply(&passed, 200, "", ""));
        rig.assert_clean();
    }

    #[test]
    fn a_bye_that_names_a_status_alone_has_its_cause_in_the_record() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (_, mut callee) = rig.up();
        let bye = callee.request("BYE", "");
        let reason = "Reason: SIP;cause=408;text=\"timer\"\r\nMax-Forwards";
        rig.from(PBX, &bye.replace("Max-Forwards", reason));
        let passed = rig.to(CARRIER, "BYE");
        assert_eq!(header(&passed, "Reason"), "SIP;cause=408");
        assert_eq!(rig.ended().q850_cause, Some(102));
    }

    #[test]
    fn an_ordinary_end_names_no_cause() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        rig.up();
        let id = rig.facts[0].call;
        rig.tell(Told::HangUp(id));
        assert_eq!(header(&rig.to(PBX, "BYE"), "Reason"), "");
        assert_eq!(rig.ended().q850_cause, None);
    }

    #[test]
    fn why_a_change_is_refused_is_told_to_its_sender() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let (mut caller, _) = rig.up();
        rig.says(
            &mut caller,
            "INVITE",
            &sdp("127.0.0.2", 4_000, "a=sendonly"),
        );
        let toward = rig.to(PBX, "INVITE");
        let reason = "Reason: Q.850;cause=88;text=\"x\"\r\n";
        rig.from(PBX, &reply_with(&toward, 488, "", reason, ""));
        let refused = rig.to(CARRIER, "SIP/2.0 488");
        assert_eq!(header(&refused, "Reason"), "Q.850;cause=88");
    }
}
