//! `trivet._engine.Server`: the engine as Python's main thread sees it.

use std::ffi::c_long;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use trivet_server::{
    About, Alarm, Engine, Event, HandedOver, LateRequest, Lateness, Listener, SharedMemory,
};

use crate::config::EngineConfig;
use crate::wsgi::Wsgi;
use crate::wsgi::call::Caller;
use crate::wsgi::environ::{ServerAddress, shared_names};

/// One listening socket: descriptor, whether Unix, SERVER_NAME, SERVER_PORT.
type ListenerGiven = (i32, bool, String, String);

/// One request: why it is told of, thread, serial number, method, target, id, age in seconds.
type RequestTold = (&'static str, u64, u64, String, String, String, f64);

/// Server(app, config, listeners, on_error, memory=None): one process's engine. Threads serve with
/// run_thread(). The counters lie in `memory`, a writable buffer, where one is given.
#[pyclass(frozen, module = "trivet._engine")]
pub(crate) struct Server {
    app: Py<PyAny>,
    on_error: Py<PyAny>,
    config: EngineConfig,
    addresses: Vec<ServerAddress>,
    engine: Engine<Wsgi>,
    events: Mutex<Vec<Event>>,
    _names: Vec<Py<PyString>>,
}

#[pymethods]
impl Server {
    #[new]
    #[pyo3(signature = (app, config, listeners, on_error, memory=None))]
    fn new(
        py: Python<'_>,
        app: Py<PyAny>,
        config: EngineConfig,
        listeners: Vec<ListenerGiven>,
        on_error: Py<PyAny>,
        memory: Option<PyBuffer<u8>>,
    ) -> PyResult<Self> {
        let mut sockets = Vec::new();
        let mut addresses = Vec::new();
        for (descriptor, is_unix, name, port) in listeners {
            // SAFETY: the caller holds the socket object open during this call; the engine works on
            // a duplicate.
            let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
            let socket = borrowed.try_clone_to_owned()?;
            sockets.push(Listener { socket, is_unix });
            addresses.push(ServerAddress { name, port });
        }
        let memory = memory.map(counters_in).transpose()?;
        let engine = Engine::start_in(config.for_engine()?, sockets, memory)?;
        Ok(Self {
            app,
            on_error,
            config,
            addresses,
            engine,
            events: Mutex::default(),
            _names: shared_names(py),
        })
    }

    /// Readable when events() has something to say.
    fn fileno(&self) -> i32 {
        self.engine.news().as_raw_fd()
    }

    /// What has happened, by the names in _engine.pyi.
    fn events<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let _one_reader = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = PyDict::new(py);
        answer.set_item("threads_wanted", 0)?;
        answer.set_item("stopped_accepting", false)?;
        answer.set_item("drained", false)?;
        answer.set_item("handed_over", false)?;
        answer.set_item("crowd_gone", false)?;
        let mut other_protocols = Vec::new();
        for event in self.engine.events() {
            match event {
                Event::ThreadsWanted(count) => answer.set_item("threads_wanted", count)?,
                Event::StoppedAccepting => answer.set_item("stopped_accepting", true)?,
                Event::Drained => answer.set_item("drained", true)?,
                Event::HandedOver => answer.set_item("handed_over", true)?,
                Event::CrowdGone => answer.set_item("crowd_gone", true)?,
                Event::OtherProtocol(name) => other_protocols.push(name),
            }
        }
        answer.set_item("other_protocols", other_protocols)?;
        Ok(answer)
    }

    /// Serves requests on the calling thread until the engine stops or does not need the thread.
    fn run_thread(&self, py: Python<'_>) -> PyResult<()> {
        let Some(exchange) = self.engine.exchange() else {
            return Ok(());
        };
        let caller =
            Caller::new(py, &self.app, &self.on_error, &self.config, &self.addresses, exchange);
        match caller {
            Ok(mut caller) => {
                caller.serve(py);
                Ok(())
            }
            Err(error) => Err(PyRuntimeError::new_err(format!("a thread cannot serve: {error}"))),
        }
    }

    /// Tells the engine that wanted threads could not be started.
    fn threads_not_started(&self, count: usize) {
        self.engine.threads_not_started(count);
    }

    /// Requests that have become slow or late since the last call; to be asked after each news.
    fn late_requests(&self) -> Vec<RequestTold> {
        self.engine.late_requests().into_iter().map(told).collect()
    }

    /// What the threads run now.
    fn running(&self, py: Python<'_>) -> Vec<RequestTold> {
        py.detach(|| self.engine.running()).into_iter().map(told).collect()
    }

    /// Raises an exception in a thread whose request has timed out; false when that request is over.
    fn interrupt(&self, thread: u64, serial: u64, exception: &Bound<'_, PyAny>) -> bool {
        self.engine.while_it_lasts(thread, serial, || {
            // SAFETY: the interpreter's lock is held. The function takes a reference of its own, and
            // does nothing when there is no such thread.
            unsafe { ffi::PyThreadState_SetAsyncExc(thread as c_long, exception.as_ptr()) };
        })
    }

    /// What to do when nobody asks for late requests: raise `signal`, whose handler writes stacks
    /// into the file `stacks`, and send a line that begins with `kind` to `link`. -1 is none.
    fn set_alarm(&self, signal: i32, stacks: i32, link: i32, kind: String) -> PyResult<()> {
        let own = |descriptor: i32| -> PyResult<Option<OwnedFd>> {
            if descriptor < 0 {
                return Ok(None);
            }
            // SAFETY: the caller holds it open during this call; what is kept is a duplicate.
            let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
            Ok(Some(borrowed.try_clone_to_owned()?))
        };
        let alarm = Alarm { signal, stacks: own(stacks)?, link: own(link)?, kind };
        self.engine.set_alarm(alarm);
        Ok(())
    }

    /// Writes the access log to this file from now on, a duplicate of what the caller has open.
    fn write_access_log_to(&self, descriptor: i32) -> PyResult<()> {
        if descriptor < 0 {
            return Err(PyValueError::new_err("a descriptor is not negative"));
        }
        // SAFETY: the caller holds it open during this call.
        let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
        Ok(self.engine.write_access_log_to(borrowed.try_clone_to_owned()?)?)
    }

    /// Gives the system what the allocator keeps of memory that is free.
    fn give_memory_back(&self, py: Python<'_>) {
        py.detach(|| self.engine.give_memory_back());
    }

    /// Lets the check of readiness fail from now on; everything is served as before.
    fn withdraw_readiness(&self) {
        self.engine.withdraw_readiness();
    }

    /// Begins a graceful stop; events() says when it is over.
    fn drain(&self) {
        self.engine.drain();
    }

    /// Stops accepting, and gives up every connection of which no request runs, now or later.
    fn hand_over(&self) {
        self.engine.hand_over();
    }

    /// What was given up: descriptor, which is the caller's from now on, what is known of the
    /// connection, bytes received.
    fn take_handed_over<'py>(&self, py: Python<'py>) -> Vec<(i32, String, Bound<'py, PyBytes>)> {
        let taken = self.engine.take_handed_over().into_iter();
        taken
            .map(|HandedOver { socket, about, received }| {
                (socket.into_raw_fd(), about.to_string(), PyBytes::new(py, &received))
            })
            .collect()
    }

    /// Serves a connection that another engine gave up. Takes the descriptor over.
    fn adopt(&self, descriptor: i32, about: &str, received: Vec<u8>) -> PyResult<()> {
        if descriptor < 0 {
            return Err(PyValueError::new_err("a descriptor is not negative"));
        }
        // SAFETY: the caller gives the descriptor away with this call, as the stub says.
        let socket = unsafe { OwnedFd::from_raw_fd(descriptor) };
        match about.parse::<About>() {
            Ok(about) if about.listener < self.addresses.len() => {
                self.engine.adopt(HandedOver { socket, about, received });
                Ok(())
            }
            _ => Err(PyValueError::new_err(format!(
                "{about:?} is about no connection of this server"
            ))),
        }
    }

    /// Stops at once: open connections are closed, threads return from their wait.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.engine.stop());
    }

    /// Makes fileno() readable once, after `count` more requests have been answered.
    fn tell_after_requests(&self, count: u64) {
        self.engine.tell_after_requests(count);
    }

    /// Every counter by its name.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let answer = PyDict::new(py);
        for (name, value) in self.engine.stats().entries() {
            answer.set_item(name, value)?;
        }
        Ok(answer)
    }
}

fn told(request: LateRequest) -> RequestTold {
    let why = match request.lateness {
        Lateness::Running => "running",
        Lateness::Slow => "slow",
        Lateness::TimedOut => "timed-out",
        Lateness::Cut => "cut",
        Lateness::Lost => "lost",
    };
    let text = |bytes: Vec<u8>| bytes.into_iter().map(char::from).collect();
    let LateRequest { thread, serial, method, target, request_id, age, .. } = request;
    (why, thread, serial, text(method), text(target), text(request_id), age.as_secs_f64())
}

/// The memory of a buffer, which stays exported, and so in its place, as long as the engine exists.
fn counters_in(buffer: PyBuffer<u8>) -> PyResult<SharedMemory> {
    let start = NonNull::new(buffer.buf_ptr().cast::<u8>());
    let length = buffer.len_bytes();
    let usable = !buffer.readonly() && buffer.is_c_contiguous();
    let memory = start.filter(|_| usable).and_then(|start| {
        // SAFETY: the buffer stays where it is until it is released, which is when its owner here is
        // dropped. Whoever reads it in another process reads whole numbers, which on every supported
        // processor is what a relaxed load does.
        unsafe { SharedMemory::new(start, length, Box::new(buffer)) }
    });
    memory.ok_or_else(|| {
        PyValueError::new_err(format!(
            "the memory for counters has {length} bytes, and {} that can be written and begin at a \
             multiple of 8 are needed",
            SharedMemory::BYTES
        ))
    })
}
