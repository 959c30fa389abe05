//! Positions in a text: whole words and the lines they stand on.

/// The line, from 1, of the byte `offset`.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset].iter().filter(|&&byte| byte == b'\n').count()
}

/// The byte offsets at which `word` stands by itself, not as a part of a longer word.
pub(crate) fn occurrences(text: &str, word: &str) -> Vec<usize> {
    let part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let bytes = text.as_bytes();
    let alone = |&(at, _): &(usize, &str)| {
        let end = at + word.len();
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        !part(before) && (!part(bytes.get(end - 1)) || !part(bytes.get(end)))
    };
    text.match_indices(word).filter(alone).map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_by_themselves_only() {
        assert_eq!(occurrences("unsafe_code unsafe deunsafe", "unsafe"), [12]);
        assert_eq!(occurrences("call!(x) recall!(", "call!("), [0]);
        assert!(occurrences("ABCABCABC", "ABC").is_empty());
    }

    #[test]
    fn lines_count_from_one() {
        assert_eq!((line_of("a\nb", 0), line_of("a\nb", 2)), (1, 2));
    }
}
