//! Calls that were dialled by a `sips:` address (RFC 3261 26.2.2, RFC 5630): over TLS on every leg, or not at all.
//!
//! Such a call is taken from a secure transport alone, goes on to trunks that are reached over TLS alone, and is spoken of in
//! `sips:` on both sides. A call that was dialled by `sip:` may go on over TLS all the same.

use crate::call::hands::{Answer, Hands};
use crate::call::screen::Refusal;
use crate::sip::header::Name;
use crate::sip::message::Request;
use crate::sip::transport::Path;
use crate::sip::uri::Scheme;

/// The final status of a sips call that no trunk took: to its carrier 503 would say that we are broken (RFC 5630 5.3).
const NOBODY: u16 = 480;

/// The answer to a request that claims to be secure and came where everybody could read it (RFC 5630 5.3, 5.4.2).
pub(in crate::call) fn refusal(hands: &Hands, request: &Request, path: &Path) -> Option<Refusal> {
    if request.uri().scheme() != Scheme::Sips || path.transport.is_secure() {
        return None;
    }
    let warning = format!("380 {} \"SIPS Not Allowed\"", hands.host(path));
    let answer = Answer::status(NOBODY).header(Name::Warning, warning);
    Some((answer, "a sips address over a transport that is not secure"))
}

/// What a caller is told when no target was reached; `status` is what it would be told of a call by `sip:`.
pub(in crate::call) const fn unreached(sips: bool, status: u16) -> u16 {
    match sips && status == 503 {
        true => NOBODY,
        false => status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::rig::*;
    use crate::call::story::*;
    use crate::call::trunk::{Addresses, Trunk};
    use crate::sip::transport::{FlowId, Transport};

    const CARRIER_HOST: &str = "127.0.0.2:5061";
    const LINE: &str = "127.0.0.2:40000";
    const PBX_HOST: &str = "127.0.0.3:5070";

    /// The carrier over TLS, and the PBX over `transport`.
    fn rig(transport: Transport) -> Rig {
        let over = |id: &str, at: &str, transport| {
            let address: std::net::SocketAddr = at.parse().unwrap();
            let trunk = Trunk {
                port: Some(address.port()),
                transport,
                ..Trunk::plain(id, &address.ip().to_string())
            };
            (trunk, Addresses::plain(transport, [address]))
        };
        let lines = vec![
            over("carrier", CARRIER_HOST, Transport::Tls),
            over("pbx", PBX_HOST, transport),
        ];
        Rig::with(one_by_one(&["101"]), lines)
    }

    /// The carrier calls by a sips address over TLS; what it is told since.
    fn dial(rig: &mut Rig) -> Vec<String> {
        let flow = FlowId::accepted(1);
        rig.connected(Transport::Tls, flow, LINE);
        let body = sdp("127.0.0.2", 4_000, "");
        let text = invite(NUMBER, &body)
            .replace("INVITE sip:", "INVITE sips:")
            .replace("Contact: <sip:", "Contact: <sips:")
            .replace("SIP/2.0/UDP", "SIP/2.0/TLS");
        rig.on(flow, &text);
        rig.all_to(LINE)
    }

    #[test]
    fn a_sips_address_over_udp_is_refused_with_its_warning() {
        let mut rig = Rig::new(one_by_one(&["101"]));
        let text = invite(NUMBER, &sdp("127.0.0.2", 4_000, ""));
        rig.from(CARRIER, &text.replace("INVITE sip:", "INVITE sips:"));
        let answer = rig.to(CARRIER, "SIP/2.0 480");
        assert_eq!(
            header(&answer, "Warning"),
            "380 127.0.0.1 \"SIPS Not Allowed\""
        );
        rig.seconds(64);
        rig.assert_clean();
    }

    #[test]
    fn a_sips_call_never_goes_on_to_a_trunk_in_the_open() {
        let mut rig = rig(Transport::Udp);
        let told = dial(&mut rig);
        assert!(
            told.iter().any(|text| text.starts_with("SIP/2.0 480 ")),
            "{told:#?}"
        );
        assert!(rig.all_to(PBX_HOST).is_empty());
        let tried = &rig.ended().targets_tried;
        assert_eq!(tried[0].result, TriedResult::Unreachable);
    }

    #[test]
    fn a_sips_call_is_spoken_of_in_sips_on_both_sides() {
        let mut rig = rig(Transport::Tls);
        dial(&mut rig);
        let (toward_pbx, peer) = rig.opening.remove(0);
        assert_eq!(peer.to_string(), PBX_HOST);
        rig.connected(Transport::Tls, toward_pbx, PBX_HOST);
        let out = rig.to(PBX_HOST, &format!("INVITE sips:101@{PBX_HOST} "));
        assert!(
            header(&out, "Contact").starts_with("<sips:127.0.0.1:"),
            "{out}"
        );
        assert!(!out.contains("transport="), "{out}");
        rig.on(
            toward_pbx,
            &reply(&out, 200, "one", &sdp("127.0.0.3", 4_000, "")),
        );
        let answer = rig.to(LINE, "SIP/2.0 200");
        assert!(
            header(&answer, "Contact").starts_with("<sips:127.0.0.1:"),
            "{answer}"
        );
    }

    #[test]
    fn only_want_of_a_way_is_told_otherwise() {
        assert_eq!(unreached(true, 503), 480);
        assert_eq!(unreached(true, 486), 486);
        assert_eq!(unreached(false, 503), 503);
    }
}
