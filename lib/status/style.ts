import { Html } from './html.js'

/** The page's whole style: no font, script or picture is fetched. */
export const style = new Html(`
:root {
  color-scheme: light dark;
  --text: #1d2329; --soft: #5b6670; --line: #dde2e6; --page: #fafbfc; --card: #fff;
  --link: #0b57b0; --good: #16713b; --bad: #b3261e; --warn: #8a5300; --warn-page: #fff6e0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e4e8eb; --soft: #9aa5ae; --line: #333b42; --page: #14181b; --card: #1b2024;
    --link: #8ab8f5; --good: #6fcf97; --bad: #ff8a80; --warn: #f0c060; --warn-page: #332a12;
  }
}
* { box-sizing: border-box }
body {
  margin: 0 auto; max-width: 76rem; padding: 1.25rem 1rem 3rem;
  font: 15px/1.45 system-ui, sans-serif; color: var(--text); background: var(--page);
}
a { color: var(--link) }
h1 { font-size: 1.35rem; margin: 0 }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem }
h2 small, .soft, time { color: var(--soft); font-weight: normal }
p { margin: .25rem 0 }
.state { font-weight: 600 }
.good { color: var(--good) } .bad { color: var(--bad) } .warn { color: var(--warn) }
.notes { margin: 1rem 0 0; padding: .6rem .9rem; list-style: none; background: var(--warn-page);
  border-left: 4px solid var(--warn); border-radius: 4px }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr)); gap: .75rem; margin: 1.1rem 0 0 }
.figures div { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .9rem }
.figures b { font-size: 1.3rem; margin-right: .35rem }
table { width: 100%; border-collapse: collapse; background: var(--card); border: 1px solid var(--line) }
th, td { text-align: left; vertical-align: top; padding: .45rem .75rem; border-top: 1px solid var(--line) }
th { font-size: .82rem; color: var(--soft); font-weight: 600; border-top: 0; white-space: nowrap }
td { overflow-wrap: anywhere }
.words { white-space: pre-line }
.small { font-size: .85rem; color: var(--soft) }
.lead { margin-top: 1.5rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.25rem; margin: 0 }
dt { color: var(--soft) } dd { margin: 0 }
@media (min-width: 44rem) {
  table { table-layout: fixed }
  .line, time { display: block }
  header time { display: inline }
  .of-4 :is(td, th):nth-child(1) { width: 24% }
  .of-4 :is(td, th):nth-child(2) { width: 15% }
  .of-4 :is(td, th):nth-child(4) { width: 25% }
  .of-3 :is(td, th):nth-child(1) { width: 34% }
  .of-3 :is(td, th):nth-child(2) { width: 20% }
}
@media (max-width: 44rem) {
  table, tbody, tr, td { display: block }
  thead { display: none }
  tr { padding: .5rem 0; border-top: 1px solid var(--line) }
  tr:first-child { border-top: 0 }
  .phase::after { content: ',' }
  .took::before { content: 'took ' }
  td { border: 0; padding: .12rem .75rem }
}
`)
