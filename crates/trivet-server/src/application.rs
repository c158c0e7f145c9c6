//! What the engine must know of an application's types; the calling itself is done by the caller's thread.

/// The two kinds of value that an application leaves with the engine.
pub trait Application: Send + Sync + 'static {
    /// Body bytes that are sent without a copy; kept until the client has taken them.
    type Bytes: AsRef<[u8]> + Send;
    /// Whatever the application wants to remember of one connection, such as its address as text.
    type Kept: Send;
}
