//! Sockets that cannot be opened beside each other, and a trunk that leads back to ourselves.
//!
//! A start would fail on them, or calls would run in circles; the check says so before.

use std::net::SocketAddr;

use crate::call::trunk::Trunk;
use crate::config::book::Book;
use crate::config::known::Known;
use crate::engine::settings::Listen;
use crate::sip::host::Host;

/// Notes sockets of `sip` that take each other's place, each with its offset in the file.
pub(in crate::config) fn check_sip(book: &Book<'_>, sockets: &[(Listen, usize)]) {
    for (place, (socket, at)) in sockets.iter().enumerate() {
        let mut earlier = sockets.iter().take(place).map(|(socket, _)| socket);
        let taken = earlier.find(|earlier| {
            earlier.transport.is_reliable() == socket.transport.is_reliable()
                && collide(earlier.address, socket.address)
        });
        if let Some(taken) = taken {
            book.error(
                *at,
                format!(
                    "{}:{} cannot be opened beside {}:{}",
                    socket.transport, socket.address, taken.transport, taken.address
                ),
                "leave one of them out",
            );
        }
    }
}

/// Notes a page that listens where SIP does.
pub(in crate::config) fn check_web(
    book: &Book<'_>,
    web: Option<SocketAddr>,
    at: usize,
    sip: &[Listen],
) {
    let Some(web) = web else {
        return;
    };
    // TLS and WebSockets are TCP to the system.
    let over_tcp = |socket: &&Listen| socket.transport.is_reliable();
    if let Some(socket) = sip
        .iter()
        .filter(over_tcp)
        .find(|s| collide(s.address, web))
    {
        book.error(
            at,
            format!(
                "{web} is taken by [sip], which listens on {}:{}",
                socket.transport, socket.address
            ),
            "choose another port",
        );
    }
}

/// Notes trunks whose host is one of our own sockets.
pub(in crate::config) fn check_trunks(book: &Book<'_>, trunks: &Known<Trunk>, sip: &[Listen]) {
    for (trunk, at) in trunks.meanings() {
        let (host, port) = match &trunk.outbound_proxy {
            Some(proxy) => (&proxy.host, proxy.port),
            None => (&trunk.host, trunk.port),
        };
        let Some(address) = Host::of(host).ip() else {
            continue;
        };
        let port = port.unwrap_or_else(|| trunk.transport.default_port());
        let host = SocketAddr::new(address, port);
        let is_ours =
            |socket: &Listen| socket.transport == trunk.transport && socket.address == host;
        if sip.iter().any(is_ours) {
            book.error(
                at,
                format!(
                    "trunk \"{}\" leads to {host}, where ringtag itself listens",
                    trunk.id
                ),
                "write the host of the carrier or the PBX",
            );
        }
    }
}

/// Whether two sockets of one protocol want the same port. Port 0 is whichever is free.
fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    let any = a.ip().is_unspecified() || b.ip().is_unspecified();
    // Sockets of IPv6 are opened for IPv6 alone.
    a.port() != 0 && a.port() == b.port() && a.is_ipv4() == b.is_ipv4() && (any || a.ip() == b.ip())
}

#[cfg(test)]
mod tests {
    use crate::config::trial::mistakes;

    #[test]
    fn sockets_that_take_each_others_place_are_told() {
        assert_eq!(
            mistakes(
                "[sip]\nlisten = [\"udp:0.0.0.0:5060\", \"tcp:0.0.0.0:5060\", \"udp:127.0.0.1:5060\",\n  \"udp:[::]:5060\", \"tcp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"]\n"
            ),
            [
                "2:51: udp:127.0.0.1:5060 cannot be opened beside udp:0.0.0.0:5060; leave one of them out"
            ]
        );
        assert_eq!(
            mistakes("[sip]\nlisten = \"tcp:0.0.0.0:8080\"\n[web]\nlisten = \"127.0.0.1:8080\"\n"),
            [
                "4:10: 127.0.0.1:8080 is taken by [sip], which listens on tcp:0.0.0.0:8080; choose another port"
            ]
        );
    }

    #[test]
    fn a_trunk_that_leads_to_ourselves_is_a_mistake() {
        assert_eq!(
            mistakes(
                "[sip]\nlisten = \"udp:127.0.0.1:5060\"\n[[trunk]]\nid = \"pbx\"\nhost = \"127.0.0.1\"\n"
            ),
            [
                "4:6: trunk \"pbx\" leads to 127.0.0.1:5060, where ringtag itself listens; write the host of the carrier or the PBX"
            ]
        );
    }
}
