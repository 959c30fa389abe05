//! The running program as the loader mapped it. `unsafe`: walks the loader's list of objects and reads an ELF note.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ops::Range;
use std::slice;

/// Where the main program lies in this process.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    /// What addresses in the file are relative to.
    pub(crate) base: usize,
    /// Machine code.
    pub(crate) code: Vec<Range<usize>>,
    /// Data that nobody writes after start: mapped read-only, or made so after relocation.
    pub(crate) constants: Vec<Range<usize>>,
    /// Parts that are mapped without ever being written, so equal in each process of the same file.
    pub(crate) unwritten: Vec<Range<usize>>,
    /// The linker's build id, where it left one.
    pub(crate) build_id: Option<Vec<u8>>,
}

/// Looks up the main program's segments.
pub(crate) fn segments() -> Segments {
    let mut found = Segments::default();
    // SAFETY: `first_object` has the signature that is asked for, and gets `found` back as its data for the length
    // of this call.
    unsafe { libc::dl_iterate_phdr(Some(first_object), (&raw mut found).cast()) };
    found
}

/// Reads the program headers of the first object, which is the main program, and stops there.
///
/// # Safety
///
/// As `dl_iterate_phdr` calls it: `info` is a valid object record, `data` a [`Segments`] that nobody else uses.
unsafe extern "C" fn first_object(info: *mut libc::dl_phdr_info, _size: usize, data: *mut c_void) -> i32 {
    // SAFETY: the caller's promise; program headers live as long as the object.
    let (info, found, headers) = unsafe {
        let info = &*info;
        (
            info,
            &mut *data.cast::<Segments>(),
            slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)),
        )
    };
    found.base = info.dlpi_addr as usize;
    for header in headers {
        let start = found.base + header.p_vaddr as usize;
        let range = start..start + header.p_memsz as usize;
        match header.p_type {
            libc::PT_LOAD if header.p_flags & libc::PF_W == 0 => {
                found.unwritten.push(range.clone());
                if header.p_flags & libc::PF_X != 0 {
                    found.code.push(range);
                } else {
                    found.constants.push(range);
                }
            }
            libc::PT_GNU_RELRO => found.constants.push(range),
            // SAFETY: a PT_NOTE segment lies inside a mapped, readable PT_LOAD of a loaded object.
            libc::PT_NOTE => found.build_id = found.build_id.take().or_else(|| unsafe { build_id(&range) }),
            _ => {}
        }
    }
    1
}

/// Finds the build id among the notes in `range`.
///
/// # Safety
///
/// `range` is mapped, readable and not written.
unsafe fn build_id(range: &Range<usize>) -> Option<Vec<u8>> {
    const NT_GNU_BUILD_ID: u32 = 3;
    // SAFETY: the caller's promise.
    let mut notes = unsafe { slice::from_raw_parts(range.start as *const u8, range.len()) };
    while notes.len() >= 12 {
        let word =
            |i: usize| u32::from_ne_bytes([notes[i], notes[i + 1], notes[i + 2], notes[i + 3]]) as usize;
        let (name_len, desc_len, kind) = (word(0), word(4), word(8) as u32);
        let desc_at = 12 + name_len.next_multiple_of(4);
        let name = notes.get(12..12 + name_len)?;
        let desc = notes.get(desc_at..desc_at + desc_len)?;
        if kind == NT_GNU_BUILD_ID && name == b"GNU\0" {
            return Some(desc.to_vec());
        }
        notes = notes.get(desc_at + desc_len.next_multiple_of(4)..)?;
    }
    None
}

/// The bytes of a range that [`segments`] found unwritten.
///
/// # Safety
///
/// `range` comes from [`Segments::unwritten`] of this process.
pub(crate) unsafe fn bytes(range: &Range<usize>) -> &'static [u8] {
    // SAFETY: the main program stays mapped for the life of the process; the caller's promise does the rest.
    unsafe { slice::from_raw_parts(range.start as *const u8, range.len()) }
}
