//! Forks, and stopping them at every instruction. `unsafe`: a fork of a process with threads would be unsound, so it
//! is refused there.
#![allow(unsafe_code)]

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::libc;
use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::sys::prctl;
use nix::sys::ptrace;
use nix::sys::signal::{self, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{self, ForkResult, Pid};

/// Forks; `child` runs in the new process, which ends when it returns, or with its parent.
///
/// # Panics
///
/// If this process has other threads.
pub(crate) fn fork(child: impl FnOnce()) -> io::Result<Pid> {
    let threads = crate::process::numbers_in("/proc/self/task").len();
    assert!(
        threads == 1,
        "a process with {threads} threads cannot be forked: give the program a `main` of its own"
    );
    let parent = unistd::getpid();
    // SAFETY: there is no other thread, so the child can use everything that its parent could.
    match unsafe { unistd::fork() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            let tied = prctl::set_pdeathsig(Signal::SIGKILL);
            if tied.is_ok() && unistd::getppid() == parent {
                child();
            }
            exit()
        }
    }
}

/// Ends this process without running anything that was left for its end.
pub(crate) fn exit() -> ! {
    // SAFETY: it takes no memory and does not return.
    unsafe { libc::_exit(0) }
}

/// Ends this process as if somebody had killed it.
pub(crate) fn die() -> ! {
    let _ = signal::raise(Signal::SIGKILL); // it cannot fail, nor return
    exit()
}

/// Asks the parent to trace this process, and stops.
pub(crate) fn stop_for_tracer() {
    ptrace::traceme().expect("nobody else traces this process");
    signal::raise(Signal::SIGSTOP).expect("a process may stop itself");
}

/// Lets the tracer's death kill the stopped process.
pub(crate) fn tie(pid: Pid) -> io::Result<()> {
    Ok(ptrace::setoptions(pid, ptrace::Options::PTRACE_O_EXITKILL)?)
}

/// The address of the instruction that the stopped process executes next.
pub(crate) fn next_instruction(pid: Pid) -> io::Result<usize> {
    let registers = ptrace::getregs(pid)?;
    #[cfg(target_arch = "x86_64")]
    let address = registers.rip;
    #[cfg(target_arch = "aarch64")]
    let address = registers.pc;
    usize::try_from(address).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Where a process that sleeps in a system call goes on after it; None if it is awake or has ended.
pub(crate) fn returns_to(pid: Pid) -> io::Result<Option<usize>> {
    let call = match fs::read_to_string(format!("/proc/{pid}/syscall")) {
        Ok(call) => call,
        Err(error) if error.raw_os_error() == Some(Errno::ESRCH as i32) => return Ok(None),
        Err(error) => return Err(error),
    };
    // `running`, or numbers, of which the program counter is the last.
    let counter = call.trim_end().rsplit_once(" 0x").map(|(_, counter)| usize::from_str_radix(counter, 16));
    counter.transpose().map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Whether the instruction at `address` of the stopped process enters the kernel.
pub(crate) fn enters_kernel(pid: Pid, address: usize) -> io::Result<bool> {
    // Errors: the address ends a mapping, so that a whole word cannot be read; then it is no system call of libc's.
    let word = match ptrace::read(pid, address as ptrace::AddressType) {
        Ok(word) => word.to_ne_bytes(),
        Err(Errno::EIO | Errno::EFAULT) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    Ok(word.starts_with(if cfg!(target_arch = "x86_64") { &[0x0f, 0x05] } else { &[0x01, 0x00, 0x00, 0xd4] }))
}

/// Lets the stopped process execute one instruction.
pub(crate) fn step(pid: Pid) -> io::Result<()> {
    Ok(ptrace::step(pid, None)?)
}

/// Lets the stopped process run.
pub(crate) fn go(pid: Pid) -> io::Result<()> {
    Ok(ptrace::cont(pid, None)?)
}

/// An instruction of a traced process that was replaced by one that stops it.
#[derive(Debug)]
pub(crate) struct Trap {
    pub(crate) address: usize,
    original: [u8; TRAP.len()],
}

const TRAP: &[u8] = if cfg!(target_arch = "x86_64") { &[0xcc] } else { &[0x00, 0x00, 0x20, 0xd4] };

/// How far the process has gone when a trap stops it.
const PAST: usize = if cfg!(target_arch = "x86_64") { 1 } else { 0 };

impl Trap {
    /// Puts a trap at `address` of the traced process, which may be asleep.
    pub(crate) fn set(pid: Pid, address: usize) -> io::Result<Self> {
        let mut original = [0; TRAP.len()];
        code(pid)?.read_exact_at(&mut original, address as u64)?;
        code(pid)?.write_all_at(TRAP, address as u64)?;
        Ok(Self { address, original })
    }

    /// Puts the instruction back; if the stopped process is in the trap, it executes the instruction next.
    pub(crate) fn clear(self, pid: Pid) -> io::Result<()> {
        code(pid)?.write_all_at(&self.original, self.address as u64)?;
        let mut registers = ptrace::getregs(pid)?;
        #[cfg(target_arch = "x86_64")]
        let next = &mut registers.rip;
        #[cfg(target_arch = "aarch64")]
        let next = &mut registers.pc;
        if *next == (self.address + PAST) as u64 {
            *next = self.address as u64;
            ptrace::setregs(pid, registers)?;
        }
        Ok(())
    }
}

/// Whether a trap could not be set because the process has ended.
pub(crate) fn has_no_memory(error: &io::Error) -> bool {
    use io::ErrorKind::{UnexpectedEof, WriteZero};
    error.raw_os_error() == Some(Errno::ESRCH as i32) || matches!(error.kind(), UnexpectedEof | WriteZero)
}

/// The memory of a traced process, to read and to write even where it may not write itself.
fn code(pid: Pid) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(format!("/proc/{pid}/mem"))
}

/// What became of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Neither stopped nor ended.
    None,
    Stopped(Signal),
    /// And reaped.
    Exited(i32),
    Killed(Signal),
}

/// What became of `pid` since it was last asked; `patient`: waits until something has.
pub(crate) fn change(pid: Pid, patient: bool) -> io::Result<Change> {
    let flags = if patient { WaitPidFlag::empty() } else { WaitPidFlag::WNOHANG };
    loop {
        return Ok(match waitpid(pid, Some(flags | WaitPidFlag::__WALL)) {
            Ok(WaitStatus::Exited(_, code)) => Change::Exited(code),
            Ok(WaitStatus::Signaled(_, signal, _)) => Change::Killed(signal),
            Ok(WaitStatus::Stopped(_, signal) | WaitStatus::PtraceEvent(_, signal, _)) => {
                Change::Stopped(signal)
            }
            Ok(_) => Change::None,
            Err(Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
        });
    }
}

/// Gives the processor to somebody else.
pub(crate) fn pass() {
    // SAFETY: the call takes nothing and only lets others run.
    unsafe { libc::sched_yield() };
}

/// Where this process may run.
pub(crate) fn processors() -> io::Result<CpuSet> {
    Ok(sched_getaffinity(Pid::from_raw(0))?)
}

/// Lets this process run on `set` only.
pub(crate) fn run_on(set: &CpuSet) -> io::Result<()> {
    Ok(sched_setaffinity(Pid::from_raw(0), set)?)
}

/// The processor that this process runs on.
pub(crate) fn this_processor() -> io::Result<CpuSet> {
    let mut set = CpuSet::new();
    set.set(sched_getcpu()?)?;
    Ok(set)
}
