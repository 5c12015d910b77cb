//! What the server learns about the client's host ([MS-PSRP] 2.2.3.14).

use windlass_clixml::{Base, PsObject, PsString, PsValue};

use super::types::{Coordinates, Size};
use crate::enums::ConsoleColor;
use crate::error::PsrpError;
use crate::fields::{Fields, FromProperty};

/// Whether there is a host, and what it is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostInfo {
    /// There is none.
    pub is_host_null: bool,
    /// It has no user interface.
    pub is_ui_null: bool,
    /// Its user interface is no screen.
    pub is_raw_ui_null: bool,
    /// The pool's host is to be used.
    pub use_runspace_host: bool,
    /// The screen, where there is one.
    pub default_data: Option<HostDefaultData>,
}

/// A screen as it is when the pool opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostDefaultData {
    /// The colour of text.
    pub foreground: ConsoleColor,
    /// The colour behind it.
    pub background: ConsoleColor,
    /// Where the cursor is.
    pub cursor_position: Coordinates,
    /// Where the window is in the buffer.
    pub window_position: Coordinates,
    /// How large the cursor is, in percent of a character.
    pub cursor_size: i32,
    /// How large the buffer is.
    pub buffer_size: Size,
    /// How large the window is.
    pub window_size: Size,
    /// How large the window can get with this buffer.
    pub max_window_size: Size,
    /// How large the window can get.
    pub max_physical_window_size: Size,
    /// The title of the window.
    pub window_title: PsString,
}

impl Default for HostInfo {
    /// No host.
    fn default() -> Self {
        Self {
            is_host_null: true,
            is_ui_null: true,
            is_raw_ui_null: true,
            use_runspace_host: false,
            default_data: None,
        }
    }
}

impl HostInfo {
    /// No host.
    pub fn none() -> Self {
        Self::default()
    }

    /// The host of the pool.
    pub fn of_pool() -> Self {
        Self { use_runspace_host: true, ..Self::default() }
    }

    /// A host with a screen.
    pub fn with_screen(screen: HostDefaultData) -> Self {
        Self {
            is_host_null: false,
            is_ui_null: false,
            is_raw_ui_null: false,
            use_runspace_host: false,
            default_data: Some(screen),
        }
    }

    /// A host with a user interface, but without a screen.
    pub fn without_screen() -> Self {
        Self { is_host_null: false, is_ui_null: false, ..Self::default() }
    }

    pub(crate) fn from_fields(fields: Fields<'_>) -> Result<Self, PsrpError> {
        Ok(Self {
            is_host_null: fields.required("_isHostNull")?,
            is_ui_null: fields.required("_isHostUINull")?,
            is_raw_ui_null: fields.required("_isHostRawUINull")?,
            use_runspace_host: fields.required("_useRunspaceHost")?,
            default_data: match fields.value("_hostDefaultData") {
                None | Some(PsValue::Null) => None,
                Some(value) => Some(HostDefaultData::from_value(value)?),
            },
        })
    }

    pub(crate) fn to_value(&self) -> PsValue {
        let mut object = PsObject::untyped()
            .with("_isHostUINull", self.is_ui_null)
            .with("_isHostRawUINull", self.is_raw_ui_null)
            .with("_isHostNull", self.is_host_null);
        if let Some(data) = &self.default_data {
            object = object.with("_hostDefaultData", data.to_value());
        }
        object.with("_useRunspaceHost", self.use_runspace_host).into()
    }
}

impl Default for HostDefaultData {
    /// A window of 120 by 50 characters, light grey on black.
    fn default() -> Self {
        let window = Size { width: 120, height: 50 };
        Self {
            foreground: ConsoleColor::Gray,
            background: ConsoleColor::Black,
            cursor_position: Coordinates::default(),
            window_position: Coordinates::default(),
            cursor_size: 25,
            buffer_size: window,
            window_size: window,
            max_window_size: window,
            max_physical_window_size: window,
            window_title: PsString::default(),
        }
    }
}

const STRUCTURE: &str = "HostDefaultData";

impl HostDefaultData {
    /// Reads the dictionary of numbered values. Where one is missing, the default stands.
    fn from_value(value: &PsValue) -> Result<Self, PsrpError> {
        let fields = Fields::new(STRUCTURE, value)?;
        let table = fields.present("data")?;
        let entries = table.entries().ok_or_else(|| fields.wrong_type("data", "a dictionary", table))?;
        let mut data = Self::default();
        for (key, value) in entries {
            let entry = Fields::new("value of HostDefaultData", value)?;
            let value = entry.present("V")?;
            let wrong = |expected| fields.wrong_type("data", expected, value);
            match key.as_i32() {
                Some(0) => data.foreground = read(value, wrong)?,
                Some(1) => data.background = read(value, wrong)?,
                Some(2) => data.cursor_position = read(value, wrong)?,
                Some(3) => data.window_position = read(value, wrong)?,
                Some(4) => data.cursor_size = read(value, wrong)?,
                Some(5) => data.buffer_size = read(value, wrong)?,
                Some(6) => data.window_size = read(value, wrong)?,
                Some(7) => data.max_window_size = read(value, wrong)?,
                Some(8) => data.max_physical_window_size = read(value, wrong)?,
                Some(9) => data.window_title = PsString::from_property(value).unwrap_or_default(),
                _ => {}
            }
        }
        Ok(data)
    }

    /// In the order in which a .NET hash table lists small numbers.
    fn to_value(&self) -> PsValue {
        const SIZE: &str = "System.Management.Automation.Host.Size";
        const COORDINATES: &str = "System.Management.Automation.Host.Coordinates";
        const COLOR: &str = "System.ConsoleColor";
        let entries = [
            (9, "System.String", PsValue::String(self.window_title.clone())),
            (8, SIZE, self.max_physical_window_size.into()),
            (7, SIZE, self.max_window_size.into()),
            (6, SIZE, self.window_size.into()),
            (5, SIZE, self.buffer_size.into()),
            (4, "System.Int32", self.cursor_size.into()),
            (3, COORDINATES, self.window_position.into()),
            (2, COORDINATES, self.cursor_position.into()),
            (1, COLOR, self.background.code().into()),
            (0, COLOR, self.foreground.code().into()),
        ];
        let entries = entries.into_iter().map(|(key, type_name, value)| {
            (PsValue::from(key), PsObject::untyped().with("T", type_name).with("V", value).into())
        });
        let table = PsObject::typed(["System.Collections.Hashtable", "System.Object"])
            .with_base(Base::Dictionary(entries.collect()));
        PsObject::untyped().with("data", table).into()
    }
}

fn read<T: FromProperty>(value: &PsValue, wrong: impl Fn(&'static str) -> PsrpError) -> Result<T, PsrpError> {
    T::from_property(value).ok_or_else(|| wrong(T::EXPECTED))
}
