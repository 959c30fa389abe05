//! Batches counted on worker processes.

use std::collections::VecDeque;
use std::sync::mpsc;
use std::thread;

use indicatif::ProgressBar;
use multiproc::{Process, ProcessPool};

use crate::chaos::{self, Damage};
use crate::files::Files;
use crate::live::{self, Live, Progress};
use crate::options::Options;
use crate::totals::Totals;

/// How often a batch is tried again whose worker died, say for want of memory. Counting twice does no harm.
const RETRIES: u32 = 3;

/// Tasks for each worker that are under way or whose results wait to be added.
const WINDOW: usize = 32;

pub(crate) fn count(
    files: &Files,
    options: &Options,
    bar: &ProgressBar,
) -> multiproc::Result<(Totals, Option<Damage>)> {
    let live = Progress::shared(options.chaos)?;
    let pool = ProcessPool::builder().workers(options.workers);
    if !options.chaos {
        return Ok((count_on(&pool.retries(RETRIES).build()?, &live, files, options, bar)?, None));
    }
    // The first child of a program is started by a thread that stays, with a descriptor of its own.
    Process::spawn(|()| (), ())?.join()?;
    let before = chaos::open_descriptors()?;
    let pool = pool.retries(u32::MAX).build()?;
    let totals = thread::scope(|scope| {
        // Dropped at the end of this block, however that comes: then the killer stops.
        let (_stop, stopped) = mpsc::channel();
        scope.spawn(|| chaos::kill_busy_workers(&pool, stopped));
        count_on(&pool, &live, files, options, bar)
    })?;
    let stats = pool.stats();
    drop(pool);
    let after = chaos::open_descriptors()?;
    let recoveries = live::lock(&live)?.recoveries();
    Ok((totals, Some(Damage { kills: stats.deaths, retries: stats.retries, recoveries, before, after })))
}

/// Adds tallies up in the order of the batches, while workers go on with those that follow.
fn count_on(
    pool: &ProcessPool,
    live: &Live,
    files: &Files,
    options: &Options,
    bar: &ProgressBar,
) -> multiproc::Result<Totals> {
    let mut totals = Totals::default();
    let mut tasks = VecDeque::new();
    let mut batches = (0..options.repeat).flat_map(|_| &files.batches);
    loop {
        let room = options.workers * WINDOW - tasks.len();
        for batch in batches.by_ref().take(room) {
            tasks.push_back(pool.try_submit(live::count, (batch.clone(), live.clone()))?);
        }
        let Some(task) = tasks.pop_front() else { return Ok(totals) };
        totals.add(task.join()?);
        bar.set_position(live::lock(live)?.bytes());
    }
}
