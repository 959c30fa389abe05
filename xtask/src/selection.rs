//! Which of many things a command is to run, by words of its command line.

/// Some of the things, or all.
#[derive(Debug)]
pub(crate) struct Selection<'a> {
    /// The words, and whether each has taken something; none: everything is taken.
    words: Vec<(&'a str, bool)>,
    /// What there is, for one that was mistaken.
    known: Vec<String>,
}

impl<'a> Selection<'a> {
    pub(crate) fn of(words: &'a [String]) -> Self {
        Self { words: words.iter().map(|word| (word.as_str(), false)).collect(), known: Vec::new() }
    }

    /// Whether everything in the group of that name is wanted.
    pub(crate) fn takes_group(&mut self, name: &str) -> bool {
        let everything = self.words.is_empty();
        self.used(|word| word == name) || everything
    }

    /// Whether the thing of that name is wanted.
    pub(crate) fn takes(&mut self, name: &str) -> bool {
        self.known.push(name.to_string());
        self.used(|word| name.contains(word))
    }

    fn used(&mut self, mut fits: impl FnMut(&str) -> bool) -> bool {
        let mut any = false;
        for (_, used) in self.words.iter_mut().filter(|(word, _)| fits(word)) {
            (*used, any) = (true, true);
        }
        any
    }

    /// Whether a word is left that has taken nothing yet.
    pub(crate) fn may_take_more(&self) -> bool {
        self.words.iter().any(|(_, used)| !used)
    }

    /// An error if a word has taken nothing; `none` begins it.
    pub(crate) fn verdict(self, none: &str) -> Result<(), String> {
        match self.words.iter().find(|(_, used)| !used) {
            Some((word, _)) => {
                Err(format!("{none} is called `{word}`; there are:\n  {}", self.known.join("\n  ")))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_string).collect()
    }

    #[test]
    fn no_words_take_everything() {
        let mut all = Selection::of(&[]);
        assert!(all.takes_group("sync"));
        assert!(!all.may_take_more());
        assert_eq!(all.verdict("no model"), Ok(()));
    }

    #[test]
    fn a_word_takes_a_group_or_things_by_a_part_of_their_names() {
        let words = words("sync barrier");
        let mut some = Selection::of(&words);
        assert!(some.takes_group("sync") && !some.takes_group("pool"));
        assert!(some.may_take_more());
        assert!(some.takes("loom_barrier::two") && !some.takes("loom_role::two"));
        assert!(!some.may_take_more());
        assert_eq!(some.verdict("no model"), Ok(()));
    }

    #[test]
    fn a_word_that_takes_nothing_is_an_error_with_what_there_is() {
        let words = words("barier");
        let mut some = Selection::of(&words);
        assert!(!some.takes_group("sync") && !some.takes("loom_barrier::two"));
        let error = some.verdict("no model").unwrap_err();
        assert_eq!(error, "no model is called `barier`; there are:\n  loom_barrier::two");
    }
}
