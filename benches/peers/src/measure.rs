//! Times of things that do the same, taken in turn.

use std::time::{Duration, Instant};

/// How long one of the things runs in a round, where that is more than once: shorter than the time
/// that an operating system gives, so that most rounds are not interrupted.
const ROUND: Duration = Duration::from_millis(1);
/// For how long the rounds go on, and how many there are at least.
const ALL: Duration = Duration::from_secs(3);
const ROUNDS: u32 = 3;

/// The time that each thing takes at best, in seconds. All run in turn, so that what else the machine
/// does disturbs all of them.
pub fn best<const N: usize>(things: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut repeated = things.map(|thing| {
        thing();
        let mut repeats = 1_u32;
        while time(thing, repeats) < ROUND {
            repeats *= 2;
        }
        move || time(thing, repeats) / repeats
    });
    shortest(repeated.each_mut().map(|thing| -> &mut dyn FnMut() -> Duration { thing }))
}

/// The same for things that have to be prepared each time, and take their own time of what counts.
pub fn shortest<const N: usize>(mut things: [&mut dyn FnMut() -> Duration; N]) -> [f64; N] {
    let mut shortest = [Duration::MAX; N];
    let start = Instant::now();
    let mut rounds = 0;
    while rounds < ROUNDS || start.elapsed() < ALL {
        for (thing, shortest) in things.iter_mut().zip(&mut shortest) {
            *shortest = thing().min(*shortest);
        }
        rounds += 1;
    }
    shortest.map(|time| time.as_secs_f64())
}

fn time(thing: &mut dyn FnMut(), repeats: u32) -> Duration {
    let start = Instant::now();
    for _ in 0..repeats {
        thing();
    }
    start.elapsed()
}

/// What is promised of a ratio.
pub enum Wanted {
    /// The other takes at least this many times as long.
    Faster(f64),
    /// Ours takes at most this many times as long.
    Within(f64),
}

/// Prints a line for what nothing stands beside: how often it can be done in a second.
pub fn rate(what: &str, ours: f64) {
    println!("{what:<38} {:>10}  {:.0} a second in one thread", shown(ours), 1.0 / ours);
}

/// Prints a line: what was done, our time and the other's, and their ratio.
pub fn compare(what: &str, ours: f64, beside: &str, theirs: f64, wanted: Wanted) {
    let (ratio, holds, wanted) = match wanted {
        Wanted::Faster(least) => (theirs / ours, theirs / ours >= least, format!("at least {least} x")),
        Wanted::Within(most) => (ours / theirs, ours / theirs <= most, format!("at most {most} x")),
    };
    let verdict = if holds { "" } else { "  MISSED" };
    println!(
        "{what:<38} {:>10}  {beside:<17} {:>10} {ratio:>7.1} x  {wanted}{verdict}",
        shown(ours),
        shown(theirs)
    );
}

fn shown(seconds: f64) -> String {
    match seconds {
        1e-3.. => format!("{:.2} ms", seconds * 1e3),
        1e-6.. => format!("{:.2} µs", seconds * 1e6),
        _ => format!("{:.1} ns", seconds * 1e9),
    }
}
