//! The command `multiproc`.

use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let (mut out, mut errors) = (io::stdout().lock(), io::stderr().lock());
    let status = multiproc_cli::run(std::env::args_os().skip(1), &mut out, &mut errors);
    let _ = out.flush(); // each line was flushed, but for a last one without an end
    ExitCode::from(status)
}
