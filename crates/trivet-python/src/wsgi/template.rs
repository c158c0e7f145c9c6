//! The part of the environ that is the same for every request of one listener.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::environ::{ServerAddress, request_id_keys};
use super::text::from_latin1;
use crate::config::EngineConfig;

// Everything that Python is asked for by name is interned. Its cache of attributes knows names by
// their address and keeps them: a str made anew by each thread would be one entry more, and one
// more small object that lives on among those of a crowd.

/// The entries that all requests of one listener share, and places for those that each one has.
pub(super) fn template<'py>(
    py: Python<'py>,
    config: &EngineConfig,
    address: &ServerAddress,
) -> PyResult<Bound<'py, PyDict>> {
    let environ = PyDict::new(py);
    let file_wrapper = py.get_type::<super::file_wrapper::FileWrapper>();
    environ.set_item(intern!(py, "REQUEST_METHOD"), "")?;
    environ.set_item(intern!(py, "SCRIPT_NAME"), from_latin1(py, config.root_path.as_bytes())?)?;
    environ.set_item(intern!(py, "PATH_INFO"), "")?;
    environ.set_item(intern!(py, "QUERY_STRING"), "")?;
    environ.set_item(intern!(py, "REQUEST_URI"), "")?;
    environ.set_item(intern!(py, "RAW_URI"), "")?;
    environ.set_item(intern!(py, "SERVER_NAME"), &address.name)?;
    environ.set_item(intern!(py, "SERVER_PORT"), &address.port)?;
    environ.set_item(intern!(py, "SERVER_PROTOCOL"), "")?;
    environ
        .set_item(intern!(py, "SERVER_SOFTWARE"), concat!("trivet/", env!("CARGO_PKG_VERSION")))?;
    environ.set_item(intern!(py, "REMOTE_ADDR"), "")?;
    environ.set_item(intern!(py, "REMOTE_PORT"), "")?;
    environ.set_item(intern!(py, "wsgi.version"), (1, 0))?;
    environ.set_item(intern!(py, "wsgi.url_scheme"), &config.url_scheme)?;
    environ.set_item(intern!(py, "wsgi.input"), py.None())?;
    environ
        .set_item(intern!(py, "wsgi.errors"), py.import("sys")?.getattr(intern!(py, "stderr"))?)?;
    environ.set_item(intern!(py, "wsgi.multithread"), config.threads > 1)?;
    environ.set_item(intern!(py, "wsgi.multiprocess"), config.multiprocess)?;
    environ.set_item(intern!(py, "wsgi.run_once"), false)?;
    environ.set_item(intern!(py, "wsgi.file_wrapper"), file_wrapper)?;
    environ.set_item(intern!(py, "wsgi.input_terminated"), true)?;
    for key in request_id_keys(config) {
        environ.set_item(PyString::intern(py, &key), "")?;
    }
    if config.url_scheme == "https" {
        environ.set_item(intern!(py, "HTTPS"), "on")?;
    }
    Ok(environ)
}
