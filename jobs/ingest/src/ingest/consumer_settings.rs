//! Properties of the consumer. Invariant: the user cannot change the properties that the guarantee rests on.

/// Our defaults. They bound the records that are fetched ahead for the whole process, so memory does not grow with the
/// number of partitions. librdkafka's own bound is 64 MiB, and at the bound librdkafka pauses for a second. The statistics
/// tell the ends of the partitions, for the lag. librdkafka notices new partitions of the topic when
/// it reads the metadata of the topic, by default every five minutes.
pub(super) const DEFAULTS: [(&str, &str); 9] = [
    ("group.protocol", "classic"),
    ("allow.auto.create.topics", "false"),
    ("queued.max.messages.kbytes", "16384"),
    ("queued.min.messages", "20000"),
    ("fetch.max.bytes", "8388608"),
    ("fetch.queue.backoff.ms", "20"),
    ("fetch.wait.max.ms", "100"),
    ("statistics.interval.ms", "1000"),
    ("topic.metadata.refresh.interval.ms", "30000"),
];

/// The properties that the guarantee rests on, each with what the user can do instead.
pub(super) const FIXED: [(&str, &str, &str); 4] = [
    (
        "enable.auto.commit",
        "false",
        "leave it out: gugus tells kafka its offsets after each batch, for lag tools",
    ),
    (
        "enable.auto.offset.store",
        "false",
        "leave it out: gugus tells kafka its offsets after each batch, for lag tools",
    ),
    (
        "auto.offset.reset",
        "error",
        "leave it out: the batches say where reading continues; for partitions without batches use --start, for offsets \
         that are gone --on-reset",
    ),
    (
        "enable.partition.eof",
        "true",
        "leave it out: gugus needs it to know when it has read everything",
    ),
];
