//! The end of a name: it is taken from one file, and from no other that has the name by now.
//!
//! Between a look at a name and its unlinking somebody else may unlink it and give it to another file: CPython's resource tracker
//! does the first, whoever comes next the second. So the file is given a private name first, and looked at once nobody else can
//! exchange it. If it is another one, it gets its name back.

use std::io;
use std::path::Path;

use super::manifest::Record;
use crate::sys::folder::{id_at, remove, rename_new};

/// Unlinks the name of the record if its file still has it; says whether it was so. `aside` is the private name, beside the
/// manifest that lists the record: if this process dies on the way, who sweeps comes to an end with [`settle`].
pub(crate) fn take_away(record: &Record, aside: &Path) -> io::Result<bool> {
    take_away_amid(record, aside, || ())
}

/// `amid`: what others do in the window, in tests.
fn take_away_amid(record: &Record, aside: &Path, amid: impl FnOnce()) -> io::Result<bool> {
    let path = record.name.path();
    // Most successors are seen here, and never moved.
    if id_at(&path)? != Some(record.file) {
        return Ok(false);
    }
    amid();
    match rename_new(&path, aside) {
        Ok(()) => settle(record, aside),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Judges what has the private name: unlinks the file of the record, and gives any other one its name back.
pub(crate) fn settle(record: &Record, aside: &Path) -> io::Result<bool> {
    match id_at(aside)? {
        None => Ok(false),
        Some(id) if id == record.file => remove(aside).map(|()| true),
        Some(_) => match rename_new(aside, &record.name.path()) {
            // A third one was created in these few instructions: the name can be but one's.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => remove(aside).map(|()| false),
            other => other.map(|()| false),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::fd::AsFd;
    use std::path::PathBuf;

    use super::*;
    use crate::named::name::Name;
    use crate::sys::folder::{self, facts};

    /// Files of one test in the folder, gone with it.
    struct Names {
        name: Name,
        aside: PathBuf,
    }

    impl Names {
        fn new(test: &str) -> Self {
            let name = format!("take-away-{test}-{}", std::process::id());
            Self { aside: folder::path(&format!("{name}-aside")), name: Name::parse(&name).unwrap() }
        }

        fn make(&self) -> Record {
            let file = File::create_new(self.name.path()).unwrap();
            Record { file: facts(file.as_fd()).unwrap().id, name: self.name.clone() }
        }
    }

    impl Drop for Names {
        fn drop(&mut self) {
            for path in [self.name.path(), self.aside.clone()] {
                let _ = fs::remove_file(path); // where a test has ended early
            }
        }
    }

    #[test]
    fn the_name_of_the_file_goes_and_no_other_is_touched() {
        let names = Names::new("own");
        let record = names.make();
        let kept = File::open(names.name.path()).unwrap(); // so that its number is no other's
        assert!(take_away(&record, &names.aside).unwrap());
        assert!(!take_away(&record, &names.aside).unwrap(), "nothing is there");
        let successor = names.make();
        assert!(!take_away(&record, &names.aside).unwrap());
        assert_eq!(id_at(&names.name.path()).unwrap(), Some(successor.file));
        assert_eq!(id_at(&names.aside).unwrap(), None);
        drop(kept);
    }

    #[test]
    fn a_successor_that_comes_after_the_look_keeps_its_name() {
        let names = Names::new("window");
        let record = names.make();
        let kept = File::open(names.name.path()).unwrap();
        let mut successor = None;
        let taken = take_away_amid(&record, &names.aside, || {
            fs::remove_file(names.name.path()).unwrap();
            successor = Some(names.make().file);
        });
        assert!(!taken.unwrap());
        assert_eq!(id_at(&names.name.path()).unwrap(), successor);
        assert_eq!(id_at(&names.aside).unwrap(), None);
        drop(kept);
    }

    #[test]
    fn a_name_that_goes_after_the_look_is_gone() {
        let names = Names::new("gone");
        let record = names.make();
        let taken = take_away_amid(&record, &names.aside, || fs::remove_file(names.name.path()).unwrap());
        assert!(!taken.unwrap());
    }

    #[test]
    fn of_two_successors_the_one_with_the_name_stays() {
        let names = Names::new("third");
        let record = names.make();
        let kept = File::open(names.name.path()).unwrap();
        rename_new(&names.name.path(), &names.aside).unwrap();
        fs::remove_file(&names.aside).unwrap();
        names.make();
        rename_new(&names.name.path(), &names.aside).unwrap();
        let third = names.make();
        assert!(!settle(&record, &names.aside).unwrap());
        assert_eq!(id_at(&names.name.path()).unwrap(), Some(third.file));
        assert_eq!(id_at(&names.aside).unwrap(), None);
        drop(kept);
    }

    #[test]
    fn a_move_that_a_death_has_cut_off_is_ended() {
        let names = Names::new("cut");
        let record = names.make();
        rename_new(&names.name.path(), &names.aside).unwrap();
        assert!(settle(&record, &names.aside).unwrap());
        assert!(!settle(&record, &names.aside).unwrap(), "a second time finds nothing");
        assert_eq!(id_at(&names.name.path()).unwrap(), None);
    }
}
