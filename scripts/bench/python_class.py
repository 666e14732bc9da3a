"""Records per second of the class that this project starts from.

A stand-in, as the class itself is a package of its own: what it does for each record on each backend, its
table and its indexes, are the same. It never syncs its JSONL file, and opens it for each record.

Usage: python_class.py BACKEND ENTRIES PATH COUNT
"""

import json
import sqlite3
import sys
import threading
import time
import uuid
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any, Optional


@dataclass
class AuditEntry:
    model: str
    input_text: str
    output_text: str
    user: str = "anonymous"
    cost_usd: Optional[float] = None
    latency_ms: Optional[float] = None
    metadata: dict = field(default_factory=dict)
    entry_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    timestamp: str = field(default_factory=lambda: datetime.now(timezone.utc).isoformat())


class AuditLog:
    def __init__(self, backend: str, path: str) -> None:
        self._backend = backend
        self._path = path
        self._lock = threading.Lock()
        self._entries: list = []
        if backend == "sqlite":
            self._database = sqlite3.connect(path, check_same_thread=False)
            self._database.executescript(
                """
                CREATE TABLE audit_log (
                    entry_id TEXT PRIMARY KEY, timestamp TEXT NOT NULL, user TEXT NOT NULL, model TEXT NOT NULL,
                    input_text TEXT NOT NULL, output_text TEXT NOT NULL, cost_usd REAL, latency_ms REAL, metadata TEXT
                );
                CREATE INDEX idx_audit_user ON audit_log (user);
                CREATE INDEX idx_audit_model ON audit_log (model);
                CREATE INDEX idx_audit_ts ON audit_log (timestamp);
                """
            )

    def record(self, **fields: Any) -> AuditEntry:
        entry = AuditEntry(**fields)
        with self._lock:
            if self._backend == "sqlite":
                self._insert(entry)
            else:
                self._entries.append(entry)
                if self._backend == "jsonl":
                    with open(self._path, "a", encoding="utf-8") as file:
                        file.write(json.dumps(asdict(entry)) + "\n")
        return entry

    def _insert(self, entry: AuditEntry) -> None:
        self._database.execute(
            "INSERT INTO audit_log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                entry.entry_id,
                entry.timestamp,
                entry.user,
                entry.model,
                entry.input_text,
                entry.output_text,
                entry.cost_usd,
                entry.latency_ms,
                json.dumps(entry.metadata),
            ),
        )
        self._database.commit()


def main() -> None:
    backend, entries_path, path, count = sys.argv[1:]
    with open(entries_path, encoding="utf-8") as file:
        entries = [json.loads(line) for line in file]
    fields = [
        {
            "model": entry["model"],
            "input_text": entry["inputText"],
            "output_text": entry["outputText"],
            "user": entry["user"],
            "cost_usd": entry["costUsd"],
            "latency_ms": entry["latencyMs"],
            "metadata": entry["metadata"],
        }
        for entry in entries
    ]
    log = AuditLog(backend, path)
    start = time.perf_counter()
    for index in range(int(count)):
        log.record(**fields[index % len(fields)])
    print(int(count) / (time.perf_counter() - start))


main()
