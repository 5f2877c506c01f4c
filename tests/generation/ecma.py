"""Regular expressions of ECMA-262 with texts, and a real engine to ask about them.

A pattern is read in unicode mode, as JSON Schema advises, and where that refuses it in the lenient mode
of web browsers.
"""

from __future__ import annotations

import json
import subprocess

PATTERNS = [
    "^a$", "a$", "^a", "$", "^$", "a|b$", "(a$|b)c?", "^(blake3|sha256):[a-f0-9]{64}$",
    r"^\d+$", r"\D", r"^\w+$", r"\W", r"^\s$", r"^\S+$", r"\bword\b", r"\Bord", r"^[\b]$", r"^[\d]$", r"^[\w-]+$", r"^[\s]$",
    r"^[^\d]$", r"^[^\s]$", r"^[\D]$", r"^[\S]$", r"^[\W]$", r"^[\s\S]$", r"^[^\W]$", r"^[\d\D]$", r"^[^\S]$", r"^[\Dx]$",
    "^.$", "^.*$", "a.c", "^...$",
    "^[[]$", "^[]]$", "^[[a]$", "^[[]]$", "^[^]$", "^[]$", "a[]", "[^]", "^[^]]$", r"^[\]]$", r"^[\[\]]$", "^[&&]$", "^[a&&b]$", "^[a--b]$",
    "^[a||b]$", "^[~~]$", "^[a-c]$", "^[-a]$", "^[a-]$", r"^[a\-z]$", r"^[\^a]$", "^[a^]$", "^[.]$", "^[$]$", "^[(]$", r"^[\/]$", r"^\/$", r"^\-$",
    "^[(?:a)]$", r"^[(?<x>]$", "^[a{2}]$", "^[*+?]$", "^[a+*]$",
    r"^(?<year>\d{4})-\k<year>$", r"^(a)\1$", r"^(a)(b)\2\1$", r"^(?<x>a)|b$", r"^(?:a)+$", "^(?=a)a$", "^(?!a).$", "(?<=a)b", "(?<!a)b",
    r"(?<=\$)\d+", r"^(?:(a)|b)\1$", r"^(a)?\1$", r"^(a)?b\1$", r"^(?:(a)|(b))+\1$", r"^\1(a)$", r"^(a\1)$", r"^(?=(a))\1$", r"^(?!(a))\1b$",
    r"^\u0041$", r"^\u{41}$", r"^\u{1F600}$", r"^\ud83d\ude00$", "^[\\u{1F600}-\\u{1F64F}]$", r"^[\ud83d\ude00]$", "^\U0001f600$", "^[\U0001f600]$", r"^\x41$", r"^[\x41-\x43]$", r"^[\u0041-\u0043]$",
    r"^\0$", r"^[\0]$", r"^\t\n\v\f\r$", r"^\cJ$", r"^[\cJ]$", r"^\cj$", r"^\cA$",
    "^a{2}$", "^a{2,}$", "^a{2,3}$", "^a{,3}$", "a{", "a}", "^]$", "^{$", "^}$", "^a{1,2$", "^x{a}$", "^a{,}$", "^{,2}$", "^a{ 1}$",
    "^a*?$", "^a+?$", "^a??$", "^a{1,2}?$", "a||b", "", "(|a)", "()", "^(?:)$", "(?:)*", "(?:a|)*b", "^(a*)*$", "^(a|ab)(c|bcd)(d*)$",
    r"^\.$", r"^\$$", r"^\^$", r"^\*\+\?$", r"^\(\)$", r"^\[\]$", r"^\{\}$", r"^\|$", r"^\\$",
    "^é$", "^\u0130$", "ſ", "^ $", "^#$", "a # b", "^a\nb$", "^[ -~]*$", "^[\u00e0-\u00ff]$", "[a-]-", r"^[+\-*/]$", "^[^a-z]+$", r"^\S+@\S+\.\S+$",
    r"^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*)$", r"^\+?[1-9]\d{1,14}$", r"^[A-Z]{2}\d{2}[A-Z0-9]{1,30}$", "^(?=.{8,}$)(?=.*[A-Z])(?=.*[0-9]).*$", "\x00", "^[\x00-\x1f]$", "^\u2028$", r"^(?<\u0061>a)$",
]
TEXTS = [
    "", "a", "b", "c", "ab", "aa", "aaa", "aaaa", "abc", "a\n", "a\nb", "\na", "\n", "ac", "bc", "aba", "abab", "abba", "bb", "abcd", "A", "B", "C", "Z",
    "0", "5", "42", "٣", "१", "é", "e\u0301", "_", "-", "word", "a word.", "sword", "éword", "wordé", "ord", " ", "\t", "\v", "\u00a0", "\u2003", "\ufeff", "\u180e", "\x85", "\x1c", "\u2028", "\r",
    "[", "]", "[]", "[a", "a]", "a]]", "^", "&", "&&", "~", "|", "/", "\\", ".", "$", "$5", "(", ")", "()", "{", "}", "{}", "*", "+", "?", "*+?", "(?:a)", "(?<x>", "a{", "a}", "a{,3}", "{,2}", "a{,}", "a{1,2", "x{a}", "xa", "a{ 1}", "a{2}", "u0041",
    "2020-2020", "2020-2021", "\x08", "\x00", "\x01", "\t\n\v\f\r", "\U0001f600", "\U0001f600\U0001f600", "a\U0001f600c", "🙏", "\u0130", "\u0131", "i", "I", "K", "ſ", "s", "\u212a", "k",
    "blake3:" + "a" * 64, "blake3:" + "a" * 64 + "\n", "xblake3:" + "a" * 64, "a@b.c", "a@b", "+4915112345678", "DE89370400440532013000", "Passw0rd", "password", "a # b", "#", "a-b", "a_b.c", "cJ", "\ncJ", "\x7f", "J", "\x0c", "a||b", "x", "-a", "é_", "ÿ",
]

#: Patterns that must be refused: each is an error in ECMA-262, or says what Python's `re` cannot.
REFUSED = [
    r"\Z", r"a\Z", r"\A", r"\z", r"\p{L}", r"\P{Lu}", r"[\p{L}]", "(?i)a", "(?i:a)", "(?s).", "(?x) a", "(?P<n>a)", "(?P=n)", "(?#c)", "(?>a)", "a++", "a*+", "a?+", "a{2}+",
    "a**", "(", ")", "a)", "(a", "[", "[a", "[z-a]", "a{3,2}", "*a", "+", "?", "^*", "(?<n>a)(?<n>b)", r"\k<m>", r"(a)\2", "\\", r"\e", r"\u{110000}", r"\g<1>", r"\N{DASH}", "a{99999999999999999999}",
    "(?(1)a|b)", r"(?<=a+)b", r"\cé", "(?<1>a)", "(?:", "(?", "(?<", r"\u12", r"\x1", r"[\d-z]", r"\a", r"\07", r"\8", "(?=a)*", "(?<=a)*",
]

_SCRIPT = """
const engine = p => { try { return new RegExp(p, 'u') } catch (e) { try { return new RegExp(p) } catch (e) { return null } } };
require('readline').createInterface({input: process.stdin}).on('line', line => {
  const [pattern, texts] = JSON.parse(line);
  const r = engine(pattern);
  console.log(JSON.stringify(r === null ? null : texts.map(t => r.test(t) ? 1 : 0).join('')));
});
"""


class Node:
    """One node process, which is asked about one pattern after another."""

    def __init__(self, program: str) -> None:
        self._process = subprocess.Popen(
            [program, "-e", _SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def ask(self, pattern: str, texts: list[str]) -> str | None:
        """A digit for each text, 1 where the pattern matches; None where it is no pattern."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([pattern, texts]) + "\n")
        self._process.stdin.flush()
        answer: str | None = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=20)
