//! Oracle of the displays.

use windlass_clixml::{Limits, PsValue, decode_stream};
use windlass_display::{CsvOptions, TableOptions, View, format, to_csv, to_json};

/// Whatever a peer sends can be shown, in every view and at every width.
pub(super) fn display(data: &[u8]) {
    let Some((width, xml)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(xml) else { return };
    let Ok(document) = decode_stream(text, &Limits::default()) else { return };
    let values: Vec<PsValue> = document.into_iter().map(|item| item.value).collect();
    let wrapped = TableOptions { wrap: true, ..TableOptions::default() };
    for view in [View::Default, View::Table(wrapped), View::List(Vec::new()), View::Wide(None, 3)] {
        format(&values, &view, usize::from(*width));
    }
    to_csv(&values, CsvOptions::default());
    for value in &values {
        to_json(value, 6);
    }
}
