//! The conditions of a list that reports open their figures with, as an address has them.

use std::fmt::Display;
use std::str::FromStr;

use jiff::tz::TimeZone;
use serde::Deserialize as _;
use serde::de::value::{Error, StrDeserializer};

use crate::api::error::ApiError;
use crate::api::query::{flag, plus, wrong};
use crate::store::narrow::{Back, Part, Taken};
use crate::store::query::{Query, Status};
use crate::track::Tracking;

/// Reads one of them into `query`.
pub(in crate::api) fn read(
    name: &'static str,
    value: &str,
    query: &mut Query,
    tracking: &Tracking,
) -> Result<(), ApiError> {
    let narrow = &mut query.narrow;
    match name {
        "repeat" if value == "unknown" => narrow.hidden = true,
        "repeat" => query.repeat = Some(flag(name, value)?),
        "callback" if value == "open" => query.callback_open = true,
        "callback" => {
            let mut all = [Back::Done, Back::Spoken].into_iter();
            let back = all.find(|back| back.word() == value);
            let back = back.ok_or_else(|| {
                wrong(
                    name,
                    "takes `open`: missed and not called back, `done`: called back, or `spoken`: the caller called again",
                )
            })?;
            narrow.called_back = Some(back);
        }
        "number" => narrow.number = Some(plus(value)),
        "rule" => narrow.rule = Some(value.to_owned()),
        "offered" => narrow.offered = Some(value.to_owned()),
        "taken" => {
            let taken = Taken::ALL.into_iter().find(|taken| taken.word() == value);
            let taken = taken.ok_or_else(|| wrong(name, "takes `own` or `other`"))?;
            narrow.taken = Some(taken);
        }
        "stages" => narrow.stages.push(value.to_owned()),
        "first_stage" if value == "true" => narrow.first_stage = true,
        "first_stage" => return Err(wrong(name, "takes `true` only")),
        "reason" => match value.parse() {
            Ok(Status::Ended(reason)) => narrow.reason = Some(reason),
            Ok(Status::Answered | Status::Missed | Status::InProgress) | Err(_) => {
                return Err(wrong(
                    name,
                    "is no finish reason; write one such as busy or caller-gave-up",
                ));
            }
        },
        "ended" => narrow.ended = Some(flag(name, value)?),
        "valued" => narrow.valued = Some(flag(name, value)?),
        "customer" if value == "true" => narrow.customers = Some(tracking.sales()),
        "lead" if value == "true" => narrow.leads = Some(tracking.sales()),
        "customer" | "lead" => return Err(wrong(name, "takes `true` only")),
        "without" => {
            let part = Part::deserialize(StrDeserializer::<Error>::new(value));
            let part = part.map_err(|_| {
                let words = Part::ALL.map(Part::word).join(", ");
                wrong(name, format!("is none of {words}"))
            })?;
            narrow.without.push(part);
        }
        "hour" => narrow.hour = Some(within(name, value, 0, 23)?),
        "weekday" => narrow.weekday = Some(within(name, value, 1, 7)?),
        "zone" => {
            TimeZone::get(value).map_err(|_| {
                let why = "`zone` is no zone of the IANA; write one such as Europe/Moscow";
                ApiError::missing("unknown-zone", why)
            })?;
            narrow.zone = Some(value.to_owned());
        }
        "min_wait_ms" => narrow.min_wait_ms = Some(wait(name, value)?),
        _ => narrow.max_wait_ms = Some(wait(name, value)?),
    }
    Ok(())
}

/// A wait, as long as rows know any.
fn wait(name: &str, value: &str) -> Result<u64, ApiError> {
    within(name, value, 0, u64::from(u32::MAX))
}

fn within<T: FromStr + PartialOrd + Display>(
    name: &str,
    value: &str,
    least: T,
    most: T,
) -> Result<T, ApiError> {
    let read: Option<T> = value.parse().ok();
    read.filter(|number| (&least..=&most).contains(&number))
        .ok_or_else(|| wrong(name, format!("is no number from {least} to {most}")))
}
