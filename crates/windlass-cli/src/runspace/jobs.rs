//! Jobs: commands that go on while the console does something else.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;
use windlass::PipelineEvent;
use windlass_clixml::{PsObject, PsValue, ps_enum};
use windlass_psrp::{ErrorCategory, ErrorRecord};

use super::{lock, matcher};

const TYPE: &str = "System.Management.Automation.PSRemotingJob";
/// Records that a job keeps until they are received. One that says more fails: its host is not made to wait,
/// since nobody may ever come.
const MOST_KEPT: usize = 1 << 20;

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobState {
    Running,
    Completed,
    Failed,
    Stopped,
}

/// What came from one of a job's computers.
pub(crate) struct JobEvent {
    pub(crate) computer: String,
    /// The session that it was said in, where one is known.
    pub(crate) session: Option<Uuid>,
    pub(crate) event: Result<PipelineEvent, windlass::Error>,
}

/// A command in the background.
pub(crate) struct Job {
    id: u32,
    name: String,
    instance: Uuid,
    computers: Vec<String>,
    command: String,
    pub(crate) hide_computer_name: bool,
    kept: Mutex<Vec<JobEvent>>,
    state: watch::Sender<JobState>,
    task: Mutex<Option<JoinHandle<()>>>,
    /// Whether a part of it failed.
    failed: Mutex<bool>,
}

/// The jobs, in the order in which they were started.
#[derive(Default)]
pub(crate) struct JobTable {
    jobs: Mutex<Vec<Arc<Job>>>,
    last: AtomicU32,
}

impl JobState {
    fn named(self) -> (&'static str, i32) {
        match self {
            Self::Running => ("Running", 1),
            Self::Completed => ("Completed", 2),
            Self::Failed => ("Failed", 3),
            Self::Stopped => ("Stopped", 4),
        }
    }
}

impl Job {
    /// The state.
    pub(crate) fn state(&self) -> JobState {
        *self.state.borrow()
    }

    /// The number.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// The name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The instance id.
    pub(crate) fn instance(&self) -> Uuid {
        self.instance
    }

    /// The command that runs.
    pub(crate) fn command(&self) -> &str {
        &self.command
    }

    /// Waits until the job has ended.
    pub(crate) async fn ended(&self) {
        let mut state = self.state.subscribe();
        // The sender lives as long as the job.
        let _ = state.wait_for(|state| *state != JobState::Running).await;
    }

    /// Keeps what came; `false` where nothing more is wanted.
    pub(crate) fn keep(
        &self,
        computer: &str,
        session: Option<Uuid>,
        event: Result<PipelineEvent, windlass::Error>,
    ) -> bool {
        // Nobody looks at a job when it asks: a question that is dropped is refused.
        if let Ok(PipelineEvent::HostCall(request)) = &event
            && request.expects_answer()
        {
            return self.state() == JobState::Running;
        }
        let bad = match &event {
            Err(_) => true,
            Ok(PipelineEvent::Finished(state, _)) => *state == windlass::PipelineState::Failed,
            Ok(_) => false,
        };
        if bad {
            *lock(&self.failed) = true;
        }
        self.keep_at_most(MOST_KEPT, JobEvent { computer: computer.to_owned(), session, event })
    }

    fn keep_at_most(&self, most: usize, came: JobEvent) -> bool {
        let mut kept = lock(&self.kept);
        if kept.len() < most {
            kept.push(came);
            return self.state() == JobState::Running;
        }
        *lock(&self.failed) = true;
        let message = format!(
            "the command was stopped: a job keeps {most} records until they are received with Receive-Job"
        );
        let kind = "System.InvalidOperationException";
        let record = ErrorRecord::new(kind, message, ErrorCategory::LimitsExceeded);
        kept.push(JobEvent { event: Ok(PipelineEvent::Error(Box::new(record))), ..came });
        false
    }

    /// Marks the job as ended, unless it was stopped.
    pub(crate) fn end(&self) {
        let state = if *lock(&self.failed) { JobState::Failed } else { JobState::Completed };
        self.state.send_if_modified(|known| {
            let running = *known == JobState::Running;
            if running {
                *known = state;
            }
            running
        });
    }

    /// Ends the job's work.
    pub(crate) fn stop(&self) {
        self.state.send_if_modified(|known| {
            let running = *known == JobState::Running;
            if running {
                *known = JobState::Stopped;
            }
            running
        });
        if let Some(task) = lock(&self.task).take() {
            task.abort();
        }
    }

    /// What has come since the last time, which is forgotten unless it is to be kept.
    pub(crate) fn receive(&self) -> Vec<JobEvent> {
        std::mem::take(&mut *lock(&self.kept))
    }

    /// Puts back what was received, before what has come since.
    pub(crate) fn put_back(&self, mut events: Vec<JobEvent>) {
        let mut kept = lock(&self.kept);
        events.append(&mut kept);
        *kept = events;
    }

    /// The task that does the work.
    pub(crate) fn works_in(&self, task: JoinHandle<()>) {
        *lock(&self.task) = Some(task);
    }
}

/// A job as a value, as it is now.
pub(crate) fn job_value(job: &Job) -> PsValue {
    let (name, code) = job.state().named();
    let more = lock(&job.kept).iter().any(|kept| matches!(kept.event, Ok(PipelineEvent::Output(_)) | Err(_)));
    PsObject::typed([
        TYPE,
        "System.Management.Automation.Job2",
        "System.Management.Automation.Job",
        "System.Object",
    ])
    .with_to_string(TYPE)
    .with_adapted("Id", i32::try_from(job.id).unwrap_or(i32::MAX))
    .with_adapted("Name", job.name.as_str())
    .with_adapted("PSJobTypeName", "RemoteJob")
    .with_adapted("State", ps_enum("System.Management.Automation.JobState", name, code))
    .with_adapted("HasMoreData", more)
    .with_adapted("Location", job.computers.join(","))
    .with_adapted("Command", job.command.as_str())
    .with_adapted("InstanceId", PsValue::Guid(job.instance))
    .into()
}

impl JobTable {
    /// A job that has just been started.
    pub(crate) fn start(
        &self,
        name: Option<String>,
        computers: Vec<String>,
        command: String,
        hide: bool,
    ) -> Arc<Job> {
        let id = self.last.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let job = Arc::new(Job {
            id,
            name: name.unwrap_or_else(|| format!("Job{id}")),
            instance: Uuid::new_v4(),
            computers,
            command,
            hide_computer_name: hide,
            kept: Mutex::default(),
            state: watch::Sender::new(JobState::Running),
            task: Mutex::default(),
            failed: Mutex::default(),
        });
        lock(&self.jobs).push(Arc::clone(&job));
        job
    }

    /// All jobs.
    pub(crate) fn all(&self) -> Vec<Arc<Job>> {
        lock(&self.jobs).clone()
    }

    /// The jobs whose name fits a pattern.
    pub(crate) fn named(&self, pattern: &str) -> Vec<Arc<Job>> {
        let pattern = matcher(pattern);
        self.all().into_iter().filter(|job| pattern(&job.name)).collect()
    }

    /// The job with this number.
    pub(crate) fn by_id(&self, id: i64) -> Option<Arc<Job>> {
        self.all().into_iter().find(|job| i64::from(job.id) == id)
    }

    /// The job that a value stands for.
    pub(crate) fn of(&self, value: &PsValue) -> Option<Arc<Job>> {
        let instance = value.get("InstanceId")?.as_guid()?;
        self.all().into_iter().find(|job| job.instance == instance)
    }

    /// Takes a job out.
    pub(crate) fn remove(&self, job: &Arc<Job>) {
        lock(&self.jobs).retain(|known| !Arc::ptr_eq(known, job));
    }

    /// A job's value as it is now.
    pub(crate) fn refreshed(&self, value: &PsValue) -> Option<PsValue> {
        if value.as_object()?.type_names.most_derived() != TYPE {
            return None;
        }
        self.of(value).map(|job| job_value(&job))
    }

    /// Ends all jobs; what they had open is being closed then.
    pub(crate) async fn close(&self) {
        let jobs = std::mem::take(&mut *lock(&self.jobs));
        for job in jobs {
            let task = lock(&job.task).take();
            job.stop();
            if let Some(task) = task {
                task.abort();
                task.await.ok();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_keeps_too_much_fails_and_says_so() {
        let table = JobTable::default();
        let job = table.start(None, vec!["srv1".to_owned()], String::new(), false);
        let output = |number: i32| Ok(PipelineEvent::Output(number.into()));
        let said = |number| JobEvent { computer: "srv1".to_owned(), session: None, event: output(number) };
        assert!(job.keep_at_most(2, said(1)) && job.keep_at_most(2, said(2)));
        assert!(!job.keep_at_most(2, said(3)));
        job.end();
        assert_eq!(job.state(), JobState::Failed);
        let kept = job.receive();
        assert_eq!(kept.len(), 3);
        assert!(
            matches!(&kept[2].event, Ok(PipelineEvent::Error(record)) if record.message().contains("keeps 2"))
        );
    }
}
