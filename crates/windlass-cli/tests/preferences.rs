//! What becomes of errors and warnings of remote commands, as `-ErrorAction` and its like say.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "test code"
)]

mod support;

use support::{Host, PASSWORD, errors, windlass};

#[test]
fn what_was_chosen_here_holds_for_what_comes_from_there() {
    let host = Host::start(&[]);
    let resolve = format!("srv1=127.0.0.1:{}", host.http);
    for (script, output, error) in [
        (
            "Invoke-Command srv1 { Write-Warning old } -WarningAction SilentlyContinue -WarningVariable w; $w.Count",
            "1",
            "",
        ),
        ("Invoke-Command srv1 { Write-Warning old } -WarningVariable w; $w.Message", "old", "WARNING: old"),
        ("Invoke-Command srv1 { Write-Verbose v -Verbose } -Verbose:$false", "", ""),
        ("Invoke-Command srv1 { Write-Verbose v -Verbose }", "", "VERBOSE: v"),
        (
            "Invoke-Command srv1 { Write-Information i } -InformationAction Ignore -InformationVariable i; $i.MessageData",
            "i",
            "",
        ),
        ("Invoke-Command srv1 { Write-Error bad } -ErrorAction Stop\n'after'", "", "Write-Error: [srv1] bad"),
        (
            "$ErrorActionPreference = 'Stop'\nInvoke-Command srv1 { Write-Output x; Write-Error bad }\n'after'",
            "x",
            "Write-Error: [srv1] bad",
        ),
        (
            "Invoke-Command srv1 { Write-Error bad } -ErrorAction SilentlyContinue; $Error[0].CategoryInfo.Category",
            "NotSpecified",
            "",
        ),
        (
            "$x = Invoke-Command srv1 { Write-Output 5 }; $x | Get-Member PSComputerName | Select-Object -ExpandProperty TypeName",
            "System.Int32",
            "",
        ),
    ] {
        let ran = windlass(
            PASSWORD,
            &[
                "console",
                "--output",
                "table",
                "--resolve",
                &resolve,
                "--credential",
                "alice",
                "--command",
                script,
            ],
        );
        assert_eq!(String::from_utf8_lossy(&ran.stdout).trim(), output, "{script}: {}", errors(&ran));
        assert_eq!(errors(&ran).trim(), error, "{script}");
        let status = i32::from(error.contains("bad"));
        assert_eq!(ran.status.code(), Some(status), "{script}");
    }
    // A command that is used wrongly over there is an error of the remote command.
    let script = "Invoke-Command srv1 { Write-Output } | Select-Object PSComputerName";
    let ran =
        windlass(PASSWORD, &["console", "--resolve", &resolve, "--credential", "alice", "--command", script]);
    assert_eq!(ran.status.code(), Some(1), "{}", errors(&ran));
    host.stop();
}
