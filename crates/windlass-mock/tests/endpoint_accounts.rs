//! The accounts, the environment and the end of the programs behind endpoints.
//!
//! The programs here are scripts that say who they are in a packet of the out-of-process framing: the host hands on
//! whatever it holds. That a host which may not change its user refuses the shell is among the tests of the command
//! line.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

#[path = "../../windlass-testkit/tests/support/skipped.rs"]
mod skipped;
mod support;

use std::collections::BTreeMap;

use skipped::skipped;
use support::{Wire, host, request};
use windlass_mock::facts::Facts;
use windlass_mock::{Account, Endpoint, MockHost};
use windlass_wsman::{
    Create, Expectation, Limits, Operation, ReceiveOutput, Reply, Shell, decode_response, uri,
};

const NAME: &str = "Who";

/// Says its ids, its directory and its environment, then waits for its input to end.
const WHO: &str = r#"
facts=$({ echo "uid=$(id -u)"; echo "gid=$(id -g)"; echo "groups=$(id -G)"; echo "directory=$(pwd)"; env; } | base64 | tr -d '\n')
echo "<Data Stream='Default' PSGuid='00000000-0000-0000-0000-000000000000'>$facts</Data>"
exec cat >/dev/null"#;

fn endpoint() -> Endpoint {
    Endpoint::new(NAME, "/bin/sh").argument("-c").argument(WHO)
}

async fn start(endpoint: Endpoint) -> MockHost {
    host().endpoint(endpoint).start().await.unwrap()
}

/// Opens a shell at the endpoint: its id, or the answer that refuses it.
async fn open(wire: &mut Wire) -> Result<String, String> {
    let create = Create::Shell(Box::new(Shell::powershell("6B29FC40-CA47-1067-B31D-00DD010662DA", b"pool")));
    let resource = uri::powershell(NAME);
    let (status, answer) = wire.post(&request(&resource, &[], Operation::Create(create))).await;
    if status != 200 {
        return Err(answer);
    }
    let response = decode_response(&answer, &Expectation::unchecked(), &Limits::default()).unwrap();
    let Reply::Create(created) = response.reply else { panic!("{answer}") };
    Ok(created.shell_id().unwrap().to_owned())
}

/// What the program of the endpoint says of itself.
async fn who(endpoint: Endpoint) -> BTreeMap<String, String> {
    let host = start(endpoint).await;
    let mut wire = Wire::new(&host);
    let shell = open(&mut wire).await.unwrap();
    let resource = uri::powershell(NAME);
    let receive = Operation::Receive(ReceiveOutput::stdout(None));
    let (_, answer) = wire.post(&request(&resource, &[("ShellId", &shell)], receive)).await;
    let response = decode_response(&answer, &Expectation::unchecked(), &Limits::default()).unwrap();
    let Reply::Receive(received) = response.reply else { panic!("{answer}") };
    let text = String::from_utf8(received.streams[0].data.to_vec().unwrap()).unwrap();
    let delete = request(&resource, &[("ShellId", &shell)], Operation::Delete);
    assert_eq!(wire.post(&delete).await.0, 200);
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_runs_as_the_hosts_user_where_nothing_else_is_said() {
    let facts = who(endpoint()).await;
    assert_eq!(facts["uid"], rustix::process::geteuid().as_raw().to_string());
    // What the environment of these tests holds, but for what is the host's own.
    assert_eq!(facts.get("CARGO_MANIFEST_DIR").map(String::as_str), Some(env!("CARGO_MANIFEST_DIR")));
    let kept: Vec<_> = facts.keys().filter(|name| name.starts_with("WINDLASS_")).collect();
    assert!(kept.is_empty(), "{kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_runs_as_a_given_account() {
    // Without root's rights an account can be the host's own alone.
    let own = rustix::process::geteuid().as_raw();
    let passwd = Facts::default().passwd();
    let wanted =
        passwd.iter().find(|entry| if is_root() { entry.name == "nobody" } else { entry.user == own });
    let Some(wanted) = wanted else {
        skipped("/etc/passwd has no account for it");
        return;
    };
    let facts = who(endpoint().run_as(Account::find(&wanted.name).unwrap())).await;
    assert_eq!(facts["uid"], wanted.user.to_string());
    assert_eq!(facts["gid"], wanted.group.to_string());
    if is_root() {
        assert_eq!(facts["groups"], wanted.group.to_string(), "root's groups are not handed on");
    }
    assert_eq!((&facts["USER"], &facts["LOGNAME"]), (&wanted.name, &wanted.name));
    assert_eq!(facts["HOME"], facts["directory"]);
    assert!(facts.contains_key("PATH"));
    let foreign: Vec<_> = facts.keys().filter(|name| name.starts_with("CARGO")).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}
