//! PowerShell objects as the tables and lists that PowerShell prints.
//!
//! [`format()`] is what `Out-String` does: it picks a view for the first object by its type, else by its
//! number of properties, and keeps it while the type stays. [`View`] names the other views.
//! [`to_json`] and [`to_csv`] are `ConvertTo-Json` and `ConvertTo-Csv`, [`format_date`] is `Get-Date -Format`.
//!
//! The built-in views and display properties are facts recorded from PowerShell 7.6.5, culture en-US
//! (`src/data`). Views that scripts compute are not run; the common ones are written in Rust.
#![forbid(unsafe_code)]

mod cell;
mod computed;
mod csv;
mod custom;
mod date_format;
mod document;
mod json;
mod list;
mod number;
mod shape;
mod table;
mod text;
mod views;

pub use csv::{CsvOptions, CsvRows, to_csv};
pub use date_format::format_date;
pub use document::{drawn, format, is_drawn};
pub use json::to_json;
pub use shape::{TableOptions, View};
