//! `werkzeug.socket`: the connection itself, for applications that speak another protocol on it.
//!
//! simple-websocket (Flask-Sock, Flask-SocketIO in threading mode) takes it from the environ. The
//! object is made by `trivet.engine.upgrade`, which tells when it is first used.

use std::os::fd::{AsFd, IntoRawFd};
use std::sync::Arc;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use trivet_server::Exchange;

use super::Wsgi;
use super::current::Current;

/// Told by the socket object at its first use.
#[pyclass(frozen, module = "trivet._engine")]
struct Conversation {
    current: Arc<Current>,
    serial: u64,
}

#[pymethods]
impl Conversation {
    /// The application has begun to speak on the socket itself.
    fn __call__(&self) -> PyResult<()> {
        self.current.exchange_of(self.serial, "werkzeug.socket")?.begin_conversation();
        Ok(())
    }
}

/// Makes the socket objects of requests that ask for an upgrade.
pub(crate) struct Upgrade {
    class: Py<PyAny>,
}

impl Upgrade {
    pub(crate) fn new(py: Python<'_>) -> PyResult<Self> {
        let class =
            py.import("trivet.engine.upgrade")?.getattr(intern!(py, "UpgradeSocket"))?.unbind();
        Ok(Self { class })
    }

    /// A Python socket on a descriptor of its own, with what the client sent already.
    pub(crate) fn socket<'py>(
        &self,
        py: Python<'py>,
        exchange: &Exchange<Wsgi>,
        current: &Arc<Current>,
        serial: u64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let descriptor = exchange.socket().as_fd().try_clone_to_owned()?;
        let early = PyBytes::new(py, exchange.after_head());
        let begin = Conversation { current: Arc::clone(current), serial };
        self.class.bind(py).call1((descriptor.into_raw_fd(), early, Py::new(py, begin)?))
    }
}

/// Gives the second descriptor back when the application answered in the ordinary way.
pub(crate) fn close_unused(socket: &Bound<'_, PyAny>) {
    // A failure to close a descriptor of our own leaves nothing to do.
    let _ = socket.call_method0(intern!(socket.py(), "close"));
}
