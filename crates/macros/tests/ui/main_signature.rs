//! What a `main` with the hook cannot be.

mod generic {
    #[multiproc_macros::main]
    fn main<T>() {}
}

mod bounded {
    #[multiproc_macros::main]
    fn main()
    where
        u8: Copy,
    {
    }
}

mod with_parameters {
    #[multiproc_macros::main]
    fn main(_workers: usize) {}
}

mod constant {
    #[multiproc_macros::main]
    const fn main() {}
}

mod without_safety {
    #[multiproc_macros::main]
    unsafe fn main() {}
}

mod foreign {
    #[multiproc_macros::main]
    extern "C" fn main() {}
}

fn main() {}
