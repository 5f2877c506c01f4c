"""JSON values for shop.yaml: for each limit of each model some that keep it and some that break it."""

from __future__ import annotations

from typing import Any

LINE = {"sku": "AB-1234", "count": 3, "price": 9.99}
CUSTOMER = {"name": "Ada", "number": 7, "born": "1815-12-10"}
ORDER = {"lines": [LINE], "customer": CUSTOMER, "placed": "2026-11-23T18:00:00Z"}

#: One valid object of each model, with the required members only.
LEAST: dict[str, dict[str, Any]] = {
    "Order": ORDER,
    "Line": LINE,
    "Customer": CUSTOMER,
    "Person": {"name": "Ada"},
    "Address": {"street": "Mill Lane"},
    "Part": {"name": "bolt"},
    "Receipt": {"order": ORDER, "total": 0.01, "taken": "2026-11-23T18:00:00.5+02:00"},
    "Problem": {"code": "SOLD_OUT"},
    "OrderPointsItem": {"x": 1},
    "OrderPaymentType0": {"card": "1234"},
    "LineGift": {"to": "Bob"},
}

_UUID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
_TEXT: tuple[list[object], list[object]] = (["", "x", "\U0001f600", "a\nb"], [1, None, True, [], {}, 1.5])

#: model -> member -> values that keep to the contract, values that break it
VALUES: dict[str, dict[str, tuple[list[Any], list[Any]]]] = {
    "Order": {
        "lines": ([[LINE], [LINE] * 3], [[], [LINE] * 4, [None], [{}], [{**LINE, "count": 4}], None, {}, "x"]),
        "customer": (
            [CUSTOMER, {**CUSTOMER, "more": 1}],
            [None, {}, {**CUSTOMER, "name": "Adele"}, {**CUSTOMER, "born": "1815-13-10"}, {"name": "Ada"}],
        ),
        "placed": (
            ["2026-11-23T18:00:00Z", "2026-11-23t18:00:00z", "2026-11-23T18:00:00.123456789+05:30",
             "2016-12-31T23:59:60Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"],
            ["2026-11-23T18:00:00", "2026-11-23 18:00:00Z", "2026-02-30T00:00:00Z", "2026-11-23T24:00:00Z",
             "2026-11-23T18:00:60Z", "yesterday", "", 5, None, "2026-11-23T18:00:00+24:00", "2026-11-23T18:00:00+0530",
             "2026-11-23T18:00:00+05", "2026-11-23T18:00:00Z\n"],
        ),
        "ship_to": ([None, {"street": "x"}, {"street": "x", "town": "y"}], [{}, {"street": ""}, {"street": "x", "zip": 1}, 5]),
        "note": ([None, "", "0123456789", "\U0001f600" * 10], ["01234567890", 5, "\U0001f600" * 11]),
        "priority": ([0, 5, 8], [-1, 9, 10**30, 1.5, "5", True, None]),
        "ratio": ([0, -1.5, 1e300, 10**400], ["1", None, True]),
        "express": ([True, False], [0, 1, "true", None]),
        "favourite": (["red", "dark-red", "dark_red", "", "100%", "None", "line\nbreak", 'quote"', "\u202etxet"], ["Red", None, 0, "linebreak"]),
        "opened": (["2020-02-29", "0000-02-29", "9999-12-31"], ["2021-02-29", "20200229", "2020-2-9", "2020-02-29T00:00:00Z", None, 5]),
        "voucher": ([_UUID, _UUID.upper()], [_UUID.replace("-", ""), f"{{{_UUID}}}", "", None, 5, _UUID + "\n"]),
        "homepage": (
            ["https://a.example/b?c#d", "urn:x:y", "http://[::1]:80/", "a:", "mailto:a@b.c", "http://a@b:1/%20"],
            ["a", "//a", "http://a b", "http://é", "http://[::g]", "http://a/[", "http://%zz", "1a:b", "https://a.example/0123456789abcdef", None],
        ),
        "tags": ([[], ["a"], ["a", "b", "A"]], [["a", "a"], [""], ["123456789"], [None], "a", {}, None]),
        "matrix": ([[], [[1, 2]], [[1, 2], [-3, 0]]], [[[1]], [[1, 2, 3]], [[1, "2"]], [1], [[1, True]]]),
        "points": ([[], [{"x": 1}, {"x": 2}], [{"x": 1}, {"x": 1, "y": 1}]], [[{"x": 1}, {"x": 1.0}], [{}], [{"x": "1"}], [{"x": True}]]),
        "stock": ([{"a": 0}, {"a": 1, "b": 2, "c": 3}], [{}, {"a": -1}, {"a": 1.5}, {"a": 1, "b": 1, "c": 1, "d": 1}, {"a": None}, []]),
        "free": ([{}, {"a": [None, {"b": 1.5}]}], [None, [], "x"]),
        "anything": ([None, 1, "x", [], {}, True, [{"a": None}]], []),
        "payment": ([{"card": "1234"}, {"cash": True}, {"card": "1", "cash": True}], [{}, {"card": "1"}, {"card": "1234", "cash": True}, None]),
        "number_or_word": ([10, 99, "abc", "ABC"], [9, "aB", "", None, 10.5, True, "a\n"]),
        "either": ([2, 3, 4, 9], [6, 1, 12, 0, "2", 2.5]),
        "limited": (["a", "abcd", "xyz", "az"], ["b", "abcde", "", "az\nb5", 5]),
        "flag": ([True], [False, 1, "true", None]),
        "level": ([0.5, 1, 2], [0, 3, True, "1", None, [1]]),
        "parts": ([[], [{"name": "a", "parts": [{"name": "b"}]}]], [[{}], [{"name": "a", "parts": [{}]}], [{"name": 1}]]),
        **dict.fromkeys(("class", "from", "def", "self", "None", "hash", "list", "type", "str", "datetime", "types", "models", "field", "properties", "additional_properties", "further", "check", "to_dict", "$ref-like", "fooBar", "foo_bar", "_private", "1st"), _TEXT),
    },
    "Line": {
        "sku": (["AB-1234"], ["ab-1234", "AB-12345", "AB-1234\n", "AB-١٢٣٤", "", None]),
        "count": ([3, 6, 2147483646], [0, 1, 4, -3, 2147483649, 3.5, "3", True]),
        "price": ([0.01, 19.99, 4.35, 100000, 1], [0, -1, 0.001, 100000.01, "1", None, 1e-9, True]),
        "discount": ([0, 99.999], [100, -0.001, 101]),
        "grade": ([1, 2, -3], [0, 3, "1", True, 1.5]),
        "colour": (["red"], ["blue", None]),
        "gift": ([{"to": "x"}, {"to": "x", "wrap": "box"}], [{}, {"to": "x", "wrap": "bag"}, {"to": None}, None]),
    },
    "Customer": {
        "name": (["Al", "Adam"], ["A", "Adams", None]),
        "number": ([-(2**63), 2**63 - 1, 0], [2**63, -(2**63) - 1, 1.5, "1", True]),
        "born": (["1815-12-10"], ["1815", None]),
        "rating": (["good", "bad", None], ["", "fine", 0]),
        "address": ([{"street": "x"}], [{"street": "x", "further": 1}, None]),
    },
    "Person": {"name": (["Al", "Adele"], ["A", "Adeles"])},
    "Address": {"street": (["x"], ["", None]), "town": (["y"], [5])},
    "Part": {
        "parts": ([[{"name": "a"}] * 3], [[{"name": "a", "b": 1, "c": 1, "d": 1, "e": 1}]]),
        "spare": ([{"name": "a", "spare": {"name": "b"}}], [{"name": "a", "spare": {"name": 5}}, None]),
    },
    "Receipt": {
        "order": ([ORDER], [{**ORDER, "lines": []}]),
        "total": ([0.01], [0, 0.005]),
        "later": (["2026-11-23T18:00:00Z"], ["soon", 5, None]),
    },
    "Problem": {"details": ([[], [1, None, {"a": []}]], ["x", None])},
    "OrderPaymentType0": {"card": (["0000"], ["00000", "٠٠٠٠"])},
    "LineGift": {"wrap": (["paper", "box"], ["", "PAPER", None])},
}  # fmt: skip
