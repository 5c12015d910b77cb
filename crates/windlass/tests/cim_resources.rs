//! Raw resources of WS-Management against the embedded host: every verb on any URI, and the service's own
//! configuration.
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

use support::{host, nothing_left, over_http, over_https};
use windlass::wsman::{AssociationFilter, EndpointReference, EnumerationMode, Filter, SelectorSet};
use windlass::{CimSession, ErrorKind, Listing};
use windlass_mock::MockHost;

const ITEMS: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/test/Test_Item";

async fn session(host: &MockHost) -> CimSession {
    let builder = CimSession::builder("").target(over_https(host)).skip_test_connection(true);
    builder.connect().await.unwrap()
}

fn listing(filter: Option<Filter>, mode: EnumerationMode) -> Listing {
    let mut listing = Listing::default();
    listing.filter = filter;
    listing.mode = mode;
    listing
}

#[tokio::test]
async fn every_verb_on_a_resource() {
    let host = host().start().await.unwrap();
    let session = session(&host).await;
    let first = session.resource("wmi/root/test/Test_Item").selector("Name", "first");
    assert!(first.get().await.unwrap().contains("Count>1</"));
    assert!(first.clone().fragment("Count").get().await.unwrap().contains("<Count>1</Count>"));
    assert!(first.clone().fragment("Count/text()").get().await.unwrap().ends_with(">1</w:XmlFragment>"));
    assert!(first.clone().fragment("Tags[2]").get().await.unwrap().contains("<Tags>b</Tags>"));

    let fragment = |text: &str| {
        format!(
            r#"<w:XmlFragment xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd">{text}</w:XmlFragment>"#
        )
    };
    let count = first.clone().fragment("Count");
    let changed = count.put(&fragment("<Count>8</Count>")).await.unwrap().unwrap();
    assert!(changed.contains("<Count>8</Count>"), "{changed}");
    first.clone().fragment("Count/text()").put(&fragment("9")).await.unwrap();
    let error = count.put(&fragment("<Name>x</Name>")).await.unwrap_err();
    assert!(error.to_string().contains("Name"), "{error}");
    let whole =
        format!(r#"<p:Test_Item xmlns:p="{ITEMS}"><p:Name>first</p:Name><p:Tags>z</p:Tags></p:Test_Item>"#);
    let changed = first.put(&whole).await.unwrap().unwrap();
    assert!(changed.contains("Tags>z</") && changed.contains("Count>9</"), "{changed}");

    let new = format!(r#"<p:Test_Item xmlns:p="{ITEMS}"><p:Name>new</p:Name></p:Test_Item>"#);
    let created = session.resource(ITEMS).create(&new).await.unwrap().unwrap();
    assert_eq!((created.resource_uri.as_deref(), created.selectors.get("Name")), (Some(ITEMS), Some("new")));
    session.resource(ITEMS).selector("Name", "new").delete().await.unwrap();
    assert_eq!(
        session.resource(ITEMS).selector("Name", "new").get().await.unwrap_err().kind(),
        ErrorKind::Fault
    );
    assert_eq!(first.put("no xml").await.unwrap_err().kind(), ErrorKind::Usage);

    let methods = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/Test_Methods";
    let input =
        format!(r#"<p:Add_INPUT xmlns:p="{methods}"><p:Right>2</p:Right><p:Left>1</p:Left></p:Add_INPUT>"#);
    let add = session.resource(methods).selector("__cimnamespace", "root/test");
    let sum = add.invoke("Add", Some(&input)).await.unwrap().unwrap();
    assert!(sum.contains("Sum>3</") && sum.contains("Add_OUTPUT"), "{sum}");
    // The body may be named like the method alone.
    let plain = input.replace("Add_INPUT", "Add");
    assert!(add.invoke(&format!("{methods}/Add"), Some(&plain)).await.unwrap().unwrap().contains("Sum>3</"));

    let all = session.resource(ITEMS).enumerate(None).await.unwrap();
    assert_eq!(all.len(), 3);
    let both =
        session.resource(ITEMS).list(&listing(None, EnumerationMode::ObjectAndReference)).await.unwrap();
    assert!(both.iter().all(|item| item.content.is_some() && item.reference.is_some()));
    let some = Filter::Selectors(SelectorSet::new().with("Name", "second"));
    let some = session.resource(ITEMS).list(&listing(Some(some), EnumerationMode::Reference)).await.unwrap();
    assert_eq!(some.len(), 1);
    assert_eq!(some[0].reference.as_ref().unwrap().selectors.get("Name"), Some("second"));
    let wql = Filter::Wql("SELECT Name FROM Test_Item WHERE Count > 1".to_owned());
    let found = session.resource("wmi/root/test/*").enumerate(Some(wql)).await.unwrap();
    assert!(found.len() == 3 && found[0].contains("XmlFragment"), "{found:?}");
    let base = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/test/Test_Base";
    let object = EndpointReference::anonymous(base, SelectorSet::new().with("Id", "base"));
    let association = AssociationFilter { object, ..AssociationFilter::default() };
    let of = Filter::Association(Box::new(association));
    assert_eq!(session.resource("wmi/root/test/*").enumerate(Some(of)).await.unwrap().len(), 3);
    session.close().await;
    nothing_left(&host).await;
}

#[tokio::test]
async fn the_configuration_of_the_service() {
    let host = host().start().await.unwrap();
    let session = session(&host).await;
    let config = session.resource("winrm/config").get().await.unwrap();
    for part in
        ["MaxEnvelopeSizekb>500<", "<cfg:Client>", "<cfg:Service>", "<cfg:Winrs>", "CbtHardeningLevel"]
    {
        assert!(config.contains(part), "{part}: {config}");
    }
    for (part, root) in [("client", "Client"), ("service/auth", "Auth"), ("Winrs", "Winrs")] {
        let found = session.resource(&format!("winrm/config/{part}")).get().await.unwrap();
        assert!(found.starts_with(&format!("<cfg:{root} ")), "{found}");
    }
    let listeners = session.resource("winrm/config/listener").enumerate(None).await.unwrap();
    assert_eq!(listeners.len(), 2, "{listeners:?}");
    let port = host.https_addr().unwrap().port();
    let one =
        session.resource("winrm/config/Listener").selector("Address", "*").selector("Transport", "https");
    assert!(one.get().await.unwrap().contains(&format!("Port>{port}<")));

    let put = |text: &str| {
        let uri = "http://schemas.microsoft.com/wbem/wsman/1/config";
        (session.resource("winrm/config"), format!(r#"<c:Config xmlns:c="{uri}">{text}</c:Config>"#))
    };
    let (resource, content) =
        put("<c:MaxBatchItems>2</c:MaxBatchItems><c:Client><c:TrustedHosts>a,b</c:TrustedHosts></c:Client>");
    let changed = resource.put(&content).await.unwrap().unwrap();
    assert!(changed.contains("MaxBatchItems>2<") && changed.contains("TrustedHosts>a,b<"), "{changed}");
    let before = session.statistics().http_requests;
    assert_eq!(session.resource(ITEMS).enumerate(None).await.unwrap().len(), 3);
    assert_eq!(session.statistics().http_requests - before, 2, "two items an answer");
    // What was read may be written back whole.
    session.resource("winrm/config").put(&changed).await.unwrap();
    for (content, words) in [
        ("<c:MaxBatchItems>many</c:MaxBatchItems>", "number"),
        ("<c:MaxEnvelopeSizekb>1</c:MaxEnvelopeSizekb>", "at least 32"),
        ("<c:Service><c:AllowUnencrypted>true</c:AllowUnencrypted></c:Service>", "cannot be changed"),
        ("<c:Nothing>1</c:Nothing>", "not part"),
    ] {
        let (resource, content) = put(content);
        let error = resource.put(&content).await.unwrap_err();
        assert!(error.to_string().contains(words), "{content}: {error}");
    }
    for uri in ["winrm/config/nothing", "winrm/nothing"] {
        assert_eq!(session.resource(uri).get().await.unwrap_err().kind(), ErrorKind::Fault, "{uri}");
    }
    assert!(session.resource("shell").enumerate(None).await.unwrap().is_empty());
    session.close().await;
    nothing_left(&host).await;
}

const LISTENER: &str = "http://schemas.microsoft.com/wbem/wsman/1/config/listener";

#[tokio::test]
async fn listeners_are_changed() {
    let host = host().start().await.unwrap();
    let session = session(&host).await;
    let listener = || {
        let listener = session.resource("winrm/config/Listener");
        listener.selector("Address", "IP:127.0.0.1").selector("Transport", "HTTP")
    };
    let body = |text: &str| format!(r#"<c:Listener xmlns:c="{LISTENER}">{text}</c:Listener>"#);
    let port = |shown: &str| {
        let port = shown.split_once("Port>").unwrap().1.split_once('<').unwrap().0;
        port.parse::<u16>().unwrap()
    };
    let answers = async |port: u16| tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok();
    assert_eq!(listener().put(&body("")).await.unwrap_err().kind(), ErrorKind::Fault, "there is none");
    listener().create(&body("<c:Port>0</c:Port>")).await.unwrap();
    let first = listener().get().await.unwrap();

    let named = listener().put(&body("<c:Hostname>h</c:Hostname>")).await.unwrap().unwrap();
    assert!(named.contains("Hostname>h<") && port(&named) == port(&first), "{named}");
    assert_eq!(listener().put(&named).await.unwrap().unwrap(), named, "what was read is written back");
    assert!(answers(port(&first)).await);

    let moved = listener().put(&body("<c:Port>0</c:Port>")).await.unwrap().unwrap();
    assert!(moved.contains("Hostname>h<") && port(&moved) != port(&first), "{moved}");
    assert!(answers(port(&moved)).await);
    let taken = format!("<c:Port>{}</c:Port>", host.https_addr().unwrap().port());
    for (content, words) in [
        (&*taken, "opened"),
        ("<c:Port>many</c:Port>", "number"),
        ("<c:Transport>HTTPS</c:Transport>", "selectors"),
        ("<c:Nothing>1</c:Nothing>", "Nothing"),
    ] {
        let error = listener().put(&body(content)).await.unwrap_err();
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
    assert_eq!(listener().get().await.unwrap(), moved, "a change that is refused changes nothing");

    let off = listener().put(&body("<c:Enabled>false</c:Enabled>")).await.unwrap().unwrap();
    assert!(off.contains("Enabled>false<") && !off.contains("ListeningOn"), "{off}");
    for closed in [&first, &moved] {
        let closed = async { while answers(port(closed)).await {} };
        tokio::time::timeout(std::time::Duration::from_secs(30), closed).await.unwrap();
    }
    let on = listener().put(&body("<c:Enabled>true</c:Enabled>")).await.unwrap().unwrap();
    assert_eq!(on, moved);
    assert!(answers(port(&on)).await);
    assert_eq!(session.resource("winrm/config/listener").enumerate(None).await.unwrap().len(), 3);
    session.close().await;
    nothing_left(&host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_is_removed_while_it_is_changed_stays_away() {
    let host = host().start().await.unwrap();
    let (mine, other) = (session(&host).await, session(&host).await);
    let listener = |session: &CimSession| {
        let listener = session.resource("winrm/config/Listener");
        listener.selector("Address", "IP:127.0.0.1").selector("Transport", "HTTP")
    };
    let anywhere = format!(r#"<c:Listener xmlns:c="{LISTENER}"><c:Port>0</c:Port></c:Listener>"#);
    for _ in 0..20 {
        listener(&mine).create(&anywhere).await.unwrap();
        let (changed, moving, removing) = (listener(&mine), listener(&mine), listener(&other));
        // Each change takes another port, so it waits while that is opened.
        let (_, moved, removed) =
            tokio::join!(changed.put(&anywhere), moving.put(&anywhere), removing.delete());
        removed.unwrap();
        if let Err(error) = moved {
            assert_eq!(error.kind(), ErrorKind::Fault, "{error}");
        }
        assert_eq!(listener(&mine).get().await.unwrap_err().kind(), ErrorKind::Fault, "it came back");
    }
    mine.close().await;
    other.close().await;
    nothing_left(&host).await;
}

#[tokio::test]
async fn listeners_are_opened_and_closed() {
    let host = host().start().await.unwrap();
    let session = session(&host).await;
    let listener = |address: &str, transport: &str| {
        let listener = session.resource("winrm/config/Listener");
        listener.selector("Address", address).selector("Transport", transport)
    };
    let body = |text: &str| format!(r#"<c:Listener xmlns:c="{LISTENER}">{text}</c:Listener>"#);
    let own = listener("IP:127.0.0.1", "HTTP");
    let created = own.create(&body("<c:Port>0</c:Port><c:Hostname>h</c:Hostname>")).await.unwrap().unwrap();
    assert_eq!(created.resource_uri.as_deref(), Some(LISTENER));
    assert_eq!(created.selectors.get("Address"), Some("IP:127.0.0.1"));
    let shown = own.get().await.unwrap();
    assert!(shown.contains("Hostname>h<") && shown.contains("Enabled>true<"), "{shown}");
    let port: u16 = shown.split_once("Port>").unwrap().1.split_once('<').unwrap().0.parse().unwrap();
    assert_eq!(session.resource("winrm/config/listener").enumerate(None).await.unwrap().len(), 3);

    // It answers, and what was begun there goes on when it is closed by way of itself.
    let mut target = over_http(&host);
    target.set_port(port);
    let over_it = CimSession::builder("").target(target).connect().await.unwrap();
    let itself = over_it.resource("winrm/config/Listener").selector("Address", "IP:127.0.0.1");
    itself.selector("Transport", "http").delete().await.unwrap();
    assert_eq!(own.get().await.unwrap_err().kind(), ErrorKind::Fault);
    assert!(over_it.resource("winrm/config").get().await.is_ok());
    over_it.close().await;
    let closed = async { while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {} };
    tokio::time::timeout(std::time::Duration::from_secs(30), closed).await.unwrap();

    let off = listener("IP:127.0.0.1", "HTTPS");
    off.create(&body("<c:Enabled>false</c:Enabled>")).await.unwrap();
    let shown = off.get().await.unwrap();
    assert!(shown.contains("Enabled>false<") && shown.contains("Port>5986<"), "{shown}");
    off.delete().await.unwrap();

    for (address, transport, content, words) in [
        ("*", "HTTPS", "", "exists"),
        ("*", "FTP", "", "HTTP or HTTPS"),
        ("IP:192.0.2.1", "HTTP", "", "no address"),
        ("MAC:00-00", "HTTP", "", "no address"),
        ("IP:127.0.0.1", "HTTP", "<c:Port>many</c:Port>", "number"),
        ("IP:127.0.0.1", "HTTP", "<c:Enabled>maybe</c:Enabled>", "true or false"),
        ("IP:127.0.0.1", "HTTP", "<c:Address>*</c:Address>", "selectors"),
        ("IP:127.0.0.1", "HTTP", "<c:URLPrefix>x</c:URLPrefix>", "wsman"),
        ("IP:127.0.0.1", "HTTP", "<c:CertificateThumbprint>AB</c:CertificateThumbprint>", "certificate"),
        ("IP:127.0.0.1", "HTTP", "<c:Nothing>1</c:Nothing>", "Nothing"),
        (
            "IP:127.0.0.1",
            "HTTP",
            &format!("<c:Port>{}</c:Port>", host.https_addr().unwrap().port()),
            "opened",
        ),
    ] {
        let error = listener(address, transport).create(&body(content)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Fault, "{error}");
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
    assert_eq!(listener("IP:127.0.0.1", "HTTP").delete().await.unwrap_err().kind(), ErrorKind::Fault);
    let unnamed = session.resource("winrm/config/Listener").selector("Address", "*");
    assert_eq!(unnamed.delete().await.unwrap_err().kind(), ErrorKind::Fault);
    session.close().await;
    nothing_left(&host).await;
}
