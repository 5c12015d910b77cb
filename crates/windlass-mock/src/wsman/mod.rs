//! From a message of WS-Man to its answer.

mod cim;
mod config;
mod enumeration;
mod fault;
mod fragment;
mod listeners;
mod schema;
mod shells;
mod subscription;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use uuid::Uuid;
use windlass_auth::Principal;
use windlass_cim::ResourceUri;
use windlass_cim::wscim::DateTimeStyle;
use windlass_http::Request as HttpRequest;
use windlass_soap::Limits;
use windlass_wsman::{
    Create, Fault, FaultCode, Header, IdentifyResponse, Operation, Reply, Request, Response, decode_request,
    uri,
};

use crate::auth::owner;
use crate::host::Host;
use crate::recording::Player;
use crate::trouble::TroubleKind;

pub(crate) use enumeration::Enumerations;
pub(crate) use subscription::Subscriptions;

const CONTENT_TYPE: &str = "application/soap+xml;charset=UTF-8";

/// Bytes of an answer's envelope besides base64 content, generously.
const ENVELOPE_OVERHEAD: usize = 2560;

/// The smallest MaxEnvelopeSize that is accepted ([MS-WSMV] 3.1.4.1.30).
const LEAST_ENVELOPE: u64 = 8192;

/// What a fault says that was asked for.
const TROUBLE: &str = "The service was told to be out of quota.";

/// What goes back over HTTP.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
    /// What happens to it on its way.
    pub(crate) trouble: Option<TroubleKind>,
}

/// Who asks, and on what terms.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) user: Principal,
    /// The account that what the user opens belongs to.
    pub(crate) owner: String,
    pub(crate) peer: String,
    /// When the answer must be on its way.
    pub(crate) deadline: Instant,
    /// Bytes that the answer's envelope may have.
    pub(crate) envelope: usize,
    /// Whether what is said stays between the two.
    pub(crate) confidential: bool,
    /// How the client wants datetimes: Microsoft's for other systems than Windows does not say who it is, and reads
    /// text alone.
    pub(crate) datetimes: DateTimeStyle,
}

impl Caller {
    /// Bytes of a stream that fit into the answer as base64.
    pub(crate) fn payload_budget(&self) -> usize {
        (self.envelope.saturating_sub(ENVELOPE_OVERHEAD) / 4 * 3).max(1024)
    }
}

/// What an operation gives: a reply or a fault.
pub(crate) type Outcome = Result<Owned, Box<Fault>>;

/// A reply that has become an envelope already, as its parts borrow from what made it.
pub(crate) struct Owned(pub(crate) String);

/// Answers a request.
pub(crate) async fn answer(host: &Arc<Host>, request: &HttpRequest, peer: &str) -> Answer {
    if !is_known_path(host, &request.path) {
        return Answer { status: 404, content_type: String::new(), body: Bytes::new(), trouble: None };
    }
    let limits = limits(host);
    let text = match windlass_xml::decode_utf(&request.body, &limits.xml) {
        Ok(text) => text,
        Err(_) if request.body.len() > limits.xml.total => {
            return fault_answer(host, &Header::default(), too_large(host, request.body.len()));
        }
        Err(error) => {
            let fault = Fault::schema_validation(format!("The body is no text: {error}."));
            return fault_answer(host, &Header::default(), fault);
        }
    };
    let decoded = match decode_request(&text, &limits) {
        Ok(decoded) => decoded,
        Err(error) => return fault_answer(host, &error.header, error.to_fault()),
    };
    // Not before it is known whose answer it is, and some room beyond: clients count alike, not the same.
    if text.len() > host.config.limits.envelope.saturating_add(ENVELOPE_OVERHEAD) {
        return fault_answer(host, &decoded.header, too_large(host, text.len()));
    }
    if decoded.operation == Operation::Identify {
        let reply = Reply::Identify(identify(host, request.identity.is_some()));
        return envelope_answer(200, Response::new(&decoded.header, message_id(), reply).encode());
    }
    // Without a logon only Identify is answered.
    let Some(user) = request.identity.clone() else {
        return fault_answer(host, &decoded.header, Fault::access_denied());
    };
    let header = decoded.header.clone();
    let ends = matches!(decoded.operation, Operation::Signal(_) | Operation::Delete | Operation::Release(_));
    let most = if ends { usize::MAX } else { host.config.limits.operations_per_user };
    let owner = owner(&host.config, &user);
    let Some(_under_way) = host.operations.begin(&owner, most) else {
        let text = format!(
            "The user has the {most} operations under way that are allowed. Wait for some to end, or raise the quota."
        );
        return fault_answer(host, &header, Fault::quota(FaultCode::QUOTA_MAX_OPERATIONS, text));
    };
    let trouble = host.troubles.next(header.action.as_deref().unwrap_or_default());
    match trouble {
        Some(TroubleKind::Delay(time)) => tokio::time::sleep(time).await,
        Some(TroubleKind::Quota) => {
            return fault_answer(host, &header, Fault::quota(FaultCode::QUOTA_USER, TROUBLE));
        }
        Some(TroubleKind::TimedOut) => return fault_answer(host, &header, Fault::timed_out()),
        Some(TroubleKind::Cut | TroubleKind::Logon) => {
            return Answer { status: 500, content_type: String::new(), body: Bytes::new(), trouble };
        }
        Some(TroubleKind::Lose | TroubleKind::Corrupt) | None => {}
    }
    if let Some(player) = &host.player {
        let encode = |reply: Reply<'_>| Response::new(&header, message_id(), reply).encode();
        return match player.answer(&decoded, encode) {
            Some((status, envelope)) => envelope_answer(status, envelope),
            None => fault_answer(
                host,
                &header,
                Player::nothing_left(header.action.as_deref().unwrap_or_default()),
            ),
        };
    }
    let answer = match caller(host, &header, (user, owner), peer, request) {
        Ok(caller) => match dispatch(host, decoded, &caller).await {
            Ok(Owned(envelope)) => envelope_answer(200, envelope),
            Err(fault) => fault_answer(host, &header, *fault),
        },
        Err(fault) => fault_answer(host, &header, *fault),
    };
    if let Some(recorder) = &host.recorder
        && let Err(error) = recorder.note(&text, answer.status, &String::from_utf8_lossy(&answer.body))
    {
        tracing::warn!(%error, "a message could not be recorded");
    }
    Answer { trouble, ..answer }
}

fn is_known_path(host: &Host, path: &str) -> bool {
    let is_prefix = |prefix: &String| path.trim_matches('/').eq_ignore_ascii_case(prefix.trim_matches('/'));
    if host.config.url_prefixes.iter().any(is_prefix) {
        return true;
    }
    matches!(path.trim_end_matches('/'), "/wsman" | "/WSMAN" | "/wsman-anon/identify")
        || path.trim_end_matches('/').eq_ignore_ascii_case("/wsman")
}

fn too_large(host: &Host, length: usize) -> Fault {
    let most = host.config.limits.envelope;
    let text =
        format!("The request has {length} bytes, more than the {most} of an envelope (MaxEnvelopeSizekb).");
    Fault::new(FaultCode::ENVELOPE_TOO_LARGE).with_message(text)
}

fn limits(host: &Host) -> Limits {
    let mut limits = Limits::default();
    // Content in base64 may be as large as the envelope.
    limits.xml.total = host.config.limits.envelope.saturating_mul(2);
    limits.xml.text = limits.xml.total;
    limits
}

fn caller(
    host: &Host,
    header: &Header,
    (user, owner): (Principal, String),
    peer: &str,
    request: &HttpRequest,
) -> Result<Caller, Box<Fault>> {
    let limits = &host.config.limits;
    let settings = host.settings.get();
    let most = u64::from(settings.max_envelope_size_kb) * 1024;
    let envelope = match header.max_envelope_size {
        None => most,
        Some(size) if size < LEAST_ENVELOPE => {
            let text = format!(
                "The maximum envelope size of {size} bytes is less than the {LEAST_ENVELOPE} that an answer may need."
            );
            return Err(Box::new(Fault::encoding_limit().with_message(text)));
        }
        Some(size) => size.min(most),
    };
    let longest = Duration::from_millis(settings.max_timeout_ms.into());
    let timeout = header.operation_timeout.unwrap_or(limits.operation_timeout).min(longest);
    Ok(Caller {
        user,
        owner,
        peer: peer.to_owned(),
        deadline: Instant::now() + timeout,
        envelope: usize::try_from(envelope).unwrap_or(usize::MAX),
        confidential: request.sealed || peer == "in-process",
        datetimes: match request.headers.get("User-Agent") {
            Some(_) => DateTimeStyle::Elements,
            None => DateTimeStyle::Text,
        },
    })
}

async fn dispatch(host: &Arc<Host>, request: Request<'_>, caller: &Caller) -> Outcome {
    let Request { header, operation } = request;
    let resource = header.resource_uri.clone().unwrap_or_default();
    match &operation {
        Operation::Create(Create::Shell(_))
        | Operation::Command(_)
        | Operation::Send(_)
        | Operation::Receive(_)
        | Operation::Signal(_)
        | Operation::Disconnect(_)
        | Operation::Reconnect(_)
        | Operation::Connect(_) => shells::handle(host, &header, operation, caller).await,
        Operation::Delete | Operation::Get if is_shell(&resource) => {
            shells::handle(host, &header, operation, caller).await
        }
        Operation::Pull(pull) => match host.subscriptions.of_context(&pull.context, caller) {
            Some(subscription) => subscription::pull(host, &header, pull, subscription, caller).await,
            None => enumeration::pull(host, &header, pull, caller).await,
        },
        Operation::Release(release) => match host.subscriptions.of_context(&release.context, caller) {
            Some(subscription) => {
                host.subscriptions.end(&subscription);
                Ok(reply(&header, Reply::Release))
            }
            None => enumeration::release(host, &header, &release.context, caller),
        },
        Operation::Renew(renew) => subscription::renew(host, &header, renew, caller),
        Operation::Unsubscribe => subscription::unsubscribe(host, &header, caller),
        Operation::Enumerate(request) if is_shell(&resource) => {
            shells::enumerate(host, &header, request, caller).await
        }
        _ if is_shell(&resource) => {
            Err(Box::new(Fault::action_not_supported(header.action.as_deref().unwrap_or_default())))
        }
        _ if let Some(part) = config::part(&resource) => {
            config::handle(host, &header, part, operation, caller).await
        }
        _ => match resource.parse::<ResourceUri>() {
            Ok(uri) => cim::handle(host, &header, uri, operation, caller).await,
            Err(_) => Err(Box::new(Fault::invalid_resource_uri(&resource))),
        },
    }
}

/// Whether a resource is a shell, or all shells.
fn is_shell(resource: &str) -> bool {
    let begins =
        |prefix: &str| resource.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    begins(uri::SHELL) || uri::powershell_configuration(resource).is_some()
}

fn identify(host: &Host, authenticated: bool) -> IdentifyResponse {
    let mut answer = IdentifyResponse::new("Windlass", "OS: 0.0.0 SP: 0.0 Stack: 3.0");
    if authenticated {
        let kernel = host.facts.operating_system().kernel;
        let version: Vec<&str> = kernel.split(['.', '-']).take(3).collect();
        answer.product_version = Some(format!("OS: {} SP: 0.0 Stack: 3.0", version.join(".")));
    }
    answer
}

/// The envelope of a reply whose header says more than usual.
pub(crate) fn reply_with(header: &Header, reply: Reply<'_>, say: impl FnOnce(&mut Header)) -> Owned {
    let mut response = Response::new(header, message_id(), reply);
    say(&mut response.header);
    Owned(response.encode())
}

/// The envelope of a reply.
pub(crate) fn reply(header: &Header, reply: Reply<'_>) -> Owned {
    Owned(Response::new(header, message_id(), reply).encode())
}

/// An id for a message of the host.
fn message_id() -> String {
    format!("uuid:{}", shells::upper(Uuid::new_v4()))
}

fn envelope_answer(status: u16, envelope: String) -> Answer {
    Answer { status, content_type: CONTENT_TYPE.to_owned(), body: Bytes::from(envelope), trouble: None }
}

fn fault_answer(host: &Host, header: &Header, fault: Fault) -> Answer {
    let fault = fault.with_machine(host.config.computer.as_str());
    tracing::debug!(code = ?fault.code(), "answering with a fault");
    let envelope = Response::new(header, message_id(), Reply::Fault(Box::new(fault))).encode();
    envelope_answer(500, envelope)
}

/// The fault of an operation that was given up.
pub(crate) fn aborted() -> Box<Fault> {
    Box::new(Fault::new(FaultCode::OPERATION_ABORTED))
}
