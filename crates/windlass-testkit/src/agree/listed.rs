//! The differences from the recordings that are meant.
//!
//! Ours may be stricter where safety asks for it; it is never more lenient without a reason that
//! stands here.

/// Kind, case and reason of every difference that is meant.
pub const LISTED: &[(&str, &str, &str)] = &[];

/// Why this case may differ, if it may.
pub fn reason(kind: &str, case: &str) -> Option<&'static str> {
    LISTED.iter().find(|(k, c, _)| *k == kind && *c == case).map(|(_, _, reason)| *reason)
}
