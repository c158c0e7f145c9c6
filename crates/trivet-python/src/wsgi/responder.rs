//! `start_response` and the `write` callable that it returns (PEP 3333).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::exceptions::{PyConnectionResetError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};
use trivet_server::{Refused, Sent};

use super::SharedBytes;
use super::current::{Current, references};
use super::text::to_latin1;

/// Holds `start_response`. One serves many requests, unless an application keeps it.
#[pyclass(frozen, module = "trivet._engine")]
pub(crate) struct Responder {
    current: Arc<Current>,
    serial: AtomicU64,
    writer: Py<Writer>,
    write: Py<PyAny>,
}

impl Responder {
    pub(crate) fn new(py: Python<'_>, current: &Arc<Current>) -> PyResult<Self> {
        let writer = Writer { current: Arc::clone(current), serial: AtomicU64::new(0) };
        let writer = Py::new(py, writer)?;
        let write = writer.getattr(py, intern!(py, "write"))?;
        Ok(Self { current: Arc::clone(current), serial: AtomicU64::new(0), writer, write })
    }

    pub(crate) fn serve(&self, serial: u64) {
        self.serial.store(serial, Ordering::Relaxed);
        self.writer.get().serial.store(serial, Ordering::Relaxed);
    }

    /// Whether the application has kept the writer or its method from an earlier request.
    pub(crate) fn is_kept(&self, py: Python<'_>) -> bool {
        // Ours: one each; the writer is also referred to by its bound method.
        references(&self.write, py) > 1 || references(&self.writer, py) > 2
    }
}

#[pymethods]
impl Responder {
    /// start_response(status, headers, exc_info=None) -> write
    #[pyo3(signature = (status, headers, exc_info=None, /))]
    fn start_response(
        &self,
        py: Python<'_>,
        status: &Bound<'_, PyString>,
        headers: &Bound<'_, PyAny>,
        exc_info: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let exc_info = exc_info.filter(|info| !info.is_none());
        let serial = self.serial.load(Ordering::Relaxed);
        let mut exchange = self.current.exchange_of(serial, "start_response")?;
        match exc_info {
            Some(info) if exchange.head_is_sent() => {
                drop(exchange);
                return Err(error_of(info)?);
            }
            None if exchange.has_head() => {
                return Err(PyRuntimeError::new_err(
                    "start_response was called a second time without exc_info (PEP 3333)",
                ));
            }
            _ => {}
        }
        exchange.start_head(&to_latin1(status, "the status")?).map_err(refused)?;
        let result = add_fields(&mut exchange, headers);
        if let Err(error) = result {
            exchange.drop_head();
            return Err(error);
        }
        Ok(self.write.clone_ref(py))
    }
}

fn add_fields(
    exchange: &mut trivet_server::Exchange<super::Wsgi>,
    headers: &Bound<'_, PyAny>,
) -> PyResult<()> {
    if let Ok(list) = headers.cast::<PyList>() {
        for header in list.iter() {
            add_field(exchange, &header)?;
        }
        return Ok(());
    }
    Err(PyTypeError::new_err(format!(
        "start_response: headers must be a list of (name, value) tuples (PEP 3333), not {}",
        headers.get_type().name()?
    )))
}

fn add_field(
    exchange: &mut trivet_server::Exchange<super::Wsgi>,
    header: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let pair = header.cast::<PyTuple>().ok().filter(|pair| pair.len() == 2).ok_or_else(|| {
        PyTypeError::new_err(format!(
            "start_response: each header must be a tuple of name and value, not {}",
            header.repr().map_or_else(|_| "that".to_owned(), |text| text.to_string())
        ))
    })?;
    let name = pair.get_borrowed_item(0)?;
    let value = pair.get_borrowed_item(1)?;
    let (Ok(name), Ok(value)) = (name.cast::<PyString>(), value.cast::<PyString>()) else {
        return Err(PyTypeError::new_err(format!(
            "start_response: name and value of a header must be str (PEP 3333), got {}",
            pair.repr()?
        )));
    };
    let name = to_latin1(&name, "a header name")?;
    let value = to_latin1(&value, "a header value")?;
    exchange.add_field(&name, &value).map_err(refused)
}

fn refused(refused: Refused) -> PyErr {
    PyValueError::new_err(format!("start_response: {refused}"))
}

/// The exception of an `exc_info` tuple, to be raised again with its own traceback.
fn error_of(info: &Bound<'_, PyAny>) -> PyResult<PyErr> {
    let info = info.cast::<PyTuple>().map_err(|_| {
        PyTypeError::new_err("start_response: exc_info must be the tuple of sys.exc_info()")
    })?;
    Ok(PyErr::from_value(info.get_item(1)?))
}

/// Holds `write`, the old way of sending a body.
#[pyclass(frozen, module = "trivet._engine")]
pub(crate) struct Writer {
    current: Arc<Current>,
    serial: AtomicU64,
}

#[pymethods]
impl Writer {
    /// write(data): head and data are in the kernel's hands when it returns (PEP 3333).
    #[pyo3(signature = (data, /))]
    fn write(&self, py: Python<'_>, data: &Bound<'_, PyBytes>) -> PyResult<()> {
        let serial = self.serial.load(Ordering::Relaxed);
        let sent = {
            let mut exchange = self.current.exchange_of(serial, "write()")?;
            if !exchange.has_head() {
                return Err(PyRuntimeError::new_err("write() was called before start_response"));
            }
            exchange.send_part_of(data.as_bytes(), None, || SharedBytes::new(data))
        };
        let sent = match sent {
            Sent::Queued | Sent::Full => {
                let current = &self.current;
                py.detach(|| current.exchange().wait_for_room())
            }
            sent => sent,
        };
        match sent {
            Sent::ClientLeft => Err(PyConnectionResetError::new_err("the client has left")),
            _ => Ok(()),
        }
    }
}
