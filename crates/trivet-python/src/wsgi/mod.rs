//! WSGI (PEP 3333): environ in, start_response and an iterable out.

pub(crate) mod call;
pub(crate) mod current;
pub(crate) mod environ;
pub(crate) mod file_wrapper;
pub(crate) mod input;
pub(crate) mod proxied;
pub(crate) mod responder;
pub(crate) mod template;
pub(crate) mod text;
pub(crate) mod upgrade;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use trivet_server::Application;

/// The types that a WSGI application leaves with the engine.
pub(crate) struct Wsgi;

impl Application for Wsgi {
    type Bytes = SharedBytes;
    type Kept = Address;
}

/// A connection's address as the environ has it, made once for each connection.
pub(crate) struct Address {
    pub(crate) host: Py<PyString>,
    pub(crate) port: Py<PyString>,
}

/// A bytes object that the engine sends from, and that may be read without the interpreter's lock.
pub(crate) struct SharedBytes {
    start: *const u8,
    length: usize,
    /// Keeps the memory alive. Dropped without the lock, the reference is given back later.
    _object: Py<PyBytes>,
}

// SAFETY: a bytes object never changes and never moves, `_object` keeps it alive, and a reference
// may be given back from any thread: without the lock, PyO3 defers that to the next attach.
unsafe impl Send for SharedBytes {}

impl SharedBytes {
    pub(crate) fn new(bytes: &Bound<'_, PyBytes>) -> Self {
        let memory = bytes.as_bytes();
        Self { start: memory.as_ptr(), length: memory.len(), _object: bytes.clone().unbind() }
    }
}

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: see `Send`: the memory is alive and constant for as long as `self` is.
        unsafe { std::slice::from_raw_parts(self.start, self.length) }
    }
}
