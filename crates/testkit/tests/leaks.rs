//! Each kind of leak is seen, and named; what is no leak is not.

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use multiproc_testkit::{Leaks, Signal, TempDir, Watchdog, eventually, is_running, kill, state_of};

multiproc_testkit::own_shm!();

const SHORT: Duration = Duration::from_millis(20);

/// What the check says, which must fail.
fn failure(leaks: Leaks) -> String {
    let panic =
        catch_unwind(AssertUnwindSafe(|| leaks.check_within(SHORT))).expect_err("the check must fail");
    *panic.downcast::<String>().expect("a message")
}

/// Starts `sleep` as the child of a shell that ends at once; `redirect` is for the shell.
fn orphan(shell: &mut Command, redirect: &str) -> u32 {
    let script = format!("sleep 1000 {redirect} >/dev/null 2>&1 & echo $!");
    let output = shell.args(["-c", &script]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

#[test]
fn what_is_cleaned_up_is_no_leak() {
    let leaks = Leaks::snapshot();
    {
        let _watchdog = Watchdog::with_limit(60);
        let folder = TempDir::new();
        let _file = File::create(folder.path().join("file")).unwrap();
        thread::spawn(|| ()).join().unwrap();
        assert!(Command::new("true").status().unwrap().success());
    }
    leaks.check();
}

#[test]
fn a_thread_of_the_testkit_is_no_leak() {
    let leaks = Leaks::snapshot();
    let watchdog = Watchdog::with_limit(60);
    leaks.check();
    drop(watchdog);
}

#[test]
fn a_running_child_is_a_leak_and_is_killed() {
    let leaks = Leaks::snapshot();
    let mut child = Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap();
    let failure = failure(leaks);
    let process = format!("\n  + process {} (sleep), state ", child.id());
    assert!(failure.contains(&process) && failure.contains(": sleep 1000"), "{failure}");
    assert!(!child.wait().unwrap().success());
}

#[test]
fn a_zombie_is_a_leak() {
    let leaks = Leaks::snapshot();
    let mut child = Command::new("true").spawn().unwrap();
    eventually("the child has ended", || state_of(child.id()) == Some('Z'));
    let failure = failure(leaks);
    assert!(failure.contains(&format!("process {} (true), state Z", child.id())), "{failure}");
    child.wait().unwrap();
}

#[test]
fn an_orphan_is_a_leak_and_is_killed() {
    let leaks = Leaks::snapshot();
    let orphan = orphan(&mut Command::new("sh"), "");
    let failure = failure(leaks);
    assert!(failure.contains(&format!("process {orphan} (sleep)")), "{failure}");
    eventually("the orphan is killed", || !is_running(orphan));
}

#[test]
fn a_descriptor_is_a_leak() {
    let leaks = Leaks::snapshot();
    let null = File::open("/dev/null").unwrap();
    let failure = failure(leaks);
    assert!(failure.contains(" -> /dev/null"), "{failure}");
    assert_eq!(failure.matches("+ descriptor").count(), 1, "{failure}");
    drop(null);
}

#[test]
fn a_thread_is_a_leak() {
    let leaks = Leaks::snapshot();
    let (end, ended) = mpsc::channel::<()>();
    let (begin, begun) = mpsc::channel();
    let linger = move || {
        begin.send(()).unwrap();
        ended.recv()
    };
    let thread = thread::Builder::new().name("lingering".to_owned()).spawn(linger).unwrap();
    begun.recv().unwrap(); // a thread names itself
    let failure = failure(leaks);
    assert!(failure.contains("(lingering)"), "{failure}");
    drop(end);
    let _ = thread.join().unwrap();
}

/// An entry of `/dev/shm`, and a process that has it open, if any; both gone when this is dropped.
struct Entry {
    path: String,
    holder: Option<u32>,
}

impl Entry {
    fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let path =
            format!("/dev/shm/multiproc-testkit-{}-{}", std::process::id(), MADE.fetch_add(1, Relaxed));
        fs::write(&path, "x").unwrap();
        Self { path, holder: None }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(holder) = self.holder {
            kill(holder, Signal::SIGKILL).unwrap();
        }
        fs::remove_file(&self.path).unwrap();
    }
}

#[test]
fn an_entry_of_shm_is_a_leak() {
    let leaks = Leaks::snapshot();
    let entry = Entry::new();
    let failure = failure(leaks);
    assert!(failure.contains(&format!("\n  + entry {}", entry.path)), "{failure}");
}

#[test]
fn an_entry_of_shm_that_a_stranger_has_is_no_leak() {
    let leaks = Leaks::snapshot();
    let mut entry = Entry::new();
    // Without a parent and without the environment of this process it is none of ours.
    entry.holder = Some(orphan(Command::new("sh").env_clear(), &format!("3< {}", entry.path)));
    leaks.check();
}

#[test]
fn a_file_in_a_folder_for_tests_is_a_leak() {
    let folder = TempDir::new();
    let leaks = Leaks::snapshot();
    fs::write(folder.path().join("forgotten"), "x").unwrap();
    let failure = failure(leaks);
    assert!(failure.contains("/forgotten"), "{failure}");
}

#[test]
fn what_the_warm_up_starts_is_no_leak() {
    let (end, ended) = mpsc::channel::<()>();
    let mut kept = None;
    let leaks = Leaks::after(|| kept = Some(thread::spawn(move || ended.recv())));
    leaks.check();
    drop(end);
    let _ = kept.unwrap().join().unwrap();
}

#[test]
fn a_test_that_waits_for_its_turn_is_no_leak() {
    let leaks = Leaks::snapshot();
    let next = thread::spawn(|| Leaks::snapshot().check());
    leaks.check();
    next.join().unwrap();
}

#[test]
fn what_is_not_checked_fails() {
    let unchecked = catch_unwind(|| drop(Leaks::snapshot())).expect_err("it must fail");
    assert!(unchecked.downcast::<&str>().unwrap().contains("`Leaks::check` was not called"));
}
