//! A number under libc's mutex, 0 or 1, and its condition variable, in memory that processes share.

use crate::Result;
use crate::flags::Look;
use crate::handoff::Token;
use crate::peers::condition::{self, Pthread};

pub(crate) fn shared() -> Result<&'static Pthread> {
    condition::pthread()
}

pub(crate) fn pair() -> Result<[&'static Pthread; 2]> {
    Ok([shared()?, shared()?])
}

impl Token for Pthread {
    fn give(&self) {
        self.when(|_| true, |flag| *flag = 1);
        self.notify_all();
    }

    fn take(&self) {
        self.when(|flag| flag != 0, |flag| *flag = 0);
    }
}

impl Look for Pthread {
    fn is_set(&self) -> bool {
        self.when(|_| true, |flag| *flag != 0)
    }
}
