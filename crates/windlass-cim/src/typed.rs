//! CIM classes as Rust structs.

use crate::error::Error;
use crate::instance::CimInstance;
use crate::value::CimValue;
use crate::{CimScalar, CimType};

/// A Rust type that stands for a CIM class. [`cim_class!`](crate::cim_class) writes the
/// implementation.
pub trait CimClassType: Sized {
    /// The name of the class.
    const CLASS: &'static str;
    /// The namespace that the class lives in by default.
    const NAMESPACE: &'static str;
    /// The properties that the type holds, for the columns of a query.
    const PROPERTIES: &'static [&'static str];

    /// Takes the properties out of an instance.
    ///
    /// # Errors
    /// When one that cannot be null is absent or null, or a value does not fit.
    fn from_instance(instance: &CimInstance) -> Result<Self, Error>;

    /// An instance with these properties.
    fn to_instance(&self) -> CimInstance;
}

/// A Rust type for the value of a property: a scalar, an `Option` of one for a property that can be
/// null, a `Vec` or an `Option` of one for an array.
pub trait CimField: Sized {
    /// Takes the value of a property, null where the property is absent.
    ///
    /// # Errors
    /// When the value does not fit.
    fn from_cim(value: &CimValue) -> Result<Self, Error>;

    /// The value for the property.
    fn to_cim(&self) -> CimValue;
}

impl<T: CimScalar + Clone> CimField for T {
    fn from_cim(value: &CimValue) -> Result<Self, Error> {
        read_scalar(value)
    }

    fn to_cim(&self) -> CimValue {
        self.clone().into()
    }
}

/// A value of whatever type.
impl CimField for CimValue {
    fn from_cim(value: &CimValue) -> Result<Self, Error> {
        Ok(value.clone())
    }

    fn to_cim(&self) -> CimValue {
        self.clone()
    }
}

impl<T: CimScalar + Clone> CimField for Option<T> {
    fn from_cim(value: &CimValue) -> Result<Self, Error> {
        if value.is_null() { Ok(None) } else { read_scalar(value).map(Some) }
    }

    fn to_cim(&self) -> CimValue {
        self.clone().into()
    }
}

impl<T: CimScalar + Clone> CimField for Vec<T> {
    fn from_cim(value: &CimValue) -> Result<Self, Error> {
        value.items().iter().map(read_scalar).collect()
    }

    fn to_cim(&self) -> CimValue {
        self.clone().into()
    }
}

impl<T: CimScalar + Clone> CimField for Option<Vec<T>> {
    fn from_cim(value: &CimValue) -> Result<Self, Error> {
        if value.is_null() { Ok(None) } else { Vec::from_cim(value).map(Some) }
    }

    fn to_cim(&self) -> CimValue {
        self.clone().map_or(CimValue::Null, CimValue::from)
    }
}

/// A scalar, also from the text of an answer that states no types.
fn read_scalar<T: CimScalar>(value: &CimValue) -> Result<T, Error> {
    match (value, T::TYPE) {
        (CimValue::String(text), cim_type) if cim_type != CimType::String => {
            CimValue::parse_text(cim_type, text)?.get()
        }
        _ => value.get(),
    }
}

/// Declares a struct for a CIM class. [`rust_struct`](crate::rust_struct) writes such declarations.
///
/// ```
/// windlass_cim::cim_class! {
///     /// A service.
///     pub struct Win32Service in "root/cimv2" as "Win32_Service" {
///         /// Its name.
///         pub name: String = "Name",
///         /// Its process, 0 when it does not run.
///         pub process_id: Option<u32> = "ProcessId",
///     }
/// }
///
/// use windlass_cim::{CimClassType, CimInstance};
/// let instance = CimInstance::new("Win32_Service").with("Name", "Spooler").with("ProcessId", 5_u32);
/// let service = Win32Service::from_instance(&instance)?;
/// assert_eq!((service.name.as_str(), service.process_id), ("Spooler", Some(5)));
/// # Ok::<(), windlass_cim::Error>(())
/// ```
#[macro_export]
macro_rules! cim_class {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident in $namespace:literal as $class:literal {
            $($(#[$field_meta:meta])* $field_vis:vis $field:ident : $type:ty = $property:literal),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $type,)*
        }

        impl $crate::CimClassType for $name {
            const CLASS: &'static str = $class;
            const NAMESPACE: &'static str = $namespace;
            const PROPERTIES: &'static [&'static str] = &[$($property),*];

            fn from_instance(
                instance: &$crate::CimInstance,
            ) -> ::core::result::Result<Self, $crate::Error> {
                ::core::result::Result::Ok(Self {
                    $($field: $crate::read_field(instance, $property)?,)*
                })
            }

            fn to_instance(&self) -> $crate::CimInstance {
                $crate::CimInstance::new($class)
                    .in_namespace($namespace)
                    $(.with($property, $crate::CimField::to_cim(&self.$field)))*
            }
        }
    };
}

/// Reads one property of an instance; what [`cim_class!`](crate::cim_class) calls.
///
/// # Errors
/// When the value does not fit, with the name of the property.
pub fn read_field<T: CimField>(instance: &CimInstance, name: &str) -> Result<T, Error> {
    T::from_cim(instance.get(name).unwrap_or(&CimValue::Null)).map_err(|error| error.inside(&name.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CimDateTime;

    cim_class! {
        /// A process.
        struct Process in "root/cimv2" as "Win32_Process" {
            id: u32 = "ProcessId",
            name: String = "Name",
            path: Option<String> = "ExecutablePath",
            started: Option<CimDateTime> = "CreationDate",
            names: Vec<String> = "Names",
            codes: Option<Vec<u16>> = "Codes",
        }
    }

    #[test]
    fn instances_become_structs() {
        let started: CimDateTime = "20240131235959.000000+060".parse().unwrap();
        let instance = CimInstance::new("Win32_Process")
            .with("processid", 4_u32)
            .with("Name", "System")
            .with("ExecutablePath", CimValue::Null)
            .with("CreationDate", started)
            .with("Codes", vec![1_u16, 2]);
        let process = Process::from_instance(&instance).unwrap();
        let expected = Process {
            id: 4,
            name: "System".to_owned(),
            path: None,
            started: Some(started),
            names: Vec::new(),
            codes: Some(vec![1, 2]),
        };
        assert_eq!(process, expected);
        assert_eq!(Process::from_instance(&process.to_instance()).unwrap(), process);
        assert_eq!(Process::PROPERTIES.len(), 6);
        let untyped = CimInstance::new("Win32_Process").with("ProcessId", "4").with("Name", "System");
        assert_eq!(Process::from_instance(&untyped).unwrap().id, 4);
    }

    #[test]
    fn what_does_not_fit_names_the_property() {
        let instance = CimInstance::new("Win32_Process").with("ProcessId", CimValue::Null);
        let error = Process::from_instance(&instance).unwrap_err().to_string();
        assert_eq!(error, "`ProcessId`: null where uint32 is expected");
    }
}
