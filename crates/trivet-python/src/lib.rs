//! `trivet._engine`: the only crate that knows that Python exists. No logic here, only the list.

mod config;
mod server;
mod wsgi;

use pyo3::prelude::*;

/// Trivet's engine. Private: import from trivet.engine.
// Nothing is shared between threads without a lock, so the module needs no global interpreter lock.
#[pymodule(gil_used = false)]
mod _engine {
    #[pymodule_export]
    use crate::server::Server;
    #[pymodule_export]
    use crate::wsgi::file_wrapper::FileWrapper;
    #[pymodule_export]
    use crate::wsgi::input::Input;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("CONFIG_FIELDS", crate::config::EngineConfig::FIELDS.to_vec())?;
        module.add("COUNTER_LAYOUT", trivet_server::layout())?;
        let board = (trivet_server::ENTRIES, trivet_server::WORDS, trivet_server::TEXT_WORDS);
        module.add("BOARD_LAYOUT", board)?;
        module.add("COUNTED_METHODS", trivet_server::METHODS.to_vec())?;
        module.add("STATUS_CLASSES", trivet_server::CLASSES.to_vec())?;
        module.add("DURATION_BOUNDS", trivet_server::BOUNDS.to_vec())?;
        module.add("LOG_VALUES", trivet_server::VALUES.map(|(name, _)| name).to_vec())
    }
}
