//! Hosts that answer CIM requests wrongly or without end, and requests that cannot be carried out: each
//! ends in one clear error, and nothing stays open.
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

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use support::{credential, host, nothing_left, over_https};
use windlass::model::{CimInstance, CimValue, ObjectPath};
use windlass::{Authentication, CimSession, CimSessionOptions, Error, ErrorKind, Target};
use windlass_mock::HostLimits;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const ENUMERATION: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration";
const X: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/x/X";

/// A host that answers every request with what a function makes of its action and of how many of this
/// action came before.
struct Scripted<F> {
    answer: F,
    pulls: AtomicUsize,
    releases: Arc<AtomicUsize>,
}

impl<F: Fn(&str, usize) -> String + Send + Sync> Respond for Scripted<F> {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let text = String::from_utf8(request.body.clone()).unwrap();
        let header = |name: &str| {
            let (_, rest) = text.split_once(&format!("<a:{name}")).unwrap();
            rest.split_once('>').unwrap().1.split_once('<').unwrap().0.to_owned()
        };
        let action = header("Action").rsplit('/').next().unwrap().to_owned();
        let count = match action.as_str() {
            "Pull" => self.pulls.fetch_add(1, Ordering::Relaxed),
            "Release" => self.releases.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
        let id = if self.pulls.load(Ordering::Relaxed) > 0 && (self.answer)("RelatesTo", 0) == "wrong" {
            "uuid:0".to_owned()
        } else {
            header("MessageID")
        };
        let body = (self.answer)(&action, count);
        let envelope = format!(
            "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
             xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" xmlns:n=\"{ENUMERATION}\" \
             xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" xmlns:p=\"{X}\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><s:Header>\
             <a:Action>{}Response</a:Action><a:RelatesTo>{id}</a:RelatesTo></s:Header>\
             <s:Body>{body}</s:Body></s:Envelope>",
            header("Action")
        );
        ResponseTemplate::new(200).set_body_raw(envelope, "application/soap+xml;charset=UTF-8")
    }
}

/// A session with a scripted host, how often enumerations were released, and the host.
async fn connected(
    typed: bool,
    answer: impl Fn(&str, usize) -> String + Send + Sync + 'static,
) -> (CimSession, Arc<AtomicUsize>, MockServer) {
    let server = MockServer::start().await;
    let releases = Arc::new(AtomicUsize::new(0));
    let scripted = Scripted { answer, pulls: AtomicUsize::new(0), releases: Arc::clone(&releases) };
    Mock::given(any()).respond_with(scripted).mount(&server).await;
    let mut target = Target::computer("localhost");
    target
        .set_port(server.address().port())
        .set_authentication(Authentication::Basic)
        .set_credential(credential("x"))
        .set_allow_unencrypted(true);
    let builder = CimSession::builder("").target(target).skip_test_connection(true).typed(typed);
    let session = builder.namespace("root/x").connect().await.unwrap();
    (session, releases, server)
}

/// Enumerates `X` on a scripted host. Returns what came and how often the enumeration was released.
async fn enumerate(
    typed: bool,
    answer: impl Fn(&str, usize) -> String + Send + Sync + 'static,
) -> (Result<Vec<CimInstance>, Error>, usize) {
    let (session, releases, _server) = connected(typed, answer).await;
    let outcome = session.enumerate("", "X").collect().await;
    session.close().await;
    (outcome, releases.load(Ordering::Relaxed))
}

fn started(context: &str, items: &str) -> String {
    format!(
        "<n:EnumerateResponse><n:EnumerationContext>{context}</n:EnumerationContext>\
         <w:Items>{items}</w:Items></n:EnumerateResponse>"
    )
}

/// One page, which is the last.
fn only(items: &str) -> String {
    let end = "<w:EndOfSequence/></n:EnumerateResponse>";
    started("", items).replace("</n:EnumerateResponse>", end)
}

fn pulled(context: &str, items: &str, end: &str) -> String {
    format!(
        "<n:PullResponse><n:EnumerationContext>{context}</n:EnumerationContext>\
         <n:Items>{items}</n:Items>{end}</n:PullResponse>"
    )
}

const ONE: &str = "<p:X><p:Id>1</p:Id></p:X>";

#[tokio::test]
async fn pulls_without_end_and_answers_without_sense() {
    let (outcome, releases) = enumerate(false, |action, _| match action {
        "Enumerate" => started("uuid:1", ONE),
        _ => pulled("uuid:1", "", ""),
    })
    .await;
    let error = outcome.unwrap_err();
    assert!(error.to_string().contains("without instances"), "{error}");
    assert_eq!(releases, 1);

    let (outcome, _) = enumerate(false, |_, _| started("", ONE)).await;
    let error = outcome.unwrap_err();
    assert!(error.to_string().contains("neither the end nor a way to go on"), "{error}");

    let (outcome, releases) = enumerate(false, |action, _| match action {
        "Enumerate" => started("uuid:1", ONE),
        "RelatesTo" => "wrong".to_owned(),
        _ => pulled("uuid:1", ONE, ""),
    })
    .await;
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), releases), (ErrorKind::Protocol, 1), "{error}");
    assert!(error.to_string().contains("relates to"), "{error}");

    let (outcome, _) = enumerate(false, |_, _| "<p:Other/>".to_owned()).await;
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn the_newest_context_counts() {
    let (outcome, releases) = enumerate(false, |action, count| match action {
        "Enumerate" => started("uuid:0", ""),
        _ if count < 3 => pulled(&format!("uuid:{}", count + 1), ONE, ""),
        _ => pulled("", ONE, "<n:EndOfSequence/>"),
    })
    .await;
    assert_eq!((outcome.unwrap().len(), releases), (4, 0));
}

#[tokio::test]
async fn instances_inside_each_other_and_arrays_without_end() {
    let open = "<p:Inner xsi:type=\"p:X_Type\">".repeat(5_000);
    let nested = format!("<p:X>{open}{}</p:X>", "</p:Inner>".repeat(5_000));
    let (outcome, _) = enumerate(false, move |_, _| started("uuid:1", &nested)).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(error.to_string().contains("the answer cannot be read"), "{error}");

    // Deep for instances, not for XML.
    for (depth, is_read) in [(10, true), (20, false)] {
        let open = "<p:Inner xsi:type=\"p:X_Type\">".repeat(depth);
        let nested = format!("<p:X>{open}{}</p:X>", "</p:Inner>".repeat(depth));
        let (outcome, _) = enumerate(false, move |_, _| only(&nested)).await;
        assert_eq!(outcome.is_ok(), is_read, "{depth}: {outcome:?}");
        if let Err(error) = outcome {
            assert!(error.to_string().contains("instances inside each other"), "{error}");
        }
    }

    for (count, is_read) in [(200_000, true), (1_000_001, false)] {
        let wide = format!("<p:X>{}</p:X>", "<p:A>1</p:A>".repeat(count));
        let (outcome, _) = enumerate(false, move |_, _| only(&wide)).await;
        match outcome {
            Ok(found) => assert!(is_read && found[0].get("A").unwrap().items().len() == count, "{count}"),
            Err(error) => {
                assert!(!is_read && error.to_string().contains("values in an instance"), "{count}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn lists_without_end_are_given_up() {
    let items = ONE.repeat(20_000);
    let (session, releases, _server) = connected(false, move |action, _| match action {
        "Enumerate" => started("uuid:1", &items),
        "Release" => String::new(),
        _ => pulled("uuid:1", &items, ""),
    })
    .await;
    let error = session.resource(X).enumerate(None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(error.to_string().contains("enumerates without end"), "{error}");
    session.close().await;
    assert_eq!(releases.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn values_that_do_not_fit_their_class_are_kept() {
    let class = "<CLASS NAME=\"X\"><PROPERTY NAME=\"Id\" TYPE=\"uint32\"><QUALIFIER NAME=\"Key\" TYPE=\"boolean\">\
                 <VALUE>TRUE</VALUE></QUALIFIER></PROPERTY></CLASS>";
    let (outcome, _) = enumerate(true, move |action, _| match action {
        "Enumerate" => started("uuid:1", ONE),
        "Get" => class.to_owned(),
        // The class has changed since.
        _ => pulled("", "<p:X><p:Id>many</p:Id><p:New>n</p:New></p:X>", "<n:EndOfSequence/>"),
    })
    .await;
    let found = outcome.unwrap();
    assert_eq!(found[0].get("Id"), Some(&CimValue::UInt32(1)));
    assert_eq!((found[1].get("Id"), found[1].get("New")), (Some(&"many".into()), Some(&"n".into())));
}

#[tokio::test]
async fn contexts_expire_and_there_are_not_too_many() {
    let mut limits = HostLimits::default();
    limits.enumeration_timeout = Duration::from_secs(1);
    limits.enumerations_per_user = 1;
    let host = host().limits(limits).start().await.unwrap();
    let mut options = CimSessionOptions::default();
    options.max_elements = 1;
    let builder = CimSession::builder("").target(over_https(&host)).options(options).namespace("root/test");
    let session = builder.connect().await.unwrap();
    let mut numbers = session.enumerate("", "Test_Number");
    numbers.next().await.unwrap().unwrap();
    let second = session.enumerate("", "Test_Number").collect().await.unwrap_err();
    assert!(second.to_string().contains("maximum number"), "{second}");
    let gone = host.wait_until(|now| now.open_enumerations == 0);
    tokio::time::timeout(Duration::from_secs(30), gone).await.unwrap();
    let error = loop {
        match numbers.next().await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.hresult().map(|code| code.0), Some(0x8033_801B), "{error}");
    drop(numbers);
    session.close().await;
    nothing_left(&host).await;
}

#[tokio::test]
async fn what_the_host_refuses_is_said_in_words_and_numbers() {
    let host = host().start().await.unwrap();
    let builder = CimSession::builder("").target(over_https(&host)).skip_test_connection(true);
    let session = builder.namespace("root/test").connect().await.unwrap();
    let query = |text: &'static str| {
        let session = &session;
        async move { session.query("", text).collect().await.unwrap_err() }
    };
    let item = CimInstance::new("Test_Item").with("Name", "x");
    let keys = ObjectPath::class("Test_Keys");
    for (error, status, code, words) in [
        (session.enumerate("root/nowhere", "X").collect().await.unwrap_err(), 3, 0x8004_100E, "root/nowhere"),
        (session.enumerate("", "Test_No").collect().await.unwrap_err(), 5, 0x8004_1010, "Test_No"),
        (session.get(&keys).await.unwrap_err(), 4, 0x8004_1008, "keys"),
        (session.get(&keys.clone().with_key("Text", "x")).await.unwrap_err(), 4, 0x8004_1008, "Number"),
        (
            session.get(&ObjectPath::class("Test_Types").with_key("Id", "many")).await.unwrap_err(),
            4,
            0x8004_1008,
            "Id",
        ),
        (
            session.create("", &item.clone().with("Colour", "red")).await.unwrap_err(),
            4,
            0x8004_1008,
            "Colour",
        ),
        (session.create("", &item.clone().with("Count", "many")).await.unwrap_err(), 4, 0x8004_1008, "Count"),
        (session.create("", &CimInstance::new("Test_Item")).await.unwrap_err(), 4, 0x8004_1008, "Name"),
        (query("SELECT * FROM Test_Item WHERE Count >").await, 15, 0x8004_1017, "37"),
        (query("SELECT * FROM Test_Item WHERE Colour = 1").await, 15, 0x8004_1017, "Colour"),
        (query("ASSOCIATORS OF {Test_Base.Id='nobody'}").await, 6, 0x8004_1002, ""),
    ] {
        assert_eq!(error.kind(), ErrorKind::Fault, "{error}");
        assert_eq!(error.cim_status().map(|(status, _)| status.0), Some(status), "{error}");
        assert_eq!(error.hresult().map(|found| found.0), Some(code), "{error}");
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
    session.close().await;
    nothing_left(&host).await;
}
