//! `wsgi.input`: the request body as a file, read from the connection as the application asks for it.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::exceptions::{PyConnectionAbortedError, PyConnectionResetError, PyTimeoutError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use trivet_server::{BodyBytes, BodyError};

use super::current::Current;

/// A read of this size or less is answered from one allocation made beforehand; a larger one
/// grows with what really comes, because a client may announce more than it sends. It was 1 MiB:
/// 500 stalled bodies then cost 300 MB, and 67 MB now.
const PREALLOCATED_BYTES: u64 = 128 * 1024;
/// How much is taken at once while a line's end is searched.
const LINE_PIECE_BYTES: usize = 8 * 1024;

/// The request body. Every read blocks until it is satisfied or the body is over.
#[pyclass(frozen, module = "trivet._engine")]
pub(crate) struct Input {
    current: Arc<Current>,
    serial: AtomicU64,
    /// Bytes behind the last line that was read.
    rest: Mutex<Vec<u8>>,
}

impl Input {
    pub(crate) fn new(current: &Arc<Current>) -> Self {
        Self {
            current: Arc::clone(current),
            serial: AtomicU64::new(0),
            rest: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn serve(&self, serial: u64) {
        self.serial.store(serial, Ordering::Relaxed);
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn take_rest(&self, most: usize) -> Vec<u8> {
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        if rest.len() <= most {
            return std::mem::take(&mut *rest);
        }
        rest.drain(..most).collect()
    }

    /// Gives the next piece of the body, at most `most` bytes, to `each`; false at its end.
    fn piece(&self, py: Python<'_>, most: usize, mut each: impl FnMut(&[u8])) -> PyResult<bool> {
        let serial = self.serial.load(Ordering::Relaxed);
        loop {
            {
                let mut exchange = self.current.exchange_of(serial, "wsgi.input")?;
                match exchange.read_body(most).map_err(body_error)? {
                    BodyBytes::Some(bytes) => {
                        each(bytes);
                        return Ok(true);
                    }
                    BodyBytes::End => return Ok(false),
                    BodyBytes::NotYet => {}
                }
            }
            let current = &self.current;
            py.detach(|| current.exchange().wait_for_body()).map_err(body_error)?;
        }
    }

    /// How many bytes are still to come, where the framing tells.
    fn known_rest(&self) -> PyResult<Option<u64>> {
        let serial = self.serial.load(Ordering::Relaxed);
        Ok(self.current.exchange_of(serial, "wsgi.input")?.body_rest())
    }

    fn read_line<'py>(&self, py: Python<'py>, most: usize) -> PyResult<Bound<'py, PyBytes>> {
        let mut line = Vec::new();
        loop {
            let mut piece = self.take_rest(usize::MAX);
            if piece.is_empty()
                && !self.piece(py, LINE_PIECE_BYTES, |bytes| piece.extend_from_slice(bytes))?
            {
                break;
            }
            let room = most - line.len();
            let end = piece.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
            let taken = end.unwrap_or(piece.len()).min(room);
            line.extend_from_slice(&piece[..taken]);
            if taken < piece.len() {
                let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
                *rest = piece.split_off(taken);
            }
            if end.is_some_and(|end| end <= room) || line.len() >= most {
                break;
            }
        }
        Ok(PyBytes::new(py, &line))
    }
}

/// `None` and negative sizes mean "all".
fn most(size: Option<i64>) -> usize {
    size.and_then(|size| usize::try_from(size).ok()).unwrap_or(usize::MAX)
}

fn body_error(error: BodyError) -> PyErr {
    match error {
        BodyError::ClientLeft => PyConnectionResetError::new_err(
            "the client left before it had sent the whole request body",
        ),
        BodyError::Stalled => {
            PyTimeoutError::new_err("the client stopped sending the request body (body_timeout)")
        }
        BodyError::Rejected(rejection) => PyConnectionAbortedError::new_err(format!(
            "the request body cannot be read: {}",
            rejection.explanation
        )),
    }
}

#[pymethods]
impl Input {
    /// read(size=-1) -> bytes: as many as asked for, fewer only at the end of the body.
    #[pyo3(signature = (size=None, /))]
    fn read<'py>(&self, py: Python<'py>, size: Option<i64>) -> PyResult<Bound<'py, PyBytes>> {
        let most = most(size);
        let mut data = self.take_rest(most);
        let wanted = (most - data.len()) as u64;
        if data.is_empty()
            && let Some(length) = self.known_rest()?.map(|rest| rest.min(wanted))
            && length <= PREALLOCATED_BYTES
        {
            return PyBytes::new_with(py, length as usize, |buffer| {
                let mut filled = 0;
                while filled < buffer.len() {
                    let more = self.piece(py, buffer.len() - filled, |bytes| {
                        buffer[filled..filled + bytes.len()].copy_from_slice(bytes);
                        filled += bytes.len();
                    })?;
                    debug_assert!(more, "the framing has promised so many bytes");
                    if !more {
                        break;
                    }
                }
                Ok(())
            });
        }
        while data.len() < most
            && self.piece(py, most - data.len(), |bytes| data.extend_from_slice(bytes))?
        {}
        Ok(PyBytes::new(py, &data))
    }

    /// readline(size=-1) -> bytes: up to and with the next newline, at most `size` bytes.
    #[pyo3(signature = (size=None, /))]
    fn readline<'py>(&self, py: Python<'py>, size: Option<i64>) -> PyResult<Bound<'py, PyBytes>> {
        match most(size) {
            0 => Ok(PyBytes::new(py, b"")),
            most => self.read_line(py, most),
        }
    }

    /// readlines(hint=-1) -> list of lines, at least `hint` bytes of them if there are so many.
    #[pyo3(signature = (hint=None, /))]
    fn readlines<'py>(&self, py: Python<'py>, hint: Option<i64>) -> PyResult<Bound<'py, PyList>> {
        // io.IOBase: no lines are left out for a hint of zero.
        let enough = hint.filter(|&hint| hint > 0).map_or(usize::MAX, |hint| hint as usize);
        let lines = PyList::empty(py);
        let mut total = 0;
        while total < enough {
            let line = self.read_line(py, usize::MAX)?;
            if line.as_bytes().is_empty() {
                break;
            }
            total += line.as_bytes().len();
            lines.append(line)?;
        }
        Ok(lines)
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let line = self.read_line(py, usize::MAX)?;
        Ok((!line.as_bytes().is_empty()).then_some(line))
    }

    /// Files have it; there is nothing to release.
    fn close(&self) {}

    fn readable(&self) -> bool {
        true
    }
}
