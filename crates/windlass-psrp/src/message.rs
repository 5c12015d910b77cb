//! The header of every message and the kinds of message there are ([MS-PSRP] 2.2.1).

use std::fmt;

use uuid::Uuid;
use windlass_clixml::PsValue;
use windlass_core::cursor::ReadCursor;

use crate::error::PsrpError;

/// Length of a message header in bytes.
pub const HEADER_LENGTH: usize = 40;

/// The byte order mark that PowerShell writes before the data of a message.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Which side a message is for ([MS-PSRP] 2.2.1, Destination).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Destination {
    /// The side that opened the pool.
    Client,
    /// The side that runs the pipelines.
    Server,
}

impl Destination {
    const fn code(self) -> u32 {
        match self {
            Self::Client => 1,
            Self::Server => 2,
        }
    }
}

/// What a message belongs to: its type says so ([MS-PSRP] 2.2.1, MessageType).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Negotiation and key exchange: travels with the pool's messages.
    Session,
    /// The pool.
    Pool,
    /// One pipeline.
    Pipeline,
}

macro_rules! message_types {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal, $to:ident, $scope:ident;)*) => {
        /// The kind of a message ([MS-PSRP] 2.2.1, MessageType).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum MessageType { $($(#[$doc])* $name,)* }

        impl MessageType {
            /// Every kind, in the order of the codes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code on the wire.
            pub const fn code(self) -> u32 {
                match self { $(Self::$name => $code,)* }
            }

            /// The kind that a code stands for.
            pub const fn from_code(code: u32) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }

            /// The name in the specification.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The kind of this name in the specification.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$name),)* _ => None }
            }

            /// Which side it is for; `None` where both sides send it.
            pub const fn destination(self) -> Option<Destination> {
                match self { $(Self::$name => message_types!(@to $to),)* }
            }

            /// What it belongs to.
            pub const fn scope(self) -> Scope {
                match self { $(Self::$name => Scope::$scope,)* }
            }
        }
    };
    (@to Both) => { None };
    (@to $side:ident) => { Some(Destination::$side) };
}

message_types! {
    /// [MS-PSRP] 2.2.2.1: versions of both sides.
    SessionCapability = 0x0001_0002, "SESSION_CAPABILITY", Both, Session;
    /// [MS-PSRP] 2.2.2.2: opens the pool.
    InitRunspacePool = 0x0001_0004, "INIT_RUNSPACEPOOL", Server, Session;
    /// [MS-PSRP] 2.2.2.3: the client's RSA key.
    PublicKey = 0x0001_0005, "PUBLIC_KEY", Server, Session;
    /// [MS-PSRP] 2.2.2.4: the session key under that key.
    EncryptedSessionKey = 0x0001_0006, "ENCRYPTED_SESSION_KEY", Client, Session;
    /// [MS-PSRP] 2.2.2.5: asks for the client's key.
    PublicKeyRequest = 0x0001_0007, "PUBLIC_KEY_REQUEST", Client, Session;
    /// [MS-PSRP] 2.2.2.29: opens a pool that another client left.
    ConnectRunspacePool = 0x0001_0008, "CONNECT_RUNSPACEPOOL", Server, Session;
    /// [MS-PSRP] 2.2.2.6: changes the upper limit.
    SetMaxRunspaces = 0x0002_1002, "SET_MAX_RUNSPACES", Server, Pool;
    /// [MS-PSRP] 2.2.2.7: changes the lower limit.
    SetMinRunspaces = 0x0002_1003, "SET_MIN_RUNSPACES", Server, Pool;
    /// [MS-PSRP] 2.2.2.8: answers to changes of limits, resets and questions for free runspaces.
    RunspaceAvailability = 0x0002_1004, "RUNSPACE_AVAILABILITY", Client, Pool;
    /// [MS-PSRP] 2.2.2.9: the pool's state.
    RunspacePoolState = 0x0002_1005, "RUNSPACEPOOL_STATE", Client, Pool;
    /// [MS-PSRP] 2.2.2.10: starts a pipeline.
    CreatePipeline = 0x0002_1006, "CREATE_PIPELINE", Server, Pipeline;
    /// [MS-PSRP] 2.2.2.11: asks how many runspaces are free.
    GetAvailableRunspaces = 0x0002_1007, "GET_AVAILABLE_RUNSPACES", Server, Pool;
    /// [MS-PSRP] 2.2.2.12: an event that was forwarded.
    UserEvent = 0x0002_1008, "USER_EVENT", Client, Pool;
    /// [MS-PSRP] 2.2.2.13: what the server tells of itself.
    ApplicationPrivateData = 0x0002_1009, "APPLICATION_PRIVATE_DATA", Client, Pool;
    /// [MS-PSRP] 2.2.2.14: asks which commands there are.
    GetCommandMetadata = 0x0002_100A, "GET_COMMAND_METADATA", Server, Pipeline;
    /// [MS-PSRP] 2.2.2.30: limits of a pool that was connected to.
    RunspacePoolInitData = 0x0002_100B, "RUNSPACEPOOL_INIT_DATA", Client, Pool;
    /// [MS-PSRP] 2.2.2.31: forgets what the runspace holds.
    ResetRunspaceState = 0x0002_100C, "RESET_RUNSPACE_STATE", Server, Pool;
    /// [MS-PSRP] 2.2.2.15: calls the client's host for the pool.
    RunspacePoolHostCall = 0x0002_1100, "RUNSPACEPOOL_HOST_CALL", Client, Pool;
    /// [MS-PSRP] 2.2.2.16: what that host answered.
    RunspacePoolHostResponse = 0x0002_1101, "RUNSPACEPOOL_HOST_RESPONSE", Server, Pool;
    /// [MS-PSRP] 2.2.2.17: one object for a pipeline.
    PipelineInput = 0x0004_1002, "PIPELINE_INPUT", Server, Pipeline;
    /// [MS-PSRP] 2.2.2.18: no more objects.
    EndOfPipelineInput = 0x0004_1003, "END_OF_PIPELINE_INPUT", Server, Pipeline;
    /// [MS-PSRP] 2.2.2.19: one object from a pipeline.
    PipelineOutput = 0x0004_1004, "PIPELINE_OUTPUT", Client, Pipeline;
    /// [MS-PSRP] 2.2.2.20: an error that did not end the pipeline.
    ErrorRecord = 0x0004_1005, "ERROR_RECORD", Client, Pipeline;
    /// [MS-PSRP] 2.2.2.21: the pipeline's state.
    PipelineState = 0x0004_1006, "PIPELINE_STATE", Client, Pipeline;
    /// [MS-PSRP] 2.2.2.22: a record of the debug stream.
    DebugRecord = 0x0004_1007, "DEBUG_RECORD", Client, Pipeline;
    /// [MS-PSRP] 2.2.2.23: a record of the verbose stream.
    VerboseRecord = 0x0004_1008, "VERBOSE_RECORD", Client, Pipeline;
    /// [MS-PSRP] 2.2.2.24: a record of the warning stream.
    WarningRecord = 0x0004_1009, "WARNING_RECORD", Client, Pipeline;
    /// [MS-PSRP] 2.2.2.25: a record of the progress stream.
    ProgressRecord = 0x0004_1010, "PROGRESS_RECORD", Client, Pipeline;
    /// [MS-PSRP] 2.2.2.26: a record of the information stream.
    InformationRecord = 0x0004_1011, "INFORMATION_RECORD", Client, Pipeline;
    /// [MS-PSRP] 2.2.2.27: calls the client's host for a pipeline.
    PipelineHostCall = 0x0004_1100, "PIPELINE_HOST_CALL", Client, Pipeline;
    /// [MS-PSRP] 2.2.2.28: what that host answered.
    PipelineHostResponse = 0x0004_1101, "PIPELINE_HOST_RESPONSE", Server, Pipeline;
}

impl MessageType {
    /// Whether it carries what a pipeline writes: output and records, neither calls nor states.
    pub const fn is_output(self) -> bool {
        matches!(
            self,
            Self::PipelineOutput
                | Self::ErrorRecord
                | Self::DebugRecord
                | Self::VerboseRecord
                | Self::WarningRecord
                | Self::ProgressRecord
                | Self::InformationRecord
        )
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One message: header and data ([MS-PSRP] 2.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// Which side it is for.
    pub destination: Destination,
    /// What kind it is.
    pub kind: MessageType,
    /// The pool (RPID); zero where the sender leaves it out, as PowerShell's server does while it negotiates.
    pub pool: Uuid,
    /// The pipeline (PID); zero for messages of the pool.
    pub pipeline: Uuid,
    /// Whether the data begin with a byte order mark. PowerShell writes one unless there are no data.
    pub byte_order_mark: bool,
    /// The data: CLIXML of one value, or nothing, which stands for null.
    pub data: &'a str,
}

impl<'a> Message<'a> {
    /// Takes a message apart.
    ///
    /// # Errors
    /// When the header is not complete, the kind or the destination is unknown, or the data are not UTF-8.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, PsrpError> {
        let mut cursor = ReadCursor::new(bytes);
        let destination = cursor.u32_le("Destination").map_err(PsrpError::ShortMessage)?;
        let code = cursor.u32_le("MessageType").map_err(PsrpError::ShortMessage)?;
        let pool = Uuid::from_bytes_le(cursor.array("RPID").map_err(PsrpError::ShortMessage)?);
        let pipeline = Uuid::from_bytes_le(cursor.array("PID").map_err(PsrpError::ShortMessage)?);
        let kind = MessageType::from_code(code).ok_or(PsrpError::UnknownMessage { code })?;
        let destination = match destination {
            1 => Destination::Client,
            2 => Destination::Server,
            code => return Err(PsrpError::UnknownDestination { kind, code }),
        };
        let data = cursor.rest();
        let unmarked = data.strip_prefix(BYTE_ORDER_MARK);
        let text = std::str::from_utf8(unmarked.unwrap_or(data))
            .map_err(|error| PsrpError::NotUtf8 { kind, offset: error.valid_up_to() })?;
        Ok(Self { destination, kind, pool, pipeline, byte_order_mark: unmarked.is_some(), data: text })
    }

    /// Appends the message to `out`.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        out.reserve(HEADER_LENGTH + BYTE_ORDER_MARK.len() + self.data.len());
        self.encode_header(out);
        if self.byte_order_mark {
            out.extend_from_slice(BYTE_ORDER_MARK);
        }
        out.extend_from_slice(self.data.as_bytes());
    }

    /// The message as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_into(&mut out);
        out
    }

    /// The message with the CLIXML of a value as its data; with none where the value is null.
    pub(crate) fn encode_with(self, value: &PsValue) -> Vec<u8> {
        let head = Self { byte_order_mark: !value.is_null(), data: "", ..self }.encode();
        if value.is_null() {
            return head;
        }
        // Long values are written once and not moved: in the place of the head, which is no text, stand blanks.
        let mut text = " ".repeat(head.len());
        windlass_clixml::encode_into(value, &mut text);
        let mut bytes = text.into_bytes();
        if let Some(place) = bytes.get_mut(..head.len()) {
            place.copy_from_slice(&head);
        }
        bytes
    }

    fn encode_header(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.destination.code().to_le_bytes());
        out.extend_from_slice(&self.kind.code().to_le_bytes());
        out.extend_from_slice(&self.pool.to_bytes_le());
        out.extend_from_slice(&self.pipeline.to_bytes_le());
    }

    /// The pipeline, where the message names one.
    pub fn pipeline(&self) -> Option<Uuid> {
        Some(self.pipeline).filter(|id| !id.is_nil())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_kinds_are_one_to_one() {
        for &kind in MessageType::ALL {
            assert_eq!(MessageType::from_code(kind.code()), Some(kind));
            let mask = match kind.scope() {
                Scope::Session => 0x0001_0000,
                Scope::Pool => 0x0002_1000,
                Scope::Pipeline if kind.code() < 0x0004_0000 => 0x0002_1000,
                Scope::Pipeline => 0x0004_1000,
            };
            assert_eq!(kind.code() & 0x000F_F000, mask, "{kind}");
        }
        assert_eq!(MessageType::from_code(0x0004_100A), None);
    }

    #[test]
    fn the_header_is_little_endian_with_guids_in_the_order_of_dotnet() {
        let pool = Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
        let message = Message {
            destination: Destination::Server,
            kind: MessageType::PipelineInput,
            pool,
            pipeline: Uuid::nil(),
            byte_order_mark: true,
            data: "<Nil />",
        };
        let bytes = message.encode();
        assert_eq!(bytes[..12], [2, 0, 0, 0, 2, 0x10, 4, 0, 0x33, 0x22, 0x11, 0x00]);
        assert_eq!(&bytes[40..43], BYTE_ORDER_MARK);
        assert_eq!(Message::decode(&bytes).unwrap(), message);
        assert_eq!(message.pipeline(), None);
    }

    #[test]
    fn a_value_is_written_behind_the_header() {
        let message = Message {
            destination: Destination::Server,
            kind: MessageType::PipelineInput,
            pool: Uuid::from_u128(1),
            pipeline: Uuid::from_u128(2),
            byte_order_mark: true,
            data: "<S>ä</S>",
        };
        assert_eq!(message.encode_with(&PsValue::from("ä")), message.encode());
        let empty = Message { byte_order_mark: false, data: "", ..message };
        assert_eq!(message.encode_with(&PsValue::Null), empty.encode());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut bytes = vec![0; 40];
        assert_eq!(
            Message::decode(&bytes[..39]).unwrap_err().to_string(),
            "message header is cut short: PID at offset 24 needs 16 bytes, 15 are left"
        );
        assert_eq!(Message::decode(&bytes).unwrap_err().to_string(), "message type 0x00000000 is unknown");
        bytes[4..8].copy_from_slice(&0x0004_1004_u32.to_le_bytes());
        assert_eq!(
            Message::decode(&bytes).unwrap_err().to_string(),
            "PIPELINE_OUTPUT has destination 0, 1 or 2 expected"
        );
        bytes[0] = 1;
        bytes.extend_from_slice(b"ab\xFF");
        assert_eq!(
            Message::decode(&bytes).unwrap_err().to_string(),
            "data of PIPELINE_OUTPUT are not UTF-8 at byte 2"
        );
    }
}
