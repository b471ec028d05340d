"""Shared by the benchmarks: their options, run and measure a command, find the binary, describe the machine, show the result."""

import concurrent.futures
import json
import multiprocessing
import os
import pathlib
import platform
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
# No run should come near this limit. It ends a run that hangs.
DEADLINE = 1_800
# No process needs as long until it is ready. This limit ends a run that hangs.
READY_WITHIN = 120
# Above this load (processes that want to run, averaged over a minute) figures are not worth much.
BUSY = 0.7


class Failed(Exception):
    """A measured process failed, or its answer is wrong."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def parse(parser, holds, quick=None):
    """Adds the options that all benches have, and reads the command line. `holds` says what the folder is for. `quick` has the
    values of a trial that only shows whether the bench works; its figures mean nothing."""
    if quick:
        parser.add_argument("--quick", action="store_true", help="little of everything, to see whether the bench works; the figures mean nothing")
    parser.add_argument("--folder", metavar="DIR", help=f"folder for {holds} (default: the system's temporary folder)")
    parser.add_argument("--output", choices=["text", "json"], default="text", help="the form of the result")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a required goal is missed")
    arguments = parser.parse_args()
    if quick and arguments.quick:
        if arguments.check:
            parser.error("--quick makes figures that nothing can be required of")
        vars(arguments).update(quick)
    return arguments


def carry_out(arguments, work, report):
    """Calls `work` with a folder that is removed at the end, and shows its results. Returns the exit code. Ends the process if
    `work` raises Failed."""
    before = machine()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gugus-bench-", dir=arguments.folder))
    try:
        results = {"machine": before, "quick": getattr(arguments, "quick", False), **work(folder)}
    except Failed as error:
        sys.exit(f"bench: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if arguments.output == "json":
        json.dump(results, sys.stdout, indent=1)
        print()
    else:
        if results["quick"]:
            print("A trial: these figures mean nothing.\n")
        print(report(results))
    return 1 if arguments.check and not results["required"] else 0


def existing(file, build="-p gugus --bin gugus"):
    """The file, or the command that builds it."""
    if not file.exists():
        sys.exit(f"{file} is missing: cargo build --release {build}")
    return str(file)


def gugus():
    """The binary of GUGUS, or the release build."""
    named = os.environ.get("GUGUS")
    if named:
        return pathlib.Path(named).resolve()
    cargo = [os.environ.get("CARGO", "cargo"), "metadata", "--no-deps", "--offline", "--format-version", "1"]
    told = subprocess.run(cargo, cwd=ROOT, check=True, capture_output=True, text=True)
    return pathlib.Path(json.loads(told.stdout)["target_directory"]) / "release/gugus"


def apart(work, *arguments):
    """Calls a function in a process of its own and returns its answer.

    Whatever needs much memory is called so: Linux counts the peak of the process that starts another as the other's, so that
    no figure of `measure` is below what this process ever had.
    """
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def measure(command, folder, environment=None):
    """Runs a command to its end. Returns its time, CPU time, peak memory, and the text of both streams."""
    with tempfile.TemporaryFile(dir=folder) as output, tempfile.TemporaryFile(dir=folder) as errors:
        begun = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env=environment)
        killer = threading.Timer(DEADLINE, child.send_signal, [signal.SIGKILL])
        killer.start()
        # Not child.wait(): only wait4 tells the usage of this one child.
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - begun
        killer.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        run = {"seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss * 1024}
        output.seek(0)
        errors.seek(0)
        said = errors.read().decode(errors="replace")
        if child.returncode != 0:
            raise Failed(f"{' '.join(map(str, command))} ended with {child.returncode}:\n{said[-4000:]}")
        return run, output.read(), said


def ready(process, name, errors=None):
    """Waits for the line `ready` of a process. Returns its addresses by name. `errors` is the file of its standard error."""
    said = queue.Queue()
    # A thread of its own reads the line, because reading has no time limit.
    threading.Thread(target=lambda: said.put(process.stdout.readline()), daemon=True).start()
    try:
        line = said.get(timeout=READY_WITHIN)
    except queue.Empty:
        line = ""
    if not line.startswith("ready"):
        raise Failed(f"{name} did not get ready (waiting for at most {READY_WITHIN} s):\n{last_words(errors) if errors else line}")
    return dict(word.split("=", 1) for word in line.split()[1:])


def last_words(errors):
    """The end of what a process wrote to this file."""
    errors.seek(0)
    text = errors.read()
    return (text if isinstance(text, str) else text.decode(errors="replace"))[-4000:]


def used(pid):
    """The CPU seconds that a process has used so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def machine():
    """Describes the machine, and how busy it is before the first run."""
    model = ""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    found = {"cpu": model, "cores": os.cpu_count(), "system": f"{platform.system()} {platform.release()}", "load": os.getloadavg()[0]}
    if found["load"] > BUSY:
        say(f"WARNING: the machine is busy (load {found['load']:.1f} on {found['cores']} cores): figures will be too low, and differ")
    return found


def described(about):
    return f"{about['cpu']}, {about['cores']} cores, load before {about['load']:.1f}"
