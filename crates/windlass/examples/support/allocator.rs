//! How the allocator treats what is freed, for examples that measure how much a session carries.

/// Makes the allocator keep some MiB that were freed. That of glibc returns them to the system and takes them anew
/// for each message, page by page, until a block was freed that is longer than messages.
pub(crate) fn keep_freed_memory() {
    const LONGER_THAN_MESSAGES: usize = 4 << 20;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(LONGER_THAN_MESSAGES)));
}
