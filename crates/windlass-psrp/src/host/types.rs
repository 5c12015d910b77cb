//! Structures in the arguments and answers of host calls ([MS-PSRP] 2.2.6.1): objects without type
//! names, whose properties are the fields.

use windlass_clixml::{Base, PsObject, PsString, PsValue};

use crate::enums::ConsoleColor;
use crate::error::PsrpError;
use crate::fields::{Fields, FromProperty};
use crate::payload::int_array;

/// Most cells of a screen buffer that are taken in one call.
const MOST_CELLS: usize = 4 * 1024 * 1024;

macro_rules! number_structures {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $name { $($(#[$field_doc])* pub $field: i32,)* }

        impl From<$name> for PsValue {
            fn from(value: $name) -> Self {
                PsObject::untyped()$(.with(stringify!($field), value.$field))*.into()
            }
        }

        impl FromProperty for $name {
            const EXPECTED: &'static str = concat!("a structure ", stringify!($name));

            fn from_property(value: &PsValue) -> Option<Self> {
                let fields = Fields::new(stringify!($name), value).ok()?;
                Some(Self { $($field: fields.required(stringify!($field)).ok()?,)* })
            }
        }
    )*};
}

number_structures! {
    /// A place on the screen, from the top left corner.
    Coordinates {
        /// Column.
        x,
        /// Row.
        y,
    }
    /// The size of a window or a buffer, in characters.
    Size {
        /// Columns.
        width,
        /// Rows.
        height,
    }
    /// A part of the screen; both corners belong to it.
    Rectangle {
        /// First column.
        left,
        /// First row.
        top,
        /// Last column.
        right,
        /// Last row.
        bottom,
    }
}

/// One character of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferCell {
    /// The character, as a UTF-16 code unit.
    pub character: u16,
    /// Its colour.
    pub foreground: ConsoleColor,
    /// The colour behind it.
    pub background: ConsoleColor,
    /// 0: a whole character; 1 and 2: the halves of a wide one.
    pub cell_type: i32,
}

impl From<BufferCell> for PsValue {
    fn from(cell: BufferCell) -> Self {
        PsObject::untyped()
            .with("character", PsValue::Char(cell.character))
            .with("foregroundColor", cell.foreground.code())
            .with("backgroundColor", cell.background.code())
            .with("bufferCellType", cell.cell_type)
            .into()
    }
}

impl FromProperty for BufferCell {
    const EXPECTED: &'static str = "a structure BufferCell";

    fn from_property(value: &PsValue) -> Option<Self> {
        let fields = Fields::new("BufferCell", value).ok()?;
        Some(Self {
            character: character(fields.value("character")?)?,
            foreground: fields.required("foregroundColor").ok()?,
            background: fields.required("backgroundColor").ok()?,
            cell_type: fields.required("bufferCellType").ok()?,
        })
    }
}

/// A part of the screen buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BufferContents {
    /// How many rows.
    pub rows: usize,
    /// How many columns.
    pub columns: usize,
    /// The cells, row by row.
    pub cells: Vec<BufferCell>,
}

impl From<&BufferContents> for PsValue {
    fn from(contents: &BufferContents) -> Self {
        let length = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        let cells = contents.cells.iter().copied().map(PsValue::from).collect();
        array_with_lengths(cells, &[length(contents.rows), length(contents.columns)])
    }
}

impl FromProperty for BufferContents {
    const EXPECTED: &'static str = "an array of two dimensions of BufferCell";

    fn from_property(value: &PsValue) -> Option<Self> {
        let (cells, lengths) = flat_array(value)?;
        let &[rows, columns] = lengths.as_slice() else { return None };
        let (rows, columns) = (usize::try_from(rows).ok()?, usize::try_from(columns).ok()?);
        if cells.len() > MOST_CELLS || rows.checked_mul(columns)? != cells.len() {
            return None;
        }
        let cells = cells.iter().map(BufferCell::from_property).collect::<Option<_>>()?;
        Some(Self { rows, columns, cells })
    }
}

/// A key that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyInfo {
    /// The key, as Windows numbers it.
    pub virtual_key_code: i32,
    /// Its character, as a UTF-16 code unit.
    pub character: u16,
    /// Which control keys were held: 1 right Alt, 2 left Alt, 4 right Ctrl, 8 left Ctrl, 16 Shift,
    /// 32 Num Lock, 64 Scroll Lock, 128 Caps Lock, 256 a key of the enhanced keyboard.
    pub control_key_state: i32,
    /// Whether it was pressed, not released.
    pub key_down: bool,
}

impl From<KeyInfo> for PsValue {
    fn from(key: KeyInfo) -> Self {
        PsObject::untyped()
            .with("virtualKeyCode", key.virtual_key_code)
            .with("character", PsValue::Char(key.character))
            .with("controlKeyState", key.control_key_state)
            .with("keyDown", key.key_down)
            .into()
    }
}

impl FromProperty for KeyInfo {
    const EXPECTED: &'static str = "a structure KeyInfo";

    fn from_property(value: &PsValue) -> Option<Self> {
        let fields = Fields::new("KeyInfo", value).ok()?;
        Some(Self {
            virtual_key_code: fields.required("virtualKeyCode").ok()?,
            character: character(fields.value("character")?)?,
            control_key_state: fields.required("controlKeyState").ok()?,
            key_down: fields.required("keyDown").ok()?,
        })
    }
}

/// One of the answers that a user can choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its name; `&` stands before the letter that chooses it.
    pub label: PsString,
    /// What it means.
    pub help_message: PsString,
}

impl From<&Choice> for PsValue {
    fn from(choice: &Choice) -> Self {
        PsObject::untyped()
            .with("label", choice.label.clone())
            .with("helpMessage", choice.help_message.clone())
            .into()
    }
}

impl FromProperty for Choice {
    const EXPECTED: &'static str = "a structure ChoiceDescription";

    fn from_property(value: &PsValue) -> Option<Self> {
        let fields = Fields::new("ChoiceDescription", value).ok()?;
        Some(Self {
            label: fields.text("label").unwrap_or_default(),
            help_message: fields.text("helpMessage").unwrap_or_default(),
        })
    }
}

/// One of the fields that a user shall fill in.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldDescription {
    /// Its name, under which the answer carries it.
    pub name: PsString,
    /// What to show; `&` stands before a letter to be underlined.
    pub label: PsString,
    /// The short name of its type. Nothing is ever loaded by it.
    pub parameter_type_name: PsString,
    /// The full name of its type.
    pub parameter_type_full_name: PsString,
    /// Type and assembly.
    pub parameter_assembly_full_name: PsString,
    /// What it means.
    pub help_message: PsString,
    /// Whether it must be filled in.
    pub is_mandatory: bool,
    /// What it is when it is not filled in; null for none.
    pub default_value: PsValue,
}

impl FieldDescription {
    /// A field that takes text.
    pub fn text(name: impl Into<PsString>) -> Self {
        Self {
            name: name.into(),
            label: PsString::default(),
            parameter_type_name: PsString::from_static("String"),
            parameter_type_full_name: PsString::from_static("System.String"),
            parameter_assembly_full_name: PsString::from_static(
                "System.String, System.Private.CoreLib, Version=10.0.0.0, Culture=neutral, \
                 PublicKeyToken=7cec85d7bea7798e",
            ),
            help_message: PsString::default(),
            is_mandatory: true,
            default_value: PsValue::Null,
        }
    }
}

impl From<&FieldDescription> for PsValue {
    fn from(field: &FieldDescription) -> Self {
        let mut object = PsObject::untyped()
            .with("name", field.name.clone())
            .with("label", field.label.clone())
            .with("parameterTypeName", field.parameter_type_name.clone())
            .with("parameterTypeFullName", field.parameter_type_full_name.clone())
            .with("parameterAssemblyFullName", field.parameter_assembly_full_name.clone())
            .with("helpMessage", field.help_message.clone())
            .with("isMandatory", field.is_mandatory);
        if !field.default_value.is_null() {
            object = object.with("defaultValue", field.default_value.clone());
        }
        object
            .with("metadata", array_list(Vec::new()))
            .with("modifiedByRemotingProtocol", false)
            .with("isFromRemoteHost", false)
            .into()
    }
}

impl FromProperty for FieldDescription {
    const EXPECTED: &'static str = "a structure FieldDescription";

    fn from_property(value: &PsValue) -> Option<Self> {
        let fields = Fields::new("FieldDescription", value).ok()?;
        let text = |name| fields.text(name).unwrap_or_default();
        Some(Self {
            name: fields.required("name").ok()?,
            label: text("label"),
            parameter_type_name: text("parameterTypeName"),
            parameter_type_full_name: text("parameterTypeFullName"),
            parameter_assembly_full_name: text("parameterAssemblyFullName"),
            help_message: text("helpMessage"),
            is_mandatory: fields.optional("isMandatory").ok()?.unwrap_or(false),
            default_value: fields.any("defaultValue"),
        })
    }
}

/// `System.Collections.ArrayList`, as host calls write their lists.
pub(super) fn array_list(items: Vec<PsValue>) -> PsValue {
    PsObject::typed(["System.Collections.ArrayList", "System.Object"]).with_base(Base::List(items)).into()
}

/// An array with its lengths beside it ([MS-PSRP] 2.2.6.1.4): elements, then the length of each dimension.
pub(super) fn array_with_lengths(items: Vec<PsValue>, lengths: &[i32]) -> PsValue {
    PsObject::untyped().with("mae", array_list(items)).with("mal", int_array(lengths)).into()
}

/// Reads an array with its lengths.
pub(super) fn flat_array(value: &PsValue) -> Option<(&[PsValue], Vec<i32>)> {
    let object = value.as_object()?;
    let items = object.get("mae")?.items()?;
    let lengths = object.get("mal")?.items()?;
    if lengths.len() > 2 {
        return None;
    }
    Some((items, lengths.iter().map(PsValue::as_i32).collect::<Option<_>>()?))
}

/// A list, or an array of one dimension with its length.
pub(super) fn list_items(value: &PsValue) -> Option<&[PsValue]> {
    value.items().or_else(|| match flat_array(value)? {
        (items, lengths) if lengths.len() == 1 => Some(items),
        _ => None,
    })
}

fn character(value: &PsValue) -> Option<u16> {
    match value {
        PsValue::Char(unit) => Some(*unit),
        _ => None,
    }
}

/// Checks the properties of a structure by name, for errors that say which is wrong.
pub(super) fn explain<T: FromProperty>(structure: &'static str, value: &PsValue) -> Result<T, PsrpError> {
    T::from_property(value).ok_or_else(|| PsrpError::PropertyType {
        structure,
        property: "value",
        expected: T::EXPECTED,
        found: crate::fields::kind_of(value),
    })
}
