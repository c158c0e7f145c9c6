//! The engine's configuration, read by name from a Python object such as Settings.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use trivet_server::http::forwarded::Family;
use trivet_server::http::{Limits, Trusted};
use trivet_server::{Config, LogFormat, Pattern};

/// Declares the fields once: the struct, its reading from Python and the list for the contract test.
macro_rules! engine_config {
    ($($(#[$doc:meta])* $name:ident: $kind:ty),+ $(,)?) => {
        /// What Python says; names and units are those of `trivet.engine.config.EngineConfig`.
        #[derive(Debug, Clone, FromPyObject)]
        pub(crate) struct EngineConfig { $($(#[$doc])* pub(crate) $name: $kind,)+ }

        impl EngineConfig {
            /// Every field, for the test that compares them with the settings table.
            pub(crate) const FIELDS: &[&str] = &[$(stringify!($name)),+];
        }
    };
}

engine_config! {
    threads: usize,
    timeout: f64,
    slow: f64,
    live_path: String,
    ready_path: String,
    keep_alive: f64,
    header_timeout: f64,
    header_min_rate: u64,
    body_timeout: f64,
    body_min_rate: u64,
    write_timeout: f64,
    write_min_rate: u64,
    request_line_limit: usize,
    header_limit: usize,
    header_count_limit: usize,
    body_limit: u64,
    chunk_extension_limit: usize,
    trailer_limit: usize,
    worker_connections: usize,
    queue_limit: usize,
    requests_per_connection: u64,
    root_path: String,
    url_scheme: String,
    server_header: String,
    /// Addresses, networks, and "unix".
    trusted_proxies: Vec<String>,
    /// "x-forwarded" or "forwarded".
    forwarded_headers: String,
    proxy_protocol: bool,
    /// The name of a field, or empty.
    request_id: String,
    access_log: bool,
    access_log_skip: Vec<String>,
    /// "text", "json", "logfmt", or for a pattern of our own "pattern" or "json-pattern".
    access_log_form: String,
    /// Kind and text of each part of a pattern.
    access_log_pattern: Vec<(String, String)>,
    /// Whether other processes serve the same sockets.
    multiprocess: bool,
}

impl EngineConfig {
    /// The part that the engine itself needs.
    pub(crate) fn for_engine(&self) -> PyResult<Config> {
        let access_log = self.access_log.then(|| self.log_format()).transpose()?;
        let forwarded = match self.forwarded_headers.as_str() {
            "x-forwarded" => Family::XForwarded,
            "forwarded" => Family::Forwarded,
            other => {
                return Err(PyValueError::new_err(format!(
                    "forwarded_headers is {other:?}, expected \"x-forwarded\" or \"forwarded\""
                )));
            }
        };
        let trusted = Trusted::parse(self.trusted_proxies.iter().map(String::as_str))
            .map_err(|unknown| PyValueError::new_err(format!("trusted_proxies: {unknown}")))?;
        Ok(Config {
            limits: Limits {
                request_line_bytes: self.request_line_limit,
                head_bytes: self.header_limit,
                fields: self.header_count_limit,
                chunk_extension_bytes: self.chunk_extension_limit,
                trailer_bytes: self.trailer_limit,
            },
            body_limit: (self.body_limit > 0).then_some(self.body_limit),
            keep_alive: seconds("keep_alive", self.keep_alive)?,
            header_timeout: seconds("header_timeout", self.header_timeout)?,
            header_min_rate: self.header_min_rate,
            body_timeout: seconds("body_timeout", self.body_timeout)?,
            body_min_rate: self.body_min_rate,
            write_timeout: seconds("write_timeout", self.write_timeout)?,
            timeout: seconds("timeout", self.timeout)?,
            slow: seconds("slow", self.slow)?,
            live_path: self.live_path.as_bytes().to_vec(),
            ready_path: self.ready_path.as_bytes().to_vec(),
            write_min_rate: self.write_min_rate,
            connections: (self.worker_connections > 0).then_some(self.worker_connections),
            requests_per_connection: (self.requests_per_connection > 0)
                .then_some(self.requests_per_connection),
            queue: self.queue_limit,
            threads: self.threads.max(1),
            trusted,
            forwarded,
            proxy_protocol: self.proxy_protocol,
            server: self.server_header.as_bytes().to_vec(),
            request_id: self.request_id.as_bytes().to_vec(),
            access_log,
            access_log_skip: self
                .access_log_skip
                .iter()
                .map(|path| path.as_bytes().to_vec())
                .collect(),
            shares_listeners: self.multiprocess,
            // Several processes share the connections one by one; a single one takes all at once.
            accepts_per_turn: if self.multiprocess { 1 } else { 64 },
        })
    }

    fn log_format(&self) -> PyResult<LogFormat> {
        let pattern = |is_json| {
            Pattern::new(&self.access_log_pattern, is_json)
                .map(LogFormat::Pattern)
                .map_err(|what| PyValueError::new_err(format!("access_log_pattern: {what}")))
        };
        match self.access_log_form.as_str() {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            "logfmt" => Ok(LogFormat::Logfmt),
            "pattern" => pattern(false),
            "json-pattern" => pattern(true),
            other => Err(PyValueError::new_err(format!("access_log_form is {other:?}"))),
        }
    }
}

fn seconds(name: &str, value: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value).map_err(|_| {
        PyValueError::new_err(format!("{name} is {value}, expected seconds, 0 or more"))
    })
}
