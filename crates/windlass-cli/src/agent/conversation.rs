//! What a command says with the agent that works for it.

use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, bail};
use tokio::runtime::Handle;

use super::door::{Stream, has_gone};
use super::wire::{Answer, Order, Said};
use crate::console::{Complete, Partner, edit};
use crate::exit::Exit;
use crate::failure::printed;
use crate::interrupts::{Interrupt, Interrupts};
use crate::runspace::lock;
use crate::terminal::{OwnTerminal, Terminal};
use crate::workers::Workers;

const ANOTHER_LANGUAGE: &str =
    "the agent speaks another language: is it of another version? `windlass agent stop` ends it";

/// Sends a request and passes on what is answered; `None` where the agent ended before it took the request. Where a session was entered, the lines of the terminal, or of
/// standard input, go to it; the workers hear Ctrl-C meanwhile.
pub(super) fn converse(stream: Stream, request: &str, workers: Option<&Workers>) -> Result<Option<Exit>> {
    let writing = Arc::new(Mutex::new(stream.try_clone().context("the agent's door")?));
    let mut conversation = Conversation { reading: BufReader::new(stream), writing };
    if !conversation.is_taken(request)? {
        return Ok(None);
    }
    let prompt = match conversation.next()? {
        Reply::Exit(exit) => return Ok(Some(exit)),
        Reply::Prompt(prompt) => prompt,
        Reply::Completions(..) => bail!("the agent completes what nobody asked for"),
    };
    if let Some(workers) = workers {
        conversation.heed_interrupts(workers.handle()?);
    }
    let mut entered = Entered { with: Arc::new(Mutex::new(conversation)), now: Now::Waits(prompt) };
    if std::io::stdin().is_terminal() {
        edit(&mut entered)?;
    } else {
        for line in std::io::stdin().lines() {
            if matches!(entered.now, Now::Left(_)) {
                break;
            }
            entered.take(&line.context("cannot read standard input")?)?;
        }
    }
    entered.end().map(Some)
}

struct Conversation {
    reading: BufReader<Stream>,
    /// Ctrl-C writes, too, and not into the middle of a line.
    writing: Arc<Mutex<Stream>>,
}

/// What the agent waits for, or the end.
enum Reply {
    Exit(Exit),
    Prompt(String),
    Completions(usize, Vec<String>),
}

impl Conversation {
    fn say(&self, line: &str) -> Result<()> {
        lock(&self.writing).write_all(line.as_bytes()).context("the agent does not listen")
    }

    /// Sends the request. An agent that went away without having said that it took it has not begun with it.
    fn is_taken(&mut self, request: &str) -> Result<bool> {
        match lock(&self.writing).write_all(request.as_bytes()) {
            Err(error) if has_gone(&error) => return Ok(false),
            sent => sent.context("the agent does not listen")?,
        }
        match self.hear()? {
            None => Ok(false),
            Some(Answer::Taken) => Ok(true),
            Some(_) => bail!("{ANOTHER_LANGUAGE}"),
        }
    }

    /// What the agent says next; `None` when it has gone.
    fn hear(&mut self) -> Result<Option<Answer>> {
        let mut line = String::new();
        match self.reading.read_line(&mut line) {
            Ok(0) => return Ok(None),
            Err(error) if has_gone(&error) => return Ok(None),
            read => read.context("the agent cannot be heard")?,
        };
        Answer::read(&line).map(Some).context(ANOTHER_LANGUAGE)
    }

    /// Passes on what the agent says until it waits or ends.
    fn next(&mut self) -> Result<Reply> {
        let (mut out, mut error) = (std::io::stdout(), std::io::stderr());
        loop {
            match self.hear()? {
                Some(Answer::Taken) => bail!("{ANOTHER_LANGUAGE}"),
                Some(Answer::Output(text)) => {
                    printed(out.write_all(text.as_bytes()).and_then(|()| out.flush()))?;
                }
                Some(Answer::Error(text)) => {
                    printed(out.flush())?;
                    error.write_all(text.as_bytes()).context("standard error is closed")?;
                }
                Some(Answer::Ask(number, echo)) => {
                    printed(out.flush())?;
                    let typed =
                        OwnTerminal::default().line(echo, &|| true).context("cannot read the terminal")?;
                    self.say(&Said::Typed(number, typed).to_line())?;
                }
                Some(Answer::Prompt(text)) => {
                    printed(out.flush())?;
                    return Ok(Reply::Prompt(text));
                }
                Some(Answer::Completions(start, texts)) => return Ok(Reply::Completions(start, texts)),
                Some(Answer::Exit(code)) => {
                    printed(out.flush())?;
                    return Ok(Reply::Exit(Exit::from_code(code)));
                }
                None => bail!(
                    "the agent ended in the middle of the command; its sessions are closed or disconnected"
                ),
            }
        }
    }

    /// From now on Ctrl-C stops what the agent runs, and not this command.
    fn heed_interrupts(&self, handle: &Handle) {
        let writing = Arc::clone(&self.writing);
        handle.spawn(async move {
            let Ok(mut interrupts) = Interrupts::heed() else { return };
            while interrupts.next().await == Interrupt::Stop {
                if let Err(error) = lock(&writing).write_all(Said::Interrupt.to_line().as_bytes()) {
                    tracing::debug!(%error, "the agent does not listen");
                }
            }
            // The agent leaves the session when it hears no more.
            std::process::exit(Exit::INTERRUPTED.code().into());
        });
    }
}

/// A session that the agent holds and that was entered.
struct Entered {
    with: Arc<Mutex<Conversation>>,
    now: Now,
}

enum Now {
    /// The agent waits for a line, and this stands before it.
    Waits(String),
    /// The session was left.
    Left(Exit),
}

impl Entered {
    fn order(&mut self, order: Order) -> Result<()> {
        let mut with = lock(&self.with);
        with.say(&Said::Order(order).to_line())?;
        self.now = match with.next()? {
            Reply::Prompt(prompt) => Now::Waits(prompt),
            Reply::Exit(exit) => Now::Left(exit),
            Reply::Completions(..) => bail!("the agent completes what nobody asked for"),
        };
        Ok(())
    }

    /// Leaves the session, where it was not left yet.
    fn end(mut self) -> Result<Exit> {
        loop {
            match self.now {
                Now::Left(exit) => return Ok(exit),
                Now::Waits(_) => self.order(Order::Leave)?,
            }
        }
    }
}

impl Partner for Entered {
    fn prompt(&mut self) -> Result<Option<String>> {
        Ok(match &self.now {
            Now::Waits(prompt) => Some(prompt.clone()),
            Now::Left(_) => None,
        })
    }

    fn completer(&mut self) -> Box<dyn Complete> {
        Box::new(Completions(Arc::clone(&self.with)))
    }

    fn take(&mut self, line: &str) -> Result<()> {
        self.order(Order::Line(line.to_owned()))
    }

    fn forget(&mut self) -> Result<()> {
        self.order(Order::Forget)
    }

    fn leave(&mut self) -> Result<()> {
        self.order(Order::Leave)
    }
}

/// Lets the agent ask the session.
struct Completions(Arc<Mutex<Conversation>>);

impl Complete for Completions {
    fn complete(&self, line: &str, at: usize) -> (usize, Vec<String>) {
        let mut with = lock(&self.0);
        let asked = with.say(&Said::Order(Order::Complete(line.to_owned(), at)).to_line());
        match asked.and_then(|()| with.next()) {
            Ok(Reply::Completions(start, texts)) if line.is_char_boundary(start) => (start, texts),
            _ => (at, Vec::new()),
        }
    }
}
