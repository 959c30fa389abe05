//! Every bad end that a task can come to, in its function, its argument, its result: each is told, and costs nobody else
//! anything.

use std::thread;

use multiproc_macros::test;
use multiproc_pool::{ProcessPool, TaskError, TaskHandle};
use multiproc_testkit::fork::no_core_files;
use multiproc_testkit::{Signal, Watchdog, eventually, kill};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

fn pool(workers: usize, retries: u32) -> ProcessPool {
    no_core_files(); // some workers crash
    ProcessPool::builder().workers(workers).retries(retries).build().unwrap()
}

fn square(n: u64) -> u64 {
    n * n
}

fn kill_self(signal: Signal) -> ! {
    loop {
        // Again and again: the runtime takes the first SIGSEGV, for its own stack overflow message.
        kill(std::process::id(), signal).unwrap();
    }
}

/// A value whose codec does what its number says.
#[derive(Debug)]
enum Trap {
    Harmless,
    PanicEncoding,
    RefuseEncoding,
    PanicDecoding,
    AbortDecoding,
    ExitDecoding,
    RefuseDecoding,
    AbortEncoding,
}

impl Serialize for Trap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Trap::Harmless => serializer.serialize_u8(0),
            Trap::PanicEncoding => panic!("encoding"),
            Trap::RefuseEncoding => Err(serde::ser::Error::custom("refused")),
            Trap::PanicDecoding => serializer.serialize_u8(1),
            Trap::AbortDecoding => serializer.serialize_u8(2),
            Trap::ExitDecoding => serializer.serialize_u8(3),
            Trap::RefuseDecoding => serializer.serialize_u8(4),
            Trap::AbortEncoding => std::process::abort(),
        }
    }
}

impl<'de> Deserialize<'de> for Trap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            0 => Ok(Trap::Harmless),
            1 => panic!("decoding"),
            2 => std::process::abort(),
            3 => std::process::exit(3),
            _ => Err(serde::de::Error::custom("no trap")),
        }
    }
}

/// One task of each sort that ends badly, and what has to come of it.
#[test]
fn every_bad_end_is_told_and_costs_nobody_else_anything() {
    let _watchdog = Watchdog::with_limit(120);
    let pool = pool(2, 0);
    let died = |error: TaskError| match error {
        TaskError::WorkerDied { signal, code, attempts: 1, .. } => (signal, code),
        other => panic!("{other:?}"),
    };
    let panicked = |error: TaskError| match error {
        TaskError::Panicked(panic) => panic.message,
        other => panic!("{other:?}"),
    };
    let codec = |error: TaskError| match error {
        TaskError::Codec(reason) => reason,
        other => panic!("{other:?}"),
    };
    let good_ones: Vec<TaskHandle<u64>> = (0..50).map(|n| pool.submit(square, n).unwrap()).collect();

    // In the function.
    assert_eq!(
        died(pool.call(|()| std::process::abort(), ()).map(|n: ()| n).unwrap_err()),
        (Some(libc::SIGABRT), None)
    );
    assert_eq!(died(pool.call(|()| std::process::exit(0), ()).map(|n: ()| n).unwrap_err()), (None, Some(0)));
    assert_eq!(died(pool.call(|c| std::process::exit(c), 9).map(|n: ()| n).unwrap_err()), (None, Some(9)));
    let raise = |signal: fn(()) -> ()| died(pool.call(signal, ()).unwrap_err()).0;
    assert_eq!(raise(|()| kill_self(Signal::SIGKILL)), Some(libc::SIGKILL));
    assert_eq!(raise(|()| kill_self(Signal::SIGSEGV)), Some(libc::SIGSEGV));
    assert_eq!(raise(|()| kill_self(Signal::SIGTERM)), Some(libc::SIGTERM));
    assert_eq!(panicked(pool.call(|n: u8| assert!(n > 0, "zero"), 0).unwrap_err()), "zero");
    assert_eq!(panicked(pool.call(|n: u8| panic!("{n}"), 5).map(|n: ()| n).unwrap_err()), "5");
    let odd = panicked(pool.call(|()| std::panic::panic_any(3_u8), ()).map(|n: ()| n).unwrap_err());
    assert!(odd.contains("no text"), "{odd}");
    // In a thread of the function's: the process is the unit of failure.
    let thread_dies = |()| thread::spawn(|| -> () { std::process::abort() }).join().unwrap();
    assert_eq!(died(pool.call(thread_dies, ()).unwrap_err()).0, Some(libc::SIGABRT));
    // While the argument is decoded, there.
    assert_eq!(panicked(pool.call(|_: Trap| (), Trap::PanicDecoding).unwrap_err()), "decoding");
    assert_eq!(died(pool.call(|_: Trap| (), Trap::AbortDecoding).unwrap_err()).0, Some(libc::SIGABRT));
    assert_eq!(died(pool.call(|_: Trap| (), Trap::ExitDecoding).unwrap_err()), (None, Some(3)));
    assert!(codec(pool.call(|_: Trap| (), Trap::RefuseDecoding).unwrap_err()).contains("argument"));
    // While the result is encoded, there.
    assert_eq!(died(pool.call(|()| Trap::AbortEncoding, ()).unwrap_err()).0, Some(libc::SIGABRT));
    assert_eq!(panicked(pool.call(|()| Trap::PanicEncoding, ()).unwrap_err()), "encoding");
    assert!(codec(pool.call(|()| Trap::RefuseEncoding, ()).unwrap_err()).contains("Trap"));
    // While the result is decoded, here.
    assert!(codec(pool.call(|()| Trap::RefuseDecoding, ()).unwrap_err()).contains("result"));
    // In the thread that asks, never in one of the pool's.
    let submitted = pool.submit(|()| Trap::PanicDecoding, ()).unwrap();
    eventually("the result is in", || submitted.is_finished());
    assert!(thread::scope(|scope| scope.spawn(|| submitted.join()).join()).is_err());
    assert!(matches!(pool.call(|()| Trap::Harmless, ()), Ok(Trap::Harmless)));

    for (n, handle) in good_ones.into_iter().enumerate() {
        assert_eq!(handle.join().unwrap(), (n * n) as u64);
    }
    assert_eq!(pool.map(square, 0..100).unwrap().len(), 100);
    assert_eq!(pool.workers().len(), 2);
}
