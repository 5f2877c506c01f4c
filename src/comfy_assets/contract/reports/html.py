"""One HTML page, in a single file: findings first, then every rule; several runs side by side."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from comfy_assets._version import __version__
from comfy_assets.contract import verdicts, words
from comfy_assets.contract.reports.page_style import SIGNS, STYLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from comfy_assets.contract.reported import Reported
    from comfy_assets.contract.verdicts import Finding, Verdict

#: Bytes of a message that a page shows.
_SHOWN = 4000


def page(outcomes: Sequence[Reported], record: str | None = None) -> str:
    """The page as text."""
    title = " and ".join(dict.fromkeys(outcome.subject for outcome in outcomes))
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Contract check of {_text(title)}</title>",
            f"<style>{STYLE}</style></head><body><main>",
            f"<h1>Does it keep the contract?</h1><p class=lead>{_text(title)}</p>",
            *(part for outcome in outcomes for part in _overview(outcome, several=len(outcomes) > 1)),
            *(part for outcome in outcomes for part in _findings(outcome, record, several=len(outcomes) > 1)),
            *_rules(outcomes),
            *(part for outcome in outcomes for part in _references(outcome)),
            f"<footer>comfy-assets {__version__}, contract {_text(outcomes[0].record.facts.contract.version)}</footer>",
            "</main></body></html>\n",
        ]
    )


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


def _overview(outcome: Reported, *, several: bool) -> Iterator[str]:
    kind = {0: "good", 1: "bad"}.get(outcome.exit_status, "open")
    name = f"<b>{_text(outcome.subject)}</b> " if several else ""
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
    yield (f"<p class=facts>{_text(' · '.join(outcome.facts_line))}</p></section>")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _class(verdict: str) -> str:
    return verdict.replace(" ", "-")


def _findings(outcome: Reported, record: str | None, *, several: bool) -> Iterator[str]:
    findings = outcome.judgement.findings
    if not findings:
        return
    where = f" of {_text(outcome.subject)}" if several else ""
    yield f"<h2>Deviations{where}</h2>"
    for finding in findings:
        yield from _finding(outcome, finding, record)


def _finding(outcome: Reported, finding: Finding, record: str | None) -> Iterator[str]:
    rule = outcome.rules[finding.rule]
    yield f'<article class="{_class(finding.verdict)}" id="{finding.fingerprint}">'
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


def _rules(outcomes: Sequence[Reported]) -> Iterator[str]:
    yield "<h2>Every rule</h2><table><thead><tr><th>rule</th><th>level</th>"
    yield from (
        f"<th>{_text(outcome.subject) if len(outcomes) > 1 else 'verdict'}</th>" for outcome in outcomes
    )
    yield "</tr></thead><tbody>"
    for group, title in outcomes[0].groups.items():
        ids = [id_ for id_, rule in outcomes[0].rules.items() if rule.group == group]
        if not any(id_ in outcome.judgement.verdicts for id_ in ids for outcome in outcomes):
            continue
        yield f'<tr class=group><th colspan="{2 + len(outcomes)}">{_text(title)}</th></tr>'
        for id_ in ids:
            yield from _rule(id_, outcomes)
    yield "</tbody></table>"


def _rule(id_: str, outcomes: Sequence[Reported]) -> Iterator[str]:
    rule = outcomes[0].rules[id_]
    more = f"{rule.why} Source: {rule.source}." + (f" Cannot see: {rule.blind}" if rule.blind else "")
    yield f"<tr><td><details><summary>{_title(rule.title)} <code>{id_}</code></summary><p>{_text(more)}</p></details></td>"
    yield f"<td class=level>{rule.level}</td>"
    for outcome in outcomes:
        yield _cell(outcome, outcome.judgement.verdicts.get(id_), id_)
    yield "</tr>"


def _cell(outcome: Reported, verdict: Verdict | None, id_: str) -> str:
    if verdict is None:
        return "<td class=not-applicable>not asked for</td>"
    links = [one.fingerprint for one in outcome.judgement.findings if one.rule == id_]
    text = f"{SIGNS[verdict.verdict]} {verdict.verdict}"
    if links:
        text = f'<a href="#{links[0]}">{text}</a>'
    note = f"<small>{_text(verdict.text)}</small>" if verdict.text else ""
    seen = (
        f"<small>{verdict.exercised} {outcome.looked_at}</small>"
        if verdict.verdict == verdicts.PASSED
        else ""
    )
    return f'<td class="{_class(verdict.verdict)}">{text}{note}{seen}</td>'


def _references(outcome: Reported) -> Iterator[str]:
    if outcome.left_behind and outcome.left_behind[1]:
        text, made = outcome.left_behind
        yield f"<details class=made><summary>{_text(text)}</summary><ul>"
        yield from (f"<li><code>{_text(id_)}</code> {_text(case)}</li>" for id_, case in made.items())
        yield "</ul></details>"
