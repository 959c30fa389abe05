//! Threads: from the wish to start one to having its result, and numbers that go from threads to threads through a queue.

use super::contenders;
use crate::ours::thread as ours;
use crate::peers::python::{self, thread as python_thread};
use crate::peers::{channel, std_thread};
use crate::pipelines::{four_to_four, one_to_one, two_to_two};
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};
use crate::target::Target;

/// Of CPython's rate ours is to be 20 times.
const CPYTHON: Target = Target::beside("cpython.queue", 0.05, Placement::ALL);

/// Of crossbeam's rate ours is to be a half from one thread to another, and four fifths from four to four; also where each getter reports.
const HALF: Target = Target::beside("crossbeam", 2.0, Placement::ALL);
const FOUR_FIFTHS: Target = Target::beside("crossbeam", 1.25, Placement::ALL);

/// Two cores are what is free here; on one nobody is woken on another core, which takes several times as long as all else.
const START_AND_JOIN: &[Placement] = &[Placement::OneCore, Placement::Free];

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "thread.spawn",
        about: "start a thread that runs a trivial function, and join it for its result",
        unit: Unit::MicrosPer("thread"),
        placements: START_AND_JOIN,
        contenders: &[
            Contender::new(OURS, ours::spawn),
            Contender::new("std", std_thread::spawn),
            python::contender("cpython.threading", python_thread::spawn),
        ],
        targets: &[Target::beside("std", 1.1, START_AND_JOIN)],
    },
    Bench {
        name: "thread.queue.1to1",
        about: "a number goes through a queue of at most 1024 from one thread to another",
        unit: Unit::NanosPer("message"),
        placements: Placement::ALL,
        contenders: contenders!(one_to_one {
            OURS => ours::bounded,
            "ours.task_done" => ours::reported,
            "ours.lifo" => ours::lifo,
            "ours.priority" => ours::priority,
            "ours.unbounded" => ours::unbounded,
            "ours.simple" => ours::simple,
            "crossbeam" => channel::crossbeam,
            "crossbeam.unbounded" => channel::crossbeam_unbounded,
            "std" => channel::std,
            "std.unbounded" => channel::std_unbounded,
            "flume" => channel::flume,
            "flume.unbounded" => channel::flume_unbounded,
        }
            python::contender("cpython.queue", python_thread::queue::<1>),
            python::contender("cpython.simple_queue", python_thread::simple_queue::<1>),
        ),
        targets: &[HALF, HALF.of("ours.task_done"), CPYTHON],
    },
    Bench {
        name: "thread.queue.2to2",
        about: "the same from two threads to two others",
        unit: Unit::NanosPer("message"),
        placements: Placement::ALL,
        contenders: contenders!(two_to_two {
            OURS => ours::bounded,
            "ours.task_done" => ours::reported,
            "ours.lifo" => ours::lifo,
            "ours.priority" => ours::priority,
            "ours.unbounded" => ours::unbounded,
            "ours.simple" => ours::simple,
            "crossbeam" => channel::crossbeam,
            "crossbeam.unbounded" => channel::crossbeam_unbounded,
            "flume" => channel::flume,
            "flume.unbounded" => channel::flume_unbounded,
        }
            python::contender("cpython.queue", python_thread::queue::<2>),
            python::contender("cpython.simple_queue", python_thread::simple_queue::<2>),
        ),
        targets: &[CPYTHON],
    },
    Bench {
        name: "thread.queue.4to4",
        about: "the same from four threads to four others",
        unit: Unit::NanosPer("message"),
        placements: Placement::ALL,
        contenders: contenders!(four_to_four {
            OURS => ours::bounded,
            "ours.task_done" => ours::reported,
            "ours.lifo" => ours::lifo,
            "ours.priority" => ours::priority,
            "ours.unbounded" => ours::unbounded,
            "ours.simple" => ours::simple,
            "crossbeam" => channel::crossbeam,
            "crossbeam.unbounded" => channel::crossbeam_unbounded,
            "flume" => channel::flume,
            "flume.unbounded" => channel::flume_unbounded,
        }
            python::contender("cpython.queue", python_thread::queue::<4>),
            python::contender("cpython.simple_queue", python_thread::simple_queue::<4>),
        ),
        targets: &[FOUR_FIFTHS, FOUR_FIFTHS.of("ours.task_done"), CPYTHON],
    },
];
