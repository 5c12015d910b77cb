//! The compression of shell streams.
