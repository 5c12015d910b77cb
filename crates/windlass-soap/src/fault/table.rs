//! The table of codes: number, name, subcode, detail, words, remedy ([MS-WSMV] 2.2.4.43, DSP0226 14,
//! [MS-ERREF] for the plain Win32 codes). Names and numbers are Windows', words are ours.

use super::code::FaultCode;
use super::subcode::Subcode;

pub(super) struct Row {
    code: u32,
    pub(super) name: &'static str,
    pub(super) subcode: Option<Subcode>,
    pub(super) detail: &'static str,
    pub(super) message: &'static str,
    pub(super) remedy: &'static str,
}

/// The row of a code. The table is sorted by code.
pub(super) fn find(code: FaultCode) -> Option<&'static Row> {
    ROWS.binary_search_by_key(&code.0, |row| row.code).ok().and_then(|at| ROWS.get(at))
}

macro_rules! rows {
    ($($code:literal $constant:ident = $name:literal $subcode:ident $detail:literal $message:literal $remedy:literal;)*) => {
        impl FaultCode {
            $(#[doc = concat!("`", $name, "`: ", $message)]
            pub const $constant: Self = Self($code);)*
        }

        static ROWS: &[Row] = &[$(Row {
            code: $code,
            name: $name,
            subcode: subcode!($subcode),
            detail: $detail,
            message: $message,
            remedy: $remedy,
        },)*];
    };
}

macro_rules! subcode {
    (NONE) => {
        None
    };
    ($name:ident) => {
        Some(Subcode::$name)
    };
}

rows! {
    5 ACCESS_DENIED = "ERROR_ACCESS_DENIED" ACCESS_DENIED "" "Access is denied." "log on as a user who may use the endpoint: an administrator, or a member of Remote Management Users";
    14 OUT_OF_MEMORY = "ERROR_OUTOFMEMORY" INTERNAL_ERROR "" "The service has not enough memory for the request." "";
    87 WIN32_INVALID_PARAMETER = "ERROR_INVALID_PARAMETER" INVALID_PARAMETER "InvalidValue" "The parameter is incorrect." "";
    995 OPERATION_ABORTED = "ERROR_OPERATION_ABORTED" INTERNAL_ERROR "" "The operation was aborted, because its thread or the service ended or the request was taken back." "";
    1223 CANCELLED = "ERROR_CANCELLED" INTERNAL_ERROR "" "The operation was cancelled." "";
    1326 LOGON_FAILURE = "ERROR_LOGON_FAILURE" ACCESS_DENIED "" "The user name or the password is wrong." "check the user name, its domain and the password";
    1359 INTERNAL_ERROR = "ERROR_INTERNAL_ERROR" INTERNAL_ERROR "" "An internal error occurred." "";
    1722 RPC_SERVER_UNAVAILABLE = "RPC_S_SERVER_UNAVAILABLE" INTERNAL_ERROR "" "The RPC server is not available." "";
    1726 RPC_CALL_FAILED = "RPC_S_CALL_FAILED" INTERNAL_ERROR "" "The process behind the shell ended, or did not answer as it should." "see why it ended: a script that ends its own process, a limit of memory, a program that cannot run";
    0x8033_8000 RESOURCE_NOT_FOUND = "ERROR_WSMAN_RESOURCE_NOT_FOUND" DESTINATION_UNREACHABLE "" "The resource that the request addresses does not exist." "check the resource URI and the selectors";
    0x8033_8001 INVALID_ACTIONURI = "ERROR_WSMAN_INVALID_ACTIONURI" ACTION_NOT_SUPPORTED "" "The action URI of the request is not valid." "check the name of the method or operation";
    0x8033_8002 INVALID_URI = "ERROR_WSMAN_INVALID_URI" INVALID_MESSAGE_INFORMATION_HEADER "" "A URI in the request is not valid." "";
    0x8033_8003 PROVIDER_FAILURE = "ERROR_WSMAN_PROVIDER_FAILURE" INTERNAL_ERROR "" "The provider behind the resource reported a failure." "";
    0x8033_8007 ENUMERATION_CLOSED = "ERROR_WSMAN_ENUMERATION_CLOSED" INVALID_ENUMERATION_CONTEXT "" "The enumeration is closed already." "";
    0x8033_8008 SUBSCRIPTION_CLOSED = "ERROR_WSMAN_SUBSCRIPTION_CLOSED" EVENT_UNABLE_TO_RENEW "" "The subscription is closed." "subscribe again";
    0x8033_800C UNSUPPORTED_TIMEOUT = "ERROR_WSMAN_UNSUPPORTED_TIMEOUT" UNSUPPORTED_FEATURE "OperationTimeout" "The service does not support the time-out that was asked for." "";
    0x8033_800D SOAP_VERSION_MISMATCH = "ERROR_WSMAN_SOAP_VERSION_MISMATCH" NONE "" "The request is of another version of SOAP than 1.2." "";
    0x8033_800E SOAP_DATA_ENCODING_UNKNOWN = "ERROR_WSMAN_SOAP_DATA_ENCODING_UNKNOWN" NONE "" "The encoding of the request's data is not known." "";
    0x8033_800F INVALID_MESSAGE_INFORMATION_HEADER = "ERROR_WSMAN_INVALID_MESSAGE_INFORMATION_HEADER" INVALID_MESSAGE_INFORMATION_HEADER "" "The request holds SOAP headers that are not valid." "";
    0x8033_8010 SOAP_FAULT_MUST_UNDERSTAND = "ERROR_WSMAN_SOAP_FAULT_MUST_UNDERSTAND" NONE "" "The service does not understand a header that must be understood." "leave out the option that adds this header";
    0x8033_8011 MESSAGE_INFORMATION_HEADER_REQUIRED = "ERROR_WSMAN_MESSAGE_INFORMATION_HEADER_REQUIRED" MESSAGE_INFORMATION_HEADER_REQUIRED "" "The request lacks a SOAP header that every message must carry." "";
    0x8033_8012 DESTINATION_UNREACHABLE = "ERROR_WSMAN_DESTINATION_UNREACHABLE" DESTINATION_UNREACHABLE "" "The service at the destination cannot be reached." "check that the WinRM service runs there and listens on that port";
    0x8033_8013 ACTION_NOT_SUPPORTED = "ERROR_WSMAN_ACTION_NOT_SUPPORTED" ACTION_NOT_SUPPORTED "" "The service does not support the action." "check the name of the method or operation";
    0x8033_8014 ENDPOINT_UNAVAILABLE = "ERROR_WSMAN_ENDPOINT_UNAVAILABLE" ENDPOINT_UNAVAILABLE "" "The endpoint is not available for the moment." "try again later";
    0x8033_8015 INVALID_REPRESENTATION = "ERROR_WSMAN_INVALID_REPRESENTATION" INVALID_REPRESENTATION "InvalidValues" "The resource in the request is not a valid representation of its class." "check the names and types of the properties";
    0x8033_8016 ENUMERATE_INVALID_EXPIRATION_TIME = "ERROR_WSMAN_ENUMERATE_INVALID_EXPIRATION_TIME" INVALID_EXPIRATION_TIME "" "The expiration time of the enumeration is not valid." "";
    0x8033_8017 ENUMERATE_UNSUPPORTED_EXPIRATION_TIME = "ERROR_WSMAN_ENUMERATE_UNSUPPORTED_EXPIRATION_TIME" UNSUPPORTED_FEATURE "ExpirationTime" "The service does not support the expiration time of the enumeration." "";
    0x8033_8018 ENUMERATE_FILTERING_NOT_SUPPORTED = "ERROR_WSMAN_ENUMERATE_FILTERING_NOT_SUPPORTED" FILTERING_NOT_SUPPORTED "" "The resource does not support filters." "leave out the filter";
    0x8033_8019 ENUMERATE_FILTER_DIALECT_REQUESTED_UNAVAILABLE = "ERROR_WSMAN_ENUMERATE_FILTER_DIALECT_REQUESTED_UNAVAILABLE" FILTER_DIALECT_REQUESTED_UNAVAILABLE "" "The resource does not support filters of this dialect." "use WQL, or selectors";
    0x8033_801A ENUMERATE_CANNOT_PROCESS_FILTER = "ERROR_WSMAN_ENUMERATE_CANNOT_PROCESS_FILTER" CANNOT_PROCESS_FILTER "" "The filter of the request cannot be processed." "check the query: class, properties and operators";
    0x8033_801B ENUMERATE_INVALID_ENUMERATION_CONTEXT = "ERROR_WSMAN_ENUMERATE_INVALID_ENUMERATION_CONTEXT" INVALID_ENUMERATION_CONTEXT "" "The enumeration context is not valid: it is unknown, closed or has expired." "enumerate again";
    0x8033_801C ENUMERATE_TIMED_OUT = "ERROR_WSMAN_ENUMERATE_TIMED_OUT" ENUMERATION_TIMED_OUT "" "The Pull did not get its items in time." "";
    0x8033_801E EVENTING_DELIVERY_MODE_REQUESTED_UNAVAILABLE = "ERROR_WSMAN_EVENTING_DELIVERY_MODE_REQUESTED_UNAVAILABLE" DELIVERY_MODE_REQUESTED_UNAVAILABLE "" "The event source does not support this mode of delivery." "";
    0x8033_801F EVENTING_INVALID_EXPIRATION_TIME = "ERROR_WSMAN_EVENTING_INVALID_EXPIRATION_TIME" EVENT_INVALID_EXPIRATION_TIME "" "The expiration time of the subscription is not valid." "";
    0x8033_8020 EVENTING_UNSUPPORTED_EXPIRATION_TYPE = "ERROR_WSMAN_EVENTING_UNSUPPORTED_EXPIRATION_TYPE" EVENT_UNSUPPORTED_EXPIRATION_TYPE "" "Subscriptions expire after a duration, not at a date." "";
    0x8033_8021 EVENTING_FILTERING_NOT_SUPPORTED = "ERROR_WSMAN_EVENTING_FILTERING_NOT_SUPPORTED" EVENT_FILTERING_NOT_SUPPORTED "" "The event source does not support filters." "";
    0x8033_8022 EVENTING_FILTERING_REQUESTED_UNAVAILABLE = "ERROR_WSMAN_EVENTING_FILTERING_REQUESTED_UNAVAILABLE" EVENT_FILTERING_REQUESTED_UNAVAILABLE "" "The event source does not support filters of this dialect." "use WQL";
    0x8033_8023 EVENTING_SOURCE_UNABLE_TO_PROCESS = "ERROR_WSMAN_EVENTING_SOURCE_UNABLE_TO_PROCESS" EVENT_SOURCE_UNABLE_TO_PROCESS "" "The event source cannot process the subscription." "";
    0x8033_8024 EVENTING_UNABLE_TO_RENEW = "ERROR_WSMAN_EVENTING_UNABLE_TO_RENEW" EVENT_UNABLE_TO_RENEW "" "The subscription cannot be renewed." "subscribe again";
    0x8033_8025 EVENTING_INVALID_MESSAGE = "ERROR_WSMAN_EVENTING_INVALID_MESSAGE" EVENT_INVALID_MESSAGE "" "The subscription request is not valid." "";
    0x8033_8026 ENVELOPE_TOO_LARGE = "ERROR_WSMAN_ENVELOPE_TOO_LARGE" ENCODING_LIMIT "MaxEnvelopeSize" "The answer does not fit the envelope size that the request allows." "allow larger envelopes, or ask for less";
    0x8033_8027 INVALID_SOAP_BODY = "ERROR_WSMAN_INVALID_SOAP_BODY" SCHEMA_VALIDATION_ERROR "" "The body of the request is not what the operation asks for." "";
    0x8033_8029 OPERATION_TIMEDOUT = "ERROR_WSMAN_OPERATION_TIMEDOUT" TIMED_OUT "" "The operation did not end within the time given by OperationTimeout." "give the operation more time";
    0x8033_802C UNSUPPORTED_ENCODING = "ERROR_WSMAN_UNSUPPORTED_ENCODING" ENCODING_LIMIT "CharacterSet" "The encoding of the request is neither UTF-8 nor UTF-16." "";
    0x8033_802D URI_LIMIT = "ERROR_WSMAN_URI_LIMIT" ENCODING_LIMIT "URILimitExceeded" "A URI of the request is too long." "";
    0x8033_802E INVALID_PROPOSED_ID = "ERROR_WSMAN_INVALID_PROPOSED_ID" INVALID_PARAMETER "InvalidValue" "The id that the request proposes is not valid." "";
    0x8033_8031 ACTION_MISMATCH = "ERROR_WSMAN_ACTION_MISMATCH" ACTION_NOT_SUPPORTED "ActionMismatch" "The action does not go with the resource." "";
    0x8033_8032 CONCURRENCY = "ERROR_WSMAN_CONCURRENCY" CONCURRENCY "" "Another operation is under way on the same resource." "try again later";
    0x8033_8033 ALREADY_EXISTS = "ERROR_WSMAN_ALREADY_EXISTS" ALREADY_EXISTS "" "The resource exists already." "";
    0x8033_8034 DELIVERY_REFUSED = "ERROR_WSMAN_DELIVERY_REFUSED" DELIVERY_REFUSED "" "The receiver refused the delivery and ended the subscription." "";
    0x8033_8035 ENCODING_LIMIT = "ERROR_WSMAN_ENCODING_LIMIT" ENCODING_LIMIT "" "A limit of the encoding was passed." "allow larger envelopes, or ask for less";
    0x8033_8036 FAILED_AUTHENTICATION = "ERROR_WSMAN_FAILED_AUTHENTICATION" ACCESS_DENIED "" "The user could not be authenticated." "check the user name, the password and the authentication mechanism";
    0x8033_8038 INVALID_BOOKMARK = "ERROR_WSMAN_INVALID_BOOKMARK" INVALID_BOOKMARK "" "The bookmark of the subscription is not valid." "subscribe without the bookmark";
    0x8033_8039 INVALID_OPTIONS = "ERROR_WSMAN_INVALID_OPTIONS" INVALID_OPTIONS "InvalidValue" "The request holds options that are not valid." "";
    0x8033_803A INVALID_PARAMETER = "ERROR_WSMAN_INVALID_PARAMETER" INVALID_PARAMETER "InvalidValue" "A parameter of the request is not valid." "";
    0x8033_803B INVALID_RESOURCE_URI = "ERROR_WSMAN_INVALID_RESOURCE_URI" DESTINATION_UNREACHABLE "InvalidResourceURI" "The service has no resource with this URI." "check the class name, the namespace and the name of the configuration";
    0x8033_803C INVALID_SYSTEM = "ERROR_WSMAN_INVALID_SYSTEM" DESTINATION_UNREACHABLE "" "The system that the request addresses is not known." "";
    0x8033_803D INVALID_SELECTORS = "ERROR_WSMAN_INVALID_SELECTORS" INVALID_SELECTORS "" "The selectors of the request are not valid for the resource." "check the key properties";
    0x8033_803F QUOTA_LIMIT = "ERROR_WSMAN_QUOTA_LIMIT" QUOTA_LIMIT "" "The service has reached a quota." "close what is no longer needed, or raise the quota";
    0x8033_8040 RENAME_FAILURE = "ERROR_WSMAN_RENAME_FAILURE" RENAME_FAILURE "InvalidSelectors" "The resource cannot be renamed so." "";
    0x8033_8041 SCHEMA_VALIDATION_ERROR = "ERROR_WSMAN_SCHEMA_VALIDATION_ERROR" SCHEMA_VALIDATION_ERROR "" "The XML of the request does not follow its schema." "";
    0x8033_8042 UNSUPPORTED_FEATURE = "ERROR_WSMAN_UNSUPPORTED_FEATURE" UNSUPPORTED_FEATURE "" "The service does not support a feature that the request asks for." "";
    0x8033_8043 INVALID_XML = "ERROR_WSMAN_INVALID_XML" SCHEMA_VALIDATION_ERROR "" "The XML of the request is not valid." "";
    0x8033_8044 INVALID_KEY = "ERROR_WSMAN_INVALID_KEY" INVALID_SELECTORS "" "The key of the resource is not valid." "check the key properties";
    0x8033_8047 MAX_ENVELOPE_SIZE = "ERROR_WSMAN_MAX_ENVELOPE_SIZE" ENCODING_LIMIT "MaxEnvelopeSize" "The envelope size that the request asks for is not valid." "";
    0x8033_8048 MAX_ENVELOPE_SIZE_EXCEEDED = "ERROR_WSMAN_MAX_ENVELOPE_SIZE_EXCEEDED" ENCODING_LIMIT "MaxEnvelopeSizeExceeded" "The answer does not fit the envelope size that the request allows." "allow larger envelopes, or ask for less";
    0x8033_8049 SERVER_ENVELOPE_LIMIT = "ERROR_WSMAN_SERVER_ENVELOPE_LIMIT" ENCODING_LIMIT "ServiceEnvelopeLimit" "The request is larger than the service accepts." "send less at a time, or raise MaxEnvelopeSizekb there";
    0x8033_804A SELECTOR_LIMIT = "ERROR_WSMAN_SELECTOR_LIMIT" ENCODING_LIMIT "SelectorLimit" "The request holds too many selectors." "";
    0x8033_804B OPTION_LIMIT = "ERROR_WSMAN_OPTION_LIMIT" ENCODING_LIMIT "OptionLimit" "The request holds too many options." "";
    0x8033_804F FILTERING_REQUIRED = "ERROR_WSMAN_FILTERING_REQUIRED" CANNOT_PROCESS_FILTER "FilteringRequired" "The resource can only be enumerated with a filter." "add a filter";
    0x8033_8051 OPTIONS_NOT_SUPPORTED = "ERROR_WSMAN_OPTIONS_NOT_SUPPORTED" INVALID_OPTIONS "NotSupported" "The request holds an option that must be complied with and is not supported." "leave out the option";
    0x8033_8052 OPTIONS_INVALID_NAME = "ERROR_WSMAN_OPTIONS_INVALID_NAME" INVALID_OPTIONS "InvalidName" "The name of an option is not valid." "";
    0x8033_8053 OPTIONS_INVALID_VALUE = "ERROR_WSMAN_OPTIONS_INVALID_VALUE" INVALID_OPTIONS "InvalidValue" "The value of an option is not valid." "";
    0x8033_8054 PARAMETER_TYPE_MISMATCH = "ERROR_WSMAN_PARAMETER_TYPE_MISMATCH" INVALID_PARAMETER "TypeMismatch" "A parameter is of the wrong type." "";
    0x8033_8055 INVALID_PARAMETER_NAME = "ERROR_WSMAN_INVALID_PARAMETER_NAME" INVALID_PARAMETER "InvalidName" "The name of a parameter is not valid." "check the names of the method's parameters";
    0x8033_805A INSUFFICIENT_SELECTORS = "ERROR_WSMAN_INSUFFCIENT_SELECTORS" INVALID_SELECTORS "InsufficientSelectors" "The request lacks selectors that the resource needs." "give all key properties";
    0x8033_805B UNEXPECTED_SELECTORS = "ERROR_WSMAN_UNEXPECTED_SELECTORS" INVALID_SELECTORS "UnexpectedSelectors" "The selectors of the request belong to nothing that the resource has." "the shell or the command is gone: open a new one";
    0x8033_805C SELECTOR_TYPEMISMATCH = "ERROR_WSMAN_SELECTOR_TYPEMISMATCH" INVALID_SELECTORS "TypeMismatch" "The value of a selector is of the wrong type." "";
    0x8033_805D INVALID_SELECTOR_VALUE = "ERROR_WSMAN_INVALID_SELECTOR_VALUE" INVALID_SELECTORS "InvalidValue" "The value of a selector is not valid." "";
    0x8033_805F DUPLICATE_SELECTORS = "ERROR_WSMAN_DUPLICATE_SELECTORS" INVALID_SELECTORS "DuplicateSelectors" "A selector stands twice." "";
    0x8033_8063 TARGET_ALREADY_EXISTS = "ERROR_WSMAN_TARGET_ALREADY_EXISTS" ALREADY_EXISTS "" "The resource to create exists already." "";
    0x8033_8077 FRAGMENT_TRANSFER_NOT_SUPPORTED = "ERROR_WSMAN_FRAGMENT_TRANSFER_NOT_SUPPORTED" UNSUPPORTED_FEATURE "FragmentLevelAccess" "The resource does not support access to parts of it." "";
    0x8033_8081 INVALID_TIMEOUT_HEADER = "ERROR_WSMAN_INVALID_TIMEOUT_HEADER" INVALID_OPTIONS "" "The time-out of the request is not valid." "";
    0x8033_8086 ENUMERATION_MODE_UNSUPPORTED = "ERROR_WSMAN_ENUMERATION_MODE_UNSUPPORTED" UNSUPPORTED_FEATURE "EnumerationMode" "The resource does not support this mode of enumeration." "";
    0x8033_8090 FRAGMENT_DIALECT_REQUESTED_UNAVAILABLE = "ERROR_WSMAN_FRAGMENT_DIALECT_REQUESTED_UNAVAILABLE" FRAGMENT_DIALECT_NOT_SUPPORTED "" "The resource does not support fragment expressions of this dialect." "";
    0x8033_8093 INVALID_FRAGMENT_PATH = "ERROR_WSMAN_INVALID_FRAGMENT_PATH" INVALID_PARAMETER "" "The fragment expression is not valid." "";
    0x8033_8112 HTTP_SERVICE_UNAVAILABLE_STATUS = "ERROR_WSMAN_HTTP_SERVICE_UNAVAILABLE_STATUS" ENDPOINT_UNAVAILABLE "" "The service is not available for the moment." "try again later";
    0x8033_8113 HTTP_NOT_FOUND_STATUS = "ERROR_WSMAN_HTTP_NOT_FOUND_STATUS" DESTINATION_UNREACHABLE "" "The service has no such URL." "check the application name, normally wsman";
    0x8033_8118 INVALID_SELECTOR_NAME = "ERROR_WSMAN_INVALID_SELECTOR_NAME" INVALID_SELECTORS "InvalidName" "The name of a selector is not valid." "";
    0x8033_8126 NETWORK_TIMEDOUT = "ERROR_WSMAN_NETWORK_TIMEDOUT" TIMED_OUT "" "The service did not answer in time." "check the network and the firewall";
    0x8033_8127 RECEIVE_IN_PROGRESS = "ERROR_WINRS_RECEIVE_IN_PROGRESS" CONCURRENCY "" "Another Receive is under way for the same streams." "";
    0x8033_8137 POLYMORPHISM_MODE_UNSUPPORTED = "ERROR_WSMAN_POLYMORPHISM_MODE_UNSUPPORTED" UNSUPPORTED_FEATURE "" "The resource does not support this mode of polymorphism." "";
    0x8033_8140 CODE_PAGE_NOT_SUPPORTED = "ERROR_WINRS_CODE_PAGE_NOT_SUPPORTED" INVALID_OPTIONS "InvalidValue" "The code page is not supported." "use code page 65001";
    0x8033_814A SHELL_ALREADY_CLOSED = "ERROR_WSMAN_SHELL_ALREADY_CLOSED" INVALID_SELECTORS "" "The shell is closed already." "";
    0x8033_814F COMMAND_ALREADY_CLOSED = "ERROR_WSMAN_COMMAND_ALREADY_CLOSED" INVALID_SELECTORS "" "The command is closed already." "";
    0x8033_815B SHELL_URI_INVALID = "ERROR_WINRS_SHELL_URI_INVALID" DESTINATION_UNREACHABLE "InvalidResourceURI" "The URI of the shell is not valid." "";
    0x8033_818B SHELL_INVALID_INPUT_STREAM = "ERROR_WSMAN_SHELL_INVALID_INPUT_STREAM" INVALID_PARAMETER "InvalidValue" "The shell has no such input stream." "";
    0x8033_818D SHELL_INVALID_DESIRED_STREAMS = "ERROR_WSMAN_SHELL_INVALID_DESIRED_STREAMS" INVALID_PARAMETER "InvalidValue" "The shell has no such output streams." "";
    0x8033_8199 REDIRECT_REQUESTED = "ERROR_WSMAN_REDIRECT_REQUESTED" DESTINATION_UNREACHABLE "" "The service asks to go to another address." "connect to the new address, if you trust it";
    0x8033_81A5 QUOTA_MAX_SHELLS = "ERROR_WSMAN_QUOTA_MAX_SHELLS" QUOTA_LIMIT "" "The user has as many shells open as the service allows." "close shells, or raise MaxShellsPerUser";
    0x8033_81A6 QUOTA_MAX_OPERATIONS = "ERROR_WSMAN_QUOTA_MAX_OPERATIONS" QUOTA_LIMIT "" "The user has as many operations under way as the service allows." "end operations, or raise MaxConcurrentOperationsPerUser";
    0x8033_81A7 QUOTA_USER = "ERROR_WSMAN_QUOTA_USER" QUOTA_LIMIT "" "The load quota of the user is used up." "send fewer requests at a time";
    0x8033_81A8 QUOTA_SYSTEM = "ERROR_WSMAN_QUOTA_SYSTEM" QUOTA_LIMIT "" "The load quota of the system is used up." "send fewer requests at a time";
    0x8033_81A9 DIFFERENT_AUTHZ_TOKEN = "ERROR_WSMAN_DIFFERENT_AUTHZ_TOKEN" ACCESS_DENIED "" "The resource belongs to another logon." "";
    0x8033_81AB QUOTA_MAX_SHELLUSERS = "ERROR_WSMAN_QUOTA_MAX_SHELLUSERS" QUOTA_LIMIT "" "As many users have shells open as the service allows." "close shells, or raise MaxConcurrentUsers";
    0x8033_81AC REMOTESHELLS_NOT_ALLOWED = "ERROR_WSMAN_REMOTESHELLS_NOT_ALLOWED" ACCESS_DENIED "" "The service allows no remote shells." "set AllowRemoteShellAccess there";
    0x8033_81AD PULL_PARAMS_NOT_SAME_AS_ENUM = "ERROR_WSMAN_PULL_PARAMS_NOT_SAME_AS_ENUM" INVALID_PARAMETER "" "The parameters of the Pull are not those of the Enumerate." "";
    0x8033_81C0 SHELLCOMMANDS_FILTER_EXPECTED = "ERROR_WSMAN_ENUMERATE_SHELLCOMAMNDS_FILTER_EXPECTED" CANNOT_PROCESS_FILTER "FilteringRequired" "Commands are enumerated with a selector filter for their shell." "";
    0x8033_81C1 SHELLCOMMANDS_EPRS_NOTSUPPORTED = "ERROR_WSMAN_ENUMERATE_SHELLCOMMANDS_EPRS_NOTSUPPORTED" UNSUPPORTED_FEATURE "EnumerationMode" "Commands are enumerated as objects only." "";
    0x8033_81C4 SHELL_DISCONNECTED = "ERROR_WINRS_SHELL_DISCONNECTED" INVALID_SELECTORS "" "The shell is disconnected." "reconnect to the shell first";
    0x8033_81C5 SHELL_DISCONNECT_NOT_SUPPORTED = "ERROR_WINRS_SHELL_DISCONNECT_NOT_SUPPORTED" UNSUPPORTED_FEATURE "" "The shell does not support disconnecting." "";
    0x8033_81C6 SHELL_CLIENTSESSIONID_MISMATCH = "ERROR_WINRS_SHELL_CLIENTSESSIONID_MISMATCH" INVALID_SELECTORS "" "The shell belongs to another client session." "connect to the shell instead of reconnecting";
    0x8033_81CC COMMAND_TERMINATED = "ERROR_WSMAN_COMMAND_TERMINATED" INVALID_SELECTORS "" "The command was terminated." "";
    0x8033_81CD SHELL_CONNECTED_TO_DIFFERENT_CLIENT = "ERROR_WINRS_SHELL_CONNECTED_TO_DIFFERENT_CLIENT" CONCURRENCY "" "The shell is in use by another client." "wait until the other client disconnects";
    0x8033_81CE SHELL_DISCONNECT_OPERATION_NOT_GRACEFUL = "ERROR_WINRS_SHELL_DISCONNECT_OPERATION_NOT_GRACEFUL" INTERNAL_ERROR "" "The shell was disconnected, not all of its commands in order." "";
    0x8033_81CF SHELL_DISCONNECT_OPERATION_NOT_VALID = "ERROR_WINRS_SHELL_DISCONNECT_OPERATION_NOT_VALID" INVALID_SELECTORS "" "The shell cannot be disconnected in its state." "";
    0x8033_81D0 SHELL_RECONNECT_OPERATION_NOT_VALID = "ERROR_WINRS_SHELL_RECONNECT_OPERATION_NOT_VALID" INVALID_SELECTORS "" "The shell cannot be reconnected in its state." "";
    0x8033_81D3 SHELLCOMMAND_RECONNECT_OPERATION_NOT_VALID = "ERROR_WINRS_SHELLCOMMAND_RECONNECT_OPERATION_NOT_VALID" INVALID_SELECTORS "" "The command cannot be reconnected in its state." "";
    0x8033_81D4 SHELLCOMMAND_CLIENTID_NOT_VALID = "ERROR_WINRS_SHELLCOMMAND_CLIENTID_NOT_VALID" INVALID_PARAMETER "InvalidValue" "The id that the client proposes for the command is not valid." "";
    0x8033_81D5 SHELL_CLIENTID_NOT_VALID = "ERROR_WINRS_SHELL_CLIENTID_NOT_VALID" INVALID_PARAMETER "InvalidValue" "The id that the client proposes for the shell is not valid." "";
    0x8033_81D6 SHELLCOMMAND_CLIENTID_RESOURCE_CONFLICT = "ERROR_WINRS_SHELLCOMMAND_CLIENTID_RESOURCE_CONFLICT" ALREADY_EXISTS "" "The shell has a command with this id already." "";
    0x8033_81D7 SHELL_CLIENTID_RESOURCE_CONFLICT = "ERROR_WINRS_SHELL_CLIENTID_RESOURCE_CONFLICT" ALREADY_EXISTS "" "A shell with this id exists already." "";
    0x8033_81DE SERVICE_STREAM_DISCONNECTED = "ERROR_WSMAN_SERVICE_STREAM_DISCONNECTED" INTERNAL_ERROR "" "The stream was disconnected at the service." "";
    0x8033_81E4 QUOTA_MAX_SHELLS_PPQ = "ERROR_WSMAN_QUOTA_MAX_SHELLS_PPQ" QUOTA_LIMIT "" "The user has as many shells of this kind open as the endpoint allows." "close shells, or raise MaxShellsPerUser of the endpoint";
    0x8033_81E9 QUOTA_MAX_COMMANDS_PER_SHELL_PPQ = "ERROR_WSMAN_QUOTA_MAX_COMMANDS_PER_SHELL_PPQ" QUOTA_LIMIT "" "The shell has as many commands as the endpoint allows." "end commands, or open another shell";
    0x8033_81F2 IDLETIMEOUT_OUTOFBOUNDS = "ERROR_WINRS_IDLETIMEOUT_OUTOFBOUNDS" INVALID_PARAMETER "InvalidValue" "The idle time-out is outside of what the service allows." "give an idle time-out of at least 60 seconds";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_by_code_without_doubles() {
        for pair in ROWS.windows(2) {
            assert!(pair[0].code < pair[1].code, "{}", pair[1].name);
        }
    }

    #[test]
    fn words_are_sentences_and_remedies_are_not() {
        for row in ROWS {
            assert!(row.message.ends_with('.'), "{}", row.name);
            assert!(
                !row.remedy.ends_with('.') && !row.remedy.starts_with(char::is_uppercase),
                "{}",
                row.name
            );
        }
    }
}
