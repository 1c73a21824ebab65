//! What we say in one dialog over its life: one origin whose version counts, and one order of `m=` lines.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::sdp::layout;
use crate::sdp::relay::{Mux, Origin, OriginValue, Relay};
use crate::sdp::session::Session;
use crate::sdp::shield::{Protection, Seal, Secrets, Shield};

/// What we say on one leg over the life of its dialog.
#[derive(Clone, Debug)]
pub struct Voice {
    origin: Origin,
    last: Option<Bytes>,
    agreed: Option<Bytes>,
    /// `None`: no keys of ours are spoken of.
    shield: Option<Box<Shield>>,
}

impl Voice {
    /// Begins a dialog's descriptions under a random `id`.
    pub fn new(id: u64) -> Self {
        Self::under(id, None)
    }

    /// Begins one whose sound has keys of ours.
    pub fn under(id: u64, shield: Option<Shield>) -> Self {
        Self {
            origin: Origin { id, version: 1 },
            last: None,
            agreed: None,
            shield: shield.map(Box::new),
        }
    }

    /// The keys of this leg's packets by what its peer `said`, opened; `None`: they are plain.
    pub fn secrets(&self, said: &Session) -> Option<Secrets> {
        self.shield.as_ref()?.secrets(said)
    }

    /// How this leg's packets are protected by what its peer `said`, opened.
    pub fn protection(&self, said: &Session) -> Protection {
        let shield = self.shield.as_ref();
        shield.map_or(Protection::Plain, |shield| shield.protection(said))
    }

    /// Takes another key for what is said next: its sound goes on in another place, where nobody knows how far the former
    /// one had come.
    pub fn renew(&mut self) {
        if let Some(shield) = &mut self.shield {
            shield.renew();
        }
    }

    /// Writes the other leg's offer for this one. `m=` lines that this dialog has had stay where they are (RFC 3264 8), and RTCP
    /// on the port of RTP is offered where the other side offers it or this one had it (RFC 5761 5.1.1).
    pub fn say(&mut self, session: &Session, address: SocketAddr) -> Bytes {
        let had_mux = self.last.as_ref().is_some_and(|last| has_mux(last));
        let mux = if had_mux || session.offers_mux() {
            Mux::Offered
        } else {
            Mux::Apart
        };
        let slots = layout::offer(session, self.last.as_ref());
        let seal = self.shield.as_deref().map(Shield::offer);
        self.write(session, &slots, (address, mux), seal.as_ref())
    }

    /// Writes the other leg's answer to the `offer` of this leg's peer: the lines of that offer, one for one (RFC 3264 6). RTCP
    /// shares the port of RTP exactly where the peer offered that, whatever the other side agreed to: each leg has its own way.
    pub fn answer(&mut self, session: &Session, offer: &Session, address: SocketAddr) -> Bytes {
        let mux = if offer.offers_mux() {
            Mux::Agreed
        } else {
            Mux::Apart
        };
        let slots = layout::answer(session, offer);
        let shield = self.shield.as_mut();
        let seal = shield.and_then(|shield| shield.answer(offer));
        self.write(session, &slots, (address, mux), seal.as_ref())
    }

    /// Marks what was said last as in force: the exchange that it belongs to is complete.
    pub fn settle(&mut self) {
        self.agreed.clone_from(&self.last);
        if let Some(shield) = &mut self.shield {
            shield.settle();
        }
    }

    /// Says again what is in force: an offer that changes nothing, such as a refresh of the session (RFC 4028 7.4). To the byte what
    /// was said last, unless a refused offer came between; then it is one version further on.
    pub fn again(&mut self) -> Option<Bytes> {
        let (Some(agreed), Some(last)) = (&self.agreed, &self.last) else {
            return self.last.clone();
        };
        if let Some(shield) = &mut self.shield {
            shield.revert();
        }
        if !same_but_origin(agreed, last) {
            self.origin.version += 1;
            self.last = Some(with_origin(agreed, self.origin));
            self.settle();
        }
        self.last.clone()
    }

    /// What is in force: what was said last of all that was agreed on.
    pub const fn agreed(&self) -> Option<&Bytes> {
        self.agreed.as_ref()
    }

    /// What was said last.
    pub const fn last(&self) -> Option<&Bytes> {
        self.last.as_ref()
    }

    /// The version grows exactly when it differs from what was said last (RFC 3264 8).
    fn write(
        &mut self,
        session: &Session,
        slots: &[layout::Slot],
        (address, mux): (SocketAddr, Mux),
        seal: Option<&Seal>,
    ) -> Bytes {
        let written = |origin| {
            let relay = Relay {
                address,
                origin,
                mux,
            };
            let plain = session.relay_as(relay, slots);
            match seal {
                Some(seal) => seal.put(&plain),
                None => plain,
            }
        };
        let mut now = written(self.origin);
        match &self.last {
            Some(last) if same_but_origin(last, &now) => return last.clone(),
            Some(_) => {
                self.origin.version += 1;
                now = written(self.origin);
            }
            None => {}
        }
        self.last = Some(now.clone());
        now
    }
}

/// Whether two of our descriptions say the same but for `o=`: then the version must not grow (RFC 3264 8).
pub fn same_but_origin(one: &[u8], other: &[u8]) -> bool {
    let lines =
        |text| <[u8]>::split(text, |b: &u8| *b == b'\n').filter(|line| !line.starts_with(b"o="));
    lines(one).eq(lines(other))
}

/// One of our own descriptions under another version; the address in `o=` stays.
fn with_origin(text: &Bytes, origin: Origin) -> Bytes {
    let mut out = Vec::with_capacity(text.len() + 20);
    for line in text.split_inclusive(|b| *b == b'\n') {
        match line.strip_prefix(b"o=") {
            Some(value) => {
                let value = String::from_utf8_lossy(value);
                let ip = value.split(' ').skip(4).collect::<Vec<_>>().join(" ");
                let value = OriginValue(origin, ip.trim_end());
                out.extend_from_slice(format!("o={value}\r\n").as_bytes());
            }
            None => out.extend_from_slice(line),
        }
    }
    out.into()
}

/// Whether one of our own descriptions has RTCP on the port of RTP.
fn has_mux(said: &[u8]) -> bool {
    said.split(|b| *b == b'\n')
        .any(|line| line.trim_ascii_end() == b"a=rtcp-mux")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::parse::parse;

    const ONE: &str =
        "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\nc=IN IP4 10.0.0.1\r\nm=audio 4 RTP/AVP 8\r\n";

    fn held() -> String {
        format!("{ONE}a=inactive\r\n")
    }

    fn at(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    fn say(voice: &mut Voice, text: &str, address: &str) -> Vec<u8> {
        let bytes = voice.say(&parse(text.as_bytes()).unwrap(), at(address));
        parse(&bytes).unwrap().origin().to_vec()
    }

    #[test]
    fn the_version_grows_exactly_when_what_we_say_changes() {
        let moved =
            "v=0\r\no=- 1 2 IN IP4 10.0.0.2\r\nc=IN IP4 10.0.0.2\r\nm=audio 6 RTP/AVP 8\r\n";
        let mut voice = Voice::new(5);
        for (text, address, origin) in [
            (ONE, "192.0.2.9:20000", "- 5 1 IN IP4 192.0.2.9"),
            // The peer moved, but on our side nothing did.
            (moved, "192.0.2.9:20000", "- 5 1 IN IP4 192.0.2.9"),
            (&held(), "192.0.2.9:20000", "- 5 2 IN IP4 192.0.2.9"),
            (&held(), "192.0.2.9:20002", "- 5 3 IN IP4 192.0.2.9"),
            (ONE, "192.0.2.9:20002", "- 5 4 IN IP4 192.0.2.9"),
        ] {
            assert_eq!(say(&mut voice, text, address), origin.as_bytes());
        }
    }

    #[test]
    fn what_is_in_force_is_said_again_to_the_byte() {
        let mut voice = Voice::new(5);
        assert_eq!(voice.again(), None);
        say(&mut voice, ONE, "[2001:db8::9]:20000");
        voice.settle();
        let first = voice.last().cloned();
        assert_eq!(voice.again(), first);
        assert_eq!(voice.again(), first);
        // An offer that was refused: the next description differs from it, so its version is higher.
        say(&mut voice, &held(), "[2001:db8::9]:20000");
        let again = voice.again().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&again),
            String::from_utf8_lossy(&first.unwrap()).replace("o=- 5 1 ", "o=- 5 3 ")
        );
        assert_eq!(voice.again().unwrap(), again);
        assert_eq!(
            say(&mut voice, &held(), "[2001:db8::9]:20000"),
            b"- 5 4 IN IP6 2001:db8::9"
        );
    }

    #[test]
    fn what_is_not_yet_agreed_is_said_again_as_it_was() {
        let mut voice = Voice::new(5);
        say(&mut voice, ONE, "192.0.2.9:20000");
        assert_eq!(voice.again().as_ref(), voice.last());
    }

    #[test]
    fn a_line_of_the_dialog_never_goes_away() {
        let mut voice = Voice::new(5);
        let video = format!("{ONE}m=video 8 RTP/AVP 31\r\na=rtpmap:31 H261/90000\r\n");
        say(&mut voice, &video, "192.0.2.9:20000");
        let bytes = voice.say(&parse(ONE.as_bytes()).unwrap(), at("192.0.2.9:20000"));
        let kept = "m=audio 20000 RTP/AVP 8\r\nm=video 0 RTP/AVP 31\r\n";
        assert!(bytes.ends_with(kept.as_bytes()), "{bytes:?}");
    }

    #[test]
    fn rtcp_shares_the_port_on_each_leg_as_its_peer_agreed() {
        let mux = |line: &str| format!("{ONE}{line}a=rtcp-mux\r\n");
        let address = at("192.0.2.9:20000");
        let said = |voice: &mut Voice, text: &str| {
            let bytes = voice.say(&parse(text.as_bytes()).unwrap(), address);
            String::from_utf8(bytes.to_vec()).unwrap()
        };
        // Offered on where it was offered, with the port that is used if it is declined.
        let mut callee = Voice::new(1);
        let offer = said(&mut callee, &mux("a=rtcp:4\r\n"));
        assert!(offer.ends_with("a=rtcp:20001\r\na=rtcp-mux\r\n"), "{offer}");
        // Once on this leg it is offered again although the other side never speaks of it.
        assert!(said(&mut callee, ONE).ends_with("a=rtcp-mux\r\n"));
        // The answer goes by the peer's offer alone.
        let answered = |answer: &str, offer: &str| {
            let [answer, offer] = [answer, offer].map(|text| parse(text.as_bytes()).unwrap());
            let bytes = Voice::new(1).answer(&answer, &offer, address);
            String::from_utf8(bytes.to_vec()).unwrap()
        };
        let apart = format!("{ONE}a=rtcp:9\r\n");
        let shared = answered(&apart, &mux(""));
        assert!(
            shared.ends_with("RTP/AVP 8\r\na=rtcp-mux\r\n"),
            "no port of its own: {shared}"
        );
        assert!(answered(&mux("a=rtcp:9\r\n"), ONE).ends_with("RTP/AVP 8\r\na=rtcp:20001\r\n"));
    }
}
