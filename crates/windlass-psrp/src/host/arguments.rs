//! Arguments of host calls by their types ([MS-PSRP] 2.2.6.1).

use windlass_clixml::{ProgressRecord, PsString, PsValue};

use super::method::HostMethodId;
use super::types::{
    BufferCell, BufferContents, Choice, Coordinates, FieldDescription, Rectangle, Size, array_list,
    array_with_lengths, list_items,
};
use crate::enums::ConsoleColor;
use crate::error::PsrpError;
use crate::fields::{FromProperty, kind_of};
use crate::payload::{progress_from_value, progress_to_value};

/// Most items of a list in an argument: choices and fields are shown to people.
const MOST_ITEMS: usize = 10_000;

/// A type that an argument can have.
pub(super) trait Argument: Sized {
    /// Its name in errors.
    const EXPECTED: &'static str;

    fn to_value(&self) -> PsValue;
    fn from_value(value: &PsValue) -> Option<Self>;
}

macro_rules! by_property {
    ($($type:ty => |$value:ident| $convert:expr;)*) => {$(
        impl Argument for $type {
            const EXPECTED: &'static str = <$type as FromProperty>::EXPECTED;

            fn to_value(&self) -> PsValue {
                let $value = self;
                $convert
            }

            fn from_value(value: &PsValue) -> Option<Self> {
                <$type as FromProperty>::from_property(value)
            }
        }
    )*};
}

by_property! {
    i32 => |value| (*value).into();
    Coordinates => |value| (*value).into();
    Size => |value| (*value).into();
    Rectangle => |value| (*value).into();
    BufferCell => |value| (*value).into();
    BufferContents => |value| value.into();
    ConsoleColor => |value| value.code().into();
}

impl Argument for i64 {
    const EXPECTED: &'static str = "an I64";

    fn to_value(&self) -> PsValue {
        (*self).into()
    }

    /// Arguments are widened as .NET widens them.
    fn from_value(value: &PsValue) -> Option<Self> {
        i64::from_property(value).or_else(|| i32::from_property(value).map(i64::from))
    }
}

impl Argument for PsString {
    const EXPECTED: &'static str = "a string";

    fn to_value(&self) -> PsValue {
        PsValue::String(self.clone())
    }

    /// Scripts pass null where they have no text.
    fn from_value(value: &PsValue) -> Option<Self> {
        if value.is_null() { Some(Self::default()) } else { Self::from_property(value) }
    }
}

impl Argument for PsValue {
    const EXPECTED: &'static str = "a value";

    fn to_value(&self) -> PsValue {
        self.clone()
    }

    fn from_value(value: &PsValue) -> Option<Self> {
        Some(value.clone())
    }
}

impl Argument for ProgressRecord {
    const EXPECTED: &'static str = "a progress record";

    fn to_value(&self) -> PsValue {
        progress_to_value(self)
    }

    fn from_value(value: &PsValue) -> Option<Self> {
        progress_from_value(value).ok()
    }
}

impl Argument for Vec<FieldDescription> {
    const EXPECTED: &'static str = "a list of FieldDescription";

    fn to_value(&self) -> PsValue {
        array_list(self.iter().map(PsValue::from).collect())
    }

    fn from_value(value: &PsValue) -> Option<Self> {
        items(value)
    }
}

impl Argument for Vec<Choice> {
    const EXPECTED: &'static str = "a list of ChoiceDescription";

    fn to_value(&self) -> PsValue {
        array_list(self.iter().map(PsValue::from).collect())
    }

    fn from_value(value: &PsValue) -> Option<Self> {
        items(value)
    }
}

impl Argument for Vec<i32> {
    const EXPECTED: &'static str = "a list of I32";

    fn to_value(&self) -> PsValue {
        let length = i32::try_from(self.len()).unwrap_or(i32::MAX);
        array_with_lengths(self.iter().copied().map(PsValue::from).collect(), &[length])
    }

    fn from_value(value: &PsValue) -> Option<Self> {
        if value.is_null() { Some(Self::new()) } else { items(value) }
    }
}

fn items<T: FromProperty>(value: &PsValue) -> Option<Vec<T>> {
    let items = list_items(value).filter(|items| items.len() <= MOST_ITEMS)?;
    items.iter().map(T::from_property).collect()
}

/// Takes arguments one by one.
pub(super) struct Reader<'a> {
    method: HostMethodId,
    arguments: &'a [PsValue],
    index: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(method: HostMethodId, arguments: &'a [PsValue]) -> Self {
        Self { method, arguments, index: 0 }
    }

    pub(super) fn next<T: Argument>(&mut self) -> Result<T, PsrpError> {
        let error = |found| self.error(T::EXPECTED, found);
        let value = self.arguments.get(self.index).ok_or_else(|| error("missing"))?;
        let argument = T::from_value(value).ok_or_else(|| error(kind_of(value)))?;
        self.index += 1;
        Ok(argument)
    }

    pub(super) fn finish(self) -> Result<(), PsrpError> {
        match self.arguments.get(self.index) {
            None => Ok(()),
            Some(value) => Err(self.error("no argument", kind_of(value))),
        }
    }

    fn error(&self, expected: &'static str, found: &'static str) -> PsrpError {
        PsrpError::HostArgument { method: self.method.name(), index: self.index, expected, found }
    }
}
