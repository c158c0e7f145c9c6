//! `wsgi.file_wrapper`: an iterable over a file that the engine sends without reading it in Python.

use std::os::fd::{BorrowedFd, OwnedFd};

use pyo3::exceptions::PyStopIteration;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustix::fs::FileType;

/// FileWrapper(filelike, blksize=8192): PEP 3333, optional platform-specific file handling.
#[pyclass(frozen, module = "trivet._engine")]
pub(crate) struct FileWrapper {
    #[pyo3(get)]
    filelike: Py<PyAny>,
    #[pyo3(get)]
    blksize: usize,
}

#[pymethods]
impl FileWrapper {
    #[new]
    #[pyo3(signature = (filelike, blksize=8192))]
    fn new(filelike: Py<PyAny>, blksize: usize) -> Self {
        Self { filelike, blksize }
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let data = self.filelike.bind(py).call_method1(intern!(py, "read"), (self.blksize,))?;
        if data.is_truthy()? { Ok(data) } else { Err(PyStopIteration::new_err(())) }
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if let Some(close) = self.filelike.bind(py).getattr_opt(intern!(py, "close"))? {
            close.call0()?;
        }
        Ok(())
    }
}

/// What the kernel can send by itself.
pub(crate) struct FilePart {
    pub(crate) file: OwnedFd,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

impl FileWrapper {
    /// The rest of a regular file from its current position; `None` for anything else, which is
    /// then read in the ordinary way.
    pub(crate) fn part(&self, py: Python<'_>) -> Option<FilePart> {
        let filelike = self.filelike.bind(py);
        // An object may have a descriptor that is not what its read() gives (a decompressor): only
        // the standard library's own binary files are known to be the same.
        let names =
            [intern!(py, "BufferedReader"), intern!(py, "BufferedRandom"), intern!(py, "FileIO")];
        let is_plain_file = names.iter().any(|name| {
            py.import("io")
                .and_then(|io| io.getattr(*name))
                .is_ok_and(|class| filelike.get_type().is(&class))
        });
        if !is_plain_file {
            return None;
        }
        let number: i32 = filelike.call_method0(intern!(py, "fileno")).ok()?.extract().ok()?;
        let offset: u64 = filelike.call_method0(intern!(py, "tell")).ok()?.extract().ok()?;
        // SAFETY: the file object is alive, holds the descriptor open, and nobody else runs Python
        // on it before it has been duplicated two lines below.
        let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
        let about = rustix::fs::fstat(borrowed).ok()?;
        let file = borrowed.try_clone_to_owned().ok()?;
        if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile {
            return None;
        }
        let size = u64::try_from(about.st_size).ok()?;
        Some(FilePart { file, offset, length: size.saturating_sub(offset) })
    }
}

/// Only bytes may be sent.
pub(crate) fn as_bytes<'a, 'py>(chunk: &'a Bound<'py, PyAny>) -> PyResult<&'a Bound<'py, PyBytes>> {
    chunk.cast::<PyBytes>().map_err(|_| {
        let name = chunk.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
        pyo3::exceptions::PyTypeError::new_err(format!(
            "the application's iterable gave {name}, expected bytes (PEP 3333)"
        ))
    })
}
