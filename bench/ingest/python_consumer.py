"""What the system that Gugus replaces does to consume: kafka-python, one dictionary a record, one CSV file per 100.

    python_consumer.py BROKERS TOPIC FOLDER RECORDS

Prints one JSON document: records, seconds and CPU seconds from the first record to the last, peak memory in bytes.
"""

import csv
import json
import resource
import sys
import time

from kafka import KafkaConsumer

BATCH = 100


def main(brokers, topic, folder, limit):
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=brokers,
        group_id="python-consumer",
        auto_offset_reset="earliest",
        enable_auto_commit=True,
        value_deserializer=lambda value: json.loads(value.decode("utf-8")),
        consumer_timeout_ms=30_000,
    )
    rows, batches, records = [], 0, 0
    begun = None
    for message in consumer:
        if begun is None:
            begun = time.monotonic(), time.process_time()
        rows.append(message.value)
        records += 1
        if len(rows) == BATCH:
            batches += 1
            with open(f"{folder}/batch_{batches}.csv", "w", newline="") as file:
                writer = csv.DictWriter(file, rows[0].keys())
                writer.writeheader()
                writer.writerows(rows)
            rows = []
        if records == limit:
            break
    ended = time.monotonic(), time.process_time()
    if records < limit:
        sys.exit(f"{records} of {limit} records came")
    answer = {
        "records": records,
        "seconds": ended[0] - begun[0],
        "cpu": ended[1] - begun[1],
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    consumer.close(autocommit=False)
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
