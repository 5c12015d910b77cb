//! Requests as a client makes them: a header that is the same for all messages of a session, and the
//! operations on one shell.

use std::time::Duration;

use uuid::Uuid;
use windlass_soap::{Header, OptionSet, SelectorSet, ns};

use crate::create::Create;
use crate::request::{Operation, Request};
use crate::shell::{CommandLine, Connect, Disconnect, ReceiveOutput, Reconnect, SendInput, Shell, Signal};

/// A GUID as an address: `uuid:` and upper case, as Windows compares it byte by byte.
pub fn uuid_uri(id: Uuid) -> String {
    format!("uuid:{}", guid(id))
}

/// A GUID as an id of a shell or a command: upper case, because they are compared with regard to it.
pub fn guid(id: Uuid) -> String {
    let mut buffer = Uuid::encode_buffer();
    id.hyphenated().encode_upper(&mut buffer).to_owned()
}

/// What all messages of a client's session have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The address of the service as the client knows it, such as `http://host:5985/wsman`.
    pub to: String,
    /// How large answers may be.
    pub max_envelope_size: u64,
    /// How long the service may work at a request.
    pub operation_timeout: Duration,
    /// The language of texts.
    pub locale: String,
    /// The language by which data is formatted.
    pub data_locale: String,
    /// The session's id; left out where absent.
    pub session_id: Option<Uuid>,
}

impl Session {
    /// A session with the defaults of Windows: 150 KB, 60 seconds, en-US.
    pub fn new(to: impl Into<String>) -> Self {
        Self {
            to: to.into(),
            max_envelope_size: 153_600,
            operation_timeout: Duration::from_secs(60),
            locale: "en-US".to_owned(),
            data_locale: "en-US".to_owned(),
            session_id: None,
        }
    }

    /// The header of a message; its action comes with the operation.
    pub fn header(&self, resource_uri: &str, message_id: Uuid) -> Header {
        Header {
            to: Some(self.to.clone()),
            resource_uri: Some(resource_uri.to_owned()),
            message_id: Some(uuid_uri(message_id)),
            reply_to: Some(ns::ANONYMOUS.to_owned()),
            max_envelope_size: Some(self.max_envelope_size),
            operation_timeout: Some(self.operation_timeout),
            locale: Some(self.locale.clone()),
            data_locale: Some(self.data_locale.clone()),
            session_id: self.session_id.map(uuid_uri),
            ..Header::default()
        }
    }

    /// A request to a resource.
    pub fn request<'a>(
        &self,
        resource_uri: &str,
        selectors: SelectorSet,
        message_id: Uuid,
        operation: Operation<'a>,
    ) -> Request<'a> {
        let header = Header { selectors, ..self.header(resource_uri, message_id) };
        Request::new(header, operation)
    }

    /// Calls a method of a class or an instance.
    pub fn invoke<'a>(
        &self,
        resource_uri: &str,
        method: &str,
        selectors: SelectorSet,
        message_id: Uuid,
        input: Option<windlass_soap::Xml<'a>>,
    ) -> Request<'a> {
        let action = Some(format!("{resource_uri}/{method}"));
        let header = Header { selectors, action, ..self.header(resource_uri, message_id) };
        Request::new(header, Operation::Invoke(input))
    }

    /// Opens a shell. Options of a PowerShell endpoint: `protocolversion`, which must be complied
    /// with; of `cmd`: `WINRS_NOPROFILE` and `WINRS_CODEPAGE`.
    pub fn create_shell<'a>(
        &self,
        resource_uri: &str,
        shell: Shell<'a>,
        options: OptionSet,
        compression: Option<&str>,
        message_id: Uuid,
    ) -> Request<'a> {
        let header = Header {
            options,
            compression: compression.map(str::to_owned),
            ..self.header(resource_uri, message_id)
        };
        Request::new(header, Operation::Create(Create::Shell(Box::new(shell))))
    }

    /// How many bytes of a stream fit one Send to this resource, if the service takes envelopes of
    /// `max_envelope_size` bytes.
    pub fn send_capacity(&self, shell: &ShellTarget, max_envelope_size: usize) -> usize {
        let input = SendInput::one(crate::shell::Stream::new("stdin", Some(EXAMPLE_ID), &[]));
        let empty = shell.request(self, Uuid::nil(), Operation::Send(input)).encode().len();
        max_envelope_size.saturating_sub(empty + SPARE) / 4 * 3
    }

    /// How many bytes of fragments fit the Create of a PowerShell session.
    pub fn create_capacity(
        &self,
        resource_uri: &str,
        options: &OptionSet,
        max_envelope_size: usize,
    ) -> usize {
        let shell = Shell::powershell(EXAMPLE_ID, &[]);
        let request = self.create_shell(resource_uri, shell, options.clone(), None, Uuid::nil());
        max_envelope_size.saturating_sub(request.encode().len() + SPARE) / 4 * 3
    }
}

/// Bytes left free in an envelope, for headers that differ in length.
const SPARE: usize = 256;
const EXAMPLE_ID: &str = "00000000-0000-0000-0000-000000000000";

/// One shell of a service: makes the requests that go to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellTarget {
    /// The URI the shell was created with.
    pub resource_uri: String,
    /// The shell's id, exactly as the service gave it.
    pub shell_id: String,
}

impl ShellTarget {
    /// A shell.
    pub fn new(resource_uri: impl Into<String>, shell_id: impl Into<String>) -> Self {
        Self { resource_uri: resource_uri.into(), shell_id: shell_id.into() }
    }

    /// Any operation on the shell.
    pub fn request<'a>(&self, session: &Session, message_id: Uuid, operation: Operation<'a>) -> Request<'a> {
        let selectors = SelectorSet::new().with("ShellId", self.shell_id.clone());
        session.request(&self.resource_uri, selectors, message_id, operation)
    }

    /// Starts a command. Options of `cmd`: `WINRS_CONSOLEMODE_STDIN`, `WINRS_SKIP_CMD_SHELL`.
    pub fn command<'a>(
        &self,
        session: &Session,
        message_id: Uuid,
        command: CommandLine<'a>,
        options: OptionSet,
    ) -> Request<'a> {
        let mut request = self.request(session, message_id, Operation::Command(command));
        request.header.options = options;
        request
    }

    /// Sends input.
    pub fn send<'a>(&self, session: &Session, message_id: Uuid, input: SendInput<'a>) -> Request<'a> {
        self.request(session, message_id, Operation::Send(input))
    }

    /// Asks for output. The service answers with a fault of time-out where there is none in time:
    /// then the same is asked again.
    pub fn receive(&self, session: &Session, message_id: Uuid, receive: ReceiveOutput) -> Request<'static> {
        let mut request = self.request(session, message_id, Operation::Receive(receive));
        request.header.options = OptionSet::new().with("WSMAN_CMDSHELL_OPTION_KEEPALIVE", "TRUE");
        request
    }

    /// Signals a command.
    pub fn signal(&self, session: &Session, message_id: Uuid, signal: Signal) -> Request<'static> {
        self.request(session, message_id, Operation::Signal(signal))
    }

    /// Closes the shell.
    pub fn delete(&self, session: &Session, message_id: Uuid) -> Request<'static> {
        self.request(session, message_id, Operation::Delete)
    }

    /// Leaves the shell.
    pub fn disconnect(
        &self,
        session: &Session,
        message_id: Uuid,
        disconnect: Disconnect,
    ) -> Request<'static> {
        self.request(session, message_id, Operation::Disconnect(disconnect))
    }

    /// Comes back to the shell, or to one of its commands.
    pub fn reconnect(
        &self,
        session: &Session,
        message_id: Uuid,
        command_id: Option<String>,
    ) -> Request<'static> {
        self.request(session, message_id, Operation::Reconnect(Reconnect { command_id, buffer_mode: None }))
    }

    /// Takes over the shell, or one of its commands.
    pub fn connect<'a>(
        &self,
        session: &Session,
        message_id: Uuid,
        connect: Connect<'a>,
        options: OptionSet,
    ) -> Request<'a> {
        let mut request = self.request(session, message_id, Operation::Connect(connect));
        request.header.options = options;
        request
    }
}
