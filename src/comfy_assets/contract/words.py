"""What reports say in the same words, whatever their form."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING

from comfy_assets.contract import verdicts
from comfy_assets.contract.keys import KEY, PLACEHOLDER
from comfy_assets.contract.messages import NO_BODY

if TYPE_CHECKING:
    from comfy_assets.contract.messages import Request
    from comfy_assets.contract.record import Exchange
    from comfy_assets.contract.reported import Reported
    from comfy_assets.contract.run import Outcome
    from comfy_assets.contract.verdicts import Finding

#: A command line longer than this is no help.
_LONGEST_COMMAND = 2000
#: Where the shell finds the key that a report does not show.
KEY_VARIABLE = "COMFY_CLOUD_API_KEY"


def shown_by(outcome: Reported, finding: Finding) -> str:
    """The case that shows a finding, with the cause where that says more."""
    case = outcome.case_of(finding)
    return case if finding.cause in case else f"{case} ({finding.cause})"


def following(finding: Finding) -> list[tuple[str, str]]:
    """What follows from a finding, as rules and what was seen; what is alike stands once."""
    seen = Counter((one.rule, one.got) for one in finding.under)
    return [(rule, f"{got} ({times} times)" if times > 1 else got) for (rule, got), times in seen.items()]


def summary(outcome: Reported) -> str:
    """The verdict on the server in one sentence, with what would complete it."""
    rules = list(outcome.judgement.verdicts.values())
    checked = [
        one for one in rules if one.verdict in {verdicts.PASSED, verdicts.VIOLATED, verdicts.INTERMITTENT}
    ]
    findings = [one for one in outcome.judgement.findings if one.verdict != verdicts.ACCEPTED]
    unchecked = outcome.not_checked
    found = _counted(findings) if findings else "no deviation found"
    text = f"{found} in {len(checked)} rules"
    if outcome.record.only_rules:
        text = f"partial run: {text} of {len(outcome.rules)}"
    text += f", {len(unchecked)} not checked"
    hint = completing(outcome)
    return f"{text}; {hint}" if hint else text


def _counted(findings: list[Finding]) -> str:
    levels = {level: sum(one.level == level for one in findings) for level in ("must", "should")}
    parts = [f"{count} {level}" for level, count in levels.items() if count]
    return f"{len(findings)} deviation{'s' if len(findings) > 1 else ''} ({', '.join(parts)})"


def completing(outcome: Reported) -> str:
    """What would complete an incomplete run."""
    texts = [outcome.judgement.verdicts[id_].text for id_ in outcome.not_checked]
    hints = [text for text in texts if text and not text.startswith(verdicts.BROKEN)]
    if any(text.startswith(verdicts.BROKEN) for text in texts):
        hints.append("mending the deviations lets the rest be checked")
    return "; ".join(dict.fromkeys(hints))


def exchange_of(outcome: Outcome, finding: Finding) -> Exchange:
    """The exchange that shows a finding best: the smallest, else the last of the first that showed it."""
    index = outcome.record.smallest.get(finding.fingerprint, finding.shown[-1])
    return outcome.record.exchanges[index]


def reproduction(outcome: Outcome, finding: Finding, record: str | None = None) -> str:
    """The command that shows a finding again: curl where curl can, else a replay of the record."""
    is_alone = len(set(finding.shown)) == 1
    line = curl(exchange_of(outcome, finding).request, outcome.record.facts.url) if is_alone else None
    if line is not None:
        return line
    where = shlex.quote(f"{record or 'RECORD.json'}#{finding.fingerprint}")
    return f"comfy-assets check --replay {where}" + ("" if record else "  (after --report-json RECORD.json)")


def curl(request: Request, url: str) -> str | None:
    """A curl line without the key; None where curl would send something else."""
    try:
        body = request.body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    odd = [value for _, value in request.headers if PLACEHOLDER.search(value) and value != KEY]
    if "\0" in body or len(body) > _LONGEST_COMMAND or odd or PLACEHOLDER.search(request.target):
        return None
    origin = "/".join(url.split("/")[:3])
    words = ["curl", "-i", "-X", request.method]
    if request.method == "HEAD":
        words = ["curl", "--head"]
    for name, value in request.headers:
        if name.lower() in {"host", "user-agent", "accept"}:
            continue
        words += ["-H", _quoted(f"{name}: {value}") if value != KEY else f'"{name}: ${KEY_VARIABLE}"']
        if not value:
            words[-1] = _quoted(f"{name};")  # curl's way to send an empty header
    if request.framing != NO_BODY:
        words += ["--data-raw", _quoted(body)]
        if not request.header("content-type"):
            words += ["-H", "Content-Type:"]
    if request.framing == "chunked":
        words += ["-H", _quoted("Transfer-Encoding: chunked")]
    return " ".join([*words, _quoted(origin + request.target)])


def _quoted(text: str) -> str:
    return shlex.quote(text)


def references(outcome: Outcome) -> str:
    """What the run left on the server, in a line."""
    record = outcome.record
    text = f"{len(record.made)} references made on {record.facts.url}"
    if record.made_unknown:
        text += f", and up to {record.made_unknown} more that no answer told of"
    return f"{text} (at most {record.max_references})"
