//! Processes, from `/proc/<pid>/`.

use jiff::{SignedDuration, Timestamp};

use super::{Facts, field, names};

/// A process. Sizes are in bytes, times in milliseconds of processor time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The process id.
    pub id: u32,
    /// The id of the process that started it.
    pub parent: u32,
    /// The name of the program, up to 15 bytes of it where the system says no more.
    pub name: String,
    /// The program's file, where we may know.
    pub path: Option<String>,
    /// The program and its arguments; empty for a thread of the kernel.
    pub arguments: Vec<String>,
    /// The state: `R`, `S`, `D`, `Z`, ...
    pub state: char,
    /// The session it belongs to.
    pub session: u32,
    /// Threads.
    pub threads: u32,
    /// The nice value, -20 to 19.
    pub nice: i32,
    /// Time spent in the program itself.
    pub user_time: u64,
    /// Time spent in the kernel for it.
    pub kernel_time: u64,
    /// When it started.
    pub started: Option<Timestamp>,
    /// Address space.
    pub virtual_size: u64,
    /// Largest address space so far.
    pub peak_virtual_size: u64,
    /// Resident memory.
    pub resident: u64,
    /// Largest resident memory so far.
    pub peak_resident: u64,
    /// Private data.
    pub private: u64,
    /// Swapped out.
    pub swapped: u64,
    /// Page faults that needed no disk.
    pub minor_faults: u64,
    /// Page faults that did.
    pub major_faults: u64,
    /// The number of its user.
    pub user: u32,
}

impl Facts {
    /// All processes by ascending id.
    pub fn processes(&self) -> Vec<Process> {
        let boot = self.boot_time();
        let mut ids: Vec<u32> = self.process_ids().collect();
        ids.sort_unstable();
        // One that ends meanwhile is passed over.
        ids.into_iter().filter_map(|id| self.read_process(id, boot)).collect()
    }

    /// The user of each process, in no order. Costs less than all there is to know of them.
    pub fn process_users(&self) -> Vec<u32> {
        let status = |id| self.text(&format!("/proc/{id}/status"));
        self.process_ids().filter_map(|id| real_user(&status(id)?)).collect()
    }

    fn process_ids(&self) -> impl Iterator<Item = u32> {
        names(&self.path("/proc")).into_iter().filter_map(|name| name.parse().ok())
    }

    /// One process, if there is one with this id.
    pub fn process(&self, id: u32) -> Option<Process> {
        self.read_process(id, self.boot_time())
    }

    /// How many handles a process has open, where we may know.
    pub fn handle_count(&self, id: u32) -> Option<u32> {
        let entries = std::fs::read_dir(self.path(&format!("/proc/{id}/fd"))).ok()?;
        u32::try_from(entries.count()).ok()
    }

    fn read_process(&self, id: u32, boot: Option<Timestamp>) -> Option<Process> {
        let base = format!("/proc/{id}");
        let stat = self.text(&format!("{base}/stat"))?;
        let status = self.text(&format!("{base}/status")).unwrap_or_default();
        let arguments = split_arguments(&self.text(&format!("{base}/cmdline")).unwrap_or_default());
        let arguments = without_passwords(arguments);
        let path = std::fs::read_link(self.path(&format!("{base}/exe"))).ok();
        let path = path.map(|path| path.to_string_lossy().trim_end_matches(" (deleted)").to_owned());
        parse_stat(id, &stat, &status, arguments, path, boot)
    }
}

/// Reads `/proc/<pid>/stat` and `status` (proc(5)). The name stands in parentheses and may itself hold
/// any character.
fn parse_stat(
    id: u32,
    stat: &str,
    status: &str,
    arguments: Vec<String>,
    path: Option<String>,
    boot: Option<Timestamp>,
) -> Option<Process> {
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let fields: Vec<&str> = after.split_ascii_whitespace().collect();
    // Fields are numbered from 1 in proc(5); the first after the name is number 3.
    let number = |field: usize| fields.get(field.checked_sub(3)?)?.parse::<u64>().ok();
    let small = |field: usize| number(field).and_then(|value| u32::try_from(value).ok()).unwrap_or_default();
    let kib = |key| {
        let value: u64 = field(status, key)?.strip_suffix("kB")?.trim().parse().ok()?;
        Some(value.saturating_mul(1024))
    };
    let started = boot.zip(number(22)).and_then(|(boot, ticks)| {
        let since_boot = SignedDuration::from_millis(i64::try_from(to_millis(ticks)).ok()?);
        boot.checked_add(since_boot).ok()
    });
    Some(Process {
        id,
        parent: small(4),
        name: full_name(name, arguments.first()),
        path,
        arguments,
        state: fields.first()?.chars().next()?,
        session: small(6),
        threads: small(20),
        nice: fields.get(16).and_then(|nice| nice.parse().ok()).unwrap_or_default(),
        user_time: to_millis(number(14).unwrap_or_default()),
        kernel_time: to_millis(number(15).unwrap_or_default()),
        started,
        virtual_size: number(23).unwrap_or_default(),
        peak_virtual_size: kib("VmPeak").unwrap_or_default(),
        resident: kib("VmRSS").unwrap_or_default(),
        peak_resident: kib("VmHWM").unwrap_or_default(),
        private: kib("VmData").unwrap_or_default(),
        swapped: kib("VmSwap").unwrap_or_default(),
        minor_faults: number(10).unwrap_or_default(),
        major_faults: number(12).unwrap_or_default(),
        user: real_user(status).unwrap_or_default(),
    })
}

/// The first of the users of a process: the one that started it.
fn real_user(status: &str) -> Option<u32> {
    field(status, "Uid")?.split_ascii_whitespace().next()?.parse().ok()
}

/// The kernel keeps 15 bytes of a name; the rest is taken from the program's first argument.
fn full_name(name: &str, program: Option<&String>) -> String {
    let file = program.map(|program| program.rsplit('/').next().unwrap_or(program));
    match file {
        Some(file) if name.len() == 15 && file.starts_with(name) => file.to_owned(),
        _ => name.to_owned(),
    }
}

fn split_arguments(text: &str) -> Vec<String> {
    let text = text.strip_suffix('\0').unwrap_or(text);
    if text.is_empty() { Vec::new() } else { text.split('\0').map(str::to_owned).collect() }
}

/// Arguments without the passwords of `--user NAME:PASSWORD`: who may manage this host shall not read those of its
/// other users off its own command line, nor off that of the shell that started it.
fn without_passwords(mut arguments: Vec<String>) -> Vec<String> {
    let mut is_user = false;
    for argument in &mut arguments {
        if std::mem::replace(&mut is_user, argument.as_str() == USER_OPTION) {
            *argument = without_password(argument);
        } else if argument.contains(USER_OPTION) {
            *argument = masked(argument);
        }
    }
    arguments
}

/// The option of `windlass mock`, and of curl, that names a user with the password.
const USER_OPTION: &str = "--user";

/// A line of a shell with such options in it.
fn masked(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once(USER_OPTION) {
        shown.push_str(before);
        shown.push_str(USER_OPTION);
        let word = after.trim_start_matches(['=', ' ', '\t']);
        // `--user-agent` and the like are other options.
        if word.len() == after.len() {
            rest = after;
            continue;
        }
        shown.push_str(after.get(..after.len() - word.len()).unwrap_or_default());
        let quote = word.chars().next().filter(|first| matches!(first, '\'' | '"'));
        let end = match quote {
            Some(quote) => word.get(1..).and_then(|inner| inner.find(quote)).map(|at| at + 2),
            None => word.find(char::is_whitespace),
        };
        let (word, after) = word.split_at_checked(end.unwrap_or(word.len())).unwrap_or((word, ""));
        shown.push_str(&without_password(word));
        rest = after;
    }
    shown.push_str(rest);
    shown
}

fn without_password(user: &str) -> String {
    match user.split_once(':') {
        Some((name, _)) => format!("{name}:***"),
        None => user.to_owned(),
    }
}

/// Clock ticks in milliseconds.
fn to_millis(ticks: u64) -> u64 {
    ticks.saturating_mul(1000) / ticks_per_second()
}

#[cfg(unix)]
fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second().max(1)
}

#[cfg(not(unix))]
fn ticks_per_second() -> u64 {
    100
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "77 (odd ) (name) S 1 77 77 0 -1 4194304 500 0 7 0 25 75 0 0 20 -5 3 0 1000 8192000 250 \
                        18446744073709551615 1 1 0 0 0 0 0";

    #[test]
    fn stat_is_read_behind_the_last_parenthesis() {
        let boot = Timestamp::from_second(1_700_000_000).unwrap();
        let status = "Name:\todd\nUid:\t1001\t0\t0\t0\nVmRSS:\t    1000 kB\n";
        let process = parse_stat(77, STAT, status, Vec::new(), None, Some(boot)).unwrap();
        assert_eq!(process.name, "odd ) (name");
        assert_eq!((process.parent, process.session, process.threads, process.nice), (1, 77, 3, -5));
        assert_eq!((process.minor_faults, process.major_faults), (500, 7));
        assert_eq!((process.virtual_size, process.resident, process.user), (8_192_000, 1_024_000, 1001));
        assert_eq!(process.user_time * 3, process.kernel_time);
        assert!(process.started.unwrap() > boot);
    }

    #[test]
    fn a_cut_name_is_completed_from_the_program() {
        let program = "/usr/bin/a-rather-long-name".to_owned();
        assert_eq!(full_name("a-rather-long-n", Some(&program)), "a-rather-long-name");
        assert_eq!(full_name("short", Some(&program)), "short");
    }

    #[test]
    fn passwords_of_users_are_not_told() {
        let words = |line: &str| without_passwords(line.split('|').map(str::to_owned).collect()).join("|");
        for (given, told) in [
            (
                "windlass|mock|--user|alice:geheim|--user|b:c:d|x:y",
                "windlass|mock|--user|alice:***|--user|b:***|x:y",
            ),
            ("windlass|mock|--user=alice:geheim|-v", "windlass|mock|--user=alice:***|-v"),
            (
                "sh|-c|windlass mock --user alice:geheim --user 'CORP\\b:ge heim' --files /tmp; x:y",
                "sh|-c|windlass mock --user alice:*** --user 'CORP\\b:*** --files /tmp; x:y",
            ),
            ("sh|-c|curl --user-agent a:b --user \"a:b", "sh|-c|curl --user-agent a:b --user \"a:***"),
            ("id|--user", "id|--user"),
        ] {
            assert_eq!(words(given), told);
        }
    }

    #[test]
    fn damaged_stat_gives_nothing() {
        assert!(parse_stat(1, "1 (x", "", Vec::new(), None, None).is_none());
        assert!(parse_stat(1, "1 (x)", "", Vec::new(), None, None).is_none());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_among_the_processes() {
        let id = std::process::id();
        let facts = Facts::default();
        let own = facts.processes().into_iter().find(|process| process.id == id).unwrap();
        assert_eq!(facts.process(id).unwrap().started, own.started);
        assert!(own.resident > 0 && own.threads > 0 && !own.arguments.is_empty());
        assert!(facts.process_users().contains(&own.user));
    }
}
