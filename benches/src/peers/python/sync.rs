//! The locks of `threading` and of `multiprocessing`.

use super::script;
use crate::Result;
use crate::session::{Setting, Start};

const SCRIPT: &str = script!("sync.py");

/// The contender of a module and a play, as the script names them: `twin!(threading.event_look)`.
macro_rules! twin {
    ($module:ident.$play:ident) => {
        $crate::peers::python::contender(concat!("cpython.", stringify!($module)), |setting| {
            $crate::peers::python::sync::run(setting, concat!(stringify!($module), ".", stringify!($play)))
        })
    };
}
pub(crate) use twin;

/// A thread of the other side goes to its processor by itself, and must know it.
pub(crate) fn run(setting: &Setting, play: &str) -> Result<Start> {
    let far = setting.far().map(|cpu| cpu as u64);
    super::run(setting, SCRIPT, play, far.as_slice())
}
