//! A connection on its way from one process to another, between two requests.

use std::fmt;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::str::FromStr;

/// What must travel with a connection so that another engine can go on with it.
#[derive(Debug)]
pub struct HandedOver {
    /// The client's socket.
    pub socket: OwnedFd,
    /// What is known of the connection.
    pub about: About,
    /// What the client has sent of a request that has not begun.
    pub received: Vec<u8>,
}

/// What an engine knows of a connection, and another one could not find out. As text, which is what
/// travels, it is four words: `0 192.0.2.1:80 trusted named`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// The number of the listener that it came in on.
    pub listener: usize,
    /// Who sends on it, or whom a PROXY header has named; `None` for a Unix socket's peer.
    pub peer: Option<SocketAddr>,
    /// What it says of other clients is believed.
    pub is_trusted: bool,
    /// The header of the PROXY protocol has not come whole yet.
    pub awaits_proxy_header: bool,
}

const NO_ADDRESS: &str = "unix";
const TRUSTED: [&str; 2] = ["stranger", "trusted"];
const AWAITS: [&str; 2] = ["named", "nameless"];

impl fmt::Display for About {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ", self.listener)?;
        match self.peer {
            Some(peer) => write!(formatter, "{peer} ")?,
            None => write!(formatter, "{NO_ADDRESS} ")?,
        }
        let trusted = TRUSTED[usize::from(self.is_trusted)];
        write!(formatter, "{trusted} {}", AWAITS[usize::from(self.awaits_proxy_header)])
    }
}

/// The text is not one that an engine has written.
#[derive(Debug, PartialEq, Eq)]
pub struct NotAbout;

impl FromStr for About {
    type Err = NotAbout;

    fn from_str(text: &str) -> Result<Self, NotAbout> {
        let words: Vec<&str> = text.split(' ').collect();
        let [listener, peer, trusted, awaits] = words[..] else { return Err(NotAbout) };
        let peer = match peer {
            NO_ADDRESS => None,
            address => Some(address.parse().map_err(|_| NotAbout)?),
        };
        Ok(Self {
            listener: listener.parse().map_err(|_| NotAbout)?,
            peer,
            is_trusted: choice(TRUSTED, trusted)?,
            awaits_proxy_header: choice(AWAITS, awaits)?,
        })
    }
}

fn choice(words: [&str; 2], word: &str) -> Result<bool, NotAbout> {
    words.iter().position(|&known| known == word).map(|at| at == 1).ok_or(NotAbout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_connection_survives_the_way_as_text() {
        for peer in [None, Some("192.0.2.1:80"), Some("[2001:db8::1%7]:443")] {
            let peer = peer.map(|peer| peer.parse().unwrap());
            for (is_trusted, awaits_proxy_header) in [(false, false), (true, false), (true, true)] {
                let about = About { listener: 3, peer, is_trusted, awaits_proxy_header };
                assert_eq!(about.to_string().parse(), Ok(about));
            }
        }
    }

    #[test]
    fn other_text_is_refused() {
        let wrong = [
            "",
            "0",
            "x unix trusted named",
            "0 nobody trusted named",
            "0 unix t named",
            "0 unix ",
        ];
        for text in wrong {
            assert_eq!(text.parse::<About>(), Err(NotAbout), "{text}");
        }
    }
}
