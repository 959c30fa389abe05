//! The program itself, in a `/dev/shm` of its own for each test: what it shows of living and dead programs, what it removes, and its exit
//! codes. `unsafe`: a fork that becomes another user.
#![allow(unsafe_code)]

mod common;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use common::{alone, listed, printed, program, run};
use multiproc_shm::SharedMemory;
use multiproc_testkit::eventually;
use multiproc_testkit::fault::Memory;
use multiproc_testkit::fork::{Fork, fork, idle, kill};
use nix::libc;
use serde_json::Value;

multiproc_testkit::own_shm!();

fn named<'a>(listing: &'a Value, name: &str) -> &'a Value {
    let all = listing["named"].as_array().unwrap();
    all.iter().find(|segment| segment["name"] == name).unwrap_or_else(|| panic!("no {name}: {listing}"))
}

fn path(name: &str) -> PathBuf {
    Path::new("/dev/shm").join(name)
}

/// A process that has made these names, and lives.
fn creator(names: &[&str]) -> Fork {
    // SAFETY: an atomic number may be zero.
    let ready = unsafe { Memory::<AtomicU32>::zeroed() };
    let child = fork(|| {
        let _made: Vec<_> = names.iter().map(|name| SharedMemory::create(name, 5000).unwrap()).collect();
        ready.store(1, SeqCst);
        idle()
    });
    eventually("the names are there", || ready.load(SeqCst) == 1);
    child
}

#[test]
fn living_and_dead_programs_are_told_apart() {
    alone("", || {
        let living = creator(&["living"]);
        let dead = kill(creator(&["dead"]));
        let pid = std::process::id();
        let opened = SharedMemory::open("living").unwrap();
        let listing = listed(&["ls", "--json"]);
        assert_eq!(listing["named"].as_array().unwrap().len(), 2);
        let segment = named(&listing, "living");
        assert_eq!(
            (&segment["kind"], &segment["state"], &segment["bytes"]),
            (&"multiproc".into(), &"alive".into(), &5000.into())
        );
        assert_eq!(segment["owner"]["pid"], living.pid());
        let program = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
        assert_eq!(segment["owner"]["program"], program.trim_end());
        let by: Vec<_> =
            segment["mapped_by"].as_array().unwrap().iter().map(|by| by["pid"].clone()).collect();
        assert!(by.len() == 2 && by.contains(&living.pid().into()) && by.contains(&pid.into()), "{by:?}");
        let user = fs::metadata("/proc/self").map(|it| std::os::unix::fs::MetadataExt::uid(&it)).unwrap();
        assert_eq!(segment["user"]["id"], user);
        assert!(segment["age_seconds"].as_u64().unwrap() < 60);
        let segment = named(&listing, "dead");
        assert_eq!((&segment["state"], &segment["owner"]["pid"]), (&"dead".into(), &dead.into()));
        assert_eq!(segment["owner"]["program"], Value::Null, "the number may be another's");
        assert_eq!(segment["mapped_by"], Value::Array(vec![]));
        drop(opened);
        kill(living);
    });
}

#[test]
fn tables_are_aligned() {
    alone("", || {
        let dead = kill(creator(&["a", "rather-long"]));
        fs::write(path("psm_0123abcd"), "x").unwrap();
        fs::write(path("other\u{1b}[2J"), "x").unwrap();
        fs::create_dir(path("psm_folder")).unwrap();
        let text = printed(&["ls"]);
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("NAMED SEGMENTS"));
        let headings = lines.next().unwrap();
        assert!(headings.starts_with("NAME          SIZE     OWNER"), "{text}");
        let rows: Vec<_> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        let cells = |row: &str| row.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(rows.len(), 3, "{text}");
        assert_eq!(cells(rows[0])[..5], ["a", "4.9", "KiB", &dead.to_string(), "dead"]);
        assert_eq!(cells(rows[1])[..5], ["psm_0123abcd", "1", "B", "?", "unknown"]);
        for heading in ["SIZE", "OWNER", "STATE", "USER", "AGE", "MAPPED BY"] {
            let at = headings.find(heading).unwrap();
            for row in &rows {
                assert!(row.as_bytes()[at - 1] == b' ' && row.as_bytes()[at] != b' ', "{heading}: {text}");
            }
        }
        assert!(rows.iter().all(|row| row.ends_with("nobody")));
        assert_eq!(lines.next(), Some("SEGMENTS WITHOUT NAMES"));
        assert!(!text.contains("other"));
        let all = printed(&["ls", "--all"]);
        assert!(all.contains("other\\u{1b}[2J") && !all.contains('\u{1b}'), "{all}");
        assert!(!all.contains("multiproc."), "lists are no segments");
    });
}

#[test]
fn segments_of_families_are_found_by_who_maps_them() {
    alone("", || {
        let memory = SharedMemory::anonymous(5000).unwrap();
        let other = fork(|| idle());
        let inode = fs::metadata(format!("/proc/self/fd/{}", fd(&memory))).unwrap();
        let inode = std::os::unix::fs::MetadataExt::ino(&inode);
        let listing = listed(&["ls", "--json"]);
        let all = listing["anonymous"].as_array().unwrap();
        let segment = all.iter().find(|segment| segment["inode"] == inode).expect("it is mapped");
        assert_eq!((&segment["kind"], &segment["bytes"]), (&"memory".into(), &8192.into()));
        let mut pids = [std::process::id(), other.pid()];
        pids.sort_unstable();
        let by: Vec<_> = segment["mapped_by"].as_array().unwrap().iter().map(|by| &by["pid"]).collect();
        assert_eq!(by, pids);
        let table = printed(&["ls"]);
        let row = ["memory", "8.0", "KiB", &inode.to_string()];
        assert!(table.lines().any(|line| line.split_whitespace().take(4).eq(row)), "{table}");
        kill(other);
        multiproc_shm::family::registry().unwrap();
        let listing = listed(&["ls", "--json"]);
        let ours = |segment: &&Value| {
            let mut by = segment["mapped_by"].as_array().unwrap().iter();
            segment["kind"] == "registry" && by.any(|by| by["pid"] == std::process::id())
        };
        assert_eq!(listing["anonymous"].as_array().unwrap().iter().filter(ours).count(), 1);
    });
}

fn fd(memory: &SharedMemory) -> i32 {
    use std::os::fd::{AsFd, AsRawFd};
    memory.as_fd().as_raw_fd()
}

#[test]
fn what_the_dead_have_left_is_cleaned_and_nothing_else() {
    alone("", || {
        let living = creator(&["living"]);
        let dead = kill(creator(&["dead", "mapped"]));
        fs::write(path("psm_0123abcd"), "x").unwrap();
        let opened = SharedMemory::open("mapped").unwrap();
        let text = printed(&["clean", "--dry-run"]);
        assert!(
            text.contains(&format!("would remove dead, 4.9 KiB, of the dead process {dead}\n")),
            "{text}"
        );
        assert!(["dead", "mapped", "living"].iter().all(|name| path(name).exists()));
        let text = printed(&["clean"]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], format!("removed dead, 4.9 KiB, of the dead process {dead}"));
        let by = format!("still mapped by {} ", std::process::id());
        assert!(lines[1].starts_with("removed mapped, ") && lines[1].contains(&by), "{text}");
        let sum = "2 names removed, 4.9 KiB (5000 bytes) freed; of 1 when those end who have them mapped";
        assert_eq!(lines[2..], [sum]);
        assert!(!path("dead").exists() && !path("mapped").exists());
        assert!(path("living").exists() && path("psm_0123abcd").exists());
        assert_eq!(printed(&["clean"]), "0 names removed, 0 B (0 bytes) freed\n");
        assert_eq!(opened.len(), 5000);
        kill(living);
        assert!(printed(&["clean"]).starts_with("removed living"));
        drop(opened);
        let left: Vec<_> =
            fs::read_dir("/dev/shm").unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["psm_0123abcd"]);
    });
}

#[test]
fn arguments_that_make_no_sense_end_with_2() {
    for arguments in [&["lx"][..], &[], &["ls", "--dry-run"], &["clean", "now"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.starts_with("multiproc: ") && errors.contains("--help"), "{errors}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_folder_that_cannot_be_read_ends_with_1() {
    alone("mode=000", || {
        // SAFETY: a number is passed. Who is root may read everything.
        unsafe { libc::setuid(65_534) };
        for arguments in [&["ls"][..], &["ls", "--json"], &["clean"], &["clean", "--dry-run"]] {
            let output = run(arguments);
            let errors = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
            assert!(errors.starts_with("multiproc: ") && errors.contains("/dev/shm"), "{errors}");
        }
    });
}

#[test]
fn help_and_version() {
    let help = printed(&["--help"]);
    assert!(["ls", "--json", "--all", "clean", "--dry-run"].iter().all(|word| help.contains(word)));
    assert_eq!(printed(&["--version"]), format!("multiproc {}\n", env!("CARGO_PKG_VERSION")));
}

/// As `multiproc ls | true`.
#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut child = program().arg("ls").stdout(Stdio::from(writer)).spawn().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
