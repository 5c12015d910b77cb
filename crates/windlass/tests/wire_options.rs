//! Options of sessions and shells that have no parameter of an option cmdlet: each stands in the request that it
//! is about, and not without being set.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "test code"
)]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::{host, over_http};
use windlass::psrp::{ApartmentState, ProtocolVersion, ThreadOptions};
use windlass::{PsSession, PsSessionOptions, Tap, Target, WinRsCommand, WinRsShell, WinRsShellBuilder};
use windlass_mock::MockHost;

/// Keeps what is asked.
#[derive(Default)]
struct Requests(Mutex<Vec<String>>);

impl Tap for Requests {
    fn exchanged(&self, request: &str, _: u16, _: &str) {
        self.0.lock().unwrap().push(request.to_owned());
    }
}

/// The request to create a shell, with what opens a pool in it made readable.
fn creation(requests: &Requests) -> String {
    let create = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create";
    let requests = requests.0.lock().unwrap();
    let request = requests.iter().find(|request| request.contains(create)).unwrap();
    let mut text = request.clone();
    if let Some((_, rest)) = request.split_once("<creationXml") {
        let base64 = rest.split_once('>').unwrap().1.split_once('<').unwrap().0;
        let fragments = base64_simd::STANDARD.decode_to_vec(base64).unwrap();
        text.push_str(&String::from_utf8_lossy(&fragments));
    }
    text
}

fn tapped(host: &MockHost) -> (Target, Arc<Requests>) {
    let requests = Arc::<Requests>::default();
    let mut target = over_http(host);
    target.set_tap(Arc::<Requests>::clone(&requests));
    (target, requests)
}

/// How a session is opened.
async fn session(host: &MockHost, set: impl FnOnce(&mut PsSessionOptions)) -> String {
    let (target, requests) = tapped(host);
    let mut options = PsSessionOptions::default();
    set(&mut options);
    PsSession::builder("").target(target).options(options).connect().await.unwrap().close().await.unwrap();
    creation(&requests)
}

#[tokio::test]
async fn options_of_sessions_stand_in_their_creation() {
    type Set = fn(&mut PsSessionOptions);
    let host = host().start().await.unwrap();
    let token = |wanted: &str| format!("Name=\"USE_INTERACTIVE_TOKEN\">{wanted}<");
    let cases: [(Set, String); 9] = [
        (|options| options.enable_network_access = true, token("1")),
        (
            |options| options.thread_options = ThreadOptions::UseNewThread,
            "<ToString>UseNewThread<".to_owned(),
        ),
        (|options| options.thread_options = ThreadOptions::ReuseThread, "<ToString>ReuseThread<".to_owned()),
        (|options| options.apartment_state = ApartmentState::STA, "<ToString>STA<".to_owned()),
        (|options| options.apartment_state = ApartmentState::MTA, "<ToString>MTA<".to_owned()),
        (|options| options.time_zone = Some(Arc::from([0, 1, 2])), "<BA N=\"TimeZone\">AAEC</BA>".to_owned()),
        (|options| options.no_machine_profile = true, "Name=\"WINRS_NOPROFILE\">1<".to_owned()),
        (|options| options.runspaces = (2, 7), "<I32 N=\"MaxRunspaces\">7<".to_owned()),
        (|options| options.protocol_version = ProtocolVersion::V2_2, ">2.2<".to_owned()),
    ];
    let without = session(&host, |_| {}).await;
    assert!(without.contains(&token("0")), "{without}");
    for (set, expected) in cases {
        let with = session(&host, set).await;
        assert!(with.contains(&expected), "{expected} is not in {with}");
        assert!(!without.contains(&expected), "{expected} is in {without}");
    }
}

#[tokio::test]
async fn options_of_shells_stand_in_their_creation() {
    type Set = fn(WinRsShellBuilder) -> WinRsShellBuilder;
    let host = host().allow_exec(true).start().await.unwrap();
    let open = async |set: Set| {
        let (target, requests) = tapped(&host);
        let shell = set(WinRsShell::builder("").target(target)).open().await.unwrap();
        shell.close().await.unwrap();
        creation(&requests)
    };
    let cases: [(Set, &str); 6] = [
        (|shell| shell.code_page(850), "Name=\"WINRS_CODEPAGE\">850<"),
        (|shell| shell.no_profile(true), "Name=\"WINRS_NOPROFILE\">TRUE<"),
        (|shell| shell.lifetime(Duration::from_secs(900)), "Lifetime>PT900.000S<"),
        (|shell| shell.idle_timeout(Duration::from_secs(90)), "IdleTimeOut>PT90.000S<"),
        (|shell| shell.working_directory("/tmp"), "WorkingDirectory>/tmp<"),
        (|shell| shell.environment("STONE", "Quartzite"), "Variable Name=\"STONE\">Quartzite<"),
    ];
    let without = open(|shell| shell).await;
    assert!(without.contains("Name=\"WINRS_CODEPAGE\">65001<"), "{without}");
    for (set, expected) in cases {
        let with = open(set).await;
        assert!(with.contains(expected), "{expected} is not in {with}");
        assert!(!without.contains(expected), "{expected} is in {without}");
    }
}

#[tokio::test]
async fn options_of_commands_stand_in_their_requests() {
    type Set = fn(WinRsCommand) -> WinRsCommand;
    let host = host().allow_exec(true).start().await.unwrap();
    let command = async |set: Set| {
        let (target, requests) = tapped(&host);
        let shell = WinRsShell::builder("").target(target).open().await.unwrap();
        shell.run(set(WinRsCommand::new("true"))).output().await.unwrap();
        shell.close().await.unwrap();
        let requests = requests.0.lock().unwrap();
        requests.iter().find(|request| request.contains("windows/shell/Command")).unwrap().clone()
    };
    let cases: [(Set, &str); 2] = [
        (WinRsCommand::skip_cmd_shell, "Name=\"WINRS_SKIP_CMD_SHELL\">TRUE<"),
        (|command| command.console_input(false), "Name=\"WINRS_CONSOLEMODE_STDIN\">FALSE<"),
    ];
    let without = command(|command| command).await;
    for (set, expected) in cases {
        let with = command(set).await;
        assert!(with.contains(expected), "{expected} is not in {with}");
        assert!(!without.contains(expected), "{expected} is in {without}");
    }
}
