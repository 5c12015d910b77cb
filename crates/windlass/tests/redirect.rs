//! Services that send their clients elsewhere, in a fault.
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

use std::net::TcpListener;

use support::{credential, host, nothing_left};
use windlass::{Authentication, PowerShell, PsSession, Target};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// Answers every request with the fault of a redirection.
async fn redirecting(listener: TcpListener, detail: String) -> MockServer {
    let server = MockServer::builder().listener(listener).start().await;
    let answer = move |request: &Request| {
        let body = String::from_utf8_lossy(&request.body);
        let id: String = body.chars().skip(body.find("uuid:").unwrap()).take(41).collect();
        let fault = format!(
            "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
             xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
             xmlns:f=\"http://schemas.microsoft.com/wbem/wsman/1/wsmanfault\"><s:Header>\
             <a:Action>http://schemas.dmtf.org/wbem/wsman/1/wsman/fault</a:Action>\
             <a:MessageID>uuid:00000000-0000-0000-0000-000000000001</a:MessageID>\
             <a:RelatesTo>{id}</a:RelatesTo></s:Header><s:Body><s:Fault>\
             <s:Code><s:Value>s:Sender</s:Value></s:Code>\
             <s:Reason><s:Text xml:lang=\"en-US\">elsewhere</s:Text></s:Reason><s:Detail>\
             <f:WSManFault Code=\"2150859161\" Machine=\"x\"><f:Message>elsewhere</f:Message></f:WSManFault>\
             {detail}</s:Detail></s:Fault></s:Body></s:Envelope>"
        );
        ResponseTemplate::new(500).set_body_raw(fault, "application/soap+xml;charset=UTF-8")
    };
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

fn location(port: u16) -> String {
    format!("<x:Location xmlns:x=\"urn:x\">\n http://localhost:{port}/wsman </x:Location>")
}

fn target(server: &MockServer, allowed: u32) -> Target {
    let mut target = Target::computer("localhost");
    target
        .set_port(server.address().port())
        .set_authentication(Authentication::Basic)
        .set_credential(credential(support::PASSWORD))
        .set_allow_unencrypted(true)
        .set_max_redirections(allowed);
    target
}

async fn refusal(target: Target) -> String {
    PsSession::builder("").target(target).connect().await.err().expect("the session opened").to_string()
}

#[tokio::test]
async fn a_session_opens_where_the_fault_leads() {
    let host = host().allow_unencrypted(true).start().await.unwrap();
    let goal = host.http_addr().unwrap().port();
    let near = redirecting(listener(), location(goal)).await;
    let far = redirecting(listener(), location(near.address().port())).await;
    let session = PsSession::builder("").target(target(&far, 2)).connect().await.unwrap();
    let output =
        session.invoke(PowerShell::new().command("Write-Output").argument("here")).collect().await.unwrap();
    assert_eq!(output.output.len(), 1);
    session.close().await.unwrap();
    nothing_left(&host).await;
    // What follows the redirection goes to the new place at once.
    assert_eq!(
        (far.received_requests().await.unwrap().len(), near.received_requests().await.unwrap().len()),
        (1, 1)
    );
    assert!(refusal(target(&far, 1)).await.contains("too many redirections"));
    assert!(refusal(target(&far, 0)).await.contains("redirections are not allowed"));
}

#[tokio::test]
async fn faults_that_lead_nowhere_end_in_an_error() {
    let server = redirecting(listener(), "<x xmlns=\"urn:x\">ftp://localhost/</x>".to_owned()).await;
    assert!(refusal(target(&server, 5)).await.contains("connect to the new address"));
    let server = redirecting(listener(), String::new()).await;
    assert!(refusal(target(&server, 5)).await.contains("connect to the new address"));

    let own = listener();
    let circle = location(own.local_addr().unwrap().port());
    let server = redirecting(own, circle).await;
    assert!(refusal(target(&server, 5)).await.contains("too many redirections"));
    assert_eq!(server.received_requests().await.unwrap().len(), 6);
}
