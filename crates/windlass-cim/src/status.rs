//! CIM status codes (DSP0223 Annex D), as the MI library numbers and names them.

use std::fmt;

use crate::instance::CimInstance;

/// The status of a CIM operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CimStatus(pub u32);

macro_rules! statuses {
    ($($code:literal $constant:ident $text:literal;)*) => {
        impl CimStatus {
            $(
                #[doc = $text]
                pub const $constant: Self = Self($code);
            )*

            /// The name in the MI library: `MI_RESULT_NOT_FOUND`.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some(concat!("MI_RESULT_", stringify!($constant))),)*
                    _ => None,
                }
            }

            /// What it means, as a sentence.
            #[must_use]
            pub fn message(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

statuses! {
    0 OK "The operation succeeded.";
    1 FAILED "A general error occurred, not covered by a more specific error code.";
    2 ACCESS_DENIED "The user has no right to this resource.";
    3 INVALID_NAMESPACE "The target namespace does not exist.";
    4 INVALID_PARAMETER "A parameter is missing, given twice or not valid.";
    5 INVALID_CLASS "The class does not exist.";
    6 NOT_FOUND "The requested object cannot be found.";
    7 NOT_SUPPORTED "The requested operation is not supported.";
    8 CLASS_HAS_CHILDREN "The class has subclasses, which rule the operation out.";
    9 CLASS_HAS_INSTANCES "The class has instances, which rule the operation out.";
    10 INVALID_SUPERCLASS "The superclass does not exist.";
    11 ALREADY_EXISTS "There is such an object already.";
    12 NO_SUCH_PROPERTY "The specified property does not exist.";
    13 TYPE_MISMATCH "The value does not fit the type.";
    14 QUERY_LANGUAGE_NOT_SUPPORTED "The query language is not known or not supported.";
    15 INVALID_QUERY "The query is not valid for the specified query language.";
    16 METHOD_NOT_AVAILABLE "The method cannot be executed on this object.";
    17 METHOD_NOT_FOUND "The method does not exist.";
    20 NAMESPACE_NOT_EMPTY "The namespace is not empty.";
    21 INVALID_ENUMERATION_CONTEXT "The enumeration is unknown or over.";
    22 INVALID_OPERATION_TIMEOUT "The time-out of the operation is not valid.";
    23 PULL_HAS_BEEN_ABANDONED "The pull operation was abandoned by an attempt to close the enumeration.";
    24 PULL_CANNOT_BE_ABANDONED "The pull operation is too far on to be abandoned.";
    25 FILTERED_ENUMERATION_NOT_SUPPORTED "The server filters no enumerations.";
    26 CONTINUATION_ON_ERROR_NOT_SUPPORTED "The server does not go on after errors.";
    27 SERVER_LIMITS_EXCEEDED "The operation exceeds a limit of the server.";
    28 SERVER_IS_SHUTTING_DOWN "The server shuts down.";
}

impl CimStatus {
    /// The status that an error instance tells, such as the `OMI_Error`, `MSFT_WmiError` or
    /// `CIM_Error` in a fault, and its message.
    #[must_use]
    pub fn of_error(instance: &CimInstance) -> Option<(Self, String)> {
        let code = instance.get("CIMStatusCode")?;
        let code = code.as_u64().or_else(|| code.as_str()?.trim().parse().ok())?;
        let status = Self(u32::try_from(code).ok()?);
        let text = |name: &str| instance.get(name)?.as_str().filter(|t| !t.is_empty()).map(str::to_owned);
        let message = text("Message").or_else(|| text("CIMStatusCodeDescription"));
        Some((status, message.unwrap_or_else(|| status.message().unwrap_or_default().to_owned())))
    }
}

impl fmt::Display for CimStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} ({name})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_instances_tell_their_status() {
        let error = CimInstance::new("OMI_Error").with("CIMStatusCode", 6_u32).with("Message", "not here");
        assert_eq!(CimStatus::of_error(&error), Some((CimStatus::NOT_FOUND, "not here".to_owned())));
        let bare = CimInstance::new("CIM_Error").with("CIMStatusCode", "7");
        let (status, message) = CimStatus::of_error(&bare).unwrap();
        assert_eq!((status, message.as_str()), {
            (CimStatus::NOT_SUPPORTED, "The requested operation is not supported.")
        });
        assert_eq!(CimStatus::of_error(&CimInstance::new("X")), None);
        assert_eq!(CimStatus(6).to_string(), "6 (MI_RESULT_NOT_FOUND)");
        assert_eq!(CimStatus(99).to_string(), "99");
    }
}
