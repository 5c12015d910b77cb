//! Drives our RPC client against a domain controller, one case at a time, for `cargo xtask interop`.
//!
//! The password comes from `WINDLASS_PASSWORD`. The exit status is 0 if the case went as it should; the
//! reason stands on standard error otherwise.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a program that reports on the terminal")]

use std::collections::HashMap;
use std::process::ExitCode;

use uuid::Uuid;
use windlass_auth::Credential;
use windlass_auth::kerberos::Krb5Config;
use windlass_core::Secret;
use windlass_net::{Error, Kerberos, RpcConnection, RpcOptions, RpcSecurity};
use windlass_rpc::epm::{self, Handle, LookupRequest, LookupResponse};
use windlass_rpc::ndr::{Limits, Reader, Writer};
use windlass_rpc::pdu::{AuthLevel, AuthType, FaultStatus};
use windlass_rpc::{CallRequest, SyntaxId};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// The interface that every server has (C706 appendix Q).
const MGMT: SyntaxId = SyntaxId::new(Uuid::from_u128(0xafa8bd80_7d8a_11c9_bef4_08002b102989), 1, 0);
/// [MS-SAMR].
const SAMR: SyntaxId = SyntaxId::new(Uuid::from_u128(0x12345778_1234_abcd_ef00_0123456789ac), 1, 0);
/// S-1-5-32, as RPC_SID with its count before it.
const BUILTIN: [u8; 16] = [1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0];

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A server and how to log on there.
struct Target {
    host: String,
    port: u16,
    security: Option<RpcSecurity>,
    options: RpcOptions,
}

async fn run() -> Outcome {
    let mut given = HashMap::new();
    let mut arguments = std::env::args().skip(1);
    while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
        given.insert(name, value);
    }
    let take = |name: &str| given.get(name).cloned().ok_or_else(|| format!("{name} is missing"));
    let host = take("--host")?;
    let mut options = RpcOptions::default();
    if let Some(realm) = given.get("--realm") {
        options.kerberos = Some(Kerberos::new(realm_config(realm, &host)?));
    }
    let target = Target {
        host,
        port: take("--port")?.parse()?,
        security: security(&take("--provider")?, &take("--level")?, &take("--user")?)?,
        options,
    };
    match take("--case")?.as_str() {
        "lookup" => lookup(&target).await,
        "management" => management(&target).await,
        "accounts" => accounts(&target).await,
        "accounts-refused" => accounts_refused(&target).await,
        "wrong-password" => wrong_password(&target).await,
        "side-by-side" => side_by_side(&target).await,
        other => Err(format!("unknown case {other}").into()),
    }
}

/// The realm with this host as its KDC.
fn realm_config(realm: &str, host: &str) -> Outcome<Krb5Config> {
    let domain = realm.to_lowercase();
    Ok(Krb5Config::parse(&format!(
        "[libdefaults]\n default_realm = {realm}\n[realms]\n {realm} = {{\n  kdc = {host}\n }}\n\
         [domain_realm]\n .{domain} = {realm}\n {domain} = {realm}\n"
    ))?)
}

fn security(provider: &str, level: &str, user: &str) -> Outcome<Option<RpcSecurity>> {
    let auth_type = match provider {
        "none" => return Ok(None),
        "ntlm" => AuthType::NTLM,
        "spnego" => AuthType::SPNEGO,
        "kerberos" => AuthType::KERBEROS,
        other => return Err(format!("unknown provider {other}").into()),
    };
    let level = match level {
        "connect" => AuthLevel::Connect,
        "packet" => AuthLevel::Packet,
        "integrity" => AuthLevel::Integrity,
        "privacy" => AuthLevel::Privacy,
        other => return Err(format!("unknown level {other}").into()),
    };
    let credential = Credential::password(user, Secret::new(std::env::var("WINDLASS_PASSWORD")?));
    let security =
        RpcSecurity::new(credential, "host/dc1.win.test").with_auth_type(auth_type).with_level(level);
    Ok(Some(security))
}

impl Target {
    async fn connect(&self) -> Outcome<RpcConnection> {
        Ok(RpcConnection::connect(&self.host, self.port, self.options.clone()).await?)
    }

    /// A connection to the port that serves SAMR, as the endpoint mapper knows it.
    async fn connect_samr(&self) -> Outcome<RpcConnection> {
        let mapper = self.connect().await?;
        let port = mapper.map_port(&SAMR, None).await?.ok_or("SAMR is not registered")?;
        Ok(RpcConnection::connect(&self.host, port, self.options.clone()).await?)
    }
}

/// Lists the endpoint mapper, a page at a time and in one go: the second answer has several fragments.
async fn lookup(target: &Target) -> Outcome {
    let connection = target.connect().await?;
    let (context, security) = connection.bind_one(&epm::INTERFACE, target.security.as_ref()).await?;
    let mut listings = Vec::new();
    for max_entries in [7, 500] {
        let mut handle = Handle::default();
        let mut entries = 0;
        loop {
            let stub = LookupRequest { max_entries, ..LookupRequest::all(handle) }.encode();
            let request = CallRequest { context, security, opnum: epm::LOOKUP, object: None, stub };
            let answer = connection.call(request).await?;
            let answer = LookupResponse::decode(&answer)?;
            entries += answer.entries.len();
            handle = answer.handle;
            if handle.is_nil() || answer.entries.is_empty() {
                break;
            }
        }
        listings.push(entries);
    }
    println!("{listings:?} entries");
    match listings.as_slice() {
        [paged, whole] if paged == whole && *whole > 20 => Ok(()),
        _ => Err(format!("{listings:?} entries by page and in one go").into()),
    }
}

async fn management(target: &Target) -> Outcome {
    let connection = target.connect().await?;
    let (context, security) = connection.bind_one(&MGMT, target.security.as_ref()).await?;
    let call = |opnum| CallRequest { context, security, opnum, object: None, stub: Vec::new() };
    let answer = connection.call(call(0)).await?;
    let mut reader = Reader::new(&answer, Limits::default());
    reader.ref_ptr("if_id_vector")?;
    let max = reader.conformant_count(4, "if_id_vector")?;
    let count = reader.size("count")?;
    if count != max || count == 0 {
        return Err(format!("{count} interfaces of {max}").into());
    }
    println!("{count} interfaces");
    Ok(())
}

/// Logs on to SAMR: the domains, and a thousand names in one request of many fragments.
async fn accounts(target: &Target) -> Outcome {
    let connection = target.connect_samr().await?;
    let (context, security) = connection.bind_one(&SAMR, target.security.as_ref()).await?;
    let call = |opnum, stub| CallRequest { context, security, opnum, object: None, stub };

    let server = handle(&connection.call(call(57, connect_stub())).await?)?;
    let mut writer = Writer::new();
    writer.bytes(&server);
    writer.u32(0);
    writer.u32(0xffff);
    let domains = domains(&connection.call(call(6, writer.into_bytes())).await?)?;
    if !domains.iter().any(|name| name.eq_ignore_ascii_case("builtin")) {
        return Err(format!("no domain BUILTIN among {domains:?}").into());
    }

    let mut writer = Writer::new();
    writer.bytes(&server);
    writer.u32(0x0200_0000);
    writer.bytes(&BUILTIN);
    let domain = handle(&connection.call(call(7, writer.into_bytes())).await?)?;
    let answer = connection.call(call(17, names_stub(&domain))).await?;
    let found = relative_ids(&answer)?;
    // The first of the names is that of the group 544, the others do not exist.
    if found.len() != NAMES || found.first() != Some(&544) {
        return Err(format!("{} ids, the first is {:?}", found.len(), found.first()).into());
    }
    println!("domains {domains:?}, {} names asked for", found.len());
    Ok(())
}

/// How many names are asked for: some 50 KiB.
const NAMES: usize = 1000;

/// `SamrConnect2` without a server name.
fn connect_stub() -> Vec<u8> {
    let mut writer = Writer::new();
    writer.unique_ptr(false);
    writer.u32(0x0200_0000);
    writer.into_bytes()
}

/// `SamrLookupNamesInDomain`.
fn names_stub(domain: &[u8]) -> Vec<u8> {
    let names: Vec<String> = std::iter::once("Administrators".to_owned())
        .chain((1..NAMES).map(|number| format!("no such name {number:04}")))
        .collect();
    let mut writer = Writer::new();
    writer.bytes(domain);
    writer.count(names.len());
    writer.conformant_count(1000);
    writer.varying_count(names.len());
    for name in &names {
        let bytes = u16::try_from(name.len() * 2).unwrap_or_default();
        writer.u16(bytes);
        writer.u16(bytes);
        writer.ref_ptr();
    }
    for name in &names {
        writer.conformant_count(name.len());
        writer.varying_count(name.len());
        for unit in name.encode_utf16() {
            writer.u16(unit);
        }
    }
    writer.into_bytes()
}

/// A context handle and the status after it.
fn handle(answer: &[u8]) -> Outcome<[u8; 20]> {
    let mut reader = Reader::new(answer, Limits::default());
    let handle = reader.array("handle")?;
    match reader.u32("status")? {
        0 => Ok(handle),
        status => Err(format!("status {status:#010x}").into()),
    }
}

/// `SAMPR_ENUMERATION_BUFFER`.
fn domains(answer: &[u8]) -> Outcome<Vec<String>> {
    let mut reader = Reader::new(answer, Limits::default());
    reader.u32("EnumerationContext")?;
    reader.ref_ptr("Buffer")?;
    reader.u32("EntriesRead")?;
    reader.ref_ptr("Entries")?;
    let count = reader.conformant_count(12, "Entries")?;
    for _ in 0..count {
        reader.u32("RelativeId")?;
        reader.u16("Length")?;
        reader.u16("MaximumLength")?;
        reader.ref_ptr("Name")?;
    }
    let mut names = Vec::new();
    for _ in 0..count {
        let units = reader.wide_units("Name")?;
        let units: Vec<u16> = units.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
        names.push(String::from_utf16(&units)?);
    }
    Ok(names)
}

/// The first `SAMPR_ULONG_ARRAY` of the answer.
fn relative_ids(answer: &[u8]) -> Outcome<Vec<u32>> {
    let mut reader = Reader::new(answer, Limits::default());
    reader.u32("Count")?;
    reader.ref_ptr("Element")?;
    let count = reader.conformant_count(4, "Element")?;
    (0..count).map(|_| Ok(reader.u32("Element")?)).collect()
}

/// A level that SAMR does not take.
async fn accounts_refused(target: &Target) -> Outcome {
    let connection = target.connect_samr().await?;
    let (context, security) = connection.bind_one(&SAMR, target.security.as_ref()).await?;
    let request = CallRequest { context, security, opnum: 57, object: None, stub: connect_stub() };
    match connection.call(request).await {
        Err(Error::Fault { status: FaultStatus::ACCESS_DENIED, .. }) => Ok(()),
        other => Err(format!("not refused: {:?}", other.map(|answer| answer.len())).into()),
    }
}

/// The logon has to fail: at the bind, or where the last token has no answer with the first call.
async fn wrong_password(target: &Target) -> Outcome {
    let connection = target.connect_samr().await?;
    let (context, security) = match connection.bind_one(&SAMR, target.security.as_ref()).await {
        Ok(bound) => bound,
        Err(error @ (Error::RpcRefused { .. } | Error::Rpc { .. })) => {
            println!("{error}");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let request = CallRequest { context, security, opnum: 57, object: None, stub: connect_stub() };
    match connection.call(request).await {
        Err(error @ Error::Fault { .. }) => {
            println!("{error}");
            Ok(())
        }
        other => Err(format!("let in: {:?}", other.map(|answer| answer.len())).into()),
    }
}

/// Twenty calls at once on one connection, and a second security context beside the first.
async fn side_by_side(target: &Target) -> Outcome {
    let connection = target.connect_samr().await?;
    let (context, first) = connection.bind_one(&SAMR, target.security.as_ref()).await?;
    let call = |security| {
        let request = CallRequest { context, security, opnum: 57, object: None, stub: connect_stub() };
        connection.call(request)
    };
    let calls: Vec<_> = (0..20).map(|_| call(first)).collect();
    for answer in join_all(calls).await {
        handle(&answer?)?;
    }
    let (_, second) = connection.bind_one(&SAMR, target.security.as_ref()).await?;
    for security in [second, first, second] {
        handle(&call(security).await?)?;
    }
    Ok(())
}

/// Drives all of them at once.
async fn join_all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, output) in running.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *output = Some(value);
            }
        }
        if outputs.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}
