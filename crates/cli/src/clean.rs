//! `multiproc clean`.

use std::io::{self, Write};

use multiproc_shm::names;

use crate::failure::Failure;
use crate::listing::processes;
use crate::maps::{Mappings, Process};
use crate::named::{self, State};
use crate::table::printable;
use crate::units;

/// A segment whose name is taken away, or would be.
#[derive(Debug)]
struct Gone {
    name: String,
    bytes: u64,
    creator: u32,
    /// Those who keep its memory.
    mapped_by: Vec<Process>,
}

pub(crate) fn clean(dry_run: bool, out: &mut dyn Write, errors: &mut dyn Write) -> Result<(), Failure> {
    // Looked up before: what is swept has no file to be found by.
    let mappings = Mappings::read()?;
    let mut known = named::segments(false, &mappings)?;
    let (mut gone, mut failure) = (Vec::new(), None);
    if dry_run {
        for segment in known.into_iter().filter(|segment| segment.state == State::Dead) {
            let creator = segment.owner.map_or(0, |owner| owner.pid);
            let (name, bytes, mapped_by) = (segment.name, segment.bytes, segment.mapped_by);
            gone.push(Gone { name, bytes, creator, mapped_by });
        }
    } else {
        known.retain(|segment| segment.state == State::Dead);
        let (swept, failed) = match names::sweep() {
            Ok(swept) => (swept, None),
            Err(failed) => (failed.swept, Some(failed.error)),
        };
        failure = failed;
        if swept.busy > 0 {
            let busy = format!("multiproc: {} dead programs are being swept by another process", swept.busy);
            writeln!(errors, "{busy}").map_err(Failure::Write)?;
        }
        for segment in swept.segments {
            let mapped_by = known.iter().find(|known| known.name == segment.name);
            let mapped_by = mapped_by.map(|known| known.mapped_by.clone()).unwrap_or_default();
            let (name, bytes, creator) = (segment.name, segment.len, segment.creator);
            gone.push(Gone { name, bytes, creator, mapped_by });
        }
        gone.sort_by(|one, other| one.name.cmp(&other.name));
    }
    tell(&gone, dry_run, out).map_err(Failure::Write)?;
    // What was removed is told in any case.
    failure.map_or(Ok(()), |error| Err(error.into()))
}

fn tell(gone: &[Gone], dry_run: bool, out: &mut dyn Write) -> io::Result<()> {
    let verb = if dry_run { "would remove" } else { "removed" };
    for segment in gone {
        let (name, size) = (printable(&segment.name), units::size(segment.bytes));
        write!(out, "{verb} {name}, {size}, of the dead process {}", segment.creator)?;
        if !segment.mapped_by.is_empty() {
            write!(out, ", still mapped by {}", printable(&processes(&segment.mapped_by)))?;
        }
        writeln!(out)?;
    }
    let is_freed = |segment: &&Gone| segment.mapped_by.is_empty();
    let freed: u64 = gone.iter().filter(is_freed).map(|segment| segment.bytes).sum();
    let kept = gone.iter().filter(|segment| !is_freed(segment)).count();
    let names = if gone.len() == 1 { "1 name".to_owned() } else { format!("{} names", gone.len()) };
    write!(
        out,
        "{names} {}, {} ({freed} bytes) freed",
        if dry_run { "found" } else { "removed" },
        units::size(freed),
    )?;
    if kept > 0 {
        write!(out, "; of {kept} when those end who have them mapped")?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(gone: &[Gone], dry_run: bool) -> String {
        let mut out = Vec::new();
        tell(gone, dry_run, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn gone(name: &str, bytes: u64, mapped_by: &[u32]) -> Gone {
        let mapped_by = mapped_by.iter().map(|pid| Process { pid: *pid, program: None }).collect();
        Gone { name: name.to_owned(), bytes, creator: 9, mapped_by }
    }

    #[test]
    fn what_is_freed_and_what_somebody_keeps() {
        assert_eq!(told(&[], false), "0 names removed, 0 B (0 bytes) freed\n");
        let text = told(&[gone("a\n", 4096, &[]), gone("b", 10, &[5, 6])], false);
        assert_eq!(
            text,
            "removed a\\n, 4.0 KiB, of the dead process 9\n\
             removed b, 10 B, of the dead process 9, still mapped by 5, 6\n\
             2 names removed, 4.0 KiB (4096 bytes) freed; of 1 when those end who have them mapped\n"
        );
        assert!(told(&[gone("a", 1, &[])], true).starts_with("would remove a"));
    }
}
