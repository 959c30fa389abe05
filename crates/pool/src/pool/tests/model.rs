//! A pool without processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use multiproc_sync::primitive::blocking::{Mutex, MutexGuard};
use multiproc_sync::primitive::model::thread::{self, JoinHandle};

use super::kernel::{Bed, Event, Kernel, SHORT_STEP, STEP};
use crate::pool::role::{After, Role};
use crate::pool::wait::{self, Attended, Drive};
use crate::pool::waiter::{Slot, Waiter};

/// How a task ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Answer(usize),
    Closed,
}

/// A task and the right to its outcome.
pub(super) struct Task {
    id: usize,
    slot: Arc<Slot<Outcome>>,
}

impl Task {
    /// What has become of a task whose waiter was told that it has ended.
    pub(super) fn outcome(&self) -> Outcome {
        self.slot.take().expect("told that the task has ended, but there is no outcome")
    }

    pub(super) fn assert_answered(&self) {
        assert_eq!(self.outcome(), Outcome::Answer(self.id), "the outcome of another task");
    }

    pub(super) fn has_ended(&self) -> bool {
        self.slot.is_filled()
    }
}

/// What the pool's lock guards.
#[derive(Debug, Default)]
pub(super) struct State {
    role: Role,
    /// By number; `None` once the task has ended.
    tasks: Vec<Option<Arc<Slot<Outcome>>>>,
    answered: usize,
    buried: usize,
    /// A task that waits for the next worker.
    queued: Option<usize>,
    /// A place is vacant, to be filled at this time.
    retry_at: Option<Instant>,
    ended: bool,
}

#[derive(Debug)]
pub(super) struct Pool {
    state: Mutex<State>,
    /// Waited on with `state`: something was taken in.
    progress: Bed,
    kernel: Kernel,
    /// Of the standard library: the model's own, it decides nothing.
    driving: AtomicBool,
}

impl Pool {
    /// A pool as it is after its start: armed.
    pub(super) fn new() -> Arc<Self> {
        let mut state = State::default();
        state.role.set_armed(true);
        Self::with(state)
    }

    /// A pool as it is after a call.
    pub(super) fn after_a_call() -> Arc<Self> {
        let mut state = State::default();
        state.role.count_take();
        Self::with(state)
    }

    fn with(state: State) -> Arc<Self> {
        let armed = state.role.is_armed();
        Arc::new(Self {
            state: Mutex::new(state),
            progress: Bed::new(),
            kernel: Kernel::new(armed),
            driving: AtomicBool::new(false),
        })
    }

    /// Starts a thread of the model.
    pub(super) fn spawn(self: &Arc<Self>, run: impl FnOnce(&Self) + Send + 'static) -> JoinHandle<()> {
        let pool = self.clone();
        thread::spawn(move || run(&pool))
    }

    /// Starts the attendant.
    pub(super) fn attendant(self: &Arc<Self>) -> JoinHandle<()> {
        self.spawn(wait::attend)
    }

    /// Starts a thread that answers these tasks one after the other, each as soon as it has been handed over.
    pub(super) fn worker<const N: usize>(self: &Arc<Self>, ids: [usize; N]) -> JoinHandle<()> {
        self.spawn(move |pool| ids.into_iter().for_each(|id| pool.answer(id)))
    }

    /// Starts a thread that waits for the tasks of `waiter`, of which `task` is one.
    pub(super) fn waiting(self: &Arc<Self>, waiter: Arc<Waiter>, task: Task) -> JoinHandle<()> {
        self.spawn(move |pool| {
            pool.wait(&waiter);
            task.assert_answered();
        })
    }

    /// Takes a task in and hands it to a worker.
    pub(super) fn submit(&self, waiter: &Arc<Waiter>) -> Task {
        let task = take_in(&mut self.lock(), waiter);
        self.kernel.request(task.id);
        task
    }

    /// Takes a task in that no worker can have before one is started, and that nobody waits for.
    pub(super) fn queue_and_leave(&self) -> Task {
        let mut state = self.lock();
        let task = take_in(&mut state, &Waiter::new());
        state.queued = Some(task.id);
        wait::hand_on(self, &mut state, After::Leaves);
        task
    }

    /// Takes a task in for which a worker is to be started now, though none was to be before.
    pub(super) fn queue(&self, waiter: &Arc<Waiter>) -> Task {
        let mut state = self.lock();
        let task = take_in(&mut state, waiter);
        (state.queued, state.retry_at) = (Some(task.id), Some(self.now()));
        wait::rouse(self, &mut state);
        task
    }

    /// Takes a task in that nobody waits for.
    pub(super) fn submit_and_leave(&self) -> Task {
        let task = self.submit(&Waiter::new());
        wait::hand_on(self, &mut self.lock(), After::Leaves);
        task
    }

    /// Waits until all tasks of a waiter have ended.
    pub(super) fn wait(&self, waiter: &Arc<Waiter>) {
        assert!(wait::wait(self, waiter, 0, None, After::Leaves), "a deadline that was not set has passed");
        assert_eq!(waiter.pending(), 0, "woken before the end");
    }

    /// Waits until no more than `target` tasks of a waiter are under way, to come back with more.
    pub(super) fn wait_for_room(&self, waiter: &Arc<Waiter>, target: usize) {
        assert!(wait::wait(self, waiter, target, None, After::ComesBack), "a deadline has passed");
        assert!(waiter.pending() <= target, "woken too early");
    }

    /// Waits until all tasks of a waiter have ended, or the clock has made a step.
    pub(super) fn wait_a_step(&self, waiter: &Arc<Waiter>, deadline: Instant) -> bool {
        wait::wait(self, waiter, 0, Some(deadline), After::Leaves)
    }

    /// Submits a task and waits for it.
    pub(super) fn call(&self) {
        let waiter = Waiter::new();
        let task = self.submit(&waiter);
        self.wait(&waiter);
        task.assert_answered();
    }

    /// A worker answers a task as soon as it has it.
    pub(super) fn answer(&self, id: usize) {
        self.kernel.await_request(id);
        self.kernel.happen(Event::Answer(id));
    }

    pub(super) fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The time at which waits with a deadline end.
    pub(super) fn deadline(&self) -> Instant {
        self.now() + STEP
    }

    /// The deadline comes.
    pub(super) fn step(&self, sleeper: &Waiter) {
        let _state = self.lock();
        self.kernel.step(STEP);
        sleeper.call(); // from inside, the end of a timed wait looks the same
    }

    /// Waits until so many tasks have been answered and so many dead been buried.
    pub(super) fn until(&self, answered: usize, buried: usize) {
        let mut state = self.lock();
        while (state.answered, state.buried) != (answered, buried) {
            state = self.progress.sleep(state);
        }
    }

    /// Claims that work which is left will be seen to, though no thread is there but the attendant.
    pub(super) fn assert_attended_to(&self) {
        let mut state = self.lock();
        if !state.role.take() {
            return; // the attendant has it, and will look at everything when it is done
        }
        state.role.give_up();
        let armed = state.role.is_armed();
        assert!(armed || !state.has_work(), "work is left and nobody sees to it");
        assert_eq!(armed, self.kernel.is_listening(), "armed in name only");
    }

    /// Ends the pool.
    pub(super) fn end(&self) {
        wait::end(self, |state| {
            state.ended = true;
            for slot in state.tasks.iter_mut().filter_map(Option::take) {
                slot.fill(Outcome::Closed);
            }
        });
        self.kernel.stop_the_clock();
    }

    /// A driver sees to what it has learnt, one after the other.
    fn handle(&self, events: Vec<Event>) -> MutexGuard<'_, State> {
        for event in events {
            let mut state = self.lock();
            match event {
                Event::Death => state.buried += 1,
                Event::BadDeath => {
                    state.buried += 1;
                    state.retry_at = Some(self.now() + SHORT_STEP);
                }
                Event::Answer(id) => match state.tasks[id].take() {
                    Some(slot) => {
                        state.answered += 1;
                        slot.fill(Outcome::Answer(id));
                    }
                    None => assert!(state.ended, "a task ended twice"),
                },
            }
            self.progress.wake();
        }
        let mut state = self.lock();
        if state.retry_at.is_some_and(|at| self.now() >= at) {
            state.retry_at = None;
            if let Some(id) = state.queued.take() {
                self.kernel.request(id);
            }
        }
        state
    }

    /// A turn of a driver, which learns of events by `learn`.
    fn drive(&self, learn: impl FnOnce(&Kernel) -> Vec<Event>) -> MutexGuard<'_, State> {
        assert!(!self.driving.swap(true, Relaxed), "two threads drive");
        let state = self.handle(learn(&self.kernel));
        self.driving.store(false, Relaxed);
        state
    }
}

fn take_in(state: &mut State, waiter: &Arc<Waiter>) -> Task {
    let (id, slot) = (state.tasks.len(), Slot::new(waiter.clone()));
    assert!(Arc::ptr_eq(slot.waiter(), waiter));
    state.tasks.push(Some(slot.clone()));
    Task { id, slot }
}

impl Attended for State {
    fn role(&mut self) -> &mut Role {
        &mut self.role
    }

    fn has_work(&self) -> bool {
        self.tasks.iter().any(Option::is_some)
    }

    fn has_ended(&self) -> bool {
        self.ended
    }

    fn next_wake(&self) -> Option<Instant> {
        self.retry_at
    }
}

impl Drive for Pool {
    type State = State;

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn now(&self) -> Instant {
        self.kernel.now()
    }

    fn turn<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        state.role.count_turn();
        let until = [deadline, state.next_wake()].into_iter().flatten().min();
        drop(state);
        self.drive(|kernel| kernel.wait(until))
    }

    fn look_in<'a>(&'a self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        drop(state);
        self.drive(Kernel::look)
    }

    fn rest(&self, deadline: Option<Instant>) {
        self.kernel.rest(deadline);
    }

    fn listen(&self, on: bool) {
        self.kernel.listen(on);
    }

    fn ring(&self) {
        self.kernel.ring();
    }

    fn kick(&self) {
        self.kernel.kick();
    }
}
