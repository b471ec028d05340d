//! Keys, values and headers that hold what a terminal obeys.

use crate::kit::messages::{self, Expected, Message};
use crate::kit::raw::{ESCAPED, RAW, plain, written_out};
use crate::kit::sender::Sender;
use crate::kit::topic::Topic;

#[test]
fn nothing_of_a_record_reaches_a_terminal_as_it_is() {
    let job = |topic: &str| {
        let job = messages::job(topic, topic, "rows = 10");
        job.replacen(
            "other_columns",
            "keep = [\"key\", \"headers\"]\nother_columns",
            1,
        )
    };
    let Some(topic) = Topic::new("raw", 1, job) else {
        return;
    };
    let mut sender = Sender::new(topic.kafka.brokers(), &topic.name, 1);
    let messages = [
        // A record, a value of another type, and bytes that are no JSON.
        format!("{{\"n\":1,\"text\":\"{ESCAPED}\"}}"),
        format!("{{\"n\":\"{ESCAPED}\"}}"),
        format!("{RAW}{{"),
    ];
    sender.send(messages.map(|value| Message {
        key: Some(RAW.into()),
        value: Some(value.into()),
        expected: Expected::Reject,
    }));
    sender.flush();
    plain(&topic.take(&["--log", "debug"]).expect(0));
    let work = &topic.work;
    written_out(&work.on(&["rejected", "show"]).expect(0));
    for words in [
        &["rejected", "show", "--output", "json"][..],
        &["rejected", "list"],
        &["rejected", "replay", "--job", &topic.job],
        &["batches", "show", "1"],
        &["batches", "verify"],
    ] {
        plain(&work.on(words));
    }
}
