//! Messages on their way out: one queue for each stream, cut into fragments as room is offered.

use std::collections::{BTreeMap, VecDeque};

use uuid::Uuid;

use crate::fragment::{Cut, Fragmenter, HEADER_LENGTH};

/// The streams of a session and of each of its pipelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stream {
    /// `stdin` from the client and `stdout` from the server in WS-Man; `Default` out of process.
    Default,
    /// Answers of the host: `pr` in WS-Man, `PromptResponse` out of process. Only from the client.
    PromptResponse,
}

impl Stream {
    /// The name of the stream from client to server in WS-Man.
    pub const fn shell_input_name(self) -> &'static str {
        match self {
            Self::Default => "stdin",
            Self::PromptResponse => "pr",
        }
    }
}

/// Whole fragments, to be sent together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The pipeline whose stream it is; `None` for the pool's.
    pub pipeline: Option<Uuid>,
    /// Which of its streams.
    pub stream: Stream,
    /// The fragments.
    pub data: Vec<u8>,
}

/// Everything that waits to be sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    fragmenter: Fragmenter,
    pool: Channel,
    pipelines: BTreeMap<Uuid, Channel>,
    /// The pipeline that sent last: the others come first.
    last: Option<Uuid>,
}

#[derive(Debug, Default)]
struct Channel {
    default: Queue,
    prompt_response: Queue,
    /// Nothing goes out yet: the command that carries the pipeline does not exist.
    held: bool,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Pending>,
    bytes: usize,
}

#[derive(Debug)]
struct Pending {
    bytes: Vec<u8>,
    cut: Option<Cut>,
    /// The message names secrets that no key protects yet; it and all behind it must wait.
    waits_for_key: bool,
    /// It may give way where nobody reads.
    may_drop: bool,
}

impl Outbox {
    /// Makes the queues of a pipeline. A held one sends nothing until [`Outbox::release`].
    pub(crate) fn add_pipeline(&mut self, id: Uuid, held: bool) {
        self.pipelines.insert(id, Channel { held, ..Channel::default() });
    }

    /// Lets a pipeline send.
    pub(crate) fn release(&mut self, id: Uuid) {
        if let Some(channel) = self.pipelines.get_mut(&id) {
            channel.held = false;
        }
    }

    /// Drops a pipeline with all that waits.
    pub(crate) fn remove_pipeline(&mut self, id: Uuid) {
        self.pipelines.remove(&id);
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        *self = Self { fragmenter: self.fragmenter.clone(), ..Self::default() };
    }

    /// Drops messages of a pipeline that have not begun to be sent.
    pub(crate) fn drop_waiting(&mut self, id: Uuid) {
        if let Some(channel) = self.pipelines.get_mut(&id) {
            channel.default.retain_begun();
            channel.prompt_response.retain_begun();
        }
    }

    /// Says that the message appended last may give way.
    pub(crate) fn may_drop_last(&mut self, pipeline: Option<Uuid>) {
        if let Some(queue) = self.queue_mut(pipeline, Stream::Default)
            && let Some(message) = queue.messages.back_mut()
        {
            message.may_drop = true;
        }
    }

    /// Drops the oldest messages that may give way and have not begun, until at most `keep` bytes wait.
    pub(crate) fn drop_oldest(&mut self, id: Uuid, keep: usize) {
        if let Some(queue) = self.queue_mut(Some(id), Stream::Default) {
            let mut bytes = queue.bytes;
            queue.messages.retain(|message| {
                let stays = bytes <= keep || !message.may_drop || message.cut.is_some();
                if !stays {
                    bytes = bytes.saturating_sub(message.bytes.len());
                }
                stays
            });
            queue.bytes = bytes;
        }
    }

    /// Forgets which part of its first message a stream has sent.
    pub(crate) fn repeat_begun(&mut self, pipeline: Option<Uuid>) {
        if let Some(queue) = self.queue_mut(pipeline, Stream::Default)
            && let Some(message) = queue.messages.front_mut()
        {
            message.cut = None;
        }
    }

    /// Appends a message to a stream. A pipeline that is not known swallows it.
    pub(crate) fn push(
        &mut self,
        pipeline: Option<Uuid>,
        stream: Stream,
        bytes: Vec<u8>,
        waits_for_key: bool,
    ) {
        if let Some(queue) = self.queue_mut(pipeline, stream) {
            queue.bytes = queue.bytes.saturating_add(bytes.len());
            queue.messages.push_back(Pending { bytes, cut: None, waits_for_key, may_drop: false });
        }
    }

    /// Puts a message of the pool before all others that have not begun.
    pub(crate) fn push_first(&mut self, bytes: Vec<u8>) {
        let queue = &mut self.pool.default;
        let begun = usize::from(queue.messages.front().is_some_and(|message| message.cut.is_some()));
        queue.bytes = queue.bytes.saturating_add(bytes.len());
        queue.messages.insert(begun, Pending { bytes, cut: None, waits_for_key: false, may_drop: false });
    }

    /// Rewrites every message that waits for the key, which it then no longer does.
    pub(crate) fn key_arrived(&mut self, mut rewrite: impl FnMut(&mut Vec<u8>)) {
        let channels = std::iter::once(&mut self.pool).chain(self.pipelines.values_mut());
        for queue in channels.flat_map(|channel| [&mut channel.default, &mut channel.prompt_response]) {
            for message in queue.messages.iter_mut().filter(|message| message.waits_for_key) {
                queue.bytes -= message.bytes.len().min(queue.bytes);
                rewrite(&mut message.bytes);
                queue.bytes = queue.bytes.saturating_add(message.bytes.len());
                message.waits_for_key = false;
            }
        }
    }

    /// How many bytes of messages wait on the streams of a pipeline, or of the pool.
    pub(crate) fn queued_bytes(&self, pipeline: Option<Uuid>) -> usize {
        self.channel(pipeline).map_or(0, |channel| channel.default.bytes + channel.prompt_response.bytes)
    }

    /// Whether something can be sent for a pipeline, or for the pool.
    pub(crate) fn is_ready(&self, pipeline: Option<Uuid>) -> bool {
        self.channel(pipeline)
            .is_some_and(|channel| channel.default.is_ready() || channel.prompt_response.is_ready())
    }

    /// Appends the fragments of a message that no queue holds.
    pub(crate) fn fragment_apart(&mut self, message: &[u8], out: &mut Vec<u8>) {
        self.fragmenter.fragment_into(message, out);
    }

    /// Fragments of the first message of a pipeline alone, even of a held one.
    pub(crate) fn take_first(&mut self, id: Uuid, max: usize) -> Option<Vec<u8>> {
        let queue = &mut self.pipelines.get_mut(&id)?.default;
        if !queue.is_ready() {
            return None;
        }
        let mut data = Vec::new();
        queue.fill(&mut self.fragmenter, &mut data, max, 1);
        Some(data)
    }

    /// Fragments for one stream, at most `max` bytes: answers of the host first, then the pool, then
    /// pipelines in turn. `None` when nothing can be sent.
    pub(crate) fn poll(&mut self, max: usize) -> Option<Outgoing> {
        let pools = [(None, Stream::PromptResponse), (None, Stream::Default)];
        if let Some(outgoing) = pools.into_iter().find_map(|(id, stream)| self.poll_stream(id, stream, max)) {
            return Some(outgoing);
        }
        let ready = |(id, channel): (&Uuid, &Channel)| (!channel.held && channel.is_ready()).then_some(*id);
        let after = self.last.unwrap_or_default();
        let next = self.pipelines.range(after..).filter(|(id, _)| **id != after).find_map(ready);
        let id = next.or_else(|| self.pipelines.range(..=after).find_map(ready))?;
        self.last = Some(id);
        self.poll_for(Some(id), max)
    }

    /// Fragments for one pipeline, or for the pool.
    pub(crate) fn poll_for(&mut self, pipeline: Option<Uuid>, max: usize) -> Option<Outgoing> {
        [Stream::PromptResponse, Stream::Default]
            .into_iter()
            .find_map(|stream| self.poll_stream(pipeline, stream, max))
    }

    fn poll_stream(&mut self, pipeline: Option<Uuid>, stream: Stream, max: usize) -> Option<Outgoing> {
        let channel = match pipeline {
            None => &mut self.pool,
            Some(id) => self.pipelines.get_mut(&id).filter(|channel| !channel.held)?,
        };
        let queue = channel.queue_mut(stream);
        if max <= HEADER_LENGTH || !queue.is_ready() {
            return None;
        }
        let mut data =
            Vec::with_capacity(max.min(queue.bytes.saturating_add(queue.messages.len() * HEADER_LENGTH)));
        queue.fill(&mut self.fragmenter, &mut data, max, usize::MAX);
        Some(Outgoing { pipeline, stream, data })
    }

    fn channel(&self, pipeline: Option<Uuid>) -> Option<&Channel> {
        match pipeline {
            None => Some(&self.pool),
            Some(id) => self.pipelines.get(&id),
        }
    }

    fn queue_mut(&mut self, pipeline: Option<Uuid>, stream: Stream) -> Option<&mut Queue> {
        let channel = match pipeline {
            None => &mut self.pool,
            Some(id) => self.pipelines.get_mut(&id)?,
        };
        Some(channel.queue_mut(stream))
    }
}

impl Channel {
    fn queue_mut(&mut self, stream: Stream) -> &mut Queue {
        match stream {
            Stream::Default => &mut self.default,
            Stream::PromptResponse => &mut self.prompt_response,
        }
    }

    fn is_ready(&self) -> bool {
        self.default.is_ready() || self.prompt_response.is_ready()
    }
}

impl Queue {
    fn is_ready(&self) -> bool {
        self.messages.front().is_some_and(|message| !message.waits_for_key)
    }

    fn retain_begun(&mut self) {
        self.messages.retain(|message| message.cut.is_some());
        self.bytes = self.messages.iter().map(|message| message.bytes.len()).sum();
    }

    /// Appends fragments of at most `most` messages, as long as there is room.
    fn fill(&mut self, fragmenter: &mut Fragmenter, data: &mut Vec<u8>, max: usize, most: usize) {
        let mut done = 0;
        while done < most
            && let Some(message) = self.messages.front_mut()
            && !message.waits_for_key
        {
            let room = max.saturating_sub(data.len());
            if room <= HEADER_LENGTH {
                break;
            }
            if fragmenter.append(&message.bytes, &mut message.cut, data, room) {
                self.bytes = self.bytes.saturating_sub(message.bytes.len());
                self.messages.pop_front();
                done += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fragment::split;

    fn pieces(outgoing: &Outgoing) -> Vec<&[u8]> {
        split(&outgoing.data).unwrap().into_iter().map(|(_, piece)| piece).collect()
    }

    #[test]
    fn answers_come_first_and_pipelines_in_turn() {
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut outbox = Outbox::default();
        outbox.add_pipeline(a, false);
        outbox.add_pipeline(b, false);
        for round in 0..2_u8 {
            outbox.push(Some(a), Stream::Default, vec![b'a', round], false);
            outbox.push(Some(b), Stream::Default, vec![b'b', round], false);
        }
        outbox.push(Some(b), Stream::PromptResponse, b"answer".to_vec(), false);
        outbox.push(None, Stream::Default, b"pool".to_vec(), false);
        let room = HEADER_LENGTH + 6;
        let order: Vec<Vec<u8>> =
            std::iter::from_fn(|| outbox.poll(room)).map(|outgoing| pieces(&outgoing).concat()).collect();
        assert_eq!(order, [&b"pool"[..], b"a\0", b"answer", b"a\x01", b"b\0", b"b\x01"]);
    }

    #[test]
    fn a_message_without_key_blocks_its_stream_alone() {
        let mut outbox = Outbox::default();
        let id = Uuid::from_u128(7);
        outbox.add_pipeline(id, false);
        outbox.push(Some(id), Stream::Default, b"secret".to_vec(), true);
        outbox.push(Some(id), Stream::Default, b"behind".to_vec(), false);
        outbox.push(Some(id), Stream::PromptResponse, b"free".to_vec(), false);
        assert_eq!(pieces(&outbox.poll(1000).unwrap()), [b"free"]);
        assert_eq!(outbox.poll(1000), None);
        assert_eq!(outbox.queued_bytes(Some(id)), 12);
        outbox.key_arrived(|bytes| *bytes = b"sealed!".to_vec());
        assert_eq!(pieces(&outbox.poll(1000).unwrap()), [&b"sealed!"[..], b"behind"]);
        assert_eq!(outbox.queued_bytes(Some(id)), 0);
    }

    #[test]
    fn the_oldest_output_gives_way_and_nothing_else() {
        let id = Uuid::from_u128(7);
        let mut outbox = Outbox::default();
        outbox.add_pipeline(id, false);
        for (bytes, may_drop) in [(b"begun", true), (b"old  ", true), (b"call ", false), (b"new  ", true)] {
            outbox.push(Some(id), Stream::Default, bytes.to_vec(), false);
            if may_drop {
                outbox.may_drop_last(Some(id));
            }
        }
        assert_eq!(pieces(&outbox.poll(HEADER_LENGTH + 2).unwrap()), [b"be"]);
        outbox.drop_oldest(id, 16);
        assert_eq!(outbox.queued_bytes(Some(id)), 15);
        outbox.repeat_begun(Some(id));
        assert_eq!(pieces(&outbox.poll(1000).unwrap()), [b"begun", b"call ", b"new  "]);
    }

    #[test]
    fn what_has_begun_is_finished_before_an_urgent_message() {
        let mut outbox = Outbox::default();
        outbox.push(None, Stream::Default, b"long".to_vec(), false);
        outbox.push(None, Stream::Default, b"next".to_vec(), false);
        assert_eq!(pieces(&outbox.poll(HEADER_LENGTH + 1).unwrap()), [b"l"]);
        outbox.push_first(b"key".to_vec());
        assert_eq!(pieces(&outbox.poll(1000).unwrap()), [&b"ong"[..], b"key", b"next"]);
    }

    #[test]
    fn a_held_pipeline_gives_its_first_message_only() {
        let mut outbox = Outbox::default();
        let id = Uuid::from_u128(7);
        outbox.add_pipeline(id, true);
        outbox.push(Some(id), Stream::Default, b"create".to_vec(), false);
        outbox.push(Some(id), Stream::Default, b"input".to_vec(), false);
        assert_eq!(outbox.poll(1000), None);
        assert_eq!(outbox.take_first(id, 1000).unwrap().len(), HEADER_LENGTH + 6);
        outbox.release(id);
        assert_eq!(pieces(&outbox.poll(1000).unwrap()), [b"input"]);
    }
}
