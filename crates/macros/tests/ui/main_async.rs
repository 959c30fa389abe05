//! The hook of an `async fn main` would run after the runtime has started.

mod program {
    #[multiproc_macros::main]
    async fn main() {}
}

fn main() {}
