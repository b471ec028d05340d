"""Kafka and batch files through other people's eyes: kafka-python, which is pure Python and shares no code with
librdkafka, and pyarrow.

Integration tests ask it, so that what Gugus sends, takes and writes is not judged by its own client alone. It reads one
JSON document from standard input, whose parts may be left out,

    {"brokers": "127.0.0.1:9092",
     "send": {"topic": "t", "compression": "gzip", "records": [{"partition", "timestamp", "key", "value"}, ...]},
     "read": {"topic": "t"},
     "committed": {"group": "g", "topic": "t"},
     "batches": "data/batch"}

and writes one with the same parts to standard output:

    {"send": [{"partition", "offset"}, ...],
     "read": [{"partition", "offset", "timestamp", "key", "value"}, ...],
     "committed": [{"partition", "next"}, ...],
     "batches": {"rows": [{...}, ...], "rejected": [{...}, ...]}}

Keys and values of records are text or null; those of a batch are numbers, texts, and milliseconds for a time. It exits
with 1, and a line on standard error, when something cannot be done. Wants the packages of requirements.txt.
"""

import datetime
import glob
import json
import os
import sys

# How long a broker may take for one answer. It runs beside compilers, and a test that fails for haste is worth nothing.
SECONDS = 60


def send(brokers, topic, records, compression=None):
    """Sends the records, in order, to the partitions they name; tells where each of them went."""
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=brokers, compression_type=compression, linger_ms=50)
    try:
        sent = [
            producer.send(
                topic,
                partition=record["partition"],
                timestamp_ms=record["timestamp"],
                key=to_bytes(record["key"]),
                value=to_bytes(record["value"]),
            )
            for record in records
        ]
        answers = [future.get(SECONDS) for future in sent]
    finally:
        producer.close()
    return [{"partition": answer.partition, "offset": answer.offset} for answer in answers]


def read(brokers, topic):
    """Everything that is in the topic now, by partition and offset."""
    consumer, partitions = reader(brokers, topic)
    try:
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        end = datetime.datetime.now() + datetime.timedelta(seconds=SECONDS)
        found = []
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            if datetime.datetime.now() > end:
                raise TimeoutError(f"topic {topic} was not read within {SECONDS} s: {len(found)} records")
            for records in consumer.poll(timeout_ms=500).values():
                found.extend(records)
    finally:
        consumer.close()
    found.sort(key=lambda record: (record.partition, record.offset))
    return [
        {
            "partition": record.partition,
            "offset": record.offset,
            "timestamp": record.timestamp,
            "key": to_text(record.key),
            "value": to_text(record.value),
        }
        for record in found
    ]


def committed(brokers, topic, group):
    """What the group has committed, by partition; partitions of which it has committed nothing are left out."""
    consumer, partitions = reader(brokers, topic, group_id=group)
    try:
        offsets = [(partition.partition, consumer.committed(partition)) for partition in partitions]
    finally:
        consumer.close()
    return [{"partition": partition, "next": offset} for partition, offset in offsets if offset is not None]


def reader(brokers, topic, **more):
    """A consumer that commits nothing by itself, and the topic's partitions in order."""
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(bootstrap_servers=brokers, enable_auto_commit=False, **more)
    partitions = consumer.partitions_for_topic(topic)
    if not partitions:
        consumer.close()
        raise LookupError(f"there is no topic {topic}")
    return consumer, [TopicPartition(topic, partition) for partition in sorted(partitions)]


def batches(folder):
    """All rows of a folder of batches in the order of the batches, and its rejected records."""
    return {
        "rows": rows(os.path.join(folder, "batch_*.parquet")),
        "rejected": rows(os.path.join(folder, "rejected", "*.parquet")),
    }


def rows(pattern):
    import pyarrow.parquet

    return [
        {name: to_json(value) for name, value in row.items()}
        for file in sorted(glob.glob(pattern))
        for row in pyarrow.parquet.ParquetFile(file).read().to_pylist()
    ]


def to_json(value):
    if isinstance(value, datetime.datetime):
        return round(value.timestamp() * 1000)
    return to_text(value) if isinstance(value, bytes) else value


def to_bytes(text):
    return None if text is None else text.encode()


def to_text(value):
    return None if value is None else value.decode()


def main():
    asked = json.load(sys.stdin)
    brokers = asked.pop("brokers", None)
    answer = {}
    try:
        for part in asked:
            if part == "batches":
                answer[part] = batches(asked[part])
            else:
                answer[part] = {"send": send, "read": read, "committed": committed}[part](brokers, **asked[part])
    except Exception as error:
        print(f"{part}: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    json.dump(answer, sys.stdout)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
