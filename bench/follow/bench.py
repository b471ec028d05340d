"""Measures what one more batch costs `gugus train --follow` beside few and many batches. See README.md.

`bench/follow/run` calls it. It needs no package beyond Python itself.
"""

import argparse
import contextlib
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import common
from common import Failed, described

ROWS = 10
# Longer than changes of a folder are gathered.
PAUSE = 0.02
# How much more one more batch may cost beside the most batches than beside the fewest.
GOAL_TIME, GOAL_CALLS = 1.5, 1.2
JOB = f"""name = "cost"
[source]
topic = "cost"
[source.columns]
x = {{ type = "float64", required = true }}
[batches]
rows = {ROWS}
[[models]]
name = "m"
features = ["x"]
k = 2
seed = 1
"""


def main():
    arguments = parse()
    gugus = common.existing(common.gugus())
    return common.carry_out(arguments, lambda folder: {"binary": arguments.binary, **measure(arguments, gugus, folder)}, report)


def parse():
    parser = argparse.ArgumentParser(prog="bench/follow/run", description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, nargs="+", default=[1_000, 100_000], metavar="N", help="batches that are there (default: 1000 100000)")
    parser.add_argument("--new", type=int, default=200, metavar="N", help="batches that come (default: 200)")
    parser.add_argument("--binary", default="release build", metavar="TEXT", help="what GUGUS names, for the report (default: release build)")
    return common.parse(parser, "batches and models", quick={"batches": [100, 1_000], "new": 30})


def measure(arguments, gugus, folder):
    beside = [one(gugus, folder / str(there), there, arguments.new) for there in arguments.batches]
    few, many = (min(beside, key=lambda it: it["there"]), max(beside, key=lambda it: it["there"]))
    required = many["median"] <= GOAL_TIME * few["median"] and many["calls"] <= GOAL_CALLS * few["calls"]
    return {"new": arguments.new, "beside": beside, "required": required}


def one(gugus, folder, there, new):
    """One more batch, beside this many that are there and have their models."""
    batches, later = folder / "batch", folder / "later"
    later.mkdir(parents=True)
    job, csv = folder / "job.toml", folder / "rows.csv"
    job.write_text(JOB)
    with csv.open("w") as rows:
        rows.write("x\n")
        rows.writelines(f"{row % 7}\n" for row in range(ROWS * (there + new)))
    places = ["--job", str(job), "--batches", str(batches)]
    common.say(f"{there} batches: making them")
    common.measure([gugus, "batches", "import", str(csv), *places], folder)
    coming = [f"batch_{number:08}.parquet" for number in range(there + 1, there + new + 1)]
    for name in coming:
        (batches / name).rename(later / name)
    places += ["--models", str(folder / "models")]
    common.say(f"{there} batches: training them")
    trained, _, _ = common.measure([gugus, "train", *places], folder)
    begun = time.monotonic()
    with following(gugus, places, folder) as process:
        looked = time.monotonic() - begun
        common.say(f"{there} batches: {new} come")
        figures = follow(process, batches, later, coming)
    shutil.rmtree(folder)
    return {"there": there, "trained": trained["seconds"], "looked": looked, **figures}


@contextlib.contextmanager
def following(gugus, places, folder):
    with tempfile.TemporaryFile(dir=folder) as errors:
        command = [gugus, "train", "--follow", *places]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True)
        killer = threading.Timer(common.DEADLINE, process.kill)
        killer.start()
        try:
            common.ready(process, "train --follow", errors)
            yield process
            process.terminate()
            if process.wait() != 0:
                raise Failed(f"train --follow ended with {process.returncode}:\n{common.last_words(errors)}")
        finally:
            killer.cancel()
            process.kill()
            process.wait()


def follow(process, batches, later, coming):
    """Commits these batches, one after another, as ingest does: by giving a whole file its name."""
    times = []
    before, cpu = calls(process.pid), common.used(process.pid)
    memory = []
    for at, name in enumerate(coming, 1):
        begun = time.monotonic()
        (batches / name).hardlink_to(later / name)
        line = process.stdout.readline()
        times.append(time.monotonic() - begun)
        number = int(name[6:14])
        if f"batch {number}: trained" not in line:
            raise Failed(f"{name} got no model: {line!r}")
        if at in (len(coming) // 2, len(coming)):
            memory.append(resident(process.pid))
        time.sleep(PAUSE)
    new = len(coming)
    return {
        "median": statistics.median(times),
        "p99": sorted(times)[min(new - 1, new * 99 // 100)],
        "cpu": (common.used(process.pid) - cpu) / new,
        "calls": (calls(process.pid) - before) / new,
        "memory": memory,
    }


def calls(pid):
    """The read and write calls of a process so far."""
    lines = dict(line.split(": ") for line in pathlib.Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(lines["syscr"]) + int(lines["syscw"])


def resident(pid):
    """The bytes of memory that a process has."""
    lines = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(lines["VmRSS"].split()[0]) * 1024


def report(results):
    lines = [
        f"{described(results['machine'])}, {results['binary']}; {results['new']} batches of {ROWS} records come, one after another.",
        "",
        "| batches there | trained before | first look | a new batch: median | p99 | processor | read and write calls | memory, after half and all |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for it in results["beside"]:
        lines.append(
            f"| {it['there']:,} | {it['trained']:.1f} s | {it['looked']:.1f} s | {it['median'] * 1e3:.1f} ms | {it['p99'] * 1e3:.1f} ms "
            f"| {it['cpu'] * 1e3:.1f} ms | {it['calls']:.0f} | {' and '.join(f'{bytes / 2**20:.0f}' for bytes in it['memory'])} MiB |"
        )
    lines += ["", f"As much beside many as beside few: {'yes' if results['required'] else 'NO'}."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
