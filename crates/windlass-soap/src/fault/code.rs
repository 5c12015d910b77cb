//! The numbers of faults.

use std::fmt;

use super::subcode::{FaultSide, Subcode};
use super::table;

/// The number of a fault: a code of WS-Man (0x8033....), another HRESULT or a Win32 code. The table
/// knows the names, words and subcodes of those that matter; others survive as numbers.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultCode(pub u32);

impl FaultCode {
    /// The symbolic name, such as `ERROR_WSMAN_OPERATION_TIMEDOUT`.
    pub fn name(self) -> Option<&'static str> {
        table::find(self).map(|row| row.name)
    }

    /// What the code means, as a sentence; for a code that the table does not know, a general one.
    pub fn message(self) -> &'static str {
        table::find(self).map_or("The request could not be carried out.", |row| row.message)
    }

    /// What the user may do about it.
    pub fn remedy(self) -> Option<&'static str> {
        table::find(self).map(|row| row.remedy).filter(|remedy| !remedy.is_empty())
    }

    /// The subcode that goes with the code.
    pub fn subcode(self) -> Option<Subcode> {
        table::find(self).map_or(Some(Subcode::INTERNAL_ERROR), |row| row.subcode.clone())
    }

    /// Who is at fault.
    pub fn side(self) -> FaultSide {
        match self {
            Self::SOAP_FAULT_MUST_UNDERSTAND => FaultSide::MustUnderstand,
            Self::SOAP_VERSION_MISMATCH => FaultSide::VersionMismatch,
            Self::SOAP_DATA_ENCODING_UNKNOWN => FaultSide::DataEncodingUnknown,
            _ => self.subcode().map_or(FaultSide::Receiver, |subcode| subcode.side()),
        }
    }

    /// The last part of the `w:FaultDetail` URI that goes with the code.
    pub fn detail(self) -> Option<&'static str> {
        table::find(self).map(|row| row.detail).filter(|detail| !detail.is_empty())
    }

    /// Whether a shell, command or connection of the client's own closing may give this code: after a
    /// local close it means the end, not an error.
    pub fn is_end_of_stream(self) -> bool {
        matches!(
            self,
            Self::OPERATION_ABORTED
                | Self::CANCELLED
                | Self::UNEXPECTED_SELECTORS
                | Self::SHELL_DISCONNECTED
                | Self::SERVICE_STREAM_DISCONNECTED
        )
    }

    /// Whether a Create that failed so is worth repeating after a short wait.
    pub fn is_worth_a_retry(self) -> bool {
        matches!(
            self,
            Self::DESTINATION_UNREACHABLE
                | Self::HTTP_NOT_FOUND_STATUS
                | Self::HTTP_SERVICE_UNAVAILABLE_STATUS
                | Self::SHELL_CLIENTSESSIONID_MISMATCH
                | Self::SHELL_RECONNECT_OPERATION_NOT_VALID
                | Self::OPERATION_ABORTED
                | Self::RPC_SERVER_UNAVAILABLE
        )
    }
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self.0) {
            (Some(name), _) => write!(f, "0x{:08x} {name}", self.0),
            (None, 0..=0xffff) => write!(f, "{}", self.0),
            (None, _) => write!(f, "0x{:08x}", self.0),
        }
    }
}

impl fmt::Debug for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultCode({self})")
    }
}

impl From<u32> for FaultCode {
    fn from(code: u32) -> Self {
        Self(code)
    }
}
