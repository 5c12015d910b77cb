//! The PowerShell object model and its XML.
