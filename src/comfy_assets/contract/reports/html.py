"""One HTML page, in a single file: findings first, then every rule; several runs side by side."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from attrs import frozen

from comfy_assets._version import __version__
from comfy_assets.contract import verdicts, words
from comfy_assets.contract.reports.page_style import SIGNS, STYLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from comfy_assets.contract.reported import Reported
    from comfy_assets.contract.verdicts import Finding, Verdict

#: Bytes of a message that a page shows.
_SHOWN = 4000
_SEEN_AT_ONCE = 3


def page(outcomes: Sequence[Reported], record: str | None = None) -> str:
    """The page as text."""
    title = " and ".join(dict.fromkeys(outcome.subject for outcome in outcomes))
    runs = _runs(outcomes)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Contract check of {_text(title)}</title>",
            f"<style>{STYLE}</style></head><body><main>",
            f"<h1>Does it keep the contract?</h1><p class=lead>{_text(title)}</p>",
            *(part for run in runs for part in _overview(run)),
            *(part for run in runs for part in _findings(run, record)),
            *_rules(runs),
            *(part for outcome in outcomes for part in _references(outcome)),
            f"<footer>comfy-assets {__version__}, contract {_text(outcomes[0].record.facts.contract.version)}</footer>",
            "</main></body></html>\n",
        ]
    )


@frozen
class _Run:
    """One of the runs that a page shows."""

    outcome: Reported
    #: What tells it from the others; empty where there are none.
    name: str
    #: Begins the names of its places in the page.
    prefix: str


def _runs(outcomes: Sequence[Reported]) -> list[_Run]:
    if len(outcomes) == 1:
        return [_Run(outcomes[0], "", "")]
    subjects = [outcome.subject for outcome in outcomes]
    return [
        _Run(
            one,
            one.subject if subjects.count(one.subject) == 1 else f"{one.subject}, {one.name}",
            f"{place}-",
        )
        for place, one in enumerate(outcomes, 1)
    ]


def _title(text: str) -> str:
    """A rule's title; names of members stand between backticks."""
    parts = _text(text).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))


def _text(text: object) -> str:
    return escape(
        "".join(
            letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1] for letter in str(text)
        )
    )


def _overview(run: _Run) -> Iterator[str]:
    outcome = run.outcome
    kind = {0: "good", 1: "bad"}.get(outcome.exit_status, "open")
    name = f"<b>{_text(run.name)}</b> " if run.name else ""
    yield f'<section class="verdict {kind}"><p>{name}{_text(_sentence(words.summary(outcome)))}</p>'
    counted: dict[str, int] = {}
    for one in outcome.judgement.verdicts.values():
        counted[one.verdict] = counted.get(one.verdict, 0) + 1
    total = sum(counted.values()) or 1
    yield '<div class=bar role="img" aria-label="verdicts of all rules">'
    for verdict in SIGNS:
        if verdict in counted:
            share = 100 * counted[verdict] / total
            yield f'<span class="{_class(verdict)}" style="width:{share:.2f}%" title="{counted[verdict]} {verdict}"></span>'
    legend = " · ".join(
        f'<span class="dot {_class(name)}"></span>{counted[name]} {name}' for name in SIGNS if name in counted
    )
    yield f"</div><p class=legend>{legend}</p>"
    yield f"<p class=facts>{_text(' · '.join(outcome.facts_line))}</p>"
    yield from _index(run)
    yield "</section>"


def _index(run: _Run) -> Iterator[str]:
    """Links to all deviations, where they are more than one sees at once."""
    findings = run.outcome.judgement.findings
    if len(findings) > _SEEN_AT_ONCE:
        yield "<ol class=index>"
        for one in findings:
            yield f'<li><a href="#{run.prefix}{one.fingerprint}">{one.rule}</a> {_text(one.cause)}</li>'
        yield "</ol>"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _class(verdict: str) -> str:
    return verdict.replace(" ", "-")


def _findings(run: _Run, record: str | None) -> Iterator[str]:
    findings = run.outcome.judgement.findings
    if not findings:
        return
    where = f" of {_text(run.name)}" if run.name else ""
    yield f"<h2>Deviations{where}</h2>"
    for finding in findings:
        yield from _finding(run, finding, record)


def _finding(run: _Run, finding: Finding, record: str | None) -> Iterator[str]:
    outcome = run.outcome
    rule = outcome.rules[finding.rule]
    yield f'<article class="{_class(finding.verdict)}" id="{run.prefix}{finding.fingerprint}">'
    yield (
        f"<h3>{_title(rule.title)}</h3><p class=tags><code>{finding.rule}</code> "
        f'<span class=level>{finding.level}</span> <span class="state">{finding.verdict}</span> '
        f"<code class=print>{finding.fingerprint}</code></p>"
    )
    rows = [
        (outcome.case_word, words.shown_by(outcome, finding)),
        ("expected", finding.expected),
        ("got", finding.got),
        ("evidence", finding.evidence),
        ("why it matters", rule.why),
        ("source", rule.source),
    ]
    if finding.reason:
        rows.append(("accepted because", finding.reason))
    yield "<dl>" + "".join(f"<dt>{name}</dt><dd>{_text(text)}</dd>" for name, text in rows) + "</dl>"
    if finding.under:
        yield "<p class=under>What follows from it:</p><ul>"
        yield from (f"<li><code>{rule}</code> {_text(got)}</li>" for rule, got in words.following(finding))
        yield "</ul>"
    yield f"<pre class=again>{_text(outcome.reproduction(finding, record))}</pre>"
    yield "<details><summary>The bytes</summary>"
    yield from (f"<pre>{_text(_shown(part))}</pre>" for part in outcome.bytes_of(finding))
    yield "</details></article>"


def _shown(raw: bytes) -> str:
    text = raw[:_SHOWN].decode("utf-8", "backslashreplace").replace("\r\n", "\n")
    return text + (f"\n… {len(raw) - _SHOWN} bytes more" if len(raw) > _SHOWN else "")


def _rules(runs: Sequence[_Run]) -> Iterator[str]:
    first = runs[0].outcome
    yield "<h2>Every rule</h2><table><thead><tr><th>rule</th><th>level</th>"
    yield from (f"<th>{_text(run.name or 'verdict')}</th>" for run in runs)
    yield "</tr></thead><tbody>"
    for group, title in first.groups.items():
        ids = [id_ for id_, rule in first.rules.items() if rule.group == group]
        if not any(id_ in run.outcome.judgement.verdicts for id_ in ids for run in runs):
            continue
        yield f'<tr class=group><th colspan="{2 + len(runs)}">{_text(title)}</th></tr>'
        for id_ in ids:
            yield from _rule(id_, runs)
    yield "</tbody></table>"


def _rule(id_: str, runs: Sequence[_Run]) -> Iterator[str]:
    rule = runs[0].outcome.rules[id_]
    more = f"{rule.why} Source: {rule.source}." + (f" Cannot see: {rule.blind}" if rule.blind else "")
    yield f"<tr><td><details><summary>{_title(rule.title)} <code>{id_}</code></summary><p>{_text(more)}</p></details></td>"
    yield f"<td class=level>{rule.level}</td>"
    yield from (_cell(run, run.outcome.judgement.verdicts.get(id_), id_) for run in runs)
    yield "</tr>"


def _cell(run: _Run, verdict: Verdict | None, id_: str) -> str:
    # Where a narrow screen shows cells below each other, each says whose it is.
    whose = f' data-run="{_text(run.name)}"' if run.name else ""
    if verdict is None:
        return f"<td class=not-applicable{whose}>not asked for</td>"
    links = [one.fingerprint for one in run.outcome.judgement.findings if one.rule == id_]
    text = f"{SIGNS[verdict.verdict]} {verdict.verdict}"
    if links:
        text = f'<a href="#{run.prefix}{links[0]}">{text}</a>'
    note = f"<small>{_text(verdict.text)}</small>" if verdict.text else ""
    seen = ""
    if verdict.verdict == verdicts.PASSED:
        looked_at = run.outcome.looked_at
        seen = f"<small>{verdict.exercised} {looked_at if verdict.exercised != 1 else looked_at[:-1]}</small>"
    return f'<td class="{_class(verdict.verdict)}"{whose}>{text}{note}{seen}</td>'


def _references(outcome: Reported) -> Iterator[str]:
    if outcome.left_behind and outcome.left_behind[1]:
        text, made = outcome.left_behind
        yield f"<details class=made><summary>{_text(text)}</summary><ul>"
        yield from (f"<li><code>{_text(id_)}</code> {_text(case)}</li>" for id_, case in made.items())
        yield "</ul></details>"
