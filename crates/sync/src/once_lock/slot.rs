//! Room for a value that may come. `unsafe`: it is filled and read by way of raw pointers.
#![allow(unsafe_code)]

use std::mem::{self, MaybeUninit};
use std::sync::atomic::{Ordering::Release, compiler_fence};

/// The first byte of a slot with a value.
const FULL: u8 = 1;

macro_rules! slot {
    ($($other:ident)*) => {
        /// Room for a value that may come.
        ///
        /// Two things are asked of it. It is to drop its value, and to have nothing to drop if the value has not, as no type with
        /// a `Drop` of its own lies in shared memory: only an enum has both. And any bytes there are to be one: so it has as
        /// many variants as a byte has values, of which all but one are empty.
        #[repr(C, u8)]
        pub(super) enum Slot<T> {
            Empty = 0,
            Full(T) = FULL,
            $(
                #[allow(dead_code)] // made by nobody, found where bytes are damaged
                $other,
            )*
        }
    };
}

slot! {
    N2 N3 N4 N5 N6 N7 N8 N9 N10 N11 N12 N13 N14 N15 N16 N17 N18 N19 N20 N21 N22 N23 N24 N25 N26 N27 N28 N29
    N30 N31 N32 N33 N34 N35 N36 N37 N38 N39 N40 N41 N42 N43 N44 N45 N46 N47 N48 N49 N50 N51 N52 N53 N54 N55
    N56 N57 N58 N59 N60 N61 N62 N63 N64 N65 N66 N67 N68 N69 N70 N71 N72 N73 N74 N75 N76 N77 N78 N79 N80 N81
    N82 N83 N84 N85 N86 N87 N88 N89 N90 N91 N92 N93 N94 N95 N96 N97 N98 N99 N100 N101 N102 N103 N104 N105
    N106 N107 N108 N109 N110 N111 N112 N113 N114 N115 N116 N117 N118 N119 N120 N121 N122 N123 N124 N125 N126
    N127 N128 N129 N130 N131 N132 N133 N134 N135 N136 N137 N138 N139 N140 N141 N142 N143 N144 N145 N146 N147
    N148 N149 N150 N151 N152 N153 N154 N155 N156 N157 N158 N159 N160 N161 N162 N163 N164 N165 N166 N167 N168
    N169 N170 N171 N172 N173 N174 N175 N176 N177 N178 N179 N180 N181 N182 N183 N184 N185 N186 N187 N188 N189
    N190 N191 N192 N193 N194 N195 N196 N197 N198 N199 N200 N201 N202 N203 N204 N205 N206 N207 N208 N209 N210
    N211 N212 N213 N214 N215 N216 N217 N218 N219 N220 N221 N222 N223 N224 N225 N226 N227 N228 N229 N230 N231
    N232 N233 N234 N235 N236 N237 N238 N239 N240 N241 N242 N243 N244 N245 N246 N247 N248 N249 N250 N251 N252
    N253 N254 N255
}

// The compiler finds no byte that is no variant: an `Option` needs one of its own.
const _: () = assert!(size_of::<Option<Slot<u8>>>() == size_of::<Slot<u8>>() + 1);
const _: () = assert!(!mem::needs_drop::<Slot<u64>>() && mem::needs_drop::<Slot<String>>());

/// A slot as its bytes lie: what `repr(C, u8)` says of an enum of which one variant holds something.
#[repr(C)]
struct Parts<T> {
    tag: u8,
    value: MaybeUninit<T>,
}

impl<T> Slot<T> {
    const AS_PARTS: () =
        assert!(size_of::<Self>() == size_of::<Parts<T>>() && align_of::<Self>() == align_of::<Parts<T>>());

    /// Puts a value into a slot. What was there is not dropped.
    ///
    /// # Safety
    ///
    /// Nobody else reaches the slot, which may be written to.
    pub(super) unsafe fn fill(slot: *mut Self, value: T) {
        const { Self::AS_PARTS }
        let parts = slot.cast::<Parts<T>>();
        // SAFETY: by the caller; laid out as parts.
        unsafe { (&raw mut (*parts).value).write(MaybeUninit::new(value)) };
        // The tag comes last: a fork in between has an empty slot, not one that it would drop half of a value from.
        compiler_fence(Release);
        // SAFETY: as above.
        unsafe { (&raw mut (*parts).tag).write(FULL) };
    }

    /// The value of a slot that was filled. The tag is not looked at.
    ///
    /// # Safety
    ///
    /// The slot was filled before, and nobody writes to it as long as the value is borrowed.
    #[inline(always)]
    pub(super) unsafe fn value<'a>(slot: *const Self) -> &'a T {
        const { Self::AS_PARTS }
        // SAFETY: by the caller; laid out as parts.
        unsafe { &*(&raw const (*slot.cast::<Parts<T>>()).value).cast::<T>() }
    }

    /// The value, if there is one.
    pub(super) fn get_mut(&mut self) -> Option<&mut T> {
        if let Self::Full(value) = self { Some(value) } else { None }
    }

    /// The value, if there is one.
    pub(super) fn into_value(self) -> Option<T> {
        if let Self::Full(value) = self { Some(value) } else { None }
    }
}

#[cfg(all(test, not(multiproc_loom)))]
mod tests {
    use super::*;

    /// As the compiler reads it, and as raw pointers do; of several alignments.
    #[test]
    fn a_filled_slot_has_its_value() {
        fn fill<T: Clone + PartialEq + std::fmt::Debug>(value: T) {
            let mut slot = Slot::Empty;
            assert_eq!(slot.get_mut(), None);
            // SAFETY: nobody else knows the slot, which is filled before it is read.
            unsafe {
                Slot::fill(&raw mut slot, value.clone());
                assert_eq!(*Slot::value(&raw const slot), value);
            }
            assert_eq!(slot.get_mut(), Some(&mut value.clone()));
            assert_eq!(slot.into_value(), Some(value));
        }
        fill(7_u8);
        fill([1_u16; 3]);
        fill(u64::MAX);
        fill(String::from("dropped"));
        fill(());
    }

    #[test]
    fn any_tag_is_a_slot() {
        for tag in 0..=u8::MAX {
            // SAFETY: a byte, and a number for which any will do.
            let mut slot = unsafe { mem::transmute::<[u8; 2], Slot<u8>>([tag, 9]) };
            assert_eq!(slot.get_mut().is_some(), tag == FULL);
        }
    }
}
