//! What a program wrote for its pool or one of its pipelines, until the client fetches it.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Notify;
use windlass_psrp::MessageType;
use windlass_psrp::fragment::split;

/// What a program answers to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Data,
    Command,
    Signal,
    Close,
}

/// One stream of output, and what was answered to the input that goes with it.
#[derive(Default)]
pub(super) struct Channel {
    /// The id as the client writes it; empty for the pool.
    pub(super) command_id: String,
    /// Told when anything has come.
    pub(super) ready: Arc<Notify>,
    /// Held while a packet waits for its answer.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// The kind of the message that the last fragment belongs to.
    current: Option<MessageType>,
    ended: bool,
    answers: [u64; 4],
}

struct Waiting {
    data: Vec<u8>,
    /// Whether it can be left out: whole messages with output alone.
    may_drop: bool,
}

impl Channel {
    /// The channel of a pipeline.
    pub(super) fn of_command(command_id: &str) -> Self {
        Self { command_id: command_id.to_owned(), ..Self::default() }
    }

    /// How many answers of a kind have come.
    pub(super) fn answers(&self, answer: Answer) -> u64 {
        let [data, command, signal, close] = self.answers;
        match answer {
            Answer::Data => data,
            Answer::Command => command,
            Answer::Signal => signal,
            Answer::Close => close,
        }
    }

    /// An answer has come.
    pub(super) fn answered(&mut self, answer: Answer) {
        let [data, command, signal, close] = &mut self.answers;
        let count = match answer {
            Answer::Data => data,
            Answer::Command => command,
            Answer::Signal => signal,
            Answer::Close => {
                self.ended = true;
                close
            }
        };
        *count += 1;
        self.ready.notify_waiters();
    }

    /// Bytes that wait for the client.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether the pipeline has told its end.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Keeps what the program wrote.
    pub(super) fn keep(&mut self, data: Vec<u8>) {
        let may_drop = self.look(&data);
        self.bytes += data.len();
        self.waiting.push_back(Waiting { data, may_drop });
        self.ready.notify_waiters();
    }

    /// Puts something before all that waits.
    pub(super) fn give_first(&mut self, data: Vec<u8>) {
        self.bytes += data.len();
        self.waiting.push_front(Waiting { data, may_drop: false });
        self.ready.notify_waiters();
    }

    /// Leaves out the oldest output until at most `most` bytes wait.
    pub(super) fn drop_oldest(&mut self, most: usize) {
        let mut bytes = self.bytes;
        self.waiting.retain(|waiting| {
            let stays = bytes <= most || !waiting.may_drop;
            if !stays {
                bytes -= waiting.data.len();
            }
            stays
        });
        self.bytes = bytes;
    }

    /// Whole packets of the program as far as there is room; a part of one only if it alone is too long.
    pub(super) fn take(&mut self, budget: usize) -> Option<Vec<u8>> {
        let mut taken = self.waiting.pop_front()?.data;
        if taken.len() > budget {
            let data = taken.split_off(budget);
            self.waiting.push_front(Waiting { data, may_drop: false });
        }
        while let Some(next) = self.waiting.front()
            && taken.len() + next.data.len() <= budget
        {
            taken.extend_from_slice(&next.data);
            self.waiting.pop_front();
        }
        self.bytes = self.bytes.saturating_sub(taken.len());
        Some(taken)
    }

    /// Looks for the end of the pipeline among messages, and says whether all of them are output.
    fn look(&mut self, data: &[u8]) -> bool {
        let Ok(fragments) = split(data) else { return false };
        let mut may_drop = true;
        for (header, piece) in fragments {
            if header.start {
                self.current = kind(piece);
            }
            may_drop &= header.start && header.end && self.current.is_some_and(MessageType::is_output);
            self.ended |= header.end && self.current == Some(MessageType::PipelineState);
        }
        may_drop
    }
}

/// The kind of a message that begins here.
fn kind(message: &[u8]) -> Option<MessageType> {
    let code = message.get(4..8)?.first_chunk::<4>()?;
    MessageType::from_code(u32::from_le_bytes(*code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_psrp::fragment::Fragmenter;

    fn message(kind: MessageType, length: usize) -> Vec<u8> {
        let mut message = vec![0; 40 + length];
        message[4..8].copy_from_slice(&kind.code().to_le_bytes());
        let mut out = Vec::new();
        Fragmenter::default().fragment_into(&message, &mut out);
        out
    }

    #[test]
    fn the_end_is_found_and_only_output_gives_way() {
        let mut channel = Channel::of_command("X");
        channel.keep(message(MessageType::PipelineOutput, 100));
        channel.keep(message(MessageType::PipelineHostCall, 100));
        channel.keep(message(MessageType::PipelineOutput, 100));
        assert_eq!((channel.bytes(), channel.has_ended()), (3 * 161, false));
        channel.drop_oldest(400);
        assert_eq!(channel.bytes(), 2 * 161);
        channel.keep(message(MessageType::PipelineState, 10));
        assert!(channel.has_ended());
        assert_eq!(channel.take(200).map(|data| data.len()), Some(161));
        assert_eq!(channel.take(100).map(|data| data.len()), Some(100));
        assert_eq!(channel.take(1000).map(|data| data.len()), Some(61 + 71));
        assert!(channel.is_empty() && channel.take(10).is_none());
    }
}
