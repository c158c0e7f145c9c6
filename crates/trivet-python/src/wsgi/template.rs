//! The part of the environ that is the same for every request of one listener.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::environ::{ServerAddress, request_id_keys};
use super::text::from_latin1;
use crate::config::EngineConfig;

/// The entries that all requests of one listener share, and places for those that each one has.
pub(super) fn template<'py>(
    py: Python<'py>,
    config: &EngineConfig,
    address: &ServerAddress,
) -> PyResult<Bound<'py, PyDict>> {
    let environ = PyDict::new(py);
    let file_wrapper = py.get_type::<super::file_wrapper::FileWrapper>();
    environ.set_item("REQUEST_METHOD", "")?;
    environ.set_item("SCRIPT_NAME", from_latin1(py, config.root_path.as_bytes())?)?;
    environ.set_item("PATH_INFO", "")?;
    environ.set_item("QUERY_STRING", "")?;
    environ.set_item("REQUEST_URI", "")?;
    environ.set_item("RAW_URI", "")?;
    environ.set_item("SERVER_NAME", &address.name)?;
    environ.set_item("SERVER_PORT", &address.port)?;
    environ.set_item("SERVER_PROTOCOL", "")?;
    environ.set_item("SERVER_SOFTWARE", concat!("trivet/", env!("CARGO_PKG_VERSION")))?;
    environ.set_item("REMOTE_ADDR", "")?;
    environ.set_item("REMOTE_PORT", "")?;
    environ.set_item("wsgi.version", (1, 0))?;
    environ.set_item("wsgi.url_scheme", &config.url_scheme)?;
    environ.set_item("wsgi.input", py.None())?;
    environ.set_item("wsgi.errors", py.import("sys")?.getattr("stderr")?)?;
    environ.set_item("wsgi.multithread", config.threads > 1)?;
    environ.set_item("wsgi.multiprocess", config.multiprocess)?;
    environ.set_item("wsgi.run_once", false)?;
    environ.set_item("wsgi.file_wrapper", file_wrapper)?;
    environ.set_item("wsgi.input_terminated", true)?;
    for key in request_id_keys(config) {
        environ.set_item(key, "")?;
    }
    if config.url_scheme == "https" {
        environ.set_item(intern!(py, "HTTPS"), "on")?;
    }
    Ok(environ)
}
