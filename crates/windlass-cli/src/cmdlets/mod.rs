//! The cmdlets, a module each.

pub(crate) mod get_cim_instance;
pub(crate) mod invoke_command;
mod script_block;
pub(crate) mod test_wsman;
