"""Measures how long a batch takes from its last record in Kafka to the first prediction by its model: `gugus up` beside Spark. See
README.md.

`bench/live/run` calls it with what it needs: a Python that has pyspark and kafka-python, JAVA_HOME, GUGUS_TEST_KAFKA_LIBS.
"""

import argparse
import http.client
import json
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
# Between two questions for a model that is not there yet. Shorter pauses would take time from the models on two cores.
PAUSE = 0.005
# Models keep up at the first of these shares of the rate at which they work off a full topic at which their lag is bounded.
SHARES = [0.8, 0.6, 0.4]
# How long one of these rates is held, in seconds.
HELD = 20
# The lag is bounded if the last quarter of the batches is not slower than the second by more than this.
GROWTH, JITTER = 1.5, 0.05
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
    parser.add_argument("--records", type=int, default=2_000_000, metavar="N", help="records for each of these sizes, at most 2,000 batches of a full topic (default: 2000000)")
    parser.add_argument("--only", choices=["gugus", "spark"], help="measure one of them")
    return common.parse(parser, "broker, batches and models", quick={"rates": [10], "seconds": 5, "sizes": [1_000], "records": 100_000})


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
        self.errors = open(folder / "errors", "w+")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        try:
            self.host = common.ready(self.process, self.name, self.errors)["rest"].removeprefix("http://")
        except Failed:
            self.process.kill()
            raise
        self.times = {}
        self.ended = False
        self.error = None
        self.asking = threading.Thread(target=self.ask_all, args=(wanted,), daemon=True)
        self.asking.start()

    def ask_all(self, wanted):
        try:
            self.ask(wanted)
        except (OSError, http.client.HTTPException) as error:
            self.error = error

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
        # Before the process: the client shall not meet a closed port.
        self.ended = True
        self.asking.join(60)
        self.process.terminate()
        if self.process.wait(60) != 0:
            raise Failed(f"gugus up ended with {self.process.returncode}:\n{common.last_words(self.errors)}")

    def check(self):
        if self.error:
            raise Failed(f"the client of gugus up failed: {self.error}")


class Spark:
    """Spark's Structured Streaming (peer.py). It tells the time of each batch itself."""

    name = "Spark 3.5.5"

    def __init__(self, bench, topic, rows, _wanted):
        folder = bench.folder / topic
        folder.mkdir()
        self.rows, self.offsets = rows, folder / "checkpoint/offsets"
        command = [sys.executable, str(HERE / "peer.py"), bench.broker.address, topic, str(rows), str(folder), jars()]
        self.errors = open(folder / "errors", "w+")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.times = {}
        for line in self.process.stdout:
            if line.startswith("ready"):
                break
        else:
            raise Failed(f"Spark did not get ready:\n{common.last_words(self.errors)}")
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            number, at = line.split()
            self.times[int(number)] = float(at)

    def stop(self):
        # Python and the virtual machine end together.
        self.process.terminate()
        self.process.wait(60)

    def check(self):
        """Whether its batches are those of gugus."""
        files = sorted(self.offsets.glob("[0-9]*"), key=lambda path: int(path.name))
        # The last line of each has the end of each partition.
        last = [json.loads(path.read_text().splitlines()[-1]) for path in files]
        ends = [topic["0"] for topics in last for topic in topics.values()]
        if any(end % self.rows for end in ends) or any(later - end != self.rows for end, later in zip(ends, ends[1:])):
            raise Failed(f"the batches of Spark are not those of gugus: they end at {ends}")


class Bench:
    def __init__(self, arguments, gugus, broker, folder):
        self.arguments, self.gugus, self.broker, self.folder = arguments, gugus, broker, folder
        self.topics = 0
        self.csv = str(folder / "records.csv")

    def run(self):
        self.write_records()
        systems = [system for system in (Gugus, Spark) if self.arguments.only in (None, system.__name__.lower())]
        latency = list(measured(self.latency, systems, self.arguments.rates))
        keeping_up = list(measured(self.keeping_up, systems, self.arguments.sizes))
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
        # Eight batches are sent in any case.
        most = max(self.arguments.records, max(self.arguments.rates) * self.arguments.seconds * SMALL, WARM_UP * max(self.arguments.sizes))
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

        consumer = KafkaConsumer(bootstrap_servers=self.broker.address, max_poll_records=10_000, check_crcs=False)
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

    def paced(self, system, rows, rate, batches):
        """Sends batches evenly, so many records a second, to a system that is warm. Returns for each batch how long it took from its
        last record in Kafka to its first prediction, and whether it got one (if not, the time is that until now); and the
        records a second that Kafka really got."""
        topic, last = self.topic(), WARM_UP + batches
        up = system(self, topic, rows, range(1, last + 1))
        try:
            self.send(topic, rows, WARM_UP * rows)
            wait(lambda: WARM_UP in up.times, PATIENCE * 2, up)
            self.send(topic, rows, batches * rows, rate)
            wait(lambda: last in up.times, PATIENCE, up)
            times, now = dict(up.times), time.time()
        finally:
            up.stop()
        up.check()
        if WARM_UP not in times:
            raise Failed(f"{system.name} did not predict by its first {WARM_UP} batches")
        entered = self.entered(topic, rows)
        took = [(times.get(n, now) - entered[n], n in times) for n in range(WARM_UP + 1, last + 1)]
        seconds = max(entered[last] - entered[WARM_UP + 1], 0.001)
        return took, (batches - 1) * rows / seconds

    def latency(self, system, rate):
        """From the last record of a batch in Kafka to the first prediction by its model, at a steady rate."""
        say(f"{system.name}: {rate} batches a second ...")
        batches = rate * self.arguments.seconds
        took, records = self.paced(system, SMALL, rate * SMALL, batches)
        seconds = sorted(seconds for seconds, _ in took)
        return {
            "name": system.name,
            "rate": rate,
            "sent": records / SMALL,
            "batches": batches,
            "unanswered": sum(not answered for _, answered in took),
            "median": statistics.median(seconds),
            "p99": seconds[min(batches - 1, int(batches * 0.99))],
            "longest": seconds[-1],
        }

    def keeping_up(self, system, rows):
        """How many records a second become batches with models: of a full topic, and while records come."""
        batches = min(2_000, self.arguments.records // rows)
        say(f"{system.name}: batches of {rows:,} as fast as they come ...")
        topic = self.topic()
        self.send(topic, rows, batches * rows)
        first = min(WARM_UP, batches // 2)
        up = system(self, topic, rows, range(first, batches + 1))
        try:
            wait(lambda: first in up.times, PATIENCE * 2, up)
            wait(lambda: batches in up.times, PATIENCE, up)
        finally:
            up.stop()
        up.check()
        done = max(up.times, default=first)
        if first not in up.times or done == first:
            raise Failed(f"{system.name} trained nothing after batch {first} within {PATIENCE} s")
        seconds = up.times[done] - up.times[first]
        found = {"name": system.name, "rows": rows, "batches": done - first, "rate": (done - first) * rows / seconds}
        tried = []
        for share in SHARES:
            tried.append(self.steady(system, rows, found["rate"] * share))
            if tried[-1]["bounded"]:
                break
        return {**found, "tried": tried}

    def steady(self, system, rows, rate):
        """Whether the lag is bounded while records come at a rate, and how long the last batches take then."""
        say(f"{system.name}: batches of {rows:,}, {rate:,.0f} records a second ...")
        most = self.arguments.records // rows - WARM_UP
        batches = max(8, min(int(rate * min(HELD, self.arguments.seconds) / rows), most))
        took, records = self.paced(system, rows, rate, batches)
        quarters = [statistics.median(seconds for seconds, _ in took[batches * n // 4 : batches * (n + 1) // 4]) for n in range(4)]
        bounded = all(answered for _, answered in took) and quarters[3] <= GROWTH * quarters[1] + JITTER
        return {"rate": records, "batches": batches, "bounded": bounded, "quarters": quarters}


def measured(measure, systems, settings):
    """The figures of each system at each setting. A failure of Spark costs its own figure alone, because a run takes long."""
    for setting in settings:
        for system in systems:
            try:
                yield measure(system, setting)
            except Failed as error:
                if system is not Spark:
                    raise
                say(f"WARNING: {system.name} has no figure at {setting:,}: {error}")


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


def wait(so, seconds, up):
    """Waits until it is so, at most so long. What is missing then shows in the result."""
    end = time.monotonic() + seconds
    while not so() and time.monotonic() < end:
        if up.process.poll() is not None:
            raise Failed(f"{up.name} ended by itself:\n{common.last_words(up.errors)}")
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
        # Batches without a model count with the time that they have waited.
        at_least = "≥ " if row["unanswered"] else ""
        figures = " | ".join(at_least + ms(row[name]) for name in ("median", "p99", "longest"))
        lines.append(f"| {row['name']} | {row['sent']:.1f} | {row['batches']:,} | {row['unanswered']:,} | {figures} |")
    lines += [
        "",
        "Records a second that become batches with models: of a full topic, and while records come, without a growing lag:",
        "",
        "| | records a batch | full topic | keeps up with | median ms then |",
        "|---|--:|--:|--:|--:|",
    ]
    for row in results["keeping_up"]:
        last = row["tried"][-1]
        kept = f"{last['rate']:,.0f} | {ms(last['quarters'][3])}" if last["bounded"] else f"less than {last['rate']:,.0f} |"
        lines.append(f"| {row['name']} | {row['rows']:,} | {row['rate']:,.0f} | {kept} |")
    goals = results["goals"]
    lines += ["", f"required: p99 under {ms(goals['p99'])} ms at {goals['at']} batches a second: {'reached' if results['required'] else 'MISSED'}."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
