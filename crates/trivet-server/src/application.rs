//! What the engine must know of an application's types; the calling itself is done by the caller's thread.

/// The two kinds of value that an application leaves with the engine.
pub trait Application: Send + Sync + 'static {
    /// Body bytes that are sent without a copy; kept until the client has taken them.
    type Bytes: AsRef<[u8]> + Send;
    /// Whatever the application wants to remember of one connection, such as its address as text.
    type Kept: Send;
}

#[cfg(test)]
pub(crate) mod fake {
    //! An application for the unit tests of this crate.

    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use crate::connection::{Connection, Key};

    pub(crate) struct Fake;

    impl super::Application for Fake {
        type Bytes = Vec<u8>;
        type Kept = ();
    }

    /// A connection and its client.
    pub(crate) fn connection(key: Key) -> (Box<Connection<Fake>>, UnixStream) {
        let (ours, client) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        (Box::new(Connection::new(OwnedFd::from(ours), key, 0, None)), client)
    }
}
