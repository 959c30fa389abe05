//! What of arrays is compiled for the model checker: who has which part.

mod part_word;
#[cfg(test)]
mod tests;
