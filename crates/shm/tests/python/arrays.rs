//! Arrays of numpy in segments of either side, and views over them.

use std::sync::atomic::Ordering::Relaxed;

use multiproc_shm::{RawElement, RawView, SharedMemory, ViewError};
use multiproc_testkit::{LIMIT, holds_within};

use crate::check::{Check, Failure, Judged, Lie, hex, holds, same};
use crate::peer::{Peer, Python};

pub(crate) const CHECKS: &[Check] = &[
    Check { name: "arrays/numpy over a rust segment", run: over, lies: &[Lie::Words, Lie::Bytes] },
    Check {
        name: "arrays/rust views of other types over numpy's",
        run: filled,
        lies: &[Lie::Words, Lie::Bytes],
    },
    Check { name: "arrays/strides of numpy's", run: strided, lies: &[Lie::Words] },
    Check { name: "arrays/fields of packed records", run: fields, lies: &[Lie::Words, Lie::Bytes] },
    Check { name: "arrays/the other order of bytes", run: foreign_order, lies: &[Lie::Words, Lie::Bytes] },
    Check { name: "arrays/none, no and 32 dimensions", run: odd_shapes, lies: &[Lie::Words, Lie::Bytes] },
    Check { name: "arrays/whole numbers while numpy stores", run: busy, lies: &[Lie::Bytes] },
];

/// Numbers whose bytes can be shown.
trait Number: RawElement {
    fn bytes(self) -> Vec<u8>;
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Number for $number {
            fn bytes(self) -> Vec<u8> {
                self.to_ne_bytes().to_vec()
            }
        }
    )*};
}
numbers!(i8, u16, i32, u64, i64, f32, f64);

/// All elements in the order of their indices.
fn shown<T: Number>(values: &[T]) -> String {
    let text = hex(values.iter().flat_map(|value| value.bytes()).collect::<Vec<_>>());
    if text.is_empty() { "none".to_owned() } else { text }
}

/// One array in our segment, which numpy reads and turns around.
fn turn<T: Number>(peer: &mut Peer, memory: &SharedMemory, dtype: &str, at: usize, values: Vec<T>) -> Judged {
    let view = memory.raw_view::<T>(at, &[2, 3, 4])?;
    view.copy_from_slice(&values)?;
    peer.say(&format!("{dtype} {at} 2,3,4"))?;
    same("what numpy reads", peer.hear()?, format!("{dtype} 24 {}", shown(&values)))?;
    peer.hear()?;
    let reversed: Vec<T> = values.into_iter().rev().collect();
    same("what numpy has turned around", shown(&view.to_vec()), shown(&reversed))
}

fn over(python: &Python) -> Judged {
    let memory = SharedMemory::create_any(64 + 6 * 256)?;
    let mut peer = python.act("arrays.over", &[memory.name().expect("it was created")])?;
    let at = |number: usize| 64 + 256 * number;
    turn(&mut peer, &memory, "i1", at(0) + 1, (0..24).map(|n| (n * 11 - 128_i32) as i8).collect())?;
    turn(&mut peer, &memory, "u2", at(1), (0..24).map(|n| (n * 2849_u32) as u16).collect())?;
    turn(
        &mut peer,
        &memory,
        "i4",
        at(2),
        (0..24_i64).map(|n| (n * 178_956_970 - (1 << 31)) as i32).collect(),
    )?;
    turn(&mut peer, &memory, "u8", at(3), (0..24).map(|n| u64::MAX - (n * n)).collect())?;
    turn(&mut peer, &memory, "f4", at(4), (0..24).map(|n| n as f32 / 3.0 - 4.0).collect())?;
    // At an odd place, with what compares to nothing, with signs of zero, with the smallest.
    let mut floats: Vec<f64> = (0..20).map(|n| f64::from(n) / 7.0).collect();
    floats.extend([f64::NAN, -0.0, f64::NEG_INFINITY, f64::from_bits(1)]);
    turn(&mut peer, &memory, "f8", at(5) + 3, floats)?;
    peer.say("end")?;
    peer.end()?;
    Ok(())
}

fn filled(python: &Python) -> Judged {
    let mut peer = python.act("arrays.filled", &[])?;
    let memory = peer.hear_segment()?;
    let formula: Vec<f64> = (0..12).map(|n| f64::from(n) * 0.5 - 1.25).collect();
    let table = memory.raw_view::<f64>(0, &[3, 4])?;
    same("its own type", table.to_vec(), formula.clone())?;
    let bits = memory.raw_view::<u64>(0, &[3, 4])?;
    same("f8 as u64", bits.to_vec(), formula.iter().map(|value| value.to_bits()).collect::<Vec<_>>())?;
    let bytes = table.cast::<u8>()?;
    same("f8 as u8", (bytes.shape(), hex(bytes.to_vec())), (&[3, 32][..], shown(&formula)))?;
    let halves: Vec<u16> = bytes.to_vec().chunks(2).map(|two| u16::from_ne_bytes([two[0], two[1]])).collect();
    same("f8 as u16", memory.raw_view::<u16>(0, &[48])?.to_vec(), halves)?;
    let signs = memory.raw_view::<u16>(128, &[6])?.to_vec();
    same("i2 as u16", signs, [0, 1, 0xffff, 2, 0x8000, 0x7fff])?;
    let waves = memory.raw_view::<f64>(256, &[2, 2, 2])?;
    let parts: Vec<u64> = waves.iter().map(f64::to_bits).collect();
    let expected = [1.0, 2.0, 3.0, -4.0, -0.0, 0.5, 7.0, 0.0].map(f64::to_bits);
    same("c16 as f64", parts, expected)?;
    same("bool as u8", memory.raw_view::<u8>(512, &[5])?.to_vec(), [1, 0, 0, 1, 1])?;
    let floats = memory.raw_view::<u16>(640, &[4])?;
    same("f2 as u16", floats.to_vec(), [0x3c00, 0xc000, 0x7bff, 0x3555])?;
    same("dates as i64", memory.raw_view::<i64>(768, &[2])?.to_vec(), [86_400, 1 << 31])?;

    bits.set(&[1, 2], std::f64::consts::PI.to_bits())?;
    memory.raw_view::<u16>(128, &[6])?.set(&[4], 0xfffe)?;
    memory.raw_view::<u8>(512, &[5])?.set(&[1], 1)?;
    floats.set(&[0], 0x4248)?;
    peer.say("written")?;
    let expected = format!("{} -2 True 4842", shown(&[std::f64::consts::PI]));
    same("what numpy finds then", peer.hear()?, expected)?;
    peer.end()?;
    Ok(())
}

/// Numbers with commas between them, `-` for none.
fn list<T: std::str::FromStr<Err: std::error::Error>>(text: &str) -> Result<Vec<T>, Failure> {
    if text == "-" {
        return Ok(Vec::new());
    }
    text.split(',').map(|number| Ok(number.parse()?)).collect()
}

/// The view of what numpy says of an array: its offset, shape and strides.
fn by_numbers(memory: &SharedMemory, words: &[String]) -> Result<RawView<i32>, Failure> {
    let [offset, shape, strides] = words else {
        return Err(Failure::Broken(format!("three words were due: {words:?}")));
    };
    Ok(memory.raw_view_with(offset.parse()?, &list::<usize>(shape)?, &list::<isize>(strides)?)?)
}

fn strided(python: &Python) -> Judged {
    let mut peer = python.act("arrays.strided", &[])?;
    let words = peer.hear_words()?;
    let memory = SharedMemory::open(&words[0])?;
    let count: usize = words[1].parse()?;
    let mut parts = Vec::new();
    for number in 0..count {
        let view = by_numbers(&memory, &peer.hear_words()?)?;
        same(&format!("part {number}, {view:?}"), shown(&view.to_vec()), peer.hear()?)?;
        parts.push(view);
    }
    same("how many parts there are", parts.len(), 9)?;
    // Every second column from the last row up; what numpy has broadcast is one row.
    let mut whole: Vec<i32> = (0..24).map(|n| n / 6 * 100 + n % 6).collect();
    for (at, index) in [[0, 0], [1, 2], [3, 1]].into_iter().enumerate() {
        parts[2].set(&index, -1 - at as i32)?;
        whole[(3 - index[0]) * 6 + 2 * index[1]] = -1 - at as i32;
    }
    parts[4].index_axis(0, 1)?.copy_from_slice(&[1, 2, 3, 4, 5, 6])?;
    whole[12..18].copy_from_slice(&[1, 2, 3, 4, 5, 6]);
    peer.say("written")?;
    same("what numpy finds then", peer.hear()?, shown(&whole))?;
    peer.end()?;
    Ok(())
}

fn fields(python: &Python) -> Judged {
    let mut peer = python.act("arrays.fields", &[])?;
    let words = peer.hear_words()?;
    let memory = SharedMemory::open(&words[0])?;
    let number = |at: usize| words[at].parse::<usize>();
    let (stride, number_at, count_at) = (number(1)?, number(2)?, number(3)?);
    same("a record without padding", (stride, number_at, count_at), (11, 1, 9))?;
    let numbers = memory.raw_view_with::<f64>(3 + number_at, &[5], &[stride.cast_signed()])?;
    let counts = memory.raw_view_with::<u16>(3 + count_at, &[5], &[stride.cast_signed()])?;
    holds("they lie at odd places", !numbers.is_aligned() && !counts.is_aligned())?;
    same(
        "an atomic load there",
        numbers.load(&[0], Relaxed),
        Err(ViewError::Misaligned { offset: 4, align: 8 }),
    )?;
    same("numbers", numbers.to_vec(), [0.5, -1.5, 2.5, -3.5, 4.5])?;
    same("counts", counts.to_vec(), [10, 20, 30, 40, 65_535])?;
    numbers.set(&[3], 1e-9)?;
    counts.set(&[0], 513)?;
    peer.say("written")?;
    let expected = format!("{} 1 2 3 4 5 513 20 30 40 65535", shown(&[0.5, -1.5, 2.5, 1e-9, 4.5]));
    same("what numpy finds then", peer.hear()?, expected)?;
    peer.end()?;
    Ok(())
}

fn foreign_order(python: &Python) -> Judged {
    let mut peer = python.act("arrays.foreign_order", &[])?;
    let memory = peer.hear_segment()?;
    let ints = memory.raw_view::<i32>(0, &[4])?;
    let turned: Vec<i32> = ints.iter().map(i32::from_be).collect();
    same("integers", turned, [1, -2, i32::MAX, i32::MIN])?;
    let floats = memory.raw_view::<u64>(32, &[3])?;
    let turned: Vec<u64> = floats.iter().map(u64::from_be).collect();
    same("floats", turned, [1.5, -0.0, 1e300].map(f64::to_bits))?;
    ints.set(&[2], 77_i32.to_be())?;
    floats.set(&[0], (-0.75_f64).to_bits().to_be())?;
    peer.say("written")?;
    let expected = "1 -2 77 -2147483648 -0x1.8000000000000p-1 -0x0.0p+0 0x1.7e43c8800759cp+996";
    same("what numpy finds then", peer.hear()?, expected)?;
    peer.end()?;
    Ok(())
}

fn odd_shapes(python: &Python) -> Judged {
    let mut peer = python.act("arrays.odd_shapes", &[])?;
    let memory = peer.hear_segment()?;
    let shape = |peer: &mut Peer| -> Result<Vec<usize>, Failure> { list(&peer.hear_words()?[0]) };
    let single = memory.raw_view::<i64>(8, &shape(&mut peer)?)?;
    same("a single number", peer.hear()?, format!("1 {}", shown(&single.to_vec())))?;
    same("its value", (single.ndim(), single.get(&[])), (0, Some(-5)))?;
    let empty = memory.raw_view::<i64>(64, &shape(&mut peer)?)?;
    same("no numbers", peer.hear()?, format!("{} {}", empty.len(), shown(&empty.to_vec())))?;
    let dims = shape(&mut peer)?;
    let deep = memory.raw_view::<u16>(24, &dims)?;
    same("32 dimensions", peer.hear()?, format!("2 {}", shown(&deep.to_vec())))?;
    same("its values", (deep.ndim(), deep.to_vec()), (32, vec![7, 9]))?;
    let deeper = memory.raw_view::<u16>(24, &[&dims[..], &[1]].concat());
    peer.say("seen")?;
    same("33, which numpy 2 has", deeper.err(), Some(ViewError::TooManyDims { dims: 33 }))?;
    peer.end()?;
    Ok(())
}

fn busy(python: &Python) -> Judged {
    let memory = SharedMemory::create_any(16)?;
    let mut peer = python.act("arrays.busy", &[memory.name().expect("it was created")])?;
    peer.hear()?;
    let place = memory.raw_view::<u64>(0, &[2])?;
    let (mut seen, mut torn) = ([false; 256], None);
    let met = holds_within(LIMIT, || {
        for _ in 0..100_000 {
            let value = place.get(&[1]).expect("there are two");
            let bytes = value.to_ne_bytes();
            seen[usize::from(bytes[7])] = true;
            if bytes.iter().any(|byte| *byte != bytes[7]) {
                torn = Some(value);
            }
        }
        torn.is_some() || seen.iter().filter(|seen| **seen).count() >= 64
    });
    same("a number that is half of one value and half of another", torn.map(u64::to_ne_bytes), None)?;
    holds("64 of its values are seen", met)?;
    peer.say("end")?;
    holds("numpy has gone through all of them", peer.hear_number::<u64>()? > 0)?;
    peer.end()?;
    Ok(())
}
