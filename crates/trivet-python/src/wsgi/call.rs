//! One request through the application: call it, send what it gives, close it, whatever happens.

use std::ffi::c_long;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;
use std::time::Instant;

use pyo3::exceptions::{PyConnectionError, PyRuntimeError, PyStopIteration};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use trivet_server::{Exchange, Sent};

use super::current::{Current, references};
use super::environ::{EnvironBuilder, REQUEST_ID, ServerAddress};
use super::file_wrapper::{FileWrapper, as_bytes};
use super::input::Input;
use super::responder::Responder;
use super::text::from_latin1;
use super::upgrade::{Upgrade, close_unused};
use super::{SharedBytes, Wsgi};
use crate::config::EngineConfig;

/// Parts that are all here already are copied together up to this size.
const JOIN_BYTES: u64 = 16 * 1024;

/// What one application thread keeps from request to request.
pub(crate) struct Caller {
    app: Py<PyAny>,
    current: Arc<Current>,
    environ: EnvironBuilder,
    responder: Py<Responder>,
    start_response: Py<PyAny>,
    input: Py<Input>,
    upgrade: Upgrade,
    on_error: Py<PyAny>,
    /// threading.get_ident() of this thread.
    thread: u64,
}

impl Caller {
    pub(crate) fn new(
        py: Python<'_>,
        app: &Py<PyAny>,
        on_error: &Py<PyAny>,
        config: &EngineConfig,
        addresses: &[ServerAddress],
        exchange: Exchange<Wsgi>,
    ) -> PyResult<Self> {
        let thread = py.import("threading")?.call_method0(intern!(py, "get_ident"))?.extract()?;
        exchange.called(thread);
        let current = Current::new(exchange);
        let responder = Py::new(py, Responder::new(py, &current)?)?;
        Ok(Self {
            app: app.clone_ref(py),
            environ: EnvironBuilder::new(py, config, addresses)?,
            start_response: responder.getattr(py, intern!(py, "start_response"))?,
            responder,
            input: Py::new(py, Input::new(&current))?,
            current,
            upgrade: Upgrade::new(py)?,
            on_error: on_error.clone_ref(py),
            thread,
        })
    }

    /// Serves until the engine stops.
    pub(crate) fn serve(&mut self, py: Python<'_>) {
        if catch_unwind(AssertUnwindSafe(|| self.serve_on(py))).is_err() {
            // The panic has been printed. It may have taken the hub with it, and then nobody would
            // serve: the supervisor replaces a worker that has died, not one that sits there.
            std::process::abort();
        }
    }

    /// Attached between requests that come at once, detached while
    /// it waits.
    fn serve_on(&mut self, py: Python<'_>) {
        loop {
            let current = Arc::clone(&self.current);
            let has_request = py.detach(|| current.exchange().wait().then(Instant::now));
            let Some(found) = has_request else { return };
            self.current.exchange().note_interpreter_wait(found.elapsed());
            loop {
                self.one_request(py);
                if !self.current.exchange().next_at_once() {
                    break;
                }
            }
        }
    }

    fn one_request(&mut self, py: Python<'_>) {
        // A bug of ours must cost one answer, not the worker.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.run(py)));
        let mut exchange = self.current.exchange();
        if outcome.is_err() {
            exchange.note_panic();
            exchange.answer_failure();
        }
        exchange.finish();
        if exchange.timed_out() {
            // What was to be raised in that request, and came too late for it, must not be raised in
            // the next one. From here on nobody can ask for it any more (Exchange::finish).
            // SAFETY: the interpreter's lock is held; a null pointer takes the exception back.
            unsafe { ffi::PyThreadState_SetAsyncExc(self.thread as c_long, ptr::null_mut()) };
        }
    }

    fn run(&mut self, py: Python<'_>) {
        let serial = self.current.next_request();
        if let Err(error) = self.renew_if_kept(py) {
            self.fail(py, error, None);
            return;
        }
        self.responder.get().serve(serial);
        self.input.get().serve(serial);
        let (environ, socket) = match self.make_environ(py, serial) {
            Ok(made) => made,
            Err(error) => return self.fail(py, error, None),
        };
        let result = self.app.bind(py).call1((&environ, self.start_response.bind(py)));
        let is_taken = socket.is_some() && self.current.exchange().is_in_conversation();
        let result = result.and_then(|iterable| {
            if is_taken {
                // Flask-Sock returns an ordinary answer when the conversation is over: to nobody.
                close(&iterable)
            } else {
                self.respond_and_close(py, &iterable, &environ)
            }
        });
        if let Some(socket) = socket {
            if self.current.exchange().is_in_conversation() {
                return self.end_upgrade(py, result, &environ);
            }
            close_unused(&socket);
        }
        if let Err(error) = result {
            return self.fail(py, error, Some(&environ));
        }
        // Apart, so that the exchange is free again: reporting looks at it.
        let wrong_length = self.current.exchange().wrong_length();
        if let Some(sent) = wrong_length {
            self.report(py, PyRuntimeError::new_err(sent), Some(&environ));
        }
    }

    /// The application has answered on the socket itself, which is its own from now on.
    fn end_upgrade(&self, py: Python<'_>, result: PyResult<()>, environ: &Bound<'_, PyDict>) {
        self.current.exchange().let_go();
        // These two are simple-websocket's way of saying that there is no answer to send.
        if let Err(error) = result
            && !error.is_instance_of::<PyConnectionError>(py)
            && !error.is_instance_of::<PyStopIteration>(py)
        {
            self.report(py, error, Some(environ));
        }
    }

    /// Objects that the application has kept must not speak for the next request.
    fn renew_if_kept(&mut self, py: Python<'_>) -> PyResult<()> {
        // Ours: one reference to the method, and to the responder one here and one in the method.
        let is_kept = references(&self.start_response, py) > 1
            || references(&self.responder, py) > 2
            || self.responder.get().is_kept(py);
        if is_kept {
            self.responder = Py::new(py, Responder::new(py, &self.current)?)?;
            self.start_response = self.responder.getattr(py, intern!(py, "start_response"))?;
        }
        if references(&self.input, py) > 1 {
            self.input = Py::new(py, Input::new(&self.current))?;
        }
        Ok(())
    }

    /// The environ, and the socket where the client asks for another protocol.
    fn make_environ<'py>(
        &mut self,
        py: Python<'py>,
        serial: u64,
    ) -> PyResult<(Bound<'py, PyDict>, Option<Bound<'py, PyAny>>)> {
        let mut exchange = self.current.exchange();
        let input = self.input.bind(py).as_any();
        let environ = self.environ.build(py, &mut exchange, input)?;
        let socket = if exchange.head().upgrade {
            let socket = self.upgrade.socket(py, &exchange, &self.current, serial)?;
            environ.set_item(intern!(py, "werkzeug.socket"), &socket)?;
            Some(socket)
        } else {
            None
        };
        exchange.release();
        Ok((environ, socket))
    }

    fn respond_and_close(
        &self,
        py: Python<'_>,
        iterable: &Bound<'_, PyAny>,
        environ: &Bound<'_, PyDict>,
    ) -> PyResult<()> {
        let result = self.respond(py, iterable);
        // PEP 3333: close() is called whether the request completed or not.
        match (result, close(iterable)) {
            (Ok(()), Err(error)) => {
                // The answer is complete; only the log can still be told.
                self.report(py, error, Some(environ));
                Ok(())
            }
            (result, _) => result,
        }
    }

    fn respond(&self, py: Python<'_>, iterable: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Ok(list) = iterable.cast_exact::<PyList>() {
            if list.len() == 1 {
                return self.respond_whole(&list.get_item(0)?);
            }
            return self.respond_known(py, list.iter().collect());
        }
        if let Ok(tuple) = iterable.cast_exact::<PyTuple>() {
            if tuple.len() == 1 {
                return self.respond_whole(&tuple.get_item(0)?);
            }
            return self.respond_known(py, tuple.iter().collect());
        }
        if let Ok(wrapper) = iterable.cast_exact::<FileWrapper>()
            && self.respond_file(py, wrapper)?
        {
            return Ok(());
        }
        for chunk in iterable.try_iter()? {
            if !self.send(py, as_bytes(&chunk?)?, None)? {
                return Ok(());
            }
        }
        self.end()
    }

    /// The common case: one bytes object is the whole body.
    fn respond_whole(&self, body: &Bound<'_, PyAny>) -> PyResult<()> {
        let body = as_bytes(body)?;
        let mut exchange = self.with_head()?;
        if exchange.head_is_sent() {
            exchange.send_part_of(body.as_bytes(), None, || SharedBytes::new(body));
            exchange.end_body();
        } else {
            exchange.send_whole(body.as_bytes(), || SharedBytes::new(body));
        }
        Ok(())
    }

    /// Several bytes objects whose length together is known before the first is sent.
    fn respond_known(&self, py: Python<'_>, chunks: Vec<Bound<'_, PyAny>>) -> PyResult<()> {
        let chunks = chunks.iter().map(as_bytes).collect::<PyResult<Vec<_>>>()?;
        let length = chunks.iter().map(|chunk| chunk.as_bytes().len() as u64).sum();
        if length <= JOIN_BYTES {
            // One send instead of one for each, and nothing has to wait for it.
            let joined = PyBytes::new_with(py, length as usize, |mut place| {
                for chunk in &chunks {
                    let (own, rest) = place.split_at_mut(chunk.as_bytes().len());
                    own.copy_from_slice(chunk.as_bytes());
                    place = rest;
                }
                Ok(())
            })?;
            return self.respond_whole(joined.as_any());
        }
        for chunk in chunks {
            if !self.send(py, chunk, Some(length))? {
                return Ok(());
            }
        }
        self.end()
    }

    /// True when the kernel sends the file by itself.
    fn respond_file(&self, py: Python<'_>, wrapper: &Bound<'_, FileWrapper>) -> PyResult<bool> {
        let Some(part) = wrapper.get().part(py) else {
            return Ok(false);
        };
        let mut exchange = self.with_head()?;
        exchange.send_file(part.file, part.offset, part.length);
        Ok(true)
    }

    /// Sends one chunk; false when nothing more needs to be made.
    fn send(
        &self,
        py: Python<'_>,
        chunk: &Bound<'_, PyBytes>,
        length: Option<u64>,
    ) -> PyResult<bool> {
        if chunk.as_bytes().is_empty() {
            // PEP 3333: the head waits for the first bytes that are not empty.
            return Ok(true);
        }
        let sent =
            self.with_head()?.send_part_of(chunk.as_bytes(), length, || SharedBytes::new(chunk));
        let sent = match sent {
            // `length` is known when all parts are: then nothing waits for the application.
            Sent::Queued if length.is_some() => Sent::Ok,
            Sent::Queued | Sent::Full => {
                let current = &self.current;
                py.detach(|| current.exchange().wait_for_room())
            }
            sent => sent,
        };
        Ok(sent != Sent::ClientLeft)
    }

    fn end(&self) -> PyResult<()> {
        self.with_head()?.end_body();
        Ok(())
    }

    fn with_head(&self) -> PyResult<std::sync::MutexGuard<'_, Exchange<Wsgi>>> {
        let exchange = self.current.exchange();
        if exchange.has_head() {
            Ok(exchange)
        } else {
            Err(PyRuntimeError::new_err(
                "the application returned without calling start_response (PEP 3333)",
            ))
        }
    }

    /// Answers for an application that failed, and tells the log unless the client was to blame.
    fn fail(&self, py: Python<'_>, error: PyErr, environ: Option<&Bound<'_, PyDict>>) {
        // The log first: whoever sees the answer finds the reason there.
        let is_clients_fault = self.current.exchange().body_failed();
        if !is_clients_fault {
            self.report(py, error, environ);
        }
        self.current.exchange().answer_failure();
    }

    fn report(&self, py: Python<'_>, error: PyErr, environ: Option<&Bound<'_, PyDict>>) {
        if let Some(environ) = environ {
            // Where ids are off, an error has one all the same.
            let id = self.current.exchange().request_id().to_vec();
            let set =
                from_latin1(py, &id).and_then(|id| environ.set_item(intern!(py, REQUEST_ID), id));
            if let Err(second) = set {
                second.display(py);
            }
        }
        let value = error.clone_ref(py).into_value(py);
        if let Err(second) = self.on_error.bind(py).call1((value, environ)) {
            second.display(py);
            error.display(py);
        }
    }
}

fn close(iterable: &Bound<'_, PyAny>) -> PyResult<()> {
    if iterable.is_exact_instance_of::<PyList>() {
        return Ok(());
    }
    match iterable.getattr_opt(intern!(iterable.py(), "close"))? {
        Some(close) => close.call0().map(drop),
        None => Ok(()),
    }
}
