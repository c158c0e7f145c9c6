//! One thread's exchange, reachable from the Python objects that were made for its current request.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use trivet_server::Exchange;

use super::Wsgi;

/// An application may keep `wsgi.input` or `start_response` for longer than the request, and use
/// them from another thread. The serial number refuses the first and the lock the second.
pub(crate) struct Current {
    exchange: Mutex<Exchange<Wsgi>>,
    serial: AtomicU64,
}

impl Current {
    pub(crate) fn new(exchange: Exchange<Wsgi>) -> Arc<Self> {
        Arc::new(Self { exchange: Mutex::new(exchange), serial: AtomicU64::new(0) })
    }

    /// For the thread that owns the exchange. It waits for nobody but a stray reader.
    pub(crate) fn exchange(&self) -> MutexGuard<'_, Exchange<Wsgi>> {
        // A panic in the bridge is caught and answered; the exchange begins anew with each request.
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on objects of the last request are refused.
    pub(crate) fn next_request(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// For an object that was made for the request with this serial number.
    pub(crate) fn exchange_of(
        &self,
        serial: u64,
        what: &str,
    ) -> PyResult<MutexGuard<'_, Exchange<Wsgi>>> {
        if self.serial.load(Ordering::Relaxed) != serial {
            // As a closed file does.
            return Err(PyValueError::new_err(format!(
                "{what} was used after its request was over"
            )));
        }
        match self.exchange.try_lock() {
            Ok(exchange) => Ok(exchange),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(PyRuntimeError::new_err(format!(
                "{what} was used by two threads at the same time"
            ))),
        }
    }
}

/// How many references there are to an object, ours included.
pub(crate) fn references<T>(object: &Py<T>, _py: Python<'_>) -> isize {
    // SAFETY: the object is alive, and `_py` proves that this thread may look at it.
    unsafe { pyo3::ffi::Py_REFCNT(object.as_ptr()) }
}
