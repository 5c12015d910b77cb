//! Runs of bytes that need no care, found with a table of what each byte is.

/// What each byte is; zero is what needs no care.
pub(crate) type Classes = [u8; 256];

/// Stands for itself.
pub(crate) const PLAIN: u8 = 0;

/// What a byte is, by its table.
#[inline]
pub(crate) fn class(classes: &Classes, byte: u8) -> u8 {
    classes.get(usize::from(byte)).copied().unwrap_or(u8::MAX)
}

/// The length of the run of plain bytes at the start. Only where it is long is it looked through in
/// blocks, with `is_plain`, which says the same as the table or is stricter.
#[inline]
pub(crate) fn plain_run(bytes: &[u8], classes: &Classes, is_plain: impl Fn(u8) -> bool) -> usize {
    let (words, _) = bytes.as_chunks::<4>();
    let mut length = 0;
    for [a, b, c, d] in words {
        let [a, b, c, d] = [a, b, c, d].map(|byte| class(classes, *byte));
        if a | b | c | d != PLAIN {
            break;
        }
        length += 4;
        if length == 64 {
            let (blocks, _) = bytes.get(length..).unwrap_or_default().as_chunks::<32>();
            let plain = |block: &&[u8; 32]| block.iter().fold(true, |plain, byte| plain & is_plain(*byte));
            length += 32 * blocks.iter().take_while(plain).count();
            break;
        }
    }
    while let Some(byte) = bytes.get(length)
        && class(classes, *byte) == PLAIN
    {
        length += 1;
    }
    length
}
