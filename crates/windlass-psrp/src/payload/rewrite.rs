//! Data of any message through their types and back.

use windlass_clixml::{PsObject, PsValue};

use super::{
    ConnectRunspacePool, CreatePipeline, ErrorRecord, GetCommandMetadata, InformationRecord,
    InformationalKind, InformationalRecord, InitRunspacePool, Payload, PipelineStateMessage, PoolCall,
    PoolStateMessage, RunspaceAvailability, RunspacePoolInitData, SessionCapability, SetRunspaces, UserEvent,
    progress_from_value, progress_to_value,
};
use crate::error::PsrpError;
use crate::fields::Fields;
use crate::host::{HostCall, HostResponse};
use crate::message::MessageType;
use crate::version::ProtocolVersion;

/// What the types of this crate make of the data of a message: read and written again, which drops
/// what they do not know. `None` for messages whose data are any value, or nothing.
///
/// # Errors
/// When the data are not those of such a message.
pub fn rewrite(
    kind: MessageType,
    value: &PsValue,
    version: ProtocolVersion,
) -> Result<Option<PsValue>, PsrpError> {
    fn again<T: Payload>(value: &PsValue, version: ProtocolVersion) -> Result<Option<PsValue>, PsrpError> {
        T::from_value(value)?.to_value(version).map(Some)
    }
    let informational = |kind| Ok(Some(InformationalRecord::from_value(value)?.to_value(kind)));
    let one_property = |name| {
        let property = Fields::new(kind.name(), value)?.present(name)?.clone();
        Ok(Some(PsObject::untyped().with(name, property).into()))
    };
    match kind {
        MessageType::SessionCapability => again::<SessionCapability>(value, version),
        MessageType::InitRunspacePool => again::<InitRunspacePool>(value, version),
        MessageType::ConnectRunspacePool => again::<ConnectRunspacePool>(value, version),
        MessageType::RunspacePoolInitData => again::<RunspacePoolInitData>(value, version),
        MessageType::PublicKey => one_property("PublicKey"),
        MessageType::EncryptedSessionKey => one_property("EncryptedSessionKey"),
        MessageType::ApplicationPrivateData => one_property("ApplicationPrivateData"),
        MessageType::CreatePipeline => again::<CreatePipeline>(value, version),
        MessageType::GetCommandMetadata => again::<GetCommandMetadata>(value, version),
        MessageType::RunspacePoolState => again::<PoolStateMessage>(value, version),
        MessageType::PipelineState => again::<PipelineStateMessage>(value, version),
        MessageType::RunspaceAvailability => again::<RunspaceAvailability>(value, version),
        MessageType::GetAvailableRunspaces | MessageType::ResetRunspaceState => {
            again::<PoolCall>(value, version)
        }
        MessageType::SetMaxRunspaces => Ok(Some(SetRunspaces::max_from_value(value)?.to_value())),
        MessageType::SetMinRunspaces => Ok(Some(SetRunspaces::min_from_value(value)?.to_value())),
        MessageType::UserEvent => again::<UserEvent>(value, version),
        MessageType::ErrorRecord => again::<ErrorRecord>(value, version),
        MessageType::InformationRecord => again::<InformationRecord>(value, version),
        MessageType::DebugRecord => informational(InformationalKind::Debug),
        MessageType::VerboseRecord => informational(InformationalKind::Verbose),
        MessageType::WarningRecord => informational(InformationalKind::Warning),
        MessageType::ProgressRecord => Ok(Some(progress_to_value(&progress_from_value(value)?))),
        MessageType::PipelineHostCall | MessageType::RunspacePoolHostCall => {
            again::<HostCall>(value, version)
        }
        MessageType::PipelineHostResponse | MessageType::RunspacePoolHostResponse => {
            again::<HostResponse>(value, version)
        }
        MessageType::PublicKeyRequest
        | MessageType::PipelineInput
        | MessageType::EndOfPipelineInput
        | MessageType::PipelineOutput => Ok(None),
    }
}
