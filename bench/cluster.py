"""A scheduler and executors of one task slot each, as processes on loopback."""

import os
import signal
import subprocess
import tempfile
import threading
import time

from common import Failed, last_words, ready

EXECUTORS = 2
# Draining has nothing left to wait for. A process that has not ended by then is killed, and the run fails.
END_WITHIN = 30


class Cluster:
    """Started on entering, stopped on leaving. Afterwards `peak` has the sum of the processes' peaks, in bytes."""

    def __init__(self, gugus, folder, scheduler=(), executors=()):
        self.gugus, self.folder, self.scheduler, self.executors = gugus, folder, scheduler, executors
        self.processes, self.peak = [], 0

    def __enter__(self):
        begun = time.monotonic()
        try:
            urls = self.start("scheduler", "--listen", "127.0.0.1:0", *self.scheduler)
            self.url, self.http = urls["grpc"], urls["http"].rstrip("/")
            for _ in range(EXECUTORS):
                self.executor()
        except BaseException:
            self.stop(signal.SIGKILL)
            raise
        self.seconds_to_start = time.monotonic() - begun
        return self

    def __exit__(self, error, *_):
        failed = self.stop(signal.SIGTERM)
        if failed and error is None:
            raise Failed("\n".join(failed))

    def start(self, *words):
        """Starts a process and waits for its line `ready`. Returns its URLs by name."""
        errors = tempfile.TemporaryFile(dir=self.folder)
        process = subprocess.Popen([self.gugus, *words, "--log", "warn"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True)
        self.processes.append((words[0], process, errors))
        return ready(process, f"gugus {words[0]}", errors)

    def executor(self):
        """One more executor."""
        return self.start("executor", "--scheduler", self.url, "--listen", "127.0.0.1:0", "--task-slots", "1", *self.executors)

    def stop(self, how):
        """Executors first, so that none of them misses its scheduler. Returns what those said that ended badly."""
        failed = []
        for name, process, errors in reversed(self.processes):
            # Not process.send_signal(), which would take the usage of a process that has ended already.
            os.kill(process.pid, how)
            killer = threading.Timer(END_WITHIN, os.kill, (process.pid, signal.SIGKILL))
            killer.start()
            _, status, usage = os.wait4(process.pid, 0)
            killer.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
            self.peak += usage.ru_maxrss * 1024
            if process.returncode != 0:
                failed.append(f"{name} ended with {process.returncode}:\n{last_words(errors)}")
        self.processes.clear()
        return failed
