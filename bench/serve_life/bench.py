"""Changes models without pause while clients ask `gugus serve`, and starts it with many folders. See README.md.

`bench/serve_life/run` calls it. It needs no package beyond Python itself.
"""

import argparse
import contextlib
import ctypes
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
from common import Failed, described

ROWS = 200
# Batches that a changing model has at a time.
KEPT = 4
GOAL_NOTICED, GOAL_START, GOAL_IDLE, GOAL_GROWTH = 0.1, 1.0, 0.05, 1.1
RECORD = json.dumps({"x": 0.5, "y": 0.5})
JOB = """name = "life"
[source]
topic = "life"
[source.columns]
x = {{ type = "float64", required = true }}
y = {{ type = "float64", required = true }}
[batches]
rows = {rows}
[[models]]
name = "m"
features = ["x", "y"]
k = 5
seed = 1
"""
LIBC = ctypes.CDLL(None, use_errno=True)
HERE_NOW, EXCHANGE = -100, 2


def main():
    arguments = parse()
    gugus = common.existing(common.gugus())
    work = lambda folder: {"binary": arguments.binary, **measure(arguments, gugus, folder)}
    return common.carry_out(arguments, work, report)


def parse():
    parser = argparse.ArgumentParser(prog="bench/serve_life/run", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600, metavar="N", help="how long models change (default: 600)")
    parser.add_argument("--models", type=int, default=1_000, metavar="N", help="models that change (default: 1000)")
    parser.add_argument("--clients", type=int, default=8, metavar="N", help="clients that ask at the same time (default: 8)")
    parser.add_argument("--folders", type=int, default=100_000, metavar="N", help="folders to start with (default: 100000)")
    parser.add_argument("--binary", default="release build", metavar="TEXT", help="what GUGUS names, for the report (default: release build)")
    return common.parse(parser, "models", quick={"seconds": 10, "models": 50, "folders": 2_000})


def measure(arguments, gugus, folder):
    templates = [template(gugus, folder / f"t{number}", number) for number in (1, 2)]
    results = {"life": life(arguments, gugus, folder / "life", templates), "start": []}
    for shape in ("batches of one model", "models of one batch"):
        results["start"].append({"shape": shape, **start(arguments, gugus, folder / "start", templates[0], shape)})
    it = results["life"]
    results["required"] = (
        not it["wrong"] and it["growth"] <= GOAL_GROWTH and it["noticed"]["median"] <= GOAL_NOTICED
        and all(one["first_answer"] <= GOAL_START and one["idle"] <= GOAL_IDLE for one in results["start"])
    )
    return results


def template(gugus, folder, seed):
    """A model folder as training leaves it."""
    folder.mkdir(parents=True)
    (folder / "job.toml").write_text(JOB.format(rows=ROWS))
    rnd = random.Random(seed)
    rows = (f"{rnd.random()},{rnd.random()}\n" for _ in range(ROWS))
    (folder / "rows.csv").write_text("x,y\n" + "".join(rows))
    job, batches, models = (str(folder / name) for name in ("job.toml", "b", "m"))
    for command in (["batches", "import", str(folder / "rows.csv")], ["train", "--models", models]):
        done = subprocess.run([gugus, *command, "--job", job, "--batches", batches], capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"{command}: {done.stderr[-2000:]}")
    return folder / "m/m/batch_00000001"


class Served:
    """`gugus serve` of a folder of models."""

    def __init__(self, gugus, models):
        begun = time.monotonic()
        command = [gugus, "serve", "--models", str(models), "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        url = common.ready(self.process, "gugus serve")["rest"]
        self.ready = time.monotonic() - begun
        self.host = url.removeprefix("http://").rstrip("/")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)

    def ask(self, path):
        with contextlib.closing(http.client.HTTPConnection(self.host, timeout=60)) as client:
            return asked(client, path)

    def memory(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        raise Failed("serve has ended")

    def seconds(self):
        """Processor time so far."""
        return common.used(self.process.pid)


def asked(client, path):
    client.request("POST", path, RECORD, {"content-type": "application/json"})
    answer = client.getresponse()
    return answer.status, answer.read()


def place(model, at):
    """Puts a copy of a model folder in place at once, as training does."""
    new = at.parent / f".{at.name}.bench.tmp"
    shutil.copytree(model, new)
    if not at.exists():
        new.rename(at)
        return
    if LIBC.renameat2(HERE_NOW, bytes(new), HERE_NOW, bytes(at), EXCHANGE):
        raise OSError(ctypes.get_errno(), "the folders could not be exchanged")
    shutil.rmtree(new)


def broken(model, folder):
    """A folder that looks complete and cannot be read."""
    torn = folder / "broken"
    shutil.copytree(model, torn)
    for file in torn.glob("data/*.parquet"):
        file.write_bytes(b"PAR1")
    return torn


def alias(model, batch):
    new = model / ".aliases.json.bench.tmp"
    aliases = {"production": {"batch": batch, "since": "2026-01-01T00:00:00Z"}}
    new.write_text(json.dumps({"version": 1, "aliases": aliases}))
    new.rename(model / "aliases.json")


def batch(model, number):
    return model / f"batch_{number:08}"


def life(arguments, gugus, folder, templates):
    """Models come, are replaced, break, are pruned and get aliases. What stayed good has to answer 200."""
    models = folder / "models"
    torn = broken(templates[0], folder)
    newest = {}
    for index in range(arguments.models):
        model = models / f"m{index}"
        model.mkdir(parents=True)
        for number in range(1, KEPT + 1):
            place(templates[0], batch(model, number))
        alias(model, KEPT)
        newest[model] = KEPT
    with Served(gugus, models) as served:
        # Afterwards memory holds as many batches of each model as it does later on.
        for model in models.iterdir():
            for number in range(1, KEPT + 1):
                first_answer(served, f"/models/{model.name}/batches/{number}/predict")
        begun = time.monotonic()
        with Clients(served, arguments) as clients:
            changes, noticed, memory = change(served, arguments.seconds, newest, templates, torn)
        seconds, cpu = time.monotonic() - begun, served.seconds()
    third = max(1, len(memory) // 3)
    noticed.sort()
    return {
        "seconds": seconds, "changes": changes, "answers": clients.answers, "wrong": clients.wrong[:10], "wrong_count": len(clients.wrong),
        "cpu": cpu / seconds, "memory": memory,
        "growth": statistics.mean(memory[-third:]) / statistics.mean(memory[third : 2 * third] or memory),
        "noticed": {"median": statistics.median(noticed), "p99": noticed[int(len(noticed) * 0.99)]},
    }


class Clients:
    """Threads that ask without pause for models that stayed good, from entering to leaving."""

    def __init__(self, served, arguments):
        self.host, self.models = served.host, arguments.models
        self.end, self.lock = threading.Event(), threading.Lock()
        self.answers, self.wrong = 0, []
        self.threads = [threading.Thread(target=self.ask, args=[seed]) for seed in range(arguments.clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        for thread in self.threads:
            thread.join()

    def ask(self, seed):
        draw, count = random.Random(seed), 0
        with contextlib.closing(http.client.HTTPConnection(self.host, timeout=60)) as connection:
            while not self.end.is_set():
                # Batch 1 never changes. `latest` and the alias always have a good model.
                path = f"/models/m{draw.randrange(self.models)}/batches/{draw.choice(('1', 'latest', 'production'))}/predict"
                try:
                    status, body = asked(connection, path)
                except (OSError, http.client.HTTPException) as error:
                    # The next request connects again.
                    connection.close()
                    status, body = "no answer", str(error)
                count += 1
                if status != 200:
                    with self.lock:
                        self.wrong.append(f"{status} {path}: {body[:200]}")
        with self.lock:
            self.answers += count


def change(served, seconds, newest, templates, torn):
    """Makes one change after the other. Returns how many of each kind, how soon new batches answered, and the memory of `serve`."""
    draw, changes, noticed, memory = random.Random(1), dict.fromkeys(("added", "replaced", "broken", "pruned", "aliased"), 0), [], []
    begun = told = time.monotonic()
    while (now := time.monotonic()) - begun < seconds:
        if now - told >= seconds / 60:
            memory.append(served.memory())
            told = now
        model = draw.choice(list(newest))
        number = newest[model]
        kind = draw.choice(list(changes))
        changes[kind] += 1
        if kind == "added":
            newest[model] = number + 1
            place(templates[0], batch(model, number + 1))
            noticed.append(first_answer(served, f"/models/{model.name}/batches/{number + 1}/predict"))
        elif kind == "replaced":
            place(draw.choice(templates), batch(model, number))
        elif kind == "broken":
            # The newest one, but never the batch of the alias.
            newest[model] = number + 1
            place(torn, batch(model, number + 1))
        elif kind == "pruned":
            kept = {1, number, aliased(model)}
            old = [at for at in model.glob("batch_*") if int(at.name[6:]) not in kept and not is_broken(at)]
            for at in sorted(old)[: max(0, len(old) - KEPT)]:
                shutil.rmtree(at)
        else:
            good = [at for at in model.glob("batch_*") if not is_broken(at)]
            alias(model, int(max(good).name[6:]))
    return changes, noticed, memory


def aliased(model):
    return json.loads((model / "aliases.json").read_text())["aliases"]["production"]["batch"]


def is_broken(folder):
    return any(file.stat().st_size < 10 for file in folder.glob("data/*.parquet"))


def first_answer(served, path):
    begun = time.monotonic()
    while served.ask(path)[0] != 200:
        if time.monotonic() - begun > 60:
            raise Failed(f"{path} is not answered")
        time.sleep(0.002)
    return time.monotonic() - begun


def start(arguments, gugus, folder, model, shape):
    """The time until `serve` is ready, and until it answers; what it costs at rest; how soon it notices one more model."""
    one = shape.startswith("batches")
    folder.mkdir()
    first = batch(folder / "m1", 1)
    first.parent.mkdir()
    shutil.copytree(model, first)
    for number in range(2, arguments.folders + 1):
        at = batch(folder / "m1", number) if one else batch(folder / f"m{number}", 1)
        # What a listing looks at, and no more: a hundred thousand whole models are a million files.
        at.mkdir(parents=True)
        (at / "model.json").touch()
        (at / "_SUCCESS").touch()
    with Served(gugus, folder) as served:
        answered = first_answer(served, "/models/m1/batches/1/predict")
        time.sleep(5)
        before, begun = served.seconds(), time.monotonic()
        time.sleep(20)
        idle = (served.seconds() - before) / (time.monotonic() - begun)
        shutil.copytree(model, folder / "m1/.new.tmp")
        (folder / "m1/.new.tmp").rename(batch(folder / "m1", arguments.folders + 1))
        noticed = first_answer(served, f"/models/m1/batches/{arguments.folders + 1}/predict")
        memory = served.memory()
    shutil.rmtree(folder)
    return {"folders": arguments.folders, "ready": served.ready, "first_answer": served.ready + answered, "idle": idle, "noticed": noticed, "memory": memory}


def report(results):
    it = results["life"]
    changes = ", ".join(f"{count:,} {kind}" for kind, count in it["changes"].items())
    lines = [
        f"{results['binary']} on {described(results['machine'])}", "",
        f"{it['seconds']:.0f} s of changes: {changes}",
        f"{it['answers']:,} answers of models that stayed good, {it['wrong_count']} of them not 200; {it['cpu']:.2f} cores",
        f"noticed after {it['noticed']['median'] * 1e3:.0f} ms (median), {it['noticed']['p99'] * 1e3:.0f} ms (p99)",
        f"memory {it['memory'][0] / 2**20:.0f} MiB at first, {it['memory'][-1] / 2**20:.0f} MiB at last; the last third is {it['growth']:.2f} of the second", "",
        "| folders | ready, s | first answer, s | cores at rest | one more is noticed, ms | memory, MiB |", "|---|---|---|---|---|---|",
    ]
    for one in results["start"]:
        lines.append(
            f"| {one['folders']:,} {one['shape']} | {one['ready']:.2f} | {one['first_answer']:.2f} | {one['idle']:.3f} "
            f"| {one['noticed'] * 1e3:.0f} | {one['memory'] / 2**20:.0f} |"
        )
    lines += ["", *it["wrong"], "goals met" if results["required"] else "a goal is missed"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
