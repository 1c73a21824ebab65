//! One leg: our half of a dialog with one peer, its ports, and what its SDP said.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::base::chance::Token;
use crate::base::id::LegId;
use crate::base::time::Moment;
use crate::call::desk::LegSound;
use crate::call::hands::Hands;
use crate::call::mos;
use crate::call::story;
use crate::call::story::Role;
use crate::call::trunk::Trunk;
use crate::call::upkeep::Upkeep;
use crate::sdp::{Codec, Session, Voice, parse};
use crate::sip::dialog::Dialog;
use crate::sip::header::Name;
use crate::sip::transport::Path;

/// One leg of one call.
#[derive(Debug)]
pub(in crate::call) struct Leg {
    pub(in crate::call) id: LegId,
    /// As it was configured when the leg began.
    pub(in crate::call) trunk: Arc<Trunk>,
    /// Our tag: under it the switchboard finds the leg.
    pub(in crate::call) tag: Token,
    /// SIP's Call-ID.
    pub(in crate::call) call_id: Box<str>,
    /// The peer's URI, for the record.
    pub(in crate::call) remote_uri: Box<str>,
    /// Once a 2xx made it.
    pub(in crate::call) dialog: Option<Dialog>,
    /// The way its signalling came or goes.
    pub(in crate::call) path: Path,
    /// It was dialled by a `sips:` address: nothing of it may leave TLS.
    pub(in crate::call) sips: bool,
    /// With which our last INVITE on it went out, for the ACK of its 2xx.
    pub(in crate::call) credentials: Vec<(Name, String)>,
    pub(in crate::call) ports: Ports,
    /// What we say in SDP.
    pub(in crate::call) voice: Voice,
    /// What the peer said in SDP last.
    pub(in crate::call) heard: Option<Heard>,
    pub(in crate::call) upkeep: Upkeep,
    /// For the record; there once the ports are closed.
    pub(in crate::call) sound: Option<Box<LegSound>>,
    /// For the record: what it was to the call.
    pub(in crate::call) part: Part,
}

/// What a leg begins with; everything else comes of what its peer says.
pub(in crate::call) struct Beginning {
    pub(in crate::call) id: LegId,
    pub(in crate::call) trunk: Arc<Trunk>,
    pub(in crate::call) tag: Token,
    pub(in crate::call) call_id: Box<str>,
    pub(in crate::call) remote_uri: Box<str>,
    pub(in crate::call) path: Path,
    pub(in crate::call) sips: bool,
    pub(in crate::call) ports: Ports,
    pub(in crate::call) role: Role,
}

/// A leg's part in the conversation.
#[derive(Clone, Copy, Debug)]
pub(in crate::call) struct Part {
    pub(in crate::call) role: Role,
    /// When it was bridged.
    pub(in crate::call) joined: Option<Moment>,
    /// When it left, where others went on.
    pub(in crate::call) left: Option<Moment>,
}

impl Part {
    /// One that has not joined.
    pub(in crate::call) const fn of(role: Role) -> Self {
        Self {
            role,
            joined: None,
            left: None,
        }
    }
}

/// A leg's port pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::call) enum Ports {
    /// Never asked for, or none was free.
    None,
    /// Asked for.
    Asked,
    /// Ours; RTP at this address.
    Open(SocketAddr),
    /// Given back; the counters are awaited.
    Closing,
    /// Given back and counted.
    Closed,
}

/// What matters later of a peer's SDP.
#[derive(Clone, Debug)]
pub(in crate::call) struct Heard {
    pub(in crate::call) rtp: Option<SocketAddr>,
    /// `false`: the peer holds the call.
    pub(in crate::call) listens: bool,
    /// The first codec that carries speech.
    pub(in crate::call) codec: Option<Codec>,
    /// All of it: what another party is offered when the call is sent on.
    pub(in crate::call) session: Session,
}

impl Leg {
    /// A leg on which nothing was said yet.
    pub(in crate::call) fn new(hands: &mut Hands, begins: Beginning) -> Self {
        hands.ladder.begin(&begins.call_id, begins.id);
        let voice = hands.voice(begins.trunk.srtp);
        Self {
            id: begins.id,
            trunk: begins.trunk,
            tag: begins.tag,
            call_id: begins.call_id,
            remote_uri: begins.remote_uri,
            dialog: None,
            path: begins.path,
            sips: begins.sips,
            credentials: Vec::new(),
            ports: begins.ports,
            voice,
            heard: None,
            upkeep: Upkeep::new(hands.session),
            sound: None,
            part: Part::of(begins.role),
        }
    }

    /// One of our own descriptions on it, read as its peer's are.
    pub(in crate::call) fn told(&self, said: &[u8]) -> Option<Session> {
        let said = parse(said).ok()?;
        Some(said.opened_as_ours(self.trunk.srtp))
    }

    /// Our address for SDP; `None` while there is none.
    pub(in crate::call) const fn address(&self) -> Option<SocketAddr> {
        match self.ports {
            Ports::Open(address) => Some(address),
            Ports::None | Ports::Asked | Ports::Closing | Ports::Closed => None,
        }
    }

    /// Whether the peer's SDP puts the call on hold.
    pub(in crate::call) fn holds(&self) -> bool {
        self.heard.as_ref().is_some_and(|heard| !heard.listens)
    }

    /// The leg as the record shows it: its times count from the answer, `zero`.
    pub(in crate::call) fn record(&self, zero: Option<Moment>, end: Moment) -> story::Leg {
        let since = |at: Moment| {
            let span = at - zero?;
            u64::try_from(span.as_millis()).ok()
        };
        let Part { role, joined, left } = self.part;
        let sound = self.sound.as_deref().cloned().unwrap_or_default();
        let codec = self.heard.as_ref().and_then(|heard| heard.codec.as_ref());
        let heard = self.heard.as_ref();
        let secrets = heard.and_then(|heard| self.voice.secrets(&heard.session));
        let counted = mos::Counted {
            packets: sound.packets_in,
            lost: sound.lost,
            jitter_ms: sound.jitter_ms,
            rtt_ms: sound.rtt_ms,
        };
        let suite = secrets.map(|secrets| secrets.ours.suite());
        story::Leg {
            trunk: Arc::clone(&self.trunk.id),
            remote_uri: self.remote_uri.to_string(),
            sip_call_id: self.call_id.to_string(),
            codec: codec.map(|codec| format!("{}/{}", codec.name, codec.clock_hz)),
            packets_in: sound.packets_in,
            packets_out: sound.packets_out,
            lost: sound.lost,
            jitter_ms: sound.jitter_ms,
            digit_times: digit_times(&sound, zero),
            digits: sound.digits,
            role: Some(role),
            joined_ms: joined.and_then(since),
            left_ms: joined.and_then(|_| since(left.unwrap_or(end))),
            srtp: suite.map(|suite| suite.to_string()),
            srtp_failed: sound.forged,
            rtt_ms: sound.rtt_ms,
            lost_there: sound.lost_there,
            jitter_there_ms: sound.jitter_there_ms,
            mos_estimate: codec.and_then(|codec| mos::estimate(&codec.name, counted)),
        }
    }
}

/// When keys were pressed, in milliseconds from the answer; before it, and without one, 0.
fn digit_times(sound: &LegSound, zero: Option<Moment>) -> Vec<u64> {
    let since = |at: &Moment| zero.map_or(0, |zero| (*at - zero).as_millis());
    let times = sound.digit_times.iter().map(since);
    times
        .map(|at_ms| u64::try_from(at_ms).unwrap_or(u64::MAX))
        .collect()
}
