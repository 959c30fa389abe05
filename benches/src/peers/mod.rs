//! What a user would pick instead, and the floor: a file for each.

pub(crate) mod fork;
pub(crate) mod image;
pub(crate) mod pipe_pool;
pub(crate) mod procspawn;
pub(crate) mod python;
