//! Drives our client against any WinRM server, one case at a time, for `cargo xtask interop`.
//!
//! The server has to offer what `xtask/interop/mini_winrm_server.py` offers. The password comes from
//! `WINDLASS_PASSWORD`. The exit status is 0 if the case went as it should; the reason stands on
//! standard error otherwise.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a program that reports on the terminal")]

use std::path::Path;
use std::process::ExitCode;

use windlass::clixml::PsValue;
use windlass::{
    Authentication, Credential, ErrorKind, PipelineEvent, PipelineState, PowerShell, ProcessCommand,
    PsSession, Secret, Target, WinRsCommand, WinRsShell,
    net::{ClientIdentity, NameMap, Proxy, ProxyAccess, ProxyAuthentication},
};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Fails the case unless the condition holds.
fn check(holds: bool, what: impl Into<String>) -> Outcome {
    if holds { Ok(()) } else { Err(what.into().into()) }
}

struct Options {
    case: String,
    target: Target,
    program: ProcessCommand,
}

fn options() -> Result<Options, Box<dyn std::error::Error>> {
    let (mut case, mut user, mut host) = (String::new(), String::new(), "localhost".to_owned());
    let (mut port, mut authentication, mut roots) = (5985, Authentication::Ntlm, None);
    let (mut proxy, mut redirections, mut thumbprint) = (ProxyAccess::default(), 0, String::new());
    let (mut identity, mut crl, mut pin) = (None, None, None);
    let (mut resolve, mut path) = (NameMap::new(), "wsman".to_owned());
    let (mut spn_class, mut keytab, mut delegate) = ("HTTP".to_owned(), None, false);
    let mut program = ProcessCommand::pwsh();
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
        match name.as_str() {
            "--case" => case = value,
            "--user" => user = value,
            "--host" => host = value,
            "--port" => port = value.parse()?,
            "--program" => program = ProcessCommand::new(&value),
            "--argument" => program = program.argument(&value),
            "--resolve" => resolve.parse_entry(&value)?,
            "--path" => path = value,
            "--spn-class" => spn_class = value,
            "--delegate" => delegate = value.parse()?,
            "--keytab" => keytab = Some(windlass::kerberos::read_keytab(value.as_ref())?),
            "--proxy" => {
                let kind = match std::env::var("WINDLASS_PROXY_AUTHENTICATION").as_deref() {
                    Ok("digest") => ProxyAuthentication::Digest,
                    Ok("negotiate") => ProxyAuthentication::Negotiate,
                    _ => ProxyAuthentication::Basic,
                };
                let named = Proxy::parse(&value)?;
                proxy = ProxyAccess::Through(match named.credential.clone() {
                    Some(credential) => named.with_credential(credential, kind),
                    None => named,
                });
            }
            "--redirections" => redirections = value.parse()?,
            "--identity" => {
                let password = |_: &Path| Some(Secret::new(std::env::var("WINDLASS_PASSWORD").ok()?));
                identity = Some(ClientIdentity::find(Path::new(&value), &thumbprint, password)?);
            }
            "--thumbprint" => thumbprint = value,
            "--crl" => crl = Some(std::fs::read(value)?),
            "--pin" => pin = Some(value),
            "--tls-roots" => roots = Some(std::fs::read(value)?),
            "--authentication" => {
                authentication = match value.as_str() {
                    "basic" => Authentication::Basic,
                    "credssp" => Authentication::CredSsp,
                    "digest" => Authentication::Digest,
                    "ntlm" => Authentication::Ntlm,
                    "negotiate" => Authentication::Negotiate,
                    "kerberos" => Authentication::Kerberos,
                    "implicit" => Authentication::NegotiateWithImplicitCredential,
                    _ => return Err(format!("unknown authentication {value}").into()),
                };
            }
            _ => return Err(format!("unknown parameter {name}").into()),
        }
    }
    let password = Secret::new(std::env::var("WINDLASS_PASSWORD")?);
    let readable = matches!(authentication, Authentication::Basic | Authentication::Digest);
    let mut target = Target::computer(&host);
    if let Some(roots) = &roots {
        target.set_use_ssl(true).add_trusted_roots(roots)?;
    }
    match keytab {
        Some(keytab) => {
            target.set_credential(Credential::Keytab { principal: user, keytab: keytab.into() });
        }
        None if user.is_empty() => {}
        None => {
            target.set_credential(Credential::password(&user, password));
        }
    }
    if let Some(lists) = &crl {
        target.add_revocation_lists(lists)?;
    }
    if let Some(pin) = &pin {
        target.set_use_ssl(true).add_pin(pin)?;
    }
    target
        .set_spn_class(&spn_class)
        .set_delegate_tickets(delegate)
        .set_proxy(proxy)
        .set_max_redirections(redirections)
        .set_names(resolve)
        .set_application_name(&path)
        .set_port(port)
        .set_authentication(authentication)
        .set_allow_unencrypted(readable && roots.is_none() && pin.is_none());
    if let Some(identity) = identity {
        target.set_client_certificate(identity);
    }
    Ok(Options { case, target, program })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = match options() {
        Ok(options) => run(&options).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Outcome {
    let target = &options.target;
    match options.case.as_str() {
        "identify" => identify(target).await,
        "refused" => refused(target).await,
        "unreached" => unreached(target).await,
        "unknown-endpoint" => unknown_endpoint(target).await,
        "shell-command" => shell_command(target).await,
        "shell-input" => shell_input(target).await,
        "pipeline" => pipeline(target).await,
        "pipeline-streams" => streams(target).await,
        "pipeline-input" => input(target).await,
        "pipeline-parallel" => parallel(target).await,
        "pipeline-stop" => stop(target).await,
        "pipeline-drop" => drop_running(target).await,
        "pipeline-large" => large(target).await,
        "secrets" => secrets(target).await,
        "secrets-asked-for" => secrets_asked_for(target).await,
        "process" => process(&options.program).await,
        other => Err(format!("unknown case {other:?}").into()),
    }
}

async fn open(target: &Target) -> Result<PsSession, windlass::Error> {
    PsSession::builder("").target(target.clone()).connect().await
}

async fn identify(target: &Target) -> Outcome {
    let identity = windlass::identify(target).await?;
    check(identity.product_vendor.contains("psrpcore"), format!("unexpected identity {identity:?}"))
}

async fn refused(target: &Target) -> Outcome {
    match open(target).await {
        Ok(_) => Err("the wrong password was accepted".into()),
        Err(error) => {
            check(error.kind() == ErrorKind::Refused && error.exit_status() == 4, format!("{error:?}"))
        }
    }
}

/// The connection fails; the reason goes to standard output for the script to look at.
async fn unreached(target: &Target) -> Outcome {
    match open(target).await {
        Ok(_) => Err("a session was opened".into()),
        Err(error) => {
            println!("{error}");
            Ok(())
        }
    }
}

async fn unknown_endpoint(target: &Target) -> Outcome {
    let opened = WinRsShell::builder("").target(target.clone()).resource_uri("http://example.com/none");
    match opened.open().await {
        Ok(_) => Err("the endpoint does not exist".into()),
        Err(error) => check(error.hresult().is_some_and(|code| code.0 == 0x8033_803b), format!("{error:?}")),
    }
}

async fn shell_command(target: &Target) -> Outcome {
    let shell = WinRsShell::builder("").target(target.clone()).open().await?;
    let command = WinRsCommand::new("printf 'out \\303\\244'; printf err >&2; exit 3");
    let output = shell.run(command).output().await?;
    shell.close().await?;
    check(output.stdout == "out \u{e4}".as_bytes(), "standard output differs")?;
    check(output.stderr == b"err", "standard error differs")?;
    check(output.exit_code == 3, format!("exit code {}", output.exit_code))
}

async fn shell_input(target: &Target) -> Outcome {
    let shell = WinRsShell::builder("").target(target.clone()).open().await?;
    let running = shell.run(WinRsCommand::new("cat").with_input());
    running.write(b"first ").await?;
    running.write(b"second").await?;
    running.close_input().await?;
    let output = running.output().await?;
    shell.close().await?;
    check(output.stdout == b"first second" && output.exit_code == 0, format!("{output:?}"))
}

async fn pipeline(target: &Target) -> Outcome {
    let session = open(target).await?;
    let echo = PowerShell::new().command("echo").argument("one").argument(2);
    let result = session.invoke(echo).collect().await?;
    let requests = session.statistics().http_requests;
    session.close().await?;
    println!("{requests} requests before closing");
    check(result.state == PipelineState::Completed, format!("ended as {:?}", result.state))?;
    check(result.output == [PsValue::from("one"), PsValue::from(2)], format!("{:?}", result.output))
}

async fn streams(target: &Target) -> Outcome {
    let session = open(target).await?;
    let result = session.invoke(PowerShell::new().command("streams")).collect().await?;
    session.close().await?;
    check(result.output.len() == 1, "output")?;
    check(result.errors.iter().any(|error| error.to_string().contains("an error")), "error")?;
    check(result.warnings.iter().any(|record| record.message.as_str() == "a warning"), "warning")?;
    check(result.verbose.iter().any(|record| record.message.as_str() == "a verbose text"), "verbose")?;
    check(result.debug.iter().any(|record| record.message.as_str() == "a debug text"), "debug")?;
    check(result.information.len() == 1, "information")?;
    check(result.progress.iter().any(|record| record.percent_complete == 50), "progress")
}

async fn input(target: &Target) -> Outcome {
    let session = open(target).await?;
    let (mut input, running) = session.invoke_with_input(PowerShell::new().command("echo"));
    for number in 1..=500 {
        input.send(PsValue::from(number)).await?;
    }
    input.close().await?;
    let result = running.collect().await?;
    session.close().await?;
    let expected: Vec<_> = (1..=500).map(PsValue::from).collect();
    check(result.output == expected, format!("{} objects came back", result.output.len()))
}

async fn parallel(target: &Target) -> Outcome {
    let session = open(target).await?;
    let running: Vec<_> =
        (0..8).map(|n| session.invoke(PowerShell::new().command("echo").argument(n)).collect()).collect();
    for (number, result) in (0..).zip(running) {
        let result = result.await?;
        check(result.output == [PsValue::from(number)], format!("pipeline {number}: {:?}", result.output))?;
    }
    session.close().await?;
    Ok(())
}

async fn stop(target: &Target) -> Outcome {
    let session = open(target).await?;
    let running = session.invoke(PowerShell::new().command("wait"));
    running.started().await?;
    running.stop().await?;
    let result = running.collect().await?;
    session.close().await?;
    check(result.state == PipelineState::Stopped, format!("ended as {:?}", result.state))
}

async fn drop_running(target: &Target) -> Outcome {
    let session = open(target).await?;
    let running = session.invoke(PowerShell::new().command("wait"));
    running.started().await?;
    drop(running);
    let result = session.invoke(PowerShell::new().command("echo").argument("after")).collect().await?;
    session.close().await?;
    check(result.output == [PsValue::from("after")], format!("{:?}", result.output))
}

async fn large(target: &Target) -> Outcome {
    let session = open(target).await?;
    let mut running = session.invoke(PowerShell::new().command("numbers").argument(20_000));
    let mut expected = 1;
    while let Some(event) = running.next().await {
        if let PipelineEvent::Output(value) = event? {
            check(value == PsValue::from(expected), format!("{value:?} instead of {expected}"))?;
            expected += 1;
        }
    }
    session.close().await?;
    check(expected == 20_001, format!("{} objects came", expected - 1))
}

/// Secrets that the server opens, as argument, in a credential and as input, and secrets of its own.
async fn secrets(target: &Target) -> Outcome {
    let session = open(target).await?;
    let word = Secret::new("geheim \u{2603}");
    let secret = session.protect(&word)?;
    let credential = session.protect_credential("carol", &word)?;
    let reveal = PowerShell::new().command("reveal").argument(secret.clone()).argument(credential.clone());
    let result = session.invoke(reveal).collect().await?;
    let expected = [PsValue::from("geheim \u{2603}"), PsValue::from("carol geheim \u{2603}")];
    check(result.output == expected, format!("arguments: {:?}", result.output))?;

    let (mut input, running) = session.invoke_with_input(PowerShell::new().command("reveal"));
    input.send(secret).await?;
    input.send(credential).await?;
    input.close().await?;
    let result = running.collect().await?;
    check(result.output == expected, format!("input: {:?}", result.output))?;

    reveals_the_servers(&session, "secret").await?;
    session.close().await?;
    Ok(())
}

/// The server wants the key before the client has had a secret.
async fn secrets_asked_for(target: &Target) -> Outcome {
    let session = open(target).await?;
    reveals_the_servers(&session, "ask-key").await?;
    session.close().await?;
    Ok(())
}

async fn reveals_the_servers(session: &PsSession, command: &str) -> Outcome {
    let result = session.invoke(PowerShell::new().command(command)).collect().await?;
    let [secret, credential] = result.output.as_slice() else {
        return Err(format!("{} secrets came", result.output.len()).into());
    };
    check(session.reveal(secret).await?.expose() == "server \u{2603}", "the server's secret differs")?;
    let user = credential.get("UserName").and_then(PsValue::as_str);
    check(user == Some("dave"), format!("the server's credential is of {user:?}"))?;
    let password = credential.get("Password").ok_or("the server's credential has no password")?;
    check(session.reveal(password).await?.expose() == "his", "the server's password differs")
}

async fn process(program: &ProcessCommand) -> Outcome {
    let session = PsSession::process(program.clone()).connect().await?;
    let echo = PowerShell::new().command("echo").argument("one").argument(2);
    let result = session.invoke(echo).collect().await?;
    check(result.output == [PsValue::from("one"), PsValue::from(2)], format!("{:?}", result.output))?;
    let waiting = session.invoke(PowerShell::new().command("wait"));
    waiting.started().await?;
    waiting.stop().await?;
    let stopped = waiting.collect().await?.state;
    check(stopped == PipelineState::Stopped, format!("ended as {stopped:?}"))?;
    session.close().await?;
    Ok(())
}
