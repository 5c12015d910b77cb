//! Each family of cmdlets against the embedded host, over sockets, from one console and from several.
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

use std::process::{Command, Output};

use serde_json::Value;
use support::{Host, PASSWORD, PROGRAM, errors, lines, windlass};

/// Runs lines in a console that reaches the host as `srv1`.
fn console(host: &Host, text: &str) -> Output {
    let resolve = format!("srv1=127.0.0.1:{}", host.http);
    windlass(PASSWORD, &["console", "--credential", "alice", "--resolve", &resolve, "--command", text])
}

fn shown(ran: &Output) -> Vec<String> {
    let plain = |line: &Value| match &line["value"] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    lines(ran).iter().map(plain).collect()
}

/// What to run, and what is to come of it.
fn check(host: &Host, cases: &[(&str, &[&str])]) {
    let mut failed = Vec::new();
    for (text, expected) in cases {
        let ran = console(host, text);
        if ran.status.code() != Some(0) || shown(&ran) != *expected {
            failed.push(format!("{text}\n  {:?} {:?}\n  {}", ran.status.code(), shown(&ran), errors(&ran)));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// What is refused, with which status, and what is said.
fn check_refusals(host: &Host, cases: &[(&str, i32, &str)]) {
    for (text, status, said) in cases {
        let ran = console(host, text);
        assert_eq!(ran.status.code(), Some(*status), "{text}: {}", errors(&ran));
        assert!(errors(&ran).contains(said), "{text}: {}", errors(&ran));
    }
}

#[test]
fn sessions_are_left_and_come_back() {
    let host = Host::start(&[]);
    check(
        &host,
        &[
            (
                "$s = New-PSSession srv1 -Name web\n\
                 $d = Disconnect-PSSession $s -IdleTimeoutSec 120 -OutputBufferingMode Drop; $state = $s.State; \"$state\"\n\
                 $c = Connect-PSSession -Name web; $state = $s.State; \"$state\"\n\
                 Invoke-Command $s { Write-Output back }",
                &["Disconnected", "Opened", "back"],
            ),
            (
                "$s = Invoke-Command -ComputerName srv1 -InDisconnectedSession -SessionName left { Write-Output kept }\n\
                 $state = $s.State; \"$state\"; Receive-PSSession -Session $s; Remove-PSSession $s",
                &["Disconnected", "kept"],
            ),
            (
                "$s = Invoke-Command -ComputerName srv1 -InDisconnectedSession { Write-Output kept }\n\
                 $j = Receive-PSSession -Session $s -OutTarget Job -JobName got; $j.Name\n\
                 Wait-Job $j | Receive-Job",
                &["got", "kept"],
            ),
            // What is stopped makes room; one command may have a session twice.
            (
                "$s = New-PSSession srv1; $j = Invoke-Command $s { Start-Sleep 1000 } -AsJob\n\
                 Stop-Job $j; Invoke-Command $s,$s { Write-Output free }",
                &["free", "free"],
            ),
        ],
    );
    // Another process finds what the first one left.
    check(
        &host,
        &[
            (
                "$s = Invoke-Command -ComputerName srv1 -InDisconnectedSession -SessionName one { Write-Output 1 }",
                &[],
            ),
            ("Get-PSSession -ComputerName srv1 | Select-Object -ExpandProperty Name", &["one"]),
            ("Receive-PSSession -ComputerName srv1 -Name one", &["1"]),
            ("$s = New-PSSession srv1 -Name two; $d = Disconnect-PSSession $s", &[]),
            (
                "$s = Connect-PSSession -ComputerName srv1 -Name two\n\
                 Invoke-Command $s { Write-Output again }\nRemove-PSSession $s",
                &["again"],
            ),
        ],
    );
    check_refusals(
        &host,
        &[
            (
                "$s = New-PSSession srv1 -Name web; $j = Invoke-Command $s { Start-Sleep 1000 } -AsJob\n\
                 Invoke-Command $s { Get-Date }",
                1,
                "the session web is Busy",
            ),
            ("Connect-PSSession -ComputerName srv1 -Name nobody", 1, "no disconnected session that fits"),
            ("Connect-PSSession -Name nobody", 1, "no session is called 'nobody'"),
            (
                "Invoke-Command srv1 -InDisconnectedSession -DeadlineSec 5 { Get-Date }",
                2,
                "-DeadlineSec and -InDisconnectedSession cannot be used together",
            ),
            (
                "$s = New-PSSession srv1; $d = Disconnect-PSSession $s; Invoke-Command $s { Get-Date }",
                1,
                "can only run in one that is Opened",
            ),
        ],
    );
    host.stop();
}

#[test]
fn cim_objects_are_made_changed_called_and_followed() {
    let host = Host::start(&[]);
    let test = "-Namespace root/test -ComputerName srv1";
    let item = format!("Get-CimInstance Test_Item {test} -Filter");
    let cases = [
        (
            format!(
                "Invoke-CimMethod -ClassName Test_Methods {test} -MethodName Add \
                 -Arguments @{{ Left = 40; Right = 2 }} | Select-Object -ExpandProperty Sum"
            ),
            vec!["42"],
        ),
        (
            "Get-CimInstance Win32_Process -ComputerName srv1 | Select-Object -First 1 | \
             Invoke-CimMethod -MethodName GetOwner | Select-Object -ExpandProperty ReturnValue"
                .to_owned(),
            vec!["0"],
        ),
        (
            format!(
                "$made = New-CimInstance Test_Item {test} -Property @{{ Name = 'new'; Count = 3 }}; $made.Count\n\
                 $made | Set-CimInstance -Property @{{ Count = 7 }} -PassThru | Select-Object -ExpandProperty Count\n\
                 {item} \"Name = 'new'\" | Select-Object -ExpandProperty Count\n\
                 Set-CimInstance -Query \"SELECT * FROM Test_Item WHERE Name = 'new'\" {test} -Property @{{ Count = 8 }}\n\
                 $made | Get-CimInstance | Select-Object -ExpandProperty Count\n\
                 {item} \"Name = 'new'\" | Remove-CimInstance\n\
                 {item} \"Name = 'new'\" | Measure-Object | Select-Object -ExpandProperty Count"
            ),
            vec!["3", "7", "7", "8", "0"],
        ),
        (
            format!(
                "$made = New-CimInstance Test_Item {test} -Property @{{ Name = 'gone' }}\n\
                 Remove-CimInstance -Query \"SELECT * FROM Test_Item WHERE Name = 'gone'\" {test}\n\
                 {item} \"Name = 'gone'\" | Measure-Object | Select-Object -ExpandProperty Count"
            ),
            vec!["0"],
        ),
        (
            "(New-CimInstance Test_Item -Namespace root/test -Property @{ Name = 'x' } -Key Name -ClientOnly).Name".to_owned(),
            vec!["x"],
        ),
        (
            "$c = Get-CimInstance Win32_ComputerSystem -ComputerName srv1\n\
             Get-CimAssociatedInstance $c -ResultClassName Win32_Process | Select-Object -First 1 | \
             Select-Object -ExpandProperty CreationClassName\n\
             Get-CimAssociatedInstance $c -Association Win32_SystemProcesses | Select-Object -First 1 | \
             Select-Object -ExpandProperty PSComputerName"
                .to_owned(),
            vec!["Win32_Process", "srv1"],
        ),
        (
            "$c = Get-CimInstance Win32_ComputerSystem -ComputerName srv1\n\
             $p = Get-CimAssociatedInstance $c -ResultClassName Win32_Process -KeyOnly | Select-Object -First 1\n\
             $n = $p.CreationClassName; \"[$n]\""
                .to_owned(),
            vec!["[]"],
        ),
        (
            format!(
                "$j = Register-CimIndicationEvent -Query \"SELECT * FROM __InstanceCreationEvent WITHIN 0.1 WHERE \
                 TargetInstance ISA 'Test_Item'\" {test} -SourceIdentifier made; $j.Name\n\
                 $n = New-CimInstance Test_Item {test} -Property @{{ Name = 'seen' }}\n\
                 $w = Wait-Job $j -Timeout 2\n\
                 $e = Receive-Job $j; $e.SourceIdentifier\n\
                 $e.SourceEventArgs.NewEvent.TargetInstance.Name\n\
                 Stop-Job $j; $state = $j.State; \"$state\"; Remove-Job $j; Remove-CimInstance $n"
            ),
            vec!["made", "made", "seen", "Stopped"],
        ),
    ];
    let cases: Vec<(&str, &[&str])> =
        cases.iter().map(|(text, expected)| (text.as_str(), expected.as_slice())).collect();
    check(&host, &cases);
    check_refusals(
        &host,
        &[
            (
                "Invoke-CimMethod -ClassName Test_Methods -Namespace root/test -MethodName No -ComputerName srv1",
                1,
                "No",
            ),
            (
                "New-CimInstance Test_Item -Namespace root/test -Property @{ Count = 1 } -ComputerName srv1",
                1,
                "Name",
            ),
        ],
    );
    host.stop();
}

#[test]
fn resources_of_ws_management() {
    let host = Host::start(&[]);
    let uri = "wmi/root/test/Test_Item";
    let first = format!("{uri} -ComputerName srv1 -SelectorSet @{{ Name = 'first' }}");
    let new = format!("{uri} -ComputerName srv1 -SelectorSet @{{ Name = 'made' }}");
    let list = "-Enumerate -ComputerName srv1 -Filter";
    let base = "wmi/root/test/Test_Base -Enumerate -ComputerName srv1";
    let query = "SELECT * FROM Test_Item WHERE Name = 'second'";
    let cases = [
        (format!("(Get-WSManInstance {first}).Count"), vec!["1"]),
        (format!("(Get-WSManInstance {first} -Fragment Count).Count"), vec!["1"]),
        (
            format!(
                "Get-WSManInstance {uri} -Enumerate -ComputerName srv1 | Select-Object -First 1 -ExpandProperty Name"
            ),
            vec!["first"],
        ),
        (format!("(Get-WSManInstance wmi/root/test/* {list} \"{query}\").Name"), vec!["second"]),
        (format!("(Get-WSManInstance wmi/root/test/* {list} \"{query}\" -Dialect WQL).Name"), vec!["second"]),
        (format!("(Get-WSManInstance {uri} {list} \"Name='first'\" -Dialect selector).Count"), vec!["1"]),
        (format!("(Get-WSManInstance {base}).Colour"), vec!["green"]),
        (
            format!("$b = Get-WSManInstance {base} -BasePropertiesOnly; $b.Id; $b.Colour"),
            vec!["base", "derived", "more", "concrete", "null"],
        ),
        (format!("(Get-WSManInstance {base} -Shallow).Id"), vec!["base"]),
        (format!("(Get-WSManInstance {base} -Shallow -ReturnType epr).SelectorSet.Id"), vec!["base"]),
        (
            format!(
                "$i = Get-WSManInstance {base} -Shallow -ReturnType objectandepr\n\
                 $i.Test_Base.Name; $i.EndpointReference.SelectorSet.Id"
            ),
            vec!["the base", "base"],
        ),
        (
            format!(
                "$r = New-WSManInstance {new} -ValueSet @{{ Name = 'made'; Count = 4 }}; $r.SelectorSet.Name\n\
                 (Set-WSManInstance {new} -ValueSet @{{ Count = 6 }}).Count\n\
                 (Get-WSManInstance {new}).Count\n\
                 Remove-WSManInstance {new}"
            ),
            vec!["made", "6", "6"],
        ),
        (
            "(Invoke-WSManAction -Action Add -ResourceURI wmi/root/test/Test_Methods -ComputerName srv1 \
             -ValueSet @{ Left = 2; Right = 3 }).Sum"
                .to_owned(),
            vec!["5"],
        ),
        ("(Get-WSManInstance winrm/config -ComputerName srv1).MaxBatchItems".to_owned(), vec!["32000"]),
        // What is nested in a resource stays when a value beside it changes.
        (
            "$c = Set-WSManInstance winrm/config -ComputerName srv1 -ValueSet @{ MaxTimeoutms = 70000 }\n\
             $c.MaxTimeoutms; $c.Client.NetworkDelayms"
                .to_owned(),
            vec!["70000", "5000"],
        ),
    ];
    let cases: Vec<(&str, &[&str])> =
        cases.iter().map(|(text, expected)| (text.as_str(), expected.as_slice())).collect();
    check(&host, &cases);
    check_refusals(
        &host,
        &[
            (
                &format!("Get-WSManInstance {uri} -ComputerName srv1 -SelectorSet @{{ Name = 'no' }}"),
                1,
                "srv1",
            ),
            (&format!("Get-WSManInstance {uri} {list} 'Name' -Dialect selector"), 2, "NAME='VALUE'"),
            (
                &format!("Get-WSManInstance {uri} {list} x -Dialect association"),
                2,
                "Get-CimAssociatedInstance",
            ),
            (&format!("Get-WSManInstance {uri} {list} 'a<b' -Dialect urn:other"), 5, "dialect"),
        ],
    );
    host.stop();
}

#[test]
fn jobs_are_stopped_and_removed() {
    let host = Host::start(&[]);
    check(
        &host,
        &[
            (
                "$j = Invoke-Command srv1 { Start-Sleep 600 } -AsJob -JobName long\n\
                 Stop-Job -Name long; $state = $j.State; \"$state\"\n\
                 Remove-Job -Name long; Get-Job | Measure-Object | Select-Object -ExpandProperty Count",
                &["Stopped", "0"],
            ),
            (
                "$j = Invoke-Command srv1 { Start-Sleep 600 } -AsJob; Remove-Job $j -Force\n\
                 Get-Job | Measure-Object | Select-Object -ExpandProperty Count",
                &["0"],
            ),
            (
                "$j = Invoke-Command srv1 { Write-Output 1 } -AsJob; $w = Wait-Job $j\n\
                 Receive-Job $j -Keep; Receive-Job $j -AutoRemoveJob -Wait\n\
                 Get-Job | Measure-Object | Select-Object -ExpandProperty Count",
                &["1", "1", "0"],
            ),
        ],
    );
    check_refusals(
        &host,
        &[
            ("$j = Invoke-Command srv1 { Start-Sleep 600 } -AsJob; Remove-Job $j", 1, "still running"),
            ("Get-Job -Name nothing", 1, "there is no job called 'nothing'"),
            // Nobody looks at a job when it asks.
            (
                "$j = Invoke-Command srv1 { Read-Host } -AsJob; Wait-Job $j | Receive-Job",
                1,
                "does not support user interaction",
            ),
        ],
    );
    host.stop();
}

#[test]
fn prompts_without_a_terminal_are_refused_and_colours_are_left_out() {
    let scenario = std::env::temp_dir().join(format!("windlass-prompts-{}.json", std::process::id()));
    std::fs::write(
        &scenario,
        r#"{"scripts": [{"script": "choose", "host": [{"method": "PromptForChoice",
            "arguments": ["cap", "msg", [{"label": "&Yes", "helpMessage": ""}], 0]}]},
            {"script": "paint", "host": [{"method": "WriteLine3", "arguments": [10, -1, "green\u001b[31m"]}]}]}"#,
    )
    .unwrap();
    let host = Host::start(&["--scenario", scenario.to_str().unwrap()]);
    for text in ["Read-Host who", "Read-Host -AsSecureString", "Get-Credential", "choose"] {
        for line in [format!("Invoke-Command srv1 {{ {text} }}"), format!("Enter-PSSession srv1\n{text}")] {
            let ran = console(&host, &line);
            assert_eq!(ran.status.code(), Some(1), "{line}: {}", errors(&ran));
            assert!(errors(&ran).contains("does not support user interaction"), "{line}: {}", errors(&ran));
        }
    }
    // Written once, though it comes as a record and as a call.
    let ran = console(&host, "Invoke-Command srv1 { Write-Host shown -ForegroundColor Green }");
    assert_eq!((ran.status.code(), errors(&ran).as_str()), (Some(0), "shown\n"));
    let ran = console(&host, "Invoke-Command srv1 { paint }");
    assert_eq!((ran.status.code(), errors(&ran).as_str()), (Some(0), "green\n"));
    let ran =
        console(&host, "Enter-PSSession srv1\nWrite-Host shown\nWrite-Output 5\nexit\nWrite-Output here");
    assert_eq!(ran.status.code(), Some(0), "{}", errors(&ran));
    let said = String::from_utf8(ran.stdout).unwrap();
    assert_eq!(said.replace(' ', ""), "shown\n{\"value\":5}\n{\"value\":\"here\"}\n");
    std::fs::remove_file(scenario).unwrap();
    host.stop();
}

#[test]
fn a_session_is_entered_from_a_pipe() {
    let host = Host::start(&[]);
    let mut child = Command::new(PROGRAM)
        .args(["Enter-PSSession", "srv1", "-Credential", "alice", "--output", "ndjson"])
        .args(["--resolve", &format!("srv1=127.0.0.1:{}", host.http)])
        .env("WINDLASS_PASSWORD", PASSWORD)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"Write-Output 1\nexit\nWrite-Output 2\n").unwrap();
    drop(input);
    let ran = child.wait_with_output().unwrap();
    assert_eq!((ran.status.code(), shown(&ran)), (Some(0), vec!["1".to_owned()]), "{}", errors(&ran));
    host.stop();
}

#[test]
fn credentials_go_to_hosts_with_their_passwords() {
    let host = Host::start(&[]);
    let credential = "$c = Get-Credential carol; $p = $c.Password";
    let reads = "ConvertFrom-SecureString -AsPlainText -SecureString";
    let remote = "Invoke-Command -ComputerName srv1";
    check(
        &host,
        &[
            (&format!("{credential}; {remote} {{ {reads} $using:p }}"), &[PASSWORD]),
            (&format!("{credential}; ({remote} {{ Write-Output $using:c }}).UserName"), &["carol"]),
            (
                &format!("{credential}; $p | {remote} {{ $input | ConvertFrom-SecureString -AsPlainText }}"),
                &[PASSWORD],
            ),
            (
                &format!(
                    "{credential}; $j = {remote} {{ {reads} $using:p }} -AsJob; $j | Wait-Job | Receive-Job"
                ),
                &[PASSWORD],
            ),
        ],
    );
}
