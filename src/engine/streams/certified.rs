//! Whose certificate a connection bears: which trunk is expected at an address, and whether what its peer showed is that
//! trunk's (RFC 5922 7.3, RFC 5923).

use std::net::SocketAddr;

use crate::call::trunks::Trunks;
use crate::engine::streams::Connection;
use crate::engine::tls::{Tls, Toward};

/// What TLS needs to know of the trunk at an address. Only trunks are connected to, for only their names are known.
pub(in crate::engine::streams) fn toward<'a>(
    tls: &'a Tls,
    trunks: &Trunks,
    peer: SocketAddr,
) -> Result<&'a Toward, &'static str> {
    let lines = trunks.iter();
    let there = lines.filter(|line| line.leads_to(peer.ip()));
    let mut known = there
        .filter_map(|line| tls.toward.get(&line.trunk.id))
        .filter(|toward| toward.config().is_ok());
    let first = known
        .next()
        .ok_or("no trunk with transport = \"tls\" is there")?;
    match known.all(|other| other == first) {
        true => Ok(first),
        // Whoever answers there would be taken for all of them.
        false => Err("trunks there differ in tls_name, tls_ca_file or tls_certificate_file"),
    }
}

/// Whether a connection from a trunk's address showed the trunk's certificate, where it was asked for one (RFC 5922 7.3).
pub(in crate::engine::streams) fn bears_the_name(
    tls: &Tls,
    trunks: &Trunks,
    connection: &Connection,
) -> bool {
    let Some(certificate) = &connection.certificate else {
        return true;
    };
    let Some(line) = trunks.recognise(&connection.path) else {
        return true;
    };
    let toward = tls.toward.get(&line.trunk.id);
    let good = toward.is_none_or(|toward| toward.is_named_in(certificate));
    if !good {
        tracing::warn!(
            trunk = %line.trunk.id,
            peer = %connection.path.peer,
            "a connection from the trunk's address is closed: its certificate bears another name; correct tls_name, or the certificate"
        );
    }
    good
}

/// Where the trunk is reached whose certificate a connection showed (RFC 5923).
pub(in crate::engine::streams) fn vouched_for(
    tls: &Tls,
    trunks: &Trunks,
    connection: &Connection,
) -> Vec<SocketAddr> {
    let Some(certificate) = &connection.certificate else {
        return Vec::new();
    };
    let line = trunks.recognise(&connection.path).filter(|line| {
        let toward = tls.toward.get(&line.trunk.id);
        toward.is_some_and(|toward| toward.is_named_in(certificate))
    });
    let transport = connection.path.transport;
    let places = line.into_iter().flat_map(|line| &line.addresses.0);
    let alike = places.filter(|place| place.transport == transport);
    alike.map(|place| place.address).collect()
}
