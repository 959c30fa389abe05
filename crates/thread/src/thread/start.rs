//! The start of a thread, and what it does from its first step to its last.

use std::mem;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

use multiproc_sync::Generation;
use multiproc_sync::primitive::blocking::Mutex;

use super::error::StartError;
use super::here;
use super::name;
use super::panic::{self, Panic, contained, drop_quietly};
use super::record::Record;
use super::roster::Roster;

/// A hook for the panic that a thread ends with.
pub(super) type OnPanic = Box<dyn FnOnce(&Panic) + Send>;

/// What a thread does, and is started with.
pub(super) struct Plan<F> {
    pub(super) function: F,
    pub(super) on_panic: Option<OnPanic>,
    pub(super) stack_size: Option<usize>,
}

/// What came of a thread's function. Dropped where nobody takes it.
pub(super) struct Outcome<T>(Option<Result<T, Panic>>);

impl<T> Outcome<T> {
    pub(super) fn take(mut self) -> Option<Result<T, Panic>> {
        self.0.take()
    }
}

impl<T> Drop for Outcome<T> {
    fn drop(&mut self) {
        if mem::needs_drop::<T>() {
            drop_quietly(self.0.take());
        }
    }
}

/// A thread that the system has started. In a fork it is left alone: the system's handle may stand for a thread of the child's by then.
pub(super) struct Running<T> {
    handle: Option<JoinHandle<Outcome<T>>>,
    made_by: Generation,
}

impl<T> Running<T> {
    fn new(handle: JoinHandle<Outcome<T>>) -> Self {
        Self { handle: Some(handle), made_by: Generation::now() }
    }

    /// Waits for the thread's very end.
    pub(super) fn join(mut self, thread: impl FnOnce() -> String) -> Option<Result<T, Panic>> {
        match self.handle.take()?.join() {
            Ok(outcome) => outcome.take(),
            Err(payload) => Some(Err(Panic::of(payload, thread()))),
        }
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        if !self.made_by.is_ours() {
            mem::forget(self.handle.take());
        }
    }
}

/// The way to start a thread that is prepared: again if the system has refused.
pub(super) type Launch<T> = Box<dyn FnMut(&Arc<Record>) -> Result<Running<T>, StartError> + Send>;

/// Keeps a plan until a thread has it.
pub(super) fn prepare<F, T>(plan: Plan<F>) -> Launch<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let stack_size = plan.stack_size;
    let plan = Arc::new(Mutex::new(Some(plan)));
    Box::new(move |record| {
        let (plan, its_record) = (plan.clone(), record.clone());
        launch(record, stack_size, move || {
            let plan = plan.lock().unwrap_or_else(PoisonError::into_inner).take();
            Outcome(plan.and_then(|plan| run(its_record, plan).take()))
        })
    })
}

/// Starts a thread. A refusal drops the plan.
pub(super) fn start<F, T>(record: &Arc<Record>, plan: Plan<F>) -> Result<Running<T>, StartError>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let its_record = record.clone();
    launch(record, plan.stack_size, move || run(its_record, plan))
}

fn launch<T: Send + 'static>(
    record: &Arc<Record>,
    stack_size: Option<usize>,
    body: impl FnOnce() -> Outcome<T> + Send + 'static,
) -> Result<Running<T>, StartError> {
    panic::install_hook();
    let name = record.name_with_room();
    name::check(&name)?;
    let mut builder = std::thread::Builder::new().name(name);
    if let Some(bytes) = stack_size {
        builder = builder.stack_size(bytes);
    }
    let entered = Entered::new(record);
    let handle = builder.spawn(body).map_err(StartError::System)?;
    mem::forget(entered);
    record.set_started();
    Ok(Running::new(handle))
}

/// A thread that is in the roll, and leaves it again if it does not begin.
struct Entered<'a>(&'a Record);

impl<'a> Entered<'a> {
    fn new(record: &'a Arc<Record>) -> Self {
        Roster::here().roll.enter(record.ident.get(), record.clone(), record.is_held());
        Self(record)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let roll = &Roster::here().roll;
        roll.end(self.0.ident.get());
        if self.0.is_held() {
            roll.leave();
        }
    }
}

/// Unwind safety: who gets the panic knows that the thread has not come to its end.
fn catch<T>(function: impl FnOnce() -> T) -> std::thread::Result<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(function))
}

/// What a thread does.
fn run<F: FnOnce() -> T, T>(record: Arc<Record>, plan: Plan<F>) -> Outcome<T> {
    let Plan { function, on_panic, .. } = plan;
    here::enter(record.clone());
    record.take_name();
    panic::note(on_panic.is_some());
    let caught = match &record.token {
        Some(token) => token.scope_of_thread(|| catch(function)),
        None => catch(function),
    };
    let result = match caught {
        Ok(result) => Ok(result),
        Err(payload) => Err(Panic::of(payload, record.name())),
    };
    panic::note(false);
    match (&result, on_panic) {
        (Err(panic), Some(hook)) => {
            contained(|| hook(panic));
        }
        (_, unused) => drop_quietly(unused),
    }
    if record.made_by.is_ours() {
        Roster::here().roll.end(record.ident.get());
    }
    record.end();
    Outcome(Some(result))
}
