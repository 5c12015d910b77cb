//! PROGRESS_RECORD ([MS-PSRP] 2.2.2.25): the same record as the `PR` element of CLIXML, as an object.

use windlass_clixml::{ProgressKind, ProgressRecord, PsObject, PsValue, ps_enum};

use crate::error::PsrpError;
use crate::fields::Fields;

const KIND: &str = "System.Management.Automation.ProgressRecordType";

/// Reads the data of the message, or the argument of the host call WriteProgress.
///
/// # Errors
/// When a property is missing, doubled or of the wrong type.
pub fn progress_from_value(value: &PsValue) -> Result<ProgressRecord, PsrpError> {
    if let PsValue::ProgressRecord(record) = value {
        return Ok(record.as_ref().clone());
    }
    let fields = Fields::new("PROGRESS_RECORD", value)?;
    let number = |name| Ok::<_, PsrpError>(fields.optional::<i32>(name)?.unwrap_or(-1));
    let kind = fields.any("Type");
    let kind = match kind.as_i32() {
        Some(0) => ProgressKind::Processing,
        Some(1) => ProgressKind::Completed,
        _ => return Err(fields.wrong_type("Type", KIND, &kind)),
    };
    Ok(ProgressRecord {
        activity: fields.required("Activity")?,
        activity_id: fields.required("ActivityId")?,
        current_operation: fields.optional("CurrentOperation")?,
        parent_activity_id: number("ParentActivityId")?,
        percent_complete: number("PercentComplete")?,
        kind,
        seconds_remaining: number("SecondsRemaining")?,
        status_description: fields.text("StatusDescription").unwrap_or_default(),
    })
}

/// The data of the message.
pub fn progress_to_value(record: &ProgressRecord) -> PsValue {
    let kind = match record.kind {
        ProgressKind::Processing => ps_enum(KIND, "Processing", 0),
        ProgressKind::Completed => ps_enum(KIND, "Completed", 1),
    };
    PsObject::untyped()
        .with("Activity", record.activity.clone())
        .with("ActivityId", record.activity_id)
        .with("StatusDescription", record.status_description.clone())
        .with("CurrentOperation", record.current_operation.clone())
        .with("ParentActivityId", record.parent_activity_id)
        .with("PercentComplete", record.percent_complete)
        .with("Type", kind)
        .with("SecondsRemaining", record.seconds_remaining)
        .into()
}
