//! Pieces of work that run at once.

use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use anyhow::Result;

/// Does `work` on each item, so many at once, and hands over each outcome as it comes. When `hand_over` fails, the work
/// that has begun is finished, and no other begins.
pub(crate) fn side_by_side<T: Send, R: Send>(
    at_once: usize,
    items: Vec<T>,
    work: impl Fn(T) -> R + Sync,
    mut hand_over: impl FnMut(R) -> Result<()>,
) -> Result<()> {
    let items = Mutex::new(items.into_iter());
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    let (sender, outcomes) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..at_once {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                while let Some(item) = next() {
                    if sender.send(work(item)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        outcomes.into_iter().try_for_each(&mut hand_over)
    })
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn every_item_is_worked_on_once() {
        let mut squares = Vec::new();
        side_by_side(
            3,
            (0..100).collect(),
            |number| number * number,
            |square| {
                squares.push(square);
                Ok(())
            },
        )
        .unwrap();
        squares.sort_unstable();
        assert_eq!(squares, (0..100).map(|number| number * number).collect::<Vec<_>>());
    }

    #[test]
    fn a_failure_ends_the_work() {
        let outcome = side_by_side(
            2,
            (0..10_000).collect(),
            |number: u32| number,
            |number| {
                if number == 3 { bail!("three") } else { Ok(()) }
            },
        );
        assert_eq!(outcome.unwrap_err().to_string(), "three");
    }
}
