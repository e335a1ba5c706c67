/** The report's looks, in light and in dark. */
export const style = `
:root {
  --paper: #fdfdfc; --card: #ffffff; --ink: #1f2328; --soft: #656d76; --rule: #e3e5e8;
  --c1: #2563c9; --c2: #c2570c; --c3: #128064;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --card: #1b1f23; --ink: #e6e8ea; --soft: #9aa3ac; --rule: #2e343a;
    --c1: #6ea8fe; --c2: #f2994a; --c3: #4cc9a0;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem; }
p { margin: 0 0 1rem; color: var(--soft); }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: .75rem; margin: 1.5rem 0 0; }
.numbers div { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: .6rem .9rem; }
.numbers dt { color: var(--soft); font-size: .85rem; }
.numbers dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.gallery { display: flex; flex-wrap: wrap; gap: 1rem; }
.compare { max-width: 100%; padding: 0; border: 0; background: none; }
.compare figcaption { font-weight: 400; font-size: .85rem; color: var(--soft); margin: .25rem 0 0; overflow-wrap: anywhere; }
.compare b { font-weight: 600; color: var(--ink); }
.pair { --at: 50%; position: relative; border-radius: 6px; overflow: hidden; }
.pair img { width: 100%; height: auto; display: block; }
.pair.enlarged img { image-rendering: pixelated; }
.pair .reconstruction { position: absolute; inset: 0; height: 100%; clip-path: inset(0 0 0 var(--at)); }
.pair::after { content: ""; position: absolute; top: 0; bottom: 0; left: var(--at); width: 2px; margin-left: -1px; background: #fff; box-shadow: 0 0 3px #000; pointer-events: none; }
.pair input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: ew-resize; touch-action: pan-y; }
.pair:focus-within { outline: 3px solid var(--c1); outline-offset: 2px; }
.tag { position: absolute; bottom: 6px; padding: 0 .4em; border-radius: 4px; background: #000a; color: #fff; font-size: .75rem; pointer-events: none; }
.tag.left { left: 6px; } .tag.right { right: 6px; }
.enlarged .tag { display: none; }
.sounds { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(480px, 100%), 1fr)); gap: 1rem; }
.sounds figcaption { font-size: .85rem; overflow-wrap: anywhere; }
.sounds figcaption span { font-weight: 400; color: var(--soft); }
.soundPair { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; }
.sound span { font-size: .8rem; color: var(--soft); }
.sound img { width: 100%; height: 110px; display: block; border-radius: 4px; }
.sound audio { width: 100%; height: 32px; margin-top: .4rem; display: block; }
.codebook { max-width: 100%; height: auto; display: block; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 1rem; }
figure { margin: 0; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: .75rem .9rem; }
figcaption { font-weight: 600; margin-bottom: .25rem; }
svg { width: 100%; height: auto; display: block; }
svg .cursor { stroke: var(--soft); stroke-dasharray: 3 3; visibility: hidden; }
.reading svg .cursor { visibility: visible; }
.reader { display: block; width: 100%; margin: .5rem 0 0; accent-color: var(--soft); }
output { display: block; min-height: 1.5em; font-size: .85rem; color: var(--soft); font-variant-numeric: tabular-nums; }
.onlyNarrow { display: none; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg .label { fill: var(--ink); }
svg .grid { stroke: var(--rule); }
svg .axis { stroke: var(--soft); }
svg .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
svg .faint { opacity: .3; } svg .faint .line { stroke-width: 1; }
svg .area { opacity: .25; }
svg .line.c1 { stroke: var(--c1); } svg .line.c2 { stroke: var(--c2); } svg .line.c3 { stroke: var(--c3); }
svg .area.c1, svg .dot.c1 { fill: var(--c1); } svg .area.c2, svg .dot.c2 { fill: var(--c2); } svg .area.c3, svg .dot.c3 { fill: var(--c3); }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1rem; justify-content: center; font-size: .85rem; color: var(--soft); }
.key::before { content: ""; display: inline-block; width: 1.4em; height: 3px; margin-right: .4em; vertical-align: middle; border-radius: 2px; }
.key.c1::before { background: var(--c1); } .key.c2::before { background: var(--c2); } .key.c3::before { background: var(--c3); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--rule); }
td { font-variant-numeric: tabular-nums; }
thead th { font-size: .8rem; color: var(--soft); font-weight: 500; }
tbody th { font-weight: 500; white-space: nowrap; }
.explained td:last-child { color: var(--soft); }
details { margin: .75rem 0 0; }
summary { cursor: pointer; color: var(--soft); padding: .25rem 0; }
.empty { padding: 2rem; text-align: center; }
@media (max-width: 700px) {
  .onlyWide { display: none; } .onlyNarrow { display: block; }
  main { padding: 1.25rem 1rem 3rem; }
  h1 { font-size: 1.35rem; }
  .numbers { grid-template-columns: repeat(auto-fit, minmax(125px, 1fr)); gap: .5rem; }
  .numbers dd { font-size: 1.15rem; }
  figure { padding: .6rem .5rem; }
  svg text { font-size: 16px; }
  .soundPair { grid-template-columns: 1fr; }
  .explained tr { display: grid; grid-template-columns: 1fr 1fr; }
  .explained thead { display: none; }
  .explained th, .explained td { border: 0; padding: .15rem .5rem .15rem 0; white-space: normal; overflow-wrap: anywhere; }
  .explained td:last-child { grid-column: 1 / -1; font-size: .85rem; }
  .explained tr { border-bottom: 1px solid var(--rule); padding: .25rem 0; }
}
`;
