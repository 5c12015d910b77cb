//! Windows status codes with their names and what they mean ([MS-ERREF], [MS-WMI] 2.2.11).
//!
//! Each kind is a newtype over the wire integer, so that codes without a name here survive and
//! print in hexadecimal.

use std::fmt;

macro_rules! codes {
    ($(#[$doc:meta])* $type:ident { $($name:ident = $value:literal, $message:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(pub u32);

        impl $type {
            $(#[doc = concat!($message, ".")]
            pub const $name: Self = Self($value);)*

            /// The symbolic name, where this crate knows one.
            pub fn name(self) -> Option<&'static str> {
                match self { $(Self::$name => Some(stringify!($name)),)* _ => None }
            }

            /// What the code means, in one phrase without a full stop.
            pub fn message(self) -> Option<&'static str> {
                match self { $(Self::$name => Some($message),)* _ => None }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => write!(f, "0x{:08x} ({name})", self.0),
                    None => write!(f, "0x{:08x}", self.0),
                }
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($type), "({})"), self)
            }
        }
    };
}

codes! {
    /// A COM result code ([MS-ERREF] 2.1). The top bit is set on failure.
    Hresult {
        S_OK = 0x0000_0000, "the call succeeded";
        S_FALSE = 0x0000_0001, "the call succeeded and has nothing more to give";
        WBEM_S_TIMEDOUT = 0x0004_0004, "the call came back because its time-out passed";
        WBEM_S_PARTIAL_RESULTS = 0x0004_0010, "the call came back with part of the results";
        E_NOTIMPL = 0x8000_4001, "the method is not implemented";
        E_NOINTERFACE = 0x8000_4002, "the object does not have the interface";
        E_POINTER = 0x8000_4003, "a pointer is not valid";
        E_ABORT = 0x8000_4004, "the call was aborted";
        E_FAIL = 0x8000_4005, "unspecified failure";
        E_UNEXPECTED = 0x8000_FFFF, "unexpected failure";
        RPC_E_DISCONNECTED = 0x8001_0108, "the object was disconnected from its clients";
        RPC_E_INVALID_OBJECT = 0x8001_0114, "the requested object does not exist";
        CO_E_OBJNOTCONNECTED = 0x8004_01FD, "the object is not connected to the server";
        REGDB_E_CLASSNOTREG = 0x8004_0154, "the class is not registered";
        WBEM_E_FAILED = 0x8004_1001, "the call failed";
        WBEM_E_NOT_FOUND = 0x8004_1002, "the object was not found";
        WBEM_E_ACCESS_DENIED = 0x8004_1003, "the user may not do this";
        WBEM_E_PROVIDER_FAILURE = 0x8004_1004, "the provider failed after it was initialised";
        WBEM_E_TYPE_MISMATCH = 0x8004_1005, "a value is not of the type that is asked for";
        WBEM_E_OUT_OF_MEMORY = 0x8004_1006, "there is not enough memory";
        WBEM_E_INVALID_CONTEXT = 0x8004_1007, "the context object is not valid";
        WBEM_E_INVALID_PARAMETER = 0x8004_1008, "a parameter is not correct";
        WBEM_E_NOT_AVAILABLE = 0x8004_1009, "the resource is not available";
        WBEM_E_CRITICAL_ERROR = 0x8004_100A, "an internal error happened";
        WBEM_E_INVALID_STREAM = 0x8004_100B, "a network packet is damaged";
        WBEM_E_NOT_SUPPORTED = 0x8004_100C, "the operation is not supported";
        WBEM_E_INVALID_SUPERCLASS = 0x8004_100D, "the superclass is not valid";
        WBEM_E_INVALID_NAMESPACE = 0x8004_100E, "the namespace was not found";
        WBEM_E_INVALID_OBJECT = 0x8004_100F, "the instance is not valid";
        WBEM_E_INVALID_CLASS = 0x8004_1010, "the class was not found";
        WBEM_E_PROVIDER_NOT_FOUND = 0x8004_1011, "the provider is not registered";
        WBEM_E_PROVIDER_LOAD_FAILURE = 0x8004_1013, "the provider could not be loaded";
        WBEM_E_INITIALIZATION_FAILURE = 0x8004_1014, "a component could not be initialised";
        WBEM_E_TRANSPORT_FAILURE = 0x8004_1015, "a network error stopped the operation";
        WBEM_E_INVALID_OPERATION = 0x8004_1016, "the operation is not valid here";
        WBEM_E_INVALID_QUERY = 0x8004_1017, "the query is not well formed";
        WBEM_E_INVALID_QUERY_TYPE = 0x8004_1018, "the query language is not supported";
        WBEM_E_ALREADY_EXISTS = 0x8004_1019, "the object exists already";
        WBEM_E_UNEXPECTED = 0x8004_101D, "the provider returned something unexpected";
        WBEM_E_INVALID_PROPERTY = 0x8004_1031, "the property does not exist";
        WBEM_E_CALL_CANCELLED = 0x8004_1032, "the call was cancelled";
        WBEM_E_SHUTTING_DOWN = 0x8004_1033, "the service is shutting down";
        WBEM_E_INVALID_METHOD = 0x8004_102E, "the method does not exist";
        WBEM_E_INVALID_METHOD_PARAMETERS = 0x8004_102F, "the parameters do not fit the method";
        WBEM_E_METHOD_NOT_IMPLEMENTED = 0x8004_1055, "the class does not implement the method";
        WBEM_E_METHOD_DISABLED = 0x8004_1056, "the method is switched off";
        WBEM_E_UNPARSABLE_QUERY = 0x8004_1058, "the query cannot be parsed";
        WBEM_E_NOT_EVENT_CLASS = 0x8004_1059, "the class is not an event class";
        WBEM_E_INVALID_PROVIDER_REGISTRATION = 0x8004_1012, "the provider is not registered correctly";
        WBEM_E_OVERRIDE_NOT_ALLOWED = 0x8004_101A, "the property may not be overridden";
        WBEM_E_PROPAGATED_QUALIFIER = 0x8004_101B, "the qualifier is inherited and cannot be removed";
        WBEM_E_PROPAGATED_PROPERTY = 0x8004_101C, "the property is inherited and cannot be removed";
        WBEM_E_ILLEGAL_OPERATION = 0x8004_101E, "the operation is not allowed now";
        WBEM_E_CANNOT_BE_KEY = 0x8004_101F, "the qualifier cannot be a key here";
        WBEM_E_INCOMPLETE_CLASS = 0x8004_1020, "the class is not complete";
        WBEM_E_INVALID_SYNTAX = 0x8004_1021, "the syntax is not valid";
        WBEM_E_READ_ONLY = 0x8004_1023, "the property is read-only";
        WBEM_E_PROVIDER_NOT_CAPABLE = 0x8004_1024, "the provider cannot do this";
        WBEM_E_CLASS_HAS_CHILDREN = 0x8004_1025, "the class has subclasses";
        WBEM_E_CLASS_HAS_INSTANCES = 0x8004_1026, "the class has instances";
        WBEM_E_QUERY_NOT_IMPLEMENTED = 0x8004_1027, "the query is not implemented";
        WBEM_E_ILLEGAL_NULL = 0x8004_1028, "a property or parameter may not be null";
        WBEM_E_INVALID_QUALIFIER_TYPE = 0x8004_1029, "the qualifier's type is not valid";
        WBEM_E_INVALID_PROPERTY_TYPE = 0x8004_102A, "the property's type is not valid";
        WBEM_E_VALUE_OUT_OF_RANGE = 0x8004_102B, "the value is out of range";
        WBEM_E_CANNOT_BE_SINGLETON = 0x8004_102C, "the class cannot be a singleton";
        WBEM_E_INVALID_CIM_TYPE = 0x8004_102D, "the CIM type is not valid";
        WBEM_E_SYSTEM_PROPERTY = 0x8004_1030, "a system property cannot be changed";
        WBEM_E_PROPAGATED_METHOD = 0x8004_1034, "the method is inherited and cannot be removed";
        WBEM_E_UNSUPPORTED_PARAMETER = 0x8004_1035, "the parameter is not supported";
        WBEM_E_INVALID_PARAMETER_ID = 0x8004_1038, "the parameters are not numbered without gaps";
        WBEM_E_NONCONSECUTIVE_PARAMETER_IDS = 0x8004_1039, "the parameters' numbers have gaps";
        WBEM_E_INVALID_OBJECT_PATH = 0x8004_103A, "the object path is not valid";
        WBEM_E_OUT_OF_DISK_SPACE = 0x8004_103B, "there is not enough disk space";
        WBEM_E_BUFFER_TOO_SMALL = 0x8004_103C, "the buffer is too small";
        WBEM_E_UNSUPPORTED_PUT_EXTENSION = 0x8004_103D, "partial changes are not supported";
        WBEM_E_UNKNOWN_OBJECT_TYPE = 0x8004_103E, "the object is of an unknown type";
        WBEM_E_UNKNOWN_PACKET_TYPE = 0x8004_103F, "the packet is of an unknown type";
        WBEM_E_INVALID_QUALIFIER = 0x8004_1043, "the qualifier is not valid here";
        WBEM_E_SERVER_TOO_BUSY = 0x8004_1045, "the service is too busy";
        WBEM_E_AMBIGUOUS_OPERATION = 0x8004_1053, "it is not clear what is meant";
        WBEM_E_VETO_DELETE = 0x8004_107B, "a provider forbids the deletion";
        WBEM_E_VETO_PUT = 0x8004_107A, "a provider forbids the change";
        WBEM_E_MISSING_GROUP_WITHIN = 0x8004_105A, "a GROUP clause needs WITHIN";
        WBEM_E_MISSING_AGGREGATION_LIST = 0x8004_105B, "a BY clause names nothing";
        WBEM_E_PROPERTY_NOT_AN_OBJECT = 0x8004_105C, "the property is not an object";
        WBEM_E_AGGREGATING_BY_OBJECT = 0x8004_105D, "objects cannot be grouped by";
        WBEM_E_BACKUP_RESTORE_WINMGMT_RUNNING = 0x8004_1060, "the repository is in use";
        WBEM_E_QUEUE_OVERFLOW = 0x8004_1061, "events were lost because the queue was full";
        WBEM_E_PRIVILEGE_NOT_HELD = 0x8004_1062, "a privilege is missing";
        WBEM_E_INVALID_OPERATOR = 0x8004_1063, "the operator does not fit the property";
        WBEM_E_CANNOT_BE_ABSTRACT = 0x8004_1065, "the class cannot be abstract";
        WBEM_E_AMENDED_OBJECT = 0x8004_1066, "an object with amended qualifiers needs the flag for them";
        WBEM_E_CLIENT_TOO_SLOW = 0x8004_1069, "the client did not fetch objects fast enough";
        WBEM_E_PROVIDER_SUSPENDED = 0x8004_1081, "the provider is suspended";
        WBEM_E_ENCRYPTED_CONNECTION_REQUIRED = 0x8004_1087, "the namespace needs an encrypted connection";
        WBEM_E_PROVIDER_TIMED_OUT = 0x8004_1088, "the provider did not answer in time";
        WBEM_E_NO_KEY = 0x8004_1089, "the instance has no key";
        WBEM_E_PROVIDER_DISABLED = 0x8004_108A, "the provider is switched off";
        WBEMESS_E_REGISTRATION_TOO_BROAD = 0x8004_2001, "the subscription asks for too much";
        WBEMESS_E_REGISTRATION_TOO_PRECISE = 0x8004_2002, "the subscription asks for too little";
        WBEM_S_NEW_STYLE = 0x0004_00FF, "the sink takes arrays of objects";
        CO_E_OBJNOTREG = 0x8004_01FC, "the object is not registered";
        CO_E_CLASSSTRING = 0x8004_01F3, "the class id is not valid";
        CO_E_NOTINITIALIZED = 0x8004_01F0, "COM is not initialised";
        RPC_E_VERSION_MISMATCH = 0x8001_0110, "the versions of DCOM do not fit";
        RPC_E_INVALID_HEADER = 0x8001_0111, "the header of the call is not valid";
        WBEM_E_QUOTA_VIOLATION = 0x8004_106C, "a quota of the service is used up";
        E_ACCESSDENIED = 0x8007_0005, "access is denied";
        E_OUTOFMEMORY = 0x8007_000E, "there is not enough memory";
        E_INVALIDARG = 0x8007_0057, "an argument is not valid";
        RPC_S_SERVER_UNAVAILABLE = 0x8007_06BA, "the RPC server is not available";
    }
}

codes! {
    /// A native status code ([MS-ERREF] 2.3). The two top bits give the severity.
    NtStatus {
        STATUS_SUCCESS = 0x0000_0000, "the operation succeeded";
        STATUS_INVALID_PARAMETER = 0xC000_000D, "a parameter is not valid";
        STATUS_ACCESS_DENIED = 0xC000_0022, "access is denied";
        STATUS_NO_SUCH_USER = 0xC000_0064, "the account does not exist";
        STATUS_WRONG_PASSWORD = 0xC000_006A, "the password is wrong";
        STATUS_LOGON_FAILURE = 0xC000_006D, "the user name or the password is wrong";
        STATUS_ACCOUNT_RESTRICTION = 0xC000_006E, "a restriction on the account forbids this logon";
        STATUS_INVALID_LOGON_HOURS = 0xC000_006F, "the account may not log on at this time";
        STATUS_PASSWORD_EXPIRED = 0xC000_0071, "the password has expired";
        STATUS_ACCOUNT_DISABLED = 0xC000_0072, "the account is disabled";
        STATUS_ACCOUNT_EXPIRED = 0xC000_0193, "the account has expired";
        STATUS_PASSWORD_MUST_CHANGE = 0xC000_0224, "the password must be changed first";
        STATUS_ACCOUNT_LOCKED_OUT = 0xC000_0234, "the account is locked";
    }
}

codes! {
    /// A Win32 error code ([MS-ERREF] 2.2), and the WS-Man codes that share its number space.
    Win32Error {
        ERROR_SUCCESS = 0, "the operation succeeded";
        ERROR_FILE_NOT_FOUND = 2, "the file was not found";
        ERROR_ACCESS_DENIED = 5, "access is denied";
        ERROR_NOT_SUPPORTED = 50, "the request is not supported";
        ERROR_INVALID_PARAMETER = 87, "a parameter is not correct";
        ERROR_OPERATION_ABORTED = 995, "the operation was aborted";
        ERROR_CANCELLED = 1223, "the operation was cancelled";
        ERROR_LOGON_FAILURE = 1326, "the user name or the password is wrong";
        RPC_S_SERVER_UNAVAILABLE = 1722, "the RPC server is not available";
        RPC_S_CALL_FAILED = 1726, "the remote procedure call failed";
    }
}

impl Hresult {
    /// Whether the top bit says that the call failed.
    pub fn is_failure(self) -> bool {
        self.0 & 0x8000_0000 != 0
    }

    /// Whether it is an error of WMI ([MS-WMI] 2.2.11).
    pub fn is_wbem(self) -> bool {
        self.0 & 0xFFFF_F000 == 0x8004_1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_and_unknown_codes_print() {
        assert_eq!(Hresult::WBEM_E_INVALID_CLASS.to_string(), "0x80041010 (WBEM_E_INVALID_CLASS)");
        assert_eq!(Hresult(0x8004_FFFF).to_string(), "0x8004ffff");
        assert_eq!(format!("{:?}", Win32Error(5)), "Win32Error(0x00000005 (ERROR_ACCESS_DENIED))");
        assert!(Hresult::E_FAIL.is_failure() && !Hresult::S_FALSE.is_failure());
    }
}
