//! `Invoke-Command`: runs commands on other computers.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use uuid::Uuid;
use windlass::{
    Invocation, InvokeOptions, NetworkEvent, PipelineEvent, PowerShell, PsSession, SessionState, fleet,
    within,
};
use windlass_clixml::PsValue;
use windlass_mock::powershell::{
    Bound, Cmdlet, Context, Failure, Halt, Outcome, Stage, declared, exceptions, stage, text,
};
use windlass_psrp::{ErrorCategory, Parameter};

use super::abreast::in_order;
use super::invoke_work::{Origin, tell};
use super::{nameless, script_block, throttle, what_if};
use crate::runspace::{
    CredentialTable, Job, Local, Reach, Recipe, SessionEntry, Working, argument, job_value, of_error,
};

/// Events that wait to be written before the computers are made to wait.
const WAITING: usize = 256;

pub(super) fn all(local: &Arc<Local>) -> Vec<Arc<dyn Cmdlet>> {
    let info = super::with_what_if(declared("Invoke-Command").unwrap_or_else(nameless));
    let local = Arc::clone(local);
    vec![stage(info.synopsis("Runs a command on other computers, or in sessions."), move |call| {
        Ok(InvokeCommand { local: Arc::clone(&local), call, input: Vec::new(), has_input: false })
    })]
}

struct InvokeCommand {
    local: Arc<Local>,
    call: Bound,
    input: Vec<PsValue>,
    has_input: bool,
}

/// One computer to work on.
enum Seat {
    /// A session that is open.
    Open(Arc<SessionEntry>),
    /// Such a session, with the command's place in it.
    Taken(Working),
    /// A session to be opened for the command alone.
    New(Box<Recipe>, Option<String>),
}

impl Seat {
    /// The seat of a job, which works beside what works there already.
    fn beside(self) -> Self {
        match self {
            Self::Open(entry) => Self::Taken(entry.work()),
            seat => seat,
        }
    }

    fn computer(&self) -> &str {
        match self {
            Self::Open(entry) => entry.session.computer_name(),
            Self::Taken(place) => place.session.computer_name(),
            Self::New(recipe, _) => &recipe.computer,
        }
    }
}

/// What is to be done at each computer.
#[derive(Clone)]
struct Order {
    command: PowerShell,
    input: Option<Vec<PsValue>>,
    /// Those that the command and its input may hold.
    credentials: Arc<CredentialTable>,
    /// How long it may take, from the time that the computer's turn comes.
    deadline: Option<Duration>,
    /// Whether somebody at a terminal waits for it, and may stop it.
    is_watched: bool,
}

/// What comes from one of the computers, and from which session there.
type Message = (usize, Option<Uuid>, Result<PipelineEvent, windlass::Error>);

impl Stage for InvokeCommand {
    fn process(&mut self, _cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
        if let Some(value) = input {
            self.has_input = true;
            self.input.push(value);
        }
        Ok(())
    }

    fn end(&mut self, cx: &mut Context<'_>) -> Outcome {
        if what_if::is_asked(&self.local, &self.call) {
            return what_if::tell(&self.local, "Invoke-Command", &self.call, cx);
        }
        let prepared = self.prepare(cx);
        let (command, seats) = prepared.map_err(|failure| cx.fail(*failure))?;
        let input = self.has_input.then(|| std::mem::take(&mut self.input));
        if self.call.switch("InDisconnectedSession") {
            return self.leave_running(cx, &command, seats);
        }
        let (deadline, credentials) = (deadline(&self.call), Arc::clone(&self.local.credentials));
        let mut order = Order { command, input, credentials, deadline, is_watched: false };
        if self.call.switch("AsJob") || self.call.has("JobName") {
            return self.start_job(cx, order, seats);
        }
        let seats = self.taken(cx, seats)?;
        // To have a connection ready for Ctrl-C takes a logon, at each of many computers.
        order.is_watched = seats.len() == 1 && self.local.terminal.is_interactive();
        self.run(cx, order, seats)
    }
}

impl InvokeCommand {
    /// What is to run, and where; checked before anything is sent.
    fn prepare(&mut self, cx: &Context<'_>) -> Result<(PowerShell, Vec<Seat>), Box<Failure>> {
        let (local, call) = (&self.local, &self.call);
        super::ps_enter::refuse_other_transports(local, call)?;
        if let Some(given) = call.get("InputObject") {
            self.has_input = true;
            self.input.extend(given.items().map_or_else(|| vec![given.clone()], <[PsValue]>::to_vec));
        }
        let command = command(local, call, cx)?;
        let as_job = call.switch("AsJob") || call.has("JobName");
        if as_job && call.switch("InDisconnectedSession") {
            return Err(argument(
                local,
                "InvalidParameterCombination",
                "-AsJob and -InDisconnectedSession cannot be used together",
            ));
        }
        if call.has("DeadlineSec") && call.switch("InDisconnectedSession") {
            return Err(argument(
                local,
                "InvalidParameterCombination",
                "-DeadlineSec and -InDisconnectedSession cannot be used together: nobody waits for the command",
            ));
        }
        if call.has("SessionName") && !call.switch("InDisconnectedSession") {
            return Err(argument(
                local,
                "InvalidParameterCombination",
                "-SessionName names the session that -InDisconnectedSession leaves: give both",
            ));
        }
        if !call.has("Session") {
            let recipes = Reach::sessions(local, cx, call)?;
            let mut names = call.texts("SessionName").into_iter();
            let seats = recipes.into_iter().map(|recipe| Seat::New(Box::new(recipe), names.next()));
            return Ok((command, seats.collect()));
        }
        let mut seats = Vec::new();
        for value in call.list("Session") {
            let entry = local.sessions.of(&value);
            let state = entry.as_ref().map(|entry| entry.session.state());
            match (entry, state) {
                (Some(entry), Some(SessionState::Opened)) => seats.push(Seat::Open(entry)),
                (_, state) => {
                    let state = state.map_or_else(|| "Closed".to_owned(), |state| format!("{state:?}"));
                    let message = format!(
                        "the session {} is {state}, and a command can only run in one that is Opened",
                        text(&value)
                    );
                    return Err(Box::new(Failure::new(
                        exceptions::INVALID_OPERATION,
                        "PSSessionNotOpened",
                        ErrorCategory::InvalidOperation,
                        message,
                    )));
                }
            }
        }
        Ok((command, seats))
    }

    /// The seats, each session taken for this command alone: one at work is refused, as PowerShell does. A job would
    /// wait for its turn.
    fn taken(&self, cx: &mut Context<'_>, seats: Vec<Seat>) -> Result<Vec<Seat>, Halt> {
        let mut taken: Vec<Seat> = Vec::with_capacity(seats.len());
        for seat in seats {
            let Seat::Open(entry) = seat else {
                taken.push(seat);
                continue;
            };
            let is_known = |seat: &Seat| matches!(seat, Seat::Taken(place) if place.is(&entry));
            if taken.iter().any(is_known) {
                taken.push(Seat::Taken(entry.work()));
                continue;
            }
            match self.local.wait(cx, entry.work_alone())? {
                Some(place) => taken.push(Seat::Taken(place)),
                None => {
                    let message = format!(
                        "the session {} is Busy, and a command can only run in one that is Available: wait for what \
                         runs there, or use -AsJob, which waits for its turn",
                        entry.session.name()
                    );
                    return Err(cx.fail(Failure::new(
                        exceptions::INVALID_OPERATION,
                        "PSSessionNotAvailable",
                        ErrorCategory::ResourceBusy,
                        message,
                    )));
                }
            }
        }
        Ok(taken)
    }

    fn origins(&self, seats: &[Seat]) -> Vec<Origin> {
        let hide = self.call.switch("HideComputerName");
        let places = ["ComputerName", "ConnectionUri", "HostName", "SSHConnection", "Session"];
        let named = places.iter().any(|name| self.call.has(name));
        let origin = |seat: &Seat| match seat {
            Seat::Open(entry) => Origin::of(entry, hide),
            Seat::Taken(place) => Origin::of(place, hide),
            Seat::New(recipe, _) if named => Origin::computer(&recipe.computer, hide),
            Seat::New(..) => Origin::unmarked(),
        };
        seats.iter().map(origin).collect()
    }

    /// Runs the command everywhere and writes what is said as it comes.
    fn run(&self, cx: &mut Context<'_>, order: Order, seats: Vec<Seat>) -> Outcome {
        let origins = self.origins(&seats);
        let throttle = throttle(&self.call);
        let (messages, mut incoming) = mpsc::channel::<Message>(WAITING);
        let work = self.local.handle.spawn(async move {
            let seats = seats.into_iter().enumerate();
            let mut everywhere = fleet(seats, throttle, |(place, seat): (usize, Seat)| {
                at(seat, order.clone(), Outlet::Channel(place, messages.clone()))
            });
            while everywhere.next().await.is_some() {}
        });
        loop {
            let told = match self.local.wait(cx, incoming.recv()) {
                Ok(Some((place, session, event))) => {
                    let Some(origin) = origins.get(place) else { continue };
                    tell(&self.local, cx, &origin.clone().in_session(session), event)
                }
                Ok(None) => return Ok(()),
                Err(halt) => Err(halt),
            };
            if let Err(halt) = told {
                // Dropping the work drops the pipelines, which are stopped, and the sessions of their own.
                work.abort();
                self.local.handle.block_on(work).ok();
                return Err(halt);
            }
        }
    }

    fn start_job(&self, cx: &mut Context<'_>, order: Order, seats: Vec<Seat>) -> Outcome {
        let local = &self.local;
        let origins = self.origins(&seats);
        let computers = origins.iter().map(|origin| origin.computer.clone()).collect();
        let hide = self.call.switch("HideComputerName");
        let shown = self.call.text("ScriptBlock").or_else(|| self.call.text("FilePath")).unwrap_or_default();
        let job = local.jobs.start(self.call.text("JobName"), computers, shown, hide);
        let worker = Arc::clone(&job);
        let throttle = throttle(&self.call);
        let seats: Vec<Seat> = seats.into_iter().map(Seat::beside).collect();
        let task = local.handle.spawn(async move {
            let seats = seats.into_iter().zip(origins);
            let ending = Arc::clone(&worker);
            let mut everywhere = fleet(seats, throttle, move |(seat, origin): (Seat, Origin)| {
                at(seat, order.clone(), Outlet::Job(Arc::clone(&worker), origin.computer))
            });
            while everywhere.next().await.is_some() {}
            ending.end();
        });
        job.works_in(task);
        cx.write(job_value(&job))
    }

    /// Starts the command in sessions of its own, and leaves them.
    fn leave_running(&self, cx: &mut Context<'_>, command: &PowerShell, seats: Vec<Seat>) -> Outcome {
        let seats = seats.into_iter().filter_map(|seat| match seat {
            Seat::New(recipe, name) => Some((recipe, name)),
            Seat::Open(_) | Seat::Taken(_) => None,
        });
        let start = |(recipe, name): (Box<Recipe>, Option<String>)| {
            let (command, credentials) = (command.clone(), Arc::clone(&self.local.credentials));
            async move {
                let left = async {
                    let session = recipe.builder(name.as_deref()).connect().await?;
                    let command = credentials.in_command(command, &session)?;
                    let mut options = InvokeOptions::default();
                    options.is_left = true;
                    let invocation = session.invoke_with(command, &options);
                    invocation.started().await?;
                    session.disconnect(windlass::DisconnectOptions::default()).await?;
                    Ok::<_, windlass::Error>((session, invocation))
                };
                (left.await, recipe)
            }
        };
        for (left, recipe) in in_order(&self.local, cx, seats, throttle(&self.call), start)? {
            match left {
                Ok((session, invocation)) => {
                    let entry = self.local.sessions.add(session, *recipe);
                    self.local.handle.block_on(async { entry.running.lock().await.push(invocation) });
                    cx.write(entry.value())?;
                }
                Err(error) => {
                    let failure =
                        of_error(&self.local, &error, "PSSessionDisconnectFailed", &recipe.computer);
                    cx.error(failure)?;
                }
            }
        }
        Ok(())
    }
}

/// Where events go.
enum Outlet {
    /// To the thread that writes them, with the number of the computer.
    Channel(usize, mpsc::Sender<Message>),
    /// Into a job, with the name of the computer.
    Job(Arc<Job>, String),
}

impl Outlet {
    /// Hands on what was said in a session; `false` where nobody wants more.
    async fn send(&self, session: Option<Uuid>, event: Result<PipelineEvent, windlass::Error>) -> bool {
        match self {
            Self::Channel(place, messages) => messages.send((*place, session, event)).await.is_ok(),
            Self::Job(job, computer) => job.keep(computer, session, event),
        }
    }
}

/// How long each computer may take, from the time that its turn comes.
fn deadline(call: &Bound) -> Option<Duration> {
    let seconds = call.count("DeadlineSec")?;
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX)))
}

/// Runs the command at one place, for no longer than the deadline, and hands on what it says.
async fn at(seat: Seat, order: Order, outlet: Outlet) {
    let computer = seat.computer().to_owned();
    let deadline = order.deadline;
    let work = work(seat, order, &outlet);
    let Some(limit) = deadline else { return work.await };
    let done = within(&computer, limit, async {
        work.await;
        Ok(())
    });
    if let Err(error) = done.await {
        outlet.send(None, Err(error)).await;
    }
}

async fn work(seat: Seat, order: Order, outlet: &Outlet) {
    match seat {
        Seat::Open(entry) => keep(&entry, pump(&entry.session, order, outlet).await).await,
        Seat::Taken(place) => keep(&place, pump(&place.session, order, outlet).await).await,
        Seat::New(recipe, name) => {
            let session = match recipe.builder(name.as_deref()).connect().await {
                Ok(session) => session,
                Err(error) => {
                    outlet.send(None, Err(error)).await;
                    return;
                }
            };
            if pump(&session, order, outlet).await.is_some() {
                // The session waits at its host for whoever connects to it.
                return;
            }
            if let Err(error) = session.close().await {
                outlet.send(None, Err(error)).await;
            }
        }
    }
}

/// Keeps a command that goes on in a session that was left, for `Receive-PSSession`.
async fn keep(entry: &SessionEntry, left: Option<Invocation>) {
    if let Some(invocation) = left {
        entry.running.lock().await.push(invocation);
    }
}

/// Runs the command and hands on what it says; gives it back where the session was left meanwhile.
async fn pump(session: &PsSession, order: Order, outlet: &Outlet) -> Option<Invocation> {
    let id = session.instance_id();
    let mut invocation = match invoke(session, order) {
        Ok(invocation) => invocation,
        Err(error) => {
            outlet.send(Some(id), Err(error)).await;
            return None;
        }
    };
    loop {
        let event = tokio::select! {
            // What was said before the session was left comes first.
            biased;
            event = invocation.next() => event?,
            // Nobody who waits here could come back to the session; a job goes on when somebody else does.
            true = session.disconnected(), if matches!(outlet, Outlet::Channel(..)) => {
                outlet.send(Some(id), Ok(PipelineEvent::Network(NetworkEvent::AutoDisconnected))).await;
                return Some(invocation);
            }
        };
        let is_lost = matches!(event, Ok(PipelineEvent::Network(NetworkEvent::AutoDisconnected)));
        if !outlet.send(Some(id), event).await {
            return None;
        }
        if is_lost && matches!(outlet, Outlet::Channel(..)) {
            return Some(invocation);
        }
    }
}

/// Starts the command; its input is sent while it runs.
fn invoke(session: &PsSession, order: Order) -> Result<Invocation, windlass::Error> {
    let Order { command, input, credentials, is_watched, .. } = order;
    let command = credentials.in_command(command, session)?;
    let Some(mut objects) = input else {
        let mut options = InvokeOptions::default();
        options.is_watched = is_watched;
        return Ok(session.invoke_with(command, &options));
    };
    for object in &mut objects {
        if let Some(value) = credentials.protected(object, session)? {
            *object = value;
        }
    }
    let (mut sink, invocation) = session.invoke_with_input(command);
    tokio::spawn(async move {
        for object in objects {
            if sink.send(object).await.is_err() {
                return;
            }
        }
        if let Err(error) = sink.close().await {
            tracing::debug!(%error, "the input of a pipeline was not taken");
        }
    });
    Ok(invocation)
}

/// The pipeline that the block, or the file, stands for, with its arguments.
fn command(local: &Local, call: &Bound, cx: &Context<'_>) -> Result<PowerShell, Box<Failure>> {
    let arguments = call.list("ArgumentList");
    let block = match call.text("FilePath") {
        Some(path) => std::fs::read_to_string(local.path_of(&path)).map_err(|error| {
            argument(local, "FileNotRead", format!("the script {path} cannot be read: {error}"))
        })?,
        None => call.text("ScriptBlock").unwrap_or_default(),
    };
    if block.trim().is_empty() {
        return Err(argument(
            local,
            "EmptyScriptBlock",
            "the script block is empty: there is nothing to run",
        ));
    }
    let using = |name: &str| cx.runspace().variable(name);
    if arguments.is_empty() {
        return Ok(script_block::pipeline(&block, &using));
    }
    let mut command = windlass_psrp::Command::script(script_block::without_braces(&block));
    command.parameters = arguments.into_iter().map(|value| Parameter { name: None, value }).collect();
    Ok(PowerShell::new().add_command(command))
}
