"""Measures `gugus ingest` beside a bare librdkafka loop and a Python consumer: the same broker, the same messages. See README.md.

`bench/ingest/run` calls it with what it needs: a Python that has kafka-python, JAVA_HOME, GUGUS_TEST_KAFKA_LIBS.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import common
from common import ROOT, Failed, say
from kafka_broker import Broker

TOPIC = "bench-ingest"
PARTITIONS = 4
# Messages for the runs that are too slow for all messages.
SMALL_BATCHES = 100_000
PYTHON = 20_000
REQUIRED, WANTED, TIMES_PYTHON = 0.3, 0.5, 10
# The most that hashes may take of the processor time of ingest and of a first training pass.
HASHES = 0.03

TWO_COLUMNS = """name = "bench"
[source]
topic = "{topic}"
other_columns = "{other}"
[source.columns]
"LAT" = {{ type = "float64", required = true }}
"LON" = {{ type = "float64", required = true }}
[batches]
rows = {rows}
[[models]]
name = "bench"
features = ["LAT", "LON"]
k = 2
max_iter = 1
"""


def main():
    arguments = parse()
    gugus, bare_loop, hash_cost = binaries()

    def work(folder):
        broker = Broker(folder / "kafka")
        try:
            return Bench(arguments, gugus, bare_loop, hash_cost, broker, folder).run()
        finally:
            broker.stop()

    return common.carry_out(arguments, work, report)


def parse():
    parser = argparse.ArgumentParser(prog="bench/ingest/run", description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=1_000_000, metavar="N", help="messages in the topic (default: 1000000)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="runs of each program, alternating; the median counts (default: 3)")
    return common.parse(parser, "broker and batches")


def binaries():
    """The binary, and the bare loop and the hashes alone beside it, where cargo puts examples."""
    gugus = common.gugus()
    files = (gugus, gugus.parent / "examples/bare_loop", gugus.parent / "examples/hash_cost")
    return [common.existing(file, "-p gugus -p gugus-ingest --bin gugus --example bare_loop --example hash_cost") for file in files]


def measure(command, broker, folder):
    """Runs a command to its end, and also measures the broker's CPU time meanwhile."""
    before = broker.cpu()
    run, output, said = common.measure(command, folder)
    return {**run, "broker_cpu": broker.cpu() - before}, output, said


class Bench:
    """One topic, and all programs that read it."""

    def __init__(self, arguments, gugus, bare_loop, hash_cost, broker, folder):
        self.arguments, self.gugus, self.bare_loop, self.hash_cost = arguments, gugus, bare_loop, hash_cost
        self.broker, self.folder = broker, folder
        self.calls = 0
        self.bytes = 0

    def run(self):
        contenders = self.contenders()
        self.fill()
        self.warm()
        runs = {name: [] for name, _ in contenders}
        for round_number in range(1, self.arguments.rounds + 1):
            for name, contender in contenders:
                run = contender()
                run["rate"] = run["records"] / run["seconds"]
                runs[name].append(run)
                say(f"round {round_number}: {name}: {run['rate']:,.0f} records/s")
        # Reading the clock twice per record costs a few percent, so the parts come from runs that do not count.
        by_part = {name: contender(parts=True) for name, contender in contenders if name.startswith("ingest")}
        return {**self.results(runs, by_part), "hashes": self.hashes()}

    def contenders(self):
        big, small = 100_000, 100
        found = [
            ("bare loop, gugus's fetch settings", lambda: self.bare("gugus")),
            ("bare loop, librdkafka's defaults", lambda: self.bare("librdkafka")),
        ]
        if shutil.which("kcat"):
            found.append(("kcat to /dev/null", self.kcat))
        else:
            say("kcat is not installed, and left out")
        found += [
            ("ingest, 100,000 rows, 2 columns, others dropped", lambda **more: self.ingest(self.two_columns("drop", big), **more)),
            ("ingest, 100,000 rows, 2 columns, others as text", lambda **more: self.ingest(self.two_columns("utf8", big), **more)),
            ("ingest, 100,000 rows, crime.toml (28 columns)", lambda **more: self.ingest(self.crime(big), **more)),
            ("ingest, 100 rows, others dropped", lambda **more: self.ingest(self.two_columns("drop", small), SMALL_BATCHES // small, **more)),
            ("ingest, 100 rows, others as text", lambda **more: self.ingest(self.two_columns("utf8", small), SMALL_BATCHES // small, **more)),
            ("Python consumer, 100 rows (scaled)", self.python),
        ]
        return found

    def fill(self):
        """The messages: made-up records in the LAPD's form, sent by `gugus produce`."""
        csv = str(self.folder / "records.csv")
        say(f"making and sending {self.arguments.messages:,} messages ...")
        subprocess.run([self.gugus, "generate", "--records", str(self.arguments.messages), "--output", csv], check=True, stderr=subprocess.DEVNULL)
        self.broker.create_topic(TOPIC, PARTITIONS)
        job = self.two_columns("drop", 100)
        command = [self.gugus, "produce", "--job", job, "--brokers", self.broker.address, "--input", csv]
        self.produced, _, _ = measure(command, self.broker, self.folder)
        os.remove(csv)

    def warm(self):
        """The first group of a new broker costs seconds, whichever program it is, and Java compiles its code meanwhile."""
        run = self.bare("gugus")
        if run["records"] != self.arguments.messages:
            raise Failed(f"the topic holds {run['records']} of {self.arguments.messages} messages")
        self.bytes = run["bytes"]
        self.ingest(self.two_columns("drop", 100), 1)

    def two_columns(self, other, rows):
        return self.job(f"{other}-{rows}.toml", TWO_COLUMNS.format(topic=TOPIC, other=other, rows=rows))

    def crime(self, rows):
        """The shipped job, with this topic and this many rows."""
        changed = {"topic": f'topic = "{TOPIC}"', "rows": f"rows = {rows}"}
        lines = (ROOT / "jobs/crime.toml").read_text().splitlines()
        text = "\n".join(changed.get(line.split("=")[0].strip(), line) for line in lines)
        return self.job(f"crime-{rows}.toml", text)

    def job(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def bare(self, fetch):
        run, output, _ = measure([self.bare_loop, self.broker.address, TOPIC, fetch], self.broker, self.folder)
        told = json.loads(output)
        return {**run, "records": told["records"], "bytes": told["bytes"], "first_to_last": told["seconds"]}

    def kcat(self):
        command = ["kcat", "-C", "-b", self.broker.address, "-t", TOPIC, "-o", "beginning", "-e", "-q"]
        # Otherwise its output would be kept in a file.
        run, _, _ = measure(["sh", "-c", 'exec "$@" >/dev/null', "kcat", *command], self.broker, self.folder)
        return {**run, "records": self.arguments.messages}

    def ingest(self, job, batches=None, parts=False, keep=None):
        """`keep` is where the batches stay; without it they are removed."""
        self.calls += 1
        target = keep or self.folder / f"batch-{self.calls}"
        command = [self.gugus, "ingest", "--job", job, "--brokers", self.broker.address, "--batches", str(target), "--until-end"]
        command += ["-K", f"group.id=bench-{self.calls}", "--output", "json"]
        command += ["--log", "warn,gugus_ingest=debug" if parts else "warn", "--log-format", "json"]
        if batches is not None:
            command += ["--max-batches", str(batches)]
        run, output, said = measure(command, self.broker, self.folder)
        told = json.loads(output)
        records = told["records"] + told["rejected"]
        if batches is None and records != self.arguments.messages:
            raise Failed(f"{records} of {self.arguments.messages} messages were taken")
        run.update(records=records, batches=told["batches"], size=size(target))
        if parts:
            run["parts"] = time_by_part(said)
        verified = subprocess.run([self.gugus, "batches", "verify", "--batches", str(target), "--output", "json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        problems = json.loads(verified.stdout)["problems"]
        if problems:
            raise Failed(f"batches verify: {problems}")
        if keep is None:
            shutil.rmtree(target)
        return run

    def hashes(self):
        """The time of the hashes alone, by the processor time of a whole ingest and of a training with one pass."""
        found = []
        for other in ("drop", "utf8"):
            job, target = self.two_columns(other, 100_000), self.folder / f"hashed-{other}"
            ingested = self.ingest(job, keep=target)
            command = [self.gugus, "train", "--job", job, "--batches", str(target), "--models", str(self.folder / f"models-{other}"), "--log", "warn"]
            trained, _, _ = measure(command, self.broker, self.folder)
            for name, run, columns in (("ingest", ingested, []), ("training, one pass", trained, ["LAT", "LON"])):
                output = subprocess.run([self.hash_cost, str(target), *columns], check=True, stdout=subprocess.PIPE).stdout
                told = json.loads(output)
                found.append({"name": f"{name}, others {other}", "cpu": run["cpu"], **told, "share": told["seconds"] / run["cpu"]})
            shutil.rmtree(target)
        return found

    def python(self):
        target = self.folder / "python"
        target.mkdir()
        limit = min(PYTHON, self.arguments.messages)
        command = [sys.executable, str(HERE / "python_consumer.py"), self.broker.address, TOPIC, str(target), str(limit)]
        run, output, _ = measure(command, self.broker, self.folder)
        shutil.rmtree(target)
        # By its own clock: scaled, starting Python and joining the group would count fifty times.
        return {**run, **json.loads(output), "scaled": True}

    def results(self, runs, by_part):
        size_of_one = self.bytes / self.arguments.messages
        rows = []
        for name, all_runs in runs.items():
            middle = median(all_runs)
            records = middle["records"]
            rows.append(
                {
                    "name": name,
                    "records": records,
                    "rate": middle["rate"],
                    "slowest": min(run["rate"] for run in all_runs),
                    "fastest": max(run["rate"] for run in all_runs),
                    "mb_per_second": middle["rate"] * size_of_one / 1e6,
                    "cpu_per_million": middle["cpu"] / records * 1e6,
                    # Scaled, the broker's cost of fetching more than was taken would count fifty times.
                    "broker_cpu_per_million": None if middle.get("scaled") else middle["broker_cpu"] / records * 1e6,
                    "peak": middle["peak"],
                    "size_per_record": middle["size"] / records if "size" in middle else None,
                    "parts": by_record(by_part.get(name, {})),
                    "runs": all_runs,
                }
            )
        bare = max(row["rate"] for row in rows if not row["name"].startswith(("ingest", "Python")))
        python = next(row["rate"] for row in rows if row["name"].startswith("Python"))
        for row in rows:
            row["of_bare"], row["of_python"] = row["rate"] / bare, row["rate"] / python
        judged = [row for row in rows if row["name"].startswith("ingest, 100,000")]
        return {
            "gugus": subprocess.run([self.gugus, "--version"], capture_output=True, text=True).stdout.strip(),
            "messages": self.arguments.messages,
            "bytes_per_message": size_of_one,
            "partitions": PARTITIONS,
            "rounds": self.arguments.rounds,
            "produce_rate": self.arguments.messages / self.produced["seconds"],
            "rows": rows,
            "goals": {"required": REQUIRED, "wanted": WANTED, "times_python": TIMES_PYTHON},
            "required": all(row["of_bare"] >= REQUIRED and row["of_python"] >= TIMES_PYTHON for row in judged),
            "wanted": all(row["of_bare"] >= WANTED for row in judged),
        }


def median(runs):
    middle = statistics.median_low(run["rate"] for run in runs)
    return next(run for run in runs if run["rate"] == middle)


def time_by_part(said):
    """The line `time by part` of ingest's log: seconds by part. None when there is no such line."""
    for line in said.splitlines():
        if '"time by part"' not in line:
            continue
        fields = json.loads(line)["fields"]
        return {name[:-2]: float(value) for name, value in fields.items() if name.endswith("_s")}
    return None


def by_record(run):
    """Microseconds per record: by part, and the rest of the process's CPU time."""
    if not run.get("parts"):
        return None
    each = {name: seconds / run["records"] * 1e6 for name, seconds in run["parts"].items()}
    each["all CPU"] = run["cpu"] / run["records"] * 1e6
    # Polling and committing mostly wait. Their work and that of librdkafka's own threads is in here.
    each["rest of CPU"] = each["all CPU"] - each.get("parse", 0) - each.get("encode", 0)
    return each


def size(folder):
    return sum(file.stat().st_size for file in folder.rglob("*.parquet"))


def report(results):
    lines = [
        f"{results['messages']:,} messages of {results['bytes_per_message']:.0f} bytes in {results['partitions']} partitions, "
        f"median of {results['rounds']}; {results['gugus']}; {common.described(results['machine'])}",
        "",
        "| | records/s | from .. to | MB/s | of the bare loop | times Python | CPU s per million | broker's | peak MiB |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in results["rows"]:
        broker = row["broker_cpu_per_million"]
        lines.append(
            f"| {row['name']} | {row['rate']:,.0f} | {row['slowest']:,.0f} .. {row['fastest']:,.0f} | {row['mb_per_second']:.0f} "
            f"| {row['of_bare']:.2f} | {row['of_python']:.1f} | {row['cpu_per_million']:.2f} | {'' if broker is None else format(broker, '.2f')} "
            f"| {row['peak'] / 2**20:.0f} |"
        )
    with_parts = [row for row in results["rows"] if row["parts"]]
    if with_parts:
        names = list(dict.fromkeys(name for row in with_parts for name in row["parts"]))
        lines += ["", "Microseconds a record, by part:", "", f"| | {' | '.join(names)} |", "|---|" + "--:|" * len(names)]
        for row in with_parts:
            cells = (format(row["parts"].get(name, 0), ".2f") for name in names)
            lines.append(f"| {row['name']} | {' | '.join(cells)} |")
    lines += ["", "Hashes alone, by the processor time of the whole process:", "", "| | hashed MB | ms | CPU s | share |", "|---|--:|--:|--:|--:|"]
    for row in results["hashes"]:
        lines.append(f"| {row['name']} | {row['bytes'] / 1e6:.1f} | {row['seconds'] * 1e3:.1f} | {row['cpu']:.2f} | {row['share']:.2%} |")
    reached = all(row["share"] < HASHES for row in results["hashes"])
    lines += ["", f"goal: under {HASHES:.0%}; {'reached' if reached else 'MISSED'}"]
    lines += [
        "",
        f"of the bare loop: that is the fastest of those that drop. Goals for 100,000 rows: {REQUIRED} required, {WANTED} wanted, "
        f"{TIMES_PYTHON} times Python.",
        f"required: {'reached' if results['required'] else 'MISSED'}; wanted: {'reached' if results['wanted'] else 'missed'}; "
        f"`produce` sent {results['produce_rate']:,.0f} records/s.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
