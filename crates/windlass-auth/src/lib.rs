//! Basic, NTLM and SPNEGO behind one security context, for initiators and acceptors.
