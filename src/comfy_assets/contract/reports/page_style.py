"""How the HTML page looks: by eye, on paper, in the dark, and without colours."""

from __future__ import annotations

from comfy_assets.contract import verdicts

#: A sign for each verdict, for those who see no colours; in the order of the bar.
SIGNS = {
    verdicts.VIOLATED: "✗",
    verdicts.INTERMITTENT: "≈",
    verdicts.CHECKER_ERROR: "!",
    verdicts.NOT_CHECKED: "?",
    verdicts.ACCEPTED: "~",
    verdicts.OBSERVED_ONLY: "·",
    verdicts.NOT_APPLICABLE: "–",
    verdicts.PASSED: "✓",
}

STYLE = """
:root{--ink:#1d2430;--soft:#5b6675;--line:#dde2e8;--paper:#fff;--card:#f7f8fa;
--violated:#b3261e;--intermittent:#8e3fae;--not-checked:#9a6700;--passed:#1a7f43;--observed:#1c6e8c;
--not-applicable:#9aa4b1;--accepted:#7a6a2f}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa5b4;--line:#333c48;--paper:#14181f;--card:#1c222b;
--violated:#ff8a80;--intermittent:#d79af2;--not-checked:#e3b341;--passed:#56d38a;--observed:#6cc3e0;
--not-applicable:#6b7685;--accepted:#c8b666}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:68rem;margin:0 auto;padding:2rem 1.25rem 4rem}
h1{font-size:1.7rem;margin:0}h2{margin:2.5rem 0 .75rem;font-size:1.25rem}
h3{margin:0;font-size:1.05rem}
.lead{color:var(--soft);margin:.2rem 0 1.5rem;overflow-wrap:anywhere}
.verdict{border:1px solid var(--line);border-left:6px solid var(--not-checked);background:var(--card);
padding:1rem 1.25rem;border-radius:6px;margin-bottom:1rem}
.verdict.good{border-left-color:var(--passed)}.verdict.bad{border-left-color:var(--violated)}
.verdict>p:first-child{font-size:1.15rem;margin:0 0 .75rem;overflow-wrap:anywhere}
.bar{display:flex;height:.8rem;border-radius:4px;overflow:hidden;background:var(--line)}
.bar span,.dot{background:var(--not-applicable)}
.dot{display:inline-block;width:.7em;height:.7em;border-radius:50%;margin-right:.35em}
.bar .violated,.dot.violated{background:var(--violated)}.bar .passed,.dot.passed{background:var(--passed)}
.bar .not-checked,.dot.not-checked,.bar .checker-error,.dot.checker-error{background:var(--not-checked)}
.bar .intermittent,.dot.intermittent{background:var(--intermittent)}
.bar .observed,.dot.observed{background:var(--observed)}.bar .accepted,.dot.accepted{background:var(--accepted)}
.index{margin:1rem 0 0;padding-left:1.6rem;columns:22rem;font-size:.9rem;color:var(--soft);overflow-wrap:anywhere}
.index a{color:var(--violated)}
.legend,.facts{color:var(--soft);font-size:.9rem;margin:.5rem 0 0}
article{border:1px solid var(--line);border-left:6px solid var(--violated);border-radius:6px;padding:1rem 1.25rem;
margin:0 0 1rem;scroll-margin-top:1rem;overflow-wrap:anywhere}
article.accepted{border-left-color:var(--accepted)}article.intermittent{border-left-color:var(--intermittent)}
.tags{margin:.2rem 0 .6rem;color:var(--soft);font-size:.9rem}.tags .state{color:var(--violated);font-weight:600}
.print{opacity:.7}
dl{display:grid;grid-template-columns:9.5rem 1fr;gap:.25rem 1rem;margin:0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
pre{background:var(--card);border:1px solid var(--line);border-radius:4px;padding:.6rem .8rem;font-size:.82rem;
white-space:pre-wrap;overflow-wrap:anywhere;margin:.75rem 0 0}
code{font:.88em ui-monospace,monospace}
.under{margin:.75rem 0 0;color:var(--soft)}article ul{margin:.2rem 0 0}
summary{cursor:pointer}article details{margin-top:.75rem;color:var(--soft)}
th{overflow-wrap:anywhere}table{border-collapse:collapse;width:100%;font-size:.93rem}
td,th{text-align:left;vertical-align:top;padding:.4rem .7rem .4rem 0;border-bottom:1px solid var(--line)}
td p{margin:.4rem 0;color:var(--soft)}td code{color:var(--soft)}
tr.group th{padding-top:1.4rem;font-size:1rem}
td small{display:block;color:var(--soft);font-weight:400;max-width:24rem;overflow-wrap:anywhere}
td.level{color:var(--soft)}
td.violated,td.violated a{color:var(--violated);font-weight:600}td.passed{color:var(--passed)}
td.not-checked,td.checker-error{color:var(--not-checked);font-weight:600}td.intermittent a{color:var(--intermittent)}
td.observed{color:var(--observed)}td.not-applicable{color:var(--not-applicable)}
.made{margin-top:2rem}.made ul{columns:2;font-size:.85rem}
footer{margin-top:3rem;color:var(--soft);font-size:.85rem}
@media(max-width:40rem){dl{grid-template-columns:1fr}dt{margin-top:.4rem}.made ul{columns:1}
table,tbody{display:block}thead{display:none}tr,td,tr.group th{display:block;border:0;padding:.1rem 0}
tr{border-bottom:1px solid var(--line);padding:.5rem 0}td[data-run]::before{content:attr(data-run);display:block;font-weight:400;font-size:.85rem;
color:var(--soft)}}
"""
