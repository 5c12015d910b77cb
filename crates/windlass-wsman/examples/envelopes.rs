//! Prints the envelopes that this crate writes, one JSON object a line, with values that a reader must
//! find in them: `{"name", "envelope", "values": [[XPath, value]...]}`. Another XML reader checks them.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints; it reads nothing")]

use std::borrow::Cow;
use std::time::Duration;

use serde_json::json;
use uuid::Uuid;
use windlass_wsman::client::{Session, ShellTarget, guid};
use windlass_wsman::soap::{InnerFault, ProviderFault};
use windlass_wsman::*;

/// Text with everything that must be escaped.
const ODD: &str = "<a b=\"c\" d='e'>&amp; ]]> \u{e4}\u{20ac}\u{1f600}</a>";
const ID: Uuid = Uuid::from_u128(0x1234_5678_9abc_def0_1122_3344_5566_7788);

fn main() {
    let session = Session { session_id: Some(ID), ..Session::new("http://host:5985/wsman?PSVersion=7.6.5") };
    requests_on_shells(&session);
    requests_on_classes(&session);
    responses(&session);
    faults(&session);
}

fn print(name: &str, envelope: &str, values: &[(&str, &str)]) {
    println!("{}", json!({ "name": name, "envelope": envelope, "values": values }));
}

fn requests_on_shells(session: &Session) {
    print(
        "identify",
        &Request::identify().encode(),
        &[("count(//s:Header/*)", "0"), ("count(/s:Envelope/s:Body/id:Identify)", "1")],
    );

    let options = OptionSet::new().with_required("protocolversion", "2.3").with("odd", ODD);
    let shell = Shell {
        name: Some(ODD.to_owned()),
        environment: vec![
            ("A".to_owned(), ODD.to_owned()),
            ("B".to_owned(), "line\nbreak\tand\rmore".to_owned()),
        ],
        idle_timeout: Some(Duration::from_millis(7_200_250)),
        buffer_mode: Some(BufferMode::Block),
        ..Shell::powershell(guid(ID), b"fragments\x00\xff")
    };
    let uri = uri::powershell("Microsoft.PowerShell");
    let request = session.create_shell(&uri, shell, options, Some(xpress::NAME), ID);
    print(
        "create shell",
        &request.encode(),
        &[
            ("string(//a:Action)", "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create"),
            ("string(//a:Action/@s:mustUnderstand)", "true"),
            ("string(//a:MessageID)", "uuid:12345678-9ABC-DEF0-1122-334455667788"),
            ("string(//a:To)", "http://host:5985/wsman?PSVersion=7.6.5"),
            ("string(//w:Locale/@xml:lang)", "en-US"),
            ("string(//p:DataLocale/@s:mustUnderstand)", "false"),
            ("string(//w:OperationTimeout)", "PT60.000S"),
            ("string(//w:Option[@Name='protocolversion']/@MustComply)", "true"),
            ("string(//w:Option[@Name='odd'])", ODD),
            ("string(//s:Header/rsp:CompressionType)", "xpress"),
            ("string(//rsp:Shell/@Name)", ODD),
            ("string(//rsp:Variable[@Name='A'])", ODD),
            ("string(//rsp:Variable[@Name='B'])", "line\nbreak\tand\rmore"),
            ("string(//rsp:IdleTimeOut)", "PT7200.250S"),
            ("string(//rsp:BufferMode)", "Block"),
            ("string(//rsp:InputStreams)", "stdin pr"),
            ("string(//pwsh:creationXml)", "ZnJhZ21lbnRzAP8="),
        ],
    );

    let target = ShellTarget::new(uri, guid(ID));
    let command = CommandLine::program("cmd.exe", ["/c", ODD]);
    let request = target.command(session, ID, command, OptionSet::new().with("WINRS_SKIP_CMD_SHELL", "TRUE"));
    print(
        "command",
        &request.encode(),
        &[
            ("string(//w:Selector[@Name='ShellId'])", "12345678-9ABC-DEF0-1122-334455667788"),
            ("string(//rsp:Command)", "cmd.exe"),
            ("string(//rsp:Arguments[2])", ODD),
        ],
    );
    let input = SendInput::one(Stream::new("stdin", Some("C"), &[0, 1, 2]).last());
    print(
        "send",
        &target.send(session, ID, input).encode(),
        &[
            ("string(//rsp:Stream)", "AAEC"),
            ("string(//rsp:Stream/@End)", "true"),
            ("string(//rsp:Stream/@CommandId)", "C"),
        ],
    );
    let request = target.signal(session, ID, Signal::new("C", SignalCode::PowerShellStop));
    print("signal", &request.encode(), &[("string(//rsp:Code)", "powershell/signal/crtl_c")]);
}

fn requests_on_classes(session: &Session) {
    let mut selectors = SelectorSet::new().with(uri::CIM_NAMESPACE, "root/cimv2").with("Key", ODD);
    let reference =
        EndpointReference::anonymous(uri::cim_class("X_A"), SelectorSet::new().with("Inner", ODD));
    selectors.push_reference("Ref", reference.clone());
    let request = session.request(&uri::cim_class("X_B"), selectors, ID, Operation::Get);
    print(
        "get with a reference as key",
        &request.encode(),
        &[
            ("string(//s:Header/w:SelectorSet/w:Selector[@Name='Key'])", ODD),
            ("string(//w:Selector[@Name='Ref']/a:EndpointReference//w:Selector[@Name='Inner'])", ODD),
            (
                "string(//w:Selector[@Name='Ref']//w:ResourceURI)",
                "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/X_A",
            ),
        ],
    );
    let association = AssociationFilter {
        object: reference,
        association_class: Some("X_AB".to_owned()),
        result_class: Some("X_B".to_owned()),
        properties: vec!["P".to_owned(), "Q".to_owned()],
        ..AssociationFilter::default()
    };
    let enumerate = Enumerate {
        optimize: true,
        max_elements: Some(1000),
        filter: Some(Filter::Association(Box::new(association))),
        mode: EnumerationMode::ObjectAndReference,
        polymorphism: Some(PolymorphismMode::ExcludeSubClassProperties),
        expires: Some(Expiration::After(Duration::from_secs(90))),
    };
    let request = session.request(uri::ALL_CLASSES, SelectorSet::new(), ID, Operation::Enumerate(enumerate));
    print(
        "enumerate associated instances",
        &request.encode(),
        &[
            ("count(//w:OptimizeEnumeration)", "1"),
            ("string(//n:Enumerate/w:Filter/@Dialect)", dialect::ASSOCIATION),
            ("string(//b:AssociatedInstances/b:ResultClassName)", "X_B"),
            ("string(//b:IncludeResultProperty[2])", "Q"),
            ("string(//b:PolymorphismMode)", "ExcludeSubClassProperties"),
            ("string(//w:EnumerationMode)", "EnumerateObjectAndEPR"),
            ("string(//n:Expires)", "PT90.000S"),
        ],
    );
    let query = "select * from X where a < 'b' and c >= \"&\"";
    let subscribe = Subscribe { send_bookmarks: true, ..Subscribe::pull(Filter::Wql(query.to_owned())) };
    let operation = Operation::Subscribe(Box::new(subscribe));
    let request = session.request(uri::ALL_CLASSES, SelectorSet::new(), ID, operation);
    print(
        "subscribe",
        &request.encode(),
        &[
            ("string(//e:Delivery/@Mode)", delivery_mode::PULL),
            ("string(//w:Filter)", query),
            ("count(//e:Subscribe/w:SendBookmarks)", "1"),
        ],
    );
}

fn responses(session: &Session) {
    let request = session.header(uri::CMD_SHELL, ID);
    let output = ReceiveResponse {
        streams: vec![Stream::new("stdout", Some("C"), b"out"), Stream::new("stderr", Some("C"), b"").last()],
        state: Some(CommandState::done(Some("C".to_owned()), -1)),
        sequence_id: None,
    };
    let response = Response::new(&request, "uuid:A", Reply::Receive(output));
    print(
        "receive response",
        &response.encode(),
        &[
            ("string(//a:RelatesTo)", "uuid:12345678-9ABC-DEF0-1122-334455667788"),
            ("string(//a:Action)", "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/ReceiveResponse"),
            ("string(//rsp:Stream[@Name='stdout'])", "b3V0"),
            ("string(//rsp:Stream[@Name='stderr']/@End)", "true"),
            ("string(//rsp:ExitCode)", "-1"),
        ],
    );
    let item = format!(
        "<q:X xmlns:q=\"urn:q\"><q:P>{}</q:P></q:X>",
        ODD.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    );
    let reference = EndpointReference::anonymous("urn:q", SelectorSet::new().with("P", ODD));
    let page = Page {
        context: Some("context".to_owned()),
        items: vec![Item::Object(Xml::new(&item)), Item::ObjectAndReference(Xml::new(&item), reference)],
        ..Page::default()
    };
    for (name, reply) in
        [("enumerate response", Reply::Enumerate(page.clone())), ("pull response", Reply::Pull(page))]
    {
        print(
            name,
            &Response::new(&request, "uuid:A", reply).encode(),
            &[
                ("string(//n:EnumerationContext)", "context"),
                ("string(//*[local-name()='Items']/*[1]/*[local-name()='P'])", ODD),
                ("string(//w:Item//w:Selector[@Name='P'])", ODD),
                ("count(//*[namespace-uri()='urn:q' and local-name()='X'])", "2"),
            ],
        );
    }
    let created = CreateResponse {
        resource: Some(EndpointReference::anonymous(uri::CMD_SHELL, SelectorSet::new().with("ShellId", "S"))),
        shell: Some(Box::new(ShellInfo {
            shell_id: Some("S".to_owned()),
            owner: Some(ODD.to_owned()),
            idle_timeout: Some(Duration::from_secs(7200)),
            run_time: Some(Duration::from_secs(93_784)),
            ..ShellInfo::default()
        })),
        other: None,
    };
    print(
        "create response",
        &Response::new(&request, "uuid:A", Reply::Create(Box::new(created))).encode(),
        &[
            ("string(//x:ResourceCreated//w:Selector)", "S"),
            ("string(//rsp:Owner)", ODD),
            ("string(//rsp:IdleTimeOut)", "PT7200.000S"),
            ("string(//rsp:ShellRunTime)", "P1DT2H3M4S"),
        ],
    );
    let payload = Payload::Bytes(Cow::Borrowed(b"answer"));
    let connected = ConnectResponse { connect_response_xml: Some(payload), ..ConnectResponse::default() };
    print(
        "connect response",
        &Response::new(&request, "uuid:A", Reply::Connect(connected)).encode(),
        &[("string(//pwsh:connectResponseXml)", "YW5zd2Vy")],
    );
}

fn faults(session: &Session) {
    let request = session.header(uri::CMD_SHELL, ID);
    let fault =
        Fault::unexpected_selectors().with_machine("HOST").with_message("").with_provider(ProviderFault {
            provider: Some("Shell provider".to_owned()),
            path: Some("%windir%\\x.dll".to_owned()),
            fault: Some(InnerFault {
                code: FaultCode::ACCESS_DENIED,
                machine: Some("INNER".to_owned()),
                message: ODD.to_owned(),
            }),
            ..ProviderFault::default()
        });
    print(
        "fault of a provider",
        &Response::new(&request, "uuid:A", Reply::Fault(Box::new(fault))).encode(),
        &[
            ("string(//a:Action)", "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"),
            ("string(//s:Fault/s:Code/s:Value)", "s:Sender"),
            ("substring-after(//s:Subcode/s:Value, ':')", "InvalidSelectors"),
            ("string(//s:Detail/f:WSManFault/@Code)", "2150858843"),
            ("string(//f:ProviderFault/f:WSManFault/@Code)", "5"),
            ("string(//f:ProviderFault/f:WSManFault/f:Message)", ODD),
            (
                "string(//w:FaultDetail)",
                "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/UnexpectedSelectors",
            ),
        ],
    );
    let error = "<q:CIM_Error xmlns:q=\"urn:q\"><q:Message>m</q:Message></q:CIM_Error>".to_owned();
    let fault = Fault::cim(6, ODD, Some(error));
    print(
        "fault with a CIM error",
        &Response::new(&request, "uuid:A", Reply::Fault(Box::new(fault))).encode(),
        &[
            ("string(//a:Action)", "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault"),
            ("string(//s:Reason/s:Text)", ODD),
            ("count(//s:Detail/*[namespace-uri()='urn:q'])", "1"),
        ],
    );
}
