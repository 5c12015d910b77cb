//! The differences from the recordings that are meant.
//!
//! Ours may be stricter where safety asks for it; it is never more lenient without a reason that
//! stands here.

/// Kind, case and reason of every difference that is meant.
pub const LISTED: &[(&str, &str, &str)] = &[
    (
        "psrp/streams",
        "host-read",
        "PowerShell's client cannot read the default choices of PromptForChoice that its own server sends; ours can",
    ),
    (
        "psrp/client",
        "host-read",
        "PowerShell's client cannot read the default choices of PromptForChoice that its own server sends; ours can",
    ),
    ("clixml/edges", "XD-5", "a document type definition, which is refused wherever XML is read"),
    (
        "clixml/edges",
        "XD-7",
        "a document type definition with an entity, which is refused wherever XML is read",
    ),
    (
        "display/format",
        r#"views | Format-Table Name,@{n="KB";e={$_.Size/1KB};width=8;alignment="right"} | 120"#,
        "a script block, which only a PowerShell can run",
    ),
    (
        "display/format",
        "views | Group-Object { $_.Id % 2 } | 120",
        "a script block, which only a PowerShell can run",
    ),
    (
        "display/format",
        "views-wide | Group-Object { $_.Id % 2 } | 120",
        "a script block, which only a PowerShell can run",
    ),
    (
        "display/format",
        r#"views | Format-Table Name,@{n="KB";e={$_.Size/1KB};width=8;alignment="right"} | 60"#,
        "a script block, which only a PowerShell can run",
    ),
    (
        "display/format",
        "views | Group-Object { $_.Id % 2 } | 60",
        "a script block, which only a PowerShell can run",
    ),
    (
        "display/format",
        "views-wide | Group-Object { $_.Id % 2 } | 60",
        "a script block, which only a PowerShell can run",
    ),
];

/// Why this case may differ, if it may.
pub fn reason(kind: &str, case: &str) -> Option<&'static str> {
    LISTED.iter().find(|(k, c, _)| *k == kind && *c == case).map(|(_, _, reason)| *reason)
}
