//! Sessions: PSSession and CimSession, asynchronously.
