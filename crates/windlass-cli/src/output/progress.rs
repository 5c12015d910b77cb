//! Progress as one line that is drawn again and again.

use windlass_clixml::ProgressRecord;

use super::printable;

const YELLOW: &str = "\u{1b}[33;1m";
const REVERSE: &str = "\u{1b}[7m";
const RESET: &str = "\u{1b}[0m";
/// Columns between the brackets, at most.
const BAR: usize = 60;
/// Columns of the activity, at most.
const ACTIVITY: usize = 40;

/// The line: the activity, then its status in a bar that fills up.
pub(super) fn line(record: &ProgressRecord, columns: usize) -> String {
    let plain = |text: &str| printable(text).replace(['\n', '\t'], " ");
    let activity: String = plain(&record.activity).chars().take(ACTIVITY).collect();
    let percent = usize::try_from(record.percent_complete).ok().map(|percent| percent.min(100));
    let mut status = plain(&record.status_description);
    if let Some(percent) = percent {
        status = format!("{percent}% {status}");
    }
    if let Ok(left) = u32::try_from(record.seconds_remaining) {
        status.push_str(&format!(" {left} s left"));
    }
    let room = columns.saturating_sub(activity.chars().count() + 4).min(BAR);
    let status: Vec<char> = status.chars().chain(std::iter::repeat(' ')).take(room).collect();
    let filled = percent.map_or(0, |percent| room * percent / 100);
    let (done, left) = status.split_at(filled);
    let (done, left): (String, String) = (done.iter().collect(), left.iter().collect());
    format!("{YELLOW}{activity} [{REVERSE}{done}{RESET}{YELLOW}{left}]{RESET}")
}

#[cfg(test)]
mod tests {
    use windlass_clixml::ProgressKind;

    use super::*;

    #[test]
    fn the_bar_fills_with_the_percentage() {
        let mut record = ProgressRecord {
            activity: "Copying".into(),
            activity_id: 0,
            current_operation: None,
            parent_activity_id: -1,
            percent_complete: 50,
            kind: ProgressKind::Processing,
            seconds_remaining: -1,
            status_description: "a\u{1b}b".into(),
        };
        assert_eq!(
            line(&record, 21),
            "\u{1b}[33;1mCopying [\u{1b}[7m50% a\u{1b}[0m\u{1b}[33;1m\u{fffd}b   ]\u{1b}[0m"
        );
        record.percent_complete = -1;
        record.seconds_remaining = 9;
        assert!(line(&record, 80).contains("\u{fffd}b 9 s left "));
    }
}
