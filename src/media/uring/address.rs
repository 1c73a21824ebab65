//! Socket addresses as the kernel writes them (struct sockaddr_in and sockaddr_in6).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use rustix::net::AddressFamily;

/// The longer of the two.
pub(in crate::media) const BYTES: usize = 28;

/// The length of an IPv4 one.
const BYTES_V4: u8 = 16;
const BYTES_V6: u8 = 28;

const INET: u16 = AddressFamily::INET.as_raw();
const INET6: u16 = AddressFamily::INET6.as_raw();

/// Reads an address.
pub(in crate::media) fn read(bytes: &[u8]) -> Option<SocketAddr> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    let [f0, f1, p0, p1] = *head;
    let port = u16::from_be_bytes([p0, p1]);
    match u16::from_ne_bytes([f0, f1]) {
        INET => {
            let ip = Ipv4Addr::from(*rest.first_chunk::<4>()?);
            Some(SocketAddr::new(IpAddr::V4(ip), port))
        }
        INET6 => {
            let (flow, rest) = rest.split_first_chunk::<4>()?;
            let (ip, rest) = rest.split_first_chunk::<16>()?;
            let scope = u32::from_ne_bytes(*rest.first_chunk::<4>()?);
            let ip = Ipv6Addr::from(*ip);
            let flow = u32::from_be_bytes(*flow);
            Some(SocketAddrV6::new(ip, port, flow, scope).into())
        }
        _ => None,
    }
}

/// Writes an address, and says how many of the bytes are it.
pub(in crate::media) fn write(address: SocketAddr) -> ([u8; BYTES], u8) {
    let mut bytes = [0; BYTES];
    let mut rest = bytes.iter_mut();
    let mut put = |part: &[u8]| {
        for (byte, place) in part.iter().zip(rest.by_ref()) {
            *place = *byte;
        }
    };
    match address {
        SocketAddr::V4(v4) => {
            put(&INET.to_ne_bytes());
            put(&v4.port().to_be_bytes());
            put(&v4.ip().octets());
            (bytes, BYTES_V4)
        }
        SocketAddr::V6(v6) => {
            put(&INET6.to_ne_bytes());
            put(&v6.port().to_be_bytes());
            put(&v6.flowinfo().to_be_bytes());
            put(&v6.ip().octets());
            put(&v6.scope_id().to_ne_bytes());
            (bytes, BYTES_V6)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_what_the_kernels_own_library_makes_of_it() {
        for text in ["192.0.2.9:4000", "[2001:db8::9]:65535", "[fe80::1%3]:1"] {
            let address: SocketAddr = text.parse().unwrap();
            let (bytes, length) = write(address);
            let theirs = socket2::SockAddr::from(address);
            assert_eq!(u32::from(length), theirs.len(), "{text}");
            assert_eq!(theirs.as_socket(), read(&bytes), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(address: SocketAddr) {
            prop_assert_eq!(read(&write(address).0), Some(address));
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _address = read(&bytes);
        }
    }
}
