//! Classes and interfaces of WMI ([MS-WMI] 1.9).

use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        $($(#[$doc])* pub const $name: Uuid = Uuid::from_u128($value);)*
    };
}

ids! {
    /// The class whose objects let clients log in.
    CLSID_LEVEL1_LOGIN = 0x8bc3f05e_d86b_11d0_a075_00c04fb68820;
    /// IWbemLevel1Login.
    LEVEL1_LOGIN = 0xf309ad18_d86a_11d0_a075_00c04fb68820;
    /// IWbemLoginClientID.
    LOGIN_CLIENT_ID = 0xd4781cd6_e5d3_44df_ad94_930efe48a887;
    /// IWbemLoginClientIDEx.
    LOGIN_CLIENT_ID_EX = 0x9f6c78ef_fce5_42fa_abea_3e7df91921dc;
    /// IWbemServices.
    SERVICES = 0x9556dc99_828c_11cf_a37e_00aa003240c7;
    /// IEnumWbemClassObject.
    ENUM_CLASS_OBJECT = 0x027947e1_d731_11ce_a357_000000000001;
    /// IWbemFetchSmartEnum.
    FETCH_SMART_ENUM = 0x1c1c45ee_4395_11d2_b60b_00104b703efd;
    /// IWbemWCOSmartEnum.
    WCO_SMART_ENUM = 0x423ec01e_2e35_11d2_b604_00104b703efd;
    /// IWbemCallResult.
    CALL_RESULT = 0x44aca675_e8fc_11d0_a07c_00c04fb68820;
    /// IWbemObjectSink.
    OBJECT_SINK = 0x7c857801_7381_11cf_884d_00aa004b2e24;
    /// IWbemClassObject.
    CLASS_OBJECT = 0xdc12a681_737f_11cf_884d_00aa004b2e24;
    /// What reads a marshalled IWbemClassObject.
    CLSID_CLASS_OBJECT = 0x4590f812_1d3a_11d0_891f_00aa004b2e24;
    /// IWbemContext.
    CONTEXT = 0x44aca674_e8fc_11d0_a07c_00c04fb68820;
    /// What reads a marshalled IWbemContext.
    CLSID_CONTEXT = 0x674b6698_ee92_11d0_ad71_00c04fd8fdff;
}

/// The interfaces that a client of WMI binds to.
pub const ALL: [Uuid; 8] = [
    LEVEL1_LOGIN,
    LOGIN_CLIENT_ID,
    SERVICES,
    ENUM_CLASS_OBJECT,
    FETCH_SMART_ENUM,
    WCO_SMART_ENUM,
    CALL_RESULT,
    LOGIN_CLIENT_ID_EX,
];
