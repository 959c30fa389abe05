//! A process is killed while its second thread is inside a system call that writes to the guarded data. `unsafe`: the
//! call, and looking at the data while it writes.
#![allow(clippy::disallowed_types)] // words of the data, looked at while they are written
#![allow(unsafe_code)]

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use multiproc_sync::shm_safe::{Placement, ShmSafe};
use multiproc_sync::{LockError, Mutex};

use crate::common::{self, fork, kill, map};

/// How much is guarded, and read in one call.
const LEN: usize = 128 << 20;

/// Words that are looked at: one a page.
const STRIDE: usize = 4096;

/// At least so many kills; as many more as the control needs to see a late write.
const RUNS: u32 = 4;
const MOST_RUNS: u32 = 40;

type Data = [u64; LEN / 8];

/// The data, and where to look at them beside the lock.
struct Guarded {
    mutex: &'static Mutex<Data>,
    word: &'static AtomicU32,
    start: usize,
}

impl Guarded {
    fn new() -> Self {
        common::found_family();
        let memory = map(size_of::<Mutex<Data>>()).cast::<Mutex<Data>>();
        // SAFETY: fresh zeroed shared memory that nobody else knows; a mutex may be zero, and is placed where it stays.
        let mutex: &'static Mutex<Data> = unsafe {
            let mutex = &mut *memory.as_ptr();
            mutex.place(&Placement::new().expect("a family")).expect("placed");
            mutex
        };
        // SAFETY: the lock's first word, which is atomic in whatever process.
        let word = unsafe { memory.cast::<AtomicU32>().as_ref() };
        let start = memory.addr().get() + size_of::<Mutex<Data>>() - LEN;
        Self { mutex, word, start }
    }

    /// How many pages have been written to; they are written in order.
    fn written(&self) -> usize {
        let (mut low, mut high) = (0, LEN / STRIDE);
        while low < high {
            let middle = usize::midpoint(low, high);
            // SAFETY: a word of the data, which stay mapped, and are written by the kernel only: looked at atomically.
            let word = unsafe { &*((self.start + middle * STRIDE) as *const AtomicU64) };
            if word.load(SeqCst) == 0 { high = middle } else { low = middle + 1 }
        }
        low
    }

    /// Gives the memory back.
    fn end(self) {
        // SAFETY: mapped by `new` with this length; no process that used it lives but this one, which is done with it.
        unsafe { libc::munmap(std::ptr::from_ref(self.mutex) as *mut _, size_of::<Mutex<Data>>()) };
    }
}

/// The owner: one thread has the guard, the other reads a file into the data.
fn owner(data: &Guarded, source: &File) {
    std::thread::scope(|scope| {
        let (got, has_got) = std::sync::mpsc::channel();
        let mutex = data.mutex;
        scope.spawn(move || {
            let _guard = mutex.lock().expect("the first owner");
            got.send(()).expect("the other thread waits");
            loop {
                std::thread::park();
            }
        });
        has_got.recv().expect("the lock is free");
        // SAFETY: the data are this process's, who has the guard; they are long enough.
        unsafe { libc::pread(source.as_raw_fd(), data.start as *mut _, LEN, 0) };
    });
}

/// What one kill has shown.
struct Seen {
    /// Pages written after the alarm.
    after_alarm: usize,
    /// Pages written after the guard was got.
    after_guard: usize,
    /// Whether the kill came while it was being written.
    in_time: bool,
}

fn one(source: &File, run: u32) -> Result<Seen, String> {
    const OWNER_DIED: u32 = libc::FUTEX_OWNER_DIED;
    let data = Guarded::new();
    let child = fork(|| owner(&data, source));
    // In each run at another place.
    let begun = LEN / STRIDE / 64 * (1 + run as usize % 8);
    let begin = Instant::now();
    while data.written() < begun {
        if begin.elapsed() > Duration::from_secs(20) {
            kill(child);
            return Err("the owner does not read".to_string());
        }
    }
    // SAFETY: a child that nobody has waited for.
    unsafe { libc::kill(child.pid().cast_signed(), libc::SIGKILL) };
    while data.word.load(SeqCst) & OWNER_DIED == 0 && begin.elapsed() < Duration::from_secs(20) {
        std::hint::spin_loop();
    }
    let at_alarm = data.written();
    let got = data.mutex.lock();
    let at_guard = data.written();
    // A thread that wrote on would have filled a page within microseconds.
    std::thread::sleep(Duration::from_millis(50));
    let at_end = data.written();
    let outcome = match &got {
        Err(LockError::OwnerDied(_)) => Ok(Seen {
            after_alarm: at_guard - at_alarm,
            after_guard: at_end - at_guard,
            in_time: at_end < LEN / STRIDE || at_alarm < LEN / STRIDE,
        }),
        Ok(_) => Err("the lock says nothing of its owner's death".to_string()),
        Err(error) => Err(format!("not locked: {error}")),
    };
    drop(got);
    common::reap(child);
    data.end();
    outcome
}

/// Kills the owner again and again: with the guard nothing is written any more, though something was after the alarm.
pub(crate) fn check() -> Result<String, String> {
    let source = source().map_err(|error| format!("no file to read: {error}"))?;
    let (mut runs, mut late, mut pages) = (0, 0, 0);
    while runs < RUNS || (late == 0 && runs < MOST_RUNS) {
        let seen = one(&source, runs)?;
        runs += u32::from(seen.in_time);
        if seen.after_guard > 0 {
            return Err(format!("{} pages were written under the new owner's guard", seen.after_guard));
        }
        late += u32::from(seen.after_alarm > 0);
        pages = pages.max(seen.after_alarm);
    }
    if late == 0 {
        return Err(format!(
            "in {runs} kills nothing was written after the alarm: the check could not have failed"
        ));
    }
    Ok(format!("points={runs} addresses=1 late_after_alarm={late} most_late_pages={pages}"))
}

/// A file in memory, of ones.
fn source() -> std::io::Result<File> {
    // SAFETY: the name is a string; the descriptor is nobody else's.
    let mut file = unsafe {
        match libc::memfd_create(c"source".as_ptr(), libc::MFD_CLOEXEC) {
            -1 => return Err(std::io::Error::last_os_error()),
            descriptor => File::from_raw_fd(descriptor),
        }
    };
    let ones = vec![0xff; 1 << 20];
    for _ in 0..LEN >> 20 {
        file.write_all(&ones)?;
    }
    Ok(file)
}
