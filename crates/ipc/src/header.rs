//! The 24 bytes at the start of every packet.

use crate::message::Kind;

/// Length of a header in bytes.
pub(crate) const HEADER_LEN: usize = 24;

/// Marks a packet as ours, with the version of this layout.
const MAGIC: [u8; 4] = *b"mpc1";

const KIND_VALUES: u8 = 0;
const KIND_BYTES: u8 = 1;

/// The body is not in the packet but in a file, the packet's first descriptor.
const FLAG_SPILLED: u8 = 1;

/// What a packet holds.
///
/// | bytes | content |
/// |---|---|
/// | 0..4 | `mpc1` |
/// | 4 | kind: 0 encoded values, 1 plain bytes |
/// | 5 | flags: bit 0 the body is in the first descriptor's file |
/// | 6..8 | descriptors of the user in the packet, u16 |
/// | 8..16 | length of the body in bytes, u64 |
/// | 16..24 | what the sender marked the message with, u64 |
///
/// Numbers are in the machine's byte order: a packet never leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) spilled: bool,
    pub(crate) fds: u16,
    pub(crate) len: u64,
    pub(crate) tag: u64,
}

impl Header {
    pub(crate) fn to_bytes(self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4] = match self.kind {
            Kind::Values => KIND_VALUES,
            Kind::Bytes => KIND_BYTES,
        };
        bytes[5] = if self.spilled { FLAG_SPILLED } else { 0 };
        bytes[6..8].copy_from_slice(&self.fds.to_ne_bytes());
        bytes[8..16].copy_from_slice(&self.len.to_ne_bytes());
        bytes[16..].copy_from_slice(&self.tag.to_ne_bytes());
        bytes
    }

    /// Reads a header and holds it against the packet it came in.
    pub(crate) fn check(packet: &[u8], fds: usize) -> Result<Self, &'static str> {
        let Some(bytes) = packet.first_chunk::<HEADER_LEN>() else {
            return Err("shorter than a header");
        };
        let [m0, m1, m2, m3, kind, flags, f0, f1, l0, l1, l2, l3, l4, l5, l6, l7, tag @ ..] = *bytes;
        if [m0, m1, m2, m3] != MAGIC {
            return Err("wrong magic");
        }
        let kind = match kind {
            KIND_VALUES => Kind::Values,
            KIND_BYTES => Kind::Bytes,
            _ => return Err("unknown kind"),
        };
        if flags & !FLAG_SPILLED != 0 {
            return Err("unknown flags");
        }
        let header = Self {
            kind,
            spilled: flags & FLAG_SPILLED != 0,
            fds: u16::from_ne_bytes([f0, f1]),
            len: u64::from_ne_bytes([l0, l1, l2, l3, l4, l5, l6, l7]),
            tag: u64::from_ne_bytes(tag),
        };
        let in_packet = (packet.len() - HEADER_LEN) as u64;
        if in_packet != if header.spilled { 0 } else { header.len } {
            return Err("wrong length");
        }
        if fds != usize::from(header.fds) + usize::from(header.spilled) {
            return Err("wrong number of descriptors");
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for kind in [Kind::Values, Kind::Bytes] {
            let inline = Header { kind, spilled: false, fds: 3, len: 5, tag: u64::MAX - 1 };
            let mut packet = inline.to_bytes().to_vec();
            packet.extend_from_slice(b"hello");
            assert_eq!(Header::check(&packet, 3), Ok(inline));
            let spilled = Header { kind, spilled: true, fds: 0, len: u64::MAX, tag: 0 };
            assert_eq!(Header::check(&spilled.to_bytes(), 1), Ok(spilled));
        }
    }

    #[test]
    fn every_rule_is_named_when_it_is_broken() {
        let good = Header { kind: Kind::Values, spilled: false, fds: 0, len: 0, tag: 7 }.to_bytes();
        let broken = |at: usize, byte: u8| {
            let mut bytes = good;
            bytes[at] = byte;
            Header::check(&bytes, 0)
        };
        assert_eq!(Header::check(&good[..23], 0), Err("shorter than a header"));
        assert_eq!(broken(0, b'x'), Err("wrong magic"));
        assert_eq!(broken(4, 9), Err("unknown kind"));
        assert_eq!(broken(5, 2), Err("unknown flags"));
        assert_eq!(broken(8, 1), Err("wrong length"));
        assert_eq!(Header::check(&good, 1), Err("wrong number of descriptors"));
    }
}
