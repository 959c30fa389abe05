//! Fenced code blocks of Markdown, and what rustdoc makes of a Rust one.

/// A fenced block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The line of the opening fence, from 1.
    pub(crate) line: usize,
    /// The words after the fence: `rust`, `no_run`, `text`…
    pub(crate) info: Vec<String>,
    /// The lines between the fences, as written.
    pub(crate) text: String,
}

impl Block {
    /// Whether rustdoc takes it for Rust.
    pub(crate) fn is_rust(&self) -> bool {
        const ATTRIBUTES: [&str; 5] =
            ["should_panic", "no_run", "ignore", "standalone_crate", "test_harness"];
        let known = |word: &String| {
            word == "rust"
                || ATTRIBUTES.contains(&word.as_str())
                || word.starts_with("compile_fail")
                || word.starts_with("edition")
        };
        self.info.iter().all(known)
    }

    pub(crate) fn has(&self, attribute: &str) -> bool {
        self.info.iter().any(|word| word == attribute)
    }

    /// The whole program that rustdoc would compile: hidden lines shown, `fn main` added when missing.
    pub(crate) fn program(&self) -> String {
        let code: String = self.text.lines().map(|line| revealed(line) + "\n").collect();
        if code.contains("fn main(") {
            return code;
        }
        if code.trim_end().ends_with("(())") {
            return format!(
                "fn main() {{\nfn example() -> Result<(), impl std::fmt::Debug> {{\n{code}}}\nexample().unwrap();\n}}\n"
            );
        }
        format!("fn main() {{\n{code}}}\n")
    }
}

/// A line as the compiler sees it: `# ` hides from the reader only, `##` stands for `#`.
fn revealed(line: &str) -> String {
    let code = line.trim_start();
    let indent = &line[..line.len() - code.len()];
    match code.strip_prefix('#') {
        Some("") => String::new(),
        Some(rest) if rest.starts_with('#') => format!("{indent}{rest}"),
        Some(rest) if rest.starts_with(' ') => format!("{indent}{}", &rest[1..]),
        _ => line.to_string(),
    }
}

/// The fenced blocks of `text`, in order.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<(Block, String)> = None;
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        match &mut open {
            Some((_, fence)) if trimmed == fence => found.extend(open.take().map(|(block, _)| block)),
            Some((block, _)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {
                let ticks = trimmed.len() - trimmed.trim_start_matches('`').len();
                if ticks >= 3 {
                    let info = trimmed[ticks..].split([',', ' ']).filter(|word| !word.is_empty());
                    let info = info.map(str::to_string).collect();
                    let block = Block { line: at + 1, info, text: String::new() };
                    open = Some((block, "`".repeat(ticks)));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# Title\n\n```text\nplain\n```\n\n```rust,no_run\n# use std::fs;\nfn main() {}\n```\n";

    #[test]
    fn blocks_come_with_line_words_and_text() {
        let found = blocks(TEXT);
        assert_eq!(found.len(), 2);
        assert!(!found[0].is_rust());
        assert!(found[1].is_rust() && found[1].has("no_run"));
        assert_eq!((found[1].line, found[1].text.as_str()), (7, "# use std::fs;\nfn main() {}\n"));
    }

    #[test]
    fn a_block_without_words_is_rust() {
        assert!(blocks("```\nlet a = 1;\n```\n")[0].is_rust());
    }

    #[test]
    fn hidden_lines_are_shown_to_the_compiler_and_attributes_stay() {
        assert_eq!(revealed("# let a = 1;"), "let a = 1;");
        assert_eq!(revealed("    # let a = 1;"), "    let a = 1;");
        assert_eq!(revealed("#"), "");
        assert_eq!(revealed("## a"), "# a");
        assert_eq!(revealed("#[derive(Debug)]"), "#[derive(Debug)]");
    }

    #[test]
    fn a_program_has_a_main() {
        assert_eq!(blocks(TEXT)[1].program(), "use std::fs;\nfn main() {}\n");
        let bare = blocks("```\nassert!(true);\n```\n")[0].program();
        assert_eq!(bare, "fn main() {\nassert!(true);\n}\n");
        let fallible = blocks("```\nf()?;\n# Ok::<(), E>(())\n```\n")[0].program();
        assert!(
            fallible.contains("impl std::fmt::Debug") && fallible.contains("\nOk::<(), E>(())\n"),
            "{fallible}"
        );
    }
}
