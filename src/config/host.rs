//! A host as the configuration writes it: a name or an address, with or without a port.

use std::net::{IpAddr, SocketAddr};

use crate::config::book::{Book, Word};
use crate::config::settings::is_host;
use crate::config::walk::Section;
use crate::sip::host::unbracketed;

/// The port of DNS where none is written.
const DNS_PORT: u16 = 53;

/// A host as written.
#[derive(Clone, Copy)]
pub(in crate::config) struct Host<'t> {
    /// Without the port; an IPv6 address in its brackets, as a URI wants it.
    pub(in crate::config) name: &'t str,
    pub(in crate::config) port: Option<u16>,
    pub(in crate::config) at: usize,
}

impl<'t> Host<'t> {
    /// Reads the value of `key`, and notes what is wrong with it.
    pub(in crate::config) fn read(book: &Book<'_>, key: &str, word: Word<'t>) -> Option<Self> {
        let text = word.text;
        let (name, port) = match text.rsplit_once(':') {
            // The colons of an IPv6 address without brackets are no port's.
            Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, Some(port)),
            Some(_) | None => (text, None),
        };
        let bare_v6 = name.contains(':') && !name.starts_with('[');
        if bare_v6 || !is_host(name) {
            book.error(
                word.at,
                format!("`{key}` is \"{text}\", which is no host"),
                "write a name or an address, with a port where it matters: \"sip.example.com\", \"192.0.2.1:5060\", \"[2001:db8::1]:5060\"",
            );
            return None;
        }
        let port = match port.map(str::parse::<u16>) {
            None => None,
            Some(Ok(port)) if port > 0 => Some(port),
            Some(_) => {
                let message = format!("`{key}` is \"{text}\", whose port is no port");
                book.error(word.at, message, "write a port from 1 to 65535, or none");
                return None;
            }
        };
        Some(Self {
            name,
            port,
            at: word.at,
        })
    }

    /// The address, where it is one and no name.
    pub(in crate::config) fn address(&self) -> Option<IpAddr> {
        unbracketed(self.name).parse().ok()
    }
}

/// Reads `[sip] resolver`: the server that is asked for names.
pub(in crate::config) fn resolver(section: &mut Section<'_, '_>) -> Option<SocketAddr> {
    let word = section.word("resolver", "\"127.0.0.1:53\"")?;
    let bare = word.text.parse().map(|ip| SocketAddr::new(ip, DNS_PORT));
    let address = word.text.parse().or(bare).ok();
    if address.is_none_or(|address: SocketAddr| address.port() == 0) {
        section.book.error(
            word.at,
            format!("`resolver` is \"{}\", which is no address", word.text),
            "write the address of a DNS server, with a port where it is not 53: \"192.0.2.53\", \"127.0.0.1:5353\"",
        );
        return None;
    }
    address
}

#[cfg(test)]
mod tests {
    use crate::config::trial::{good, mistakes};

    #[test]
    fn a_resolver_is_an_address_with_or_without_a_port() {
        let resolver = |text: &str| {
            let config = good(&format!("[sip]\nresolver = \"{text}\"\n"));
            config.sip.resolver.map(|address| address.to_string())
        };
        assert_eq!(good("").sip.resolver, None);
        assert_eq!(resolver("192.0.2.53").as_deref(), Some("192.0.2.53:53"));
        assert_eq!(
            resolver("127.0.0.1:5353").as_deref(),
            Some("127.0.0.1:5353")
        );
        assert_eq!(
            resolver("2001:db8::53").as_deref(),
            Some("[2001:db8::53]:53")
        );
        for wrong in ["dns.example.com", "192.0.2.53:0"] {
            assert_eq!(
                mistakes(&format!("[sip]\nresolver = \"{wrong}\"\n")),
                [format!(
                    "2:12: `resolver` is \"{wrong}\", which is no address; write the address of a DNS server, with a port where it is not 53: \"192.0.2.53\", \"127.0.0.1:5353\""
                )]
            );
        }
    }
}
