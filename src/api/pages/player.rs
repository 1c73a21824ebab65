//! A recording as the player of a call's page shows it.

use crate::api::pages::show::Shower;
use crate::base::id::Side;
use crate::recording::command;
use crate::store::record::{CallRecord, Recording};
use crate::web::figures::clock;
use crate::web::player::{Gap, More, Pin, Player, speeds};

impl Shower {
    /// The player of a call that has a recording, or may have one that grows.
    pub(super) fn player(&self, call: &CallRecord) -> Option<Player> {
        let grows = call.answered_at.is_some() && call.ended_at.is_none();
        let finished = call.recording.as_ref();
        if !grows && finished.is_none() {
            return None;
        }
        let length_ms = finished.map_or(0, |recording| recording.duration_ms);
        let gaps = finished.map_or(&[][..], |recording| &recording.gaps);
        let path = |what: &str| format!("/api/v1/calls/{}/{what}", call.id);
        Some(Player {
            sound: path("recording.wav"),
            peaks: path("peaks"),
            notes_path: path("notes"),
            length_ms,
            length: clock(length_ms),
            grows: finished.is_none(),
            caller: self.caller(call.caller.as_ref()),
            callee: self.answered_by(call),
            pins: self.pins(call),
            gaps: gaps.iter().map(|gap| self.gap(gap)).collect(),
            remarks: finished.map_or_else(Vec::new, |recording| self.remarks(recording)),
            lengths: finished.map_or_else(String::new, lengths),
            parts: finished.map_or_else(Vec::new, |recording| {
                let more = (2..).zip(&recording.parts).map(|(number, part)| More {
                    sound: path(&format!("recording.wav?part={number}")),
                    name: self.words.with_both(
                        "recording-part",
                        &number.to_string(),
                        &clock(part.duration_ms),
                    ),
                });
                more.collect()
            }),
            speeds: speeds(self.words.language()),
        })
    }

    /// Pauses, and the side that stayed silent.
    fn remarks(&self, recording: &Recording) -> Vec<String> {
        let one_way = recording.one_way.map(|side| match side {
            Side::Caller => self.words.say("one-way-caller"),
            Side::Callee => self.words.say("one-way-callee"),
        });
        let pauses = recording.pauses.iter().map(|pause| {
            let until = clock(pause.from_ms.saturating_add(pause.length_ms));
            let stretch = format!("{}–{until}", clock(pause.from_ms));
            let by = match pause.by.as_str() {
                "keys" => self.words.say("paused-by-keys"),
                "hold" => self.words.say("paused-by-hold"),
                name => name.to_owned(),
            };
            self.words.with_both("recording-paused", &stretch, &by)
        });
        one_way.into_iter().chain(pauses).collect()
    }

    fn pins(&self, call: &CallRecord) -> Vec<Pin> {
        let dates = self.dates(&call.project);
        let mut pins: Vec<Pin> = call
            .notes
            .iter()
            .map(|note| Pin {
                id: note.id,
                at_ms: note.at_ms,
                at: clock(note.at_ms),
                text: note.text.clone(),
                by: note.by.clone(),
                when: dates.short(note.at),
            })
            .collect();
        pins.sort_by_key(|pin| pin.at_ms);
        pins
    }

    fn gap(&self, gap: &command::Gap) -> Gap {
        let is_caller = gap.side == Side::Caller;
        Gap::new(is_caller, gap.from_ms, gap.length_ms, &gap.why, self.words)
    }
}

/// How long each of a recording's files is; nothing of one that is in one file.
fn lengths(recording: &Recording) -> String {
    if recording.parts.is_empty() {
        return String::new();
    }
    let others = recording.parts.iter().map(|part| part.duration_ms);
    let first = recording.duration_ms.saturating_sub(others.clone().sum());
    let all: Vec<_> = std::iter::once(first).chain(others).collect();
    all.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",")
}
