//! Runs of bytes that need no care.

/// What each byte is; zero is what needs no care.
pub(crate) type Classes = [u8; 256];

/// Stands for itself.
pub(crate) const PLAIN: u8 = 0;

/// How many bytes are looked at together.
const BLOCK: usize = 16;

/// After so many plain blocks a run is taken for a long one.
const FEW: usize = 4;

/// What a byte is, by its table.
#[inline]
pub(crate) fn class(classes: &Classes, byte: u8) -> u8 {
    classes.get(usize::from(byte)).copied().unwrap_or(u8::MAX)
}

/// The length of the run of plain bytes at the start. `stops` says what the table says or passes over
/// more.
///
/// Most runs are shorter than a block, and no two are equally long: where they end cannot be foreseen, so
/// that a loop over bytes would be guessed wrong once in each. A block is looked at without a branch; the
/// compiler makes one comparison of all its bytes from each in `stops`.
#[inline]
pub(crate) fn plain_run(bytes: &[u8], classes: &Classes, stops: impl Fn(u8) -> bool) -> usize {
    let mut rest = bytes;
    let mut blocks = 0;
    while let Some((block, after)) = rest.split_first_chunk::<BLOCK>() {
        let mut stopped = [0_u8; BLOCK];
        for (stopped, byte) in stopped.iter_mut().zip(block) {
            *stopped = if stops(*byte) { u8::MAX } else { 0 };
        }
        let stopped = u128::from_le_bytes(stopped);
        if stopped != 0 {
            let place = usize::try_from(stopped.trailing_zeros() / 8).unwrap_or_default();
            return bytes.len() - rest.len() + place;
        }
        rest = after;
        blocks += 1;
        if blocks == FEW {
            rest = after_plain(rest, &stops);
        }
    }
    bytes.len() - rest.len() + short_run(rest, classes)
}

/// What is left after several plain blocks at a time.
fn after_plain(bytes: &[u8], stops: impl Fn(u8) -> bool) -> &[u8] {
    let mut rest = bytes;
    while let Some((blocks, after)) = rest.split_first_chunk::<{ FEW * BLOCK }>() {
        if blocks.iter().fold(false, |any, byte| any | stops(*byte)) {
            break;
        }
        rest = after;
    }
    rest
}

/// The same for less than a block, by fours.
#[inline]
fn short_run(bytes: &[u8], classes: &Classes) -> usize {
    let (fours, _) = bytes.as_chunks::<4>();
    let any = |four: &[u8; 4]| four.iter().fold(PLAIN, |any, byte| any | class(classes, *byte));
    let length = 4 * fours.iter().take_while(|four| any(four) == PLAIN).count();
    let rest = bytes.get(length..).unwrap_or_default();
    length + rest.iter().take_while(|byte| class(classes, **byte) == PLAIN).count()
}

/// Whether all bytes of a short text are plain, again so that nothing is guessed. `stops` says what the table
/// says or more.
///
/// Two blocks cover the text from both ends. Where it is shorter than both, they overlap, which does no harm.
#[inline]
pub(crate) fn all_plain(bytes: &[u8], classes: &Classes, stops: impl Fn(u8) -> bool) -> bool {
    let any = |block: &[u8]| block.iter().fold(false, |any, byte| any | stops(*byte));
    if let (Some(first), Some(last)) = (bytes.first_chunk::<BLOCK>(), bytes.last_chunk::<BLOCK>()) {
        bytes.len() <= 2 * BLOCK && !(any(first) | any(last))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        !(any(first) | any(last))
    } else {
        bytes.iter().fold(PLAIN, |any, byte| any | class(classes, *byte)) == PLAIN
    }
}
