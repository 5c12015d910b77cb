//! `System.Management.Automation.ProgressRecord` ([MS-PSRP] 2.2.5.1.25).

use crate::string::PsString;

/// One report of progress. The default values are those of a fresh record in PowerShell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressRecord {
    /// What is being done.
    pub activity: PsString,
    /// Which activity this is.
    pub activity_id: i32,
    /// The step that runs now.
    pub current_operation: Option<PsString>,
    /// The activity that this one is a part of; -1 for none.
    pub parent_activity_id: i32,
    /// How much is done, in percent; -1 where not known.
    pub percent_complete: i32,
    /// Whether more reports follow.
    pub kind: ProgressKind,
    /// How long it will take, in seconds; -1 where not known.
    pub seconds_remaining: i32,
    /// How things stand.
    pub status_description: PsString,
}

/// Whether an activity goes on ([MS-PSRP] 2.2.3.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProgressKind {
    /// It goes on.
    Processing,
    /// It is over, and its display can go.
    Completed,
}

impl ProgressKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Processing => "Processing",
            Self::Completed => "Completed",
        }
    }

    /// The name in any case, or the number.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            name if name.eq_ignore_ascii_case("Processing") => Some(Self::Processing),
            name if name.eq_ignore_ascii_case("Completed") => Some(Self::Completed),
            number => match crate::number::parse_i64(number)? {
                0 => Some(Self::Processing),
                1 => Some(Self::Completed),
                _ => None,
            },
        }
    }
}

impl ProgressRecord {
    /// A record of an activity of which nothing more is known.
    pub fn new(activity_id: i32, activity: impl Into<PsString>, status: impl Into<PsString>) -> Self {
        Self {
            activity: activity.into(),
            activity_id,
            current_operation: None,
            parent_activity_id: -1,
            percent_complete: -1,
            kind: ProgressKind::Processing,
            seconds_remaining: -1,
            status_description: status.into(),
        }
    }

    /// Whether PowerShell can make such a record.
    pub(crate) fn is_valid(&self) -> bool {
        self.activity_id >= 0
            && !self.activity.is_empty()
            && !self.status_description.is_empty()
            && self.parent_activity_id != self.activity_id
            && self.percent_complete <= 100
    }
}
