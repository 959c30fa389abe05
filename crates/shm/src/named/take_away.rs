//! The end of a name: it is taken from one file, and from no other that has the name by now.
//!
//! Between a look at a name and its unlinking somebody else may unlink it and give it to another file: CPython's resource tracker
//! does the first, whoever comes next the second. So the file is moved to a private name first, and looked at once nobody else can
//! exchange it. If it is another one, it gets its name back.
//!
//! While it is aside, its own process may look for it, to end its name in turn. So a file that does not have its name is looked for among
//! those that are aside, and only one that is not there either is gone: until then it stays on a list.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use super::manifest::{self, Record};
use crate::planted::{Bug, planted};
use crate::sys::file_id::FileId;
use crate::sys::folder::{self, id_at, remove, rename_new};

/// How many private names are drawn.
const DRAWS: usize = 64;

/// What has become of the name of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was taken away.
    Now,
    /// It was not there, or another file has it.
    Before,
    /// Somebody has moved the file aside, and will give it its name back.
    NotYet,
}

/// Where files are moved that lose their names: beside the manifest that lists them. If this process dies on the way, who sweeps comes to
/// an end with [`settle`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aside<'a> {
    pub(crate) manifest: &'a str,
    pub(crate) slot: usize,
}

impl Aside<'_> {
    fn draw(&self) -> io::Result<PathBuf> {
        Ok(folder::path(&manifest::aside(self.manifest, self.slot, getrandom::u64()?)))
    }
}

/// Unlinks the names of those records whose files still have them.
pub(crate) fn take_away(records: &[(Aside<'_>, &Record)]) -> Vec<io::Result<Ended>> {
    take_away_amid(records, || ())
}

/// `amid`: what others do between the first looks and the search, in tests.
fn take_away_amid(records: &[(Aside<'_>, &Record)], amid: impl FnOnce()) -> Vec<io::Result<Ended>> {
    let first = |(aside, record): &(Aside<'_>, &Record)| move_away(record, || aside.draw(), || ());
    let mut ended: Vec<_> = records.iter().map(first).collect();
    if ended.iter().all(|ended| !matches!(ended, Ok(false))) {
        return ended.into_iter().map(|ended| ended.map(|_| Ended::Now)).collect();
    }
    amid();
    // A file that was aside at the look above and is not any more has its name again, and is found by the look below.
    let moved = match moved() {
        Ok(moved) => moved,
        Err(error) => {
            let number = error.raw_os_error().unwrap_or(libc::EIO);
            ended.iter_mut().filter(|ended| matches!(ended, Ok(false))).for_each(|ended| {
                *ended = Err(io::Error::from_raw_os_error(number));
            });
            HashSet::new()
        }
    };
    let second = |(ended, (aside, record)): (io::Result<bool>, &(Aside<'_>, &Record))| match ended {
        Ok(true) => Ok(Ended::Now),
        Ok(false) if moved.contains(&record.file) && !planted(Bug::ForgottenAside) => Ok(Ended::NotYet),
        Ok(false) => match move_away(record, || aside.draw(), || ())? {
            true => Ok(Ended::Now),
            false => Ok(Ended::Before),
        },
        Err(error) => Err(error),
    };
    ended.into_iter().zip(records).map(second).collect()
}

/// The files that are aside, whoever has moved them.
fn moved() -> io::Result<HashSet<FileId>> {
    let mut files = HashSet::new();
    for name in folder::entries()?.iter().filter(|name| manifest::aside_of(name).is_some()) {
        files.extend(id_at(&folder::path(name))?);
    }
    Ok(files)
}

/// Unlinks the name of the record if its file has it; says whether it was so. `draw` gives private names, `amid` is what others do in the
/// window, in tests.
fn move_away(
    record: &Record,
    mut draw: impl FnMut() -> io::Result<PathBuf>,
    amid: impl FnOnce(),
) -> io::Result<bool> {
    let path = record.name.path();
    if planted(Bug::UnlinkedByName) {
        return remove(&path).map(|()| true);
    }
    // Most successors are seen here, and never moved.
    if id_at(&path)? != Some(record.file) {
        return Ok(false);
    }
    amid();
    for _ in 0..DRAWS {
        let aside = draw()?;
        match rename_new(&path, &aside) {
            Ok(()) => return settle(record, &aside),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Judges what has the private name: unlinks the file of the record, and gives any other one its name back.
pub(crate) fn settle(record: &Record, aside: &Path) -> io::Result<bool> {
    match id_at(aside)? {
        None => Ok(false),
        Some(id) if id == record.file => remove(aside).map(|()| true),
        Some(_) => match rename_new(aside, &record.name.path()) {
            // A third one was created in these few instructions: the name can be but one's.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => remove(aside).map(|()| false),
            // Somebody else who sweeps was before us.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            other => other.map(|()| false),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs::{self, File};

    use super::*;
    use crate::named::name::Name;
    use crate::sys::folder::facts;

    /// Files of one test in the folder, gone with it.
    struct Names {
        name: Name,
        aside: PathBuf,
    }

    impl Names {
        fn new(test: &str) -> Self {
            let name = format!("take-away-{test}-{}", std::process::id());
            let aside = manifest::aside(&Self::manifest(), 0, getrandom::u64().unwrap());
            Self { aside: folder::path(&aside), name: Name::parse(&name).unwrap() }
        }

        /// Of nobody: what lies beside it is aside for good.
        fn manifest() -> String {
            manifest::manifest_name(std::process::id(), 0)
        }

        fn draw(&self) -> impl FnMut() -> io::Result<PathBuf> {
            || Ok(self.aside.clone())
        }

        fn make(&self) -> Record {
            let file = File::create_new(self.name.path()).unwrap();
            Record { file: facts(&file).unwrap().id, name: self.name.clone() }
        }
    }

    /// The end of one name.
    fn take_one(record: &Record, amid: impl FnOnce()) -> Ended {
        let aside = Aside { manifest: &Names::manifest(), slot: 1 };
        take_away_amid(&[(aside, record)], amid).pop().unwrap().unwrap()
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
        assert_eq!(take_one(&record, || ()), Ended::Now);
        assert_eq!(take_one(&record, || ()), Ended::Before, "nothing is there");
        let successor = names.make();
        assert_eq!(take_one(&record, || ()), Ended::Before);
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
        let taken = move_away(&record, names.draw(), || {
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
        let taken = move_away(&record, names.draw(), || fs::remove_file(names.name.path()).unwrap());
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

    /// Somebody else had looked at the name when it was another file's, and moves this one before it gives it back.
    #[test]
    fn a_file_that_is_aside_is_not_given_up() {
        let names = Names::new("aside");
        let record = names.make();
        rename_new(&names.name.path(), &names.aside).unwrap();
        assert_eq!(take_one(&record, || ()), Ended::NotYet, "it was on no list when its name came back");
        let other = Record { file: FileId { inode: 0, ..record.file }, name: names.name.clone() };
        assert!(!settle(&other, &names.aside).unwrap(), "it has its name back");
        assert_eq!(take_one(&record, || ()), Ended::Now);
        assert_eq!(id_at(&names.name.path()).unwrap(), None);
    }

    #[test]
    fn a_file_that_comes_back_during_the_search_is_found() {
        let names = Names::new("back");
        let record = names.make();
        rename_new(&names.name.path(), &names.aside).unwrap();
        let given_back = || rename_new(&names.aside, &names.name.path()).unwrap();
        assert_eq!(take_one(&record, given_back), Ended::Now);
        assert_eq!(id_at(&names.name.path()).unwrap(), None);
    }

    #[test]
    fn private_names_that_somebody_has_are_drawn_anew() {
        let names = Names::new("drawn");
        let record = names.make();
        fs::write(&names.aside, "in the way").unwrap();
        let (draws, free) = (Cell::new(0), names.aside.with_extension("fedcba9876543210"));
        let draw = || {
            draws.set(draws.get() + 1);
            Ok(if draws.get() < 5 { names.aside.clone() } else { free.clone() })
        };
        assert!(move_away(&record, draw, || ()).unwrap());
        assert_eq!((draws.get(), id_at(&free).unwrap()), (5, None));
        assert_eq!(fs::read(&names.aside).unwrap(), b"in the way");
        names.make();
        let record = Record { file: id_at(&names.name.path()).unwrap().unwrap(), name: names.name.clone() };
        let error = move_away(&record, names.draw(), || ()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "not for ever");
        assert_eq!(id_at(&names.name.path()).unwrap(), Some(record.file), "it has its name still");
    }
}
