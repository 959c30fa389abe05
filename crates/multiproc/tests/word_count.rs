//! The example `word_count`, run as its users run it: the same counts on processes, on threads and under fire.

#[path = "../examples/word_count/batch.rs"]
mod batch;
#[path = "word_count/tree.rs"]
mod tree;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use multiproc_testkit::{Leaks, Watchdog};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use batch::{Batch, Listed};
use tree::Tree;

multiproc_testkit::own_shm!();

/// Runs a test in bounded time; then no process, file or segment of it may be there any more.
fn leaving_nothing(test: impl FnOnce()) {
    let _watchdog = Watchdog::with_limit(120);
    let leaks = Leaks::snapshot();
    test();
    leaks.check();
}

/// The example as cargo has built it, which it does unless it is told to build this test alone.
fn example() -> PathBuf {
    let test = std::env::current_exe().expect("a running program has a path");
    let target = test.ancestors().nth(2).expect("a test lies in target/PROFILE/deps");
    let example = target.join("examples/word_count");
    let changed = |path: &Path| path.metadata().and_then(|found| found.modified()).ok();
    let sources = fs::read_to_string(example.with_extension("d")).unwrap_or_default();
    let newer = sources.split_whitespace().find(|source| changed(Path::new(source)) > changed(&example));
    assert!(
        example.exists() && newer.is_none(),
        "{} is not there, or older than {newer:?}; build it: cargo build -p multiproc --example word_count (with \
         --release, if so is this test)",
        example.display()
    );
    example
}

/// Runs the example to its end.
fn run(arguments: &[&str], paths: &[&Path], stdout: impl Into<Stdio>) -> Output {
    let mut command = Command::new(example());
    command.args(arguments).args(paths).stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped());
    command.spawn().and_then(|child| child.wait_with_output()).expect("the example can be run")
}

/// What a run printed.
struct Printed {
    stdout: String,
    stderr: String,
}

impl Printed {
    /// Of a run over `paths` that succeeds.
    fn by(options: &[&str], paths: &[&Path]) -> Self {
        let output = run(options, paths, Stdio::piped());
        let printed = Self {
            stdout: String::from_utf8(output.stdout).expect("words are printed as UTF-8"),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        assert!(output.status.success(), "{options:?}: {}\n{}", output.status, printed.stderr);
        printed
    }

    /// The lines `count word`.
    fn words(&self) -> Vec<(u64, &str)> {
        let lines = self.stdout.lines().map(|line| line.trim_start().split_once(' ').expect("two columns"));
        lines.map_while(|(count, word)| Some((count.parse().ok()?, word))).collect()
    }

    /// The number behind a name in the lines that follow the words.
    fn number(&self, name: &str) -> u64 {
        let mut rest = self.stdout.lines().skip(self.words().len()).flat_map(str::split_whitespace);
        rest.find(|word| *word == name).unwrap_or_else(|| panic!("no {name} in {}", self.stdout));
        rest.next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{name} is no number"))
    }
}

#[test]
fn every_way_of_counting_gives_the_counts() {
    leaving_nothing(|| {
        let tree = Tree::new();
        for options in [&[][..], &["--threads"], &["--workers", "3"], &["--workers=1"]] {
            let printed = Printed::by(options, &[tree.root()]);
            assert_eq!(printed.words(), tree::most_frequent(), "{options:?}");
            assert_eq!(printed.number("files"), tree.files(), "{options:?}");
            assert_eq!(printed.number("bytes"), tree.bytes(), "{options:?}");
            assert_eq!(printed.stderr, "", "{options:?}");
        }
        assert_eq!(Printed::by(&["--workers", "3"], &[tree.root()]).number("workers"), 3);
    });
}

#[test]
fn workers_that_are_killed_change_nothing() {
    leaving_nothing(|| {
        const LAPS: u64 = 200;
        let tree = Tree::new();
        let printed = Printed::by(&["--chaos", "--repeat", &LAPS.to_string()], &[tree.root()]);
        let expected: Vec<_> =
            tree::most_frequent().into_iter().map(|(count, word)| (count * LAPS, word)).collect();
        assert_eq!(printed.words(), expected);
        assert_eq!(printed.number("files"), tree.files() * LAPS);
        assert_eq!(printed.number("bytes"), tree.bytes() * LAPS);
        assert!(printed.number("kills") >= 1, "{}", printed.stdout);
        assert_eq!(printed.number("kills"), printed.number("retries"));
        assert!(printed.number("recoveries") <= printed.number("kills"));
        assert_eq!(printed.number("before"), printed.number("after"));
    });
}

#[test]
fn what_cannot_be_listed_is_reported_and_the_rest_is_counted() {
    leaving_nothing(|| {
        let tree = Tree::new();
        tree.add_file_that_is_too_deep();
        for (options, laps) in [(&[][..], 1), (&["--threads", "--repeat", "3"], 3)] {
            let printed = Printed::by(options, &[tree.root()]);
            assert_eq!(printed.number("files"), tree.files() * laps);
            let (count, reason) = printed.stderr.split_once('\n').expect("two lines");
            assert_eq!(count, "unreadable, not counted: 1");
            assert!(reason.contains("File name too long"), "{reason}");
        }
    });
}

#[test]
fn links_are_followed_only_if_the_user_names_them() {
    leaving_nothing(|| {
        let tree = Tree::new();
        let link = tree.root().join("link to a file");
        let printed = Printed::by(&[], &[&link, &link]);
        assert_eq!(printed.words(), [(4, "\u{17f}tra\u{df}e")]);
        assert_eq!(printed.number("files"), 2);
    });
}

#[test]
fn mistakes_of_the_user_are_explained() {
    leaving_nothing(|| {
        let nowhere = "/there/is/no such/path";
        let empty = Tree::empty();
        let empty = empty.root().to_str().expect("plain characters");
        let mistakes = [
            (2, "invalid option '--wrokers'", &["--wrokers", "2"][..]),
            (2, "missing argument for option '--workers'", &["--workers"]),
            (2, "--workers takes a number from 1 to 4096, not \"0\"", &["--workers", "0"]),
            (2, "--repeat takes a number from 1 to 1000000, not \"many\"", &["--repeat=many"]),
            (2, "--chaos kills processes", &["--threads", "--chaos"]),
            (1, "/there/is/no such/path: No such file or directory", &[nowhere]),
            (1, "no files", &[empty]),
        ];
        for (code, explanation, arguments) in mistakes {
            let output = run(arguments, &[], Stdio::piped());
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(
                stderr.starts_with("word_count: ") && stderr.contains(explanation),
                "{arguments:?}: {stderr}"
            );
            assert_eq!(output.status.code(), Some(code), "{arguments:?}");
            assert!(output.stdout.is_empty(), "{arguments:?}");
        }
    });
}

#[test]
fn help_is_no_mistake() {
    leaving_nothing(|| {
        let printed = Printed::by(&["--help"], &[]);
        for option in ["--workers N", "--threads", "--chaos", "--repeat K"] {
            assert!(printed.stdout.contains(option), "{option}");
        }
    });
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    leaving_nothing(|| {
        let tree = Tree::new();
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let output = run(&[], &[tree.root()], writer);
        assert!(output.status.success(), "{}", output.status);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    });
}

#[test]
fn a_file_that_changed_after_it_was_listed_is_unreadable_and_its_neighbours_are_counted() {
    leaving_nothing(|| {
        let tree = Tree::empty();
        let listed = |name: &str, len| Listed { path: tree.root().join(name).into(), len };
        for name in ["first", "grown", "shrunk", "last"] {
            fs::write(tree.root().join(name), format!("{name} word")).expect("a file is written");
        }
        mkfifo(&tree.root().join("fifo"), Mode::S_IRWXU).expect("a FIFO is made");
        let files = vec![
            listed("first", 10),
            listed("grown", 9),
            listed("shrunk", 12),
            listed("vanished", 1),
            listed("fifo", 0),
            listed("last", 9),
        ];
        let tally = batch::count(Batch { files, bytes: 41 });
        let mut words: Vec<_> = tally.words.split_whitespace().zip(tally.counts).collect();
        words.sort_unstable();
        assert_eq!(words, [("first", 1), ("last", 1), ("word", 2)]);
        assert_eq!((tally.files, tally.bytes), (2, 19));
        let changed = "it has changed since it was listed";
        let gone = File::open(tree.root().join("vanished")).expect_err("it is not there").to_string();
        let path = |name| tree.root().join(name).into_os_string();
        let unreadable = [
            (path("grown"), changed.to_string()),
            (path("shrunk"), changed.to_string()),
            (path("vanished"), gone),
            (path("fifo"), changed.to_string()),
        ];
        assert_eq!(tally.unreadable, unreadable);
    });
}
