//! HTTP as WinRM uses it: the 401 loop, encrypted bodies, keep-alive rules.
