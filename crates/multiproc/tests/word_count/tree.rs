//! A directory of files whose words are known, with everything in it that a walk over a real disk meets.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use multiproc_testkit::TempDir;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

/// More than go into one batch.
const SMALL_FILES: usize = 300;

/// Removed when dropped.
pub(crate) struct Tree {
    root: TempDir,
    /// Text files in it, and their bytes.
    files: Cell<u64>,
    bytes: Cell<u64>,
}

/// The 20 most frequent words of a whole tree.
pub(crate) fn most_frequent() -> Vec<(u64, &'static str)> {
    let many = [(18_000, "the"), (9_000, "of"), (2_048, "pad")];
    let tied =
        ["k00", "k01", "k02", "k03", "k04", "k05", "k06", "k07", "k08", "k09", "k10", "k11", "k12", "k13"];
    let few = [(20, "k14"), (7, "The"), (5, "caf\u{fffd}")];
    many.into_iter().chain(tied.map(|word| (20, word))).chain(few).collect()
}

impl Tree {
    pub(crate) fn empty() -> Self {
        Self { root: TempDir::new(), files: Cell::new(0), bytes: Cell::new(0) }
    }

    pub(crate) fn new() -> Self {
        let tree = Self::empty();
        for i in 0..SMALL_FILES {
            let text = format!("{}{}k{:02}", "the ".repeat(60), "of\n".repeat(30), i % 15);
            tree.add_text(format!("small/{}/{i}.txt", i % 7), text);
        }
        tree.add_text("case", "The The The The The The The");
        tree.add_text("Latin-1", b"caf\xe9 caf\xe9\tcaf\xe9\x0bcaf\xe9\r\ncaf\xe9");
        // Not among the 20: as frequent as the last one that is, but behind it in the order of words.
        tree.add_text("white space", "zebra\u{a0}zebra\u{3000}zebra\u{2028}zebra\u{85}zebra");
        tree.add_text(
            OsStr::from_bytes(b"a name \xff\n that is no UTF-8"),
            "\u{17f}tra\u{df}e \u{17f}tra\u{df}e",
        );
        tree.add_text("empty", "");
        tree.add_text("NUL behind the head", "pad ".repeat(2048) + "\0tail");
        tree.add("NUL at the end of the head", "the ".repeat(2047) + "the\0");
        tree.add("binary", "the the the the\0");
        let road = OsStr::from_bytes(b"a name \xff\n that is no UTF-8");
        symlink(road, tree.root().join("link to a file")).expect("a link can be made");
        symlink(".", tree.root().join("link to the directory itself")).expect("a link can be made");
        symlink("nowhere", tree.root().join("link to nowhere")).expect("a link can be made");
        mkfifo(&tree.root().join("fifo"), Mode::S_IRWXU).expect("a FIFO can be made");
        tree
    }

    /// A file whose path is longer than any path that the kernel takes.
    pub(crate) fn add_file_that_is_too_deep(&self) {
        let mut directory = File::open(self.root()).expect("the root can be opened");
        for _ in 0..20 {
            let next = format!("/proc/self/fd/{}/{}", directory.as_raw_fd(), "d".repeat(250));
            fs::create_dir(&next).expect("a directory can be made");
            directory = File::open(&next).expect("it can be opened");
        }
        let file = format!("/proc/self/fd/{}/file", directory.as_raw_fd());
        fs::write(file, "the the").expect("a file can be written");
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn files(&self) -> u64 {
        self.files.get()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    fn add_text(&self, name: impl AsRef<Path>, text: impl AsRef<[u8]>) {
        self.files.set(self.files.get() + 1);
        self.bytes.set(self.bytes.get() + text.as_ref().len() as u64);
        self.add(name, text);
    }

    fn add(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().expect("inside the root")).expect("a directory can be made");
        fs::write(path, content).expect("a file can be written");
    }
}
