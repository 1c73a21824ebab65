//! `/metrics`: the engine's and the store's figures in Prometheus' text format (version 0.0.4).

use std::fmt::{self, Write};

use axum::extract::State as Shared;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::api::error::ApiError;
use crate::api::state::State;
use crate::engine::gauges::{Gauges, read};
use crate::store::handle::Health;

/// The figures as they stand.
pub(in crate::api) async fn metrics(Shared(state): Shared<State>) -> Result<Response, ApiError> {
    let mut text = String::with_capacity(8_192);
    write_all(&mut text, &state.gauges, &state.store.health())
        .and_then(|()| letters(&mut text, &state))
        .map_err(|error| ApiError::ours("writing the metrics", &error))?;
    let kind = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((kind, text).into_response())
}

/// Letters of saved reports.
fn letters(out: &mut String, state: &State) -> fmt::Result {
    let (waiting, delivered) = state.post.counts();
    let shelf = state.store.saved();
    let dead: usize = shelf.list().iter().map(|saved| saved.dead.len()).sum();
    let dead = u64::try_from(dead).unwrap_or(u64::MAX);
    for (name, kind, help, value) in [
        (
            "ringtag_letters_delivered_total",
            "counter",
            "Letters of saved reports that a mail server took.",
            delivered,
        ),
        (
            "ringtag_letters_waiting",
            "gauge",
            "Letters that are due and not delivered: tried again for a day.",
            waiting,
        ),
        (
            "ringtag_letters_dead",
            "gauge",
            "Letters that were given up; the page of saved reports says why.",
            dead,
        ),
    ] {
        head(out, name, kind, help)?;
        writeln!(out, "{name} {value}")?;
    }
    Ok(())
}

/// Media workers that fall behind show here, each by itself.
fn media_lateness(out: &mut String, gauges: &Gauges) -> fmt::Result {
    let name = "ringtag_media_turn_longest_seconds";
    let help = "The longest turn of a media worker in the last 30 to 60 s: so long a packet may have waited for it.";
    head(out, name, "gauge", help)?;
    for (worker, (longest, _)) in gauges.media_lateness().enumerate() {
        let seconds = longest.as_secs_f64();
        writeln!(out, "{name}{{worker=\"{worker}\"}} {seconds}")?;
    }
    let name = "ringtag_media_starved_seconds_total";
    let help = "For how long a media worker was ready to run and another had the processor.";
    head(out, name, "counter", help)?;
    for (worker, (_, starved)) in gauges.media_lateness().enumerate() {
        let seconds = starved.as_secs_f64();
        writeln!(out, "{name}{{worker=\"{worker}\"}} {seconds}")?;
    }
    Ok(())
}

fn write_all(out: &mut String, gauges: &Gauges, health: &Health) -> fmt::Result {
    let version = env!("CARGO_PKG_VERSION");
    head(out, "ringtag_info", "gauge", "The version that runs.")?;
    writeln!(out, "ringtag_info{{version=\"{version}\"}} 1")?;
    if let Some(engine) = gauges.media_engine() {
        let help = "By what the media workers wait, read and send.";
        head(out, "ringtag_media_engine", "gauge", help)?;
        writeln!(out, "ringtag_media_engine{{engine=\"{engine}\"}} 1")?;
    }
    media_lateness(out, gauges)?;
    let flag = u64::from;
    for (name, help, value) in [
        (
            "ringtag_ready",
            "1 while new calls are taken.",
            flag(gauges.takes_calls()),
        ),
        (
            "ringtag_draining",
            "1 while ringtag is on its way out.",
            flag(gauges.is_draining()),
        ),
        (
            "ringtag_calls_live",
            "Calls under way.",
            read(&gauges.calls_live),
        ),
        (
            "ringtag_calls_talking",
            "Calls under way that somebody has answered.",
            read(&gauges.calls_talking),
        ),
        (
            "ringtag_calls_half_open",
            "Calls under way that nobody has answered yet.",
            read(&gauges.half_open),
        ),
        (
            "ringtag_calls_limit",
            "The most calls at once.",
            read(&gauges.calls_limit),
        ),
        (
            "ringtag_legs_open",
            "Legs that hold a port pair.",
            read(&gauges.legs_open),
        ),
        (
            "ringtag_port_pairs_free",
            "RTP port pairs that no leg holds.",
            read(&gauges.port_pairs_free),
        ),
        (
            "ringtag_connections",
            "SIP stream connections open.",
            read(&gauges.connections),
        ),
        (
            "ringtag_banned",
            "Sources that are not heard now: too fast, or refused too often.",
            read(&gauges.banned),
        ),
        (
            "ringtag_sip_transactions",
            "SIP transactions kept, ours and those of peers.",
            read(&gauges.transactions),
        ),
        (
            "ringtag_registrations",
            "Registrations at carriers that stand.",
            read(&gauges.registrations),
        ),
        (
            "ringtag_recordings_open",
            "Recordings being written.",
            read(&gauges.recordings_open),
        ),
        (
            "ringtag_recordings_disk_error",
            "1 while the disk refuses recordings; calls go on without.",
            read(&gauges.recordings_disk_error),
        ),
        (
            "ringtag_store_backlog",
            "Events of calls that are not on the disk yet.",
            health.backlog,
        ),
        (
            "ringtag_store_disk_error",
            "1 while the disk refuses the call log.",
            flag(health.disk_error.is_some()),
        ),
    ] {
        head(out, name, "gauge", help)?;
        writeln!(out, "{name} {value}")?;
    }
    for (name, help, value) in [
        (
            "ringtag_calls_began_total",
            "Calls to our numbers.",
            read(&gauges.calls_began),
        ),
        (
            "ringtag_calls_answered_total",
            "Calls that somebody answered.",
            read(&gauges.calls_answered),
        ),
        (
            "ringtag_sip_received_total",
            "SIP datagrams and stream pieces received.",
            read(&gauges.sip_received),
        ),
        (
            "ringtag_sip_sent_total",
            "SIP messages sent.",
            read(&gauges.sip_sent),
        ),
        (
            "ringtag_sip_unsent_total",
            "SIP messages that the kernel would not take.",
            read(&gauges.sip_unsent),
        ),
        (
            "ringtag_sip_refused_total",
            "Requests from nobody known or to none of our numbers.",
            read(&gauges.refused),
        ),
        ("ringtag_bans_total", "Bans that began.", read(&gauges.bans)),
        (
            "ringtag_sip_dropped_banned_total",
            "Messages of banned sources that were not read.",
            read(&gauges.dropped_banned),
        ),
        (
            "ringtag_sip_dropped_rate_total",
            "Messages beyond a rate that were not read.",
            read(&gauges.dropped_too_fast),
        ),
        (
            "ringtag_calls_overloaded_total",
            "INVITEs answered 503 for want of room.",
            read(&gauges.overloaded),
        ),
        (
            "ringtag_ladders_missed_total",
            "Calls whose SIP messages are not kept: too many began at once, or the disk was behind.",
            read(&gauges.ladders_missed),
        ),
        (
            "ringtag_connections_turned_away_total",
            "Stream connections beyond a limit.",
            read(&gauges.connections_turned_away),
        ),
        (
            "ringtag_connections_unshaken_total",
            "Stream connections that never stood: no answer, a failed handshake, or another's certificate.",
            read(&gauges.connections_unshaken),
        ),
        (
            "ringtag_rtp_received_total",
            "RTP packets received on closed legs.",
            read(&gauges.rtp_received),
        ),
        (
            "ringtag_rtp_sent_total",
            "RTP packets sent on closed legs.",
            read(&gauges.rtp_sent),
        ),
        (
            "ringtag_rtp_refused_total",
            "RTP packets from addresses that may not send.",
            read(&gauges.rtp_refused),
        ),
        (
            "ringtag_srtp_failed_total",
            "SRTP packets that were not under the key agreed on.",
            read(&gauges.srtp_failed),
        ),
        (
            "ringtag_rtp_untapped_total",
            "RTP packets that a recording missed.",
            read(&gauges.rtp_untapped),
        ),
        (
            "ringtag_recordings_complete_total",
            "Recordings finished whole.",
            read(&gauges.recordings_complete),
        ),
        (
            "ringtag_recordings_damaged_total",
            "Recordings that lack something.",
            read(&gauges.recordings_damaged),
        ),
        (
            "ringtag_reloads_total",
            "Configurations loaded since the start.",
            read(&gauges.reloads),
        ),
        (
            "ringtag_reloads_failed_total",
            "Reloads refused because of a mistake.",
            read(&gauges.reloads_failed),
        ),
        (
            "ringtag_store_lost_total",
            "Events of calls lost for want of room.",
            health.lost,
        ),
    ] {
        head(out, name, "counter", help)?;
        writeln!(out, "{name} {value}")?;
    }
    let ended = "ringtag_calls_ended_total";
    head(out, ended, "counter", "Calls that ended, by reason.")?;
    for (reason, count) in gauges.ended_by_word() {
        writeln!(out, "{ended}{{reason=\"{reason}\"}} {count}")?;
    }
    write_trunks(out, gauges)
}

fn write_trunks(out: &mut String, gauges: &Gauges) -> fmt::Result {
    let name = "ringtag_trunk_up";
    let help = "1 while a trunk with health_s answers.";
    head(out, name, "gauge", help)?;
    for (trunk, up) in gauges.trunks_up() {
        let trunk = trunk.replace('\\', "\\\\").replace('"', "\\\"");
        writeln!(out, "{name}{{trunk=\"{trunk}\"}} {}", u64::from(up))?;
    }
    Ok(())
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::story::FinishReason;

    #[test]
    fn every_figure_has_its_type_once_and_a_value() {
        let gauges = Gauges::default();
        gauges.count_end(FinishReason::Busy);
        gauges.watch_trunks(["carrier".into(), "odd \"one\"".into()]);
        gauges.set_trunk_up("carrier", false);
        let health = Health {
            lost: 3,
            ..Health::default()
        };
        let mut text = String::new();
        write_all(&mut text, &gauges, &health).unwrap();
        assert!(text.contains("\nringtag_calls_ended_total{reason=\"busy\"} 1\n"));
        assert!(text.contains("\nringtag_store_lost_total 3\n"));
        assert!(text.contains("\nringtag_trunk_up{trunk=\"carrier\"} 0\n"));
        assert!(text.contains("\nringtag_trunk_up{trunk=\"odd \\\"one\\\"\"} 1\n"));
        let mut types: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("# TYPE"))
            .collect();
        let all = types.len();
        types.sort_unstable();
        types.dedup();
        assert_eq!(types.len(), all);
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with("ringtag_"), "{line}");
            assert!(value.parse::<u64>().is_ok(), "{line}");
        }
    }
}
