//! Requests that foreign clients wrote, answered by the host.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

mod support;

use std::sync::Arc;

use support::exchanges::{exchanges, recordings};
use support::{Wire, fault_code, host, request};
use windlass_cim::wscim::Decoder;
use windlass_cim::{CimInstance, CimValue};
use windlass_mock::cim::MemoryProvider;
use windlass_wsman::{Item, Limits, Operation, Reply, Xml, decode_request, decode_response};

const INVALID_CONTEXT: u32 = 0x8033_801B;
const NOT_FOUND: u32 = 0x8004_1002;
const INVALID_CLASS: u32 = 0x8004_1010;
const INVALID_PARAMETER: u32 = 0x8004_1008;
const INVALID_NAMESPACE: u32 = 0x8004_100E;
const INVALID_QUERY: u32 = 0x8004_1017;
const INVALID_METHOD: u32 = 0x8004_102E;

/// What the requests of the MI client are about, apart from the instances.
const CLASSES: &str = "
class X_SmallNumber { [key] uint64 Number; string SpelledNumber; string Description;
  [static] string SpellNumber(uint64 num); };
class MSFT_Person { [key] uint32 Key; string Species; string Last; string First; };
";

/// The name of each recording, with what its client asked.
fn requests_of_the_mi_client() -> Vec<(String, Vec<support::exchanges::Exchange>)> {
    let recordings = recordings("omi").into_iter();
    let named =
        recordings.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), exchanges(&path)));
    named.collect()
}

/// Every request of the MI client is understood: where the host lacks the classes, that is what it says.
#[tokio::test(flavor = "multi_thread")]
async fn requests_of_the_mi_client_get_the_faults_that_are_due() {
    let host = host().start().await.unwrap();
    let mut wire = Wire::new(&host);
    let mut asked = 0;
    for (case, exchanges) in requests_of_the_mi_client() {
        for exchange in exchanges {
            let request = decode_request(&exchange.request, &Limits::default()).unwrap();
            let expected = match (&request.operation, request.header.selectors.get("__cimnamespace")) {
                _ if case == "query-bad" => INVALID_QUERY,
                (Operation::Pull(_), _) => INVALID_CONTEXT,
                (_, Some("root/cimv2" | "root/test")) => INVALID_CLASS,
                (_, namespace) => {
                    assert!(matches!(namespace, Some("test/cpp" | "root/nosuch")), "{namespace:?}");
                    INVALID_NAMESPACE
                }
            };
            let (status, answer) = wire.post(&exchange.request).await;
            // The answer to this request, and no other's.
            let answer = decode_response(&answer, &request.expectation(), &Limits::default()).unwrap();
            let Reply::Fault(fault) = answer.reply else { panic!("{case}: {:?}", answer.reply) };
            let code = fault.code().map(|code| code.0);
            assert_eq!((status, code), (500, Some(expected)), "{case}: {}", fault.message());
            asked += 1;
        }
    }
    assert_eq!(asked, 32);
}

/// Where the host has the classes, it answers as Microsoft's CIM server did.
#[tokio::test(flavor = "multi_thread")]
async fn requests_of_the_mi_client_get_the_recorded_answers() {
    let provider = MemoryProvider::from_mof("test/cpp", CLASSES).unwrap();
    let provider = provider.with_method("X_SmallNumber", "SpellNumber", |call| {
        assert_eq!(call.input.get("num"), Some(&CimValue::UInt64(123)));
        Ok(CimInstance::new("X_SmallNumber_OUTPUT")
            .with("ReturnValue", CimValue::String("one hundred twenty three".to_owned())))
    });
    let all = requests_of_the_mi_client();
    let of = |case: &str| &all.iter().find(|(name, _)| name == case).unwrap().1;
    for exchange in of("enumerate-numbers") {
        let (_, reply) = decoded(&exchange.request, exchange.answer.as_deref().unwrap());
        for number in items(&reply) {
            // What comes untyped is a text.
            let text = |name: &str| number.get(name).unwrap().to_text().unwrap().into_owned();
            let mut instance = provider.new_instance("X_SmallNumber").unwrap();
            instance.set("Number", CimValue::UInt64(text("Number").parse().unwrap())).unwrap();
            instance.set("SpelledNumber", CimValue::String(text("SpelledNumber"))).unwrap();
            provider.insert(instance).unwrap();
        }
    }
    let host = host().provider(Arc::new(provider)).start().await.unwrap();
    let mut wire = Wire::new(&host);
    for (case, expected) in [
        ("enumerate-numbers", None),
        ("get", None),
        ("get-missing", Some(NOT_FOUND)),
        ("query", None),
        ("query-bad", Some(INVALID_QUERY)),
        ("invoke", None),
        ("invoke-missing", Some(INVALID_METHOD)),
        ("persons", None),
        ("person-create", None),
        ("person-enumerate", None),
        // It names a property that is no key, which Microsoft's server does not look at.
        ("person-get", Some(INVALID_PARAMETER)),
        ("person-delete", None),
        ("person-delete-missing", Some(NOT_FOUND)),
        ("badnamespace", Some(INVALID_NAMESPACE)),
        ("connectors", Some(INVALID_CLASS)),
    ] {
        let mut context: Option<(String, String)> = None;
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        for exchange in of(case) {
            let (_, recorded) = decoded(&exchange.request, exchange.answer.as_deref().unwrap());
            let mut asked = exchange.request.clone();
            // A context is the server's to choose.
            if let Some((recorded, own)) = &context {
                let element =
                    |context: &str| format!("<n:EnumerationContext>{context}</n:EnumerationContext>");
                let replaced = asked.replace(&element(recorded), &element(own));
                assert_ne!(replaced, asked);
                asked = replaced;
            }
            let (status, answer) = wire.post(&asked).await;
            let (_, reply) = decoded(&asked, &answer);
            if let Some(expected) = expected {
                assert_eq!((status, fault_code(&answer)), (500, Some(expected)), "{case}: {answer}");
                continue;
            }
            assert_eq!(status, 200, "{case}: {answer}");
            assert_eq!(std::mem::discriminant(&reply), std::mem::discriminant(&recorded), "{case}: {answer}");
            if let (Reply::Create(ours), Reply::Create(theirs)) = (&reply, &recorded) {
                let key = |created: &windlass_wsman::CreateResponse<'_>| {
                    let reference = created.resource.clone().unwrap();
                    (reference.resource_uri, reference.selectors.get("Key").map(str::to_owned))
                };
                assert_eq!(key(ours), key(theirs), "{case}");
            }
            let known = context.take().map(|(recorded, _)| recorded).or_else(|| context_of(&recorded));
            context = known.zip(context_of(&reply));
            theirs.extend(items(&recorded).iter().map(values));
            ours.extend(items(&reply).iter().map(values));
        }
        // As is how many of its instances go into an answer.
        while let Some((recorded, own)) = context.take() {
            let pull = &of(case).last().unwrap().request;
            let (_, answer) = wire.post(&pull.replace(&recorded, &own)).await;
            let (_, reply) = decoded(pull, &answer);
            assert!(matches!(reply, Reply::Pull(_)), "{case}: {answer}");
            context = context_of(&reply).map(|own| (recorded, own));
            ours.extend(items(&reply).iter().map(values));
        }
        // The order is, too.
        theirs.sort();
        ours.sort();
        assert_eq!(ours, theirs, "{case}");
    }
}

fn decoded<'a>(request: &'a str, answer: &'a str) -> (windlass_wsman::Request<'a>, Reply<'a>) {
    let request = decode_request(request, &Limits::default()).unwrap();
    let answer = decode_response(answer, &request.expectation(), &Limits::default());
    (request, answer.unwrap().reply)
}

fn context_of(reply: &Reply<'_>) -> Option<String> {
    match reply {
        Reply::Enumerate(page) | Reply::Pull(page) if !page.end_of_sequence => page.context.clone(),
        _ => None,
    }
}

/// The instances that an answer brings.
fn items(reply: &Reply<'_>) -> Vec<CimInstance> {
    let decode = |xml: &Xml<'_>| {
        let mut reader = xml.reader(windlass_xml::Limits::default());
        Decoder::new().decode(&mut reader).unwrap()
    };
    match reply {
        Reply::Enumerate(page) | Reply::Pull(page) => {
            let items = page.items.iter().map(|item| match item {
                Item::Object(xml) => decode(xml),
                other => panic!("{other:?}"),
            });
            items.collect()
        }
        Reply::Get(xml) | Reply::Invoke(Some(xml)) => vec![decode(xml)],
        _ => Vec::new(),
    }
}

/// Class, and names and texts of what an instance says.
fn values(instance: &CimInstance) -> (String, Vec<(String, String)>) {
    let said = instance.properties.iter().filter(|property| !property.value.is_null());
    let mut said: Vec<_> = said
        .map(|property| (property.name.to_string(), property.value.to_text().unwrap().into_owned()))
        .collect();
    said.sort();
    // DSP0230 names the output of a method after the method, Microsoft's server after the class.
    let output = instance.class_name.as_str().ends_with("_OUTPUT");
    (if output { "_OUTPUT".to_owned() } else { instance.class_name.to_string() }, said)
}

/// As OMI does it: the MI client, which does not say who it is, takes an element within a property for an instance,
/// and of a fault's words reads those of the provider or those beside it, not both.
#[tokio::test(flavor = "multi_thread")]
async fn the_mi_client_reads_datetimes_and_faults() {
    let host = host().start().await.unwrap();
    let mut wire = Wire::new(&host);
    let body = |class: &str| {
        let uri = format!("http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/{class}");
        request(&uri, &[("__cimnamespace", "root/cimv2")], Operation::Get)
    };
    let (_, plain) = wire.post(&body("Win32_OperatingSystem")).await;
    let (_, named) =
        wire.post_with("User-Agent: Microsoft WinRM Client\r\n", &body("Win32_OperatingSystem")).await;
    assert!(plain.contains("<p:LocalDateTime>2") && !plain.contains("cim:Datetime>"), "{plain}");
    assert!(named.contains("<p:LocalDateTime><cim:Datetime>2"), "{named}");

    let (_, fault) = wire.post(&body("NoSuchClass")).await;
    assert!(fault.contains("<f:Message><f:ProviderFault provider="), "{fault}");
}
