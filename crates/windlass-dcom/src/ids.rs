//! Classes and interfaces of DCOM itself ([MS-DCOM] 1.9).

use uuid::Uuid;

/// An id of COM's own range, `XXXXXXXX-0000-0000-C000-000000000046`.
pub const fn com(first: u32) -> Uuid {
    Uuid::from_fields(first, 0, 0, &[0xC0, 0, 0, 0, 0, 0, 0, 0x46])
}

/// IUnknown, which every object has.
pub const IUNKNOWN: Uuid = com(0);
/// IObjectExporter, the resolver of OXIDs.
pub const OBJECT_EXPORTER: Uuid = Uuid::from_u128(0x99fc_fec4_5260_101b_bbcb_00aa_0021_347a);
/// IActivation.
pub const ACTIVATION: Uuid = Uuid::from_u128(0x4d9f_4ab8_7d1c_11cf_861e_0020_af6e_7c57);
/// IRemoteSCMActivator, also called ISystemActivator.
pub const REMOTE_SCM_ACTIVATOR: Uuid = com(0x1A0);
/// IRemUnknown.
pub const REM_UNKNOWN: Uuid = com(0x131);
/// IRemUnknown2.
pub const REM_UNKNOWN2: Uuid = com(0x143);

/// The interface of the properties that go into an activation.
pub const ACTIVATION_PROPERTIES_IN: Uuid = com(0x1A2);
/// The interface of the properties that come out of an activation.
pub const ACTIVATION_PROPERTIES_OUT: Uuid = com(0x1A3);
/// The class of the properties that go into an activation.
pub const CLSID_ACTIVATION_PROPERTIES_IN: Uuid = com(0x338);
/// The class of the properties that come out of an activation.
pub const CLSID_ACTIVATION_PROPERTIES_OUT: Uuid = com(0x339);
