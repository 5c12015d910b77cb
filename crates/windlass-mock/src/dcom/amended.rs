//! Qualifiers in the language of the client ([MS-WMI] 2.2.6): texts such as descriptions, which come only with
//! classes that were asked for with them. This host has them in one language.

use std::sync::Arc;

use windlass_cim::{CimClass, NamedList, Qualifier};
use windlass_wmi::flags;

/// The class as a call with these flags gets it.
pub(super) fn as_asked(mut class: CimClass, flags: u32) -> CimClass {
    if flags & flags::USE_AMENDED_QUALIFIERS == 0 {
        take_out(&mut class);
    }
    class
}

/// The same for a class that instances share.
pub(super) fn shared_as_asked(mut class: Arc<CimClass>, flags: u32) -> Arc<CimClass> {
    if flags & flags::USE_AMENDED_QUALIFIERS == 0 {
        take_out(Arc::make_mut(&mut class));
    }
    class
}

fn take_out(class: &mut CimClass) {
    let plain = |qualifiers: &mut NamedList<Qualifier>| {
        qualifiers.retain(|qualifier| !qualifier.flavor.translatable);
    };
    plain(&mut class.qualifiers);
    for property in class.properties.iter_mut() {
        plain(&mut property.qualifiers);
    }
    for method in class.methods.iter_mut() {
        plain(&mut method.qualifiers);
        for parameter in method.parameters.iter_mut() {
            plain(&mut parameter.qualifiers);
        }
    }
}
