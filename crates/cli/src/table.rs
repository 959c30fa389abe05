//! Tables whose columns are aligned.

use std::io::{self, Write};

/// A title, a line of headings, and the rows; where there are none, a word instead.
pub(crate) fn write<const N: usize>(
    title: &str,
    headings: [&str; N],
    rows: &[[String; N]],
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{title}")?;
    if rows.is_empty() {
        return writeln!(out, "none");
    }
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| printable(cell))).collect();
    let headings = headings.map(str::to_owned);
    let width = |column: usize| {
        let cells = rows.iter().map(|row| &row[column]).chain([&headings[column]]);
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    for row in [&headings].into_iter().chain(&rows) {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// Without what a terminal would take for a command, and without letters that are not seen or turn the line around: names are strangers'
/// choice.
pub(crate) fn printable(text: &str) -> String {
    let shown = |letter: char| match letter {
        '\'' | '"' | '\\' => letter.into(),
        _ => letter.escape_debug().to_string(),
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<const N: usize>(headings: [&str; N], rows: &[[&str; N]]) -> String {
        let rows: Vec<_> = rows.iter().map(|row| row.map(str::to_owned)).collect();
        let mut out = Vec::new();
        write("TITLE", headings, &rows, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let shown = text(["A", "LONG", "C"], &[["é23", "x", ""], ["1", "y", "z"]]);
        assert_eq!(shown, "TITLE\nA    LONG  C\né23  x\n1    y     z\n");
    }

    #[test]
    fn nothing_is_a_word() {
        assert_eq!(text(["A"], &[]), "TITLE\nnone\n");
    }

    #[test]
    fn names_give_the_terminal_no_commands() {
        assert_eq!(printable("a\x1b[2J\nb"), "a\\u{1b}[2J\\nb");
        assert_eq!(printable("a\u{202e}b\u{200b}"), "a\\u{202e}b\\u{200b}");
        assert_eq!(printable("it's \"é\" \\"), "it's \"é\" \\");
    }
}
