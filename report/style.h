#pragma once
// The look of report.html.

namespace baleen::report {

inline constexpr const char* kReportStyle = R"css(
:root { color-scheme: light dark; --page: #f6f7f9; --card: #ffffff; --text: #1b1f27; --quiet: #667085; --line: #e4e7ec;
  --s0: #2563eb; --s1: #1d4ed8; --s2: #ea580c; --warn: #b45309; }
@media (prefers-color-scheme: dark) { :root { --page: #101318; --card: #181c23; --text: #e6e9ee; --quiet: #98a2b3;
  --line: #2a303a; --s0: #60a5fa; --s1: #93c5fd; --s2: #fb923c; --warn: #fbbf24; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 2rem clamp(1rem, 4vw, 3rem); background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 1240px; margin: auto; }
h1 { font-size: 1.7rem; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 1.05rem; margin: 2.2rem 0 0.8rem; }
p.state { color: var(--quiet); margin: 0.2rem 0 1.4rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 0.8rem; }
.card, figure, table, pre { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.card { padding: 0.7rem 1rem; }
.card b { display: block; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.card span, figcaption span { color: var(--quiet); font-size: 0.85rem; font-weight: 400; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 0.8rem; }
figure { margin: 0; padding: 0.8rem 1rem 0.4rem; }
figcaption { font-weight: 600; display: flex; gap: 1rem; align-items: baseline; flex-wrap: wrap; }
figcaption i { display: inline-block; width: 0.9em; height: 3px; border-radius: 2px; margin-right: 0.35em;
  vertical-align: middle; }
svg { width: 100%; height: auto; display: block; }
svg path { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
svg path.faint { stroke-width: 1; opacity: 0.4; }
.s0 { stroke: var(--s0); } .s1 { stroke: var(--s1); } .s2 { stroke: var(--s2); }
circle.s0 { fill: var(--s0); } circle.s1 { fill: var(--s1); } circle.s2 { fill: var(--s2); }
.grid { stroke: var(--line); stroke-width: 1; }
.tick { fill: var(--quiet); font-size: 12px; font-variant-numeric: tabular-nums; }
.guide { fill: var(--text); fill-opacity: 0; }
.guide:hover { fill-opacity: 0.12; }
.timeline .box { stroke: var(--card); stroke-width: 0.6; }
.timeline .in { fill: #10131a; font-size: 12px; font-weight: 600; pointer-events: none; }
.timeline .head { fill: var(--text); font-size: 13px; font-weight: 600; }
.timeline .grid { stroke-dasharray: 2 3; }
.wide { margin-bottom: 0.8rem; overflow-x: auto; } .wide svg { min-width: 760px; }
.wide figcaption { margin-bottom: 0.6rem; }
figcaption i.swatch { height: 0.9em; }
.fwd { fill: #56b4e9; background: #56b4e9; } .bwd { fill: #e69f00; background: #e69f00; }
.wgt { fill: #009e73; background: #009e73; } .upd { fill: #cc79a7; background: #cc79a7; }
.data { fill: #f0e442; background: #f0e442; } .rest { fill: #8a94a6; background: #8a94a6; }
.pipe { fill: #56617a; background: #56617a; } .gath { fill: #0072b2; background: #0072b2; }
.sums { fill: #d55e00; background: #d55e00; } .tens { fill: #7a2a8c; background: #7a2a8c; }
.scal { fill: #a6761d; background: #a6761d; }
.more { opacity: 0.55; } .track { fill: var(--line); background: var(--line); } .wait { fill: var(--line); opacity: 0.85; }
table.times td, table.times th { width: auto; padding: 0.25rem 0.5rem; text-align: right; font-size: 0.8rem;
  font-variant-numeric: tabular-nums; }
table.times td { white-space: nowrap; } table.times th { white-space: normal; overflow-wrap: normal; }
table { width: 100%; border-collapse: separate; border-spacing: 0; overflow: hidden; }
td { padding: 0.3rem 1rem; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
tr:first-child td { border-top: 0; }
td:first-child { color: var(--quiet); width: 13rem; white-space: nowrap; }
.tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 0.8rem;
  align-items: start; }
pre { padding: 0.8rem 1rem; margin: 0; white-space: pre-wrap; overflow-wrap: anywhere;
  font: 13px/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
p.step { color: var(--quiet); margin: 0.9rem 0 0.3rem; font-size: 0.85rem; }
ul.notes { color: var(--warn); padding-left: 1.2rem; margin: 0; }
details { margin-top: 0.8rem; } summary { cursor: pointer; color: var(--quiet); margin-bottom: 0.5rem; }
footer { color: var(--quiet); font-size: 0.85rem; margin-top: 2.5rem; }
)css";

}  // namespace baleen::report
