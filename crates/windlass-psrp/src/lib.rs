//! PowerShell remoting: fragments, messages, RunspacePool and Pipeline machines, both roles.
