//! The environ of a request (PEP 3333): a copy of a template with the request's own entries.
//!
//! One builder for each thread, so that its caches need no lock. What is constant is in the
//! template; what is often the same as last time (Host, User-Agent, Accept…) is kept as the str
//! that it became then.

use std::collections::HashMap;

use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use trivet_server::http::forwarded::{Forwarding, Teller};
use trivet_server::http::{Body, Field, Head, Known, Version};
use trivet_server::{Exchange, Peer};

use super::proxied::Proxied;
use super::template::template;
use super::text::{from_latin1, percent_decoded};
use super::{Address, Wsgi};
use crate::config::EngineConfig;

/// Names that clients may invent are remembered up to this number and length, no more.
const REMEMBERED_NAMES: usize = 256;
const REMEMBERED_NAME_BYTES: usize = 64;
/// Longer values are seldom the same twice.
const REMEMBERED_VALUE_BYTES: usize = 256;

/// The key of what a request is called.
pub(super) const REQUEST_ID: &str = "trivet.request_id";
/// The key of the seconds that it has waited in front of us, where a trusted proxy tells.
const PROXY_QUEUE: &str = "trivet.proxy_queue_seconds";

/// Where a listener is, as the application is told.
#[derive(Debug, Clone)]
pub(crate) struct ServerAddress {
    pub(crate) name: String,
    pub(crate) port: String,
}

/// A str and the bytes that it was made from.
struct Remembered {
    bytes: Vec<u8>,
    text: Py<PyString>,
}

/// What a known field becomes.
struct KnownKey {
    key: Option<Py<PyString>>,
    last: Option<Remembered>,
}

/// The keys of the entries that each request has.
struct Keys {
    request_method: Py<PyString>,
    path_info: Py<PyString>,
    query_string: Py<PyString>,
    request_uri: Py<PyString>,
    raw_uri: Py<PyString>,
    server_protocol: Py<PyString>,
    remote_addr: Py<PyString>,
    remote_port: Py<PyString>,
    input: Py<PyString>,
    host: Py<PyString>,
    content_length: Py<PyString>,
}

/// What a field that is not known becomes.
struct OtherKey {
    key: Py<PyString>,
    teller: Option<Teller>,
}

pub(crate) struct EnvironBuilder {
    templates: Vec<Py<PyDict>>,
    keys: Keys,
    known: Vec<KnownKey>,
    /// The keys of fields that tell of the client, which have none above: those of untrusted peers
    /// are left out.
    tellers: Vec<(Known, Py<PyString>)>,
    other: HashMap<Vec<u8>, OtherKey>,
    methods: Vec<Remembered>,
    http11: Py<PyString>,
    http10: Py<PyString>,
    empty: Py<PyString>,
    last_path: Option<Remembered>,
    root_path: String,
    proxied: Proxied,
    /// The keys under which the application finds the id of a request, where it is told.
    request_id: Vec<Py<PyString>>,
}

/// Fields that never reach the application under HTTP_…: the two that CGI names otherwise come
/// under those names (RFC 3875 section 4.1), the transfer coding is undone before the application
/// reads (RFC 9112 section 7.1.3), and `Proxy` would become HTTP_PROXY, which programs take for
/// their own configuration (CVE-2016-5385).
fn key_name(name: &str) -> Option<String> {
    match name {
        "content-type" => Some("CONTENT_TYPE".to_owned()),
        "content-length" => Some("CONTENT_LENGTH".to_owned()),
        "proxy" | "transfer-encoding" => None,
        _ => Some(format!("HTTP_{}", name.to_ascii_uppercase().replace('-', "_"))),
    }
}

/// The keys under which the application finds the id of a request: also that of the field itself,
/// for libraries look there, and must not take what a stranger has sent for the id in the log.
pub(super) fn request_id_keys(config: &EngineConfig) -> Vec<String> {
    if config.request_id.is_empty() {
        return Vec::new();
    }
    let of_field = key_name(&config.request_id.to_ascii_lowercase());
    std::iter::once(REQUEST_ID.to_owned()).chain(of_field).collect()
}

/// The names that the builders of all threads share, for somebody to keep: otherwise the threads
/// that come after a crowd would make them anew, in the memory that the crowd has needed.
pub(crate) fn shared_names(py: Python<'_>) -> Vec<Py<PyString>> {
    let names = Known::ALL.iter().filter_map(|(_, name)| key_name(name));
    names.map(|name| PyString::intern(py, &name).unbind()).collect()
}

impl EnvironBuilder {
    pub(crate) fn new(
        py: Python<'_>,
        config: &EngineConfig,
        addresses: &[ServerAddress],
    ) -> PyResult<Self> {
        let key = |name: &str| PyString::intern(py, name).unbind();
        let templates = addresses
            .iter()
            .map(|address| Ok(template(py, config, address)?.unbind()))
            .collect::<PyResult<_>>()?;
        let is_teller = |name: &str| Teller::of(name).is_some();
        let known = Known::ALL
            .iter()
            .map(|(_, name)| KnownKey {
                key: key_name(name).filter(|_| !is_teller(name)).map(|name| key(&name)),
                last: None,
            })
            .collect();
        let tellers = Known::ALL
            .iter()
            .filter(|(_, name)| is_teller(name))
            .filter_map(|(known, name)| Some((*known, key(&key_name(name)?))))
            .collect();
        let methods = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"]
            .iter()
            .map(|name| Remembered { bytes: name.as_bytes().to_vec(), text: key(name) })
            .collect();
        Ok(Self {
            templates,
            keys: Keys {
                request_method: key("REQUEST_METHOD"),
                path_info: key("PATH_INFO"),
                query_string: key("QUERY_STRING"),
                request_uri: key("REQUEST_URI"),
                raw_uri: key("RAW_URI"),
                server_protocol: key("SERVER_PROTOCOL"),
                remote_addr: key("REMOTE_ADDR"),
                remote_port: key("REMOTE_PORT"),
                input: key("wsgi.input"),
                host: key("HTTP_HOST"),
                content_length: key("CONTENT_LENGTH"),
            },
            known,
            tellers,
            other: HashMap::new(),
            methods,
            http11: key("HTTP/1.1"),
            http10: key("HTTP/1.0"),
            empty: key(""),
            last_path: None,
            root_path: config.root_path.clone(),
            proxied: Proxied::new(py, config),
            request_id: request_id_keys(config).iter().map(|name| key(name)).collect(),
        })
    }

    /// The environ of the request that the exchange holds.
    pub(crate) fn build<'py>(
        &mut self,
        py: Python<'py>,
        exchange: &mut Exchange<Wsgi>,
        input: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyDict>> {
        if exchange.kept().is_none() {
            let address = address(py, exchange.peer())?;
            *exchange.kept() = Some(address);
        }
        let environ = self.templates[exchange.listener()].bind(py).copy()?;
        let (address, head, buffer) = exchange.kept_and_head();
        let keys = &self.keys;

        let method = head.method.of(buffer);
        match self.methods.iter().find(|known| known.bytes == method) {
            Some(known) => set(&environ, &keys.request_method, known.text.bind(py))?,
            None => set(&environ, &keys.request_method, &from_latin1(py, method)?)?,
        }
        self.set_target(py, &environ, head, buffer)?;
        let keys = &self.keys;
        let protocol = match head.version {
            Version::Http10 => &self.http10,
            Version::Http11 => &self.http11,
        };
        set(&environ, &keys.server_protocol, protocol.bind(py))?;
        if let Some(address) = address {
            set(&environ, &keys.remote_addr, address.host.bind(py))?;
            set(&environ, &keys.remote_port, address.port.bind(py))?;
        }
        set(&environ, &keys.input, input)?;
        self.set_fields(py, &environ, exchange.forwarding(), head, buffer)?;
        if matches!(head.body, Body::Chunked)
            && let Some(length) = exchange.length_of_body_here()
        {
            // Frameworks that read no more than CONTENT_LENGTH (Django) see small chunked bodies.
            let length = PyString::new(py, &length.to_string());
            set(&environ, &self.keys.content_length, &length)?;
        }
        if !head.authority.is_empty() {
            // The target's authority wins over the Host field (RFC 9112 section 3.2.2).
            let authority = from_latin1(py, head.authority.of(buffer))?;
            set(&environ, &self.keys.host, &authority)?;
        }
        if let Some(forwarding) = exchange.forwarding() {
            self.set_forwarded(py, &environ, forwarding, head, buffer)?;
            if let Some(waited) = exchange.proxy_queue() {
                environ.set_item(intern!(py, PROXY_QUEUE), waited as f64 / 1e6)?;
            }
        }
        if !self.request_id.is_empty() {
            let id = from_latin1(py, exchange.request_id())?;
            for key in &self.request_id {
                set(&environ, key, &id)?;
            }
        }
        Ok(environ)
    }

    /// PATH_INFO, QUERY_STRING and the target as it was sent.
    fn set_target(
        &mut self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
        head: &Head,
        buffer: &[u8],
    ) -> PyResult<()> {
        let keys = &self.keys;
        let target = head.target.of(buffer);
        let path = head.path.of(buffer);
        let target_text = match &self.last_path {
            Some(last) if last.bytes == target => last.text.bind(py).clone(),
            _ => {
                let text = from_latin1(py, target)?;
                if target.len() <= REMEMBERED_VALUE_BYTES {
                    self.last_path =
                        Some(Remembered { bytes: target.to_vec(), text: text.clone().unbind() });
                }
                text
            }
        };
        set(environ, &keys.request_uri, &target_text)?;
        set(environ, &keys.raw_uri, &target_text)?;
        let decoded = percent_decoded(path);
        let below_root = self.below_root(&decoded);
        if below_root == target {
            set(environ, &keys.path_info, &target_text)?;
        } else {
            set(environ, &keys.path_info, &from_latin1(py, below_root)?)?;
        }
        let query = head.query.of(buffer);
        if query.is_empty() {
            set(environ, &keys.query_string, self.empty.bind(py))
        } else {
            set(environ, &keys.query_string, &from_latin1(py, query)?)
        }
    }

    /// The path without the root path, which a proxy may or may not have removed already.
    fn below_root<'a>(&self, path: &'a [u8]) -> &'a [u8] {
        match path {
            b"" => return b"/",
            // "OPTIONS *" is about the server as a whole (RFC 9112 section 3.2.4): no path at all,
            // since one begins with "/" (RFC 3875 section 4.1.5).
            b"*" => return b"",
            _ => {}
        }
        if self.root_path.is_empty() {
            return path;
        }
        match path.strip_prefix(self.root_path.as_bytes()) {
            Some(rest) if rest.is_empty() || rest[0] == b'/' => rest,
            _ => path,
        }
    }

    fn set_fields(
        &mut self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
        forwarding: Option<&Forwarding>,
        head: &Head,
        buffer: &[u8],
    ) -> PyResult<()> {
        let mut seen = 0u128;
        for field in &head.fields {
            // X_B and X-B would become the same key: the one that proxies do not check is dropped.
            if field.has_underscore {
                continue;
            }
            let value = field.value.of(buffer);
            match field.known {
                Some(known) => {
                    let bit = 1u128 << (known as u32);
                    let entry = &mut self.known[known as usize];
                    let Some(key) = &entry.key else { continue };
                    if seen & bit != 0 {
                        join(py, environ, key, value, known)?;
                        continue;
                    }
                    seen |= bit;
                    match &entry.last {
                        Some(last) if last.bytes == value => {
                            set(environ, key, last.text.bind(py))?;
                        }
                        _ => {
                            let text = from_latin1(py, value)?;
                            set(environ, key, &text)?;
                            remember(&mut entry.last, value, text.unbind());
                        }
                    }
                }
                None => self.set_other(py, environ, forwarding, field, buffer)?,
            }
        }
        Ok(())
    }

    /// What a trusted peer says of the client, and the fields in which it does, as far as they are
    /// believed.
    #[inline(never)]
    fn set_forwarded(
        &self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
        forwarding: &Forwarding,
        head: &Head,
        buffer: &[u8],
    ) -> PyResult<()> {
        for field in &head.fields {
            if let Some(known) = field.known
                && let Some((_, key)) = self.tellers.iter().find(|(teller, _)| *teller == known)
                && let Some(value) = forwarding.believed(known, field.value)
            {
                join(py, environ, key, value.of(buffer), known)?;
            }
        }
        self.proxied.set(py, environ, forwarding, head, buffer)
    }

    fn set_other(
        &mut self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
        forwarding: Option<&Forwarding>,
        field: &Field,
        buffer: &[u8],
    ) -> PyResult<()> {
        let name = field.name.of(buffer);
        let value = field.value.of(buffer);
        let (key, teller) = match self.other.get(name) {
            Some(other) => (other.key.clone_ref(py), other.teller),
            None => {
                let name_text = String::from_utf8_lossy(name).to_ascii_lowercase();
                let Some(key) = key_name(&name_text) else {
                    return Ok(());
                };
                // Not interned: on free-threaded builds an interned str lives for ever.
                let key = PyString::new(py, &key).unbind();
                let teller = Teller::of(&name_text);
                if self.other.len() < REMEMBERED_NAMES && name.len() <= REMEMBERED_NAME_BYTES {
                    let other = OtherKey { key: key.clone_ref(py), teller };
                    self.other.insert(name.to_vec(), other);
                }
                (key, teller)
            }
        };
        if let Some(teller) = teller
            && !forwarding.is_some_and(|forwarding| forwarding.lets_through(teller))
        {
            return Ok(());
        }
        match environ.get_item(key.bind(py))? {
            Some(before) => {
                let joined = format!("{}, ", before.cast::<PyString>()?.to_str()?);
                let joined = PyString::new(py, &joined).add(from_latin1(py, value)?)?;
                set(environ, &key, &joined)
            }
            None => set(environ, &key, &from_latin1(py, value)?),
        }
    }
}

/// Repeated fields are one list (RFC 9110 section 5.3); cookies are joined as cookies are
/// (RFC 6265 section 4.2.1).
fn join(
    py: Python<'_>,
    environ: &Bound<'_, PyDict>,
    key: &Py<PyString>,
    value: &[u8],
    known: Known,
) -> PyResult<()> {
    let separator = if known == Known::Cookie { "; " } else { ", " };
    match environ.get_item(key.bind(py))? {
        Some(before) => {
            let joined = before.add(separator)?.add(from_latin1(py, value)?)?;
            set(environ, key, &joined)
        }
        None => set(environ, key, &from_latin1(py, value)?),
    }
}

fn remember(last: &mut Option<Remembered>, bytes: &[u8], text: Py<PyString>) {
    if bytes.len() > REMEMBERED_VALUE_BYTES {
        return;
    }
    match last {
        Some(last) => {
            last.bytes.clear();
            last.bytes.extend_from_slice(bytes);
            last.text = text;
        }
        None => *last = Some(Remembered { bytes: bytes.to_vec(), text }),
    }
}

#[inline]
pub(super) fn set<T>(
    environ: &Bound<'_, PyDict>,
    key: &Py<PyString>,
    value: &Bound<'_, T>,
) -> PyResult<()> {
    // SAFETY: three live objects, the first a dict; the call takes references of its own.
    let result = unsafe { ffi::PyDict_SetItem(environ.as_ptr(), key.as_ptr(), value.as_ptr()) };
    if result == 0 { Ok(()) } else { Err(PyErr::fetch(environ.py())) }
}

fn address(py: Python<'_>, peer: Peer) -> PyResult<Address> {
    let (host, port) = match peer {
        Peer::Tcp(address) => (address.ip().to_string(), address.port().to_string()),
        // No address, and none that would be true: a peer on this machine is not 127.0.0.1.
        Peer::Unix => (String::new(), String::new()),
    };
    Ok(Address { host: PyString::new(py, &host).unbind(), port: PyString::new(py, &port).unbind() })
}
