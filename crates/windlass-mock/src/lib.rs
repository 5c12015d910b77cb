//! An embedded WinRM host: tests, demo and the local computer.
