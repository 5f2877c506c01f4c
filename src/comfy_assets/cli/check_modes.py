"""What `comfy-assets check` does with its options: which of its modes, with what, and what it prints."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from comfy_assets import settings, specification
from comfy_assets.cli.check_progress import progress_for
from comfy_assets.cli.output import Exit, Failure
from comfy_assets.cli.service import key_in
from comfy_assets.contract import Content, Options, Outcome, UnreachableError, baseline, check
from comfy_assets.contract.facts import OPERATION
from comfy_assets.contract.reports import html, json_report, junit, rule_texts, terminal
from comfy_assets.contract.rules import RULES
from comfy_assets.defaults import API_KEY_VARIABLE
from comfy_assets.errors import InputError
from comfy_assets.hashing import hash_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from comfy_assets.cli.output import Output


#: Options of the command that go into a run as they are.
_SAME = (
    "strict", "complete", "seed", "timeout", "deadline", "rate_limit", "max_references", "rules",
    "allow_not_checked", "ca_file", "insecure", "proxy", "ledger",
)  # fmt: skip
#: Characters; it stands in every name, which has room for 255.
_LONGEST_RUN_ID = 64


def run(url: str | None, given: dict[str, Any], output: Output) -> int:
    """Do what the options ask for; the exit status."""
    for id_ in (*given["rules"], *given["allow_not_checked"], *filter(None, [given["explain"]])):
        if id_ not in RULES:
            raise Failure(f"there is no rule {id_!r}", code="unknown_rule", hint=_nearest(id_))
    if given["list_rules"]:
        return _list_rules(output)
    if given["explain"]:
        return _explain(given["explain"], output)
    if given["self_test"]:
        return _self_test(output)
    if given["rejudge"]:
        return _rejudge(given, output)
    if given["replay"]:
        return _replay(url, given, output)
    if url is None:
        raise click.UsageError("which server? Give its URL")
    return _check(options_from(url, given), given, output)


def _nearest(id_: str) -> str:
    import difflib

    near = difflib.get_close_matches(id_, RULES, n=1)
    return f"did you mean {near[0]}? --list-rules lists all" if near else "--list-rules lists all rules"


# --- Options ----------------------------------------------------------------------------------------


def options_from(url: str, given: dict[str, Any]) -> Options:
    """The options of a run; `Failure` and `UsageError` for what cannot work."""
    try:
        address = settings.checked_url(url)
        if given["proxy"]:
            settings.checked_url(given["proxy"].replace("@", "", given["proxy"].count("@")))
    except InputError as error:
        raise Failure(str(error), code="input") from None
    if given["ca_file"] is not None and not given["ca_file"].is_file():
        raise Failure(f"there is no file {str(given['ca_file'])!r}", code="input")
    more: dict[str, Any] = {name: given[name] for name in _SAME}
    if given["run_id"] is not None:
        more["run_id"] = _run_id(given["run_id"])
    return Options(
        url=address,
        api_key=_key(given, "api_key", address),
        other_api_key=_key(given, "other_api_key", None),
        contents=_contents(given),
        headers=tuple(map(_header, given["headers"])),
        baseline=_baseline(given["baseline"]),
        **more,
    )


def _run_id(text: str) -> str:
    if (
        not text
        or len(text) > _LONGEST_RUN_ID
        or not all(letter.isascii() and (letter.isalnum() or letter in "-_.") for letter in text)
    ):
        raise Failure("--run-id takes up to 64 letters, digits, '-', '_' and '.'", code="input")
    return text


def _key(given: dict[str, Any], name: str, address: str | None) -> str | None:
    key, file = given[name], given[f"{name}_file"]
    option = "--" + name.replace("_", "-")
    if key is not None and file is not None:
        raise click.UsageError(f"{option} and {option}-file exclude each other")
    key = key_in(file) if file is not None else key
    if key is None and address is not None:
        try:
            # The environment's key goes only where the environment says that it belongs.
            settings.service(None, address)
        except InputError:
            return None
        key = os.environ[API_KEY_VARIABLE]
    if key is not None and (not key or key != key.strip() or not (key.isascii() and key.isprintable())):
        raise Failure(
            f"{option}: a key cannot be empty, or hold spaces around it or control characters", code="input"
        )
    return key


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    name, value = name.strip(), value.strip()
    token = name and all(letter.isascii() and (letter.isalnum() or letter in "-_.") for letter in name)
    if not colon or not token or not value.isprintable() or not value.isascii():
        raise Failure(f"--header takes 'Name: value', not {name[:40]!r}", code="input")
    return name, value


def _contents(given: dict[str, Any]) -> tuple[Content, ...]:
    contents: list[Content] = []
    contract = specification.load()
    validator = contract.validator(contract.operation(OPERATION).request_schema or {})
    for path in given["known_files"]:
        try:
            hashes = (hash_file(path), hash_file(path, "sha256"))
            contents.append(Content(hashes, os.path.getsize(path), path.name))
        except OSError as error:
            raise Failure(
                f"--known-file {str(path)!r} cannot be read: {error.strerror}", code="unreadable_file"
            ) from None
    for hash_ in given["known_hashes"]:
        if not validator.is_valid({"hash": hash_, "tags": ["input"]}):
            raise Failure(f"--known-hash {hash_[:100]!r} is no hash as the contract writes it", code="input")
        if not any(hash_ in content.hashes for content in contents):
            contents.append(Content((hash_,), None, hash_[:19]))
    return tuple(contents)


def _baseline(path: Path | None) -> baseline.Baseline:
    if path is None:
        return baseline.Baseline()
    try:
        return baseline.read(path, frozenset(RULES))
    except baseline.BaselineError as error:
        raise Failure(str(error), code="baseline") from None


# --- Modes ------------------------------------------------------------------------------------------


def _check(options: Options, given: dict[str, Any], output: Output) -> int:
    _writable(given)
    if options.api_key is None:
        output.talk("no API key was given: only what needs none can be checked")
    try:
        with progress_for(options.url, output) as step:
            outcome = check(options, progress=step)
    except UnreachableError as error:
        raise Failure(str(error), code="unreachable", hint=_hint(str(error))) from None
    except specification.ContractFileError as error:
        raise Failure(str(error), code="contract") from None
    _write([outcome], given)
    return _told(outcome, given, output)


def _hint(text: str) -> str:
    if "certificate" in text:
        return "name the authority that signed it with --ca-file, or do without with --insecure"
    return "is the server running, and is its address right?"


def _writable(given: dict[str, Any]) -> None:
    """Find out before the run that a report cannot be written after it."""
    for name in ("report_html", "report_junit", "report_json", "write_baseline", "ledger"):
        path: Path | None = given[name]
        if path is None:
            continue
        try:
            with path.open("a", encoding="utf-8"):
                pass
        except OSError as error:
            raise Failure(
                f"{str(path)!r} cannot be written: {error.strerror}", code="unwritable_file"
            ) from None


def _write(outcomes: list[Outcome], given: dict[str, Any]) -> None:
    first = outcomes[0]
    record = str(given["report_json"]) if given["report_json"] else None
    texts: dict[str, Callable[[], str]] = {
        "report_html": lambda: html.page(outcomes, record),
        "report_junit": lambda: junit.document(outcomes),
        "report_json": lambda: json_report.document(first),
        "write_baseline": lambda: baseline.written(
            list(first.judgement.all_findings()), "known when it was written"
        ),
    }
    for name, text in texts.items():
        if given[name] is not None:
            given[name].write_text(text(), encoding="utf-8")


def _told(outcome: Outcome, given: dict[str, Any], output: Output) -> int:
    if output.as_json:
        for finding in outcome.judgement.findings:
            output.event("finding", **json_report.finding(outcome, finding))
        for verdict in outcome.judgement.verdicts.values():
            output.event("verdict", **json_report.verdict(verdict))
    elif not (output.quiet and outcome.exit_status == 0):
        record = given["rejudge"][0] if given["rejudge"] else given["report_json"]
        terminal.show(outcome, Console(highlight=False, soft_wrap=False), str(record) if record else None)
    return _end(outcome, output)


def _end(outcome: Outcome, output: Output) -> int:
    data = json_report.summary(outcome)
    status = outcome.exit_status
    if not output.as_json:
        return status
    from comfy_assets.cli.output import envelope, print_json

    codes = {1: "violated", 2: "not_complete", 130: "interrupted"}
    error = (
        None
        if status == 0
        else {"code": codes[status], "message": data["summary"], "hint": data["hint"] or None}
    )
    print_json(envelope("check", data=data, error=error))
    return status


def _list_rules(output: Output) -> int:
    for rule in RULES.values():
        output.event("rule", **rule_texts.as_json(rule))
    if not output.as_json:
        Console(highlight=False).print(rule_texts.table())
    output.end({"rules": len(RULES)})
    return Exit.DONE


def _explain(id_: str, output: Output) -> int:
    if not output.as_json:
        Console(highlight=False).print(rule_texts.explained(RULES[id_]))
    output.end(rule_texts.as_json(RULES[id_]))
    return Exit.DONE


def _self_test(output: Output) -> int:
    from comfy_assets.contract import selftest

    results = selftest.run()
    for result in results:
        output.event("self-test", **result.to_json())
        if not output.as_json and not result.passed:
            output.data(result.text)
    failed = [one for one in results if not one.passed]
    if failed:
        raise Failure(f"the self-test failed: {len(failed)} of {len(results)} proofs", code="self_test")
    output.data(f"self-test passed: {len(results)} proofs")
    output.end({"proofs": len(results)})
    return Exit.DONE


def _rejudge(given: dict[str, Any], output: Output) -> int:
    outcomes = [_read(path, given) for path in given["rejudge"]]
    _writable(given)
    _write(outcomes, given)
    return (
        max(_told(outcome, given, output) for outcome in outcomes[:1])
        if len(outcomes) == 1
        else _several(outcomes, output)
    )


def _several(outcomes: list[Outcome], output: Output) -> int:
    from comfy_assets.contract import words

    for outcome in outcomes:
        output.data(f"{outcome.record.facts.url}  {words.summary(outcome)}")
        output.event("run", **json_report.summary(outcome))
    statuses = [outcome.exit_status for outcome in outcomes]
    status = 1 if 1 in statuses else max(statuses)
    output.end({"runs": len(outcomes), "exit_status": status})
    return status


def _read(path: Path, given: dict[str, Any]) -> Outcome:
    try:
        return json_report.read(
            path, strict=given["strict"], allow=given["allow_not_checked"], known=_baseline(given["baseline"])
        )
    except OSError as error:
        raise Failure(f"{str(path)!r} cannot be read: {error.strerror}", code="unreadable_file") from None
    except ValueError as error:
        raise Failure(f"{str(path)!r}: {error}", code="not_a_record") from None


def _replay(url: str | None, given: dict[str, Any], output: Output) -> int:
    from comfy_assets.contract import replaying

    name, _, fingerprint = given["replay"].rpartition("#")
    if not name:
        raise click.UsageError("--replay takes FILE#FINDING, as the report prints it")
    outcome = _read(Path(name), given)
    options = options_from(url or outcome.record.facts.url, given)
    try:
        result = replaying.replay(outcome, fingerprint, options)
    except LookupError:
        raise Failure(f"{name!r} holds no finding {fingerprint!r}", code="unknown_finding") from None
    except UnreachableError as error:
        raise Failure(str(error), code="unreachable", hint=_hint(str(error))) from None
    for line in result.lines:
        output.data(line)
    output.end({"finding": fingerprint, "seen_again": result.seen_again})
    return Exit.ANSWER_IS_NO if result.seen_again else Exit.DONE
