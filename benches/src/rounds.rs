//! The order of rounds: each lets every player play once, and another one begins each time, so that a disturbance hits
//! all alike and no one always follows the same neighbour.

use crate::Result;
use crate::stats::Played;

/// Something that plays rounds.
pub(crate) trait Player {
    fn play(&mut self) -> Result<Played>;
}

/// Has the players play one round that is discarded, then `rounds` that count. One that fails plays no more.
/// `played` is called after each play.
pub(crate) fn interleave<P: Player>(
    players: &mut [P],
    rounds: usize,
    mut played: impl FnMut(),
) -> Vec<Result<Vec<Played>>> {
    let mut values: Vec<Result<Vec<Played>>> = players.iter().map(|_| Ok(Vec::new())).collect();
    for round in 0..=rounds {
        for player in turn(round, players.len()) {
            if let Ok(so_far) = &mut values[player] {
                match players[player].play() {
                    Ok(_) if round == 0 => {}
                    Ok(value) => so_far.push(value),
                    Err(error) => values[player] = Err(error),
                }
            }
            played();
        }
    }
    values
}

/// Who plays when in a round.
fn turn(round: usize, players: usize) -> impl Iterator<Item = usize> {
    (0..players).map(move |place| (round + place) % players)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    struct Fake<'a> {
        name: char,
        values: Vec<f64>,
        log: &'a RefCell<String>,
    }

    impl Player for Fake<'_> {
        fn play(&mut self) -> Result<Played> {
            self.log.borrow_mut().push(self.name);
            self.values.pop().map(Played::plain).ok_or_else(|| "it broke".into())
        }
    }

    #[test]
    fn players_take_turns_and_the_first_round_does_not_count() {
        let log = RefCell::default();
        let player =
            |name, values: &[f64]| Fake { name, values: values.iter().rev().copied().collect(), log: &log };
        let mut players = [
            player('a', &[99.0, 1.0, 2.0, 3.0]),
            player('b', &[0.0, 5.0, 7.0, 5.0]),
            player('c', &[1.0, 1.0]),
        ];
        let mut plays = 0;
        let results = interleave(&mut players, 3, || plays += 1);
        // c fails in the third round and is left out of the fourth.
        assert_eq!(*log.borrow(), "abcbcacabab");
        assert_eq!(plays, 12);
        let values = |values: &[f64]| values.iter().copied().map(Played::plain).collect::<Vec<_>>();
        assert_eq!(*results[0].as_ref().unwrap(), values(&[1.0, 2.0, 3.0]));
        assert_eq!(*results[1].as_ref().unwrap(), values(&[5.0, 7.0, 5.0]));
        assert_eq!(results[2].as_ref().unwrap_err().to_string(), "it broke");
    }
}
