//! The Shell resource: Create, Command, Send, Receive, Signal, Delete ([MS-WSMV] 3.1.4.1.31 and following).

use std::sync::Arc;

use uuid::Uuid;
use windlass_soap::EndpointReference;
use windlass_wsman::{
    CommandInfo, CommandLine, CommandResponse, CommandState, Create, CreateResponse, Enumerate,
    EnumerationMode, Fault, FaultCode, Filter, Header, Operation, ReceiveOutput, ReceiveResponse, Reply,
    SelectorSet, SendInput, Shell as ShellRequest, SignalCode, Stream, uri,
    xpress::{self, Decompressor},
};

use super::enumeration::{self, Items, Rendered};
use super::{Caller, Outcome, Owned, aborted, reply};
use crate::host::Host;
use crate::shell::{Ask, Kind, Known, Opening, Received, Shell, check_idle_timeout};

/// Options of a Create that are understood; others must not ask to be complied with.
const CREATE_OPTIONS: [&str; 6] = [
    "protocolversion",
    "WINRS_NOPROFILE",
    "WINRS_CODEPAGE",
    "USE_INTERACTIVE_TOKEN",
    "WSMAN_CMDSHELL_OPTION_KEEPALIVE",
    "WINRS_CONSOLEMODE_STDIN",
];

/// A GUID as shells and commands are named: in upper case.
pub(super) fn upper(id: Uuid) -> String {
    let mut buffer = Uuid::encode_buffer();
    id.hyphenated().encode_upper(&mut buffer).to_owned()
}

/// Carries out an operation on a shell.
pub(super) async fn handle(
    host: &Arc<Host>,
    header: &Header,
    operation: Operation<'_>,
    caller: &Caller,
) -> Outcome {
    if let Operation::Create(Create::Shell(shell)) = operation {
        return create(host, header, *shell, caller).await;
    }
    let shell = find(host, header, caller)?;
    // Those who ask for a shell that another client uses do not keep it alive.
    let _busy = (!matches!(operation, Operation::Connect(_))).then(|| shell.busy());
    match operation {
        Operation::Command(command) => run_command(host, header, &shell, command, caller).await,
        Operation::Send(input) => send(host, header, &shell, input, caller).await,
        Operation::Receive(output) => receive(header, &shell, output, caller).await,
        Operation::Signal(signal) => {
            let code = in_any_case(signal.code);
            shell.signal(signal.command_id.as_deref(), &code, caller).await?;
            if code == SignalCode::Terminate {
                shell.answered.forget(signal.command_id.as_deref());
            }
            Ok(reply(header, Reply::Signal))
        }
        Operation::Disconnect(request) => {
            shell.disconnect(&request, host)?;
            Ok(reply(header, Reply::Disconnect))
        }
        Operation::Reconnect(request) => {
            shell.reconnect(&request)?;
            Ok(reply(header, Reply::Reconnect))
        }
        Operation::Connect(request) => {
            if let Some(unknown) = header.options.first_unknown_required(&CREATE_OPTIONS) {
                return Err(Box::new(Fault::option_not_supported(&unknown.name)));
            }
            let connected = shell.connect(&request)?;
            Ok(reply(header, Reply::Connect(connected)))
        }
        Operation::Delete => {
            host.shells.remove(shell.id());
            shell.close();
            Ok(reply(header, Reply::Delete))
        }
        Operation::Get => {
            let info = shell.info().to_xml();
            Ok(reply(header, Reply::Get(windlass_wsman::Xml::from(info))))
        }
        _ => Err(Box::new(Fault::action_not_supported(header.action.as_deref().unwrap_or_default()))),
    }
}

/// Lists the caller's shells, or the commands of one of them.
pub(super) async fn enumerate(
    host: &Arc<Host>,
    header: &Header,
    request: &Enumerate,
    caller: &Caller,
) -> Outcome {
    if request.mode != EnumerationMode::Object {
        return Err(Box::new(Fault::new(FaultCode::SHELLCOMMANDS_EPRS_NOTSUPPORTED)));
    }
    let resource = header.resource_uri.as_deref().unwrap_or_default();
    let documents = if resource.eq_ignore_ascii_case(uri::SHELL_COMMAND) {
        let Some(Filter::Selectors(selectors)) = &request.filter else {
            return Err(Box::new(Fault::new(FaultCode::SHELLCOMMANDS_FILTER_EXPECTED)));
        };
        let Some(id) = selectors.get("ShellId") else {
            return Err(Box::new(Fault::new(FaultCode::SHELLCOMMANDS_FILTER_EXPECTED)));
        };
        let shell = host.shells.get(id).filter(|shell| shell.is_owned_by(&caller.owner));
        let shell = shell.ok_or_else(|| Box::new(Fault::unexpected_selectors()))?;
        shell.command_list().iter().map(CommandInfo::to_xml).collect()
    } else if resource.eq_ignore_ascii_case(uri::SHELL) {
        host.shells.of_owner(&caller.owner).iter().map(|shell| shell.info().to_xml()).collect::<Vec<_>>()
    } else {
        return Err(Box::new(Fault::action_not_supported(header.action.as_deref().unwrap_or_default())));
    };
    let items: Items =
        Box::new(documents.into_iter().map(|xml| Ok(Rendered { xml: Some(xml), reference: None })));
    enumeration::enumerate(host, header, request, items, caller).await
}

/// Some clients write `Terminate` and the like with capitals, which Windows takes.
fn in_any_case(code: SignalCode) -> SignalCode {
    let SignalCode::Other(uri) = &code else { return code };
    let known = [
        SignalCode::Terminate,
        SignalCode::CtrlC,
        SignalCode::CtrlBreak,
        SignalCode::PowerShellStop,
        SignalCode::PowerShellCtrlC,
    ];
    known.into_iter().find(|known| known.uri().eq_ignore_ascii_case(uri)).unwrap_or(code)
}

async fn create(host: &Arc<Host>, header: &Header, request: ShellRequest<'_>, caller: &Caller) -> Outcome {
    let resource = header.resource_uri.clone().unwrap_or_default();
    if let Some(unknown) = header.options.first_unknown_required(&CREATE_OPTIONS) {
        return Err(Box::new(Fault::option_not_supported(&unknown.name)));
    }
    let kind = kind_of(host, &resource)?;
    let compressed = match header.compression.as_deref() {
        None => false,
        Some(kind) if kind.eq_ignore_ascii_case(xpress::NAME) => true,
        Some(_) => {
            let text = "The streams of shells can be compressed by xpress alone.";
            return Err(Box::new(Fault::unsupported_feature(text)));
        }
    };
    let limits = &host.config.limits;
    check_idle_timeout(request.idle_timeout, limits)?;
    let id = match &request.shell_id {
        Some(proposed) if !proposed.is_empty() && proposed.len() <= 128 => proposed.clone(),
        Some(_) => return Err(Box::new(Fault::invalid_selectors("The proposed ShellId is not valid."))),
        None => upper(Uuid::new_v4()),
    };
    let opening = Opening {
        id,
        resource_uri: resource.clone(),
        kind,
        name: request.name.clone(),
        environment: request.environment.clone(),
        working_directory: request.working_directory.clone(),
        lifetime: request.lifetime,
        idle_timeout: request.idle_timeout.unwrap_or(limits.idle_timeout),
        buffer_mode: request.buffer_mode,
        input_streams: request.input_streams.clone(),
        output_streams: request.output_streams.clone(),
        locale: header.locale.clone(),
        data_locale: header.data_locale.clone(),
        confidential: caller.confidential,
        compressed,
    };
    let creation = match &request.creation_xml {
        Some(payload) => payload.to_vec().map_err(|error| Box::new(error.to_fault()))?,
        None => Vec::new(),
    };
    let shell = host.shells.open(host, opening, caller)?;
    if let Err(fault) = shell.begin(&creation) {
        host.shells.remove(shell.id());
        shell.close();
        return Err(fault);
    }
    let selectors = SelectorSet::new().with("ShellId", shell.id());
    let created = CreateResponse {
        resource: Some(EndpointReference::anonymous(resource, selectors)),
        shell: Some(Box::new(shell.info())),
        other: None,
    };
    Ok(reply(header, Reply::Create(Box::new(created))))
}

/// What kind of shell a resource URI asks for.
fn kind_of(host: &Host, resource: &str) -> Result<Kind, Box<Fault>> {
    if resource.eq_ignore_ascii_case(uri::CMD_SHELL) {
        return Ok(Kind::Cmd);
    }
    let known = [
        "Microsoft.PowerShell",
        "Microsoft.PowerShell32",
        "PowerShell.7",
        "PowerShell.7.6",
        "PowerShell.7.6.5",
    ];
    let configuration = uri::powershell_configuration(resource);
    let endpoints = &host.config.endpoints;
    let named = |name: &str| endpoints.iter().position(|endpoint| endpoint.name.eq_ignore_ascii_case(name));
    if let Some(place) = configuration.and_then(named) {
        return Ok(Kind::Program(place));
    }
    match configuration {
        Some(name)
            if known
                .into_iter()
                .chain(host.config.configurations.iter().map(String::as_str))
                .any(|known| known.eq_ignore_ascii_case(name)) =>
        {
            Ok(Kind::PowerShell)
        }
        _ => Err(Box::new(Fault::invalid_resource_uri(resource))),
    }
}

/// The shell that the selectors name, if it is the caller's. Somebody else's is as good as none.
fn find(host: &Host, header: &Header, caller: &Caller) -> Result<Arc<Shell>, Box<Fault>> {
    let Some(id) = header.selectors.get("ShellId") else {
        return Err(Box::new(Fault::insufficient_selectors()));
    };
    let shell = host.shells.get(id).filter(|shell| shell.is_owned_by(&caller.owner));
    shell.ok_or_else(|| Box::new(Fault::unexpected_selectors()))
}

async fn run_command(
    host: &Arc<Host>,
    header: &Header,
    shell: &Arc<Shell>,
    command: CommandLine<'_>,
    caller: &Caller,
) -> Outcome {
    let id = match &command.command_id {
        Some(proposed) if !proposed.is_empty() && proposed.len() <= 128 => Some(proposed.clone()),
        Some(_) => return Err(Box::new(Fault::invalid_selectors("The proposed CommandId is not valid."))),
        None => None,
    };
    let command_id = shell.start_command(host, id, &command, &header.options, caller).await?;
    Ok(reply(header, Reply::Command(CommandResponse { command_id })))
}

async fn send(
    host: &Host,
    header: &Header,
    shell: &Arc<Shell>,
    input: SendInput<'_>,
    caller: &Caller,
) -> Outcome {
    for stream in input.streams {
        let mut data = stream.data.to_vec().map_err(|error| Box::new(error.to_fault()))?;
        if shell.is_compressed() {
            let mut plain = Vec::new();
            let unpacked = Decompressor::new(host.config.limits.object).decompress(&data, &mut plain);
            unpacked.map_err(|error| Box::new(error.to_fault()))?;
            data = plain;
        }
        shell.send(stream.command_id.as_deref(), &stream.name, data, stream.end, caller).await?;
    }
    Ok(reply(header, Reply::Send))
}

async fn receive(header: &Header, shell: &Arc<Shell>, output: ReceiveOutput, caller: &Caller) -> Outcome {
    let id = output.command_id.as_deref();
    let Some(ask) = Ask::of(header) else {
        let received = fetch(shell, &output, caller).await?;
        return Ok(received_reply(header, &output, &received));
    };
    let again = match shell.answered.ask(id, &ask) {
        Known::Output(received) => return Ok(received_reply(header, &output, &received)),
        Known::New(again) => again,
    };
    let fetched = tokio::select! {
        biased;
        () = again.notified() => return Err(aborted()),
        fetched = fetch(shell, &output, caller) => fetched,
    };
    match fetched {
        Ok(received) => {
            let received = Arc::new(received);
            shell.answered.keep(id, &ask, &received);
            Ok(received_reply(header, &output, &received))
        }
        Err(fault) => {
            if !fault.is_timeout() {
                shell.answered.forget(id);
            }
            Err(fault)
        }
    }
}

/// Waits for output, and packs it as it travels.
async fn fetch(shell: &Shell, output: &ReceiveOutput, caller: &Caller) -> Result<Received, Box<Fault>> {
    let id = output.command_id.as_deref();
    shell.packing.asked(id);
    let mut received = shell.receive(id, &output.streams, caller).await?;
    if shell.is_compressed() {
        shell.packing.pack(id, &mut received);
    }
    Ok(received)
}

fn received_reply(header: &Header, output: &ReceiveOutput, received: &Received) -> Owned {
    let id = output.command_id.as_deref();
    let streams = received.pieces.iter().map(|piece| {
        let stream = Stream::new(piece.stream, id, &piece.data);
        if piece.end { stream.last() } else { stream }
    });
    let response = ReceiveResponse {
        streams: streams.collect(),
        state: Some(CommandState {
            command_id: output.command_id.clone(),
            state: received.state.clone(),
            exit_code: received.exit_code,
        }),
        sequence_id: output.sequence_id,
    };
    reply(header, Reply::Receive(response))
}
