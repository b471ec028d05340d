"""Measures how long a batch takes from its last record in Kafka to the first prediction by its model: `gugus up` beside Spark. See
README.md.

`bench/live/run` calls it with what it needs: a Python that has pyspark and kafka-python, JAVA_HOME, GUGUS_TEST_KAFKA_LIBS.
"""

import argparse
import http.client
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import common
from common import ROOT, Failed, say
from kafka_broker import Broker

SMALL = 100
# Batches before the measured ones, while caches fill and Java compiles.
WARM_UP = 20
# How long the last batches may take after the last record was sent.
PATIENCE = 60
# Between two questions for a model that is not there yet.
PAUSE = 0.002
REQUIRED_P99, AT_RATE = 0.5, 10

JOB = """name = "live"
[source]
topic = "{topic}"
other_columns = "drop"
[source.columns]
"x" = {{ type = "float64", required = true }}
"y" = {{ type = "float64", required = true }}
[batches]
rows = {rows}
[[models]]
name = "place"
features = ["x", "y"]
k = 5
seed = 1
"""


def main():
    arguments = parse()
    gugus = common.existing(common.gugus())

    def work(folder):
        broker = Broker(folder / "kafka")
        try:
            return Bench(arguments, gugus, broker, folder).run()
        finally:
            broker.stop()

    return common.carry_out(arguments, work, report)


def numbers(text):
    return [int(number) for number in text.split(",")]


def parse():
    parser = argparse.ArgumentParser(prog="bench/live/run", description=__doc__.splitlines()[0])
    parser.add_argument("--rates", type=numbers, default=[1, 10, 50], metavar="N,…", help=f"batches of {SMALL} records a second (default: 1,10,50)")
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="how long each rate is measured (default: 60)")
    parser.add_argument("--sizes", type=numbers, default=[100, 1_000, 10_000], metavar="N,…", help="batches of so many records, of which as many come as can be trained (default: 100,1000,10000)")
    parser.add_argument("--records", type=int, default=1_000_000, metavar="N", help="records for each of these sizes, at most 2,000 batches (default: 1000000)")
    parser.add_argument("--only", choices=["gugus", "spark"], help="measure one of them")
    return common.parse(parser, "broker, batches and models", quick={"rates": [10], "seconds": 5, "sizes": [1_000], "records": 50_000})


class Gugus:
    """`gugus up`, and a client that asks for the model of each batch until it has it."""

    name = "gugus up"

    def __init__(self, bench, topic, rows, wanted):
        folder = bench.folder / topic
        folder.mkdir()
        job = bench.job(topic, rows)
        command = [bench.gugus, "up", "--job", job, "--brokers", bench.broker.address, "--batches", str(folder / "batch"), "--models", str(folder / "models")]
        command += ["--listen", "127.0.0.1:0", "--scheduler-listen", "127.0.0.1:0", "--log", "warn"]
        # A group of its own: in one group, Kafka would wait 45 seconds for the member of the topic before.
        command += ["-K", f"group.id={topic}"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.host = common.ready(self.process, self.name)["rest"].removeprefix("http://")
        self.times = {}
        self.ended = False
        threading.Thread(target=self.ask, args=(wanted,), daemon=True).start()

    def ask(self, wanted):
        client = http.client.HTTPConnection(self.host)
        for number in wanted:
            while not self.ended:
                client.request("POST", f"/models/place/batches/{number}/predict", '{"x": 0.5, "y": 0.5}', {"content-type": "application/json"})
                answer = client.getresponse()
                answer.read()
                if answer.status == 200:
                    self.times[number] = time.time()
                    break
                time.sleep(PAUSE)

    def stop(self):
        self.ended = True
        self.process.terminate()
        if self.process.wait(60) != 0:
            raise Failed(f"gugus up ended with {self.process.returncode}")


class Spark:
    """Spark's Structured Streaming (peer.py). It tells the time of each batch itself."""

    name = "Spark 3.5.5"

    def __init__(self, bench, topic, rows, _wanted):
        folder = bench.folder / topic
        folder.mkdir()
        command = [sys.executable, str(HERE / "peer.py"), bench.broker.address, topic, str(rows), str(folder), jars()]
        self.errors = open(folder / "errors", "w+")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.times = {}
        for line in self.process.stdout:
            if line.startswith("ready"):
                break
        else:
            self.errors.seek(0)
            raise Failed(f"Spark did not get ready:\n{self.errors.read()[-4000:]}")
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            number, at = line.split()
            self.times[int(number)] = float(at)

    def stop(self):
        # Python and the virtual machine end together.
        self.process.terminate()
        self.process.wait(60)
        self.errors.close()


class Bench:
    def __init__(self, arguments, gugus, broker, folder):
        self.arguments, self.gugus, self.broker, self.folder = arguments, gugus, broker, folder
        self.topics = 0
        self.csv = str(folder / "records.csv")

    def run(self):
        self.write_records()
        systems = [system for system in (Gugus, Spark) if self.arguments.only in (None, system.__name__.lower())]
        latency = [self.latency(system, rate) for rate in self.arguments.rates for system in systems]
        keeping_up = [self.keeping_up(system, rows) for rows in self.arguments.sizes for system in systems]
        judged = [row for row in latency if row["name"] == Gugus.name and row["rate"] == AT_RATE]
        return {
            "gugus": subprocess.run([self.gugus, "--version"], capture_output=True, text=True).stdout.strip(),
            "seconds": self.arguments.seconds,
            "latency": latency,
            "keeping_up": keeping_up,
            "goals": {"p99": REQUIRED_P99, "at": AT_RATE},
            # Without a measured value it is not reached.
            "required": bool(judged) and all(row["unanswered"] == 0 and row["p99"] < REQUIRED_P99 for row in judged),
        }

    def write_records(self):
        most = max(self.arguments.records, (WARM_UP + max(self.arguments.rates) * self.arguments.seconds) * SMALL)
        draw = random.Random(1)
        with open(self.csv, "w") as file:
            file.write("x,y\n")
            file.writelines(f"{draw.random():.6f},{draw.random():.6f}\n" for _ in range(most))

    def job(self, topic, rows):
        path = self.folder / f"{topic}.toml"
        path.write_text(JOB.format(topic=topic, rows=rows))
        return str(path)

    def topic(self):
        """A new topic whose timestamps are the broker's own: when a record entered Kafka. Of one partition, so that the offset of a
        record says in which batch it is."""
        self.topics += 1
        name = f"bench-live-{self.topics}"
        self.broker.create_topic(name, 1, message_timestamp_type="LogAppendTime")
        return name

    def send(self, topic, rows, records, rate=None):
        command = [self.gugus, "produce", "--job", self.job(topic, rows), "--brokers", self.broker.address, "--input", self.csv, "--limit", str(records)]
        command += ["--log", "warn"] + (["--rate", f"{rate}/s"] if rate else [])
        sent = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if sent.returncode != 0:
            raise Failed(f"gugus produce: {sent.stderr[-1000:]}")

    def entered(self, topic, rows):
        """When the last record of each batch entered Kafka, in seconds since 1970."""
        from kafka import KafkaConsumer, TopicPartition

        consumer = KafkaConsumer(bootstrap_servers=self.broker.address, max_poll_records=10_000)
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        end = consumer.end_offsets([partition])[partition]
        times, next_offset = {}, 0
        while next_offset < end:
            for records in consumer.poll(1_000).values():
                for record in records:
                    next_offset = record.offset + 1
                    if next_offset % rows == 0:
                        times[next_offset // rows] = record.timestamp / 1_000
        consumer.close()
        return times

    def latency(self, system, rate):
        """From the last record of a batch in Kafka to the first prediction by its model, at a steady rate."""
        say(f"{system.name}: {rate} batches a second ...")
        topic, batches = self.topic(), rate * self.arguments.seconds
        last = WARM_UP + batches
        up = system(self, topic, SMALL, range(1, last + 1))
        try:
            self.send(topic, SMALL, WARM_UP * SMALL)
            wait(lambda: WARM_UP in up.times, PATIENCE * 2)
            self.send(topic, SMALL, batches * SMALL, rate * SMALL)
            wait(lambda: last in up.times, PATIENCE)
        finally:
            up.stop()
        entered = self.entered(topic, SMALL)
        took = sorted(up.times[n] - entered[n] for n in range(WARM_UP + 1, last + 1) if n in up.times)
        if not took:
            raise Failed(f"{system.name} answered for none of {batches} batches")
        return {
            "name": system.name,
            "rate": rate,
            "batches": batches,
            "unanswered": batches - len(took),
            "median": statistics.median(took),
            "p99": took[min(len(took) - 1, int(len(took) * 0.99))],
            "longest": took[-1],
        }

    def keeping_up(self, system, rows):
        """How many records a second become batches with models, while more wait in the topic."""
        batches = max(WARM_UP * 2, min(2_000, self.arguments.records // rows))
        say(f"{system.name}: batches of {rows:,} as fast as they come ...")
        topic = self.topic()
        self.send(topic, rows, min(batches * rows, self.arguments.records))
        batches = min(batches, self.arguments.records // rows)
        first = min(WARM_UP, batches // 2)
        up = system(self, topic, rows, range(first, batches + 1))
        try:
            wait(lambda: first in up.times, PATIENCE * 2)
            wait(lambda: batches in up.times, PATIENCE)
        finally:
            up.stop()
        done = max(up.times, default=first)
        if first not in up.times or done == first:
            raise Failed(f"{system.name} trained nothing after batch {first} within {PATIENCE} s")
        seconds = up.times[done] - up.times[first]
        found = {"name": system.name, "rows": rows, "batches": done - first, "rate": (done - first) * rows / seconds}
        return {**found, "steady": self.steady(system, rows, found["rate"] * 0.8)}

    def steady(self, system, rows, rate):
        """The median time of the last tenth of the batches when records come at a rate: it shows whether the lag grows."""
        batches = int(rate * min(20, self.arguments.seconds) / rows)
        batches = min(batches, self.arguments.records // rows)
        if batches < 10:
            return None
        topic = self.topic()
        wanted = [*range(1, 4), *range(batches - batches // 10 + 1, batches + 1)]
        up = system(self, topic, rows, wanted)
        try:
            self.send(topic, rows, batches * rows, rate)
            wait(lambda: batches in up.times, PATIENCE)
        finally:
            up.stop()
        entered = self.entered(topic, rows)
        took = [up.times[n] - entered[n] for n in wanted[3:] if n in up.times]
        return statistics.median(took) if took else None


# Of what the pom names; Spark has the rest.
JARS = ["commons-pool2-*", "kafka-clients-*", "spark-sql-kafka-*", "spark-token-provider-kafka-*"]


def jars():
    """How Spark reads Kafka, with commas between. Fetched once, by Maven."""
    folder, pom = ROOT / ".cache/bench-live/jars", HERE / "pom.xml"
    known = folder / "pom.xml"
    if not known.exists() or known.read_text() != pom.read_text():
        say("fetching Spark's source for Kafka with Maven (once, about 60 MB) ...")
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"], check=True, stdout=sys.stderr)
        shutil.copy(pom, known)
    return ",".join(str(file) for name in JARS for file in folder.glob(f"{name}.jar"))


def wait(so, seconds):
    """Waits until it is so, at most so long. What is missing then shows in the result."""
    end = time.monotonic() + seconds
    while not so() and time.monotonic() < end:
        time.sleep(0.05)


def report(results):
    ms = lambda seconds: f"{seconds * 1000:,.0f}"
    lines = [
        f"Each rate for {results['seconds']} s, one partition; {results['gugus']}; {common.described(results['machine'])}",
        "",
        f"From a batch's last record in Kafka to the first prediction by its model, batches of {SMALL} records:",
        "",
        "| | batches/s | batches | without a model | median ms | p99 ms | longest ms |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in results["latency"]:
        lines.append(f"| {row['name']} | {row['rate']} | {row['batches']:,} | {row['unanswered']:,} | {ms(row['median'])} | {ms(row['p99'])} | {ms(row['longest'])} |")
    lines += [
        "",
        "Records a second that become batches with models, and the time of the last batches when records come at 80 % of that:",
        "",
        "| | records a batch | batches | records/s | median ms at 80 % |",
        "|---|--:|--:|--:|--:|",
    ]
    for row in results["keeping_up"]:
        steady = "" if row["steady"] is None else ms(row["steady"])
        lines.append(f"| {row['name']} | {row['rows']:,} | {row['batches']:,} | {row['rate']:,.0f} | {steady} |")
    goals = results["goals"]
    lines += ["", f"required: p99 under {ms(goals['p99'])} ms at {goals['at']} batches a second: {'reached' if results['required'] else 'MISSED'}."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
