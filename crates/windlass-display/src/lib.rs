//! PowerShell objects as the tables and lists that PowerShell prints.
