//! Rust text with comments, the insides of strings and quoted tokens blanked, so that rules see code only.

use crate::text::occurrences;

/// Macros whose tokens are data: what they hold runs somewhere else, if anywhere.
const QUOTING: [&str; 3] = ["quote!", "quote_spanned!", "parse_quote!"];

/// The text with every byte of a comment, of a string or character between its quotes, and of the
/// tokens in a [`QUOTING`] macro replaced by a space. Offsets and lines stay the same.
pub(super) fn code(text: &str) -> String {
    let mut masked = text.as_bytes().to_vec();
    let mut at = 0;
    while at < masked.len() {
        let token = token(&text.as_bytes()[at..]);
        let end = at + token.length;
        blank(&mut masked[at + token.open..(end - token.close).max(at + token.open)]);
        at = end;
    }
    let plain = String::from_utf8_lossy(&masked).into_owned();
    for name in QUOTING {
        for at in occurrences(&plain, name) {
            let open = at + name.len();
            let length = group(&masked[open..]);
            blank(&mut masked[open..open + length]);
        }
    }
    // Whole characters were blanked, so what is left is the text it was.
    String::from_utf8_lossy(&masked).into_owned()
}

fn blank(bytes: &mut [u8]) {
    bytes.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
}

/// The length of the bracketed group that begins here, brackets included.
fn group(rest: &[u8]) -> usize {
    let mut depth = 0;
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            b' ' | b'\n' => continue,
            _ => {}
        }
        if depth <= 0 {
            return at + 1;
        }
    }
    rest.len()
}

/// A piece of the text, of which all is blanked but the bytes that open and close it.
struct Token {
    length: usize,
    open: usize,
    close: usize,
}

fn token(rest: &[u8]) -> Token {
    let kept = |length| Token { length, open: length, close: 0 };
    let comment = |length| Token { length, open: 0, close: 0 };
    // A string that never closes may end inside a character.
    let quoted =
        |length: usize, open| Token { length, open, close: usize::from(rest[length - 1].is_ascii()) };
    match rest {
        [b'/', b'/', ..] => comment(find(rest, b"\n").unwrap_or(rest.len())),
        [b'/', b'*', ..] => comment(block_comment(rest)),
        [b'"', ..] => quoted(string(rest), 1),
        [b'\'', ..] => quoted(character(rest), 1),
        _ => match raw_string(rest) {
            Some((length, open)) => quoted(length, open),
            None => kept(word(rest).max(1)),
        },
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// The length of the identifier, keyword or number that begins here, with the prefix of a string.
fn word(rest: &[u8]) -> usize {
    rest.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').unwrap_or(rest.len())
}

/// The length of the comment that begins here; comments nest.
fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of the string that begins here, quotes included.
fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of the character that begins here, or 1 when it is the quote of a lifetime.
fn character(rest: &[u8]) -> usize {
    if rest.get(1) == Some(&b'\\') {
        return rest.iter().skip(3).position(|byte| *byte == b'\'').map_or(rest.len(), |at| at + 4);
    }
    // One character of UTF-8 is up to four bytes long.
    let text = String::from_utf8_lossy(&rest[1..rest.len().min(6)]);
    let length = text.chars().next().map_or(0, char::len_utf8);
    if rest.get(1 + length) == Some(&b'\'') { length + 2 } else { 1 }
}

/// The length of the raw string that begins here and the length of what opens it.
fn raw_string(rest: &[u8]) -> Option<(usize, usize)> {
    let prefix = word(rest);
    if !matches!(&rest[..prefix], b"r" | b"br" | b"cr") {
        return None;
    }
    let hashes = rest[prefix..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(prefix + hashes) != Some(&b'"') {
        return None;
    }
    let open = prefix + hashes + 1;
    let close = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    let inside = find(&rest[open..], &close).map_or(rest.len(), |at| open + at + close.len());
    Some((inside, open))
}

#[cfg(test)]
mod tests {
    use super::code;

    /// Whether the marker `@` survives in `text`.
    fn survives(text: &str) -> bool {
        let masked = code(text);
        assert_eq!(masked.len(), text.len(), "{text:?} became {masked:?}");
        masked.contains('@')
    }

    #[test]
    fn code_stays() {
        for text in
            ["@", "a::<'b>(@)", "'x' @", "'\\'' @", "'\"' @ '\"'", "r#type @", "b'@' @", "\"\" @", "/**/ @"]
        {
            assert!(survives(text), "{text}");
        }
    }

    #[test]
    fn comments_go() {
        for text in ["// @", "//! @", "/* @ */", "/* /* */ @ */", "/* @"] {
            assert!(!survives(text), "{text}");
        }
    }

    #[test]
    fn strings_and_characters_go() {
        for text in
            ["\"@\"", "b\"@\"", "\"\\\"@\"", "r\"@\"", "r#\"\"@\"#", "br##\"\"#@\"##", "'@'", "\"\\\\@\""]
        {
            assert!(!survives(text), "{text}");
        }
    }

    #[test]
    fn quoted_tokens_go() {
        for text in ["quote!(@)", "quote! { a { } @ }", "quote_spanned!(span=> [@])", "parse_quote!(\")\" @)"]
        {
            assert!(!survives(text), "{text}");
        }
        for text in ["quote!(a) @", "quote!{ ')' } @", "unquote!(@)", "quote!() @ quote!()"] {
            assert!(survives(text), "{text}");
        }
    }

    #[test]
    fn quotes_and_lines_stay() {
        assert_eq!(code("f(\"é\n\", 'ü') // é\n"), "f(\"  \n\", '  ')      \n");
        assert_eq!(code("#[ignore = \"slow\"]"), "#[ignore = \"    \"]");
    }
}
