//! kafka-python, a client that shares no code with ours, agrees with us. It sends records to `ingest`, reads the records of
//! `produce`, and sees the offsets that our group has committed.

use crate::kit::same::holds;
use serde_json::{Value, json};

use crate::kit::python;
use crate::kit::topic::Topic;

/// The answer of `dev/python/independent.py`.
#[track_caller]
fn ask(question: &Value) -> Option<Value> {
    python::ask(
        "kafka-python as an independent client",
        "independent.py",
        question,
    )
}

/// The number of a JSON object's key.
#[track_caller]
fn number(value: &Value, key: &str) -> i64 {
    let found = value[key].as_i64();
    found.unwrap_or_else(|| panic!("no number {key} in {value}"))
}

fn job(topic: &str) -> String {
    format!(
        r#"
name = "{topic}"
[source]
topic = "{topic}"
[source.columns]
id = {{ type = "int64", required = true }}
name = {{ type = "utf8" }}
amount = {{ type = "float64" }}
open = {{ type = "bool" }}
at = {{ type = "timestamp" }}
[batches]
rows = 100
"#
    )
}

/// Record `id` as another program would send it, with some numbers as text, and the row that it must become.
fn record(id: i64) -> (Value, Value) {
    let amount = id as f64 / 4.0;
    let sent = json!({
        "id": id,
        "name": format!("Größe \"{id}\", 東京"),
        "amount": if id % 2 == 0 { json!(amount) } else { json!(amount.to_string()) },
        "open": id % 3 == 0,
        "at": if id % 5 == 0 { json!("") } else { json!("2024-05-01T06:00:00Z") },
        "extra": { "n": [id] },
    });
    let row = json!({
        "id": id,
        "name": sent["name"],
        "amount": amount,
        "open": sent["open"],
        "at": if id % 5 == 0 { Value::Null } else { json!(1_714_543_200_000_i64) },
        // The job does not name this column, and its value is not text. So its JSON is kept.
        "extra": format!("{{\"n\":[{id}]}}"),
    });
    (sent, row)
}

#[test]
fn what_kafka_python_sends_is_in_the_batches_value_by_value() {
    let Some(topic) = Topic::new("python-sends", 3, job) else {
        return;
    };

    let timestamp = |id: i64| 1_714_000_000_000 + id;
    let mut records = Vec::new();
    let mut expected = Vec::new();
    for id in 0..1_000_i64 {
        let (sent, row) = record(id);
        records.push(json!({
            "partition": id % 3, "timestamp": timestamp(id), "key": format!("key {id}"), "value": sent.to_string(),
        }));
        expected.push(row);
    }
    // Poison: a value that is not JSON, and no value.
    for value in [json!("{\"id\": 1"), Value::Null] {
        records.push(json!({ "partition": 2, "timestamp": timestamp(1_000), "key": "poison", "value": value }));
    }
    let question = json!({
        "brokers": topic.kafka.brokers(),
        "send": { "topic": topic.name, "compression": "gzip", "records": records },
    });
    let Some(answer) = ask(&question) else { return };
    let places = answer["send"].as_array().unwrap().clone();
    for (id, row) in expected.iter_mut().enumerate() {
        row["_partition"] = places[id]["partition"].clone();
        row["_offset"] = places[id]["offset"].clone();
        row["_timestamp"] = json!(timestamp(id as i64));
    }

    topic.take(&[]).expect(0);
    let verified = topic.work.verify();
    let expected_counts = json!({"records": 1_000, "rejected": 2, "problems": []});
    holds(&verified, expected_counts);

    // Files and group are read by code that is not ours.
    let question = json!({
        "brokers": topic.kafka.brokers(),
        "committed": { "topic": topic.name, "group": topic.name },
        "batches": topic.work.path("batch"),
    });
    let answer = ask(&question).unwrap();
    let sorted = |rows: &Value, key: &str| {
        let mut rows = rows.as_array().unwrap().clone();
        rows.sort_by_key(|row| number(row, key));
        rows
    };
    let rows = sorted(&answer["batches"]["rows"], "id");
    assert_eq!(rows.len(), expected.len());
    for (row, expected) in rows.iter().zip(&expected) {
        assert_eq!(row, expected);
    }
    let rejected = sorted(&answer["batches"]["rejected"], "_offset");
    assert_eq!(rejected.len(), 2);
    let values = [json!("{\"id\": 1"), Value::Null];
    for ((row, place), value) in rejected.iter().zip(&places[1_000..]).zip(values) {
        let place = json!({"_partition": place["partition"], "_offset": place["offset"]});
        holds(row, place);
        holds(row, json!({"key": "poison", "value": value}));
    }

    let ends = |list: &Value| -> Vec<(i64, i64)> {
        let ends = list.as_array().unwrap().iter();
        ends.map(|end| (number(end, "partition"), number(end, "next")))
            .collect()
    };
    assert_eq!(ends(&answer["committed"]), ends(&verified["partitions"]));
    // Lag tools see the end of the batches.
    assert_eq!(ends(&answer["committed"]), [(0, 334), (1, 333), (2, 335)]);
}

#[test]
fn what_produce_sends_is_read_by_kafka_python() {
    let Some(topic) = Topic::new("python-reads", 2, job) else {
        return;
    };
    let name = |id: usize| format!("Größe \"{id}\", 東京");
    let line = |id: usize| format!("{id},\"{}\",\n", name(id).replace('"', "\"\""));
    let text: String = (0..500).map(line).collect();
    let text = format!("id,name,amount\n{text}");
    let csv = topic.work.write("in.csv", text);
    topic.produce(&csv, &[]);

    let question = json!({ "brokers": topic.kafka.brokers(), "read": { "topic": topic.name } });
    let Some(answer) = ask(&question) else { return };
    let records = answer["read"].as_array().unwrap();
    let mut seen: Vec<Value> = Vec::new();
    for record in records {
        assert_eq!(record["key"], Value::Null);
        assert!(number(record, "timestamp") > 1_700_000_000_000, "{record}");
        seen.push(serde_json::from_str(record["value"].as_str().unwrap()).unwrap());
    }
    // Partitions are taken in turn, and each keeps the file's order.
    let partition = |which: i64| {
        let ours = records.iter().filter(|r| number(r, "partition") == which);
        ours.map(|r| number(r, "offset")).collect::<Vec<_>>()
    };
    for which in [0, 1] {
        assert_eq!(partition(which), (0..250).collect::<Vec<_>>());
    }
    let id = |value: &Value| value["id"].as_str().unwrap().parse::<usize>().unwrap();
    for half in [&seen[..250], &seen[250..]] {
        assert!(half.is_sorted_by_key(id));
    }
    seen.sort_by_key(id);
    for (id, value) in seen.iter().enumerate() {
        let expected = json!({ "id": id.to_string(), "name": name(id), "amount": "" });
        assert_eq!(*value, expected);
    }
}
