"""Measures `gugus train` beside Spark, scikit-learn and faiss: the same data, the same machine, in turn. See README.md.

`bench/train/run` calls it with what it needs: a Python that has the packages of requirements.txt, JAVA_HOME.
"""

import argparse
import functools
import json
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import cluster
import common
from common import Failed, say
from inputs import read_centers, write_small
from limit import time_of_product, time_to_stream
from report import report
from shapes import SHAPES, write

CORES = 2
PASSES = 20
# Rows per batch of the input with many batches.
SMALL = 100
# Spark's loop takes 2 s per batch, the loops of the other two a hundredth of that.
SPARK_LOOP, OTHER_LOOP = 50, 1_000
# Runs of a job on almost no data; each is a dozen Ballista jobs.
TINY_RUNS = 5
GUGUS, EXECUTORS, TIGHT = "gugus, embedded", "gugus, 2 executors", "gugus, 2 executors, half the memory"
# The start for blobs, beside that of Spark.
BETTER = "gugus, embedded, k-means++"
PLUS_PLUS = 'init = "k-means++"\n'
PEERS = {"spark": "Spark local[2]", "scikit-learn": "scikit-learn", "faiss": "faiss, 32-bit floats"}
SLOW = {"spark"}
REQUIRED_BATCHES_SECONDS, REQUIRED_TIMES_LOOP, REQUIRED_JOB_SECONDS = 10, 2_000, 0.015
# The cost of the better start by scikit-learn's, and the time with half the memory by the time with enough, at most.
REQUIRED_COST, REQUIRED_TIGHT = 1.01, 2.0
# The parts of a fit that its steps belong to. The rest of its time is the start of the cluster, and saving.
PARTS = {"summarize": "reading", "cost": "first centers", "sample": "first centers", "weigh": "first centers", "lloyd": "passes", "evaluate": "assessment"}
BATCHES = "batches"
# The least memory that an executor can be given, in MiB.
LEAST_MEMORY = 16

JOB = """name = "{name}"
[source]
topic = "bench"
other_columns = "drop"
[source.columns]
{columns}
[batches]
rows = {rows}
[[models]]
name = "model"
features = {features}
seed = 1
"""
ALL_BATCHES = 'scope = "all"\nk = {k}\ntol = 0.0\nmax_iter = {passes}\n'
EACH = "k = 5\n"
# The features of the small inputs.
TINY = ["x", "y"]


def main():
    arguments = parse()
    gugus = common.existing(common.gugus())
    # Each program gets two cores, however many the machine has. Child processes inherit this.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    return common.carry_out(arguments, lambda folder: Bench(arguments, gugus, folder).run(), report)


def parse():
    parser = argparse.ArgumentParser(prog="bench/train/run", description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, metavar="PART", help="the part of the rows of each large input that is taken (default: 1)")
    names = [shape.name for shape in SHAPES] + [BATCHES]
    parser.add_argument("--rows-of", choices=names, action="append", metavar="NAME", help=f"fit only these rows, one of {', '.join(names)}; may be given several times")
    parser.add_argument("--batches", type=int, default=10_000, metavar="N", help=f"batches of {SMALL} rows (default: 10000)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="runs of each program, alternating; the median counts (default: 3)")
    parser.add_argument("--slow-rounds", type=int, default=1, metavar="N", help="runs of Spark, which takes minutes (default: 1)")
    parser.add_argument("--only", choices=["gugus", *PEERS], action="append", help="measure only this program; may be given several times")
    return common.parse(parser, "inputs and models", {"share": 0.01, "batches": 100, "rounds": 1, "slow_rounds": 1})


class Bench:
    """The inputs, and all programs that fit them."""

    def __init__(self, arguments, gugus, folder):
        self.arguments, self.gugus, self.folder = arguments, gugus, folder
        self.calls = 0
        self.versions = {"gugus": subprocess.run([gugus, "--version"], capture_output=True, text=True).stdout.strip()}
        self.loops = {"spark": SPARK_LOOP, "scikit-learn": OTHER_LOOP, "faiss": OTHER_LOOP}
        if arguments.quick:
            self.loops = dict.fromkeys(self.loops, 5)
        self.fitted = {}
        chosen = arguments.rows_of
        self.shapes = [shape.of_rows(arguments.share) for shape in SHAPES if not chosen or shape.name in chosen]
        self.many = not chosen or BATCHES in chosen

    def run(self):
        sets = self.sets()
        self.fill()
        limits = {}
        for shape in self.shapes:
            stream = common.apart(time_to_stream, shape.rows, shape.columns)
            product = common.apart(time_of_product, shape.rows, shape.columns, shape.k)
            limits[shape.name] = {"stream": stream, "product": product}
            say(f"{shape.name}: streaming the columns once: {stream * 1e3:.1f} ms, one product: {product * 1e3:.1f} ms")
        job = self.tiny()
        self.warm()
        runs = {(kind, who): [] for kind, contenders in sets.items() for who in contenders}
        for round_number in range(1, self.arguments.rounds + 1):
            for kind, contenders in sets.items():
                for who, contender in contenders.items():
                    if who in SLOW and round_number > self.arguments.slow_rounds:
                        continue
                    run = contender()
                    runs[kind, who].append(run)
                    say(f"round {round_number}: {kind}: {who}: fit {run['fit']:.2f} s, process {run['seconds']:.2f} s")
        return self.results(runs, limits, job)

    def wanted(self, who):
        return not self.arguments.only or who in self.arguments.only

    def sets(self):
        """The programs and their inputs: one function per program, which runs it once."""
        ours = {GUGUS: None, EXECUTORS: cluster.Cluster} if self.wanted("gugus") else {}
        peers = [peer for peer in PEERS if self.wanted(peer)]
        sets = {}
        for shape in self.shapes:
            of = {who: functools.partial(self.train_whole, shape, started) for who, started in ours.items()}
            if ours and shape.data == "blobs":
                of[BETTER] = functools.partial(self.train_whole, shape, None, PLUS_PLUS)
            if ours and shape.tight:
                # Both executors together have half of what the rows take.
                limit = max(shape.bytes // 4 >> 20, LEAST_MEMORY)
                tight = functools.partial(cluster.Cluster, executors=("--memory-limit", f"{limit}MiB"))
                of[TIGHT] = functools.partial(self.train_whole, shape, tight)
            sets[shape.name] = {**of, **{peer: functools.partial(self.peer_whole, peer, shape) for peer in peers}}
        if self.many:
            sets[BATCHES] = {
                **{who: functools.partial(self.train_batches, started) for who, started in ours.items()},
                **{peer: functools.partial(self.peer_batches, peer) for peer in peers},
            }
        return sets

    def fill(self):
        """The inputs, imported by `gugus batches import`."""
        common.apart(write_small, self.folder, self.arguments.batches, SMALL)
        # Two shapes may share a file.
        files = {shape.file: shape for shape in self.shapes}
        for shape in files.values():
            common.apart(write, self.folder, shape)
        rows = {"tiny": (SMALL, TINY)} | ({"many": (SMALL, TINY)} if self.many else {})
        rows |= {name: (shape.batch, shape.features) for name, shape in files.items()}
        for name, (rows_of_batch, features) in rows.items():
            say(f"importing {name}.parquet ...")
            job = self.job(name, rows_of_batch, EACH, features)
            command = [self.gugus, "batches", "import", str(self.folder / f"{name}.parquet"), "--job", job]
            common.measure([*command, "--batches", str(self.folder / name), "--log", "warn"], self.folder)

    def job(self, name, rows, model, features):
        self.calls += 1
        path = self.folder / f"{name}-{self.calls}.toml"
        columns = "\n".join(f'"{feature}" = {{ type = "float64", required = true }}' for feature in features)
        path.write_text(JOB.format(name=name, rows=rows, columns=columns, features=json.dumps(features)) + model)
        return str(path)

    def whole_job(self, shape, more=""):
        model = ALL_BATCHES.format(k=shape.k, passes=PASSES) + more
        return self.job(shape.file, shape.batch, model, shape.features)

    def train(self, name, job, started=None, log="warn"):
        """One `gugus train`, embedded or on a cluster that was started for it. Its memory is that of all processes."""
        self.calls += 1
        models = self.folder / f"models-{self.calls}"
        command = [self.gugus, "train", "--job", job, "--batches", str(self.folder / name), "--models", str(models)]
        command += ["--output", "json", "--log", log, "--log-format", "json"]
        if started is None:
            run, output, said = common.measure(command, self.folder)
        else:
            # Each run gets a new cluster, because an old one would have the columns in memory already.
            with started(self.gugus, self.folder) as running:
                run, output, said = common.measure([*command, "--scheduler", running.url], self.folder)
            run["cluster_start"] = running.seconds_to_start
            run["peak"] += running.peak
        told = json.loads(output)
        run.update(fit=told["seconds"], trained=told["trained"], models=told["models"], said=said)
        # A model that was not trained has no path; callers check that first.
        run["folder"] = models / (told["models"][0]["path"] or "")
        # The models stay until the end: for minutes after many files were removed, ext4 without a journal makes new files up to
        # five times more slowly.
        return run

    def train_whole(self, shape, started, more=""):
        run = self.train(shape.file, self.whole_job(shape, more), started)
        model = run.pop("models")[0]
        # Blobs may be found before the last pass.
        passes = model["iterations"] == PASSES or shape.data == "blobs"
        if run["trained"] != 1 or sum(model["sizes"]) != shape.rows or not passes:
            raise Failed(f"the model of {shape.name} is not what was asked for: {model}")
        centers = common.apart(read_centers, run.pop("folder"))
        found = (centers, model["sizes"], model["training_cost"])
        if self.fitted.setdefault((shape.name, more), found) != found:
            raise Failed(f"two runs of {shape.name} gave two models, and must not: {self.fitted[shape.name, more]}, {found}")
        run.pop("said")
        return {**run, "iterations": model["iterations"], "cost": model["training_cost"]}

    def train_batches(self, started):
        run = self.train("many", self.job("many", SMALL, EACH, TINY), started)
        if run["trained"] != self.arguments.batches:
            raise Failed(f"{run['trained']} of {self.arguments.batches} models were trained")
        for key in ("models", "folder", "said"):
            run.pop(key)
        return {**run, "batches": self.arguments.batches}

    def peer(self, who, *words):
        command = [sys.executable, str(HERE / "peers.py"), who, *map(str, words)]
        # Files that Spark spills are removed with the folder.
        environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_DIRS": str(self.folder)}
        run, output, _ = common.measure(command, self.folder, environment)
        told = json.loads(output)
        self.versions[who] = told.pop("version")
        run["peak"] += told.pop("beside", 0)
        return {**run, **told}

    def peer_whole(self, who, shape):
        return self.peer(who, "whole", self.folder / f"{shape.file}.parquet", shape.k, PASSES)

    def peer_batches(self, who):
        self.calls += 1
        target = self.folder / f"peer-{self.calls}"
        run = self.peer(who, "batches", self.folder / "many", self.loops[who], target)
        times = self.arguments.batches / run["batches"]
        # The start counts once, the loop as often as it would run.
        first = run["seconds"] - run["fit"]
        run.update(scaled=times > 1, by_median=statistics.median(run["each"]) * self.arguments.batches)
        run.update(fit=run["fit"] * times, seconds=first + run["fit"] * times)
        return run

    def warm(self):
        """A first run reads binaries, jars and packages from disk; later runs have them in memory."""
        say("warming up ...")
        for who in PEERS:
            if self.wanted(who):
                self.peer(who, "whole", self.folder / "tiny.parquet", 2, 1)

    def tiny(self):
        """Seconds of one Ballista job on almost no data, by the driver's own clock."""
        if not self.wanted("gugus"):
            return None
        seconds = []
        for _ in range(TINY_RUNS):
            job = self.job("tiny", SMALL, ALL_BATCHES.format(k=5, passes=PASSES), TINY)
            run = self.train("tiny", job, log="warn,gugus_engine=debug")
            seconds += [line["seconds"] for line in lines(run["said"], "Ballista job ended")]
        return statistics.median(seconds) if seconds else None

    def steps(self):
        """Seconds of each step of a fit over all batches, from runs that do not count because they log each step."""
        found = {}
        for shape in self.shapes if self.wanted("gugus") else ():
            run = self.train(shape.file, self.whole_job(shape), log="warn,gugus_train=debug")
            by_step = {}
            for line in lines(run["said"], "step ended"):
                by_step.setdefault(line["step"], []).append(line["seconds"])
            parts = dict.fromkeys(PARTS.values(), 0.0)
            for step, seconds in by_step.items():
                parts[PARTS[step]] += sum(seconds)
            parts["start and saving"] = run["fit"] - sum(parts.values())
            found[shape.name] = {"whole": run["fit"], "steps": by_step, "parts": parts}
        return found

    def results(self, runs, limits, job):
        rows = []
        for (kind, who), all_runs in runs.items():
            middle = median(all_runs)
            rows.append({"set": kind, "who": who, **{key: value for key, value in middle.items() if key != "each"}, "runs": all_runs})
        for row in rows:
            ours = next((other for other in rows if other["set"] == row["set"] and other["who"] == GUGUS), None)
            for what in ("fit", "seconds"):
                row[f"times_{what}"] = row[what] / ours[what] if ours else None
        steps = self.steps()
        judged = self.judged(rows, steps, limits, job)
        return {
            "versions": self.versions,
            "names": PEERS,
            "shapes": {shape.name: {"rows": shape.rows, "columns": shape.columns, "k": shape.k, "data": shape.data} for shape in self.shapes},
            "batches": self.arguments.batches,
            "passes": PASSES,
            "rounds": self.arguments.rounds,
            "slow_rounds": self.arguments.slow_rounds,
            "rows": rows,
            "limits": limits,
            "steps": steps,
            "job_seconds": job,
            "judged": judged,
            "required": bool(judged) and all(one["reached"] for one in judged),
        }

    def judged(self, rows, steps, limits, job):
        """Each goal, the measured value, and whether the goal is reached. Without a measured value it is not."""
        by_name = {(row["set"], row["who"]): row for row in rows}
        measured = lambda kind, who, what: by_name.get((kind, who), {}).get(what)
        ratio = lambda one, other: one / other if one and other else None
        asked = []
        for shape in self.shapes:
            what = {"fit": "whole fit", "seconds": "whole command"}[shape.by]
            for peer, times in shape.required.items():
                asked.append((f"{shape.name}: times {PEERS[peer]}, {what}", "least", times, measured(shape.name, peer, f"times_{shape.by}")))
            if shape.data == "blobs":
                cost = ratio(measured(shape.name, BETTER, "cost"), measured(shape.name, "scikit-learn", "cost"))
                asked.append((f"{shape.name}: cost from k-means++ by scikit-learn's", "most", REQUIRED_COST, cost))
            if shape.tight:
                time = ratio(measured(shape.name, TIGHT, "fit"), measured(shape.name, EXECUTORS, "fit"))
                asked.append((f"{shape.name}: time with half the memory by that with enough", "most", REQUIRED_TIGHT, time))
            if shape.passes_at_most:
                seconds = steps.get(shape.name, {}).get("steps", {}).get("lloyd")
                time = ratio(seconds and statistics.median(seconds), limits[shape.name]["product"])
                asked.append((f"{shape.name}: a pass by one product of 32-bit floats", "most", shape.passes_at_most, time))
        if self.many:
            ours, spark = measured(BATCHES, GUGUS, "seconds"), measured(BATCHES, "spark", "fit")
            asked += [
                (f"{self.arguments.batches:,} batches: seconds, whole process", "most", REQUIRED_BATCHES_SECONDS, ours),
                ("batches: times Spark's loop (scaled)", "least", REQUIRED_TIMES_LOOP, ratio(spark, ours)),
            ]
        asked.append(("one Ballista job on almost no data: milliseconds", "most", REQUIRED_JOB_SECONDS * 1e3, job and job * 1e3))
        enough = {"least": lambda value, goal: value >= goal, "most": lambda value, goal: value < goal}
        return [
            {"what": what, "at": at, "goal": goal, "measured": value, "reached": value is not None and enough[at](value, goal)}
            for what, at, goal, value in asked
        ]


def median(runs):
    middle = statistics.median_low(run["fit"] for run in runs)
    return next(run for run in runs if run["fit"] == middle)


def lines(said, message):
    """The fields of the log's lines with this message."""
    fields = (json.loads(line)["fields"] for line in said.splitlines() if message in line)
    return [each for each in fields if each["message"] == message]


if __name__ == "__main__":
    sys.exit(main())
