//! What of arrays is compiled for the model checker: who has which part, and what its owner does with it.

#[allow(dead_code)] // the models use it
mod part_state;
#[allow(dead_code)] // the models use it
mod part_word;
#[cfg(test)]
mod tests;
