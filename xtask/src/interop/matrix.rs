//! Mechanism and transport by role and peer: what the scripts ran, as their lines tell it.

use std::collections::{BTreeMap, BTreeSet};

/// What this project plays in a script.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Host,
    Client,
}

/// Scripts whose cases are logons: the role, and what they run over where a case does not say.
const SCRIPTS: &[(&str, Role, &str)] = &[
    ("host_mechanisms.py", Role::Host, "HTTPS"),
    ("mit_host.py", Role::Host, "HTTPS"),
    ("samba_host.py", Role::Host, "HTTP sealed"),
    ("pypsrp_client.py", Role::Host, "HTTP sealed"),
    ("pywinrm_client.py", Role::Host, "HTTP sealed"),
    ("our_client.py", Role::Client, "HTTP sealed"),
    ("mit_our_client.py", Role::Client, "HTTP sealed"),
    ("gssapi_client.py", Role::Client, "HTTPS"),
    ("mit_apache.py", Role::Client, "HTTPS"),
    ("apache_client.py", Role::Client, "HTTPS"),
    ("samba_ntlm.py", Role::Client, "tokens"),
    ("proxies.py", Role::Client, "to the proxy"),
    ("squid_krb5.py", Role::Client, "to the proxy"),
];

/// Words of a case, and the mechanism that they stand for. What comes first counts.
const MECHANISMS: &[(&str, &str)] = &[
    ("credssp", "CredSSP"),
    ("certificate", "Certificate"),
    ("digest", "Digest"),
    ("basic", "Basic"),
    ("kerberos", "Kerberos"),
    ("implicit", "Kerberos, held tickets"),
    ("ntlm", "NTLM"),
    ("ntlmssp", "NTLM"),
    ("spnego", "Negotiate"),
    ("negotiate", "Negotiate"),
];

/// How often cases passed and failed.
#[derive(Default)]
struct Cell {
    passed: usize,
    failed: usize,
}

/// The table, as it fills.
#[derive(Default)]
pub(crate) struct Matrix {
    cells: BTreeMap<(Role, String, String), Cell>,
}

impl Matrix {
    /// Takes a line of a script: `PEER: CASE: passed` or `PEER: CASE: failed: why`.
    pub(crate) fn line(&mut self, script: &str, line: &str) {
        let Some((_, role, usual)) = SCRIPTS.iter().find(|(name, ..)| *name == script) else { return };
        let Some((peer, rest)) = line.split_once(": ") else { return };
        let (case, passed) = match (rest.strip_suffix(": passed"), rest.split_once(": failed")) {
            (Some(case), _) => (case.to_lowercase(), true),
            (None, Some((case, _))) => (case.to_lowercase(), false),
            (None, None) => return,
        };
        // Where several peers share a script, the case begins with the one that it is about.
        let peer = match case.split_once(", ") {
            Some((named, _)) if script == "mit_host.py" => named.to_owned(),
            _ => peer.to_owned(),
        };
        if peer.starts_with("our") {
            return;
        }
        let words: Vec<&str> = case.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
        let mechanism = MECHANISMS.iter().find(|(word, _)| words.contains(word));
        let Some((_, mechanism)) = mechanism else { return };
        let transport = match () {
            () if case.contains("strict binding") => "HTTPS, strict binding",
            () if words.contains(&"https") => "HTTPS",
            () if words.contains(&"readable") => "HTTP readable",
            () if words.contains(&"http") || words.contains(&"sealed") => "HTTP sealed",
            () => usual,
        };
        // These two mechanisms have no keys to seal with.
        let transport = match (*mechanism, transport) {
            ("Basic" | "Digest", "HTTP sealed") => "HTTP readable",
            _ => transport,
        };
        let cell = self.cells.entry((*role, format!("{mechanism}, {transport}"), peer)).or_default();
        if passed {
            cell.passed += 1;
        } else {
            cell.failed += 1;
        }
    }

    /// Prints what there is.
    pub(crate) fn print(&self) {
        for (role, title) in
            [(Role::Host, "our host, with as client"), (Role::Client, "our client, with as server")]
        {
            let cells: Vec<_> = self.cells.iter().filter(|((of, ..), _)| *of == role).collect();
            let peers: BTreeSet<&str> = cells.iter().map(|((_, _, peer), _)| peer.as_str()).collect();
            let rows: BTreeSet<&str> = cells.iter().map(|((_, row, _), _)| row.as_str()).collect();
            if rows.is_empty() {
                continue;
            }
            let width = rows.iter().map(|row| row.len()).max().unwrap_or_default().max(title.len());
            let head: String = peers.iter().map(|peer| format!("  {peer:>12}")).collect();
            println!("\n{title:width$}{head}");
            for row in rows {
                let shown = |peer: &&str| {
                    let cell = self.cells.get(&(role, row.to_owned(), (*peer).to_owned()));
                    let text = match cell {
                        None => "-".to_owned(),
                        Some(Cell { passed, failed: 0 }) => format!("{passed} passed"),
                        Some(Cell { failed, .. }) => format!("{failed} FAILED"),
                    };
                    format!("  {text:>width$}", width = peer.len().max(12))
                };
                let line: String = peers.iter().map(shown).collect();
                println!("{row:width$}{line}");
            }
        }
        if !self.cells.is_empty() {
            println!();
        }
    }
}
