"""The development Kafka, for the benchmarks that need one."""

import os
import subprocess

from common import ROOT, say, used


class Broker:
    """The development Kafka, in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.script = str(ROOT / "dev/kafka/kafka")
        self.environment = {**os.environ, "KAFKA_OPTS": "-Xmx1g"}
        if os.environ.get("GUGUS_TEST_KAFKA_LIBS"):
            self.environment["KAFKA_LIBS"] = os.environ["GUGUS_TEST_KAFKA_LIBS"]
        say("starting Kafka ...")
        ready = self.call("start", str(folder))
        self.address = dict(word.split("=", 1) for word in ready.split()[1:])["broker"]
        self.pid = int((folder / "pid").read_text())

    def call(self, *words):
        # capture_output does not work here: the broker inherits the pipe of standard error and keeps it open.
        ended = subprocess.run([self.script, *words], env=self.environment, stdout=subprocess.PIPE, text=True, check=True)
        return ended.stdout

    def create_topic(self, name, partitions, **settings):
        """Creates a topic; `settings` are Kafka's own, with _ for a point."""
        settings = [word for key, value in settings.items() for word in ("--config", f"{key.replace('_', '.')}={value}")]
        self.call("tool", "topics", "--bootstrap-server", self.address, "--create", "--topic", name, "--partitions", str(partitions), *settings)

    def cpu(self):
        """CPU seconds so far."""
        return used(self.pid)

    def stop(self):
        self.call("stop", str(self.folder))
