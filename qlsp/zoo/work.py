"""Run one job: build a model in one toolchain, and convert it by every workflow asked for."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from qlsp.error import QlspError
from qlsp.verify.channel import Progress
from qlsp.verify.process import Limits
from qlsp.verify.report.json import report_data
from qlsp.verify.session import Session
from qlsp.verify.verify import Report, WorkflowError, read_file, verify
from qlsp.zoo.case import Case, Job
from qlsp.zoo.result import Result
from qlsp.zoo.state import States, newest, states

Done = Callable[[Result], None]


def work(job: Job, limits: Limits, done: Done, progress: Progress) -> None:
    """Verify every case of `job`, and tell the result of each, once. Never raises."""
    run = _Run(job, done)
    while run.left:
        try:
            before = len(run.left)
            run.verify(limits, progress)
            if len(run.left) == before:
                raise QlspError("no workflow is left that can be measured")
        except WorkflowError as error:
            run.fail(
                [case for case in run.left if case.workflow == error.workflow] or run.left, error
            )
        except QlspError as error:
            run.fail(run.left, error)
        except Exception as error:  # of qlsp itself; it must not stop other models
            reason = f"qlsp failed with {type(error).__name__}: {error}; please report it"
            run.fail(run.left, QlspError(" ".join(reason.split())))


class _Run:
    """What is left of a job, and since when its next case is being worked on."""

    def __init__(self, job: Job, done: Done) -> None:
        self.left = list(job.cases)
        self._done = done
        self._since = time.monotonic()
        self._files: States | None = None

    def verify(self, limits: Limits, progress: Progress) -> None:
        """Verify what is left, up to the first error. Raises `QlspError`."""
        case = self.left[0]
        target = case.target
        if target.file.suffix == ".tflite":
            self._files = states((target.file,))
            self._measured(read_file(target))
            return
        workflows = [each.workflow for each in self.left if each.workflow is not None]
        started = time.time_ns()
        verify(
            target,
            workflows,
            case.interpreter,
            limits,
            progress,
            lambda session: self._built(session, case, started),
            measured=self._measured,
        )

    def fail(self, cases: list[Case], error: QlspError) -> None:
        """Tell that cases could not be verified, and why."""
        limit = error.limit if isinstance(error, WorkflowError) else getattr(error, "limit", "")
        for case in list(cases):
            self._tell(Result(case, None, str(error), limit))

    def _built(self, session: Session, case: Case, started: int) -> None:
        """Note the files that the model depends on."""
        try:
            read = session.files()
        except QlspError:
            if session.over:
                raise
            read = None
        own = [case.target.file, *case.depends_on]
        own += [Path(case.target.data.partition("::")[0])] if case.target.data else []
        found = None if read is None else states((*own, *read))
        # What was changed after it was read is not what was built.
        self._files = None if found is None or newest(found) > started else found

    def _measured(self, report: Report) -> None:
        workflow = report.measurements[0].workflow
        case = next((each for each in self.left if each.workflow in (workflow, None)), self.left[0])
        data = report_data(report)
        self._tell(Result(case, data, "", "", self._elapsed(), self._files))

    def _tell(self, result: Result) -> None:
        self.left = [each for each in self.left if each is not result.case]
        self._done(result)

    def _elapsed(self) -> float:
        since, self._since = self._since, time.monotonic()
        return round(self._since - since, 3)
