//! Limits, secrets, status codes and byte cursors shared by every Windlass crate.
