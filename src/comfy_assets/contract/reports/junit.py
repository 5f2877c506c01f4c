"""JUnit XML, as consumers read it: by the elements inside a test case and by the counts, nothing else.

A rule is a test case. `violated` and `intermittent` are failures, *not checked* and *checker error* are
errors, *not applicable*, *observed* and *accepted* are skipped: nothing that was not checked reads as green.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from comfy_assets.contract import verdicts, words
from comfy_assets.contract.verdicts import counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comfy_assets.contract.reported import Reported
    from comfy_assets.contract.verdicts import Finding, Verdict


def document(outcomes: Sequence[Reported]) -> str:
    """One suite for each run, as text."""
    root = ET.Element("testsuites", name="comfy-assets check")
    for outcome in outcomes:
        _suite(root, outcome)
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite(root: ET.Element, outcome: Reported) -> None:
    suite = ET.SubElement(root, "testsuite", name=_text(outcome.subject), time=f"{outcome.seconds:.3f}")
    findings: dict[str, list[Finding]] = {}
    for finding in outcome.judgement.all_findings():
        findings.setdefault(finding.rule, []).append(finding)
    for verdict in outcome.judgement.verdicts.values():
        name = f"comfy_assets.check.{verdict.rule.group}"
        case = ET.SubElement(suite, "testcase", classname=name, name=verdict.rule.id, time="0")
        _outcome(case, outcome, verdict, findings.get(verdict.rule.id, []))
    for error in outcome.errors:
        case = ET.SubElement(suite, "testcase", classname="comfy_assets.check", name="checker", time="0")
        ET.SubElement(case, "error", message=_text(error), type=verdicts.CHECKER_ERROR)
    cases = list(suite)
    suite.set("tests", str(len(cases)))
    for element, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(count, str(sum(case.find(element) is not None for case in cases)))


def _outcome(case: ET.Element, outcome: Reported, verdict: Verdict, findings: list[Finding]) -> None:
    failing = [one for one in findings if counts(one, strict=outcome.options.strict)]
    if failing:
        text = "\n\n".join(_described(outcome, one) for one in failing)
        element = ET.SubElement(
            case, "failure", message=_text(f"{verdict.rule.title}: {failing[0].got}"), type=failing[0].verdict
        )
        element.text = _text(text)
    elif findings:
        kinds = " and ".join(sorted({one.verdict for one in findings}))
        reasons = "; ".join(one.reason or f"level {one.level}: {one.got}" for one in findings)
        ET.SubElement(case, "skipped", message=_text(f"{kinds}: {reasons}"))
    elif (
        verdict.verdict in {verdicts.NOT_CHECKED, verdicts.CHECKER_ERROR}
        and verdict.rule.id in outcome.not_checked
    ):
        ET.SubElement(
            case,
            "error",
            message=_text(f"{verdict.verdict}: {verdict.text}"),
            type=verdict.reason or verdict.verdict,
        )
    elif verdict.verdict != verdicts.PASSED:
        ET.SubElement(case, "skipped", message=_text(f"{verdict.verdict}: {verdict.text}"))


def _described(outcome: Reported, finding: Finding) -> str:
    lines = [
        f"finding: {finding.fingerprint} ({finding.level}, {finding.verdict})",
        f"expected: {finding.expected}",
        f"got: {finding.got}",
        f"evidence: {finding.evidence}",
        f"again: {outcome.reproduction(finding, None)}",
        *(f"follows: {rule}: {got}" for rule, got in words.following(finding)),
    ]
    return "\n".join(lines)


def _text(text: str) -> str:
    """Text that XML 1.0 can hold."""
    return "".join(
        letter if letter in "\t\n\r" or " " <= letter <= "\ud7ff" or "\ue000" <= letter <= "\ufffd" or letter > "\uffff"
        else ascii(letter)[1:-1]
        for letter in text
    )  # fmt: skip
