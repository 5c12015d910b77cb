//! The binary as a user runs it: against its own host on loopback.
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

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::{Host, PASSWORD, PROGRAM, lines, windlass};

#[test]
fn cmdlets_against_the_host() {
    let host = Host::start(&[]);
    let http = ["-ComputerName", "localhost", "-Port", &host.http, "-Cred", "alice"];

    let ran =
        windlass(PASSWORD, &[&["invoke-command"], &http[..], &["{", "Write-Output", "1,two", "}"]].concat());
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let values: Vec<Value> = lines(&ran).iter().map(|line| line["value"].clone()).collect();
    assert_eq!(values, [Value::from(1), Value::from("two")]);

    let ran = windlass(
        PASSWORD,
        &[&["invoke-command", "-Authentication", "NTLM"], &http[..], &["Write-Output 3"]].concat(),
    );
    assert_eq!((ran.status.code(), lines(&ran).len()), (Some(0), 1), "{ran:?}");

    let tls =
        ["-cn", "localhost", "-Port", &host.https, "-UseSSL", "-CAFile", &host.certificate, "-Cred", "alice"];
    let ran = windlass(
        PASSWORD,
        &[&["Get-CimInstance", "Win32_OperatingSystem", "-Authentication", "Basic"], &tls[..]].concat(),
    );
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert_eq!(lines(&ran).len(), 1);

    let ran = windlass(PASSWORD, &["Test-WSMan", "-ComputerName", "localhost", "-Port", &host.http]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    host.stop();
}

#[test]
fn results_name_the_session_that_they_come_from() {
    let host = Host::start(&[]);
    let resolve = format!("srv1=127.0.0.1:{}", host.http);
    let text = "Invoke-Command srv1 { Write-Output now }\n\
                $j = Invoke-Command srv1 { Write-Output later } -AsJob; Receive-Job $j -Wait";
    let ran =
        windlass(PASSWORD, &["console", "--credential", "alice", "--resolve", &resolve, "--command", text]);
    let ids: Vec<Value> = lines(&ran).iter().map(|line| line["RunspaceId"].clone()).collect();
    assert_eq!(ids.len(), 2, "{}", support::errors(&ran));
    assert!(ids.iter().all(|id| id.as_str().is_some_and(|id| id.len() == 36)) && ids[0] != ids[1], "{ids:?}");
    host.stop();
}

#[test]
#[cfg(unix)]
fn a_host_without_input_stays() {
    use std::io::BufRead;
    use std::os::unix::fs::PermissionsExt;
    let users = std::env::temp_dir().join(format!("windlass-users-{}", std::process::id()));
    std::fs::write(&users, "alice:x\n").unwrap();
    std::fs::set_permissions(&users, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut child = Command::new(PROGRAM)
        .args(["mock", "--user-file", users.to_str().unwrap()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut ready).unwrap();
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let port = ready["http"].as_str().unwrap().rsplit_once(':').unwrap().1;
    let ran = windlass("x", &["Test-WSMan", "localhost", "-Port", port, "-Credential", "alice"]);
    assert_eq!(ran.status.code(), Some(0), "{}", support::errors(&ran));
    assert!(child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::remove_file(users).unwrap();
}

#[test]
fn one_who_reads_no_more_is_told_nothing() {
    let host = Host::start(&[]);
    let resolve = format!("srv1=127.0.0.1:{}", host.http);
    let at = ["--resolve", &resolve, "--credential", "alice"];
    for words in [
        &["help"][..],
        &["--help"],
        &["Get-CimInstance", "--help"],
        &["completion", "bash"],
        &["doctor", "srv1"],
        &["Get-CimInstance", "Win32_Process", "-ComputerName", "srv1"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let reach = if ["doctor", "Get-CimInstance"].contains(&words[0]) && words[1] != "--help" {
            &at[..]
        } else {
            &[]
        };
        let ran = Command::new(PROGRAM)
            .args([words, reach].concat())
            .env("WINDLASS_PASSWORD", PASSWORD)
            .stdin(Stdio::null())
            .stdout(writer)
            .output()
            .unwrap();
        assert_eq!((support::errors(&ran), ran.status.code()), (String::new(), Some(0)), "{words:?}");
    }
    host.stop();
}

#[test]
fn exit_statuses_tell_failures_apart() {
    let host = Host::start(&[]);
    let at = |port: &str, more: &[&str]| -> Vec<String> {
        let base = ["Invoke-Command", "-ComputerName", "localhost", "-Port", port, "-Credential", "alice"];
        base.iter().chain(more).map(|word| (*word).to_owned()).collect()
    };
    for (password, arguments, status) in [
        (PASSWORD, at(&host.http, &["Write-Error oops"]), 1),
        (PASSWORD, at(&host.http, &["-Nonsense"]), 2),
        (PASSWORD, at("1", &["Get-Date"]), 3),
        (PASSWORD, at(&host.http, &["-UseSSL", "Get-Date"]), 3),
        ("wrong", at(&host.http, &["Get-Date"]), 4),
        (PASSWORD, at(&host.http, &["-ConfigurationName", "Nope", "Get-Date"]), 5),
        (PASSWORD, at(&host.http, &["-DeadlineSec", "1", "Start-Sleep 1000"]), 5),
    ] {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ran = windlass(password, &words);
        assert_eq!(ran.status.code(), Some(status), "{words:?}: {}", String::from_utf8_lossy(&ran.stderr));
        assert!(!String::from_utf8_lossy(&ran.stderr).contains(PASSWORD));
    }
    host.stop();
}

#[test]
fn refusals_name_the_computer_the_layer_and_the_reason() {
    let host = Host::start(&[]);
    let there = ["-ComputerName", "localhost", "-Port", &host.http, "-Credential", "alice"];
    let at = format!("localhost:{}: WS-Management", host.http);
    let class = ["Get-CimInstance", "NoSuchClass"];
    for (cmdlet, there, status, said) in [
        (
            &["Invoke-Command", "{ 1 + 1 }"][..],
            &there[..],
            1,
            ["[localhost]", "The endpoint refuses the command: The syntax is not supported"],
        ),
        (
            &["Invoke-Command", "{ Get-Date | }"],
            &there,
            1,
            ["[localhost]", "The endpoint cannot read the command: at offset 10"],
        ),
        (&class, &there, 1, [&at, "The class NoSuchClass does not exist"]),
        (&class, &[], 1, ["localhost: WS-Management", "The class NoSuchClass does not exist"]),
        (&["Get-CimInstance", "-Query", "SELECT FROM"], &there, 1, [&at, "query, position 11"]),
    ] {
        let ran = windlass(PASSWORD, &[cmdlet, there].concat());
        let text = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(status), "{cmdlet:?}: {text}");
        assert!(said.iter().all(|part| text.contains(part)), "{cmdlet:?}: {said:?} is not in {text}");
    }
    host.stop();
}

#[test]
fn mistakes_are_told_so_that_they_can_be_mended() {
    for (words, said) in [
        (&["Get-CimInstnce", "Win32_Process"][..], "did you mean Get-CimInstance?"),
        (&["Get-CimInstance", "Win32_Process", "-Computr", "srv1"], "did you mean -ComputerName?"),
        (&["help", "Get-CimInstnce"], "did you mean Get-CimInstance?"),
        (&["help", "consle"], "did you mean console?"),
        (&["help", "configuratoin"], "did you mean configuration?"),
        (&["help", "frobnicate"], "`windlass help` lists them"),
        (&["Test-WSMan", "-ComputerName", "localhost", "-Port", "1"], "`windlass doctor` looks"),
        (&["Invoke-Command", "srv1", "{", "Get-Date"], "quote a block"),
    ] {
        let ran = windlass(PASSWORD, words);
        assert_ne!(ran.status.code(), Some(0));
        assert!(support::errors(&ran).contains(said), "{}", support::errors(&ran));
    }
}

#[test]
fn the_local_computer_answers_in_process() {
    let ran = windlass(
        "",
        &["Get-CimInstance", "-Query", "SELECT ProcessId FROM Win32_Process WHERE ProcessId = 1"],
    );
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert_eq!(lines(&ran), [serde_json::json!({ "ProcessId": 1 })]);
}

#[test]
fn a_document_is_whole_whatever_comes() {
    let nothing =
        ["Get-CimInstance", "-Query", "SELECT * FROM Win32_Process WHERE ProcessId = 0", "--output"];
    for (format, expected) in [("json", "[]"), ("clixml", "<Objs"), ("ndjson", ""), ("csv", "")] {
        let ran = windlass("", &[&nothing[..], &[format]].concat());
        assert_eq!(ran.status.code(), Some(0), "{ran:?}");
        let text = String::from_utf8(ran.stdout).unwrap();
        assert!(text.starts_with(expected) && (text.is_empty() == expected.is_empty()), "{format}: {text}");
    }
    // A warning between two results stands on standard error and does not cut the array in two.
    let host = Host::start(&[]);
    let block = "Write-Output 1; Write-Warning between; Write-Output 2";
    let ran = windlass(
        PASSWORD,
        &[
            "Invoke-Command",
            "-cn",
            "localhost",
            "-Port",
            &host.http,
            "-Cred",
            "alice",
            block,
            "--output",
            "json",
        ],
    );
    let shown: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(shown.as_array().unwrap().len(), 2, "{shown}");
    assert!(support::errors(&ran).contains("between"));
    host.stop();
}

#[test]
fn a_scenario_answers_scripts() {
    let file = std::env::temp_dir().join(format!("windlass-scenario-{}.json", std::process::id()));
    std::fs::write(&file, r#"{"scripts":[{"script":"Get-Thing","output":[{"Name":"x"}]}]}"#).unwrap();
    let host = Host::start(&["--scenario", file.to_str().unwrap()]);
    let ran = windlass(
        PASSWORD,
        &["Invoke-Command", "-cn", "localhost", "-Port", &host.http, "-Cred", "alice", "Get-Thing"],
    );
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert_eq!(lines(&ran)[0]["Name"], "x");
    host.stop();
    std::fs::remove_file(file).unwrap();
}

#[test]
fn decode_shows_what_is_inside() {
    let mut child =
        Command::new(PROGRAM).arg("decode").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"TlRMTVNTUAABAAAAl4II4gAAAAAAAAAAAAAAAAAAAAAKALpHAAAADw==")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&shown["format"], &shown["message"]), (&Value::from("ntlm"), &Value::from("NEGOTIATE")));
}

#[test]
fn decode_says_what_is_wrong() {
    let decode = |text: &str| {
        let mut child = Command::new(PROGRAM)
            .arg("decode")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    assert_eq!(windlass("", &["decode", "/nonexistent"]).status.code(), Some(2));
    assert_eq!(decode(" \n").status.code(), Some(2));
    let ran = decode("<a><b></a>");
    assert_eq!(ran.status.code(), Some(5));
    assert!(!support::errors(&ran).contains("not known"), "{}", support::errors(&ran));

    // Each object holds the one before twice: together they are billions.
    let mut bomb = "<Obj RefId=\"0\"><LST><I32>0</I32></LST></Obj>".to_owned();
    for number in 1..36 {
        bomb = format!("<Obj RefId=\"{number}\"><LST>{bomb}<Ref RefId=\"{}\" /></LST></Obj>", number - 1);
    }
    let ran = decode(&bomb);
    assert!(ran.status.code().is_some() && ran.stdout.len() < 256 << 20, "{:?}", ran.status);

    let line = "<Close PSGuid='00000000-0000-0000-0000-000000000000' />\n\
                <DataAck PSGuid='11111111-2222-3333-4444-555555555555' />\n";
    let ran = decode(line);
    assert_eq!(ran.status.code(), Some(0), "{}", support::errors(&ran));
    let shown: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(shown["packets"][0], serde_json::json!({ "packet": "Close", "pipeline": null }));
    assert_eq!(shown["packets"][1]["pipeline"], "11111111-2222-3333-4444-555555555555");
}

#[test]
fn policies_for_logon_and_tls_reach_the_connection() {
    let host = Host::start(&[]);
    let at = ["-cn", "localhost", "-Cred", "alice", "Write-Output 1"];
    let plain = ["Invoke-Command", "-Port", &host.http, "--forbid-ntlm"];
    let mut command = Command::new(PROGRAM);
    // Without a realm Kerberos cannot begin, and nothing else is tried.
    let variables = [("WINDLASS_PASSWORD", PASSWORD), ("WINDLASS_CONFIG", ""), ("KRB5_CONFIG", "/dev/null")];
    command.args([&plain[..], &at[..]].concat()).envs(variables).stdin(Stdio::null());
    let ran = command.output().unwrap();
    assert_eq!(ran.status.code(), Some(4));
    assert!(support::errors(&ran).contains("Kerberos: which realm"), "{}", support::errors(&ran));
    assert!(lines(&ran).is_empty(), "{}", support::errors(&ran));

    let log = std::env::temp_dir().join(format!("windlass-key-log-{}", std::process::id()));
    let tls = ["Invoke-Command", "-Port", &host.https, "-UseSSL", "-CAFile", &host.certificate];
    let logged = ["--tls-key-log", log.to_str().unwrap(), "-SpnClass", "WSMAN"];
    let ran = windlass(PASSWORD, &[&tls[..], &logged[..], &at[..]].concat());
    assert_eq!(ran.status.code(), Some(0), "{}", support::errors(&ran));
    let secrets = std::fs::read_to_string(&log).unwrap();
    assert!(secrets.contains("CLIENT_TRAFFIC_SECRET_0 "), "{secrets}");
    std::fs::remove_file(log).unwrap();
    host.stop();
}

#[test]
fn the_console_runs_lines() {
    let host = Host::start(&[]);
    let resolve = format!("srv1=127.0.0.1:{}", host.http);
    let console = |text: &str| {
        windlass(PASSWORD, &["console", "--resolve", &resolve, "--credential", "alice", "--command", text])
    };
    for (text, expected) in [
        (
            "$s = New-PSSession -ComputerName srv1\n Invoke-Command -Session $s { Write-Output 3,1,2 } | Sort-Object",
            vec!["1", "2", "3"],
        ),
        (
            "$s = New-PSSession srv1 -Name web; $s.Name; Remove-PSSession -Name we*; $state = $s.State; \"$state\"",
            vec!["web", "Closed"],
        ),
        (
            "$s = New-PSSession srv1; $d = Disconnect-PSSession $s -IdleTimeoutSec 90; $d.IdleTimeout\n\
             $c = Connect-PSSession $s",
            vec!["90000"],
        ),
        ("$s = New-PSSession srv1; $t = New-PSSession $s; $t.ComputerName", vec!["srv1"]),
        ("$s = New-PSSession srv1; Enter-PSSession $s\nWrite-Output inside\nexit", vec!["inside"]),
        ("$s = New-PSSession srv1; $n = 5; Invoke-Command $s { Write-Output $using:n }", vec!["5"]),
        ("Enter-PSSession srv1\nWrite-Output inside\nexit\nWrite-Output outside", vec!["inside", "outside"]),
        (
            "$j = Invoke-Command -ComputerName srv1 { Write-Output done } -AsJob; $j | Wait-Job | Receive-Job; $state = $j.State; \"$state\"",
            vec!["done", "Completed"],
        ),
        (
            "Get-CimInstance Win32_OperatingSystem -ComputerName srv1 | Get-CimInstance | Select-Object -ExpandProperty PSComputerName",
            vec!["srv1"],
        ),
        ("(Get-CimClass Win32_Process).CimClassName", vec!["Win32_Process"]),
        ("'x' | Invoke-Command srv1 { Sort-Object }", vec!["x"]),
        ("New-PSSessionOption -NoCompression | Select-Object -ExpandProperty NoCompression", vec!["true"]),
    ] {
        let ran = console(text);
        assert_eq!(ran.status.code(), Some(0), "{text}: {}", support::errors(&ran));
        let shown: Vec<String> = lines(&ran)
            .iter()
            .map(|line| match &line["value"] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            })
            .collect();
        assert_eq!(shown, expected, "{text}");
    }
    for (text, status, said) in [
        ("Get-Process > list.txt", 2, "redirection is outside the command language"),
        ("No-Such", 2, "'No-Such' is not recognized"),
        ("New-PSSession srv1 -Port 70000", 2, "maximum allowed range of 65535"),
        ("New-PSSession srv1 -CertificateThumbprint AB -Credential alice", 2, "cannot be used together"),
        ("New-PSSession srv1 -CertificateThumbprint AB -Authentication Basic", 2, "only with Default"),
        (
            "New-PSSession srv1 -Authentication NegotiateWithImplicitCredential -Credential alice",
            2,
            "leave out -Credential",
        ),
        (
            "New-CimSession srv1 -CertificateThumbprint AB -SessionOption (New-CimSessionOption -Protocol Dcom)",
            2,
            "cannot be used with options for DCOM",
        ),
        ("New-PSSessionOption -ProxyCredential alice", 2, "needs a proxy"),
        ("New-PSSession 10.1.2.3 -Credential alice", 2, "--trusted-hosts 10.1.2.3"),
        ("New-PSSession srv1 -SessionOption @{ NoCompresion = $true }", 2, "is no option of a session"),
        ("New-PSSession srv1 -SessionOption @{ OpenTimeout = 'abc' }", 2, "Cannot convert value"),
        ("New-PSSession srv1 -SessionOption @{ IdleTimeout = '1000' }", 2, "is too short"),
        ("New-PSSession srv1 -SessionOption @{ NoEncryption = 'maybe' }", 2, "$true or $false"),
        ("New-PSSession srv1 -SessionOption @{ OutputBufferingMode = 'sometimes' }", 2, "Unable to match"),
        ("New-PSSession srv1 -SessionOption @{ ProxyCredential = 'bob' }", 2, "needs a proxy"),
        ("New-PSSessionOption -IdleTimeout 5", 2, "at least 60000"),
        ("$s = New-PSSession srv1; Disconnect-PSSession $s -IdleTimeoutSec 5", 2, "at least 60 seconds"),
        ("Invoke-Command srv1 { 1 } -SessionName a", 2, "give both"),
        ("Get-PSSession -Name nobody", 1, "no session is called 'nobody'"),
    ] {
        let ran = console(text);
        let errors = support::errors(&ran);
        assert_eq!(ran.status.code(), Some(status), "{text}: {errors}");
        assert!(errors.contains(said), "{text}: {errors}");
    }
    host.stop();
}

#[test]
fn what_if_names_the_computer_that_an_object_came_from() {
    let host = Host::start(&[]);
    let line = "Get-CimInstance Win32_Process -Filter 'ProcessId=1' -ComputerName srv1 | \
                Invoke-CimMethod -MethodName Terminate -WhatIf";
    let resolve = format!("srv1=127.0.0.1:{}", host.http);
    let ran =
        windlass(PASSWORD, &["console", "--resolve", &resolve, "--credential", "alice", "--command", line]);
    let said = support::errors(&ran);
    assert!(said.contains("Invoke-CimMethod on srv1 ("), "{said}");
    host.stop();
}

#[test]
fn cim_sessions_over_dcom() {
    let host = Host::start(&[]);
    // Ports of WS-Management do not count for DCOM.
    let resolve = ["srv1", "srv2"].map(|name| format!("{name}=127.0.0.1:{}", host.http));
    let resolve_rpc = format!("srv1=127.0.0.1:{}", host.rpc);
    let console = |password: &str, text: &str| {
        let at = ["--resolve", &resolve[0], "--resolve", &resolve[1], "--resolve-rpc", &resolve_rpc];
        windlass(password, &[&["console", "--credential", "alice"], &at[..], &["--command", text]].concat())
    };
    // On a command line a hash table takes the place of the options.
    let options = |options: &str| {
        let at =
            ["Get-CimInstance", "Win32_OperatingSystem", "-ComputerName", "srv1", "-Credential", "alice"];
        let reach =
            ["--resolve", &resolve[0], "--resolve-rpc", "srv1=127.0.0.1:1", "-SessionOption", options];
        support::errors(&windlass(PASSWORD, &[&at[..], &reach].concat()))
    };
    let said = options("@{ Protocol = 'Dcom' }");
    assert!(said.contains("srv1:1 ") || said.contains("127.0.0.1:1"), "{said}");
    let said = options("@{ Protokol = 'Dcom' }");
    assert!(said.contains("'Protokol' is no option of a session: see New-CimSessionOption"), "{said}");
    let port = &host.rpc;
    let filter = "-ClassName __EventFilter -Namespace root/subscription -CimSession $s";
    for (text, expected) in [
        (
            "$s = New-CimSession srv1 -SessionOption (New-CimSessionOption -Protocol Dcom); $s.Protocol\n\
             Get-CimInstance Win32_OperatingSystem -CimSession $s | Select-Object -ExpandProperty PSComputerName\n\
             (Get-CimClass Win32_Process -CimSession $s).CimClassName"
                .to_owned(),
            vec!["DCOM", "srv1", "Win32_Process"],
        ),
        (
            format!(
                "$o = New-CimSessionOption -PacketPrivacy:$false -PacketIntegrity \
                 -Impersonation Impersonate\n\
                 $s = New-CimSession srv2 -Port {port} -SessionOption $o\n\
                 $made = New-CimInstance {filter} -Property @{{ Name = 'f'; Query = 'SELECT * FROM X' }}\n\
                 Get-CimInstance {filter} | Select-Object -ExpandProperty Name\n\
                 Get-CimInstance {filter} | Remove-CimInstance -CimSession $s\n\
                 Get-CimInstance {filter} | Measure-Object | Select-Object -ExpandProperty Count"
            ),
            vec!["f", "0"],
        ),
        (
            "$s = New-CimSession; $s.Protocol\n\
             Get-CimInstance -ClassName Win32_ComputerSystem -CimSession $s | Measure-Object | Select-Object -ExpandProperty Count\n\
             $w = New-CimSession -SessionOption (New-CimSessionOption -Protocol Wsman); $w.Protocol"
                .to_owned(),
            vec!["DCOM", "1", "WSMAN"],
        ),
    ] {
        let ran = console(PASSWORD, &text);
        assert_eq!(ran.status.code(), Some(0), "{text}: {}", support::errors(&ran));
        let shown: Vec<String> = lines(&ran)
            .iter()
            .map(|line| line["value"].as_str().map_or_else(|| line["value"].to_string(), str::to_owned))
            .collect();
        assert_eq!(shown, expected, "{text}");
    }
    let ran = console("wrong", "New-CimSession srv1 -SessionOption (New-CimSessionOption -Protocol Dcom)");
    assert_eq!(ran.status.code(), Some(4), "{}", support::errors(&ran));
    let ran = console(
        PASSWORD,
        "New-CimSession srv1 -SessionOption (New-CimSessionOption -Impersonation Delegate)",
    );
    assert_eq!(ran.status.code(), Some(2));
    assert!(support::errors(&ran).contains("-Impersonation Delegate is not supported over DCOM"));
    host.stop();
}

#[test]
fn winrs_runs_programs() {
    let host = Host::start(&["--allow-exec"]);
    let resolve = format!("srv1=127.0.0.1:{}", host.http);
    let at = ["--resolve", &resolve, "--credential", "alice"];
    let ran = windlass(PASSWORD, &[&["winrs", "-r", "srv1"], &at[..], &["echo", "hello"]].concat());
    assert_eq!(ran.status.code(), Some(0), "{}", support::errors(&ran));
    assert_eq!(String::from_utf8_lossy(&ran.stdout).trim(), "hello");

    let mut command = Command::new(PROGRAM);
    command.args([&["winrs", "-r", "srv1"], &at[..], &["cat"]].concat()).env("WINDLASS_PASSWORD", PASSWORD);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // More than any buffer on the way holds, and back again.
    let sent = "a line of input\n".repeat(20_000);
    let mut input = child.stdin.take().unwrap();
    let bytes = sent.clone();
    let feeding = std::thread::spawn(move || input.write_all(bytes.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n"), sent);

    // The options of the program are its own; those before it may be written as for winrs.exe.
    for words in [&["-r", "srv1", "-Credential", "alice"][..], &["-r:srv1", "-u:alice"]] {
        let words =
            [&["winrs", "--resolve", &resolve], words, &["echo", "-Command", "-dir", "-u:x", "{"]].concat();
        let ran = windlass(PASSWORD, &words);
        assert_eq!(
            String::from_utf8_lossy(&ran.stdout).trim(),
            "-Command -dir -u:x {",
            "{}",
            support::errors(&ran)
        );
    }
    let ran = windlass(PASSWORD, &[&["winrs", "-r:srv1", "-p:secret"], &at[..], &["hostname"]].concat());
    assert_eq!(ran.status.code(), Some(2));
    assert!(support::errors(&ran).contains("passwords are never arguments"), "{}", support::errors(&ran));

    // A folder cannot be read, which is not the end of the input.
    let mut command = Command::new(PROGRAM);
    command.args([&["winrs", "-r", "srv1"], &at[..], &["cat"]].concat()).env("WINDLASS_PASSWORD", PASSWORD);
    let folder = std::fs::File::open(std::env::temp_dir()).unwrap();
    let ran = command.stdin(folder).output().unwrap();
    assert_eq!(ran.status.code(), Some(2));
    assert!(support::errors(&ran).contains("cannot read standard input"), "{}", support::errors(&ran));

    let file = std::env::temp_dir().join(format!("windlass-what-if-{}", std::process::id()));
    let made = format!("touch {}", file.display());
    let ran = windlass(PASSWORD, &[&["winrs", "--what-if", "-r", "srv1"], &at[..], &[&made]].concat());
    let told = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success() && !file.exists(), "{told}");
    assert!(told.starts_with("What if: winrs on srv1 (") && told.contains("as alice): touch"), "{told}");
    let ran = windlass(PASSWORD, &["doctor", "--what-if", "nowhere.invalid", "--credential", "alice"]);
    assert_eq!(ran.status.code(), Some(0), "{}", support::errors(&ran));
    host.stop();
}
