"""A real Spark cluster on loopback: a master, two workers and a Thrift server, from the wheel.

The wheel has no start scripts, so each part is started by its class. Everything it keeps (its
metastore, its tables, its logs) lies in one folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pyspark

STARTS_WITHIN_SECONDS = 240
QUICK_START = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC"


@dataclass
class Cluster:
    """One cluster; `port` is the Thrift server's, `workers` its worker processes."""

    folder: Path
    port: int = 0
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    others: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Start it; ready when the Thrift server listens and both workers are registered."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End every process."""
        self.stop()

    def _start(self) -> None:
        self.port = self.port or free_port()
        master, master_page = free_port(), free_port()
        url = f"spark://127.0.0.1:{master}"
        self._spawn(
            "master", "spark-class", "org.apache.spark.deploy.master.Master",
            "--host", "127.0.0.1", "--port", str(master), "--webui-port", str(master_page),
        )  # fmt: skip
        self.wait_for(master)
        for number in (1, 2):
            self.workers.append(self._spawn(
                f"worker{number}", "spark-class", "org.apache.spark.deploy.worker.Worker",
                "--host", "127.0.0.1", "--webui-port", str(free_port()), "--cores", "1",
                "--memory", "2g", "--work-dir", str(self.folder / f"work{number}"), url,
            ))  # fmt: skip
        self._spawn("thrift", "spark-submit", *self._thrift(url))
        self.wait_for(self.port)

    def _thrift(self, url: str) -> list[str]:
        conf = {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.memory": "2g",
            "spark.executor.memory": "1500m",
            "spark.executor.cores": "1",
            "spark.ui.enabled": "false",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.warehouse.dir": str(self.folder / "tables"),
            # Two cores: a stage of 200 tasks would be all overhead.
            "spark.sql.shuffle.partitions": "4",
            "spark.default.parallelism": "4",
            # Every statement's plan would be kept otherwise.
            "spark.sql.ui.retainedExecutions": "1",
            # Hundreds of small statements: to compile each costs more than it saves, and so does
            # the second compiler of the JVM.
            "spark.sql.codegen.wholeStage": "false",
            "spark.sql.codegen.factoryMode": "NO_CODEGEN",
            "spark.executor.extraJavaOptions": QUICK_START,
            # A year of days is thousands of small files, and of rows in the metastore. Here they
            # need not survive a power cut, nor be checked for bits that a disk has lost.
            "spark.driver.extraJavaOptions": f"-Dderby.system.durability=test {QUICK_START}",
            "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
            "spark.hadoop.hive.server2.thrift.port": str(self.port),
            "spark.hadoop.hive.server2.thrift.bind.host": "127.0.0.1",
            "spark.hadoop.javax.jdo.option.ConnectionURL":
                f"jdbc:derby:;databaseName={self.folder}/metastore;create=true",
        }  # fmt: skip
        flags = [part for name, value in conf.items() for part in ("--conf", f"{name}={value}")]
        return [
            "--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2",
            "--master", url, *flags, "spark-internal",
        ]  # fmt: skip

    def _spawn(self, name: str, program: str, *args: str) -> subprocess.Popen[bytes]:
        home = Path(pyspark.__file__).parent
        environment = {
            **os.environ,
            "SPARK_HOME": str(home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_HOSTNAME": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(self.folder / "local"),
        }
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [str(home / "bin" / program), *args], cwd=self.folder, env=environment,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self.others.append(process)
        return process

    def wait_for(self, port: int) -> None:
        """Wait until something listens on a port; says what ended if a process did."""
        deadline = time.monotonic() + STARTS_WITHIN_SECONDS
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            ended = [process for process in self.others if process.poll() is not None]
            if ended:
                break
            time.sleep(0.2)
        logs = sorted(self.folder.glob("*.log"))
        tails = "\n".join(f"{log.name}: {log.read_text(errors='replace')[-1500:]}" for log in logs)
        message = f"the cluster did not start on port {port}:\n{tails}"
        raise RuntimeError(message)

    def kill_worker(self, number: int) -> None:
        """Kill a worker and its executor, as a machine that dies would."""
        os.killpg(self.workers[number].pid, signal.SIGKILL)
        self.others.remove(self.workers[number])
        self.workers[number].wait()

    def stop(self) -> None:
        """End every process of the cluster, executors too."""
        for process in reversed(self.others):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in reversed(self.others):
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.others.clear()
        self.workers.clear()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def java_version() -> int | None:
    """The major version of the Java that Spark would use; None where there is none."""
    home = os.environ.get("JAVA_HOME")
    java = f"{home}/bin/java" if home else shutil.which("java")
    if not java:
        return None
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    digits = said.partition('"')[2].partition(".")[0].partition('"')[0]
    return int(digits) if digits.isdigit() else None
