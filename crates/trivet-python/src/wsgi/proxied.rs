//! What trusted proxies say, written over the entries of the environ that it is about.
//!
//! The same entries as Werkzeug's ProxyFix sets, so that an application can leave that out.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use trivet_server::http::forwarded::{Client, Forwarding, Scheme, split_host};
use trivet_server::http::{Head, Span};

use super::environ::set;
use super::text::from_latin1;
use crate::config::EngineConfig;

/// Keys and values that each request from a proxy has.
pub(crate) struct Proxied {
    remote_addr: Py<PyString>,
    remote_port: Py<PyString>,
    url_scheme: Py<PyString>,
    https: Py<PyString>,
    on: Py<PyString>,
    host: Py<PyString>,
    server_name: Py<PyString>,
    server_port: Py<PyString>,
    script_name: Py<PyString>,
    /// The scheme where no proxy says another.
    scheme: Scheme,
}

impl Proxied {
    pub(crate) fn new(py: Python<'_>, config: &EngineConfig) -> Self {
        let key = |name: &str| PyString::intern(py, name).unbind();
        Self {
            remote_addr: key("REMOTE_ADDR"),
            remote_port: key("REMOTE_PORT"),
            url_scheme: key("wsgi.url_scheme"),
            https: key("HTTPS"),
            on: key("on"),
            host: key("HTTP_HOST"),
            server_name: key("SERVER_NAME"),
            server_port: key("SERVER_PORT"),
            script_name: key("SCRIPT_NAME"),
            scheme: if config.url_scheme == "https" { Scheme::Https } else { Scheme::Http },
        }
    }

    pub(crate) fn set(
        &self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
        forwarding: &Forwarding,
        head: &Head,
        buffer: &[u8],
    ) -> PyResult<()> {
        self.set_client(py, environ, forwarding.client)?;
        if let Some(scheme) = forwarding.scheme {
            set(environ, &self.url_scheme, &PyString::new(py, scheme.name()))?;
            match scheme {
                Scheme::Https => set(environ, &self.https, self.on.bind(py))?,
                Scheme::Http if environ.contains(&self.https)? => environ.del_item(&self.https)?,
                Scheme::Http => {}
            }
        }
        if let Some(prefix) = forwarding.prefix {
            set(environ, &self.script_name, &from_latin1(py, prefix.of(buffer))?)?;
        }
        self.set_server(py, environ, forwarding, head, buffer)
    }

    fn set_client(
        &self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
        client: Client,
    ) -> PyResult<()> {
        let (address, port) = match client {
            Client::Peer => return Ok(()),
            // As for a peer on a Unix socket: no address, rather than one that is not the client's.
            Client::Hidden => (String::new(), String::new()),
            Client::Address(address, port) => {
                (address.to_string(), port.map(|port| port.to_string()).unwrap_or_default())
            }
        };
        set(environ, &self.remote_addr, &PyString::new(py, &address))?;
        set(environ, &self.remote_port, &PyString::new(py, &port))
    }

    /// HTTP_HOST, SERVER_NAME and SERVER_PORT. The port of a URL is the one that is told, or else
    /// that of its host, or else that of its scheme.
    fn set_server(
        &self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
        forwarding: &Forwarding,
        head: &Head,
        buffer: &[u8],
    ) -> PyResult<()> {
        let Forwarding { scheme, host, port, .. } = *forwarding;
        if scheme.is_none() && host.is_none() && port.is_none() {
            return Ok(());
        }
        let default_port = scheme.unwrap_or(self.scheme).default_port();
        let (name, own_port) = match host {
            Some(host) => (host.of(buffer), None),
            None => split_host(own_host(head).of(buffer)).unwrap_or_default(),
        };
        let port = port.or(own_port).unwrap_or(default_port);
        set(environ, &self.server_port, &PyString::new(py, &port.to_string()))?;
        if host.is_some() {
            set(environ, &self.server_name, &from_latin1(py, name)?)?;
        }
        if (host.is_some() || forwarding.port.is_some()) && !name.is_empty() {
            let name = from_latin1(py, name)?;
            if port == default_port {
                set(environ, &self.host, &name)?;
            } else {
                set(environ, &self.host, &name.add(PyString::new(py, &format!(":{port}")))?)?;
            }
        }
        Ok(())
    }
}

/// The host that the request itself names (RFC 9112 section 3.2.2).
fn own_host(head: &Head) -> Span {
    match head.host {
        _ if !head.authority.is_empty() => head.authority,
        Some(index) => head.fields[index].value,
        None => Span::default(),
    }
}
