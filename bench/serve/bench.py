"""Measures `gugus serve`: single predictions and batches of them, beside a constant and beside Spark behind FastAPI. See README.md.

`bench/serve/run` calls it with a Python that has the packages of requirements.txt. It needs wrk.
"""

import argparse
import contextlib
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import common
from common import Failed, described, say

JSON, ARROW, CSV = "application/json", "application/vnd.apache.arrow.stream", "text/csv"
CONNECTIONS = (1, 64)
# They ask at half of a full rate, each with pauses of about 10 milliseconds.
HALF_CONNECTIONS = 256
CENTERS = 5
GOAL_SHARE, GOAL_P99, GOAL_JSON, GOAL_ARROW = 0.85, 0.002, 3e6, 20e6

JOB = """name = "bench"
[source]
topic = "bench"
other_columns = "drop"
[source.columns]
"LAT" = {{ type = "float64", required = true }}
"LON" = {{ type = "float64", required = true }}
[batches]
rows = 10000
[[models]]
name = "location"
features = ["LAT", "LON"]
seed = 1
k = {k}
"""


def main():
    arguments = parse()
    if not shutil.which("wrk"):
        sys.exit("wrk is missing: apt-get install wrk")
    gugus = common.gugus()
    build = "-p gugus -p gugus-serve --bin gugus --example constant"
    binaries = [common.existing(file, build) for file in (gugus, gugus.parent / "examples/constant")]
    work = lambda folder: {"binary": arguments.binary, **Bench(arguments, *binaries, folder).run()}
    return common.carry_out(arguments, work, report)


def parse():
    parser = argparse.ArgumentParser(prog="bench/serve/run", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=10, metavar="N", help="how long each figure is measured (default: 10)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often; the median counts (default: 3)")
    parser.add_argument("--rows", type=int, default=1_000, metavar="N", help="records of a batch (default: 1000)")
    parser.add_argument("--without-spark", action="store_true", help="leave out the old way, which needs Java")
    parser.add_argument("--binary", default="release build", metavar="TEXT", help="what GUGUS names, for the report (default: release build)")
    return common.parse(parser, "models and bodies", {"seconds": 1, "rounds": 1})


class Bench:
    """One model of two columns, and all who predict by it."""

    def __init__(self, arguments, gugus, constant, folder):
        self.arguments, self.gugus, self.constant, self.folder = arguments, gugus, constant, folder

    def run(self):
        self.train()
        self.bodies()
        command = [self.gugus, "serve", "--models", str(self.folder / "models"), "--listen", "127.0.0.1:0"]
        with self.server("gugus serve", command) as (url, pid):
            self.url, self.pid = f"{url}/models/location/batches/1/predict", pid
            self.check()
            with self.server("the constant", [self.constant]) as (constant, pid):
                single = self.single(f"{constant}/predict", pid)
            many = {name: self.measured(name, self.url, name, 2) for name in ("json", "arrow", "csv")}
        old = None if self.arguments.without_spark else self.old_way()
        results = {"rows": self.arguments.rows, "single": single, "many": many, "old": old}
        return {**results, "required": reached(results)}

    def train(self):
        source = random.Random(1)
        text = "".join(f"{33.7 + source.random() / 2:.4f},{-118.6 + source.random() / 2:.4f}\n" for _ in range(10_000))
        (self.folder / "records.csv").write_text("LAT,LON\n" + text)
        (self.folder / "job.toml").write_text(JOB.format(k=CENTERS))
        places = ["--job", str(self.folder / "job.toml"), "--batches", str(self.folder / "batch"), "--log", "warn"]
        common.measure([self.gugus, "batches", "import", str(self.folder / "records.csv"), *places], self.folder)
        common.measure([self.gugus, "train", *places, "--models", str(self.folder / "models")], self.folder)

    def bodies(self):
        """One record, and many records in each form."""
        import pyarrow

        source = random.Random(2)
        rows = range(self.arguments.rows)
        lat = [round(33.7 + source.random() / 2, 4) for _ in rows]
        lon = [round(-118.6 + source.random() / 2, 4) for _ in rows]
        records = [{"LAT": x, "LON": y} for x, y in zip(lat, lon)]
        table = pyarrow.table({"LAT": lat, "LON": lon})
        sink = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        csv = "LAT,LON\n" + "".join(f"{x},{y}\n" for x, y in zip(lat, lon))
        bodies = {
            "one": (JSON, json.dumps(records[0]).encode()),
            "json": (JSON, json.dumps(records).encode()),
            "csv": (CSV, csv.encode()),
            "arrow": (ARROW, sink.getvalue().to_pybytes()),
        }
        self.kinds = {}
        for name, (kind, body) in bodies.items():
            (self.folder / name).write_bytes(body)
            self.kinds[name] = kind

    def check(self):
        """All forms give the same clusters."""
        import pyarrow

        clusters = [one["cluster"] for one in json.loads(self.ask("json"))]
        as_csv = [int(line) for line in self.ask("csv").decode().splitlines()[1:]]
        as_arrow = pyarrow.ipc.open_stream(self.ask("arrow")).read_all()["cluster"].to_pylist()
        single = json.loads(self.ask("one"))["cluster"]
        if not (len(set(clusters)) == CENTERS and clusters == as_csv == as_arrow and single == clusters[0]):
            raise Failed(f"the clusters differ: {clusters[:9]}, {as_csv[:9]}, {as_arrow[:9]}, {single}")

    def ask(self, name):
        request = urllib.request.Request(self.url, (self.folder / name).read_bytes(), {"Content-Type": self.kinds[name]})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def single(self, constant, pid):
        """Rates of single predictions and of the constant, in turn, and the latency at half of the rate."""
        found = {}
        for connections in CONNECTIONS:
            ours = lambda: self.timed(self.pid, self.url, connections)
            theirs = lambda: self.timed(pid, constant, connections)
            rounds = [(ours(), theirs()) for _ in range(self.arguments.rounds)]
            ours, theirs = (median(runs) for runs in zip(*rounds))
            # wrk pauses for whole milliseconds, so many connections have to ask for half of the full rate.
            pause = 1000 * 2 * HALF_CONNECTIONS / ours["rate"]
            half = median([self.wrk(self.url, "one", HALF_CONNECTIONS, pause) for _ in range(self.arguments.rounds)])
            found[connections] = {"gugus": ours, "constant": theirs, "share": ours["rate"] / theirs["rate"], "half": half}
            say(f"{connections} connections: {ours['rate']:,.0f} of {theirs['rate']:,.0f} a second")
        return found

    def timed(self, pid, url, connections):
        """The rate of single predictions, and what each of them takes of the processors, in microseconds."""
        before = common.used(pid)
        found = self.wrk(url, "one", connections)
        return {**found, "server_us": 1e6 * (common.used(pid) - before) / found["requests"], "client_us": 1e6 * found["cpu"] / found["requests"]}

    def measured(self, what, url, body, connections, rows=None):
        found = median([self.wrk(url, body, connections) for _ in range(self.arguments.rounds)])
        found["rows"] = found["rate"] * (rows or self.arguments.rows)
        say(f"{what}: {found['rows']:,.0f} rows a second")
        return found

    def old_way(self):
        model = self.folder / "models/location/batch_00000001"
        with self.server("Spark behind FastAPI", [sys.executable, str(HERE / "old_way.py"), str(model)]) as (url, _):
            single = {connections: self.measured("Spark, single", f"{url}/predict", "one", connections, 1) for connections in CONNECTIONS}
            return {"single": single, "many": self.measured("Spark, many", f"{url}/predict_many", "json", 2)}

    def wrk(self, url, body, connections, pause=0):
        threads = min(connections, 2)
        command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{self.arguments.seconds}s", "-s", str(HERE / "post.lua"), url]
        run, output, _ = common.measure([*command, "--", str(self.folder / body), self.kinds[body], str(pause)], self.folder)
        found = json.loads(output.decode().strip().splitlines()[-1])
        if found["failed"] or not found["requests"]:
            raise Failed(f"{url} with {body}: {found}")
        return {**found, "rate": found["requests"] / found["seconds"], "cpu": run["cpu"]}

    @contextlib.contextmanager
    def server(self, name, command):
        """Starts a server and waits for its line `ready`. Gives its address and the id of its process."""
        with tempfile.TemporaryFile(dir=self.folder) as errors:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True)
            try:
                yield common.ready(process, name, errors)["rest"].rstrip("/"), process.pid
            finally:
                process.kill()
                process.wait()


def median(runs):
    return sorted(runs, key=lambda run: run["rate"])[len(runs) // 2]


def reached(results):
    single, many = results["single"].values(), results["many"]
    shares = all(found["share"] >= GOAL_SHARE and found["half"]["p99"] < GOAL_P99 for found in single)
    return shares and many["json"]["rows"] >= GOAL_JSON and many["arrow"]["rows"] >= GOAL_ARROW


def report(results):
    mark = lambda holds: "" if holds else "  MISSED"
    lines = [described(results["machine"]), f"binary: {results['binary']}", ""]
    lines.append(f"{'single predictions':26} {'a second':>12} {'constant':>12} {'share':>8} {'p99 at half':>14}")
    for connections, found in results["single"].items():
        half = found["half"]
        holds = found["share"] >= GOAL_SHARE and half["p99"] < GOAL_P99
        share = f"{100 * found['share']:.0f} %"
        rate = f"{1000 * half['p99']:.2f} ms"
        lines.append(f"{f'{connections} connections':26} {found['gugus']['rate']:12,.0f} {found['constant']['rate']:12,.0f} {share:>8} {rate:>14}{mark(holds)}")
        lines.append(f"{'':26} half: {half['rate']:,.0f} a second")
        for name in ("gugus", "constant"):
            lines.append(f"{'':26} {name}: processor time of a request {found[name]['server_us']:.1f} us, and {found[name]['client_us']:.1f} us of the client")
    lines += ["", f"{'rows a second, batches of ' + str(results['rows']):40} {'rows':>14}"]
    goals = {"json": GOAL_JSON, "arrow": GOAL_ARROW, "csv": 0}
    for name, found in results["many"].items():
        lines.append(f"{name:40} {found['rows']:14,.0f}{mark(found['rows'] >= goals[name])}")
    if old := results["old"]:
        lines.append("")
        for connections, found in old["single"].items():
            lines.append(f"{f'Spark behind FastAPI, {connections} connections':40} {found['rate']:14,.0f} a second, p99 {1000 * found['p99']:.1f} ms")
        lines.append(f"{'Spark behind FastAPI, batches':40} {old['many']['rows']:14,.0f} rows a second")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
