"""What `comfy-assets check` does with its options: which of its modes, and with what."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from comfy_assets import settings, specification
from comfy_assets.cli.check_progress import progress_for
from comfy_assets.cli.checking import Checking, ending_in_order, require_writable, write
from comfy_assets.cli.output import Exit, Failure
from comfy_assets.cli.service import key_in
from comfy_assets.contract import Content, Options, Outcome, UnreachableError, check
from comfy_assets.contract.facts import OPERATION
from comfy_assets.contract.reported import INTERRUPTED
from comfy_assets.contract.reports import json_report
from comfy_assets.contract.rules import GROUPS, RULES
from comfy_assets.contract.run import rejudge
from comfy_assets.defaults import API_KEY_VARIABLE
from comfy_assets.errors import InputError
from comfy_assets.hashing import hash_file

if TYPE_CHECKING:
    from comfy_assets.cli.output import Output
    from comfy_assets.contract.reported import Reported

CHECKING = Checking("check", RULES, GROUPS, rejudge)
#: Options of the command that go into a run as they are.
_SAME = (
    "strict", "complete", "seed", "timeout", "deadline", "rate_limit", "max_references", "rules",
    "allow_not_checked", "ca_file", "insecure", "proxy", "ledger",
)  # fmt: skip
#: Characters; it stands in every name, which has room for 255.
_LONGEST_RUN_ID = 64


def run(url: str | None, given: dict[str, Any], output: Output) -> int:
    """Do what the options ask for; the exit status."""
    CHECKING.require_rules(given)
    if given["list_rules"]:
        return CHECKING.list_rules(output)
    if given["explain"]:
        return CHECKING.explain(given["explain"], output)
    if given["self_test"]:
        return _self_test(output)
    if given["rejudge"]:
        return _rejudge(given, output)
    if given["replay"]:
        return _replay(url, given, output)
    if url is None:
        raise click.UsageError("which server? Give its URL")
    return _check(options_from(url, given), given, output)


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
        baseline=CHECKING.baseline(given["baseline"]),
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


# --- Modes ------------------------------------------------------------------------------------------


def _check(options: Options, given: dict[str, Any], output: Output) -> int:
    require_writable(given)
    if options.api_key is None:
        output.talk("no API key was given: only what needs none can be checked")
    try:
        with ending_in_order() as interrupted, progress_for(options.url, output) as step:
            outcome = check(options, progress=step)
    except UnreachableError as error:
        raise Failure(str(error), code="unreachable", hint=_hint(str(error))) from None
    except specification.ContractFileError as error:
        raise Failure(str(error), code="contract") from None
    if interrupted.is_set():
        outcome.record.ended = INTERRUPTED
    write([outcome], given)
    return CHECKING.told(outcome, output, record=given["report_json"])


def _hint(text: str) -> str:
    if "certificate" in text:
        return "name the authority that signed it with --ca-file, or do without with --insecure"
    return "is the server running, and is its address right?"


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
    outcomes = [CHECKING.read(path, given) for path in given["rejudge"]]
    require_writable(given)
    write(outcomes, given)
    if len(outcomes) > 1:
        return _several(outcomes, output)
    return CHECKING.told(outcomes[0], output, record=given["rejudge"][0])


def _several(outcomes: list[Reported], output: Output) -> int:
    from comfy_assets.contract import words

    for outcome in outcomes:
        output.data(f"{outcome.subject}  {words.summary(outcome)}")
        output.event("run", **json_report.summary(outcome))
    statuses = [outcome.exit_status for outcome in outcomes]
    status = 1 if 1 in statuses else max(statuses)
    output.end({"runs": len(outcomes), "exit_status": status})
    return status


def _replay(url: str | None, given: dict[str, Any], output: Output) -> int:
    from comfy_assets.contract import replaying

    name, _, fingerprint = given["replay"].rpartition("#")
    if not name:
        raise click.UsageError("--replay takes FILE#FINDING, as the report prints it")
    outcome = CHECKING.read(Path(name), given)
    assert isinstance(outcome, Outcome)
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
