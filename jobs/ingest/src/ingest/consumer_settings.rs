//! Properties of the consumer. Invariant: the user cannot change those that the guarantee rests on.

/// Our defaults. What is fetched ahead is bounded for the whole process, so that memory does not grow with the number
/// of partitions. librdkafka's own bound is 64 MiB, and librdkafka pauses for a second when it is reached. The statistics
/// tell the ends of the partitions, for the lag.
pub(super) const DEFAULTS: [(&str, &str); 8] = [
    ("group.protocol", "classic"),
    ("allow.auto.create.topics", "false"),
    ("queued.max.messages.kbytes", "16384"),
    ("queued.min.messages", "20000"),
    ("fetch.max.bytes", "8388608"),
    ("fetch.queue.backoff.ms", "20"),
    ("fetch.wait.max.ms", "100"),
    ("statistics.interval.ms", "1000"),
];

/// What the guarantee rests on.
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
