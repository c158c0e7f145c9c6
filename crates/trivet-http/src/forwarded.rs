//! What trusted proxies say of a request: `X-Forwarded-…` or `Forwarded` (RFC 7239), read from the
//! right. Whether the peer is trusted is not decided here, and nothing is done with the answers.
//!
//! Each proxy adds what it knows at the right end of a list. So the right end is the word of our
//! peer, and a member counts only when all that stand to its right were added by trusted proxies:
//! the walk ends at the first address that is not one of theirs. What stands further left may have
//! been invented by the client, and is neither looked at nor shown to the application.

mod element;
mod lists;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use self::element::Element;
use self::lists::{Lists, last_comma, last_comma_outside_quotes, unquoted};
use crate::byte_class::{self, REG_NAME};
use crate::head::{Field, Span};
use crate::host;
use crate::known::Known;
use crate::node::{self, Node};
use crate::trusted::Trusted;

/// Which of the two ways to tell is read. The other is not believed, for a proxy that writes the
/// one passes the other on as the client has sent it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// `X-Forwarded-For`, `-Proto`, `-Host`, `-Port` and `-Prefix`.
    #[default]
    XForwarded,
    /// `Forwarded`, which has no port of its own and no prefix.
    Forwarded,
}

/// Whose request it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Client {
    /// The peer's own: nobody says otherwise.
    #[default]
    Peer,
    /// That of this address.
    Address(IpAddr, Option<u16>),
    /// A proxy knows and will not tell, or does not know.
    Hidden,
}

/// The scheme that the client has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http`, port 80
    Http,
    /// `https`, port 443
    Https,
}

impl Scheme {
    /// As in a URL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that a URL need not tell.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// Some proxies (Traefik) write `ws` and `wss` for the request that opens a WebSocket.
    fn of(text: &[u8]) -> Option<Self> {
        const NAMES: [(&[u8], Scheme); 4] = [
            (b"http", Scheme::Http),
            (b"https", Scheme::Https),
            (b"ws", Scheme::Http),
            (b"wss", Scheme::Https),
        ];
        NAMES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|(_, scheme)| *scheme)
    }
}

/// A field by which proxies tell of the client, and which a client could send as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Teller {
    /// `X-Forwarded` and all that begins with it.
    XForwarded,
    /// `Forwarded`.
    Forwarded,
    /// Names that one product or the other has made up. Not read here.
    Other,
}

/// Names beside `forwarded` and `x-forwarded…` that applications and frameworks take for the word of
/// a proxy.
pub const OTHER_TELLERS: [&str; 13] = [
    "cf-connecting-ip",
    "fastly-client-ip",
    "fly-client-ip",
    "front-end-https",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "x-original-host",
    "x-real-ip",
    "x-scheme",
    "x-script-name",
    "x-url-scheme",
];

impl Teller {
    /// What a field of this name, in lower case, tells of the client; `None` for most.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "forwarded" => Some(Self::Forwarded),
            _ if name.starts_with("x-forwarded") => Some(Self::XForwarded),
            _ => OTHER_TELLERS.contains(&name).then_some(Self::Other),
        }
    }
}

/// What is believed of one request that came from a trusted peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarding {
    /// Which fields were read.
    pub family: Family,
    /// Whose request it is.
    pub client: Client,
    /// Valid, or not there.
    pub scheme: Option<Scheme>,
    /// A valid host without its port.
    pub host: Option<Span>,
    /// X-Forwarded-Port, or else the port in the host.
    pub port: Option<u16>,
    /// A clean path without a slash at its end; empty when the application is at the root.
    pub prefix: Option<Span>,
    /// Where in the buffer the believed part of each list begins.
    believed_from: [u32; ROWS],
}

const ROWS: usize = 6;
const NOWHERE: u32 = u32::MAX;

/// The place of a field that is read in `believed_from`.
const fn row(known: Known) -> Option<usize> {
    match known {
        Known::XForwardedFor => Some(0),
        Known::XForwardedProto => Some(1),
        Known::XForwardedHost => Some(2),
        Known::XForwardedPort => Some(3),
        Known::XForwardedPrefix => Some(4),
        Known::Forwarded => Some(5),
        _ => None,
    }
}

impl Forwarding {
    /// Reads what the fields of one family say.
    #[must_use]
    pub fn read(family: Family, fields: &[Field], buffer: &[u8], trusted: &Trusted) -> Self {
        let mut forwarding = Self::nothing(family);
        let lists = Lists { fields, buffer };
        match family {
            Family::XForwarded => forwarding.read_x_forwarded(lists, trusted),
            Family::Forwarded => forwarding.read_forwarded(lists, trusted),
        }
        forwarding
    }

    fn nothing(family: Family) -> Self {
        Self {
            family,
            client: Client::Peer,
            scheme: None,
            host: None,
            port: None,
            prefix: None,
            believed_from: [NOWHERE; ROWS],
        }
    }

    /// The part of a field's value that trusted proxies have written; `None` when there is none.
    #[must_use]
    pub fn believed(&self, known: Known, value: Span) -> Option<Span> {
        let from = match row(known) {
            Some(row) => self.believed_from[row],
            None => 0,
        };
        (value.end > from).then_some(Span { start: value.start.max(from), end: value.end })
    }

    /// Whether a field that is not read here is left to the application.
    #[must_use]
    pub fn lets_through(&self, teller: Teller) -> bool {
        match teller {
            Teller::XForwarded => self.family == Family::XForwarded,
            Teller::Forwarded => self.family == Family::Forwarded,
            Teller::Other => true,
        }
    }

    fn read_x_forwarded(&mut self, lists: Lists<'_>, trusted: &Trusted) {
        let proxies = self.read_x_forwarded_for(lists, trusted);
        // Each of these proxies may have added a member to each list. Where there are fewer, some
        // have left the list alone, and its left end is the word of the one nearest to the client.
        let word = |known| lists.members_backwards(known, last_comma).take(proxies).last();
        if let Some((member, scheme)) =
            word(Known::XForwardedProto).and_then(|m| Some((m, Scheme::of(m.of(lists.buffer))?)))
        {
            self.scheme = Some(scheme);
            self.believe(Known::XForwardedProto, member);
        }
        if let Some(member) = word(Known::XForwardedHost)
            && self.take_host(member, lists.buffer)
        {
            self.believe(Known::XForwardedHost, member);
        }
        if let Some((member, port)) = word(Known::XForwardedPort)
            .and_then(|member| Some((member, node::decimal_port(member.of(lists.buffer))?)))
            && port != 0
        {
            self.port = Some(port);
            self.believe(Known::XForwardedPort, member);
        }
        if let Some((member, prefix)) = word(Known::XForwardedPrefix)
            .and_then(|member| Some((member, clean_path(member, lists.buffer)?)))
        {
            self.prefix = Some(prefix);
            self.believe(Known::XForwardedPrefix, member);
        }
    }

    /// Finds the client, and returns how many trusted proxies the request has come through.
    fn read_x_forwarded_for(&mut self, lists: Lists<'_>, trusted: &Trusted) -> usize {
        let mut proxies = 0;
        for member in lists.members_backwards(Known::XForwardedFor, last_comma) {
            let Some(node) = node::parse(unquoted(member.of(lists.buffer))) else {
                // A proxy that writes such a thing is not understood: the whole list is as if it
                // were not there.
                self.client = Client::Peer;
                self.believed_from = [NOWHERE; ROWS];
                return 1;
            };
            proxies += 1;
            self.believe(Known::XForwardedFor, member);
            if self.is_the_end(node, trusted) {
                break;
            }
        }
        proxies.max(1)
    }

    fn read_forwarded(&mut self, lists: Lists<'_>, trusted: &Trusted) {
        for member in lists.members_backwards(Known::Forwarded, last_comma_outside_quotes) {
            let Some(element) = Element::parse(member, lists.buffer) else {
                *self = Self::nothing(self.family);
                return;
            };
            self.believe(Known::Forwarded, member);
            // The element of the proxy nearest to the client says what the client has used; where
            // it does not say, the next one to its right does.
            self.scheme =
                element.proto.and_then(|proto| Scheme::of(proto.of(lists.buffer))).or(self.scheme);
            if let Some(host) = element.host {
                self.take_host(host, lists.buffer);
            }
            match element.node {
                Some(node) if !self.is_the_end(node, trusted) => {}
                _ => return,
            }
        }
    }

    /// Takes note of a node; true when what stands to its left was not added by a trusted proxy.
    fn is_the_end(&mut self, node: Node, trusted: &Trusted) -> bool {
        match node {
            Node::Hidden => {
                self.client = Client::Hidden;
                true
            }
            Node::Address(address, port) => {
                self.client = Client::Address(address, port);
                !trusted.has(address)
            }
        }
    }

    fn take_host(&mut self, text: Span, buffer: &[u8]) -> bool {
        let Some((host, port)) = split_host(text.of(buffer)) else { return false };
        if host.is_empty() {
            return false;
        }
        self.host = Some(Span { start: text.start, end: text.start + host.len() as u32 });
        self.port = port;
        true
    }

    fn believe(&mut self, known: Known, member: Span) {
        if let Some(row) = row(known) {
            self.believed_from[row] = member.start;
        }
    }
}

/// Host and port of a valid `uri-host [ ":" port ]`; an empty port is no port.
#[must_use]
pub fn split_host(text: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let found = host::parse(text)?;
    let port = found.port.filter(|digits| !digits.is_empty());
    // Zeros in front are of the grammar, and may be many.
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse().ok();
    Some((found.host, port.and_then(number)))
}

/// A path that can stand in front of the application's: no escapes, no empty, `.` or `..` segment.
fn clean_path(text: Span, buffer: &[u8]) -> Option<Span> {
    let mut path = text;
    while let [.., b'/'] = path.of(buffer) {
        path.end -= 1;
    }
    let [b'/', segments @ ..] = path.of(buffer) else {
        return (path.is_empty() && !text.is_empty()).then_some(path);
    };
    let is_clean = |segment: &[u8]| {
        !matches!(segment, b"" | b"." | b"..")
            && segment.iter().all(|&byte| byte_class::is(byte, REG_NAME) || b":@".contains(&byte))
    };
    segments.split(|&byte| byte == b'/').all(is_clean).then_some(path)
}
