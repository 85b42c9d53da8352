/**
 * The few pages that are made here: a frame, and text that cannot become markup.
 *
 * @module
 */

/** Text as HTML, also inside of quoted attributes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

/** @param page.body - HTML. */
export function htmlPage(page: {
  readonly title: string
  readonly style: string
  readonly body: string
}): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(page.title)}</title>
<link rel="stylesheet" href="${escapeHtml(page.style)}">
</head>
<body>
${page.body}
</body>
</html>
`
}

/** Colours and type of all of them: the system's own, with enough contrast in light and in dark. */
export const PAGE_STYLE: string = `:root { color-scheme: light dark; --line: light-dark(#d5d9e0, #3a404b);
  --soft: light-dark(#f3f5f8, #22262e); --quiet: light-dark(#4d5666, #a8b0bf); --accent: light-dark(#1f5fbf, #8ab8ff); }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 60rem; line-height: 1.5;
  font-family: system-ui, sans-serif; background: light-dark(#ffffff, #181b20); color: light-dark(#1b1f27, #e8ebf0); }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
code, .method { font-family: ui-monospace, monospace; font-size: .92em; }
`
