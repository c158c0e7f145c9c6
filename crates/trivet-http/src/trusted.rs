//! Which peers may speak for their clients: networks, and Unix sockets. No name is resolved.

use std::net::IpAddr;

/// The peers whose word about the client is believed; empty unless told otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trusted {
    networks: Vec<Network>,
    unix: bool,
}

/// IPv4 networks lie in `::ffff:0:0/96`, so that one comparison serves both, and a peer that comes
/// to an IPv6 socket over IPv4 (RFC 4291 section 2.5.5.2) is the same peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    bits: u128,
    mask: u128,
}

impl Trusted {
    /// Reads addresses, networks (`10.0.0.0/8`) and the word `unix`.
    ///
    /// # Errors
    /// The first that is none of these.
    pub fn parse<'a>(items: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownPeer> {
        let mut trusted = Self::default();
        for item in items {
            if item == "unix" {
                trusted.unix = true;
            } else {
                let network = Network::parse(item).ok_or_else(|| UnknownPeer(item.to_owned()))?;
                trusted.networks.push(network);
            }
        }
        Ok(trusted)
    }

    /// Whether nobody is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty() && !self.unix
    }

    /// Whether an address is of one of the networks.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        let bits = mapped(address);
        self.networks.iter().any(|network| bits & network.mask == network.bits)
    }

    /// Whether whoever may connect to a Unix socket of ours is trusted.
    #[must_use]
    pub fn has_unix(&self) -> bool {
        self.unix
    }
}

/// Text that is neither an address nor a network nor `unix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPeer(String);

impl std::fmt::Display for UnknownPeer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?} is no address, network such as 10.0.0.0/8, or unix", self.0)
    }
}

impl std::error::Error for UnknownPeer {}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let host_bits = width - length.unwrap_or(width).min(width);
        if length.is_some_and(|length| length > width) {
            return None;
        }
        let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
        Some(Self { bits: mapped(address) & mask, mask })
    }
}

fn mapped(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.0/25", "192.0.2.127", "192.0.2.128"),
            ("127.0.0.1/32", "::ffff:127.0.0.1", "::1"),
            ("::1", "::1", "127.0.0.1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("fd00::/8", "fdff::1", "10.0.0.1"),
            ("::ffff:10.0.0.0/104", "10.1.2.3", "11.1.2.3"),
        ] {
            let trusted = Trusted::parse([network]).unwrap();
            assert!(trusted.has(inside.parse().unwrap()), "{network} {inside}");
            assert!(!trusted.has(outside.parse().unwrap()), "{network} {outside}");
            assert!(!trusted.has_unix() && !trusted.is_empty());
        }
    }

    #[test]
    fn unix_sockets_are_trusted_by_their_own_word() {
        let trusted = Trusted::parse(["unix"]).unwrap();
        assert!(trusted.has_unix() && !trusted.is_empty());
        assert!(!trusted.has("127.0.0.1".parse().unwrap()));
        assert!(Trusted::default().is_empty());
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "*", "localhost", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/x", "1"]
        {
            assert!(Trusted::parse([text]).is_err(), "{text}");
        }
    }
}
