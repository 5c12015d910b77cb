//! A namespace-aware XML reader and writer with limits.
