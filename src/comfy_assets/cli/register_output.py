"""What `register` prints: lines, JSON events, a bar; it only consumes the events of the run."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Self

from attrs import asdict

from comfy_assets.cli.output import Output, printable
from comfy_assets.library.events import DONE, FileDone, Note, Outcome, Progress, Summary, Waiting
from comfy_assets.library.items import in_units

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from comfy_assets.library.events import Event
    from comfy_assets.library.reports import Report

#: Seconds between two lines about progress where there is no terminal.
_PLAIN = 10.0
#: Of outcomes on a terminal; of all others red.
_COLOURS = {Outcome.CREATED: "green", Outcome.EXISTING: "cyan", Outcome.MISSING: "yellow"}


class Printer:
    """Shows events as they come; as a context manager it has the bar."""

    def __init__(self, output: Output, reports: Sequence[Report], *, explain: bool = False) -> None:
        self.output, self.reports, self.explain = output, reports, explain
        self.summary = Summary()
        self._began = self._said = time.monotonic()
        self._bar = None
        if not (output.quiet or output.as_json) and sys.stderr.isatty():
            from comfy_assets.cli.bar import Bar

            self._bar = Bar()

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, events: Iterable[Event]) -> None:
        """What happened."""
        with self.output.together():
            for event in events:
                self._show(event)

    def _show(self, event: Event) -> None:
        if isinstance(event, FileDone):
            self.summary.add(event)
            for report in self.reports:
                report.add(event)
            self._file(event)
        elif isinstance(event, Note):
            path = f"{printable(event.path)}: " if event.path else ""
            self.output.talk(f"{path}{printable(event.message)}")
            self.output.event("note", path=event.path, message=event.message)
        elif isinstance(event, Waiting):
            words = f"the service answers {event.status_code}: all requests wait {event.seconds:g} s"
            self.output.talk(words)
            self.output.event("waiting", **asdict(event))
        elif isinstance(event, Progress):
            self._progress(event)
        else:
            self.summary = event

    def _file(self, done: FileDone) -> None:
        # What `missing` means is the same for every file.
        told = done.outcome not in (*DONE, Outcome.MISSING)
        more = [done.reason or ""] if told else []
        more += [done.note] if done.note else []
        more += [f"exists with other {', '.join(done.differs)}"] if done.differs else []
        if self.explain:
            more += [": ".join(filter(None, [done.source, done.why]))]
            more += [] if done.asked else ["not asked: the journal has it"] * (done.outcome in DONE)
        words = f": {printable('; '.join(filter(None, more)))}" if any(more) else ""
        line = f"{done.outcome:<8}  {done.id or '-':<36}  {printable(done.path)}{words}"
        self.output.data(line, _COLOURS.get(done.outcome, "red"))
        if self.output.as_json:
            self.output.event("file", **asdict(done))

    def _progress(self, progress: Progress) -> None:
        self.output.event("progress", **asdict(progress))
        if self._bar:
            self._bar.move(progress)
        elif time.monotonic() - self._said >= _PLAIN:
            self._said = time.monotonic()
            more = "+" if progress.counting else ""
            self.output.talk(
                f"{progress.files_done} of {progress.files}{more} files, "
                f"{in_units(progress.bytes_done)} of {in_units(progress.bytes)}{more}"
            )

    def data(self) -> dict[str, Any]:
        """For the envelope."""
        summary = self.summary
        return {
            "outcomes": {outcome.value: summary.outcomes[outcome] for outcome in Outcome},
            "bytes": summary.bytes,
            "bytes_read": summary.bytes_read,
            "seconds": round(self._seconds(), 3),
            "requests": summary.requests,
        }

    def _seconds(self) -> float:
        return self.summary.seconds or time.monotonic() - self._began

    def summary_line(self) -> str:
        """How many files had which outcome, and how fast."""
        summary, seconds = self.summary, max(self._seconds(), 1e-3)
        counts = [f"{count} {outcome}" for outcome in Outcome if (count := summary.outcomes[outcome])]
        if not counts:
            return "no files"
        rate = f", {in_units(summary.bytes_read / seconds)}/s" if summary.bytes_read else ""
        # Only a run that ended by itself tells how much was read.
        read = f"{in_units(summary.bytes_read)} read, " if summary.seconds else ""
        return f"{', '.join(counts)}; {in_units(summary.bytes)}, {read}{seconds:.1f} s{rate}"
