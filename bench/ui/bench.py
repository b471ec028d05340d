"""Measures the scheduler's pages: their time and size with a long history, and what open pages cost. See README.md.

`bench/ui/run` calls it. It needs no package beyond Python itself.
"""

import argparse
import concurrent.futures
import contextlib
import http.client
import json
import pathlib
import random
import re
import resource
import statistics
import sys
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import common
from cluster import EXECUTORS, Cluster
from common import Failed, described, say, used

# A run over everything of one small batch: an assignment of seeds and so many passes, each of them one Ballista job.
PASSES = 12
ROWS = 100
# Models in the job whose runs make the 100,000 models.
MODELS = 10
# Submitting side by side: runs wait for their turn in the scheduler anyway.
CLIENTS = 4
# Pages of one kind that are measured.
OF_A_KIND = 3
GOAL_SECONDS, GOAL_BYTES, GOAL_CPU = 0.1, 200_000, 5.0

JOB = """name = "{name}"
[source]
topic = "bench"
other_columns = "drop"
[source.columns]
"x" = {{ type = "float64", required = true }}
"y" = {{ type = "float64", required = true }}
[batches]
rows = {rows}
"""
MODEL = '[[models]]\nname = "{name}"\nfeatures = ["x", "y"]\nseed = {seed}\nk = 5\n{more}'
ALL_BATCHES = f'scope = "all"\ntol = 0.0\nmax_iter = {PASSES}\n'


def main():
    arguments = parse()
    gugus = common.existing(common.gugus())
    work = lambda folder: {"binary": arguments.binary, **Bench(arguments, gugus, folder).run()}
    return common.carry_out(arguments, work, report)


def parse():
    parser = argparse.ArgumentParser(prog="bench/ui/run", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1_000, metavar="N", help="small runs, each of a dozen Ballista jobs (default: 1000)")
    parser.add_argument("--batches", type=int, default=10_000, metavar="N", help=f"batches of {ROWS} rows, {MODELS} models each (default: 10000)")
    parser.add_argument("--executors", type=int, default=100, metavar="N", help="executors, each a process (default: 100)")
    parser.add_argument("--requests", type=int, default=200, metavar="N", help="requests of each page (default: 200)")
    parser.add_argument("--viewers", type=int, default=10, metavar="N", help="pages that are open at rest (default: 10)")
    parser.add_argument("--rest", type=float, default=60, metavar="SECONDS", help="how long the scheduler is watched at rest (default: 60)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="trainings with and without an open page (default: 3)")
    parser.add_argument("--binary", default="release build", metavar="TEXT", help="what GUGUS names, for the report (default: release build)")
    quick = {"runs": 20, "batches": 50, "executors": 4, "requests": 20, "rest": 3, "rounds": 1}
    return common.parse(parser, "batches and models", quick)


class Bench:
    """A scheduler that has done much, and what its pages take."""

    def __init__(self, arguments, gugus, folder):
        self.arguments, self.gugus, self.folder = arguments, gugus, folder

    def run(self):
        self.fill()
        # Two executors train, because the machine is small; the others come afterwards and are only looked at.
        keep = ["--state", str(self.folder / "state"), "--data-root", str(self.folder), "--keep-runs", "2000"]
        with Cluster(self.gugus, self.folder, scheduler=keep) as cluster:
            self.cluster = cluster
            self.history()
            for _ in range(self.arguments.executors - EXECUTORS):
                cluster.executor()
            held = self.held()
            say(f"the scheduler has {held}")
            pages = [self.page(kind, paths) for kind, paths in self.kinds().items()]
            rest = self.rest()
        training = self.training()
        results = {"held": held, "pages": pages, "rest": rest, "training": training}
        return {**results, "required": reached(results)}

    def fill(self):
        """Many small batches, and one for the small runs."""
        for name, rows in (("many", ROWS * self.arguments.batches), ("one", ROWS)):
            source = random.Random(1)
            text = "".join(f"{source.random():.6f},{source.random():.6f}\n" for _ in range(rows))
            (self.folder / f"{name}.csv").write_text("x,y\n" + text)
            (self.folder / f"{name}.toml").write_text(JOB.format(name=name, rows=ROWS))
            command = [self.gugus, "batches", "import", str(self.folder / f"{name}.csv"), "--job", str(self.folder / f"{name}.toml")]
            say(f"importing {rows:,} rows ...")
            common.measure([*command, "--batches", str(self.folder / name), "--log", "warn"], self.folder)

    def history(self):
        """One run of many models, and many small runs."""
        each = "".join(MODEL.format(name=f"model_{number:02}", seed=number, more="") for number in range(MODELS))
        say("one run of many models ...")
        self.await_run(self.submit("many", each, "models"))
        whole = lambda number: MODEL.format(name=f"whole_{number % 50:02}", seed=number, more=ALL_BATCHES)
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
            # Each client waits for its run: the scheduler takes no endless queue.
            small = lambda number: self.await_run(self.submit("one", whole(number), f"small_{number % 10}"))
            say(f"{self.arguments.runs - 1:,} small runs ...")
            list(clients.map(small, range(self.arguments.runs - 1)))

    def submit(self, batches, models, target):
        request = {
            "job_file": JOB.format(name=batches, rows=ROWS) + models,
            "batches": str(self.folder / batches),
            "models": str(self.folder / target),
            "retrain": True,
        }
        return json.loads(self.ask("/gugus/v1/runs", json.dumps(request)).body)["id"]

    def await_run(self, id_):
        while True:
            state = json.loads(self.ask(f"/gugus/v1/runs/{id_}").body)["state"]
            if state in ("finished", "failed", "cancelled", "interrupted"):
                break
            time.sleep(0.05)
        if state != "finished":
            raise Failed(f"run {id_} is {state}")

    def held(self):
        models = sum(1 for _ in (self.folder / "models").glob("*/batch_*")) + sum(1 for _ in self.folder.glob("small_*/*/all"))
        return {
            "Ballista jobs": len(json.loads(self.ask("/api/jobs").body)),
            "runs": self.arguments.runs,
            "models": models,
            "executors": len(json.loads(self.ask("/api/executors").body)),
        }

    def ask(self, path, body=None):
        return Answer(self.cluster.http, path, body)

    def kinds(self):
        """Some pages of each kind, found by links from the first page."""
        kinds, seen, waiting = {}, set(), ["/"]
        while waiting:
            path = waiting.pop(0)
            kind = re.sub(r"[^/?=&]*\d[^/?=&]*", "…", path.replace(f"{self.folder.parent}/", ""))
            if path in seen or len(kinds.get(kind, [])) == OF_A_KIND:
                continue
            seen.add(path)
            answer = self.ask(path)
            if not answer.kind.startswith("text/html"):
                continue
            kinds.setdefault(kind, []).append(path)
            links = re.findall(rb'<a [^>]*href="(/[^"#]*)', answer.body)
            waiting += [link.decode().replace("&amp;", "&") for link in links]
        return kinds

    def page(self, kind, paths):
        """The times of many requests of the pages of a kind, in turn, and the size of the largest."""
        size, seconds = 0, []
        for number in range(self.arguments.requests):
            answer = self.ask(paths[number % len(paths)])
            size = max(size, len(answer.body))
            seconds.append(answer.seconds)
        return {"kind": kind, "bytes": size, "median": statistics.median(seconds), "p99": sorted(seconds)[int(len(seconds) * 0.99)]}

    def rest(self):
        """The processor time of the scheduler while nothing happens, with and without open pages, in percent of a core."""
        process = next(process for name, process, _ in self.cluster.processes if name == "scheduler")
        found = {}
        for viewers in (0, self.arguments.viewers):
            with contextlib.ExitStack() as open_pages:
                for number in range(viewers):
                    path = ["/", "/runs", "/jobs", "/executors", "/models"][number % 5]
                    open_pages.enter_context(Viewer(self.cluster.http, path))
                # What every page sends first is not rest.
                time.sleep(3)
                before = used(process.pid)
                time.sleep(self.arguments.rest)
                found[f"{viewers} pages"] = (used(process.pid) - before) / self.arguments.rest * 100
        return found

    def training(self):
        """Seconds of one training of all batches, with and without an open page, in turn."""
        seconds = {"no page": [], "an open page": []}
        for number in range(self.arguments.rounds):
            for how, times in seconds.items():
                state = ["--state", str(self.folder / f"state-{number}-{how[:2]}"), "--data-root", str(self.folder)]
                with Cluster(self.gugus, self.folder, scheduler=state) as self.cluster:
                    model = MODEL.format(name="each", seed=1, more="")
                    begun = time.monotonic()
                    id_ = self.submit("many", model, f"each-{number}-{how[:2]}")
                    with Viewer(self.cluster.http, f"/runs/{id_}") if how == "an open page" else contextlib.nullcontext():
                        self.await_run(id_)
                    times.append(time.monotonic() - begun)
                say(f"training with {how}: {times[-1]:.1f} s")
        return seconds


class Answer:
    """One answer of the scheduler, and how long it took."""

    def __init__(self, server, path, body=None):
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(server).netloc, timeout=120)
        begun = time.monotonic()
        connection.request("POST" if body else "GET", path, body, {"content-type": "application/json"} if body else {})
        answer = connection.getresponse()
        self.body = answer.read()
        self.seconds = time.monotonic() - begun
        self.kind = answer.headers.get("content-type", "")
        connection.close()
        if answer.status >= 400:
            raise Failed(f"{path} answers {answer.status}: {self.body[:500].decode(errors='replace')}")


class Viewer:
    """A page that somebody has open: it listens to what changes."""

    def __init__(self, server, path):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(server).netloc, timeout=120)
        self.path = path

    def __enter__(self):
        self.connection.request("GET", self.path, headers={"accept": "text/event-stream"})
        answer = self.connection.getresponse()
        if not answer.headers["content-type"].startswith("text/event-stream"):
            raise Failed(f"{self.path} is not live: {answer.status} {answer.headers['content-type']}")
        return self

    def __exit__(self, *_):
        self.connection.close()


def reached(results):
    pages = all(page["median"] < GOAL_SECONDS and page["bytes"] < GOAL_BYTES for page in results["pages"])
    return pages and max(results["rest"].values()) < GOAL_CPU


def report(results):
    """The results as Markdown."""
    held = ", ".join(f"{count:,} {what}" for what, count in results["held"].items())
    lines = [
        f"{held}; {results['binary']}; {described(results['machine'])}.",
        "",
        "| page | median ms | p99 ms | kB |",
        "|---|--:|--:|--:|",
    ]
    lines += [
        f"| `{page['kind']}` | {page['median'] * 1e3:.1f} | {page['p99'] * 1e3:.1f} | {page['bytes'] / 1e3:.1f} |" for page in results["pages"]
    ]
    lines += ["", "| scheduler at rest | % of a core |", "|---|--:|"]
    lines += [f"| {what} | {percent:.2f} |" for what, percent in results["rest"].items()]
    lines += ["", "| training of all batches | s, median | from .. to |", "|---|--:|--:|"]
    lines += [
        f"| {how} | {statistics.median(times):.1f} | {min(times):.1f} .. {max(times):.1f} |" for how, times in results["training"].items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    # Each executor and each viewer holds a few files.
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    sys.exit(main())
