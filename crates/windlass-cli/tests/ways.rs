//! The ways to a host and who logs on: proxies, certificates, keys, the configuration file, `-WhatIf`.
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

#[path = "support/kdc.rs"]
mod kdc;
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};
use support::{Folder, Host, PASSWORD, PROGRAM, errors, lines};

fn run(variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env("WINDLASS_PASSWORD", PASSWORD).env("WINDLASS_CONFIG", "");
    for name in ["WINDLASS_USER", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_ascii_lowercase());
    }
    command.envs(variables.iter().copied()).stdin(Stdio::null()).output().unwrap()
}

fn values(ran: &Output) -> Vec<String> {
    lines(ran).iter().map(|line| line["value"].as_str().unwrap_or_default().to_owned()).collect()
}

/// A proxy that asks for a password, tunnels to one port and keeps what it was asked.
struct Proxy {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start(port: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (kept, to) = (Arc::clone(&asked), format!("127.0.0.1:{port}"));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (kept, to) = (Arc::clone(&kept), to.clone());
                std::thread::spawn(move || tunnel(stream.unwrap(), &to, &kept));
            }
        });
        Self { address, asked }
    }
}

fn tunnel(mut client: TcpStream, to: &str, kept: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    loop {
        let mut head = String::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            head.push_str(&line);
        }
        let is_known = head.to_ascii_lowercase().contains("proxy-authorization: basic ");
        kept.lock().unwrap().push(head);
        if is_known {
            break;
        }
        let refusal =
            "HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=\"p\"\r\nContent-Length: 0\r\n\r\n";
        client.write_all(refusal.as_bytes()).ok()?;
    }
    client.write_all(b"HTTP/1.1 200 Go\r\n\r\n").ok()?;
    let mut server = TcpStream::connect(to).ok()?;
    let (mut back, mut forth) = (client.try_clone().ok()?, server.try_clone().ok()?);
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = reader.read(&mut bytes) {
            if forth.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        forth.shutdown(Shutdown::Write).ok();
    });
    std::io::copy(&mut server, &mut back).ok();
    back.shutdown(Shutdown::Write).ok();
    Some(())
}

#[test]
fn a_proxy_is_passed_with_its_own_credential() {
    let host = Host::start(&[]);
    let proxy = Proxy::start(&host.https);
    let variable = format!("http://{}", proxy.address);
    for text in [
        "$o = New-PSSessionOption -ProxyAccessType WinHttpConfig -ProxyAuthentication Basic -ProxyCredential eve\n\
         Invoke-Command srv1 -UseSSL -SessionOption $o { Write-Output through }",
        "$o = New-CimSessionOption -UseSsl -ProxyType WinHttp -ProxyAuthentication Basic -ProxyCredential eve\n\
         $s = New-CimSession srv1 -SessionOption $o\n\
         $i = Get-CimInstance Win32_OperatingSystem -CimSession $s; if_through",
    ] {
        let text = text.replace("if_through", "Write-Output through");
        let ran = run(
            &[("HTTPS_PROXY", variable.as_str())],
            &[
                "console",
                "--credential",
                "alice",
                "--ca-file",
                &host.certificate,
                "--skip-cn-check",
                "--command",
                &text,
            ],
        );
        assert_eq!(
            (ran.status.code(), values(&ran)),
            (Some(0), vec!["through".to_owned()]),
            "{}",
            errors(&ran)
        );
        let asked = std::mem::take(&mut *proxy.asked.lock().unwrap());
        assert!(asked.iter().all(|head| head.starts_with("CONNECT srv1:5986 ")), "{asked:?}");
        // `eve` with the password of the environment.
        let expected = "Proxy-Authorization: Basic ZXZlOlRocm93LWF3YXkuMQ==";
        assert!(asked.iter().any(|head| head.contains(expected)), "{asked:?}");
    }
    host.stop();
}

/// A folder with certificates of the user, and a host that knows one of them.
struct Certificates {
    folder: Folder,
    host: Host,
    /// Of the certificate that the host knows.
    thumbprint: String,
}

impl Certificates {
    fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        let pem = String::from_utf8(Self::known("good.pem")).unwrap();
        let base64: String = pem.lines().skip(1).take_while(|line| !line.starts_with('-')).collect();
        let der = base64_simd::STANDARD.decode_to_vec(base64).unwrap();
        let thumbprint = Sha256::digest(der).iter().map(|byte| format!("{byte:02X}")).collect();
        let path = folder.write("mapped", &pem);
        let host = Host::start(&["--client-certificate", &format!("alice={path}")]);
        std::fs::remove_file(path).unwrap();
        Self { folder, host, thumbprint }
    }

    fn known(file: &str) -> Vec<u8> {
        let known = Path::new(env!("CARGO_MANIFEST_DIR")).join("../windlass-net/tests/certificates");
        std::fs::read(known.join(file)).unwrap()
    }

    /// Runs console lines that say THUMB for a thumbprint.
    fn at(&self, password: &str, thumbprint: &str, text: &str) -> Output {
        let text = text.replace("THUMB", thumbprint);
        let resolve = format!("srv1=127.0.0.1:{}", self.host.https);
        let store = self.folder.0.to_str().unwrap();
        run(
            &[("WINDLASS_CERTIFICATES", store), ("WINDLASS_CERTIFICATE_PASSWORD", password)],
            &[
                "console",
                "--ca-file",
                &self.host.certificate,
                "--skip-cn-check",
                "--resolve",
                &resolve,
                "--command",
                &text,
            ],
        )
    }
}

const WITH_CERTIFICATES: [&str; 2] = [
    "Invoke-Command srv1 -UseSSL -CertificateThumbprint THUMB { Write-Output in }",
    "$s = New-CimSession srv1 -CertificateThumbprint THUMB -SessionOption (New-CimSessionOption -UseSsl)\n\
     $i = Get-CimInstance Win32_OperatingSystem -CimSession $s; Write-Output in",
];

#[test]
fn a_certificate_takes_the_place_of_a_password() {
    let here = Certificates::new("certificates");
    here.folder.write("alice.pem", Certificates::known("good.pem"));
    here.folder.write("alice.key", Certificates::known("good.key"));
    for text in WITH_CERTIFICATES {
        let ran = here.at("", &here.thumbprint, text);
        assert_eq!((ran.status.code(), values(&ran)), (Some(0), vec!["in".to_owned()]), "{}", errors(&ran));
    }
    for (thumbprint, said) in
        [("AB", "40 hexadecimal digits"), (&"F".repeat(40), "-CertificateThumbprint FFF")]
    {
        let ran = here.at("", thumbprint, WITH_CERTIFICATES[0]);
        assert_eq!(ran.status.code(), Some(2), "{}", errors(&ran));
        assert!(errors(&ran).contains(said), "{}", errors(&ran));
    }
    here.host.stop();
}

#[test]
fn a_certificate_in_pkcs_12_is_opened_with_its_password() {
    let here = Certificates::new("pkcs12");
    here.folder.write("alice.p12", Certificates::known("good.p12"));
    for text in WITH_CERTIFICATES {
        let ran = here.at("Certificate.1", &here.thumbprint, text);
        assert_eq!((ran.status.code(), values(&ran)), (Some(0), vec!["in".to_owned()]), "{}", errors(&ran));
    }
    let ran = here.at("wrong", &here.thumbprint, WITH_CERTIFICATES[0]);
    assert_eq!(ran.status.code(), Some(2), "{}", errors(&ran));
    assert!(errors(&ran).contains("alice.p12: it cannot be opened with this password"), "{}", errors(&ran));
    here.host.stop();
}

fn hex(file: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/auth").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let digits: String = text.lines().filter(|line| !line.starts_with('#')).collect();
    let digits: Vec<char> = digits.chars().filter(char::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

#[test]
fn keys_and_tickets_ask_for_no_password() {
    let folder = Folder::new("kerberos");
    let keytab = folder.write("keytab", hex("mit_keytab.hex"));
    let config = folder.write("krb5.conf", "[libdefaults]\n dns_lookup_kdc = false\n");
    let broken = folder.write("broken", "no keytab");
    let cache = format!("FILE:{}", folder.0.join("none").display());
    let host = Host::start(&[]);
    let resolve = format!("srv1=127.0.0.1:{}", host.http);
    let at = |more: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.args(["Invoke-Command", "srv1", "--resolve", &resolve]).args(more).arg("{ Get-Date }");
        command.env_remove("WINDLASS_PASSWORD").env_remove("WINDLASS_USER").env("WINDLASS_CONFIG", "");
        command.env("KRB5_CONFIG", &config).env("KRB5CCNAME", &cache).stdin(Stdio::null()).output().unwrap()
    };
    for (more, status, said) in [
        // The realm's KDC is nowhere: as far as that, and without a password.
        (&["-Credential", "alice@WINDLASS.TEST", "--keytab", &keytab][..], None, "WINDLASS.TEST"),
        (&["-Credential", "alice@WINDLASS.TEST", "--keytab", &broken], Some(2), "broken"),
        (&["-Credential", "alice"], Some(2), "no password for alice"),
        (&["-Authentication", "NegotiateWithImplicitCredential"], None, "none"),
    ] {
        let ran = at(more);
        assert_ne!(ran.status.code(), Some(0), "{more:?}");
        assert!(status.is_none() || ran.status.code() == status, "{more:?}: {}", errors(&ran));
        assert!(errors(&ran).contains(said), "{more:?}: {}", errors(&ran));
    }
    host.stop();
}

#[test]
fn computers_of_one_command_share_the_ticket_of_the_user() {
    let folder = Folder::new("tickets");
    let (port, kdc) = kdc::start();
    let config = folder.write("krb5.conf", kdc::config(port));
    let keytab = folder.write("keytab", kdc::keytab(&["srv1", "srv2", "srv3"], true));
    let host = Host::start(&["--auth", "kerberos", "--keytab", &keytab]);
    let places: Vec<String> = ["srv1", "srv2", "srv3"]
        .iter()
        .flat_map(|name| ["--resolve".to_owned(), format!("{name}=127.0.0.1:{}", host.http)])
        .collect();
    let user = format!("alice@{}", kdc::REALM);
    let ran = Command::new(PROGRAM)
        .args(["Invoke-Command", "srv1,srv2,srv3", "-Authentication", "Kerberos", "-Credential", &user])
        .args(&places)
        .arg("{ 1 }")
        .env("WINDLASS_PASSWORD", kdc::PASSWORD)
        .env("WINDLASS_CONFIG", "")
        .env_remove("WINDLASS_USER")
        .env("KRB5_CONFIG", &config)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!((ran.status.code(), lines(&ran).len()), (Some(0), 3), "{}", errors(&ran));
    assert_eq!(kdc::given(&kdc), (1, 3));
    host.stop();
}

#[test]
fn the_configuration_file_says_what_options_do_not() {
    let folder = Folder::new("config");
    let host = Host::start(&[]);
    let file = |text: &str| folder.write("config.toml", text);
    let reaching = format!(
        "[defaults]\ncredential = 'alice'\noutput = 'csv'\n[groups]\nall = ['srv1', 'more']\nmore = ['srv2']\n\
         [resolve]\nsrv1 = '127.0.0.1:{port}'\nsrv2 = '127.0.0.1:{port}'\n",
        port = host.http
    );
    let path = file(&reaching);
    let names = |ran: &Output| {
        let text = String::from_utf8(ran.stdout.clone()).unwrap();
        text.lines().map(|line| line.replace('"', "")).collect::<Vec<_>>()
    };
    for arguments in [
        &[
            "console",
            "--command",
            "Invoke-Command all { Write-Output 5 } | Select-Object PSComputerName | Sort-Object PSComputerName",
        ][..],
        &[
            "console",
            "--command",
            "Get-CimInstance Win32_OperatingSystem -ComputerName all | Select-Object PSComputerName | Sort-Object PSComputerName",
        ],
    ] {
        let ran = run(&[("WINDLASS_CONFIG", &path)], arguments);
        assert_eq!(ran.status.code(), Some(0), "{}", errors(&ran));
        assert_eq!(names(&ran), ["PSComputerName", "srv1", "srv2"]);
    }
    // An option wins.
    let ran = run(
        &[("WINDLASS_CONFIG", &path)],
        &["Invoke-Command", "srv1", "-Output", "ndjson", "{ Write-Output x }"],
    );
    assert_eq!(values(&ran), ["x"], "{}", errors(&ran));
    let path = file("[defaults]\n\ncolour = 'red'\n");
    let ran = run(&[("WINDLASS_CONFIG", &path)], &["Invoke-Command", "srv1", "{ 1 }"]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(errors(&ran).contains("config.toml: line 3: unknown field `colour`"), "{}", errors(&ran));
    let ran = run(&[], &["help", "configuration"]);
    assert!(String::from_utf8_lossy(&ran.stdout).contains("[groups]"), "{}", errors(&ran));
    host.stop();
}

#[test]
fn what_if_tells_and_sends_nothing() {
    // Nobody listens there.
    let reach = ["--credential", "alice", "--resolve", "srv1=127.0.0.1:1"];
    let said = |text: &str| {
        let ran = run(&[], &[&["console"], &reach[..], &["--command", text]].concat());
        (ran.status.code(), errors(&ran), ran.stdout)
    };
    for (text, expected) in [
        (
            "Invoke-Command srv1,srv2 { Get-Process } -WhatIf",
            "What if: Invoke-Command on srv1 (http://srv1:5985/wsman at 127.0.0.1:1, Default as alice): -ScriptBlock { Get-Process }\n\
             What if: Invoke-Command on srv2 (http://srv2:5985/wsman, Default as alice): -ScriptBlock { Get-Process }\n",
        ),
        (
            "New-CimInstance Test_Item -Property @{ Name = 'x' } -ComputerName srv1 -WhatIf",
            "What if: New-CimInstance on srv1 (http://srv1:5985/wsman at 127.0.0.1:1, Default as alice): \
             -Property @{ Name = x } -ClassName Test_Item\n",
        ),
        (
            "New-PSSession srv1 -Port 7 -UseSSL -WhatIf",
            "What if: New-PSSession on srv1 (https://srv1:7/wsman at 127.0.0.1:1, Default as alice)\n",
        ),
    ] {
        assert_eq!(said(text), (Some(0), expected.to_owned(), Vec::new()));
    }
    let ran =
        run(&[], &["Remove-CimInstance", "-Query", "SELECT * FROM X", "-ComputerName", "srv1", "-WhatIf"]);
    assert!(errors(&ran).contains("as the current user): -Query SELECT * FROM X"), "{}", errors(&ran));
}

#[test]
fn a_recording_is_played_back_and_holds_no_password() {
    let folder = Folder::new("record");
    let talk = folder.0.join("talk");
    let talk = talk.to_str().unwrap();
    let host = Host::start(&[]);
    let said = format!("Write-Output 'my {PASSWORD}'");
    let ask = |port: &str, before: &[&str]| {
        let resolve = format!("srv1=127.0.0.1:{port}");
        let words = ["Invoke-Command", "srv1", "-Credential", "alice", "--resolve", &resolve, &said];
        run(&[], &[before, &words[..]].concat())
    };
    let ran = ask(&host.http, &["record", talk]);
    assert_eq!(values(&ran), [format!("my {PASSWORD}")], "{}", errors(&ran));
    host.stop();
    let kept = std::fs::read_to_string(folder.0.join("talk/wsman-1.jsonl")).unwrap();
    assert!(kept.contains("CreateShell") || kept.contains("rsp:Shell"), "{kept}");
    assert!(!kept.contains(PASSWORD) && !kept.contains("xpress"), "{kept}");
    let first = format!("{talk}/wsman-1.jsonl");
    let folder_alone = run(&[], &["decode", talk]);
    assert!(folder_alone.status.code() == Some(2) && errors(&folder_alone).contains(&first));
    let shown = run(&[], &["decode", &first]);
    assert_eq!(shown.status.code(), Some(0), "{}", errors(&shown));
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    let exchanges = shown["exchanges"].as_array().unwrap();
    assert_eq!(exchanges.len(), kept.lines().count());
    for exchange in exchanges {
        assert_eq!(
            (&exchange["request"]["format"], &exchange["response"]["format"]),
            (&"soap".into(), &"soap".into())
        );
    }
    assert!(shown.to_string().contains("\"V\":\"my xxxx"), "{shown}");
    let player = Host::start(&["--replay", talk]);
    let ran = ask(&player.http, &[]);
    assert_eq!(values(&ran), [format!("my {}", "x".repeat(PASSWORD.len()))], "{}", errors(&ran));
    player.stop();
}

/// In a session of the user's, too.
#[test]
fn what_a_call_says_of_its_requests_is_what_is_sent() {
    let folder = Folder::new("said");
    let talk = folder.0.join("talk");
    let host = Host::start(&[]);
    let resolve = format!("srv1=127.0.0.1:{}", host.http);
    let text = "$s = New-CimSession srv1; \
                Get-CimInstance -CimSession $s -ResourceUri wmi/root/test/Test_Item -OperationTimeoutSec 7; \
                Get-CimInstance -CimSession $s -ClassName Test_Item -Namespace root/test";
    let words = ["console", "--credential", "alice", "--resolve", &resolve, "--command", text];
    let ran = run(&[], &[&words[..], &["--record", talk.to_str().unwrap()]].concat());
    host.stop();
    assert_eq!(ran.status.code(), Some(0), "{}", errors(&ran));
    let kept = std::fs::read_to_string(talk.join("wsman-1.jsonl")).unwrap();
    let asked = |parts: &[&str]| kept.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(
        asked(&[">http://schemas.microsoft.com/wbem/wsman/1/wmi/root/test/Test_Item<", ">PT7.000S<"]),
        "{kept}"
    );
    assert!(
        asked(&[">http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/Test_Item<", ">PT180.000S<"]),
        "{kept}"
    );
}

#[test]
fn a_conversation_of_two_others_is_recorded_between_them() {
    let folder = Folder::new("between");
    let talk = folder.0.join("talk");
    let talk = talk.to_str().unwrap();
    let host = Host::start(&["--allow-unencrypted"]);
    let mut between = Command::new(PROGRAM)
        .args(["record", talk, "--listen", "127.0.0.1:0", "--to", &format!("127.0.0.1:{}", host.http)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(between.stdout.take().unwrap()).lines();
    let mut told = || -> serde_json::Value { serde_json::from_str(&told.next().unwrap().unwrap()).unwrap() };
    let ready = told();
    let resolve = format!("srv1={}", ready["listen"].as_str().unwrap());
    let query = format!("SELECT Handle FROM Win32_Process WHERE ProcessId = 1 OR Name = '{PASSWORD}'");
    let ask = |resolve: &str, more: &[&str]| {
        let words = ["Get-CimInstance", "-Query", &query, "-ComputerName", "srv1", "-Credential", "alice"];
        let ran = run(&[], &[&words[..], &["--resolve", resolve], more].concat());
        assert_eq!(ran.status.code(), Some(0), "{}", errors(&ran));
        assert_eq!(lines(&ran)[0]["Handle"], "1");
    };
    let readable = ["-Authentication", "Basic", "-NoEncryption"];
    ask(&resolve, &readable);
    // Sealed messages are handed on, too, and cannot be read.
    ask(&resolve, &[]);
    drop(between.stdin.take());
    let ended = told();
    assert_eq!(ended["event"], "ended");
    assert!(ended["kept"].as_u64() > Some(0) && ended["sealed"].as_u64() > Some(0), "{ended}");
    let mut complaint = String::new();
    between.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert!(between.wait().unwrap().success() && complaint.contains("are sealed"), "{complaint}");
    host.stop();
    let kept = std::fs::read_to_string(folder.0.join("talk/wsman-1.jsonl")).unwrap();
    assert!(kept.contains("Win32_Process") && !kept.contains(PASSWORD), "{kept}");
    let player = Host::start(&["--replay", talk]);
    ask(&format!("srv1=127.0.0.1:{}", player.http), &[]);
    player.stop();
}

#[test]
fn addresses_are_trusted_only_where_the_user_says_so() {
    for (text, status, said) in [
        (
            "New-CimSession 192.0.2.7 -SessionOption (New-CimSessionOption -Protocol Dcom)",
            2,
            "name the computer, or add it",
        ),
        ("New-CimSession 192.0.2.7", 2, "-UseSSL, or add it"),
        ("New-PSSession 192.0.2.7", 2, "--trusted-hosts 192.0.2.7"),
        ("New-CimSessionOption -Impersonation Everything", 2, "Everything"),
    ] {
        let ran = run(&[], &["console", "--credential", "alice", "--command", text]);
        assert_eq!(ran.status.code(), Some(status), "{text}: {}", errors(&ran));
        assert!(errors(&ran).contains(said), "{text}: {}", errors(&ran));
    }
}

#[test]
fn who_logs_on_can_be_said_in_three_ways() {
    let ran = Command::new(PROGRAM)
        .args(["Invoke-Command", "srv1", "{ 1 }"])
        .env("WINDLASS_CONFIG", "")
        .env_remove("WINDLASS_USER")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(2));
    assert!(
        errors(&ran).contains(
            "no credential: who logs on to srv1 has to be said (-Credential NAME, or WINDLASS_USER"
        )
    );
    // The usage of a subcommand can be typed as it is printed.
    let ran = Command::new(PROGRAM).args(["help", "doctor"]).output().unwrap();
    assert!(String::from_utf8(ran.stdout).unwrap().contains("Usage: windlass doctor [OPTIONS] <HOST>"));
}
