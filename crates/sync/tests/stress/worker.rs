//! A worker: a process with a thread at each primitive, which goes on until it is killed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use crate::board::Board;
use crate::random::Random;
use crate::scenario::{Named, Seat};
use crate::sys;

/// The longest pause between two operations.
const PAUSE: Duration = Duration::from_micros(300);

/// Lives at `place`, in a fork of the supervisor, the process `parent`.
pub(crate) fn work(
    board: &'static Board,
    scenarios: &[Named],
    place: usize,
    parent: u32,
    mut random: Random,
) -> ! {
    sys::die_with(parent);
    std::panic::set_hook(Box::new(move |panic| {
        let name = thread::current().name().unwrap_or("worker").to_string();
        board.fail(&format!("{name}: {panic}"));
    }));
    for (number, named) in scenarios.iter().copied().enumerate() {
        let seat = Seat { place, random: Random::new(random.next()), record: board.record(number, place) };
        let thread = thread::Builder::new().name(format!("{} at place {place}", named.name));
        let begun = thread.spawn(move || sit(board, named, seat));
        begun.expect("a thread can be started");
    }
    loop {
        thread::park();
    }
}

/// One operation after the other, until one fails.
fn sit(board: &Board, named: Named, mut seat: Seat<'_>) {
    use std::sync::atomic::Ordering::SeqCst;
    seat.record.begun.store(sys::now(), SeqCst);
    seat.record.thread.store(sys::thread_id(), SeqCst);
    while catch_unwind(AssertUnwindSafe(|| named.scenario.operate(&mut seat))).is_ok() {
        seat.record.count(board);
        if seat.random.one_in(2) {
            thread::sleep(seat.random.time(PAUSE));
        }
    }
}
