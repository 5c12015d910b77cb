//! WS-Management: Identify, Transfer, Enumeration and the Shell resource, both roles.
