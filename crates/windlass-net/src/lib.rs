//! TCP, TLS and HTTP connections that carry a security context.
