//! What `Process` promises. `unsafe`: a task that forks.
#![allow(unsafe_code)]

use std::time::{Duration, Instant};

use multiproc_ipc::{Connection, Fd, pipe};
use multiproc_macros::test;
use multiproc_pool::{PoolError, Process, ProcessError, RemoteError};
use multiproc_testkit::fork::no_core_files;
use multiproc_testkit::{Signal, Watchdog, eventually, kill, process_exists, state_of};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

fn add(pair: (u64, u64)) -> u64 {
    pair.0 + pair.1
}

/// Runs until it is killed.
fn sleep_for_ever(_: ()) {
    loop {
        std::thread::park();
    }
}

#[test]
fn a_function_runs_elsewhere_and_its_value_comes_back() {
    let _watchdog = Watchdog::with_limit(60);
    let process = Process::spawn(add, (2, 3)).unwrap();
    let pid = process.pid();
    assert_ne!(pid, std::process::id());
    assert_eq!(process.join().unwrap(), 5);
    assert!(!process_exists(pid), "joined: no zombie");
}

#[test]
fn generic_functions_and_closures_without_captures_are_tasks() {
    let _watchdog = Watchdog::with_limit(60);
    fn show<T: std::fmt::Debug>(value: T) -> String {
        format!("{value:?}")
    }
    assert_eq!(Process::spawn(show::<Option<u8>>, Some(1)).unwrap().join().unwrap(), "Some(1)");
    assert_eq!(
        Process::spawn(|(a, b): (u8, String)| b.repeat(a.into()), (2, "ab".into())).unwrap().join().unwrap(),
        "abab"
    );
}

#[test]
fn names_are_given_or_counted() {
    let _watchdog = Watchdog::with_limit(60);
    let named = Process::builder().name("adder").spawn(add, (1, 1)).unwrap();
    let counted = Process::spawn(add, (1, 1)).unwrap();
    assert_eq!(named.name(), "adder");
    assert!(counted.name().starts_with("Process-"));
    assert!(format!("{named:?}").contains("adder"));
    named.join().unwrap();
    counted.join().unwrap();
}

#[test]
fn a_panic_is_told_with_its_place() {
    let _watchdog = Watchdog::with_limit(60);
    let process = Process::spawn(|n: u32| assert_eq!(n, 0, "seven is not zero"), 7).unwrap();
    let pid = process.pid();
    match process.join() {
        Err(ProcessError::Panicked(panic)) => {
            assert!(panic.message.contains("seven is not zero"), "{panic}");
            assert!(panic.location.as_deref().unwrap().contains("process.rs"), "{panic}");
            assert_eq!(panic.pid, pid);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_way_to_die_is_told() {
    let _watchdog = Watchdog::with_limit(60);
    no_core_files();
    let died = |function: fn(()) -> ()| match Process::spawn(function, ()).unwrap().join() {
        Err(ProcessError::Died { signal, code, .. }) => (signal, code),
        other => panic!("{other:?}"),
    };
    assert_eq!(died(|()| std::process::exit(0)), (None, Some(0)));
    assert_eq!(died(|()| std::process::exit(42)), (None, Some(42)));
    assert_eq!(died(|()| std::process::abort()), (Some(libc::SIGABRT), None));
    assert_eq!(died(|()| kill(std::process::id(), Signal::SIGKILL).unwrap()), (Some(libc::SIGKILL), None));
    // Again and again: the runtime takes the first SIGSEGV, for its own stack overflow message.
    let segfault = |()| loop {
        kill(std::process::id(), Signal::SIGSEGV).unwrap();
    };
    assert_eq!(died(segfault), (Some(libc::SIGSEGV), None));
}

#[test]
fn terminate_and_kill_end_it_and_are_no_error_afterwards() {
    let _watchdog = Watchdog::with_limit(60);
    for (end, signal) in [
        (Process::terminate as fn(&Process<()>) -> std::io::Result<()>, libc::SIGTERM),
        (Process::kill as fn(&Process<()>) -> std::io::Result<()>, libc::SIGKILL),
    ] {
        let process = Process::spawn(sleep_for_ever, ()).unwrap();
        assert!(process.is_alive());
        assert_eq!(process.exit_status(), None);
        end(&process).unwrap();
        eventually("the process ends", || !process.is_alive());
        end(&process).unwrap();
        let status = process.exit_status().expect("it has ended");
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(signal));
        assert!(matches!(process.join(), Err(ProcessError::Died { signal: Some(s), .. }) if s == signal));
    }
}

#[test]
fn join_with_a_limit_gives_the_process_back() {
    let _watchdog = Watchdog::with_limit(60);
    let process = Process::spawn(sleep_for_ever, ()).unwrap();
    let before = Instant::now();
    let process = process.join_timeout(Duration::from_millis(20)).expect_err("it sleeps");
    assert!(before.elapsed() >= Duration::from_millis(20));
    process.kill().unwrap();
    let ended = process.join_timeout(Duration::MAX).expect("a time that cannot be told is no limit");
    assert!(matches!(ended, Err(ProcessError::Died { .. })));
}

#[test]
fn the_sentinel_is_readable_at_the_end_and_not_before() {
    let _watchdog = Watchdog::with_limit(60);
    let process = Process::spawn(sleep_for_ever, ()).unwrap();
    let ready = |timeout: PollTimeout| {
        poll(&mut [PollFd::new(process.sentinel(), PollFlags::POLLIN)], timeout).unwrap() == 1
    };
    assert!(!ready(PollTimeout::ZERO));
    process.kill().unwrap();
    assert!(ready(PollTimeout::NONE));
}

#[test]
fn a_dropped_process_runs_on_and_leaves_no_zombie() {
    let _watchdog = Watchdog::with_limit(60);
    let (here, there) = pipe::<(), u32>().unwrap();
    let process = Process::spawn(
        |line: Connection<u32, ()>| {
            line.send(std::process::id()).unwrap();
            line.recv().unwrap(); // lives until it is told
        },
        there,
    )
    .unwrap();
    let pid = process.pid();
    drop(process);
    assert_eq!(here.recv().unwrap(), pid);
    here.send(()).unwrap();
    eventually("the zombie is removed", || !process_exists(pid));
}

#[test]
fn parent_and_child_talk_over_a_connection() {
    let _watchdog = Watchdog::with_limit(60);
    let (here, there) = pipe::<u64, u64>().unwrap();
    let child = Process::spawn(
        |line: Connection<u64, u64>| {
            let mut turns = 0;
            while let Ok(n) = line.recv() {
                line.send(n * 2).unwrap();
                turns += 1;
            }
            turns
        },
        there,
    )
    .unwrap();
    for n in 0..100 {
        here.send(n).unwrap();
        assert_eq!(here.recv().unwrap(), n * 2);
    }
    drop(here);
    assert_eq!(child.join().unwrap(), 100, "the child learns of our end");
}

#[test]
fn a_killed_child_is_the_end_of_its_connection() {
    let _watchdog = Watchdog::with_limit(60);
    let (here, there) = pipe::<(), u8>().unwrap();
    let (news, tell) = pipe::<(), ()>().unwrap();
    let child = Process::spawn(
        |(line, news): (Connection<u8, ()>, Connection<(), ()>)| {
            (0..3).for_each(|i| line.send(i).unwrap());
            news.send(()).unwrap();
            sleep_for_ever(());
        },
        (there, tell),
    )
    .unwrap();
    news.recv().unwrap();
    child.kill().unwrap();
    child.join().unwrap_err();
    for i in 0..3 {
        assert_eq!(here.recv().unwrap(), i, "what was sent before the end arrives");
    }
    assert!(here.recv().unwrap_err().is_disconnected());
    assert!(here.send(()).unwrap_err().is_disconnected());
}

#[test]
fn long_arguments_and_results_and_descriptors_travel() {
    let _watchdog = Watchdog::with_limit(60);
    let (reader, writer) = std::io::pipe().unwrap();
    let child = Process::spawn(
        |(text, writer): (String, Fd)| {
            use std::io::Write;
            std::fs::File::from(writer).write_all(b"from the child").unwrap();
            text + "!"
        },
        ("long".repeat(1 << 20), std::os::fd::OwnedFd::from(writer).into()),
    )
    .unwrap();
    assert_eq!(child.join().unwrap().len(), (4 << 20) + 1);
    assert_eq!(std::io::read_to_string(reader).unwrap(), "from the child", "and no writer is left open here");
}

#[test]
fn children_have_children() {
    let _watchdog = Watchdog::with_limit(60);
    let grandchild = |()| {
        let nested = Process::spawn(|()| std::process::id(), ()).map_err(RemoteError::from)?;
        Ok::<_, RemoteError>((std::process::id(), nested.join()?))
    };
    let (child, grandchild) = Process::spawn(grandchild, ()).unwrap().join().unwrap().unwrap();
    assert_ne!(child, grandchild);
}

#[test]
fn a_child_sees_name_environment_and_folder_of_its_parent() {
    let _watchdog = Watchdog::with_limit(60);
    let name = |()| std::fs::read_to_string("/proc/self/comm").unwrap();
    let own = std::fs::read_to_string(format!("/proc/self/task/{}/comm", std::process::id())).unwrap();
    assert_eq!(Process::spawn(name, ()).unwrap().join().unwrap(), own, "the name that ps shows");
    let seen = Process::spawn(|()| (std::env::current_dir().unwrap(), std::env::var("PATH").ok()), ())
        .unwrap()
        .join();
    assert_eq!(seen.unwrap(), (std::env::current_dir().unwrap(), std::env::var("PATH").ok()));
}

#[test]
fn an_argument_that_cannot_be_encoded_is_an_error_of_the_call() {
    let _watchdog = Watchdog::with_limit(60);
    #[derive(Debug, serde::Deserialize)]
    struct Stubborn;
    impl serde::Serialize for Stubborn {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no"))
        }
    }
    let error = Process::spawn(|_: Stubborn| (), Stubborn).unwrap_err();
    assert!(matches!(error, PoolError::Encode(_)) && error.to_string().contains("Stubborn"), "{error}");
    let error = Process::spawn(|()| Stubborn, ()).unwrap().join().unwrap_err();
    assert!(matches!(&error, ProcessError::Codec(reason) if reason.contains("Stubborn")), "{error}");
}

#[test]
fn a_status_that_somebody_else_took_is_no_hang() {
    let _watchdog = Watchdog::with_limit(60);
    let process = Process::spawn(|()| std::process::exit(3), ()).unwrap();
    let pid = nix::unistd::Pid::from_raw(process.pid() as i32);
    nix::sys::wait::waitpid(pid, None).unwrap();
    assert!(!process.is_alive());
    assert_eq!(process.exit_status(), None);
    process.kill().unwrap();
    let error = process.join().map(|never: ()| never).unwrap_err();
    assert!(matches!(error, ProcessError::Died { signal: None, code: None, .. }), "{error:?}");
}

#[test]
fn a_stray_fork_of_a_child_does_not_answer() {
    let _watchdog = Watchdog::with_limit(60);
    let fork = |()| {
        // SAFETY: the forked process returns from here like this one, which is what the test is about; it allocates
        // only, and this thread is the child's only one.
        let pid = unsafe { libc::fork() };
        if pid != 0 {
            // The parent answers second: were the fork to answer, it would be first.
            nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None).unwrap();
        }
        pid != 0
    };
    assert!(Process::spawn(fork, ()).unwrap().join().unwrap(), "the answer is the child's own");
}

#[test]
fn a_zombie_is_no_live_process() {
    let _watchdog = Watchdog::with_limit(60);
    let process = Process::spawn(|()| (), ()).unwrap();
    let pid = process.pid();
    // Not by its state: its first thread may be a zombie before the last one has ended.
    let ended = poll(&mut [PollFd::new(process.sentinel(), PollFlags::POLLIN)], PollTimeout::NONE);
    assert_eq!(ended, Ok(1));
    assert_eq!(state_of(pid), Some('Z'), "nobody has asked");
    assert!(!process.is_alive(), "asking reaps it");
    assert!(!process_exists(pid));
}
