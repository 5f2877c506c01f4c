"""`comfy-assets scenario list|bind|show|unbind`: what a running server does to the requests of one key."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from comfy_assets.cli.completing import files, scenarios, steps
from comfy_assets.cli.databases import database_option, opened
from comfy_assets.cli.extras import need_extra
from comfy_assets.cli.output import Exit, Failure, Output, json_option, printable
from comfy_assets.cli.service import key_in
from comfy_assets.scenarios.steps import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from comfy_assets.server.bindings import Bindings
    from comfy_assets.server.store import Store


@click.group("scenario")
def command() -> None:
    """Let a server fail, drift or vanish for one API key, to test a client in any language.

    The server has to run with --scenarios, on the same --database. Other keys do not notice.
    """


def _key_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--without-key", is_flag=True, help="Requests without a valid key, instead of those with one."
        ),
        click.option(
            "--api-key-file", metavar="FILE", shell_complete=files, help="A file that holds the key."
        ),
        click.option("--api-key", metavar="KEY", help="The key. Others on this machine can see it here."),
    ):
        command = option(command)
    return command


@command.command("list", epilog="Example: comfy-assets scenario list")
@json_option
def list_(as_json: bool) -> None:
    """List the scenarios, and what the parts of a step can name."""
    need_extra("scenario", "server")
    from comfy_assets import specification
    from comfy_assets.scenarios import steps

    output = Output("scenario list", as_json=as_json)
    for name, (words, _, then) in steps.BUILT_IN.items():
        output.data(f"{name:<32}  {words}")
        output.event("scenario", name=name, about=words, then=then)
    count = 0
    for kind, known in steps.names(specification.load()).items():
        for name, words in known.items():
            count += 1
            output.data(f"{kind + ':' + name:<32}  {words}")
            output.event("step", part=kind, name=name, about=words)
    output.end({"scenarios": len(steps.BUILT_IN), "steps": count})


@command.command(
    "bind", epilog="Example: comfy-assets scenario bind outcome-unknown --database sqlite:///references.db"
)
@click.argument("name", required=False, shell_complete=scenarios)
@_key_options
@click.option(
    "--file", "path", type=click.Path(path_type=Path), metavar="FILE", help="A scenario as JSON or YAML."
)
@click.option(
    "--steps",
    "listed",
    metavar="STEPS",
    shell_complete=steps,
    help="Steps, joined by commas, such as status:503,carry.",
)
@click.option("--seed", type=click.IntRange(-(2**63), 2**63 - 1), default=0, show_default=True,
              help="Of what is drawn.")  # fmt: skip
@database_option
@json_option
def bind(
    name: str | None,
    api_key: str | None,
    api_key_file: str | None,
    without_key: bool,
    path: Path | None,
    listed: str | None,
    seed: int,
    database: str,
    as_json: bool,
) -> None:
    """Bind scenario NAME, or one step, to a key, from its first step on.

    Without a key one is made and printed; the server accepts it when the command ends.
    """
    need_extra("scenario", "server")
    from comfy_assets import specification
    from comfy_assets.scenarios import steps
    from comfy_assets.server.bindings import describe

    output = Output("scenario bind", as_json=as_json)
    if sum(one is not None for one in (name, path, listed)) != 1:
        raise click.UsageError("one of NAME, --file and --steps is needed")
    try:
        if path is not None:
            scenario = steps.from_value(specification.load(), _read(path), path.stem)
        elif listed is not None:
            scenario = steps.from_value(specification.load(), listed.split(","), listed)
        else:
            scenario = steps.scenario(specification.load(), str(name))
    except ScenarioError as error:
        raise Failure(f"{path}: {error}" if path else str(error), code="scenario") from None
    with _bindings(database) as (store, bindings):
        made = None
        if not without_key and api_key is None and api_key_file is None:
            made = _made_key(store, scenario.name)
        bound = bindings.bind(
            _owner(store, made or api_key, api_key_file, without_key=without_key), scenario, seed
        )
    if made:
        output.data(made)
    output.talk(f"{printable(scenario.name)}: {len(scenario.steps)} steps, then {scenario.then}, seed {seed}")
    output.end(describe(bound) | ({"key": made} if made else {}))


@command.command(
    "show",
    short_help="Show what is bound to a key, and what it has done so far.",
    epilog="Example: comfy-assets scenario show --api-key K --database sqlite:///references.db",
)
@_key_options
@database_option
@json_option
def show(
    api_key: str | None, api_key_file: str | None, without_key: bool, database: str, as_json: bool
) -> None:
    """Show what is bound to a key: which steps were used up, and what was committed since."""
    need_extra("scenario", "server")
    from comfy_assets.server.bindings import describe

    output = Output("scenario show", as_json=as_json)
    with _bindings(database) as (store, bindings):
        if not without_key and api_key is None and api_key_file is None:
            bound_keys = bindings.all()
            for one in bound_keys:
                who = f"key {one.owner}" if one.owner else "without key"
                output.data(f"{who:<12}  {one.requests:>6} requests  {printable(one.scenario.name)}")
                output.event("bound", **describe(one))
            output.end({"bound": len(bound_keys)})
            return
        found = bindings.find(_owner(store, api_key, api_key_file, without_key=without_key))
        if found is None:
            raise _nothing_bound()
        committed = bindings.committed(found)
    output.data(f"{printable(found.scenario.name)}, seed {found.seed}: {found.requests} requests")
    data = describe(found)
    for step in data["steps"]:
        output.data(f"{step['number']:>6}  {'used' if step['used'] else 'next':<4}  {step['step']}")
    output.data(f"{len(committed)} references committed")
    for reference in committed:
        output.data(f"  {reference['id']}  {printable(reference['name'])}")
        output.event("committed", **reference)
    output.end(data | {"committed": committed})


@command.command(
    "unbind", epilog="Example: comfy-assets scenario unbind --api-key K --database sqlite:///references.db"
)
@_key_options
@database_option
@json_option
def unbind(
    api_key: str | None, api_key_file: str | None, without_key: bool, database: str, as_json: bool
) -> None:
    """Take the scenario away from a key; what it committed stays."""
    output = Output("scenario unbind", as_json=as_json)
    with _bindings(database) as (store, bindings):
        owner = _owner(store, api_key, api_key_file, without_key=without_key)
        if not bindings.unbind(owner):
            raise _nothing_bound()
    output.talk("the server answers this key by itself again")
    output.end({"owner": owner})


@contextmanager
def _bindings(database: str) -> Iterator[tuple[Store, Bindings]]:
    with opened("scenario", database) as store:
        from comfy_assets import specification
        from comfy_assets.server.bindings import Bindings

        yield store, Bindings(store, specification.load())


def _owner(store: Store, api_key: str | None, api_key_file: str | None, *, without_key: bool) -> int:
    from comfy_assets.server import keys
    from comfy_assets.server.bindings import WITHOUT_KEY

    if sum((without_key, api_key is not None, api_key_file is not None)) != 1:
        raise click.UsageError("one of --api-key, --api-key-file and --without-key is needed")
    if without_key:
        return WITHOUT_KEY
    owner = keys.known_owner(store, key_in(api_key_file) if api_key_file is not None else str(api_key))
    if owner is None:
        raise Failure(
            "no server on this database was started with this key, and it was not added",
            code="unknown_key",
            hint="start the server with it, add it with `comfy-assets keys add`, or leave it out to make one",
        )
    return owner


def _made_key(store: Store, label: str) -> str:
    import time

    from comfy_assets.server import keys

    key = keys.make_key()
    keys.add_key(store, key, f"scenario {label}")
    time.sleep(keys.REFRESH)  # until then a running server may not know it
    return key


def _nothing_bound() -> Failure:
    return Failure("no scenario is bound to it", code="not_found", exit_code=Exit.ANSWER_IS_NO)


def _read(path: Path) -> Any:
    """What a file holds: JSON, which is YAML too."""
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise ScenarioError("is not text in UTF-8") from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise ScenarioError(f"is neither JSON nor YAML{where}") from None
    except RecursionError:
        raise ScenarioError("is nested too deeply") from None
