"""The languages: what each needs, which generator makes its client, and what mends what that loses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from attrs import frozen

ROOT: Final = Path(__file__).parents[2]


@frozen
class Generator:
    """A generator, and where its pinned version stands: a file of the language's folder, a pattern with one group."""

    name: str
    file: str
    pattern: str


@frozen
class Language:
    """A folder in `languages/`, with the programs that build what is in it."""

    name: str
    title: str
    needs: tuple[str, ...]
    toolchain: str
    generators: tuple[Generator, ...]
    pins: tuple[str, ...]
    #: What the program says or sets because the generated client does not.
    mends: tuple[str, ...]
    #: Seconds for one run of the program; the rule about endless dripping costs all of them.
    timeout: int = 12

    @property
    def source(self) -> Path:
        """What is committed."""
        return ROOT / "languages" / self.name

    @property
    def folder(self) -> Path:
        """Where the client is generated and the program built; git ignores it."""
        return ROOT / ".cache" / "languages" / self.name

    @property
    def program(self) -> str:
        """What the build script leaves."""
        return str(self.folder / "run")

    @property
    def made_by(self) -> str:
        """The generators with their versions, as they are pinned."""
        return ", ".join(f"{one.name} {self._version(one)}" for one in self.generators)

    def _version(self, generator: Generator) -> str:
        text = (self.source / generator.file).read_text(encoding="utf-8")
        found = re.search(generator.pattern, text)
        if found is None:
            raise LookupError(f"languages/{self.name}/{generator.file} does not pin {generator.name}")
        return found[1]


LANGUAGES: Final = {
    language.name: language
    for language in (
        Language(
            "go", "Go", ("go",), "Go 1.26",
            (Generator("oapi-codegen", "go.mod", r"oapi-codegen/v2 v(\S+)"),), ("go.mod", "go.sum"),
            (
                "`CheckRedirect`: Go follows redirects, and would send `X-API-Key` along",
                "`http.Client{Timeout: ...}`: there is none otherwise; it holds for the whole answer",
                "a look at the id: an answer without one gives the zero uuid and no error",
            ),
        ),
        Language(
            "java", "Java", ("java", "javac", "mvn"), "JDK 17, Maven",
            (Generator("openapi-generator", "generator.txt", r"==(\S+)"),),
            ("generator.txt", "pom.xml", "libraries.sha256"),
            (
                "`setUserMetadata(null)`: the generated class sends `{}` for metadata that was never set",
                "a look at status and id: the generated client takes every 2xx for a success",
                "`useJakartaEe=true`, and `version(HTTP_1_1)`",
                "a timer: the read timeout of the generated client did not end an answer that drips",
            ),
            timeout=30,
        ),
        Language(
            "rust", "Rust", ("cargo", "rustc", "cc"), "Rust 1.88, a C compiler",
            (Generator("progenitor", "Cargo.toml", r'progenitor = "=(\S+)"'),), ("Cargo.toml", "crates.lock"),
            (
                "`redirect(Policy::none())`: reqwest follows redirects, and would send `X-API-Key` along",
                "`timeout(...)`: there is none otherwise; it holds for the whole answer",
                "the key as a default header, marked sensitive: progenitor passes over `security`",
            ),
        ),
        Language(
            "typescript", "TypeScript", ("node", "npm"), "Node.js 20.19, npm",
            (
                Generator("openapi-typescript", "package.json", r'"openapi-typescript": "(\S+)"'),
                Generator("openapi-fetch", "package.json", r'"openapi-fetch": "(\S+)"'),
            ),
            ("package.json", "package-lock.json"),
            (
                '`redirect: "error"`: fetch follows redirects, and would send `X-API-Key` along',
                "a look at status and id: the types are gone when the program runs",
                "a timer: an abort signal given to openapi-fetch did not end an answer that drips",
            ),
        ),
    )
}  # fmt: skip
