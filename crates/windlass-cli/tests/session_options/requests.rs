//! Options that stand in requests.

use super::bench::{RecordingHost, cim, console, ps};

/// Runs lines with and without an option, and compares what the host got.
fn compare(host: &RecordingHost, lines: impl Fn(&str) -> String, option: &str, mark: &str, expected: &str) {
    let mut seen = 0;
    let mut requests = |option: &str| {
        host.requests(&mut seen);
        let ran = console(&host.host.http, &[], &[], &lines(option));
        assert_eq!(ran.status, 0, "{option}: {}", ran.errors);
        host.requests(&mut seen)
    };
    let (with, without) = (requests(option), requests(""));
    let has = |requests: &[String]| {
        requests.iter().filter(|request| request.contains(mark)).any(|request| request.contains(expected))
    };
    assert!(has(&with), "{option}: {expected} is in no {mark} of {with:#?}");
    assert!(!has(&without), "{option}: {expected} is there without the option");
}

#[test]
fn options_stand_in_the_requests_of_ps_sessions() {
    const CREATE: &str = "2004/09/transfer/Create";
    const DELETE: &str = "2004/09/transfer/Delete";
    let host = RecordingHost::start("ps", &[]);
    for (option, mark, expected) in [
        ("-NoMachineProfile", CREATE, "Name=\"WINRS_NOPROFILE\""),
        ("-Culture de-DE", CREATE, "DataLocale xml:lang=\"de-DE\""),
        ("-UICulture fr-FR", CREATE, "Locale xml:lang=\"fr-FR\""),
        ("-OutputBufferingMode Drop", CREATE, "BufferMode>Drop<"),
        ("-OutputBufferingMode Block", CREATE, "BufferMode>Block<"),
        ("-IdleTimeout 61000", CREATE, "IdleTimeOut>PT61.000S<"),
        ("-OperationTimeout 5000", CREATE, "OperationTimeout>PT5.000S<"),
        ("-CancelTimeout 7000", DELETE, "OperationTimeout>PT7.000S<"),
    ] {
        compare(&host, ps, option, mark, expected);
    }
    // It is on unless an option turns it off.
    let uncompressed = |option: &str| ps(if option.is_empty() { "-NoCompression" } else { "" });
    compare(&host, uncompressed, "without -NoCompression", CREATE, ">xpress</rsp:CompressionType>");
    host.stop();
}

#[test]
fn application_arguments_reach_the_host() {
    let host = RecordingHost::start("arguments", &[]);
    let mut seen = 0;
    let mut tells = |options: &str| {
        let ran = console(&host.host.http, &[], &[], &ps(options));
        assert_eq!(ran.status, 0, "{}", ran.errors);
        let requests = host.requests(&mut seen);
        let creation = requests.iter().find_map(|request| {
            let (_, rest) = request.split_once("<creationXml")?;
            Some(rest.split_once('>')?.1.split_once('<')?.0.to_owned())
        });
        let bytes = base64_simd::STANDARD.decode_to_vec(creation.unwrap()).unwrap();
        String::from_utf8_lossy(&bytes).contains("Quartzite")
    };
    assert!(tells("-ApplicationArguments @{ Stone = 'Quartzite' }"));
    assert!(!tells(""));
    host.stop();
}

#[test]
fn options_stand_in_the_requests_of_cim_sessions() {
    const ENUMERATE: &str = "2004/09/enumeration/Enumerate";
    let host = RecordingHost::start("cim", &["--url-prefix", "elsewhere"]);
    for (option, expected) in [
        ("-Culture de-DE", "DataLocale xml:lang=\"de-DE\""),
        ("-UICulture fr-FR", "Locale xml:lang=\"fr-FR\""),
        ("-HttpPrefix elsewhere", "/elsewhere</a:To>"),
        ("-MaxEnvelopeSizeKB 128", "MaxEnvelopeSize s:mustUnderstand=\"true\">131072<"),
    ] {
        compare(&host, cim, option, ENUMERATE, expected);
    }
    host.stop();
}
