/**
 * The frame of the pages that autotag writes: one file, no script, no network.
 *
 * @module
 */

import { REPORT_STYLE } from '../../library/report-style.ts'

/** `body` is markup; whoever makes it escapes what comes from the server. */
export function autotagPage(title: string, style: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${REPORT_STYLE}.wide{overflow-x:auto}${style}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`
}
