/**
 * The look of the report.
 *
 * @module
 */

/** Style sheet; no fonts or images of its own, so that the page needs nothing. */
export const REPORT_STYLE = `
:root{--ground:#f6f4ef;--card:#fffefb;--ink:#22252a;--muted:#6a6f76;--line:#e4e0d6;--accent:#1f6f6b;
--imported:#1f7a74;--duplicate:#8a6fb8;--sidecar:#c9a24a;--ignored:#b9bcc0;--failed:#c8473a;
--good-ground:#e4f1ec;--open-ground:#fbf1d8;--failed-ground:#fae6e2}
@media (prefers-color-scheme:dark){:root{--ground:#15171a;--card:#1e2125;--ink:#e8e6e1;--muted:#9aa0a7;--line:#31353a;
--accent:#5cc0b6;--imported:#4fb3a9;--duplicate:#a78fd6;--sidecar:#d9b866;--ignored:#666b72;--failed:#ea7a6c;
--good-ground:#1c322d;--open-ground:#383019;--failed-ground:#3c2320}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
-webkit-text-size-adjust:100%}
main{max-width:64rem;margin:0 auto;padding:2.5rem 1.25rem 3rem}
h1{font:600 2.4rem/1.15 ui-serif,Georgia,"Times New Roman",serif;margin:.1rem 0 .2rem}
h2{font-size:1.15rem;margin:0 0 .75rem}
h3{font-size:1rem;margin:0;overflow-wrap:anywhere}
p{margin:.2rem 0}
ul{list-style:none;margin:0;padding:0}
code{font:.86em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.muted{color:var(--muted);font-size:.9rem}
.eyebrow{color:var(--accent);font-weight:600;letter-spacing:.08em;text-transform:uppercase;font-size:.78rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.75rem;margin:1.5rem 0 0}
.tiles div,section{background:var(--card);border:1px solid var(--line);border-radius:14px}
.tiles div{padding:.9rem 1rem}
.tiles b{display:block;font:600 1.6rem/1.2 ui-serif,Georgia,"Times New Roman",serif;white-space:nowrap}
.tiles span{color:var(--muted);font-size:.85rem}
section{margin-top:1rem;padding:1.25rem}
.verdict{display:flex;gap:1rem;align-items:flex-start;border-color:transparent}
.verdict h2{margin:0}
.verdict .sign{flex:none;width:2.1rem;height:2.1rem;border-radius:50%;display:grid;place-items:center;color:var(--card);
font-weight:700;font-size:1.1rem}
.verdict.good{background:var(--good-ground)}.verdict.good .sign{background:var(--imported)}
.verdict.open{background:var(--open-ground)}.verdict.open .sign{background:var(--sidecar)}
.verdict.failed{background:var(--failed-ground)}.verdict.failed .sign{background:var(--failed)}
.legend,.counts{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;font-size:.88rem;color:var(--muted)}
.legend i{display:inline-block;width:.7rem;height:.7rem;border-radius:3px;margin-right:.4rem}
.export{padding:1rem 0;border-bottom:1px solid var(--line)}
.export:last-of-type{border:0;padding-bottom:0}
.stack{display:flex;gap:2px;height:.8rem;margin:.55rem 0;border-radius:99px;overflow:hidden;background:var(--line)}
.stack i{min-width:3px;flex-basis:0}
i.imported{background:var(--imported)}i.duplicate{background:var(--duplicate)}i.sidecar{background:var(--sidecar)}
i.ignored{background:var(--ignored)}i.failed{background:var(--failed)}
.counts b{color:var(--ink)}.counts b.failed{color:var(--failed)}
.note{border-left:3px solid var(--sidecar);padding-left:.6rem;font-size:.9rem;margin-top:.5rem;overflow-wrap:anywhere}
.timeline{margin:.75rem 0 .25rem}
.timeline svg{display:block;width:100%;height:150px;border-bottom:1px solid var(--line)}
.timeline rect{fill:var(--imported)}.timeline rect:hover{fill:var(--duplicate)}
.years{position:relative;overflow:hidden;height:1.5rem;font-size:.8rem;color:var(--muted)}
.years span{position:absolute;top:.2rem;border-left:1px solid var(--line);padding-left:.25rem}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));gap:1.5rem 2rem}
.meters{margin-top:.5rem}
.meters li{display:grid;grid-template-columns:1fr auto;gap:0 .75rem;padding:.3rem 0;font-size:.92rem}
.meters span{overflow-wrap:anywhere}
.meters i{grid-column:1/-1;height:.35rem;border-radius:99px;background:var(--imported);min-width:3px}
details{margin-top:1rem}summary{cursor:pointer;color:var(--accent);font-size:.92rem}
table{border-collapse:collapse;width:100%;font-size:.92rem;margin-top:.4rem}
td{padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
td.number{text-align:right;padding-right:0;white-space:nowrap}
.badge{font-size:.8rem;font-weight:500;color:var(--muted);background:var(--ground);border:1px solid var(--line);
border-radius:99px;padding:.1rem .6rem;margin-left:.3rem}
.cards li{display:flex;gap:.9rem;padding:.8rem 0;border-bottom:1px solid var(--line)}
.cards li:last-child{border:0;padding-bottom:0}
.cards.plain li{display:block}
.cards div{min-width:0;flex:1}
.path{font-weight:600;overflow-wrap:anywhere}
.cards p{overflow-wrap:anywhere}
.thumb{flex:none;width:4rem;height:4rem;object-fit:cover;border-radius:8px;background:var(--line)}
span.thumb{background:repeating-linear-gradient(135deg,var(--line) 0 6px,transparent 6px 12px);border:1px solid var(--line)}
dl{display:grid;grid-template-columns:auto 1fr;gap:.1rem .7rem;margin:.3rem 0;font-size:.92rem}
dt{color:var(--muted)}dd{margin:0;overflow-wrap:anywhere}
footer{margin-top:2rem;color:var(--muted);font-size:.85rem;text-align:center}
@media (max-width:30rem){main{padding:1.5rem .9rem 2rem}h1{font-size:2rem}section{padding:1rem}
.tiles{grid-template-columns:1fr 1fr;gap:.5rem}.thumb{width:3rem;height:3rem}.timeline svg{height:110px}
.years{font-size:.7rem}}
@media print{body{background:#fff}section,.tiles div{break-inside:avoid}}
`
