//! A command that the agent runs, and what is said with its user meanwhile.

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use anyhow::Result;
use windlass_psrp::host::{HostInfo, HostMethod, HostReturn, Size};

use super::door::{Stream, finish};
use super::wire::{Answer, LONGEST, Order, Run, Said};
use crate::command_line::CommandLine;
use crate::console::{Complete, Lines, Remote, Session};
use crate::exit::Exit;
use crate::output::{Paper, Pieces};
use crate::runspace::{Local, lock};
use crate::terminal::{Echo, Nobody, Terminal, Typed, screen};

/// How often a question that waits for its answer is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Runs a cmdlet; what it says goes to the command that asked. When that goes away, the cmdlet is stopped.
pub(super) fn execute(shared: &Local, run: Run, stream: Stream) -> Result<()> {
    let (typed, answers) = mpsc::channel();
    let reading = stream.try_clone()?;
    let pieces = Arc::new(Mutex::new(Frames(stream)));
    let paper = Paper::pieces(Arc::<Mutex<Frames>>::clone(&pieces));
    let terminal: Arc<dyn Terminal> = match run.rows {
        Some(rows) => Arc::new(TheirTerminal {
            pieces: Arc::clone(&pieces),
            questions: Mutex::new(Questions { asked: 0, answers }),
            columns: run.view.columns,
            rows,
        }),
        None => Arc::new(Nobody),
    };
    let local = shared.sharing(run.defaults, terminal);
    let mut session = Session::over(local, run.view, paper);
    let orders = listen(reading, typed, Arc::clone(&session.local), session.interrupter());
    let is_typed = run.is_typed;
    let exit = match CommandLine::of(&run.words) {
        Ok(Some(line)) => match line.command_in(&session, run.input.as_deref()) {
            Ok(command) => {
                session.invoke(&command);
                let conversation = converse(&mut session, &orders, &pieces);
                session.local.leave();
                if conversation? == Some(Left::AtWill) && is_typed {
                    session.local.forgive();
                }
                session.exit()
            }
            Err(error) => {
                session.complain(&error);
                Exit::USAGE
            }
        },
        _ => Exit::USAGE,
    };
    lock(&pieces).say(&Answer::Exit(exit.code()))?;
    Ok(finish(&lock(&pieces).0)?)
}

/// How the session that a command entered was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// Its user had enough.
    AtWill,
    /// It ended before.
    Lost,
}

/// Takes lines for the session that the command entered, if it did, until that is left.
fn converse(
    session: &mut Session,
    orders: &mpsc::Receiver<Order>,
    pieces: &Mutex<Frames>,
) -> Result<Option<Left>> {
    let mut lines = Lines::default();
    let mut left = None;
    while let Some(prompt) = session.entered_prompt(&lines) {
        lock(pieces).say(&Answer::Prompt(prompt))?;
        loop {
            match orders.recv() {
                Ok(Order::Complete(line, at)) => {
                    let (start, texts) = match session.local.entered() {
                        Some(entry) => {
                            Remote { entry, handle: session.local.handle.clone() }.complete(&line, at)
                        }
                        None => (at, Vec::new()),
                    };
                    lock(pieces).say(&Answer::Completions(start, texts))?;
                    continue;
                }
                Ok(Order::Line(line)) => {
                    let goes_on = session.take(&mut lines, &line);
                    left = Some(if goes_on { Left::AtWill } else { Left::Lost });
                }
                Ok(Order::Forget) => lines.forget(),
                Ok(Order::Leave) | Err(_) => {
                    session.local.leave();
                    left = Some(Left::AtWill);
                }
            }
            break;
        }
    }
    Ok(left)
}

/// Hears what the command's user types and wants. When the command goes away, what runs for it is stopped.
fn listen(
    stream: Stream,
    typed: mpsc::Sender<(u64, Typed)>,
    local: Arc<Local>,
    interrupt: impl Fn() + Send + 'static,
) -> mpsc::Receiver<Order> {
    let (ordered, orders) = mpsc::channel();
    std::thread::spawn(move || {
        let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
        let mut reader = BufReader::new(stream);
        loop {
            let mut line = String::new();
            match (&mut reader).take(limit).read_line(&mut line) {
                Ok(count) if count > 0 => {}
                _ => break,
            }
            let is_heard = match Said::read(&line) {
                Said::Typed(number, answer) => typed.send((number, answer)).is_ok(),
                Said::Interrupt => {
                    interrupt();
                    true
                }
                Said::Order(order) => ordered.send(order).is_ok(),
            };
            if !is_heard {
                break;
            }
        }
        // A line that begins after this is stopped at once.
        local.begin_to_end();
        drop(ordered);
        interrupt();
    });
    orders
}

/// The terminal of the user whose command runs here.
struct TheirTerminal {
    pieces: Arc<Mutex<Frames>>,
    questions: Mutex<Questions>,
    columns: usize,
    rows: u16,
}

/// The questions of a command, one at a time.
struct Questions {
    /// How many were asked; each has the count as its number.
    asked: u64,
    answers: mpsc::Receiver<(u64, Typed)>,
}

impl Terminal for TheirTerminal {
    fn info(&self) -> HostInfo {
        let size = Size { width: i32::try_from(self.columns).unwrap_or(i32::MAX), height: self.rows.into() };
        screen(size)
    }

    fn is_interactive(&self) -> bool {
        true
    }

    fn line(&self, echo: Echo, go_on: &dyn Fn() -> bool) -> std::io::Result<Typed> {
        let mut questions = lock(&self.questions);
        questions.asked += 1;
        lock(&self.pieces).say(&Answer::Ask(questions.asked, echo))?;
        while go_on() {
            match questions.answers.recv_timeout(LOOK) {
                Ok((number, typed)) if number == questions.asked => return Ok(typed),
                // What is typed for a question that does not stand any more may be a password.
                Ok(_) | Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(Typed::Interrupted),
            }
        }
        Ok(Typed::NoLonger)
    }

    fn window(&self, method: &HostMethod, go_on: &dyn Fn() -> bool) -> Result<HostReturn, String> {
        Nobody.window(method, go_on)
    }
}

/// Output as lines of answer.
struct Frames(Stream);

impl Frames {
    fn say(&mut self, answer: &Answer) -> std::io::Result<()> {
        self.0.write_all(answer.to_line().as_bytes())
    }
}

impl Pieces for Frames {
    fn output(&mut self, text: String) -> std::io::Result<()> {
        self.say(&Answer::Output(text))
    }

    fn error(&mut self, text: String) -> std::io::Result<()> {
        self.say(&Answer::Error(text))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use windlass_core::Secret;

    use super::*;

    #[test]
    fn a_late_answer_is_not_taken_for_the_next_question() {
        let (stream, _client) = Stream::pair().unwrap();
        let (typed, answers) = mpsc::channel();
        let terminal = TheirTerminal {
            pieces: Arc::new(Mutex::new(Frames(stream))),
            questions: Mutex::new(Questions { asked: 0, answers }),
            columns: 80,
            rows: 24,
        };
        let withdrawn = terminal.line(Echo::Masked, &|| false).unwrap();
        assert!(matches!(withdrawn, Typed::NoLonger));
        typed.send((1, Typed::Line(Secret::new("a password")))).unwrap();
        typed.send((2, Typed::Line(Secret::new("yes")))).unwrap();
        let answered = terminal.line(Echo::Shown, &|| true).unwrap();
        assert!(matches!(answered, Typed::Line(line) if line.expose() == "yes"));
    }
}
