//! A `/dev/shm` that only one test program has, with what it starts. `unsafe`: a function that is called before `main`.
#![allow(unsafe_code)]

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::fork::{fork, reap};
use crate::needs::in_ci;
use crate::{mounts, sys};

const SHM: &str = "/dev/shm";

/// Names the mount namespace of the program that has its own, to what it executes.
const OWN: &str = "MULTIPROC_TESTKIT_OWN_SHM";

/// Gives this test program a `/dev/shm` of its own, before `main`: others do not sweep its names, and leave nothing there that its
/// [`Leaks`](crate::Leaks) would take for its own. Stands once in the program, outside of any function.
///
/// What the program forks or executes sees it as well. It ends with the last of them, and all names in it.
///
/// Where the machine forbids namespaces the program runs in the folder of all, and says so: then names that others sweep meanwhile may fail
/// a test, and [`Leaks`](crate::Leaks) sees only entries with the number of this process in their names. In the continuous integration it ends
/// there, with status 1.
///
/// ```
/// multiproc_testkit::own_shm!();
///
/// # fn main() {
/// if multiproc_testkit::own_shm::is_own() {
///     assert_eq!(std::fs::read_dir("/dev/shm").unwrap().count(), 0);
/// }
/// # }
/// ```
#[macro_export]
macro_rules! own_shm {
    () => {
        const _: () = {
            #[used]
            // SAFETY: the section holds functions that are called before `main`, by one thread, as this one may be.
            #[unsafe(link_section = ".init_array")]
            static BEFORE_MAIN: extern "C" fn() = $crate::own_shm::before_main;
        };
    };
}

/// For [`own_shm!`] alone: mounts the folder.
pub extern "C" fn before_main() {
    if is_own() {
        return; // the parent's
    }
    // First in a fork: what forbids it may do so halfway, when there is no way back.
    let probe = fork(|| {
        if let Err(error) = separate() {
            sys::write_to_stderr(format!("no /dev/shm of this program's own: {error}\n").as_bytes());
            sys::exit(1);
        }
    });
    let result =
        if reap(probe) == 0 { separate().map_err(|error| error.to_string()) } else { Err(String::new()) };
    match result {
        Ok(()) => sys::set_variable(OWN, &namespace()),
        Err(error) => {
            let text = format!(
                "NOT SHOWN in full: this machine forbids namespaces; these tests share {SHM} with other programs. {error}\n"
            );
            sys::write_to_stderr(text.as_bytes());
            if in_ci() {
                sys::exit(1);
            }
        }
    }
}

/// Whether this process sees a `/dev/shm` of its program's own.
pub fn is_own() -> bool {
    std::env::var(OWN).is_ok_and(|namespace_of_it| namespace_of_it == namespace())
}

/// The number of the mount namespace.
fn namespace() -> String {
    fs::metadata("/proc/self/ns/mnt").map_or(String::new(), |namespace| namespace.ino().to_string())
}

fn separate() -> std::io::Result<()> {
    mounts::separate()?;
    mounts::mount_new("tmpfs", SHM, "mode=1777")?;
    // In a user namespace of its own the process has every right over the files of its user, which tests must not have.
    if !nix::unistd::geteuid().is_root() {
        sys::give_up_rights()?;
    }
    Ok(())
}
