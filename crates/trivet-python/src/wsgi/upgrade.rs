//! `werkzeug.socket`: the connection itself, for applications that speak another protocol on it.
//!
//! simple-websocket (Flask-Sock, Flask-SocketIO in threading mode) takes it from the environ. The
//! object is made by `trivet.engine.upgrade`, which notes whether it was written to.

use std::os::fd::{AsFd, IntoRawFd};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use trivet_server::Exchange;

use super::Wsgi;

/// The socket object of a request that asks for an upgrade.
pub(crate) struct Upgrade {
    class: Py<PyAny>,
}

impl Upgrade {
    pub(crate) fn new(py: Python<'_>) -> PyResult<Self> {
        let class = py.import("trivet.engine.upgrade")?.getattr("UpgradeSocket")?.unbind();
        Ok(Self { class })
    }

    /// A blocking Python socket on a descriptor of its own, with what the client sent already.
    pub(crate) fn socket<'py>(
        &self,
        py: Python<'py>,
        exchange: &Exchange<Wsgi>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let descriptor = exchange.socket().as_fd().try_clone_to_owned()?;
        let early = PyBytes::new(py, exchange.after_head());
        self.class.bind(py).call1((descriptor.into_raw_fd(), early))
    }
}

/// Whether the application has answered on the socket itself.
pub(crate) fn was_taken_over(socket: &Bound<'_, PyAny>) -> bool {
    let py = socket.py();
    socket.getattr(intern!(py, "taken_over")).and_then(|taken| taken.is_truthy()).unwrap_or(false)
}

/// Gives the second descriptor back when the application answered in the ordinary way.
pub(crate) fn close_unused(socket: &Bound<'_, PyAny>) {
    // A failure to close a descriptor of our own leaves nothing to do.
    let _ = socket.call_method0(intern!(socket.py(), "close"));
}
