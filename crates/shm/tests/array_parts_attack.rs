//! Messages of parts that are old, damaged, or of another array.

mod common;

use common::{alone, pack, unpack};
use multiproc_shm::transfer::{self, Refusal};
use multiproc_shm::{ArrayPart, AtomicArray, SharedArray, ShmError, Split};

fn split(len: usize, n: usize) -> Split<u64> {
    SharedArray::from_fn(len, |i| i as u64).unwrap().split(n).unwrap()
}

fn take(split: &mut Split<u64>, index: usize) -> ArrayPart<u64> {
    split.take(index).unwrap().expect("nobody has it")
}

fn refused(error: Refusal) -> ShmError {
    *error.downcast::<ShmError>().unwrap()
}

#[test]
fn old_parts_mean_nothing_to_a_joined_array_and_other_types_nothing_to_a_part() {
    alone(|| {
        let mut first = split(4, 2);
        let (bytes, mut sent) = {
            let part = take(&mut first, 0);
            transfer::encoding(0, || postcard::to_stdvec(&part))
        };
        let (bytes, fds) = (bytes.unwrap(), std::mem::take(&mut sent.fds));
        let decode_as = |fds: &[transfer::Descriptor]| {
            let fds = fds.iter().cloned().map(Some).collect();
            let (part, left) = transfer::decoding(fds, || postcard::from_bytes::<ArrayPart<u64>>(&bytes));
            part.map_err(|_| refused(left.refused.unwrap()))
        };
        drop(sent); // rolled back
        assert!(
            first.missing().unwrap().is_empty(),
            "what did not go has the part no more, whoever has its descriptors"
        );
        // Those of another array: nothing of that is reached.
        let mut its = split(4, 2);
        drop(take(&mut its, 0)); // so that the next one has another number than the first array's
        let other = take(&mut its, 0);
        let (_, others) = transfer::encoding(0, || postcard::to_stdvec(&other));
        assert!(matches!(decode_as(&others.fds), Err(ShmError::PartIsSent)));
        drop(others);
        assert_eq!(*other.read(), [0, 1]);

        assert!(matches!(decode_as(&fds), Err(ShmError::PartIsSent)));
        drop(fds);
        let array = first.join().unwrap();
        let (_, locked) = transfer::encoding(0, || postcard::to_stdvec(&array));
        assert!(matches!(decode_as(&locked.fds), Err(ShmError::ArrayMode { .. })));
        drop(locked);

        let mut again = array.split(2).unwrap();
        let part = pack(&take(&mut again, 0)).unwrap();
        let error = refused(unpack::<SharedArray<u64>>(part).unwrap_err());
        assert!(matches!(error, ShmError::ArrayMode { .. }), "{error}");
        let part = pack(&take(&mut again, 0)).unwrap();
        assert!(unpack::<AtomicArray<u64>>(part).is_err());
        let part = pack(&take(&mut again, 0)).unwrap();
        let error = refused(unpack::<ArrayPart<i64>>(part).unwrap_err());
        assert!(matches!(error, ShmError::LayoutMismatch { .. }), "{error}");
        again.join().unwrap();
    });
}

#[test]
fn a_message_that_was_damaged_brings_nothing() {
    alone(|| {
        let mut split = split(4, 2);
        let part = take(&mut split, 1);
        let (bytes, mut sent) = transfer::encoding(0, || postcard::to_stdvec(&part));
        let (bytes, fds) = (bytes.unwrap(), std::mem::take(&mut sent.fds));
        sent.transfers.commit();
        // Two descriptors, the index, the number, whether it may be torn.
        assert_eq!(bytes, [0, 1, 1, 3, 0]);
        let decode = |bytes: &[u8]| {
            let fds = fds.iter().cloned().map(Some).collect();
            let (part, left) = transfer::decoding(fds, || postcard::from_bytes::<ArrayPart<u64>>(bytes));
            part.map_err(|error| left.refused.map_or(error.to_string(), |refused| refused.to_string()))
        };
        let index = decode(&[0, 1, 2, 3, 0]).unwrap_err();
        assert!(index.contains("the index of a part"), "{index}");
        for number in [0, 1, 2, 4, 5, 127] {
            assert!(decode(&[0, 1, 1, number, 0]).is_err(), "{number}");
        }
        for swapped in [[1, 0, 1, 3, 0], [0, 0, 1, 3, 0], [0, 7, 1, 3, 0], [0, 1, 0, 3, 0]] {
            assert!(decode(&swapped).is_err(), "{swapped:?}");
        }
        (0..5).for_each(|len| assert!(decode(&bytes[..len]).is_err()));
        assert_eq!(*decode(&bytes).unwrap().read(), [2, 3]);
    });
}
