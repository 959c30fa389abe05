//! The name of a thread within its family, in a word.

/// A thread's entry and its process's, each with the generation that tells it from the entry's earlier occupants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) process: Claim,
    pub(crate) thread: Claim,
}

/// The right to one entry of a section, until it is recycled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) index: u16,
    pub(crate) generation: u16,
}

impl Claim {
    /// In a word that is never 0.
    pub(crate) const fn packed(self) -> u32 {
        (self.index as u32 + 1) << 16 | self.generation as u32
    }

    pub(crate) const fn unpacked(word: u32) -> Option<Self> {
        match (word >> 16) as u16 {
            0 => None,
            number => Some(Self { index: number - 1, generation: word as u16 }),
        }
    }
}

impl Owner {
    /// In a word that is never 0: 0 says that nobody has a guard.
    pub(crate) const fn packed(self) -> u64 {
        (self.process.packed() as u64) << 32 | self.thread.packed() as u64
    }

    pub(crate) const fn unpacked(word: u64) -> Option<Self> {
        match (Claim::unpacked((word >> 32) as u32), Claim::unpacked(word as u32)) {
            (Some(process), Some(thread)) => Some(Self { process, thread }),
            _ => None,
        }
    }
}

#[cfg(all(test, not(multiproc_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_name_survives_its_packing_and_is_never_zero() {
        for (index, generation) in [(0, 0), (7, 1), (4095, 65535), (65534, 3)] {
            let process = Claim { index, generation };
            let owner = Owner { process, thread: Claim { index: generation.min(65534), generation: index } };
            assert_ne!(owner.packed(), 0);
            assert_eq!(Owner::unpacked(owner.packed()), Some(owner));
        }
        assert_eq!(Owner::unpacked(0), None);
    }
}
