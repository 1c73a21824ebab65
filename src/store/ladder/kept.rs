//! A ladder as a line of JSON.

use std::io::Write as _;

use serde::Deserialize;

use crate::base::id::CallId;
use crate::base::time::WallTime;
use crate::call::ladder::Direction;
use crate::store::ladder::{Draft, Ladder, Message, Rung};

/// How a line begins. The call stands first: a reader knows by it whose the line is.
const BEGIN: &[u8] = br#"{"call":""#;

/// A line. Times are milliseconds since 1970, which are quicker to write.
#[derive(Deserialize)]
struct Line {
    rungs: Vec<KeptRung>,
    left_out: u32,
}

#[derive(Deserialize)]
struct KeptRung {
    at_ms: i64,
    leg: u8,
    direction: Direction,
    transport: String,
    peer: String,
    repeated: u32,
    text: String,
}

/// Adds the line of a call, its end included.
pub(crate) fn write(out: &mut Vec<u8>, call: CallId, draft: &Draft) {
    out.extend_from_slice(BEGIN);
    // Writing to memory does not fail.
    let _written = write!(out, "{call}\",\"left_out\":{},\"rungs\":[", draft.left_out);
    for (place, message) in draft.messages.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_message(out, message);
    }
    out.extend_from_slice(b"]}\n");
}

fn write_message(out: &mut Vec<u8>, message: &Message) {
    let direction = match message.direction {
        Direction::In => "in",
        Direction::Out => "out",
    };
    let _written = write!(
        out,
        "{{\"at_ms\":{},\"leg\":{},\"direction\":\"{direction}\",\"transport\":\"{}\",\"peer\":\"{}\",\"repeated\":{},\"text\":",
        message.at.as_millis(),
        message.leg,
        message.transport,
        message.peer,
        message.repeated,
    );
    let _written = serde_json::to_writer(&mut *out, &message.shown());
    out.push(b'}');
}

/// The id at the beginning of a line.
pub(crate) fn call_in(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(BEGIN)?;
    rest.get(..memchr::memchr(b'"', rest)?)
}

/// Reads a line; `None`: it is none, as one that a full disk cut off.
pub(crate) fn read(line: &[u8]) -> Option<Ladder> {
    let line: Line = serde_json::from_slice(line).ok()?;
    let rung = |kept: KeptRung| Rung {
        at: WallTime::from_millis(kept.at_ms),
        leg: kept.leg,
        direction: kept.direction,
        transport: kept.transport,
        peer: kept.peer,
        text: kept.text,
        repeated: kept.repeated,
    };
    Some(Ladder {
        rungs: line.rungs.into_iter().map(rung).collect(),
        left_out: line.left_out,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::base::chance::Chance;

    proptest! {
        #[test]
        fn what_is_written_is_read_back_as_it_is_shown(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let message = Message {
                at: WallTime::from_millis(1_795_253_400_123),
                leg: 2,
                direction: Direction::In,
                transport: "wss",
                peer: "[2001:db8::1]:5061".parse().unwrap(),
                bytes: Bytes::from(bytes),
                repeated: 7,
            };
            let draft = Draft { messages: vec![message.clone(), message], left_out: 9 };
            let call = CallId::new(WallTime::default(), &mut Chance::from_number(1));
            let mut line = Vec::new();
            write(&mut line, call, &draft);
            prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            let id = call.to_string();
            prop_assert_eq!(call_in(&line), Some(id.as_bytes()));
            prop_assert_eq!(read(&line), Some(draft.ladder()));
        }
    }
}
