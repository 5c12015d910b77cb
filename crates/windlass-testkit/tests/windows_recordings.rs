//! Recordings of real Windows servers that `cargo xtask fixtures` fetches: every request and every
//! response decodes, and holds the same when it is encoded again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

mod windows;

use windlass_testkit::agree::wsman;
use windlass_wsman::{
    CommandInfo, Error, Expectation, FaultCode, Limits, Reply, RequestError, ShellInfo, decode_request,
    decode_response, uri,
};

use windows::{conversation, files, package};

/// The one recording whose answer belongs to another request than the one that stands beside it.
const FOREIGN_ANSWER: (&str, usize) = ("test_winrs_unicode.yml", 4);

#[test]
fn conversations_of_pypsrp_with_windows() {
    let Some(dir) = package("pypsrp-0.9.1") else { return };
    let (mut requests, mut responses) = (0, 0);
    let mut faults = Vec::new();
    for file in files(&dir.join("tests/tests_pypsrp/responses"), "yml") {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if name == "_template.yml" {
            continue;
        }
        for (at, (request, response)) in
            conversation(&std::fs::read_to_string(&file).unwrap()).iter().enumerate()
        {
            if let Err(refused) = decode_request(request, &Limits::default()) {
                same_refusal(&refused, response.as_deref().unwrap());
                continue;
            }
            let mut expectation =
                wsman::request(request).unwrap_or_else(|error| panic!("{name} {at}: {error}"));
            requests += 1;
            let Some(response) = response else { continue };
            if (name.as_str(), at) == FOREIGN_ANSWER {
                let refused = decode_response(response, &expectation, &Limits::default());
                assert!(matches!(refused, Err(Error::RelatesTo { .. })), "{refused:?}");
                expectation = Expectation::unchecked();
            }
            wsman::response(response, &expectation).unwrap_or_else(|error| panic!("{name} {at}: {error}"));
            responses += 1;
            let decoded = decode_response(response, &expectation, &Limits::default()).unwrap();
            if let Reply::Fault(fault) = decoded.reply {
                faults.push((name.clone(), fault.code().unwrap(), fault.message().to_owned()));
            }
        }
    }
    assert!(requests >= 519, "{requests}");
    assert!(responses >= 518, "{responses}");
    let codes: Vec<FaultCode> = faults.iter().map(|(_, code, _)| *code).collect();
    for code in
        [FaultCode::OPERATION_TIMEDOUT, FaultCode::UNEXPECTED_SELECTORS, FaultCode::WIN32_INVALID_PARAMETER]
    {
        assert!(codes.contains(&code), "{code}");
    }
    assert!(faults.iter().all(|(_, _, message)| !message.is_empty()));
}

/// What we refuse, Windows refused with the same code; and we still know which message it was.
fn same_refusal(refused: &RequestError, response: &str) {
    let id = refused.header.message_id.as_deref().expect("the id of the refused message");
    let expectation = Expectation::new(id, "any");
    let decoded = decode_response(response, &expectation, &Limits::default()).unwrap();
    let Reply::Fault(fault) = decoded.reply else { panic!("Windows took what we refuse: {refused}") };
    assert_eq!(refused.to_fault().code(), fault.code());
    assert_eq!(refused.to_fault().subcode, fault.subcode);
}

#[test]
fn enumerations_of_shells_and_commands() {
    let Some(dir) = package("pypsrp-0.9.1") else { return };
    let file = dir.join("tests/tests_pypsrp/responses/test_psrp_disconnected_commands.yml");
    let (mut shells, mut commands) = (Vec::new(), Vec::new());
    let limits = Limits::default();
    for (_, response) in conversation(&std::fs::read_to_string(&file).unwrap()) {
        let Some(response) = response else { continue };
        let decoded = decode_response(&response, &Expectation::unchecked(), &limits).unwrap();
        let Reply::Enumerate(page) = decoded.reply else { continue };
        for object in page.items.iter().filter_map(|item| item.object()) {
            match ShellInfo::from_xml(object, &limits) {
                Ok(shell) => shells.push(shell),
                Err(_) => commands.push(CommandInfo::from_xml(object, &limits).unwrap()),
            }
        }
    }
    let shell = shells.first().expect("a shell");
    assert!(shell.is_disconnected());
    assert_eq!(
        uri::powershell_configuration(shell.resource_uri.as_deref().unwrap()),
        Some("Microsoft.PowerShell")
    );
    assert_eq!(shell.idle_timeout.unwrap().as_secs(), 7200);
    assert_eq!(shell.input_streams, ["stdin", "pr"]);
    assert!(shell.owner.is_some() && shell.process_id.is_some() && shell.memory_used.is_some());
    let again = windlass_wsman::Xml::from(shell.to_xml());
    assert_eq!(ShellInfo::from_xml(&again, &limits).as_ref(), Ok(shell));
    let command = commands.first().expect("a command");
    assert_eq!(command.state.as_deref(), Some("Running"));
    let again = windlass_wsman::Xml::from(command.to_xml());
    assert_eq!(CommandInfo::from_xml(&again, &limits).as_ref(), Ok(command));
}

#[test]
fn answers_of_windows_servers_in_txwinrm() {
    let Some(dir) = package("txwinrm-1.1.18") else { return };
    let (mut pages, mut items, mut others) = (0, 0, 0);
    for file in files(&dir.join("txwinrm/test"), "xml") {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(&dir).unwrap().display();
        wsman::response(&text, &Expectation::unchecked()).unwrap_or_else(|error| panic!("{name}: {error}"));
        match decode_response(&text, &Expectation::unchecked(), &Limits::default()).unwrap().reply {
            Reply::Enumerate(page) | Reply::Pull(page) => {
                pages += 1;
                items += page.items.len();
            }
            Reply::Fault(fault) => assert_eq!(fault.code(), Some(FaultCode::QUOTA_MAX_OPERATIONS)),
            _ => others += 1,
        }
    }
    assert!(pages >= 135, "{pages}");
    assert!(items > 500, "{items}");
    assert!(others >= 4, "{others}");
}
